"""Do two encoders put the same names beside each other?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.graph.hubness import countable_rows, overlap_interval, row_overlap
from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups, knn_graph
from namebasis.analysis.shape.alignment import linear_cka
from namebasis.checks import Float64Array, FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import counted, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_FEWEST = 5  # matched names
_ALIGNED = 3000  # names whose Gram matrices are aligned
_N_SHOWN = 12
_N_NEIGHBOURS = 5


@dataclass(frozen=True)
class OverlapAtK:
    """Shared neighbours among the k nearest.

    Attributes
    ----------
    k : int
    share : float
        Mean over names of the share of neighbours that both spaces give, in [0, 1].
    low, high : float
        95 % interval of that mean over names, which share neighbours; see
        `analysis.hubness.overlap_interval`.
    by_chance : float
        ``k / (n - 1)``.
    n_names : int
        Names it is the mean over: those with the vector of more than k others in either space
        have any of these as neighbours, by their order alone, and are left out. All of them,
        where fewer than two are left.
    """

    k: int
    share: float
    low: float
    high: float
    by_chance: float
    n_names: int


@dataclass(frozen=True)
class NameOverlap:
    """One name's neighbours in both spaces.

    Attributes
    ----------
    row : int
        Its position among the matched names.
    name, part : str
    share : float
        Of its neighbours, at the largest k.
    left, right : tuple of str
        Its nearest names in either space, nearest first.
    """

    row: int
    name: str
    part: str
    share: float
    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class SpaceOverlap(Result):
    """How alike two spaces arrange the names they share.

    Attributes
    ----------
    n_names : int
        Names matched by name and part; neighbours are sought among these alone.
    n_left_only, n_right_only : int
        Names without a match in the other space; on the left, of those asked for.
    overlaps : tuple of OverlapAtK
        For several k, the largest last.
    cka : float
        Linear centred kernel alignment, debiased: 1 for the same up to rotation, 0 for unrelated.
    n_aligned : int
        Names it was measured on.
    lowest, highest : tuple of NameOverlap
        Names whose neighbours agree least and most; of equal shares the first names.
    left_ids, right_ids : ndarrays of shape (n_names,), int64
        Rows of the matched names in either space.
    shares : ndarray of shape (n_names,), float64
        Per name, at the largest k; NaN for names that do not count there.
    parameters : mapping

    See Also
    --------
    namebasis.studies.topology.overlap.overlap : Makes one.
    """

    _figure = "namebasis.studies.topology.pages.drawings:draw_overlap"

    n_names: int
    n_left_only: int
    n_right_only: int
    overlaps: tuple[OverlapAtK, ...]
    cka: float
    n_aligned: int
    lowest: tuple[NameOverlap, ...]
    highest: tuple[NameOverlap, ...]
    left_ids: IntArray
    right_ids: IntArray
    shares: Float64Array
    parameters: dict[str, Any]

    def headline(self) -> str:
        """How many neighbours are the same, beside chance."""
        return self.sentence(("one space", "the other"))

    def sentence(self, titles: tuple[str, str]) -> str:
        """The headline, with the spaces called by `titles`."""
        most = self.overlaps[-1]
        found, chance = percent(most.share), percent(most.by_chance, 1)
        near = "the name nearest to a name" if most.k == 1 else (
            f"the {most.k} names nearest to a name"
        )  # fmt: skip
        return (
            f"Of {near} in {titles[0]}, {found} are nearest in {titles[1]} too "
            f"({percent(most.low, 1)} to {percent(most.high, 1)}; {chance} by chance), among "
            f"the {self.n_names:,} names that both hold."
        )

    def tables(self) -> list[Table]:
        """Shared neighbours at each k, and the names whose neighbours agree least and most."""
        at_k = [
            (row.k, row.share, row.low, row.high, row.by_chance, row.n_names)
            for row in self.overlaps
        ]
        columns = ("nearest", "share in both", "low", "high", "by chance", "names")
        names = [
            Table(
                ("name", "share in both", "nearest on the left", "nearest on the right"),
                [(row.name, row.share, row.left, row.right) for row in rows],
                f"names whose {self.overlaps[-1].k} neighbours {agree}",
                bars=("share in both",),
            )
            for agree, rows in (("differ most", self.lowest), ("agree most", self.highest))
        ]
        return [Table(columns, at_k, "neighbours in both", bars=("share in both",)), *names]

    def notes(self) -> list[str]:
        """Which names are left out."""
        return self.remarks_of(("the left space", "the right space"))

    def remarks_of(self, titles: tuple[str, str]) -> list[str]:
        """The notes, with the spaces called by `titles`."""
        told = []
        for title, count in zip(titles, (self.n_left_only, self.n_right_only), strict=True):
            if count:
                verb = "is" if count == 1 else "are"
                told.append(f"{counted(count, 'name')} {verb} in {title} alone and left out.")
        most = self.overlaps[-1]
        if most.n_names < self.n_names:
            told.append(
                f"{self.n_names - most.n_names:,} names have the vector of more than {most.k} "
                "others on either side: which of these are nearest is a matter of their order, "
                "so they do not count for shared neighbours."
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows per name, as plain JSON values."""
        found = asdict(self)
        for column in ("left_ids", "right_ids", "shares"):
            del found[column]
        return plain_dict(found)

    def to_arrow(self) -> pa.Table:
        """One row per matched name: left_id, right_id, overlap (null where it does not count)."""
        shares = pa.array(self.shares, from_pandas=True)
        return pa.table({"left_id": self.left_ids, "right_id": self.right_ids, "overlap": shares})


def overlap(
    left: StoredSpace,
    right: StoredSpace,
    *,
    view: str = "text",
    right_view: str | None = None,
    k: int = 15,
    where: str | None = None,
    n_shown: int = _N_SHOWN,
    seed: int = 0,
    progress: Progress | None = None,
) -> SpaceOverlap:
    """Compare the neighbourhoods of the names that two spaces share.

    Parameters
    ----------
    left, right : Space
    view, right_view : str
        Which vectors of either; `right_view` is `view` unless given.
    k : int
        Neighbours, lowered where fewer names are shared; 1 and 5 are reported too.
    where : str, optional
        One boolean SQL expression over the columns of `left`: only such names count.
    n_shown : int
        How many names the result lists of those whose neighbours agree least, and most.
    seed : int
        Of the names sampled for the alignment.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    SpaceOverlap

    Raises
    ------
    FilterError
        If `where` is refused.
    SpaceError
        If the spaces share fewer than 5 names.
    ValueError
        If a parameter is out of range or a view is not there.
    """
    seed = check_seed(seed)
    tell = progress or (lambda done, total: None)
    k = check_count(k, "k")
    check_count(n_shown, "n_shown")
    right_view = right_view or view
    # A name without a vector in one of the views has no neighbours to compare.
    ids = left.ids(where, view=view)
    keys = _keys(left, ids)
    left_place, right_ids = _match(keys, right)
    has_both = np.isin(right_ids, right.ids(view=right_view))
    left_place, right_ids = left_place[has_both], right_ids[has_both]
    left_ids = ids[left_place]
    n = left_ids.size
    # What `where` or a view leaves out is not missing there.
    is_whole = where is None and not left.lacks(view) and not right.lacks(right_view)
    n_shared = n if is_whole else len(_match(_keys(left), right)[0])
    if n < _FEWEST:
        raise SpaceError(
            f"{left.path} and {right.path} share {counted(n, 'name')} by name and part; "
            f"a comparison takes at least {_FEWEST}."
        )
    k = min(k, n - 1)
    tell(0, 3)
    first, second = left.vectors(view, ids=left_ids), right.vectors(right_view, ids=right_ids)
    first_graph = _graph(left, view, left_ids, first, k)
    tell(1, 3)
    second_graph = _graph(right, right_view, right_ids, second, k)
    tell(2, 3)
    groups = duplicate_groups(first), duplicate_groups(second)
    shares = np.where(countable_rows(k, *groups), row_overlap(first_graph, second_graph), np.nan)
    rng = np.random.default_rng(seed)
    some = np.arange(n) if n <= _ALIGNED else np.sort(rng.choice(n, _ALIGNED, replace=False))
    matched = [keys[place] for place in left_place]
    told = np.flatnonzero(np.isfinite(shares))

    def show(rows: IntArray) -> tuple[NameOverlap, ...]:
        return tuple(_name(int(row), matched, shares, first_graph, second_graph) for row in rows)

    result = SpaceOverlap(
        n_names=n,
        n_left_only=len(keys) - n,
        n_right_only=len(right) - n_shared,
        overlaps=tuple(
            _at(
                first_graph.truncate(size),
                second_graph.truncate(size),
                countable_rows(size, *groups),
            )
            for size in sorted({min(size, k) for size in (1, 5, k)})
        ),
        cka=_alignment(first[some], second[some]),
        n_aligned=some.size,
        lowest=show(told[np.argsort(shares[told], kind="stable")][:n_shown]),
        highest=show(told[np.argsort(-shares[told], kind="stable")][:n_shown]),
        left_ids=left_ids,
        right_ids=right_ids,
        shares=shares,
        parameters={"view": view, "right_view": right_view, "k": k, "where": where, "seed": seed},
    )
    tell(3, 3)
    return result


def _keys(space: StoredSpace, ids: IntArray | None = None) -> list[tuple[str, str]]:
    """Name and part of some names, or of all."""
    table = space.table(["name", "part"], ids=ids)
    return list(zip(table["name"].to_pylist(), table["part"].to_pylist(), strict=True))


def _match(keys: Sequence[tuple[str, str]], right: StoredSpace) -> tuple[IntArray, IntArray]:
    """Positions in `keys` of names that `right` has too, and their ids there."""
    number = {key: row for row, key in enumerate(_keys(right))}
    pairs = [(place, number[key]) for place, key in enumerate(keys) if key in number]
    matched = np.array(pairs, np.int64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]


def _graph(space: StoredSpace, view: str, ids: IntArray, vectors: FloatArray, k: int) -> KnnGraph:
    """The stored graph where the matched names are the whole space in order."""
    if ids.size == len(space) and (ids == np.arange(ids.size)).all():
        return space.graph(view, k)
    return knn_graph(vectors, k)


def _at(left: KnnGraph, right: KnnGraph, counted: npt.NDArray[np.bool_]) -> OverlapAtK:
    found = overlap_interval(left, right, counted)
    low, high = float(found.low or 0.0), 1.0 if found.high is None else found.high
    by_chance = left.k / (left.n_rows - 1)
    return OverlapAtK(left.k, found.value, low, high, by_chance, int(counted.sum()))


def _alignment(left: FloatArray, right: FloatArray) -> float:
    """NaN where the vectors of a space do not differ."""
    if (left == left[0]).all() or (right == right[0]).all():
        return float("nan")
    return linear_cka(left, right)


def _name(
    row: int,
    matched: Sequence[tuple[str, str]],
    shares: Float64Array,
    left: KnnGraph,
    right: KnnGraph,
) -> NameOverlap:
    near = [
        tuple(matched[other][0] for other in graph.indices[row, :_N_NEIGHBOURS])
        for graph in (left, right)
    ]
    return NameOverlap(row, *matched[row], float(shares[row]), *near)
