"""Tables of a topology page: what clusters follow, and the clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from namebasis.report import charts
from namebasis.report.page import bar, table, text
from namebasis.wording import percent

_SHOWN_ROWS = 30
_DRAWN_ROWS = 25


@dataclass(frozen=True)
class Stability:
    """How far a cluster is found again: mean, interval, and what chance gives, in [0, 1]."""

    value: float
    interval: tuple[float, float] | None = None
    by_chance: float | None = None


@dataclass(frozen=True)
class ClusterRow:
    """A row of the table of clusters.

    `exemplars` are pairs of a name and its row on the map, `traits` pairs of a value and how
    common it is; `stability` is None where it was not measured.
    """

    label: str
    size: int
    exemplars: Sequence[tuple[str, int]]
    traits: Sequence[tuple[str, str]]
    similarity: float
    color: str
    stability: Stability | None = None


@dataclass(frozen=True)
class AgreementRow:
    """What clusters and neighbourhoods share with one property; None where undefined."""

    label: str
    n_names: int
    n_values: int
    information: float | None
    null_information: float | None
    beyond_chance: float | None
    rand: float | None
    p: float | None
    neighbours: float | None
    neighbours_by_chance: float | None


@dataclass(frozen=True)
class AgreementSection:
    """What the arrangement follows, property by property."""

    rows: Sequence[AgreementRow]
    n_permutations: int
    title: str = "What the arrangement follows"
    anchor: str = "agreement"

    def html(self) -> str:
        """The table, and how to read it."""
        head = (
            "property", "# names", "# values", "mutual information with clusters", "# by chance",
            "# beyond chance", "# adjusted Rand", "# p", "# neighbours alike", "# by chance",
        )  # fmt: skip
        return (
            '<p class="soft">Mutual information runs from 0 to 1; <span class="key"><u></u></span>'
            f"marks what shuffled labels reach by chance ({self.n_permutations} shuffles). "
            "Names in no cluster, without a value, or with several are left out. "
            "First letters and first piece are spelling: where they lead, clusters are names "
            "written alike. “Neighbours alike” is the share of near neighbours with the same "
            "value, clusters or not.</p>"
            f'<div class="card scroll">{table(head, map(_agreement_row, self.rows))}</div>'
        )

    @charts.chart
    def figures(self) -> Mapping[str, Any]:
        """Bars with marks for chance."""
        figure, (axes,) = charts.new_figure(height=0.8 + 0.4 * max(len(self.rows), 1))
        for place, row in enumerate(self.rows):
            if row.information is None or row.null_information is None:
                axes.text(0.01, place, "undefined", va="center", color=charts.SOFT)
                continue
            axes.barh(place, row.information, height=0.55, color=charts.FILL)
            axes.plot([row.null_information] * 2, [place - 0.38, place + 0.38],
                      color=charts.WARM, linewidth=2)  # fmt: skip
        axes.set_yticks(range(len(self.rows)), [row.label for row in self.rows])
        axes.set_ylim(len(self.rows) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.set(xlabel="mutual information with clusters (marks: shuffled labels)")
        return {"agreement": figure}


def _agreement_row(row: AgreementRow) -> str:
    information = (
        "undefined" if row.information is None else bar(row.information, mark=row.null_information)
    )
    numbers = (row.null_information, row.beyond_chance, row.rand, row.p)
    cells = [
        f"<td><b>{text(row.label)}</b></td>",
        f'<td class="n">{row.n_names:,}</td><td class="n">{row.n_values:,}</td>',
        f"<td>{information}</td>",
        *(f'<td class="n">{number(value)}</td>' for value in numbers),
        f'<td class="n">{percent(row.neighbours, 1)}</td>',
        f'<td class="n">{percent(row.neighbours_by_chance, 1)}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def number(value: float | None, digits: int = 3) -> str:
    """A figure for a cell; a dash where there is none."""
    # What rounds to nothing has no sign.
    return "–" if value is None or value != value else f"{round(value, digits) + 0:.{digits}f}"


def name_link(name: str, row: int) -> str:
    """A name that shows itself on the map; each by itself, as some are written from the right."""
    return f'<a href="#map" data-row="{row}"><bdi>{text(name)}</bdi></a>'


@dataclass(frozen=True)
class ClustersSection:
    """The clusters, the largest first, each linked to the map."""

    rows: Sequence[ClusterRow]
    anchor: str = "clusters"

    @property
    def title(self) -> str:
        """How many there are."""
        return f"{len(self.rows):,} clusters" if len(self.rows) != 1 else "One cluster"

    def html(self) -> str:
        """A table that can be sorted and filtered."""
        if not self.rows:
            return "<p>There are none.</p>"
        measured = any(row.stability is not None for row in self.rows)
        head = ["cluster", "# names", *(["# stability"] if measured else []), "most central names",
                "more common than elsewhere", "# similarity"]  # fmt: skip
        body = [_cluster_row(i, row, measured) for i, row in enumerate(self.rows)]
        hidden = len(self.rows) - _SHOWN_ROWS
        more = (
            f'<button class="unfold" type="button">Show {hidden:,} smaller clusters</button>'
            if hidden > 0
            else ""
        )
        grid = table(head, body, identifier="clusters-table", folded=hidden > 0, sortable=True)
        stability = (
            "Stability is how much of a cluster is found again when the names are resampled "
            "(Jaccard index, 0 to 1), with its interval and, marked, what chance gives. "
            if measured
            else ""
        )
        return (
            '<p class="soft">A value’s share of the cluster and how many times more common it is '
            "there than among all names; only what chance does not explain. "
            f"{stability}Similarity is the mean cosine of two names of the cluster. The number "
            "behind a cluster is the one that the column <code>cluster</code> holds. Press a row "
            "or a name to see it on the map.</p>"
            '<input id="filter" type="search" placeholder="Filter the clusters" '
            'aria-label="Filter the clusters">'
            f'<div class="card"><div class="scroll">{grid}</div>{more}</div>'
        )

    @charts.chart
    def figures(self) -> Mapping[str, Any]:
        """Sizes of the largest clusters, and their stability where it was measured."""
        if not self.rows:
            return {}
        shown = list(self.rows[:_DRAWN_ROWS])
        measured = any(row.stability is not None for row in shown)
        figure, axes = charts.new_figure(1 + measured, width=8, height=1 + 0.24 * len(shown))
        labels = [charts.drawable(row.label, f"cluster {i}") for i, row in enumerate(shown)]
        colors = [row.color for row in shown]
        axes[0].barh(range(len(shown)), [row.size for row in shown], height=0.7, color=colors)
        axes[0].set_yticks(range(len(shown)), labels)
        axes[0].set(xlabel="names")
        for place, row in enumerate(shown):
            if measured and row.stability is not None:
                found = row.stability
                if found.interval is not None:
                    axes[1].plot(found.interval, [place] * 2, color=charts.FAINT, linewidth=2)
                axes[1].plot([found.value], [place], "o", color=row.color)
                if found.by_chance is not None:
                    axes[1].plot([found.by_chance], [place], "|", color=charts.WARM)
        if measured:
            axes[1].set(xlabel="stability, with its interval (marks: by chance)")
            axes[1].set_xlim(-0.02, 1.02)
            axes[1].set_yticks([])
            axes[1].grid(axis="x")
        for panel in axes:
            panel.set_ylim(len(shown) - 0.4, -0.6)
        return {"clusters": figure}


def _cluster_row(number: int, row: ClusterRow, measured: bool) -> str:
    traits = "".join(
        f'<span class="trait"><bdi>{text(value)}</bdi><i>{text(share)}</i></span>'
        for value, share in row.traits
    )
    names = ", ".join(name_link(name, place) for name, place in row.exemplars)
    more = ' class="more"' if number >= _SHOWN_ROWS else ""
    return (
        f'<tr id="cluster-{number}" data-cluster="{number}"{more}>'
        f'<td><span class="dot" style="background:{row.color}"></span>'
        f'<a href="#map" data-cluster="{number}"><bdi>{text(row.label)}</bdi></a> '
        f'<span class="soft">#{number}</span></td>'
        f'<td class="n">{row.size:,}</td>{_stability(row) if measured else ""}'
        f'<td class="names">{names}</td>'
        f'<td>{traits}</td><td class="n">{row.similarity:.2f}</td></tr>'
    )


def _stability(row: ClusterRow) -> str:
    if row.stability is None:
        return '<td class="n">–</td>'
    found = row.stability
    drawn = bar(found.value, mark=found.by_chance, interval=found.interval)
    return f'<td class="n" data-value="{found.value:.4f}">{found.value:.2f}{drawn}</td>'
