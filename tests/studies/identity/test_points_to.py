"""Whom a part of names points to: found where it is planted, and nobody where nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from namebasis.errors import SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.identity.reference import space_partners
from namebasis.studies.identity.swaps import embed_grid
from tests.studies.identity.test_identity_reference import CountingEncoder, names_of
from tests.studies.identity.test_identity_study import vector

HELD = {"Winona": "Winona Ryder", "Cher": "Cher Bono"}
"""Given names that mean one person whatever stands beside them."""
PEOPLE = [*HELD.values(), "Ann Lee", "Ann Ryder", "Bo Lee", *(f"Ed{i} Fox{i}" for i in range(8))]
FEW = {"n_swaps": 16}


class Holding(CountingEncoder):
    """Of a name that begins with a captured part, the other part weighs next to nothing."""

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        rows = super().encode_text(texts) * 4.0
        for at, text in enumerate(texts):
            first, *rest = text.split(" ")
            if first in HELD and rest:
                near = 0.15 if text == HELD[first] else 0.4
                rows[at] = vector("centre", 3.0) + 3 * vector("person " + first)
                rows[at] += near * vector(text)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        return self.encode_text([template.format(name) for name in names])


def built(folder: Path, people: Sequence[str], templates: Sequence[str] = ("{}",)) -> Space:
    rows = [*names_of(20, "given"), *names_of(20, "family")]
    rows += [{"name": name, "part": "full", "count": 5} for name in people]
    rows += [{"name": "Winona", "part": "given"}, {"name": "Ryder", "part": "family"}]
    encoder = Holding("holding")
    build_space(make_names(rows), folder / "s.space", encoder=encoder, templates=list(templates))
    return open_space(folder / "s.space", encoder=encoder)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return built(tmp_path_factory.mktemp("points"), PEOPLE)


@pytest.fixture(scope="module")
def found(space: Space):
    return space.points_to(**FEW)


def test_a_captured_part_points_to_its_person_and_the_others_to_nobody(found) -> None:
    assert {row.part for row in found.rows[:2]} == set(HELD)
    pointing = {row.part: row.nearest for row, sure in zip(found.rows, found.is_sure, strict=True)
                if sure}  # fmt: skip
    assert HELD.items() <= pointing.items()
    others = [row for row in found.rows if row.part not in HELD]
    assert len(pointing) - len(HELD) <= 0.15 * len(others)  # 5 % by chance
    assert found.of("Winona") == "Winona Ryder"
    assert found.of("Ryder") is None
    first = found.rows[0]
    assert first.hold > 0.9 > first.null
    assert first.margin.low < first.margin.value < first.margin.high
    assert len(found) == len({(row.part, row.side) for row in found.rows})
    bearers = {(row.part, row.side): row.n_bearers for row in found.rows}
    assert bearers["Ryder", "family"] == bearers["Ann", "given"] == 2


def test_hold_and_margin_are_means_over_the_partners(space: Space, found) -> None:
    (givens, families), _ = space_partners(space, 16, 0)
    swaps = space.encoder().encode_text([f"Winona {one}" for one in families])
    grid = embed_grid(space.encoder(), (givens, families), ["{}"])
    centre = grid.mean(axis=(0, 1))
    rows = np.stack([*swaps, *space.vectors("text", ids=[space.find(one) for one in PEOPLE])])
    units = rows - centre
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units[16:] @ units[:16].T
    row = next(row for row in found.rows if row.part == "Winona")
    best, second = np.argsort(-cosines.mean(axis=1))[:2]
    assert (row.nearest, row.second) == (PEOPLE[best], PEOPLE[second])
    assert row.hold == pytest.approx(cosines[best].mean(), abs=1e-5)
    assert row.margin.value == pytest.approx((cosines[best] - cosines[second]).mean(), abs=1e-5)
    pairs = grid - centre
    pairs /= np.linalg.norm(pairs, axis=2, keepdims=True)
    null = [
        np.mean([pairs[g, f] @ pairs[g, other] for other in range(16) if other != f])
        for g in range(16) for f in range(16)
    ]  # fmt: skip
    assert row.z == pytest.approx((row.hold - np.mean(null)) / np.std(null), rel=1e-4)


def test_nearest_and_chance_are_of_the_names_that_have_the_part(found) -> None:
    for row in found.rows:
        side = 0 if row.side == "given" else 1
        assert row.nearest.split()[side] == row.part
        assert row.second != row.nearest
        assert row.chance == pytest.approx(
            min(1, row.n_bearers * t.sf(row.z / (1 + 1 / 16) ** 0.5, 15))
        )
    nearer = [row for row in found.rows if row.margin.value < 0]
    assert nearer  # whose next name lacks the part and lies nearer: these point to nobody
    assert all(found.of(row.part, row.side) is None for row in nearer)
    ann = next(row for row in found.rows if row.part == "Ann")
    assert {ann.n_bearers, ann.nearest in ("Ann Lee", "Ann Ryder")} == {2, True}


def test_a_verdict_does_not_depend_on_which_parts_are_asked(space: Space, found) -> None:
    alone = space.points_to(["winona", "Ann"], **FEW)
    same = {(row.part, row.side): row for row in found.rows}
    for row in alone.rows:
        assert row.hold == pytest.approx(same[row.part, row.side].hold, abs=1e-6)
        assert row.chance == pytest.approx(same[row.part, row.side].chance, rel=1e-4)
    assert alone.headline().startswith("Winona points to Winona Ryder (z ")
    assert "Ann points to nobody" in alone.headline()


def test_it_is_written_beside_parts_and_people_and_shown_on_the_card(tmp_path: Path) -> None:
    space = built(tmp_path, PEOPLE, ("a photo of {}", "{}"))  # other templates than identity's
    found = space.points_to(**FEW)
    people = {row.id for row, sure in zip(found.rows, found.is_sure, strict=True) if sure}
    assert found.write(space) == 2 + len(people)  # Winona and Ryder
    rows = space.table(["name", "points_to", "points_to_z", "pointed_to_by"]).to_pylist()
    told = {row["name"]: row for row in rows}
    assert told["Winona"]["points_to"] == "Winona Ryder"
    assert told["Winona"]["points_to_z"] > 2
    assert told["Ryder"]["points_to"] is None
    assert told["Ryder"]["points_to_z"] is not None
    assert told["Winona Ryder"]["pointed_to_by"] == "Winona"
    card = space.card("Winona", deep=False)
    assert card.headline().endswith("Winona → Winona Ryder.")


def test_what_cannot_be_asked_is_refused(space: Space, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'Nobody' is no given or family name of a stored full"):
        space.points_to(["Winona", "Nobody"], **FEW)
    with pytest.raises(SpaceError, match="0 full names of two parts; at least 2 are needed"):
        space.points_to(where="name = 'Winona'", **FEW)
    with pytest.raises(ValueError, match="n_swaps must be"):
        space.points_to(n_swaps=3)
