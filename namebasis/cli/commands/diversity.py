"""The command diversity: how varied the pictures of each name are."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import as_given, refuse_existing, refuse_readonly


@answers
def diversity(
    space: options.SpacePath,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Names; by default all that have pictures."),
    ] = None,
    where: options.Where = None,
    view: Annotated[
        str,
        typer.Option(
            "--view", help="image, or image:photos or image:PIPELINE for pictures of one source."
        ),
    ] = "image",
    n_matched: Annotated[
        int | None,
        typer.Option(
            "--n-matched",
            help="Pictures that every log-determinant is of; by default two thirds of what nine "
            "in ten names have.",
        ),
    ] = None,
    columns: options.Columns = None,
    n_null: Annotated[
        int, typer.Option("--n-null", help="Shuffled names to compare with, 20 at least.")
    ] = 200,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write the plane of medoid pictures as one HTML file."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw the plane as .png or .svg file.")
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Keep both diversities and the medoids as columns."),
    ] = False,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Measure how varied the pictures of names are, and find the one most like the others."""
    from namebasis.space import open_space

    if figure and figure.suffix not in (".png", ".svg"):
        raise typer.BadParameter("--figure takes a .png or .svg file")
    refuse_existing(html, figure, overwrite=overwrite)
    refuse_readonly(space, write)
    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("diversity", "steps") as progress:
        found = opened.diversity(
            names or None,
            where=where,
            view=view,
            n_matched=n_matched,
            columns=options.columns_of(columns),
            n_null=n_null,
            seed=seed,
            progress=progress,
        )
    told = []
    if html:
        found.write_html(html, overwrite=overwrite)
        told.append(f"report written to {html}")
    if figure:
        found.write_figure(figure, overwrite=overwrite)
        told.append(f"figure written to {figure}")
    if write:
        found.write(opened)
        told.append(f"diversity and medoids of {len(found):,} names written to {as_given(space)}")
    return Answer([found], found.to_dict, told)
