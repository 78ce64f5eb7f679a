"""The probe against scikit-learn and against leaking."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from namebasis.analysis.readings.probes import PENALTIES, _ridge, joined, probe


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


@pytest.mark.long
@pytest.mark.parametrize("n", [7, 20])  # by the decomposition of the rows and of their Gram matrix
def test_the_penalty_is_that_of_leaving_each_row_out(n: int) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rows = rng.standard_normal((n, 3))
        truth = rows[:, :1] + 1.5 * rng.standard_normal((n, 1))
        errors = []
        for penalty in PENALTIES:
            missed = 0.0
            for out in range(n):
                kept = np.delete(np.arange(n), out)
                mean, level = rows[kept].mean(axis=0), truth[kept].mean()
                own = rows[kept] - mean
                gram = own.T @ own + penalty * np.eye(3)
                weights = np.linalg.solve(gram, own.T @ (truth[kept] - level))
                missed += float(((rows[out] - mean) @ weights + level - truth[out])[0] ** 2)
            errors.append(missed)
        assert _ridge(rows, truth, rows)[1][0] == PENALTIES[int(np.argmin(errors))]
