"""Spread against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm, t

from namebasis.analysis.identity.spread import MEASURES, spread, spread_values, standing
from namebasis.analysis.intervals import mean_interval


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
    found = spread(3 * rng.permutation(rows) @ turn)
    assert found.similarity.value == pytest.approx(float((rows @ centroid).mean()), abs=1e-5)
    assert found.div.value == pytest.approx(1 - float(np.mean(cosines)), abs=1e-5)
    assert found.range.value == pytest.approx(max(cosines) - min(cosines), abs=1e-5)
    peer = np.quantile(cosines, [0.05, 0.5, 0.95], method="inverted_cdf")
    assert [q.value for q in found.quantiles] == pytest.approx(peer, abs=1e-5)


def test_values_of_many_names_are_those_of_each() -> None:
    sets = [cloud(seed) for seed in range(3)]
    values = spread_values(sets)
    for at, rows in enumerate(sets):
        alone = spread(rows).intervals()
        assert [values[key][at] for key in MEASURES] == [one.value for one in alone.values()]
    with pytest.raises(ValueError, match="cancel out"):
        spread_values([np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])])


def test_the_interval_of_div_is_the_widest_of_three_and_similarity_has_the_same() -> None:
    rows = cloud(4, n=8)
    found = spread(rows)
    # The χ² of normal rows, from the spectrum of the centred rows (Srivastava 2005).
    scatter = np.cov(rows.T, bias=False) * 7
    trace, square = np.trace(scatter), np.trace(scatter @ scatter)
    of_square = (square - trace**2 / 7) / (6 * 9)
    square_of = (trace**2 - 2 * square / 8) * 8 / (7 * 6 * 9)
    normal = 2 / 7 * of_square / square_of
    logs = [
        np.log(np.mean([1 - a @ b for a, b in itertools.combinations(np.delete(rows, i, 0), 2)]))
        for i in range(8)
    ]
    variance = max(7 / 8 * np.sum((logs - np.mean(logs)) ** 2), normal)
    reach = t.ppf(0.975, 7) * np.sqrt(variance)
    freedom = 2 / variance * (norm.ppf(0.975) / t.ppf(0.975, 7)) ** 2
    many, few = freedom / chi2.ppf([0.975, 0.025], freedom)
    pseudo = mean_interval(8 * found.div.value - 7 * np.exp(logs))
    value = found.div.value
    low, high = value * min(np.exp(-reach), many), value * max(np.exp(reach), few)
    high = min(max(high, pseudo.high or 0.0), 2.0)
    assert (found.div.low, found.div.high) == pytest.approx((low, high), rel=1e-4)
    # similarity falls where div rises, by the same formula as their values
    ends = [np.sqrt(max(0.0, (1 + 7 * (1 - div)) / 8)) for div in (found.div.high, found.div.low)]
    assert (found.similarity.low, found.similarity.high) == pytest.approx(ends)


def test_what_cannot_be_bounded_says_why() -> None:
    few = spread(cloud(1, n=4)).intervals()
    assert {key: one.reason for key, one in few.items()} == {
        "similarity": "fewer than 5 rows",
        "div": "fewer than 5 rows",
        "range": "a range can only widen with further rows",
        "q05": "fewer than 100 rows",
        "q50": "fewer than 7 rows",
        "q95": "fewer than 24 rows",
    }
    assert {one.low for one in few.values()} == {one.high for one in few.values()} == {None}
    alike = spread(np.ones((9, 3)))
    assert alike.div.reason == "all rows, or all but one, are equal"
    assert alike.div.low is alike.similarity.high is None
    # Of the corners of a simplex all pairs are one: no two rows tell how far a third may be.
    assert spread(np.eye(9)).div.reason == "all pairs are equally far apart"
    many = spread(cloud(2, n=100)).quantiles
    assert all(one.low < one.value < one.high for one in many)
    assert many[0].high < many[1].low < many[1].high < many[2].low


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
