"""The page of `weights`: maps of who writes what names have of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from namebasis.formation.weight_identity.writer_results import SOURCES
from namebasis.report.page import render
from namebasis.wording import counted, percent

if TYPE_CHECKING:
    from namebasis.checks import Float64Array
    from namebasis.formation.weight_identity.results import WeightIdentity
    from namebasis.formation.weight_identity.writer_results import Writers
    from namebasis.results import Table

_SHOWN = SOURCES[1:3]


@dataclass(frozen=True)
class Map:
    """Mean shares of the writers of some names that come from one part of the name.

    Attributes
    ----------
    source : str
    rows : list of str
        Heads, then the MLP.
    layers : list of int
    shares : ndarray of shape (n_rows, n_layers)
    """

    source: str
    rows: list[str]
    layers: list[int]
    shares: Float64Array


@dataclass(frozen=True)
class Group:
    """The maps of the names of one kind."""

    title: str
    maps: tuple[Map, ...]
    told: str


def groups_of(found: Writers) -> list[Group]:
    """Maps of each kind, of the null last, from the given and from the family name."""
    n_heads = found.heads.shape[2]
    rows = [f"head {head + 1}" for head in range(n_heads)] + ["MLP"]
    layers = list(range(1, found.n_layers + 1))
    groups = []
    for kind, members in found.groups():
        scale = np.maximum(found.length[members], np.finfo(np.float64).tiny)[:, None]
        maps = []
        for source in _SHOWN:
            at = SOURCES.index(source)
            heads = (found.heads[members, :, :, at] / scale[:, :, None]).mean(axis=0)
            mlps = (found.mlps[members, :, at] / scale).mean(axis=0)
            maps.append(Map(source, rows, layers, np.vstack([heads.T, mlps])))
        sums = found.from_sources[members].mean(axis=0)
        told = ", ".join(
            f"{percent(sums[SOURCES.index(source)])} from {source}"
            for source in (*_SHOWN, "constants")
        )
        title = f"{kind}: {counted(len(members), 'name')}"
        groups.append(Group(title, tuple(maps), told.replace("-", "−")))
    return groups


def html_of(found: WeightIdentity) -> str:
    """A page of identity in the weights."""
    return _page(found.writers, found.tables(), found.notes(), found.headline())


def html_of_writers(found: Writers) -> str:
    """A page of the writers of one checkpoint."""
    return _page([found], found.tables(), found.notes(), found.headline())


def _page(
    writers: Sequence[Writers],
    tables: Sequence[Table],
    remarks: Sequence[str],
    headline: str | None,
) -> str:
    maps = [(one.label, groups_of(one)) for one in writers]
    largest = max(
        (float(np.abs(drawn.shares).max()) for _, groups in maps for group in groups
         for drawn in group.maps),
        default=1.0,
    )  # fmt: skip
    provenance = [("made by", f"namebasis {version('namebasis')}")]
    if writers:
        first = writers[0]
        provenance = [
            ("template", first.template),
            ("compared by", "whole embedding" if first.target == "pooled" else "own direction"),
            ("checkpoints", ", ".join(one.label for one in writers)),
            *provenance,
        ]
    return render(
        "weights", maps=maps, largest=largest or 1.0, tables=tables, titles_of=_titles,
        remarks=remarks, headline=headline, provenance=provenance,
    )  # fmt: skip


def _titles(table: Table) -> list[str]:
    """Titles of columns as the kit's tables take them: a # before those of numbers."""
    first = table.rows[0] if table.rows else [None] * len(table.columns)
    return [
        f"# {column}" if isinstance(value, (int, float)) else column
        for column, value in zip(table.columns, first, strict=True)
    ]
