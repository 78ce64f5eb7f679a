"""How identities form, as one page: trajectories, phases, crossings, the set, weights, tracing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from namebasis.formation.trace_map import TraceMap, trace_section
from namebasis.report.page import definitions, page, table, text, tiles

PHASE_COLORS = ("#ffffff", "#dfe4ec", "#f2c14e", "#2f8f6b", "#7b3fa0")
"""Of the phases 0 to 4."""
CAPTURED_COLOR = "#1d2330"
"""Of the bar in the cells of names that one part has captured."""


@dataclass(frozen=True)
class Band:
    """One line of a panel with what lies around it; values along the page's ticks, NaN at gaps."""

    label: str
    color: str
    middle: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    is_dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One figure of curves over checkpoints."""

    title: str
    help: str
    bands: Sequence[Band]
    is_log: bool = False


@dataclass(frozen=True)
class PhaseRow:
    """A name's phases along the ticks, 0 where unknown or missing, and where it is captured."""

    name: str
    kind: str
    phases: Sequence[int]
    captured: Sequence[bool]


@dataclass(frozen=True)
class CrossingPoint:
    """One name: exposures at the end of training and at its crossing, with the interval."""

    name: str
    kind: str
    color: str
    final: float
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class FormationPage:
    """All that the page shows, in plain values.

    Attributes
    ----------
    ticks : sequence of str
        Checkpoints in order, those that are missing included.
    gaps : sequence of (label, reason)
    gap_ticks : sequence of int
        Places of the missing ones among the ticks.
    crossings : mapping-like sequence of (title, points)
    """

    title: str
    lead: str
    finding: str
    caution: str
    facts: Sequence[tuple[str, str]]
    ticks: Sequence[str]
    gaps: Sequence[tuple[str, str]]
    gap_ticks: Sequence[int]
    trajectories: Sequence[Panel]
    phase_names: Sequence[str]
    phases: Sequence[PhaseRow]
    crossings: Sequence[tuple[str, Sequence[CrossingPoint]]]
    whole: Sequence[Panel]
    similarity: Sequence[Sequence[float]]
    weights: Sequence[Panel]
    traces: Sequence[TraceMap] = ()
    notes: Sequence[str] = ()
    footer: Sequence[tuple[str, object]] = field(default_factory=tuple)


def render(content: FormationPage) -> str:
    """Draw the page; it opens from disk and asks no host for anything."""
    from bokeh.embed import components
    from bokeh.resources import Resources

    from namebasis.formation import figures

    drawn = {}
    for part in ("trajectories", "whole", "weights"):
        for at, panel in enumerate(getattr(content, part)):
            drawn[f"{part}{at}"] = figures.curves(panel, content.ticks, content.gap_ticks)
    if content.phases:
        drawn["phases"] = figures.phase_map(
            content.phases, content.ticks, content.phase_names, PHASE_COLORS, CAPTURED_COLOR
        )
    for at, (_, points) in enumerate(content.crossings):
        drawn[f"crossings{at}"] = figures.crossing_map(points)
    if len(content.similarity) > 1:
        drawn["similarity"] = figures.similarity_map(content.similarity, content.ticks)
    script, holders = components(drawn)
    library = Resources(mode="inline", components=["bokeh"], log_level="warn")
    body = (
        f"<main><h1>{text(content.title)}</h1>"
        f'<p class="lead">{text(content.lead)}</p>{tiles(content.facts)}'
        f'<p class="finding">{text(content.finding)}</p>'
        f'<p class="soft">{text(content.caution)}</p>'
        + _gaps(content.gaps)
        + _panels("Trajectories by kind", _TRAJECTORIES, content.trajectories, holders,
                  "trajectories")
        + _phases(content, holders)
        + _crossings(content, holders)
        + _panels("The whole set", _WHOLE, content.whole, holders, "whole", _similarity(holders))
        + _panels("In weight space", _WEIGHTS, content.weights, holders, "weights")
        + trace_section(content.traces)
        + _notes(content.notes)
        + f"<footer>{definitions(content.footer)}</footer></main>"
    )  # fmt: skip
    return page(content.title, body, head=library.render() + _STYLE, scripts=script)


_TRAJECTORIES = (
    "Median of the names of each kind; the band holds the middle half. Dashed: the level that "
    "hardly any control exceeds. Checkpoints stand at equal distances, whatever lies between them; "
    "lines pass over those that are missing."
)
_WHOLE = "Without the controls. Dashed: the null."
_WEIGHTS = (
    "Mean over the matrices of each block of the text tower. Block 0 is the first, layer 1 of "
    "tracing maps."
)
_STYLE = """<style>
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 16px;
  margin-top: 12px; }
.panels .card, .wide { padding: 12px 14px 8px; }
.panels h3, .wide h3 { font-size: 14.5px; margin: 0; font-weight: 650; }
.panels .card p { font-size: 12.5px; margin: 0 0 4px; color: var(--soft); min-height: 2.9em; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 8px 0; font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px;
  vertical-align: -1px; border: 1px solid #0001; }
footer { margin-top: 28px; }
@media print { .panels { grid-template-columns: 1fr 1fr; } }
</style>"""


def _panels(
    title: str,
    lead: str,
    panels: Sequence[Panel],
    holders: dict[str, str],
    part: str,
    extra: str = "",
) -> str:
    if not panels:
        return ""
    cards = "".join(
        f'<div class="card"><h3>{text(panel.title)}</h3><p>{text(panel.help)}</p>'
        f"{holders[f'{part}{at}']}</div>"
        for at, panel in enumerate(panels)
    )
    legend = _legend([(band.label, band.color) for band in panels[0].bands if not band.is_dashed])
    return (
        f'<h2>{text(title)}</h2><p class="soft">{text(lead)}</p>{legend}'
        f'<div class="panels">{cards}{extra}</div>'
    )


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    spans = "".join(
        f'<span><i style="background:{text(color)}"></i>{text(label)}</span>'
        for label, color in entries
    )
    return f'<div class="legend">{spans}</div>' if len(entries) > 1 else ""


def _phases(content: FormationPage, holders: dict[str, str]) -> str:
    if "phases" not in holders:
        return ""
    has_captured = any(any(row.captured) for row in content.phases)
    legend = _legend(
        [
            (f"{at} {name}" if at else f"{name} or missing", PHASE_COLORS[at])
            for at, name in enumerate(content.phase_names)
        ]
        + ([("captured by one of its parts (bar)", CAPTURED_COLOR)] if has_captured else [])
    )
    return (
        f'<h2>Phases of {len(content.phases):,} names</h2><p class="soft">A row per name, ordered '
        "by kind and by when it leaves the first phase; a column per checkpoint.</p>"
        f'{legend}<div class="card wide">{holders["phases"]}</div>'
    )


def _crossings(content: FormationPage, holders: dict[str, str]) -> str:
    cards = "".join(
        f'<div class="card"><h3>{text(title)}</h3><p>{len(points):,} names that cross</p>'
        f"{holders[f'crossings{at}']}</div>"
        for at, (title, points) in enumerate(content.crossings)
    )
    if not cards:
        return ""
    kinds = {point.kind: point.color for _, points in content.crossings for point in points}
    return (
        '<h2>Crossing against exposures</h2><p class="soft">How often a name had been seen when it '
        "crossed, against how often it is seen in all; kinds stand side by side. Bars: 95 % "
        "bootstrap interval; an open end runs to the edge. A crossing is read from a fitted rise, "
        "a phase from most of five checkpoints, so that one may be there without the other.</p>"
        f'{_legend(list(kinds.items()))}<div class="panels">{cards}</div>'
    )


def _similarity(holders: dict[str, str]) -> str:
    if "similarity" not in holders:
        return ""
    return (
        '<div class="card"><h3>Likeness of checkpoints</h3><p>Debiased linear CKA of the names’ '
        f"embeddings: 1 is the same up to a rotation.</p>{holders['similarity']}</div>"
    )


def _gaps(gaps: Sequence[tuple[str, str]]) -> str:
    if not gaps:
        return ""
    labels: dict[str, list[str]] = {}
    for label, why in gaps:
        labels.setdefault(why, []).append(label)
    rows = [
        f"<tr><td>{text(', '.join(some))}</td><td>{text(why)}</td></tr>"
        for why, some in labels.items()
    ]
    return (
        f"<h2>Gaps</h2><p class='soft'>{len(gaps)} checkpoint(s) could not be used; they are "
        f'shaded below.</p><div class="card scroll">{table(("checkpoint", "reason"), rows)}</div>'
    )


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<h2>Notes</h2><ul class="notes">{items}</ul>' if notes else ""
