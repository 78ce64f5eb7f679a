"""The plane of two diversities, with the medoid picture of each name as its dot."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.encoders.thumbnails import thumbnails
from namebasis.report import charts
from namebasis.report.charts import FAINT, LINE, SOFT
from namebasis.report.page import render
from namebasis.results import cell
from namebasis.studies.pictures.results import NameDiversity, PictureDiversity
from namebasis.wording import between, counted, percent

WIDTH, HEIGHT = 1120, 640
"""Units of the drawing, and its room at the left and below for the axes."""
_LEFT, _BELOW, _TOP, _RIGHT = 64, 52, 22, 40
_DOT = 46
"""Units of a picture's side."""
_INCHES = np.array([7.0, 4.2])
"""Room for names in the figure."""
_MOST_DOTS, _MOST_SHOWN, _MOST_ROWS = 120, 12, 500
_SHUFFLED = 200
_LEAST = 1e-4
"""Trace from which names are told apart on the plane."""


@dataclass(frozen=True)
class Axis:
    """An axis from one place of the drawing to another, with room for a picture at either end."""

    low: float
    high: float
    start: float
    stop: float
    is_log: bool

    @classmethod
    def over(cls, values: Float64Array, start: float, stop: float, *, is_log: bool) -> Axis:
        low, high = float(values.min()), float(values.max())
        if is_log:
            low, high = np.log10([low, high]).tolist()
        if high - low < 1e-6:
            low, high = low - 0.5, high + 0.5
        room = 0.6 * _DOT * (high - low) / (abs(stop - start) - 1.2 * _DOT)
        return cls(low - room, high + room, start, stop, is_log)

    def at(self, values: Float64Array | float) -> Any:
        shown = np.log10(values) if self.is_log else np.asarray(values)
        share = (shown - self.low) / (self.high - self.low)
        return np.round(self.start + share * (self.stop - self.start), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        from matplotlib.ticker import LogLocator, MaxNLocator

        low, high = self.low, self.high
        if self.is_log:
            low, high = 10**low, 10**high
            steps = LogLocator(subs=(1.0, 2.0, 5.0)).tick_values(low, high)
        else:
            steps = MaxNLocator(6).tick_values(low, high)
        inside = [float(step) for step in steps if low <= step <= high]
        return [(float(self.at(step)), f"{step:.6g}") for step in inside]


def spread_out(x: Float64Array, y: Float64Array, room: float, most: int) -> list[int]:
    """Points that may be shown as pictures without covering each other, the outermost first."""
    middle = np.hypot((x - np.median(x)) / WIDTH, (y - np.median(y)) / HEIGHT)
    kept: list[int] = []
    for at in np.argsort(-middle, kind="stable").tolist():
        if len(kept) == most:
            break
        far = np.maximum(np.abs(x[kept] - x[at]), np.abs(y[kept] - y[at])) >= room
        if far.all():
            kept.append(at)
    return kept


def html_of(found: PictureDiversity) -> str:
    """One HTML document that asks no host."""
    placed = [one for one in found.names if one.trace is not None and one.log_det is not None]
    measured = [one for one in found.names if one.trace is not None]
    n = min(_MOST_SHOWN, len(measured) // 2)
    ends = [*measured[:n], *measured[len(measured) - n :][::-1]]
    uris = _Small([*ends])
    return render(
        "picture_diversity", title="How varied the pictures of names are", found=found,
        plane=_plane(found, placed) if placed else None, width=WIDTH, height=HEIGHT, dot=_DOT,
        groups=[("Most alike", ends[:n]), ("Most varied", ends[n:])] if n else [],
        uris=uris, table=_table(found), remarks=found.notes(),
        reasons=_reasons(found), shown=cell, between=between, percent=percent,
        provenance=[(key.replace("_", " "), cell(value)) for key, value in found.parameters.items()
                    if value not in (None, "")],
    )  # fmt: skip


class _Small:
    """Medoids of some names as data URIs, read together."""

    def __init__(self, names: Sequence[NameDiversity]) -> None:
        paths = list(dict.fromkeys(one.path for one in names if one.path is not None))
        self._made = dict(zip(paths, thumbnails(paths), strict=True))

    def of(self, one: NameDiversity) -> str | None:
        return None if one.path is None else self._made.get(one.path)


def _table(found: PictureDiversity) -> dict[str, Any]:
    (table,) = found.tables()
    at = list(table.columns).index("medoid")
    columns = [name for name in table.columns if name != "medoid"]
    rows = [[v for i, v in enumerate(row) if i != at] for row in table.rows[:_MOST_ROWS]]
    words = [
        all(isinstance(row[i], str) or row[i] is None for row in rows) for i in range(len(columns))
    ]
    return {
        "columns": [name if is_text else f"#{name}"
                    for name, is_text in zip(columns, words, strict=True)],
        "rows": rows, "words": words, "n_left": len(table.rows) - len(rows),
    }  # fmt: skip


def _reasons(found: PictureDiversity) -> list[tuple[str, str]]:
    counts: dict[str, int] = {}
    for one in found.names:
        if one.reason is not None:
            counts[one.reason] = counts.get(one.reason, 0) + 1
    ranked = sorted(counts.items(), key=lambda row: -row[1])
    return [(reason, counted(n, "name")) for reason, n in ranked]


def _plane(found: PictureDiversity, placed: Sequence[NameDiversity]) -> dict[str, Any]:
    values = _values(placed)
    cloud = _cloud(found)
    every = np.concatenate([values, cloud])
    across = Axis.over(every[:, 0], _LEFT, WIDTH - _RIGHT, is_log=True)
    up = Axis.over(every[:, 1], HEIGHT - _BELOW, _TOP, is_log=False)
    x, y = across.at(values[:, 0]), up.at(values[:, 1])
    shown = spread_out(x, y, _DOT + 3, _MOST_DOTS)
    uris = dict(zip(shown, thumbnails([placed[at].path or "" for at in shown]), strict=True))
    return {
        "across": across.ticks, "up": up.ticks, "left": _LEFT, "floor": HEIGHT - _BELOW,
        "top": _TOP, "right": WIDTH - _RIGHT,
        "cloud": list(zip(across.at(cloud[:, 0]), up.at(cloud[:, 1]), strict=True)),
        "dots": [(one, float(x[at]), float(y[at]), uris.get(at)) for at, one in enumerate(placed)],
    }  # fmt: skip


def _values(placed: Sequence[NameDiversity]) -> Float64Array:
    """Both values of each name; equal pictures, whose trace is 0, at the left end."""
    values = np.array(
        [(one.trace.value, one.log_det.value) for one in placed if one.trace and one.log_det]
    )
    return np.asarray(np.maximum(values, [_LEAST, 0.0]))


def _cloud(found: PictureDiversity) -> Float64Array:
    """Shuffled names that are drawn."""
    cloud = found.shuffled[np.isfinite(found.shuffled).all(axis=1)][:_SHUFFLED]
    return np.asarray(np.maximum(cloud, [_LEAST, 0.0]))


@charts.chart
def draw_plane(found: PictureDiversity, *, n_pictures: int = 40, side: float = 0.42) -> Any:
    """Names by trace and log-determinant, some with their medoid picture.

    Parameters
    ----------
    found : PictureDiversity
    n_pictures : int
        Names whose picture is drawn at most; the others are dots.
    side : float
        Inches of a picture.

    Raises
    ------
    ValueError
        If no name has both values.
    """
    placed = [one for one in found.names if one.trace is not None and one.log_det is not None]
    if not placed:
        raise ValueError("no name has pictures enough for both diversities; see .notes().")
    figure, (panel,) = charts.new_figure(width=9.0, height=5.6)
    values = _values(placed)
    cloud = _cloud(found)
    panel.set_xscale("log")
    panel.scatter(*cloud.T, s=9, color=LINE, label="shuffled pictures", zorder=1)
    panel.scatter(*values.T, s=14, color=FAINT, label="names", zorder=2)
    x, y = (
        (column - column.min()) / (np.ptp(column) or 1) * inches
        for column, inches in zip(
            (np.log(values[:, 0]), values[:, 1]), _INCHES * _shares(values, cloud), strict=True
        )
    )
    shown = spread_out(x, y, side * 1.05, n_pictures)
    for at, uri in zip(shown, thumbnails([placed[at].path or "" for at in shown]), strict=True):
        if uri is not None:
            _put(panel, uri, values[at], side)
    panel.set_xlabel("trace: variance of a name's pictures in all directions, log scale")
    panel.set_ylabel(f"log det of {found.n_matched} pictures (bits)")
    panel.legend(loc="lower right")
    panel.margins(0.1)
    return figure


def _shares(values: Float64Array, cloud: Float64Array) -> Float64Array:
    """Which share of the width and of the height of the figure the names take."""
    every = np.concatenate([values, cloud])
    spans = np.stack([np.ptp(np.log(every[:, 0])), np.ptp(every[:, 1])])
    own = np.stack([np.ptp(np.log(values[:, 0])), np.ptp(values[:, 1])])
    return np.asarray(own / np.where(spans > 0, spans, 1.0))


def _put(panel: Any, uri: str, place: Float64Array, side: float) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage
    from PIL import Image

    picture = np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))))
    zoom = side * 72 / max(picture.shape[:2])
    box = OffsetImage(picture, zoom=zoom, dpi_cor=True)
    frame = {"edgecolor": SOFT, "linewidth": 0.6}
    panel.add_artist(AnnotationBbox(box, tuple(place), pad=0.05, bboxprops=frame, zorder=3))
