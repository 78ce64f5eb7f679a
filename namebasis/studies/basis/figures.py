"""Figures of names that lie near a target, add up to it, or stand along a direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.report import charts
from namebasis.report.charts import FAINT, FILL, INK, LINE, SOFT, WARM
from namebasis.studies.basis.results import Basis
from namebasis.studies.basis.walk import Walk

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from namebasis.namespace.search.results import NearestResult

_MOST_PANELS, _MOST_NAMES = 4, 30
_ROW = 0.26
"""Inches of a name."""


@charts.chart
def draw_nearest(result: NearestResult) -> Any:
    """Bars of similarity, from the first name down; a panel for each target.

    Raises
    ------
    ValueError
        If there is no name, or there are more targets than fit beside each other.
    """
    parts = result.split()
    if not 1 <= len(parts) <= _MOST_PANELS:
        raise ValueError(
            f"a figure shows 1 to {_MOST_PANELS} targets beside each other; there are "
            f"{len(parts)}. Draw one with .of(0).plot()."
        )
    if not len(result):
        raise ValueError("no name was found, so there is nothing to draw.")
    longest = max(min(len(part), _MOST_NAMES) for part in parts)
    figure, axes = charts.new_figure(
        len(parts), width=max(7.0, 3.6 * len(parts)), height=1.1 + _ROW * longest
    )
    low, high = _ends(result.similarities)
    for panel, part in zip(axes, parts, strict=True):
        way = "farthest from" if part.farthest else "nearest to"
        draw_bars(panel, part.names[:_MOST_NAMES], part.similarities[:_MOST_NAMES])
        panel.set_xlim(low, high)  # the same for all
        panel.set_ylim(longest - 0.4, -0.6)
        panel.set_title(charts.drawable(f"{way} {_short(part.label)}", way))
        panel.set_xlabel("similarity (cosine)")
    return figure


@charts.chart
def draw_basis(result: Basis) -> Any:
    """Bars of the weights, and beside them how often each name would be chosen again.

    Raises
    ------
    ValueError
        If the basis is empty.
    """
    if not result.names:
        raise ValueError("the basis is empty: no name helps, so there is nothing to draw.")
    shares = [
        (values, words, color)
        for values, words, color in (
            (result.stability, "from other names", FILL),
            (result.template_stability, "with other templates", WARM),
        )
        if values is not None
    ]
    n = len(result.names)
    figure, axes = charts.new_figure(
        2 if shares else 1, width=7.6 if shares else 5.6,
        height=1.2 + 0.3 * bool(shares) + _ROW * n,
    )  # fmt: skip
    title = charts.drawable(_short(result.label, 70), "weights of names")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    draw_bars(axes[0], result.names, result.weights)
    axes[0].set_xlabel(f"weight (cosine of the sum {result.similarity:.2f})")
    if shares:
        for values, words, color in shares:
            axes[1].plot(values, range(n), "o", color=color, label=words, alpha=0.85, clip_on=False)
        axes[1].set(xlim=(0, 1), xlabel="share of resamples that choose it again", yticks=[])
        axes[1].spines["left"].set_visible(False)
        axes[1].hlines(range(n), 0, 1, color=LINE, linewidth=0.6, zorder=0)
        figure.legend(loc="outside lower right", ncols=len(shares))
    for panel in axes:
        panel.set_ylim(n - 0.4, -0.6)
    return figure


@charts.chart
def draw_walk(result: Walk) -> Any:
    """Every name at its own place along the direction, a row each, by the step it stands at.

    Raises
    ------
    ValueError
        If no name stands at any step.
    """
    placed = [
        (name, place, number)
        for number, step in enumerate(result.steps)
        for name, place in sorted(
            zip(step.names, step.coefficients, strict=True), key=lambda pair: pair[1]
        )
    ]
    if not placed:
        raise ValueError("no name stands on the way, so there is nothing to draw.")
    figure, (axes,) = charts.new_figure(width=7.0, height=1.3 + _ROW * len(placed))
    for step in result.steps:
        axes.axvline(step.position, color=LINE, linewidth=0.6, zorder=0)
    for row, (_, place, number) in enumerate(placed):
        position = result.steps[number].position
        axes.plot([position, place], [row, row], color=FAINT, linewidth=1, zorder=1)
        axes.plot(place, row, "o", color=FILL, zorder=2)
        if row and placed[row - 1][2] != number:
            axes.axhline(row - 0.5, color=LINE, linewidth=0.6, zorder=0)
    _name_rows(axes, [name for name, _, _ in placed])
    axes.set_ylim(len(placed) - 0.4, -0.6)
    axes.set_xticks([step.position for step in result.steps])
    axes.set_xticklabels([_signed(f"{step.position:+.1f}") for step in result.steps])
    axes.set_title(charts.drawable(_short(result.label, 70), "walk"))
    axes.set_xlabel("standard deviations from the mean")
    return figure


def draw_bars(axes: Axes, names: Sequence[str], values: Any) -> None:
    """A bar for each name, of another colour below 0, with its value at its end."""
    numbers = np.asarray(values, dtype=np.float64)
    rows = range(len(numbers))
    axes.barh(rows, numbers, color=[FILL if v >= 0 else WARM for v in numbers], height=0.66)
    axes.set_xlim(*_ends(numbers))
    for row, value in enumerate(numbers):
        axes.annotate(
            _signed(f"{value:.2f}"), (value, row), xytext=(4 if value >= 0 else -4, 0),
            textcoords="offset points", va="center", ha="left" if value >= 0 else "right",
            fontsize=8, color=SOFT,
        )  # fmt: skip
    if numbers.min(initial=0.0) < 0:
        axes.axvline(0, color=SOFT, linewidth=0.8)
    _name_rows(axes, names)


def _ends(values: Any) -> tuple[float, float]:
    """Ends of an axis that holds 0, all values, and their figures beside the bars."""
    numbers = np.asarray(values, dtype=np.float64)
    low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=0.0))
    room = 0.22 * ((high - low) or 1.0)
    return low - room * (low < 0), high + room * (high > 0 or low == 0)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write the names beside their rows; one that no font at hand can draw is numbered."""
    words = [charts.drawable(_short(name), f"name {row + 1}") for row, name in enumerate(names)]
    axes.set_yticks(range(len(names)), words, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _signed(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def _short(text: str, most: int = 32) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
