"""The command that chooses names: select."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import answers
from namebasis.cli.commands.corpus import listed_names
from namebasis.cli.output import StepBars
from namebasis.cli.outputs import refuse_existing, refuse_readonly

if TYPE_CHECKING:
    from namebasis.results import Result


@answers
def select(
    space: options.SpacePath,
    n_names: Annotated[int, typer.Option("--n-names", "-n", help="How many names.")] = 100,
    objective: Annotated[
        str,
        typer.Option(
            "--objective",
            "-o",
            help="cover (each name is near one), span (few add up to any), axes (evenly over a "
            "grid), low-bias (no axis reads anything) or strong (the ends of one axis).",
        ),
    ] = "cover",
    where: options.Where = None,
    of: Annotated[
        str | None,
        typer.Option("--of", help="Boolean SQL: the names that the list stands for; all if unset."),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            help="Of axes: an axis and its levels, such as age=4, gender or 'region=Africa|East "
            "Asia'. Of strong: the axis, then those to have nothing on. Repeatable.",
        ),
    ] = None,
    quota: Annotated[
        list[str] | None,
        typer.Option(
            "--quota",
            metavar="LEVELS=N",
            help="How many names of some levels, such as old/feminine=20; repeatable.",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Maximum number of tokens of a name.")
    ] = None,
    max_per: Annotated[
        list[str] | None,
        typer.Option(
            "--max-per",
            metavar="COLUMN=N",
            help="At most N names of each locale, cluster or first piece, or of each value of any "
            "column, such as locale=5; repeatable.",
        ),
    ] = None,
    one_spelling: Annotated[
        bool,
        typer.Option("--one-spelling", help="Catherine or Katherine, not both."),
    ] = False,
    not_famous: Annotated[
        bool,
        typer.Option(
            "--not-famous",
            help="No name that points to one person; needs `rigidity --write` or `identity "
            "--write` first.",
        ),
    ] = False,
    deny: options.Deny = None,
    deny_file: Annotated[
        Path | None,
        typer.Option("--deny-file", help="A file of names never to use, one a line or a table."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", help="Put this name on the list first; repeatable."),
    ] = None,
    budget: Annotated[
        int | None, typer.Option("--budget", help="Maximum number of tokens of all names together.")
    ] = None,
    view: options.View = "text",
    engine: options.Engine = None,
    columns: options.Columns = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Store selected_rank, for `export --order-by selected_rank`."),
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the list as one page.")] = None,
    overwrite: options.Overwrite = False,
    n_null: Annotated[
        int, typer.Option("--n-null", help="Random lists to compare with; 0 for none.")
    ] = 20,
    with_templates: Annotated[
        bool,
        typer.Option(
            "--templates/--no-templates",
            help="Compare also in sentences that the space was not built with; needs its encoder.",
        ),
    ] = True,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Result:
    """Choose names that are good for something, under limits that all combine."""
    from namebasis.space import open_space
    from namebasis.studies.select import study

    refuse_readonly(space, write)
    refuse_existing(html, overwrite=overwrite)
    per = counts_of(max_per or (), "max_per must be COLUMN=N, such as locale=5")
    quotas = counts_of(quota or (), "quota must be LEVELS=N, such as old/feminine=20")
    denied = [*(deny or ()), *listed_names([deny_file] if deny_file else [], None)]
    opened = open_space(space, engine=engine)
    with nullcontext() if quiet else StepBars() as bars:
        found = study.select(
            opened,
            n_names,
            objective=objective,
            where=where,
            of=of,
            axes=axis or (),
            quotas=quotas,
            max_tokens=max_tokens,
            max_per=per,
            one_spelling=one_spelling,
            deny=denied,
            not_famous=not_famous,
            keep=keep or (),
            budget=budget,
            view=view,
            columns=options.columns_of(columns),
            n_null=n_null,
            with_templates=with_templates,
            seed=seed,
            progress=bars.update if bars else None,
            begin=bars.begin if bars else None,
        )
    if write:
        found.write(opened)
    if html:
        found.write_html(html, overwrite=overwrite)
    return found


def counts_of(texts: Sequence[str], form: str) -> dict[str, int]:
    """What is counted and how many, of texts such as "locale=5".

    Raises
    ------
    ValueError
        If a text is not of this form, or one thing comes twice.
    """
    found: dict[str, int] = {}
    for text in texts:
        what, _, most = text.rpartition("=")
        if not what or not most.isdecimal() or len(most) > 9:
            raise ValueError(f"{form}; got {text!r}.")
        if what in found:
            raise ValueError(f"{form}; {what} comes twice.")
        found[what] = int(most)
    return found
