"""Parts of a self-contained HTML page; every text that comes in is escaped here."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from importlib import resources

# The browser itself then refuses any request, whatever a name or a library may hold.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)


def asset(name: str) -> str:
    """Text of a file packaged in `namebasis/report/assets`."""
    return resources.files("namebasis.report").joinpath("assets", name).read_text("utf-8")


def text(value: object) -> str:
    """Escape a value for HTML content and quoted attributes."""
    return html.escape(str(value), quote=True)


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


def table(head: Sequence[str], rows: Iterable[str], *, identifier: str = "") -> str:
    """A table of rows that are HTML already; a column whose title begins with # is numeric."""
    cells = "".join(
        f'<th class="n">{text(title[1:])}</th>'
        if title.startswith("#")
        else f"<th>{text(title)}</th>"
        for title in head
    )
    named = f' id="{text(identifier)}"' if identifier else ""
    return f"<table{named}><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def embedded_json(identifier: str, value: object) -> str:
    """Data for the page's script, in a form that no text in it can close."""
    raw = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = raw.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="{text(identifier)}">{safe}</script>'


def page(title: str, body: str, *, head: str = "", scripts: str = "") -> str:
    """Put a whole document together; `body`, `head` and `scripts` are HTML already."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{asset('page.css')}</style>\n{head}\n</head>\n"
        f"<body>\n{body}\n{scripts}\n</body>\n</html>\n"
    )
