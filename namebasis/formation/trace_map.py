"""Maps of causal tracing: token × layer, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from namebasis.report.page import page, text

_CELL, _HIGH, _LEFT, _TOP = 26, 22, 150, 30
_STYLE = """<style>
.maps { display: flex; flex-wrap: wrap; gap: 16px; margin-top: 12px; }
.maps .card { padding: 12px 14px; max-width: 420px; }
.maps p { font-size: 12.5px; margin: 6px 0 0; }
.maps h3 { font-size: 14.5px; margin: 0 0 6px; font-weight: 650; }
.maps svg { display: block; max-width: 100%; }
.maps text { font: 12px "Inter", "Segoe UI", "Noto Sans", sans-serif; fill: #5b6475; }
</style>"""


@dataclass(frozen=True)
class TraceMap:
    """What comes back when one hidden state is restored.

    Attributes
    ----------
    title : str
    tokens : sequence of str
        Rows.
    layers : sequence of str
        Columns.
    values : sequence of sequences of float
        Share that comes back, 0 none to 1 all; below or above only by interference.
    note : str
    """

    title: str
    tokens: Sequence[str]
    layers: Sequence[str]
    values: Sequence[Sequence[float]]
    note: str = ""


def trace_section(maps: Sequence[TraceMap]) -> str:
    """The maps under one heading; nothing without maps."""
    if not maps:
        return ""
    cards = "".join(
        f'<div class="card"><h3>{text(one.title)}</h3>{svg(one)}'
        f'<p class="soft">{text(one.note)}</p></div>'
        for one in maps
    )
    return (
        f'{_STYLE}<h2>Causal tracing</h2><p class="soft">The name’s token embeddings are drowned '
        "in noise; then the state of one token after one layer is put back as it was. Colour: the "
        "share of the clean result that this brings back, from 0 (white) to 1 (dark). Tokens "
        "before the name are not touched by the noise and are left out.</p>"
        f'<div class="maps">{cards}</div>'
    )


def trace_page(title: str, lead: str, maps: Sequence[TraceMap]) -> str:
    """A page of maps alone."""
    body = (
        f'<main><h1>{text(title)}</h1><p class="lead">{text(lead)}</p>{trace_section(maps)}</main>'
    )
    return page(title, body)


def svg(one: TraceMap) -> str:
    """Draw a map."""
    width = _LEFT + _CELL * len(one.layers) + 10
    height = _TOP + _HIGH * len(one.tokens) + 8
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{text(one.title)}">'
    ]
    for at, layer in enumerate(one.layers):
        x = _LEFT + _CELL * (at + 0.5)
        parts.append(f'<text x="{x:.1f}" y="20" text-anchor="middle">{text(layer)}</text>')
    for row, (token, values) in enumerate(zip(one.tokens, one.values, strict=True)):
        y = _TOP + _HIGH * row
        shown = token if len(token) <= 18 else f"{token[:17]}…"
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{text(shown)}</text>')
        for at, value in enumerate(values):
            tip = f"{token}, {one.layers[at]}: {value:.3f}"
            parts.append(
                f'<rect x="{_LEFT + _CELL * at}" y="{y}" width="{_CELL - 1}" height="{_HIGH - 1}" '
                f'rx="3" fill="{shade(value)}" stroke="#e4e7ed"><title>{text(tip)}</title></rect>'
            )
    return "".join([*parts, "</svg>"])


def shade(value: float) -> str:
    """White at 0 to dark blue at 1; grey where it is undefined."""
    if math.isnan(value):
        return "#c3c8d1"
    share = min(max(value, 0.0), 1.0)
    ends = ((255, 23), (255, 42), (255, 110))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in ends)
