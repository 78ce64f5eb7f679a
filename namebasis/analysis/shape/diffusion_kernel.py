"""The diffusion kernel of a cloud of points: its bandwidth, and its dense and sparse forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.graph.approximate_neighbours import approximate_neighbours
from namebasis.checks import Float64Array, FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_SAMPLE = 512  # rows whose neighbours set the bandwidth
_BLOCK = 1024  # rows of the dense kernel that are computed at a time
_GATHERED = 32  # rows whose neighbours are gathered at a time: they stay in the cache
_EXACT_SEARCH = 50_000  # rows up to which every pair is compared for neighbours


@dataclass(frozen=True)
class Kernel:
    """A symmetric diffusion kernel with what is known of its spectrum.

    Attributes
    ----------
    product : callable
        Multiplies it with a float32 block (n, width).
    trace, squared_norm : float
        The sums of its eigenvalues and of their squares.
    """

    product: Callable[[FloatArray], FloatArray]
    trace: float
    squared_norm: float


def typical_distance(
    embeddings: FloatArray,
    k: int,
    rng: np.random.Generator,
    neighbours: IntArray | None = None,
) -> float:
    """Return the median distance from a row to its k-th nearest other row.

    The default bandwidth. A row whose k-th neighbour equals it counts with the distance of the
    nearest row that differs. Of more than 512 rows, a random 512 are asked.

    Parameters
    ----------
    embeddings : ndarray of shape (n, n_features)
        Not all rows equal.
    k : int
        1 to n - 1.
    rng : numpy.random.Generator
        Draws the rows.
    neighbours : ndarray of shape (n, at least k), optional
        The true nearest other rows of each row, the nearest first, where they are known.
    """
    n = len(embeddings)
    asked = np.arange(n) if n <= _SAMPLE else np.sort(rng.choice(n, _SAMPLE, replace=False))
    if neighbours is not None:
        apart = embeddings[neighbours[asked, :k]] - embeddings[asked].astype(np.float64)[:, None]
        kth = np.sqrt(np.einsum("nkf,nkf->nk", apart, apart)).max(axis=1)
        if kth.all():  # else the nearest row that differs is sought below
            return float(np.median(kth))
    centre = embeddings.mean(axis=0, dtype=np.float64)
    queries = embeddings[asked] - centre
    squared = np.empty((len(asked), 0))
    # Keep the k + 1 smallest and the smallest that is not 0, block after block.
    apart = np.full(len(asked), np.inf)
    for start in range(0, n, 8 * _BLOCK):
        rows = embeddings[start : start + 8 * _BLOCK] - centre
        found = _squared_distances(queries, rows)
        apart = np.minimum(apart, np.where(found > 0, found, np.inf).min(axis=1))
        squared = np.concatenate([squared, found], axis=1)
        if squared.shape[1] > k + 1:
            squared = np.partition(squared, k, axis=1)[:, : k + 1]
    kth = squared.max(axis=1)
    return float(np.median(np.sqrt(np.where(kth > 0, kth, apart))))


def _squared_distances(left: Float64Array, right: Float64Array) -> Float64Array:
    """Squared distances (n_left, n_right) in float64; rounding noise beside 0 becomes 0."""
    left_norms, right_norms = (left**2).sum(axis=1), (right**2).sum(axis=1)
    sums = left_norms[:, None] + right_norms
    squared = sums - 2 * (left @ right.T)
    squared[squared < 1e-13 * sums] = 0.0
    return np.asarray(squared)


def exact_affinity(embeddings: Float64Array, bandwidth: float) -> Float64Array:
    """Gaussian affinities G = exp(-d^2 / (2 bandwidth^2)) in float64 (n, n)."""
    rows = embeddings - embeddings.mean(axis=0)
    return np.asarray(np.exp(_squared_distances(rows, rows) / (-2 * bandwidth**2)))


def exact_eigenvalues(embeddings: Float64Array, bandwidth: float) -> Float64Array:
    """All eigenvalues of the dense kernel in float64, ascending (n,)."""
    return symmetric_eigenvalues(exact_affinity(embeddings, bandwidth))


def symmetric_eigenvalues(affinity: Float64Array) -> Float64Array:
    """Eigenvalues of D^(-1/2) G D^(-1/2), for affinities G with row sums D; G is overwritten."""
    from scipy.linalg import eigvalsh

    root = 1 / np.sqrt(affinity.sum(axis=1))
    affinity *= root[:, None]
    affinity *= root
    return np.asarray(eigvalsh(affinity, overwrite_a=True, check_finite=False))


def dense_kernel(embeddings: FloatArray, bandwidth: float) -> Kernel:
    """Store D^(-1/2) G D^(-1/2) in float32: 4 n^2 bytes.

    The upper blocks are computed and mirrored; row sums are in float64.
    """
    n = len(embeddings)
    scaled = (embeddings - embeddings.mean(axis=0, dtype=np.float64)) / bandwidth
    rows = scaled.astype(np.float32)
    half_norms = (rows.astype(np.float64) ** 2).sum(axis=1) / 2
    shift = half_norms.astype(np.float32)
    columns = np.ascontiguousarray(rows.T)  # another array, or numpy takes its slow mirrored path
    affinity = np.empty((n, n), np.float32)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        block = rows[start:stop] @ columns[:, start:]
        block -= shift[start:stop, None]
        block -= shift[start:]
        np.minimum(block, 0, out=block)  # rounding may put a squared distance below 0
        np.exp(block, out=block)
        affinity[start:stop, start:] = block
        affinity[stop:, start:stop] = block[:, stop - start :].T
    affinity[np.diag_indices(n)] = 1.0
    degrees = affinity.sum(axis=1, dtype=np.float64)
    root = (1 / np.sqrt(degrees)).astype(np.float32)
    squared_norm = 0.0
    for start in range(0, n, _BLOCK):
        part = affinity[start : start + _BLOCK]
        part *= root[start : start + _BLOCK, None]
        part *= root
        squared_norm += float(np.einsum("ij,ij->i", part, part).sum(dtype=np.float64))
    return Kernel(lambda block: affinity @ block, float((1 / degrees).sum()), squared_norm)


@dataclass(frozen=True)
class NearRows:
    """The k nearest other rows of every row.

    Attributes
    ----------
    indices : ndarray of shape (n, k), int64
        Row numbers; -1 where none was found.
    squared : ndarray of shape (n, k), float32
        Squared Euclidean distances.
    recall : float
        Share of the true neighbours among them; measured on a sample where the search was not
        exact, 1 otherwise.
    """

    indices: IntArray
    squared: FloatArray
    recall: float


def near_rows(rows: FloatArray, k: int, seed: int) -> NearRows:
    """Search the k nearest other rows by Euclidean distance, above 50,000 rows nearly all of them.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        Centred rows round least.
    k : int
        1 to n - 1.
    seed : int
        Of the approximate search.
    """
    n = len(rows)
    if n > _EXACT_SEARCH:
        found = approximate_neighbours(rows, k, seed=seed)
        return NearRows(found.indices, found.squared, found.recall)
    import faiss

    index: Any = faiss.IndexFlatL2(rows.shape[1])
    index.add(rows)
    indices, apart = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    for start in range(0, n, 16 * _BLOCK):
        own = np.arange(start, min(start + 16 * _BLOCK, n))
        squared, found_rows = index.search(rows[own], k + 1)
        # The row itself goes to the end and is cut off; among many duplicates it may be missing.
        order = np.argsort(found_rows == own[:, None], axis=1, kind="stable")[:, :k]
        indices[own] = np.take_along_axis(found_rows, order, axis=1)
        apart[own] = np.maximum(np.take_along_axis(squared, order, axis=1), 0)
    return NearRows(indices, apart, 1.0)


def given_rows(rows: FloatArray, neighbours: IntArray) -> NearRows:
    """Take `neighbours` (n, k) as they are and measure the distances to them."""
    squared = np.empty(neighbours.shape, np.float32)
    for start in range(0, len(rows), _GATHERED):
        part = slice(start, start + _GATHERED)
        apart = rows[neighbours[part]] - rows[part, None, :]
        squared[part] = np.einsum("nkf,nkf->nk", apart, apart)
    return NearRows(neighbours, squared, 1.0)


def centred(embeddings: FloatArray) -> FloatArray:
    """Rows less their mean, in float32: products of them round less."""
    mean = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    return np.asarray(embeddings - mean)


def sparse_affinity(near: NearRows, bandwidth: float) -> csr_matrix:
    """Affinities of every row with itself and its neighbours, either way round, (n, n)."""
    from scipy.sparse import csr_matrix, identity

    n, k = near.indices.shape
    values = np.exp(near.squared / np.float32(-2 * bandwidth**2))
    # int32 halves the memory; explicit zeros mark slots without a neighbour.
    values[near.indices < 0] = 0.0
    columns = np.where(near.indices < 0, 0, near.indices).astype(np.int32).ravel()
    starts = np.arange(0, n * k + 1, k, dtype=np.int64)
    directed = csr_matrix((values.ravel(), columns, starts), shape=(n, n))
    directed.sum_duplicates()
    union = directed.maximum(directed.T)
    union.setdiag(0)
    return (union + identity(n, np.float32, "csr")).tocsr()


def neighbour_distances(
    embeddings: FloatArray, k: int, seed: int, neighbours: IntArray | None = None
) -> Float64Array:
    """Distances to the k nearest other rows, (n, k); 0 for equal rows.

    Ascending where they are searched; in the order of `neighbours` (n, k) where those are given.
    """
    rows = centred(embeddings)
    near = near_rows(rows, k, seed).indices if neighbours is None else neighbours
    distances = np.empty(near.shape)
    for start in range(0, len(rows), _GATHERED):
        part = slice(start, start + _GATHERED)
        apart = (rows[near[part]] - rows[part, None, :]).astype(np.float64)
        distances[part] = np.sqrt(np.einsum("nkf,nkf->nk", apart, apart))
    distances[near < 0] = np.inf
    if neighbours is None:
        distances.sort(axis=1)
    return distances


def sparse_kernel(affinity: csr_matrix) -> Kernel:
    """Scale sparse affinities by their row sums on both sides."""
    from scipy.sparse import diags

    degrees = np.asarray(affinity.sum(axis=1, dtype=np.float64)).ravel()
    root = diags((1 / np.sqrt(degrees)).astype(np.float32))
    scaled = (root @ affinity @ root).tocsr()
    squared_norm = float((scaled.data.astype(np.float64) ** 2).sum())
    return Kernel(lambda block: scaled @ block, float((1 / degrees).sum()), squared_norm)
