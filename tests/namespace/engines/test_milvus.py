"""Spaces in a Milvus: the same answers as here, whatever is asked, and nobody else's."""

from __future__ import annotations

import inspect
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import namebasis as nb
from namebasis.cli.commands.housekeeping import serve
from namebasis.errors import EngineError, FilterError
from namebasis.explore.warm import Warm
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.engines import publishing
from namebasis.namespace.engines.address import parse_address
from namebasis.namespace.engines.client import NOTES, Client
from namebasis.namespace.store.dataset import Store
from namebasis.space import Space
from namebasis.studies.basis import by_engine
from namebasis.studies.select import scores
from tests.lazily import library

from ..conftest import FakeEncoder, corpus

library("pymilvus", "needs the extra milvus")
library("milvus_lite", "milvus-lite is not installed")

N = 90
FEW = ["gender"]  # the columns that are computed take longer than all else
ODD = ('Q"uote', "Ba\\ck", "Per%cent", "Un_der", "Ça, 日本")
WHERE = [
    "gender = 'F'", "gender <> 'F'", "NOT gender IN ('F', 'U')", "gender IS NULL",
    "gender IS NOT NULL AND count > 20", "count BETWEEN 10 AND 30 OR part = 'family'",
    "count NOT BETWEEN 10 AND 30", "30 >= count", "-5 < count", "n_tokens IN (1, 3)",
    "name LIKE 'N%' AND name NOT LIKE '%b%'", "starts_with(name, 'Nam')", "ends_with(name, 'b')",
    "contains(name, 'am')", "name >= 'M' AND name < 'Namd'", "id < 40", "id NOT IN (3, 5, 80)",
    "array_has(locales, 'de_DE')", "array_has_any(locales, make_array('fr_FR', 'en_GB'))",
    "array_has_all(locales, make_array('fr_FR', 'nl_NL'))", "array_length(locales) > 1",
    "array_length(years) = 0", "array_has(years, 7)", "token_norm > 0.25", "ratio > 0.5",
    "score > ratio OR is_odd", "is_odd = false", "is_odd IS TRUE", "is_odd IS FALSE",
    "is_odd AND (gender = 'F' OR NOT count < 50)", "id > count", "name <> name_folded", "TRUE",
    "share_female > 0.5", "ratio IS NULL",
    *(f"name = '{one}'" for one in ODD), "name IN ('Vicki', 'O''Brien')", "\"name\" = 'King'",
]  # fmt: skip
ROUNDED = [
    "ratio > 0.1",
    "0.1 >= ratio",
    "ratio = 0.1",
    "ratio BETWEEN -1 AND 0.2",
    "ratio IN (0.1, 3)",
]
"""Of a column of single precision, which the store's engine rounds for; but not below NOT."""
REFUSED = {
    **{f"NOT ({where})": "is of single precision" for where in ROUNDED},
    "lower(name) = 'anna'": "cannot say LOWER(name)",
    "count + 1 > 2": "cannot say count + 1",
    "name ILIKE 'a%'": "cannot say name ILIKE",
    "name LIKE 'A_na'": "use % alone",
    "contains(name, '%')": "in its own way",
    "nope = 3": "there is no column nope; there are id, name",
    "similar('x') > 0.2": "cannot say SIMILAR('x')",
    "count = 'a'": "count holds whole numbers; got 'a'",
    "count > 1.5": "count holds whole numbers; got 1.5",
    "count > 99999999999999999999": "beyond the numbers",
    "gender = NULL": "cannot say NULL",
    "gender > count": "other kinds of values",
    "locales = 'x'": "array_has(locales, …)",
    "count": "count does not hold truths",
    "": "it is empty",
    "name = 'a'; DROP": "it holds a ';'",
    "years[1] > 3": "cannot say",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"milvus:{tmp_path_factory.mktemp('milvus')}/names.db"


def made(path: Path, n: int = N, salt: str = "") -> Space:
    names = make_names([
        *corpus(n - len(ODD)).table.to_pylist(),
        *({"name": one, "part": "given"} for one in ODD),
    ])  # fmt: skip
    encoder: Any = FakeEncoder(salt=salt)
    build_space(names, path, encoder=encoder)
    return nb.open_space(path, encoder=encoder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, engine: str) -> tuple[Space, Space]:
    space = made(tmp_path_factory.mktemp("space") / "all.space")
    n = len(space)
    space.add_metrics(
        pa.table({
            "id": range(n),
            "ratio": pa.array([None, *(0.1 * (i % 4) for i in range(1, n))], pa.float32()),
            "score": pa.array([i / 3 if i % 5 else None for i in range(n)], pa.float64()),
            "is_odd": pa.array([None if i % 7 == 0 else i % 2 == 1 for i in range(n)]),
            "years": pa.array([[i, 1] if i % 3 else [] for i in range(n)], pa.list_(pa.int64())),
        }),
        study="test", parameters={},
    )  # fmt: skip
    space.publish(engine, views=("text", "token"))
    return space, nb.open_space(space.path, engine=engine)


@pytest.fixture(autouse=True, scope="module")
def few_are_measured() -> Iterator[None]:
    """Recall on four names instead of 50: Milvus Lite takes 10 ms for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "_ASKED", 4)
        yield


@pytest.fixture(autouse=True)
def no_hints() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nb.errors.NamebasisHint)
        yield


def assert_same(here: Any, there: Any) -> None:
    """The same names and similarities; of several that tie for the last place, any may be there."""
    assert here.counts == there.counts
    np.testing.assert_allclose(here.similarities, there.similarities, atol=2e-6)
    one, two = (dict(zip(x.ids.tolist(), x.similarities, strict=True)) for x in (here, there))
    for row in one.keys() & two.keys():
        assert one[row] == pytest.approx(two[row], abs=2e-6)
    for row in one.keys() ^ two.keys():
        assert (one | two)[row] == pytest.approx(here.similarities[-1], abs=2e-6)


@pytest.mark.long
@pytest.mark.parametrize("where", [None, *WHERE, *ROUNDED])
def test_a_filter_accepts_what_it_accepts_here(
    where: str | None, both: tuple[Space, Space]
) -> None:
    here, there = both
    query = here.vectors(ids=[0])[0]
    for asked in (where,) if where is None or where in ROUNDED else (where, f"NOT ({where})"):
        found = here.nearest(query, N + 1, where=asked)  # so that all that pass are compared
        assert_same(found, there.nearest(query, N + 1, where=asked))


@pytest.mark.parametrize("where", REFUSED)
def test_what_milvus_cannot_say_is_refused(where: str, both: tuple[Space, Space]) -> None:
    with pytest.raises(FilterError, match="where must be one boolean SQL expression; got") as told:
        both[1].nearest("Vicki", where=where)
    assert REFUSED[where] in str(told.value)


def test_every_way_of_asking_is_as_here(both: tuple[Space, Space]) -> None:
    here, there = both
    for words in (
        {"view": "token"}, {"farthest": True, "k": 4}, {"include_self": True},
        {"plus": ["Zoë"], "minus": ["King"]}, {"columns": ["count", "ratio"]}, {"k": 1},
    ):  # fmt: skip
        assert_same(here.nearest("Vicki", **words), there.nearest("Vicki", **words))
    rows = here.vectors(ids=range(7))
    for words in ({"exclude": [1, 3, 5]}, {"exclude": [2], "where": "id < 4"}):
        for left, right in zip(
            here.search(rows, 5, **words), there.search(rows, 5, **words), strict=True
        ):
            np.testing.assert_allclose(left, right, atol=2e-6)
    again = pickle.loads(pickle.dumps(there))  # noqa: S301
    assert again.engine == there.engine == there.reopened().engine
    with pytest.raises(ValueError, match="finds up to 16,384 names at a time; 20,001 are needed"):
        there.nearest("Vicki", 20_000)


@pytest.mark.long
def test_a_bound_asks_for_more_names(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_engine, "_FIRST", 1)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((80, 6)) + rng.uniform(0, 9, (80, 1)) * np.eye(6)[0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # some near the mean, so short when centred
    names = [f"N{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(80)]
    path = tmp_path / "uneven.space"
    here = nb.build_space(names, path, vectors=rows.astype(np.float32))
    here.publish(engine, columns=FEW)
    there = nb.open_space(path, engine=engine)
    for target in rng.standard_normal((6, 6)).astype(np.float32):
        left = here.basis(target, 3, n_null=0, n_resamples=0)
        right = there.basis(target, 3)
        assert left.names == right.names
        assert len(right.remarks) == 1


@pytest.mark.long
def test_a_basis_is_that_of_all_names(both: tuple[Space, Space]) -> None:
    here, there = both
    target = here.vectors(ids=[7, 40]).sum(axis=0)
    none = {"n_null": 0, "n_resamples": 0}
    for words in ({}, {"nonnegative": False}, {"where": "gender = 'F'"}, {"max_family": 0},
                  {"deny": ["Vicki", "king"]}):  # fmt: skip
        left, right = here.basis(target, 4, **none, **words), there.basis(target, 4, **words)
        assert (left.names, left.n_atoms) == (right.names, right.n_atoms)
        np.testing.assert_allclose(left.weights, right.weights, atol=1e-5)
        assert right.remarks[-1].startswith("names found by the engine")  # and all of it is proven
    for words in ({"ridge": 1.0}, {"method": "lasso"}, {"max_family": 1}, {"phrases": True}):
        with pytest.raises(ValueError, match=r"looks at all vectors.*ask without --engine"):
            there.basis(target, 4, **words)


SELECTED: list[dict[str, Any]] = [
    {},
    {"where": "gender = 'F' OR count > 20", "objective": "span"},
    {"where": "array_has(locales, 'de_DE')", "of": "gender IS NOT NULL", "n_names": 4},
    {"max_per": {"locale": 3, "gender": 2}, "deny": ["Vicki"], "keep": ["Zoë"], "n_null": 3},
    {"max_tokens": 2, "one_spelling": True, "budget": 9, "n_names": 4, "view": "token"},
    {"objective": "axes", "axes": ["age=2", "gender"], "quotas": {"old": 4}, "n_names": 8},
    {"objective": "strong", "axes": ["gender"], "where": "id < 60"},
    {"objective": "low-bias", "columns": ["count"]},
]


@pytest.mark.long
@pytest.mark.parametrize("words", SELECTED)
def test_a_list_is_chosen_by_what_the_engine_holds(
    words: dict[str, Any], both: tuple[Space, Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = both
    words = {"n_names": 6, "n_null": 0, "with_templates": False, **words}
    monkeypatch.setattr(scores, "N_MADE_UP", 20)
    left = here.select(**words)
    if "objective" in words:
        there = nb.open_space(there.path, encoder=FakeEncoder(), engine=str(there.engine))  # type: ignore[arg-type]

    def not_here(*_args: object, **_words: object) -> None:
        raise AssertionError("vectors were read from the space")

    def none_left(store: Store, view: str, start: int = 0) -> Iterator[Any]:
        assert start == store.n_rows, view
        return iter(())

    with monkeypatch.context() as patch:
        patch.setattr(Store, "vectors", not_here)
        patch.setattr(Store, "blocks", none_left)
        right = there.select(**words)
    assert left.ids.tolist() == right.ids.tolist()
    assert (left.names, left.n_candidates) == (right.names, right.n_candidates)
    for key, values in left.values.items():
        np.testing.assert_array_equal(values, right.values[key])


def test_lists_that_the_engine_cannot_choose_are_refused(
    both: tuple[Space, Space], tmp_path: Path, engine: str
) -> None:
    there = both[1]
    for words in ({"where": "lower(name) = 'a'"}, {"of": "count + 1 > 2"}):
        with pytest.raises(FilterError, match="cannot say"):
            there.select(3, **words)
    space = made(tmp_path / "half.space", 40)
    space.publish(engine, columns=FEW)
    half = nb.open_space(space.path, engine=engine)
    command = rf"`namebasis serve {space.path} --view token --engine {engine}`"
    with pytest.raises(EngineError, match=f"no collection half__token. {command} publishes it"):
        half.select(3, objective="strong")
    client = Client(parse_address(engine))
    client.delete_from("half__text", 39)
    with pytest.raises(EngineError, match=r"gives 39 of 40 vectors\. Run `namebasis serve"):
        half.select(3)


def test_the_explorer_asks_the_engine(both: tuple[Space, Space]) -> None:
    here, there = both
    served = Warm([here.path], str(there.engine)).space("all")
    assert served.engine == there.engine
    assert_same(
        here.nearest("Zoë", where="gender = 'F'"), served.nearest("Zoë", where="gender = 'F'")
    )
    with pytest.raises(ValueError, match="engine must be milvus:http"):
        Warm([here.path], "faiss:x")


def test_a_server_that_was_started_again_is_asked(both: tuple[Space, Space]) -> None:
    here, there = both
    milvus = Client(there.engine)._milvus
    for collection in milvus.list_collections():
        milvus.release_collection(collection)  # as none is loaded then
    assert_same(here.nearest("Zoë"), there.reopened().nearest("Zoë"))


def test_equal_vectors_come_in_the_order_of_their_rows(tmp_path: Path, engine: str) -> None:
    rows = np.zeros((40, 4), dtype=np.float32)
    rows[:, 0] = 1  # all stand together, beyond what is asked for at first
    space = nb.build_space([f"N{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(40)],
                           tmp_path / "equal.space", vectors=rows)  # fmt: skip
    space.publish(engine, columns=FEW)
    there = nb.open_space(space.path, engine=engine)
    assert there.nearest(rows[0], 3).ids.tolist() == [0, 1, 2]


def stopping(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Kill the publisher at one of its writes of rows."""
    real, left = Client.upsert, iter(range(after))

    def upsert(self: Client, collection: str, rows: Any) -> None:
        if "id" in rows[0] and next(left, None) is None:
            real(self, collection, rows[: len(rows) // 2])  # a call that was cut short
            raise KeyboardInterrupt
        real(self, collection, rows)

    monkeypatch.setattr(Client, "upsert", upsert)


@pytest.mark.long
def test_a_publisher_that_was_killed_goes_on_and_adds_write_only_what_is_new(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_MOST_ROWS", 16)
    space = made(tmp_path / "killed.space")
    with monkeypatch.context() as patch:
        stopping(patch, after=3)
        with pytest.raises(KeyboardInterrupt):
            space.publish(engine, columns=FEW)
    there = nb.open_space(space.path, engine=engine)
    again = rf"Run `namebasis serve {space.path} --engine {engine}`"
    with pytest.raises(EngineError, match=f"is being written, or its writer was stopped. {again}"):
        there.nearest("Vicki")
    (done,) = space.publish(engine, columns=FEW).views
    assert (done.n_rows, done.n_written, done.recall) == (N, N - 3 * 16, 1.0)
    assert_same(space.nearest("Vicki", N), there.nearest("Vicki", N))
    assert space.publish(engine, columns=FEW).views[0].n_written == 0

    nb.namespace.add_names(space, ["Added", "Later"])
    newer = nb.open_space(space.path, encoder=FakeEncoder(), engine=engine)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match=r"holds version \d+ of the space \(90 names\)"):
        newer.nearest("Vicki")
    (done,) = newer.publish(engine, columns=FEW).views
    assert (done.n_rows, done.n_written) == (N + 2, 12)  # the last block of 16 holds rows 80 to 91
    assert_same(nb.open_space(space.path).nearest("Added", 20), newer.nearest("Added", 20))
    with pytest.raises(EngineError, match=r"version \d+ \(90 names\) is open"):
        nb.namespace.engines.searching.EngineSearcher(
            space._store,
            space.provenance,
            parse_address(engine),
            lambda: None,  # type: ignore[arg-type, return-value]
        ).collection("text")
    newer.undo()
    back = nb.open_space(space.path, engine=engine)
    again = f"Publish this one in its place: `namebasis serve {space.path} --engine {engine} --over"
    with pytest.raises(EngineError, match=again):
        back.publish(engine, columns=FEW)
    assert back.publish(engine, columns=FEW, overwrite=True).views[0].n_rows == len(back) == N
    assert_same(nb.open_space(space.path).nearest("Zoë", N), back.nearest("Zoë", N))


def test_a_folder_that_a_killed_process_left_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "k.db" / "collections" / NOTES).mkdir(parents=True)
    client = Client(parse_address(f"milvus:{tmp_path / 'k.db'}"))
    client.note("key", "value")
    assert client.read_notes(["key"]) == {"key": "value"}


def write(space: Space, name: str, value: int) -> None:
    values = pa.table({"id": range(len(space)), name: [value] * len(space)})
    space.add_metrics(values, study="test", parameters={})


def test_columns_written_later_leave_a_collection_as_it_is(tmp_path: Path, engine: str) -> None:
    space = made(tmp_path / "later.space")
    write(space, "rank", 1)
    space.publish(engine, columns=[*FEW, "births"])
    write(space, "other", 1)
    there = nb.open_space(space.path, engine=engine)
    assert_same(space.nearest("Vicki", 5), there.nearest("Vicki", 5))
    with pytest.raises(FilterError, match="other"):
        there.nearest("Vicki", 5, where="other = 1")
    space = nb.open_space(space.path, encoder=FakeEncoder())  # type: ignore[arg-type]
    write(space, "rank", 2)  # known then, published or not
    with pytest.raises(EngineError, match=r"it writes what is missing"):
        nb.open_space(space.path, engine=engine).nearest("Vicki")
    (done,) = space.publish(engine, columns=[*FEW, "births"]).views
    assert done.n_written == 0
    there = nb.open_space(space.path, engine=engine)
    assert_same(space.nearest("Vicki", 5), there.nearest("Vicki", 5))
    space.rename("rank", "place")
    with pytest.raises(EngineError, match=r"it writes what is missing"):
        nb.open_space(space.path, engine=engine).nearest("Vicki")


def test_a_note_that_cannot_be_read_is_replaced_on_demand(tmp_path: Path, engine: str) -> None:
    space = made(tmp_path / "noted.space")
    space.publish(engine, columns=FEW)
    there = nb.open_space(space.path, engine=engine)
    right = there.nearest("Vicki", 5)
    client = Client(parse_address(engine))
    client.note("noted__text", '{"fields":[1,"of an older namebasis"]}')
    for ask in (
        lambda: nb.open_space(space.path, engine=engine).nearest("Vicki"),
        lambda: space.publish(engine, columns=FEW),
    ):
        with pytest.raises(EngineError, match=r"cannot read.*Publish the space again with --over"):
            ask()
    assert space.publish(engine, columns=FEW, overwrite=True).views[0].n_written == N
    assert_same(right, nb.open_space(space.path, engine=engine).nearest("Vicki", 5))


@pytest.mark.long
def test_collections_of_others_are_refused(tmp_path: Path, engine: str) -> None:
    first, other = made(tmp_path / "a/one.space"), made(tmp_path / "b/one.space")
    foreign = made(tmp_path / "c/one.space", salt="other")
    first.publish(engine, columns=FEW)
    with pytest.raises(EngineError, match="holds another space, or this one before"):
        other.publish(engine, columns=FEW)
    with pytest.raises(EngineError, match="holds another space, or this one before"):
        nb.open_space(other.path, engine=engine).nearest("Vicki")
    with pytest.raises(EngineError, match=r"holds vectors of fake .* and this space is of fake"):
        nb.open_space(foreign.path, engine=engine).nearest("Vicki")
    other.publish(f"{engine}#mine", columns=["gender"])
    mine = nb.open_space(other.path, engine=f"{engine}#mine")
    assert_same(other.nearest("Vicki"), mine.nearest("Vicki"))
    with pytest.raises(FilterError, match=r"count is not in the collection; publish it too"):
        mine.nearest("Vicki", where="count > 3")
    other.publish(engine, columns=FEW, overwrite=True)
    with pytest.raises(EngineError, match="holds another space"):
        nb.open_space(first.path, engine=engine).nearest("Vicki")
    client = Client(parse_address(engine))
    client.create("theirs__text", 3, [], "FLAT")
    with pytest.raises(EngineError, match="was not written by namebasis"):
        first.publish(f"{engine}#theirs", overwrite=True)
    with pytest.raises(EngineError, match=r"holds no collection nobody__text\. `namebasis serve"):
        nb.open_space(first.path, engine=f"{engine}#nobody").nearest("Vicki")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("milvs:http://h:1", "Did you mean 'milvus'"),
        ("http://h:1", "engine must be milvus:http://HOST:19530"),
        ("milvus:ftp://h", "engine must be"),
        ("milvus:", "engine must be"),
        ("milvus:http://", "engine must be"),
        ("milvus:http://h:99999999", "engine must be"),
        ("milvus:names.txt", "engine must be"),
        ("milvus:http://root:secret@h:1", "set MILVUS_TOKEN"),
        ("milvus:a.db#1x", "the name after # must begin with a letter"),
    ],
)
def test_an_address_that_is_none_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        parse_address(text)
    assert "secret" not in str(error.value)


def test_what_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    for engine, told in (
        ("milvus:http://127.0.0.1:1", "it cannot be reached"),
        (f"milvus:{tmp_path}/none/x.db", "there is no folder"),
    ):
        with pytest.raises(EngineError, match=told) as error:
            Client(parse_address(engine))
        assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_not_made(both: tuple[Space, Space], tmp_path: Path) -> None:
    engine = f"milvus:{tmp_path}/none.db"
    with pytest.raises(EngineError, match=r"there is no such file\. `namebasis serve"):
        nb.open_space(both[0].path, engine=engine).nearest("Vicki")
    assert not (tmp_path / "none.db").exists()


def test_the_defaults_are_those_of_the_command() -> None:
    command, method = (
        inspect.signature(serve).parameters,
        inspect.signature(Space.publish).parameters,
    )
    for name in ("index", "columns", "overwrite", "seed"):
        assert command[name].default == method[name].default


@pytest.mark.long
def test_columns_that_milvus_cannot_hold_are_left_out_and_said(tmp_path: Path, engine: str) -> None:
    space = made(tmp_path / "nan.space")
    values = pa.table({"id": range(N), "loss": pa.array([float("nan"), *[1.0] * (N - 1)])})
    space.add_metrics(values, study="test", parameters={})
    found = space.publish(engine)
    assert "column loss holds a number that is not finite" in " ".join(found.notes())
    assert "loss" not in found.views[0].columns
    assert "gender" in found.views[0].columns
    with pytest.raises(ValueError, match="column loss holds a number that is not finite"):
        space.publish(engine, columns=["loss"])
    with pytest.raises(ValueError, match=r"no column 'los'.*Did you mean 'loss'"):
        space.publish(engine, columns=["los"])
    with pytest.raises(ValueError, match="index must be one of flat, hnsw, ivf, auto"):
        space.publish(engine, index="hnws")
