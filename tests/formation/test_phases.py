"""Rules fixed here, on trajectories whose phases are known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from namebasis.formation.crossings import name_crossing
from namebasis.formation.phases import (
    DEVIATIONS,
    EVIDENCE,
    Phases,
    find_phases,
    label,
    settled,
    threshold,
)

STEPS = tuple(range(0, 200, 10))
RNG, HOLD_RNG = np.random.default_rng(0), np.random.default_rng(1)
N_DRAWS = 60


def logistic(at: float, height: float) -> np.ndarray:
    return 1 + height / (1 + np.exp(-(np.array(STEPS) - at) / 5))


def made(n_each: int = 12, n_made_up: int = 100, noise: float = 0.12) -> Phases:
    """Four groups of names: parts only; coarse only; one person from 100; one picture from 140.

    One part captures every third name from 120 on.
    """
    flat = np.ones(len(STEPS))
    plans = [
        (flat, flat, flat, 0 * flat),
        (logistic(60, 3), logistic(60, 3), flat, 0 * flat),
        (logistic(60, 3), logistic(60, 3), logistic(100, 2), 0 * flat),
        (logistic(60, 3), logistic(60, 3), logistic(100, 2), logistic(140, 8) - 1),
    ]
    truth = [plan for plan in plans for _ in range(n_each)] + [plans[0]] * n_made_up

    def deviation(n: int) -> np.ndarray:
        # A name's deviation stays over steps, as it does in a model; a little comes and goes.
        lasting, passing = RNG.standard_normal((n, 1)), RNG.standard_normal((n, len(STEPS)))
        return lasting + 0.3 * passing

    rows = [np.array([plan[at] for plan in truth]) for at in range(4)]
    own, coarse, fine = (one * np.exp(noise * deviation(len(truth))) for one in rows[:3])
    n = 4 * n_each
    hold = 0.45 + 0.12 * np.clip(HOLD_RNG.standard_normal((len(truth), 1)), -3, 3) * np.ones_like(
        own
    )
    hold[:n:3] += (0.95 - hold[:n:3]) * (logistic(120, 1) - 1)
    values = {
        "own_score": own, "coarse": coarse, "fine": fine, "hold": hold,
        "leakage": rows[3] + deviation(len(truth)), "margin": np.full_like(own, np.nan),
    }  # fmt: skip
    draws = {
        key: values[key][:n, :, None] * np.exp(0.05 * RNG.standard_normal((n, 20, N_DRAWS)))
        for key in ("own_score", "coarse", "fine", "margin")
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
    assert (found[12:48, 2] == 1).mean() > 0.9


def test_controls_bound_the_false_alarms_by_thresholds_from_the_other_half() -> None:
    shares = [made(n_each=1).false_alarms for _ in range(5)]
    assert np.mean([alarm.share for alarm in shares]) <= 0.05
    one = shares[0]
    assert one.n_made_up == 100
    assert one.low <= one.share <= one.high
    assert one.share == one.n_alarms / one.n_made_up
    # At either end, as many alarms or more (or fewer) have a chance of 2.5 %.
    n, k = one.n_made_up, one.n_alarms
    assert binom.sf(k - 1, n, one.low) == pytest.approx(0.025 if k else 1.0)
    assert binom.cdf(k, n, one.high) == pytest.approx(0.025)


@pytest.mark.long
def test_a_captured_name_keeps_its_phase_and_is_told_from_when_on() -> None:
    found = made()
    captured, labels = found.captured, found.labels
    rows = np.arange(48) % 3 == 0
    assert captured.shape == labels.shape
    assert captured.dtype == bool
    assert captured[:48][rows, -1].all()
    assert not captured[:48][~rows].any()
    assert not captured[:, :10].any()  # step 90, before the rise
    begins = np.array([STEPS[at] for at in captured[:48][rows].argmax(axis=1)])
    assert (np.abs(begins - 120) <= 20).all()
    # Whatever its phase: captured names are in every one of the four.
    assert {int(labels[row, -1]) for row in np.flatnonzero(captured[:, -1])} == {1, 2, 3, 4}
    shares = [made(n_each=3).captured_alarms for _ in range(5)]
    assert np.mean([alarm.share for alarm in shares]) <= 0.05
    assert shares[0].n_made_up == 100


def test_the_bar_of_the_hold_is_one_that_a_cosine_can_reach() -> None:
    rng = np.random.default_rng(2)
    n, steps = 60, 7
    hold = np.clip(0.7 + 0.17 * rng.standard_normal((n, 1)), -0.9, 0.94) * np.ones((n, steps))
    assert (hold[2:].mean(axis=0) + DEVIATIONS * hold[2:].std(axis=0) > 1).all()
    hold[0], hold[1] = 0.99, np.nan
    values = {key: np.ones((n, steps)) for key in EVIDENCE} | {"hold": hold}
    values |= {"margin": np.full((n, steps), np.nan)}
    draws = {key: np.ones((2, steps, 20)) for key in ("own_score", "coarse", "fine", "margin")}
    names = [f"name {at}" for at in range(n)]
    found = find_phases(names, 2, range(steps), values, draws, None)
    # The rule of the labels on Fisher's scale, written out.
    z = 0.5 * np.log((1 + hold[2:]) / (1 - hold[2:]))
    bar = np.tanh(z.mean(axis=0) + DEVIATIONS * z.std(axis=0, ddof=1))
    np.testing.assert_allclose(found.thresholds["hold"], bar)
    assert found.captured[0].all()
    assert not found.captured[1].any()  # not known
    hold[0] = [0, 0, 0, 0.99, 0.99, 0, 0]  # a short excursion
    assert not find_phases(names, 2, range(steps), values, draws, None).captured[0].any()
    hold[0], hold[4:] = 0.99, np.nan  # two controls give no bar
    assert not find_phases(names, 2, range(steps), values, draws, None).captured.any()


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


def test_a_short_excursion_is_no_phase() -> None:
    rows = ["0010000", "0011000", "0110100", "1100000", "0000011", "0000001", "1010101"]
    expected = ["0000000", "0000000", "0011000", "1000000", "0000001", "0000000", "1010101"]
    # In the middle most of five; at the ends most of those that are there, and the end itself.
    flags = np.array([[letter == "1" for letter in row] for row in rows])
    found = ["".join(str(int(flag)) for flag in row) for row in settled(flags)]
    assert found == expected
    assert settled(np.array([[True], [False]])).tolist() == [[True], [False]]
    assert settled(np.array([[True, False], [True, True]])).tolist() == [[False] * 2, [True] * 2]


def test_phases_may_be_left_again_and_unknown_stays_unknown() -> None:
    own = np.array([[1, 5, 5, 5, 1, 1, 1], [np.nan] * 7, [5] * 7])
    bars = {key: np.full(7, 2.0) for key in EVIDENCE}
    values = {"own_score": own, "coarse": own, "fine": own, "leakage": np.ones((3, 7))}
    assert label(values, bars).tolist() == [[1, 3, 3, 3, 1, 1, 1], [0] * 7, [3] * 7]
    bars["fine"] = np.full(7, np.nan)  # without a threshold nothing counts
    assert label(values, bars)[2].tolist() == [2] * 7
    values["leakage"][2] = 3.0
    assert label(values, bars)[2].tolist() == [4] * 7
    values["own_score"] = values["coarse"] = np.ones((3, 7))
    assert label(values, bars)[2].tolist() == [1] * 7  # a context alone is no identity


def test_the_threshold_is_the_mean_and_deviations() -> None:
    rows = RNG.standard_normal((400, 2)) * 0.3 + 1
    rows[5, 0] = np.nan
    known = np.delete(rows[:, 0], 5)
    assert threshold(rows)[0] == pytest.approx(known.mean() + DEVIATIONS * known.std(ddof=1))
    assert np.nanmean(rows > threshold(rows)) < 0.02
    assert np.isnan(threshold(rows[:2])).all()


def test_a_crossing_in_exposures_lies_where_the_logarithm_of_one_more_does() -> None:
    series, drawn = np.array([-1.0, 1.0]), np.array([[-1.0] * 20, [1.0] * 20])
    found = name_crossing("a", "margin", series, drawn, [0, 100], np.array([0.0, 10.0]))
    assert found is not None
    assert found.step.position == pytest.approx(50)
    assert found.exposures is not None
    assert found.exposures.position == pytest.approx(np.sqrt(11) - 1)


def test_pictures_cross_where_a_logistic_rise_does_from_the_first_exposure_on() -> None:
    exposures = np.array([0.0, 0, 0, 0, 0, 2, 8, 20, 50, 120, 300, 700])
    logs = np.log1p(exposures)
    series = -0.3 + 0.8 / (1 + np.exp(-(logs - 3) / 0.5))
    series[:4] = 0.4, -0.2, 0.3, -0.5  # of names that nobody has seen, which is chance
    drawn = series[:, None] + 0.01 * np.random.default_rng(0).standard_normal((12, 40))
    steps = list(range(12))
    found = name_crossing("a", "pictures", series, drawn, steps, exposures)
    assert found is not None
    assert found.exposures is not None
    # -0.3 + 0.8 s = 0, so s = 3/8.
    assert found.exposures.position == pytest.approx(np.expm1(3 + 0.5 * np.log(3 / 5)), rel=2e-3)
    assert found.exposures.low < found.exposures.position < found.exposures.high
    assert 6 < found.step.position < 7  # where 8 and 20 times are past
    # Of too few checkpoints, and of any other measure, an isotonic fit.
    plain = name_crossing("a", "pictures", series[-4:], drawn[-4:], steps[-4:], exposures[-4:])
    assert plain is not None
    assert plain.step.state == "before"


def test_three_controls_are_enough_for_a_threshold() -> None:
    rows = np.array([[1.0, 1.0], [2.0, np.nan], [3.0, 3.0]])
    found = threshold(rows)
    assert found[0] == pytest.approx(2 + DEVIATIONS)
    assert np.isnan(found[1])


def test_what_stands_out_before_training_is_not_called_learned() -> None:
    steps, rng = range(20), np.random.default_rng(0)
    noise = 1 + 0.05 * rng.standard_normal((43, 1)) * np.ones((43, len(steps)))
    rows = {key: noise.copy() for key in ("own_score", "coarse", "fine", "leakage")}
    rows["hold"] = 0.5 * noise
    rows["margin"] = np.full_like(noise, np.nan)
    for key in ("own_score", "coarse", "fine"):
        rows[key][:3] += 0.5  # other letters than the controls', all along
        rows[key][1, 10:] += 0.5  # and one that is learned at step 10
    rows["hold"][2, :] = 0.9
    draws = {key: rows[key][:3, :, None] * (1 + 0.01 * rng.standard_normal((3, 20, 30)))
             for key in ("own_score", "coarse", "fine", "margin")}  # fmt: skip
    names = [f"name {at}" for at in range(43)]
    before = find_phases(names, 3, steps, rows, draws, None)
    assert before.labels[:3].min() == 3  # one person, at every checkpoint
    assert not before.stood_out.any()
    found = find_phases(names, 3, steps, rows, draws, None, is_untrained=True)
    assert found.stood_out.tolist() == [True] * 3 + [False] * 40
    assert (found.labels[[0, 2]] == 1).all()
    assert not found.captured.any()
    assert (found.labels[1, :9] == 1).all()
    assert (found.labels[1, 10:] == 3).all()
    leaves = {one.name: one.step for one in found.crossings if one.measure == "leaves"}
    assert leaves["name 1"].position == pytest.approx(9.5, abs=1)
    assert leaves["name 0"].state == "never"
    assert found.thresholds["own_score"].tolist() == before.thresholds["own_score"].tolist()
