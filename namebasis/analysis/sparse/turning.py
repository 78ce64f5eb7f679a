"""Random dictionaries with the size and the covariance of a given one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, as_embeddings, check_count

_SMALLEST_GROUP = 16
_SPREAD = 2.0  # largest variance over the smallest that starts a new group
_NO_VARIANCE = 1e-9  # of the largest variance: rounding, no direction of the dictionary
_FLIPS, _MANY_FLIPS = 8, 25  # draws of one turned dictionary
_SPREAD_OUT = 16.0
_BLOCK = 8192


class TurnedDictionaries:
    """Draws dictionaries that resemble a given one but know nothing of any target.

    The rows are whitened, turned by random orthogonal matrices (Haar [1]_) within groups of
    principal components of similar variance, and coloured again. So a draw has the number of rows
    and exactly the second moments of the rows given, and about their clusters; which way a row
    points is random. A turn over all components at once would make heavy tails in the first
    components Gaussian, and so better at coding anything.

    A draw with the signs of its components flipped is a draw too, and flipping the target's
    instead gives the same cosines: each turned dictionary serves several draws, fewer where the
    target lies in few components and flips of it are much alike.

    Parameters
    ----------
    rows : array_like of shape (n_rows, n_features)
        Not centred here. Kept once, in coordinates of the components.
    usable : array_like of bool, shape (n_rows,), optional
        The rows whose second moments count and are kept.

    Attributes
    ----------
    axes : ndarray of shape (n_features, n_components)
        Principal components with a variance, largest first.
    variances : ndarray of shape (n_components,)
    groups : tuple of slice
        Components that are turned into each other.

    Raises
    ------
    ValueError
        If no usable row has a direction.

    References
    ----------
    .. [1] Mezzadri (2007), How to generate random matrices from the classical compact groups,
       Notices of the AMS 54(5).
    """

    def __init__(self, rows: npt.ArrayLike, usable: npt.ArrayLike | None = None) -> None:
        vectors = as_embeddings(rows)
        kept = np.ones(len(vectors), bool) if usable is None else np.asarray(usable, dtype=bool)
        values, axes = np.linalg.eigh(_second_moments(vectors, kept))
        values, axes = values[::-1], axes[:, ::-1]
        known = values > _NO_VARIANCE * values[0]
        if not known.any():
            raise ValueError("rows are all 0: there is no dictionary to turn.")
        self.axes, self.variances = axes[:, known], values[known]
        self.groups = similar_groups(self.variances)
        self._coordinates = np.asarray(vectors @ self.axes.astype(np.float32))

    def draws(
        self, target: npt.ArrayLike, n_draws: int, rng: np.random.Generator
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield turned dictionaries, each with the target as seen by some draws of it.

        Parameters
        ----------
        target : array_like of shape (n_features,)
        n_draws : int
            How many in all.
        rng : Generator

        Yields
        ------
        dictionary : ndarray of shape (n_rows, n_components), float32
            In coordinates of the components; overwritten by the next draw.
        targets : ndarray of shape (n, n_components), float32
            One per draw. What the target has outside the components is not in them.
        """
        check_count(n_draws, "n_draws")
        seen = np.asarray(target, dtype=np.float64) @ self.axes
        dictionary = np.empty_like(self._coordinates)
        flips = _MANY_FLIPS if _participation(seen) >= _SPREAD_OUT else _FLIPS
        for start in range(0, n_draws, flips):
            self._turn(dictionary, rng)
            n = min(flips, n_draws - start)
            signs = rng.choice([-1.0, 1.0], size=(n, len(seen)))
            yield dictionary, np.asarray(signs * seen, dtype=np.float32)

    def _turn(self, out: FloatArray, rng: np.random.Generator) -> None:
        scale = np.sqrt(self.variances)
        for group in self.groups:
            width = group.stop - group.start
            factor, upper = np.linalg.qr(rng.standard_normal((width, width)))
            turn = factor * np.sign(np.diag(upper))  # without the signs it is not Haar
            turn = (turn / scale[group, None]) * scale[group]
            out[:, group] = self._coordinates[:, group] @ turn.astype(np.float32)


def _participation(coordinates: npt.NDArray[np.float64]) -> float:
    """How many components a target lies in: 1 to their number, each by its share of the length."""
    squares = coordinates**2
    return float(squares.sum() ** 2 / max(float((squares**2).sum()), 1e-300))


def similar_groups(variances: npt.NDArray[np.float64]) -> tuple[slice, ...]:
    """Cut decreasing variances into runs of at least 16 within which they about halve."""
    starts = [0]
    for place in range(len(variances)):
        first = starts[-1]
        is_long = min(place - first, len(variances) - place) >= _SMALLEST_GROUP
        if is_long and variances[first] >= _SPREAD * variances[place]:
            starts.append(place)
    return tuple(slice(a, b) for a, b in zip(starts, [*starts[1:], len(variances)], strict=True))


def _second_moments(rows: FloatArray, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK][kept[start : start + _BLOCK]].astype(np.float64)
        total += block.T @ block
    return total / max(int(kept.sum()), 1)
