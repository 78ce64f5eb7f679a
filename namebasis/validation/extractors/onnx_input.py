"""What cards of ONNX models have in common: where they lie, how pixels go in, how weights open."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.encoders.loading import first_line
from namebasis.errors import EncoderError, MissingExtraError
from namebasis.reading import (
    UnreadableError,
    digest_of,
    is_regular,
    packaged_text,
    parse_toml,
    read_text,
)

if TYPE_CHECKING:
    from PIL.Image import Image

FITS = ("letterbox", "stretch")
_INPUT_KEYS = {"size", "layout", "channels", "scale", "mean", "std", "fit", "fill"}


@dataclass(frozen=True)
class ImageInput:
    """How pixels are laid out for a model.

    Attributes
    ----------
    size : tuple of int
        Height and width.
    layout : str
        nchw or nhwc.
    channels : str
        rgb or bgr.
    scale, mean, std : float, tuples of 3 floats
        Pixels are divided by `scale`; `mean` is taken off and they are divided by `std`, in the
        order of channels.
    fit : str
        "letterbox" keeps a picture's proportions and fills the rest, "stretch" does not.
    fill : int
        Grey value of the rest, 0 to 255.
    """

    size: tuple[int, int]
    layout: str = "nchw"
    channels: str = "rgb"
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    fit: str = "letterbox"
    fill: int = 0

    def fitted(self, image: Image, *, at_corner: bool = False) -> Image:
        """The picture in the model's size; letterboxed, in the middle or at the top left."""
        from PIL import Image as Pillow

        height, width = self.size
        if self.fit == "stretch":
            return image.resize((width, height), Pillow.Resampling.BICUBIC)
        ratio = self.ratio(image)
        inner = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        sized = image.resize(inner, Pillow.Resampling.BICUBIC)
        if inner == (width, height):
            return sized
        whole = Pillow.new("RGB", (width, height), (self.fill,) * 3)
        spare = (width - inner[0], height - inner[1])
        whole.paste(sized, (0, 0) if at_corner else (spare[0] // 2, spare[1] // 2))
        return whole

    def ratio(self, image: Image) -> float:
        """Pixels of the letterboxed picture per pixel of the picture."""
        return min(self.size[0] / image.height, self.size[1] / image.width)

    def array(self, images: Sequence[Image], *, at_corner: bool = False) -> np.ndarray:
        """Return the batch as float32."""
        sized = [self.fitted(image, at_corner=at_corner) for image in images]
        pixels = np.stack([np.asarray(image, dtype=np.float32) for image in sized])
        if self.channels == "bgr":
            pixels = pixels[..., ::-1]
        pixels = (pixels / self.scale - np.array(self.mean)) / np.array(self.std)
        if self.layout == "nchw":
            pixels = pixels.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(pixels, dtype=np.float32)


@dataclass(frozen=True)
class Card:
    """A card and the weights that it describes.

    Attributes
    ----------
    data : mapping
    where : str
        As errors name it.
    file : Path
        The weights.
    fingerprint : str
        Of both.
    """

    data: Mapping[str, Any]
    where: str
    file: Path
    fingerprint: str


def read_card(given: str | Path, packaged: Sequence[str], *, what: str) -> Card:
    """Read a card: a file, or ``NAME=WEIGHTS.onnx`` with the name of a packaged one.

    Raises
    ------
    EncoderError
        If there is no such card, it cannot be read, or names no weights that exist.
    """
    name, equals, weights = str(given).partition("=")
    if name in packaged:
        if not weights:
            raise EncoderError(
                f"{what} {name} needs the model's weights, which are not packaged: "
                f"{name}=FILE.onnx."
            )
        where, text = name, packaged_text("cards", f"{name}.toml")
    else:
        where = str(given)
        try:
            text = read_text(where)
        except UnreadableError as error:
            cards = ", ".join(f"{one}=FILE.onnx" for one in packaged)
            raise EncoderError(
                f"{where}: cannot be read as a card ({error.reason}). Packaged cards are {cards}."
            ) from None
    try:
        data = parse_toml(text, where)
    except UnreadableError as error:
        raise EncoderError(f"{where}: cannot be read as a card ({error.reason}).") from None
    if equals and name in packaged:
        file = Path(weights)
    elif isinstance(data.get("file"), str):
        file = Path(where).parent / data["file"]
    else:
        raise EncoderError(f"{where}: the card has no key 'file'.")
    if not is_regular(file):
        raise EncoderError(f"{file}: the card names this model, and it does not exist.")
    told = hashlib.sha256(text.encode()).hexdigest()
    return Card(data, where, file, f"{told} {digest_of(file)}")


def open_session(file: Path, device: str | None) -> Any:
    """Open an ONNX model.

    Raises
    ------
    EncoderError
        If it cannot be read.
    MissingExtraError
        If onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("an ONNX model", "onnx") from None
    wanted = ["CUDAExecutionProvider"] if (device or "").startswith("cuda") else []
    try:
        return onnxruntime.InferenceSession(str(file), providers=[*wanted, "CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own types
        raise EncoderError(f"{file} cannot be read: {first_line(error)}") from None


def read_input(table: object) -> ImageInput:
    """The [input] of a card.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it breaks its form.
    """
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
    if made.fit not in FITS:
        raise ValueError(f"fit must be one of {', '.join(FITS)}; got {made.fit!r}")
    if not (isinstance(made.fill, int) and 0 <= made.fill <= 255):
        raise ValueError(f"fill must be a grey value, 0 to 255; got {made.fill!r}")
    if len(made.mean) != 3 or len(made.std) != 3 or not all(made.std) or not made.scale:
        raise ValueError("mean and std must be 3 numbers, std and scale not 0")
    return made


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
