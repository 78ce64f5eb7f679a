"""Sections of a topology page: hubs and dimension, and the graph of neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.report import charts
from namebasis.report.page import table, text
from namebasis.studies.topology.graph import Bridge
from namebasis.studies.topology.pages.tables import name_link, number
from namebasis.studies.topology.shape import Hub
from namebasis.wording import percent


@dataclass(frozen=True)
class HubsSection:
    """How unevenly names serve as neighbours, and in how many directions names vary.

    `hubness` is every name's in-degree over k, `local_dimension` its intrinsic dimension, NaN
    where undefined.
    """

    k: int
    skewness: float
    anti_hub_share: float
    hubs: Sequence[Hub]
    hubness: Float64Array
    two_nn: float
    likelihood: float
    quartiles: tuple[float, float, float]
    local_dimension: Float64Array
    title: str = "Hubs and dimension"
    anchor: str = "hubs"

    def html(self) -> str:
        """Two charts and a table of hubs."""
        low, middle, high = (number(value, 1) for value in self.quartiles)
        lead = (
            f"<p>Skew of in-degrees <b>{number(self.skewness, 2)}</b> (0 for an even graph); "
            f"{percent(self.anti_hub_share, 1)} of names are nobody’s neighbour. "
            f"Intrinsic dimension <b>{number(self.likelihood, 1)}</b> by maximum likelihood over "
            f"{self.k} neighbours, {number(self.two_nn, 1)} by the first two; around single names "
            f"{low} to {high} (quartiles), {middle} at the median.</p>"
        )
        figures = self.figures()
        charted = "".join(
            f'<div class="card">{charts.captioned(charts.to_svg(figure, f"{key}-chart"), caption)}'
            "</div>"
            for (key, figure), caption in zip(
                figures.items(),
                (
                    "How often names are neighbours, over the mean of k; the line is what drawing "
                    "neighbours at random would give.",
                    "Intrinsic dimension around each name; the line marks the median.",
                ),
                strict=False,
            )
        )
        rows = [
            f"<tr><td>{name_link(hub.name, hub.row)}</td>"
            f'<td class="n">{hub.in_degree:,}</td>'
            f'<td class="n">{hub.in_degree / self.k:.1f}</td></tr>'
            for hub in self.hubs
        ]
        hubs = table(("hub", "# neighbour of", "# times the average"), rows)
        listed = f'<div class="card scroll">{hubs}</div>' if rows else ""
        return f'{lead}<div class="columns">{charted}{listed}</div>'

    @charts.chart
    def figures(self) -> Mapping[str, Any]:
        """In-degrees, and local dimensions where there are any."""
        hubs, (axes,) = charts.new_figure(width=5.2, height=2.7)
        _draw_degrees(axes, self.hubness, self.k)
        drawn = {"hubs": hubs}
        known = self.local_dimension[np.isfinite(self.local_dimension)]
        if known.size:
            dimension, (axes,) = charts.new_figure(width=5.2, height=2.7)
            shown = known[known <= np.quantile(known, 0.995)]
            axes.hist(shown, bins=min(60, max(5, known.size // 4)), color=charts.FILL)
            axes.axvline(self.quartiles[1], color=charts.WARM, linewidth=1.5)
            axes.set(xlabel="intrinsic dimension", ylabel="names")
            drawn["dimension"] = dimension
        return drawn


def _draw_degrees(axes: Any, hubness: Float64Array, k: int) -> None:
    """Share of names per in-degree, beside the binomial of a random graph, on a log scale."""
    from scipy.stats import binom

    n = len(hubness)
    degrees = np.rint(hubness * k).astype(np.int64)
    most = int(degrees.max(initial=0))
    edges = np.unique(np.linspace(0, most + 1, min(most + 2, 50)).astype(np.int64))
    counts, _ = np.histogram(degrees, edges)
    axes.stairs(counts, edges / k, fill=True, color=charts.FILL)
    chance = n * np.diff(binom.cdf(edges - 1, n - 1, k / max(n - 1, 1)))
    seen = chance >= 0.3  # below a third of a name the line would only stretch the axis
    middles = (edges[:-1] + edges[1:] - 1) / 2 / k
    axes.plot(middles[seen], chance[seen], color=charts.WARM, linewidth=1.5)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.set(xlabel="in-degree, times the average", ylabel="names")


@dataclass(frozen=True)
class MixingRow:
    """How far names of one value are joined to their like; None where it is undefined."""

    label: str
    value: float | None
    null: float | None
    p: float | None


@dataclass(frozen=True)
class GraphSection:
    """The graph of neighbours: parts, communities, mixing, bridges, central names."""

    n_edges: int
    n_components: int
    largest_share: float
    n_communities: int
    modularity: float
    mixing: Sequence[MixingRow]
    bridges: Sequence[Bridge]
    links: Sequence[tuple[str, str, int, float]]
    central: Sequence[tuple[str, int, float]]
    title: str = "Bridges and central names"
    anchor: str = "graph"

    def figures(self) -> Mapping[str, Any]:
        """There are none."""
        return {}

    def html(self) -> str:
        """Words and four small tables."""
        parts = (
            "one connected part"
            if self.n_components == 1
            else f"{self.n_components:,} parts, the largest with {percent(self.largest_share, 1)} "
            "of the names"
        )
        lead = (
            f"<p>Two names are joined where either is among the other’s nearest: {self.n_edges:,} "
            f"edges, {parts}. {self.n_communities:,} communities by the Louvain method, modularity "
            f"{number(self.modularity, 2)}.</p>"
        )
        tables = [
            ("Are names joined to their like?", self._mixing()),
            ("Names between locales", self._bridges()),
            ("Locales joined beyond chance", self._links()),
            ("Central names (PageRank)", self._central()),
        ]
        shown = "".join(
            f'<div><h3>{title}</h3><div class="card scroll">{grid}</div></div>'
            for title, grid in tables
            if grid
        )
        return f'{lead}<div class="columns">{shown}</div>'

    def _mixing(self) -> str:
        rows = [
            f'<tr><td>{text(row.label)}</td><td class="n">{number(row.value)}</td>'
            f'<td class="n">{number(row.null)}</td><td class="n">{number(row.p)}</td></tr>'
            for row in self.mixing
        ]
        return table(("property", "# assortativity", "# by chance", "# p"), rows) if rows else ""

    def _bridges(self) -> str:
        rows = []
        for row in self.bridges:
            joins = ", ".join(f"{locale} {count}" for locale, count in row.joins[:4])
            more = " …" if len(row.joins) > 4 else ""
            rows.append(
                f"<tr><td>{name_link(row.name, row.row)}</td>"
                f'<td class="n">{row.bridge:.2f}</td><td>{text(joins + more)}</td></tr>'
            )
        return table(("name", "# mixed", "its neighbours’ locales"), rows) if rows else ""

    def _links(self) -> str:
        rows = [
            f'<tr><td>{text(left)} – {text(right)}</td><td class="n">{n_edges:,}</td>'
            f'<td class="n">×{ratio:.1f}</td></tr>'
            for left, right, n_edges, ratio in self.links
        ]
        return table(("locales", "# edges", "# beyond chance"), rows) if rows else ""

    def _central(self) -> str:
        rows = [
            f'<tr><td>{name_link(name, row)}</td><td class="n">×{ratio:.1f}</td></tr>'
            for name, row, ratio in self.central
        ]
        return table(("name", "# times the average"), rows) if rows else ""
