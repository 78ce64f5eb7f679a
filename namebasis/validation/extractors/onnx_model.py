"""Any ONNX model with a card, a small TOML file that says what goes in and what comes out.

A card::

    file = "age.onnx"              # beside the card
    licence = "MIT"                # optional

    [input]
    size = [112, 112]              # height, width
    layout = "nchw"                # or "nhwc"
    channels = "rgb"               # or "bgr"
    scale = 255.0                  # pixels are divided by it, then
    mean = [0.5, 0.5, 0.5]         # this is taken off, in the order of channels, and
    std = [0.5, 0.5, 0.5]          # it is divided by this

    [[outputs]]
    name = "age_probs"             # of the model's output
    attribute = "age"
    activation = "softmax"         # softmax, sigmoid or none
    labels = ["child", "adult"]    # left out: the output is a number
    positions = [8, 40]            # optional: where labels stand, in `unit`
    unit = "years"                 # optional
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.encoders.loading import first_line
from namebasis.errors import EncoderError, MissingExtraError
from namebasis.reading import UnreadableError, digest_of, is_regular, read_toml
from namebasis.validation.extractors.base import Attribute, Extractor, Found, softmax

if TYPE_CHECKING:
    from PIL.Image import Image

ACTIVATIONS = ("softmax", "sigmoid", "none")
_INPUT_KEYS = {"size", "layout", "channels", "scale", "mean", "std"}
_OUTPUT_KEYS = {"name", "attribute", "activation", "labels", "positions", "unit"}


@dataclass(frozen=True)
class ImageInput:
    """How pixels are laid out for a model; see the module's card."""

    size: tuple[int, int]
    layout: str = "nchw"
    channels: str = "rgb"
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def array(self, images: list[Image]) -> np.ndarray:
        """Return the batch as float32."""
        from PIL import Image as Pillow

        height, width = self.size
        sized = [image.resize((width, height), Pillow.Resampling.BICUBIC) for image in images]
        pixels = np.stack([np.asarray(image, dtype=np.float32) for image in sized])
        if self.channels == "bgr":
            pixels = pixels[..., ::-1]
        pixels = (pixels / self.scale - np.array(self.mean)) / np.array(self.std)
        if self.layout == "nchw":
            pixels = pixels.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(pixels, dtype=np.float32)


@dataclass(frozen=True)
class OnnxOutput:
    """One output of a model and what it means."""

    name: str
    attribute: Attribute
    activation: str

    def read(self, values: np.ndarray) -> Found:
        """Turn an output's values, (n, n_labels) or (n,) or (n, 1), into a measurement."""
        raw = values.astype(np.float64).reshape(len(values), -1)
        labels = self.attribute.labels
        if raw.shape[1] != max(1, len(labels)):
            raise EncoderError(
                f"output {self.name!r} is {raw.shape[1]} wide, but the card names "
                f"{len(labels) or 'no'} labels."
            )
        if not labels:
            return Found(values=_activated(raw, self.activation)[:, 0])
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
    ) -> None:
        self._session, self._given, self._outputs = session, given, outputs
        self.spec, self.licence, self.fingerprint = spec, licence, fingerprint
        self.attributes = tuple(output.attribute for output in outputs)
        there = [output.name for output in session.get_outputs()]
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
        names = [output.name for output in self._outputs]
        try:
            values = self._session.run(names, {self._input: self._given.array(images)})
        except Exception as error:  # the runtime raises its own types
            raise EncoderError(f"{self.spec}: the model failed: {first_line(error)}") from None
        return [output.read(v) for output, v in zip(self._outputs, values, strict=True)]


def load_onnx(card: str | Path, *, device: str | None = None) -> OnnxModel:
    """Load a model by its card.

    Raises
    ------
    EncoderError
        If the card breaks its form (it says which key), or the model cannot be read.
    MissingExtraError
        If onnxruntime is not installed.
    """
    path = Path(card)
    try:
        data = read_toml(path)
    except UnreadableError as error:
        raise EncoderError(f"{path}: cannot be read as a card ({error.reason}).") from None
    try:
        given, outputs = _input(data.get("input")), _outputs(data.get("outputs"))
        if unknown := sorted(set(data) - {"file", "licence", "input", "outputs"}):
            raise ValueError(f"unknown keys {', '.join(unknown)}")
        file = path.parent / str(data["file"])
    except KeyError as error:
        raise EncoderError(f"{path}: the card has no key {error}.") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise EncoderError(f"{path}: {error}.") from None
    session = _session(file, device)
    parts = (digest_of(part) for part in (path, file))
    return OnnxModel(
        session, given, outputs, f"onnx:{path}", data.get("licence"), fingerprint=" ".join(parts)
    )


def _session(file: Path, device: str | None) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("an ONNX model", "onnx") from None
    if not is_regular(file):
        raise EncoderError(f"{file}: the card names this model, and it does not exist.")
    wanted = ["CUDAExecutionProvider"] if (device or "").startswith("cuda") else []
    try:
        return onnxruntime.InferenceSession(str(file), providers=[*wanted, "CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own types
        raise EncoderError(f"{file} cannot be read: {first_line(error)}") from None


def _input(table: object) -> ImageInput:
    if not isinstance(table, Mapping):
        raise ValueError("a table [input] is missing")
    if unknown := sorted(set(table) - _INPUT_KEYS):
        raise ValueError(f"[input] has unknown keys {', '.join(unknown)}")
    size = table["size"]
    if not (
        isinstance(size, list)
        and len(size) == 2
        and all(isinstance(s, int) and s > 0 for s in size)
    ):
        raise ValueError(f"size must be [height, width]; got {size!r}")
    made = ImageInput((size[0], size[1]), **{k: _plain(v) for k, v in table.items() if k != "size"})
    if made.layout not in {"nchw", "nhwc"} or made.channels not in {"rgb", "bgr"}:
        raise ValueError("layout must be nchw or nhwc, channels rgb or bgr")
    if len(made.mean) != 3 or len(made.std) != 3 or not all(made.std) or not made.scale:
        raise ValueError("mean and std must be 3 numbers, std and scale not 0")
    return made


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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
        found.append(OnnxOutput(str(table["name"]), attribute, activation))
    return tuple(found)
