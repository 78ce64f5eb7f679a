"""A target in words as a figure, and as one page."""

from __future__ import annotations

from typing import Any

from namebasis.report import charts
from namebasis.report.answer import answer_page
from namebasis.report.charts import INK
from namebasis.studies.basis.figures import draw_bars
from namebasis.studies.describe.results import Description

_ROW = 0.3
"""Inches of a phrase."""


@charts.chart
def draw_description(result: Description) -> Any:
    """Bars of the weights of the phrases, an end beside the other, and chance below their cosine.

    Raises
    ------
    ValueError
        If no phrase helps.
    """
    if not result.phrases:
        raise ValueError("no phrase helps, so there is nothing to draw.")
    n_ends = len(result.ends)
    longest = max(len(end.phrases) for end in result.ends)
    figure, axes = charts.new_figure(
        n_ends, width=5.6 if n_ends == 1 else 9.0, height=1.7 + _ROW * longest
    )
    title = charts.drawable(f"{result.label} in words", "in words")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    for panel, end in zip(axes, result.ends, strict=True):
        draw_bars(panel, end.phrases, end.weights)
        panel.set_ylim(longest - 0.4, -0.6)
        if n_ends > 1:
            panel.set_title(charts.drawable(end.label, "an end"))
        panel.set_xlabel(f"weight ({end.said()})", fontsize=8)
    return figure


def html_of(result: Description) -> str:
    """The sentence, the phrases with their weights, and chance, as one HTML document."""
    drawings = []
    if result.phrases:
        what = "weight of each phrase; below, the cosine of their sum to the target, beside chance"
        drawings.append((draw_description(result), f"The {what}."))
    return answer_page(
        result, f"{result.label} in words", drawings,
        {**result.parameters, "phrases to choose from": result.n_atoms}, "the phrases",
    )  # fmt: skip
