"""Commands that measure names against names that nobody bears: rigidity, identity."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from namebasis.studies.identity_results import Identity

Asked = Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Names to measure.")]
NamesFile = Annotated[
    Path | None, typer.Option("--names", help="A file of names, one a line or a table.")
]
Contexts = Annotated[
    Path | None, typer.Option("--contexts", help="A TOML file of contexts; 24 are packaged.")
]
Write = Annotated[bool, typer.Option("--write", help="Store the measures in the space.")]


def _names(asked: list[str] | None, file: Path | None) -> list[str]:
    from namebasis.namespace.sources import read_names

    read = read_names(file).strings if file else []
    return list(dict.fromkeys([*(asked or []), *read]))


def rigidity(
    space: options.SpacePath,
    names: Asked = None,
    file: NamesFile = None,
    where: options.Where = None,
    contexts: Contexts = None,
    prior: Annotated[int, typer.Option("--prior", help="Made-up names to compare with.")] = 100,
    seed: options.Seed = 0,
    write: Write = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how names hold their own over contexts, against made-up names."""
    from namebasis.namespace.space import open_space
    from namebasis.studies import rigidity as study

    opened = open_space(space)
    asked = _names(names, file)
    with nullcontext() if quiet else progress_bar("contexts", "contexts") as progress:
        found = study.rigidity(
            opened,
            asked or None,
            where=where,
            contexts=contexts,
            n_prior=prior,
            seed=seed,
            progress=progress,
        )
    if write:
        note(f"measures of {found.write(opened):,} names stored")
    if as_json:
        print_json(found.to_dict())
        return
    columns = ("name", "similarity", "percentile", "displacement_ratio", "interaction",
               "leakage", "leaked")  # fmt: skip
    table = found.to_arrow().select(columns).to_pylist()
    print_table("", columns, (tuple(row.values()) for row in table))
    note(f"percentile: of similarity among {found.n_prior} made-up names in the same contexts")
    for line in found.notes:
        note(line)


def identity(
    space: options.SpacePath,
    names: Asked = None,
    file: NamesFile = None,
    counts: Annotated[
        Path | None,
        typer.Option("--counts", help="A CSV with name and count: how often people are named."),
    ] = None,
    column: Annotated[
        str, typer.Option("--column", help="The measure to compare with the counts.")
    ] = "own_score",
    swaps: Annotated[
        int | None, typer.Option("--swaps", help="Partners of each part; 24 by default.")
    ] = None,
    no_contexts: Annotated[
        bool, typer.Option("--no-contexts", help="Leave the context measures out: faster.")
    ] = False,
    contexts: Contexts = None,
    null: Annotated[int, typer.Option("--null", help="Made-up full names to compare with.")] = 100,
    seed: options.Seed = 0,
    write: Write = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what full names have beyond their parts; with --counts, also of a file's people."""
    from namebasis.namespace.space import open_space
    from namebasis.studies import identity as study
    from namebasis.studies.identity_counts import compare_counts, read_counts

    opened = open_space(space)
    asked = _names(names, file)
    told = read_counts(counts) if counts else {}
    asked = asked or list(told)
    with nullcontext() if quiet else progress_bar("contexts", "contexts") as progress:
        found = study.identity(
            opened,
            asked,
            n_swaps=swaps,
            contexts=contexts,
            with_contexts=not no_contexts,
            n_null=null,
            seed=seed,
            progress=progress,
        )
    agreement = compare_counts(found, told, column=column) if told else None
    if write:
        note(f"measures of {found.write(opened):,} names stored")
    if as_json:
        compared = agreement.to_dict() if agreement else None
        print_json({**found.to_dict(), "counts": compared})
        return
    _print_identity(found)
    if agreement:
        rho = agreement.spearman
        note(
            f"{column} against counts, {agreement.n:,} people: Spearman {rho.value:.2f} "
            f"({rho.low:.2f} to {rho.high:.2f})"
        )
        for part in agreement.bins:
            if part.auc:
                note(
                    f"AUC against recombined names, {part.low:,} mentions or more"
                    f"{f', below {part.high:,}' if part.high else ''} ({part.n}): "
                    f"{part.auc.value:.2f} ({part.auc.low:.2f} to {part.auc.high:.2f})"
                )


def _print_identity(found: Identity) -> None:
    rows = []
    for row in sorted(found.rows, key=lambda row: -(row.own_score or 0.0)):
        chance = (row.probabilities or {}).get(row.kind or "")
        rows.append((row.name, row.own_score, row.own_percentile, row.kind, chance, row.reason))
    print_table("", ("name", "own score", "percentile", "kind", "probability", "remark"), rows)
    note(f"thresholds from {found.origin}")
