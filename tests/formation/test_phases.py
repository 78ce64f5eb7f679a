"""Rules fixed here, on trajectories whose phases are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.formation.phases import Phases, find_phases, label, settled, threshold

STEPS = tuple(range(0, 200, 10))
RNG = np.random.default_rng(0)
N_DRAWS = 60


def logistic(at: float, height: float) -> np.ndarray:
    return 1 + height / (1 + np.exp(-(np.array(STEPS) - at) / 5))


def made(n_each: int = 12, n_controls: int = 100, noise: float = 0.12) -> Phases:
    """Four groups of names: parts only; coarse only; one person from 100; one picture from 140."""
    flat = np.ones(len(STEPS))
    plans = [
        (flat, flat, flat),
        (logistic(60, 3), flat, flat),
        (logistic(60, 3), logistic(100, 2), flat),
        (logistic(60, 3), logistic(100, 2), logistic(140, 8)),
    ]
    truth = [plan for plan in plans for _ in range(n_each)] + [plans[0]] * n_controls

    def noisy(rows: np.ndarray) -> np.ndarray:
        # A name's deviation stays over steps, as it does in a model; a little comes and goes.
        lasting = RNG.standard_normal((len(rows), 1))
        passing = RNG.standard_normal(rows.shape)
        return rows * np.exp(noise * (lasting + 0.3 * passing))

    own, fine, ratio = (noisy(np.array([plan[at] for plan in truth])) for at in range(3))
    n = 4 * n_each
    values = {
        "own_score": own, "fine": fine, "displacement_ratio": ratio,
        "margin": np.full_like(own, np.nan),
    }  # fmt: skip
    draws = {
        key: values[key][:n, :, None] * np.exp(0.05 * RNG.standard_normal((n, 20, N_DRAWS)))
        for key in ("own_score", "fine", "margin")
    }
    names = [f"name {at}" for at in range(len(truth))]
    exposures = np.tile(2.0 * np.array(STEPS), (n, 1))
    return find_phases(names, n, STEPS, values, draws, exposures)


def test_every_group_ends_in_its_phase() -> None:
    found = made().labels
    for group in range(4):
        at_end = found[12 * group : 12 * group + 12, -1]
        assert np.mean(at_end == group + 1) >= 0.9, (group, at_end)
    assert (found[24:48, 8] == 2).mean() > 0.8  # step 80: coarse, before one person
    assert (found[36:48, 11] == 3).mean() > 0.8  # step 110: one person, before one picture
    assert (found[12:48, 2] == 1).mean() > 0.95


def test_controls_bound_the_false_alarms_by_thresholds_from_the_other_half() -> None:
    shares = [made(n_each=1).false_alarms for _ in range(5)]
    assert np.mean([alarm.share for alarm in shares]) <= 0.05
    one = shares[0]
    assert one.n_controls == 100
    assert one.low <= one.share <= one.high
    assert one.share == one.n_left / one.n_controls
    # Wilson's interval, written out.
    z, n = 1.959963984540054, one.n_controls
    middle = (one.share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(one.share * (1 - one.share) / n + z**2 / (4 * n**2))
    assert (one.low, one.high) == (pytest.approx(middle - half), pytest.approx(middle + half))


def test_crossings_lie_near_the_true_rise_in_steps_and_exposures() -> None:
    found = made()
    person = [c for c in found.crossings if c.measure == "fine" and c.name in
              {f"name {at}" for at in range(24, 48)}]  # fmt: skip
    assert len(person) == 24
    steps = np.array([c.step.position for c in person])
    # The threshold is passed on the rise, before its middle at 100.
    assert np.mean((steps > 70) & (steps < 105)) >= 22 / 24  # names start off the mean too
    for one in person:
        assert one.exposures is not None
        assert one.exposures.position == pytest.approx(2 * one.step.position, rel=0.02)
        assert one.step.low <= one.step.position <= one.step.high
        assert one.rise is not None
    never = [c for c in found.crossings if c.measure == "fine" and c.name == "name 3"]
    assert never[0].step.state == "never"


def test_change_points_are_of_names_that_leave_phase_1() -> None:
    found = made().changes
    assert not set(found) & {f"name {at}" for at in range(12) if at > 0} - set(found)
    changed = [found[f"name {at}"] for at in range(12, 48) if f"name {at}" in found]
    assert len(changed) >= 34
    nearest = [min(abs(STEPS[point.index] - 60) for point in points) for points in changed]
    assert np.median(nearest) <= 10


def test_a_single_excursion_is_no_phase() -> None:
    flags = np.array([[0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 1, 0, 0, 1], [0, 0, 0, 1, 1]], bool)
    expected = [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]]
    assert settled(flags).astype(int).tolist() == expected
    assert settled(np.array([[True], [False]])).tolist() == [[True], [False]]


def test_phases_may_be_left_again_and_unknown_stays_unknown() -> None:
    own = np.array([[1, 5, 5, 1, 1], [np.nan] * 5, [5] * 5])
    bars = {key: np.full(5, 2.0) for key in ("own_score", "fine", "displacement_ratio")}
    values = {"own_score": own, "fine": own, "displacement_ratio": np.ones((3, 5))}
    assert label(values, bars).tolist() == [[1, 3, 3, 1, 1], [0] * 5, [3] * 5]
    bars["fine"] = np.full(5, np.nan)  # without a threshold nothing counts
    assert label(values, bars)[2].tolist() == [2] * 5


def test_the_threshold_is_the_mean_and_deviations_of_logarithms() -> None:
    rows = np.exp(RNG.standard_normal((200, 2)) * 0.3 + 1)
    logs = np.log(rows[:, 0])
    assert threshold(rows)[0] == pytest.approx(np.exp(logs.mean() + 2.5 * logs.std(ddof=1)))
    assert (rows > threshold(rows)).mean() < 0.02
    assert np.isnan(threshold(rows[:2])).all()
