"""Single pictures near a target, against all cosines computed at once."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.cli.commands.ask import read_targets
from namebasis.encoders.thumbnails import MAX_BYTES, thumbnail
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import corpus

NAMES = ("Vicki", "Zoe", "Namaa", "Namab", "Nobody")


def colours(n: int, seed: int = 0) -> list[tuple[int, ...]]:
    return [tuple(row) for row in np.random.default_rng(seed).integers(0, 256, (n, 3)).tolist()]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    build_space(corpus(), tmp_path / "a.space", encoder=Seeing())  # type: ignore[arg-type]
    made = open_space(tmp_path / "a.space", encoder=Seeing())  # type: ignore[arg-type]
    for at, colour in enumerate(colours(30)):
        paint(tmp_path / "p" / NAMES[at % 5] / f"{at}.png", colour)  # type: ignore[arg-type]
    return made.add_images(tmp_path / "p", unmatched="keep")[0]


def brute(space: Space, query: np.ndarray, keep: np.ndarray | None = None) -> list[int]:
    rows, ids = space.pictures().vectors()
    order = np.argsort(-(rows @ query), kind="stable")
    return [one for one in ids[order].tolist() if keep is None or keep[one]]


def test_pictures_near_texts_names_vectors_and_pictures_are_those_of_all_cosines(
    space: Space, tmp_path: Path
) -> None:
    vicki, owners = space.find("Vicki"), space.pictures().owners
    text = space.encoder().encode_text(["a red face"])[0]
    found = space.nearest(["a red face", "Vicki"], 7, pictures=True)
    assert found.counts == (7, 7)
    name = space.vectors(ids=[vicki])[0]
    assert found.pictures.tolist() == brute(space, text)[:7] + brute(space, name)[:7]
    rows, ids = space.pictures().vectors()
    at = np.searchsorted(ids, found.pictures[:7])
    np.testing.assert_allclose(found.similarities[:7], rows[at] @ text, atol=1e-6)
    # The mean of a name's pictures does not find these, unless it may.
    mean = space.vectors("image", ids=[vicki])[0]
    own = space.nearest("Vicki", 30, view="image", pictures=True)
    assert own.pictures.tolist() == brute(space, mean, owners != vicki)
    itself = space.nearest("Vicki", 30, view="image", pictures=True, include_self=True)
    assert itself.pictures.tolist() == brute(space, mean)
    # A picture does not find itself.
    path = next((tmp_path / "p" / "Vicki").iterdir())
    near = space.nearest(path, 30, pictures=True)
    assert len(near) == near.n_all == 29
    assert str(path) not in near.paths
    # Nor on the command line, which gives it as a file too.
    assert read_targets(None, [path], None, as_paths=True) == [path]
    far = space.nearest(text, 4, farthest=True, pictures=True)
    assert far.pictures.tolist() == brute(space, text)[::-1][:4]


def test_a_filter_is_of_names_and_a_stranger_has_no_row(space: Space) -> None:
    found = space.nearest("a face", 99, where="gender = 'F'", pictures=True, columns=["gender"])
    women = np.isin(space.pictures().owners, space.ids("gender = 'F'"))
    assert found.n_all == len(found) == women.sum() > 6
    assert set(found.to_arrow()["gender"].to_pylist()) == {"F"}
    every = space.nearest("a face", 99, pictures=True, columns=["gender"])
    assert len(every) == 30
    strangers = [row for row in every.to_dict()["pictures"] if row["name"] == "Nobody"]
    assert len(strangers) == 6
    assert {(row["id"], row["gender"], row["source"]) for row in strangers} == {
        (None, None, "photo")
    }


def test_newer_pictures_are_found_beside_the_saved_index_and_others_make_another(
    space: Space, tmp_path: Path
) -> None:
    space.nearest("a face", 1, pictures=True)
    saved = space.picture_rows().searcher.vectors.path
    written = saved.stat().st_mtime_ns
    for at, colour in enumerate(colours(8, seed=1)):
        paint(tmp_path / "q" / "King" / f"{at}.png", colour)  # type: ignore[arg-type]
    grown = space.add_images(tmp_path / "q")[0]
    query = grown.encoder().encode_text(["a face"])[0]
    assert grown.nearest("a face", 38, pictures=True).pictures.tolist() == brute(grown, query)
    king = grown.nearest("a face", 38, where="name = 'King'", pictures=True)
    assert (set(king.names), len(king)) == ({"King"}, 8)
    assert saved.stat().st_mtime_ns == written
    assert grown.picture_rows().searcher.index().n_rows == 30
    # Without the first pictures the saved index is of others.
    less = grown.remove(["Vicki"]).space
    assert less.nearest("a face", 99, pictures=True).pictures.tolist() == brute(less, query)
    assert less.picture_rows().searcher.index().n_rows == len(less.pictures())
    saved.write_bytes(saved.read_bytes()[:-40])
    again = open_space(less.path, encoder=Seeing())  # type: ignore[arg-type]
    with pytest.warns(NamebasisWarning, match="rebuilt from the stored vectors"):
        found = again.nearest("a face", 99, pictures=True)
    assert found.pictures.tolist() == brute(less, query)


def test_pictures_are_found_again_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_space(corpus(), tmp_path / "a.space", encoder=Seeing())  # type: ignore[arg-type]
    paint(tmp_path / "p" / "Vicki" / "1.png", (200, 0, 0))
    monkeypatch.chdir(tmp_path)
    made = open_space("a.space", encoder=Seeing())  # type: ignore[arg-type]
    found = made.add_images("p")[0].nearest("Vicki", pictures=True)
    assert found.paths == (str(tmp_path / "p" / "Vicki" / "1.png"),)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "data:image/jpeg" in found.to_html()
    assert not any("not where they were" in note for note in found.notes())


def test_what_cannot_be_answered_says_what_to_do(space: Space, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"views text and image; got 'token'"):
        space.nearest("Vicki", pictures=True, view="token")
    with pytest.raises(ValueError, match="k must be"):
        space.nearest("Vicki", 0, pictures=True)
    bare = build_space(corpus(), tmp_path / "b.space", encoder=Seeing())  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match=r"holds no pictures .* add .*b\.space --images FOLDER"):
        bare.nearest("Vicki", pictures=True)


def test_pages_hold_small_pictures_and_name_the_files_that_are_gone(
    space: Space, tmp_path: Path
) -> None:
    gone = sorted((tmp_path / "p" / "Vicki").iterdir())[0]
    gone.unlink()
    noise = np.random.default_rng(0).integers(0, 256, (900, 700, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    for side in (96, 400):
        uri = thumbnail(tmp_path / "noise.png", side)
        assert uri is not None
        assert len(base64.b64decode(uri.partition(",")[2])) <= MAX_BYTES
    found = space.nearest(["a face", "<b>x"], 30, pictures=True)
    assert any(
        "1 of 30 files are not where" in note and str(gone) in note for note in found.notes()
    )
    for drawn in (found.to_html(), found._repr_html_()):
        assert drawn.count('src="data:image/jpeg;base64,') == 58
        assert len(re.findall("file not found|no file", drawn)) == 2
        assert "<b>x" not in drawn
        assert not re.search(r'(?:src|href)="(?!data:|#)', drawn)
