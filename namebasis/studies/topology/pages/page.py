"""The topology report as one page: maps with search, then a section per question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from namebasis.report.name_map import NameMap, build_figure, page_data
from namebasis.report.page import asset, definitions, embedded_json, page, text, tiles
from namebasis.report.palette import GREY, GREY_ON_DARK, PALETTE

_SCRIPTS = ("name_map.js", "topology.js")
_SIDE_BY_SIDE = "all"


class Section(Protocol):
    """A part of the page below the map."""

    @property
    def title(self) -> str:
        """Its heading."""

    @property
    def anchor(self) -> str:
        """Where the page's links find it."""

    def html(self) -> str:
        """Everything under the heading, escaped."""

    def figures(self) -> Mapping[str, Any]:
        """Its matplotlib figures, by the name of their file."""


@dataclass(frozen=True)
class TopologyPage:
    """All that the page shows, in plain values.

    Attributes
    ----------
    title, lead, finding : str
        Heading, where the names come from, and what was found, in a sentence or two.
    facts : sequence of (figure, caption)
    names, details : sequences of n str
        A name, and the line shown below it.
    maps : sequence of NameMap
        One or two arrangements of the n names.
    sections : sequence of Section
    notes : sequence of str
    footer : sequence of (term, value)
        Provenance.
    properties : mapping of title to n str
        What dots can be coloured by besides clusters; an empty text where unknown.
    side_by_side : bool
        Whether two maps stand next to each other at first.
    """

    title: str
    lead: str
    finding: str
    facts: Sequence[tuple[str, str]]
    names: Sequence[str]
    details: Sequence[str]
    maps: Sequence[NameMap]
    sections: Sequence[Section]
    notes: Sequence[str]
    footer: Sequence[tuple[str, object]]
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    side_by_side: bool = False


def render(content: TopologyPage) -> str:
    """Draw the page; it opens from disk and asks no host for anything.

    Parameters
    ----------
    content : TopologyPage

    Returns
    -------
    str
        A whole HTML document.
    """
    from bokeh.embed import components
    from bokeh.resources import Resources

    figures = [build_figure(f"map{i}") for i in range(len(content.maps))]
    script, holders = components(tuple(figures))
    library = Resources(mode="inline", components=["bokeh", "bokeh-gl"], log_level="warn")
    body = (
        f"<main><h1>{text(content.title)}</h1>"
        f'<p class="lead">{text(content.lead)}</p>'
        + _links(content)
        + tiles(content.facts)
        + f'<p class="finding">{text(content.finding)}</p>'
        + _explore(content, holders)
        + "".join(map(_section, content.sections))
        + _notes(content.notes)
        + '<footer id="provenance"><h2>Provenance</h2>'
        + f"{definitions(content.footer)}</footer></main>"
    )
    data = page_data(content.names, content.details, content.maps, content.properties)
    embedded = embedded_json("data", data | {"palette": list(PALETTE)})
    behaviour = "".join(f"<script>\n{asset(name)}</script>" for name in _SCRIPTS)
    dots = (
        f"<style>:root{{--dot:{GREY}}}@media (prefers-color-scheme:dark)"
        f"{{:root{{--dot:{GREY_ON_DARK}}}}}</style>"
    )
    head = dots + library.render()
    return page(content.title, body, head=head, scripts=embedded + script + behaviour)


def _links(content: TopologyPage) -> str:
    parts = [("map", "Map"), *((part.anchor, part.title) for part in content.sections)]
    parts += [("notes", "Notes")] if content.notes else []
    links = "".join(
        f'<a href="#{text(anchor)}">{text(title)}</a>'
        for anchor, title in [*parts, ("provenance", "Provenance")]
    )
    return f'<nav aria-label="Sections">{links}</nav>'


def _section(part: Section) -> str:
    return f'<section id="{text(part.anchor)}"><h2>{text(part.title)}</h2>{part.html()}</section>'


def _explore(content: TopologyPage, holders: Sequence[str]) -> str:
    several = len(content.maps) > 1
    figures = "".join(
        _figure(number, shown.title if several else "", holder)
        for number, (shown, holder) in enumerate(zip(content.maps, holders, strict=True))
    )
    return (
        f'<section class="explore" id="map">{_arrangements(content) if several else ""}'
        f'<div class="maps{" two" if several else ""}">{figures}</div>'
        '<aside class="card side"><div class="search">'
        '<input id="query" type="search" autocomplete="off" spellcheck="false" role="combobox" '
        'aria-controls="panel" aria-expanded="false" aria-autocomplete="list" '
        f'placeholder="Find one of {len(content.names):,} names" aria-label="Find a name">'
        '<label>Colours <select id="coloured"></select></label></div>'
        '<div class="panel" id="panel" aria-live="polite"></div></aside></section>'
    )


def _figure(number: int, title: str, holder: str) -> str:
    caption = f"<figcaption>{text(title)}</figcaption>" if title else ""
    said = f" {title}" if title else ""
    return (
        f'<figure class="card map">{caption}<div class="frame" data-map="{number}" tabindex="0" '
        f'role="group" aria-label="Map of names{text(said)}: arrow keys move it, plus and minus '
        f'zoom, 0 shows all">{holder}<div class="labels" aria-hidden="true"></div>'
        '<div class="tip" hidden></div><div class="buttons">'
        '<button type="button" data-do="in" aria-label="Zoom in">+</button>'
        '<button type="button" data-do="out" aria-label="Zoom out">−</button>'
        '<button type="button" data-do="all">Whole map</button></div>'
        '<div class="hint">scroll to zoom, drag to move, click a name or a label; '
        "distances across the map mean little</div></div></figure>"
    )


def _arrangements(content: TopologyPage) -> str:
    """Buttons that choose which of several maps are shown."""
    choices = [*((str(i), shown.title) for i, shown in enumerate(content.maps))]
    choices.append((_SIDE_BY_SIDE, "side by side"))
    first = _SIDE_BY_SIDE if content.side_by_side else "0"
    buttons = "".join(
        f'<button type="button" data-arrange="{value}" '
        f'aria-pressed="{"true" if value == first else "false"}">{text(title)}</button>'
        for value, title in choices
    )
    return f'<div class="arrange" role="group" aria-label="Maps shown">{buttons}</div>'


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<section id="notes"><h2>Notes</h2><ul class="notes">{items}</ul></section>'
