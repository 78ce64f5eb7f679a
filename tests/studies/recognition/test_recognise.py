"""Recognition on the organism, whose pictures and people are known."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import namebasis as nb
from namebasis.errors import EncoderError
from namebasis.organism.captions import Scribe
from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import render
from namebasis.organism.world import World
from namebasis.studies.recognition.results import NOT, PARTS, RECOGNISED, Recognition

N_PHOTOS = 6


def draw(world: World, row: int, folder: Path) -> None:
    """Photos of a name's person; one whom nobody's name means is as its parts suggest."""
    rng, truth = np.random.default_rng([5, row]), world.names[row]
    people = Scribe(world).pictures(row, N_PHOTOS, rng)
    if truth.kind == "N":
        codes = np.repeat(world.codes(truth.prior)[None], N_PHOTOS, 0)
        fine = np.repeat(world.fine(truth.name)[None], N_PHOTOS, 0)
        people = People(codes, fine, random_people(N_PHOTOS, rng).contexts)
    (folder / truth.name).mkdir(parents=True)
    for at, pixels in enumerate(render(people, seed=[6, row])):
        Image.fromarray(pixels).save(folder / truth.name / f"{at}.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of 12 people who are known, of 12 who are not, and a space of all names but N."""
    where = tmp_path_factory.mktemp("people")
    world = World.load(str(files("namebasis") / "data" / "organism" / "world.json"))
    rows = {kind: [at for at, name in enumerate(world.names) if name.kind == kind
                   and (kind == "N" or name.exposures >= 316)] for kind in "CDN"}  # fmt: skip
    for row in (*rows["C"][:6], *rows["D"][:6]):
        draw(world, row, where / "photos")
    for row in rows["N"][:12]:
        draw(world, row, where / "unknown")
    names = [name.name for name in world.names if name.kind in "ABCDN"]
    nb.build_space(names, where / "s.space", encoder="organism", templates="plain", progress=None)
    return where


@pytest.fixture(scope="module")
def found(place: Path) -> Recognition:
    space = nb.open_space(place / "s.space")
    return space.recognise(place / "photos", unknown=place / "unknown", n_made_up=40)


@pytest.mark.long
def test_people_are_recognised_and_people_it_cannot_know_are_not(found: Recognition) -> None:
    assert sum(row.is_known for row in found.people) >= 11
    assert sum(row.rank == 1 for row in found.people) >= 10
    assert sum(row.is_known for row in found.unknown.people) <= 1
    # As their parts suggest, some of them are among the first by likeness alone.
    assert {row.verdict for row in found.unknown.people} <= {PARTS, NOT, RECOGNISED}
    assert np.mean([row.auc_alike for row in found.people]) > 0.9
    assert all(row.rank_low <= row.rank <= row.rank_high for row in found.people)
    assert all(row.margin_low <= row.margin <= row.margin_high for row in found.people)
    assert all((row.margin > 0) == (row.rank == 1) for row in found.people)
    assert all(row.best[row.rank - 1][0] == row.name for row in found.people if row.rank <= 5)


def test_the_result_says_false_alarms_and_what_a_rank_is_not(found: Recognition) -> None:
    told = " ".join(found.notes())
    assert "of 12 people whom the model cannot know are called known" in told
    assert "identifies nobody" in told
    together = found.tables()[0]
    what, by_chance = (together.columns.index(head) for head in ("what", "by chance"))
    chance = {row[what]: row[by_chance] for row in together.rows}
    assert chance["own name among the first 1"] == 1 / found.n_names
    assert chance["own name among the first 5"] == 5 / found.n_names
    assert chance["AUC against all names"] == 0.5
    assert chance["known as one person"] == found.unknown.n_alarms / found.unknown.n_names
    table = found.to_arrow()
    assert table["is_unknown"].to_pylist() == [False] * 12 + [True] * 12
    assert found.to_dict()["unknown"]["n_names"] >= 40
    assert found.headline().startswith(f"{sum(r.rank == 1 for r in found.people)} of 12 people")


def test_people_given_as_known_and_unknown_are_refused(place: Path, tmp_path: Path) -> None:
    one = sorted((place / "photos").iterdir())[0]
    shutil.copytree(one, tmp_path / one.name)
    with pytest.raises(ValueError, match=f"1 person is given both .*, such as '{one.name}'; unk"):
        nb.open_space(place / "s.space").recognise(tmp_path, unknown=tmp_path)


@pytest.mark.long
def test_a_page_shows_every_person_and_asks_no_host(found: Recognition) -> None:
    page = found.to_html()
    assert all(row.name in page for row in found.people)
    assert "identifies nobody" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.long
def test_a_photo_without_a_name_is_left_out_and_never_given_one(
    place: Path, tmp_path: Path
) -> None:
    space, photos = nb.open_space(place / "s.space"), tmp_path / "photos"
    named = sorted((place / "photos").iterdir())[:2]
    for folder in named:
        shutil.copytree(folder, photos / folder.name)
    shutil.copy(named[0] / "0.png", photos / named[0].name / "copy.png")
    shutil.copy(named[0] / "1.png", photos / "IMG 2041.png")
    shutil.copy(named[0] / "2.png", photos / named[1].name / "other.png")
    found = space.recognise(photos, n_made_up=20, n_resamples=20)
    assert [row.name for row in found.people] == [folder.name for folder in named]
    assert found.people[0].n_photos == N_PHOTOS
    told = " ".join(found.notes())
    assert "left out 1 photo whose label is no name of the space (such as 'IMG 2041')" in told
    assert "1 photo left out: copies of another of the same person" in told
    assert f"two names, {named[0].name!r} and {named[1].name!r}" in told
    assert found.people[0].rank_low is None  # 20 draws reach no level of 95 %
    shutil.rmtree(photos)
    photos.mkdir()
    shutil.copy(named[0] / "1.png", photos / "IMG 2041.png")
    with pytest.raises(EncoderError, match="A face without a name is never given one"):
        space.recognise(photos)


def test_a_space_of_given_vectors_says_what_it_takes(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((4, 8))
    given = nb.build_space(["Ann Lee", "Bo Ray", "Cy Poe", "Di Fox"], tmp_path / "g", vectors=rows)
    with pytest.raises(EncoderError, match=r"made of given vectors, .*\(--encoder SPEC\)\.$"):
        given.recognise(tmp_path)


def test_names_that_are_the_only_one_or_of_one_part_are_said_to_have_no_own_direction(
    place: Path, tmp_path: Path
) -> None:
    folder = sorted((place / "photos").iterdir())[0]
    space = nb.build_space(
        ["Winona", "Vicki", "Roger"], tmp_path / "one.space", encoder="organism",
        templates="plain", progress=None,
    )  # fmt: skip
    shutil.copytree(folder, tmp_path / "photos" / "Vicki")
    found = space.recognise(tmp_path / "photos", n_resamples=20)
    (row,) = found.people
    assert (row.own, row.own_z, found.unknown.n_names) == (None, None, 0)
    assert row.reason is not None
    assert row.reason.startswith("one part only")
    assert "photos are not centred, as there is one person only" in " ".join(found.remarks)
    with pytest.raises(ValueError, match="names must compete with at least 2 others; 1 pass"):
        space.recognise(tmp_path / "photos", where="name = 'Vicki'")
