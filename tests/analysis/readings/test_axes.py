"""Readings against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.readings import axes

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


def test_names_centred_once_read_as_at_every_reading() -> None:
    rng = np.random.default_rng(5)
    names, also, prompts = (rng.standard_normal(shape) for shape in ((40, 6), (40, 3), (4, 6)))
    own = {"n_reference": 30}
    expected = {
        "expectation": axes.expectation(names, prompts, **own),
        "projection": axes.projection(names, prompts, **own),
        "curve": axes.curve(names, prompts, **own),
        "inferred": axes.inferred(names, prompts, also=also, **own),
    }
    once = axes.CentredNames.of(names, also=also, **own)
    for found in (axes.read_all(names, prompts, also=also, **own), axes.read_all(once, prompts)):
        for reading, column in expected.items():
            np.testing.assert_array_equal(found[reading], column)
    with pytest.raises(ValueError, match="names must have 5"):
        axes.read_all(names, prompts[:, :5])


def test_ranks_set_the_unit_of_expectation_and_curve() -> None:
    bent = LINE + np.array([[0, 0, 0], [0, 0.3, 0], [0, 0, 0]])
    for reading in (axes.expectation, axes.curve):
        counted = reading(NAMES, bent)
        years = reading(NAMES, bent, ranks=[10, 20, 50])
        if reading is axes.curve:  # a place between two prompts is between their ranks
            np.testing.assert_allclose(years, np.interp(counted, [0, 1, 2], [10, 20, 50]))
        assert years[0] < years[2] < years[3]
        assert 10 <= years.min() <= years.max() <= 50
    with pytest.raises(ValueError, match="ranks must be 3 rising numbers"):
        axes.curve(NAMES, LINE, ranks=[10, 50, 20])
    with pytest.raises(ValueError, match="ranks must be 3 rising numbers"):
        axes.expectation(NAMES, LINE, ranks=[10, 50])


def test_made_up_names_take_their_own_variation_off_the_inferred_direction() -> None:
    rng = np.random.default_rng(5)
    prompts = np.array([[0.0, 0, 0], [1, 1, 0]])
    real = rng.standard_normal((4000, 3)) * [1, 1, 0.1]
    made = rng.standard_normal((4000, 3)) * [1, 0.05, 0.1]  # spelling varies in the first alone
    got = axes.inferred(np.concatenate([real, made]), prompts, n_reference=4000)[:4000]
    # Covariances with the projection: (1, 1) less half of (1, 0).
    slopes = np.linalg.lstsq(real - real.mean(axis=0), got, rcond=None)[0]
    assert slopes[0] / slopes[1] == pytest.approx(1 - axes.CONTRAST, abs=0.06)


def test_chance_axes_are_differences_of_made_up_names() -> None:
    rng = np.random.default_rng(7)
    names, made = rng.standard_normal((60, 4)), rng.standard_normal((2, 4))
    got = axes.along_differences(
        np.concatenate([names, made]), made, n_axes=3, n_reference=60, also=np.ones((62, 1))
    )
    for reading, read in (("projection", axes.projection), ("inferred", axes.inferred)):
        alone = read(np.concatenate([names, made]), made, n_reference=60)
        assert got[reading].shape == (62, 3)
        for column in got[reading].T:
            assert abs(np.corrcoef(column, alone)[0, 1]) == pytest.approx(1)


def test_another_view_lends_its_directions() -> None:
    rng = np.random.default_rng(6)
    truth = rng.standard_normal(500)
    names = np.column_stack([truth + rng.standard_normal(500), rng.standard_normal(500)])
    other = 7 * np.column_stack([truth, rng.standard_normal(500)])
    prompts = np.array([[0.0, 0], [1, 0]])
    alone, both = (axes.inferred(names, prompts, also=view) for view in (None, other))
    assert np.corrcoef(both, truth)[0, 1] > np.corrcoef(alone, truth)[0, 1] + 0.1
    np.testing.assert_allclose(axes.inferred(names, prompts, also=np.ones((500, 2))), alone)
    with pytest.raises(ValueError, match="also must have 500 rows"):
        axes.inferred(names, prompts, also=other[:9])


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
    with pytest.raises(ValueError, match="nothing of the axis is left"):
        axes.projection(NAMES, LINE, without=np.array([1.0, 0, 0]))
