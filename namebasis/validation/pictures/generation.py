"""A few images per name, made by a text-to-image pipeline; an interrupted run goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from namebasis.checks import Progress, check_count, check_seed
from namebasis.encoders.base import check_template
from namebasis.errors import NamebasisError
from namebasis.reading import open_regular
from namebasis.results import Result, Table
from namebasis.validation.pictures.image_files import (
    ImageFile,
    folder_of,
    plain,
    read_about,
    write_image,
)
from namebasis.validation.pictures.pipelines import ImagePipeline, PaintOptions
from namebasis.wording import counted

TEMPLATES = ("a photo of {}",)
N_IMAGES = 9
_MADE_UP = "is_made_up"
_SCHEMA = pa.schema(
    {"name": pa.string(), "file": pa.string(), "prompt": pa.string(), "seed": pa.int64(),
     "source": pa.string(), "is_blank": pa.bool_(), "fingerprint": pa.string(),
     "context": pa.string()}
)  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Generated(Result):
    """What `generate` made or found.

    Attributes
    ----------
    images : tuple of ImageFile
        Name after name.
    n_made, n_found : int
        Made now, and already there from an earlier run.
    n_blank : int
        Blacked out by the pipeline's safety checker.
    remarks : tuple of str
        What a reader should know, such as a missing safety checker.
    """

    images: tuple[ImageFile, ...]
    n_made: int
    n_found: int
    n_blank: int
    remarks: tuple[str, ...]

    def headline(self) -> str:
        """How many images there are, and of how many names."""
        n_names = len({image.name for image in self.images})
        return (
            f"{self.n_made:,} images made, {self.n_found:,} already existed, of {n_names:,} names"
        )

    def tables(self) -> tuple[Table, ...]:
        """A row per image."""
        rows = [(image.name, image.seed, str(image.path)) for image in self.images]
        return (Table(("name", "seed", "file"), rows),)

    def notes(self) -> tuple[str, ...]:
        """What a reader should know before showing the images."""
        return self.remarks

    def to_arrow(self) -> pa.Table:
        """One row per image: name, file, prompt, seed, source, is_blank, fingerprint, context."""
        rows = [plain(image) | {"file": str(image.path)} for image in self.images]
        return pa.Table.from_pylist(rows, schema=_SCHEMA)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "images": [plain(image) for image in self.images],
            "n_made": self.n_made,
            "n_found": self.n_found,
            "n_blank": self.n_blank,
            "notes": list(self.remarks),
        }


@dataclass(frozen=True)
class _Wish:
    path: Path
    about: dict[str, Any]


def check_request(templates: Sequence[str], n_images: int, batch_size: int) -> list[str]:
    """Refuse what `generate` would, before a pipeline is loaded; the templates.

    Raises
    ------
    ValueError
    """
    check_count(n_images, "n_images")
    check_count(batch_size, "batch_size")
    wanted = [check_template(template) for template in templates]
    if not wanted:
        raise ValueError("templates must be at least one.")
    return wanted


def generate(
    pipeline: ImagePipeline,
    names: Sequence[str],
    folder: str | Path,
    *,
    templates: Sequence[str] = TEMPLATES,
    n_images: int = N_IMAGES,
    options: PaintOptions | None = None,
    made_up: Collection[str] = (),
    seed: int = 0,
    batch_size: int = 8,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Generated:
    """Make images of names.

    Image j of every name has the seed ``seed + j`` and the template ``j mod n_templates``, so
    names are compared under equal noise. A PNG that is there and was made of the same name,
    prompt, seed, weights and options is not made again.

    Parameters
    ----------
    pipeline : ImagePipeline
    names : sequence of str
    folder : str or Path
        One sub-folder per name is made in it.
    templates : sequence of str
        Each holds ``{}`` once; contexts are templates too.
    n_images : int
        Per name.
    options : PaintOptions, optional
    made_up : collection of str
        Those of the names that nobody bears; their images say so, also those of an earlier run.
    seed : int
        Of each name's first image.
    batch_size : int
        Images at a time; changes memory and speed, not the images (up to rounding).
    overwrite : bool
        Replace images of the same place that were made otherwise.
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    Generated

    Raises
    ------
    NamebasisError
        If an image of another making is in the way, or the disk refuses one.
    EncoderError
        If the pipeline fails.
    ValueError
        If a parameter is out of range, or names are missing or not distinct.
    """
    seed = check_seed(seed)
    size = check_count(batch_size, "batch_size")
    wanted = check_request(templates, n_images, batch_size)
    if not names or len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise ValueError("names must be one or more, not empty, and differ from each other.")
    # What a pipeline would do by default may change with its release, so it is said.
    chosen = pipeline.resolved(options or PaintOptions())
    wishes = [
        _wish(pipeline, name, Path(folder), wanted[j % len(wanted)], seed + j, chosen)
        for name in names
        for j in range(n_images)
    ]
    known = {wish.path: _there(wish, overwrite) for wish in wishes}
    nobody = set(made_up)
    for wish in wishes:
        _mark(wish, known, nobody)
    todo = [wish for wish in wishes if known[wish.path] is None]
    done = len(wishes) - len(todo)
    if progress is not None:
        progress(done, len(wishes))
    for start in range(0, len(todo), size):
        batch = todo[start : start + size]
        made = pipeline.paint(
            [wish.about["prompt"] for wish in batch],
            [wish.about["seed"] for wish in batch],
            chosen,
        )
        for wish, (image, is_blank) in zip(batch, made, strict=True):
            about = wish.about | {"is_blank": is_blank}
            if wish.about["name"] in nobody:
                about[_MADE_UP] = True
            write_image(wish.path, image, about)
            known[wish.path] = about
        if progress is not None:
            progress(done + start + len(batch), len(wishes))
    return _result(pipeline, wishes, known, len(todo))


def _wish(
    pipeline: ImagePipeline,
    name: str,
    folder: Path,
    template: str,
    seed: int,
    options: PaintOptions,
) -> _Wish:
    prompt = template.format(name)
    about = {
        "name": name,
        "prompt": prompt,
        "context": template,
        "seed": seed,
        "source": pipeline.spec,
        "fingerprint": pipeline.fingerprint,
        **asdict(options),
    }
    return _Wish(folder / folder_of(name) / f"{seed:06d}.png", about)


def _there(wish: _Wish, overwrite: bool) -> dict[str, Any] | None:
    """What is known of an image that need not be made again."""
    if not wish.path.exists() or (overwrite and read_about(wish.path) is None):
        return None
    about = read_about(wish.path)
    if about is None:
        raise NamebasisError(
            f"{wish.path} is broken, or was not made here. Remove it, or overwrite."
        )
    # A pipeline may lie elsewhere now: its weights count, not their place. The context is in the
    # prompt, and earlier versions did not write it.
    keys = [key for key in wish.about if key not in ("source", "context")]
    differs = [key for key in keys if about.get(key) != wish.about[key]]
    if not differs:
        return about
    if overwrite:
        return None
    key = differs[0]
    raise NamebasisError(
        f"{wish.path} was made with {key} {about.get(key)!r}, not {wish.about[key]!r}. Take "
        "another folder, or overwrite."
    )


def _mark(wish: _Wish, known: dict[Path, dict[str, Any] | None], nobody: Collection[str]) -> None:
    """Let an image of an earlier run say that nobody bears the name."""
    from PIL import Image

    about = known[wish.path]
    if about is None or about.get(_MADE_UP) or wish.about["name"] not in nobody:
        return
    with open_regular(wish.path) as content, Image.open(content) as image:
        image.load()
        write_image(wish.path, image, about | {_MADE_UP: True})
    known[wish.path] = about | {_MADE_UP: True}


def _result(
    pipeline: ImagePipeline,
    wishes: Sequence[_Wish],
    known: dict[Path, dict[str, Any] | None],
    n_made: int,
) -> Generated:
    images = []
    for wish in wishes:
        about = known[wish.path] or {}
        images.append(
            ImageFile(
                wish.about["name"],
                wish.path,
                wish.about["prompt"],
                wish.about["seed"],
                pipeline.spec,
                bool(about.get("is_blank")),
                pipeline.fingerprint,
                wish.about["context"],
                about.get(_MADE_UP) is True,
            )
        )
    n_blank = sum(image.is_blank for image in images)
    notes = []
    if not pipeline.has_safety_checker:
        notes.append(f"{pipeline.spec} has no safety checker: look before you show its images.")
    if n_blank:
        notes.append(
            f"{counted(n_blank, 'image was', 'images were')} blacked out by the safety checker; "
            "none is measured."
        )
    return Generated(tuple(images), n_made, len(wishes) - n_made, n_blank, tuple(notes))
