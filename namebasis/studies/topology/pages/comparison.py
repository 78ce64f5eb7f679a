"""Sections of a page that puts two arrangements of the same names side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from namebasis.report import charts
from namebasis.report.page import table, text
from namebasis.studies.topology.overlap import NameOverlap, OverlapAtK
from namebasis.studies.topology.pages.tables import name_link, number
from namebasis.wording import percent


@dataclass(frozen=True)
class FiguresSection:
    """The same figures of both sides: rows of what, left, right."""

    rows: Sequence[tuple[str, str, str]]
    titles: tuple[str, str]
    lead: str = ""
    title: str = "In figures"
    anchor: str = "figures"

    def figures(self) -> Mapping[str, Any]:
        """There are none."""
        return {}

    def html(self) -> str:
        """One table."""
        rows = [
            f'<tr><td>{text(label)}</td><td class="n">{text(left)}</td>'
            f'<td class="n">{text(right)}</td></tr>'
            for label, left, right in self.rows
        ]
        grid = table(("", *(f"#{title}" for title in self.titles)), rows)
        lead = f'<p class="soft">{text(self.lead)}</p>' if self.lead else ""
        return f'{lead}<div class="card scroll narrow">{grid}</div>'


@dataclass(frozen=True)
class OverlapSection:
    """Whether both put the same names beside each other."""

    titles: tuple[str, str]
    overlaps: Sequence[OverlapAtK]
    cka: float
    n_aligned: int
    clusters: Sequence[tuple[str, float, float, float]]
    n_clustered: int
    lowest: Sequence[NameOverlap]
    highest: Sequence[NameOverlap]
    title: str = "Do they put the same names beside each other?"
    anchor: str = "overlap"

    def html(self) -> str:
        """A chart, two small tables, and the names that agree least and most."""
        k = self.overlaps[-1].k if self.overlaps else 0
        rows = [
            f'<tr><td class="n">{row.k}</td><td class="n">{percent(row.share, 1)}</td>'
            f'<td class="n">{percent(row.low, 1)} to {percent(row.high, 1)}</td>'
            f'<td class="n">{percent(row.by_chance, 1)}</td></tr>'
            for row in self.overlaps
        ]
        shared = table(("# nearest", "# in both", "# 95 % interval", "# by chance"), rows)
        agreed = [
            f'<tr><td>{text(label)}</td><td class="n">{number(value)}</td>'
            f'<td class="n">{number(null)}</td><td class="n">{number(p)}</td></tr>'
            for label, value, null, p in self.clusters
        ]
        clusters = (
            table(
                (f"clusters of {self.n_clustered:,} names", "# value", "# by chance", "# p"), agreed
            )
            if agreed
            else "<p>One side has too few clusters to compare.</p>"
        )
        drawn = charts.to_svg(self.figures()["overlap"], "overlap-chart")
        caption = "Share of the nearest names that are the same in both; orange: by chance."
        return (
            f'<p class="soft">Neighbours are sought among the shared names alone. The linear '
            f"kernel alignment of the vectors (debiased, {self.n_aligned:,} names) is "
            f"{number(self.cka)}: 1 for the same up to rotation, 0 for unrelated.</p>"
            f'<div class="columns"><div class="card">{charts.captioned(drawn, text(caption))}</div>'
            f'<div><div class="card scroll">{shared}</div>'
            f'<div class="card scroll gap">{clusters}</div></div></div>'
            f"<h3>Names whose {k} neighbours differ most</h3>{self._names(self.lowest)}"
            f"<h3>Names whose {k} neighbours agree most</h3>{self._names(self.highest)}"
        )

    def _names(self, names: Sequence[NameOverlap]) -> str:
        rows = [
            f"<tr><td>{name_link(found.name, found.row)}</td>"
            f'<td class="n">{percent(found.share, 1)}</td>'
            f"<td>{_listed(found.left)}</td><td>{_listed(found.right)}</td></tr>"
            for found in names
        ]
        head = ("name", "# in both", *(f"nearest in {title}" for title in self.titles))
        return f'<div class="card scroll">{table(head, rows)}</div>'

    @charts.chart
    def figures(self) -> Mapping[str, Any]:
        """Shares with intervals, beside chance."""
        figure, (axes,) = charts.new_figure(width=5.2, height=2.4)
        for place, row in enumerate(self.overlaps):
            axes.barh(place, row.share, height=0.5, color=charts.FILL)
            axes.plot([row.low, row.high], [place, place], color=charts.INK, linewidth=1.5)
            axes.plot([row.by_chance] * 2, [place - 0.35, place + 0.35], color=charts.WARM,
                      linewidth=2)  # fmt: skip
        axes.set_yticks(range(len(self.overlaps)), [f"{row.k} nearest" for row in self.overlaps])
        axes.set_ylim(len(self.overlaps) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.set(xlabel="share in both")
        return {"overlap": figure}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"<bdi>{text(name)}</bdi>" for name in names)


@dataclass(frozen=True)
class MatchRow:
    """A cluster of the left, and the one of the right that shares the most names with it."""

    label: str
    size: int
    color: str
    match: str | None
    match_size: int
    jaccard: float
    share: float


@dataclass(frozen=True)
class MatchSection:
    """Where the clusters of one side are on the other."""

    rows: Sequence[MatchRow]
    titles: tuple[str, str]
    anchor: str = "clusters"

    @property
    def title(self) -> str:
        """Whose clusters they are."""
        return f"Clusters of {self.titles[0]} in {self.titles[1]}"

    def figures(self) -> Mapping[str, Any]:
        """There are none."""
        return {}

    def html(self) -> str:
        """A table that can be sorted and filtered; rows show both maps."""
        if not self.rows:
            return "<p>There are none.</p>"
        head = ("cluster", "# names", f"most like it in {self.titles[1]}", "# names",
                "# of its names there", "# in both of either")  # fmt: skip
        body = [
            f'<tr id="cluster-{i}" data-cluster="{i}"><td><span class="dot" '
            f'style="background:{row.color}"></span><a href="#map" data-cluster="{i}">'
            f'<bdi>{text(row.label)}</bdi></a></td><td class="n">{row.size:,}</td>'
            f"<td>{'–' if row.match is None else f'<bdi>{text(row.match)}</bdi>'}</td>"
            f'<td class="n">{row.match_size or "–"}</td>'
            f'<td class="n">{percent(row.share, 1)}</td>'
            f'<td class="n">{percent(row.jaccard, 1)}</td></tr>'
            for i, row in enumerate(self.rows)
        ]
        grid = table(head, body, identifier="clusters-table", sortable=True)
        return (
            '<input id="filter" type="search" placeholder="Filter the clusters" '
            'aria-label="Filter the clusters">'
            f'<div class="card scroll tall">{grid}</div>'
        )
