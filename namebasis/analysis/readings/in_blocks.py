"""Readings of names that come in blocks: what all names say together is added up first.

Three passes: `Sums` of each block give the `Centre`; `shares_of` each block, added up, what each
sequence of prompts is `fitted` to; `read_block` reads. The values are those of `axes.read_all` on
all rows, up to the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.readings import axes
from namebasis.checks import Float64Array, FloatArray


@dataclass(frozen=True)
class Prompts:
    """A sequence of prompts along which names are read; see `axes.read_all`."""

    rows: Float64Array
    without: Float64Array | None = None
    ranks: Sequence[float] | None = None

    @property
    def along(self) -> Float64Array:
        """The unit direction in which their ranks rise."""
        return axes.cleared(axes.direction(self.rows), self.without)


@dataclass(frozen=True)
class Sums:
    """Of a block's rows: their number, and by view their sum and the sum of their squares."""

    n: int
    totals: tuple[Float64Array, ...]
    squares: tuple[float, ...]

    @classmethod
    def of(cls, views: Sequence[FloatArray]) -> Sums:
        rows = [view.astype(np.float64) for view in views]
        return cls(
            len(rows[0]),
            tuple(view.sum(axis=0) for view in rows),
            tuple(float(np.square(view).sum()) for view in rows),
        )


@dataclass(frozen=True)
class Centre:
    """The means of the views of all names, and what the second is scaled by beside the first.

    Attributes
    ----------
    means : tuple of ndarray of shape (n_features,), float64
    scale : float or None
        None where there is no second view, or it does not vary.
    """

    means: tuple[Float64Array, ...]
    scale: float | None

    @classmethod
    def of(cls, parts: Sequence[Sums]) -> Centre:
        """Of the sums of all blocks."""
        n = sum(part.n for part in parts)
        means = tuple(sum(one) / n for one in zip(*(part.totals for part in parts), strict=True))
        squares = [sum(one) for one in zip(*(part.squares for part in parts), strict=True)]
        lengths = [
            float(np.sqrt(max(square - n * (mean @ mean), 0)))
            for square, mean in zip(squares, means, strict=True)
        ]
        varies = len(lengths) > 1 and lengths[1] > 1e-12
        return cls(means, lengths[0] / lengths[1] if varies else None)

    def centred(self, views: Sequence[FloatArray]) -> tuple[axes.CentredNames, Float64Array]:
        """The first view less its mean, and all that `inferred` reads."""
        rows = views[0].astype(np.float64) - self.means[0]
        if self.scale is None:
            return axes.CentredNames(rows), rows
        also = views[1].astype(np.float64) - self.means[1]
        return axes.CentredNames(rows), np.hstack([rows, also * self.scale])


def shares_of(
    centre: Centre, views: Sequence[FloatArray], asked: Sequence[Prompts]
) -> list[tuple[Float64Array, float]]:
    """What a block adds to the names' covariance with each direction, and to their spread."""
    names, whole = centre.centred(views)
    covariances = whole.T @ (names.rows @ np.stack([one.along for one in asked], axis=1))
    spreads = []
    for one in asked:
        _, right = axes.center(names, one.rows)
        spreads.append(float(np.square(names.rows @ axes.span(right).T).sum()))
    return list(zip(covariances.T, spreads, strict=True))


@dataclass(frozen=True)
class Fitted:
    """What all names together say of a sequence of prompts: a direction, and their spread."""

    along: Float64Array
    spread: float


def fitted(
    centre: Centre,
    n: int,
    parts: Sequence[Sequence[tuple[Float64Array, float]]],
    made: Sequence[FloatArray],
    asked: Sequence[Prompts],
) -> list[Fitted]:
    """What `n` names say, by the shares of all blocks, beside made-up names.

    Raises
    ------
    ValueError
        If the names do not vary along the prompts.
    """
    names, whole = centre.centred(made)
    found = []
    for at, one in enumerate(asked):
        covariance = np.sum([part[at][0] for part in parts], axis=0) / n
        places = names.rows @ one.along
        if len(places):
            covariance = covariance - axes.CONTRAST * (
                whole.T @ (places - places.mean()) / len(places)
            )
        length = float(np.linalg.norm(covariance))
        if length < 1e-12:
            raise ValueError("names do not vary along the prompts' direction.")
        spread = float(np.sqrt(sum(part[at][1] for part in parts) / n))
        found.append(Fitted(covariance / length, spread))
    return found


def read_block(
    centre: Centre,
    views: Sequence[FloatArray],
    asked: Sequence[Prompts],
    known: Sequence[Fitted],
    *,
    temperature: float = 0.1,
) -> list[dict[str, Float64Array]]:
    """The readings of `axes.READINGS` of a block along each sequence of prompts."""
    names, whole = centre.centred(views)
    return [
        {
            "expectation": axes.expectation(
                names, one.rows, temperature=temperature, ranks=one.ranks
            ),
            "projection": np.asarray(names.rows @ one.along),
            "curve": axes.curve(names, one.rows, ranks=one.ranks, spread=fit.spread),
            "inferred": np.asarray(whole @ fit.along),
        }
        for one, fit in zip(asked, known, strict=True)
    ]
