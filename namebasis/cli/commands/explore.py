"""The command explore: a warm page of one or more spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import note


def explore(
    spaces: Annotated[
        list[Path], typer.Argument(metavar="SPACE...", help="Folders of name spaces.")
    ],
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65_535, help="The next free one if it is in use.")
    ] = 8642,
    host: Annotated[
        str, typer.Option("--host", help="Another address lets other machines ask.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option("--token", help="A secret of 16 letters or more; required with --host."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Explore spaces in the browser: ask, filter, select, compose, and take names away.

    The spaces stay open and the encoder loaded, so that answers come at once. Ctrl-C stops it.
    """
    from namebasis.errors import MissingExtraError

    try:
        from namebasis.explore.server import serve
    except ImportError:
        raise MissingExtraError("the explorer", "explore") from None

    def started(address: str, taken: int) -> None:
        if taken != port:
            note(f"port {port} is in use; taking {taken}")
        if not quiet:
            note(f"exploring at {address} (Ctrl-C stops)")
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve(spaces, host=host, port=port, token=token, started=started)
