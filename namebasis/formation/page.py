"""How identities form, as one page: trajectories, phases, crossings, the set, weights, tracing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis._version import __version__
from namebasis.checks import Float64Array
from namebasis.formation.evidences.figures import (
    COLORS,
    MARKS,
    evidence_data,
    evidence_figure,
    example,
    mark_crossings,
)
from namebasis.formation.evidences.figures import (
    MEANINGS as EVIDENCE_MEANINGS,
)
from namebasis.formation.evidences.series import Evidence, evidences_of
from namebasis.formation.figures import (
    INK,
    PHASE_COLORS,
    Axis,
    Curves,
    crossing_map,
    phase_map,
    similarity_map,
)
from namebasis.formation.phases import NOT_SHOWN, PHASES
from namebasis.organism.cohorts import MEANINGS
from namebasis.report.packed import packed
from namebasis.report.page import embedded_json, render
from namebasis.report.palette import GREY, ON_DARK, PALETTE, inks, sequential
from namebasis.wording import percent, visible

if TYPE_CHECKING:
    from namebasis.formation.checkpoints import Gap
    from namebasis.formation.crossings import NameCrossing
    from namebasis.formation.results import Formation
    from namebasis.formation.trace_results import MeanTrace, Trace, Tracing

_MOST_ROWS = 1_200  # names in the phase diagram
_PANELS = (
    ("own_score", "Own direction", "What is left beyond the parts, over the noise of any pairing."),
    (
        "coarse",
        "… along attributes",
        "Its length within what age, gender, hair and the like span, over the noise there.",
    ),
    (
        "fine",
        "… beyond attributes",
        "Its length off that span, over the noise there: what makes it one person.",
    ),
    ("margin", "Own before prior attributes", "Cosine to its own caption less that to its parts'."),
    ("parts_reading", "Attributes as the parts predict", "1: read as its parts; −1: the opposite."),
    ("hold", "Hold of one part", "How much it stays what it is when one part has other partners."),
    ("capture", "Part capture", "How far a part alone already means the whole, in deviations."),
    ("leakage", "Leakage", "The most a bare name lies towards a context, in deviations."),
    ("displacement_ratio", "Uneven contexts", "Largest over smallest displacement by a context."),
    ("own_residual", "Own residual", "Length that the other names do not add up to."),
)
_PICTURE_PANELS = (
    (
        "seen_own",
        "Own direction towards the pictures",
        "How far what is left beyond the parts points at the person in the name's pictures.",
    ),
    (
        "seen_margin",
        "Recognised where seen",
        "Cosine of its pictures, in contexts it was seen in, less that of the best other name.",
    ),
    (
        "elsewhere_margin",
        "Recognised elsewhere",
        "The same for pictures in contexts that the name was not seen in.",
    ),
    (
        "picture_margin",
        "Own before prior pictures",
        "Cosine to pictures of its person less that to people as its parts suggest.",
    ),
)
_UNITS = {
    "seen_own": "length", "seen_margin": "cosine", "elsewhere_margin": "cosine",
    "picture_margin": "cosine",
    "own_score": "times the noise", "coarse": "times the noise", "fine": "times the noise",
    "margin": "cosine", "parts_reading": "cosine", "hold": "cosine", "capture": "deviations",
    "leakage": "deviations", "displacement_ratio": "ratio", "own_residual": "length",
}  # fmt: skip
_FEW = 3
"""Kinds of which the bands can still be told apart."""
_LOG = ("own_score", "coarse", "fine", "displacement_ratio")
_CROSSED = (
    ("margin", "Own attributes are read before those of its parts"),
    ("leaves", "Leaves the first phase"),
    ("fine", "Becomes one person"),
    ("points", "Its own direction points at the person in its pictures"),
    ("seen", "Its pictures are nearest to it, in contexts it was seen in"),
    ("elsewhere", "Its pictures are nearest to it, in other contexts"),
    ("pictures", "Pictures of its person are nearer than those its parts suggest"),
)
_WEIGHTS = (
    ("relative_change", "Change since the checkpoint before", "Over the length there."),
    ("effective_rank", "Effective rank", "Of the singular values."),
    ("exponent", "Spectral exponent", "Power law of the squared singular values' tail."),
)


@dataclass(frozen=True)
class _Card:
    """A figure with a title and what helps to read it."""

    title: str
    help: str
    figure: Any
    legend: Sequence[tuple[str, str]] = ()
    is_log: bool = False


def html_of(found: Formation, *, traces: Sequence[Trace] = ()) -> str:
    """The page of a formation; it opens from disk and asks no host for anything.

    Parameters
    ----------
    found : Formation
    traces : sequence of Trace
        As `trace` returns them; their maps are added.
    """
    from bokeh.document import Document
    from bokeh.embed import components
    from bokeh.resources import Resources
    from markupsafe import Markup

    axis = Axis(found.steps, [gap.step for gap in found.gaps if gap.step is not None])
    colors = _colors_of_kinds(found)
    order = _thinned(_order(found, list(colors)))
    cards: dict[str, list[_Card]] = {
        "trajectories": _trajectories(found, axis, colors),
        "crossings": _crossings(found, colors),
        "whole": _whole(found, axis),
        "weights": _weights(found, axis),
    }
    if len(found.cka) > 1 and cards["whole"]:
        told = "Debiased linear CKA of the names’ embeddings: 1 is the same up to a rotation."
        cards["whole"].append(
            _Card("Likeness of checkpoints", told, similarity_map(found.cka, axis))
        )
    blocks = len(cards["weights"][0].legend) if cards["weights"] else 0
    on_dark = ON_DARK | dict(zip(sequential(blocks), sequential(blocks, on_dark=True), strict=True))
    # Letters have the hue of their line on either ground.
    grounds = [(GREY, GREY), *on_dark.items()]
    letters = {color: [inks(color)[0], inks(dark)[1]] for color, dark in grounds}
    drawn = {f"{part}{at}": card.figure for part in cards for at, card in enumerate(cards[part])}
    evidences = evidences_of(found)
    drawn["phases"] = phase_map(found, axis, order)
    shown = [found.names[row] for row in order]
    mark_crossings(drawn["phases"], evidences, axis, shown, found.steps)
    if evidences:
        drawn["evidence"] = evidence_figure(evidences, axis)
    document = Document()
    with document.models.freeze():  # parts of the figures are gathered once, not once a figure
        for figure in drawn.values():
            document.add_root(figure)
    script, holders = components(drawn)
    library = Resources(mode="inline", components=["bokeh"], log_level="warn")
    return render(
        "formation",
        found=found,
        facts=_facts(found),
        caution=NOT_SHOWN,
        gaps=_by_reason(found.gaps),
        cards=cards,
        kinds_crossed=_kinds_crossed(found, colors),
        n_rows=len(order),
        phase_legend=_phase_legend(found),
        evidences=[(one.key, COLORS[one.key], EVIDENCE_MEANINGS[one.key]) for one in evidences],
        marks=[(one.key, COLORS[one.key], MARKS[one.key]) for one in evidences if one.key in MARKS],
        meanings=MEANINGS,
        colors=colors,
        few_kinds=_FEW,
        data=Markup(
            embedded_json(
                "data",
                _by_name(found, axis, order)
                | _told_evidences(found, evidences, axis)
                | {"dark": on_dark, "inks": letters},
            )
        ),
        on_dark=on_dark,
        traces=traces,
        # What the library wrote into them by itself is made visible.
        library=Markup(visible(library.render(), keep="\n\t\r")),
        holders={key: Markup(visible(holder, keep="\n\t\r")) for key, holder in holders.items()},
        script=Markup(script),
    )


def html_of_traces(found: Tracing) -> str:
    """A page of the maps of one name alone."""
    return _page_of_traces([*found.means, *found.traces], found.headline())


def html_of_trace(found: Trace | MeanTrace) -> str:
    """A page of one map."""
    return _page_of_traces([found], found.headline())


def _page_of_traces(traces: Sequence[Trace | MeanTrace], headline: str | None) -> str:
    first = traces[-1]
    labels = list(dict.fromkeys(one.label for one in traces))
    names = list(dict.fromkeys(one.name for one in traces))
    provenance = [
        ("names", ", ".join(names)),
        ("template", first.template),
        ("state put back", first.kind),
        ("compared by", "whole embedding" if first.target == "pooled" else "own direction"),
        ("checkpoints", ", ".join(labels)),
        ("noise", f"standard deviation {first.noise:.3g}, {first.n_samples} samples"),
        ("made by", f"namebasis {__version__}"),
    ]
    return render(
        "tracing", first=first, traces=traces, names=names, labels=labels, headline=headline,
        provenance=provenance,
    )  # fmt: skip


def _facts(found: Formation) -> list[tuple[str, ...]]:
    alarms, caught = found.phases.false_alarms, found.phases.captured_alarms
    return [
        (f"{len(found.steps)}", "checkpoints", "checkpoint"),
        (f"{found.n_asked:,}", "names"),
        (f"{alarms.n_made_up:,}", f"controls ({found.control_kind})", "made-up names"),
        (
            percent(alarms.share, 1),
            f"of controls ever leave phase 1 ({percent(alarms.low, 1)} to "
            f"{percent(alarms.high, 1)})",
            "phases",
        ),
        (
            percent(caught.share, 1),
            f"of controls ever seem captured ({percent(caught.low, 1)} to "
            f"{percent(caught.high, 1)})",
            "captured",
        ),
        *([(f"{len(found.gaps)}", "checkpoints that could not be used")] if found.gaps else []),
    ]


def _by_reason(gaps: Sequence[Gap]) -> list[tuple[list[str], str]]:
    labels: dict[str, list[str]] = {}
    for gap in gaps:
        labels.setdefault(gap.reason, []).append(gap.label)
    return [(some, reason) for reason, some in labels.items()]


def _colors_of_kinds(found: Formation) -> dict[str, str]:
    """Kinds in the order of the names, controls last and in grey."""
    kinds = dict.fromkeys(found.shown_kinds)
    colors = dict(zip(kinds, _colors(len(kinds)), strict=True))
    return {kind: GREY if kind in ("N", "pseudo") else color for kind, color in colors.items()}


def _colors(n: int) -> list[str]:
    return [PALETTE[at % len(PALETTE)] for at in range(n)]


def _trajectories(found: Formation, axis: Axis, colors: dict[str, str]) -> list[_Card]:
    kinds = np.array(found.shown_kinds)
    cards = []
    for key, title, told in _panels(found):
        plot = Curves(axis, is_log=key in _LOG, unit=_UNITS.get(key, ""), key=key)
        for at, (kind, color) in enumerate(colors.items()):
            rows = found.values[key][kinds == kind]
            if np.isfinite(rows).any():
                low, middle, high = _quartiles(rows)
                plot.band(kind, color, low, high, is_shown=len(colors) <= _FEW)
                # Where hues come again, the dashes tell them apart.
                plot.line(kind, color, middle, dash="solid" if at < len(PALETTE) else "dotdash")
        if not plot.legend:
            continue
        if key in found.phases.thresholds:
            plot.line("threshold", INK, found.phases.thresholds[key], is_dashed=True)
        cards.append(_Card(title, told, plot.finished(), plot.legend))
    return cards


def _panels(found: Formation) -> list[tuple[str, str, str]]:
    """What is drawn, that of pictures where there are any."""
    return [*_PANELS, *(one for one in _PICTURE_PANELS if one[0] in found.values)]


def _quartiles(rows: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Quartiles of each column over its finite values; NaN where there are none."""
    out = np.full((3, rows.shape[1]), np.nan)
    for at, column in enumerate(rows.T):
        known = column[np.isfinite(column)]
        if known.size:
            out[:, at] = np.quantile(known, [0.25, 0.5, 0.75])
    return out[0], out[1], out[2]


def _by_name(found: Formation, axis: Axis, order: Sequence[int]) -> dict[str, object]:
    """The trajectories of every name, for the page's search."""
    rows = {row: at for at, row in enumerate(order)}
    return {
        "names": list(found.names),
        "kinds": list(found.shown_kinds),
        "places": axis.places,
        "rows": [rows.get(row, -1) for row in range(len(found.names))],
        "phases": [PHASES[phase] for phase in found.phases.labels[:, -1]],
        "n_ticks": len(axis.ticks),
        "measures": {key: packed(found.values[key], "f4") for key, *_ in _panels(found)},
    }


def _told_evidences(
    found: Formation, evidences: Sequence[Evidence], axis: Axis
) -> dict[str, object]:
    """Evidences of every name, and the one that is shown until another is looked up."""
    asked = found.names[: found.n_asked]
    return {
        "evidences": evidence_data(evidences, axis, found.names, found.steps),
        "example": example(evidences, asked) if evidences and asked else "",
        "ticks": [axis.ticks[at] for at in axis.places],
    }


def _order(found: Formation, kinds: Sequence[str]) -> list[int]:
    """Rows by kind, and by when they leave the first phase."""
    labels = found.phases.labels
    above = labels > 1
    leaves = np.where(above.any(axis=1), above.argmax(axis=1), labels.shape[1])
    place = {kind: at for at, kind in enumerate(kinds)}
    return sorted(
        range(len(found.names)),
        key=lambda row: (place[found.shown_kinds[row]], leaves[row], -int(labels[row].sum())),
    )


def _thinned(order: list[int]) -> list[int]:
    if len(order) <= _MOST_ROWS:
        return order
    return [order[at] for at in np.linspace(0, len(order) - 1, _MOST_ROWS).round().astype(int)]


def _phase_legend(found: Formation) -> list[tuple[str, str]]:
    phases = [
        # The first two are ground colours, which the page has in a light and a dark form.
        (
            f"{at} {name}" if at else f"{name} or missing",
            PHASE_COLORS[at] if at > 1 else f"var(--phase-{at})",
        )
        for at, name in enumerate(PHASES)
    ]
    if found.phases.captured.any():
        phases.append(("captured by one of its parts (bar)", "var(--ink)"))
    return phases


def _crossed(found: Formation, measure: str) -> list[NameCrossing]:
    """Names whose measure crosses, where their exposures are known."""
    return [
        one
        for one in found.phases.crossings
        if one.measure == measure and one.exposures and one.exposures.state == "crossed"
    ]


def _crossings(found: Formation, colors: dict[str, str]) -> list[_Card]:
    if found.exposures is None:
        return []
    cards = []
    for measure, title in _CROSSED:
        crossed = _crossed(found, measure)
        if crossed:
            told = (
                "1 name that crosses" if len(crossed) == 1 else f"{len(crossed):,} names that cross"
            )
            cards.append(_Card(title, told, crossing_map(found, crossed, colors)))
    return cards


def _kinds_crossed(found: Formation, colors: dict[str, str]) -> list[tuple[str, str]]:
    kind_of = dict(zip(found.names, found.shown_kinds, strict=True))
    kinds = dict.fromkeys(
        kind_of[one.name] for measure, _ in _CROSSED for one in _crossed(found, measure)
    )
    return [(kind, colors[kind]) for kind in kinds]


def _whole(found: Formation, axis: Axis) -> list[_Card]:
    entropies = [state.entropy for state in found.sets]
    if not np.isfinite(entropies).any():
        return []
    entropy, rank = Curves(axis), Curves(axis)
    entropy.line("names", PALETTE[0], entropies)
    entropy.line("null", INK, [state.null_entropy for state in found.sets], is_dashed=True)
    rank.line("names", PALETTE[0], [state.effective_rank for state in found.sets])
    told = "Bits; the null is a Gaussian of the same covariance."
    return [
        _Card("Diffusion spectral entropy", told, entropy.finished(), entropy.legend),
        _Card("Effective rank", "Of the centred embeddings.", rank.finished(), rank.legend),
    ]


def _weights(found: Formation, axis: Axis) -> list[_Card]:
    blocks = sorted(
        {matrix.block for one in found.weights for matrix in one},
        key=lambda block: -1 if block is None else block,
    )
    cards = []
    for key, title, told in _WEIGHTS:
        plot = Curves(axis)
        for block, color in zip(blocks, sequential(len(blocks)), strict=True):
            series = [
                _mean([getattr(m, key) for m in one if m.block == block]) for one in found.weights
            ]
            if np.isfinite(series).any():
                label = "other" if block is None else f"block {block}"
                plot.line(label, color, series)
        if plot.legend:
            cards.append(_Card(title, told, plot.finished(), plot.legend))
    return cards


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")
