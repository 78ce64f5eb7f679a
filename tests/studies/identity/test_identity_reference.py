"""What names are measured against: fixed by the space, kept beside it, with a true interval."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.analysis.identity.contexts import (
    context_measures,
    context_prior,
    leakage,
    leakage_draws,
)
from namebasis.checks import unit_rows
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.identity.in_contexts import InContexts, measure_contexts
from namebasis.studies.identity.reference import Plan, reference, space_grid, space_partners
from namebasis.studies.identity.swaps import (
    blocks_of,
    count_prompts,
    crossed_pairs,
    draw_partners,
    embed_grid,
    groups_of,
    measure,
    packaged_partners,
    pseudo_pairs,
    unnamed_pairs,
)
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
    packaged, source = space_partners(space, 17, 0)  # a quarter more than 17 it does not hold
    assert packaged == packaged_partners(17, 0, space.encoder())
    assert "packaged US" in source
    assert "the space holds 21 given names (at least 22 are needed)" in source


def test_partners_of_two_numbers_and_their_grid_are_kept_beside_each_other(space: Space) -> None:
    encoder = space.encoder()
    templates = ("{}", "a photo of {}")
    partners, grid = space_grid(space, 7, templates, 0)
    wider, _ = space_partners(space, 8, 0)
    paid = encoder.n_encoded
    again, kept = space_grid(space, 7, templates, 0)
    assert (again, space_partners(space, 8, 0)[0]) == (tuple(partners), tuple(wider))
    assert encoder.n_encoded == paid
    np.testing.assert_array_equal(kept, grid)
    np.testing.assert_array_equal(grid, embed_grid(encoder, partners, templates))
    other, of_others = space_grid(space, 7, templates, 1)
    assert tuple(other) != tuple(partners)
    np.testing.assert_array_equal(of_others, embed_grid(encoder, other, templates))


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


class OfPieces(PlantedSpace):
    """600 names of each part that are read in one piece, as many in two, and some in none."""

    columns = ("name", "part")

    def __init__(self) -> None:
        super().__init__([], {})
        self._encoder.pieces = self._pieces  # type: ignore[method-assign]

    def _pieces(self, names: Sequence[str]) -> list[list[str]]:
        return [["[UNK]"] if one.endswith("?") else one.split("-") for one in names]

    def table(self, columns: Sequence[str], **_: object) -> pa.Table:
        names = [f"{at}{end}" for at in range(600) for end in ("", "-a", "?")]
        data = {"name": [part + one for part in ("g", "f") for one in names]}
        data["part"] = [{"g": "given", "f": "family"}[name[0]] for name in data["name"]]
        return pa.table({column: data[column] for column in columns})


def test_without_counts_partners_are_what_the_encoder_writes_in_the_fewest_pieces() -> None:
    (given, family), _ = space_partners(OfPieces(), 24, 0)
    assert len({*given}) == len({*family}) == 24
    assert all(one[1:].isdigit() for one in [*given, *family])


class Kinds(PlantedEncoder):
    """Three kinds of names that lie far apart, of which two are rare."""

    def _embed(self, name: str, template: str) -> np.ndarray:
        row = vector(name[0], 5.0) + vector(name, 0.1)
        return np.asarray(row / np.linalg.norm(row), np.float32)


def test_partners_are_of_every_kind_that_the_encoder_tells_apart() -> None:
    pool = [f"a{at}" for at in range(90)] + [f"b{at}" for at in range(5)] + ["c0", "c1"]
    for seed in range(4):
        drawn = draw_partners(Kinds({}), pool, 3, seed, "given")
        assert {one[0] for one in drawn} == {"a", "b", "c"}
    many = draw_partners(Kinds({}), pool, 24, 0, "given")
    assert len({*many}) == 24
    kinds = [one[0] for one in many]
    assert sum(one != other for one, other in pairwise(kinds)) == 2
    assert draw_partners(Kinds({}), pool, 97, 0, "given") == sorted(pool)


def test_crossed_pairs_share_parts_within_a_block_alone() -> None:
    pairs = crossed_pairs(170, 0)
    blocks = blocks_of(170)
    assert len({*pairs}) == 170
    assert np.bincount(blocks).tolist() == [16] * 10 + [10]
    for side in (0, 1):
        of_part: dict[str, set[int]] = {}
        for pair, block in zip(pairs, blocks.tolist(), strict=True):
            of_part.setdefault(pair[side], set()).add(block)
        assert {len(found) for found in of_part.values()} == {1}
    assert len({given for given, _ in pairs[:160]}) == 40
    assert crossed_pairs(144, 0) == pseudo_pairs(144, 0)
    for n in (30, 170):  # numbers in their place share as many parts
        counts = [
            count_prompts(made, (["a"] * 3, ["b"] * 3), ["{}"])
            for made in (crossed_pairs(n, 0), unnamed_pairs(n))
        ]
        assert counts[0] == counts[1]
    assert blocks_of(144).tolist() == list(range(144))


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


@pytest.mark.long
def test_what_contexts_do_to_made_up_names_is_paid_once(space: Space) -> None:
    encoder, templates = space.encoder(), ["{} at sea", "a photo of {}", "{} in red"]
    paid = [encoder.n_encoded]

    def measured(n_made_up: int = 20, seed: int = 0) -> InContexts:
        told: list[tuple[int, int]] = []
        found = measure_contexts(
            open_space(space.path, encoder=encoder), ["Ada Lovelace"], templates,
            n_made_up=n_made_up, seed=seed, progress=lambda *one: told.append(one),
        )  # fmt: skip
        assert told[-1] == (4 + (4 + 9) * n_made_up,) * 2
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


def test_rare_names_in_contexts_are_paid_once_whoever_is_asked(tmp_path: Path) -> None:
    names = [{"name": f"Rare{at}", "part": "given", "count": at + 2} for at in range(24)]
    space, templates = built(tmp_path, names), ["{} at sea", "a photo of {}", "{} in red"]
    encoder = space.encoder()

    def measured(name: str, among: Space = space) -> tuple[InContexts, int]:
        told: list[tuple[int, int]] = []
        paid = encoder.n_encoded
        found = measure_contexts(
            among, [name], templates, n_made_up=22, with_weak=True,
            progress=lambda *one: told.append(one),
        )  # fmt: skip
        assert told[-1] == (4 * (1 + 22) + (4 + 9) * 22,) * 2
        return found, encoder.n_encoded - paid

    measured("Somebody")
    of_rare, paid = measured("Rare3")
    assert paid == 4
    alone = measure_contexts(
        space, [f"Rare{at}" for at in range(22) if at != 3], templates, n_made_up=22
    )
    for key, column in of_rare.weak["one word"].items():
        assert column == pytest.approx(alone.values[key], rel=1e-6)
    more = space.add(make_names([{"name": "Rarest", "part": "given", "count": 1}]))
    assert measured("Somebody", more)[1] == 4 * (1 + 22)  # another name is among the rarest
    file = space.path / "indices" / "contexts-of-rare-one-word.npz"
    file.write_bytes(file.read_bytes()[:500])
    again, _ = measured("Rare3")
    for key, column in of_rare.weak["one word"].items():
        assert again.weak["one word"][key] == pytest.approx(column, rel=1e-6)


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


def test_bare_names_say_where_a_context_is_leant_to() -> None:
    rng = np.random.default_rng(0)
    bare, others, asked = (
        unit_rows(rng.standard_normal((n, 8)).astype(np.float32)) for n in (30, 70, 4)
    )
    placed = bare[:, None] + rng.standard_normal((1, 5, 8)).astype(np.float32)
    placed = unit_rows(placed.reshape(-1, 8)).reshape(placed.shape)
    prior = context_prior(bare, placed, others)
    everyone = np.concatenate([bare, others]).astype(np.float64)
    shifts = placed.mean(axis=0) - placed.mean(axis=(0, 1))
    along = shifts / np.linalg.norm(shifts, axis=1, keepdims=True)
    leaks = (everyone - everyone.mean(axis=0)) @ along.T
    expected = ((asked - everyone.mean(axis=0)) @ along.T - leaks.mean(axis=0)) / leaks.std(
        axis=0, ddof=1
    )
    assert leakage(asked, prior) == pytest.approx(expected.max(axis=1), abs=1e-4)
    assert context_measures(asked, placed[:4], prior).leakage == pytest.approx(
        expected.max(axis=1), abs=1e-4
    )
    draws = leakage_draws(bare, placed, others, n_draws=2, seed=3)
    assert draws.made_up.shape == (2, 100)
    assert draws.made_up.std() == pytest.approx(leakage(everyone, prior).std(), rel=0.5)


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


@pytest.mark.long
def test_intervals_hold_what_another_seed_says_as_often_as_they_claim() -> None:
    """Evidences are means over partners of known spread, thresholds quantiles of made-up names."""
    origin, rng = load_origin("made-up names"), np.random.default_rng(0)
    keys, n_partners, n_made, n_names = ("own_score", "strength", "hold"), 24, 100, 40
    groups = groups_of(n_partners)
    truth = {key: rng.normal(1.0, 1.5, n_names) for key in keys}

    def mean_of(noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return noise.mean(axis=0), np.array([noise[groups != g].mean(axis=0) for g in range(12)])

    found = []
    for seed in range(10):
        values, made, left, made_left = {}, {}, {}, {}
        for key in keys:
            moved, without = mean_of(rng.normal(0, 1.0, (n_partners, n_names)))
            values[key], left[key] = truth[key] + moved, truth[key] + without
            moved, without = mean_of(rng.normal(0, 1.0, (n_partners, n_made)))
            strangers = rng.standard_normal(n_made)
            made[key], made_left[key] = strangers + moved, strangers + without
        judged = judge(values, made, origin)
        drawn = Drawn(left, made_left)
        bounds, _ = probability_intervals(values, made, drawn, judged, origin, seed=seed)
        found.append((judged.probabilities, bounds))
    held = []
    for at, (chances, bounds) in enumerate(found):
        rows, best = np.arange(n_names), chances.argmax(axis=1)
        low, high = bounds[rows, best].T
        others = [other[rows, best] for one, (other, _) in enumerate(found) if one != at]
        held += [(low - 1e-9 <= other) & (other <= high + 1e-9) for other in others]
    assert 0.94 < np.mean(held) < 0.995
