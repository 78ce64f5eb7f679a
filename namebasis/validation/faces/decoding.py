"""From the outputs of published detectors to boxes: YuNet, SCRFD and YOLO.

All boxes are left, top, right and bottom in pixels of the model's input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import Float64Array, IntArray


@dataclass(frozen=True)
class Boxes:
    """What a detector found, before overlapping boxes are merged.

    Attributes
    ----------
    boxes : ndarray of shape (n, 4), float64
    scores : ndarray of shape (n,), float64
        In [0, 1].
    points : ndarray of shape (n, 5, 2), float64, or None
        Eyes, nose and corners of the mouth, from left to right in the picture.
    kinds : ndarray of shape (n,), int
        Number of the label, 0 where there is one.
    """

    boxes: Float64Array
    scores: Float64Array
    points: Float64Array | None
    kinds: IntArray

    def taken(self, at: IntArray | Sequence[int]) -> Boxes:
        """Some of them, in the order of their numbers."""
        points = None if self.points is None else self.points[at]
        return Boxes(self.boxes[at], self.scores[at], points, self.kinds[at])


def yunet(outputs: Sequence[np.ndarray], size: tuple[int, int], strides: Sequence[int]) -> Boxes:
    """Decode YuNet as OpenCV's FaceDetectorYN does.

    Parameters
    ----------
    outputs : sequence of ndarray
        ``cls``, ``obj``, ``bbox`` and ``kps`` of every stride, in this order: a cell's chance of a
        class, and of an object; its centre as an offset from the cell and the logarithm of its
        sides, in cells; five points as offsets from the cell.
    size : tuple of int
        Height and width of the input.
    strides : sequence of int
        Pixels a cell.
    """
    n = len(strides)
    boxes, scores, points = [], [], []
    for at, stride in enumerate(strides):
        cells = _cells(size, stride, 1)
        classes, objects, box, kps = (
            _rows(outputs[at + n * head], len(cells), width)
            for head, width in enumerate((1, 1, 4, 10))
        )
        chances = np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1)
        scores.append(np.sqrt(chances))
        centre = (cells + box[:, :2]) * stride
        # A side of e^20 cells is beyond any picture; more would be infinite.
        half = np.exp(np.minimum(box[:, 2:], 20.0)) * stride / 2
        boxes.append(np.hstack([centre - half, centre + half]))
        points.append((cells[:, None] + kps.reshape(-1, 5, 2)) * stride)
    return _gathered(boxes, scores, points)


def scrfd(
    outputs: Sequence[np.ndarray],
    size: tuple[int, int],
    strides: Sequence[int],
    anchors: int,
) -> Boxes:
    """Decode SCRFD as insightface does.

    Parameters
    ----------
    outputs : sequence of ndarray
        Scores of every stride, then boxes of every stride, then points where the model gives them:
        distances from a cell's corner to the four sides, and offsets of five points, in cells.
    size : tuple of int
        Height and width of the input.
    strides : sequence of int
    anchors : int
        Boxes a cell.
    """
    n = len(strides)
    has_points = len(outputs) >= 3 * n
    boxes, scores, points = [], [], []
    for at, stride in enumerate(strides):
        cells = _cells(size, stride, anchors) * stride
        score = _rows(outputs[at], len(cells), 1)
        away = _rows(outputs[at + n], len(cells), 4) * stride
        scores.append(score[:, 0])
        boxes.append(np.hstack([cells - away[:, :2], cells + away[:, 2:]]))
        if has_points:
            offsets = _rows(outputs[at + 2 * n], len(cells), 10) * stride
            points.append(cells[:, None] + offsets.reshape(-1, 5, 2))
    return _gathered(boxes, scores, points if has_points else None)


def yolo(outputs: Sequence[np.ndarray], n_labels: int) -> Boxes:
    """Decode the one output of YOLOv8 and later, as ultralytics exports it.

    Parameters
    ----------
    outputs : sequence of one ndarray of shape (1, 4 + n_labels, n)
        Centre, width and height in pixels, and a chance per label.
    n_labels : int
    """
    raw = np.asarray(outputs[0], dtype=np.float64)
    if raw.ndim != 3 or raw.shape[0] != 1 or raw.shape[1] != 4 + n_labels:
        raise ValueError(
            f"an output of shape (1, {4 + n_labels}, n) is expected, 4 numbers of a box and "
            f"{n_labels} labels; got {raw.shape}"
        )
    rows = raw[0].T
    half = rows[:, 2:4] / 2
    boxes = np.hstack([rows[:, :2] - half, rows[:, :2] + half])
    return Boxes(boxes, rows[:, 4:].max(axis=1), None, rows[:, 4:].argmax(axis=1))


def merged(found: Boxes, least: float, most_overlap: float) -> Boxes:
    """Those with a score of at least `least`, best first, none of which overlaps a better one.

    Boxes of the same kind overlap by their intersection over their union.
    """
    wide = (found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1)
    sure = np.flatnonzero((found.scores >= least) & wide & np.isfinite(found.boxes).all(axis=1))
    order = sure[np.argsort(-found.scores[sure], kind="stable")]
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        same = found.kinds[rest] == found.kinds[best]
        order = rest[~same | (overlaps(found.boxes[best], found.boxes[rest]) <= most_overlap)]
    return found.taken(np.array(kept, dtype=np.int64))


def overlaps(box: Float64Array, others: Float64Array) -> Float64Array:
    """Intersection over union of one box with others, (n,)."""
    shared = _shared(box, others)
    return np.asarray(shared / (_area(box) + _area(others) - shared))


def inside(box: Float64Array, others: Float64Array) -> Float64Array:
    """Share of a box that lies in each of others, (n,)."""
    return np.asarray(_shared(box, others) / _area(box))


def _shared(box: Float64Array, others: Float64Array) -> Float64Array:
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=1))


def _area(boxes: Float64Array) -> Float64Array:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))


def _cells(size: tuple[int, int], stride: int, anchors: int) -> Float64Array:
    """Column and row of every cell, row after row, once per anchor."""
    rows, columns = size[0] // stride, size[1] // stride
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    return np.repeat(grid, anchors, axis=0).astype(np.float64)


def _rows(output: np.ndarray, n: int, width: int) -> Float64Array:
    """An output of shape (1, n, width), (n, width) or (n,)."""
    values = np.asarray(output, dtype=np.float64)
    if values.size != n * width or (values.ndim > 1 and values.shape[-1] != width):
        raise ValueError(f"an output of {n} x {width} numbers is expected; got {values.shape}")
    return values.reshape(n, width)


def _gathered(
    boxes: list[Float64Array], scores: list[Float64Array], points: list[Float64Array] | None
) -> Boxes:
    joined = np.concatenate(scores)
    whole = None if points is None else np.concatenate(points)
    return Boxes(np.concatenate(boxes), joined, whole, np.zeros(len(joined), dtype=np.int64))
