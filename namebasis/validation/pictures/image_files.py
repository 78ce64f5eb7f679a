"""Image files of names: what was made of what, kept in the files themselves."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.atomic import replacing_file
from namebasis.encoders.image_files import SUFFIXES, by_reason, list_images
from namebasis.errors import NamebasisError
from namebasis.namespace.corpus.image_labels import Find, label_images, names_of
from namebasis.namespace.corpus.pictures.tables import in_utf8
from namebasis.namespace.pictures.painted import KEY, context_of, read_about

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class ImageFile:
    """One image of a name.

    Attributes
    ----------
    name : str
    path : Path
    prompt : str or None
        None where it was not made here.
    seed : int or None
    source : str
        Spec of the pipeline, or "folder".
    is_blank : bool
        Blacked out by the pipeline's safety checker.
    fingerprint : str or None
        Of the pipeline's weights.
    context : str or None
        The prompt with ``{}`` for the name.
    is_made_up : bool
        Painted here as a picture of a name that nobody bears.
    """

    name: str
    path: Path
    prompt: str | None = None
    seed: int | None = None
    source: str = "folder"
    is_blank: bool = False
    fingerprint: str | None = None
    context: str | None = None
    is_made_up: bool = False


def folder_of(name: str) -> str:
    """Return a folder's name for a name: readable, safe on every system, distinct per name."""
    safe = re.sub(r"[^\w.-]+", "_", name, flags=re.UNICODE).strip("._")[:60]
    # Two names may become the same letters, and systems differ in what they fold.
    return f"{safe or 'name'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def write_image(path: Path, image: Image, about: Mapping[str, Any]) -> None:
    """Write a PNG that carries what it was made of; it appears whole or not at all.

    Raises
    ------
    NamebasisError
        If the disk refuses it.
    """
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt(KEY, json.dumps(about, ensure_ascii=False, sort_keys=True))
    text.add_itxt("prompt", str(about.get("prompt", "")))
    text.add_itxt("seed", str(about.get("seed", "")))
    content = BytesIO()
    image.save(content, "PNG", pnginfo=text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_file(path, overwrite=True) as stream:
            stream.write(content.getvalue())
    except OSError as error:
        raise NamebasisError(
            f"{path}: cannot be written ({error.strerror or error}). What is there is whole; the "
            "same command resumes from it."
        ) from None


def find_images(folder: str | Path, find: Find | None = None) -> list[ImageFile]:
    """As `read_images`, without the notes."""
    return read_images(folder, find)[0]


def read_images(
    folder: str | Path, find: Find | None = None
) -> tuple[list[ImageFile], tuple[str, ...]]:
    """Find the images of names in a folder or a table, in its order.

    An image made here says its own name; so do its neighbours that are broken. Of any other the
    name is read as for `add_images`; see `image_labels.label_images`.

    Parameters
    ----------
    folder : str or Path
    find : callable, optional
        Rows of stored names by their spelling; names that are stored are told from other folders
        by it.

    Returns
    -------
    images : list of ImageFile
    notes : tuple of str
        How names were read, and what was left out, with the reason.

    Raises
    ------
    EncoderError
        If there is no such folder or table, or no image in it.
    """
    root, find = Path(folder), find or _nobody
    found = []
    read = label_images(root, find)
    labels = dict(zip(read.files, read.labels, strict=True))
    spelt = names_of(read.labels, find)
    known = {
        path: read_about(path) if path.suffix.lower() == ".png" else None for path in read.files
    }
    # A broken image cannot say whose it was; its folder may hold another that can.
    names = {path.parent: about["name"] for path, about in known.items() if about is not None}
    for path, about in known.items():
        if about is not None:
            found.append(
                ImageFile(
                    about["name"],
                    path,
                    about["prompt"],
                    about["seed"],
                    about["source"],
                    about["is_blank"],
                    about.get("fingerprint"),
                    about.get("context") or context_of(about["prompt"], about["name"]),
                    about.get("is_made_up") is True,
                )
            )
        else:
            said = names.get(path.parent)
            if said is None or folder_of(said) != path.parent.name:
                said = spelt[labels[path]]
            found.append(ImageFile(unicodedata.normalize("NFC", said), path))
    left_out = by_reason(read.failures).items()
    told = (f"left out {len(paths):,}: {why} (such as {paths[0]})" for why, paths in left_out)
    return found, (*read.notes, *told)


def _nobody(names: Sequence[str]) -> list[int | None]:
    return [None] * len(names)


def empty_folders(folder: str | Path) -> list[str]:
    """Sub-folders without an image, sorted: names that were meant and will be missing."""
    root = Path(folder)
    if not root.is_dir():
        return []
    full = {path.relative_to(root).parts[0] for path in list_images(root)}
    return sorted(
        in_utf8(place.name)
        for place in root.iterdir()
        if place.is_dir() and place.name not in full and not place.name.startswith(".")
    )


def plain(image: ImageFile) -> dict[str, Any]:
    """Plain values for JSON."""
    return asdict(image) | {"path": str(image.path)}


__all__ = [
    "SUFFIXES",
    "ImageFile",
    "empty_folders",
    "find_images",
    "folder_of",
    "plain",
    "read_about",
    "read_images",
    "write_image",
]
