"""A basis of the pieces that names are written with, and points in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from namebasis.analysis.sparse.components import Components, load_components, save_components
from namebasis.atomic import check_place
from namebasis.checks import Float64Array, FloatArray, check_count
from namebasis.errors import EncoderError, NamebasisError, TargetError
from namebasis.studies.basis.components import fit_pieces
from namebasis.studies.celeb.points import Address, Point
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace


class PieceBasis:
    """Components of the pieces that a space's names are written with, one set for each position.

    The construction of Celeb Basis [1]_. A point of it is a row of input embeddings per position,
    which the encoder reads in a name's place: a name that nobody is spelled like.

    Parameters
    ----------
    space : Space
    positions : sequence of Components
        Of the first piece, the second, and so on.

    Raises
    ------
    EncoderError
        If they were fitted to another encoder's pieces than the space's.
    NamebasisError
        If they are no components of pieces.

    References
    ----------
    .. [1] Yuan et al. (2023), Inserting Anybody in Diffusion Models via Celeb Basis,
       arXiv:2306.00926.
    """

    def __init__(self, space: StoredSpace, positions: Sequence[Components]) -> None:
        self.space, self.positions = space, tuple(positions)
        source = space.provenance
        for components in self.positions:
            about = components.metadata
            if about.get("view", "pieces") != "pieces":
                raise NamebasisError(
                    f"the components {components.label!r} are of the view {about['view']!r}, not "
                    "of pieces; save a celeb basis with `namebasis celeb fit`."
                )
            if about.get("fingerprint", source.fingerprint) != source.fingerprint:
                raise EncoderError(
                    f"the basis was fitted to pieces of {about.get('encoder')} "
                    f"({str(about['fingerprint'])[:19]}…); {space.path} has those of "
                    f"{source.encoder} ({source.fingerprint[:19]}…). Fit one to this space."
                )

    @classmethod
    def fit(
        cls,
        space: StoredSpace,
        *,
        where: str | None = None,
        n_positions: int = 2,
        max_components: int | None = 512,
        automatic_filter: bool = False,
        seed: int = 0,
    ) -> Self:
        """Fit a basis to the pieces of a space's names; see `fit_pieces`."""
        return cls(
            space,
            fit_pieces(
                space, where=where, n_positions=n_positions, max_components=max_components,
                automatic_filter=automatic_filter, seed=seed,
            ),
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path, space: StoredSpace) -> Self:
        """Read the file that `save` wrote.

        Raises
        ------
        NamebasisError
            If it cannot be read or holds something else.
        EncoderError
            If it was fitted to another encoder's pieces.
        """
        return cls(space, load_components(path))

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write one safetensors file.

        Raises
        ------
        SpaceError
            If the file exists and may not be replaced, or its folder cannot be written to.
        """
        check_place(Path(path), overwrite)
        save_components(self.positions, path)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{one.label}: {one.n_components}" for one in self.positions)
        return (
            f"{type(self).__name__}({self.space.provenance.encoder!r}; components of the {sizes})"
        )

    @property
    def encoder(self) -> Encoder:
        """The space's encoder."""
        return self.space.encoder()

    def component(self, address: Address) -> tuple[Components, int]:
        """The components of an address's position, and the row in them.

        Raises
        ------
        ValueError
            If there is no such component.
        """
        check_count(address.position, "the position of a component", 1, len(self.positions))
        components = self.positions[address.position - 1]
        what = f"the number of a component of the {components.label}"
        check_count(address.component, what, 1, components.n_components)
        return components, address.component - 1

    def point(self, name: str) -> Point:
        """A name's own input embeddings.

        Raises
        ------
        TargetError
            If it has no piece.
        ValueError
            If it has more pieces than the basis has positions.
        """
        (rows,) = self.encoder.piece_embeddings([name])
        if not len(rows):
            raise TargetError(f"{name!r} has no piece in the encoder's vocabulary.")
        if len(rows) > len(self.positions):
            raise ValueError(
                f"{name!r} is written with {len(rows)} pieces, the basis has "
                f"{counted(len(self.positions), 'position')}. Fit one with "
                f"n_positions={len(rows)}."
            )
        return Point(name, rows)

    def mean(self) -> Point:
        """The point whose coefficients are all 0, with a piece for every position."""
        return Point("the mean name", np.stack([one.mean for one in self.positions]))

    def filled(self, point: Point, n_pieces: int) -> Point:
        """A point with the mean pieces behind its own, up to `n_pieces`."""
        rows = [*point.rows, *(one.mean for one in self.positions[len(point.rows) : n_pieces])]
        return Point(point.label, np.stack(rows))

    def changed(self, point: Point, settings: Mapping[Address, float]) -> Point:
        """A point whose coefficients along some components are set, and else its own.

        Raises
        ------
        ValueError
            If there is no such component, or the point has no piece at its position.
        """
        rows: Float64Array = point.rows.astype(np.float64)
        for address, value in settings.items():
            components, at = self.component(address)
            if address.position > len(rows):
                raise ValueError(
                    f"component {address} is of the {components.label}, and {point.label!r} has "
                    f"{counted(len(rows), 'piece')}."
                )
            row = rows[address.position - 1]
            direction = components.directions[at].astype(np.float64)
            wanted = value * float(components.standard_deviations[at])
            row += (wanted - (row - components.mean) @ direction) * direction
        return Point(point.label, rows.astype(np.float32))

    def along(self, point: Point) -> list[FloatArray]:
        """A point's coefficients, in standard deviations, (n_components,) for each piece."""
        return [
            components.coefficients(row[None])[0]
            for components, row in zip(self.positions, point.rows, strict=False)
        ]

    def shares(self, point: Point) -> list[FloatArray]:
        """Shares of each piece's squared distance from the mean piece, (n_components,) each."""
        found = []
        for components, row, along in zip(
            self.positions, point.rows, self.along(point), strict=False
        ):
            whole = float(((row.astype(np.float64) - components.mean) ** 2).sum())
            parts = (along.astype(np.float64) * components.standard_deviations) ** 2
            found.append(np.asarray(parts / whole if whole else parts, np.float32))
        return found

    def vectors(self, points: Sequence[Point]) -> FloatArray:
        """Text vectors of points in the space's templates, as those of its names, (n, dim)."""
        encoder, rows = self.encoder, [point.rows for point in points]
        placed = [encoder.encode_embedded(rows, t) for t in self.space.provenance.templates]
        means = np.mean(placed, axis=0, dtype=np.float64)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)

    def ends(self, address: Address) -> tuple[str, str]:
        """Pieces of names at the low and at the high end of a component, "" where not known."""
        components, at = self.component(address)
        known = components.metadata.get("ends")
        if not isinstance(known, list) or at >= len(known):
            return "", ""
        low, high = known[at]
        return ", ".join(map(str, low)), ", ".join(map(str, high))
