"""Commands that keep spaces in order: list, remove, drop, rename, merge, undo."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import answers
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import refuse_readonly

if TYPE_CHECKING:
    from namebasis.results import Result

_FIRST = (
    "Folder of the first space; where one alone is given, NAMEBASIS_SPACE, or that of "
    "namebasis.toml."
)
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
]


@answers
def list_(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Where to look; by default here. Also s3://BUCKET, or a folder in it.",
        ),
    ] = Path(),
    depth: Annotated[int, typer.Option("--depth", min=0, help="Folders to go down.")] = 3,
) -> Result:
    """List the name spaces below a folder: names, encoder, views, size and last change."""
    from namebasis.namespace.listing import list_spaces

    return list_spaces(folder, depth=depth)


@answers
def remove(
    space: options.SpacePath,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAMES...", help="Stored names; every row that bears one goes."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", help="Boolean SQL over the columns: names that it accepts go."),
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Only given, family, full, pseudo or phrase.")
    ] = None,
    images: Annotated[
        bool,
        typer.Option(
            "--images", help="Remove images instead: of NAMES or --where, by default all."
        ),
    ] = False,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="With --images: those of no stored name.")
    ] = False,
    dry_run: DryRun = False,
) -> Result:
    """Remove names, or images, from a space. `undo` brings them back.

    The images of a removed name go with it. What studies wrote stays, marked as computed before.
    """
    from namebasis.space import open_space

    refuse_readonly(space, not dry_run)
    return open_space(space).remove(
        names or (), where=where, part=part, images=images, unmatched=unmatched, dry_run=dry_run
    )


@answers
def serve(
    space: options.SpacePath,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="milvus:URI",
            help="A server, milvus:http://HOST:19530, or a file of Milvus Lite, milvus:FILE.db; "
            "#NAME behind it names the collections. MILVUS_TOKEN holds the token, if any.",
        ),
    ],
    view: Annotated[
        list[str] | None,
        typer.Option("--view", help="Vector column, text by default; repeatable."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", help="Columns that filters may use, separated by commas; all by default."
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            "--index", help="flat (exact, the default), hnsw, ivf, or auto as the server chooses."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace collections of another space.")
    ] = False,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Result:
    """Publish a space to a search engine, from which others ask it.

    Only what is not there yet is written; after a stop, the same command goes on. Then
    `nearest`, `basis`, `select` and `explore` take the same --engine.
    """
    from namebasis.space import open_space

    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("publishing", "names") as progress:
        return opened.publish(
            engine,
            views=view or ("text",),
            columns=None if columns is None else options.columns_of(columns),
            index=index,
            overwrite=overwrite,
            seed=seed,
            progress=progress,
        )


@answers
def drop(
    space: options.SpacePath,
    columns: Annotated[
        list[str],
        typer.Argument(metavar="COLUMN...", help="Columns of studies or your own, or unspelled."),
    ],
    dry_run: DryRun = False,
) -> Result:
    """Drop columns that studies wrote, or your own. `undo` brings them back."""
    from namebasis.space import open_space

    refuse_readonly(space, not dry_run)
    return open_space(space).drop(columns, dry_run=dry_run)


@answers
def rename(
    space: options.SpacePath,
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="As it is called now.")],
    name: Annotated[str, typer.Argument(metavar="NEW", help="As it is to be called.")],
) -> Result:
    """Rename a column of a study, or one of your own."""
    from namebasis.space import open_space

    refuse_readonly(space)
    return open_space(space).rename(column, name)


@answers
def merge(
    space: Annotated[Path, typer.Argument(metavar="A", help=_FIRST)],
    other: Annotated[Path, typer.Argument(metavar="B", help="Folder of the second space.")],
    path: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder of the new space; A itself to merge into it."),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another space at the output.")
    ] = False,
    dry_run: DryRun = False,
) -> Result:
    """Merge two spaces of the same encoder and templates; nothing is encoded again."""
    from namebasis.space import open_space

    refuse_readonly(path, not dry_run)
    return open_space(space).merge(open_space(other), path, overwrite=overwrite, dry_run=dry_run)


@answers
def undo(
    space: options.SpacePath,
    redo: Annotated[bool, typer.Option("--redo", help="Bring back what was undone last.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Free the room of older versions; change nothing.")
    ] = False,
    dry_run: DryRun = False,
) -> Result:
    """Undo the last change of a space; again, the one before it.

    Changes are those of remove, drop, rename, add, unspell, merge into the space, and --write.
    The last ten are kept, and three that wrote all vectors again.
    """
    from namebasis.space import open_space

    refuse_readonly(space, not dry_run)
    return open_space(space).undo(redo=redo, forget=forget, dry_run=dry_run)
