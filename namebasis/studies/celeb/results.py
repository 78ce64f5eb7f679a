"""What a celeb basis answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.results import Result, Table, plain_dict
from namebasis.studies.celeb.points import Address, Point
from namebasis.wording import counted, listed, percent


@dataclass(frozen=True)
class PositionFit:
    """One position of a celeb basis.

    Attributes
    ----------
    label : str
    n_names, n_pieces, n_components : int
        Names that reach the position, different pieces there, and components.
    explained : float
        Share of the pieces' variance that the components hold.
    """

    label: str
    n_names: int
    n_pieces: int
    n_components: int
    explained: float


@dataclass(frozen=True, repr=False)
class FittedBasis(Result):
    """What a celeb basis was fitted to.

    Attributes
    ----------
    positions : tuple of PositionFit

    See Also
    --------
    namebasis.Space.celeb_basis : Makes the basis.
    """

    positions: tuple[PositionFit, ...]

    def headline(self) -> str:
        first = self.positions[0]
        return (
            f"{first.n_pieces:,} different first pieces of {counted(first.n_names, 'name')} span "
            f"{first.n_components} components."
        )

    def tables(self) -> list[Table]:
        columns = ("position", "names", "different pieces", "components", "explained")
        return [
            Table(
                columns,
                [
                    (one.label, one.n_names, one.n_pieces, one.n_components, percent(one.explained))
                    for one in self.positions
                ],
            )
        ]

    def to_arrow(self) -> pa.Table:
        """One row per position: label, n_names, n_pieces, n_components, explained."""
        return pa.Table.from_pylist([asdict(one) for one in self.positions])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_dict(asdict(self))


@dataclass(frozen=True, eq=False)
class PieceAlong:
    """One piece of a name along the components of its position.

    Attributes
    ----------
    position : int
        From 1.
    piece : str
    coefficients : ndarray of shape (n_components,), float32
        In standard deviations of the names' pieces.
    shares : ndarray of shape (n_components,), float32
        Of the piece's squared distance from the mean piece, along each component; their sum is
        what the components hold of the piece.
    explained : ndarray of shape (n_components,), float32
        Share of the pieces' variance along each component.
    low, high : tuple of str
        Pieces at each component's ends.
    """

    position: int
    piece: str
    coefficients: FloatArray
    shares: FloatArray
    explained: FloatArray
    low: tuple[str, ...]
    high: tuple[str, ...]

    @property
    def held(self) -> float:
        """Share of the piece's squared distance from the mean that the components hold."""
        return min(float(self.shares.sum(dtype=np.float64)), 1.0)

    def largest(self, k: int) -> list[int]:
        """The `k` components that hold most of the piece."""
        order = np.argsort(-self.shares, kind="stable")[:k]
        return [int(at) for at in order]


@dataclass(frozen=True, repr=False, eq=False)
class Coefficients(Result):
    """Where a name lies in a celeb basis.

    Attributes
    ----------
    label : str
        The name.
    pieces : tuple of PieceAlong
        Of as many pieces as the basis has positions.
    n_pieces : int
        With which the name is written.
    n_shown : int
    unknown : str or None
        The piece that stands for letters which the encoder does not know, where the name has it.

    See Also
    --------
    namebasis.Space.celeb_basis : The basis.
    """

    label: str
    pieces: tuple[PieceAlong, ...]
    n_pieces: int
    n_shown: int
    unknown: str | None = None

    def headline(self) -> str:
        held = listed([f"{percent(piece.held)} of {piece.piece!r}" for piece in self.pieces])
        return (
            f"{self.label} is written with {counted(self.n_pieces, 'piece')}; the components hold "
            f"{held}."
        )

    def notes(self) -> Sequence[str]:
        told = []
        if self.unknown is not None:
            told.append(f"{self.unknown} stands for letters that the encoder does not know.")
        if self.n_pieces > len(self.pieces):
            left = self.n_pieces - len(self.pieces)
            told.append(
                f"The basis has {counted(len(self.pieces), 'position')}: {left} more "
                f"{'piece is' if left == 1 else 'pieces are'} not in it. Fit one with --positions "
                f"{self.n_pieces}."
            )
        return told

    def tables(self) -> list[Table]:
        columns = (
            "component", "coefficient", "share of the piece", "explained", "low end", "high end",
        )  # fmt: skip
        return [
            Table(
                columns,
                [
                    (
                        str(Address(piece.position, at + 1)),
                        f"{piece.coefficients[at]:+.2f}",
                        percent(float(piece.shares[at]), 1),
                        percent(float(piece.explained[at]), 1),
                        piece.low[at],
                        piece.high[at],
                    )
                    for at in piece.largest(self.n_shown)
                ],
                title=f"piece {piece.position}: {piece.piece}",
                key=piece.piece,
            )
            for piece in self.pieces
        ]

    def to_arrow(self) -> pa.Table:
        """One row per piece and component: coefficient, share of the piece, explained."""
        sizes = [len(piece.coefficients) for piece in self.pieces]
        return pa.table(
            {
                "position": np.repeat([piece.position for piece in self.pieces], sizes),
                "piece": [
                    piece.piece
                    for piece, n in zip(self.pieces, sizes, strict=True)
                    for _ in range(n)
                ],
                "component": np.concatenate([np.arange(1, n + 1) for n in sizes]),
                "coefficient": np.concatenate([piece.coefficients for piece in self.pieces]),
                "share": np.concatenate([piece.shares for piece in self.pieces]),
                "explained": np.concatenate([piece.explained for piece in self.pieces]),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_dict(
            {
                "name": self.label,
                "n_pieces": self.n_pieces,
                "pieces": [
                    {
                        "position": piece.position,
                        "piece": piece.piece,
                        "held": piece.held,
                        "coefficients": piece.coefficients,
                    }
                    for piece in self.pieces
                ],
            }
        )


@dataclass(frozen=True, eq=False)
class MorphStep:
    """One point on the way from a name to another.

    Attributes
    ----------
    share : float
        Of the way, from 0 to 1.
    point : Point
    vector : ndarray of shape (dim,), float32
        Its text vector.
    to_start, to_end : float
        Cosines to the two names' own text vectors.
    to_mix : float
        Cosine to the mix of the two text vectors in the same shares.
    ids, names, similarities : tuple
        Stored names nearest to it, without the two.
    """

    share: float
    point: Point
    vector: FloatArray
    to_start: float
    to_end: float
    to_mix: float
    ids: tuple[int, ...]
    names: tuple[str, ...]
    similarities: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Turn:
    """A component along which the two names of a morph differ.

    Attributes
    ----------
    address : Address
    start, end : float
        Coefficients, in standard deviations.
    low, high : str
        Pieces at the component's ends.
    """

    address: Address
    start: float
    end: float
    low: str
    high: str


@dataclass(frozen=True, repr=False, eq=False)
class Morph(Result):
    """The way from one name to another through input embeddings.

    Attributes
    ----------
    start, end : str
    steps : tuple of MorphStep
    turns : tuple of Turn
        The components along which the two lie farthest apart, the farthest first.
    between : float
        Cosine of the two names' own text vectors.
    remarks : tuple of str

    See Also
    --------
    namebasis.Space.celeb_basis : The basis.
    """

    start: str
    end: str
    steps: tuple[MorphStep, ...]
    turns: tuple[Turn, ...]
    between: float
    remarks: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The two names."""
        return f"{self.start} to {self.end}"

    @property
    def points(self) -> tuple[Point, ...]:
        """The points on the way."""
        return tuple(step.point for step in self.steps)

    def headline(self) -> str:
        alike = f"similarity {self.between:.2f}"
        if len(self.steps) == 2:
            return (
                f"{self.start} and {self.end} ({alike}); --steps 3 and more give what lies between."
            )
        half = min(self.steps, key=lambda step: round(abs(step.share - 0.5), 6))
        near = (
            f"the nearest names are {listed(half.names[:3])}" if half.names else "no name lies near"
        )
        where = "Halfway" if half.share == 0.5 else f"{percent(half.share)} of the way"
        return (
            f"{where} from {self.start} to {self.end} ({alike}) {near}; "
            f"the point is {half.to_start:.2f} like {self.start} and "
            f"{half.to_end:.2f} like {self.end}."
        )

    def notes(self) -> Sequence[str]:
        return self.remarks

    def tables(self) -> list[Table]:
        return [
            Table(
                ("way", "nearest names", "like the start", "like the end", "like the mix"),
                [
                    (
                        percent(step.share),
                        ", ".join(step.names),
                        f"{step.to_start:.3f}",
                        f"{step.to_end:.3f}",
                        f"{step.to_mix:.3f}",
                    )
                    for step in self.steps
                ],
            ),
            Table(
                ("component", "at the start", "at the end", "low end", "high end"),
                [
                    (
                        str(turn.address),
                        f"{turn.start:+.2f}",
                        f"{turn.end:+.2f}",
                        turn.low,
                        turn.high,
                    )
                    for turn in self.turns
                ],
                title="components that change most",
                key="components",
            ),
        ]

    def to_arrow(self) -> pa.Table:
        """One row per name on the way: share, id, name, similarity, and the point's likeness."""
        rows = [
            {
                "share": step.share,
                "id": one,
                "name": name,
                "similarity": similarity,
                "to_start": step.to_start,
                "to_end": step.to_end,
                "to_mix": step.to_mix,
            }
            for step in self.steps
            for one, name, similarity in zip(step.ids, step.names, step.similarities, strict=True)
        ]
        kinds = {"id": pa.int64(), "name": pa.string()}
        columns = ("share", "id", "name", "similarity", "to_start", "to_end", "to_mix")
        schema = pa.schema([(column, kinds.get(column, pa.float64())) for column in columns])
        return pa.Table.from_pylist(rows, schema=schema)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_dict(
            {
                "start": self.start,
                "end": self.end,
                "between": self.between,
                "steps": [
                    {
                        "share": step.share,
                        "names": step.names,
                        "similarities": step.similarities,
                        "to_start": step.to_start,
                        "to_end": step.to_end,
                        "to_mix": step.to_mix,
                    }
                    for step in self.steps
                ],
                "components": [
                    {"component": str(turn.address), "start": turn.start, "end": turn.end}
                    for turn in self.turns
                ],
                "remarks": self.remarks,
            }
        )


@dataclass(frozen=True, repr=False, eq=False)
class Composition(Result):
    """A point made by its coefficients, and the names nearest to it.

    Attributes
    ----------
    label : str
        What was set, and on what.
    point : Point
    vector : ndarray of shape (dim,), float32
        Its text vector.
    ids, names, similarities : tuple
        Stored names nearest to it.
    begun : Point
        What it began with.
    moved : float or None
        Cosine to the text vector of what it began with; None where nothing was set.

    See Also
    --------
    namebasis.Space.celeb_basis : The basis.
    """

    label: str
    point: Point
    vector: FloatArray
    ids: tuple[int, ...]
    names: tuple[str, ...]
    similarities: tuple[float, ...]
    begun: Point
    moved: float | None

    @property
    def points(self) -> tuple[Point, ...]:
        """The one point."""
        return (self.point,)

    def headline(self) -> str:
        near = f"{self.names[0]} ({self.similarities[0]:.3f})" if self.names else "no name"
        kept = (
            ""
            if self.moved is None
            else f"; its similarity to {self.begun.label} is {self.moved:.3f}"
        )
        return f"{self.label} lies nearest to {near}{kept}."

    def tables(self) -> list[Table]:
        rows = [
            (name, f"{similarity:.3f}")
            for name, similarity in zip(self.names, self.similarities, strict=True)
        ]
        return [Table(("name", "similarity"), rows)]

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, similarity."""
        return pa.table(
            {
                "id": pa.array(self.ids, pa.int64()),
                "name": pa.array(self.names, pa.string()),
                "similarity": pa.array(self.similarities, pa.float64()),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `vector` can be asked about with `nearest --vector`."""
        return plain_dict(
            {
                "label": self.label,
                "start": self.begun.label,
                "moved": self.moved,
                "names": self.names,
                "similarities": self.similarities,
                "vector": self.vector,
            }
        )
