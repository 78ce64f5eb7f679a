"""Options that several commands share: one name and one meaning each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def without_bars(quiet: bool) -> bool:
    """Keep the bars of other libraries away too, such as those of downloads."""
    if quiet:
        # The libraries read these when they are imported, which is after the options are read.
        os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1")
    return quiet


SpacePath = Annotated[Path, typer.Argument(metavar="SPACE", help="Folder of the name space.")]
NewSpacePath = Annotated[Path, typer.Argument(metavar="SPACE", help="Folder to build into.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="NAMES...",
        help="Sources of names: faker, ssa:ZIP, census:CSV, pseudo:N, full:N, a txt, csv, tsv, "
        "json, jsonl, yaml or parquet file, or - for stdin.",
    ),
]
MoreSources = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAMES...", help="Sources of names, as for build."),
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET...", help="Stored names or free texts; - reads one a line."),
]
Deny = Annotated[list[str] | None, typer.Option("--deny", help="Never use this name; repeatable.")]
Where = Annotated[
    str | None,
    typer.Option("--where", help="Boolean SQL over the columns, such as \"gender = 'F'\"."),
]
View = Annotated[
    str, typer.Option("--view", help="Vector column: text, token, image or unspelled.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
NoHeader = Annotated[
    bool, typer.Option("--no-header", help="Leave out the header line of piped tables.")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", callback=without_bars, help="No progress bars, other libraries' neither."
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        "--part",
        help="Untyped names are: given, family, full or pseudo; keeps only those of typed ones.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option("--column", help="Column of names in a table: its title, or its number from 1."),
]
Limit = Annotated[int | None, typer.Option("--limit", help="At most so many rows.")]
Device = Annotated[
    str | None, typer.Option("--device", help="cpu or cuda; by default cuda where there is one.")
]
Image = Annotated[
    list[Path] | None, typer.Option("--image", help="An image file as a target; repeatable.")
]
Vector = Annotated[
    list[Path] | None,
    typer.Option("--vector", help="A .npy or .json file with one vector or rows; repeatable."),
]
Given = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        help="Vectors of your own: a .npy file with a row per name, a folder of them, or the "
        "title of a Parquet column.",
    ),
]
Plus = Annotated[
    list[str] | None, typer.Option("--plus", help="Add this name or text; repeatable.")
]
Minus = Annotated[
    list[str] | None, typer.Option("--minus", help="Subtract this name or text; repeatable.")
]
