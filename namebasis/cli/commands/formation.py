"""Commands on a model in training and its captions: formation, trace, weights, count."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.commands.corpus import listed_names
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import refuse_existing, refuse_folder

if TYPE_CHECKING:
    from namebasis.formation.trace_results import Tracing
    from namebasis.results import Result

Revisions = Annotated[
    list[str] | None,
    typer.Option("--revision", help="A revision of one hub repository; repeatable."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Model of bare weights (epoch_*.pt, *.ckpt): open_clip's name, or a CONFIG.json; of "
        "LoRAs, the spec they change.",
    ),
]
Truth = Annotated[
    Path | None,
    typer.Option("--truth", help="What is known of names; by default the run's world.json."),
]
Counts = Annotated[
    Path | None,
    typer.Option(
        "--counts",
        help="A CSV with name, count and step (cumulative) or totals; by default the run's "
        "exposures.csv.",
    ),
]
Template = Annotated[str, typer.Option("--template", help="What names are put in.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the page as one HTML file.")]


@answers
def formation(
    run: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="A folder of step folders or of epoch_*.pt files, one that Watch left, encoder "
            "specs in order, or organism: the trajectories that are shipped.",
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
    counts: Counts = None,
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
            parser=options.given_path,
            metavar="<path>",
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
    weight_evidence: Annotated[
        bool,
        typer.Option(
            "--weight-evidence",
            help="Add what the change of the weights writes for each name: slower, and not kept.",
        ),
    ] = False,
    learning_coefficient: Annotated[
        bool,
        typer.Option(
            "--learning-coefficient",
            help="Add the local learning coefficient of an organism's checkpoints: minutes.",
        ),
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
            sources,
            one,
            revision,
            model,
            truth,
            (),
            device,
            quiet,
            template=template,
            seed=seed,
            n_null=0,
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
            weight_evidence=weight_evidence,
            learning_coefficient=learning_coefficient,
            seed=seed,
            progress=progress,
        )
    return _reported(found, html, overwrite, traces=[one for each in maps for one in each.traces])


@answers
def trace(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="An encoder spec, or a folder of checkpoints.")
    ],
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Names to trace; of several the mean is told."),
    ],
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
    n_null: Annotated[
        int, typer.Option("--n-null", help="Names that nobody bears to trace beside them.")
    ] = 5,
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
        run, names, revision, model, truth, step or (), device, quiet,
        template=template, kind=kind, target=target, n_samples=n_samples, noise=noise,
        window=window, n_null=n_null, seed=seed,
    )  # fmt: skip
    return _reported(found, html, overwrite)


def _reported(found: Result, html: Path | None, overwrite: bool, **options: Any) -> Answer:
    """A result as an answer, and as a page where one is asked for."""
    if html:
        found.write_html(html, overwrite=overwrite, **options)
    return Answer([found], found.to_dict, [f"report written to {html}"] if html else [])


def _trace(
    sources: str | list[str],
    names: str | list[str],
    revision: list[str] | None,
    model: str | None,
    truth: Path | None,
    steps: Sequence[int],
    device: str | None,
    quiet: bool,
    **settings: Any,
) -> Tracing:
    from namebasis.formation.tracing import trace as study

    with nullcontext() if quiet else progress_bar("trace", "checkpoints") as progress:
        return study(
            sources,
            names,
            revisions=revision or (),
            model=model,
            truth=truth,
            steps=steps,
            device=device,
            progress=progress,
            **settings,
        )


@answers
def weights(
    run: Annotated[
        str, typer.Argument(metavar="MODEL", help="An encoder spec, or a folder of checkpoints.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Full names; by default those of the truth."),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--names", help="A file of names, one a line or a table; repeatable."),
    ] = None,
    column: options.Column = None,
    target: Annotated[
        str, typer.Option("--target", help="own: beyond the parts; pooled: beyond the mean name.")
    ] = "own",
    template: Template = "{}",
    step: Annotated[
        list[int] | None,
        typer.Option("--step", help="A checkpoint whose writers are told; repeatable."),
    ] = None,
    n_swaps: Annotated[int, typer.Option("--n-swaps", help="Partners of each part.")] = 24,
    n_null: Annotated[
        int, typer.Option("--n-null", help="Names that nobody bears, of either kind, at most.")
    ] = 100,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Bootstrap draws of the intervals.")
    ] = 100,
    counts: Counts = None,
    knock_out: Annotated[
        bool,
        typer.Option(
            "--knock-out",
            help="Take each name out of the last checkpoint (of --step, if given), and tell "
            "what all names lose.",
        ),
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="A new folder for that model without all these names."),
    ] = None,
    revision: Revisions = None,
    model: Model = None,
    truth: Truth = None,
    html: Html = None,
    overwrite: options.Overwrite = False,
    device: options.Device = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Answer:
    """Find which weights hold what a model knows of full names."""
    from namebasis.formation.weight_identity.study import identity_in_weights

    refuse_existing(html, overwrite=overwrite)
    refuse_folder(save)
    asked = list(dict.fromkeys([*(names or ()), *listed_names(files or [], column)]))
    with nullcontext() if quiet else progress_bar("weights", "checkpoints") as progress:
        found = identity_in_weights(
            run,
            asked or None,
            revisions=revision or (),
            model=model,
            steps=step or (),
            truth=truth,
            target=target,
            template=template,
            n_swaps=n_swaps,
            n_null=n_null,
            n_resamples=n_resamples,
            counts=counts,
            knock_out=knock_out,
            save=save,
            device=device,
            seed=seed,
            progress=progress,
        )
    return _reported(found, html, overwrite)


def _names_of(places: Sequence[Path], column: str | None) -> list[str]:
    """Names of files and of spaces."""
    from namebasis.cli.defaults import is_space

    names: list[str] = []
    for place in places:
        if is_space(place):
            from namebasis.space import open_space

            names += open_space(place).table(["name"])["name"].to_pylist()
        else:
            names += listed_names([place], column)
    return list(dict.fromkeys(names))


@answers
def count(
    captions: Annotated[
        str,
        typer.Argument(
            metavar="CAPTIONS",
            help="A file or folder of captions, in the order of the training: parquet, csv, tsv, "
            "jsonl, txt (a caption a line), webdataset tars; - reads the standard input.",
        ),
    ],
    names: Annotated[
        list[Path],
        typer.Argument(metavar="NAMES...", help="Files of names, as build reads them, or spaces."),
    ],
    column: options.Column = None,
    caption_column: Annotated[
        str | None,
        typer.Option(
            "--caption-column",
            help="Column or JSON key of the captions; its number in a table without a header.",
        ),
    ] = None,
    caption_format: Annotated[
        str | None,
        typer.Option(
            "--caption-format",
            help="What the captions are, whatever the file is called: parquet, csv, tsv, jsonl, "
            "txt or tar.",
        ),
    ] = None,
    no_parts: Annotated[
        bool, typer.Option("--no-parts", help="Leave out the given and family names of full names.")
    ] = False,
    capitals: Annotated[
        bool, typer.Option("--capitals", help="Count only mentions with a capital: Will, not will.")
    ] = False,
    every: Annotated[
        int | None,
        typer.Option("--every", help="Give cumulative counts every N steps of the training."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Captions of one step of the training.")
    ] = 1,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Table for `identity --counts`, `formation --counts`."),
    ] = Path("exposures.csv"),
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Count how many captions of a training set mention each name.

    A count that is stopped goes on when the same command is given again.
    """
    from namebasis.formation.mentions.study import count_mentions

    refuse_existing(output, overwrite=overwrite)
    asked = _names_of(names, column)
    with nullcontext() if quiet else progress_bar("captions", "MB") as progress:
        found = count_mentions(
            captions,
            asked,
            caption_column=caption_column,
            caption_format=caption_format,
            with_parts=not no_parts,
            only_capitals=capitals,
            every=every,
            batch_size=batch_size,
            state=output.with_name(output.name + ".unfinished"),
            progress=progress,
        )
    found.write_csv(output, overwrite=overwrite)
    return Answer([found], found.to_dict, [f"{len(found.names):,} names written to {output}"])
