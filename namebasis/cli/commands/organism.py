"""Commands of the organism: train it, look at its world and its pictures."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_json, print_table, progress_bar
from namebasis.cli.outputs import refuse_folder

app = typer.Typer(
    help="A model whose truth is known: a small CLIP trained on a made-up world.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def train(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the training.")],
    steps: Annotated[int, typer.Option("--steps", help="Batches to learn from.")] = 1300,
    batch: Annotated[
        int, typer.Option("--batch-size", help="Pictures with captions in a batch.")
    ] = 256,
    checkpoints: Annotated[
        int, typer.Option("--checkpoints", help="Models to keep, the first and the last included.")
    ] = 25,
    pixels: Annotated[
        int, typer.Option("--pixels", help="Along each side of a picture; a multiple of 12.")
    ] = 48,
    seed: options.Seed = 0,
    threads: Annotated[int, typer.Option("--threads", help="Threads of the training.")] = 2,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    tiny: Annotated[
        bool, typer.Option("--tiny", help="A world of 19 names, to try the training out.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing training.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the organism (about 7 minutes on two idle cores). Resumes if interrupted."""
    from namebasis.encoders.specs import check_device

    check_device(device)
    refuse_folder(run)
    from namebasis.encoders.loading import choose_device
    from namebasis.organism.cohorts import TINY_COHORTS
    from namebasis.organism.training import train as learn
    from namebasis.organism.world import World

    choose_device(device)
    world = World.make(seed, cohorts=TINY_COHORTS, n_given=6, n_family=6) if tiny else None
    with nullcontext() if quiet else progress_bar("training", "steps") as bar:

        def progress(done: int, total: int, loss: float) -> None:
            if bar is not None:
                bar(done, total, f"loss {loss:.3f}")

        made = learn(
            run,
            world=world,
            n_steps=steps,
            batch_size=batch,
            n_checkpoints=checkpoints,
            size=pixels,
            seed=seed,
            threads=threads,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        print_json(
            {
                "run": str(made.run),
                "checkpoints": made.steps,
                "loss": made.loss,
                "seconds": made.seconds,
                "cpu_seconds": made.cpu_seconds,
            }
        )
        return
    note(
        f"{made.run}: {len(made.steps)} checkpoints, loss {made.loss:.3f}, {made.seconds:.0f} s "
        f"({made.cpu_seconds:.0f} s of CPU)"
    )
    note(f"load the last one with --encoder hf:{made.run}/step-{made.steps[-1]:06d}")


def world(
    seed: options.Seed = 0,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only names of this kind; repeatable.")
    ] = None,
    limit: options.Limit = None,
    as_json: options.Json = False,
    no_header: options.NoHeader = False,
) -> None:
    """Print the truth of a world: its names and who bears them."""
    from dataclasses import asdict

    from namebasis.checks import check_count
    from namebasis.organism.cohorts import KINDS
    from namebasis.organism.world import World

    if limit is not None:
        check_count(limit, "limit", 0)
    unknown = sorted(set(kind or ()) - set(KINDS))
    if unknown:
        raise ValueError(f"--kind must be one of {', '.join(KINDS)}; got {unknown[0]}.")
    made = World.make(seed)
    names = [name for name in made.names if not kind or name.kind in kind][:limit]
    if as_json:
        print_json([asdict(name) for name in names])
        return
    columns = ("name", "kind", "exposures", "enters at", "parts suggest", "person", "context")
    print_table(
        "",
        columns,
        [
            (n.name, n.kind, n.exposures, n.enters_at, n.prior_caption, n.own_caption,
             ", ".join(n.context) if n.context else None)
            for n in names
        ],
        header=not no_header,
    )  # fmt: skip
    counts = ", ".join(f"{count} {of}" for of, count in made.cohorts.items())
    note(f"{len(names)} of {len(made.names)} names: {counts}")


def sheet(
    path: Annotated[Path, typer.Argument(metavar="PICTURE", help="PNG file to write.")],
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a contact sheet of every attribute and context."""
    from namebasis.atomic import replacing_file
    from namebasis.organism.sheet import contact_sheet

    with replacing_file(path, overwrite) as stream:
        contact_sheet(seed=seed).save(stream, format="PNG")
    note(f"contact sheet written to {path}")


def painter(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A training of the organism.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the painter is saved.")],
    steps: Annotated[int, typer.Option("--steps", help="Batches to learn from.")] = 7500,
    batch: Annotated[
        int, typer.Option("--batch-size", help="Pictures with captions in a batch.")
    ] = 64,
    seed: options.Seed = 0,
    threads: Annotated[int, typer.Option("--threads", help="Threads of the training.")] = 2,
    quiet: options.Quiet = False,
) -> None:
    """Train a small text-to-image model on an organism's world. Resumes if interrupted.

    About 50 minutes on two cores. It loads as any pipeline: namebasis validate generate …
    --pipeline diffusers:FOLDER; the one that comes with the package is --pipeline organism.
    """
    from namebasis.errors import MissingExtraError, NamebasisError
    from namebasis.organism.world import World

    refuse_folder(folder)
    checkpoints = sorted(run.glob("step-*"))
    if not checkpoints:
        raise NamebasisError(
            f"{run} holds no checkpoint; train one with `namebasis organism train`."
        )
    try:
        from namebasis.organism.painter.training import train_painter
    except ImportError:
        raise MissingExtraError("the painter", "diffusers") from None

    with nullcontext() if quiet else progress_bar("training", "steps") as bar:

        def progress(done: int, total: int, loss: float) -> None:
            if bar is not None:
                bar(done, total, f"loss {loss:.3f}")

        made = train_painter(
            checkpoints[-1], folder, world=World.load(run / "world.json"), n_steps=steps,
            batch_size=batch, seed=seed, threads=threads, progress=progress,
        )  # fmt: skip
    note(
        f"{made.folder}: loss {made.loss:.3f}, {made.seconds:.0f} s "
        f"({made.cpu_seconds:.0f} s of CPU)"
    )


def pack(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished training.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put what is shipped.")],
    trajectories: Annotated[
        bool, typer.Option("--trajectories", help="Add what `formation` says of every checkpoint.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Keep the last model of a training in half precision, with the truth of its world."""
    from namebasis.organism import packing

    refuse_folder(folder)
    size = packing.pack(run, folder)
    note(f"{folder}: weights of {size / 1e6:.1f} MB; load them with --encoder hf:{folder}")
    if trajectories:
        from namebasis.formation.study import formation

        with nullcontext() if quiet else progress_bar("formation", "checkpoints") as progress:
            found = formation(
                run, n_swaps=40, with_weights=False, weight_evidence=True, progress=progress
            )
        told = found.weight_evidence
        packing.write_trajectories(
            found.to_arrow(), found.crossings_to_arrow(), folder,
            None if told is None else told.with_null_to_arrow(),
        )  # fmt: skip


def pack_painter(
    painter: Annotated[Path, typer.Argument(metavar="PAINTER", help="A finished painter.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put what is shipped.")],
) -> None:
    """Keep a painter without the state of its training."""
    from namebasis.errors import MissingExtraError
    from namebasis.organism.painter.folder import read_painter

    refuse_folder(folder)
    read_painter(painter)
    try:
        from namebasis.organism.painter.model import load_painter
    except ImportError:
        raise MissingExtraError("the painter", "diffusers") from None
    from namebasis.organism import packing
    from namebasis.validation.pictures.pipelines import fingerprint_of_files

    load_painter(painter)  # what cannot be loaded is not shipped
    fingerprint = fingerprint_of_files(painter)
    size = packing.pack_painter(painter, folder, fingerprint=fingerprint)
    note(
        f"{folder}: {size / 1e6:.1f} MB, {fingerprint[:19]}…; load it with --pipeline "
        f"diffusers:{folder}"
    )


app.command(
    "train", epilog="Example: namebasis organism train run --tiny --steps 3 --batch-size 8"
)(train)
app.command("world", epilog="Example: namebasis organism world --kind C --limit 5")(world)
app.command(
    "painter",
    epilog="Example: namebasis organism painter tiny.run painter --steps 2 --batch-size 4",
)(painter)
app.command(
    "pack-painter",
    hidden=True,
    epilog="Example: namebasis organism pack-painter my-painter packed-painter",
)(pack_painter)
app.command("pack", hidden=True, epilog="Example: namebasis organism pack tiny.run packed")(pack)
app.command("sheet", epilog="Example: namebasis organism sheet sheet.png")(sheet)
