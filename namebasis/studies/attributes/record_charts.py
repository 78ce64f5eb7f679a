"""Lines of marks with intervals: biases by decade, measures by popularity, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from namebasis.report import charts

_INKS = (charts.FILL, charts.WARM, charts.SOFT)


@dataclass(frozen=True)
class Point:
    """One mark: its place, and the interval of its height; None for ends where it has none."""

    x: float
    y: float
    low: float | None
    high: float | None

    @property
    def ends(self) -> tuple[float, float]:
        """Those of the bar, of no length without an interval."""
        return (
            self.y if self.low is None else self.low,
            self.y if self.high is None else self.high,
        )


@dataclass(frozen=True)
class Series:
    """Marks joined by a line; `dashed` for a null, which has neither marks nor intervals."""

    name: str
    points: Sequence[Point]
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """What a chart shows.

    Attributes
    ----------
    title, x_label, y_label : str
    series : sequence of Series
        At most three that are not dashed.
    ticks : sequence of (float, str), optional
        Places along x with their names; by default round numbers.
    diagonal : bool
        Draw the line where y equals x.
    level : float, optional
        Draw a horizontal line there.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    ticks: Sequence[tuple[float, str]] | None = None
    diagonal: bool = False
    level: float | None = None


@charts.chart
def figure_of(shown: Sequence[Chart]) -> Any:
    """Draw charts beside each other.

    Raises
    ------
    ValueError
        If a chart has no point, or a coordinate is not finite.
    """
    figure, axes = charts.new_figure(len(shown), width=5.6 * len(shown), height=3.7)
    for panel, chart in zip(axes, shown, strict=True):
        _draw(panel, chart)
    return figure


def _draw(axes: Any, chart: Chart) -> None:
    points = [point for series in chart.series for point in series.points]
    if not points:
        raise ValueError(f"chart {chart.title!r} needs at least one point.")
    if not all(isfinite(v) for p in points for v in (p.x, p.y, *p.ends)):
        raise ValueError(f"chart {chart.title!r} has a coordinate that is not finite.")
    axes.set_title(chart.title)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(axis="y")
    inks = iter(_INKS)
    for series in chart.series:
        across = [p.x for p in series.points]
        heights = [p.y for p in series.points]
        if series.dashed:
            axes.plot(across, heights, "--", color=charts.FAINT, label=series.name)
            continue
        reach = [[abs(p.ends[at] - p.y) for p in series.points] for at in (0, 1)]
        axes.errorbar(across, heights, reach, color=next(inks), marker="o", markersize=4.5,
                      elinewidth=1, label=series.name)  # fmt: skip
    if chart.level is not None:
        axes.axhline(chart.level, color=charts.SOFT, linewidth=0.9, linestyle=":")
    if chart.diagonal:
        ends = [min(p.x for p in points), max(p.x for p in points)]
        axes.plot(ends, ends, ":", color=charts.SOFT, linewidth=0.9)
    if chart.ticks is not None:
        axes.set_xticks([x for x, _ in chart.ticks], [name for _, name in chart.ticks])
    axes.legend()
