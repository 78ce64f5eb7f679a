"""Names by their spelling: a few by a filter, then by a search in what is kept in memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import name_lookup
from namebasis.namespace.store.dataset import Store
from namebasis.space import Space
from tests.namespace.conftest import FakeEncoder

SPELLED = (
    "A", "Aa", "AA", "Ana", "Ána", "anA", "O'Neil", "O’Neil", "Zoë", "Zoe", "雅子", "أحمد", "Ø",
    "Ötzi", "van Gogh", "Zz", "ZZ Top", "𝒜", "Straße", "Strasse",
)  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Space:
    rng = random.Random(5)
    rows = [
        {"name": name, "part": part}
        for name in SPELLED
        for part in ("given", "family", "pseudo")
        if rng.random() < 0.6
    ]
    rng.shuffle(rows)
    path = tmp_path_factory.mktemp("lookup") / "a.space"
    return build_space(make_names(rows), path, encoder=FakeEncoder())  # type: ignore[arg-type]


def oracle(rows: list[dict[str, object]], asked: str, part: str | None) -> int | None:
    """By comparing with every row."""
    alike = [row for row in rows if fold(str(row["name"])) == fold(asked) and fold(asked)]
    alike = [row for row in alike if part in (None, row["part"])]
    order = name_lookup.PART_ORDER
    alike.sort(
        key=lambda row: (
            row["name"] != asked, str(row["name"]).casefold() != asked.casefold(),
            order.index(str(row["part"])), row["id"],
        )
    )  # fmt: skip
    return int(str(alike[0]["id"])) if alike else None


@pytest.mark.parametrize("is_kept", [False, True])
def test_every_spelling_is_found_as_by_comparing_with_every_row(
    stored: Space, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookup, "_OFTEN", -1 if is_kept else 10**6)
    rows = stored.table(["id", "name", "part"]).to_pylist()
    store = Store(stored.path)
    asked = [*SPELLED, "ana", "ZOE", "o'neil", "nobody", "", "  ", "Aaa", "\ud800", "\uffff"]
    for part in (None, "given", "pseudo"):
        wanted = [oracle(rows, one, part) for one in asked if one != "\ud800"]
        wanted.insert(asked.index("\ud800"), None)
        assert [name_lookup.find_rows(store, [one], part)[0] for one in asked] == wanted
        assert name_lookup.find_rows(store, asked, part) == wanted  # more than a few
    for name in SPELLED:
        exact = [row["id"] for row in rows if row["name"] == name]
        assert name_lookup.rows_named(store, name) == exact
    assert name_lookup.rows_named(store, "nobody") == []


def test_names_that_are_added_are_found_by_whoever_opens_the_space_again(
    space: Space, encoder: FakeEncoder, tmp_path: Path
) -> None:
    for _ in range(5):
        assert space.find("Newcomer") is None
    added = add_names(space, make_names([{"name": "Newcomer"}]), encoder=encoder)  # type: ignore[arg-type]
    assert added.find("newcomer") == len(space)
    assert space.find("Newcomer") is None  # answers from the version that it opened


def test_a_filter_is_kept_unless_it_reads_a_file(space: Space, tmp_path: Path) -> None:
    where = "part = 'family'"
    first = space.ids(where)
    wanted = first.tolist()
    first[:] = 0  # what is handed out is the caller's
    assert space.ids(where).tolist() == wanted
    file = tmp_path / "some.txt"
    for name in ("Vicki", "King"):
        file.write_text(name)
        rows = space.table(["name"], ids=space.ids(f"in_file('{file}') AND part = 'given'"))
        assert rows["name"].to_pylist() == [name]
    for at in range(40):
        assert space.ids(f"id = {at % len(space)} AND id < {at + 1}").tolist() == (
            [at % len(space)] if at % len(space) <= at else []
        )
    assert len(space._store.passed) <= 32
