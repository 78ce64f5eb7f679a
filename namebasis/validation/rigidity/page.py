"""Profiles of names by their pictures as a page, and as a part of the page of a validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.encoders.thumbnails import thumbnail
from namebasis.report import charts
from namebasis.report.page import render
from namebasis.validation.rigidity.figures import plane
from namebasis.validation.rigidity.results import MADE_UP, label
from namebasis.wording import between, percentile

if TYPE_CHECKING:
    from markupsafe import Markup

    from namebasis.validation.rigidity.results import NamePictures, PictureRigidity

_MOST_NAMES, _MOST_PICTURES, _ENDS = 40, 9, 4
_STRONGEST = 3.0  # a log ratio at which a cell has its full colour: a twentieth, or twenty times


@dataclass(frozen=True)
class Cell:
    """One name and attribute, or one name and context, as the page shows it."""

    text: str
    said: str
    strength: float = 0.0
    kind: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Line:
    """A name with its cells."""

    row: NamePictures
    cells: tuple[Cell, ...]
    pictures: tuple[str, ...] = ()


def html_of(found: PictureRigidity) -> str:
    """The page of profiles; it opens from disk and asks no host for anything."""
    return render(
        "picture_rigidity_page", found=found, profiles=section(found), label=label,
        facts=[
            (f"{len(found.asked):,}", "names with pictures", "names"),
            (f"{found.n_made_up:,}", "made-up names in the prior", "in the prior"),
            (f"{found.n_weak:,}", "weak identities in the prior", "in the prior"),
            (f"{len(found.attributes):,}", "attributes", "attribute"),
        ],
    )  # fmt: skip


def section(found: PictureRigidity) -> Mapping[str, Any]:
    """What the template of profiles draws."""
    rows = [row for row in found.asked if row.percentile is not None]
    rows = sorted(rows, key=lambda row: -row.rigidity.value)
    shown = rows if len(rows) <= _MOST_NAMES else [*rows[: _MOST_NAMES // 2],
                                                   *rows[-_MOST_NAMES // 2 :]]  # fmt: skip
    in_contexts = [row for row in found.names if row.contexts is not None]
    return {
        "found": found,
        "lines": [Line(row, tuple(map(_cell, row.attributes)), _shots(found, row))
                  for row in shown],
        "n_rows": len(rows),
        "contexts": [_short(one) for one in found.contexts],
        "in_contexts": [_line(found, row) for row in _ends(in_contexts)],
        "n_in_contexts": len(in_contexts),
        "plane": _drawn(found) if found.has_plane else None,
        "ends": lambda low, high: between(low, high, 2),
        "percentile": percentile,
        "number": _number,
    }  # fmt: skip


def _drawn(found: PictureRigidity) -> Markup:
    from markupsafe import Markup

    return Markup(charts.to_svg(plane(found), "plane-of-pictures"))


def _cell(one: Any) -> Cell:
    if one.log_ratio is None:
        return Cell("–", one.reason or "not measured")
    said = f"variance {np.exp(one.log_ratio):.2f} times the prior's"
    if one.low is not None and one.high is not None:
        said += f" ({np.exp(one.low):.2f} to {np.exp(one.high):.2f})"
    said += f", {percentile(one.percentile)} of the prior, {one.n} pictures"
    if one.entropy is not None:
        said += f"; entropy {one.entropy.value:.2f} bits"
    strength = float(np.clip(one.log_ratio / _STRONGEST, -1, 1))
    return Cell(f"{one.log_ratio:+.1f}", said, strength, one.kind)


def _shots(found: PictureRigidity, row: NamePictures) -> tuple[str, ...]:
    files = found.files.get(row.name, ())[:_MOST_PICTURES]
    return tuple(uri for path, _ in files if (uri := thumbnail(path)) is not None)


def _ends(rows: list[NamePictures]) -> list[NamePictures]:
    """The most flexible, those that show the same picture most, and two that nobody bears."""

    def at(row: NamePictures, key: str) -> float:
        value = getattr(row.contexts, key).value
        return float(value) if np.isfinite(value) else -1.0

    known = [row for row in rows if row.role != MADE_UP]
    first = sorted(known, key=lambda row: -at(row, "flexibility"))[:_ENDS]
    rest = [row for row in known if row not in first]
    rigid = sorted(rest, key=lambda row: at(row, "context_there") - at(row, "same_person"))
    return [*first, *rigid[:_ENDS], *[row for row in rows if row.role == MADE_UP][:2]]


def _line(found: PictureRigidity, row: NamePictures) -> Line:
    files = {context: path for path, context in reversed(found.files.get(row.name, ()))}
    cells = []
    for context in found.contexts:
        same, there = row.contexts.cells[context] if row.contexts else (None, None)
        said = f"{context.replace('{}', row.name)}: same person {_number(same)}"
        said += f", context there {_number(there)}"
        picture = thumbnail(files[context]) if context in files else None
        cells.append(Cell(f"{_number(same)} · {_number(there)}", said, picture=picture))
    return Line(row, tuple(cells))


def _short(context: str) -> str:
    return context.replace("{}", "…").removeprefix("a photo of ")


def _number(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.2f}"
