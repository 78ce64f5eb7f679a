"""The command that asks an encoder everything: audit."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import StepBars
from namebasis.cli.outputs import refuse_folder


@partial(answers, always_page=True)
def audit(
    encoders: Annotated[
        list[str],
        typer.Argument(metavar="ENCODER", help="What is audited; `namebasis doctor` lists kinds."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write; by default audit- and the encoder's name, none with --compare.",
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option("--names", help="A file of names of your own, read beside the packaged ones."),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option("--counts", help="A CSV with name and count: people and their mentions."),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Put audits side by side: give the folders of two or more instead."
        ),
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer names and templates.")] = False,
    device: options.Device = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Answer:
    """Ask an encoder everything about names, and write a page, JSON and Parquet."""
    from namebasis.auditing.files import PAGE, SPACE
    from namebasis.auditing.study import audit as study

    if compare:
        if names or counts or quick:
            raise ValueError(
                "--compare reads audits that are finished; leave --names, --counts and --quick out."
            )
        return _compared(encoders, output, seed)
    if len(encoders) > 1:
        raise ValueError(
            f"one encoder is audited at a time; got {len(encoders)}. To put audits side by side, "
            "add --compare."
        )
    (encoder,) = encoders
    refuse_folder(output)
    with nullcontext() if quiet else StepBars() as bars:
        found = study(
            encoder, output, names=names, counts=counts, quick=quick, device=device, seed=seed,
            begin=bars.begin if bars else None, progress=bars.update if bars else None,
        )  # fmt: skip
    place = Path(found.folder)
    told = [f"{place / PAGE} is the page; namebasis explore {place / SPACE} asks its names more."]
    return Answer([found], told=told, page=place / PAGE)


def _compared(audits: list[str], output: Path | None, seed: int) -> Answer:
    """Audits side by side, printed, and written where a folder is named."""
    from namebasis.auditing.comparison import compare_audits
    from namebasis.auditing.comparison_files import PAGE, refuse_place, write_comparison

    if output is not None:
        refuse_place(output)
    found = compare_audits(audits, seed=seed)
    if output is None:
        return Answer([found])
    place = write_comparison(found, output)
    told = [f"{place / PAGE} is the page; comparison.json and comparison.parquet lie beside it."]
    if place != output:
        told.insert(0, f"{output} holds another comparison, which was kept; this one is {place}.")
    return Answer([found], told=told, page=place / PAGE)
