"""Commands that measure names against names that nobody bears: rigidity, identity."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.commands.corpus import listed_names
from namebasis.cli.output import note, progress_bar
from namebasis.cli.outputs import refuse_existing, refuse_readonly

if TYPE_CHECKING:
    from namebasis.namespace.actors.crew import Crew
    from namebasis.results import Result
    from namebasis.space import Space
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


ReadBy = Annotated[
    str,
    typer.Option(
        "--view",
        help="What reads the prompts: text, the encoder; or conditioning, denoiser …, the model "
        "of a view that was computed.",
    ),
]


@answers
def rigidity(
    space: options.SpacePath,
    names: Asked = None,
    file: NamesFile = None,
    file_column: options.Column = None,
    where: options.Where = None,
    columns: options.Columns = None,
    contexts: Contexts = None,
    n_made_up: Annotated[
        int, typer.Option("--n-made-up", help="Made-up names to compare with.")
    ] = 100,
    view: ReadBy = "text",
    seed: options.Seed = 0,
    engine: options.Work = "local",
    ray_address: options.RayAddress = None,
    actors: options.Actors = None,
    write: Write = False,
    quiet: options.Quiet = False,
) -> Result:
    """Measure how names hold their own over contexts, against made-up and rare names.

    Names may be new to the space; without NAME, --names and --where all its names are measured.
    """
    from namebasis.namespace.actors.cluster import RayCluster, check_engine
    from namebasis.space import open_space
    from namebasis.studies.identity import rigidity as study

    check_engine(engine, RayCluster(ray_address, actors))
    _check_writable(write, view)
    opened = open_space(space)
    asked = _names(names, file, file_column)
    with nullcontext() if quiet else progress_bar("contexts", "prompts") as progress:
        found = study.rigidity(
            opened,
            asked or None,
            where=where,
            contexts=contexts,
            n_made_up=n_made_up,
            columns=options.columns_of(columns),
            view=view,
            seed=seed,
            engine=engine,
            n_actors=actors,
            address=ray_address,
            progress=progress,
        )
    if write:
        _write(opened, found, "rigidity_interaction")
    return found


def _write(space: Space, found: Identity | Rigidity, column: str) -> None:
    """Store measures and say what became of those of other names, by a column of them."""

    def others() -> set[int]:
        if column not in space.columns:
            return set()
        return set(space.ids(f"{column} IS NOT NULL").tolist()) - asked

    asked = set(space.find_all([row.name for row in found.rows]))
    before = others()
    said = f"measures of {found.write(space):,} names stored"
    if stay := others():
        said += f", beside those of {len(stay):,} others"
    if lost := before - stay:
        said += f"; those of {len(lost):,} others, measured with other settings, are gone"
    note(said)


@answers
def identity(
    space: options.SpacePath,
    names: Asked = None,
    file: NamesFile = None,
    file_column: options.Column = None,
    where: options.Where = None,
    parts: Annotated[
        Path | None,
        typer.Option(
            "--parts",
            help="A CSV with name, given and family: where full names are cut that rules cannot "
            "cut. Columns given and family of the space do the same.",
        ),
    ] = None,
    columns: options.Columns = None,
    counts: Annotated[
        Path | None,
        typer.Option("--counts", help="A CSV with name and count: how often people are named."),
    ] = None,
    k: options.Shown = None,
    measure: Annotated[
        str,
        typer.Option(
            "--measure", help="What to compare with the counts: a measure or a stored column."
        ),
    ] = "own_score",
    n_swaps: Annotated[
        int | None, typer.Option("--n-swaps", help="Partners of each part; 48 by default.")
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
        int,
        typer.Option("--n-made-up", help="Made-up full names whose swaps are compared with."),
    ] = 400,
    view: ReadBy = "text",
    seed: options.Seed = 0,
    engine: options.Work = "local",
    ray_address: options.RayAddress = None,
    actors: options.Actors = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            help="Draw what the kinds rest on, or with --counts names against their counts, as "
            ".png or .svg.",
        ),
    ] = None,
    write: Write = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Say what full names have beyond their parts; with --counts, also of a file's people.

    Names may be new to the space; with --where all its names that pass are measured. A name of one
    word gets an evidence, its pull, and no kind. With --counts and a --measure that the space
    stores already, nothing is measured again.
    """
    from namebasis.namespace.actors.cluster import RayCluster, check_engine
    from namebasis.namespace.actors.crew import crew_of
    from namebasis.namespace.search.beside import check_columns
    from namebasis.space import open_space
    from namebasis.studies.identity import study
    from namebasis.studies.identity.counts import compare_stored, read_counts, with_counts
    from namebasis.studies.identity.parts import asked_names, read_parts
    from namebasis.studies.identity.results import COLUMNS
    from namebasis.studies.identity.thresholds import load_origin

    if figure and figure.suffix not in (".png", ".svg"):
        raise typer.BadParameter("--figure takes a .png or .svg file")
    check_engine(engine, RayCluster(ray_address, actors))
    refuse_existing(figure, overwrite=overwrite)
    refuse_readonly(space, write)
    if with_rigidity and no_contexts:
        raise ValueError("--rigidity is measured in contexts; leave --no-contexts out.")
    _check_writable(write, view)
    load_origin(thresholds)
    opened = open_space(space)
    beside = check_columns(opened, options.columns_of(columns))
    asked = _names(names, file, file_column)
    told = read_counts(counts) if counts else {}
    if told and measure not in COLUMNS:
        stored = compare_stored(opened, told, measure)
        return Answer([stored], lambda: {"counts": stored.to_dict()})
    if told and not asked and where is None:
        asked = list(told)
    asked = asked_names(opened, asked or ([] if where is None else None), where)
    given_ones = read_parts(parts) if parts else None
    rigid, placed = None, None
    if with_rigidity:
        with crew_of(opened, engine, actors, ray_address, view=view) as crew:
            rigid, placed = _rigid(crew, asked, contexts, seed, quiet)
    with nullcontext() if quiet else progress_bar("identity", "prompts") as progress:
        found = study.identity(
            opened,
            asked,
            parts=given_ones,
            n_swaps=n_swaps,
            contexts=contexts,
            with_contexts=not no_contexts,
            thresholds=thresholds,
            n_made_up=n_made_up,
            columns=beside,
            n_shown=k,
            view=view,
            seed=seed,
            in_contexts=placed,
            engine=engine,
            n_actors=actors,
            address=ray_address,
            progress=progress,
        )
    if told:
        found = with_counts(found, told, column=measure)
    notes = []
    if figure:
        found.write_figure(figure, overwrite=overwrite)
        notes.append(f"figure written to {figure}")
    if write:
        _write(opened, found, "identity_own_score")
        if rigid:
            rigid.write(opened)
    results: list[Result] = [found] if rigid is None else [found, rigid]
    return Answer(
        results,
        lambda: {**found.to_dict(), "rigidity": rigid.to_dict() if rigid else None},
        notes,
    )


def _check_writable(write: bool, view: str) -> None:
    """Refuse to put measures of another view where those of `text` stand."""
    if write and view != "text":
        raise ValueError(
            f"--write stores measures of the pooled vector, and --view {view} measures others; "
            "leave one of them out."
        )


def _rigid(
    crew: Crew, asked: list[str], contexts: Path | None, seed: int, quiet: bool
) -> tuple[Rigidity, InContexts]:
    from namebasis.studies.identity.contexts import load_contexts
    from namebasis.studies.identity.in_contexts import N_MADE_UP, measure_contexts
    from namebasis.studies.identity.rigidity import from_contexts

    with nullcontext() if quiet else progress_bar("contexts", "prompts") as progress:
        placed = measure_contexts(
            crew.space,
            asked,
            tuple(load_contexts(contexts)),
            n_made_up=N_MADE_UP,
            with_spreads=True,
            with_weak=True,
            seed=seed,
            progress=progress,
            crew=crew,
        )
    return from_contexts(placed), placed


@answers
def own(
    space: options.SpacePath,
    where: options.Where = None,
    least: Annotated[
        float, typer.Option("--least", help="Evidence of being more than its parts, 0 to 1.")
    ] = 0.5,
    other: Annotated[
        Path | None,
        typer.Option(
            "--other",
            help="A space of another encoder with the same view: are the directions carried over?",
        ),
    ] = None,
    columns: options.Columns = None,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Random halves for the intervals, 20 at least.")
    ] = 200,
    n_null: Annotated[
        int, typer.Option("--n-null", help="Shuffles of the other space's names, 20 at least.")
    ] = 100,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Result:
    """Say whether names share what they have beyond their parts, and with whom.

    Of names whose own directions `identity --where ... --write` stored as the view own.
    """
    from namebasis.space import open_space

    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("null", "prompts") as progress:
        return opened.own(
            where=where,
            least=least,
            other=open_space(other) if other else None,
            columns=options.columns_of(columns),
            n_resamples=n_resamples,
            n_null=n_null,
            seed=seed,
            progress=progress,
        )


@answers
def points_to(
    space: options.SpacePath,
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PART...", help="Given or family names; by default of all stored full names."
        ),
    ] = None,
    where: options.Where = None,
    n_swaps: Annotated[
        int | None, typer.Option("--n-swaps", help="Partners of each part; 48 by default.")
    ] = None,
    seed: options.Seed = 0,
    write: Write = False,
    quiet: options.Quiet = False,
) -> Result:
    """Say which stored full name a given or family name brings up, whatever stands beside it."""
    from namebasis.space import open_space

    refuse_readonly(space, write)
    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("parts", "prompts") as progress:
        found = opened.points_to(
            parts or None,
            where=where,
            n_swaps=n_swaps,
            seed=seed,
            progress=progress,
        )
    if write:
        note(f"points_to of {found.write(opened):,} names stored")
    return found
