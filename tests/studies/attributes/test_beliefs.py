"""The rule of "no belief beyond chance": its level, its directions, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.readings import chance
from namebasis.studies.attributes.axis_files import Axis, AxisValue, load_axis
from namebasis.studies.attributes.beliefs import LEVEL, VALIDATED, Leaning, believe

WORLD = Axis("world", "nominal", ("{}",), tuple(AxisValue(v, (v,)) for v in ("A", "B", "C", "D")))


def axes(n: int, seed: int = 0) -> list[Leaning]:
    """Names as made-up ones are: an ordinal, two more and a nominal axis, correlated."""
    rng = np.random.default_rng(seed)

    def drawn(axis: Axis, n_values: int) -> Leaning:
        both = rng.standard_normal((n + 500, 1)) + rng.standard_normal((n + 500, n_values))
        both = both / 2**0.5
        return Leaning(axis, both[:n], both[n:], both[:n], VALIDATED[axis.kind])

    ordinal = [load_axis(name) for name in ("age", "gender", "era")]
    return [*(drawn(axis, 1) for axis in ordinal), drawn(WORLD, 4)]


@pytest.mark.long
def test_names_without_any_belief_seldom_get_one() -> None:
    # One draw of made-up names may be narrow: the level holds over draws.
    draws = [believe(axes(50, seed), 50) for seed in range(200)]
    false = np.mean([np.any([one.counts for one in found], axis=0).mean() for found in draws])
    # At most LEVEL, but for the error of 200 draws; independent axes reach nearly all of it.
    assert 0.6 * LEVEL < false < 1.2 * LEVEL
    found = draws[0]
    for one in found:
        assert (one.p >= 1 / 501).all()
        assert (one.p <= 1).all()


def test_the_rank_p_counts_made_up_names_that_reach_as_far() -> None:
    made = np.array([0.5, 1.0, 2.0, 3.0])
    asked = np.array([4.0, 2.0, 0.0, -np.inf])
    np.testing.assert_allclose(chance.rank_p(asked, made), [1 / 5, 3 / 5, 1, 1])


def test_holm_corrects_each_name_for_the_axes() -> None:
    p = np.array([[0.01, 0.5], [0.04, 0.5], [0.03, 0.5]])
    np.testing.assert_allclose(chance.corrected(p)[:, 0], [0.03, 0.06, 0.06])
    assert (chance.corrected(p)[:, 1] == 1).all()


def test_directions_are_those_of_z_and_both_sides_count() -> None:
    made = np.linspace(-2, 2, 999)[:, None]
    z = np.array([[5.0], [-5.0], [1.9], [5.0], *[[0.0]] * 96, [np.nan]])
    values = np.array([[9.0], [-9.0], [8.0], [-8.0], *[[0.0]] * 96, [0.0]])
    (age,) = believe([Leaning(load_axis("age"), z, made, values, "inferred")], len(z))
    assert [age.told(at) for at in range(5)] == [
        "older than most", "younger than most", *["no belief beyond chance"] * 3,
    ]  # fmt: skip
    assert age.p[3] <= LEVEL  # farther than made-up names, yet most names lean more: none
    assert age.place(0) == age.place(1) == "above 99 % of names"
    assert (age.place(2), age.p[100]) == (None, 1.0)
    np.testing.assert_allclose(age.percentile[:2], 1.0)


def test_a_nominal_axis_is_one_test_of_the_value_that_stands_out() -> None:
    rng = np.random.default_rng(1)
    made = rng.standard_normal((500, 4))
    z = np.zeros((50, 4))
    z[0], z[1], z[2] = [0, 0, 6, 1], [-6, -6, -6, -6], [2.2, 0, 0, 0]
    (world,) = believe([Leaning(WORLD, z, made, z, "projection")], 50)
    assert [world.told(at) for at in range(2)] == ["C", "no belief beyond chance"]
    # The largest of four exceeds 2.2 in 1 - Φ(2.2)⁴ = 5.4 % of made-up names.
    assert world.p[2] == pytest.approx(0.054, abs=0.03)


def test_too_few_made_up_names_can_show_nothing() -> None:
    few = [
        Leaning(one.axis, one.z + 50, one.made[:18], one.values, one.reading) for one in axes(30)
    ]
    assert not any(one.counts.any() for one in believe(few, 30))
    assert believe([], 3) == ()
