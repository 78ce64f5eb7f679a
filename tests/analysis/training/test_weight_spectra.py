from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.training.weight_spectra import (
    PowerLaw,
    against_lognormal,
    effective_rank,
    relative_change,
    singular_values,
    spectral_exponent,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (1, 5)])
def test_singular_values_are_those_of_an_svd(shape: tuple[int, int]) -> None:
    matrix = RNG.standard_normal(shape)
    expected = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(singular_values(matrix), expected, rtol=1e-9)


def test_effective_rank_counts_equal_values_and_ignores_zeros() -> None:
    assert effective_rank([2.0] * 5 + [0.0] * 4) == pytest.approx(5)
    assert effective_rank([3.0, 0.0]) == pytest.approx(1)
    shares = np.array([0.5, 0.25, 0.25])
    assert effective_rank(7 * shares) == pytest.approx(2**1.5)


@pytest.mark.parametrize("exponent", [1.8, 2.5, 4.0])
def test_exponent_of_a_power_law_is_found(exponent: float) -> None:
    n = 400  # quantiles of the law itself, not a sample
    levels = (np.arange(n) + 0.5) / n
    eigenvalues = (1 - levels) ** (-1 / (exponent - 1))
    found = spectral_exponent(np.sqrt(eigenvalues))
    assert found.exponent == pytest.approx(exponent, rel=0.03)
    assert found.distance < 0.02
    assert found.standard_error == pytest.approx((found.exponent - 1) / np.sqrt(found.n_tail))


def test_the_tail_begins_where_the_law_does() -> None:
    body = RNG.uniform(0.1, 1.0, 300)
    tail = (1 - RNG.uniform(size=300)) ** (-1 / 1.5)
    found = spectral_exponent(np.sqrt(np.concatenate([body, tail])))
    assert 0.7 < found.minimum < 2
    assert found.exponent == pytest.approx(2.5, abs=3 * found.standard_error)


def test_too_short_a_spectrum_has_no_exponent() -> None:
    assert np.isnan(spectral_exponent(np.arange(1.0, 10)).exponent)
    assert np.isnan(spectral_exponent(np.ones(50)).exponent)
    rank_two = singular_values(RNG.standard_normal((40, 2)) @ RNG.standard_normal((2, 40)))
    assert np.isnan(spectral_exponent(rank_two).exponent)


def test_relative_change_is_a_ratio_of_lengths() -> None:
    before = np.array([[3.0, 0], [0, 4]])
    assert relative_change(before, np.add(before, [[0, 0], [1, 0]])) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="one shape"):
        relative_change(before, before[:1])
    with pytest.raises(ValueError, match="all zero"):
        relative_change(0 * before, before)


def test_what_is_no_spectrum_is_refused() -> None:
    with pytest.raises(ValueError, match="2-D"):
        singular_values([1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        singular_values([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="not negative"):
        effective_rank([1.0, -1.0])


def test_a_power_law_is_compared_with_the_lognormal_that_the_package_finds() -> None:
    powerlaw = pytest.importorskip("powerlaw")
    rng = np.random.default_rng(0)
    made = [rng.standard_normal((64, 64 + 32 * more)) for more in (0, 4)]
    spectra = [np.sqrt(rng.lognormal(0, 0.5, 100)), *map(singular_values, made)]
    for singular in spectra:
        fit, values = spectral_exponent(singular), np.square(singular)
        # By itself the package holds exponents to 3 at most.
        held = {"alpha": (1.0, None), "mu": (None, None), "sigma": (0.0, None)}
        found = powerlaw.Fit(values, xmin=fit.minimum, parameter_ranges=held, verbose=False)
        expected = found.distribution_compare("power_law", "lognormal", normalized_ratio=True)
        assert against_lognormal(singular, fit) == pytest.approx(expected, rel=2e-3)


def test_a_lognormal_never_loses_and_at_its_limit_is_the_power_law() -> None:
    rng = np.random.default_rng(0)
    for values, chance in ((rng.lognormal(0, 0.5, 2000), 0.0), (rng.pareto(1.5, 2000) + 1, 1.0)):
        fit = PowerLaw(2.0, 0.1, float(values.min()), len(values), 0.0)
        ratio, found = against_lognormal(np.sqrt(values), fit)
        assert ratio < -5 if chance == 0 else ratio == 0
        assert found == pytest.approx(chance, abs=1e-6)
