"""The explorer from Python: a thread that serves, a frame in a notebook, and its end."""

from __future__ import annotations

import http.server
import json
import sys
import threading
import types
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namebasis.errors import MissingExtraError
from namebasis.space import Space

pytest.importorskip("uvicorn", reason="needs the extra explore")


@pytest.fixture(scope="module")
def opened() -> Iterator[list[str]]:
    """Addresses that were opened in the browser."""
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webbrowser.open", lambda address: bool(found.append(address)))
        yield found


@pytest.fixture(scope="module")
def explorer(space: Space, opened: list[str]) -> Iterator[Any]:
    space.encoder()
    found = space.explore(port=18_700)
    yield found
    found.stop()


def reply(address: str, **headers: str) -> Any:
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30)


def test_it_answers_with_the_encoder_of_the_notebook(
    explorer: Any, space: Space, opened: list[str]
) -> None:
    assert opened == [explorer.url]
    told = json.load(reply(f"{explorer.url}api/nearest?q=a+senior+lady&k=3"))
    assert told["result"]["names"] == space.nearest("a senior lady", 3).to_dict()["names"]
    assert repr(explorer) == f"Explorer({explorer.url}: .stop() ends it)"
    (thread,) = [one for one in threading.enumerate() if one.name == "explorer"]
    assert thread.daemon, "a kernel must be able to end"


def test_only_pages_of_this_machine_may_frame_it(explorer: Any) -> None:
    policy = reply(explorer.url).headers["content-security-policy"]
    (frames,) = [one for one in policy.split("; ") if one.startswith("frame-ancestors")]
    assert frames == "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"


def test_the_token_is_needed_to_start_work(explorer: Any) -> None:
    asked = urllib.request.Request(f"{explorer.url}api/my/jobs/map", b'{"view": "text"}')
    asked.add_header("content-type", "application/json")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(asked, timeout=30)
    asked.add_header("authorization", f"Bearer {explorer._token}")
    assert json.load(urllib.request.urlopen(asked, timeout=30))["kind"] == "map"


def test_in_a_notebook_it_is_a_frame_and_once_more_the_same(
    explorer: Any, space: Space, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    shown: list[Any] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setattr("IPython.display.display", shown.append)
    before = list(opened)
    assert space.explore(height=400) is explorer
    assert opened == before
    (frame,) = shown
    assert frame.src == f"{explorer.url}#token={explorer._token}"
    assert (frame.width, frame.height) == ("100%", 400)


def test_its_end(folder: Path, other: Space, opened: list[str]) -> None:
    explorer = other.explore(folder / "my.space", port=18_720)
    assert [one["space"] for one in json.load(reply(f"{explorer.url}api/spaces"))] == [
        other.path.name.removesuffix(".space"), "my"
    ]  # fmt: skip
    explorer.stop()
    explorer.stop()
    assert not explorer.is_running
    assert repr(explorer) == f"Explorer({explorer.url}: stopped)"
    with pytest.raises(urllib.error.URLError):
        reply(explorer.url)


def test_refusals(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="height"):
        space.explore(height=1)
    with pytest.raises(ValueError, match="port"):
        space.explore(port=70_000)
    monkeypatch.setitem(sys.modules, "namebasis.explore.server", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'namebasis\[explore\]'"):
        space.explore()


@pytest.fixture
def page(explorer: Any) -> Iterator[int]:
    """The port of a notebook's page, which frames the explorer."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><iframe src='{explorer.source}' width=900 height=700>".encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.mark.long
def test_the_frame_works_in_a_page_of_this_machine_alone(browser: Any, page: int) -> None:
    tab = browser.new_page()
    tab.goto(f"http://localhost:{page}/")
    frame = tab.frame_locator("iframe")
    frame.locator("body[data-ready]").wait_for(timeout=30_000)
    frame.locator("#q").fill("Vicki")
    frame.locator("#q").press("Enter")
    # A basis is asked by POST, which needs the token; a frame of another host gets no cookie.
    frame.locator("#tab-basis").click()
    frame.locator("ul.atoms li").first.wait_for(timeout=30_000)
    tab.goto(f"http://evil.localhost:{page}/")
    tab.wait_for_timeout(500)
    assert not tab.frame_locator("iframe").locator("#q").count()
    tab.close()
