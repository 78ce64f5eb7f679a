"""From links between rows to the density hierarchy: smoothing, mutual reachability, the forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.clusters.density_tree import DensityTree, density_tree
from namebasis.analysis.graph.neighbours import DuplicateGroups, KnnGraph
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.compiled import compiled

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Distances below this share of the median core distance count as it: without a floor, a few
# near-equal vectors would have almost all the mass there is.
_FLOOR = 0.1
_BRIDGED = 20_000  # rows up to which all pairs of unconnected parts are compared


def reachability_tree(
    rows: FloatArray,
    links: csr_matrix,
    sizes: IntArray,
    *,
    min_cluster_size: int,
    min_samples: int,
    smoothing: int,
) -> DensityTree:
    """Condense the hierarchy of mutual reachability over links between different rows.

    Parameters
    ----------
    rows : ndarray of shape (m, n_features)
        Unit rows, all different.
    links : csr_matrix of shape (m, m)
        Ones: which rows have which among their neighbours, as `group_links` gives them.
    sizes : ndarray of shape (m,), int64
        How many equal rows each one stands for.
    min_cluster_size, min_samples, smoothing : int
        As `namebasis.analysis.clusters.clustering.cluster` takes them.

    Returns
    -------
    DensityTree
        Its leaves are the rows.
    """
    rows = _smooth(rows, links, sizes, smoothing)
    starts, target = links.indptr.astype(np.int64), links.indices.astype(np.int64)
    source = np.repeat(np.arange(sizes.size), np.diff(starts))
    distances = compiled(linked_distances, _DISTANCES, fastmath=True)(rows, starts, target)
    core = compiled(core_distances, _CORE)(starts, target, distances, sizes, min_samples)
    positive = core[core > 0]
    floor = _FLOOR * float(np.median(positive)) if positive.size else 1.0
    reach = np.maximum(np.maximum(distances, floor), np.maximum(core[source], core[target]))
    edges, lengths = _spanning_forest(source, target, reach, rows, core, smoothing)
    return density_tree(edges, lengths, sizes, min_cluster_size)


def group_links(graph: KnnGraph, groups: DuplicateGroups) -> csr_matrix:
    """Which groups have which among their neighbours, (n_groups, n_groups) of ones."""
    from scipy.sparse import csr_matrix

    m = groups.first.size
    source = np.repeat(groups.group, graph.k)
    target = groups.group[graph.indices.ravel()]
    other = source != target
    pairs = np.sort(source[other] * m + target[other])
    pairs = pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]
    ones = np.ones(pairs.size, np.float32)
    return csr_matrix((ones, (pairs // m, pairs % m)), shape=(m, m))


def _smooth(rows: FloatArray, links: csr_matrix, sizes: IntArray, steps: int) -> FloatArray:
    """Move every row `steps` times to the mean direction of itself and its mutual neighbours."""
    from scipy.sparse import diags, identity

    if steps == 0:
        return rows
    weights = diags(sizes.astype(np.float32))
    pull = ((links.multiply(links.T) + identity(sizes.size, np.float32)) @ weights).tocsr()
    starts, ends = pull.indptr.astype(np.int64), pull.indices.astype(np.int64)
    step = compiled(smooth_once, _SMOOTH, fastmath=True)
    for _ in range(steps):
        rows = step(rows, starts, ends, pull.data)
    return rows


_SMOOTH = "float32[:,::1](float32[:,::1], int64[::1], int64[::1], float32[::1])"


def smooth_once(
    rows: FloatArray, starts: IntArray, ends: IntArray, weights: FloatArray
) -> FloatArray:
    """The mean direction of the rows that each one is linked to, of which it is one.

    Opposite rows cancel out but for rounding: such a one stays where it is.
    """
    moved = np.zeros_like(rows)
    for row in range(rows.shape[0]):
        total = np.float32(0)
        for link in range(starts[row], starts[row + 1]):
            weight, other = weights[link], ends[link]
            total += weight
            for at in range(rows.shape[1]):
                moved[row, at] += weight * rows[other, at]
        squared = np.float32(0)
        for at in range(rows.shape[1]):
            squared += moved[row, at] * moved[row, at]
        if squared <= (np.float32(1e-6) * total) ** 2:
            for at in range(rows.shape[1]):  # a whole row at once takes seconds to compile
                moved[row, at] = rows[row, at]
            continue
        length = np.sqrt(squared)
        for at in range(rows.shape[1]):
            moved[row, at] /= length
    return moved


_DISTANCES = "float64[::1](float32[:,::1], int64[::1], int64[::1])"


def linked_distances(rows: FloatArray, starts: IntArray, ends: IntArray) -> Float64Array:
    """Euclidean distance along each link, the same in both directions.

    By differences, which are exact where rows are close.
    """
    out = np.empty(ends.size)
    for row in range(rows.shape[0]):
        for link in range(starts[row], starts[row + 1]):
            other, squared = ends[link], np.float32(0)
            for at in range(rows.shape[1]):
                apart = rows[row, at] - rows[other, at]
                squared += apart * apart
            out[link] = np.sqrt(squared)
    return out


_CORE = "float64[::1](int64[::1], int64[::1], float64[::1], int64[::1], int64)"


def core_distances(
    starts: IntArray, ends: IntArray, distances: Float64Array, sizes: IntArray, min_samples: int
) -> Float64Array:
    """Distance to the `min_samples`-th other row, counting every copy of a vector.

    0 where its own copies are near enough, and where it has fewer neighbours.
    """
    core = np.zeros(sizes.size)
    for row in range(sizes.size):
        reached = sizes[row] - 1
        if sizes[row] > min_samples:
            continue
        left = distances[starts[row] : starts[row + 1]].copy()
        for _ in range(left.size):  # the nearest of those that are left, until they are enough
            nearest = np.argmin(left)
            reached += sizes[ends[starts[row] + nearest]]
            if reached >= min_samples:
                core[row] = left[nearest]
                break
            left[nearest] = np.inf
    return core


def _spanning_forest(
    source: IntArray,
    target: IntArray,
    lengths: Float64Array,
    rows: FloatArray,
    core: Float64Array,
    smoothing: int,
) -> tuple[IntArray, Float64Array]:
    """Edges of a minimum spanning tree, with bridges between what the graph leaves apart."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

    n = rows.shape[0]
    low, high = np.minimum(source, target), np.maximum(source, target)
    # Adding would sum the two directions of an edge; both have one length, so either will do.
    keys = low * n + high
    order = np.argsort(keys, kind="stable")
    first = order[np.flatnonzero(np.diff(keys[order], prepend=-1))]
    edges = csr_matrix((lengths[first], (low[first], high[first])), shape=(n, n))
    forest = minimum_spanning_tree(edges).tocoo()
    pairs = np.column_stack([forest.row, forest.col]).astype(np.int64)
    values = np.asarray(forest.data, np.float64)
    n_trees, tree_of = connected_components(edges, directed=False)
    if n_trees > 1:
        longest = float(values.max(initial=0.0)) or 1.0
        tops = np.unique(tree_of, return_index=True)[1]
        bridges = np.column_stack([np.full(n_trees - 1, tops[0]), tops[1:]]).astype(np.int64)
        spans = np.full(n_trees - 1, longest)
        if smoothing == 0 and n <= _BRIDGED:
            bridges, spans = _bridges(rows, core, tree_of, n_trees)
        # Smoothed parts lie farther apart than they did, and the excess of mass from so low a
        # density would drown every split inside them: they join at the longest edge.
        pairs, values = np.concatenate([pairs, bridges]), np.concatenate([values, spans])
    return pairs, values


def _bridges(
    rows: FloatArray, core: Float64Array, tree_of: IntArray, n_trees: int
) -> tuple[IntArray, Float64Array]:
    """The shortest mutual reachability between the trees of a forest that joins them all."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import minimum_spanning_tree

    apart = np.full((n_trees, n_trees), np.inf)
    ends = np.zeros((n_trees, n_trees, 2), np.int64)
    by_tree = np.argsort(tree_of, kind="stable")
    starts = np.searchsorted(tree_of[by_tree], np.arange(n_trees))
    members = np.split(by_tree, starts[1:])
    for tree, own in enumerate(members[:-1]):
        for begin in range(0, own.size, 256):
            part = own[begin : begin + 256]
            squared = 2 - 2 * (rows[part] @ rows.T).astype(np.float64)
            reach = np.sqrt(np.maximum(squared, 0))
            reach = np.maximum(np.maximum(reach, core), core[part][:, None])
            nearest = np.argmin(reach, axis=0)
            best = reach[nearest, np.arange(len(rows))][by_tree]
            for other in range(tree + 1, n_trees):
                span = slice(starts[other], starts[other] + members[other].size)
                at = int(np.argmin(best[span]))
                if best[span][at] < apart[tree, other]:
                    apart[tree, other] = best[span][at]
                    row = members[other][at]
                    ends[tree, other] = part[nearest[row]], row
    joined = minimum_spanning_tree(csr_matrix(np.where(np.isfinite(apart), apart, 0))).tocoo()
    return ends[joined.row, joined.col], np.asarray(joined.data, np.float64)
