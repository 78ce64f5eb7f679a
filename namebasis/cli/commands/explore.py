"""Spaces kept warm: as a page (explore), and as tools of an assistant (mcp)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import note

Spaces = Annotated[
    list[Path],
    typer.Argument(
        metavar="SPACE...",
        help="Folders of name spaces; by default NAMEBASIS_SPACE, or that of namebasis.toml.",
    ),
]


def explore(
    spaces: Spaces,
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
    engine: options.Engine = None,
    quiet: options.Quiet = False,
) -> None:
    """Explore spaces in the browser: ask, filter, select, compose, and take names away.

    The spaces stay open and the encoder loaded, so that answers come at once. Ctrl-C stops it.
    """
    from namebasis.errors import MissingExtraError
    from namebasis.explore.guard import check_reach
    from namebasis.explore.warm import Warm

    check_reach(host, token)
    Warm(spaces, engine)  # refuses spaces before a server is loaded
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

    serve(spaces, host=host, port=port, token=token, engine=engine, started=started)


def mcp(spaces: Spaces) -> None:
    """Serve the questions about spaces to an assistant, by the Model Context Protocol.

    A client of the protocol starts this command and talks to it over stdin and stdout; it ends
    when stdin does. The tools read and write nothing; docs/explorer.md has the lines for a
    client's configuration.
    """
    from namebasis.errors import MissingExtraError

    try:
        from namebasis.explore.mcp_server import serve_mcp
    except ImportError:
        raise MissingExtraError("the server of the Model Context Protocol", "mcp") from None
    if sys.stdin is not None and sys.stdin.isatty():
        note("waiting for a client of the Model Context Protocol on stdin (Ctrl-D ends)")
    serve_mcp(spaces)
