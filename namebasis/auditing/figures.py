"""The score card of an audit as a figure of matplotlib."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from namebasis.auditing.scales import mark_of, scale_of
from namebasis.report.charts import FAINT, FILL, INK, LINE, SOFT, chart, drawable, new_figure
from namebasis.wording import p_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from namebasis.auditing.claims import Claim
    from namebasis.auditing.compared import AuditComparison
    from namebasis.auditing.results import Audit
    from namebasis.auditing.scales import Mark

_ROW = 0.46
_LEFT, _RIGHT, _VALUE, _BESIDE, _WORDS = 0.0, 0.28, 0.355, 0.365, 0.455
"""Columns of the panel: ends of the scale, where the value ends, where p and words begin."""


@chart
def draw(found: Audit) -> Figure:
    """Each claim of the card on its own scale: dot, interval, grey band of chance, meaning."""
    card = found.card
    figure, (panel,) = new_figure(width=11.0, height=1.15 + _ROW * max(len(card), 1))
    panel.set_xlim(-0.38, 1.0)
    panel.set_ylim(len(card) - 0.4, -0.7)
    panel.axis("off")
    spec = drawable(str(found.encoder["spec"]), "an encoder")
    panel.set_title(f"Score card of {spec}", x=0.0)
    for at, claim in enumerate(card):
        _row(panel, at, claim, is_beyond=claim.is_beyond(found.level))
    if not card:
        panel.text(-0.38, 0, "No part gave a figure for the card.", color=SOFT)
    figure.supxlabel(
        "Dot: value, line: 95 % interval over names, grey band: chance, tick: what says nothing. "
        "Grey dots are within chance.", fontsize=8.5, color=SOFT, x=0.01, ha="left",
    )  # fmt: skip
    drawn: Figure = figure
    return drawn


def _row(panel: Any, at: int, claim: Claim, *, is_beyond: bool) -> None:
    ink, dot = (INK, FILL) if is_beyond else (FAINT, FAINT)
    label = "\n".join(textwrap.wrap(drawable(claim.label, claim.key), 36)[:2])
    panel.text(-0.38, at, label, va="center", fontsize=9.5, color=ink)
    mark = mark_of(claim, scale_of([claim]))
    _mark(panel, at, mark, dot)
    told = "–" if mark is None else _number(claim.value)
    p = f"p {p_value(claim.p_corrected)}" if claim.is_tested else "fact"
    panel.text(_VALUE, at, told, va="center", ha="right", fontsize=10, weight="bold", color=ink)
    panel.text(_BESIDE, at, p, va="center", fontsize=8.5, color=SOFT)
    meaning = "\n".join(textwrap.wrap(drawable(claim.meaning, ""), 78)[:2])
    panel.text(_WORDS, at, meaning, va="center", fontsize=8.5, color=SOFT)


def _number(value: float) -> str:
    """Two digits, with a minus sign as wide as a plus."""
    return f"{value:.2f}".replace("-", "−")


def _mark(panel: Any, at: float, mark: Mark | None, dot: str) -> None:
    """A claim on its scale."""
    wide = _RIGHT - _LEFT
    panel.plot([_LEFT, _RIGHT], [at, at], color=LINE, linewidth=1, solid_capstyle="round", zorder=1)
    if mark is None:
        return
    if mark.band is not None:
        low, high = (_LEFT + wide * end for end in mark.band)
        panel.barh(at, max(high - low, 0.004), 0.5, left=low, color=LINE, zorder=2)
    if mark.neutral is not None:
        x = _LEFT + wide * mark.neutral
        panel.plot([x, x], [at - 0.25, at + 0.25], color=SOFT, linewidth=0.8, zorder=3)
    if mark.interval is not None:
        ends = [_LEFT + wide * end for end in mark.interval]
        panel.plot(ends, [at, at], color=dot, linewidth=2.6, solid_capstyle="butt", zorder=4)
    panel.plot([_LEFT + wide * mark.value], [at], "o", color=dot, markersize=7.5, zorder=5,
               markeredgecolor="white", markeredgewidth=0.9)  # fmt: skip


@chart
def draw_comparison(found: AuditComparison) -> Figure:
    """The claims of the card, one dot for each encoder, and which differ beyond noise."""
    from namebasis.auditing.comparison_page import lanes_of

    claims = lanes_of([one for one in found.differences if one.on_card], found)
    n = sum(len(lanes) for lanes in claims)
    figure, (panel,) = new_figure(width=11.0, height=1.15 + 0.34 * n + 0.18 * len(claims))
    panel.set_xlim(-0.38, 1.0)
    panel.axis("off")
    panel.set_title("Score card, compared", x=0.0)
    at = 0.0
    for lanes in claims:
        scale = scale_of([lane.claim for lane in lanes])
        label = textwrap.wrap(drawable(lanes[0].claim.label, lanes[0].claim.key), 36)[:2]
        panel.text(-0.38, at + 0.25 * (len(label) - 1), "\n".join(label), va="center",
                   fontsize=9.5, color=INK)  # fmt: skip
        for lane in lanes:
            ink = INK if lane.is_beyond_noise else SOFT
            _mark(panel, at, mark_of(lane.claim, scale), FILL if lane.is_beyond else FAINT)
            panel.text(_VALUE, at, _number(lane.claim.value), va="center", ha="right",
                       fontsize=9.5, color=ink)  # fmt: skip
            told = drawable(lane.encoder, "an encoder")
            if (one := lane.difference) is not None:
                told += f":  {one.difference:+.2f}, p {p_value(one.p_corrected)}"
            panel.text(_BESIDE, at, told, va="center", fontsize=8.5, color=ink,
                       weight="bold" if lane.is_beyond_noise else "normal")  # fmt: skip
            at += 1
        at += 0.5
    if not claims:
        panel.text(-0.38, 0, "No claim of the card is in two of them.", color=SOFT)
    panel.set_ylim(max(at, 1.0) - 0.4, -0.9)
    figure.supxlabel(
        f"Differences to {drawable(found.labels[0], 'the first')}; bold: beyond noise. Dot: value, "
        "line: 95 % interval over names, grey band: chance, grey dot: within it.",
        fontsize=8.5, color=SOFT, x=0.01, ha="left",
    )  # fmt: skip
    drawn: Figure = figure
    return drawn
