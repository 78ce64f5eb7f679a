"""Spaces with a compressed index: noted in the space, so that whatever makes it again keeps it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import namebasis as nb
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.index import tuning
from namebasis.namespace.building import build
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.rewriting import index_all
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import caches
from namebasis.namespace.search.caches import KIND_KEY
from namebasis.namespace.store.history import History
from namebasis.namespace.store.locks import writing
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus

N = 400


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "SMALL_ROWS", 300)


def made(path: Path, index: str | None, n: int = N) -> Space:
    return build_space(corpus(n), path, encoder=FakeEncoder(), index=index)  # type: ignore[return-value]


def factories(space: Space) -> dict[str, str]:
    return {view: facts["factory"] for view, facts in space.info()["indices"].items()}


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("pq", {"text": "IVF256,PQ2", "token": "IVF256,PQ1"}),
     ("sq8", {"text": "IVF256,SQ8", "token": "IVF256,SQ8"})],
)  # fmt: skip
def test_it_outlives_adding_reopening_and_rebuilding(
    kind: str, wanted: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = made(tmp_path / "a.space", kind)
    assert factories(space) == wanted
    facts = space.info()["indices"]["text"]
    assert facts["recall_at_10"] >= 0.95
    assert facts["parameters"]["refine"] >= 1
    queries = space.vectors(ids=np.arange(0, N, 9))
    similarities, ids = space.search(queries, 10)
    cosines = queries @ space.vectors().T
    truth = np.argsort(-cosines, axis=1)[:, :10]
    assert tuning.measure_recall(ids, truth) > 0.9
    np.testing.assert_allclose(similarities, np.take_along_axis(cosines, ids, 1), atol=1e-6)
    farthest = space.search(queries, 3, farthest=True)[1]
    np.testing.assert_array_equal(farthest, np.argsort(cosines, axis=1)[:, :3])

    grown = add_names(space, make_names([{"name": "Late", "part": "given"}]))
    assert grown.nearest(grown.vectors(ids=[N])[0], 1).names == ("Late",)
    assert factories(grown) == wanted
    monkeypatch.setattr(build, "CHUNK", 50)  # now it is made again, of all rows
    many = [{"name": f"Late{chr(97 + i // 26)}{chr(97 + i % 26)}"} for i in range(60)]
    grown = add_names(grown, make_names(many))
    assert grown.info()["indices"]["text"]["rows"] == N + 61
    assert factories(grown) == wanted
    file = grown.path / "indices" / "text.faiss"
    spoiled = bytearray(file.read_bytes())
    spoiled[-300] ^= 1
    file.write_bytes(bytes(spoiled))
    with pytest.raises(SpaceError, match=r"text\.faiss"):
        open_space(grown.path).check()
    with pytest.warns(NamebasisWarning, match="rebuilt"):
        again = open_space(grown.path).search(queries, 10)[1]
    assert factories(grown) == wanted
    np.testing.assert_array_equal(again[:, 0], np.arange(0, N, 9))


def test_the_same_build_again_changes_it_and_no_row(tmp_path: Path) -> None:
    space = made(tmp_path / "a.space", None)
    assert set(factories(space).values()) == {"Flat"}
    rows, first = space.vectors(), space.nearest("vicki", 5)
    packed = made(space.path, "sq8")
    assert set(factories(packed).values()) == {"IVF256,SQ8"}
    assert set(factories(made(space.path, None)).values()) == {"IVF256,SQ8"}  # as it is
    np.testing.assert_array_equal(packed.vectors(), rows)
    assert packed.check()["index of text"] == "400 rows as they were written"
    # One that was opened before asks what is there, and leaves it.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert space.nearest("vicki", 5).ids[0] == first.ids[0]
    assert set(factories(Space(space.path)).values()) == {"IVF256,SQ8"}
    exact = made(space.path, "auto")
    assert set(factories(exact).values()) == {"Flat"}
    assert exact.nearest("vicki", 5).ids.tolist() == first.ids.tolist()


def test_a_process_killed_before_it_indexed_is_made_good_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "a.space", None).path
    with monkeypatch.context() as patch:
        patch.setattr(build, "index_all", lambda store: None)
        made(path, "sq8")
    assert open_space(path).nearest("vicki", 5).counts == (5,)
    assert set(factories(Space(path)).values()) == {"Flat"}
    assert set(factories(made(path, "sq8")).values()) == {"IVF256,SQ8"}


def test_a_kind_of_a_later_version_is_read_as_auto(tmp_path: Path) -> None:
    space = made(tmp_path / "a.space", "pq")
    space._store.dataset.update_schema_metadata({KIND_KEY: "graph"})
    assert caches.index_kind(Space(space.path)._store) == "auto"


def test_a_small_space_stays_exact(tmp_path: Path) -> None:
    assert set(factories(made(tmp_path / "a.space", "pq", 250)).values()) == {"Flat"}


def test_an_unknown_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one of auto, pq, sq8; got 'sq9'\. Did you mean 'sq8'"):
        made(tmp_path / "a.space", "sq9")
    assert not (tmp_path / "a.space").exists()


@pytest.mark.long
def test_what_replaces_it_is_indexed_as_it_was_unless_another_kind_is_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.space"
    made(path, "pq")
    again = [{"name": f"Other{chr(97 + i // 26)}{chr(97 + i % 26)}"} for i in range(N)]
    options = {"encoder": FakeEncoder(), "overwrite": True}
    space = build_space(make_names(again), path, **options)
    assert factories(space)["text"] == "IVF256,PQ2"
    space = build_space(corpus(N), path, **options, index="auto")
    assert factories(space)["text"] == "Flat"


def test_the_kind_is_chosen_from_python_as_by_the_command(tmp_path: Path) -> None:
    names = [f"Name{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(N)]
    rows = np.random.default_rng(0).normal(size=(N, 16)).astype(np.float32)
    space = nb.build_space(names, tmp_path / "a.space", vectors=rows, index="sq8", progress=None)
    assert factories(space)["text"] == "IVF256,SQ8"
    with pytest.raises(ValueError, match="index must be one of auto, pq, sq8; got 'hnsw'"):
        nb.build_space(names, tmp_path / "b.space", vectors=rows, index="hnsw")


@pytest.mark.long
@pytest.mark.parametrize("may_come_back", [True, False])
def test_undo_of_an_earlier_change_keeps_the_kind_that_was_chosen_since(
    tmp_path: Path, may_come_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the version before comes back itself or its rows are written again."""
    space = add_names(made(tmp_path / "a.space", "pq"), make_names([{"name": "Late"}]))
    with writing(space._store) as store:
        caches.set_kind(store, "sq8")
        index_all(store)
    monkeypatch.setattr(History, "may_come_back", lambda _history, _store: may_come_back)
    for redo in (False, True):
        space = undo(open_space(space.path), redo=redo).space
        assert len(space) == N + redo
        assert set(factories(space).values()) == {"IVF256,SQ8"}


def test_undo_of_a_metric_makes_no_index_again_that_a_few_rows_outgrew(tmp_path: Path) -> None:
    space = add_names(made(tmp_path / "a.space", "pq"), make_names([{"name": "Late"}]))
    index = space.path / "indices" / "text.faiss"
    before = index.stat().st_mtime_ns
    ranks = pa.table({"id": np.arange(N), "rank": np.arange(N)})
    space.add_metrics(ranks, study="s", parameters={})
    space = undo(open_space(space.path)).space
    assert "rank" not in space.columns
    assert index.stat().st_mtime_ns == before
    assert space.nearest(space.vectors(ids=[N])[0], 1).names == ("Late",)
