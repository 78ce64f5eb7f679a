"""What the graph of neighbours is like: parts, communities, mixing of labels, central rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.analysis.graph.neighbours import DuplicateGroups, KnnGraph
from namebasis.checks import Float64Array, IntArray, check_count

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_PRIOR = 5.0  # edges added to observed and expected ones between two labels
_BLOCK = 8192  # rows whose label counts are dense at a time


def directed_adjacency(graph: KnnGraph, groups: DuplicateGroups | None = None) -> csr_matrix:
    """Ones from every row to its k neighbours, (n, n) float64.

    With `groups` of equal rows, the nodes are the groups, (n_groups, n_groups): an arrow leads from
    one to another where it does for any of their rows, and none to itself.
    """
    from scipy.sparse import csr_matrix

    n, k = graph.indices.shape
    ones, starts = np.ones(n * k), np.arange(0, n * k + 1, k)
    rows = csr_matrix((ones, graph.indices.astype(np.int32).ravel(), starts), shape=(n, n))
    if groups is None:
        return rows
    shape = (n, groups.first.size)
    member = csr_matrix((np.ones(n), (np.arange(n), groups.group)), shape=shape)
    nodes = (member.T @ rows @ member).tocsr()
    nodes.setdiag(0)
    nodes.eliminate_zeros()
    nodes.data[:] = 1
    return nodes


def undirected_adjacency(directed: csr_matrix) -> csr_matrix:
    """Ones between nodes of which an arrow leads from either to the other, (n, n) float64."""
    return directed.maximum(directed.T).tocsr()


def node_labels(labels: IntArray, groups: DuplicateGroups) -> IntArray:
    """Label of every group of equal rows, (n_groups,): -1 where none is known or they differ."""
    known = labels >= 0
    low = np.full(groups.first.size, np.iinfo(np.int64).max)
    high = np.full(groups.first.size, -1)
    np.minimum.at(low, groups.group[known], labels[known])
    np.maximum.at(high, groups.group[known], labels[known])
    return np.where(low == high, high, -1)


def edges_of(adjacency: csr_matrix) -> IntArray:
    """Both ends of every edge of an undirected graph, the lower row first, (n_edges, 2)."""
    from scipy.sparse import triu

    upper = triu(adjacency, k=1).tocoo()
    return np.stack([upper.row, upper.col], axis=1).astype(np.int64)


def components(adjacency: csr_matrix) -> IntArray:
    """Connected component of every row, (n,); numbered by size, the largest 0."""
    from scipy.sparse.csgraph import connected_components

    _, labels = connected_components(adjacency, directed=False)
    return _by_size(labels)


@dataclass(frozen=True)
class Communities:
    """Groups of rows with more edges inside than a random graph of equal degrees would have.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
        Community of every row, numbered by size.
    modularity : float
        Share of edges inside communities less the share expected [1]_, in [-1/2, 1); NaN in a
        graph without edges, where every row is a community.

    References
    ----------
    .. [1] Newman and Girvan (2004), Finding and evaluating community structure in networks,
       Physical Review E 69.
    """

    labels: IntArray
    modularity: float

    @property
    def n(self) -> int:
        """How many communities there are."""
        return int(self.labels.max()) + 1


def communities(adjacency: csr_matrix, *, seed: int = 0) -> Communities:
    """Find communities of an undirected graph by the Louvain method [1]_, by scikit-network.

    References
    ----------
    .. [1] Blondel et al. (2008), Fast unfolding of communities in large networks, Journal of
       Statistical Mechanics P10008.
    """
    from sknetwork.clustering import Louvain, get_modularity

    if adjacency.nnz == 0:
        return Communities(np.arange(adjacency.shape[0]), float("nan"))
    method = Louvain(random_state=check_count(seed, "seed", 0), shuffle_nodes=True)
    labels = method.fit_predict(adjacency)
    return Communities(_by_size(labels), float(get_modularity(adjacency, labels)))


def _by_size(labels: npt.NDArray[np.integer]) -> IntArray:
    """Number labels by falling count, equal counts by first row."""
    _, first, inverse, counts = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(counts.size, np.int64)
    rank[np.lexsort((first, -counts))] = np.arange(counts.size)
    return rank[inverse]


@dataclass(frozen=True)
class Assortativity:
    """How much more often edges join equal labels than chance has it.

    Attributes
    ----------
    coefficient : float
        (share of edges between equal labels - expected) / (1 - expected) [1]_: 1 where all edges
        stay within labels, 0 for chance.
    null, null_deviation : float
        Mean and standard deviation when labels are shuffled over the rows that have one.
    p : float
        Share of shuffles, the data counted, with at least the coefficient.
    n_edges, n_permutations : int
        Edges of which both ends have a label; shuffles.

    References
    ----------
    .. [1] Newman (2003), Mixing patterns in networks, Physical Review E 67, equation 2.
    """

    coefficient: float
    null: float
    null_deviation: float
    p: float
    n_edges: int
    n_permutations: int


def assortativity(
    edges: IntArray, labels: IntArray, *, n_permutations: int = 99, seed: int = 0
) -> Assortativity | None:
    """Measure the assortativity of labels on an undirected graph against shuffled labels.

    Parameters
    ----------
    edges : ndarray of shape (n_edges, 2), int64
    labels : ndarray of shape (n,), int64
        Negative for rows without a label; their edges do not count.
    n_permutations : int
    seed : int
        Of the shuffles.

    Returns
    -------
    Assortativity or None
        None where no edge has two labels or all ends have one label: it is undefined.
    """
    n_permutations = check_count(n_permutations, "n_permutations")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    known = edges[(labels[edges] >= 0).all(axis=1)]
    if known.size == 0:
        return None
    rows, ends = np.unique(known, return_inverse=True)
    ends = ends.reshape(known.shape)
    codes = np.unique(labels[rows], return_inverse=True)[1]
    if codes.max() == 0:
        return None
    codes = codes.astype(np.min_scalar_type(codes.max()))  # small integers are looked up faster
    left, right = np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1])
    degrees = np.bincount(ends.ravel())

    def coefficient(codes: IntArray) -> float:
        return _coefficient(left, right, degrees, codes)

    found = coefficient(codes)
    null = np.array([coefficient(rng.permutation(codes)) for _ in range(n_permutations)])
    return Assortativity(
        coefficient=found,
        null=float(null.mean()),
        null_deviation=float(null.std(ddof=1)) if n_permutations > 1 else float("nan"),
        p=float((1 + np.count_nonzero(null >= found - 1e-12)) / (n_permutations + 1)),
        n_edges=len(known),
        n_permutations=n_permutations,
    )


def _coefficient(left: IntArray, right: IntArray, degrees: IntArray, codes: IntArray) -> float:
    """The coefficient of edges from `left` to `right` between nodes of these degrees and codes."""
    equal = np.count_nonzero(codes[left] == codes[right]) / left.size
    shares = np.bincount(codes, degrees) / (2 * left.size)
    expected = float((shares**2).sum())
    return float((equal - expected) / (1 - expected)) if expected < 1 else float("nan")


def label_distances(edges: IntArray, labels: IntArray) -> Float64Array:
    """How seldom labels are joined by edges: 1 for never, 0 for as often as chance has it or more.

    Chance gives each pair of labels edges in proportion to how many each has. Five edges are added
    to both counts, so that labels with hardly any edges are not called far from each other.

    Parameters
    ----------
    edges : ndarray of shape (n_edges, 2), int64
    labels : ndarray of shape (n,), int64
        Negative for rows without one.

    Returns
    -------
    ndarray of shape (n_labels, n_labels)
        Symmetric, in [0, 1], 0 on the diagonal.
    """
    n = int(labels.max(initial=-1)) + 1
    found, expected = joined_labels(edges, labels)
    apart = 1 - np.minimum((found + _PRIOR) / (expected + _PRIOR), 1)
    apart[np.arange(n), np.arange(n)] = 0
    return np.asarray(apart)


def joined_labels(edges: IntArray, labels: IntArray) -> tuple[Float64Array, Float64Array]:
    """Edges between every two labels, and as many as chance gives, each (n_labels, n_labels)."""
    n = int(labels.max(initial=-1)) + 1
    known = labels[edges]
    known = known[(known >= 0).all(axis=1)]
    directed = np.bincount(known[:, 0] * n + known[:, 1], minlength=n * n).reshape(n, n)
    found = (directed + directed.T).astype(np.float64)
    found[np.arange(n), np.arange(n)] /= 2  # an edge within a label was counted from both ends
    degrees = np.bincount(known.ravel(), minlength=n).astype(np.float64)
    return found, np.outer(degrees, degrees) / max(2 * len(known), 1)


def label_mixing(
    adjacency: csr_matrix, labels: IntArray, distances: Float64Array
) -> tuple[Float64Array, IntArray]:
    """Mean distance between the labels of two neighbours of a row, drawn at random.

    Quadratic entropy [1]_ in its unbiased form over the neighbours that have a label: 0 where all
    their labels are near, 1 where any two are far, whatever their number. With distance 1 between
    all labels it is the chance that two neighbours differ in their label.

    Parameters
    ----------
    adjacency : sparse matrix of shape (n, n)
        Undirected, of ones.
    labels : ndarray of shape (n,), int64
        Negative for rows without one.
    distances : ndarray of shape (n_labels, n_labels)
        Between labels, 0 on the diagonal; see `label_distances`.

    Returns
    -------
    mixing : ndarray of shape (n,), float64
        NaN where fewer than two neighbours have a label.
    n_labelled : ndarray of shape (n,), int64
        Neighbours with a label.

    References
    ----------
    .. [1] Rao (1982), Diversity and dissimilarity coefficients, Theoretical Population Biology 21.
    """
    if distances.size == 0:
        return np.full(labels.size, np.nan), np.zeros(labels.size, np.int64)
    counts = label_counts(adjacency, labels)
    n_labelled = np.asarray(counts.sum(axis=1)).ravel()
    mixing = np.full(labels.size, np.nan)
    for start in range(0, labels.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        own = counts[part].toarray()
        pairs = np.maximum(n_labelled[part] * (n_labelled[part] - 1), 1)
        mixing[part] = ((own @ distances) * own).sum(axis=1) / pairs
    return np.where(n_labelled >= 2, mixing, np.nan), n_labelled.astype(np.int64)


def label_counts(adjacency: csr_matrix, labels: IntArray) -> csr_matrix:
    """How many neighbours of each row have each label, sparse (n, n_labels) float64."""
    from scipy.sparse import csr_matrix

    known = np.flatnonzero(labels >= 0)
    shape = (labels.size, int(labels.max(initial=-1)) + 1)
    one_hot = csr_matrix((np.ones(known.size), (known, labels[known])), shape=shape)
    return (adjacency @ one_hot).tocsr()


def page_rank(
    adjacency: csr_matrix, *, damping: float = 0.85, tolerance: float = 1e-10
) -> Float64Array:
    """PageRank [1]_ of every row, (n,), summing to 1: central rows are near to central rows.

    Entries are weights of edges, not negative; rows that lead nowhere lead to all rows alike, and
    with a probability of 1 - `damping` every row does.

    References
    ----------
    .. [1] Brin and Page (1998), The anatomy of a large-scale hypertextual web search engine.
    """
    n = adjacency.shape[0]
    out = np.asarray(adjacency.sum(axis=1)).ravel()
    total, walk = np.where(out > 0, out, 1), adjacency.T.tocsr()
    rank = np.full(n, 1 / n)
    change = np.inf
    while change > tolerance:
        lost = float(rank[out == 0].sum())
        new = damping * (walk @ (rank / total) + lost / n) + (1 - damping) / n
        change, rank = float(np.abs(new - rank).sum()), new
    return rank
