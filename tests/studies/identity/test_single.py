"""Names of one word: how far they pull what they are paired with, whoever else is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from namebasis.analysis.identity.own_direction import part_pull
from namebasis.namespace.actors.crew import Crew
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.identity import uncertainty
from namebasis.studies.identity.reference import Plan, _Making
from namebasis.studies.identity.results import SINGLE_MEASURES, Identity
from namebasis.studies.identity.single.pull import N_EACH, _null, _place
from namebasis.studies.identity.swaps import Known
from tests.studies.identity.test_identity_reference import CountingEncoder, names_of
from tests.studies.identity.test_identity_study import vector

FEW = {"n_swaps": 12, "n_made_up": 20, "with_contexts": False}
STARS = ("Madonna", "Cher")


class Pulling(CountingEncoder):
    """A star weighs five times as much as any other word, and [UNK] is what it cannot read."""

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        rows = super().encode_text(texts) * 6.0
        for at, text in enumerate(texts):
            if text.split(" ")[0] in STARS:
                rows[at] += 4 * vector(text.split(" ")[0])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        return self.encode_text([template.format(name) for name in names])

    def pieces(self, names: Sequence[str]) -> list[list[str]]:
        return [["[UNK]"] if name == "🙂" else [name[:4], *name[4:]] for name in names]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    place = tmp_path_factory.mktemp("single") / "s.space"
    rows = [*names_of(20, "given"), *names_of(20, "family")]
    rows += [{"name": "Cher", "part": "given"}, {"name": "Ada Lov", "part": "full"}]
    build_space(make_names(rows), place, encoder=Pulling("pulling"), templates=["{}"])
    return open_space(place, encoder=Pulling("pulling"))


@pytest.fixture(scope="module")
def found(space: Space):
    return space.identity(["Cher", "Given3", "Ada Lov", "🙂", "Madonna"], **FEW)


def test_a_pull_is_the_effect_along_what_a_part_means_alone() -> None:
    grand = np.array([1.0, 1.0, 0.0])
    alone = grand + np.array([[2.0, 0, 0], [-2.0, 0, 0], [0, 0, 0], [3.0, 4.0, 0]])
    effects = np.array([[0.7, 5.0, 0], [0.7, 0, 0], [1.0, 1.0, 1.0], [1.0, 2.0, 9.0]])
    np.testing.assert_allclose(part_pull(alone, effects, grand), [0.7, -0.7, 0.0, 2.2])


@pytest.mark.long
def test_stars_pull_more_than_names_of_nobody_and_others_do_not(found) -> None:
    rows = {row.name: row for row in found.rows}
    for star in STARS:
        assert rows[star].pull_percentile == 1
        assert rows[star].pull_z > 5
        assert 2 < rows[star].pull_z_low < rows[star].pull_z < rows[star].pull_z_high
    usual = rows["Given3"]
    assert abs(usual.pull_z) < 3
    assert usual.pull < rows["Cher"].pull
    for row in rows.values():  # it grades, and is no verdict
        assert (row.kind is None) == (row.name != "Ada Lov")
    for name in ("Ada Lov", "🙂"):
        assert all(getattr(rows[name], key) is None for key in SINGLE_MEASURES)


def test_a_pull_is_kept_and_the_same_whoever_else_is_asked(space: Space, found) -> None:
    again = open_space(space.path, encoder=Pulling("pulling"))
    encoder = again.encoder()
    (alone,) = again.identity(["Cher"], **FEW).rows
    assert encoder.n_encoded < N_EACH  # neither the null nor the made-up names again
    for key in SINGLE_MEASURES:
        assert getattr(alone, key) == pytest.approx(getattr(found.rows[0], key), rel=1e-5)
    cold = again.identity(["Cher"], **{**FEW, "n_swaps": 10}).rows[0]
    assert cold.pull_z_low < alone.pull_z < cold.pull_z_high  # of other partners


def test_what_the_reference_embedded_is_not_embedded_again(space: Space) -> None:
    plan, crew, encoder = Plan(12, ("{}",), 20, 0), Crew(space), space.encoder()
    known: Known = {}
    made_of = _Making(space, plan, known=known).make()
    paid, told = [encoder.n_encoded], [0, 0]
    nulls = []
    for at, of_reference in enumerate((None, known)):

        def advance(n: int, at: int = at) -> None:
            told[at] += n

        nulls.append(_null(crew, plan, made_of, advance, of_reference))
        paid.append(encoder.n_encoded)
    every, fewer = np.diff(paid)
    assert every - fewer == 20 * 12  # the null's first words are given names of the reference
    assert told == [every, every]
    np.testing.assert_array_equal(nulls[1].pulls, nulls[0].pulls)


def test_a_single_name_alone_needs_no_made_up_full_names(tmp_path: Path) -> None:
    rows = [*names_of(20, "given"), *names_of(20, "family"), {"name": "Cher", "part": "given"}]
    build_space(make_names(rows), tmp_path / "s", encoder=Pulling("pulling"), templates=["{}"])

    def asked(*names: str) -> tuple[Identity, int]:
        told: list[tuple[int, int]] = []
        space = open_space(tmp_path / "s", encoder=Pulling("pulling"))
        found = space.identity(names, **FEW, progress=lambda *one: told.append(one))
        assert told[-1][0] == told[-1][1]
        return found, space.encoder().n_encoded

    plan = Plan(12, ("{}",), 20, 0)
    alone, paid = asked("Cher")
    again, paid_again = asked("Cher")
    both, paid_for_both = asked("Cher", "Ada Lov")
    after, paid_after = asked("Cher")
    assert plan.prompts(is_bare=True) == 12**2 < plan.prompts()
    assert paid - paid_again == 12**2 + 2 * N_EACH * 13 + 40  # clusters that partners are drawn of
    # Made-up names, those of the pair, and what is measured of Cher; not the grid again.
    assert paid_for_both == (plan.prompts() - 12**2) + (1 + 2 * 13) + paid_again
    assert paid_after == paid_again
    for other in (again, both, after):
        for key in SINGLE_MEASURES:
            assert getattr(other.rows[0], key) == getattr(alone.rows[0], key)
    assert (alone.thresholds, alone.made_up, after.thresholds, after.made_up) == ({}, {}, {}, {})
    assert set(alone.to_dict()["thresholds"].values()) == {None}
    assert both.to_dict()["thresholds"] == {**both.thresholds, "leakage": None}
    assert not any("made-up names" in one or "interval" in one for one in alone.notes())
    assert not any(one.startswith(("even odds", "thresholds")) for one in alone.footnotes())
    assert both.notes()[1].endswith("Compared with 20 made-up names.")
    whole = _Making(open_space(tmp_path / "s", encoder=Pulling("pulling")), plan).make()
    (tmp_path / "s" / "indices" / "identity-partners-grid.npz").unlink()
    made = _Making(open_space(tmp_path / "s", encoder=Pulling("pulling")), plan).make()
    np.testing.assert_array_equal(whole.grid, made.grid)
    np.testing.assert_equal(whole.made, made.made)


def test_no_interval_of_a_kind_is_drawn_where_no_name_has_one(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    resampled = uncertainty._resampled
    monkeypatch.setattr(
        uncertainty, "_resampled", lambda n, rng: drawn.append(n) or resampled(n, rng)
    )
    (alone,) = space.identity(["Cher"], **FEW).rows
    assert (alone.kind, alone.intervals, alone.own_interval, drawn) == (None, None, None, [])
    cher, ada = space.identity(["Cher", "Ada Lov"], **FEW).rows
    assert cher.intervals is None
    assert ada.intervals.keys() == ada.probabilities.keys()
    assert drawn == [20]


def test_a_line_over_pieces_is_taken_off_as_far_as_the_null_goes() -> None:
    rng = np.random.default_rng(0)
    pieces = np.arange(100) % 4 + 2
    null = 0.3 * pieces + 0.01 * rng.standard_normal(100)
    place = _place(np.array([0.3, 0.6, 0.9, 1.5, 1.5, 1.6]), np.array([1, 2, 3, 5, 9, 5]), null,
                   pieces)  # fmt: skip
    assert abs(place.z[[1, 2, 3, 4]]).max() < 1  # 9 pieces count as 5, which the null has
    assert place.z[0] < -20  # and 1 as 2
    assert place.z[5] > 5
    flat = _place(np.array([0.5]), np.array([7]), rng.standard_normal(100), np.full(100, 3))
    assert abs(flat.z[0]) < 1.5


def test_a_single_name_is_told_written_and_given_with_its_interval(
    space: Space, found, tmp_path: Path
) -> None:
    told = found.rows[0].verdict
    assert "has no kind of identity (one part only" in told
    assert "lies above 99 % of names that mean nobody in particular (z " in told
    table = next(one for one in found.tables() if "single names" in one.title)
    assert [row[0] for row in table.rows][-1] == "Given3"
    assert any("no verdict" in one for one in found.notes())
    row = found.to_dict()["names"][0]
    assert row["pull_z_low"] < row["pull_z"] < row["pull_z_high"]
    assert found.to_arrow()["pull"].to_pylist()[2] is None
    assert found.write(space) == 3
    assert found.headline().endswith(
        "3 single names without a kind, of which 2 pull more than 95 % of names that mean nobody "
        "in particular (0 by chance); 1 was not measured."
    )
    stored = space.table(["name", "identity_pull_z"], where="identity_pull_z > 3").to_pylist()
    assert [one["name"] for one in stored] == ["Cher"]
