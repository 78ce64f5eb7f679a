"""Figures of what pictures hold rigid: names in the plane of person and context, or one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namebasis.report import charts
from namebasis.validation.rigidity.results import MADE_UP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from namebasis.validation.rigidity.results import NamePictures, PictureRigidity

_MOST, _NAMED = 40, 12


@charts.chart
def draw(found: PictureRigidity) -> Figure:
    """Names in the plane of person and context, or without contexts how rigid each is.

    Raises
    ------
    ValueError
        If nothing could be compared with a prior.
    """
    if found.has_plane:
        return plane(found)  # type: ignore[no-any-return]
    rows = [row for row in found.asked if row.percentile is not None]
    if not rows:
        raise ValueError("nothing can be drawn: there is no prior to compare with. See .tables().")
    rows = sorted(rows, key=lambda row: -row.rigidity.value)[:_MOST]
    figure, (axes,) = charts.new_figure(width=7.0, height=1.2 + 0.28 * len(rows))
    for at, row in enumerate(rows):
        if row.rigidity.low is not None and row.rigidity.high is not None:
            axes.plot([row.rigidity.low, row.rigidity.high], [at, at], color=charts.FILL, lw=2)
        axes.plot(row.rigidity.value, at, "o", color=charts.FILL)
    axes.set_yticks(range(len(rows)), [row.name.replace("$", r"\$") for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(0, color=charts.FAINT, lw=1)
    axes.set_xlabel("rigidity of pictures and 95 % interval; 0: as names that nobody bears")
    return figure  # type: ignore[no-any-return]


@charts.chart
def plane(found: PictureRigidity) -> Figure:
    """The same person in every context (upwards) against the context is there (to the right)."""
    figure, (axes,) = charts.new_figure(width=6.2, height=4.6)
    groups: dict[str, list[NamePictures]] = {}
    for row in found.names:
        if row.contexts is not None:
            nobody = "made up" if row.role == MADE_UP else row.contexts.kind or "not told"
            groups.setdefault(nobody, []).append(row)
    marks = {"flexible": "o", "rigid": "s", "unknown": "^", "made up": "x", "not told": "."}
    for kind, mark in marks.items():
        rows = groups.get(kind, [])
        if not rows:
            continue
        is_quiet = kind in ("made up", "not told")
        axes.plot(
            [row.contexts.context_there.value for row in rows if row.contexts],
            [row.contexts.same_person.value for row in rows if row.contexts],
            mark, color=charts.FAINT if is_quiet else charts.FILL, label=kind, markersize=6,
            fillstyle="full" if kind in ("flexible", "made up") else "none",
        )  # fmt: skip
        for row in [] if is_quiet or len(found.asked) > _NAMED else rows:
            if row.contexts is not None:
                place = row.contexts.context_there.value, row.contexts.same_person.value
                axes.annotate(
                    row.name.replace("$", r"\$"), place, xytext=(5, 4),
                    textcoords="offset points",
                )  # fmt: skip
    axes.axhline(0, color=charts.LINE, lw=1, zorder=0)
    axes.axvline(1, color=charts.LINE, lw=1, zorder=0)
    axes.set_xlabel("the context is there (1: as for names that nobody bears)")
    axes.set_ylabel("the same person in every context")
    axes.legend(loc="best", frameon=False)
    return figure  # type: ignore[no-any-return]
