"""The charts of a topology page, each drawn from the measurement that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.shape.entropy import EntropyReport, NullComparison
from namebasis.analysis.shape.homology_null import DegreeReport, PersistenceReport
from namebasis.checks import Float64Array
from namebasis.report import charts
from namebasis.studies.topology.arrangement import LabelAgreement
from namebasis.studies.topology.clusters import ClusterSummary
from namebasis.studies.topology.overlap import OverlapAtK, SpaceOverlap

if TYPE_CHECKING:
    from namebasis.studies.entropy import EntropyStudy

DEGREES = {0: "components (H0)", 1: "loops (H1)"}
NULLS = {"gaussian": "Gaussian"}
_MOST_BARS = 25


def draw_entropy(found: EntropyStudy) -> Any:
    """The entropy over diffusion time, and beside its nulls where they were drawn."""
    return entropy_curve(found.entropy, found.nulls)


@charts.chart
def entropy_curve(whole: EntropyReport, nulls: Sequence[NullComparison]) -> Any:
    """Bits over the time of the walk; where there are nulls, bits of names beside theirs."""
    figure, axes = charts.new_figure(2 if nulls else 1, width=8.0, height=2.6)
    axes[0].plot(whole.times, whole.curve, "o-", color=charts.FILL, markersize=4)
    axes[0].set_xscale("log", base=2)
    axes[0].set(xlabel="diffusion time t", ylabel="bits", title="Over time")
    axes[0].set_xticks(list(whole.times), [f"{t:g}" for t in whole.times])
    axes[0].set_ylim(bottom=0)
    axes[0].grid(axis="y")
    if nulls:
        _draw_nulls(axes[1], nulls)
    return figure


def _draw_nulls(axes: Any, nulls: Sequence[NullComparison]) -> None:
    places = np.arange(1, len(nulls) + 1)
    axes.axvline(nulls[0].bits, color=charts.LINE, linewidth=1)
    axes.plot([nulls[0].bits], [0], "o", color=charts.FILL, markersize=7)
    means = [row.null_bits for row in nulls]
    spreads = [2 * row.null_deviation for row in nulls]
    axes.errorbar(means, places, xerr=spreads, fmt="D", color=charts.WARM, markersize=5, capsize=3)
    axes.set_yticks([0, *places], ["names", *(NULLS.get(row.null, row.null) for row in nulls)])
    axes.set_ylim(len(nulls) + 0.6, -0.6)
    axes.set(xlabel="bits", title="Beside nulls")


@charts.chart
def agreement_bars(rows: Sequence[LabelAgreement]) -> Any:
    """Mutual information of clusters with each property, with marks for chance."""
    figure, (axes,) = charts.new_figure(height=0.8 + 0.4 * max(len(rows), 1))
    for place, row in enumerate(rows):
        found = row.with_clusters
        if found is None:
            axes.text(0.01, place, "undefined", va="center", color=charts.SOFT)
            continue
        axes.barh(place, found.mutual_information, height=0.55, color=charts.FILL)
        axes.plot([found.null_mutual_information] * 2, [place - 0.38, place + 0.38],
                  color=charts.WARM, linewidth=2)  # fmt: skip
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set(xlabel="mutual information with clusters (marks: shuffled labels)")
    return figure


@charts.chart
def cluster_bars(clusters: Sequence[ClusterSummary], colors: Sequence[str]) -> Any:
    """Sizes of the largest clusters, and their stability where it was measured."""
    shown = list(zip(clusters[:_MOST_BARS], colors, strict=False))
    measured = any(cluster.stability is not None for cluster, _ in shown)
    figure, axes = charts.new_figure(1 + measured, width=8, height=1 + 0.24 * len(shown))
    labels = [
        charts.drawable(cluster.label, f"cluster {at}") for at, (cluster, _) in enumerate(shown)
    ]
    sizes = [cluster.size for cluster, _ in shown]
    axes[0].barh(range(len(shown)), sizes, height=0.7, color=[color for _, color in shown])
    axes[0].set_yticks(range(len(shown)), labels)
    axes[0].set(xlabel="names")
    if measured:
        for place, (cluster, color) in enumerate(shown):
            _draw_stability(axes[1], place, cluster, color)
        axes[1].set(xlabel="stability (marks: by chance)")
        axes[1].set_xlim(-0.02, 1.05)
        axes[1].set_yticks([])
        axes[1].grid(axis="x")
    for panel in axes:
        panel.set_ylim(len(shown) - 0.4, -0.6)
    return figure


def _draw_stability(axes: Any, place: int, cluster: ClusterSummary, color: str) -> None:
    if cluster.stability is None:
        return
    if cluster.stability_low is not None and cluster.stability_high is not None:
        ends = [cluster.stability_low, cluster.stability_high]
        axes.plot(ends, [place] * 2, color=charts.FAINT, linewidth=2)
    axes.plot([cluster.stability], [place], "o", color=color)
    if cluster.stability_by_chance is not None:
        axes.plot([cluster.stability_by_chance], [place], "|", color=charts.WARM)


@charts.chart
def degree_histogram(hubness: Float64Array, k: int) -> Any:
    """Names per in-degree, beside the binomial of a random graph, on a log scale."""
    from scipy.stats import binom

    figure, (axes,) = charts.new_figure(width=5.2, height=2.7)
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
    return figure


@charts.chart
def dimension_histogram(local_dimension: Float64Array, median: float) -> Any:
    """The intrinsic dimension around names that have one; a line at the median."""
    figure, (axes,) = charts.new_figure(width=5.2, height=2.7)
    known = local_dimension[np.isfinite(local_dimension)]
    shown = known[known <= np.quantile(known, 0.995)]
    axes.hist(shown, bins=min(60, max(5, known.size // 4)), color=charts.FILL)
    axes.axvline(median, color=charts.WARM, linewidth=1.5)
    axes.set(xlabel="intrinsic dimension", ylabel="names")
    return figure


@charts.chart
def persistence_diagrams(found: PersistenceReport) -> Any:
    """Components left as the distance grows, and births and deaths of loops."""
    figure, axes = charts.new_figure(max(len(found.degrees), 1), height=3.3)
    for panel, row in zip(axes, found.degrees, strict=False):
        if row.degree == 0:
            _draw_components(panel, row)
        else:
            _draw_loops(panel, row, found.error_bound)
    return figure


def _draw_components(axes: Any, row: DegreeReport) -> None:
    """How many components are left as the distance grows: H0, whose classes are all born at 0."""
    for diagram, color in ((row.null_diagram, charts.WARM), (row.diagram, charts.FILL)):
        if len(diagram):
            deaths = np.sort(diagram[np.isfinite(diagram[:, 1]), 1])
            left = np.arange(len(diagram), len(diagram) - len(deaths) - 1, -1)
            axes.step([0, *deaths], left, where="post", color=color)
    axes.set_yscale("log")
    axes.set(xlabel="distance", ylabel="components left", title=DEGREES[0])


def _draw_loops(axes: Any, row: DegreeReport, error_bound: float) -> None:
    finite = [d[np.isfinite(d).all(axis=1)] for d in (row.null_diagram, row.diagram)]
    everything = np.concatenate([part.ravel() for part in finite])
    low, high = (
        (float(everything.min()), float(everything.max())) if everything.size else (0.0, 1.0)
    )
    pad = 0.05 * (high - low) or 0.05
    low, high = low - pad, high + pad
    axes.plot([low, high], [low, high], color=charts.LINE, linewidth=1)
    axes.plot([low, high], [low + 2 * error_bound, high + 2 * error_bound], "--",
              color=charts.SOFT, linewidth=1)  # fmt: skip
    for points, color, alpha in ((finite[0], charts.WARM, 0.35), (finite[1], charts.FILL, 0.9)):
        axes.scatter(points[:, 0], points[:, 1], s=13, c=color, alpha=alpha, marker="^",
                     linewidths=0)  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.set(xlabel="birth", ylabel="death", title=DEGREES[1])


def draw_overlap(found: SpaceOverlap) -> Any:
    """Shares of neighbours that two spaces both give."""
    return overlap_bars(found.overlaps)


@charts.chart
def overlap_bars(overlaps: Sequence[OverlapAtK]) -> Any:
    """Shares of neighbours that both give, with intervals, beside chance."""
    figure, (axes,) = charts.new_figure(width=5.2, height=2.4)
    for place, row in enumerate(overlaps):
        axes.barh(place, row.share, height=0.5, color=charts.FILL)
        axes.plot([row.low, row.high], [place, place], color=charts.INK, linewidth=1.5)
        axes.plot([row.by_chance] * 2, [place - 0.35, place + 0.35], color=charts.WARM,
                  linewidth=2)  # fmt: skip
    axes.set_yticks(range(len(overlaps)), [f"{row.k} nearest" for row in overlaps])
    axes.set_ylim(len(overlaps) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set(xlabel="share in both")
    return figure
