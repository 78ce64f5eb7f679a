"""Image files, many at a time: found in folders, read in threads, embedded, bad ones recorded."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from namebasis.checks import FloatArray, Progress, check_count
from namebasis.encoders.base import Encoder
from namebasis.encoders.image_archives import is_packed
from namebasis.encoders.image_plugins import missing, suffixes
from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError, NamebasisWarning

SUFFIXES = suffixes() | frozenset(
    [".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]
)
"""What `list_images` takes for an image; HEIC and JPEG XL where Pillow's plug-ins are."""
_OTHERS = frozenset((".svg", ".psd", ".raw", ".dng", ".nef"))
_NUMBER = re.compile(r"\d[\d,.]*")


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


def _passed_over(error: OSError) -> None:
    message = f"{error.filename}: {error.strerror}; no image in this folder is read."
    warnings.warn(message, NamebasisWarning, stacklevel=4)


def list_images(folder: str | Path, *, may_be_none: bool = False) -> list[Path]:
    """Return the image files under a folder, by their suffix, sorted by path.

    Parameters
    ----------
    folder : str or Path
    may_be_none : bool
        Return an empty list where there is none.

    Raises
    ------
    EncoderError
        If there is no such folder, or no image in it.
    """
    root = Path(folder)
    if not os.path.isdir(root):
        more = "; unpack it and give the folder" if is_packed(root) else ""
        raise EncoderError(f"{root} is not a folder{more}.")
    found = sorted(
        Path(place, name)
        for place, _, names in os.walk(root, onerror=_passed_over)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    )
    if not found and not may_be_none:
        raise EncoderError(
            f"{root} holds no image file ({', '.join(sorted(SUFFIXES))})."
            + "".join(f" {told}." for told in passed_over(root))
        )
    return found


def passed_over(root: Path) -> Iterator[str]:
    """Say which files of a folder are pictures of a kind that is not read, and what to do."""
    wanting = missing()
    found = Counter(
        suffix
        for _, _, names in os.walk(root)
        for name in names
        if (suffix := Path(name).suffix.lower()) in _OTHERS or suffix in wanting
    )
    for suffix, count in sorted(found.items()):
        files = "file is" if count == 1 else "files are"
        plugin = wanting.get(suffix)
        remedy = "convert to jpg or png" if plugin is None else plugin.remedy
        yield f"{count:,} {suffix} {files} left out; {remedy} to use them"


def by_reason(failures: Iterable[ImageFailure]) -> dict[str, list[str]]:
    """Paths of files by why they could not be read; reasons that differ in numbers are one."""
    found: dict[str, tuple[str, list[str]]] = {}
    for failure in failures:
        reason = failure.reason.rstrip(".")
        found.setdefault(_NUMBER.sub("0", reason), (reason, []))[1].append(failure.path)
    return dict(found.values())


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
