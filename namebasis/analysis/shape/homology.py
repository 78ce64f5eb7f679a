"""Persistent homology of a cloud of points, on landmarks, with the error that landmarks cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.checks import Float64Array, FloatArray, IntArray, as_embeddings, check_count

_BLOCK = 4096  # rows compared with all landmarks at a time
_LAZY = 64  # rows whose distance is brought up to date at a time
DEGREES = (0, 1)


@dataclass(frozen=True)
class Landmarks:
    """Rows that stand for all rows.

    Attributes
    ----------
    rows : ndarray of shape (n_landmarks,), int64
        Row numbers in the order of choice.
    covering_radius : float
        The largest Euclidean distance from any row to its nearest landmark.
    """

    rows: IntArray
    covering_radius: float

    @property
    def error_bound(self) -> float:
        """How far, in bottleneck distance, the landmarks' diagrams may be from those of all rows.

        Twice the covering radius, for Rips complexes whose scale is the length of edges [1]_.

        References
        ----------
        .. [1] Chazal, de Silva and Oudot (2014), Persistence stability for geometric complexes,
           Geometriae Dedicata 173, theorem 5.2.
        """
        return 2 * self.covering_radius


def farthest_points(embeddings: object, n_landmarks: int, *, seed: int = 0) -> Landmarks:
    """Choose landmarks one after another, each the row farthest from those before [1]_.

    Their covering radius is at most twice the smallest of this number of landmarks. The first
    is drawn at random; of equally far rows the first is taken. Rows equal to a landmark are never
    chosen, so fewer come back where there are fewer different rows.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    n_landmarks : int
        At least 1.
    seed : int
        Of the first landmark.

    Raises
    ------
    ValueError
        If a value is not finite or `n_landmarks` is not a count.

    References
    ----------
    .. [1] Gonzalez (1985), Clustering to minimize the maximum intercluster distance, Theoretical
       Computer Science 38.
    """
    rows = as_embeddings(embeddings)
    landmarks = farthest_rows(rows, n_landmarks, seed=seed)
    return Landmarks(landmarks, covering_radius(rows, landmarks))


def farthest_rows(rows: FloatArray, n_landmarks: int, *, seed: int = 0) -> IntArray:
    """The rows that `farthest_points` chooses, without the covering radius, which costs more."""
    n_landmarks = check_count(n_landmarks, "n_landmarks")
    first = int(np.random.default_rng(check_count(seed, "seed", 0)).integers(len(rows)))
    bounds = _Bounds((rows - rows[first]).astype(np.float32), first)
    chosen = [first]
    while len(chosen) < n_landmarks:
        row = bounds.farthest()
        # Rounding leaves equal rows a little apart: only the exact difference tells.
        while bounds.squared[row] > 0 and _is_landmark(rows, row, chosen):
            bounds.squared[row] = 0
            row = bounds.farthest()
        if bounds.squared[row] <= 0:
            break
        chosen.append(bounds.add(_first_equal(rows, row, bounds.squares)))
    return np.array(chosen, np.int64)


class _Bounds:
    """How far each row is from its nearest landmark, at most; known exactly where it is needed.

    A landmark more can only bring a row nearer, so an old distance is a bound, and of most rows it
    is never brought up to date.
    """

    def __init__(self, centred: FloatArray, first: int) -> None:
        self.centred = centred  # near 0, so that products round less
        self.squares = np.einsum("nf,nf->n", centred, centred)
        self.landmarks = [first]
        self.squared = np.full(len(centred), np.inf, np.float32)
        self.n_compared = np.zeros(len(centred), np.int64)
        self._compare(np.arange(len(centred)))

    def add(self, row: int) -> int:
        """Make a row a landmark; return it."""
        self.landmarks.append(row)
        self.squared[row] = 0
        return row

    def farthest(self) -> int:
        """The row farthest from its nearest landmark; of equally far ones the first."""
        while True:
            row = int(self.squared.argmax())
            if self.n_compared[row] == len(self.landmarks):
                return row
            count = min(_LAZY, len(self.squared))
            top = np.argpartition(self.squared, -count)[-count:]
            top[0] = row  # where more are equally far, it need not be among those
            top = np.unique(top)
            self._compare(top[self.n_compared[top] < len(self.landmarks)])

    def _compare(self, rows: IntArray) -> None:
        """Bring some rows up to date with the landmarks that they were not compared with."""
        new = self.landmarks[int(self.n_compared[rows].min()) :]
        products = self.centred[rows] @ self.centred[new].T
        apart = self.squares[rows, None] + self.squares[new] - 2 * products
        self.squared[rows] = np.minimum(self.squared[rows], apart.min(axis=1))
        self.n_compared[rows] = len(self.landmarks)


def _first_equal(rows: FloatArray, row: int, squares: FloatArray) -> int:
    """The first row that equals one, of rows with their squared lengths."""
    alike = np.flatnonzero(np.abs(squares - squares[row]) <= 1e-5 * squares[row])
    return int(alike[(rows[alike] == rows[row]).all(axis=1)][0])


def _is_landmark(rows: FloatArray, row: int, chosen: Sequence[int]) -> bool:
    return bool((rows[chosen] == rows[row]).all(axis=1).any())


def covering_radius(rows: FloatArray, landmarks: IntArray) -> float:
    """Largest distance from a row (n, n_features) to its nearest landmark (m,), in float64."""
    centre = rows[landmarks].mean(axis=0)
    marks = rows[landmarks] - centre  # near 0, so that products round less
    squares = np.einsum("mf,mf->m", marks, marks)
    largest = 0.0
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] - centre
        # The nearest by fast products; its distance by differences, which are exact near 0.
        nearest = (squares - 2 * (block @ marks.T)).argmin(axis=1)
        apart = block.astype(np.float64) - marks[nearest]
        largest = max(largest, float(np.einsum("nf,nf->n", apart, apart).max()))
    return float(np.sqrt(largest))


def persistence_diagrams(points: object) -> tuple[Float64Array, ...]:
    """Births and deaths of components (H0) and of loops (H1) in the Rips filtration, by gudhi.

    Parameters
    ----------
    points : array_like of shape (m, n_features)
        A few hundred rows: the time grows with the cube of m and more.

    Returns
    -------
    tuple of two ndarrays of shape (n_classes, 2), float64
        Birth and death in units of Euclidean distance (length of edges), sorted by birth and
        death. H0 has one class that never dies (infinite), which comes last.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    from scipy.spatial.distance import pdist, squareform

    rows = as_embeddings(points).astype(np.float64)
    distances = squareform(pdist(rows))
    # From the smallest distance that reaches all rows from one of them, the complex is a cone.
    found = _rips(distances, float(distances.max(axis=1).min()))
    return tuple(_sorted(np.asarray(diagram, np.float64).reshape(-1, 2)) for diagram in found)


def _rips(distances: Float64Array, threshold: float) -> list[Any]:
    """Diagrams of a square of distances, without scikit-learn, whose import takes longer.

    Only gudhi's estimator for scikit-learn is documented; it calls the same function.
    """
    most = min(DEGREES[-1], max(0, len(distances) - 3))
    try:
        from gudhi._ripser_ext import _full

        found = _full(
            distances, max_dimension=most, max_edge_length=threshold, homology_coeff_field=2
        )
    except (ImportError, TypeError):  # another version of gudhi has it elsewhere, or otherwise
        from gudhi.sklearn.rips_persistence import RipsPersistence

        rips = RipsPersistence(
            homology_dimensions=list(DEGREES), threshold=threshold,
            input_type="full distance matrix", homology_coeff_field=2, n_jobs=1,
        )  # fmt: skip
        return list(rips.fit_transform([distances])[0])
    return [found[degree] if degree <= most else np.empty((0, 2)) for degree in DEGREES]


def _sorted(diagram: Float64Array) -> Float64Array:
    return np.asarray(diagram[np.lexsort((diagram[:, 1], diagram[:, 0]))])


def persistence_entropy(diagram: Float64Array) -> float:
    """Entropy in bits of the lengths of the finite classes as shares of their sum [1]_.

    Returns
    -------
    float
        In [0, log2 n_classes]; NaN where no class lives for a finite time.

    References
    ----------
    .. [1] Chintakunta et al. (2015), An entropy-based persistence barcode, Pattern Recognition 48.
    """
    lengths = diagram[:, 1] - diagram[:, 0]
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    if lengths.size == 0:
        return float("nan")
    shares = lengths / lengths.sum()
    return float(-(shares * np.log2(shares)).sum())


def bottleneck_distance(left: Float64Array, right: Float64Array) -> float:
    """Bottleneck distance of two diagrams (n, 2) and (m, 2).

    Classes may be matched to the diagonal; infinite ones only to each other.
    """
    births = np.concatenate([left[:, 0], right[:, 0]])
    if births.size and (births == births[0]).all():
        return _born_at_once(left[:, 1] - births[0], right[:, 1] - births[0])
    forever = [np.sort(side[np.isinf(side[:, 1]), 0]) for side in (left, right)]
    if forever[0].size != forever[1].size:
        return float("inf")
    at_least = float(np.abs(forever[0] - forever[1]).max(initial=0))
    # A class on the diagonal changes nothing.
    left, right = (
        side[np.isfinite(side[:, 1]) & (side[:, 1] > side[:, 0])] for side in (left, right)
    )
    return _least_matched(left, right, at_least)


def _least_matched(left: Float64Array, right: Float64Array, low: float) -> float:
    """The least distance from `low` on at which finite classes can be matched.

    Within t, classes that live longer than 2t must have a partner, the others need none. Such
    partners are found for both sides at once where they are for each by itself [1]_, so that only
    the few long lives are matched. The least t is one of the distances or of the halved lives.

    .. [1] Mendelsohn and Dulmage (1958), Some generalizations of the problem of distinct
       representatives, Canadian Journal of Mathematics 10.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    halves = [(side[:, 1] - side[:, 0]) / 2 for side in (left, right)]
    high = max(float(half.max(initial=0)) for half in halves)  # all go to the diagonal
    if high <= low:
        return low
    apart = np.maximum(
        np.abs(left[:, None, 0] - right[:, 0]), np.abs(left[:, None, 1] - right[:, 1])
    )

    def can_be(within: float) -> bool:
        for half, cost in ((halves[0], apart), (halves[1], apart.T)):
            near = csr_matrix(cost[half > within] <= within)
            if (maximum_bipartite_matching(near, "column") < 0).any():
                return False
        return True

    for half, cost in ((halves[0], apart), (halves[1], apart.T)):  # each its nearest, at least
        low = max(low, float(np.minimum(half, cost.min(axis=1, initial=np.inf)).max(initial=0)))
    if can_be(low):  # as it mostly is
        return low
    for _ in range(12):  # so that few steps are left to sort
        middle = (low + high) / 2
        low, high = (low, middle) if can_be(middle) else (middle, high)
    steps = np.concatenate([*(side[(side > low) & (side <= high)] for side in (apart, *halves))])
    steps = np.unique(np.append(steps, high))
    first, last = 0, steps.size - 1  # at the last, `high`, they can
    while first < last:
        middle = (first + last) // 2
        if can_be(steps[middle]):
            last = middle
        else:
            first = middle + 1
    return float(steps[first])


def _born_at_once(left: Float64Array, right: Float64Array) -> float:
    """Bottleneck distance of classes that differ in how long they live alone.

    A class must be matched to another within t if it lives longer than 2t. The longest may be
    matched to the longest, the next to the next, since matching on a line need not cross; each
    such pair costs its difference, or half of the longer life where both go to the diagonal.
    """
    n_forever = np.count_nonzero(np.isinf(left)), np.count_nonzero(np.isinf(right))
    if n_forever[0] != n_forever[1]:
        return float("inf")
    lives = np.zeros((2, max(left.size, right.size, 1) + 1))
    for side, own in zip(lives, (left, right), strict=True):
        finite = np.sort(own[np.isfinite(own)])[::-1]
        side[: finite.size] = finite
    return float(np.minimum(np.abs(lives[0] - lives[1]), lives.max(axis=0) / 2).max())
