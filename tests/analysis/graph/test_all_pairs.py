"""The nearest of every row among all, beside all products sorted."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.graph import all_pairs
from namebasis.analysis.graph.all_pairs import MOST_KEPT, nearest_of_all


@pytest.mark.parametrize(
    ("n", "width"), [(1, 1), (2, 2), (31, 5), (64, MOST_KEPT), (100, 1), (333, 24)]
)
@pytest.mark.parametrize("is_lattice", [False, True])
def test_they_are_the_largest_products(
    n: int, width: int, is_lattice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_pairs, "_BLOCK", 40)  # so that tiles are cut at the edges
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((n, 6)).astype(np.float32)
    if is_lattice:  # most products are equal to others
        rows = np.round(rows)
    indices, products = nearest_of_all(rows, width)
    every = rows @ rows.T
    np.testing.assert_allclose(
        np.sort(products, axis=1), np.sort(every, axis=1)[:, n - width :], rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(np.take_along_axis(every, indices, axis=1), products, atol=1e-5)
    assert all(len(set(row)) == width for row in indices.tolist())


def test_a_tile_serves_the_rows_beside_it_and_those_below_it() -> None:
    rows = np.eye(3, dtype=np.float32)[[0] * 1500 + [1]]
    rows[1400] = [0.1, 1, 0]
    indices, _ = nearest_of_all(rows, 2)
    assert sorted(indices[1500].tolist()) == [1400, 1500]
    assert sorted(indices[1400].tolist()) == [1400, 1500]
