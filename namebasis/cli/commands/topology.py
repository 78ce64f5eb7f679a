"""The commands that arrange names (clusters, a map, two encoders) and measure their entropy."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import as_given, refuse_readonly

if TYPE_CHECKING:
    from namebasis.results import Result


@answers
def topology(
    space: options.SpacePath,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            help="Write the report as one HTML file, and its numbers beside it: the same name "
            "with .json, and with .parquet a row per name.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="Write its figures into this folder, as PNG and as SVG."),
    ] = None,
    where: options.Where = None,
    view: options.View = "text",
    k: Annotated[int, typer.Option("-k", help="Neighbours of a name in the graph.")] = 15,
    min_cluster_size: Annotated[
        int | None, typer.Option("--min-cluster-size", help="Smallest cluster.")
    ] = None,
    method: Annotated[
        str,
        typer.Option("--method", help="density (over the neighbours) or hdbscan (on the vectors)."),
    ] = "density",
    n_clusters: Annotated[
        int | None,
        typer.Option("--n-clusters", help="Number of clusters to cut the hierarchy into."),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            help="Cut it at eom, split (as eom, none above half of the names), leaf (finest) or a "
            "distance; by default eom, or a finer one where most names are in one cluster.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="Compare clusters with this column too; repeatable."),
    ] = None,
    without_spelling: Annotated[
        bool,
        typer.Option(
            "--without-spelling",
            help="Arrange names by what their pieces do not predict, beside the plain view.",
        ),
    ] = False,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Resamples for stability of clusters; 0 for none.")
    ] = 20,
    seed: options.Seed = 0,
    shape: Annotated[
        bool,
        typer.Option(
            "--shape/--no-shape", help="Measure entropy, hubs, dimension, homology and graph."
        ),
    ] = True,
    write: Annotated[
        bool, typer.Option("--write", help="Store cluster and shape columns in the space.")
    ] = False,
    pictures: Annotated[
        bool,
        typer.Option("--pictures", help="Arrange the single pictures of names instead of names."),
    ] = False,
    other: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="OTHER",
            help="Put another space beside this one: the names that both hold, in either, and "
            "which moved, such as from a base to its fine-tuning.",
        ),
    ] = None,
    other_view: Annotated[
        str | None,
        typer.Option("--compare-view", help="The view of OTHER; by default the same as --view."),
    ] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Say how the names are arranged: clusters, what they share, a map.

    With --pictures, how the single pictures of names are.
    """
    from namebasis.space import open_space
    from namebasis.studies.topology.files import ReportFiles

    if other_view and not other:
        raise ValueError("--compare-view belongs to --compare OTHER; give both, or --view alone.")
    if other and write:
        raise ValueError("--write stores columns of one space; leave --compare out, or --write.")
    if other and without_spelling:
        raise ValueError(
            "--compare takes views by name: say --view unspelled or --compare-view unspelled "
            "instead of --without-spelling."
        )
    if pictures and (other or write or without_spelling):
        raise ValueError(
            "--pictures arranges pictures by themselves; leave --compare, --write and "
            "--without-spelling out."
        )
    files = ReportFiles(html, figures, overwrite)
    files.check()
    refuse_readonly(space, write)
    opened = open_space(space)
    beside = open_space(other) if other else None
    asked: dict[str, Any] = {
        "view": view,
        "k": k,
        "where": where,
        "min_cluster_size": min_cluster_size,
        "method": method,
        "n_clusters": n_clusters,
        "level": _level(level),
        "by": by or (),
        "n_resamples": n_resamples,
        "seed": seed,
        "shape": shape,
    }
    with nullcontext() if quiet else progress_bar("topology", "steps") as shown:
        progress = files.loading(shown)
        if beside is not None:
            from namebasis.studies.topology.comparison import compare

            report: Any = compare(opened, beside, right_view=other_view, progress=progress, **asked)
        elif pictures:
            from namebasis.studies.topology.pictures import report as report_pictures

            report = report_pictures(opened, progress=progress, **asked)
        else:
            from namebasis.studies.topology import study

            report = study.report(
                opened,
                without_spelling=without_spelling,
                write=write,
                progress=progress,
                **asked,
            )
    written = files.write(report)
    told = []
    if write:
        told.append(
            f"clusters stored in {as_given(space)}: "
            '--where "cluster = 0" asks for the largest, -1 for none'
        )
    if written:
        told.append(f"report written to {', '.join(map(str, written))}")
    return Answer([report], report.to_dict, told)


@answers
def entropy(
    space: options.SpacePath,
    by: Annotated[
        str | None, typer.Option("--by", help="Compare groups: locale, gender, part, cluster, …")
    ] = None,
    where: options.Where = None,
    view: options.View = "text",
    method: Annotated[
        str, typer.Option("--method", help="auto, exact, stochastic or sparse.")
    ] = "auto",
    bandwidth: Annotated[
        float | None, typer.Option("--bandwidth", help="Of the kernel; by default from the data.")
    ] = None,
    t: Annotated[float, typer.Option("-t", help="Power of the eigenvalues.")] = 1.0,
    n_null: Annotated[
        int,
        typer.Option("--n-null", help="Draws of each null and group, 2 at least; 0 for no nulls."),
    ] = 5,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Result:
    """Say how many directions the names keep apart: diffusion spectral entropy."""
    from namebasis.space import open_space
    from namebasis.studies import entropy as study

    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("entropy", "steps") as progress:
        return study.report(
            opened,
            by=by,
            where=where,
            view=view,
            method=method,
            bandwidth=bandwidth,
            t=t,
            n_null=n_null,
            seed=seed,
            progress=progress,
        )


def _level(text: str | None) -> str | float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
