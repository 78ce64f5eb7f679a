"""Trace and log-determinant of few rows, against their matrices, and medoids against a peer."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.diversity import (
    FLOOR,
    diversity,
    log_dets,
    medoid,
    shuffled,
    traces,
)


def cloud(n: int, dim: int = 24, seed: int = 0, size: float = 0.4) -> np.ndarray:
    rows = size * np.random.default_rng(seed).standard_normal((n, dim)) / dim**0.5
    rows[:, 0] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_both_are_those_of_the_covariance_matrix_that_numpy_makes(n: int) -> None:
    rows = cloud(n)
    covariance = np.cov(rows.T)
    assert traces(rows @ rows.T) == pytest.approx(np.trace(covariance), rel=1e-9)
    whole = np.linalg.slogdet(np.eye(24) + covariance / (FLOOR / 24))[1] / np.log(2)
    assert log_dets(rows @ rows.T, 24) == pytest.approx(whole, rel=1e-9)
    found = diversity(rows, n)
    assert found.trace.value == pytest.approx(np.trace(covariance), rel=1e-6)
    assert found.log_det.value == pytest.approx(whole, rel=1e-6)
    assert (found.log_det.low, found.log_det.reason) == (None, "as many pictures as are compared")


def test_a_log_determinant_of_sets_does_not_grow_with_the_number_of_rows() -> None:
    few, many = diversity(cloud(9), 6).log_det, diversity(cloud(200, seed=1), 6).log_det
    assert few.low is not None and few.high is not None  # noqa: PT018
    assert few.low < many.value < few.high
    assert diversity(cloud(200, seed=1), 12).log_det.value > 1.5 * many.value


def test_two_kinds_of_rows_have_the_trace_of_a_cloud_and_fewer_directions() -> None:
    rng = np.random.default_rng(3)
    kinds = np.repeat(np.eye(24)[:2], 10, axis=0) + 0.01 * rng.standard_normal((20, 24))
    even = cloud(20, size=1.05)
    two, one = diversity(kinds, 6), diversity(even, 6)
    assert two.trace.value == pytest.approx(one.trace.value, rel=0.15)
    assert two.log_det.value < 0.7 * one.log_det.value
    equal = diversity(np.repeat(even[:1], 5, axis=0), 4)
    assert (equal.trace.value, equal.log_det.value) == pytest.approx((0, 0), abs=1e-6)


def test_the_interval_holds_the_mean_over_all_sets() -> None:
    truth = log_dets(
        np.stack([(r := cloud(6, seed=1000 + s)) @ r.T for s in range(2000)]), 24
    ).mean()
    ends = [diversity(cloud(9, seed=s), 6).log_det for s in range(60)]
    held = [one.low <= truth <= one.high for one in ends if one.low and one.high]
    assert len(held) == 60
    assert np.mean(held) >= 0.9


def test_shuffled_names_are_those_of_the_pool_and_medoids_are_nearest_to_the_others() -> None:
    pool = cloud(60)
    trace, log_det = shuffled(pool.astype(np.float32), 9, 6, n_draws=300)
    assert trace.mean() == pytest.approx(traces(pool @ pool.T), rel=0.03)
    assert log_det.mean() == pytest.approx(diversity(pool, 6).log_det.value, rel=0.02)
    best, similarity = medoid(pool)
    others = np.array([np.delete(pool @ row, at).mean() for at, row in enumerate(pool)])
    assert (best, similarity) == (int(np.argmax(others)), pytest.approx(others.max()))
    assert medoid(pool[:2])[0] == 0  # the first of equals
    assert medoid(pool[:1])[0] == 0
    assert np.isnan(medoid(pool[:1])[1])


def test_what_has_no_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="n_matched must lie between 2 and the 3 rows; got 4"):
        diversity(cloud(3), 4)
    with pytest.raises(ValueError, match="a covariance needs at least 2 rows; got 1"):
        log_dets(np.ones((1, 1)), 4)
