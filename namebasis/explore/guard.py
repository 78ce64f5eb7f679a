"""Who may ask: this machine's own pages, or whoever holds the token."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset(["127.0.0.1", "localhost", "::1"])
MAX_BODY = 20 * 2**20
"""Bytes of a request; a photo of a telephone has half of that."""
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
_SAFE = frozenset(["GET", "HEAD", "OPTIONS"])
COOKIE = "namebasis_token"
"""What the token's cookies begin with; the port follows, since all ports share their cookies."""
_ONCE = frozenset(["host", "origin", "content-length", "authorization"])
"""Headers that two servers could read differently if they came twice."""
_FOREIGN = frozenset(["cross-site", "same-site"])
"""Where a page of another site, or of another port of this machine, asks from."""


@dataclass(frozen=True)
class Rules:
    """What a request must be like.

    Attributes
    ----------
    hosts : collection of str
        Names under which the service may be asked, without a port: a page of another site whose
        name was pointed at this machine (DNS rebinding) asks under its own.
    token : str
        Must come with whatever writes, and with everything where `is_open`.
    is_open : bool
        Whether the service can be reached from other machines.
    """

    hosts: Collection[str] = field(default_factory=lambda: LOOPBACK)
    token: str = ""
    is_open: bool = False


def check_token(token: str) -> str:
    """Return a token that a cookie, an address and a header can carry as it stands.

    Raises
    ------
    ValueError
        If it is shorter than 16 letters, or holds others than letters, digits, `-`, `.`, `_`, `~`.
    """
    if len(token) < 16:
        raise ValueError(f"--token must have at least 16 letters; got {len(token)}.")
    if not re.fullmatch(r"[A-Za-z0-9._~-]+", token):
        raise ValueError("--token may hold letters A to Z, digits and - . _ ~ only.")
    return token


def check_reach(host: str, token: str | None) -> bool:
    """Whether other machines can ask.

    Raises
    ------
    ValueError
        If they could without a token, or it is none that can be carried.
    """
    is_open = host not in LOOPBACK
    if is_open and not token:
        raise ValueError(
            f"--host {host} lets other machines ask; give --token too, a long secret word."
        )
    if token is not None:
        check_token(token)
    return is_open


class Guard:
    """Refuse requests that break the rules, before they reach any question."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self.app(scope, _limited(receive), _with_policy(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        pairs = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        ]
        headers = dict(pairs)
        given = [name for name, _ in pairs if name in _ONCE]
        if len(given) > len(set(given)):
            return 400, "a header came twice."
        host = _name(headers.get("host", ""))
        if host not in self.rules.hosts:
            return 403, f"this service is not {host or 'nameless'}; ask it by its own address."
        if not _is_own_page(headers, scope["path"]):
            return 403, "pages of other sites may not ask this service."
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length[:20]) > MAX_BODY:
            return 413, f"a request may hold at most {MAX_BODY // 2**20} MB."
        is_needed = self.rules.is_open or scope["method"] not in _SAFE
        if is_needed and not self._has_token(headers, scope.get("query_string", b"")):
            return 401, "the token that the service printed when it started is missing or wrong."
        return None

    def _has_token(self, headers: dict[str, str], query: bytes) -> bool:
        given = [headers.get("authorization", "").removeprefix("Bearer ").strip()]
        given += [
            value
            for one in headers.get("cookie", "").split(";")
            for name, _, value in [one.strip().partition("=")]
            if name.startswith(COOKIE)
        ]
        if self.rules.is_open:  # the first visit, by the address that was printed
            given += [
                one.removeprefix("token=")
                for one in query.decode("latin-1").split("&")
                if one.startswith("token=")
            ]
        wanted = self.rules.token.encode()
        return bool(wanted) and any(hmac.compare_digest(one.encode(), wanted) for one in given)


def _is_own_page(headers: dict[str, str], path: str) -> bool:
    """Whether no page asks, or one that came from here; a link from elsewhere may open the page."""
    origin = headers.get("origin")
    if origin is not None:
        return origin in {f"{scheme}://{headers['host']}" for scheme in ("http", "https")}
    is_link = headers.get("sec-fetch-mode") == "navigate" and not path.startswith("/api")
    return is_link or headers.get("sec-fetch-site") not in _FOREIGN


def _name(host: str) -> str:
    """A Host header without its port, and an address of IPv6 without its brackets."""
    if host.startswith("["):
        inner, closed, _ = host[1:].partition("]")
        return inner.lower() if closed else ""
    return host.partition(":")[0].lower()


def _limited(receive: Receive) -> Receive:
    """Count a body that comes without a length too."""
    seen = 0

    async def counted() -> object:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            return {"type": "http.disconnect"}
        return message

    return counted  # type: ignore[return-value]


def _with_policy(send: Send) -> Send:
    async def sent(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            headers: Sequence[tuple[bytes, bytes]] = message.get("headers", [])  # type: ignore[assignment]
            # A report says its own, stricter one; two together would allow nothing.
            own = any(name.lower() == b"content-security-policy" for name, _ in headers)
            message["headers"] = [
                *headers,
                *([] if own else [(b"content-security-policy", POLICY.encode())]),
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"no-referrer"),
                (b"cross-origin-resource-policy", b"same-origin"),
                # Asked again with its tag: after an upgrade no page mixes old modules with new.
                (b"cache-control", b"no-cache"),
            ]
        await send(message)

    return sent  # type: ignore[return-value]


async def _refuse(send: Send, status: int, reason: str) -> None:
    import json

    body = json.dumps({"error": reason}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
