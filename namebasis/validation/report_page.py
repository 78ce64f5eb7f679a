"""A validation as one page: what agrees, how far, and the images behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.report.page import definitions, page, table, text, tiles
from namebasis.wording import between

_CSS = """
.shots { display: flex; flex-wrap: wrap; gap: 3px; }
.shots img { width: 56px; height: 56px; object-fit: cover; border-radius: 4px; display: block; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 12px; }
.agreement td:last-child { min-width: 15rem; }
.fold { margin: 12px 0; }
.fold > summary { cursor: pointer; font-weight: 600; margin-bottom: 8px; }
.gallery .card { padding: 10px 12px; }
.gallery h3 { margin: 0 0 2px; overflow-wrap: anywhere; }
.gallery p { margin: 0 0 6px; font-size: 13px; color: var(--soft); }
"""


@dataclass(frozen=True)
class CalibrationMark:
    """One bin: the text's mean, the images' mean and its interval, and how many names."""

    text: float
    images: float
    low: float | None
    high: float | None
    n_names: int


@dataclass(frozen=True)
class AgreementLine:
    """One attribute and reading: rank correlation, interval, null's interval, and words."""

    attribute: str
    reading: str
    unit: str
    n_names: int
    value: float
    low: float | None
    high: float | None
    null_low: float | None
    null_high: float | None
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
    """All that the page shows, in plain values.

    Attributes
    ----------
    lines, more : sequence of AgreementLine
        The first reading of each attribute, and the others.
    names : sequence of Shots
        Of `n_names` the first by their spread.
    """

    title: str
    lead: str
    finding: str
    facts: Sequence[tuple[str, str]]
    lines: Sequence[AgreementLine]
    more: Sequence[AgreementLine]
    disagreements: Mapping[str, Sequence[Shots]]
    names: Sequence[Shots]
    n_names: int
    notes: Sequence[str]
    footer: Sequence[tuple[str, object]]


def render(content: ValidationPage) -> str:
    """Draw the page; it opens from disk and asks no host for anything."""
    body = (
        f"<main><h1>{text(content.title)}</h1>"
        f'<p class="lead">{text(content.lead)}</p>'
        + tiles(content.facts)
        + f'<p class="finding">{text(content.finding)}</p>'
        + _notes(content.notes)
        + _agreement(content.lines, content.more)
        + _calibrations([line for line in content.lines if line.marks])
        + _disagreements(content.disagreements)
        + _gallery("Images", content.names, _which(len(content.names), content.n_names))
        + f"<footer><h2>Provenance</h2>{definitions(content.footer)}</footer></main>"
    )
    return page(content.title, body, head=f"<style>{_CSS}</style>")


def label_of(attribute: str) -> str:
    """An attribute as people write it."""
    return "spread of images" if attribute == "div" else attribute.replace("_", " ")


def _which(n_shown: int, n_names: int) -> str:
    whose = "Every name’s" if n_shown == n_names else f"{n_shown} of {n_names:,} names’"
    return (
        f"{whose} images, the most alike first. div is the mean cosine distance between a name’s "
        "images: 0 where all are the same."
    )


def _agreement(lines: Sequence[AgreementLine], more: Sequence[AgreementLine]) -> str:
    if not lines:
        return (
            "<h2>Text against images</h2><p>No attribute was both measured on the images and "
            "read in text for at least four names.</p>"
        )
    others = ""
    if more:
        others = (
            f'<details class="fold"><summary>The same by {len(more)} other readings of the text'
            f"</summary>{_lines(more)}</details>"
        )
    return (
        "<h2>Text against images</h2>"
        '<p class="soft">Spearman is the rank correlation over names of what text space says with '
        "the mean over each name’s images: 1 where both order the names alike, 0 where they have "
        "nothing to do with each other. The interval is over names, chance shuffles them; of "
        f"{len(lines)} comparisons about {max(1, round(len(lines) / 20))} would leave out 0 by "
        "chance. Reliability, from 0 to 1, is that of the images’ means: more images per name "
        f"raise it, more names narrow the interval.</p>{_lines(lines)}{others}"
    )


def _lines(lines: Sequence[AgreementLine]) -> str:
    head = ("attribute", "text reading", "# names", "# Spearman", "# 95 %", "# chance",
            "# reliability", "what it says")  # fmt: skip
    rows = [
        f"<tr><td>{text(label_of(line.attribute))}</td><td>{text(line.reading)}</td>"
        f'<td class="n">{line.n_names:,}</td><td class="n">{_number(line.value)}</td>'
        f'<td class="n">{between(line.low, line.high, 2)}</td>'
        f'<td class="n">{between(line.null_low, line.null_high, 2)}</td>'
        f'<td class="n">{_number(line.reliability)}</td><td>{text(line.verdict)}</td></tr>'
        for line in lines
    ]
    return f'<div class="card scroll agreement">{table(head, rows)}</div>'


def _calibrations(lines: Sequence[AgreementLine]) -> str:
    figures = []
    for number, line in enumerate(lines):
        drawn = charts.to_svg(draw_calibration(line), f"calibration-{number}")
        caption = (
            f"{label_of(line.attribute)}: names in {len(line.marks)} groups by their "
            f"{line.reading} in text, and the mean of their images with a 95 % interval."
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
    ends = [(m.images if m.low is None else m.low, m.images if m.high is None else m.high)
            for m in line.marks]  # fmt: skip
    spread = np.abs(np.array(ends).T - y)
    axes.errorbar(x, y, yerr=np.maximum(spread, 0), color=charts.FILL, marker="o", capsize=3)
    axes.set_xlabel(f"{label_of(line.attribute)} in text ({line.reading})")
    axes.set_ylabel(f"in images ({line.unit})")
    axes.grid(axis="y")
    return figure


def _disagreements(groups: Mapping[str, Sequence[Shots]]) -> str:
    folds = [
        f'<details class="fold"{"" if number else " open"}><summary>{text(label_of(label))}'
        f"</summary>{_cards(shots)}</details>"
        for number, (label, shots) in enumerate((k, v) for k, v in groups.items() if v)
    ]
    if not folds:
        return ""
    return (
        '<h2>Where they differ most</h2><p class="soft">Names whose rank by text is farthest from '
        f"their rank by images, 0 lowest, 1 highest.</p>{''.join(folds)}"
    )


def _gallery(title: str, shots: Sequence[Shots], lead: str) -> str:
    if not shots:
        return ""
    return f'<h2>{text(title)}</h2><p class="soft">{text(lead)}</p>{_cards(shots)}'


def _cards(shots: Sequence[Shots]) -> str:
    cards = "".join(
        f'<div class="card"><h3><bdi>{text(one.name)}</bdi></h3><p>{text(one.caption)}</p>'
        f'<div class="shots">{"".join(_image(one.name, uri) for uri in one.images)}</div></div>'
        for one in shots
    )
    return f'<div class="gallery">{cards}</div>'


def _image(name: str, uri: str) -> str:
    return f'<img src="{text(uri)}" alt="generated image of {text(name)}" loading="lazy">'


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<h2>Notes</h2><ul class="notes">{items}</ul>'


def _number(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.2f}"
