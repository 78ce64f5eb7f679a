"""An audit as one page that needs no network and prints well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from namebasis.auditing.claims import Claim
from namebasis.auditing.results import Audit, Part
from namebasis.auditing.scales import Scale, mark_of, scale_of
from namebasis.report.page import render
from namebasis.results import Table, cell
from namebasis.terms import Term, explain, find
from namebasis.wording import between, p_value

MEASURES_URL = "https://github.com/namebasis/namebasis/blob/main/docs/measures.md"
_HEADS = ("figure", "value", "95 %", "chance", "p (BH)", "names")
_SECTION = "Audits"
_LONG = 14
"""Claims of a part that may take more than one sheet of paper."""


def html_of(found: Audit) -> str:
    """The score card, then a section for each part, and the words that they use."""
    sections = [_section(found, part) for part in found.parts]
    lists = [table for section in sections for table in section["tables"]]
    heads = [*_HEADS, *(one.measure for _, one in found.claims)]
    links, words = words_of([*heads, *(name for table in lists for name in table["columns"])])
    size = "quick" if found.plan["is_quick"] else "full"
    return render(
        "audit", title=f"Audit of {found.encoder['spec']}", headline=found.headline(),
        lead=f"What {found.encoder['spec']} believes about names: plan {found.plan['version']} "
        f"({size}), {found.n_tried:,} readings tried, namebasis {found.package_version}.",
        card=rows_of(found.card, found.level, alike=False), remarks=found.notes(),
        links=[(part.key, part.title) for part in found.parts], sections=sections,
        links_to=links, words=words, measures_url=MEASURES_URL, citation=_citation(found),
        command=_command(found), provenance=_provenance(found),
    )  # fmt: skip


def _section(found: Audit, part: Part) -> dict[str, Any]:
    return {
        "key": part.key,
        "title": part.title,
        "sentence": found.sentence(part),
        "skipped": part.skipped is not None,
        "rows": rows_of(part.claims, found.level),
        "is_long": len(part.claims) > _LONG,
        "tables": [_filled(one.table()) for one in part.lists],
        "remarks": part.remarks,
    }


def rows_of(claims: Sequence[Claim], level: float, *, alike: bool = True) -> list[dict[str, Any]]:
    """Claims as the template draws them.

    Parameters
    ----------
    claims : sequence of Claim
    level : float
        Of p, at which a claim is beyond chance.
    alike : bool
        Put all claims of one measure on one scale; else each on its own.
    """
    rows = []
    for claim in claims:
        peers = [one for one in claims if one.measure == claim.measure] if alike else [claim]
        scale = scale_of(peers)
        ends = between(claim.low, claim.high, 2)
        reached = "" if claim.chance is None else f"; chance reaches {claim.chance:.2f}"
        rows.append(
            {
                "label": claim.label, "measure": claim.measure, "meaning": claim.meaning,
                "is_muted": not claim.is_beyond(level), "mark": mark_of(claim, scale),
                "ends": ends_of(scale), "value": number(claim.value), "interval": ends,
                "chance": number(claim.chance),
                "p": p_value(claim.p_corrected) if claim.is_tested else "fact",
                "n": claim.n, "said": f"{number(claim.value)}, {ends}{reached}",
            }
        )  # fmt: skip
    return rows


def ends_of(scale: Scale) -> tuple[str, str]:
    """The two ends of a scale, with as many decimals as tell them apart."""
    digits = max(0, 1 - math.floor(math.log10(scale.high - scale.low)))
    return tuple(f"{end:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{end:.0f}"
                 for end in (scale.low, scale.high))  # type: ignore[return-value]  # fmt: skip


def number(value: float | None) -> str:
    """A figure with two decimals, or more where two would show nothing; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.2g}" if 0 < abs(value) < 0.1 else f"{value:,.2f}"


def words_of(
    heads: Iterable[str],
) -> tuple[dict[str, tuple[str, str]], list[dict[str, str]]]:
    """Where each head's word is explained, and the explanations: (anchor, sentence) and entries."""
    links: dict[str, tuple[str, str]] = {}
    chosen: dict[Term, str] = {}
    for head in dict.fromkeys(heads):
        known = find(head)
        term = next((one for one in known if one.section == _SECTION), known[0] if known else None)
        if term is not None:
            anchor = chosen.setdefault(term, f"word-{len(chosen) + 1}")
            links[head] = (anchor, term.sentence)
    plain = {
        (one["names"][0], one["text"]): one
        for term in chosen
        for one in explain(term.title).to_dict()["terms"]  # type: ignore[attr-defined]
    }
    texts = {key[0]: one["text"] for key, one in plain.items()}
    return links, [
        {"anchor": anchor, "title": term.title, "text": texts[term.title]}
        for term, anchor in chosen.items()
    ]


def _filled(table: Table) -> dict[str, Any]:
    numeric = [
        all(isinstance(row[at], (int, float, type(None))) for row in table.rows)
        for at in range(len(table.columns))
    ]
    return {
        "title": table.title,
        "columns": list(table.columns),
        "numeric": numeric,
        "rows": [
            {"cells": [_cell(value) for value in row], "muted": at in table.muted}
            for at, row in enumerate(table.rows)
        ],
    }


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return f"{value:,}"
    return cell(value, whole=True)


def _citation(found: Audit) -> str:
    size = "quick" if found.plan["is_quick"] else "full"
    return (
        f"Audit of {found.encoder['spec']} (weights {found.encoder['fingerprint'][:19]}) by "
        f"namebasis {found.package_version}, plan {found.plan['version']}, {size} "
        f"({found.plan['fingerprint']}), seed {found.plan['seed']}. Two audits are compared where "
        "plan and names have the same fingerprints."
    )


def _command(found: Audit) -> str:
    words = ["namebasis audit", str(found.encoder["spec"])]
    words += ["--quick"] if found.plan["is_quick"] else []
    words += [f"--seed {found.plan['seed']}"] if found.plan["seed"] else []
    return " ".join(words)


def _provenance(found: Audit) -> list[tuple[str, str]]:
    return [
        *((key, str(value)) for key, value in found.encoder.items() if value is not None),
        *((f"plan: {key.replace('_', ' ')}", cell(value)) for key, value in found.plan.items()),
        *(
            (one["title"], f"{one['n_read']:,} of {one['n_names']:,} names are read")
            for one in found.corpora.values()
        ),
        ("namebasis", found.package_version),
    ]
