"""Audits side by side as one page: every claim on its scale, a dot for each encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from namebasis.auditing.claims import Claim
from namebasis.auditing.compared import AuditComparison, Difference
from namebasis.auditing.page import MEASURES_URL, ends_of, number, words_of
from namebasis.auditing.scales import mark_of, scale_of
from namebasis.report.page import render
from namebasis.results import cell
from namebasis.wording import between, listed, p_value

_HEADS = ("figure", "encoder", "value", "difference", "95 %", "p (BH)", "names", "only one reads")
_SHOWN = 12
"""Claims of a part that are shown before it is unfolded."""


@dataclass(frozen=True)
class Lane:
    """One encoder's value of a claim.

    Attributes
    ----------
    encoder : str
        Its label.
    claim : Claim
        Over the names that are common, with the chance of its own audit.
    is_beyond : bool
        Whether its own audit found it beyond chance.
    difference : Difference or None
        To the first; None of the first itself.
    is_beyond_noise : bool
        Whether that is more than noise.
    """

    encoder: str
    claim: Claim
    is_beyond: bool
    difference: Difference | None = None
    is_beyond_noise: bool = False


def html_of(found: AuditComparison) -> str:
    """What differs in a sentence, the score card, what the audits rest on, and every part."""
    card = [one for one in found.differences if one.on_card]
    sections = [
        {
            "key": f"part-{key}", "title": title, "sentence": found.sentence(key),
            "rows": rows_of([one for one in found.differences if one.part == key], found),
        }
        for key, title in found.parts.items()
        if any(one.part == key for one in found.differences)
    ]  # fmt: skip
    first, *others = found.labels
    size = "quick" if found.plan["is_quick"] else "full"
    has_left_out = any(one.n_left_out for one in found.differences)
    links, words = words_of(
        [*(head for head in _HEADS if has_left_out or head != "only one reads"),
         *(one.measure for one in found.differences)]
    )  # fmt: skip
    return render(
        "audit_comparison",
        title=f"{listed([first, *others])}: audits compared",
        lead=f"Differences to {first}; plan {found.plan['version']} ({size}), "
        f"{found.n_resamples:,} paired resamples of the names.",
        headline=found.headline(), card=rows_of(card, found), remarks=_remarks(found),
        differing=found.remarks, labels=found.labels, facts=_facts(found), sections=sections,
        n_shown=_SHOWN, n_encoders=len(found.encoders), has_left_out=has_left_out,
        links=[(one["key"], one["title"]) for one in sections], links_to=links, words=words,
        measures_url=MEASURES_URL, provenance=_provenance(found),
    )  # fmt: skip


def _remarks(found: AuditComparison) -> list[str]:
    told = [
        f"Values and differences to {found.labels[0]} are over the names that both read (paired "
        "bootstrap); p is corrected for all differences. Chance is that of each audit by itself."
    ]
    if len({one.encoder for one in found.differences if one.n_left_out}) > 1:
        told.append(
            f"After a difference, “to” is followed by the value of {found.labels[0]} over the "
            "names of that pair, where it is another than the one drawn."
        )
    return told


def lanes_of(ones: Sequence[Difference], found: AuditComparison) -> list[list[Lane]]:
    """The differences by claim, the first encoder before the others."""
    claims: dict[tuple[str, str], list[Difference]] = {}
    for one in ones:
        claims.setdefault((one.part, one.key), []).append(one)
    lanes = []
    for held in claims.values():
        one = held[0]
        lanes.append(
            [
                Lane(
                    found.labels[0],
                    _claim(one, one.first, one.first_low, one.first_high, one.first_chance),
                    one.first_is_beyond,
                ),
                *(
                    Lane(
                        one.encoder, _claim(one, one.value, one.low, one.high, one.chance),
                        one.is_beyond, one, found.is_beyond(one),
                    )
                    for one in held
                ),
            ]
        )  # fmt: skip
    return lanes


def rows_of(ones: Sequence[Difference], found: AuditComparison) -> list[dict[str, Any]]:
    """Claims as the template draws them, each with a lane for an encoder."""
    rows = []
    for lanes in lanes_of(ones, found):
        claim, scale = lanes[0].claim, scale_of([lane.claim for lane in lanes])
        rows.append(
            {
                "label": claim.label, "measure": claim.measure, "meaning": claim.meaning,
                "is_beyond": any(lane.is_beyond_noise for lane in lanes), "ends": ends_of(scale),
                "lanes": [
                    {"mark": mark_of(lane.claim, scale), **_told(lane, lanes[0])} for lane in lanes
                ],
            }
        )  # fmt: skip
    return rows


def _claim(
    one: Difference, value: float, low: float | None, high: float | None, chance: float | None
) -> Claim:
    return Claim(
        one.key, one.label, one.measure, value, low, high, chance, None, one.n, "", one.meaning,
        neutral=one.neutral, one_sided=one.one_sided,
    )  # fmt: skip


def _told(lane: Lane, first: Lane) -> dict[str, Any]:
    """The figures of a lane in words."""
    claim, one = lane.claim, lane.difference
    reached = "" if claim.chance is None else f"; chance reaches {claim.chance:.2f}"
    told: dict[str, Any] = {
        "encoder": lane.encoder, "is_muted": not lane.is_beyond, "value": number(claim.value),
        "said": f"{lane.encoder}: {number(claim.value)}, {between(claim.low, claim.high, 2)}"
        f"{reached}",
        "is_beyond": lane.is_beyond_noise, "gap": None,
    }  # fmt: skip
    if one is None:
        return told
    # Over other names than those of the first pair, the first has another value.
    other = one.first != first.claim.value
    return {
        **told,
        "gap": gap_of(one),
        "against": number(one.first) if other else None,
        "ends": between(one.difference_low, one.difference_high, 2),
        "p": p_value(one.p_corrected),
        "n": one.n,
        "n_left_out": one.n_left_out,
    }


def gap_of(one: Difference) -> str:
    """A difference with its sign, and with three decimals where two show little."""
    digits = 3 if 0 < abs(one.difference) < 0.1 else 2
    return f"{one.difference:+.{digits}f}" if one.difference else "0.00"


def _facts(found: AuditComparison) -> list[dict[str, Any]]:
    """What each audit rests on: rows of what, a cell for each encoder, and whether all agree."""
    rows: list[tuple[str, list[object]]] = [
        (words, [one[key] for one in found.encoders])
        for words, key in (
            ("spec", "spec"), ("weights", "fingerprint"), ("revision", "revision"), ("dim", "dim"),
            ("namebasis", "namebasis"), ("seed", "seed"), ("templates", "templates"),
            ("skipped", "skipped"),
        )
    ]  # fmt: skip
    for key, corpus in found.corpora.items():
        read = [f"{one['n_read'].get(key, 0):,}" for one in found.encoders]
        rows.append((f"{corpus['title']}, read of {corpus['n_names']:,}", list(read)))
    return [
        {
            "what": what,
            "cells": [cell(value, whole=True) or "–" for value in values],
            "is_equal": all(value == values[0] for value in values),
        }
        for what, values in rows
        if any(value not in (None, []) for value in values)
    ]


def _provenance(found: AuditComparison) -> list[tuple[str, str]]:
    return [
        *((f"plan: {key.replace('_', ' ')}", cell(value)) for key, value in found.plan.items()),
        ("seed", str(found.seed)),
        ("resamples", f"{found.n_resamples:,}"),
    ]
