"""Persistence diagrams beside those of data without structure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.shape.homology import (
    DEGREES,
    Landmarks,
    bottleneck_distance,
    covering_radius,
    farthest_points,
    farthest_rows,
    persistence_diagrams,
    persistence_entropy,
)
from namebasis.analysis.shape.nulls import null_draws
from namebasis.checks import (
    Float64Array,
    FloatArray,
    IntArray,
    Progress,
    as_embeddings,
    check_count,
)


@dataclass(frozen=True)
class Draws:
    """Mean, smallest and largest of a value over draws of the null (or pairs of them)."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class DegreeReport:
    """One degree of homology: components (0) or loops (1).

    Attributes
    ----------
    degree : int
    diagram : ndarray of shape (n_classes, 2), float64
        Birth and death in units of Euclidean distance; infinite for the class that never dies.
    entropy : float
        Persistence entropy in bits; NaN without a finite class.
    longest : float
        The longest finite life; 0 without one.
    n_certain : int
        Finite classes that all rows have as well, whatever the landmarks leave out: those that
        live longer than twice the error bound.
    null_diagram : ndarray of shape (n_classes, 2), float64
        Of the first draw of the null; no rows without draws.
    null_entropy, null_longest : Draws or None
        The same of the null's draws; None without draws.
    bottleneck : Draws or None
        Bottleneck distances from the diagram to those of the draws.
    among_nulls : Draws or None
        Bottleneck distances between two draws: what chance alone gives. None below 2 draws.
    """

    degree: int
    diagram: Float64Array
    entropy: float
    longest: float
    n_certain: int
    null_diagram: Float64Array
    null_entropy: Draws | None
    null_longest: Draws | None
    bottleneck: Draws | None
    among_nulls: Draws | None


@dataclass(frozen=True)
class PersistenceReport:
    """Homology of landmarks, with the error of leaving out the other rows.

    Attributes
    ----------
    degrees : tuple of DegreeReport
        H0 and H1.
    landmarks : ndarray of shape (n_landmarks,), int64
        Row numbers.
    covering_radius : float
        The largest distance from a row to its nearest landmark.
    error_bound : float
        Twice that: no diagram of all rows is farther from the one here in bottleneck distance.
    null : str
        What the null is.
    n_draws : int
        Draws of it.
    """

    degrees: tuple[DegreeReport, ...]
    landmarks: IntArray
    covering_radius: float
    error_bound: float
    null: str
    n_draws: int


def persistence_report(
    embeddings: object,
    *,
    n_landmarks: int = 256,
    max_rows: int = 20_000,
    n_draws: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> PersistenceReport:
    """Measure H0 and H1 on landmarks and compare them with a Gaussian of the same covariance.

    Every draw of the null gets landmarks of its own.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        At least 2 rows.
    n_landmarks : int
        Farthest points, at least 2; fewer where fewer rows differ.
    max_rows : int
        Landmarks are chosen among a random sample of this size where there are more rows; their
        covering radius is that of all rows.
    n_draws : int
        Draws of the null, each of as many rows as landmarks are chosen from; 0 for none.
    seed : int
        Of the sample, the landmarks and the draws.
    progress : callable, optional
        Called with (diagrams done, diagrams in all).

    Returns
    -------
    PersistenceReport

    Raises
    ------
    ValueError
        If a value is not finite, all rows are equal, or a count is out of range.
    """
    rows = as_embeddings(embeddings, min_rows=2)
    n_landmarks = check_count(n_landmarks, "n_landmarks", 2)
    n_draws = check_count(n_draws, "n_draws", 0)
    tell = progress or (lambda done, total: None)
    if (rows == rows[0]).all():
        raise ValueError("all rows are equal: one point has no shape.")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    marks = _landmarks(rows, n_landmarks, check_count(max_rows, "max_rows", 2), rng, seed)
    own = persistence_diagrams(rows[marks.rows])
    tell(1, n_draws + 1)
    drawn = []
    if n_draws:
        draw = null_draws(rows, "gaussian", min(len(rows), max_rows))
        for turn in range(n_draws):
            drawn.append(_diagrams_of(draw(rng), n_landmarks, seed))
            tell(turn + 2, n_draws + 1)
    return PersistenceReport(
        degrees=tuple(
            _compare(degree, own[degree], [d[degree] for d in drawn], marks.error_bound)
            for degree in DEGREES
        ),
        landmarks=marks.rows,
        covering_radius=marks.covering_radius,
        error_bound=marks.error_bound,
        null="gaussian",
        n_draws=n_draws,
    )


def _landmarks(
    rows: FloatArray, n_landmarks: int, max_rows: int, rng: np.random.Generator, seed: int
) -> Landmarks:
    if len(rows) <= max_rows:
        return farthest_points(rows, n_landmarks, seed=seed)
    sample = np.sort(rng.choice(len(rows), max_rows, replace=False))
    marks = sample[farthest_rows(rows[sample], n_landmarks, seed=seed)]
    return Landmarks(marks, covering_radius(rows, marks))


def _diagrams_of(rows: FloatArray, n_landmarks: int, seed: int) -> tuple[Float64Array, ...]:
    return persistence_diagrams(rows[farthest_rows(rows, n_landmarks, seed=seed)])


def _compare(
    degree: int, diagram: Float64Array, nulls: list[Float64Array], error_bound: float
) -> DegreeReport:
    lives = _lives(diagram)
    return DegreeReport(
        degree=degree,
        diagram=diagram,
        entropy=persistence_entropy(diagram),
        longest=float(lives.max(initial=0)),
        n_certain=int(np.count_nonzero(lives > 2 * error_bound)),
        null_diagram=nulls[0] if nulls else np.empty((0, 2)),
        null_entropy=_draws([persistence_entropy(null) for null in nulls]),
        null_longest=_draws([float(_lives(null).max(initial=0)) for null in nulls]),
        bottleneck=_draws([bottleneck_distance(diagram, null) for null in nulls]),
        among_nulls=_draws(
            [bottleneck_distance(a, b) for a, b in itertools.combinations(nulls, 2)]
        ),
    )


def _lives(diagram: Float64Array) -> Float64Array:
    lives = diagram[:, 1] - diagram[:, 0]
    return np.asarray(lives[np.isfinite(lives)])


def _draws(values: list[float]) -> Draws | None:
    if not values:
        return None
    return Draws(float(np.mean(values)), min(values), max(values), len(values))
