"""The guard of the suite sees a library that calls home, also where it hides that it failed."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.request

import pytest

from tests import sockets


@pytest.mark.parametrize("address", ["http://example.org", "http://192.0.2.1:81"])
def test_a_call_outside_is_seen_even_where_its_failure_is_swallowed(address: str) -> None:
    with contextlib.suppress(OSError):
        urllib.request.urlopen(address, timeout=1)
    tried = [one.splitlines()[0] for one in sockets.outside]
    sockets.outside.clear()
    assert len(tried) == 1
    assert "example.org" in tried[0] or "192.0.2.1" in tried[0]


def test_this_machine_may_be_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        socket.create_connection(("localhost", server.getsockname()[1])).close()
        thread.join()
    assert sockets.outside == []
