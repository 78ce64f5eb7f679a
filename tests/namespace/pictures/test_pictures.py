"""The store of pictures as it is read: whose, of what source, with which vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.explore.replies import spaces_of
from namebasis.explore.warm import Warm
from namebasis.namespace.building.added_images import AddedImages
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.removing import remove
from namebasis.namespace.pictures.pictures import Pictures
from namebasis.namespace.pictures.writing import append
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint, unit
from tests.namespace.conftest import corpus

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """Two photos of Vicki, one of Zoë, one of nobody."""
    folder = tmp_path_factory.mktemp("pictures")
    built = build_space(corpus(), folder / "a.space", encoder=Seeing())  # type: ignore[arg-type]
    for name, colour in (
        ("Vicki/1", RED), ("Vicki/2", GREEN), ("zoe/1", BLUE), ("Nobody/1", YELLOW),
    ):  # fmt: skip
        paint(folder / "photos" / f"{name}.png", colour)
    return add_images(built, folder / "photos", unmatched="keep")[0]


def test_each_picture_says_whose_it_is_and_that_it_is_a_photo(space: Space) -> None:
    pictures = space.pictures()
    rows = pictures.table().to_pylist()
    assert len(pictures) == len(rows) == 4
    by_label = {row["label"]: row for row in rows}
    assert by_label["Nobody"]["id"] is None
    assert by_label["zoe"]["id"] == space.find("Zoë")
    assert [row["id"] for row in rows if row["label"] == "Vicki"] == [space.find("Vicki")] * 2
    assert {row["source"] for row in rows} == {"photo"}
    assert all(row["is_added"] and not row["is_blank"] for row in rows)
    assert all(len(row["digest"]) == 64 and row["prompt"] is None for row in rows)
    backwards = pictures.table(["picture", "path"], ids=[3, 1])
    assert backwards.to_pylist() == [{"picture": at, "path": rows[at]["path"]} for at in (3, 1)]


def test_views_of_single_sources_are_listed(space: Space, tmp_path: Path) -> None:
    assert space.pictures().views == ("image:photos",)
    assert "(and image:photos of single sources)" in space.info().headline()
    [told] = spaces_of(Warm([space.path]))
    assert told["views"] == ["text", "token", "image", "image:photos"]
    assert space.nearest("Vicki", k=1, view=told["views"][-1])
    rows = [("a", "painter", True), ("b", "painter", True), ("c", "other", True), ("d", "x", False)]
    columns = dict(zip(("source", "pipeline", "is_added"), zip(*rows, strict=True), strict=True))
    keys = {key: [f"{key} {at}" for at in range(4)] for key in ("label", "digest", "path")}
    append(tmp_path / "images.lance", pa.table({**keys, **columns}))
    several = Pictures(tmp_path, space.find_all, space.provenance)
    # Two of one spec are told apart by their fingerprints; one that was only measured is none.
    assert several.views == ("image:a", "image:b", "image:other")


def test_sentences_count_one_and_many(space: Space) -> None:
    added = AddedImages(1, 1, 1, 1, (), (), n_skipped=1, skipped=("Bo",))
    assert added.headline() == (
        "1 image added, 1 was in the space already; 1 in all, of 1 stored name"
    )
    left, few = added.notes()
    assert left.startswith("left out 1 image of names")
    assert few == "image targets are centred by this 1 image: a few hundred are better"
    assert "and 1 image of it;" in remove(space, ["Zoë"], dry_run=True).sentence
    assert "and 3 images of them;" in remove(space, ["Zoë", "Vicki"], dry_run=True).sentence


def test_a_space_without_pictures_offers_no_source(tmp_path: Path) -> None:
    bare = build_space(corpus(), tmp_path / "b.space", encoder=Seeing())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"no pictures of names, .*add some: namebasis add"):
        bare.pictures().source("painter")
    with pytest.raises(ValueError, match=r"got 'image'\. It comes with pictures: `namebasis add"):
        bare.nearest("Vicki", view="image")


def test_vectors_are_those_of_the_files_by_the_number_of_the_picture(space: Space) -> None:
    rows, ids = space.pictures().vectors()
    colours = {"1.png": RED, "2.png": GREEN}
    for row, about in zip(rows, space.pictures().table(ids=ids).to_pylist(), strict=True):
        label = about["label"]
        colour = {"zoe": BLUE, "Nobody": YELLOW}.get(label) or colours[Path(about["path"]).name]
        assert row == pytest.approx(unit(*colour), abs=1e-6)
    assert np.array_equal(space.pictures().vectors(source="photos")[1], ids)


def test_the_view_of_all_pictures_is_the_image_view(space: Space) -> None:
    view = space.pictures().image_view()
    assert np.array_equal(view.rows(0, len(space)), space.vectors("image"))
    backwards = np.arange(len(space))[::-1]
    assert np.array_equal(view.of(backwards), space.vectors("image")[::-1])
    assert view.mean.n_images == 4


def test_what_is_not_there_is_refused_by_name(space: Space) -> None:
    pictures = space.pictures()
    with pytest.raises(ValueError, match=r"no column 'promt' of pictures.*Did you mean .prompt."):
        pictures.table(["promt"])
    with pytest.raises(ValueError, match="no vectors of open_clip:x; there are seeing "):
        pictures.vectors("open_clip:x")
    with pytest.raises(ValueError, match="comes from 'painter'; there are photos"):
        pictures.image_view("painter")


def test_a_space_without_pictures_has_none(tmp_path: Path) -> None:
    built = build_space(corpus(), tmp_path / "b.space", encoder=Seeing())  # type: ignore[arg-type]
    pictures = open_space(built.path).pictures()
    assert len(pictures) == 0 == len(pictures.table())
    assert pictures.vectors()[0].shape == (0, built.provenance.dim)
    with pytest.raises(ValueError, match="no picture was added to the space; `namebasis add"):
        pictures.image_view()


def test_it_answers_from_the_version_that_it_opened(tmp_path: Path) -> None:
    built = build_space(corpus(), tmp_path / "c.space", encoder=Seeing())  # type: ignore[arg-type]
    paint(tmp_path / "one" / "Vicki" / "1.png", RED)
    before, _ = add_images(built, tmp_path / "one")
    pictures = before.pictures()
    paint(tmp_path / "one" / "Vicki" / "2.png", GREEN)
    after, _ = add_images(before, tmp_path / "one")
    assert (len(pictures), len(after.pictures())) == (1, 2)
    assert len(pictures.vectors()[1]) == 1
