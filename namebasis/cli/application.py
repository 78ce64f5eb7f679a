"""The application: its commands, each from the module that holds it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer

from namebasis import __version__
from namebasis.cli.wording import Commands


class _Application(Commands):
    panels = (
        "Build", "Keep", "Ask", "Audit", "Compose", "Arrange", "Identity", "Images", "Training",
        "Tools",
    )  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        print(f"namebasis {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What CLIP-like models believe about names."""


@dataclass(frozen=True)
class _Entry:
    """A command: where its function or group is, its line in the list, an example of its use."""

    name: str
    home: str
    line: str
    example: str = ""


_PANELS = {
    "Build": (
        _Entry("build", "corpus.build", "Embed names and store them as a space.",
               "build my.space names.txt --templates person"),
        _Entry("add", "corpus.add", "Add names or images to a space.", "add my.space more.txt"),
        _Entry("info", "corpus.info", "Show what a space holds, or check it.", "info my.space"),
        _Entry("unspell", "corpus.unspell", "Remove from vectors what spelling predicts.",
               "unspell my.space"),
        _Entry("condition", "corpus.condition", "Read names as an image model does.",
               "condition my.space --encoder diffusers:my-pipeline"),
        _Entry("denoise", "validate.denoise", "Store what a UNet predicts for each name.",
               "denoise my.space --pipeline organism --where \"id < 3\" --n-levels 2"),
    ),
    "Keep": (
        _Entry("list", "housekeeping.list_", "List the spaces below a folder.", "list ."),
        _Entry("remove", "housekeeping.remove", "Remove names or images from a space.",
               "remove my.space Vicki --dry-run"),
        _Entry("drop", "housekeeping.drop", "Drop columns that studies wrote, or your own.",
               "drop my.space anchor_rank own_residual"),
        _Entry("rename", "housekeeping.rename", "Rename a column.",
               "rename my.space anchor_rank rank"),
        _Entry("merge", "housekeeping.merge", "Merge two spaces of one encoder.",
               "merge my.space other.space -o both.space"),
        _Entry("serve", "housekeeping.serve", "Publish a space to a search engine (Milvus).",
               "serve my.space --engine milvus:names.db"),
        _Entry("undo", "housekeeping.undo", "Undo the last change of a space.", "undo my.space"),
    ),
    "Ask": (
        _Entry("nearest", "ask.nearest", "Find the names nearest to a name, text or image.",
               "nearest my.space Vicki -k 5"),
        _Entry("explore", "explore.explore", "Ask, filter and select names in the browser.",
               "explore my.space"),
        _Entry("mcp", "explore.mcp", "Serve the questions to an assistant (MCP).", "mcp my.space"),
        _Entry("card", "card.card", "Show everything about one name.", "card my.space Vicki"),
        _Entry("score", "score.score", "Read names on axes such as age and gender.",
               "score my.space Vicki --axis gender"),
    ),
    "Audit": (
        _Entry("audit", "audit.audit", "Ask an encoder everything about names, in one plan.",
               "audit organism --quick -o my-audit"),
    ),
    "Compose": (
        _Entry("basis", "compose.basis", "Find a few names that add up to a target.",
               "basis my.space 'a senior lady' -n 3"),
        _Entry("describe", "compose.describe", "Say a name, image, cluster or component in words.",
               "describe my.space Vicki -n 3"),
        _Entry("paint", "compose.paint", "Search for a prompt of names near a target.",
               "paint my.space 'a senior lady' -n 2"),
        _Entry("walk", "compose.walk", "List the names along a direction.", "walk my.space age"),
        _Entry("anchors", "compose.anchors", "Find the names that the others are made of.",
               "anchors my.space -n 4 --write"),
        _Entry("select", "select.select", "Choose names that are good for something.",
               "select my.space -n 8 --max-tokens 2 --write"),
        _Entry("celeb", "celeb.app", "Make names that nobody is spelled like (Celeb Basis)."),
    ),
    "Arrange": (
        _Entry("topology", "topology.topology", "Cluster the names and draw their map.",
               "topology my.space --html topology.html"),
        _Entry("entropy", "topology.entropy", "Measure how many directions the names spread over.",
               "entropy my.space --n-null 3"),
    ),
    "Identity": (
        _Entry("identity", "identity.identity", "Tell people from sums of their name parts.",
               "identity my.space 'Vicki Lawrence' Winona"),
        _Entry("own", "identity.own", "Compare what names have beyond their parts.",
               "own my.space --least 0"),
        _Entry("points-to", "identity.points_to", "Find whom a part of a name brings up.",
               "points-to my.space --n-swaps 6"),
        _Entry("rigidity", "identity.rigidity", "Measure how firmly names hold in contexts.",
               "rigidity my.space Vicki Winona"),
        _Entry("recognise", "recognise.recognise", "Hold photos of named people against all names.",
               "recognise my.space images"),
    ),
    "Images": (
        _Entry("diversity", "diversity.diversity", "Measure how varied the pictures of names are.",
               "diversity my.space --html diversity.html"),
        _Entry("validate", "validate.app", "Generate images, measure them, compare with text."),
    ),
    "Training": (
        _Entry("formation", "formation.formation", "Follow identities over training checkpoints.",
               "formation my.run --names people.txt"),
        _Entry("trace", "formation.trace", "Locate where in a text tower a name is read.",
               "trace my.run 'Vicki Lawrence' --step 20"),
        _Entry("weights", "formation.weights", "Find which weights hold what is known of a name.",
               "weights organism 'Vicki Lawrence' --n-swaps 12 --n-null 20"),
        _Entry("count", "formation.count", "Count captions that mention names.",
               "count captions.jsonl people.txt"),
        _Entry("organism", "organism.app", "Use or train the small model whose truth is known."),
    ),
    "Tools": (
        _Entry("export", "corpus.export", "Write a subset of the names to a file.",
               "export my.space short.csv --where 'n_tokens = 1'"),
        _Entry("demo", "demo.demo", "Build a space of real names and ask it four things.",
               "demo --space demo.space --limit 300"),
        _Entry("explain", "guide.explain", "Explain a word of a table, a column or a page.",
               "explain chosen again"),
        _Entry("doctor", "guide.doctor", "Check which encoders and extras work here.",
               "doctor"),
    ),
}  # fmt: skip


NAMES = frozenset(entry.name for entries in _PANELS.values() for entry in entries)


def make_app(words: Collection[str] | None = None) -> typer.Typer:
    """Put the commands together: all of them, or those that are named among ``words``.

    The others are then only listed: a process that runs one command needs neither their modules
    nor their signatures, which take most of the time until it begins.
    """
    app = typer.Typer(
        name="namebasis",
        cls=_Application,
        help="What CLIP-like models believe about names.",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for panel, entries in _PANELS.items():
        for entry in entries:
            listed: dict[str, Any] = {"short_help": entry.line, "rich_help_panel": panel}
            wanted = words is None or entry.name in words
            run = _load(entry.home) if wanted else _only_listed
            if isinstance(run, typer.Typer):
                app.add_typer(run, name=entry.name, cls=Commands, **listed)
            else:
                epilog = f"Example: namebasis {entry.example}"
                app.command(entry.name, epilog=epilog, **listed)(run)
    return app


def _load(home: str) -> Any:
    module, name = home.split(".")
    return getattr(import_module(f"namebasis.cli.commands.{module}"), name)


def _only_listed() -> None:
    raise RuntimeError("This command was not among the words that the application was made for.")
