"""Any ONNX model with a card, a small TOML file that says what goes in and what comes out.

A card::

    file = "age.onnx"              # beside the card
    licence = "MIT"                # optional
    takes = "face"                 # or "person", "whole" (default): what --faces cuts out for it
    margin = 0.2                   # optional: around the box, as a share of its sides
    square = true                  # optional: the shorter side of the box as long as the longer
    align = "arcface"              # optional: the face turned onto ArcFace's five points instead

    [input]
    size = [112, 112]              # height, width
    fit = "letterbox"              # keeps proportions (default), or "stretch"
    fill = 0                       # grey value beside the picture, 0 to 255
    layout = "nchw"                # or "nhwc"
    channels = "rgb"               # or "bgr"
    scale = 255.0                  # pixels are divided by it, then
    mean = [0.5, 0.5, 0.5]         # this is taken off, in the order of channels, and
    std = [0.5, 0.5, 0.5]          # it is divided by this

    [[outputs]]
    name = "age_probs"             # of the model's output; left out where it has one
    columns = [0, 2]               # optional: from the first to before the second, of a longer row
    attribute = "age"
    activation = "softmax"         # softmax, sigmoid or none
    labels = ["child", "adult"]    # left out: the output is a number
    positions = [8, 40]            # optional: where labels stand, in `unit`
    unit = "years"                 # optional
    scale = 100.0                  # of a number, optional: the output times it
    offset = 0.0                   # plus this

`PACKAGED` cards are taken by name, with the weights by path: ``onnx:swinface=FILE.onnx``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.encoders.loading import first_line
from namebasis.errors import EncoderError
from namebasis.validation.extractors.base import Attribute, Extractor, Found, softmax
from namebasis.validation.extractors.onnx_input import (
    ImageInput,
    open_session,
    read_card,
    read_input,
)
from namebasis.validation.faces.alignment import template_points
from namebasis.validation.faces.contract import WHOLE, Region

if TYPE_CHECKING:
    from PIL.Image import Image

PACKAGED = ("swinface", "fairface", "fairface-onnx")
"""Cards that come with the package."""
ACTIVATIONS = ("softmax", "sigmoid", "none")
_KEYS = {"file", "licence", "input", "outputs", "takes", "margin", "square", "align"}
_OUTPUT_KEYS = {
    "name", "columns", "attribute", "activation", "labels", "positions", "unit", "scale", "offset",
}  # fmt: skip


@dataclass(frozen=True)
class OnnxOutput:
    """One output of a model and what it means; see the module's card."""

    name: str
    attribute: Attribute
    activation: str
    columns: tuple[int, int] | None = None
    scale: float = 1.0
    offset: float = 0.0

    def read(self, values: np.ndarray) -> Found:
        """Turn an output's values, (n, n_labels) or (n,) or (n, 1), into a measurement."""
        raw = values.astype(np.float64).reshape(len(values), -1)
        if self.columns is not None:
            if self.columns[1] > raw.shape[1]:
                raise EncoderError(
                    f"output {self.name!r} is {raw.shape[1]} wide, and the card reads columns up "
                    f"to {self.columns[1]}."
                )
            raw = raw[:, self.columns[0] : self.columns[1]]
        labels = self.attribute.labels
        if raw.shape[1] != max(1, len(labels)):
            raise EncoderError(
                f"output {self.name!r} is {raw.shape[1]} wide, but the card names "
                f"{len(labels) or 'no'} labels."
            )
        if not labels:
            number = _activated(raw, self.activation)[:, 0]
            return Found(values=number * self.scale + self.offset)
        shares = _activated(raw, self.activation)
        total = shares.sum(axis=1, keepdims=True)
        if (shares < 0).any() or (total <= 0).any():
            raise EncoderError(
                f"output {self.name!r} is no distribution under activation "
                f"{self.activation!r}; take softmax or sigmoid."
            )
        return Found(shares / total)


def _activated(raw: Float64Array, activation: str) -> Float64Array:
    if activation == "softmax":
        return softmax(raw)
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(raw, -50, 50))))
    return raw


class OnnxModel(Extractor):
    """Runs an ONNX model as its card says.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    given : ImageInput
    outputs : tuple of OnnxOutput
    spec : str
    licence : str, optional
    fingerprint : str
        Of the card and the model.
    region : Region
        What of a picture it takes.

    Raises
    ------
    EncoderError
        If the model has no output of a name on the card, or not one input.
    """

    def __init__(
        self,
        session: Any,
        given: ImageInput,
        outputs: tuple[OnnxOutput, ...],
        spec: str,
        licence: str | None = None,
        *,
        fingerprint: str = "",
        region: Region = WHOLE,
    ) -> None:
        self._session, self._given = session, given
        self.spec, self.licence, self.fingerprint = spec, licence, fingerprint
        self.regions = (region,)
        self.attributes = tuple(output.attribute for output in outputs)
        there = [output.name for output in session.get_outputs()]
        if len(there) == 1:
            outputs = tuple(
                output if output.name else replace(output, name=there[0]) for output in outputs
            )
        self._outputs = outputs
        missing = [output.name for output in outputs if output.name not in there]
        if missing:
            raise EncoderError(
                f"{spec}: the model has no output {missing[0]!r}; it has {', '.join(there)}."
            )
        inputs = session.get_inputs()
        if len(inputs) != 1:
            raise EncoderError(f"{spec}: the model takes {len(inputs)} inputs; one image is given.")
        self._input = inputs[0].name

    def _measure(self, images: list[Image]) -> list[Found]:
        names = list(dict.fromkeys(output.name for output in self._outputs))
        try:
            run = self._session.run(names, {self._input: self._given.array(images)})
        except Exception as error:  # the runtime raises its own types
            raise EncoderError(f"{self.spec}: the model failed: {first_line(error)}") from None
        values = dict(zip(names, run, strict=True))
        return [output.read(values[output.name]) for output in self._outputs]


def load_onnx(card: str | Path, *, device: str | None = None) -> OnnxModel:
    """Load a model by its card: a file, or ``NAME=FILE.onnx`` with the name of a packaged one.

    Raises
    ------
    EncoderError
        If the card breaks its form (it says which key), or the model cannot be read.
    MissingExtraError
        If onnxruntime is not installed.
    """
    read = read_card(card, PACKAGED, what="the card")
    data = read.data
    try:
        if unknown := sorted(set(data) - _KEYS):
            raise ValueError(f"unknown keys {', '.join(unknown)}")
        given, outputs = read_input(data.get("input")), _outputs(data.get("outputs"))
        region = _region(data, given)
    except KeyError as error:
        raise EncoderError(f"{read.where}: the card has no key {error}.") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise EncoderError(f"{read.where}: {error}.") from None
    # Before letterboxing a card was read otherwise: what it measured then is not the same.
    return OnnxModel(
        open_session(read.file, device), given, outputs, f"onnx:{card}", data.get("licence"),
        fingerprint=f"{read.fingerprint} {given.fit}", region=region,
    )  # fmt: skip


def _region(data: Mapping[str, Any], given: ImageInput) -> Region:
    margin, square, align = data.get("margin", 0.0), data.get("square", False), data.get("align")
    if align not in (None, "arcface"):
        raise ValueError(f"align must be arcface, or left out; got {align!r}")
    if not (isinstance(margin, (int, float)) and 0 <= margin <= 2):
        raise ValueError(f"margin must lie between 0 and 2; got {margin!r}")
    if not isinstance(square, bool):
        raise ValueError(f"square must be true or false; got {square!r}")
    region = Region(
        data.get("takes", "whole"), float(margin), square, given.size if align else None
    )
    if region.part != "face" and align:
        raise ValueError('align is of faces; take takes = "face"')
    if region.align is not None:
        template_points(region.align)
    return region


def _outputs(tables: object) -> tuple[OnnxOutput, ...]:
    if not isinstance(tables, list) or not tables:
        raise ValueError("one or more [[outputs]] are needed")
    found = []
    for table in tables:
        if unknown := sorted(set(table) - _OUTPUT_KEYS):
            raise ValueError(f"[[outputs]] has unknown keys {', '.join(unknown)}")
        activation = table.get("activation", "none")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}"
            )
        attribute = Attribute(
            table["attribute"],
            tuple(map(str, table.get("labels", ()))),
            tuple(map(float, table.get("positions", ()))),
            str(table.get("unit", "rank")),
        )
        columns = table.get("columns")
        if columns is not None and not (
            isinstance(columns, list)
            and len(columns) == 2
            and all(isinstance(one, int) for one in columns)
            and 0 <= columns[0] < columns[1]
        ):
            raise ValueError(f"columns must be [first, before the last]; got {columns!r}")
        found.append(
            OnnxOutput(
                str(table.get("name", "")), attribute, activation,
                None if columns is None else (columns[0], columns[1]), *_line(table),
            )
        )  # fmt: skip
    if len(found) > 1 and len({(one.name, one.columns) for one in found}) < len(found):
        raise ValueError("two of [[outputs]] read the same output")
    return tuple(found)


def _line(table: Mapping[str, Any]) -> tuple[float, float]:
    """Scale and offset of a number."""
    scale, offset = table.get("scale", 1.0), table.get("offset", 0.0)
    for name, value in (("scale", scale), ("offset", offset)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{name} must be a number; got {value!r}")
    if table.get("labels") and {"scale", "offset"} & set(table):
        raise ValueError("scale and offset are of a number; labels have positions")
    if not scale:
        raise ValueError("scale must not be 0")
    return float(scale), float(offset)
