"""The command entropy."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import print_json, print_table, progress_bar


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
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say how many directions the names keep apart: diffusion spectral entropy."""
    from namebasis.space import open_space
    from namebasis.studies import entropy as study

    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("entropy", "steps") as progress:
        found = study.report(
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
    if as_json:
        print_json(found.to_dict())
        return
    whole = found.entropy
    facts = (
        ("entropy (bits)", whole.bits),
        ("standard error", whole.standard_error),
        ("share of log2 n", whole.share),
        ("bandwidth", whole.bandwidth),
        ("method", whole.method),
        ("names", whole.n_rows),
        *([("true neighbours found", whole.recall)] if whole.recall is not None else []),
    )
    print_table("diffusion spectral entropy", ("what", "value"), facts)
    print_table("entropy at other t", ("t", "bits"), zip(whole.times, whole.curve, strict=True))
    if found.nulls:
        print_table(
            f"against nulls, {found.n_null_rows:,} names",
            ("null", "bits", "null bits", "deviation", "z"),
            [(c.null, c.bits, c.null_bits, c.null_deviation, c.z) for c in found.nulls],
        )
    if found.information:
        print_table(
            f"by {found.by}, {found.groups[0].n_rows:,} names of each",
            ("group", "names", "bits", "deviation", "share"),
            [(g.group, g.n_names, g.bits, g.deviation, g.share) for g in found.groups],
        )
        told = found.information
        print_table(
            f"what {found.by} tells",
            ("bits", "null bits", "p", "names"),
            [(told.bits, told.null_bits, told.p, told.n_rows)],
        )
