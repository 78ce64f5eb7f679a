"""Chosen names among all others: a map, and a grid with the names of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import IntArray
from namebasis.namespace.search.map_places import read_places
from namebasis.report import charts
from namebasis.studies.select.results import Map, Selection, knee
from namebasis.wording import percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_AROUND = 4000
"""Names that a map shows around the chosen ones."""
_LABELLED = 25
_IN_CELL = 4
"""Names that a cell of the grid shows."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A drawing that a result has, by the name that `draw_selection` knows it by."""

    kind: str
    caption: str


def lay_out(
    space: StoredSpace, view: str, ids: IntArray, chosen: IntArray, seed: int
) -> Map | None:
    """Places of chosen names and of a sample of the others.

    Those of the explorer's map where it was made, else the two directions in which the sample
    varies most. None where there are fewer than 3 names.

    Parameters
    ----------
    space : Space
    view : str
    ids : ndarray of shape (n_names,), int64
        All names of the view.
    chosen : ndarray of shape (n_chosen,), int64
    seed : int
        Of the sample.
    """
    if len(ids) < 3 or not len(chosen):
        return None
    around = np.setdiff1d(ids, chosen)
    if len(around) > _AROUND:
        around = np.sort(np.random.default_rng(seed).choice(around, _AROUND, replace=False))
    kept = read_places(space, view)
    if kept is not None:
        return Map("the explorer's map", kept[around], kept[chosen])
    rows = np.array(space.vectors(view, ids=np.concatenate([around, chosen])), dtype=np.float64)
    rows -= rows.mean(axis=0)
    values, axes = np.linalg.eigh(rows.T @ rows)
    if len(values) < 2 or values[-1] <= 0:
        return None
    axes = axes[:, :-3:-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # or a machine could mirror it
    places = (rows @ axes).astype(np.float32)
    share = float(values[-2:].sum() / values.sum())
    how = f"the two main directions of the names, with {percent(share)} of their variance"
    return Map(how, places[: len(around)], places[len(around) :])


def sheets(found: Selection) -> list[Sheet]:
    """The drawings that a result has."""
    drawn = []
    if found.map is not None:
        drawn.append(
            Sheet("map", f"The chosen names (blue) among {len(found.map.around):,} others, on "
                         f"{found.map.how}. The first {min(_LABELLED, len(found))} are named.")
        )  # fmt: skip
    if "reached" in found.values:
        drawn.append(Sheet("curve", "The objective by the number of names, and its knee."))
    elif len(found.cells) > 1:
        drawn.append(Sheet("grid", f"Each cell's names, the strongest first, at most {_IN_CELL}."))
    return drawn


@charts.chart
def draw_selection(found: Selection, kind: str | None = None) -> Any:
    """Draw a list of names.

    Parameters
    ----------
    found : Selection
    kind : {"map", "curve", "grid"}, optional
        ``"map"``: the chosen names among others. ``"curve"``: the objective of `cover` and `span`
        by the number of names. ``"grid"``: the names of each cell. By default the first that the
        result has.

    Raises
    ------
    ValueError
        If the result has no such drawing.
    """
    known = [sheet.kind for sheet in sheets(found)]
    if not known:
        raise ValueError("this list has nothing to draw: neither a map, a curve nor cells.")
    wanted = known[0] if kind is None else kind
    if wanted not in known:
        raise ValueError(f"kind must be one of {', '.join(known)} for this list; got {kind!r}.")
    return {"map": _map, "curve": _curve, "grid": _grid}[wanted](found)


def _map(found: Selection) -> Any:
    placed = found.map
    if placed is None:
        raise ValueError("this list has no map.")
    figure, (panel,) = charts.new_figure(1, width=7.0, height=6.0)
    panel.scatter(*placed.around.T, s=3, color=charts.FAINT, linewidths=0, alpha=0.6)
    panel.scatter(*placed.chosen.T, s=22, color=charts.FILL, linewidths=0)
    for at, (name, place) in enumerate(zip(found.names, placed.chosen, strict=True)):
        if at < _LABELLED and np.isfinite(place).all():
            panel.annotate(
                charts.drawable(name, str(at + 1)), place, xytext=(3, 3),
                textcoords="offset points", fontsize=7, color=charts.INK,
            )  # fmt: skip
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_title(f"{len(found):,} chosen names", loc="left")
    panel.set_xlabel(placed.how, fontsize=8)
    return figure


def _curve(found: Selection) -> Any:
    """The objective by the number of names, with its knee."""
    figure, (panel,) = charts.new_figure(1, width=7.0, height=4.5)
    curve = found.values["reached"]
    panel.plot(np.arange(1, len(curve) + 1), curve, color=charts.FILL)
    turn = knee(curve)
    if turn is not None:
        panel.axvline(turn, color=charts.WARM, linewidth=1)
        panel.set_title(f"the first {turn} names bring most")
    panel.set_xlabel("names")
    panel.set_ylabel("reached")
    return figure


def _grid(found: Selection) -> Any:
    """Names in their cells: the levels of the first axis beside each other, the others below."""
    levels = [cell.group.split(" / ") for cell in found.cells]
    columns = list(dict.fromkeys(one[0] for one in levels)) if len(levels[0]) > 1 else [""]
    rows = list(dict.fromkeys(" / ".join(one[1:] if len(one) > 1 else one) for one in levels))
    figure, (panel,) = charts.new_figure(
        1, width=2.0 + 1.6 * len(columns), height=1.0 + 0.62 * len(rows)
    )
    most = max(cell.n_chosen for cell in found.cells) or 1
    for cell, one in zip(found.cells, levels, strict=True):
        x = columns.index(one[0]) if len(one) > 1 else 0
        y = rows.index(" / ".join(one[1:] if len(one) > 1 else one))
        panel.fill_between(
            [x - 0.5, x + 0.5], y - 0.5, y + 0.5, color=charts.FILL,
            alpha=0.35 * cell.n_chosen / most, linewidth=0,
        )  # fmt: skip
        shown = [charts.drawable(name, "…") for name in cell.names[:_IN_CELL]]
        more = cell.n_chosen - len(shown)
        told = "\n".join([*_paired(shown), *([f"and {more} more"] if more > 0 else [])])
        panel.text(
            x, y, told or ("–" if cell.n_could else "no name"), ha="center", va="center",
            fontsize=5.5, color=charts.INK if told else charts.SOFT,
        )  # fmt: skip
    panel.set_xlim(-0.5, len(columns) - 0.5)
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xticks(range(len(columns)), [charts.drawable(one, "level") for one in columns])
    panel.set_yticks(range(len(rows)), [charts.drawable(one, "cell") for one in rows], fontsize=7)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    return figure


def _paired(names: list[str]) -> list[str]:
    """Two names a line."""
    return [", ".join(names[at : at + 2]) for at in range(0, len(names), 2)]
