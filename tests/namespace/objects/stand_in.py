"""What the stand-ins for object storages have in common: objects by name, read whole or in part.

Who asks is not looked at, nothing is paged, and no upload is in parts.
"""

from __future__ import annotations

import itertools
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

WHEN = "Sun, 29 Nov 2026 12:00:00 GMT"


class Storage(ThreadingHTTPServer, ABC):
    """Objects by their bucket and name, each with the number of its writing."""

    daemon_threads = True
    scheme: str
    answers: type[BaseHTTPRequestHandler]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.answers)
        self.buckets = {"bucket"}
        self.objects: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.numbers = itertools.count(1)
        self.turn = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Variables by which Lance finds it."""

    def put(self, bucket: str, name: str, content: bytes) -> int:
        number = next(self.numbers)
        self.objects[bucket, name] = number, content
        return number

    def below(self, bucket: str, prefix: str, mark: str) -> tuple[list[str], list[str]]:
        """Names that begin with a prefix, and the beginnings of those with a mark behind it."""
        names, folders = [], dict[str, None]()
        for name in sorted(name for one, name in self.objects if one == bucket):
            rest = name.removeprefix(prefix)
            if name.startswith(prefix) and mark and mark in rest:
                folders[prefix + rest.partition(mark)[0] + mark] = None
            elif name.startswith(prefix):
                names.append(name)
        return names, list(folders)


class Answers(BaseHTTPRequestHandler, ABC):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: Storage

    def __getattr__(self, name: str) -> Callable[[], None]:
        """What answers a request, by the method's name."""
        if name in ("do_GET", "do_HEAD", "do_PUT", "do_DELETE", "do_POST"):
            return self._asked
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _asked(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, name = self.place(unquote(parts.path)).partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.turn:
            if bucket not in self.server.buckets:
                self.no_bucket()
            elif self.command in ("GET", "HEAD"):
                self.list(bucket, asked) if not name else self.read(bucket, name)
            elif self.command == "PUT":
                self.write(bucket, name, body)
            elif self.command == "DELETE":
                gone = self.server.objects.pop((bucket, name), None)
                self.answer(self.deleted if gone else 404)
            else:
                self.post(bucket, body)

    deleted = 204

    def place(self, path: str) -> str:
        """Bucket and name, of the path that was asked for."""
        return path.lstrip("/")

    @abstractmethod
    def no_bucket(self) -> None:
        """Say that there is no such bucket."""

    @abstractmethod
    def list(self, bucket: str, asked: dict[str, str]) -> None:
        """Tell which objects there are."""

    @abstractmethod
    def write(self, bucket: str, name: str, body: bytes) -> None:
        """Keep an object, where the request's conditions hold."""

    def post(self, bucket: str, body: bytes) -> None:
        """Answer what no other method says; most storages are asked nothing so."""
        self.answer(501)

    def facts(self, number: int) -> dict[str, object]:
        """Headers of an object."""
        return {"ETag": f'"{number}"', "Last_Modified": WHEN}

    def answer(self, status: int, body: str | bytes = b"", **headers: object) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, f"<Error><Code>{code}</Code></Error>")

    def read(self, bucket: str, name: str) -> None:
        found = self.server.objects.get((bucket, name))
        if found is None:
            self.refuse(404, "NoSuchKey")
            return
        number, content = found
        facts = self.facts(number)
        ends = re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if ends is None:
            self.answer(200, content, **facts)
            return
        first, last = ends.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        stop = min(len(content), int(last) + 1 if first and last else len(content))
        facts["Content_Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        self.answer(206, content[start:stop], **facts)
