"""Readings against closed forms; the probe against scikit-learn and against leaking."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from namebasis.analysis import axes

LINE = np.array([[-1.0, 0, 0], [0, 0, 0], [1, 0, 0]])  # three prompts on a line
NAMES = np.array([[5.0, 1, 0], [6, -1, 0], [7, 1, 0], [8, -1, 0]])  # shifted: centring counts


def test_projection_and_direction_of_a_line() -> None:
    np.testing.assert_allclose(axes.direction(LINE), [1, 0, 0])
    np.testing.assert_allclose(axes.projection(NAMES, LINE), [-1.5, -0.5, 0.5, 1.5])


def test_expectation_of_two_prompts_is_a_logistic_of_the_cosine() -> None:
    prompts = np.array([[-1.0, 0], [1, 0]])
    names = np.array([[-3.0, 0], [0, 4], [3, 0], [0, -4]])
    got = axes.expectation(names, prompts, temperature=0.5)
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-2 * np.array([-1, 0, 1, 0]) / 0.5)))


def test_curve_finds_places_on_a_bent_polyline() -> None:
    knots = np.array([[0.0, 0], [1, 0], [1, 1]])
    centre = knots.mean(axis=0)
    points = np.array([[0.25, 0], [1, 0.5], [1, 0.5], [0.25, 0]]) - centre
    points -= points.mean(axis=0)
    scale = np.sqrt(np.square(knots - centre).sum(1).mean() / np.square(points).sum(1).mean())
    got = axes.curve(points, knots)
    fine = np.linspace(0, 2, 20_001)
    line = np.stack([np.minimum(fine, 1), np.maximum(fine - 1, 0)], axis=1) - centre
    distances = np.linalg.norm(points[:, None] * scale - line, axis=2)
    np.testing.assert_allclose(got, fine[distances.argmin(axis=1)], atol=1e-3)


def test_inferred_direction_leaves_what_names_do_not_vary_in() -> None:
    rng = np.random.default_rng(0)
    names = rng.standard_normal((400, 3)) * [2, 0.01, 1]
    prompts = np.array([[0.0, 0, 0], [1, 5, 0]])
    got = axes.inferred(names, prompts)
    assert abs(np.corrcoef(got, names[:, 0])[0, 1]) > 0.99


def test_a_direction_is_taken_out() -> None:
    got = axes.projection(NAMES, np.array([[0.0, 0, 0], [1, 1, 0]]), without=np.array([2.0, 0, 0]))
    np.testing.assert_allclose(got, [1, -1, 1, -1], atol=1e-7)


def test_readings_do_not_change_under_rotation() -> None:
    rng = np.random.default_rng(1)
    names, prompts = rng.standard_normal((30, 6)), rng.standard_normal((4, 6))
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    before, after = axes.read_all(names, prompts), axes.read_all(names @ turn, prompts @ turn)
    assert set(before) == set(axes.READINGS)
    for reading in axes.READINGS:
        np.testing.assert_allclose(before[reading], after[reading], atol=1e-4)


def test_probe_equals_ridge_on_each_fold() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((60, 5)).astype(np.float32)
    labels = rows @ rng.standard_normal(5) + 0.5 * rng.standard_normal(60)
    got = axes.probe(rows, labels, n_folds=3, seed=4)
    fold = np.random.default_rng(4).permutation(60) % 3
    for number, penalty in enumerate(got.penalties):
        model = Ridge(alpha=penalty).fit(rows[fold != number], labels[fold != number])
        np.testing.assert_allclose(
            got.predictions[fold == number], model.predict(rows[fold == number]), atol=1e-4
        )


def test_probe_finds_nothing_in_noise() -> None:
    rng = np.random.default_rng(3)
    rows, labels = rng.standard_normal((300, 200)), rng.standard_normal(300)
    assert abs(np.corrcoef(axes.probe(rows, labels).predictions, labels)[0, 1]) < 0.2


def test_leakage_is_the_absolute_cosine() -> None:
    got = axes.leakage([np.array([1.0, 0]), np.array([-2.0, 0]), np.array([1.0, 1])])
    np.testing.assert_allclose(got[0], [1, 1, np.sqrt(0.5)], atol=1e-6)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="prompts 0 and 1 are equal"):
        axes.projection(NAMES, np.ones((2, 3)))
    with pytest.raises(ValueError, match="temperature must be above 0"):
        axes.expectation(NAMES, LINE, temperature=0)
    with pytest.raises(ValueError, match="at least 2 row"):
        axes.curve(NAMES, LINE[:1])
    with pytest.raises(ValueError, match="labels must be 4 finite numbers"):
        axes.probe(NAMES, [1, 2, 3, np.nan])
    with pytest.raises(ValueError, match="nothing of the axis is left"):
        axes.projection(NAMES, LINE, without=np.array([1.0, 0, 0]))
