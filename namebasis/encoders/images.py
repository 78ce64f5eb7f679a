"""Image files and arrays to plain RGB images, many at a time, bad ones recorded."""

from __future__ import annotations

import logging
import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from namebasis.checks import FloatArray, Progress, check_count
from namebasis.errors import EncoderError, NamebasisWarning
from namebasis.reading import UnreadableError, open_regular

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

logger = logging.getLogger(__name__)

MAX_PIXELS = 89_478_485
"""Larger images are refused: a small file can unpack to any size. Pillow warns from here on."""
MAX_RATIO = 20
"""Longer images are refused: models scale the short side, and the long one grows with it."""
SUFFIXES = frozenset(
    [".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]
)
"""What `list_images` takes for an image."""


@dataclass(frozen=True)
class ImageFailure:
    """A file that could not be read.

    Attributes
    ----------
    path : str
    reason : str
    """

    path: str
    reason: str


@dataclass(frozen=True)
class ImageEmbeddings:
    """Images of files in an encoder's space.

    Attributes
    ----------
    paths : tuple of str
        The files that were read, in the order asked for.
    vectors : ndarray of shape (n_paths, dim), float32
        Unit rows.
    failures : tuple of ImageFailure
        The files that were not.
    """

    paths: tuple[str, ...]
    vectors: FloatArray
    failures: tuple[ImageFailure, ...]


def open_image(image: Image.Image | str | Path | np.ndarray) -> Image.Image:
    """Return an image upright, in 8-bit RGB.

    The EXIF orientation is applied, transparency laid on white, 16 bits scaled to 8, and of an
    animation the first frame taken.

    Parameters
    ----------
    image : PIL image, path, or uint8 array of shape (height, width) or (height, width, 1, 3 or 4)

    Raises
    ------
    EncoderError
        If a file is missing, broken, no image, unpacks to more than `MAX_PIXELS`, or has a side
        more than `MAX_RATIO` times as long as the other.
    ValueError
        If an array has another shape or type.
    """
    if isinstance(image, np.ndarray):
        return _read(_from_array(image), "an image array")
    if isinstance(image, Image.Image):
        label = str(getattr(image, "filename", "") or "an image")
        return _read(image, label)
    if not isinstance(image, (str, Path)):
        raise ValueError(
            f"an image must be a path, a PIL image or a uint8 array; got {type(image).__name__}."
        )
    path = Path(image)
    try:
        with open_regular(path) as stream:
            return _read_stream(stream, path)
    except UnreadableError as error:
        what = "the file does not exist" if error.is_missing else error.reason
        raise EncoderError(f"{path}: no image can be read, {what}.") from None


def _read_stream(stream: BinaryIO, path: Path) -> Image.Image:
    try:
        opened = Image.open(stream)
    except UnidentifiedImageError:
        is_empty = os.fstat(stream.fileno()).st_size == 0
        what = "is empty" if is_empty else "is not an image that Pillow can read"
        raise EncoderError(f"{path} {what}.") from None
    except Exception as error:  # decoders raise every type on hostile bytes
        raise EncoderError(f"{path} cannot be read: {error}") from None
    with opened:
        return _read(opened, str(path))


def _read(image: Image.Image, label: str) -> Image.Image:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise EncoderError(
            f"{label} unpacks to {width} x {height} pixels, more than {MAX_PIXELS:,}; "
            "scale it down."
        )
    if not width or not height:
        raise EncoderError(f"{label} has no pixels: {width} x {height}.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise EncoderError(
            f"{label} is {width} x {height} pixels, one side more than {MAX_RATIO} times as long "
            "as the other; crop it."
        )
    if image.format == "EPS":
        raise EncoderError(f"{label} is PostScript, a program that is never run; give pixels.")
    try:
        image.load()
        return _to_rgb(_upright(image, label))
    except Exception as error:  # decoders raise every type on hostile bytes
        raise EncoderError(f"{label} cannot be read: {error}") from None


def _upright(image: Image.Image, label: str) -> Image.Image:
    """Always a copy: the file can be closed, and the caller's image stays as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception as error:  # damaged EXIF data raise every type; the pixels are whole
        logger.info("%s: its orientation cannot be read (%s)", label, error)
        return image.copy()


def _from_array(array: np.ndarray) -> Image.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ValueError(
            "an image array must be uint8 of shape (height, width) or (height, width, 1, 3 or 4); "
            f"got {array.dtype} of shape {array.shape}."
        )
    if not array.size:
        raise ValueError(f"an image array must hold pixels; got shape {array.shape}.")
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and channels == 1 else array)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale a greyscale image of more than 8 bits; Pillow's own conversion would clip it.

    Where one value stands for transparency, it becomes an alpha channel.
    """
    values = np.asarray(image).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    top = 1.0 if image.mode == "F" else 65535.0
    if not (low >= 0 and high <= top):
        raise ValueError(
            f"its grey values run from {low:g} to {high:g}; expected 0 to {top:g} in mode "
            f"{image.mode}. Convert it to 8 bits"
        )
    grey = np.round(values * (255.0 / top)).astype(np.uint8)
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return Image.fromarray(grey)
    alpha = np.where(values == clear, 0, 255).astype(np.uint8)
    return Image.fromarray(np.stack([grey, alpha], axis=-1))


def _passed_over(error: OSError) -> None:
    message = f"{error.filename}: {error.strerror}; no image in this folder is read."
    warnings.warn(message, NamebasisWarning, stacklevel=4)


def list_images(folder: str | Path) -> list[Path]:
    """Return the image files under a folder, by their suffix, sorted by path.

    Raises
    ------
    EncoderError
        If there is no such folder, or no image in it.
    """
    root = Path(folder)
    if not os.path.isdir(root):
        is_archive = root.suffix.lower() in (".tar", ".zip", ".gz", ".tgz") and root.is_file()
        more = "; unpack it and give the folder" if is_archive else ""
        raise EncoderError(f"{root} is not a folder{more}.")
    found = sorted(
        Path(place, name)
        for place, _, names in os.walk(root, onerror=_passed_over)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    )
    if not found:
        raise EncoderError(f"{root} holds no image file ({', '.join(sorted(SUFFIXES))}).")
    return found


def by_reason(failures: Iterable[ImageFailure]) -> dict[str, list[str]]:
    """Paths of files by why they could not be read."""
    found: dict[str, list[str]] = {}
    for failure in failures:
        found.setdefault(failure.reason.rstrip("."), []).append(failure.path)
    return found


def read_images(
    paths: Iterable[str | Path], *, workers: int | None = None
) -> Iterator[tuple[int, Image.Image | ImageFailure]]:
    """Read images in worker threads, a few ahead of the consumer.

    Parameters
    ----------
    paths : iterable of paths
        Drawn as needed.
    workers : int, optional
        Threads; by default one per core, at most 8.

    Yields
    ------
    (int, Image or ImageFailure)
        The path's number and the image, in order; a bad file gives its reason.
    """
    default = min(8, os.cpu_count() or 1)
    n_workers = default if workers is None else check_count(workers, "workers")
    left = enumerate(paths)
    waiting: deque[tuple[int, Future[Image.Image | ImageFailure]]] = deque()
    with ThreadPoolExecutor(n_workers, thread_name_prefix="images") as pool:
        try:
            while True:
                for index, path in islice(left, 2 * n_workers - len(waiting)):
                    waiting.append((index, pool.submit(_try_to_open, path)))
                if not waiting:
                    return
                index, future = waiting.popleft()
                yield index, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _try_to_open(path: str | Path) -> Image.Image | ImageFailure:
    try:
        return open_image(path)
    except (EncoderError, ValueError) as error:
        return ImageFailure(str(path), str(error).removeprefix(str(path)).lstrip(": "))
    except (OSError, MemoryError) as error:
        return ImageFailure(str(path), str(error) or type(error).__name__)


def encode_image_files(
    encoder: Encoder,
    files: str | Path | Sequence[str | Path],
    *,
    batch_size: int = 32,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ImageEmbeddings:
    """Embed image files; a bad one is recorded and never stops the run.

    Parameters
    ----------
    encoder : Encoder
        One that reads images.
    files : path or sequence of paths
        A folder (see `list_images`), a file, or several files.
    batch_size : int
        Images encoded at a time; as many are held in memory.
    workers : int, optional
        Threads that decode; by default one per core, at most 8.
    progress : callable, optional
        Called with files done and files in all.

    Raises
    ------
    EncoderError
        If the encoder reads no images, or a folder holds none.
    """
    if not encoder.has_images:
        raise EncoderError(f"{encoder.spec} reads no images; use an encoder that does.")
    check_count(batch_size, "batch_size")
    if isinstance(files, (str, Path)):
        files = list_images(files) if os.path.isdir(files) else [files]
    good: list[str] = []
    failures: list[ImageFailure] = []

    def readable() -> Iterator[Image.Image]:
        for index, image in read_images(files, workers=workers):
            if isinstance(image, ImageFailure):
                failures.append(image)
            else:
                good.append(str(files[index]))
                yield image
            if progress is not None:
                progress(index + 1, len(files))

    images = readable()
    parts = [np.empty((0, encoder.dim), dtype=np.float32)]
    while batch := list(islice(images, batch_size)):
        parts.append(encoder.encode_images(batch, batch_size=batch_size))
    return ImageEmbeddings(tuple(good), np.concatenate(parts), tuple(failures))
