"""The probe against scikit-learn and against leaking."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from namebasis.analysis.probes import joined, probe


def test_probe_equals_ridge_on_each_fold() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((60, 5)).astype(np.float32)
    labels = rows @ rng.standard_normal(5) + 0.5 * rng.standard_normal(60)
    got = probe(rows, labels, n_folds=3, seed=4)
    fold = np.random.default_rng(4).permutation(60) % 3
    for number, penalty in enumerate(got.penalties):
        model = Ridge(alpha=penalty).fit(rows[fold != number], labels[fold != number])
        np.testing.assert_allclose(
            got.predictions[fold == number], model.predict(rows[fold == number]), atol=1e-4
        )


def test_probe_finds_nothing_in_noise() -> None:
    rng = np.random.default_rng(3)
    rows, labels = rng.standard_normal((300, 200)), rng.standard_normal(300)
    assert abs(np.corrcoef(probe(rows, labels).predictions, labels)[0, 1]) < 0.2


def test_several_labels_are_read_as_each_alone() -> None:
    rng = np.random.default_rng(4)
    rows, labels = rng.standard_normal((80, 6)), rng.standard_normal((80, 3))
    labels[:, 1] += 3 * rows[:, 0]
    together = probe(rows, labels)
    for column in range(3):
        alone = probe(rows, labels[:, column])
        np.testing.assert_allclose(together.predictions[:, column], alone.predictions)
        np.testing.assert_allclose(together.penalties[:, column], alone.penalties)


def test_joined_views_weigh_alike() -> None:
    rng = np.random.default_rng(5)
    rows = joined(rng.standard_normal((40, 3)) + 9, 50 * rng.standard_normal((40, 2)))
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-12)
    for part in (rows[:, :3], rows[:, 3:]):
        assert np.square(part).sum(axis=1).mean() == pytest.approx(1)
    np.testing.assert_allclose(joined(np.ones((4, 2))), 0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="labels must be 4 finite numbers"):
        probe(np.eye(4), [1, 2, 3, np.nan])
    with pytest.raises(ValueError, match="labels must be 4 finite numbers"):
        probe(np.eye(4), np.ones(3))
