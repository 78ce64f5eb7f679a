"""The approximate search against the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from namebasis.analysis.graph.approximate_neighbours import approximate_neighbours
from namebasis.checks import FloatArray


def cloud(n: int = 2000, dim: int = 12, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((40, dim))
    rows = centres[rng.integers(0, 40, n)] + 0.6 * rng.standard_normal((n, dim))
    return rows.astype(np.float32)


def exact(rows: FloatArray, k: int) -> tuple[np.ndarray, np.ndarray]:
    squared = cdist(rows, rows, "sqeuclidean")
    np.fill_diagonal(squared, np.inf)
    order = np.argsort(squared, axis=1)[:, :k]
    return order, np.take_along_axis(squared, order, axis=1)


def test_most_neighbours_are_the_true_ones_and_the_share_is_known() -> None:
    rows = cloud()
    truth, _ = exact(rows, 10)
    found = approximate_neighbours(rows, 10)
    true_share = (truth[:, :, None] == found.indices[:, None, :]).any(axis=2).mean()
    assert found.recall >= 0.9
    assert true_share == pytest.approx(found.recall, abs=0.03)
    assert (found.indices != np.arange(len(rows))[:, None]).all()
    assert (np.diff(found.squared, axis=1) >= 0).all()
    apart = ((rows[found.indices[:50]] - rows[:50, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found.squared[:50], apart, rtol=1e-3, atol=1e-4)


def test_more_recall_takes_more_partitions() -> None:
    rows = cloud(1000)
    few, many = (approximate_neighbours(rows, 5, recall=r) for r in (0.1, 1.0))
    assert (few.n_partitions, many.n_partitions) == (1, 4)
    assert few.recall < many.recall
    assert (approximate_neighbours(rows, 5, recall=0.1).indices == few.indices).all()
    assert all(len(set(row)) == 5 for row in many.indices)  # none twice from two partitions


def test_equal_rows_find_each_other() -> None:
    rows = np.repeat(cloud(300), 5, axis=0)
    found = approximate_neighbours(rows, 4)
    groups = np.arange(len(rows)) // 5
    assert (groups[found.indices] == groups[:, None]).all()
    assert found.squared.max() < 1e-4
    flat = approximate_neighbours(np.ones((1000, 3), np.float32), 4)
    assert (flat.indices >= 0).all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="for 1,000 rows and more; got 10"):
        approximate_neighbours(cloud(10), 3)
    with pytest.raises(ValueError, match="between 1 and 999"):
        approximate_neighbours(cloud(1000), 1000)
