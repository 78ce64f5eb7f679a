"""Self-contained HTML pages from templates that escape every text."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from namebasis.report.palette import ON_DARK
from namebasis.results import cell
from namebasis.terms import sentence
from namebasis.wording import between, percent, percentile, visible, z_score

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

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
    Templates know `asset`, `policy`, and the filters `percent`, `number` (with a dash for none),
    `percentile`, `place` (a share as the length of a bar), `between` (an interval, of
    its two ends), `isolated` (names with commas), `sentence` (what a word means, or
    None), `shown` (a value as tables show it) and `swatch` (a colour of the palette as CSS that
    follows the ground).

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
    made.globals |= {
        "asset": lambda name: Markup(asset(name)), "policy": Markup(_POLICY), "log2": math.log2,
    }  # fmt: skip
    filters: dict[str, Callable[..., Any]] = {
        "percentile": percentile, "between": lambda ends: between(*ends), "percent": percent,
        "place": _length, "number": _number, "isolated": _isolated, "sentence": sentence,
        "swatch": _swatch, "z_score": z_score, "shown": cell,
    }  # fmt: skip
    made.filters |= filters
    return made


def _length(share: float) -> str:
    """A share in [0, 1] as a length in CSS; beyond its ends the nearer one."""
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"


def _number(value: float | None, digits: int = 3) -> str:
    """A figure for a cell; a dash where there is none."""
    # What rounds to nothing has no sign.
    return "–" if value is None or value != value else f"{round(value, digits) + 0:.{digits}f}"


def _swatch(color: str, on_dark: Mapping[str, str] = ON_DARK) -> str:
    """A ground of a colour, in CSS; browsers that know of dark pages show the dark one there."""
    dark = on_dark.get(color)
    return f"background:{color}" + (f";background:light-dark({color},{dark})" if dark else "")


def _isolated(names: Iterable[str]) -> Markup:
    """Names in a row, each by itself, as some are written from the right."""
    from markupsafe import Markup

    one = Markup("<bdi>{}</bdi>")
    return Markup(", ").join(one.format(visible(name, keep="\n\t")) for name in names)


def embedded_json(identifier: str, value: object) -> str:
    """Data for the page's script, in a form that no text in it can close."""
    raw = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = raw.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="{html.escape(identifier)}">{safe}</script>'


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
