"""Intervals against closed forms, peers and brute force; test_coverage.py says what they hold."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import (
    beta,
    binomtest,
    kendalltau,
    norm,
    skew,
    spearmanr,
    t,
    ttest_1samp,
    ttest_ind,
)

from namebasis.analysis import intervals

RNG = np.random.default_rng(0)


def test_intervals_leave_scipy_stats_unloaded() -> None:
    """It takes most of a second to import, in commands that are to answer at once."""
    asked = """
import sys
import numpy as np
from namebasis.analysis import intervals
values = np.random.default_rng(0).random(20)
intervals.mean_interval(values), intervals.share_interval(values > 0.5)
intervals.difference_interval(values, values + values)
intervals.level_interval(0.5, 20), intervals.resampled_ends(values, n_resampled=9)
print("scipy.special" in sys.modules, "scipy.stats" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_means_and_differences_are_scipy_s() -> None:
    first, second = RNG.normal(3, 1, 7), RNG.normal(1, 4, 12)
    even = np.concatenate([first, 6 - first])  # without skewness
    peer = ttest_1samp(even, 0).confidence_interval()
    found = intervals.mean_interval(even)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high))
    found = intervals.difference_interval(first, second)
    error = np.sqrt(first.var(ddof=1) / 7 + second.var(ddof=1) / 12)
    half = t.ppf(0.975, 6) * error
    gap = first.mean() - second.mean()
    assert (found.low, found.high) == pytest.approx((gap - half, gap + half))
    assert error == pytest.approx(gap / ttest_ind(first, second, equal_var=False).statistic)


@pytest.mark.parametrize(
    ("values", "reason"), [([2.0], "fewer than 5 values"), ([2.0] * 5, "all 5 values")]
)
def test_a_mean_without_a_deviation_has_no_interval(values: list[float], reason: str) -> None:
    found = intervals.mean_interval(values)
    assert (found.value, found.low, found.high) == (2.0, None, None)
    assert found.reason is not None
    assert reason in found.reason
    assert intervals.difference_interval(values, values).low is None


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 20), (499, 1000)])
def test_shares_of_yes_and_no_are_clopper_and_pearson_s(hits: int, n: int) -> None:
    found = intervals.share_interval([1.0] * hits + [0.0] * (n - hits))
    peer = binomtest(hits, n).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high))


def test_shares_in_between_are_a_bayesian_bootstrap_with_the_farthest_value_added() -> None:
    values = np.array([0.2, 0.5, 0.5, 0.9, 0.7, 0.4])
    found = intervals.share_interval(values)
    weights = np.random.default_rng(1).dirichlet(np.ones(7), 400_000)
    low = np.quantile(weights @ np.append(values, 0), 0.025)
    high = np.quantile(weights @ np.append(values, 1), 0.975)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.015)
    # Of many values it is hardly wider than that of a mean.
    many = np.tile(values, 200)
    wide, plain = intervals.share_interval(many), intervals.mean_interval(many)
    assert wide.high - wide.low == pytest.approx(plain.high - plain.low, rel=0.05)


def test_auc_counts_pairs_with_ties_half() -> None:
    values, others = RNG.integers(0, 6, 15), RNG.integers(0, 6, 11)
    pairs = (values[:, None] > others) + 0.5 * (values[:, None] == others)
    assert intervals.auc(values, others) == pytest.approx(pairs.mean())


def test_auc_of_two_sides_apart_is_as_unsure_as_the_smaller() -> None:
    found = intervals.auc_interval(np.arange(10) + 10.0, np.arange(10.0))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 10))
    turned = intervals.auc_interval(np.arange(200.0), np.arange(10) + 300.0)
    assert (turned.value, turned.low) == (0.0, 0.0)
    assert turned.high == pytest.approx(1 - 0.025 ** (1 / 10))
    one = intervals.auc_interval([1.0], [0.0, 0.0])
    assert (one.low, one.high) == (pytest.approx(0.025), 1.0)


def test_auc_of_many_names_has_delong_s_error() -> None:
    values, others = RNG.normal(1.2, 2, 3000), RNG.normal(0, 1, 4000)
    pairs = values[:, None] > others
    area = pairs.mean()
    variance = pairs.mean(1).var(ddof=1) / 3000 + pairs.mean(0).var(ddof=1) / 4000
    found = intervals.auc_interval(values, others)
    half = norm.ppf(0.975) * variance**0.5
    assert (found.low, found.high) == pytest.approx((area - half, area + half), abs=2e-3)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.02)


@pytest.mark.parametrize("n", [120, 600])  # each left out in turn, and by what each pair moves
def test_rank_correlation_is_scipy_s_and_its_error_the_jackknife_s(n: int) -> None:
    first = RNG.standard_normal(n)
    second = np.round(first + np.abs(first) * RNG.standard_normal(n))
    found = intervals.rank_correlation_interval(first, second)
    assert found.value == pytest.approx(spearmanr(first, second).statistic)
    left_out = np.arctanh(
        [spearmanr(np.delete(first, i), np.delete(second, i)).statistic for i in range(n)]
    )
    half = t.ppf(0.975, n - 2) * np.sqrt((n - 1) * left_out.var())
    bias = 3 * (found.value - kendalltau(first, second).statistic) / (n - 2)
    low, high = np.arctanh(found.value) - half, np.arctanh(found.value + bias) + half
    assert np.arctanh([found.low, found.high]) == pytest.approx([low, high], rel=0.01)


def test_rank_correlation_of_few_pairs_is_no_surer_than_bonett_and_wright_s() -> None:
    for seed in range(20):
        first, second = np.random.default_rng(seed).standard_normal((2, 8))
        found = intervals.rank_correlation_interval(first, second)
        half = t.ppf(0.975, 6) * np.sqrt((1 + found.value**2 / 2) / 5)
        middle = np.arctanh(found.value)
        assert found.low <= np.tanh(middle - half) + 1e-9
        assert found.high >= np.tanh(middle + half) - 1e-9


def test_a_perfect_order_is_not_sure() -> None:
    perfect = intervals.rank_correlation_interval(np.arange(10.0), np.arange(10.0))
    assert perfect.high == 1.0
    assert 0.5 < perfect.low < 1
    turned = intervals.rank_correlation_interval(np.arange(10.0), -np.arange(10.0))
    assert (turned.low, turned.high) == (-1.0, pytest.approx(-perfect.low))


def test_a_perfect_order_of_few_different_values_leaves_room_for_some_out_of_order() -> None:
    values = np.repeat([0.0, 1.0], 10)  # 0 of 20 out of order: up to 16.8 % might be
    found = intervals.rank_correlation_interval(values, values)
    # One that moves across the border costs 10² of 2 · 20 · 5² squared ranks.
    assert found.low == pytest.approx(1 - 20 * (1 - 0.025 ** (1 / 20)) * 100 / 1000)
    assert (found.value, found.high) == (1.0, 1.0)


def test_rank_correlation_that_is_undefined_says_so() -> None:
    found = intervals.rank_correlation_interval(np.ones(8), np.arange(8.0))
    assert np.isnan(found.value)
    assert (found.low, found.high, found.reason) == (None, None, "one side is all equal")
    assert intervals.rank_correlation_interval([1.0, 2, 3], [1.0, 2, 3]).reason is not None
    rows = intervals.rank_correlations(np.arange(12.0).reshape(3, 4), np.arange(4.0)[None])
    assert rows == pytest.approx([1, 1, 1])


def test_ends_of_few_resampled_things_are_those_of_student_s_t() -> None:
    draws = RNG.permutation(norm.ppf((np.arange(9999) + 0.5) / 9999))
    assert intervals.resampled_ends(draws) == pytest.approx((-1.96, 1.96), abs=0.01)
    low, high = intervals.resampled_ends(draws, 6)
    assert (low, high) == pytest.approx((-t.ppf(0.975, 5) * 1.2**0.5, -low), abs=0.03)
    # 7 things put the ends below the smallest of 200 draws: they cannot be told.
    assert intervals.resampled_ends(draws[:200], 7) == (-np.inf, np.inf)
    assert np.isfinite(intervals.resampled_ends(draws[:200], 9)).all()


def test_an_effective_size_bounds_a_share_as_so_many_yes_and_no_would() -> None:
    assert intervals.level_interval(0.3, 20) == pytest.approx(
        (beta.ppf(0.025, 6, 15), beta.ppf(0.975, 7, 14))
    )
    assert intervals.level_interval(0.0, 7.5)[0] == 0.0
    assert intervals.level_interval(1.0, 7.5)[1] == 1.0


def test_the_interval_of_a_mean_takes_out_skewness() -> None:
    values = np.array([0.1, 0.2, 0.4, 0.9, 1.3, 4.0])
    mean, error = values.mean(), values.std(ddof=1) / 6**0.5
    shift = skew(values, bias=False) / 6**0.5
    found = intervals.mean_interval(values)
    reach = t.ppf(0.975, 5)
    # Hall's cubic of where the mean would have to be is the t of a symmetric sample.
    at = (mean - found.high) / error
    assert at + shift * (at**2 / 3 + 1 / 6) + shift**2 * at**3 / 27 == pytest.approx(-reach)
    assert found.low == pytest.approx(mean - reach * error)  # Student's reaches farther there
    mirrored = intervals.mean_interval(-values)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    even = intervals.mean_interval([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert even.high == pytest.approx(t.ppf(0.975, 4) * 2.5**0.5 / 5**0.5)


def test_the_interval_of_a_median_lies_between_order_statistics() -> None:
    # P(2 ≤ heads ≤ 8 of 10) = 0.979: of 10 values the second and the ninth hold the median.
    found = intervals.median_interval([10, 9, 8, 7, 6, 5, 4, 3, 2, np.inf])
    assert (found.value, found.low, found.high) == (6.5, 3.0, 10.0)
    assert intervals.median_interval([np.inf, np.inf, 1.0]).value == np.inf
    few = intervals.median_interval([1, 2, 3, 4, 5])
    assert (few.low, few.high, few.reason) == (None, None, "5 values are too few for a median's")
