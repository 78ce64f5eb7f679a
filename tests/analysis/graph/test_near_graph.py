"""The graph for many rows: nearly the exact one, and honest about the rest."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.graph import neighbours
from namebasis.analysis.graph.near_graph import _exact_rows, near_graph
from namebasis.analysis.graph.neighbours import duplicate_groups, knn_graph
from namebasis.checks import unit_rows
from tests.analysis.clusters.test_topology import mixture


def test_it_is_nearly_the_exact_graph_and_says_how_nearly() -> None:
    rows, _ = mixture(3000, 24, 12, seed=0)
    rows[100:104] = rows[100]  # equal rows
    near, exact = near_graph(rows, 10), knn_graph(rows, 10)
    same = [len(set(a) & set(b)) for a, b in zip(near.indices, exact.indices, strict=True)]
    assert near.recall >= 0.95
    assert np.mean(same) / 10 == pytest.approx(near.recall, abs=0.03)
    assert exact.recall == 1.0
    own = np.arange(3000)[:, None]
    assert not (near.indices == own).any()
    assert (near.indices >= 0).all()
    assert (np.diff(near.similarities, axis=1) <= 0).all()
    assert set(near.indices[100, :3]) == {101, 102, 103}
    unit = unit_rows(rows).astype(np.float64)
    cosines = np.einsum("nd,nkd->nk", unit, unit[near.indices])
    np.testing.assert_allclose(near.similarities, cosines, atol=1e-6)


def test_few_rows_and_one_giant_group_are_exact() -> None:
    rows, _ = mixture(1500, 8, 3, seed=1)
    rows[:1400] = rows[0]
    near, exact = near_graph(rows, 6), knn_graph(rows, 6)
    np.testing.assert_array_equal(near.indices, exact.indices)
    assert near.recall == 1.0
    with pytest.raises(ValueError, match="between 1 and 1499; got 1500"):
        near_graph(rows, 1500)
    with pytest.raises(ValueError, match="at least 2 rows"):
        near_graph(rows[:1], 1)


def test_rows_whose_checksums_meet_are_still_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 3, (500, 3)).astype(np.float32)
    rows[7] = -rows[7]  # holds -0 where it was 0
    groups = duplicate_groups(rows)
    _, first = np.unique(rows + 0.0, axis=0, return_index=True)
    np.testing.assert_array_equal(groups.first, np.sort(first))
    np.testing.assert_array_equal(rows[groups.first][groups.group], rows)
    assert groups.sizes.sum() == 500
    monkeypatch.setattr(neighbours, "_checksums", lambda rows: np.zeros(len(rows), np.uint64))
    again = duplicate_groups(rows)
    np.testing.assert_array_equal(again.group, groups.group)
    np.testing.assert_array_equal(again.sizes, groups.sizes)


def test_rows_searched_exactly_are_themselves_and_then_their_nearest() -> None:
    rows = unit_rows(np.random.default_rng(4).standard_normal((50, 6)))
    asked = np.array([3, 17, 49])
    found = _exact_rows(rows, asked, 4)
    expected = np.argsort(-(rows[asked] @ rows.T), axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found[:, 0], asked)
    np.testing.assert_array_equal(found, expected)
