"""Overlap of neighbourhoods between spaces whose relation is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.analysis.graph.neighbours import KnnGraph, knn_graph
from namebasis.checks import FloatArray, IntArray
from namebasis.errors import SpaceError
from namebasis.studies.topology.overlap import overlap


class RowsSpace:
    """Names n0, n1, … with given vectors."""

    def __init__(self, rows: FloatArray, names: Sequence[str], part: str = "given") -> None:
        self.rows, self.names, self.part = rows.astype(np.float32), list(names), part
        self.path = Path(f"{part}.space")
        self.graphs = 0

    def __len__(self) -> int:
        return len(self.names)

    def lacks(self, view: str) -> bool:
        return False

    def ids(self, where: str | None = None, *, view: str = "text") -> IntArray:
        return np.arange(len(self))[: 20 if where else None]

    def table(self, columns: Sequence[str], *, ids: IntArray | None = None) -> pa.Table:
        rows = range(len(self)) if ids is None else ids
        data = {"name": [self.names[i] for i in rows], "part": [self.part for _ in rows]}
        return pa.table({c: data[c] for c in columns})

    def vectors(self, view: str = "text", *, ids: IntArray | None = None) -> FloatArray:
        return self.rows if ids is None else self.rows[ids]

    def graph(self, view: str, k: int) -> KnnGraph:
        self.graphs += 1
        return knn_graph(self.rows, k)


def names(n: int) -> list[str]:
    return [f"n{i}" for i in range(n)]


def cloud(n: int = 200, dim: int = 6, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def test_a_turned_space_is_the_same_space_whatever_the_order() -> None:
    rows = cloud()
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0]
    order = np.random.default_rng(2).permutation(200)
    left = RowsSpace(rows, names(200))
    right = RowsSpace((rows @ turn)[order], [f"n{i}" for i in order])
    found = overlap(left, right, k=10)  # type: ignore[arg-type]
    assert [at.k for at in found.overlaps] == [1, 5, 10]
    assert all(at.share == 1 for at in found.overlaps)
    assert found.cka == pytest.approx(1, abs=1e-6)
    assert left.graphs == 1  # the whole space in order: its stored graph
    assert right.graphs == 0
    assert [right.names[i] for i in found.right_ids] == [left.names[i] for i in found.left_ids]


def test_unrelated_spaces_overlap_by_chance() -> None:
    left, right = RowsSpace(cloud(), names(200)), RowsSpace(cloud(seed=5), names(200))
    found = overlap(left, right, k=10)  # type: ignore[arg-type]
    widest = found.overlaps[-1]
    assert widest.by_chance == pytest.approx(10 / 199)
    assert widest.low < widest.by_chance < widest.high
    assert abs(found.cka) < 0.05


def test_names_that_a_space_does_not_tell_apart_do_not_count() -> None:
    left, right = cloud(90), cloud(90, seed=5)
    left[:30] = right[:30] = left[0]
    found = overlap(RowsSpace(left, names(90)), RowsSpace(right, names(90)), k=10)  # type: ignore[arg-type]
    widest = found.overlaps[-1]
    assert widest.n_names == 60
    # Those 30 have 10 of themselves as neighbours on both sides, by their order: all the same.
    assert widest.share < 0.25
    assert np.isnan(found.shares).tolist() == [True] * 30 + [False] * 60
    assert found.to_arrow()["overlap"].null_count == 30
    assert min(row.row for row in (*found.lowest, *found.highest)) >= 30
    pairs = np.repeat(cloud(40), 2, axis=0)  # one other is one neighbour: nothing is left to order
    some = overlap(RowsSpace(pairs, names(80)), RowsSpace(cloud(80, seed=1), names(80)), k=5)  # type: ignore[arg-type]
    assert [at.n_names for at in some.overlaps] == [80, 80]
    equal = RowsSpace(np.ones((30, 6)), names(30))
    nothing = overlap(equal, RowsSpace(cloud(30), names(30)), k=5)  # type: ignore[arg-type]
    assert nothing.overlaps[-1].n_names == 30
    json.dumps(nothing.to_dict(), allow_nan=False)


def test_names_that_moved_are_the_lowest() -> None:
    rows = cloud()
    moved = rows.copy()
    moved[[3, 7]] = -rows[[3, 7]]
    found = overlap(RowsSpace(rows, names(200)), RowsSpace(moved, names(200)), k=10)  # type: ignore[arg-type]
    assert {item.name for item in found.lowest[:2]} == {"n3", "n7"}
    assert found.highest[0].share == 1
    item = found.lowest[0]
    near = knn_graph(rows, 10).indices[item.row, :5]
    assert item.left == tuple(f"n{i}" for i in near)
    assert found.shares[item.row] == item.share
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.to_arrow().column_names == ["left_id", "right_id", "overlap"]


def test_only_shared_names_count() -> None:
    left, right = RowsSpace(cloud(), names(200)), RowsSpace(cloud()[50:], names(200)[50:])
    found = overlap(left, right, k=300)  # type: ignore[arg-type]
    assert (found.n_names, found.n_left_only, found.n_right_only) == (150, 50, 0)
    assert found.parameters["k"] == 149
    assert found.overlaps[-1].share == 1  # every other name is a neighbour
    some = overlap(left, left, where="20", k=3)  # type: ignore[arg-type]
    assert some.n_names == 20


def test_bad_input_is_refused_or_said() -> None:
    left = RowsSpace(cloud(), names(200))
    other = RowsSpace(cloud(), names(200), part="family")
    with pytest.raises(SpaceError, match=r"share 0 names by name and part"):
        overlap(left, other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="k must be an integer, at least 1"):
        overlap(left, left, k=0)  # type: ignore[arg-type]
    flat = RowsSpace(np.ones((200, 6)), names(200))
    found = overlap(left, flat)  # type: ignore[arg-type]
    assert np.isnan(found.cka)
    assert found.to_dict()["cka"] is None


def test_the_shared_neighbours_are_drawn_beside_chance() -> None:
    left = RowsSpace(cloud(), names(200))
    found = overlap(left, RowsSpace(cloud(seed=3), names(200)), k=10)  # type: ignore[arg-type]
    (axes,) = found.plot().axes
    bars = [bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(bars, [at.share for at in found.overlaps])
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "1 nearest", "5 nearest", "10 nearest"
    ]  # fmt: skip
