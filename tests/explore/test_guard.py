"""Who may ask: own pages only, and whoever holds the token."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra explore")

from namebasis.explore.guard import MAX_BODY, Guard, Rules, check_token
from tests.lazily import library

server = library("namebasis.explore.server")

TOKEN = "a-secret-of-thirty-letters-in-all"


def asked(
    rules: Rules,
    method: str = "GET",
    query: str = "",
    path: str = "/",
    twice: tuple[str, ...] = (),
    **headers: str,
) -> tuple[int, str]:
    """Status and error of a request through a guard before an application that says yes."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message.get("more_body"):
            pass
        status = 200 if message["type"] == "http.request" else 400
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b'{"error": ""}'})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = {"host": "127.0.0.1:8642", **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "headers": [
            (k.encode(), v.encode("latin-1"))
            for k, v in [*((name, "evil.example") for name in twice), *pairs.items()]
        ],
    }  # fmt: skip
    asyncio.run(Guard(app, rules)(scope, receive, send))
    if sent[0]["status"] == 200:
        assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]


LOCAL = Rules(token=TOKEN)
OPEN = Rules({"127.0.0.1", "box.example"}, TOKEN, is_open=True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8642", "localhost:9", "[::1]:8642", "LOCALHOST", "[::1]"]
)
def test_this_machine_may_ask(host: str) -> None:
    assert asked(LOCAL, host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:8642",
        "",
        "192.168.0.9",
        "localhost.",
        "[",
        "[::1",
        "[::2]:8642",
        "evil.example/@127.0.0.1",
        "127.0.0.1@evil.example",
        "0.0.0.0:8642",
        "0x7f.1",
        "127.1",
    ],
)
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    status, error = asked(LOCAL, host=host)
    assert status == 403
    assert "ask it by its own address" in error


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://[", "host": "127.0.0.1:8642"},
        {"origin": "http://evil.example@127.0.0.1:8642"},
        {"origin": "ftp://127.0.0.1:8642"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
        {
            "sec_fetch_site": "same-site",
            "sec_fetch_mode": "no-cors",
        },  # another port of this machine
    ],
)
def test_pages_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    assert asked(LOCAL, **headers) == (403, "pages of other sites may not ask this service.")
    with_token = {**headers, "authorization": f"Bearer {TOKEN}"}
    assert asked(LOCAL, "POST", **with_token)[0] == 403


def test_a_link_from_another_site_opens_the_page() -> None:
    arrived = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert asked(LOCAL, **arrived)[0] == 200
    assert asked(LOCAL, path="/api/my/paint", **arrived)[0] == 403


def test_what_writes_needs_the_token() -> None:
    own = "http://127.0.0.1:8642"
    assert asked(LOCAL, "POST", origin=own)[0] == 401
    assert asked(LOCAL, "DELETE", origin=own, authorization="Bearer wrong")[0] == 401
    assert asked(LOCAL, "POST", origin=own, authorization=f"Bearer {TOKEN}")[0] == 200
    assert asked(LOCAL, "POST", origin=own, cookie=f"a=b; namebasis_token={TOKEN}")[0] == 200
    # A browser sends the cookies of all ports of this machine.
    two = f"namebasis_token_8643=another; namebasis_token_8642={TOKEN}"
    assert asked(LOCAL, "POST", origin=own, cookie=two)[0] == 200
    assert asked(LOCAL, "POST", origin=own, cookie="namebasis_token_8642=another")[0] == 401


def test_an_empty_token_admits_nobody() -> None:
    assert asked(Rules(token=""), "POST", authorization="Bearer ")[0] == 401


def test_from_elsewhere_everything_needs_the_token() -> None:
    assert asked(OPEN, host="box.example")[0] == 401
    assert asked(OPEN, query=f"token={TOKEN}", host="box.example")[0] == 200
    assert asked(OPEN, host="box.example", cookie=f"namebasis_token={TOKEN}")[0] == 200
    assert asked(LOCAL, "POST", query=f"token={TOKEN}")[0] == 401


@pytest.mark.parametrize(
    "length", [str(MAX_BODY + 1), "-1", "many", "\u00b2", "9" * 5000, "+1", ""]
)
def test_large_bodies_are_refused(length: str) -> None:
    auth = f"Bearer {TOKEN}"
    assert asked(LOCAL, "POST", content_length=length, authorization=auth)[0] == 413


@pytest.mark.parametrize("name", ["host", "origin", "content-length", "Host"])
def test_a_header_that_comes_twice_is_refused(name: str) -> None:
    given = {"origin": "http://127.0.0.1:8642", "content-length": "0"}
    status, error = asked(LOCAL, twice=(name,), **given)
    assert (status, error) == (400, "a header came twice.")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:8642/"),
        ("0.0.0.0", "http://127.0.0.1:8642/"),
        ("::1", "http://[::1]:8642/"),
        ("::", "http://[::1]:8642/"),
        ("box.example", "http://box.example:8642/"),
    ],
)
def test_the_address_can_be_opened(host: str, shown: str) -> None:
    assert server.address(host, 8642) == shown


@pytest.mark.parametrize(
    ("token", "said"),
    [("short", "at least 16"), ("a token; with spaces", "A to Z"), ("ä" * 20, "A to Z")],
)
def test_a_token_that_no_cookie_carries_is_refused(token: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_token(token)
    assert check_token(TOKEN) == TOKEN
