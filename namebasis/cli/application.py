"""The application: its commands, each from the module that holds it."""

from __future__ import annotations

from typing import Annotated

import typer

from namebasis import __version__
from namebasis.cli import (
    ask,
    card,
    compose,
    corpus,
    demo,
    entropy,
    formation,
    identity,
    organism,
    score,
    topology,
    validate,
)
from namebasis.cli.wording import Commands

app = typer.Typer(
    name="namebasis",
    cls=Commands,
    help="What CLIP-like models believe about names.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"namebasis {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What CLIP-like models believe about names."""


app.command("demo", epilog="Example: namebasis demo --space demo.space --limit 300")(demo.demo)
app.command("build", epilog="Example: namebasis build my.space names.txt --templates person")(
    corpus.build
)
app.command("add", epilog="Example: namebasis add my.space more.txt")(corpus.add)
app.command("info", epilog="Example: namebasis info my.space")(corpus.info)
app.command("unspell", epilog="Example: namebasis unspell my.space")(corpus.unspell)
app.command("nearest", epilog="Example: namebasis nearest my.space Vicki -k 5")(ask.nearest)
app.command("card", epilog="Example: namebasis card my.space Vicki")(card.card)
app.command("basis", epilog="Example: namebasis basis my.space 'a senior lady' -n 3")(compose.basis)
app.command("paint", epilog="Example: namebasis paint my.space 'a senior lady' -n 2")(compose.paint)
app.command("score", epilog="Example: namebasis score my.space Vicki --axis gender")(score.score)
app.command("walk", epilog="Example: namebasis walk my.space age")(compose.walk)
app.command("anchors", epilog="Example: namebasis anchors my.space -n 4 --write")(compose.anchors)
app.command("topology", epilog="Example: namebasis topology my.space --html topology.html")(
    topology.topology
)
app.command("rigidity", epilog="Example: namebasis rigidity my.space Vicki Winona")(
    identity.rigidity
)
app.command("identity", epilog="Example: namebasis identity my.space 'Vicki Lawrence' Winona")(
    identity.identity
)
app.command("entropy", epilog="Example: namebasis entropy my.space --n-null 3")(entropy.entropy)
app.command("formation", epilog="Example: namebasis formation my.run --names people.txt")(
    formation.formation
)
app.command("trace", epilog="Example: namebasis trace my.run 'Vicki Lawrence' --step 20")(
    formation.trace
)
app.command("export", epilog="Example: namebasis export my.space short.csv --where 'n_tokens = 1'")(
    corpus.export
)
app.command("doctor", epilog="Example: namebasis doctor")(demo.doctor)
app.add_typer(organism.app, name="organism", cls=Commands)
app.add_typer(validate.app, name="validate", cls=Commands)
