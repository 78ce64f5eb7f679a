"""Variances of few measurements beside a prior: closed forms, unbiased parts, limited shrinkage."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from namebasis.analysis.identity.variances import (
    VariancePrior,
    entropy_of,
    fit_prior,
    freedoms,
    mean_log_ratio,
    place_variances,
    sample_of,
)

NINE = 9


def a_prior(scale: float, freedom: float, n: int = 10, error: float = 1e-9) -> VariancePrior:
    return VariancePrior(scale, freedom, n, error, 1e-12, np.full(n, scale))


def test_a_sample_is_its_variance_and_the_means_over_pairs_of_rows() -> None:
    rows = np.random.default_rng(0).standard_normal((6, 3))
    found = sample_of(rows)
    assert found.variance == pytest.approx(rows.var(axis=0, ddof=1).sum())
    half = {(i, j): np.square(rows[i] - rows[j]).sum() / 2 for i, j in permutations(range(6), 2)}
    same = np.mean([one**2 for one in half.values()])
    shared = np.mean([half[i, j] * half[i, k] for i, j, k in permutations(range(6), 3)])
    apart = np.mean([
        half[a] * half[b] for a, b in permutations(combinations(range(6), 2), 2)
        if not set(a) & set(b)
    ])  # fmt: skip
    assert found.pairs == pytest.approx((same, shared, apart))
    with pytest.raises(ValueError, match="at least 2 measurements; got 1"):
        sample_of([1.0])


@pytest.mark.parametrize(("draw", "excess"), [
    (lambda rng, n: rng.standard_normal(n), 0.0), (lambda rng, n: rng.random(n), -1.2),
    (lambda rng, n: rng.laplace(size=n), 3.0), (lambda rng, n: rng.integers(2, size=n), -2.0),
])  # fmt: skip
def test_freedom_is_that_of_the_kurtosis_and_never_above_normal(draw, excess: float) -> None:
    rng = np.random.default_rng(1)
    samples = [sample_of(draw(rng, NINE)) for _ in range(2500)]
    # Var(s²) / σ⁴ = excess / n + 2 / (n − 1).
    expected = min(2 / (excess / NINE + 2 / (NINE - 1)), NINE - 1)
    assert freedoms(samples)[0] == pytest.approx(expected, rel=0.08)


def test_the_interval_and_the_percentile_are_those_of_f() -> None:
    prior = a_prior(2.0, np.inf, error=2 / 80)  # ten names of nine rows: 80 degrees of freedom
    placed = place_variances([4.0], [8.0], prior)
    assert placed.raw[0] == pytest.approx(np.log(2))
    assert placed.low[0] == pytest.approx(np.log(2 / stats.f.ppf(0.975, 8, 80)))
    assert placed.high[0] == pytest.approx(np.log(2 / stats.f.ppf(0.025, 8, 80)))
    few = VariancePrior(2.0, 5.0, 3, 0.1, 1e-12, np.array([1.0, 3.0, 3.5]))
    # F says 0.80, a third of the names lies below a variance of 2.9 … the nearer to the middle.
    by_f = stats.f.cdf(2.9 / 2, 8, 5)
    assert place_variances([2.9], [8.0], few).percentile[0] == pytest.approx(
        min(by_f, 1 / 3, key=lambda share: abs(share - 0.5))
    )
    # Below all names of the prior F alone speaks.
    assert place_variances([0.01], [8.0], few).percentile[0] > 0
    assert place_variances([0.9], [8.0], few).percentile[0] == pytest.approx(
        stats.f.cdf(0.45, 8, 5)
    )


def test_the_prior_is_found_again_by_its_moments() -> None:
    rng = np.random.default_rng(2)
    n, scale, freedom = 4000, 3.0, 6.0
    variances = scale * stats.f.rvs(8, freedom, size=n, random_state=rng)
    found = fit_prior(variances, np.full(n, 8.0), 1e-9)
    assert found is not None
    assert (found.scale, found.freedom) == pytest.approx((scale, freedom), rel=0.08)
    equal = scale * rng.chisquare(8, n) / 8 * np.linspace(0.999, 1.001, n)
    alike = fit_prior(np.sort(equal)[n // 4 : -n // 4], np.full(n // 2, 8.0), 1e-9)
    assert alike is not None
    assert np.isinf(alike.freedom)  # they differ less than chance lets them
    assert fit_prior([1.0, 2.0], [8.0, 8.0], 1e-9) is None
    with pytest.raises(ValueError, match=r"floor must be above 0; got 0"):
        fit_prior([1.0, 2.0, 3.0], [8.0] * 3, 0.0)


def test_an_estimate_of_nine_is_drawn_in_by_one_standard_error_at_most() -> None:
    rng = np.random.default_rng(3)
    true = np.exp(0.3 * rng.standard_normal(300))
    seen = true * rng.chisquare(8, 300) / 8
    placed = place_variances(seen, np.full(300, 8.0), a_prior(1.0, np.inf))
    unbiased = placed.raw - stats.loggamma.mean(4) + np.log(4)
    error = np.sqrt(np.square(placed.log_ratio - np.log(true)).mean())
    assert error < 0.75 * np.sqrt(np.square(unbiased - np.log(true)).mean())
    one = np.append(np.ones(30), 0.001)  # a name unlike all others stays so
    stays = place_variances(one, np.full(31, 8.0), a_prior(1.0, np.inf))
    reach = np.sqrt(stats.loggamma.var(4))
    assert stays.log_ratio[-1] < np.log(0.001) + 2 * reach
    assert stays.high[-1] < 0


def test_entropy_is_corrected_and_knows_its_ends() -> None:
    one_label = np.tile([1.0, 0.0, 0.0], (NINE, 1))
    found = entropy_of(one_label)
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0))
    rng = np.random.default_rng(4)
    draws = [np.eye(4)[rng.integers(4, size=NINE)] for _ in range(200)]
    plain = [stats.entropy(one.mean(axis=0), base=2) for one in draws]
    corrected = [entropy_of(one, n_resamples=20).value for one in draws]
    assert abs(np.mean(corrected) - 2) < 0.4 * abs(np.mean(plain) - 2)
    assert entropy_of(one_label[:1]).reason == "1 image has no spread"
    assert entropy_of(one_label[:4]).reason == "fewer than 5 images"


def test_the_mean_over_attributes_holds_the_truth() -> None:
    """Nine pictures, four attributes of which two are equal: images are drawn, not measurements."""
    rng = np.random.default_rng(5)
    prior = a_prior(1.0, np.inf, error=1e-4)
    held = 0
    for _ in range(150):
        one, two, three = rng.standard_normal((3, NINE)) * 0.5
        found = mean_log_ratio([one, one, two, three], [prior] * 4, n_resamples=200)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= np.log(0.25) <= found.high
    assert 0.91 <= held / 150 <= 1.0
    shares = np.column_stack([one, 1 - one])
    assert mean_log_ratio([shares], [prior]).value == pytest.approx(
        mean_log_ratio([one], [prior]).value + np.log(2)
    )
    assert mean_log_ratio([one[:4]], [prior]).reason == "fewer than 5 images"
    with pytest.raises(ValueError, match="at least 2 measurements; got 1"):
        mean_log_ratio([one[:1]], [prior])
