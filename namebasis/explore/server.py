"""Start the explorer: the application, a free port, and the server that holds it."""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import re
import secrets
import socket
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from namebasis import __version__
from namebasis.errors import NamebasisWarning
from namebasis.explore.api import add_questions
from namebasis.explore.api_studies import add_studies
from namebasis.explore.guard import COOKIE, LOOPBACK, Guard, Rules, check_reach
from namebasis.explore.jobs import Jobs
from namebasis.explore.reference import reference_page
from namebasis.explore.warm import Warm

ASSETS = Path(__file__).parent / "assets"
PORT = 8642
PATIENCE = 60.0
"""Seconds from the first byte of a request, or of a connection, to the request's last."""
TRIED = 20
"""Ports after the wanted one that are tried where it is taken."""


def create_app(warm: Warm, rules: Rules) -> ASGIApp:
    """The application of some spaces, behind its guard."""
    jobs = Jobs()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()

    app = FastAPI(
        title="namebasis", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/openapi.json", **_unwatched(),
    )  # fmt: skip
    add_questions(app, warm, jobs)
    add_studies(app, warm, jobs)
    _add_page(app, rules)
    return Guard(app, rules)


def _unwatched() -> dict[str, Any]:
    """What keeps questions out of traces and metrics that a process may send to a collector.

    Newer releases of FastAPI record every request with its query, and send what they record
    where the environment says so.
    """
    if "telemetry" not in inspect.signature(FastAPI).parameters:
        return {}
    signals = ("tracing", "metrics", "logs", "operation_spans", "auto_configure")
    return {"telemetry": dict.fromkeys(signals, False)}


def _add_page(app: FastAPI, rules: Rules) -> None:
    from fastapi.staticfiles import StaticFiles

    page = (ASSETS / "index.html").read_text(encoding="utf-8")
    # Named at once, or the browser finds them one after another.
    wanted = sorted(one.name for one in ASSETS.glob("*.js") if one.name != "arrow.js")
    links = "\n".join(f'<link rel="modulepreload" href="/assets/{one}">' for one in wanted)
    page = page.replace("</head>", f"{links}\n</head>")

    @app.get("/", include_in_schema=False)
    def index(request: Request) -> Response:
        # The page's own requests carry the token; no script of another site can read it.
        name = f"{COOKIE}_{request.url.port or 80}"
        cookie = f"{name}={rules.token}; HttpOnly; SameSite=Strict; Path=/"
        return Response(page, media_type="text/html", headers={"set-cookie": cookie})

    @app.get("/docs", include_in_schema=False)
    def reference() -> Response:
        return Response(reference_page(app.openapi()), media_type="text/html")

    app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")


def listening(host: str, wanted: int) -> socket.socket:
    """A socket that listens on the wanted port, or on the next free one.

    Whoever connects from now on waits until it is served.

    Raises
    ------
    OSError
        If none of the next twenty is free.
    ValueError
        If nothing can listen there at all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(wanted, min(wanted + TRIED, 2**16)):
        try:
            return socket.create_server((host, port), family=family, backlog=2048)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            if error.errno == errno.EACCES:
                raise ValueError(
                    f"port {port} needs rights that you lack; take one from 1024 on (--port)."
                ) from None
            raise ValueError(
                f"--host {host} is no address of this machine "
                f"({re.sub(r' .while attempting.*', '', error.strerror or str(error))}). "
                "Give one of its own, or 0.0.0.0 for all."
            ) from None
    raise OSError(f"no port from {wanted} to {wanted + TRIED - 1} is free on {host}; see --port.")


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or the next free one; see `listening`."""
    with listening(host, wanted) as bound:
        return int(bound.getsockname()[1])


def serve(
    paths: Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    engine: str | None = None,
    started: Callable[[str, int], None] = lambda address, port: None,
) -> None:
    """Serve spaces until the process is stopped.

    Parameters
    ----------
    paths : sequence of str or Path
        Spaces.
    host : str
        Only this machine may ask by default; another address needs a `token`.
    port : int
        The next free one is taken where it is in use.
    token : str, optional
        Must come with every request from elsewhere.
    engine : str, optional
        That finds nearest names; see `namebasis.open_space`.
    started : callable
        Told the page's address, and the port that was taken.

    Raises
    ------
    ValueError
        If other machines could ask without a token, or it is none that can be carried.
    SpaceError
    """
    is_open = check_reach(host, token)
    warm = Warm(paths, engine)
    for refusal in warm.refusals.values():
        warnings.warn(f"{refusal} The other spaces are served.", NamebasisWarning, stacklevel=2)
    hosts = {*LOOPBACK, *((host.lower(), *_own_names()) if is_open else ())}
    rules = Rules(hosts, token or secrets.token_urlsafe(24), is_open)
    app = create_app(warm, rules)
    _share_the_interpreter()
    with listening(host, port) as bound:
        taken = int(bound.getsockname()[1])
        started(address(host, taken) + (f"?token={rules.token}" if is_open else ""), taken)
        # Else an answer's body waits 40 ms until its head is acknowledged; asyncio sees to that
        # only for sockets of its own.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Kept open for longer than a reader rests between two questions.
        config = configured(app, log_level="warning", timeout_keep_alive=75)
        with suppress(KeyboardInterrupt):  # which it raises again once it has ended in order
            uvicorn.Server(config).run(sockets=[bound])


def configured(app: ASGIApp, **options: Any) -> uvicorn.Config:
    """How the application is served: requests must end, and so must the service."""
    return uvicorn.Config(
        app, http=Punctual, access_log=False, server_header=False, ws="none", lifespan="on",
        timeout_graceful_shutdown=1, **options,
    )  # fmt: skip


class Punctual(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection whose requests are there within `PATIENCE`, head and body, or it is closed.

    A client that sends a letter a minute, or a body without an end, would hold it for ever.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, and wait for what is still owed."""
        super().data_received(data)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._forget()

    def _expect(self) -> None:
        if not self._is_owed():
            self._forget()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(PATIENCE, self._give_up)

    def _is_owed(self) -> bool:
        """Whether a request has not come to its end."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_owed():
            self.transport.abort()

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None


def _share_the_interpreter() -> None:
    """Keep one thread from holding the others up, as this process does nothing but answer."""
    # A job's own Python code lets a question's thread in five times sooner than by default, and a
    # question comes back from FAISS, Lance and torch a dozen times.
    sys.setswitchinterval(0.001)

    def freeze(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()

    # All objects of the libraries are looked at in half a second, in which nobody is answered;
    # what has lived through that once is not looked at again.
    gc.callbacks.append(freeze)
    gc.collect()


def address(host: str, port: int) -> str:
    """The page's address; that of this machine where the service listens at all of them."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


def _own_names() -> set[str]:
    """Names and addresses of this machine, under which others may ask it."""
    name = socket.gethostname()
    try:
        found = {str(one[4][0]).partition("%")[0] for one in socket.getaddrinfo(name, None)}
    except OSError:
        found = set()
    return {name.lower(), socket.getfqdn().lower(), *found} - {""}
