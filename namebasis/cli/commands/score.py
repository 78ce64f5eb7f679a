"""The command score: which attributes names carry, what records say, which groups lean where."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import as_given, refuse_existing, refuse_readonly

if TYPE_CHECKING:
    from namebasis.results import Result
    from namebasis.studies.attributes.record_results import RecordsReport


@answers
def score(
    space: options.SpacePath,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names to show; all by default.")
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            help="An axis or a .toml file; repeatable. Default: age, gender. Not with --records, "
            "which set their own axes.",
        ),
    ] = None,
    records: Annotated[
        str | None,
        typer.Option(
            "--records",
            help="Compare beliefs with records: us or ssa:ZIP (US births), us:family or census:CSV "
            "(US surnames), or locales (Faker's countries).",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", help="Write the comparison with records, and its charts, as one HTML file."
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="Write the first fact's charts as one .png or .svg file."),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups",
            help="Associations of groups of names (WEAT, RND, RIPA): a column such as gender or "
            "locales, or a .toml file of name lists.",
        ),
    ] = None,
    where: options.Where = None,
    view: Annotated[
        str,
        typer.Option(
            "--view",
            help="text, or image for what the pictures of names show; image:photos or "
            "image:PIPELINE for those of one source.",
        ),
    ] = "text",
    seed: options.Seed = 0,
    engine: options.Work = "local",
    ray_address: options.RayAddress = None,
    actors: options.Actors = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the readings as columns.")] = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Read names on axes such as age and gender, four ways, against made-up names.

    With --view image, read their pictures, against pictures that are dealt out at random.

    With --records, hold the beliefs against public records; with --groups, say which groups of
    names lean to which end of each axis.
    """
    from namebasis.namespace.actors.cluster import RayCluster, check_engine
    from namebasis.space import open_space

    cluster = check_engine(engine, RayCluster(ray_address, actors))
    if cluster is not None and (records is not None or groups is not None or view != "text"):
        raise typer.BadParameter(
            "--records, --groups and --view image run in this process; leave --engine out"
        )
    _check_usage(names, axis, records, html or figure, groups, write)
    if view != "text" and (records is not None or groups is not None):
        raise typer.BadParameter("--records and --groups read the text view; leave --view out")
    if figure and figure.suffix not in (".png", ".svg"):
        raise typer.BadParameter("--figure takes a .png or .svg file")
    refuse_existing(html, figure, overwrite=overwrite)
    refuse_readonly(space, write)
    opened = open_space(space)
    opened.rows_of(names or ())  # refuses those that are not stored
    along = axis or ["age", "gender"]
    found: Result
    with nullcontext() if quiet else progress_bar("score", "steps") as progress:
        if records is not None:
            found = report = opened.records(records, where=where, seed=seed, progress=progress)
        elif groups is not None:
            found = opened.groups(groups, along, where=where, seed=seed, progress=progress)
        else:
            found = read = opened.score(
                along, where=where, view=view, seed=seed, engine=engine, n_actors=actors,
                address=ray_address, progress=progress,
            )  # fmt: skip
    told: list[str] = []
    if records is not None:
        told = _write_files(report, html, figure, overwrite)
    elif groups is None:
        if write:
            read.write(opened)
            told.append(f"readings of {len(read.names):,} names written to {as_given(space)}")
        found = read.pick(opened, names) if names else read
    return Answer([found], found.to_dict, told)


def _check_usage(
    names: list[str] | None,
    axis: list[str] | None,
    records: str | None,
    page: Path | None,
    groups: str | None,
    write: bool,
) -> None:
    if records is not None and groups is not None:
        raise typer.BadParameter("use --records or --groups, one at a time")
    if page is not None and records is None:
        raise typer.BadParameter(
            "--html, --open and --figure show a comparison with records; it needs --records"
        )
    if (records is not None or groups is not None) and (names or write):
        raise typer.BadParameter("--records and --groups take no NAME and no --write; use --where")
    if records is not None and axis:
        raise typer.BadParameter("--records sets the axes itself; leave --axis out")


def _write_files(
    report: RecordsReport, html: Path | None, figure: Path | None, overwrite: bool
) -> list[str]:
    told = []
    if html:
        report.write_html(html, overwrite=overwrite)
        told.append(f"report written to {html}")
    if figure:
        report.write_figure(figure, overwrite=overwrite)
        told.append(f"figure written to {figure}")
    return told
