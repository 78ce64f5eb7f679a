"""Figures of what images and text agree on, in matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from namebasis.report import charts
from namebasis.validation.agreement_results import Agreement, AttributeAgreement, label_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from namebasis.validation.study import Validation


@charts.chart
def draw(found: Validation | Agreement) -> Figure:
    """Rank correlation of each attribute and reading, with its interval and what chance reaches.

    Raises
    ------
    ValueError
        If nothing was both measured on images and read in text.
    """
    agreement = found if isinstance(found, Agreement) else found.agreement
    rows = agreement.attributes
    if not rows:
        raise ValueError(
            "nothing can be drawn: no attribute was both measured on images and read in text for "
            "at least 4 names. See .tables()."
        )
    figure, (axes,) = charts.new_figure(width=7.0, height=1.2 + 0.32 * len(rows))
    for at, row in enumerate(rows):
        if row.null.low is not None and row.null.high is not None:
            axes.barh(
                at, row.null.high - row.null.low, left=row.null.low, height=0.6,
                color=charts.LINE,
            )  # fmt: skip
        if row.spearman.low is not None and row.spearman.high is not None:
            axes.plot([row.spearman.low, row.spearman.high], [at, at], color=charts.FILL, lw=2)
        axes.plot(row.spearman.value, at, "o", color=charts.FILL)
    labels = [f"{label_of(row.attribute)}: {row.reading} (n = {row.n_names})" for row in rows]
    axes.set_yticks(range(len(rows)), [label.replace("$", r"\$") for label in labels])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-1.05, 1.05)
    axes.axvline(0, color=charts.FAINT, lw=1)
    axes.set_xlabel("Spearman and 95 % interval; grey: chance")
    return figure  # type: ignore[no-any-return]


@charts.chart
def calibration(row: AttributeAgreement, units: Mapping[str, str]) -> Figure:
    """Means of the images over means of the text, with intervals."""
    figure, (axes,) = charts.new_figure(width=5.5, height=3.2)
    x = np.array([part.text for part in row.calibration])
    y = np.array([part.images.value for part in row.calibration])
    ends = [
        (
            part.images.value if part.images.low is None else part.images.low,
            part.images.value if part.images.high is None else part.images.high,
        )
        for part in row.calibration
    ]
    spread = np.abs(np.array(ends).T - y)
    axes.errorbar(x, y, yerr=np.maximum(spread, 0), color=charts.FILL, marker="o", capsize=3)
    axes.set_xlabel(f"{label_of(row.attribute)} in text ({row.reading})")
    axes.set_ylabel(f"in images ({units.get(row.attribute, 'cosine distance')})")
    axes.grid(axis="y")
    return figure  # type: ignore[no-any-return]
