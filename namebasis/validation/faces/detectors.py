"""Detectors of faces: ONNX models with a card, and OpenCV's own reader of YuNet.

A card of a detector is like one of an extractor (`namebasis.validation.extractors.onnx_model`)
but for::

    family = "yunet"               # yunet, scrfd or yolo: how its outputs are read
    strides = [8, 16, 32]          # pixels a cell; not of yolo
    anchors = 2                    # boxes a cell; of scrfd
    labels = ["person", "face"]    # of yolo
    score = 0.5                    # the least that counts as a face
    overlap = 0.4                  # the most that two boxes may share, over their union
    outputs = ["score_8", …]       # their names, head by head; left out: in the model's order
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.encoders.loading import first_line
from namebasis.errors import EncoderError, MissingExtraError
from namebasis.reading import digest_of, is_regular
from namebasis.validation.extractors.onnx_input import (
    Card,
    ImageInput,
    open_session,
    read_card,
    read_input,
)
from namebasis.validation.faces.alignment import Box
from namebasis.validation.faces.contract import Face, FaceFinder, Faces
from namebasis.validation.faces.decoding import Boxes, inside, merged, scrfd, yolo, yunet

if TYPE_CHECKING:
    from PIL.Image import Image

PACKAGED = ("yunet", "scrfd", "person-face")
"""Cards that come with the package; weights are given by path."""
OPENCV = "opencv"
FORMS = (
    "FILE.onnx of YuNet, SCRFD or a YOLO of persons and faces; yunet=, scrfd= or "
    "person-face=FILE.onnx; opencv=FILE.onnx (YuNet by OpenCV); CARD.toml"
)
_FAMILIES = {"yunet": 4, "scrfd": 3, "yolo": 1}
"""With how many heads an output a stride."""
_KEYS = {
    "file", "licence", "family", "strides", "anchors", "labels", "score", "overlap", "outputs",
    "input",
}  # fmt: skip
_LEAST_INSIDE = 0.5
"""Share of a face that lies in the box of its person."""
_OPENCV_SIDE = 640


class OnnxFaces(FaceFinder):
    """Runs a detector as its card says.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    card : Card
    spec : str

    Raises
    ------
    EncoderError
        If the card breaks its form, or the model does not fit it.
    """

    _given: ImageInput
    _outputs: list[str]

    def __init__(self, session: Any, card: Card, spec: str) -> None:
        self._session, self.spec, self.fingerprint = session, spec, card.fingerprint
        try:
            self._read(card.data)
        except KeyError as error:
            raise EncoderError(f"{card.where}: the card has no key {error}.") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise EncoderError(f"{card.where}: {error}.") from None
        inputs = session.get_inputs()
        if len(inputs) != 1:
            raise EncoderError(f"{spec}: the model takes {len(inputs)} inputs; one image is given.")
        self._input = inputs[0].name
        self._given = _as_model(self._given, inputs[0].shape)
        there = [output.name for output in session.get_outputs()]
        if missing := [name for name in self._outputs if name not in there]:
            raise EncoderError(
                f"{spec}: the model has no output {missing[0]!r}; it has {', '.join(there)}."
            )
        self._outputs = self._outputs or there
        n = _FAMILIES[self._family] * max(1, len(self._strides))
        least = n - len(self._strides) if self._family == "scrfd" else n
        if not least <= len(self._outputs) <= n:
            raise EncoderError(
                f"{spec}: {self._family} with strides {list(self._strides)} has {n} outputs; the "
                f"model has {len(self._outputs)}: {', '.join(self._outputs)}."
            )

    def _read(self, data: Mapping[str, Any]) -> None:
        if unknown := sorted(set(data) - _KEYS):
            raise ValueError(f"unknown keys {', '.join(unknown)}")
        self.licence = data.get("licence")
        self._family = data["family"]
        if self._family not in _FAMILIES:
            raise ValueError(f"family must be one of {', '.join(_FAMILIES)}; got {self._family!r}")
        self._labels = [str(label) for label in data.get("labels", ["face"])]
        if "face" not in self._labels:
            raise ValueError(f"labels must hold face; got {', '.join(self._labels)}")
        self.finds_persons = "person" in self._labels
        strides = [] if self._family == "yolo" else data["strides"]
        self._strides = [int(stride) for stride in strides]
        self._anchors = int(data.get("anchors", 1))
        if self._anchors < 1 or any(stride < 1 for stride in self._strides):
            raise ValueError("strides and anchors must be at least 1")
        self._score, self._overlap = float(data["score"]), float(data["overlap"])
        if not (0 < self._score < 1 and 0 < self._overlap <= 1):
            raise ValueError("score and overlap must lie between 0 and 1")
        self._outputs = [str(name) for name in data.get("outputs", [])]
        self._given = read_input(data.get("input"))

    def find(self, image: Image) -> list[Face]:
        """See `FaceFinder`."""
        pixels = self._given.array([image], at_corner=True)
        try:
            values = self._session.run(self._outputs, {self._input: pixels})
        except Exception as error:  # the runtime raises its own types
            raise EncoderError(f"{self.spec}: the model failed: {first_line(error)}") from None
        try:
            found = merged(self._decoded(values), self._score, self._overlap)
        except ValueError as error:
            raise EncoderError(f"{self.spec}: {error}.") from None
        sides = np.array([self._given.size[1] / image.width, self._given.size[0] / image.height])
        if self._given.fit == "letterbox":
            sides[:] = self._given.ratio(image)
        points = None if found.points is None else found.points / sides
        whole = replace(found, boxes=found.boxes / np.tile(sides, 2), points=points)
        return _faces(whole, self._labels)

    def _decoded(self, values: Sequence[np.ndarray]) -> Boxes:
        if self._family == "yunet":
            return yunet(values, self._given.size, self._strides)
        if self._family == "scrfd":
            return scrfd(values, self._given.size, self._strides, self._anchors)
        return yolo(values, len(self._labels))


def _as_model(given: ImageInput, shape: Sequence[Any]) -> ImageInput:
    """The size that a model fixes, where it does."""
    sides = shape[2:4] if given.layout == "nchw" else shape[1:3]
    if len(sides) == 2 and all(isinstance(side, int) and side > 0 for side in sides):
        return replace(given, size=(sides[0], sides[1]))
    return given


def _faces(found: Boxes, labels: Sequence[str]) -> list[Face]:
    """Faces, each with the person's box that holds the most of it, the smaller of equal ones."""
    persons = found.taken(np.flatnonzero(found.kinds == _number(labels, "person")))
    faces = []
    for at in np.flatnonzero(found.kinds == labels.index("face")):
        body = None
        if len(persons.boxes):
            shares = np.round(inside(found.boxes[at], persons.boxes), 3)
            areas = (persons.boxes[:, 2:] - persons.boxes[:, :2]).prod(axis=1)
            best = np.lexsort((areas, -shares))[0]
            if shares[best] >= _LEAST_INSIDE:
                body = _box(persons.boxes[best])
        points = None
        if found.points is not None:
            points = tuple((float(x), float(y)) for x, y in found.points[at])
        faces.append(Face(_box(found.boxes[at]), float(found.scores[at]), points, body))
    return faces


def _number(labels: Sequence[str], label: str) -> int:
    return labels.index(label) if label in labels else -1


def _box(row: np.ndarray) -> Box:
    left, top, right, bottom = row.tolist()
    return left, top, right, bottom


class OpenCVFaces(FaceFinder):
    """YuNet by OpenCV's FaceDetectorYN, with the settings of the packaged card.

    Parameters
    ----------
    file : Path
        The ONNX model.
    spec : str

    Raises
    ------
    EncoderError
        If it is missing, or OpenCV cannot read it.
    MissingExtraError
        If OpenCV is not installed.
    """

    licence = "MIT"

    def __init__(self, file: Path, spec: str) -> None:
        try:
            import cv2
        except ImportError:
            raise MissingExtraError("YuNet by OpenCV", "faces") from None
        if not is_regular(file):
            raise EncoderError(f"{file}: there is no such file.")
        try:
            self._detector = cv2.FaceDetectorYN.create(
                str(file), "", (_OPENCV_SIDE, _OPENCV_SIDE), 0.6, 0.3
            )
        except cv2.error as error:
            raise EncoderError(f"{file} cannot be read: {first_line(error)}") from None
        self.spec, self.fingerprint = spec, f"opencv 0.6 0.3 {digest_of(file)}"

    def find(self, image: Image) -> list[Face]:
        """See `FaceFinder`."""
        import cv2

        ratio = min(1.0, _OPENCV_SIDE / max(image.size))
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        pixels = np.ascontiguousarray(np.asarray(image.resize(size))[:, :, ::-1])
        self._detector.setInputSize(size)
        try:
            _, rows = self._detector.detect(pixels)
        except cv2.error as error:
            raise EncoderError(f"{self.spec}: the model failed: {first_line(error)}") from None
        faces = []
        for row in np.empty((0, 15)) if rows is None else np.asarray(rows, dtype=np.float64):
            left, top, width, height = row[:4] / ratio
            points = tuple((float(x), float(y)) for x, y in row[4:14].reshape(5, 2) / ratio)
            box = (float(left), float(top), float(left + width), float(top + height))
            faces.append(Face(box, float(row[14]), points))
        return faces


def load_faces(card: str | Path, *, device: str | None = None) -> Faces:
    """Load the face step.

    Parameters
    ----------
    card : str or Path
        See `FORMS`.
    device : str, optional

    Raises
    ------
    EncoderError
        If there is no such card, it breaks its form, or the model cannot be read.
    MissingExtraError
        If the library that it needs is not installed.
    """
    name, equals, file = str(card).partition("=")
    if name == OPENCV:
        if not file:
            raise EncoderError("opencv needs the weights of YuNet: opencv=FILE.onnx.")
        return Faces(OpenCVFaces(Path(file), str(card)))
    if Path(card).suffix == ".onnx" and not (equals and name in PACKAGED):
        card = f"{_packaged_for(Path(card), device)}={card}"
    read = read_card(card, PACKAGED, what="the detector")
    return Faces(OnnxFaces(open_session(read.file, device), read, str(card)))


def _packaged_for(file: Path, device: str | None) -> str:
    """The packaged card that a model's outputs fit."""
    if not is_regular(file):
        raise EncoderError(f"{file}: there is no such file. Give {FORMS}.")
    outputs = open_session(file, device).get_outputs()
    names = {output.name for output in outputs}
    if {"cls_8", "obj_8", "bbox_8", "kps_8"} <= names:
        return "yunet"
    if len(outputs) in (6, 9):
        return "scrfd"
    if len(outputs) == 1 and outputs[0].shape[1:2] == [6]:
        return "person-face"
    raise EncoderError(
        f"{file}: its outputs {', '.join(sorted(names))} are those of no packaged card; describe "
        f"them in one. Give {FORMS}."
    )
