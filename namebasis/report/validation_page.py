"""A validation as one page: what agrees, how far, and the images behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.report.page import definitions, page, table, text, tiles

_CSS = """
.shots { display: flex; flex-wrap: wrap; gap: 3px; }
.shots img { width: 56px; height: 56px; object-fit: cover; border-radius: 4px; display: block; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 12px; }
.gallery .card { padding: 10px 12px; }
.gallery h3 { margin: 0 0 2px; overflow-wrap: anywhere; }
.gallery p { margin: 0 0 6px; font-size: 13px; color: var(--soft); }
"""


@dataclass(frozen=True)
class CalibrationMark:
    """One bin: the text's mean, the images' mean and its interval, and how many names."""

    text: float
    images: float
    low: float
    high: float
    n_names: int


@dataclass(frozen=True)
class AgreementLine:
    """One attribute and reading: rank correlation, interval, null's interval, and words."""

    attribute: str
    reading: str
    unit: str
    n_names: int
    value: float
    low: float
    high: float
    null_low: float
    null_high: float
    reliability: float | None
    verdict: str
    marks: Sequence[CalibrationMark]


@dataclass(frozen=True)
class Shots:
    """Images of one name: a caption, and thumbnails as data URIs."""

    name: str
    caption: str
    images: Sequence[str]


@dataclass(frozen=True)
class ValidationPage:
    """All that the page shows, in plain values."""

    title: str
    lead: str
    finding: str
    facts: Sequence[tuple[str, str]]
    lines: Sequence[AgreementLine]
    disagreements: Mapping[str, Sequence[Shots]]
    names: Sequence[Shots]
    notes: Sequence[str]
    footer: Sequence[tuple[str, object]]


def render(content: ValidationPage) -> str:
    """Draw the page; it opens from disk and asks no host for anything."""
    body = (
        f"<main><h1>{text(content.title)}</h1>"
        f'<p class="lead">{text(content.lead)}</p>'
        + tiles(content.facts)
        + f'<p class="finding">{text(content.finding)}</p>'
        + _agreement(content.lines)
        + _calibrations(_first_readings(content.lines))
        + _disagreements(content.disagreements)
        + _gallery("Images", content.names, "Every name’s images, by how much they differ.")
        + _notes(content.notes)
        + f"<footer><h2>Provenance</h2>{definitions(content.footer)}</footer></main>"
    )
    return page(content.title, body, head=f"<style>{_CSS}</style>")


def _agreement(lines: Sequence[AgreementLine]) -> str:
    if not lines:
        return (
            "<h2>Text against images</h2><p>No attribute was both measured on the images and "
            "read in text for at least four names.</p>"
        )
    head = ("attribute", "text reading", "# names", "# Spearman", "# 95 %", "# chance",
            "# reliability", "what it says")  # fmt: skip
    rows = [
        f"<tr><td>{text(line.attribute)}</td><td>{text(line.reading)}</td>"
        f'<td class="n">{line.n_names:,}</td><td class="n">{_number(line.value)}</td>'
        f'<td class="n">{_number(line.low)} to {_number(line.high)}</td>'
        f'<td class="n">{_number(line.null_low)} to {_number(line.null_high)}</td>'
        f'<td class="n">{_number(line.reliability)}</td><td>{text(line.verdict)}</td></tr>'
        for line in lines
    ]
    return (
        "<h2>Text against images</h2>"
        '<p class="soft">Rank correlation over names of what text space says with the mean over '
        "each name’s images; the interval resamples names, chance shuffles them. Reliability is "
        "that of the images’ means: more images per name raise it, more names narrow the "
        f'interval.</p><div class="card scroll">{table(head, rows)}</div>'
    )


def _first_readings(lines: Sequence[AgreementLine]) -> list[AgreementLine]:
    first: dict[str, AgreementLine] = {}
    for line in lines:
        if line.marks:
            first.setdefault(line.attribute, line)
    return list(first.values())


def _calibrations(lines: Sequence[AgreementLine]) -> str:
    figures = []
    for number, line in enumerate(lines):
        drawn = charts.to_svg(draw_calibration(line), f"calibration-{number}")
        caption = (
            f"{line.attribute}: names in fifths by their {line.reading} in text, and the mean of "
            "their images with a 95 % interval."
        )
        figures.append(f'<div class="card">{charts.captioned(drawn, text(caption))}</div>')
    if not figures:
        return ""
    return f'<h2>Calibration</h2><div class="columns">{"".join(figures)}</div>'


@charts.chart
def draw_calibration(line: AgreementLine) -> Any:
    """Means of the images over means of the text, with intervals."""
    figure, (axes,) = charts.new_figure(width=5.5, height=3.2)
    x = np.array([mark.text for mark in line.marks])
    y = np.array([mark.images for mark in line.marks])
    spread = np.array([[m.images - m.low, m.high - m.images] for m in line.marks]).T
    axes.errorbar(x, y, yerr=np.maximum(spread, 0), color=charts.FILL, marker="o", capsize=3)
    axes.set_xlabel(f"{line.attribute} in text ({line.reading})")
    axes.set_ylabel(f"in images ({line.unit})")
    axes.grid(axis="y")
    return figure


def _disagreements(groups: Mapping[str, Sequence[Shots]]) -> str:
    return "".join(
        _gallery(
            f"Where they differ most: {label}",
            shots,
            "Names whose rank by text is farthest from their rank by images, 0 lowest, 1 highest.",
        )
        for label, shots in groups.items()
        if shots
    )


def _gallery(title: str, shots: Sequence[Shots], lead: str) -> str:
    if not shots:
        return ""
    cards = "".join(
        f'<div class="card"><h3><bdi>{text(one.name)}</bdi></h3><p>{text(one.caption)}</p>'
        f'<div class="shots">{"".join(_image(one.name, uri) for uri in one.images)}</div></div>'
        for one in shots
    )
    return (
        f'<h2>{text(title)}</h2><p class="soft">{text(lead)}</p><div class="gallery">{cards}</div>'
    )


def _image(name: str, uri: str) -> str:
    return f'<img src="{text(uri)}" alt="generated image of {text(name)}" loading="lazy">'


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<h2>Notes</h2><ul class="notes">{items}</ul>'


def _number(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.2f}"
