"""Commands that watch a model in training: formation, trace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.commands.corpus import listed_names
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import refuse_existing, refuse_folder

if TYPE_CHECKING:
    from namebasis.formation.trace_results import Tracing

Revisions = Annotated[
    list[str] | None,
    typer.Option("--revision", help="A revision of one hub repository; repeatable."),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Model of epoch_*.pt files: open_clip's name, or a CONFIG.json."),
]
Truth = Annotated[
    Path | None,
    typer.Option("--truth", help="What is known of names; by default the run's world.json."),
]
Template = Annotated[str, typer.Option("--template", help="What names are put in.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the page as one HTML file.")]


@answers
def formation(
    run: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="A folder of step folders or of epoch_*.pt files, encoder specs in order, or "
            "organism: the trajectories that are shipped.",
        ),
    ],
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--names",
            help="A file of names, one a line or a table; repeatable. By default the truth's.",
        ),
    ] = None,
    column: options.Column = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="One name more; repeatable.")
    ] = None,
    revision: Revisions = None,
    model: Model = None,
    truth: Truth = None,
    counts: Annotated[
        Path | None,
        typer.Option(
            "--counts",
            help="A CSV with name, count and step (cumulative) or totals; by default the run's "
            "exposures.csv.",
        ),
    ] = None,
    contexts: Annotated[
        Path | None,
        typer.Option("--contexts", help="A TOML file of contexts; by default the truth's or 24."),
    ] = None,
    template: Template = "{}",
    n_made_up: Annotated[
        int, typer.Option("--n-made-up", help="Made-up names, where none of kind N are known.")
    ] = 100,
    n_swaps: Annotated[int, typer.Option("--n-swaps", help="Partners of each part, at most.")] = 24,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Bootstrap draws of the intervals.")
    ] = 200,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            help="Pictures of the names' people, each under its name; by default the organism's "
            "own where RUN is one.",
        ),
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Leave pictures out: faster.")
    ] = False,
    no_weights: Annotated[
        bool, typer.Option("--no-weights", help="Leave weight space out: faster.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder that keeps encodings; by default beside the run's."),
    ] = None,
    traced: Annotated[
        list[str] | None,
        typer.Option("--trace", help="Add tracing maps of this name to the page; repeatable."),
    ] = None,
    k: options.Shown = None,
    html: Html = None,
    overwrite: options.Overwrite = False,
    device: options.Device = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Answer:
    """Follow what names mean over the checkpoints of a training."""
    from namebasis.formation.study import formation as study
    from namebasis.studies.identity.contexts import load_contexts

    refuse_existing(html, overwrite=overwrite)
    refuse_folder(cache)
    if images is not None and no_images:
        raise ValueError("--images and --no-images ask for two things; give one.")
    if traced and not html:
        raise ValueError("--trace adds maps to the page; give --html FILE, or use `trace`.")
    asked = list(dict.fromkeys([*(name or ()), *listed_names(files or [], column)]))
    sources = run[0] if len(run) == 1 else run
    # Before the long work: a name that cannot be traced is then said at once.
    maps = [
        _trace(
            sources, one, revision, model, truth, (), device, quiet, template=template, seed=seed
        )
        for one in traced or ()
    ]
    with nullcontext() if quiet else progress_bar("formation", "checkpoints") as progress:
        found = study(
            sources,
            asked or None,
            revisions=revision or (),
            model=model,
            truth=truth,
            counts=counts,
            contexts=list(load_contexts(contexts)) if contexts else None,
            template=template,
            n_made_up=n_made_up,
            n_swaps=n_swaps,
            n_resamples=n_resamples,
            with_weights=not no_weights,
            cache=cache,
            device=device,
            n_shown=k,
            images=False if no_images else images,
            seed=seed,
            progress=progress,
        )
    if html:
        found.write_html(
            html, traces=[one for each in maps for one in each.traces], overwrite=overwrite
        )
    return Answer([found], found.to_dict, [f"report written to {html}"] if html else [])


@answers
def trace(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="An encoder spec, or a folder of checkpoints.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to trace.")],
    kind: Annotated[
        str, typer.Option("--kind", help="What is put back: residual, attention or mlp.")
    ] = "residual",
    target: Annotated[
        str, typer.Option("--target", help="pooled: the whole embedding; own: beyond its parts.")
    ] = "pooled",
    template: Template = "{}",
    step: Annotated[
        list[int] | None, typer.Option("--step", help="Only this checkpoint; repeatable.")
    ] = None,
    n_samples: Annotated[int, typer.Option("--n-samples", help="Draws of the noise.")] = 10,
    noise: Annotated[
        float, typer.Option("--noise", help="Noise in standard deviations of token embeddings.")
    ] = 3.0,
    window: Annotated[int, typer.Option("--window", help="Layers put back at once.")] = 1,
    revision: Revisions = None,
    model: Model = None,
    truth: Truth = None,
    html: Html = None,
    overwrite: options.Overwrite = False,
    device: options.Device = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Answer:
    """Find where in a text tower a name is read."""
    refuse_existing(html, overwrite=overwrite)
    found = _trace(
        run, name, revision, model, truth, step or (), device, quiet,
        template=template, kind=kind, target=target, n_samples=n_samples, noise=noise,
        window=window, seed=seed,
    )  # fmt: skip
    if html:
        found.write_html(html, overwrite=overwrite)
    told = [f"gap: {gap.label}: {gap.reason}" for gap in found.gaps]
    if html:
        told.append(f"report written to {html}")
    return Answer(found.traces, found.to_dict, told)


def _trace(
    sources: str | list[str],
    name: str,
    revision: list[str] | None,
    model: str | None,
    truth: Path | None,
    steps: Sequence[int],
    device: str | None,
    quiet: bool,
    **settings: object,
) -> Tracing:
    from namebasis.formation.tracing import trace as study

    with nullcontext() if quiet else progress_bar("trace", "checkpoints") as progress:
        return study(
            sources,
            name,
            revisions=revision or (),
            model=model,
            truth=truth,
            steps=steps,
            device=device,
            progress=progress,
            **settings,
        )
