"""Pictures added by ready vectors, and names that come with pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.errors import EncoderError
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
    with pytest.raises(EncoderError, match=r"has vectors of minilm, .* was built with seeing; vec"):
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
