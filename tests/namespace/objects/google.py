"""A stand-in for Google Cloud Storage on this machine: of its XML API what Lance asks for.

Objects have generations, by which a write is refused that was made for another one. Who asks is
not looked at, nothing is paged, and no upload is in parts.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

_WHEN = "Sun, 29 Nov 2026 12:00:00 GMT", "2026-11-29T12:00:00.000Z"


class Storage(ThreadingHTTPServer):
    """Objects by their bucket and name, each with its generation."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.buckets = {"bucket"}
        self.objects: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.numbers = itertools.count(1)
        self.turn = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def environment(self) -> dict[str, str]:
        """Variables by which Lance finds it."""
        told = {
            "gcs_base_url": f"http://127.0.0.1:{self.server_port}", "disable_oauth": True,
            "client_email": "", "private_key": "", "private_key_id": "",
        }  # fmt: skip
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(told), "GOOGLE_ALLOW_HTTP": "true"}

    def put(self, bucket: str, name: str, content: bytes) -> int:
        number = next(self.numbers)
        self.objects[bucket, name] = number, content
        return number


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: Storage

    def __getattr__(self, name: str) -> Callable[[], None]:
        """What answers a request, by the method's name."""
        if name in ("do_GET", "do_HEAD", "do_PUT", "do_DELETE"):
            return self._asked
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: str | bytes = b"", **headers: object) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code></Error>")

    def _asked(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, name = unquote(parts.path).lstrip("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.turn:
            if bucket not in self.server.buckets:
                self._refuse(404, "NoSuchBucket")
            elif self.command in ("GET", "HEAD"):
                self._list(bucket, asked) if not name else self._read(bucket, name)
            elif self.command == "PUT":
                self._write(bucket, name, body)
            else:
                gone = self.server.objects.pop((bucket, name), None)
                self._answer(204 if gone else 404)

    def _read(self, bucket: str, name: str) -> None:
        found = self.server.objects.get((bucket, name))
        if found is None:
            self._refuse(404, "NoSuchKey")
            return
        number, content = found
        about = {"ETag": f'"{number}"', "Last_Modified": _WHEN[0], "x_goog_generation": number}
        ends = re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if ends is None:
            self._answer(200, content, **about)
            return
        first, last = ends.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        stop = min(len(content), int(last) + 1 if first and last else len(content))
        about["Content_Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        self._answer(206, content[start:stop], **about)

    def _write(self, bucket: str, name: str, body: bytes) -> None:
        there, _ = self.server.objects.get((bucket, name), (0, b""))
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != there:
            self._refuse(412, "PreconditionFailed")
            return
        number = self.server.put(bucket, name, body)
        self._answer(200, ETag=f'"{number}"', x_goog_generation=number)

    def _list(self, bucket: str, asked: dict[str, str]) -> None:
        prefix, mark = asked.get("prefix", ""), asked.get("delimiter", "")
        names, folders = [], dict[str, None]()
        for name in sorted(name for one, name in self.server.objects if one == bucket):
            rest = name.removeprefix(prefix)
            if name.startswith(prefix) and mark and mark in rest:
                folders[prefix + rest.partition(mark)[0] + mark] = None
            elif name.startswith(prefix):
                names.append(name)
        told = [
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in folders
        ]
        for name in names:
            number, content = self.server.objects[bucket, name]
            told.append(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size>"
                f'<ETag>"{number}"</ETag><LastModified>{_WHEN[1]}</LastModified></Contents>'
            )
        self._answer(200, f"<ListBucketResult>{''.join(told)}</ListBucketResult>")
