"""An S3 server on this machine, and a line to it that can be cut."""

from __future__ import annotations

import logging
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from namebasis.namespace.building.build import add_names
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space
from tests.namespace.conftest import FakeEncoder

SECRET = "wJalrXUtnFEMIsecret"


class Line:
    """What connects a port of this machine with another, and can be cut."""

    def __init__(self, port: int) -> None:
        self.target, self.n_cut, self.to_cut, self.is_down = port, 0, 0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here = self._listener.accept()[0]
                there = socket.create_connection(("127.0.0.1", self.target))
                self._pairs.append((here, there))
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while content := one.recv(1 << 16):
                is_answer = other.getsockname()[1] == self.port
                if self.is_down or (is_answer and self.to_cut > 0):
                    self.to_cut -= 1
                    self.n_cut += 1
                    other.sendall(content[: len(content) // 2])
                    break
                other.sendall(content)
        for half in (one, other):
            with suppress(OSError):
                half.shutdown(socket.SHUT_RDWR)
            half.close()

    def close(self) -> None:
        self._listener.close()
        for half in (half for pair in self._pairs for half in pair):
            half.close()


@pytest.fixture(scope="package")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    moto = pytest.importorskip("moto.moto_server.werkzeug_app", reason="moto is not installed")
    serving = pytest.importorskip("werkzeug.serving")
    # A line for each request, of some hundreds.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # By itself, since moto's own server looks through all its services at each request.
    app, handler = moto.create_backend_app("s3"), moto.MotoRequestHandler
    server = serving.make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT")
    urllib.request.urlopen(asked).close()
    cuttable = Line(port)
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{cuttable.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "OBJECT_STORE_CLIENT_MAX_RETRIES": "1",
            "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        }.items():
            patch.setenv(key, value)
        yield cuttable
    cuttable.close()
    server.shutdown()
    server.server_close()


def put_space(line: Line, folder: Path, url: str) -> None:
    """Copy the rows of a space of this machine to an address, as any tool for storage does."""
    for file in folder.glob("*.lance/**/*"):
        if file.is_file():
            key = quote(f"{url.removeprefix('s3://')}/{file.relative_to(folder).as_posix()}")
            where = f"http://127.0.0.1:{line.port}/{key}"
            sent = urllib.request.Request(where, method="PUT", data=file.read_bytes())
            sent.add_header("Content-Type", "application/octet-stream")
            urllib.request.urlopen(sent).close()


def take_space(line: Line, url: str, folder: Path) -> None:
    """Copy the rows of a space from an address to a folder of this machine."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    root = f"http://127.0.0.1:{line.port}/{bucket}"
    with urllib.request.urlopen(f"{root}?list-type=2&prefix={quote(prefix)}/") as listed:
        keys = re.findall("<Key>(.*?)</Key>", listed.read().decode())
    for key in keys:
        file = folder / key.removeprefix(f"{prefix}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        asked = urllib.request.Request(f"{root}/{quote(key)}", headers={"Authorization": "AWS x"})
        with urllib.request.urlopen(asked) as sent:
            file.write_bytes(sent.read())


def late(*names: str) -> object:
    return make_names([{"name": name, "part": "given"} for name in names])


def add(space: Space, *names: str, encoder: FakeEncoder | None = None) -> Space:
    return add_names(space, late(*names), encoder=encoder or FakeEncoder())  # type: ignore[arg-type]


def check_rows(space: Space, n: int) -> None:
    """All rows, numbered once each, with the vectors and the sums that they were written with."""
    rows = space.table(["id", "name", "part"]).to_pylist()
    assert [row["id"] for row in rows] == list(range(n))
    assert len({(row["name"], row["part"]) for row in rows}) == n
    assert "as they were written" in str(space.check())


class Meanwhile(FakeEncoder):
    """Does something else in the middle of its first text."""

    def __init__(self, what: object) -> None:
        super().__init__()
        self.what = what

    def encode_text(self, *args: object, **options: object) -> object:  # type: ignore[override]
        if self.calls == 0:
            self.calls = 1
            self.what()  # type: ignore[operator]
        return super().encode_text(*args, **options)  # type: ignore[arg-type]
