"""Spread against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.analysis.spread import MEASURES, spread, spread_values, standing


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def cloud(seed: int, n: int = 9, dim: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal((n, dim)) * 0.6 + rng.standard_normal(dim))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_spread_equals_brute_force_in_any_rotation_scale_and_order(seed: int) -> None:
    rows = cloud(seed)
    centroid = unit(rows.mean(axis=0))
    cosines = [float(a @ b) for a, b in itertools.combinations(rows, 2)]
    rng = np.random.default_rng(seed + 1)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    found = spread(3 * rng.permutation(rows) @ turn, n_bootstrap=20)
    assert found.similarity.value == pytest.approx(float((rows @ centroid).mean()), abs=1e-5)
    assert found.div.value == pytest.approx(1 - float(np.mean(cosines)), abs=1e-5)
    assert found.range.value == pytest.approx(max(cosines) - min(cosines), abs=1e-5)
    peer = np.quantile(cosines, [0.05, 0.5, 0.95], method="inverted_cdf")
    assert [q.value for q in found.quantiles] == pytest.approx(peer, abs=1e-5)


def test_values_of_many_names_are_those_of_each() -> None:
    sets = [cloud(seed) for seed in range(3)]
    values = spread_values(sets)
    for at, rows in enumerate(sets):
        alone = spread(rows, n_bootstrap=2).intervals()
        assert [values[key][at] for key in MEASURES] == [one.value for one in alone.values()]
    with pytest.raises(ValueError, match="cancel out"):
        spread_values([np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])])


def test_the_interval_of_div_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    centre = np.array([1.0, 0, 0, 0, 0])

    def draw(n: int) -> np.ndarray:
        return unit(centre + 0.5 * rng.standard_normal((n, 5)))

    truth = 1 - float(np.square(draw(200_000).mean(axis=0)).sum())
    found = [spread(draw(30), n_bootstrap=100).div for _ in range(120)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.85 <= covered <= 1.0
    # Pairs of a row with itself would pull the resamples' mean below the value.
    assert np.mean([(one.low + one.high) / 2 - one.value for one in found]) == pytest.approx(
        0, abs=0.02
    )


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (np.eye(2), "at least 3"),
        (np.array([[1.0, 0], [0, 0], [0, 1]]), "zero row"),
        (np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), "cancel out"),
    ],
)
def test_spread_refuses(rows: np.ndarray, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        spread(rows)


def test_standing_counts_ties_half_and_keeps_nan() -> None:
    found = standing([2.0, np.nan, 9.0], [1.0, 2.0, 2.0, 3.0])
    assert found.percentile.tolist()[::2] == [0.5, 1.0]
    assert np.isnan(found.percentile[1])
    assert np.isnan(found.z[1])
    assert found.z[0] == 0
    with pytest.raises(ValueError, match="2 different values"):
        standing([1.0], [2.0, 2.0])
