"""Figures of formations and traces, in matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.formation.pictures.measures import PICTURE_MEASURES
from namebasis.formation.trajectories import MEASURES
from namebasis.report import charts
from namebasis.report.palette import PALETTE
from namebasis.wording import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from namebasis.formation.results import Formation
    from namebasis.formation.trace_results import MeanTrace, Trace, Tracing

_N_NAMES = 5


@charts.chart
def draw(
    found: Formation, names: Sequence[str] | None = None, *, measure: str = "own_score"
) -> Figure:
    """Trajectories of a few names, beside the entropy of the whole set where it was measured.

    Parameters
    ----------
    found : Formation
    names : sequence of str, optional
        At most 8 that the formation holds; by default the five whose measure rises most.
    measure : str
        One of `trajectories.MEASURES`.

    Raises
    ------
    ValueError
        If the measure or a name is not known, or there are more than 8 names.
    """
    known = [key for key in found.values if key in (*MEASURES, *PICTURE_MEASURES)]
    if measure not in known:
        raise ValueError(f"measure must be one of {', '.join(known)}; got {measure!r}.")
    chosen = _rows_of(found, names, measure)
    panels = 2 if found.sets else 1  # a packaged or watched training has none
    figure, axes_of = charts.new_figure(panels, width=5.0 * panels, height=3.6)
    left = axes_of[0]
    places = np.arange(len(found.steps))
    for row, color in zip(chosen, PALETTE, strict=False):
        label = charts.drawable(visible(found.names[row]), f"name {row + 1}")
        left.plot(places, found.values[measure][row], color=color, marker="o", ms=3, label=label)
    if measure in found.phases.thresholds:
        left.plot(
            places, found.phases.thresholds[measure], color=charts.INK, ls="--", lw=1,
            label="threshold",
        )  # fmt: skip
    left.set_title(measure)
    left.legend()
    if found.sets:
        right = axes_of[1]
        right.plot(places, [state.entropy for state in found.sets], color=charts.FILL, marker="o",
                   ms=3, label="names")  # fmt: skip
        right.plot(places, [state.null_entropy for state in found.sets], color=charts.INK, ls="--",
                   lw=1, label="null")  # fmt: skip
        right.set_title("entropy of the set, in bits")
        right.legend()
    for axes in axes_of:
        axes.set_xlabel("checkpoint")
        axes.grid(axis="y")
        _name_steps(axes, found.steps)
    return figure  # type: ignore[no-any-return]


@charts.chart
def draw_traces(found: Tracing) -> Figure:
    """The maps, of several names their mean, of the first, middle and last checkpoint."""
    mapped: Sequence[Trace | MeanTrace] = found.traces
    if len(found.names) > 1:
        mapped = [one for one in found.means if not one.is_null]
    picked = sorted({0, len(mapped) // 2, len(mapped) - 1})
    return _maps([mapped[at] for at in picked])


@charts.chart
def draw_trace(found: Trace) -> Figure:
    """A token × layer map."""
    return _maps([found])


def _rows_of(found: Formation, names: Sequence[str] | None, measure: str) -> list[int]:
    if names is None:
        series = found.values[measure][: found.n_asked]
        risen = np.nan_to_num(series[:, -1] - series[:, 0], nan=-np.inf)
        return [int(row) for row in np.argsort(-risen, kind="stable")[:_N_NAMES]]
    if isinstance(names, str):
        names = [names]
    if not 0 < len(names) <= len(PALETTE):
        raise ValueError(f"names must be 1 to {len(PALETTE)}; got {len(names)}.")
    absent = [name for name in names if name not in found.names]
    if absent:
        raise ValueError(f"{absent[0]!r} is not among the {len(found.names)} names measured.")
    return [found.names.index(name) for name in names]


def _name_steps(axes: Any, steps: Sequence[int]) -> None:
    stride = max(1, -(-len(steps) // 8))
    shown = range(0, len(steps), stride)
    axes.set_xticks(list(shown), [f"{steps[at]:,}" for at in shown])


def _maps(traces: Sequence[Trace | MeanTrace]) -> Figure:
    height = 1.2 + 0.3 * max(len(one.tokens) for one in traces)
    width = sum(1.6 + 0.35 * len(one.layers) for one in traces)
    figure, every = charts.new_figure(len(traces), width=max(width, 4.0), height=height)
    for one, axes in zip(traces, every, strict=True):
        image = axes.imshow(one.recovered, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(one.layers)), one.layer_labels)
        tokens = [charts.drawable(visible(t), f"token {at + 1}") for at, t in enumerate(one.pieces)]
        axes.set_yticks(range(len(tokens)), tokens)
        axes.set_title(one.label)
        axes.set_xlabel("layer")
    figure.colorbar(image, ax=every, label="share restored")
    return figure  # type: ignore[no-any-return]
