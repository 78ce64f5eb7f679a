"""Commands that measure names against names that nobody bears: rigidity, identity."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.corpus import listed_names
from namebasis.cli.output import note, print_json, print_table, progress_bar
from namebasis.wording import between, percent

if TYPE_CHECKING:
    from namebasis.space import Space
    from namebasis.studies.identity.counts import CountAgreement
    from namebasis.studies.identity.in_contexts import InContexts
    from namebasis.studies.identity.results import Identity
    from namebasis.studies.identity.rigidity import Rigidity

Asked = Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Names to measure.")]
NamesFile = Annotated[
    Path | None, typer.Option("--names", help="A file of names, one a line or a table.")
]
Contexts = Annotated[
    Path | None, typer.Option("--contexts", help="A TOML file of contexts; 24 are packaged.")
]
Write = Annotated[bool, typer.Option("--write", help="Store the measures in the space.")]


def _names(asked: list[str] | None, file: Path | None, column: str | None) -> list[str]:
    spaced = (" ".join(name.split()) for name in asked or ())
    return list(dict.fromkeys([*spaced, *listed_names([file] if file else [], column)]))


def rigidity(
    space: options.SpacePath,
    names: Asked = None,
    file: NamesFile = None,
    file_column: options.Column = None,
    where: options.Where = None,
    contexts: Contexts = None,
    n_made_up: Annotated[
        int, typer.Option("--n-made-up", help="Made-up names to compare with.")
    ] = 100,
    seed: options.Seed = 0,
    write: Write = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how names hold their own over contexts, against made-up and rare names.

    Names may be new to the space; without NAME, --names and --where all its names are measured.
    """
    from namebasis.space import open_space
    from namebasis.studies.identity import rigidity as study

    opened = open_space(space)
    asked = _names(names, file, file_column)
    with nullcontext() if quiet else progress_bar("contexts", "prompts") as progress:
        found = study.rigidity(
            opened,
            asked or None,
            where=where,
            contexts=contexts,
            n_made_up=n_made_up,
            seed=seed,
            progress=progress,
        )
    if write:
        note(f"measures of {found.write(opened):,} names stored")
    if as_json:
        print_json(found.to_dict())
        return
    _print_rigidity(found)


def _print_rigidity(found: Rigidity) -> None:
    table = []
    for row in found.rows:
        held, places = row.spread.similarity, row.places
        table.append(
            (
                row.name, held.value, between(held.low, held.high),
                percent(places["similarity"].percentile), row.contexts["displacement_ratio"],
                percent(places["displacement_ratio"].percentile), row.contexts["interaction"],
                row.contexts["leakage"], row.leaked,
            )
        )  # fmt: skip
    columns = (
        "name", "similarity", "95 % interval", "percentile", "max/min", "percentile",
        "interaction", "leakage", "leans to",
    )  # fmt: skip
    print_table("", columns, table)
    made = " and ".join(f"{n} made-up names of {form}" for form, n in found.n_made_up.items())
    note(
        f"similarity: mean cosine to the name's centre over {len(found.contexts)} contexts; "
        f"max/min: displacement; percentiles among {made}. --json has all measures."
    )
    for line in found.notes:
        note(line)


def identity(
    space: options.SpacePath,
    names: Asked = None,
    file: NamesFile = None,
    file_column: options.Column = None,
    counts: Annotated[
        Path | None,
        typer.Option("--counts", help="A CSV with name and count: how often people are named."),
    ] = None,
    measure: Annotated[
        str,
        typer.Option(
            "--measure", help="What to compare with the counts: a measure or a stored column."
        ),
    ] = "own_score",
    swaps: Annotated[
        int | None, typer.Option("--swaps", help="Partners of each part; 24 by default.")
    ] = None,
    no_contexts: Annotated[
        bool, typer.Option("--no-contexts", help="Leave the context measures out: faster.")
    ] = False,
    contexts: Contexts = None,
    with_rigidity: Annotated[
        bool,
        typer.Option(
            "--rigidity", help="Measure rigidity on the same contexts: two studies for one."
        ),
    ] = False,
    thresholds: Annotated[
        str | None,
        typer.Option("--thresholds", help="Where the kinds' thresholds come from: a .toml file."),
    ] = None,
    n_made_up: Annotated[
        int, typer.Option("--n-made-up", help="Made-up full names to compare with.")
    ] = 100,
    seed: options.Seed = 0,
    write: Write = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what full names have beyond their parts; with --counts, also of a file's people.

    Names may be new to the space. With --counts and a --measure that the space stores already,
    nothing is measured anew.
    """
    from namebasis.space import open_space
    from namebasis.studies.identity import study
    from namebasis.studies.identity.counts import compare_counts, compare_stored, read_counts
    from namebasis.studies.identity.results import COLUMNS

    opened = open_space(space)
    asked = _names(names, file, file_column)
    told = read_counts(counts) if counts else {}
    if told and measure not in COLUMNS:
        _print_agreement(compare_stored(opened, told, measure), as_json)
        return
    asked = asked or list(told)
    rigid, placed = None, None
    if with_rigidity:
        if no_contexts:
            raise ValueError("--rigidity is measured in contexts; leave --no-contexts out.")
        rigid, placed = _rigid(opened, study.check_names(asked), contexts, n_made_up, seed, quiet)
    with nullcontext() if quiet else progress_bar("identity", "prompts") as progress:
        found = study.identity(
            opened,
            asked,
            n_swaps=swaps,
            contexts=contexts,
            with_contexts=not no_contexts,
            thresholds=thresholds,
            n_made_up=n_made_up,
            seed=seed,
            in_contexts=placed,
            progress=progress,
        )
    agreement = compare_counts(found, told, column=measure) if told else None
    if write:
        note(f"measures of {found.write(opened):,} names stored")
        if rigid:
            rigid.write(opened)
    if as_json:
        more = {"counts": agreement.to_dict() if agreement else None}
        print_json({**found.to_dict(), **more, "rigidity": rigid.to_dict() if rigid else None})
        return
    _print_identity(found)
    if rigid:
        _print_rigidity(rigid)
    if agreement:
        _print_agreement(agreement)


def _rigid(
    space: Space, asked: list[str], contexts: Path | None, n_made_up: int, seed: int, quiet: bool
) -> tuple[Rigidity, InContexts]:
    from namebasis.studies.identity.contexts import load_contexts
    from namebasis.studies.identity.in_contexts import measure_contexts
    from namebasis.studies.identity.rigidity import from_contexts

    with nullcontext() if quiet else progress_bar("contexts", "prompts") as progress:
        placed = measure_contexts(
            space,
            asked,
            tuple(load_contexts(contexts)),
            n_made_up=n_made_up,
            with_spreads=True,
            with_weak=True,
            seed=seed,
            progress=progress,
        )
    return from_contexts(placed), placed


def _print_agreement(found: CountAgreement, as_json: bool = False) -> None:
    if as_json:
        print_json({"counts": found.to_dict()})
        return
    rho = found.spearman
    note(
        f"{found.column} against counts, {found.n:,} people: Spearman {rho.value:.2f} "
        f"({between(rho.low, rho.high, 2)})"
    )
    for part in found.bins:
        if part.auc:
            note(
                f"AUC against {found.n_recombined} recombined names, {part.low:,} mentions or more"
                f"{f', below {part.high:,}' if part.high else ''} ({part.n}): "
                f"{part.auc.value:.2f} ({between(part.auc.low, part.auc.high, 2)})"
            )
    if not found.n_recombined:
        note(f"no AUC: {found.column} is not known of recombined names")


def _print_identity(found: Identity) -> None:
    rows = []
    for row in sorted(found.rows, key=lambda row: -(row.own_score or 0.0)):
        chance = (row.probabilities or {}).get(row.kind or "")
        rows.append(
            (
                row.name, row.own_score, row.own_percentile, row.strength, row.hold, row.leakage,
                row.kind, chance, row.reason,
            )
        )  # fmt: skip
    columns = (
        "name", "own score", "percentile", "strength", "hold", "leakage", "kind", "probability",
        "remark",
    )  # fmt: skip
    print_table("", columns, rows)
    bars = ", ".join(f"{key.replace('_', ' ')} {at:.3g}" for key, at in found.thresholds.items())
    note(f"even odds at {bars}; hold: of the part that holds more. --json has all measures.")
    note(f"thresholds: {found.origin.description}")
