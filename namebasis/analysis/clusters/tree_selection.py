"""The best `n` clusters of a hierarchy that do not overlap, by dynamic programming."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import IntArray, check_count

Gains = npt.NDArray[np.float64]


def select_count(parent: IntArray, gain: Gains, n_selected: int) -> IntArray:
    """Choose exactly `n_selected` nodes, none above another, with the largest total gain.

    Parameters
    ----------
    parent : ndarray of shape (n_nodes,), int64
        The node above each one, always a lower number; -1 for node 0, the root.
    gain : ndarray of shape (n_nodes,), float64
        What choosing each node brings.
    n_selected : int
        From 1 to the number of nodes without children (the root is never chosen).

    Returns
    -------
    ndarray of shape (n_selected,), int64
        Node numbers, ascending.

    Raises
    ------
    ValueError
        If fewer nodes than that do not overlap.
    """
    n = parent.size
    is_leaf = np.ones(n, bool)
    is_leaf[parent[1:]] = False
    n_leaves = int(np.count_nonzero(is_leaf[1:]))
    if n_leaves == 0:
        raise ValueError("the hierarchy has no cluster below its root; there is nothing to cut.")
    wanted = check_count(n_selected, "n_clusters (of this hierarchy)", 1, n_leaves)
    # best[v][m]: the most that m nodes within v can bring; joined[v]: each child with the table
    # of the children before it, for the way back.
    best: list[Gains] = [np.zeros(1) for _ in range(n)]
    joined: list[list[tuple[int, Gains]]] = [[] for _ in range(n)]
    for node in range(n - 1, 0, -1):
        if best[node].size == 1:
            best[node] = np.array([0.0, gain[node]])
        else:
            best[node][1] = max(best[node][1], gain[node])
        above = int(parent[node])
        joined[above].append((node, best[above]))
        best[above] = _combine(best[above], best[node], wanted)
    chosen: list[int] = []
    open_nodes = [(0, wanted)]
    while open_nodes:
        node, count = open_nodes.pop()
        if count == 1 and node and best[node][1] == gain[node]:
            chosen.append(node)
            continue
        for child, before in reversed(joined[node]):
            mine = _share(before, best[child], count)
            if mine:
                open_nodes.append((child, mine))
            count -= mine
    return np.array(sorted(chosen), np.int64)


def _combine(left: Gains, right: Gains, most: int) -> Gains:
    """Tables of two disjoint parts as one, cut off after `most`."""
    out = np.full(min(left.size + right.size - 1, most + 1), -np.inf)
    short, long = (left, right) if left.size < right.size else (right, left)
    for count in range(min(short.size, out.size)):
        width = min(long.size, out.size - count)
        np.maximum(
            out[count : count + width],
            short[count] + long[:width],
            out=out[count : count + width],
        )
    return out


def _share(before: Gains, child: Gains, count: int) -> int:
    """How many of `count` nodes the child holds in the best division with those before it."""
    low, high = max(0, count - before.size + 1), min(count, child.size - 1)
    mine = np.arange(low, high + 1)
    return int(mine[np.argmax(child[mine] + before[count - mine])])
