"""What the study `own` returns: how own directions lie to each other and in another encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity.own_gram import CarryOver
from namebasis.analysis.intervals import Interval
from namebasis.checks import Float64Array
from namebasis.namespace.search.beside import drawn_beside, joined, row_of
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, listed, percent

SHARED = 0.05
"""Share of null directions with as near another, below which an own direction counts as shared."""
MOST_DRAWN, MOST_OF_CLUSTER = 30, 10
"""Names whose cosines with each other are drawn, and of one cluster; the largest clusters first."""
_N_MEMBERS = 6
T = TypeVar("T")


@dataclass(frozen=True)
class OwnName:
    """One full name with a direction of its own.

    Attributes
    ----------
    id : int
    name : str
    z : float or None
        Own score in standard deviations of made-up names.
    evidence : float
        Probability that it is more than its parts.
    nearest : str or None
        The name whose own direction lies nearest, of those that share no part with it.
    cosine : float or None
        To that.
    chance : float or None
        Share of directions of recombined names with another as near.
    cluster : int or None
        From 1, the largest first; None for names of none.
    """

    id: int
    name: str
    z: float | None
    evidence: float
    nearest: str | None
    cosine: float | None
    chance: float | None
    cluster: int | None

    @property
    def is_shared(self) -> bool:
        """Whether fewer than 5 % of names without an identity have another as near."""
        return self.chance is not None and self.chance < SHARED


@dataclass(frozen=True, repr=False, eq=False)
class OwnDirections(Result):
    """How the own directions of full names lie, those with the nearest other first.

    Attributes
    ----------
    names : tuple of OwnName
    n_null : int
        Recombined names that they are compared with.
    square, null_square : Interval
        Mean squared cosine of pairs.
    rank, null_rank : Interval
        Dimensions that a random half of them (200 at most) spans, by participation ratio.
    n_beyond : int
        Dimensions in which they vary more than recombined names do.
    n_clusters, n_null_clusters : int
    limit : float
        Cosine that 5 % of recombined names reach with their nearest.
    carried : CarryOver or None
        To the other space, where one was given.
    remarks : tuple of str
    parameters : mapping
    beside : Table or None
        Stored columns that were asked for.
    null_cosines : ndarray of shape (n_null or fewer,)
        Of each recombined name to the nearest of the others.
    cosines : ndarray of shape (n, n)
        Between the names of `drawn_clusters`, in their order.
    """

    _page = "namebasis.studies.identity.pages.own:html_of"
    _figure = "namebasis.studies.identity.pages.own:draw"

    names: tuple[OwnName, ...]
    n_null: int
    square: Interval
    null_square: Interval
    rank: Interval
    null_rank: Interval
    n_beyond: int
    n_clusters: int
    n_null_clusters: int
    limit: float
    carried: CarryOver | None
    remarks: tuple[str, ...]
    parameters: Mapping[str, Any]
    beside: pa.Table | None = None
    null_cosines: Float64Array = field(default_factory=lambda: np.empty(0))
    cosines: Float64Array = field(default_factory=lambda: np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.names)

    def headline(self) -> str:
        """How many share what they have of their own, and with whom most."""
        known = [one for one in self.names if one.chance is not None]
        n_shared = sum(one.is_shared for one in known)
        said = (
            f"Of {counted(len(known), 'name')} with something of their own, {n_shared:,} share it "
            f"with another name ({SHARED * len(known):.0f} by chance)"
        )
        if n_shared:
            first = known[0]
            said += f"; nearest to each other are {first.name} and {first.nearest}"
        said += "."
        if self.carried is not None:
            said += (
                f" Carried to the other encoder by a rotation learnt on half, they meet their own "
                f"counterpart at a mean cosine of {self.carried.cosine.value:.2f} "
                f"({_told(self.carried.cosine)}; shuffled {self.carried.null.value:.2f})."
            )
        return said

    def tables(self) -> list[Table]:
        """The names; then figures beside the null; then clusters."""
        rows = [
            (one.name, one.z, one.nearest, one.cosine, _share(one.chance),
             None if one.chance is None else "shared" if one.is_shared else "private", one.cluster)
            for one in self.names
        ]  # fmt: skip
        columns = ("name", "own z", "nearest in own", "own cosine", "recombined as near",
                   "shared or private", "own cluster")  # fmt: skip
        grey = [at for at, one in enumerate(self.names) if not one.is_shared]
        names = drawn_beside(Table(columns, rows, muted=grey), self.beside, range(len(rows)))
        figures: list[tuple[object, ...]] = [
            ("mean squared cosine", _number(self.square, 4), _number(self.null_square, 4)),
            ("dimensions of a random half", _number(self.rank, 1), _number(self.null_rank, 1)),
            ("dimensions beyond recombined", self.n_beyond, None),
            ("clusters", self.n_clusters, self.n_null_clusters),
        ]
        if self.carried is not None:
            figures += [
                ("carried cosine", _number(self.carried.cosine, 3), _number(self.carried.null, 3)),
                ("carried to its own", percent(self.carried.found.value),
                 percent(self.carried.by_chance, 1)),
            ]  # fmt: skip
        tables = [names, Table(("figure", "own", "null"), figures, "how they lie", aside=True)]
        groups = self.clusters()
        if groups:
            told = [
                (
                    number,
                    len(some),
                    listed(some[:_N_MEMBERS]) + (" …" if len(some) > _N_MEMBERS else ""),
                )
                for number, some in groups.items()
            ]
            tables.append(Table(("own cluster", "names", "members"), told, "clusters", aside=True))
        return tables

    def clusters(self) -> dict[int, list[str]]:
        """Names of each cluster, the largest first."""
        groups: dict[int, list[str]] = {}
        for one in self.names:
            if one.cluster is not None:
                groups.setdefault(one.cluster, []).append(one.name)
        return dict(sorted(groups.items()))

    def drawn_clusters(self) -> list[list[str]]:
        """The first names of each cluster, as far as they are drawn."""
        return first_of(self.clusters())

    def notes(self) -> list[str]:
        """What they are compared with."""
        few = [
            f"More names than recombined ones: each is held against {self.n_null - 1:,} of the "
            "others, drawn once for all seeds and not always with its nearest. A higher --least "
            "asks fewer names."
        ]
        return [
            f"Null: own directions of {counted(self.n_null, 'recombined name')}, given and family "
            "names of the same people paired otherwise. Names that share a part are not compared "
            "with each other: they share its error.",
            f"5 % of recombined names have another at a cosine of {self.limit:.2f} or more.",
            *(few if len(self.names) > self.n_null else ()),
            *self.remarks,
        ]

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, z, evidence, nearest, cosine, chance, cluster, is_shared."""
        schema = pa.schema(
            [("id", pa.int64()), ("name", pa.string()), ("z", pa.float64()),
             ("evidence", pa.float64()), ("nearest", pa.string()), ("cosine", pa.float64()),
             ("chance", pa.float64()), ("cluster", pa.int64()), ("is_shared", pa.bool_())]
        )  # fmt: skip
        rows = [asdict(one) | {"is_shared": one.is_shared} for one in self.names]
        return joined(pa.Table.from_pylist(rows, schema), self.beside)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        rows = [
            asdict(one) | {"is_shared": one.is_shared} | row_of(self.beside, at)
            for at, one in enumerate(self.names)
        ]
        figures = ("square", "null_square", "rank", "null_rank")
        return {
            "headline": self.headline(),
            "names": [plain_dict(row) for row in rows],
            **{key: asdict(getattr(self, key)) for key in figures},
            "n_beyond": self.n_beyond,
            "n_clusters": self.n_clusters,
            "n_null_clusters": self.n_null_clusters,
            "n_null": self.n_null,
            "limit": self.limit,
            "carried": None if self.carried is None else asdict(self.carried),
            "parameters": dict(self.parameters),
            "notes": self.notes(),
        }


def first_of(clusters: Mapping[int, Sequence[T]]) -> list[list[T]]:
    """The first members of each cluster, `MOST_DRAWN` in all; what is left of none is left out."""
    kept: list[list[T]] = []
    left = MOST_DRAWN
    for number in sorted(clusters):
        some = list(clusters[number][: min(left, MOST_OF_CLUSTER)])
        left -= len(some)
        if some:
            kept.append(some)
    return kept


def _members(names: list[str]) -> str:
    more = [f"{len(names) - _N_MEMBERS:,} more"] if len(names) > _N_MEMBERS else []
    return listed([*names[:_N_MEMBERS], *more])


def _told(one: Interval) -> str:
    return "" if one.low is None or one.high is None else between(one.low, one.high, 2)


def _number(one: Interval, digits: int) -> str:
    said = f"{one.value:.{digits}f}"
    if one.low is None or one.high is None:
        return said
    return f"{said} ({between(one.low, one.high, digits)})"


def _share(value: float | None) -> str | None:
    return None if value is None else percent(value, 1)
