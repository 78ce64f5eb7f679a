"""Clients that send a request slowly, or never to its end, at the socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("uvicorn", reason="needs the extra explore")

import uvicorn

from namebasis.explore import server as service
from namebasis.explore.guard import Rules
from namebasis.explore.warm import Warm
from namebasis.space import Space
from tests.explore.conftest import TOKEN

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /api/my/weigh HTTP/1.1\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n" + HOST
WHOLE = b"GET /api/my/names?limit=1 HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def port(space: Space) -> Iterator[int]:
    before, service.PATIENCE = service.PATIENCE, 0.6
    app = service.create_app(Warm([Path(space.path)]), Rules(token=TOKEN))
    with service.listening("127.0.0.1", 18_930) as bound:
        running = uvicorn.Server(service.configured(app, log_level="error"))
        thread = threading.Thread(target=running.run, args=([bound],), daemon=True)
        thread.start()
        yield int(bound.getsockname()[1])
        running.should_exit = True
        thread.join(10)
    service.PATIENCE = before


@pytest.mark.parametrize(
    ("begun", "dribble"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n" + HOST, b"X: y\r\n"),
        (POST + b"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", b" "),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"1\r\n \r\n"),
        (WHOLE + b"GET / HT", b"T"),
        (POST.replace(TOKEN.encode(), b"wrong") + b"Content-Length: 5000\r\n\r\n{", b" "),
    ],
    ids=["silence", "head", "body", "chunks", "second request", "refused"],
)
def test_a_request_without_an_end_is_given_up_and_others_are_answered(
    port: int, begun: bytes, dribble: bytes
) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=0.05)) as slow:
        slow.sendall(begun)
        assert urlopen(f"http://127.0.0.1:{port}/api/my/names?limit=1").status == 200
        assert ended(slow, dribble, time.monotonic() + 20)


def ended(slow: Any, dribble: bytes, deadline: float) -> bool:
    """Whether the service closes a connection that goes on and on."""
    while time.monotonic() < deadline:
        try:
            slow.sendall(dribble)
            if slow.recv(65_536) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_a_connection_that_asks_now_and_then_is_kept(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as kept:
        for _ in range(3):
            kept.sendall(WHOLE)
            told = b""
            while b'"rows"' not in told or not told.endswith(b"}"):
                told += kept.recv(65_536)
            assert told.startswith(b"HTTP/1.1 200")
            time.sleep(0.7)  # longer than a request may take to come
