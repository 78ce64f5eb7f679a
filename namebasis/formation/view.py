"""From what `formation` found to what its page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array
from namebasis.formation.page import Band, CrossingPoint, FormationPage, Panel, PhaseRow
from namebasis.formation.phases import NOT_SHOWN, PHASES
from namebasis.report.palette import GREY, PALETTE

if TYPE_CHECKING:
    from namebasis.formation.results import Formation
    from namebasis.formation.trace_map import TraceMap

_INK = "#1d2330"
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
_CROSSED = (
    ("margin", "Own attributes are read before those of its parts"),
    ("leaves", "Leaves the first phase"),
    ("fine", "Becomes one person"),
)


def page_of(found: Formation, traces: Sequence[TraceMap] = ()) -> FormationPage:
    """Put the page's content together."""
    ticks, places, gap_ticks = _ticks(found)
    kinds = _kinds(found)
    colors = dict(zip(kinds, _colors(len(kinds)), strict=True))
    colors |= {kind: GREY for kind in kinds if kind in ("N", "pseudo")}
    alarms, caught = found.phases.false_alarms, found.phases.captured_alarms
    return FormationPage(
        title="How identities form",
        lead=f"{found.n_asked:,} names over {len(found.steps)} checkpoints, "
        f"{found.labels[0]} to {found.labels[-1]}",
        finding=_finding(found),
        caution=NOT_SHOWN,
        facts=[
            (f"{len(found.steps)}", "checkpoints"),
            (f"{found.n_asked:,}", "names"),
            (f"{alarms.n_made_up:,}", f"controls ({found.control_kind})"),
            (
                f"{alarms.share:.1%}",
                f"of controls ever leave phase 1 ({alarms.low:.1%} to {alarms.high:.1%})",
            ),
            (
                f"{caught.share:.1%}",
                f"of controls ever seem captured ({caught.low:.1%} to {caught.high:.1%})",
            ),
            (f"{len(found.gaps)}", "gaps"),
        ],
        ticks=ticks,
        gaps=[(gap.label, gap.reason) for gap in found.gaps],
        gap_ticks=gap_ticks,
        trajectories=_trajectories(found, kinds, colors, len(ticks), places),
        phase_names=PHASES,
        phases=_phase_rows(found, kinds, len(ticks), places),
        crossings=_crossings(found, colors),
        whole=_whole(found, len(ticks), places),
        similarity=_spread_matrix(found.cka, len(ticks), places),
        weights=_weights(found, len(ticks), places),
        traces=traces,
        notes=found.notes,
        footer=[(key, str(value)) for key, value in found.parameters.items()],
    )


def _colors(n: int) -> list[str]:
    return [PALETTE[at % len(PALETTE)] for at in range(n)]


def _ticks(found: Formation) -> tuple[list[str], list[int], list[int]]:
    """Steps of all checkpoints, which of them are there, and which are gaps."""
    missing = [gap.step for gap in found.gaps if gap.step is not None]
    steps = sorted({*found.steps, *missing})
    there = set(found.steps)
    return (
        [f"{step:,}" for step in steps],
        [at for at, step in enumerate(steps) if step in there],
        [at for at, step in enumerate(steps) if step not in there],
    )


def _kinds(found: Formation) -> list[str]:
    """Kinds in the order of the names, controls last; names without one are called names."""
    return list(dict.fromkeys(kind or "names" for kind in found.kinds))


def _rows_of(found: Formation, kind: str) -> npt.NDArray[np.bool_]:
    return np.array([(own or "names") == kind for own in found.kinds])


def _placed(values: npt.ArrayLike, n: int, places: Sequence[int]) -> list[float]:
    out = np.full(n, np.nan)
    out[list(places)] = values
    return [float(value) for value in out]


def _trajectories(
    found: Formation, kinds: Sequence[str], colors: dict[str, str], n: int, places: Sequence[int]
) -> list[Panel]:
    panels = []
    for key, title, told in _PANELS:
        rows = found.values[key]
        bands = []
        for kind in kinds:
            of = rows[_rows_of(found, kind)]
            if not np.isfinite(of).any():
                continue
            low, middle, high = _quartiles(of)
            bands.append(
                Band(
                    kind,
                    colors[kind],
                    _placed(middle, n, places),
                    _placed(low, n, places),
                    _placed(high, n, places),
                )
            )
        if key in found.phases.thresholds and bands:
            bar = found.phases.thresholds[key]
            bands.append(Band("threshold", _INK, _placed(bar, n, places), is_dashed=True))
        if bands:
            is_log = key in ("own_score", "coarse", "fine", "displacement_ratio")
            panels.append(Panel(title, told, bands, is_log))
    return panels


def _quartiles(rows: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Quartiles of each column over its finite values; NaN where there are none."""
    out = np.full((3, rows.shape[1]), np.nan)
    for at, column in enumerate(rows.T):
        known = column[np.isfinite(column)]
        if known.size:
            out[:, at] = np.quantile(known, [0.25, 0.5, 0.75])
    return out[0], out[1], out[2]


def _phase_rows(
    found: Formation, kinds: Sequence[str], n: int, places: Sequence[int]
) -> list[PhaseRow]:
    labels = found.phases.labels
    above = labels > 1
    leaves = np.where(above.any(axis=1), above.argmax(axis=1), labels.shape[1])
    place = {kind: at for at, kind in enumerate(kinds)}
    order = sorted(
        range(len(found.names)),
        key=lambda row: (place[found.kinds[row] or "names"], leaves[row], -int(labels[row].sum())),
    )
    rows = []
    for row in _thinned(order):
        phases, captured = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        phases[list(places)], captured[list(places)] = labels[row], found.phases.captured[row]
        kind = found.kinds[row] or "names"
        rows.append(PhaseRow(found.names[row], kind, phases.tolist(), captured.tolist()))
    return rows


def _thinned(order: list[int]) -> list[int]:
    if len(order) <= _MOST_ROWS:
        return order
    return [order[at] for at in np.linspace(0, len(order) - 1, _MOST_ROWS).round().astype(int)]


def _crossings(found: Formation, colors: dict[str, str]) -> list[tuple[str, list[CrossingPoint]]]:
    if found.exposures is None:
        return []
    place = {name: row for row, name in enumerate(found.names)}
    out = []
    for measure, title in _CROSSED:
        points = []
        for one in found.phases.crossings:
            seen = one.exposures
            if one.measure != measure or seen is None or seen.state != "crossed":
                continue
            row = place[one.name]
            kind = found.kinds[row] or "names"
            final = float(found.exposures[row, -1])
            points.append(
                CrossingPoint(
                    one.name, kind, colors[kind], final, seen.position, seen.low, seen.high
                )
            )
        if points:
            out.append((title, points))
    return out


def _whole(found: Formation, n: int, places: Sequence[int]) -> list[Panel]:
    states = found.sets
    if not np.isfinite([state.entropy for state in states]).any():
        return []
    color = PALETTE[0]

    def line(key: str, label: str, is_dashed: bool = False) -> Band:
        values = [getattr(state, key) for state in states]
        ink = _INK if is_dashed else color
        return Band(label, ink, _placed(values, n, places), is_dashed=is_dashed)

    return [
        Panel(
            "Diffusion spectral entropy",
            "Bits; the null is a Gaussian of the same covariance.",
            [line("entropy", "names"), line("null_entropy", "null", is_dashed=True)],
        ),
        Panel("Effective rank", "Of the centred embeddings.", [line("effective_rank", "names")]),
    ]


def _spread_matrix(cka: Float64Array, n: int, places: Sequence[int]) -> list[list[float]]:
    out = np.full((n, n), np.nan)
    out[np.ix_(places, places)] = cka
    return [[float(value) for value in row] for row in out]


def _weights(found: Formation, n: int, places: Sequence[int]) -> list[Panel]:
    blocks = sorted(
        {matrix.block for one in found.weights for matrix in one},
        key=lambda block: -1 if block is None else block,
    )
    if not blocks:
        return []
    colors = _colors(len(blocks))
    panels = []
    for key, title, told in (
        ("relative_change", "Change since the checkpoint before", "Over the length there."),
        ("effective_rank", "Effective rank", "Of the singular values."),
        ("exponent", "Spectral exponent", "Power law of the squared singular values' tail."),
    ):
        bands = []
        for block, color in zip(blocks, colors, strict=True):
            series = [
                _mean([getattr(m, key) for m in one if m.block == block]) for one in found.weights
            ]
            if np.isfinite(series).any():
                label = "embeddings, projection" if block is None else f"block {block}"
                bands.append(Band(label, color, _placed(series, n, places)))
        if bands:
            panels.append(Panel(title, told, bands))
    return panels


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def _finding(found: Formation) -> str:
    """What the labels at the last checkpoint say, in one sentence."""
    last = found.phases.labels[: found.n_asked, -1]
    known = last[last > 0]
    if not known.size:
        return "No name has two parts, so none has a phase."
    shares = [f"{np.sum(known == at):,} {PHASES[at]}" for at in range(1, len(PHASES))]
    told = f"At the last checkpoint: {', '.join(shares)}."
    if n_captured := int(found.phases.captured[: found.n_asked, -1].sum()):
        told += f" Of all these, one part has captured {n_captured:,}."
    crossed = [
        one.exposures.position
        for one in found.phases.crossings
        if one.measure == "leaves" and one.exposures and one.exposures.state == "crossed"
    ]
    if len(crossed) >= 3:
        low, middle, high = np.quantile(crossed, [0.25, 0.5, 0.75])
        told += (
            f" The own direction of {len(crossed):,} names rises above the controls' level: half "
            f"of them by {middle:,.0f} exposures (middle half {low:,.0f} to {high:,.0f})."
        )
    return told
