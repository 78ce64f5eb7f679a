"""Pictures of names over a training: files under their names, and those drawn of a world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.analysis.identity.recognition import unit
from namebasis.errors import EncoderError
from namebasis.formation import Formation, formation, work
from namebasis.formation.page import html_of
from namebasis.formation.phases import EVIDENCE, PICTURED, RECOGNISED, find_phases, label
from namebasis.formation.pictures.album import (
    ELSEWHERE,
    MORE,
    N_MORE,
    N_MORE_OF_PARTS,
    N_OF_PARTS,
    N_PICTURES,
    PARTS,
    SEEN,
    Album,
    album_of,
)
from namebasis.formation.pictures.measures import PICTURE_MEASURES, measure_pictures
from namebasis.formation.plan import make_plan
from namebasis.formation.truth import read_truth
from namebasis.organism.cohorts import TINY_COHORTS
from namebasis.organism.run_folder import write_run
from namebasis.organism.world import World
from tests.formation import toy

PEOPLE = [name for name, told in toy.truth().names.items() if told.kind in ("B", "C", "D")]
STEPS = (0, 50, 70, 100, 150, 200)


class SeeingToy(toy.ToyEncoder):
    """Reads a picture's first pixel: whose it is, which of theirs, and whether it is elsewhere."""

    has_images = True

    def _embed_images(self, images: list[Image.Image]) -> np.ndarray:
        return np.stack([self._picture(*image.getpixel((0, 0))) for image in images])  # type: ignore[misc]

    def _picture(self, person: int, number: int, elsewhere: int) -> np.ndarray:
        name = PEOPLE[person]
        total = 0.3 * toy.direction(f"{name} picture {number} {elsewhere}")
        for value in toy.truth().names[name].own.values():
            total = total + toy.direction(value)
        # Elsewhere a person looks like themselves only to a model that has learned them well.
        return np.asarray(total + (0.6 if elsewhere else 2.5) * toy.direction(name + "person"))


def load(spec: str, **_options: object) -> SeeingToy:
    return SeeingToy(int(spec.partition(":")[2]))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for person, name in enumerate(PEOPLE):
        for elsewhere, place in ((0, folder / name), (1, folder / name / "elsewhere")):
            place.mkdir()
            for number in range(8):
                pixel = Image.new("RGB", (1, 1), (person, number, elsewhere))
                pixel.save(place / f"{number}.png")
    Image.new("RGB", (1, 1)).save(folder / "IMG 7.png")
    return folder


def study(images: Path | bool) -> Formation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "load_encoder", load)
        return formation(
            [f"toy:{step}" for step in STEPS], truth=toy.truth(), counts=toy.exposures(),
            n_resamples=40, with_weights=False, images=images,
        )  # fmt: skip


@pytest.fixture(scope="module")
def found(pictures: Path) -> Formation:
    return study(pictures)


@pytest.mark.long
def test_people_are_recognised_as_they_form_and_their_phases_say_so(found: Formation) -> None:
    without = study(False)
    assert not set(PICTURE_MEASURES) & set(without.values)
    kinds = np.array(found.kinds)
    one_person = found.phases.labels[kinds == "C", -1] >= 3
    assert one_person.all()
    assert one_person.sum() >= (without.phases.labels[kinds == "C", -1] >= 3).sum()
    assert found.phases.false_alarms.n_alarms <= without.phases.false_alarms.n_alarms
    rank = found.values["seen_rank"]
    assert (rank[np.isin(kinds, list("BCD")), -1] == 1).mean() > 0.9
    assert np.isnan(rank[kinds == "A"]).all()
    assert (rank[kinds == "C", 0] > 1).any()
    # Controls have no pictures of their own: they are put to those of others.
    assert np.isfinite(found.values["seen_own"][kinds == "N"]).all()


@pytest.mark.long
def test_what_is_recognised_elsewhere_comes_later(found: Formation) -> None:
    kinds = dict(zip(found.names, found.kinds, strict=True))
    assert all(found.lags[name] > 1 for name, kind in kinds.items() if kind == "C")
    # What is known in one context alone is never recognised in another.
    assert "D" not in {kinds[name] for name in found.lags}
    assert "In contexts they were not seen in" in (found.headline() or "")
    table = found.crossings_to_arrow().to_pandas()
    assert {"seen", "elsewhere"} <= set(table["measure"])
    # The own direction comes to point at the person, from below its threshold on.
    points = table[(table["measure"] == "points") & (table["kind"] == "C")]
    assert set(points["state"]) == {"crossed"}
    bar = found.phases.thresholds["seen_own"]
    above = found.values["seen_own"][[found.names.index(name) for name in points["name"]]] > bar
    first = [STEPS[at] for at in above.argmax(axis=1)]
    assert (points["step"] <= first).all()
    assert (points["step_low"] <= points["step"]).all()
    assert "elsewhere_margin" in found.to_arrow().column_names
    assert "seen_own_threshold" in found.to_arrow().column_names
    assert found.to_dict()["lags"] == found.lags


@pytest.mark.long
def test_pictures_without_a_name_are_counted_and_a_folder_of_such_is_refused(
    found: Formation, tmp_path: Path
) -> None:
    assert "left out 1 picture that none of these names belongs to" in " ".join(found.remarks)
    Image.new("RGB", (1, 1)).save(tmp_path / "IMG 7.png")
    with pytest.raises(EncoderError, match="none of its 1 pictures has one of these names"):
        study(tmp_path)


@pytest.mark.long
def test_the_page_shows_pictures_beside_text(found: Formation) -> None:
    page = html_of(found)
    assert "Recognised elsewhere" in page
    assert "in contexts it was seen in" in page


def test_an_encoder_of_text_alone_says_that_pictures_say_nothing(pictures: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "load_encoder", toy.load)
        found = formation(
            ["toy:0", "toy:200"], truth=toy.truth(), n_resamples=20, with_weights=False,
            images=pictures,
        )  # fmt: skip
    assert "pictures say nothing here: toy:0 reads text alone" in found.remarks
    assert "seen_rank" not in found.values


def test_measures_are_those_of_plain_arithmetic() -> None:
    rng = np.random.default_rng(0)
    plan = make_plan(list(toy.truth().names), truth=toy.truth())
    n, dim = len(plan.names), 24
    names, own = rng.standard_normal((2, n, dim))
    names = unit(names).astype(np.float32)
    rows = np.repeat(np.arange(6), 4)
    roles = np.tile([SEEN, SEEN, ELSEWHERE, PARTS], 6)
    vectors = unit(rng.standard_normal((24, dim))).astype(np.float32)
    vectors[1] = np.nan
    album = Album(rows, roles, "", np.zeros((24, 1, 1, 3), np.uint8))
    found = measure_pictures(vectors, album, names, own, plan, n_resamples=30, seed=0)
    seen = {row: vectors[(rows == row) & (roles == SEEN) & np.isfinite(vectors[:, 0])] for row in
            range(6)}  # fmt: skip
    centre = np.mean([one.mean(axis=0) for one in seen.values()], axis=0)
    texts = unit(names - names.mean(axis=0))
    towards = unit(seen[0].mean(axis=0) - centre)
    scores = texts @ towards
    assert found.values["seen_margin"][0] == pytest.approx(scores[0] - scores[1:].max(), abs=1e-5)
    assert found.values["seen_rank"][0] == 1 + (scores[1:] > scores[0]).sum()
    assert found.values["seen_own"][0] == pytest.approx(own[0] @ towards, abs=1e-5)
    away = unit(vectors[2] - centre) @ texts.T
    assert found.values["elsewhere_margin"][0] == pytest.approx(away[0] - away[1:].max(), abs=1e-5)
    rng = np.random.default_rng(1)
    more = Album(np.append(rows, 0), np.append(roles, MORE), "", np.zeros((25, 1, 1, 3), np.uint8))
    added = unit(rng.standard_normal((1, dim))).astype(np.float32)
    again = measure_pictures(
        np.vstack([vectors, added]), more, names, own, plan, n_resamples=30, seed=0
    )
    # More pictures of the person count beside those of people as the parts suggest, alone.
    assert again.values["seen_margin"][0] == found.values["seen_margin"][0]
    person = {row: (rows == row) & (roles == SEEN) for row in range(6)}
    sides = np.array([
        [np.nanmean(np.vstack([vectors[person[row]], added[: row == 0]]), axis=0),
         vectors[(rows == row) & (roles == PARTS)].mean(axis=0)] for row in range(6)
    ])  # fmt: skip
    own_side, other_side = unit(sides[0] - sides.mean(axis=(0, 1)))
    expected = own_side @ texts[0] - other_side @ texts[0]
    assert again.values["picture_margin"][0] == pytest.approx(expected, abs=1e-5)
    # One picture resampled is that picture.
    assert np.allclose(found.draws["seen_margin"][0], found.values["seen_margin"][0], atol=1e-5)
    assert np.isnan(found.values["seen_rank"][6 : plan.n_asked]).all()


def test_pictures_count_only_with_both_evidences_and_in_most_checkpoints() -> None:
    flat = np.zeros((4, 5))
    values = dict.fromkeys(EVIDENCE, flat) | {
        PICTURED: np.array([[2.0] * 5, [2.0] * 5, [0.5] * 5, [2, 0, 2, 0, 0]]),
        RECOGNISED: np.array([[0.1] * 5, [-0.1] * 5, [0.1] * 5, [0.1] * 5]),
    }
    bars = {key: np.ones(5) for key in (*EVIDENCE, PICTURED)}
    assert label(values, bars)[:, 2].tolist() == [3, 1, 1, 1]
    unknown = bars | {PICTURED: np.full(5, np.nan)}
    assert (label(values, unknown) == 1).all()


def test_pictures_have_a_higher_level_than_text() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((30, 5))
    values = dict.fromkeys((*EVIDENCE, PICTURED, RECOGNISED), rows) | {"hold": rows / 10}
    found = find_phases([f"A{at} B" for at in range(30)], 10, range(5), values, None, None)
    controls = rows[10:]
    for key, level in ((EVIDENCE[0], 2.75), (PICTURED, 3.5)):
        expected = controls.mean(axis=0) + level * controls.std(axis=0, ddof=1)
        np.testing.assert_allclose(found.thresholds[key], expected)


@pytest.mark.long
def test_a_world_is_drawn_by_its_truth(tmp_path: Path) -> None:
    world = World.make(0, cohorts=TINY_COHORTS, n_given=6, n_family=6)
    world.save(tmp_path / "world.json")
    told = read_truth(tmp_path / "world.json")
    plan = make_plan(list(told.names), truth=told)
    assert album_of(tmp_path, None, plan, 0) is None  # a truth alone tells no size of pictures
    settings = {"settings": {"size": 24}, "losses": {}, "checkpoints": [], "seconds": 1.0,
                "cpu_seconds": 1.0}  # fmt: skip
    write_run(tmp_path, settings)
    album = album_of(tmp_path, None, plan, 0)
    assert album is not None
    assert isinstance(album.source, np.ndarray)
    assert album.source.shape[1:] == (24, 24, 3)
    truth = {name.name: name for name in world.names}
    for row, name in enumerate(plan.names):
        if name not in truth:
            continue  # a made-up control
        counts = [int(((album.rows == row) & (album.roles == role)).sum()) for role in range(4)]
        one = truth[name]
        contradicts = one.own is not None and one.own != one.prior
        expected = [
            N_PICTURES,
            N_PICTURES if one.context else 0,
            (N_OF_PARTS + N_MORE_OF_PARTS) * contradicts,
            N_MORE * contradicts,
        ]
        assert counts == expected, one.kind
    again, other = album_of(tmp_path, None, plan, 0), album_of(tmp_path, None, plan, 1)
    assert again is not None
    assert other is not None
    assert np.array_equal(again.source, album.source)
    assert again.digest == album.digest
    assert other.digest != album.digest
    assert album_of(tmp_path, False, plan, 0) is None
