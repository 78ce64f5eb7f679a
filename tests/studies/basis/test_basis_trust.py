"""Controls of a basis: what chance reaches, against the same thing done the long way."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from namebasis.analysis.sparse.turning import TurnedDictionaries
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space
from namebasis.studies.basis import trust
from namebasis.studies.basis.recipe import Recipe
from tests.studies.basis.test_basis import FAMILY, GIVEN, SumEncoder, fit

NONE = np.zeros(60, dtype=bool)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    records = [{"name": name, "part": "given", "count": 10} for name in GIVEN]
    records += [{"name": name, "part": "family", "count": 20} for name in FAMILY]
    more = [f"More{number}" for number in range(120)]
    records += [{"name": m, "part": "given", "count": 11 + i} for i, m in enumerate(more)]
    records += [{"name": f"Pseudo{number}", "part": "pseudo"} for number in range(80)]
    path = tmp_path_factory.mktemp("trust") / "sum.space"
    return build_space(make_names(records), path, encoder=SumEncoder())


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((60, 8)) * np.arange(1, 9)
    return atoms.astype(np.float32), rng.standard_normal(8).astype(np.float32)


@pytest.mark.parametrize("ridge", [None, 1.0])
def test_the_turned_null_equals_fits_with_dictionaries_turned_one_by_one(
    ridge: float | None,
) -> None:
    atoms, target = drawn(0)
    recipe = Recipe(3, ridge=ridge)
    null = trust.turned_null(recipe, atoms, target, NONE, NONE, 0.9, 16, np.random.default_rng(5))
    turned = TurnedDictionaries(atoms)
    cosines = []
    for one, seen in turned.draws(target, 16, np.random.default_rng(5)):
        for signs in np.sign(seen * (target @ turned.axes)):
            back = ((one * signs) @ turned.axes.T).astype(np.float32)
            cosines.append(recipe.code(back, target[None], NONE, NONE).similarities[0])
    assert null.mean == pytest.approx(np.mean(cosines), abs=1e-5)
    assert null.sd == pytest.approx(np.std(cosines, ddof=1), abs=1e-5)
    scaled = np.arctanh(cosines)
    assert null.z == pytest.approx((np.arctanh(0.9) - scaled.mean()) / scaled.std(ddof=1), abs=1e-3)
    assert (null.kind, null.n_draws, null.n_atoms) == ("turned", 16, 60)


def test_what_the_names_cannot_reach_lowers_the_null_too() -> None:
    atoms, target = drawn(0)
    flat = atoms * [1, 1, 1, 1, 0, 0, 0, 0]
    recipe = Recipe(3)
    rng = np.random.default_rng(1)
    null = trust.turned_null(recipe, flat, target, NONE, NONE, 0.9, 32, rng)
    reach = float(np.linalg.norm(target[:4]) / np.linalg.norm(target))
    assert 0.8 * reach < null.mean < reach
    away = np.array([0, 0, 0, 0, 1, 0, 0, 0], np.float32)
    null = trust.turned_null(recipe, flat, away, NONE, NONE, 0.0, 32, rng)
    assert (null.mean, null.sd) == (0, 0)


def score(atoms: np.ndarray, target: np.ndarray, seed: int) -> float:
    recipe, none = Recipe(3), np.zeros(len(atoms), dtype=bool)
    observed = float(recipe.code(atoms, target[None], none, none).similarities[0])
    rng = np.random.default_rng(seed)
    return trust.turned_null(recipe, atoms, target, none, none, observed, 48, rng).z


@pytest.mark.long
def test_an_unrelated_target_is_within_two_deviations_of_chance() -> None:
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, 25) ** -0.5
    centres = rng.standard_normal((20, 24))
    atoms = 0.7 * rng.standard_normal((300, 24)) + centres[rng.integers(20, size=300)]
    atoms = ((atoms - atoms.mean(axis=0)) * spectrum).astype(np.float32)
    values, axes = np.linalg.eigh(atoms.T @ atoms / 300)
    targets = ((rng.standard_normal((40, 24)) * np.sqrt(values)) @ axes.T).astype(np.float32)
    scores = np.array([score(atoms, target, i) for i, target in enumerate(targets)])
    assert np.mean(np.abs(scores) < 2) >= 0.9
    assert np.mean(scores >= 2) <= 0.05
    assert abs(np.mean(scores)) < 0.6


def test_a_sum_of_names_in_a_plane_of_few_dimensions_is_better_than_chance() -> None:
    # Names near one of 12 directions of a far plane, as those an encoder cannot read: flips of
    # the plane's four components lead onto names again, and so tell nothing.
    rng = np.random.default_rng(0)
    atoms = 0.3 * rng.standard_normal((600, 48)) * np.arange(1, 49) ** -0.5
    ways = rng.standard_normal((12, 4)) @ rng.standard_normal((4, 48))
    atoms[:90] = ways[rng.integers(12, size=90)] + 0.05 * rng.standard_normal((90, 48))
    atoms = (atoms - atoms.mean(axis=0)).astype(np.float32)
    scores = [
        score(atoms, atoms[rng.choice(90, 3, replace=False)].sum(axis=0), seed) for seed in range(8)
    ]
    assert np.mean(np.array(scores) > 2) >= 0.75
    assert np.median(scores) > 3


def frequency_case() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Names 200 to 599 of 1,600, by count, are the target's direction."""
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((1600, 6)).astype(np.float32)
    atoms[200:600] = [9, 0, 0, 0, 0, 0]
    return atoms, np.eye(6, dtype=np.float32)[0], np.arange(1600.0), np.zeros(1600, dtype=bool)


def test_names_about_as_frequent_are_chosen_among_anew() -> None:
    atoms, target, counts, none = frequency_case()
    atoms[1400] = [9, 0, 0, 0, 0, 0]

    def null(atom: int, n: int = 1) -> trust.Null | None:
        chosen = np.array([atom])
        rng = np.random.default_rng(1)
        return trust.matched_null(Recipe(n), atoms, target, counts, none, chosen, none, 60, rng)

    inside, outside = null(400), null(1400)
    assert inside is not None
    assert outside is not None
    # As many names, real or control; the only good name of its frequency is kept out.
    assert inside.mean == pytest.approx(1, abs=1e-6)
    assert inside.observed == outside.observed == pytest.approx(1, abs=1e-6)
    assert outside.n_atoms == inside.n_atoms == 101
    assert 0.6 < outside.mean < 0.98
    # Three names chosen out of a hundred do better than one: the control chooses.
    more = null(1400, 3)
    assert more is not None
    assert more.mean > outside.mean + 0.03
    counts[1400] = np.nan
    assert null(1400) is None


def test_the_control_by_frequency_equals_its_definition() -> None:
    atoms, target, counts, none = frequency_case()
    chosen = np.array([1400, 20])
    rng = np.random.default_rng(3)
    null = trust.matched_null(Recipe(2), atoms, target, counts, none, chosen, none, 12, rng)
    assert null is not None
    near = np.concatenate([np.arange(0, 201), np.arange(1300, 1501)])
    pool = near[~np.isin(near, chosen)]
    assert null.n_atoms == len(pool) // 2 + 2
    rng = np.random.default_rng(3)
    cosines = []
    for row in [rng.permutation(len(pool))[null.n_atoms :] for _ in range(12)]:
        kept = np.delete(pool, row)
        found = Recipe(2).code(atoms[kept], target[None], none[kept], none[kept])
        cosines.append(found.similarities[0])
    assert null.mean == pytest.approx(np.mean(cosines), abs=1e-5)
    few = np.arange(1600) % 40 > 0
    assert trust.matched_null(Recipe(2), atoms, target, counts, none, chosen, few, 12, rng) is None


@pytest.mark.long
def test_all_controls_and_the_verdict_of_a_true_sum(space: Space) -> None:
    where = "part IN ('given', 'family')"
    found = fit(space, "Givenb Familyc", 2, where=where, n_null=100, n_resamples=60)
    assert [null.kind for null in found.nulls] == ["turned", "matched", "pseudo"]
    assert all(null.z > 2 for null in found.nulls)
    assert found.verdict is not None
    assert found.verdict.startswith("Better than chance: ")
    # A target made of nothing but these two names is always made of them again.
    np.testing.assert_array_equal(found.stability, [1.0, 1.0])
    assert found.to_arrow()["stability"].to_pylist() == [1.0, 1.0]
    plain = found.to_dict()
    assert plain["verdict"] == found.verdict
    assert plain["nulls"][1]["n_draws"] == 100
    pseudo = found.nulls[2]
    assert pseudo.n_atoms == 40
    assert pseudo.observed < found.similarity  # samples of 40 names often lack the true ones


def test_a_made_up_target_gets_a_verdict_that_says_so(space: Space) -> None:
    found = fit(space, np.random.default_rng(7).standard_normal(32), 2, n_null=100)
    assert found.verdict is not None
    assert found.verdict.startswith("No better than chance: ")
    assert fit(space, "Givenb", 2).verdict is None


def test_seeds_repeat_and_counts_are_checked(space: Space) -> None:
    def nulls(seed: int) -> tuple[trust.Null, ...]:
        return fit(space, "Givenb Familyc", 2, n_null=20, seed=seed).nulls

    assert nulls(1) == nulls(1)
    assert nulls(1) != nulls(2)
    with pytest.raises(ValueError, match="n_null must be an integer, at least 0"):
        fit(space, "Givenb", 2, n_null=-1)
    with pytest.raises(ValueError, match="ridge must be a number above 0"):
        fit(space, "Givenb", 2, ridge=0.0)


def test_the_ridge_changes_the_choice_but_weights_stay_unwhitened(space: Space) -> None:
    found = fit(space, "Givenb Familyc", 2, ridge=1.0)
    assert set(found.names) == {"Givenb", "Familyc"}
    atoms = (space.vectors(ids=found.ids) - space.mean()).astype(float)
    target = SumEncoder().encode_text(["Givenb Familyc"])[0] - space.mean()
    np.testing.assert_allclose(
        found.weights, np.linalg.lstsq(atoms.T, target, rcond=None)[0], atol=1e-4
    )


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_controls_and_resamples_multiply_with_one_thread(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    code = Recipe.code

    def watched(self: Recipe, *args: object, **options: object) -> object:
        seen.append(blas_threads())
        return code(self, *args, **options)

    monkeypatch.setattr(Recipe, "code", watched)
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("the BLAS of this machine cannot take two threads")
        fit(space, GIVEN[0], 3, n_null=4, n_resamples=4)
        assert blas_threads() == {2}
    assert seen[0] == {2}, "the fit itself is left alone"
    assert len(seen) > 3
    assert all(one == {1} for one in seen[1:])
