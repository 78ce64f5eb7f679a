"""Image files as encoders want them: upright RGB; a bad file is recorded and stops nothing."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from namebasis.checks import FloatArray, check_count
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder, ImageLike

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".avif")
MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded: a small file can hold a huge one."""


@dataclass(frozen=True)
class ImageFailure:
    """A file that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImageEmbeddings:
    """Vectors of the files that could be read.

    Attributes
    ----------
    paths : tuple of str
        In the order of `vectors`.
    vectors : ndarray of shape (n_paths, dim), float32
        Unit rows.
    failures : tuple of ImageFailure
        The files left out.
    """

    paths: tuple[str, ...]
    vectors: FloatArray
    failures: tuple[ImageFailure, ...]


def open_image(image: ImageLike) -> Image.Image:
    """Return an image as RGB, the way up it was meant.

    EXIF orientation is applied, transparency laid on white, 16-bit depth scaled to 8, and of an
    animation the first frame taken.

    Parameters
    ----------
    image : PIL image, str or Path, or uint8 array of shape (height, width[, 3 or 4])

    Raises
    ------
    EncoderError
        If it cannot be read (the file and the reason), or holds over 100 million pixels.
    ValueError
        If an array has another shape or type.
    """
    if isinstance(image, (str, Path)):
        try:
            with warnings.catch_warnings():
                # Pillow only warns up to twice its limit; ours is checked below, before decoding.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(image) as opened:
                    return _as_rgb(opened)
        except EncoderError as error:
            raise EncoderError(f"{image}: {error}") from None
        except UnidentifiedImageError:
            raise EncoderError(f"{image}: not an image, or of an unknown format.") from None
        except Image.DecompressionBombError:
            raise EncoderError(f"{image}: {_too_large()}") from None
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise EncoderError(f"{image}: cannot be read ({_reason(error)}).") from None
    if isinstance(image, np.ndarray):
        if (
            image.dtype != np.uint8
            or image.ndim not in (2, 3)
            or image.shape[2:] not in ((), (3,), (4,))
        ):
            raise ValueError(
                "an image array must be uint8 of shape (height, width), (…, 3) or (…, 4); "
                f"got {image.dtype} of shape {image.shape}."
            )
        return _as_rgb(Image.fromarray(image))
    if isinstance(image, Image.Image):
        return _as_rgb(image)
    raise ValueError(
        f"an image must be a PIL image, a path or an array; got {type(image).__name__}."
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0] if str(error) else "empty"


def _too_large() -> str:
    return f"more than {MAX_PIXELS:,} pixels; refused as a decompression bomb."


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise EncoderError(_too_large())
    image.seek(0) if getattr(image, "n_frames", 1) > 1 else None
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale deep greyscale to 8 bits; Pillow's own conversion clips it to white."""
    values = np.asarray(image, dtype=np.float64)
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(values.max(initial=0)))
    if image.mode.startswith("I") and values.max(initial=0) > top:
        top = float(values.max())
    return Image.fromarray(np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8))


def list_images(folder: str | Path) -> list[Path]:
    """Return the image files below a folder, by suffix, in the order of their paths.

    Raises
    ------
    EncoderError
        If there is no such folder, or no image in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise EncoderError(f"{root}: there is no such folder of images.")
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise EncoderError(f"{root}: no image in it (looked for {', '.join(SUFFIXES)}).")
    return found


def read_images(
    images: Iterable[ImageLike], *, workers: int | None = None
) -> Iterator[Image.Image | ImageFailure]:
    """Decode images in worker threads, a few ahead of the reader, in their order.

    Yields
    ------
    PIL image or ImageFailure
        One per input; a file that cannot be read gives its reason and stops nothing.
    """
    n_workers = check_count(workers or min(8, os.cpu_count() or 1), "workers")
    with ThreadPoolExecutor(n_workers) as pool:
        ahead: deque[Future[Image.Image | ImageFailure]] = deque()
        for image in images:
            ahead.append(pool.submit(_try_open, image))
            if len(ahead) > 2 * n_workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _try_open(image: ImageLike) -> Image.Image | ImageFailure:
    label = str(image) if isinstance(image, (str, Path)) else type(image).__name__
    try:
        return open_image(image)
    except (EncoderError, ValueError) as error:
        return ImageFailure(label, str(error).removeprefix(f"{label}: "))
    except MemoryError:
        return ImageFailure(label, "not enough memory to decode it.")


def encode_image_files(
    encoder: Encoder,
    images: str | Path | Sequence[str | Path],
    *,
    batch_size: int = 32,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageEmbeddings:
    """Embed a folder or a list of image files.

    Parameters
    ----------
    encoder : Encoder
        One that reads images.
    images : folder, or sequence of paths
    batch_size, workers : int
        Images per forward, decoding threads.
    progress : callable, optional
        Called with files done and files in all.

    Raises
    ------
    EncoderError
        If the encoder reads no images, the folder holds none, or no file could be read.
    """
    if not encoder.has_images:
        raise EncoderError(f"{encoder.spec} reads no images; use an image-text encoder.")
    check_count(batch_size, "batch_size")
    paths = list_images(images) if isinstance(images, (str, Path)) else [Path(p) for p in images]
    kept: list[str] = []
    failures: list[ImageFailure] = []
    parts: list[FloatArray] = []
    batch: list[Any] = []
    for done, (path, image) in enumerate(
        zip(paths, read_images(paths, workers=workers), strict=True), start=1
    ):
        if isinstance(image, ImageFailure):
            failures.append(image)
        else:
            kept.append(str(path))
            batch.append(image)
        if batch and (len(batch) == batch_size or done == len(paths)):
            parts.append(encoder.encode_images(batch))
            batch.clear()
        if progress is not None:
            progress(done, len(paths))
    if batch:
        parts.append(encoder.encode_images(batch))
    if not parts:
        first = f" ({failures[0].path}: {failures[0].reason})" if failures else ""
        raise EncoderError(f"none of {len(paths)} images could be read{first}.")
    return ImageEmbeddings(tuple(kept), np.concatenate(parts), tuple(failures))
