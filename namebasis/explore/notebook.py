"""The explorer from Python: served by a thread, shown in a frame of the notebook.

A thread and not a process of its own: the encoder that the notebook has loaded answers, nothing is
loaded twice, and no server is left behind when the kernel ends. While a cell computes, the page
waits for it now and then.
"""

from __future__ import annotations

import atexit
import secrets
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.checks import check_count
from namebasis.errors import MissingExtraError
from namebasis.explore.warm import Warm
from namebasis.space import Space

if TYPE_CHECKING:
    import uvicorn

_PATIENCE = 30.0  # seconds until a server must have started
_running: dict[tuple[Path, ...], Explorer] = {}


class Explorer:
    """A running explorer; it ends with the process, or by `stop`.

    Attributes
    ----------
    url : str
        The page's address, which only this machine can open.
    """

    def __init__(self, url: str, token: str, server: uvicorn.Server, thread: threading.Thread):
        self.url = url
        self._token = token
        self._server = server
        self._thread = thread

    @property
    def is_running(self) -> bool:
        """Whether the page can be opened."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the server and what runs in it; once more does nothing."""
        self._server.should_exit = True
        self._thread.join(10)
        for key, one in list(_running.items()):
            if one is self:
                del _running[key]

    @property
    def source(self) -> str:
        """What a frame in a page of another port shows: such a frame gets no cookie.

        The token follows a ``#``, which no server is sent, and is worth nothing after the end.
        """
        return f"{self.url}#token={self._token}"

    def __repr__(self) -> str:
        if not self.is_running:
            return f"Explorer({self.url}: stopped)"
        return f"Explorer({self.url}: .stop() ends it)"


def explore(
    spaces: Sequence[Space | str | Path], *, port: int | None = None, height: int = 720
) -> Explorer:
    """Serve spaces from a thread of this process, and show the page.

    Parameters
    ----------
    spaces : sequence of Space, str or Path
    port : int, optional
        By default 8642; the next free one where it is in use.
    height : int
        Of the frame, in pixels.

    Raises
    ------
    MissingExtraError
        If the extra `explore` is not installed.
    SpaceError
        If no space can be opened.
    OSError
        If no port is free, or the server does not start.
    """
    try:
        from namebasis.explore.server import PORT
    except ImportError:
        raise MissingExtraError("the explorer", "explore") from None
    check_count(height, "height", 100)
    port = PORT if port is None else check_count(port, "port", 1, 65_535)
    paths = [Path(one.path if isinstance(one, Space) else one) for one in spaces]
    key = tuple(path.resolve() for path in paths)
    found = _running.get(key)
    if found is None or not found.is_running:
        warm = Warm(paths)
        for name, given in zip(warm.names, spaces, strict=True):
            if isinstance(given, Space) and name not in warm.refusals:
                _lend(given, warm.space(name))
        found = _running[key] = _started(warm, port)
        atexit.register(found.stop)
    _show(found, height)
    return found


def _lend(given: Space, opened: Space) -> None:
    """Hand the encoder that one space has loaded to the same space when it is reopened."""
    encoder = given._encoder
    if encoder is not None and encoder.fingerprint == opened.provenance.fingerprint:
        opened._encoder = encoder


def _started(warm: Warm, port: int) -> Explorer:
    import uvicorn

    from namebasis.explore.guard import Rules
    from namebasis.explore.server import address, configured, create_app, listening

    host, token = "127.0.0.1", secrets.token_urlsafe(24)
    bound = listening(host, port)
    config = configured(create_app(warm, Rules(token=token)), log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name="explorer", daemon=True
    )
    thread.start()
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            server.should_exit = True
            raise OSError("the explorer's server did not start; its log says why.")
        time.sleep(0.01)
    return Explorer(address(host, bound.getsockname()[1]), token, server, thread)


def _show(explorer: Explorer, height: int) -> None:
    """In a frame below the cell of a notebook, else in the browser."""
    if _is_notebook():
        from IPython import display

        may_copy = ['allow="clipboard-write"']
        display.display(display.IFrame(explorer.source, "100%", height, extras=may_copy))  # type: ignore[no-untyped-call]
    else:
        webbrowser.open(explorer.url)  # where there is no browser, the handle shows the address


def _is_notebook() -> bool:
    """Whether a kernel runs this: a terminal's IPython draws no frame."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
