"""The evidence for each name's kind, drawn against its thresholds and made-up names."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from namebasis.namespace.corpus.count_files import by_fold
from namebasis.report import charts
from namebasis.studies.identity.results import EVIDENCES_IN_WORDS, Identity

_MOST = 30
"""Names that are drawn unless more are asked for."""
_TITLE_WIDTH = 90  # letters of a line


def draw(found: Identity, **options: Any) -> Any:
    """Draw names against how often each is named, where that is known; else their evidence."""
    return (draw_evidence if found.counts is None else draw_counts)(found, **options)


@charts.chart
def draw_counts(found: Identity, *, n_names: int = 9) -> Any:
    """Draw what names have of their own against how often each is named.

    The band holds 90 % of recombined names, of made-up ones where there are none of the first.

    Parameters
    ----------
    found : Identity
        With counts.
    n_names : int
        Number of names to label, those with most of their own and the most named ones.

    Raises
    ------
    ValueError
        If no name has both a count and the measure.
    """
    find = by_fold(found.counts or {})
    score = {row.name: row.own_score for row in found.rows if row.own_score is not None}
    people = [name for name in score if find(name) is not None]
    if not people:
        raise ValueError("there is nothing to draw: no name has a count and two parts.")
    x = np.array([find(name) or 0 for name in people], dtype=np.float64) + 1
    y = np.array([score[name] for name in people], dtype=np.float64)
    null = found.recombined.get("own_score", np.empty(0))
    of_whom, null = ("recombined names", null) if null.size else (
        "made-up names", found.made_up["own_score"],
    )  # fmt: skip
    figure, (axes,) = charts.new_figure(1, width=8.0, height=4.6)
    low, middle, high = np.quantile(null, [0.05, 0.5, 0.95])
    axes.axhspan(low, high, color=charts.LINE, alpha=0.5, linewidth=0, label=f"90 % of {of_whom}")
    axes.axhline(middle, color=charts.SOFT, linewidth=1)
    axes.scatter(x, y, s=11, color=charts.FILL, alpha=0.65, lw=0, label=f"{len(people):,} names")
    shown = dict.fromkeys([
        *np.argsort(-y, kind="stable")[: n_names * 2 // 3].tolist(),
        *np.argsort(-x, kind="stable")[:n_names].tolist(),
    ])  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.8, float(x.max()) * 2.5)
    axes.set_xlabel("how often each is named, by the counts (+ 1)")
    axes.set_ylabel("more than its parts\n(remainder / noise of its parts' swaps)")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    if found.agreement is not None:
        told = textwrap.fill(found.agreement.headline() or "", _TITLE_WIDTH)
        axes.set_title(told, fontsize=9, loc="left")
    places = {charts.drawable(people[at], f"name {at + 1}"): (x[at], y[at]) for at in shown}
    _label(axes, dict(list(places.items())[:n_names]))
    return figure


def _label(axes: Any, places: dict[str, tuple[float, float]]) -> None:
    """Write names beside their dots, each where it covers no other; leave it out where it would."""
    axes.figure.canvas.draw()  # the layout is settled then, and with it where texts lie
    taken = [] if axes.get_legend() is None else [axes.get_legend().get_window_extent()]
    for name, place in places.items():
        for to_right, down in ((-5, 3), (5, 3), (-5, -9), (5, -9)):
            text = axes.annotate(
                name, place, (to_right, down), textcoords="offset points", fontsize=8,
                ha="right" if to_right < 0 else "left",
            )  # fmt: skip
            box = text.get_window_extent()
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


@charts.chart
def draw_evidence(found: Identity, *, n_names: int = _MOST) -> Any:
    """Draw every measure that the kinds rest on, a panel each, names below each other.

    The dashed line is the measure's threshold, the grey band holds 95 % of made-up names; a mark
    is filled where the measure lies above its threshold.

    Parameters
    ----------
    found : Identity
    n_names : int
        Draw at most this many, those with most of their own.

    Raises
    ------
    ValueError
        If no name could be measured.
    """
    rows = [row for row in found.rows if row.evidence]
    if not rows:
        raise ValueError("there is no evidence to draw: no name could be cut in two.")
    rows = sorted(rows, key=lambda row: -(row.own_score or 0.0))[:n_names]
    measures = [key for key in found.thresholds if key in (rows[0].evidence or {})]
    figure, panels = charts.new_figure(
        len(measures), width=1.8 + 2.4 * len(measures), height=1.7 + 0.26 * len(rows)
    )
    for panel, key in zip(panels, measures, strict=True):
        _draw(panel, key, found, np.array([getattr(row, key) for row in rows], dtype=np.float64))
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.set_yticks([])
    labels = [
        charts.drawable(row.name, f"name {at + 1}") + (f" · {row.kind}" if row.kind else "")
        for at, row in enumerate(rows)
    ]
    panels[0].set_yticks(range(len(rows)), labels)
    figure.supxlabel(
        "dashed: threshold · grey: 95 % of made-up names · filled: above the threshold",
        fontsize=9, color=charts.SOFT,
    )  # fmt: skip
    return figure


def _draw(panel: Any, key: str, found: Identity, values: Any) -> None:
    threshold = found.thresholds[key]
    made = found.made_up.get(key, np.empty(0))
    made = made[np.isfinite(made)]
    if made.size:
        low, high = np.quantile(made, [0.025, 0.975])
        panel.axvspan(low, high, color=charts.LINE, alpha=0.5, linewidth=0)
    panel.axvline(threshold, color=charts.WARM, linewidth=0.9, linestyle="--")
    places = np.arange(len(values))
    for above, face in ((True, charts.FILL), (False, "white")):
        here = (values > threshold) == above
        panel.plot(
            values[here], places[here], "o", markersize=5, color=charts.FILL,
            markerfacecolor=face,
        )  # fmt: skip
    panel.grid(axis="x")
    panel.set_title(EVIDENCES_IN_WORDS[key])
