"""Controls of a basis: what chance reaches, against the same thing done the long way."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.namespace.build import build_space
from namebasis.namespace.names import make_names
from namebasis.namespace.space import Space
from namebasis.studies import basis
from namebasis.studies import basis_trust as trust
from namebasis.studies.basis_recipe import Recipe
from tests.studies.test_basis import FAMILY, GIVEN, SumEncoder

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
def test_the_rotated_null_equals_fits_with_dictionaries_turned_one_by_one(
    ridge: float | None,
) -> None:
    atoms, target = drawn(0)
    recipe = Recipe(3, ridge=ridge)
    null = trust.rotated_null(recipe, atoms, target, NONE, NONE, 0.9, 40, np.random.default_rng(5))
    centred = atoms.astype(float) - atoms.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred / 60)[1]
    signs = np.random.default_rng(5).choice([-1.0, 1.0], size=(40, 8))
    cosines = []
    for sign in signs:
        turned = (atoms @ axes * sign @ axes.T).astype(np.float32)
        cosines.append(recipe.code(turned, target[None], NONE, NONE).similarities[0])
    assert null.mean == pytest.approx(np.mean(cosines), abs=1e-5)
    assert null.sd == pytest.approx(np.std(cosines, ddof=1), abs=1e-5)
    assert null.z == pytest.approx((0.9 - null.mean) / null.sd)
    assert (null.n_draws, null.n_atoms) == (40, 60)


def test_a_target_without_relation_to_the_names_is_no_better_than_chance() -> None:
    scores = []
    for seed in range(30):
        atoms, target = drawn(seed)
        recipe = Recipe(3)
        observed = float(recipe.code(atoms, target[None], NONE, NONE).similarities[0])
        rng = np.random.default_rng(seed)
        scores.append(trust.rotated_null(recipe, atoms, target, NONE, NONE, observed, 50, rng).z)
    assert abs(np.mean(scores)) < 0.6
    assert 0.5 < np.std(scores) < 1.7


def test_stand_ins_are_about_as_frequent_and_never_the_chosen() -> None:
    rng = np.random.default_rng(0)
    counts = np.arange(400.0)
    # Names of counts 100 to 199 are the target's direction, so matched sets are as good.
    atoms = rng.standard_normal((400, 6)).astype(np.float32)
    atoms[100:200] = [9, 0, 0, 0, 0, 0]
    target = np.array([1, 0, 0, 0, 0, 0], np.float32)
    none = np.zeros(400, dtype=bool)

    def null(atom: int) -> trust.Null | None:
        chosen = np.array([atom])
        return trust.matched_null(
            Recipe(1), atoms, target, counts, chosen, none, 1.0, 100, np.random.default_rng(1)
        )

    inside, outside = null(150), null(350)
    assert inside is not None
    assert outside is not None
    assert inside.mean == pytest.approx(1, abs=1e-6)
    assert inside.sd == pytest.approx(0, abs=1e-6)
    assert outside.mean < 0.6
    assert outside.n_atoms == 399
    counts[150] = np.nan
    assert null(150) is None


def test_all_controls_and_the_verdict_of_a_true_sum(space: Space) -> None:
    where = "part IN ('given', 'family')"
    found = basis.fit(space, "Givenb Familyc", 2, where=where, n_null=100, n_resamples=60)
    assert [null.kind for null in found.nulls] == ["rotated", "matched", "pseudo"]
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
    found = basis.fit(space, np.random.default_rng(7).standard_normal(32), 2, n_null=100)
    assert found.verdict is not None
    assert found.verdict.startswith("No better than chance: ")
    assert basis.fit(space, "Givenb", 2).verdict is None


def test_unstable_names_are_chosen_less_often() -> None:
    # Ten near copies of one direction: which of them is chosen depends on who is there.
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((60, 8)).astype(np.float32) * 0.01
    atoms[0] = [5, 0, 0, 0, 0, 0, 0, 0]
    atoms[1] = [0, 5, 0, 0, 0, 0, 0, 0]
    atoms[2:6] = [0, 4.9, 0.5, 0, 0, 0, 0, 0] + rng.standard_normal((4, 8)) * 0.01
    target = np.array([1, 0.5, 0.07, 0, 0, 0, 0, 0], np.float32)
    chosen = np.array([0, 2])
    shares = trust.stability(
        Recipe(2, n_sweeps=0), atoms, target, NONE, NONE, chosen, 200, np.random.default_rng(2)
    )
    assert shares[0] == 1.0
    assert 0.0 <= shares[1] < 0.6


def test_seeds_repeat_and_counts_are_checked(space: Space) -> None:
    def nulls(seed: int) -> tuple[trust.Null, ...]:
        return basis.fit(space, "Givenb Familyc", 2, n_null=20, seed=seed).nulls

    assert nulls(1) == nulls(1)
    assert nulls(1) != nulls(2)
    with pytest.raises(ValueError, match="n_null must be an integer, at least 0"):
        basis.fit(space, "Givenb", 2, n_null=-1)
    with pytest.raises(ValueError, match="ridge must be a number above 0"):
        basis.fit(space, "Givenb", 2, ridge=0.0)


def test_the_ridge_changes_the_choice_but_weights_stay_unwhitened(space: Space) -> None:
    found = basis.fit(space, "Givenb Familyc", 2, ridge=1.0)
    assert set(found.names) == {"Givenb", "Familyc"}
    atoms = (space.vectors(ids=found.ids) - space.mean()).astype(float)
    target = SumEncoder().encode_text(["Givenb Familyc"])[0] - space.mean()
    np.testing.assert_allclose(
        found.weights, np.linalg.lstsq(atoms.T, target, rcond=None)[0], atol=1e-4
    )
