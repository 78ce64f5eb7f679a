"""The command that holds photos of named people against all names: recognise."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import refuse_existing


@answers
def recognise(
    space: options.SpacePath,
    photos: Annotated[
        Path,
        typer.Argument(
            metavar="PHOTOS",
            parser=options.given_path,
            help="A folder or a table of photos, each under the name of its person.",
        ),
    ],
    unknown: Annotated[
        Path | None,
        typer.Option(
            "--unknown",
            parser=options.given_path,
            metavar="<path>",
            help="Photos of people whom the model cannot know, under their names: the false "
            "alarms.",
        ),
    ] = None,
    where: options.Where = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            help="An attribute that impostors share: an axis or a .toml file; repeatable. By "
            "default six of a face.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many names to list a person.")] = 5,
    n_made_up: Annotated[
        int, typer.Option("--n-made-up", help="Made-up full names to compare with.")
    ] = 200,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Bootstrap draws of a person's photos.")
    ] = 500,
    seed: options.Seed = 0,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw ranks and verdicts as .png or .svg.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page as one HTML file.")
    ] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Ask which names the encoder gives people whose photos and names you have.

    Every photo needs the name of its person (NAME/1.jpg, NAME_1.jpg, or a table), and the space
    must hold it: a face without a name is left out, never given one.
    """
    from namebasis.space import open_space
    from namebasis.studies.recognition.study import AXES

    if figure and figure.suffix not in (".png", ".svg"):
        raise typer.BadParameter("--figure takes a .png or .svg file")
    refuse_existing(figure, html, overwrite=overwrite)
    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("photos", "photos") as progress:
        found = opened.recognise(
            photos, unknown=unknown, where=where, axes=axis or AXES, k=k, n_made_up=n_made_up,
            n_resamples=n_resamples, seed=seed, progress=progress,
        )  # fmt: skip
    told = []
    if figure:
        found.write_figure(figure, overwrite=overwrite)
        told.append(f"figure written to {figure}")
    if html:
        found.write_html(html, overwrite=overwrite)
        told.append(f"report written to {html}")
    return Answer([found], found.to_dict, told)
