"""Token states beside the pooled vector as one page."""

from __future__ import annotations

from typing import Any

from namebasis.report import charts
from namebasis.report.answer import answer_page
from namebasis.studies.conditioning.results import WORDS, Conditioning


def html_of(found: Conditioning) -> str:
    """What is read, how far it agrees with the pooled vector, and where it does not, as HTML."""
    caption = (
        "Share of a name's nearest names that both views give, with 95 % intervals; orange marks "
        "say what chance gives."
    )
    return answer_page(
        found, "Names as the image model reads them", [(draw(found), caption)], found.parameters
    )


@charts.chart
def draw(found: Conditioning) -> Any:
    """Shares of neighbours that two views give, with intervals, beside chance."""
    figure, (axes,) = charts.new_figure(width=7.2, height=2.6)
    labels = []
    for place, one in enumerate(found.compared):
        row = one.overlap.overlaps[-1]
        axes.barh(place, row.share, height=0.5, color=charts.FILL)
        axes.plot([row.low, row.high], [place, place], color=charts.INK, linewidth=1.5)
        axes.plot([row.by_chance] * 2, [place - 0.35, place + 0.35], color=charts.WARM,
                  linewidth=2)  # fmt: skip
        labels.append(f"{WORDS[one.left]}\nand {WORDS[one.right]}")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    k = found.compared[0].overlap.overlaps[-1].k
    axes.set(xlabel=f"share of the {k} nearest in both")
    return figure
