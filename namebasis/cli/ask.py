"""The command nearest, and how commands read targets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_answers, print_json


def read_targets(
    texts: list[str] | None, images: list[Path] | None, vectors: list[Path] | None
) -> list[Any]:
    """Collect texts, images and vectors in the order of their kind."""
    targets: list[Any] = []
    for text in texts or []:
        if text == "-":
            targets += [line.rstrip("\n") for line in sys.stdin if line.strip()]
        else:
            targets.append(text)
    if images:
        from namebasis.encoders.images import open_image

        targets += [open_image(path) for path in images]
    for path in vectors or []:
        targets += list(_read_vectors(path))
    for target in targets:
        if isinstance(target, str) and not target.isprintable() and "\\ud" in ascii(target):
            raise ValueError(f"a target is not UTF-8: {target!a}.")
    if not targets:
        raise ValueError("no target: give a name, a text, --image FILE or --vector FILE.")
    return targets


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Say before a long computation, not after it, that its result has no place."""
    if path.exists() and not (overwrite and path.is_file()):
        raise ValueError(f"{path} is there already; choose another file, or use --overwrite.")


def _read_vectors(path: Path) -> Any:
    import json

    import numpy as np

    try:
        if path.suffix == ".json":
            values = np.asarray(json.loads(path.read_text(encoding="utf-8")), dtype=np.float32)
        else:
            values = np.load(path, allow_pickle=False)
    except OSError as error:
        raise ValueError(
            f"--vector {path} cannot be read: {error.strerror or error}. Check the path."
        ) from None
    except (ValueError, TypeError, EOFError) as error:
        # NumPy's own message advises to load pickles, which may run code.
        why = str(error)
        if "pickle" in why:
            why = "it may hold a pickle, which is never loaded"
        raise ValueError(f"{path}: not a .npy or .json array of numbers ({why}).") from None
    return np.atleast_2d(values)


def nearest(
    space: options.SpacePath,
    targets: options.Targets = None,
    k: Annotated[int, typer.Option("-k", help="How many names.")] = 10,
    where: options.Where = None,
    view: options.View = "text",
    image: options.Image = None,
    vector: options.Vector = None,
    plus: options.Plus = None,
    minus: options.Minus = None,
    farthest: Annotated[
        bool, typer.Option("--farthest", help="The least similar instead.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Find the names nearest to a name, a text, an image or a vector."""
    from namebasis.namespace.space import open_space

    opened = open_space(space)
    results = opened.nearest(
        read_targets(targets, image, vector),
        k,
        where=where,
        view=view,
        plus=plus or (),
        minus=minus or (),
        farthest=farthest,
    )
    for result in results:
        if result.kind == "text":
            note(f"{result.label!r} is no stored name; encoded as a text, as it stands")
    if as_json:
        print_json(
            [
                {"target": r.label, "kind": r.kind, "names": r.to_arrow().to_pylist()}
                for r in results
            ]
        )
        return
    columns = ("name", "similarity", "part", "gender", "locales")
    for result in results:
        rows = [[row[key] for key in columns] for row in result.to_arrow().to_pylist()]
        title = f"{'farthest from' if farthest else 'nearest to'} {result.label}"
        print_answers(title, result.label if len(results) > 1 else None, columns, rows)
