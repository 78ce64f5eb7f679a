"""Options that several commands share: one name and one meaning each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli.defaults import spaces_for


def columns_of(text: str | None) -> list[str]:
    """The columns of a list that is separated by commas; those of functions part nothing."""
    from namebasis.namespace.where.words import split_list

    return split_list(text or "")


def without_bars(quiet: bool) -> bool:
    """Keep the bars of other libraries away too, such as those of downloads."""
    if quiet:
        # The libraries read these when they are imported, which is after the options are read.
        os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1")
    return quiet


SPACE_HELP = "Folder of the name space; by default NAMEBASIS_SPACE, or that of namebasis.toml."
SpacePath = Annotated[
    Path, typer.Argument(metavar="SPACE", help=SPACE_HELP, autocompletion=spaces_for)
]
NewSpacePath = Annotated[Path, typer.Argument(metavar="SPACE", help="Folder to build into.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="NAMES...",
        help="Sources of names: faker, us, ssa:ZIP, census:CSV, pseudo:N, full:N, phrases, a txt, "
        "csv, tsv, json, jsonl, yaml or parquet file, or - for stdin.",
    ),
]
MoreSources = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAMES...", help="Sources of names, as for build."),
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET...",
        help="Names or free text, quoted; - reads one target per line from stdin.",
    ),
]
Deny = Annotated[list[str] | None, typer.Option("--deny", help="Never use this name; repeatable.")]
Phrases = Annotated[
    str | None,
    typer.Option(
        "--phrases",
        metavar="[FILE]",
        help="Let phrases compete with names: those that the space holds, or else the packaged "
        "ones; with a .toml or .txt file, your own.",
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--where", help="Boolean SQL over the columns, such as \"gender = 'F'\"; docs/where.md."
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns", help="Columns or expressions to show beside names, separated by commas."
    ),
]
View = Annotated[
    str,
    typer.Option(
        "--view",
        help="Vector column: text, token, image, unspelled or one that was computed, such as "
        "conditioning; image:photos or image:PIPELINE for images of one source.",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="milvus:URI",
        help="Find nearest names by a search engine that `serve` published the space to.",
    ),
]
Work = Annotated[
    str,
    typer.Option("--engine", help="local, or ray: the same work by many processes or machines."),
]
RayAddress = Annotated[
    str | None,
    typer.Option("--ray-address", help="A Ray cluster to join; by default one is started."),
]
Actors = Annotated[
    int | None,
    typer.Option("--actors", help="Encoders at work under Ray; one a GPU, or else a core."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
NoHeader = Annotated[
    bool, typer.Option("--no-header", help="Omit the header line of piped tables.")
]
Seed = Annotated[int, typer.Option("--seed", help="Random seed.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Overwrite existing files.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", callback=without_bars, help="Show no progress bars."),
]
Part = Annotated[
    str | None,
    typer.Option(
        "--part",
        help="Part of names that have none: given, family, full, pseudo or phrase. Where the "
        "source has parts, keep only this one.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option("--column", help="Column of names in a table: its title, or its number from 1."),
]
Shown = Annotated[int | None, typer.Option("-k", min=1, help="How many names to show.")]
Limit = Annotated[int | None, typer.Option("--limit", help="Maximum number of rows.")]
Top = Annotated[
    int | None,
    typer.Option(
        "--top",
        help="Keep the N most frequent names of each source, by its counts. Of one source alone: "
        "SOURCE,top=N.",
        metavar="N",
    ),
]
MinCount = Annotated[
    int | None,
    typer.Option(
        "--min-count",
        help="Keep names that at least N people bear. Of one source alone: SOURCE,min-count=N.",
        metavar="N",
    ),
]


def given_path(text: str) -> Path:
    """A path that is not empty, which the type alone would take for the current folder."""
    if not str(text).strip():
        raise typer.BadParameter("is empty; give a file or a folder, and . for the current one.")
    return Path(text)


Sample = Annotated[
    int | None,
    typer.Option(
        "--limit",
        help="Keep a random sample of N names of all sources together; for the most frequent see "
        "--top. Of one source alone: SOURCE,limit=N.",
        metavar="N",
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        help="Of your own columns keep this one and no other that is not named so; repeatable. "
        "All are kept by default.",
        metavar="COLUMN",
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="What a column is or is to be called, such as gender=Geschlecht or "
        "nation=Staatsangehörigkeit; repeatable.",
        metavar="NAME=COLUMN",
    ),
]
Unreadable = Annotated[
    str,
    typer.Option(
        "--unreadable",
        help="Names of which the encoder knows no letter, which would all get one vector: drop or "
        "keep.",
    ),
]
Device = Annotated[
    str | None, typer.Option("--device", help="cpu or cuda; cuda by default if available.")
]
Image = Annotated[
    list[Path] | None, typer.Option("--image", help="An image file as a target; repeatable.")
]
Vector = Annotated[
    list[Path] | None,
    typer.Option("--vector", help="A .npy or .json file with one vector per row; repeatable."),
]
Given = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        help="Your own vectors: a .npy file with one row per name, a folder of them, or the title "
        "of a Parquet column.",
    ),
]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="How to read what is not stored: name or text; by default by its looks.",
    ),
]
Plus = Annotated[
    list[str] | None, typer.Option("--plus", help="Add this name or text; repeatable.")
]
Minus = Annotated[
    list[str] | None, typer.Option("--minus", help="Subtract this name or text; repeatable.")
]
