"""The lag between two sides of series: closed forms, infinite lags, and the null of dealt sides."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.training.lags import lag_of_columns, lag_of_places

PLACES = np.array([0.0, 9.0, 99.0, 999.0])  # each ten times the one before, plus one


def at(crossing: int) -> list[float]:
    """A line that is 0 at one of the places."""
    return [float(place - crossing) for place in range(4)]


def test_the_ratio_is_that_of_the_places_plus_one() -> None:
    values = np.array([[at(1), at(1), at(2)]] * 15)
    is_first = np.array([[True, True, False]] * 15)
    found = lag_of_columns(values, is_first, np.tile(PLACES, (15, 1)), seed=1)
    assert (found.ratio, found.low, found.high) == pytest.approx((10, 10, 10))
    np.testing.assert_allclose(found.ratios, 10)
    assert (found.n, found.n_never) == (15, 0)
    # Dealt: the late column stands on its own in a third of the deals, else in the first pair.
    assert found.null_low == pytest.approx(10**-0.5)
    assert found.null == pytest.approx(10**-0.5)


def test_sides_alike_have_no_lag_and_a_null_of_none() -> None:
    rng = np.random.default_rng(0)
    values = np.array([at(1)] * 6)[None] + rng.normal(0, 0.1, (30, 6, 1))
    found = lag_of_columns(values, np.arange(6) < np.full((30, 1), 2), np.tile(PLACES, (30, 1)))
    assert found.low < 1 < found.high
    assert found.null_low < found.null < found.null_high
    assert found.null == pytest.approx(1, abs=0.1)


def test_what_never_crosses_counts_as_later_than_all() -> None:
    first, second = [1.0, 1.0, 1.0, np.inf, np.nan], [3.0, 7.0, np.inf, 5.0, 5.0]
    found = lag_of_places(first, second)
    np.testing.assert_array_equal(found.ratios, [2, 4, np.inf, np.nan, np.nan])
    assert (found.n, found.n_never, found.ratio, found.high) == (3, 1, 4, np.inf)
    assert found.low == 0  # three names are too few to tell
    assert np.isnan(found.null)
    few = lag_of_places(first[:2], second[:2])
    assert np.isnan([few.ratio, few.low, few.high]).all()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"places must be 1-D and of one shape; got \(1,\) and"):
        lag_of_places([1.0], [1.0, 2.0])
    one = np.zeros((1, 2, 4))
    with pytest.raises(ValueError, match=r"values must be \(n_series, n_columns, n_points\)"):
        lag_of_columns(one, [[True]], PLACES[None])
    with pytest.raises(ValueError, match="each series have a column on both sides"):
        lag_of_columns(one, [[True, True]], PLACES[None])
