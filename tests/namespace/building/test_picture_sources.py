"""Pictures added by ready vectors, and names that come with pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.encoders.thumbnails import thumbnail
from namebasis.errors import EncoderError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.pictures import ready
from namebasis.space import Space
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import corpus

DIM = 16


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    place = tmp_path_factory.mktemp("ready") / "a.space"
    return build_space(corpus(), place, encoder=Seeing())  # type: ignore[arg-type]


@pytest.fixture
def space(built: Space, tmp_path: Path) -> Space:
    shutil.copytree(built.path, tmp_path / "a.space")
    return Space(tmp_path / "a.space")


def clip_retrieval(folder: Path, parts: list[tuple[np.ndarray, dict[str, list[Any]]]]) -> Path:
    """A folder as `clip-retrieval inference` writes it."""
    for name in ("img_emb", "metadata"):
        (folder / name).mkdir(parents=True)
    for at, (vectors, columns) in enumerate(parts):
        np.save(folder / "img_emb" / f"img_emb_{at}.npy", vectors)
        pq.write_table(pa.table(columns), folder / "metadata" / f"metadata_{at}.parquet")
    return folder


def drawn(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float16)


def units(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1, 2, 16_384])
def test_ready_vectors_are_taken_in_blocks(
    block: int, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "BLOCK", block)
    first, second = drawn(3), drawn(3, seed=1)
    second[1] = 0
    source = clip_retrieval(
        tmp_path / "embeddings",
        [
            (first, {"image_path": ["000", "001", "002"], "caption": ["Vicki", "zoe", "a street"],
                     "url": ["https://a/0.jpg", "https://a/1.jpg", "https://a/2.jpg"]}),
            (second, {"image_path": ["003", "004", "005"], "caption": ["Vicki", "Vicki", None],
                      "url": ["https://b/3.jpg", None, "d"]}),
        ],
    )  # fmt: skip
    grown, added = space.add_images(source, encoder="seeing")
    assert (added.n_added, added.n_names, added.n_skipped) == (3, 2, 2)
    assert added.skipped == ("a street",)
    assert [(one.path, one.reason) for one in added.failures] == [
        ("004", "its vector is 0 or not finite")
    ]
    assert added.remarks == ("column 'caption' names the pictures",)
    rows = grown.vectors("image", ids=[grown.find("Vicki"), grown.find("Zoë")])
    vicki = units(first[:1])[0] + units(second[:1])[0]
    expected = [vicki / np.linalg.norm(vicki), units(first)[1]]
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    pictures = grown.pictures()
    assert pictures.table(["path", "label"]).to_pylist()[2] == {
        "path": "https://b/3.jpg", "label": "Vicki",
    }  # fmt: skip
    again, known = grown.add_images(source, encoder="seeing", unmatched="keep")
    assert (known.n_added, known.n_known, len(again.pictures())) == (2, 3, 5)


def test_paths_say_whose_a_picture_is_where_no_column_does(space: Space, tmp_path: Path) -> None:
    paths = ["/data/train/Vicki/1.jpg", "C:\\p\\zoe_02.jpg", "/data/val/Nobody Here/3.jpg"]
    source = clip_retrieval(tmp_path / "e", [(drawn(3), {"image_path": paths})])
    grown, added = space.add_images(tmp_path / "e", encoder="seeing")
    assert (added.n_names, added.skipped) == (2, ("Nobody Here",))
    assert source.is_dir()
    assert added.remarks == ("the folders and files of column 'image_path' name the pictures",)
    counts = grown.table(["name"], where="n_images > 0")["name"].to_pylist()
    assert set(counts) == {"Vicki", "Zoë"}


def test_vectors_of_another_encoder_are_never_mixed(space: Space, tmp_path: Path) -> None:
    names = {"image_path": ["1", "2"], "name": ["Vicki", "Vicki"]}
    source = clip_retrieval(tmp_path / "a", [(drawn(2), names)])
    with pytest.raises(EncoderError, match=r"does not say which encoder .* with --encoder seeing "):
        space.add_images(source)
    with pytest.raises(EncoderError, match=r"minilm reads no images"):
        space.add_images(source, encoder="minilm")
    wide = clip_retrieval(tmp_path / "b", [(np.ones((2, 8), np.float16), names)])
    with pytest.raises(EncoderError, match=r"vectors have 8 numbers, those of .* have 16, so"):
        space.add_images(wide, encoder="seeing")
    assert "image" not in Space(space.path).views


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("short", r"img_emb_1\.npy has 2 vectors, metadata_1\.parquet 3 rows; there must be one"),
        ("alone", r"img_emb_1\.npy has no metadata of the same number in .*metadata; there must"),
        ("width", r"its vectors have different widths \(img_emb_1\.npy 8, img_emb_0\.npy 16\)"),
        ("cut", r"img_emb_1\.npy: its header says \(3, 16\) float16, 96 bytes, and 90 follow"),
        ("kind", r"img_emb_1\.npy: vectors must be floats of shape \(n, width\); got int64"),
        ("pickle", r"img_emb_1\.npy: it holds a pickle, which is never loaded"),
        ("parquet", r"metadata_1\.parquet: cannot be read as Parquet"),
        ("nameless", r"metadata_0\.parquet: has no column of names .*; its columns are size"),
        ("lacks", r"metadata_1\.parquet: has no column name, as the others have"),
        ("nobody", r"none of its 6 images belongs to a stored name; the names read are 'Nobody'"),
    ],
)
def test_damaged_folders_of_vectors_are_refused(
    damage: str, message: str, space: Space, tmp_path: Path
) -> None:
    one = {"image_path": ["1", "2", "3"], "name": ["Vicki", "Vicki", "Zoë"]}
    source = clip_retrieval(tmp_path / "a", [(drawn(3), one), (drawn(3, seed=1), one)])
    array, table = source / "img_emb" / "img_emb_1.npy", source / "metadata" / "metadata_1.parquet"
    if damage == "alone":
        table.unlink()
    elif damage == "cut":
        array.write_bytes(array.read_bytes()[:-6])
    elif damage == "parquet":
        table.write_bytes(b"PAR1 no table PAR1")
    elif damage == "nameless":
        pq.write_table(pa.table({"size": [1, 2, 3]}), source / "metadata" / "metadata_0.parquet")
    elif damage == "lacks":
        pq.write_table(pa.table({"image_path": ["1", "2", "3"]}), table)
    elif damage == "nobody":
        for place in (source / "metadata").iterdir():
            pq.write_table(pa.table({"name": ["Nobody"] * 3}), place)
    else:
        wrong = {"short": drawn(2), "width": np.ones((3, 8)), "kind": np.ones((3, DIM), int),
                 "pickle": np.array([None] * 3)}[damage]  # fmt: skip
        np.save(array, wrong, allow_pickle=True)
    with pytest.raises(EncoderError, match=message):
        space.add_images(source, encoder="seeing")


def test_names_come_with_their_pictures_only_where_they_are_asked_for(
    space: Space, tmp_path: Path
) -> None:
    paint(tmp_path / "p" / "Ann_Lee" / "1.png", (255, 0, 0))
    paint(tmp_path / "p" / "Vicki" / "2.png", (255, 0, 0))
    paint(tmp_path / "p" / "a street" / "3.png", (0, 0, 255))
    encoder: Any = Seeing()
    without, added = space.add_images(tmp_path / "p", encoder=encoder)
    assert (added.n_added, added.n_skipped, without.find("Ann Lee")) == (1, 2, None)
    grown, added = without.add_images(tmp_path / "p", encoder=encoder, new_names=True)
    assert added.remarks == (
        "1 name was added to the space with their images",
        "1 label was not added, for want of the look of a name ('a street'): at most four words "
        "that begin with capitals",
        "1 picture is under several names (such as "
        f"{tmp_path}/p/Vicki/2.png as Vicki and {tmp_path}/p/Ann_Lee/1.png as Ann_Lee); each of "
        "the names counts it",
    )
    assert (len(grown), added.n_added, added.n_skipped) == (len(space) + 1, 1, 1)
    rows = grown.vectors("image", ids=[grown.find("Ann Lee"), grown.find("Vicki")])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    _, again = grown.add_images(tmp_path / "p", encoder=encoder)  # nothing new, so nothing to say
    assert again.remarks == ()


def test_a_claim_is_held_against_pictures_that_can_be_read(space: Space, tmp_path: Path) -> None:
    colours = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
    for at, colour in enumerate(colours):
        paint(tmp_path / "p" / f"{at}.png", colour)
    encoder: Any = Seeing()
    true = encoder.encode_images([tmp_path / "p" / f"{at}.png" for at in range(3)])
    rows = {"image_path": ["p/0.png", "p/1.png", "p/2.png"], "name": ["Vicki", "Vicki", "Zoë"]}
    wrong = clip_retrieval(tmp_path / "wrong", [(true[[1, 2, 0]], rows)])
    message = r"3 of its pictures, encoded by seeing, have a median cosine of 0\.0\d with their vec"
    with pytest.raises(EncoderError, match=message):
        space.add_images(wrong, encoder=encoder)
    right = clip_retrieval(tmp_path / "right", [(3 * true.astype(np.float16), rows)])
    _, added = space.add_images(right, encoder=encoder)
    assert added.remarks[1] == "3 pictures agree with the vectors given (median cosine 1.000)"
    other: Any = Seeing(salt="other weights")
    with pytest.raises(EncoderError, match="seeing has other weights"):
        space.add_images(right, encoder=other)


class Wide(Seeing):
    """Another encoder: the share of each colour, in 8 numbers."""

    dim = 8

    def __init__(self) -> None:
        super().__init__("another")
        self.spec = "wide"


def test_vectors_of_another_encoder_are_kept_beside(space: Space, tmp_path: Path) -> None:
    colours = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
    files = [paint(tmp_path / "p" / f"{at}.png", colour) for at, colour in enumerate(colours)]
    (tmp_path / "t.csv").write_text("file_name,name\np/0.png,Vicki\np/1.png,Vicki\np/2.png,Zoe\n")
    own: Any = Seeing()
    wide: Any = Wide()
    grown, _ = space.add_images(tmp_path / "t.csv", encoder=own)
    image, width = grown.vectors("image"), r"the vectors have 8 numbers, those of seeing have 16"
    given = units(np.random.default_rng(0).normal(size=(3, 8)))
    with pytest.raises(ValueError, match=width):
        grown.add_images(tmp_path / "t.csv", vectors=given)
    with pytest.raises(ValueError, match=r"have 16 numbers, those of wide have 8\. Name the enco"):
        grown.add_images(tmp_path / "t.csv", vectors=drawn(3), encoder=wide)
    with pytest.raises(EncoderError, match="minilm reads no images"):
        grown.add_images(tmp_path / "t.csv", vectors=drawn(3), encoder="minilm")
    beside, added = grown.add_images(tmp_path / "t.csv", vectors=given, encoder=wide)
    assert (added.n_added, added.n_names, added.n_images, added.beside) == (3, 2, 3, "wide")
    pictures = beside.pictures()
    assert len(pictures) == 3  # the same pictures, told by name and path
    rows, ids = pictures.vectors(encoder="wide")
    np.testing.assert_allclose(rows, given, atol=1e-6)
    assert ids.tolist() == [0, 1, 2]
    np.testing.assert_allclose(pictures.vectors()[0], own.encode_images(files), atol=1e-6)
    assert (beside.vectors("image") == image).all()
    assert "vectors of pictures by other encoders: 3 by wide" in beside.info().headline()
    _, again = beside.add_images(tmp_path / "t.csv", encoder=wide)
    assert (again.n_added, again.n_known) == (0, 3)

    with pytest.raises(ValueError, match=r"has 8 numbers; pictures are compared by seeing, whose v"
                       r"ectors have 16\. It may be of wide: ask with --encoder wide"):  # fmt: skip
        beside.nearest(given[1], 3, pictures=True)
    with pytest.raises(ValueError, match=r"It may be of seeing: leave --encoder out"):
        beside.nearest(drawn(1)[0].astype(np.float32), pictures=True, encoder="wide")
    with pytest.raises(ValueError, match="the pictures have no vectors of organism; there"):
        beside.nearest("Vicki", pictures=True, encoder="organism")
    with pytest.raises(ValueError, match="encoder is of pictures"):
        beside.nearest("Vicki", encoder="wide")
    found = beside.nearest(given[1], 3, pictures=True, encoder="wide")
    order = np.argsort(-(given @ given[1]))
    assert found.pictures.tolist() == order.tolist()
    np.testing.assert_allclose(found.similarities, (given @ given[1])[order], atol=1e-6)
    assert found.headline().endswith("a vector by wide.")  # type: ignore[union-attr]
    mean = given[:2].sum(axis=0)
    zoe = beside.nearest("Vicki", view="image", pictures=True, encoder=wide)
    assert zoe.pictures.tolist() == [2]
    assert zoe.similarities[0] == pytest.approx(given[2] @ mean / np.linalg.norm(mean), abs=1e-6)
    text = wide.encode_text(["a red face"])[0]
    red = beside.nearest("a red face", 1, pictures=True, encoder=wide)
    assert red.pictures.tolist() == [int(np.argmax(given @ text))]

    undone = beside.undo().space.undo().space  # the addition of nothing, then that of vectors
    assert list(undone.pictures().encoders.values()) == ["seeing"]
    assert len(undone.pictures()) == 3


def test_pictures_may_have_vectors_of_another_encoder_first(space: Space, tmp_path: Path) -> None:
    own: Any = Seeing()
    wide: Any = Wide()
    files = [paint(tmp_path / "p" / "Vicki" / f"{at}.png", (80 * at, 9, 9)) for at in range(3)]
    first, added = space.add_images(tmp_path / "p", encoder=wide)
    assert (added.n_added, added.n_images, wide.n_images) == (3, 3, 3)
    assert "image" not in first.views
    assert first.pictures().views == ()
    with pytest.raises(SpaceError, match=r"has a vector by its encoder, seeing; .*\(3 by wide\)"):
        first.nearest("Vicki", pictures=True)
    both, added = first.add_images(tmp_path / "p", encoder=own)
    assert (added.n_added, added.n_known, added.n_names) == (3, 0, 1)
    pictures = both.pictures()
    assert (len(pictures), pictures.views) == (3, ("image:photos",))
    np.testing.assert_allclose(pictures.vectors()[0], own.encode_images(files), atol=1e-6)
    np.testing.assert_allclose(pictures.vectors("wide")[0], wide.encode_images(files), atol=1e-6)
    # clip-retrieval's folder of the other encoder finds the same pictures by their paths.
    rows = {"image_path": [str(file) for file in files], "name": ["Vicki"] * 3}
    ready_ones = clip_retrieval(tmp_path / "e", [(wide.encode_images(files), rows)])
    _, added = both.add_images(ready_ones, encoder=wide)
    assert (added.n_added, added.n_known) == (0, 3)
    assert added.remarks[1] == "3 pictures agree with the vectors given (median cosine 1.000)"
    narrow = clip_retrieval(tmp_path / "n", [(drawn(3), rows)])
    with pytest.raises(EncoderError, match=r"its vectors have 16 numbers, those of wide have 8"):
        both.add_images(narrow, encoder=wide)


@pytest.mark.parametrize("form", ["image", "bytes"])
def test_pictures_in_parquet_files_are_read(form: str, space: Space, tmp_path: Path) -> None:
    colours = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
    files = [paint(tmp_path / f"{at}.png", colour) for at, colour in enumerate(colours)]
    cells: list[Any] = [*(file.read_bytes() for file in files), b"no picture", None]
    if form == "image":
        cells = [{"bytes": cell, "path": f"{at}.png"} for at, cell in enumerate(cells)]
        features = {"label": {"_type": "ClassLabel", "names": ["zoe", "Vicki"]}}
        told = {"huggingface": json.dumps({"info": {"features": features}})}
        names: list[Any] = [1, 1, 0, 1, -1]
    else:
        told, names = {}, ["Vicki", "Vicki", "zoe", "Vicki", None]
    table = pa.table({"image": cells, "label": names})
    (tmp_path / "set" / "data").mkdir(parents=True)
    place = tmp_path / "set" / "data" / "train-00000-of-00001.parquet"
    pq.write_table(table.replace_schema_metadata(told), place, row_group_size=2)
    encoder: Any = Seeing()
    source = place if form == "bytes" else tmp_path / "set"
    grown, added = space.add_images(source, encoder=encoder)
    assert (added.n_added, added.n_names, added.n_images) == (3, 2, 3)
    reasons = {one.path: one.reason for one in added.failures}
    assert reasons[f"{place}#4"] == "its row has no name"
    assert "image" in reasons[f"{place}#3"]
    pictures = grown.pictures()
    paths = pictures.table(["path"])["path"].to_pylist()
    assert paths == [f"{place}#{row}" for row in range(3)]
    np.testing.assert_allclose(pictures.vectors()[0], encoder.encode_images(files), atol=1e-6)
    assert thumbnail(paths[2]) == thumbnail(str(files[2]))
    assert grown.add_images(source, encoder=encoder)[1].n_known == 3
    near = grown.nearest(Path(paths[0]), 9, pictures=True)
    assert paths[0] not in near.paths
    assert near.notes() == []
    pq.write_table(table, place)
    message = "does not say which names they stand for" if form == "image" else None
    if message:
        with pytest.raises(EncoderError, match=message):
            space.add_images(place, encoder=encoder)


def test_links_and_captions_of_a_table_are_kept(space: Space, tmp_path: Path) -> None:
    for at in range(2):
        paint(tmp_path / "p" / f"{at}.png", (99 * at, 9, 9))
    rows = "path,name,URL,caption\np/0.png,Vicki,https://a/0,Vicki on a beach\np/1.png,Zoe,,\n"
    (tmp_path / "t.csv").write_text(rows)
    encoder: Any = Seeing()
    grown, _ = space.add_images(tmp_path / "t.csv", encoder=encoder)
    kept = [{"url": "https://a/0", "caption": "Vicki on a beach"}, {"url": None, "caption": None}]
    assert grown.pictures().table(["url", "caption"]).to_pylist() == kept
    given, _ = space.undo().space.add_images(tmp_path / "t.csv", vectors=drawn(2))
    assert given.pictures().table(["url", "caption"]).to_pylist() == kept
