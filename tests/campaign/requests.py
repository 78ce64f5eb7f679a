"""Changed requests to every route of the explorer, by its own description of them."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any

TOKEN = "a-secret-of-thirty-letters-in-all"
VALUES: tuple[Any, ...] = (
    "Bal", "bala", "", " ", "x" * 3000, "\x00", "\x1b[2J", "'; DROP TABLE x", "id = 1",
    "id % 2 = 0", "1" + "+1" * 300 + " > 0", "text", "image", "unspelled", "nothing",
    "-1", "0", "1", "5",
    "1e999", "nan", "9" * 40, "null",
    "[]", "{}", "true", "../../etc/passwd", "\u202eabc",
    "\U0001f9d1",
    "Bal,Bala", "name", "gender", "age",
)  # fmt: skip


@cache
def _client() -> Any:
    from pathlib import Path

    from starlette.testclient import TestClient

    from namebasis.explore.guard import Rules
    from namebasis.explore.server import create_app
    from namebasis.explore.warm import Warm

    app = create_app(Warm([Path("s.kept"), Path("i.kept")]), Rules(token=TOKEN))
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    client.__enter__()
    client.headers["authorization"] = f"Bearer {TOKEN}"
    return client


@cache
def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every route."""
    paths = _client().get("/openapi.json").json()["paths"]
    return [(m, path, about) for path, ways in paths.items() for m, about in ways.items()]


def ask(rng: Random) -> str | None:
    """One changed request; what was wrong with its answer, or None."""
    method, path, about = rng.choice(routes())
    query: dict[str, Any] = {}
    for parameter in about.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "path":
            usual = {"space": rng.choice(("s.kept", "i.kept"))}.get(name, "Bal")
            value = usual if rng.random() < 0.8 else str(rng.choice(VALUES[:3] + VALUES[6:]))
            path = path.replace(f"{{{name}}}", value.replace("/", "%2F") or "x")
        elif parameter.get("required") or rng.random() < 0.3:
            query[name] = rng.choice(VALUES)
    body = None
    if "requestBody" in about:
        body = json.dumps(_body(rng, 3)).encode()
        if rng.random() < 0.3:
            from tests.campaign.inputs import changed

            body = changed(body, rng)
    answer = _client().request(
        method, path.replace("\x00", "%00").replace("\x1b", "%1b"), params=query, content=body,
        headers={"content-type": "application/json"} if body is not None else {},
    )  # fmt: skip
    told = f"{method} {path[:80]} {query!r:.200} {body!r:.200}"
    if answer.status_code >= 500:
        return f"{told}: {answer.status_code} {answer.text[:200]}"
    if "Traceback" in answer.text or "NAMEBASIS_DEBUG" in answer.text:
        return f"{told}: a traceback"
    return None


def _body(rng: Random, depth: int) -> Any:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice((*VALUES, None, 5, -1, 1e308, True, [], {}))
    if rng.random() < 0.3:
        return [_body(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    keys = ("target", "where", "view", "k", "names", "ids", "seed", "axis", "n", "plus", "minus")
    return {rng.choice(keys): _body(rng, depth - 1) for _ in range(rng.randint(0, 5))}
