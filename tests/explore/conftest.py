"""A small space, kept warm, and a client that may ask it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from namebasis.space import Space, build_space

TOKEN = "a-secret-of-thirty-letters-in-all"
NAMES = [
    {"name": f"{first}{last}", "part": part, "gender": gender, "count": 10 ** (at % 5)}
    for at, (first, last, part, gender) in enumerate(
        (first, last, part, gender)
        for first in ("An", "Be", "Ka", "Lo", "Mi")
        for last, part, gender in (
            ("na", "given", "F"), ("ta", "given", "F"), ("ri", "given", "U"), ("no", "given", "M"),
            ("do", "given", "M"), ("sson", "family", None), ("ner", "family", None),
        )
    )
]  # fmt: skip
HOSTILE = ["<img src=x onerror=alert(1)>", 'O\'Neill "quoted"', "أحمد"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("explore")
    rows = [*NAMES, *({"name": name, "part": "given"} for name in HOSTILE), {"name": "Vicki"}]
    build_space(rows, where / "my.space", encoder="minilm", templates="person")
    return where


@pytest.fixture(scope="session")
def space(folder: Path) -> Space:
    return Space(folder / "my.space")


@pytest.fixture(scope="session")
def other(folder: Path, space: Space) -> Space:
    """Most of the same names, by an encoder that reads images too."""
    rows = [*NAMES[3:], {"name": "Vicki"}, {"name": "Ben", "part": "given"}]
    build_space(rows, folder / "other.space", encoder="organism", templates="plain")
    return Space(folder / "other.space")


@pytest.fixture(scope="session")
def client(folder: Path, space: Space) -> Iterator[Any]:
    with asking([space.path]) as asked:
        yield asked


@pytest.fixture(scope="session")
def both(folder: Path, space: Space, other: Space) -> Iterator[Any]:
    """A client of a service of two spaces."""
    with asking([space.path, other.path]) as asked:
        yield asked


@contextmanager
def asking(paths: list[Path]) -> Iterator[Any]:
    """A client that may ask about some spaces."""
    testclient = pytest.importorskip("starlette.testclient", reason="needs the extra explore")
    from namebasis.explore.guard import Rules
    from namebasis.explore.server import create_app
    from namebasis.explore.warm import Warm

    app = create_app(Warm(paths), Rules(token=TOKEN))
    with testclient.TestClient(app, base_url="http://127.0.0.1") as asked:
        asked.headers["authorization"] = f"Bearer {TOKEN}"
        yield asked


def refused(response: Any, status: int = 400) -> str:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(response.json()) == {"error"}
    assert "\n" not in error
    return str(error)


def finished(client: Any, started: Any) -> dict[str, Any]:
    """A job that was started, once it has ended."""
    assert started.status_code == 202, started.text
    job = started.json()
    deadline = time.monotonic() + 120
    while job["state"] in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(0.05)
        job = client.get(f"/api/jobs/{job['id']}").json()
    return dict(job)


@contextmanager
def served(warm: Any) -> Iterator[str]:
    """The address of a server of some spaces."""
    uvicorn = pytest.importorskip("uvicorn", reason="needs the extra explore")
    from namebasis.explore.guard import Rules
    from namebasis.explore.server import create_app

    app = create_app(warm, Rules(token=TOKEN))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([taken],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
        server.should_exit = True
        thread.join(10)


def expect(what: Any) -> Any:
    """Playwright's assertion, which waits until it holds.

    The parts of a page are filled at different times: a list may stand before the filter beside
    it. What is read from a page is therefore waited for, and as a whole text, since "10 names" is
    a part of "310 names" too.
    """
    from playwright.sync_api import expect as waiting

    waiting.set_options(timeout=30_000)
    return waiting(what)


class Visit:
    """A tab, with what it asked and what went wrong."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.address = address
        options.setdefault("viewport", {"width": 1280, "height": 900})
        self.tab = browser.new_page(reduced_motion="reduce", **options)
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.is_refused = False  # whether the service is meant to refuse: the browser logs that
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on(
            "console", lambda said: self.errors.append(said.text) if said.type == "error" else None
        )

    def open(self, query: str = "") -> Any:
        self.tab.goto(self.address + query)
        self.tab.wait_for_selector("body[data-ready]", timeout=30_000)
        return self.tab

    def names(self) -> list[str]:
        return list(self.tab.locator("#list .name").all_inner_texts())

    def again(self) -> Any:
        """The page reopened at its current address."""
        return self.open(self.tab.evaluate("() => location.search"))

    def close(self) -> None:
        """Leave the page, which has asked nobody else and complained of nothing."""
        logged = "Failed to load resource"
        assert [one for one in self.errors if not (self.is_refused and logged in one)] == []
        own = (self.address, "data:", "blob:")
        assert {one.startswith(own) for one in self.asked} <= {True}
        self.tab.close()
