from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from namebasis.analysis.training.change_points import (
    change_points,
    crossing,
    isotonic,
    rise,
)

RNG = np.random.default_rng(0)


def resampled(series: np.ndarray, noise: float, n_draws: int = 100) -> np.ndarray:
    return series + noise * RNG.standard_normal((n_draws, len(series)))


def test_the_true_changes_are_found_and_lie_in_their_intervals() -> None:
    truth = np.repeat([0.0, 1.0, 3.0], [8, 7, 9])
    draws = resampled(truth, 0.2)
    first, second = change_points(draws[0], draws)
    assert (first.index, second.index) == (8, 15)
    assert first.low <= 8 <= first.high
    assert second.low <= 15 <= second.high
    assert first.before == pytest.approx(draws[0][:8].mean())
    assert second.after == pytest.approx(draws[0][15:].mean())


def test_the_split_is_the_best_of_all_splits() -> None:
    series = np.repeat([0.0, 0.8], [5, 9]) + 0.3 * RNG.standard_normal(14)
    errors = {
        at: sum(((part - part.mean()) ** 2).sum() for part in np.split(series, [at]))
        for at in range(2, 13)
    }
    (found,) = change_points(series, resampled(series, 0.1), max_points=1)
    assert found.index == min(errors, key=errors.__getitem__)


def test_noise_alone_rarely_has_a_change_point() -> None:
    found = [
        len(change_points(0.3 * RNG.standard_normal(25), resampled(np.zeros(25), 0.3)))
        for _ in range(100)
    ]
    assert np.mean(np.array(found) > 0) <= 0.1


def test_a_noisier_change_has_a_wider_interval() -> None:
    truth = np.repeat([0.0, 1.0], [12, 12])
    widths = []
    for noise in (0.1, 0.6):
        (found,) = change_points(truth, resampled(truth, noise, 300), max_points=1)
        widths.append(found.high - found.low)
    assert widths[0] < widths[1]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_isotonic_is_the_library_s_regression(values: list[float]) -> None:
    np.testing.assert_allclose(isotonic(values), isotonic_regression(values), atol=1e-9)


def test_isotonic_takes_rows_one_by_one() -> None:
    rows = RNG.standard_normal((4, 9))
    np.testing.assert_allclose(isotonic(rows), [isotonic_regression(row) for row in rows])


def test_a_crossing_lies_where_a_straight_rise_meets_the_level() -> None:
    places = np.array([0.0, 1, 2, 4, 8])
    series = np.array([-3.0, -2, -1, 1, 5])
    found = crossing(places, series, resampled(series, 1e-9), level=0.5)
    assert found.position == pytest.approx(3.5)
    assert found.low == pytest.approx(3.5, abs=1e-6)
    assert (found.share, found.state) == (1.0, "crossed")


def test_the_interval_covers_the_true_crossing_as_often_as_it_says() -> None:
    places = np.arange(20.0)
    truth = np.tanh((places - 9.3) / 3)
    covered = 0
    for _ in range(100):
        replicates = truth + RNG.standard_normal((24, 20))
        rows = replicates[RNG.integers(24, size=(200, 24))].mean(axis=1)
        found = crossing(places, replicates.mean(axis=0), rows)
        covered += found.low <= 9.3 <= found.high
    assert covered >= 85


def test_never_and_before_are_told_apart_from_a_crossing() -> None:
    low = np.linspace(-2, -1, 6)
    never = crossing(np.arange(6), low, resampled(low, 0.01))
    assert np.isnan(never.position)
    assert (never.state, never.share, never.high) == ("never", 0.0, np.inf)
    before = crossing(np.arange(6), low + 5, resampled(low + 5, 0.01))
    assert (before.position, before.state) == (0.0, "before")


def test_a_dip_after_the_rise_does_not_undo_the_crossing() -> None:
    series = np.array([-1.0, -1, 2, 2, 0.5, 2])
    found = crossing(np.arange(6), series, resampled(series, 1e-9))
    # The fit pools the last four to 1.625: from -1 it meets 0 at 1 + 1/2.5.
    assert found.position == pytest.approx(1 + 1 / 2.5)


def test_what_comes_before_the_lowest_point_does_not_move_the_crossing() -> None:
    rising = np.array([-1.0, -0.5, 0.5, 1.0])
    series = np.concatenate([[0.4, 0.3, 0.6], rising])
    places = np.array([0.0, 0, 0, 0, 1, 2, 3])  # the fall takes place at one position
    found = crossing(places, series, resampled(series, 1e-9))
    assert found.position == pytest.approx(1.5)
    assert found.state == "crossed"
    assert rise(places, series) == pytest.approx(rise(places[3:], rising))
    falling = crossing(places, -np.arange(7.0) - 1, resampled(-np.arange(7.0) - 1, 1e-9))
    assert falling.state == "never"
    above = crossing(places, series + 2, resampled(series + 2, 1e-9))
    assert above.state == "before"


def test_rise_of_a_logistic() -> None:
    places = np.linspace(0, 20, 401)
    low, high = rise(places, 1 / (1 + np.exp(-(places - 10))))
    assert high - low == pytest.approx(2 * np.log(9), abs=0.05)
    assert np.isnan(rise(places, -places)[0])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 points"):
        change_points([0.0, 1, 2], np.zeros((5, 3)))
    with pytest.raises(ValueError, match="n_resamples, 3"):
        crossing([0, 1, 2], [0.0, 1, 2], np.zeros((5, 4)))
    with pytest.raises(ValueError, match="not decreasing"):
        crossing([0, 2, 1], [0.0, 1, 2], np.zeros((5, 3)))
    with pytest.raises(ValueError, match="finite"):
        crossing([0, 1], [0.0, np.nan], np.zeros((5, 2)))
