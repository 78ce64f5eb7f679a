"""Questions to a celeb basis: coefficients of a name, a way between two, a point by its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, check_count
from namebasis.errors import TargetError
from namebasis.studies.celeb.basis import PieceBasis
from namebasis.studies.celeb.points import Address, Point, checked_settings
from namebasis.studies.celeb.results import (
    Coefficients,
    Composition,
    FittedBasis,
    Morph,
    MorphStep,
    PieceAlong,
    PositionFit,
    Turn,
)
from namebasis.wording import counted, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_TURNS = 6
_WORD_END = "</w>"


def fitted(basis: PieceBasis) -> FittedBasis:
    """What a basis holds, position by position."""
    return FittedBasis(
        tuple(
            PositionFit(
                one.label, one.n_rows, one.n_distinct, one.n_components, float(one.explained.sum())
            )
            for one in basis.positions
        )
    )


def coefficients(basis: PieceBasis, name: str, *, k: int = 8) -> Coefficients:
    """Where a name's pieces lie along the components.

    Parameters
    ----------
    basis : PieceBasis
    name : str
        It need not be stored.
    k : int
        Components to show for each piece, those that hold most of it.

    Raises
    ------
    TargetError
        If the name has no piece.
    """
    check_count(k, "k")
    (rows,) = basis.encoder.piece_embeddings([name])
    if not len(rows):
        raise TargetError(f"{name!r} has no piece in the encoder's vocabulary.")
    point = Point(name, rows[: len(basis.positions)])
    texts = basis.encoder.tokenize(name)
    found = []
    for at, (along, shares) in enumerate(zip(basis.along(point), basis.shares(point), strict=True)):
        ends = [basis.ends(Address(at + 1, one + 1)) for one in range(len(along))]
        found.append(
            PieceAlong(
                at + 1,
                texts[at].removesuffix(_WORD_END),
                along,
                shares,
                basis.positions[at].explained,
                tuple(low for low, _ in ends),
                tuple(high for _, high in ends),
            )
        )
    unknown = basis.encoder.unknown_piece
    return Coefficients(name, tuple(found), len(rows), k, unknown if unknown in texts else None)


def morph(
    basis: PieceBasis,
    start: str,
    end: str,
    *,
    n_steps: int = 9,
    k: int = 3,
    where: str | None = None,
) -> Morph:
    """Walk from one name's pieces to another's in equal steps.

    Coefficients change in proportion, and so does what the components do not hold of the two, so
    the ends are the names themselves. A name of fewer pieces gets the mean pieces behind its own.

    Parameters
    ----------
    basis : PieceBasis
    start, end : str
        They need not be stored.
    n_steps : int
        At least 2, the ends included.
    k : int
        Names to give at each step, the two left out.
    where : str, optional
        The only names that are given.

    Raises
    ------
    TargetError, ValueError
        If a name has no piece or more than the basis has positions, or both are written alike.
    """
    check_count(n_steps, "n_steps", 2)
    check_count(k, "k")
    ends = [basis.point(start), basis.point(end)]
    size = max(len(point.rows) for point in ends)
    filled = [basis.filled(point, size) for point in ends]
    if np.array_equal(filled[0].rows, filled[1].rows):
        raise ValueError(f"{start!r} and {end!r} have the same pieces; there is no way between.")
    space = basis.space
    own = [space.resolve(name, as_="name").vector for name in (start, end)]
    shares = np.linspace(0, 1, n_steps)
    first, last = (point.rows.astype(np.float64) for point in filled)
    points = [
        Point(f"{start} to {end}, {percent(share)}", np.asarray((1 - share) * first + share * last,
                                                           np.float32))
        for share in shares.tolist()
    ]  # fmt: skip
    vectors = basis.vectors(points)
    stored = [row for row in space.find_all([start, end]) if row is not None]
    near = nearest(space, vectors, k, where=where, exclude=stored)
    steps = []
    for share, point, vector, names in zip(shares.tolist(), points, vectors, near, strict=True):
        mix = (1 - share) * own[0] + share * own[1]
        to_mix = float(vector @ mix / np.linalg.norm(mix))
        steps.append(
            MorphStep(
                share, point, vector, float(vector @ own[0]), float(vector @ own[1]), to_mix, *names
            )
        )
    remarks = [
        f"{point.label!r} has {counted(len(point.rows), 'piece')}; the mean of the names' pieces "
        f"stands behind, and the end is {float(vector @ vectors_own):.2f} like the name itself."
        for point, vector, vectors_own in zip(ends, (vectors[0], vectors[-1]), own, strict=True)
        if len(point.rows) < size
    ]
    return Morph(
        start, end, tuple(steps), _turns(basis, *filled), float(own[0] @ own[1]), tuple(remarks)
    )


def compose(
    basis: PieceBasis,
    settings: Mapping[Address, float] | Mapping[str, float] | None = None,
    *,
    start: str | None = None,
    k: int = 8,
    where: str | None = None,
) -> Composition:
    """Make a point by its coefficients.

    Parameters
    ----------
    basis : PieceBasis
    settings : mapping of Address or str to float, optional
        Coefficients in standard deviations, such as ``{"3": 1.5, "2.1": -2}``.
    start : str, optional
        A name whose other coefficients stay; by default the mean of the names, of which all are 0.
    k : int
        Names to give that are nearest to the point.
    where : str, optional
        The only names that are given.

    Raises
    ------
    TargetError, ValueError
        If the name or a component does not fit the basis.
    """
    check_count(k, "k")
    wanted = checked_settings(settings or {})
    begun = basis.mean() if start is None else basis.point(start)
    moved = basis.changed(begun, wanted)
    said = ", ".join(f"{address} at {value:+g}" for address, value in wanted.items())
    label = f"{begun.label} with {said}" if said else begun.label
    point = Point(label, moved.rows)
    before, vector = basis.vectors([begun, point])
    space = basis.space
    (near,) = nearest(space, vector[None], k, where=where)
    return Composition(
        label, point, vector, *near, begun, float(before @ vector) if wanted else None
    )


def nearest(
    space: StoredSpace,
    vectors: FloatArray,
    k: int,
    *,
    where: str | None = None,
    exclude: Sequence[int] = (),
) -> list[tuple[tuple[int, ...], tuple[str, ...], tuple[float, ...]]]:
    """Ids, names and similarities of the stored names nearest to text vectors."""
    similarities, ids = space.search(vectors, k, where=where, exclude=exclude)
    found = []
    for row, near in zip(similarities, ids, strict=True):
        kept = near >= 0
        names = space.table(["name"], ids=near[kept])["name"].to_pylist()
        found.append((tuple(near[kept].tolist()), tuple(names), tuple(row[kept].tolist())))
    return found


def _turns(basis: PieceBasis, start: Point, end: Point) -> tuple[Turn, ...]:
    """The components along which two points lie farthest apart."""
    found = [
        (float(abs(b[one] - a[one]) * components.standard_deviations[one]), at, one)
        for at, (a, b, components) in enumerate(
            zip(basis.along(start), basis.along(end), basis.positions, strict=False)
        )
        for one in range(len(a))
    ]
    turns = []
    for _, at, one in sorted(found, key=lambda each: -each[0])[:_TURNS]:
        address, both = Address(at + 1, one + 1), (basis.along(start)[at], basis.along(end)[at])
        turns.append(Turn(address, float(both[0][one]), float(both[1][one]), *basis.ends(address)))
    return tuple(turns)
