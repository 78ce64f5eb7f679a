"""A small space, kept warm, and a client that may ask it."""

from __future__ import annotations

from collections.abc import Iterator
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
def client(folder: Path) -> Iterator[Any]:
    testclient = pytest.importorskip("starlette.testclient", reason="needs the extra explore")
    from namebasis.explore.guard import Rules
    from namebasis.explore.server import create_app
    from namebasis.explore.warm import Warm

    app = create_app(Warm([folder / "my.space"]), Rules(token=TOKEN))
    with testclient.TestClient(app, base_url="http://127.0.0.1") as asked:
        asked.headers["authorization"] = f"Bearer {TOKEN}"
        yield asked
