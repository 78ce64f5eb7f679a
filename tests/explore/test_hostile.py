"""Requests that mean harm: each is refused in one sentence, and the service lives on."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from namebasis.space import Space
from tests.explore.conftest import finished


def alive(client: Any) -> None:
    assert client.get("/api/my/names", params={"limit": 1}).status_code == 200


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that unpacks to any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bomb(60_000, 60_000), "3600000000 pixels"),
        (bomb(400_000_000, 1), "pixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image"),
        (b"", "is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    ],
)
def test_images_that_unpack_to_anything_are_refused(client: Any, content: bytes, said: str) -> None:
    told = client.post("/api/my/nearest", files={"image": ("../../x.png", content)})
    assert told.status_code == 400
    assert said in told.json()["error"]
    assert "/" not in told.json()["error"].replace(
        "image/", ""
    )  # where it lay is nobody's business


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"q": ' * 50_000,
        b'{"q": "Vicki", "n_names": 1' + b"0" * 100_000 + b"}",
        b'{"q": "Vicki", "n_names": 1e999}',
        b'{"q": "Vicki", "n_names": NaN}',
        b'{"q": "\\ud800", "n_names": 2}',
        b"\xff\xfe",
        b"",
    ],
)
def test_bodies_that_are_no_question(client: Any, body: bytes) -> None:
    told = client.post(
        "/api/my/jobs/basis", content=body, headers={"content-type": "application/json"}
    )
    if told.status_code == 202:  # what can only be seen when it is asked
        assert client.get(f"/api/jobs/{told.json()['id']}").status_code == 200
    else:
        assert told.status_code in (400, 422)
    alive(client)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../guard.py", "/assets/..%2fguard.py", "/assets/%2e%2e/guard.py",
        "/assets/..%5cguard.py", "/assets//etc/passwd", "/assets/%00", "/assets/main.js%00.css",
        "/assets/", "/assets", "/..%2f..%2fetc%2fpasswd", "/api/..%2fmy/info", "/api/%00/info",
        "/api/my%2f..%2f..%2fetc/info", "/api/my/table.arrow%00?columns=name",
        "/assets/" + "a" * 9_000,
    ],
)  # fmt: skip
def test_no_path_leaves_its_folder(client: Any, path: str) -> None:
    told = client.get(path, follow_redirects=False)
    assert told.status_code in (307, 400, 404)
    assert b"import" not in told.content
    assert b"root:" not in told.content


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("(" * 9_000 + "true" + ")" * 9_000, "where"),
        ("length(repeat(name, 100000000)) > 5", "no function"),
        ("1=1; DROP TABLE names", "where"),
        ("name = (SELECT name FROM names)", "where"),
        ("true --", "where"),
        ("x" * 20_001, "20,000"),
        ("\0", "where"),
    ],
)
def test_filters_are_one_bounded_expression(client: Any, where: str, said: str) -> None:
    for path, params in (("ids", {}), ("nearest", {"q": "Vicki"}), ("facets", {})):
        told = client.get(f"/api/my/{path}", params={**params, "where": where})
        assert told.status_code in (400, 422)
        assert said in told.text
    alive(client)


@pytest.mark.parametrize(
    "name", ["x" * 500, "\0", "a\u0301" * 250, "\u202eabc", "' OR 1=1 --", "%"]
)
def test_names_of_any_kind_are_only_looked_up(client: Any, name: str) -> None:
    told = client.get("/api/my/card", params={"name": name})
    assert told.status_code == 400
    assert "\n" not in told.json()["error"]
    assert client.get("/api/my/nearest", params={"q": name, "as": "text"}).status_code in (200, 400)
    assert client.get("/api/my/nearest", params={"q": "x" * 2_001}).status_code == 422


def test_numbers_of_any_size(client: Any) -> None:
    for params in ({"offset": 2**31}, {"offset": 2**31, "sort": "count"}, {"limit": 0}):
        assert client.get("/api/my/names", params=params).json()["rows"] == []
    for params in (
        {"offset": -1},
        {"offset": 10**30},
        {"limit": 10**9},
        {"limit": "1e3"},
        {"offset": "9" * 5_000},
    ):
        assert client.get("/api/my/names", params=params).status_code == 422
    for ids in ([-1], [2**70], [10**6]):
        assert client.post("/api/my/export", json={"ids": ids}).status_code in (400, 422)
    alive(client)


def test_more_jobs_than_anyone_waits_for_are_refused() -> None:
    import threading

    from namebasis.explore.jobs import MOST_WAITING, BusyError, Jobs

    gate = threading.Event()
    queue = Jobs()
    try:
        first = queue.start("map", lambda progress: gate.wait(30))
        rest = [queue.start("map", lambda progress: 1) for _ in range(MOST_WAITING - 1)]
        with pytest.raises(BusyError, match="20 jobs wait already"):
            queue.start("map", lambda progress: 1)
        # One that waits is stopped at once, and its place is free again.
        assert queue.cancel(rest[0].id) is rest[0]
        assert rest[0].state == "cancelled"
        last = queue.start("map", lambda progress: 2)
    finally:
        gate.set()
    queue._pool.shutdown(wait=True)
    assert (first.state, rest[0].state, rest[1].result, last.result) == ("done", "cancelled", 1, 2)


def test_nothing_is_written_by_questions_and_jobs(client: Any, folder: Path) -> None:
    """Columns of metrics come by an explicit request only; what is kept are caches."""
    space = Space(folder / "my.space")
    before = space.columns, space._store.version
    client.get("/api/my/card", params={"name": "Vicki"})
    for kind, body in (("basis", {"q": "Anna", "n_names": 2, "n_null": 5, "n_resamples": 2}),):
        finished(client, client.post(f"/api/my/jobs/{kind}", json=body))
    again = Space(folder / "my.space")
    assert (again.columns, again._store.version) == before


def test_a_table_file_keeps_formulas_and_names_their_bytes(client: Any) -> None:
    """A cell is what the name is: a file of names that changes them is no copy."""
    told = client.post("/api/my/export", json={"ids": [35], "format": "csv"})
    assert told.headers["content-disposition"] == 'attachment; filename="names.csv"'
    assert told.headers["x-content-type-options"] == "nosniff"
    import csv

    rows = list(csv.DictReader(io.StringIO(told.text)))
    assert rows[0]["name"].startswith("<img")
