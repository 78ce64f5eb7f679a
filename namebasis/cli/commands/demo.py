"""The demo, which runs the other commands on real names."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.commands import ask, compose, corpus, topology
from namebasis.cli.output import say
from namebasis.cli.outputs import refuse_existing, refuse_folder
from namebasis.errors import SpaceError

TEXT = "a senior lady from Iceland"
STORED = ("Vicki", "Winona", "Keisha", "Björk", "Giulia", "Anna")
SEED = 6
"""Of the sample of Faker's names: one that holds the names of the documents' examples."""
MARK = ".namebasis-demo"
"""An empty file in the folder of the demo's files, by which the demo knows it for its own."""


def _show(*words: object) -> None:
    say("\n$ namebasis " + " ".join(map(_quote, map(str, words))))
    sys.stdout.flush()


def _quote(word: str) -> str:
    """Quote a word as a person would: double quotes around single ones."""
    return f'"{word}"' if "'" in word and not set('"$`\\') & set(word) else shlex.quote(word)


def own_folder(space: Path) -> Path:
    """Make the folder for the report and the list: beside the space, named after it.

    Raises
    ------
    SpaceError
        If a file or somebody else's folder is in the way; nothing of it is touched.
    """
    folder = space.with_name(f"{space.stem}-report")
    refuse_folder(space)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise SpaceError(
            f"{folder} exists and was not made by the demo. Move it, or choose another --space."
        )
    if folder.exists() and not folder.is_dir():
        raise SpaceError(f"{folder} is a file; the demo needs a folder there. Move it.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    return folder


def demo(
    space: Annotated[Path, typer.Option("--space", help="Where the demo keeps its space.")] = Path(
        "demo/faker.space"
    ),
    limit: Annotated[int, typer.Option("--limit", help="How many of Faker's names.")] = 24_000,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of the sample.")] = SEED,
    quiet: options.Quiet = False,
) -> None:
    """Build a space of real names once, then ask it four things. Seconds the second time."""
    started = time.perf_counter()
    folder = own_folder(space)
    html, listed = folder / "topology.html", folder / "short-names.csv"
    refuse_existing(html, listed, overwrite=True)
    from namebasis.namespace.space import is_complete
    from namebasis.space import open_space

    if not is_complete(space):
        wanted = ("--encoder", "minilm", "--templates", "person", "--limit", limit, "--seed", seed)
        _show("build", space, "faker", *wanted)
        corpus.build(space, ["faker"], templates="person", limit=limit, seed=seed, quiet=quiet)
    opened = open_space(space)
    stored = next((name for name in STORED if opened.find(name) is not None), None)
    if stored is None:
        stored = str(opened.table(["name"], limit=1)["name"][0])
    short = "n_tokens = 1 AND gender = 'F'"

    _show("nearest", space, TEXT, "-k", 5)
    ask.nearest(space, [TEXT], k=5)
    _show("nearest", space, stored, "-k", 5)
    ask.nearest(space, [stored], k=5)
    _show("nearest", space, TEXT, "-k", 5, "--where", short)
    ask.nearest(space, [TEXT], k=5, where=short)
    _show("basis", space, TEXT, "-n", 5)
    compose.basis(space, [TEXT], n_names=5)
    _show("topology", space, "--html", html)
    if html.exists() and html.stat().st_mtime > (space / "names.lance").stat().st_mtime:
        say(f"{html} is up to date; the command itself would make it again.")
    else:
        topology.topology(space, html=html, overwrite=True, quiet=quiet)
    _show(
        "export", space, listed, "--where", short, "--columns", "name,gender,locales", "--overwrite"
    )
    corpus.export(space, str(listed), where=short, columns="name,gender,locales", overwrite=True)
    say(f"\ndone in {time.perf_counter() - started:.0f} s; open {html} in a browser")
