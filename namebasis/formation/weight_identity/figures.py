"""Figures of who writes what names have of their own, in matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.formation.weight_identity.page import groups_of
from namebasis.report import charts
from namebasis.wording import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from namebasis.formation.weight_identity.writer_results import Writers

_MOST = 4  # kinds in one figure


@charts.chart
def draw_writers(found: Writers) -> Figure:
    """Maps of heads and MLPs by layer: from the given and from the family name, per kind."""
    groups = groups_of(found)
    groups = [*groups[: _MOST - 1], groups[-1]] if len(groups) > _MOST else groups
    drawn = [(group.title, one) for group in groups for one in group.maps]
    largest = max(float(np.abs(one.shares).max()) for _, one in drawn) or 1.0
    width = sum(1.3 + 0.3 * len(one.layers) for _, one in drawn)
    height = 1.2 + 0.3 * len(drawn[0][1].rows)
    figure, every = charts.new_figure(len(drawn), width=width, height=height)
    for at, ((title, one), axes) in enumerate(zip(drawn, every, strict=True)):
        image = axes.imshow(one.shares, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
        axes.set_xticks(range(len(one.layers)), one.layers)
        axes.set_yticks(range(len(one.rows)), one.rows if at == 0 else [])
        axes.set_title(
            charts.drawable(visible(title), f"kind {at // 2 + 1}") if at % 2 == 0 else ""
        )
        axes.set_xlabel(f"layer, from {one.source}")
    figure.colorbar(image, ax=every, label="share written")
    return figure  # type: ignore[no-any-return]
