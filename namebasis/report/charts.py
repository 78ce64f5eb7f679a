"""How charts look: one style, drawn by matplotlib once for pages and files alike."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache, wraps
from typing import IO, Any

INK, SOFT, LINE = "#1a202c", "#525c6e", "#cfd5df"
FILL, WARM, FAINT = "#2a76e2", "#c2410c", "#9aa3b2"
# What the page's style sheet calls them, so that a chart follows the page's colours.
_VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", WARM: "--warm", FAINT: "--faint",
              FILL: "--fill"}  # fmt: skip
_STYLE = {
    "font.size": 10, "svg.fonttype": "none",
    "svg.hashsalt": "namebasis", "figure.dpi": 100, "savefig.dpi": 200,
    "text.color": INK, "axes.labelcolor": SOFT, "xtick.color": SOFT, "ytick.color": SOFT,
    "axes.edgecolor": LINE, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 11, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.axisbelow": True, "grid.color": LINE, "grid.linewidth": 0.6,
    "legend.frameon": False, "legend.fontsize": 9, "legend.labelcolor": INK,
    # A notebook may be dark: a figure brings its own ground; pages take it off.
    "figure.facecolor": "white", "axes.facecolor": "none",
}  # fmt: skip


def chart(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Run a drawing function in this style, whatever the user's own settings are."""

    @wraps(draw)
    def styled(*arguments: Any, **options: Any) -> Any:
        with styled_context():
            return draw(*arguments, **options)

    return styled


def styled_context() -> Any:
    """The style, for as long as the context is open."""
    import matplotlib as mpl
    from matplotlib import rcParamsDefault

    kept = {key: value for key, value in rcParamsDefault.items() if key != "backend"}
    return mpl.rc_context({**kept, **_STYLE, "font.family": list(_families())})


@cache
def _families() -> tuple[str, ...]:
    """The font that comes with matplotlib, then whatever of Noto's many scripts is installed."""
    from matplotlib.font_manager import fontManager

    found = {entry.name for entry in fontManager.ttflist if entry.name.startswith("Noto Sans")}
    return ("DejaVu Sans", *sorted(found))


@cache
def _fonts() -> tuple[Any, ...]:
    from matplotlib.font_manager import findfont, get_font

    return tuple(get_font(findfont(family)) for family in _families())


def drawable(words: str, otherwise: str) -> str:
    """The words where the fonts at hand have all their letters, else what stands for them."""
    letters = {ord(letter) for letter in words if not letter.isspace()}
    known = all(any(font.get_char_index(code) for font in _fonts()) for code in letters)
    # A dollar sign would begin a formula.
    return (words if known else otherwise).replace("$", r"\$")


def new_figure(n_columns: int = 1, *, width: float = 7.0, height: float = 3.0) -> tuple[Any, Any]:
    """A figure of `width` × `height` inches, axes side by side: (figure, list of axes)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # which knows the size of texts before anything is written
    axes = figure.subplots(1, n_columns, squeeze=False)[0]
    return figure, list(axes)


def to_svg(figure: Any, name: str) -> str:
    """An SVG element for a page: text stays text, colours follow the page's, ids are `name`'s."""
    stream = io.BytesIO()
    with styled_context():
        save(figure, stream, "svg", ground="none")
    drawn = stream.getvalue().decode("utf-8")
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"""font: ([\d.]+px)[^;"]*""", r"font-size: \1", drawn)
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)
    drawn = re.sub(r'url\(#|(?<=xlink:href=")#', lambda found: f"{found[0]}{name}-", drawn)
    for color, variable in _VARIABLES.items():
        drawn = drawn.replace(color, f"var({variable})")
    return drawn.replace("<svg ", '<svg role="img" aria-hidden="true" ', 1)


def save(figure: Any, stream: IO[bytes], form: str, *, ground: str = "white") -> None:
    """Write a figure as ``png`` or ``svg``; one figure gives one file, whatever the day."""
    with styled_context():
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(stream, format=form, facecolor=ground, metadata=metadata)


def captioned(svg: str, caption: str) -> str:
    """A chart with its caption, which is escaped by the caller."""
    return f'<figure class="chart">{svg}<figcaption>{caption}</figcaption></figure>'
