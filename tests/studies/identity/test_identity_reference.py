"""What names are measured against: fixed by the space, kept beside it, with a true interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.analysis.identity.contexts import context_measures, context_prior, leakage_draws
from namebasis.checks import unit_rows
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.identity.in_contexts import InContexts, measure_contexts
from namebasis.studies.identity.reference import Plan, reference, space_partners
from namebasis.studies.identity.swaps import groups_of, measure, packaged_partners
from namebasis.studies.identity.thresholds import judge, load_origin
from namebasis.studies.identity.uncertainty import Drawn, probability_intervals
from tests.namespace.conftest import FakeEncoder
from tests.studies.identity.test_identity_study import PEOPLE, PlantedEncoder, PlantedSpace, vector

PLAN = Plan(6, ("{}",), 20, 0)


class CountingEncoder(FakeEncoder):
    """Words add up with a little noise; counts what it embeds."""

    dim = 32
    n_encoded = 0

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        self.n_encoded += len(texts)
        rows = np.stack([
            vector("centre", 3.0) + vector(text, 0.15) + sum(vector(one) for one in text.split())
            for text in texts
        ])  # fmt: skip
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def names_of(n: int, part: str, start: int = 0) -> list[dict[str, object]]:
    return [
        {"name": f"{part.capitalize()}{at}", "part": part, "count": 1000 - at}
        for at in range(start, start + n)
    ]


def built(folder: Path, rows: Sequence[dict[str, object]]) -> Space:
    encoder = CountingEncoder("counting")
    build_space(make_names(list(rows)), folder / "s.space", encoder=encoder, templates=["{}"])
    return open_space(folder / "s.space", encoder=encoder)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    rows = [*names_of(20, "given"), *names_of(20, "family")]
    rows.append({"name": "Ada Lovelace", "part": "full", "count": 5})
    return built(tmp_path_factory.mktemp("own"), rows)


def test_partners_are_the_spaces_own_where_it_has_enough(space: Space, tmp_path: Path) -> None:
    (given, family), source = space_partners(space, 6, 0)
    assert len({*given}) == len({*family}) == 6
    assert all(one.startswith("Given") for one in given)
    assert all(one.startswith("Family") for one in family)
    assert "drawn from the space" in source
    packaged, source = space_partners(space, 11, 0)  # twice 11 are more than it holds
    assert packaged == packaged_partners(11, 0)
    assert "packaged US" in source
    assert "the space holds 21 given names (at least 22 are needed)" in source


def test_partners_are_drawn_from_the_most_frequent(tmp_path: Path) -> None:
    class Counted(PlantedSpace):
        columns = ("name", "part", "count")

        def table(self, columns: Sequence[str], **_: object) -> pa.Table:
            data = {
                "name": [f"{part}{at}" for part in ("g", "f") for at in range(600)],
                "part": ["given"] * 600 + ["family"] * 600,
                "count": [*range(600)] * 2,
            }
            return pa.table({column: data[column] for column in columns})

    (given, family), _ = space_partners(Counted([], {}), 24, 0)
    assert min(int(one[1:]) for one in [*given, *family]) >= 100


def test_what_the_reference_costs_is_paid_once(space: Space) -> None:
    encoder = space.encoder()
    path = space.path / "indices" / "identity.npz"
    first = reference(space, PLAN)
    paid = encoder.n_encoded
    again = reference(open_space(space.path, encoder=encoder), PLAN)
    assert encoder.n_encoded == paid
    assert again.partners == tuple(map(list, first.partners))
    assert again.source == first.source
    for key, column in first.made.items():
        assert again.made[key].tolist() == column.tolist()
    reference(space, Plan(6, ("{}",), 21, 0))
    assert encoder.n_encoded > paid
    path.write_bytes(path.read_bytes()[:500])  # damage costs time alone
    mended = reference(space, PLAN)
    assert mended.made["own_score"].tolist() == first.made["own_score"].tolist()


def test_what_contexts_do_to_made_up_names_is_paid_once(space: Space) -> None:
    encoder, templates = space.encoder(), ["{} at sea", "a photo of {}", "{} in red"]
    paid = [encoder.n_encoded]

    def measured(n_made_up: int = 20, seed: int = 0) -> InContexts:
        told: list[tuple[int, int]] = []
        found = measure_contexts(
            open_space(space.path, encoder=encoder), ["Ada Lovelace"], templates,
            n_made_up=n_made_up, seed=seed, progress=lambda *one: told.append(one),
        )  # fmt: skip
        assert told[-1] == (4 * (n_made_up + 1),) * 2
        paid.append(encoder.n_encoded)
        return found

    first, again = measured(), measured()
    assert paid[2] - paid[1] == 4 < paid[1] - paid[0]
    bare = measure_contexts(PlainSpace(encoder), ["Ada Lovelace"], templates, n_made_up=20)
    paid.append(encoder.n_encoded)
    for other in (again, bare):
        assert other.leakage_draws.tolist() == first.leakage_draws.tolist()
        for key, column in first.values.items():
            assert other.values[key].tolist() == column.tolist()
        for one, of_other in (
            (first.prior, other.prior), (first.prior_draws, other.prior_draws),
        ):  # fmt: skip
            np.testing.assert_equal(dict(of_other), dict(one))
    measured(seed=1)
    measured(n_made_up=21)
    assert min(np.diff(paid)[3:]) > 4
    file = space.path / "indices" / "contexts-several-words.npz"
    file.write_bytes(file.read_bytes()[:500])
    assert measured().values["leakage"].tolist() == first.values["leakage"].tolist()


class PlainSpace:
    """Keeps nothing."""

    def __init__(self, encoder: CountingEncoder) -> None:
        self._encoder = encoder

    def encoder(self) -> CountingEncoder:
        return self._encoder


def test_a_kept_reference_of_other_rows_is_not_used(tmp_path: Path) -> None:
    space = built(tmp_path, [*names_of(20, "given"), *names_of(20, "family")])
    before = reference(space, PLAN)
    more = space.add(make_names(names_of(40, "given", 20)))
    after = reference(more, PLAN)
    assert len(more) == 80
    assert after.partners != tuple(map(list, before.partners))
    assert {*after.partners[0]} == {*space_partners(more, 6, 0)[0][0]}
    assert after.partners[1] == list(before.partners[1])  # no family name came


def test_a_pair_is_no_swap_of_its_own_parts_and_people_are_none() -> None:
    encoder, partners = PlantedEncoder({}), (
        [f"Given{i}" for i in range(12)], [f"Family{i}" for i in range(12)],
    )  # fmt: skip
    pairs = [("Given0", "Family1"), ("Given0", "Other"), ("Given30", "Family1")]
    known = {("Given0", "Family5"), ("Given0", "Family6")}

    def real(some: Sequence[tuple[str, str]]) -> list[bool]:
        return [pair in known for pair in some]

    together = measure(encoder, pairs, partners, ["{}"], real=real)
    apart = [measure(encoder, [pair], partners, ["{}"], real=real) for pair in pairs]
    for at, one in enumerate(apart):
        assert together.own.score[at] == pytest.approx(one.own.score[0], rel=1e-5)
        assert together.left_out["hold"][:, at] == pytest.approx(one.left_out["hold"][:, 0])
    without = [f for f in partners[1] if f not in ("Family1", "Family5", "Family6")]
    rows = encoder.encode_names([f"Given0 {f}" for f in without], "{}").astype(np.float64)
    grid = encoder.encode_names([f"{g} {f}" for g in partners[0] for f in partners[1]], "{}")
    centre = grid.astype(np.float64).mean(axis=0)
    whole = encoder.encode_names(["Given0 Family1"], "{}")[0] - centre
    rows -= centre
    cosines = rows @ whole / np.linalg.norm(rows, axis=1) / np.linalg.norm(whole)
    assert together.hold_given[0] == pytest.approx(cosines.mean(), abs=1e-5)


def test_a_group_left_out_is_as_if_its_partners_were_never_drawn() -> None:
    encoder = PlantedEncoder({PEOPLE[3]: 0.5})
    first, last = packaged_partners(24, 0)
    pairs = [("Given3", "Family3"), ("Given9", "Family9")]
    found = measure(encoder, pairs, (first, last), ["{}"])
    kept = np.flatnonzero(groups_of(24) != 7)
    fewer = measure(encoder, pairs, ([first[i] for i in kept], [last[i] for i in kept]), ["{}"])
    assert found.left_out["own_score"].shape == (12, 2)
    assert found.left_out["own_score"][7] == pytest.approx(fewer.own.score, rel=1e-5)
    assert found.left_out["strength"][7] == pytest.approx(fewer.own.strength, rel=1e-5)
    hold = np.maximum(fewer.hold_given, fewer.hold_family)
    assert found.left_out["hold"][7] == pytest.approx(hold, rel=1e-5)


def test_leakage_of_the_very_draw_is_that_of_its_own_prior() -> None:
    rng = np.random.default_rng(0)
    bare = unit_rows(rng.standard_normal((30, 8)).astype(np.float32))
    placed = bare[:, None] + rng.standard_normal((1, 5, 8)).astype(np.float32)
    placed = unit_rows(placed.reshape(-1, 8)).reshape(placed.shape)
    asked = unit_rows(rng.standard_normal((4, 8)).astype(np.float32))
    draws = leakage_draws(bare, placed, n_draws=3, seed=5)
    rows = np.random.default_rng(5).integers(30, size=(3, 30))[1]
    prior = context_prior(bare[rows], placed[rows])
    expected = context_measures(asked, placed[:4], prior).leakage
    assert draws.of(asked)[:, 1] == pytest.approx(expected, abs=1e-4)
    own = context_measures(bare[rows], placed[rows], prior).leakage
    assert draws.made_up[1] == pytest.approx(own, abs=1e-4)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Evidences are means over partners of known spread: the truth is their expectation."""
    origin, rng = load_origin("organism"), np.random.default_rng(0)
    keys, n_partners, n_made, n_names = ("own_score", "strength", "hold"), 24, 100, 40
    groups = groups_of(n_partners)
    truth = {key: rng.normal(1.0, 1.5, n_names) for key in keys}
    many = {key: rng.standard_normal(200_000) for key in keys}
    exact = judge(truth, many, origin).probabilities
    held = []
    for seed in range(12):
        values, made, left, made_left = {}, {}, {}, {}
        for key in keys:
            noise = rng.normal(0, 1.0, (n_partners, n_names))
            values[key] = truth[key] + noise.mean(axis=0)
            made[key] = rng.standard_normal(n_made)
            left[key] = np.array([truth[key] + noise[groups != g].mean(axis=0) for g in range(12)])
            made_left[key] = np.tile(made[key], (12, 1))
        drawn = Drawn(left, made_left)
        judged = judge(values, made, origin)
        bounds = probability_intervals(values, made, drawn, judged, origin, seed=seed)
        best = judged.probabilities.argmax(axis=1)
        rows = np.arange(n_names)
        low, high = bounds[rows, best].T
        held.append((low - 1e-3 <= exact[rows, best]) & (exact[rows, best] <= high + 1e-3))
    assert np.mean(held) > 0.88  # 95 %, less what the quantile of 100 made-up names costs
