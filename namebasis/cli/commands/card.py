"""The command card: everything about one name on one screen, or as one page."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import progress_bar
from namebasis.cli.outputs import refuse_existing

if TYPE_CHECKING:
    from namebasis.checks import Progress


@answers
def card(
    space: options.SpacePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A stored name.")],
    k: Annotated[int, typer.Option("-k", help="How many nearest names.")] = 8,
    view: options.View = "text",
    deep: Annotated[
        bool | None,
        typer.Option(
            "--deep/--no-deep",
            help="Measure axes, sparse decomposition, rigidity and identity as well, or leave them "
            "out; by default shown where they were measured before.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", help="Write the card as one HTML file; implies --deep, but for --no-deep."
        ),
    ] = None,
    map_page: Annotated[
        Path | None,
        typer.Option("--map", help="A topology page; names of the card link to it."),
    ] = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Show everything about one name: what the space holds, with --deep what the model says.

    What is stored is shown at once. --deep loads the encoder and embeds thousands of prompts, once:
    what it measured is kept beside the indices of the space, and shown from then on, also without
    --deep. The first of a space takes several times as long as later ones: it measures what all
    names are compared with. --html and --open imply --deep.
    """
    from namebasis.space import open_space

    refuse_existing(html, overwrite=overwrite)
    if map_page is not None and (html is None or not map_page.is_file()):
        wrong = "needs --html: a page to link from" if html is None else f"{map_page} is no file"
        raise ValueError(f"--map {wrong}; write the map with `topology --html`.")
    if deep is None and html is not None:
        deep = True
    opened = open_space(space)
    with nullcontext() if quiet or not deep else progress_bar("card", "steps") as bar:
        shown = opened.card(
            name, k=k, view=view, deep=deep, seed=seed, progress=bar and _with_steps(bar)
        )
    if html:
        linked = map_page and Path(os.path.relpath(map_page, html.parent)).as_posix()
        shown.write_html(html, overwrite=overwrite, map_page=linked)
    return Answer([shown], shown.to_dict, [f"card written to {html}"] if html else [])


def _with_steps(bar: Callable[..., None]) -> Progress:
    """What tells a bar how far a card is, and what is being done."""
    from namebasis.studies.card.results import step_of

    return lambda done, total: bar(done, total, step_of(done, total))
