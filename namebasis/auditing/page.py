"""An audit as one page that needs no network and prints well."""

from __future__ import annotations

from typing import Any

from namebasis.auditing.results import Audit, Part
from namebasis.report.page import render
from namebasis.results import Table, cell


def html_of(found: Audit) -> str:
    """The score card, then a section for each part."""
    card, *_ = found.tables()
    return render(
        "audit", title=f"Audit of {found.encoder['spec']}", headline=found.headline(),
        card=_filled(card), remarks=found.notes(),
        sections=[_section(found, part) for part in found.parts],
        provenance=_provenance(found),
    )  # fmt: skip


def _section(found: Audit, part: Part) -> dict[str, Any]:
    tables = [found.claims_table(part)] if part.claims else []
    return {
        "key": part.key,
        "title": part.title,
        "sentence": found.sentence(part),
        "tables": [_filled(table) for table in (*tables, *(one.table() for one in part.lists))],
        "remarks": part.remarks,
    }


def _filled(table: Table) -> dict[str, Any]:
    numeric = [
        all(isinstance(row[at], (int, float, type(None))) for row in table.rows)
        for at in range(len(table.columns))
    ]
    return {
        "title": table.title,
        "columns": [
            f"#{name}" if is_n else name for name, is_n in zip(table.columns, numeric, strict=True)
        ],
        "numeric": numeric,
        "rows": [
            {"cells": [cell(value, whole=True) for value in row], "muted": at in table.muted}
            for at, row in enumerate(table.rows)
        ],
    }


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
