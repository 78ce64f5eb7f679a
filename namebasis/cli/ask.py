"""Commands that ask a space: nearest, card, topology."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_json, print_table, progress_bar


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
    if not targets:
        raise ValueError("no target: give a name, a text, --image FILE or --vector FILE.")
    return targets


def _read_vectors(path: Path) -> Any:
    import json

    import numpy as np

    try:
        if path.suffix == ".json":
            values = np.asarray(json.loads(path.read_text(encoding="utf-8")), dtype=np.float32)
        else:
            values = np.load(path, allow_pickle=False)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a .npy or .json array of numbers ({error}).") from None
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
    if as_json:
        print_json([result.to_arrow().to_pylist() for result in results])
        return
    for result in results:
        rows = result.to_arrow().to_pylist()
        print_table(
            f"{'farthest from' if farthest else 'nearest to'} {result.label}",
            ("name", "similarity", "part", "gender", "locales"),
            (
                [row[key] for key in ("name", "similarity", "part", "gender", "locales")]
                for row in rows
            ),
        )


def topology(
    space: options.SpacePath,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one HTML file.")
    ] = None,
    where: options.Where = None,
    view: options.View = "text",
    k: Annotated[int, typer.Option("-k", help="Neighbours of a name in the graph.")] = 15,
    min_cluster_size: Annotated[
        int | None, typer.Option("--min-cluster-size", help="Smallest cluster.")
    ] = None,
    seed: options.Seed = 0,
    write: Annotated[
        bool, typer.Option("--write", help="Store cluster columns in the space.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say how the names are arranged: clusters, what they share, a map."""
    from namebasis.namespace.space import open_space
    from namebasis.studies import topology as study

    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("topology", "steps") as progress:
        report = study.report(
            opened,
            view=view,
            k=k,
            where=where,
            min_cluster_size=min_cluster_size,
            seed=seed,
            write=write,
            progress=progress,
        )
    if html:
        report.write_html(html)
    if as_json:
        print_json(report.to_dict())
    else:
        print(report.summary())
    if html:
        note(f"report written to {html}")


def card(
    space: options.SpacePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A stored name.")],
    k: Annotated[int, typer.Option("-k", help="How many nearest names.")] = 8,
    view: options.View = "text",
    as_json: options.Json = False,
) -> None:
    """Show everything the space holds about one name."""
    from namebasis.namespace.space import open_space
    from namebasis.studies.card import card as study

    shown = study(open_space(space), name, k=k, view=view)
    if as_json:
        print_json(shown.to_dict())
        return
    facts = {**shown.record, **shown.tokens, **shown.metrics}
    if shown.written_alike:
        facts["written alike"] = list(shown.written_alike)
    print_table(shown.name, ("what", "value"), facts.items())
    print_table("nearest", ("name", "similarity"), shown.nearest)
