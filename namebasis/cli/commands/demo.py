"""The demo, which runs the other commands on real names."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from namebasis.atomic import remove_leftovers, replacing_file
from namebasis.cli import options
from namebasis.cli.commands import ask, compose, corpus, topology
from namebasis.cli.output import say
from namebasis.cli.outputs import refuse_folder
from namebasis.errors import SpaceError
from namebasis.reading import UnreadableError, digest_of, is_regular, read_json

TEXT = "a senior lady from Iceland"
NAME = "Vicki"
MARK = ".namebasis-demo"
"""A file in the folder of the demo's files: which ones it wrote there, by their content."""
_REPORT = ("topology.html", "topology.json", "topology.parquet")
_OTHERS = (
    "card {space} {name}",
    "basis {space} 'a teacher' -n 3",
    "explain chosen again",
)
"""What to try afterwards."""


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
        If a file or somebody else's folder is in the way, or a file in the folder is not as the
        demo wrote it; nothing of it is touched.
    """
    folder = space.with_name(f"{space.stem}-report")
    refuse_folder(space)
    if folder.exists() and not folder.is_dir():
        raise SpaceError(f"{folder} is a file; the demo needs a folder there. Move it.")
    remove_leftovers(folder)
    held = [path for path in folder.glob("*") if path.name != MARK]
    if held and not (folder / MARK).is_file():
        raise SpaceError(
            f"{folder} exists and was not made by the demo. Move it, or choose another --space."
        )
    written = _written(folder)
    for path in held:
        if path.name not in written or written[path.name] not in (None, _digest(path)):
            raise SpaceError(
                f"{path} is not as the demo wrote it. Move it, or choose another --space."
            )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    return folder


def _written(folder: Path) -> dict[str, str | None]:
    """Names and digests of the files that the demo wrote; None of those that it began to write."""
    try:
        return dict(read_json(folder / MARK))
    except (UnreadableError, TypeError, ValueError):
        return {}  # none yet, or not ours: what lies there is then nobody's


def _digest(path: Path) -> str:
    return digest_of(path) if is_regular(path) else ""


def _remember(folder: Path, files: Iterable[Path], begun: Iterable[str] = ()) -> None:
    """Write down what the demo wrote, so that it knows its own files the next time.

    Files that are about to be written are named before, or a demo that was killed would take its
    own for another's.
    """
    written: dict[str, str | None] = {path.name: _digest(path) for path in files}
    written |= dict.fromkeys(begun)
    with replacing_file(folder / MARK, overwrite=True) as stream:
        stream.write(json.dumps(written, indent=1).encode())


def demo(
    space: Annotated[Path, typer.Option("--space", help="Where the demo keeps its space.")] = Path(
        "demo/names.space"
    ),
    limit: Annotated[
        int, typer.Option("--limit", help="How many names: a quarter frequent in the US.")
    ] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of the sample.")] = 0,
    quiet: options.Quiet = False,
) -> None:
    """Build a space of real names once, then ask it four things. Seconds the second time."""
    started = time.perf_counter()
    folder = own_folder(space)
    html, listed = folder / "topology.html", folder / "short-names.csv"
    from namebasis.namespace.space import is_complete
    from namebasis.space import open_space

    if not is_complete(space):
        sources = [f"us,top={-(-limit // 4)}", f"faker,limit={limit - -(-limit // 4)}"]
        _show("build", space, *sources, "--templates", "person", "--seed", seed)
        corpus.build(space, sources, templates="person", seed=seed, quiet=quiet)
    opened = open_space(space)
    name = NAME if opened.find(NAME) else str(opened.table(["name"], limit=1)["name"][0])
    short = "n_tokens = 1 AND gender = 'F'"

    _show("nearest", space, name, "-k", 5)
    ask.nearest(space, [name], k=5)
    _show("nearest", space, TEXT, "-k", 5)
    ask.nearest(space, [TEXT], k=5)
    _show("nearest", space, TEXT, "-k", 5, "--where", short)
    ask.nearest(space, [TEXT], k=5, where=short)
    _show("basis", space, TEXT, "-n", 5)
    compose.basis(space, [TEXT], n_names=5)
    _show("topology", space, "--html", html)
    if html.exists() and html.stat().st_mtime > (space / "names.lance").stat().st_mtime:
        say(f"{html} is up to date; the command itself would make it again.")
    else:
        _remember(folder, [listed], _REPORT)
        topology.topology(space, html=html, overwrite=True, quiet=quiet)
        _remember(folder, folder.glob("topology.*"))
    columns = "name,gender,count"
    _show("export", space, listed, "--where", short, "--columns", columns, "--overwrite")
    _remember(folder, folder.glob("topology.*"), [listed.name])
    corpus.export(space, str(listed), where=short, columns=columns, overwrite=True)
    _remember(folder, [*folder.glob("topology.*"), listed])
    seconds = time.perf_counter() - started
    say(f"\ndone in {seconds:.0f} s; open {html} in a browser. To go on, try:")
    for command in _OTHERS:
        say("  namebasis " + command.format(space=_quote(str(space)), name=_quote(name)))
