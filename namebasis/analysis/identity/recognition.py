"""Which of many names lies nearest to pictures of a person, and how far the true one is ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, FloatArray, IntArray

_BLOCK = 2048
"""Rows of directions that are scored at a time."""


def unit(rows: npt.ArrayLike) -> Float64Array:
    """Rows scaled to length 1; those without a direction stay 0."""
    values = np.asarray(rows, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 1e-12))


@dataclass(frozen=True)
class Person:
    """Pictures of one person, and the name that they bear.

    Attributes
    ----------
    photos : ndarray of shape (n_photos, dim)
        Centred, of length 1.
    draws : ndarray of shape (n_resamples, dim)
        Mean of the photos, resampled each time.
    name : ndarray of shape (dim,)
        Centred embedding of the true name, of length 1.
    rows : ndarray of int
        Candidates that are the true name, and thus none of the others.
    """

    photos: Float64Array
    draws: Float64Array
    name: Float64Array
    rows: IntArray

    @property
    def mean(self) -> Float64Array:
        """Mean of the photos, whose cosine to a name is its score."""
        return np.asarray(self.photos.mean(axis=0))

    @classmethod
    def of(
        cls, photos: Float64Array, name: Float64Array, rows: npt.ArrayLike, n_resamples: int,
        rng: np.random.Generator,
    ) -> Person:  # fmt: skip
        """With photos resampled `n_resamples` times."""
        n = len(photos)
        shares = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
        return cls(photos, shares @ photos, name, np.asarray(rows, dtype=np.int64))


@dataclass(frozen=True)
class Place:
    """Where a true name stands among the others.

    Attributes
    ----------
    rank : int
        1 where no other name scores higher.
    margin : float
        Mean cosine of the photos to the true name less that to the best of the others.
    draw_ranks, draw_margins : ndarray of shape (n_resamples,)
    photo_ranks : ndarray of shape (n_photos,), int
        Of each photo by itself.
    best : tuple of (int, float)
        The names that score highest, with their scores; the true one among them.
    alike : ndarray of int
        Other names that lie as near to the photos along attributes as the true one does.
    """

    rank: int
    margin: float
    draw_ranks: IntArray
    draw_margins: Float64Array
    photo_ranks: IntArray
    best: tuple[tuple[int, float], ...]
    alike: IntArray


class Ranking:
    """Places true names among candidates that come a block at a time.

    Parameters
    ----------
    people : sequence of Person
    basis : ndarray of shape (n_directions, dim)
        Orthonormal directions of attributes; see `own_parts.attribute_basis`.
    k : int
        Names that are kept as the best.
    n_alike : int
        Names of the same attributes that are kept.
    """

    def __init__(
        self, people: Sequence[Person], basis: Float64Array, *, k: int, n_alike: int
    ) -> None:
        self._people, self._basis, self._k, self._n_alike = people, basis, k, n_alike
        parts = [np.concatenate([one.mean[None], one.photos, one.draws]) for one in people]
        self._ends = np.cumsum([0, *map(len, parts)])
        self._rows = np.concatenate(parts)
        owners = np.repeat(np.arange(len(people)), np.diff(self._ends))
        names = np.stack([one.name for one in people])
        self._true = np.einsum("nd,nd->n", self._rows, names[owners])
        self._above = np.zeros(len(self._rows), dtype=np.int64)
        self._most = np.full(len(self._rows), -np.inf)
        n = len(people)
        self._best = np.full((n, k), -np.inf), np.full((n, k), -1, dtype=np.int64)
        self._near = np.full((n, n_alike), np.inf), np.full((n, n_alike), -1, dtype=np.int64)
        self._coarse = unit(np.stack([one.mean for one in people]) @ basis.T)
        self._own_coarse = np.einsum("nd,nd->n", self._coarse, unit(names @ basis.T))
        self.n_names = 0

    def take(self, ids: IntArray, names: npt.ArrayLike) -> None:
        """Compare with some candidates more: their numbers, and centred rows of length 1."""
        vectors = np.asarray(names, dtype=np.float64)
        self.n_names += len(ids)
        columns = [np.flatnonzero(np.isin(ids, one.rows)) for one in self._people]
        for start in range(0, len(self._rows), _BLOCK):
            few = slice(start, min(start + _BLOCK, len(self._rows)))
            scores = self._rows[few] @ vectors.T
            for at, own in enumerate(columns):
                if len(own):
                    low, high = (np.clip(self._ends[at : at + 2], few.start, few.stop)) - start
                    scores[low:high, own] = -np.inf
            self._above[few] += (scores > self._true[few, None]).sum(axis=1)
            self._most[few] = np.maximum(self._most[few], scores.max(axis=1, initial=-np.inf))
        means = self._rows[self._ends[:-1]]
        self._keep(self._best, -(means @ vectors.T), ids, flip=True)
        if len(self._basis):
            apart = np.abs(
                self._coarse @ unit(vectors @ self._basis.T).T - self._own_coarse[:, None]
            )
            for at, own in enumerate(columns):
                apart[at, own] = np.inf
            self._keep(self._near, apart, ids)

    def _keep(
        self, kept: tuple[Float64Array, IntArray], costs: Float64Array, ids: IntArray, *,
        flip: bool = False,
    ) -> None:  # fmt: skip
        """Keep the candidates of the least cost; `flip` where scores are kept, not costs."""
        values, places = kept
        both = np.concatenate([-values if flip else values, costs], axis=1)
        numbers = np.concatenate([places, np.broadcast_to(ids, costs.shape)], axis=1)
        order = np.argsort(both, axis=1, kind="stable")[:, : values.shape[1]]
        found = np.take_along_axis(both, order, axis=1)
        values[:] = -found if flip else found
        places[:] = np.take_along_axis(numbers, order, axis=1)

    def places(self) -> list[Place]:
        """Where every true name stands among the candidates taken."""
        found = []
        for at, one in enumerate(self._people):
            start, end = self._ends[at : at + 2]
            middle = start + 1 + len(one.photos)
            ranks, ahead = 1 + self._above[start:end], (self._true - self._most)[start:end]
            scores, names = self._best[0][at], self._best[1][at]
            known = names >= 0
            near = self._near[1][at][np.isfinite(self._near[0][at])]
            found.append(
                Place(
                    int(ranks[0]),
                    float(ahead[0]),
                    ranks[middle - start :],
                    ahead[middle - start :],
                    ranks[1 : middle - start],
                    tuple(zip(names[known].tolist(), scores[known].tolist(), strict=True)),
                    near,
                )
            )
        return found


def ahead_of(photos: Float64Array, name: Float64Array, others: Float64Array) -> float:
    """Chance that a photo scores the true name above one of the others, ties counted half.

    Parameters
    ----------
    photos : ndarray of shape (n_photos, dim)
    name : ndarray of shape (dim,)
    others : ndarray of shape (n_others, dim)
    """
    own, scores = photos @ name, photos @ others.T
    return float((np.sign(own[:, None] - scores).mean() + 1) / 2)


def pointing(own: npt.ArrayLike, pictures: npt.ArrayLike) -> Float64Array:
    """How far the own direction of names points at the person in their pictures.

    Parameters
    ----------
    own : array_like of shape (..., dim)
        What remains of the names after the effects of their parts: `OwnDirection.remainder`.
    pictures : array_like of shape (..., dim)
        Centred mean of the pictures, of any length.

    Returns
    -------
    ndarray of shape (...)
        Length of the own direction along the pictures; 0 on average for a name that the model
        knows only by its parts, whoever is in the pictures.
    """
    return np.asarray(np.sum(np.asarray(own, np.float64) * unit(pictures), axis=-1))


def places_among(
    pictures: FloatArray | Float64Array,
    names: FloatArray | Float64Array,
    rows: IntArray,
    without: IntArray | None = None,
) -> tuple[IntArray, Float64Array]:
    """Rank and margin of true names for the mean of their pictures, among all names.

    Parameters
    ----------
    pictures : ndarray of shape (n_people, dim)
        Centred; NaN rows have no place.
    names : ndarray of shape (n_names, dim)
        Centred, of length 1.
    rows : ndarray of shape (n_people,), int
        Which name is the true one.
    without : ndarray of shape (n_people,), int, optional
        One name more that is none of the others.

    Returns
    -------
    (ndarray of shape (n_people,), ndarray of shape (n_people,))
        Rank, 0 where there is none; cosine less that of the best other name.
    """
    ranks, margins = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), np.nan)
    known = np.isfinite(pictures).all(axis=1)
    if not known.any() or len(names) < 2:
        return ranks, margins
    scores = unit(pictures[known]) @ np.asarray(names, dtype=np.float64).T
    at = np.arange(len(scores)), rows[known]
    own = scores[at].copy()
    scores[at] = -np.inf
    if without is not None:
        scores[at[0], without[known]] = -np.inf
    ranks[known] = 1 + (scores > own[:, None]).sum(axis=1)
    margins[known] = own - scores.max(axis=1)
    return ranks, margins
