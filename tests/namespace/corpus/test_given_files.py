"""Names with vectors as files have them: arrays, Parquet columns, whole folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.encoders.minilm import load as load_minilm
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.given_files import NamesWithVectors, read_given
from namebasis.space import open_space
from tests.test_cli import run

NAMES = ["Vicki Lawrence", "Winona", "Zoe\u0308", "  King ", "Winona", ""]
CLEAN = ["Vicki Lawrence", "Winona", "Zoë", "King"]


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)


def units(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def assert_averaged(read: NamesWithVectors, rows: np.ndarray) -> None:
    """The four names, with the rows of Winona averaged and the empty one left out."""
    assert read.names.strings == CLEAN
    winona = units(units(rows)[1] + units(rows)[4])
    expected = np.stack([units(rows)[0], winona, units(rows)[2], units(rows)[3]])
    np.testing.assert_allclose(read.vectors.encode_names(CLEAN, "{}"), expected, atol=1e-6)
    assert "1 rows repeat a name; the vectors of a name are averaged" in read.notes
    assert "1 of 6 rows hold no name; left out" in read.notes


def csv(path: Path) -> Path:
    lines = ["id,full_name,fame", *(f"{i},{name},{i * 2}" for i, name in enumerate(NAMES))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["npy", "npz", "folder"])
def test_a_table_and_an_array(form: str, rows: np.ndarray, tmp_path: Path) -> None:
    vectors = tmp_path / f"v.{form}"
    if form == "npy":
        np.save(vectors, rows)
    elif form == "npz":
        np.savez(vectors, rows)
    else:  # in order of their numbers, not of their letters
        vectors.mkdir()
        for at, part in ((9, rows[:4]), (10, rows[4:])):
            np.save(vectors / f"text_emb_{at}.npy", part)
    assert_averaged(read_given(csv(tmp_path / "n.csv"), vectors), rows)


def test_own_columns_stay(rows: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", rows)
    read = read_given(csv(tmp_path / "n.csv"), tmp_path / "v.npy")
    assert read.names.table["fame"].to_pylist()[0] == 0
    assert "fame" in read.names.own_columns


def test_a_text_of_names(rows: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", rows[:5].astype(np.float16))
    (tmp_path / "n.txt").write_text("\n".join(NAMES), encoding="utf-8")
    read = read_given(tmp_path / "n.txt", tmp_path / "v.npy")
    assert read.names.strings == CLEAN
    got = read.vectors.encode_names(["King"], "{}")[0]
    np.testing.assert_allclose(got, units(rows[3].astype(np.float16).astype(np.float32)), atol=1e-6)


def table(rows: np.ndarray, kind: str = "list") -> pa.Table:
    values = pa.array(rows.reshape(-1))
    vectors = (
        pa.FixedSizeListArray.from_arrays(values, rows.shape[1])
        if kind == "fixed"
        else pa.array(rows.tolist(), pa.list_(pa.float64()))
    )
    return pa.table({"id": [f"x{i}" for i in range(6)], "name": NAMES, "embedding": vectors})


@pytest.mark.parametrize("kind", ["list", "fixed"])
@pytest.mark.parametrize("layout", ["file", "shards", "clip-retrieval", "datasets"])
def test_a_table_with_its_vectors(kind: str, layout: str, rows: np.ndarray, tmp_path: Path) -> None:
    whole = table(rows, kind)
    if layout == "file":
        source = tmp_path / "n.parquet"
        pq.write_table(whole, source)
    else:
        source = tmp_path / "n"
        inner = source / "metadata" if layout == "clip-retrieval" else source
        inner.mkdir(parents=True)
        for at, part in ((9, whole.slice(0, 4)), (10, whole.slice(4))):
            if layout == "datasets":
                name = inner / f"data-{at:05d}-of-00011.arrow"
                with pa.OSFile(str(name), "wb") as sink, pa.ipc.new_stream(sink, whole.schema) as w:
                    w.write_table(part)
            else:
                pq.write_table(part, inner / f"metadata_{at}.parquet")
    assert_averaged(read_given(source, "embedding"), rows)


def test_clip_retrieval_s_folder(rows: np.ndarray, tmp_path: Path) -> None:
    meta = pa.table({"image_path": [f"/data/{i:09d}" for i in range(6)], "caption": NAMES})
    (tmp_path / "metadata").mkdir()
    pq.write_table(meta, tmp_path / "metadata" / "metadata_0.parquet")
    (tmp_path / "text_emb").mkdir()
    np.save(tmp_path / "text_emb" / "text_emb_0.npy", rows)
    assert_averaged(read_given(tmp_path, tmp_path / "text_emb", column="caption"), rows)
    with pytest.raises(CorpusError, match=r"neither a \.npy .* has \S+text_emb\.$"):
        read_given(tmp_path, "embedding", column="caption")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda r: r[:5], r"v\.npy has 5 vectors, \S+n\.csv has 6 rows of names"),
        (lambda r: np.array([object()] * 6), r"v\.npy.* pickle, which is never loaded"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    make: object, message: str, rows: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "v.npy", make(rows), allow_pickle=True)  # type: ignore[operator]
    with pytest.raises(CorpusError, match=message):
        read_given(csv(tmp_path / "n.csv"), tmp_path / "v.npy")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1.0], [2.0], [3.0], [1.0, 2.0], [1.0], [1.0]]), "vectors of 1 to 2 numbers"),
        (pa.array([[1.0], None, [3.0], [1.0], [1.0], [1.0]]), "no vector in 1 of 6 rows"),
        (pa.array([["a"]] * 6), "holds no vectors but list"),
    ],
)
def test_columns_that_are_no_vectors_are_refused(
    column: pa.Array, message: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"name": NAMES, "embedding": column}), tmp_path / "n.parquet")
    with pytest.raises(CorpusError, match=message):
        read_given(tmp_path / "n.parquet", "embedding")


def test_the_command_line(rows: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", rows)
    csv(tmp_path / "n.csv")
    done = run("build", "a.space", "n.csv", "--vectors", "v.npy", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 names by vectors:" in done.stderr
    done = run("nearest", "a.space", "Winona", "-k", "1", "--where", "fame >= 0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("nearest", "a.space", "a senior lady", cwd=tmp_path)
    assert done.returncode == 1
    assert "made of given vectors and has no encoder" in done.stderr
    (tmp_path / "more.txt").write_text("Later\n", encoding="utf-8")
    np.save(tmp_path / "w.npy", rows[5:])
    done = run("add", "a.space", "more.txt", "--vectors", "w.npy", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(open_space(tmp_path / "a.space")) == 5
    (tmp_path / "i.csv").write_text("file_name,name\na.jpg,Winona\nb.jpg,King\n")
    np.save(tmp_path / "i.npy", rows[:2])
    done = run("add", "a.space", "--images", "i.csv", "--vectors", "i.npy", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    seen = open_space(tmp_path / "a.space").nearest(rows[1], k=1, view="image")
    assert seen.names == ("King",)
    both = ("add", "a.space", "more.txt", "--images", "i.csv", "--vectors", "i.npy")
    assert "--vectors are of names or of --images" in run(*both, cwd=tmp_path).stderr


@pytest.mark.long
def test_an_encoder_that_the_vectors_are_not_of_is_doubted(tmp_path: Path) -> None:
    names = ["Vicki", "Winona", "Giulia", "Hiroshi", "Lars", "Olga", "Priya", "Fatima"]
    (tmp_path / "n.txt").write_text("\n".join(names), encoding="utf-8")
    encoder = load_minilm("", revision=None, device="cpu", dtype="float32")
    own = encoder.encode_names(names, "a photo of {}")
    for rows, says in ((own, "find 100 % of the names"), (np.roll(own, 1, axis=0), "hardly of")):
        np.save(tmp_path / "v.npy", rows)
        command = ("build", "a.space", "n.txt", "--vectors", "v.npy", "--encoder", "minilm")
        done = run(*command, "--overwrite", "-q", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert says in done.stderr


def saved_set(folder: Path, rows: np.ndarray, **state: object) -> Path:
    """A data set as ``save_to_disk`` lays it out, with what a later map left beside it."""
    folder.mkdir(parents=True)
    for name, content in (("data-00000-of-00001", rows), ("cache-5f3a9c", rows[::-1])):
        held = table(content)
        file = str(folder / f"{name}.arrow")
        with pa.OSFile(file, "wb") as sink, pa.ipc.new_stream(sink, held.schema) as writer:
            writer.write_table(held)
    listed = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], **state}
    (folder / "state.json").write_text(json.dumps(listed))
    return folder


@pytest.mark.parametrize("has_state", [True, False])
def test_caches_beside_a_saved_data_set_are_none_of_it(
    has_state: bool, rows: np.ndarray, tmp_path: Path
) -> None:
    folder = saved_set(tmp_path / "set", rows)
    if not has_state:
        (folder / "state.json").unlink()
    assert_averaged(read_given(folder, "embedding"), rows)


def test_a_saved_data_set_that_is_no_plain_table_is_refused(
    rows: np.ndarray, tmp_path: Path
) -> None:
    saved_set(tmp_path / "both" / "train", rows)
    with pytest.raises(CorpusError, match=r"holds the splits train .* give one of them: .*train"):
        read_given(tmp_path / "both", "embedding")
    shuffled = saved_set(tmp_path / "shuffled", rows, _indices_data_files=[{"filename": "i.arrow"}])
    with pytest.raises(CorpusError, match=r"in another order than its files.*flatten_indices"):
        read_given(shuffled, "embedding")
    (tmp_path / "both" / "train" / "data-00000-of-00001.arrow").unlink()
    with pytest.raises(CorpusError, match=r"00001\.arrow, which its state\.json lists"):
        read_given(tmp_path / "both" / "train", "embedding")


def test_a_folder_of_arrays_takes_rows_alone(rows: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "arrays"
    folder.mkdir()
    for at, part in enumerate(np.array_split(rows, 2)):
        np.save(folder / f"emb_{at}.npy", part)
    (folder / "._emb_0.npy").write_bytes(b"\0\5\x16\7")  # as macOS writes on foreign disks
    assert_averaged(read_given(csv(tmp_path / "names.csv"), folder), rows)
    np.save(folder / "ids.npy", np.arange(len(rows)))
    with pytest.raises(CorpusError, match=r"ids.npy|emb_0.npy has the shape .* equal width"):
        read_given(csv(tmp_path / "names.csv"), folder)


def test_other_files_of_vectors_are_told_the_step(rows: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "v.pt").write_bytes(b"PK")
    with pytest.raises(CorpusError, match=r"is neither a .npy .* Save the array with numpy.save"):
        read_given(csv(tmp_path / "names.csv"), tmp_path / "v.pt")
