"""Sections of a topology page: entropy beside its nulls, and persistence diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.analysis.shape.entropy import NullComparison
from namebasis.analysis.shape.homology_null import DegreeReport, Draws
from namebasis.report import charts
from namebasis.report.page import table, text
from namebasis.studies.topology.pages.tables import number
from namebasis.wording import percent

_NULLS = {"gaussian": "Gaussian"}
_DEGREES = {0: "components (H0)", 1: "loops (H1)"}


@dataclass(frozen=True)
class EntropySection:
    """Diffusion spectral entropy: its value, its curve over t, and what chance gives."""

    bits: float
    standard_error: float
    share: float
    bandwidth: float
    method: str
    n_names: int
    t: float
    times: Sequence[float]
    curve: Sequence[float]
    nulls: Sequence[NullComparison]
    n_null_names: int
    title: str = "Entropy"
    anchor: str = "entropy"

    def html(self) -> str:
        """Words, a chart, and the nulls in figures."""
        error = f" ± {self.standard_error:.4f}" if self.standard_error > 0 else ""
        lead = (
            f"<p><b>{self.bits:.3f}{error} bits</b>, {percent(self.share)} of the "
            f"log2 {self.n_names:,} = {np.log2(self.n_names):.2f} bits that points without any "
            "neighbours would have.</p>"
            '<p class="soft">Diffusion spectral entropy: over how many directions a random walk '
            "on the names spreads; less where names crowd together. "
            f"Kernel: {text(self.method)}, bandwidth {number(self.bandwidth)}, from the data. "
            "It grows with the number of names: compare equal numbers alone.</p>"
        )
        head = ("null", "# names", "# bits", "# null’s bits", "# deviation", "# draws", "# z")
        rows = [
            f"<tr><td>{text(_NULLS.get(row.null, row.null))}</td>"
            f'<td class="n">{self.n_null_names:,}</td>'
            f'<td class="n">{row.bits:.3f}</td><td class="n">{row.null_bits:.3f}</td>'
            f'<td class="n">{row.null_deviation:.4f}</td><td class="n">{row.n_draws}</td>'
            f'<td class="n">{number(row.z, 1)}</td></tr>'
            for row in self.nulls
        ]
        drawn = charts.to_svg(self.figures()["entropy"], "entropy-chart")
        caption = "Left: entropy as the walk takes longer steps of time t. " + (
            f"Right: {self.n_null_names:,} names drawn at random beside data of the same "
            "covariance (Gaussian) and with every column shuffled, with two standard "
            "deviations; the bandwidth is the same, and fewer names have less entropy."
            if self.nulls
            else "No nulls were drawn."
        )
        nulls = f'<div class="scroll">{table(head, rows)}</div>' if rows else ""
        return f'{lead}<div class="card">{charts.captioned(drawn, text(caption))}{nulls}</div>'

    @charts.chart
    def figures(self) -> Mapping[str, Any]:
        """The chart."""
        figure, axes = charts.new_figure(2 if self.nulls else 1, width=8.0, height=2.6)
        axes[0].plot(self.times, self.curve, color=charts.FILL, marker="o", markersize=4)
        axes[0].set(xlabel="diffusion time t", ylabel="bits", title="All names")
        axes[0].set_xscale("log", base=2)
        axes[0].set_xticks(list(self.times), [f"{t:g}" for t in self.times])
        axes[0].set_ylim(bottom=0)
        axes[0].grid(axis="y")
        if self.nulls:
            _draw_nulls(axes[1], self.nulls)
        return {"entropy": figure}


def _draw_nulls(axes: Any, nulls: Sequence[NullComparison]) -> None:
    places = np.arange(1, len(nulls) + 1)
    axes.axvline(nulls[0].bits, color=charts.LINE, linewidth=1)
    axes.plot([nulls[0].bits], [0], "o", color=charts.FILL, markersize=7)
    means = [row.null_bits for row in nulls]
    spreads = [2 * row.null_deviation for row in nulls]
    axes.errorbar(means, places, xerr=spreads, fmt="D", color=charts.WARM, markersize=5, capsize=3)
    axes.set_yticks([0, *places], ["names", *(_NULLS.get(row.null, row.null) for row in nulls)])
    axes.set_ylim(len(nulls) + 0.6, -0.6)
    axes.set(xlabel="bits", title="Beside data without structure")


@dataclass(frozen=True)
class PersistenceSection:
    """Births and deaths of components and loops on landmarks, with their error."""

    degrees: Sequence[DegreeReport]
    n_landmarks: int
    covering_radius: float
    error_bound: float
    n_draws: int
    title: str = "Holes and components"
    anchor: str = "persistence"

    def html(self) -> str:
        """Diagrams, and the figures beside those of the null."""
        head = ("", "# classes", "# longer-lived than the error", "# longest life", "# of the null",
                "# entropy (bits)", "# of the null", "# bottleneck to the null",
                "# between two nulls")  # fmt: skip
        rows = [
            f"<tr><td>{text(_DEGREES.get(row.degree, f'H{row.degree}'))}</td>"
            f'<td class="n">{len(row.diagram):,}</td><td class="n">{row.n_certain:,}</td>'
            f'<td class="n">{number(row.longest)}</td><td class="n">{_draws(row.null_longest)}</td>'
            f'<td class="n">{number(row.entropy)}</td><td class="n">{_draws(row.null_entropy)}</td>'
            f'<td class="n">{_draws(row.bottleneck)}</td>'
            f'<td class="n">{_draws(row.among_nulls)}</td></tr>'
            for row in self.degrees
        ]
        lead = (
            f'<p class="soft">From {self.n_landmarks:,} landmarks that cover all names within '
            f"{self.covering_radius:.3f}: no diagram of all names is farther from this one than "
            f"{self.error_bound:.3f} (bottleneck distance), and only classes that live longer "
            "than twice that are certain to be in all of them. The null is a Gaussian of the same "
            f"covariance, {self.n_draws} draws; ranges are lowest to highest.</p>"
        )
        drawn = charts.to_svg(self.figures()["persistence"], "persistence-chart")
        caption = (
            "Left: components are all born at distance 0; how many are left once landmarks closer "
            "than a distance are joined. Right: persistence diagram of loops, the distances at "
            "which one appears and is filled; above the dashed line, where it is in sight, loops "
            "live longer than twice the error bound. Orange: one draw of the null."
        )
        return (
            f'{lead}<div class="card">{charts.captioned(drawn, text(caption))}'
            f'<div class="scroll">{table(head, rows)}</div></div>'
        )

    @charts.chart
    def figures(self) -> Mapping[str, Any]:
        """A diagram per degree."""
        figure, axes = charts.new_figure(max(len(self.degrees), 1), height=3.3)
        for panel, row in zip(axes, self.degrees, strict=False):
            if row.degree == 0:
                _draw_components(panel, row)
            else:
                _draw_loops(panel, row, self.error_bound)
        return {"persistence": figure}


def _draw_components(axes: Any, row: DegreeReport) -> None:
    """How many components are left as the distance grows: H0, whose classes are all born at 0."""
    for diagram, color in ((row.null_diagram, charts.WARM), (row.diagram, charts.FILL)):
        if len(diagram):
            deaths = np.sort(diagram[np.isfinite(diagram[:, 1]), 1])
            left = np.arange(len(diagram), len(diagram) - len(deaths) - 1, -1)
            axes.step([0, *deaths], left, where="post", color=color)
    axes.set_yscale("log")
    axes.set(xlabel="distance", ylabel="components left", title=_DEGREES[0])


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
    axes.set(xlabel="birth", ylabel="death", title=_DEGREES[1])


def _draws(value: Draws | None) -> str:
    if value is None or value.mean != value.mean:
        return "–"
    return f"{value.mean:.3f} ({value.low:.3f}–{value.high:.3f})"
