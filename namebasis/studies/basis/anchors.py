"""Who is made of whom: every name coded by the others, and the names that the rest rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.graph.measures import page_rank
from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.analysis.sparse.codes import SparseCode, joined_codes, sparse_code, usual_chunk
from namebasis.checks import FloatArray, IntArray, Progress, check_count
from namebasis.namespace.actors.crew import Advance, batches, counting, crew_of
from namebasis.namespace.search.beside import (
    check_columns,
    drawn_beside,
    joined,
    stored_columns,
    told_apart,
)
from namebasis.results import Result, Table, plain_dict
from namebasis.studies.basis.atoms import load_atoms

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "anchors"


@dataclass(frozen=True, repr=False, eq=False)
class Anchors(Result):
    """Codes of all names by all others, with the graph they make.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
    names : list of str
    code : SparseCode
        Indices count the rows of `ids`.
    own_residual : ndarray of shape (n,), float64
        The length of what no other names explain, relative to the centred name: 0 for a name
        made of others, 1 for one that nothing else adds up to.
    n_uses : ndarray of shape (n,), int64
        In-degree: in how many other names' codes each name is.
    pagerank : ndarray of shape (n,), float64
        Sums to 1 over the names.
    anchor_rank : ndarray of shape (n,), int64
        1 for the highest PageRank; ties in the order of rows.
    parameters : dict
    n_shown : int
        How many anchors `tables` shows, the first ones by rank.
    parts : sequence of str
    beside : Table, optional
        Stored columns that were asked for, one row per name.

    See Also
    --------
    namebasis.studies.basis.anchors.report : Makes one.
    """

    ids: IntArray
    names: list[str]
    code: SparseCode
    own_residual: npt.NDArray[np.float64]
    n_uses: IntArray
    pagerank: npt.NDArray[np.float64]
    anchor_rank: IntArray
    parameters: dict[str, Any]
    n_shown: int = 20
    parts: Sequence[str] = ()
    beside: pa.Table | None = None

    def headline(self) -> str:
        first = int(np.argmin(self.anchor_rank))
        return (
            f"{self.names[first]} is the first anchor: {int(self.n_uses[first]):,} of the other "
            f"{len(self.ids) - 1:,} names are coded with it"
        )

    def tables(self) -> list[Table]:
        order = np.argsort(self.anchor_rank)[: self.n_shown].tolist()
        first = self.to_arrow().take(order).to_pylist()
        parts = [self.parts[at] for at in order] if self.parts else []
        names = told_apart([row["name"] for row in first], parts)
        columns = ("rank", "name", "pagerank ×1000", "uses", "own residual")
        rows = [
            (
                row["anchor_rank"], name, round(1000 * row["anchor_pagerank"], 2),
                row["anchor_uses"], row["own_residual"],
            )
            for name, row in zip(names, first, strict=True)
        ]  # fmt: skip
        table = Table(columns, rows, bars=("pagerank ×1000", "uses", "own residual"))
        return [drawn_beside(table, self.beside, order)]

    def notes(self) -> list[str]:
        return [
            "Anchors are names that many others are partly made of: a short list of them spans the "
            "space, for prompts, coordinates or a check by hand. An own residual near 1 marks a "
            "name that no others add up to."
        ]

    def to_dict(self) -> dict[str, Any]:
        """The parameters, and the names in the order of their rank."""
        ranked = self.to_arrow().sort_by("anchor_rank")
        return plain_dict({"parameters": self.parameters, "anchors": ranked.to_pylist()})

    def graph(self) -> nx.DiGraph:
        """Return the graph: an edge from each name's id to each id it is made of, with `weight`."""
        graph = nx.DiGraph()
        graph.add_nodes_from(
            (int(i), {"name": name}) for i, name in zip(self.ids, self.names, strict=True)
        )
        source, target, share = _edges(self.code)
        graph.add_weighted_edges_from(
            zip(self.ids[source].tolist(), self.ids[target].tolist(), share.tolist(), strict=True)
        )
        return graph

    def to_arrow(self) -> pa.Table:
        """Return one row per name, in the space's order."""
        return joined(self._measures(), self.beside)

    def _measures(self) -> pa.Table:
        return pa.table(
            {
                "id": self.ids,
                "name": self.names,
                "anchor_rank": self.anchor_rank,
                "anchor_pagerank": self.pagerank,
                "anchor_uses": self.n_uses,
                "own_residual": self.own_residual,
            }
        )

    def write(self, space: StoredSpace) -> None:
        """Store anchor_rank, anchor_pagerank, anchor_uses and own_residual as metrics."""
        space.add_metrics(
            self._measures().drop_columns(["name"]), study=STUDY, parameters=self.parameters
        )


def report(
    space: StoredSpace,
    n_names: int = 8,
    *,
    where: str | None = None,
    view: str = "text",
    damping: float = 0.85,
    columns: Sequence[str] = (),
    engine: str = "local",
    n_actors: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> Anchors:
    """Code every name by the others and rank the names that the others are made of.

    Codes are nonnegative, in the space centred by its mean; a name's equals in letters (another
    part, other accents or case) are left out of its own code, as is the name itself. Every name
    is matched with all others at every step: minutes for 60,000 names.

    Parameters
    ----------
    space : Space
    n_names : int
        The most names in a code.
    where : str, optional
        One boolean SQL expression: only such names are coded, and by each other only.
    view : str
    damping : float
        Of PageRank: with this probability the walk goes on from a name to one that it is made of,
        in proportion to its contribution; else anywhere.
    columns : sequence of str
        Stored columns to give beside the names.
    engine, n_actors, address
        Who codes the names; see `namebasis.namespace.actors.crew.crew_of`. Each actor holds the
        vectors of all names.
    progress : callable, optional
        Called with names coded and names in all.

    Raises
    ------
    FilterError
        If the filter is refused or leaves no name.
    ValueError
        If there are not more names than `n_names`, or an option does not fit.

    See Also
    --------
    namebasis.studies.basis.fit : The code of one target, with controls.

    Examples
    --------
    >>> found = report(space, 3)
    >>> found.names[found.pagerank.argmax()]
    'Sigríður'
    """
    check_count(n_names, "n_names")
    columns = check_columns(space, columns)
    if not 0 < damping < 1:
        raise ValueError(f"damping must lie between 0 and 1; got {damping}.")
    atoms = load_atoms(space, where=where, view=view)
    if len(atoms) <= n_names:
        raise ValueError(
            f"anchors needs more than n_names = {n_names} names; there are {len(atoms)}."
        )
    exclude, deny = _not_by(atoms.vectors, atoms.folded_groups())
    size = usual_chunk(n_names, atoms.vectors.shape[1])
    blocks = [(part, exclude[part]) for part in batches(len(atoms), size)]
    advance = counting(progress, len(atoms))
    with crew_of(space, engine, n_actors, address) as crew:
        code = joined_codes(
            crew.map(_Coding(where, view, n_names, deny, atoms.vectors), blocks, advance)
        )
    rank_weight, rank = pagerank(code, damping)
    used = code.indices[code.indices >= 0]
    explained = np.nan_to_num(code.similarities.astype(np.float64))
    return Anchors(
        ids=atoms.ids,
        names=atoms.names,
        code=code,
        own_residual=np.sqrt(np.maximum(1.0 - explained**2, 0.0)),
        n_uses=np.bincount(used, minlength=len(atoms)).astype(np.int64),
        pagerank=rank_weight,
        anchor_rank=rank,
        parameters={
            "n_names": n_names, "where": where, "view": view,
            "damping": damping,
        },
        parts=space.table(["part"], ids=atoms.ids)["part"].to_pylist(),
        beside=stored_columns(space, atoms.ids.tolist(), columns) if columns else None,
    )  # fmt: skip


def code_by_others(
    vectors: FloatArray,
    n_names: int,
    alike: IntArray,
    progress: Progress | None = None,
) -> SparseCode:
    """Code every row by the other rows.

    Rows that the encoder cannot tell apart would code each other and trap the walk: one of each
    such group stands for it, and codes none of the group.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim)
    n_names : int
    alike : ndarray of shape (n, m), int64
        Rows that must not code each row besides itself and its equals; -1 for none.
    progress : callable, optional
    """
    exclude, deny = _not_by(vectors, alike)
    return sparse_code(vectors, vectors, n_names, exclude=exclude, deny=deny, progress=progress)


def _not_by(vectors: FloatArray, alike: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """By which rows each must not be coded, and which code none."""
    twins = duplicate_groups(np.round(vectors, 4))
    twin = twins.first[twins.group]
    rows = np.arange(len(vectors))
    return np.column_stack([rows, alike, twin]), twin != rows


class _Coding:
    """Codes a block of names by the others; an actor reads the vectors itself, once."""

    def __init__(
        self,
        where: str | None,
        view: str,
        n_names: int,
        deny: npt.NDArray[np.bool_],
        vectors: FloatArray | None = None,
    ) -> None:
        self._asked = where, view, n_names, deny
        self._vectors = vectors

    def __reduce__(self) -> tuple[type[_Coding], tuple[object, ...]]:
        return type(self), self._asked

    def __call__(
        self, space: StoredSpace, block: tuple[slice, IntArray], advance: Advance
    ) -> SparseCode:
        where, view, n_names, deny = self._asked
        if self._vectors is None:
            self._vectors = load_atoms(space, where=where, view=view).vectors
        part, exclude = block
        code = sparse_code(self._vectors, self._vectors[part], n_names, exclude=exclude, deny=deny)
        advance(len(code))
        return code


def _edges(code: SparseCode) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
    """Return coded row, row it is made of, and the share of the weights, for every atom used."""
    total = code.weights.sum(axis=1, dtype=np.float64, keepdims=True)
    shares = np.divide(code.weights, total, out=np.zeros(code.weights.shape), where=total > 0)
    row, slot = np.nonzero(code.indices >= 0)
    return row, code.indices[row, slot], shares[row, slot]


def pagerank(code: SparseCode, damping: float = 0.85) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Return the PageRank of each row over the edges to what it is made of, and its place.

    Returns
    -------
    scores : ndarray of shape (n,)
        Sum to 1.
    ranks : ndarray of shape (n,), int64
        1 for the highest score; ties in the order of rows.
    """
    from scipy.sparse import csr_matrix

    source, target, share = _edges(code)
    edges = csr_matrix((share, (source, target)), shape=(len(code), len(code)))
    scores = page_rank(edges, damping=damping)
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return scores, ranks
