"""Parts of a self-contained HTML page; every text that comes in is escaped here."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from namebasis.terms import sentence
from namebasis.wording import between, percent, visible

if TYPE_CHECKING:
    from jinja2 import Environment

# The browser itself then refuses any request, whatever a name or a library may hold.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)


def asset(name: str) -> str:
    """Text of a file packaged in `namebasis/report/assets`."""
    return resources.files("namebasis.report").joinpath("assets", name).read_text("utf-8")


def render(template: str, **values: Any) -> str:
    """Fill a template of `namebasis/report/templates`.

    Every text is escaped and its control characters are written out, unless it is Markup.
    Templates know `asset`, `policy`, and the filters `percent`, `place` (a share as the length of
    a bar), `between` (an interval, of its two ends) and `sentence` (what a word means, or None).

    Parameters
    ----------
    template : str
        File name without ``.html.j2``.
    **values
        What the template names; a name without a value is refused.

    Returns
    -------
    str
        HTML.
    """
    return _templates().get_template(f"{template}.html.j2").render(**values)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        is_text = isinstance(value, str) and not isinstance(value, Markup)
        return visible(str(value), keep="\n\t") if is_text else value

    loader = PackageLoader("namebasis.report")
    made = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, finalize=shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.globals |= {"asset": lambda name: Markup(asset(name)), "policy": Markup(_POLICY)}
    made.filters |= {
        "between": lambda ends: between(*ends), "percent": percent, "place": _length,
        "sentence": sentence,
    }  # fmt: skip
    return made


def _length(share: float) -> str:
    """A share in [0, 1] as a length in CSS; beyond its ends the nearer one."""
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"


def text(value: object) -> str:
    """Escape a value for HTML content and quoted attributes."""
    return html.escape(visible(str(value), keep="\n\t"), quote=True)


def tiles(facts: Iterable[tuple[str, str]]) -> str:
    """Figures with a caption each: pairs of (figure, caption)."""
    cells = "".join(
        f"<div><b>{text(value)}</b><span>{text(name)}</span></div>" for value, name in facts
    )
    return f'<section class="tiles">{cells}</section>'


def definitions(pairs: Iterable[tuple[str, object]]) -> str:
    """A list of terms and their values."""
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs)
    return f"<dl>{rows}</dl>"


def table(
    head: Sequence[str],
    rows: Iterable[str],
    *,
    identifier: str = "",
    folded: bool = False,
    sortable: bool = False,
    section: str = "",
) -> str:
    """A table of rows that are HTML already; a column whose title begins with # is numeric.

    Titles are explained on hover and focus; `section` is the heading of docs/measures.md that is
    meant where a word has several senses.

    Rows of class `more` are hidden while the table is `folded`; the page's script sorts a
    `sortable` one by the column that is pressed.
    """

    def cell(title: str) -> str:
        word = title.removeprefix("#").strip()
        said = sentence(word, section)
        told = f' class="term" title="{text(said)}"' if said else ""
        if sortable:
            inside = f'<button type="button"{told}>{text(word)}</button>'
        else:
            inside = f'<span tabindex="0"{told}>{text(word)}</span>' if told else text(word)
        kind = ' class="n"' if title.startswith("#") else ""
        return f'<th scope="col"{kind}>{inside}</th>'

    named = f' id="{text(identifier)}"' if identifier else ""
    hides = ' class="folded"' if folded else ""
    cells = "".join(map(cell, head))
    return (
        f"<table{named}{hides}><thead><tr>{cells}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def bar(
    value: float, *, mark: float | None = None, interval: tuple[float, float] | None = None
) -> str:
    """A bar for a share in [0, 1], with a mark (chance) and an interval on it."""

    parts = f'<i style="width:{_length(value)}"></i>'
    title = f"{value:.3f}"
    if interval is not None:
        low, high = interval
        parts += f'<s style="left:{_length(low)};width:{_length(high - low)}"></s>'
        title += f" ({low:.3f} to {high:.3f})"
    if mark is not None:
        parts += f'<u style="left:{_length(mark)}"></u>'
        title += f", by chance {mark:.3f}"
    return f'<div class="bar" title="{text(title)}">{parts}</div>'


def embedded_json(identifier: str, value: object) -> str:
    """Data for the page's script, in a form that no text in it can close."""
    raw = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = raw.replace("<", "\\u003c")
    return f'<script type="application/json" id="{text(identifier)}">{safe}</script>'


def _plain(value: object) -> object:
    """The same with every text made visible, keys too."""
    if isinstance(value, str):
        # Line separators end no line in JSON, and a search must find the name as it is.
        return visible(value, keep="\n\t\u2028\u2029")
    if isinstance(value, Mapping):
        return {_plain(key): _plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(held) for held in value]
    return value


def page(title: str, body: str, *, head: str = "", scripts: str = "") -> str:
    """Put a whole document together; `body`, `head` and `scripts` are HTML already.

    What a figure's library wrote into them by itself is made visible here.
    """
    body, head = visible(body, keep="\n\t\r"), visible(head, keep="\n\t\r")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{asset('page.css')}</style>\n{head}\n</head>\n"
        f"<body>\n{body}\n{scripts}\n</body>\n</html>\n"
    )
