"""The command nearest, and how commands read targets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import note
from namebasis.cli.outputs import refuse_existing
from namebasis.reading import LARGE, UnreadableError, read_array, read_json

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_LONGEST_LINE, _MOST_LETTERS = 100_000, 10_000_000
"""Letters of stdin; ten times what a target may have, and more targets than answers can be read."""
_TORCH = frozenset([".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"])


def read_targets(
    texts: list[str] | None,
    images: list[Path] | None,
    vectors: list[Path] | None,
    *,
    as_paths: bool = False,
) -> list[Any]:
    """Collect texts, images and vectors in the order of their kind; images as paths if asked."""
    targets: list[Any] = []
    for text in texts or []:
        if text == "-":
            targets += _read_lines()
        else:
            targets.append(text)
    if images:
        from namebasis.encoders.images import open_image

        seen = [open_image(path) for path in images]  # refuses what is no picture
        targets += images if as_paths else seen
    for path in vectors or []:
        targets += list(_read_vectors(path))
    for target in targets:
        if isinstance(target, str) and not target.isprintable() and "\\ud" in ascii(target):
            raise ValueError(f"a target is not UTF-8: {target!a}.")
    if not targets:
        raise ValueError("no target: give a name, a text, --image FILE or --vector FILE.")
    return targets


def say_unquoted(space: StoredSpace, texts: list[str] | None) -> None:
    """Say so where several targets look like the words of one text whose quotes are missing."""
    from namebasis.namespace.search.new_names import looks_like_name

    words = texts or []
    if len(words) < 2 or "-" in words or any(len(word.split()) != 1 for word in words):
        return
    rows = zip(words, space.find_all(words), strict=True)
    if any(row is None and not looks_like_name(word) for word, row in rows):
        note(f'{len(words)} targets; quote the text to ask it as one: "{" ".join(words)}"')


def _read_lines() -> list[str]:
    """Targets from stdin, one a line."""
    if sys.stdin is None:
        raise ValueError("stdin is closed, and - reads it. Give the targets, or pipe them in.")
    lines: list[str] = []
    size = 0
    while line := sys.stdin.readline(_LONGEST_LINE + 1):
        size += len(line)
        if len(line) > _LONGEST_LINE or size > _MOST_LETTERS:
            raise ValueError(
                f"stdin gives a line of over {_LONGEST_LINE:,} letters, or over {_MOST_LETTERS:,} "
                "in all. Give fewer targets, one a line."
            )
        if line.strip():
            lines.append(line.rstrip("\n"))
    return lines


def _read_vectors(path: Path) -> Any:
    """Rows of a .npy, .npz or .json file."""
    import numpy as np

    if path.suffix.lower() in _TORCH:
        raise ValueError(
            f"--vector {path}: {path.suffix} files may hold code and are not read. In Python: "
            f"numpy.save({path.with_suffix('.npy').name!r}, tensor.numpy())"
        )
    try:
        if path.suffix.lower() == ".json":
            values = np.asarray(read_json(path, LARGE), dtype=np.float32)
        else:
            values = read_array(path)
    except UnreadableError as error:
        remedy = "Check the path" if error.is_missing else "Give a .npy, .npz or .json array"
        raise ValueError(f"--vector {path} cannot be read: {error.reason}. {remedy}.") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"--vector {path}: not a .json array of numbers ({error}).") from None
    return np.atleast_2d(values)


@answers
def nearest(
    space: options.SpacePath,
    targets: options.Targets = None,
    k: Annotated[int, typer.Option("-k", help="How many names, or pictures.")] = 10,
    where: options.Where = None,
    columns: options.Columns = None,
    view: options.View = "text",
    image: options.Image = None,
    vector: options.Vector = None,
    plus: options.Plus = None,
    minus: options.Minus = None,
    as_: options.As = None,
    farthest: Annotated[
        bool, typer.Option("--farthest", help="The least similar instead.")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Single pictures of the names instead of names.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="With --pictures: write them with thumbnails, as one page."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="With --pictures: compare by the vectors of this encoder, which were added beside "
            "the space's own.",
        ),
    ] = None,
    engine: options.Engine = None,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Find the names nearest to a name, a text, an image or a vector.

    With --pictures, find the single pictures of names that were added to the space.
    """
    from namebasis.space import open_space

    if html is not None and not pictures:
        raise typer.BadParameter("--html and --open show pictures; they need --pictures")
    if engine is not None and pictures:
        raise typer.BadParameter("--engine finds names, and --pictures asks for pictures")
    if encoder is not None and not pictures:
        raise typer.BadParameter("--encoder is of pictures; it needs --pictures")
    refuse_existing(html, overwrite=overwrite)
    wanted = read_targets(targets, image, vector, as_paths=pictures)
    opened = open_space(space, engine=engine)
    say_unquoted(opened, targets)
    asked: dict[str, Any] = {
        "where": where, "view": view, "plus": plus or (), "minus": minus or (),
        "farthest": farthest, "as_": as_, "columns": options.columns_of(columns),
    }  # fmt: skip
    one = wanted if len(wanted) > 1 else wanted[0]
    if pictures:
        found = opened.nearest(one, k, pictures=True, encoder=encoder, **asked)
        told = []
        if html is not None:
            found.write_html(html, overwrite=overwrite)
            told.append(f"pictures written to {html}")
        return Answer([found], found.to_dicts, told)
    result = opened.nearest(one, k, **asked)
    return Answer([result], lambda: [one.to_dict() for one in result.split()])
