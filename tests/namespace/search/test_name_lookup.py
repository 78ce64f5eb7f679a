"""Names by their spelling: a few by a filter, then by a search in what is kept in memory."""

from __future__ import annotations

import random
import shutil
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import name_lookup, spelling_index
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


@pytest.mark.long
@pytest.mark.parametrize("way", ["filter", "memory", "file", "file of few hashes"])
def test_every_spelling_is_found_as_by_comparing_with_every_row(
    stored: Space, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookup, "_OFTEN", -1 if way == "memory" else 10**6)
    if way.startswith("file"):
        monkeypatch.setattr(spelling_index, "LARGE", 0)
        monkeypatch.setattr(spelling_index, "BLOCK", 4)
        monkeypatch.setattr(name_lookup, "_EACH", 1)
        file = stored.path / "indices" / "spellings.bin"
        file.unlink(missing_ok=True)
    if way == "file of few hashes":  # many names share one, over the ends of blocks
        hashes = spelling_index.hashes
        monkeypatch.setattr(spelling_index, "hashes", lambda folded: hashes(folded) % 3)
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
    if way.startswith("file"):
        assert file.exists()
        file.unlink()


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(st.text(max_size=5), max_size=8), start=st.integers(0, 8), n=st.integers(0, 8)
)
def test_texts_are_hashed_as_by_a_loop(texts: list[str], start: int, n: int) -> None:
    odd = 0x9E3779B97F4A7C15

    def by_loop(text: str) -> int:
        value = sum((byte + 1) * odd ** (at + 1) for at, byte in enumerate(text.encode())) * odd
        return (value % 2**64) ^ (value % 2**64 >> 29)

    column = pa.array(texts, pa.string()).slice(start, n)
    wanted = [by_loop(text) for text in texts[start : start + n]]
    assert spelling_index.hashes(column).tolist() == wanted
    assert spelling_index.hashes(pa.chunked_array([column, column])).tolist() == wanted * 2


class TestFile:
    """Of names by their hash, beside the indices of a large space."""

    @pytest.fixture
    def large(self, space: Space, monkeypatch: pytest.MonkeyPatch) -> Space:
        monkeypatch.setattr(spelling_index, "LARGE", 10)
        monkeypatch.setattr(spelling_index, "BLOCK", 16)
        assert space.find("vicki") == 0
        return space

    def file(self, space: Space) -> Path:
        return space.path / "indices" / "spellings.bin"

    def test_names_that_are_added_are_found_before_and_after_it_is_written_again(
        self, large: Space, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        covered = []
        space = large
        monkeypatch.setattr(spelling_index, "NEWER", 2)
        for number, name in enumerate(["Newcomer", "VICKI", "Third", "Fourth"]):
            space = add_names(
                space, make_names([{"name": name, "part": "pseudo"}]), encoder=encoder
            )  # type: ignore[arg-type]
            assert space.find(name.lower(), "pseudo") == 60 + number
            assert space.rows_named(name) == [60 + number]
            covered.append(spelling_index.SpellingIndex(self.file(space)).n_rows)
        assert covered == [60, 60, 63, 63]
        # An older version has fewer rows than the file now.
        assert large.find("third") is None
        assert Space(large.path).find("third") == 62

    def test_what_another_build_left_is_not_read(self, large: Space, tmp_path: Path) -> None:
        other = build_space(["Vicki", "Other"], tmp_path / "b.space", encoder=FakeEncoder())
        shutil.copy(self.file(large), other.path / "indices")
        monkeypatch = pytest.MonkeyPatch()
        with monkeypatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("error")
            patch.setattr(spelling_index, "LARGE", 1)
            assert Space(other.path).find("other") == 1
            assert Space(other.path).find("king") is None

    @pytest.mark.long
    @pytest.mark.parametrize("place", [0, 10, 40, 200, -300, -1])
    def test_one_changed_byte_is_named_and_mended(self, large: Space, place: int) -> None:
        file = self.file(large)
        whole = file.read_bytes()
        spoiled = bytearray(whole)
        spoiled[place] ^= 4
        file.write_bytes(bytes(spoiled))
        with pytest.raises(SpaceError, match=r"spellings\.bin: .*Delete it; it will be made again"):
            Space(large.path).check()
        again = Space(large.path)
        names = list(again)
        with pytest.warns(NamebasisWarning, match=r"spellings\.bin: .*made again"):
            found = [again.rows_named(name) for name in names]
        assert all(row in rows for row, rows in enumerate(found))
        assert file.read_bytes() == whole
        assert large.check()["index of names"] == "60 names as they were written"

    def test_where_it_cannot_be_written_names_are_found_in_memory(
        self, large: Space, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.file(large).unlink()

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(spelling_index, "_write_file", refuse)
        again = Space(large.path)
        assert [again.find(name) for name in ("king", "nobody")] == [1, None]
        assert not self.file(large).exists()
        assert again.check()["index of names"] == "none; it is made at the first question"


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
