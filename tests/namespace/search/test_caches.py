"""Caches belong to the very vectors they were made of."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import NamebasisWarning
from namebasis.index import vector_index
from namebasis.index.facts import DamagedIndexError
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import cache_files, caches
from namebasis.namespace.search.searcher import impossible
from namebasis.namespace.search.template_rows import average_rows, template_rows
from namebasis.namespace.store import columns
from namebasis.namespace.store.dataset import Store, as_column
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.view_ids import view_id
from namebasis.space import Space
from tests.namespace.building.test_build import digest
from tests.namespace.conftest import FakeEncoder, corpus


def put(space: Space, rows: np.ndarray, view: str = "image") -> Space:
    """Write a view of given unit rows, as `add --images` does."""
    with locked(space.path):
        columns.put_view(Store(space.path), view, rows.shape[1], {}, [as_column(rows)])
    return Space(space.path)


def unit_rows(n: int, seed: int, dim: int = 16) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids(space: Space) -> dict[str, str]:
    return {view: view_id(space._store.schema, view, "no id") for view in space.views}


class TestIds:
    def test_every_writing_of_a_view_has_its_own_and_rows_added_keep_it(
        self, space: Space, tmp_path: Path
    ) -> None:
        first = ids(space)
        assert set(first) == {"text", "token"}
        grown = add_names(space, make_names([{"name": "Newcomer", "part": "given"}]))
        assert ids(grown) == first
        again = build_space(corpus(), tmp_path / "b.space", encoder=FakeEncoder())
        with_images = put(again, unit_rows(60, 1))
        second = put(with_images, unit_rows(60, 2))
        found = [*first.values(), *ids(with_images).values(), ids(second)["image"]]
        assert all(len(name) == 32 for name in found)
        assert len(set(found)) == 6
        assert ids(second) | {"image": ""} == ids(with_images) | {"image": ""}

    def test_a_view_without_one_goes_by_its_build_and_fit(self, space: Space) -> None:
        fields = {name: {} for name in ("text", "token")} | {"token": {"namebasis.fit": "f"}}
        for name, metadata in fields.items():
            space._store.dataset.replace_field_metadata(name, metadata)
        schema = Space(space.path)._store.schema
        assert view_id(schema, "text", "b") == "b"
        assert view_id(schema, "token", "b") == "b f"

    def test_a_graph_of_images_replaced_since_is_not_taken(self, space: Space) -> None:
        for seed in (1, 2):
            rows = unit_rows(60, seed)
            written = put(space, rows)
            cosines = rows @ rows.T
            np.fill_diagonal(cosines, -2)
            best = -np.sort(-cosines, axis=1)[:, :4]
            np.testing.assert_allclose(written.graph("image", 4).similarities, best, atol=1e-5)


def hits(space: Space, view: str = "image") -> list[int]:
    return space.search(space.vectors(view, ids=[0]), 6, view=view)[1][0].tolist()


def truth(rows: np.ndarray) -> list[int]:
    return np.argsort(-(rows @ rows[0]), kind="stable")[:6].tolist()


def saved(space: Space) -> dict[str, str]:
    """What lies in the folder of caches, but for the files that are only locked."""
    return {n: h for n, h in digest(space.path / "indices").items() if not n.endswith(".lock")}


def counted(space: Space) -> Space:
    """Say that every name has an image, as `add --images` does."""
    every = pa.table({"id": np.arange(60), "n_images": np.ones(60, np.int32)})
    space.add_metrics(every, study="images", parameters={})
    return Space(space.path)


class TestReadersBesideWriters:
    """Each moment of a writer, by hand: what a reader asks there is right, then and later."""

    def test_a_writer_killed_before_its_index_leaves_no_wrong_answer(
        self, space: Space, monkeypatch
    ) -> None:
        counted(put(space, unit_rows(60, 1)))
        rows = unit_rows(60, 2)
        with monkeypatch.context() as patch:
            patch.setattr(columns.caches, "build_index", dies)
            with pytest.raises(Killed):
                put(space, rows)
        with pytest.warns(NamebasisWarning, match="made for other vectors"):
            assert hits(Space(space.path)) == truth(rows)
        assert hits(Space(space.path)) == truth(rows)

    def test_an_older_space_answers_of_its_own_and_leaves_the_newer_caches(
        self, space: Space
    ) -> None:
        first, second = unit_rows(60, 1), unit_rows(60, 2)
        older = counted(put(space, first))
        put(space, second)
        kept = saved(space)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing is damaged
            assert hits(older) == truth(first)
            old_graph = older.graph("image", 3)
            assert saved(space) == kept
            newer = Space(space.path)
            assert hits(newer) == truth(second)
            new_graph = newer.graph("image", 3)
            assert older.graph("image", 3) is old_graph
            assert hits(Space(space.path)) == truth(second)
        cosines = second @ second.T
        np.fill_diagonal(cosines, -2)
        best = -np.sort(-cosines, axis=1)[:, :3]
        for graph in (new_graph, Space(space.path).graph("image", 3)):
            np.testing.assert_allclose(graph.similarities, best, atol=1e-5)

    @pytest.mark.parametrize("cache", ["text.faiss", "text.json", "text.k3.graph.npz"])
    def test_an_older_space_whose_cache_is_lost_writes_none(self, space: Space, cache: str) -> None:
        older = Space(space.path)
        grown = add_names(space, make_names([{"name": "Newcomer", "part": "given"}]))
        grown.graph(k=3)
        (space.path / "indices" / cache).unlink()
        expected = truth(older.vectors())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert hits(older, "text") == expected
            assert older.graph(k=3).indices.shape == (60, 3)
        assert not (space.path / "indices" / cache).exists()

    def test_an_index_of_more_rows_than_an_older_space_has(self, space: Space) -> None:
        older = Space(space.path)
        grown = add_names(space, make_names([{"name": "Newcomer", "part": "given"}]))
        caches.build_index(grown._store, "text", grown.provenance.build_id, 0)
        assert Space(space.path).index().n_rows == 61
        assert hits(older, "text") == truth(older.vectors())
        assert Space(space.path).index().n_rows == 61

    def test_a_space_replaced_while_a_reader_builds(self, space: Space, monkeypatch) -> None:
        # The reader has built, and is about to write, as the overwrite ends.
        (space.path / "indices" / "text.faiss").unlink()
        reader, other = Space(space.path), FakeEncoder(salt="other")
        held = caches.holds_newest

        def overwritten(*arguments: object) -> bool:
            monkeypatch.setattr(caches, "holds_newest", held)
            build_space(corpus(), space.path, encoder=other, overwrite=True)
            return held(*arguments)

        rows = reader.vectors()
        monkeypatch.setattr(caches, "holds_newest", overwritten)
        with pytest.warns(match="text.faiss: missing. The index is rebuilt"):
            assert reader._searcher.index("text").search(rows[:1], 6)[1][0].tolist() == truth(rows)
        newer = Space(space.path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert hits(newer, "text") == truth(newer.vectors())


class TestManyAtOnce:
    @pytest.mark.long
    def test_processes_that_miss_one_index_make_it_once(self, space: Space) -> None:
        expected = hits(space, "text")
        for file in (space.path / "indices").glob("text.*"):
            file.unlink()
        program = (
            "import sys, pathlib, warnings, json\n"
            "from namebasis.space import Space\n"
            "space = Space(pathlib.Path(sys.argv[1]))\n"
            "query = space.vectors(ids=[0])\n"
            "print('ready', flush=True); sys.stdin.readline()\n"
            "with warnings.catch_warnings(record=True) as caught:\n"
            "    warnings.simplefilter('always')\n"
            "    found = space.search(query, 6)[1][0].tolist()\n"
            "    graph = space.graph(k=3).indices.tolist()\n"
            "print(json.dumps([found, graph, len(caught)]))\n"
        )
        command = [sys.executable, "-c", program, str(space.path)]
        pipe = subprocess.PIPE
        asked = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
        for process in asked:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in asked:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [json.loads(process.communicate(timeout=120)[0]) for process in asked]
        assert [answer[0] for answer in answers] == [expected] * 3
        assert [answer[1] for answer in answers] == [space.graph(k=3).indices.tolist()] * 3
        assert sum(answer[2] for answer in answers) == 1
        assert not list((space.path / "indices").glob("*.partial"))

    def test_facts_are_those_of_the_file_written_not_of_the_one_that_took_its_place(
        self, tmp_path: Path, monkeypatch
    ) -> None:
        path = tmp_path / "text.faiss"
        mine, other = (VectorIndex.build(unit_rows(60, seed)) for seed in (1, 2))
        write = vector_index.write_facts

        def overtaken(*arguments: object) -> None:
            monkeypatch.setattr(vector_index, "write_facts", write)
            other.save(path)  # the other process writes both between my file and my facts
            write(*arguments)

        monkeypatch.setattr(vector_index, "write_facts", overtaken)
        mine.save(path)
        with pytest.raises(DamagedIndexError, match=r"text\.faiss: its checksum"):
            VectorIndex.load(path)

    def test_a_lock_held_too_long_costs_the_cache_and_not_the_answer(
        self, space: Space, monkeypatch
    ) -> None:
        path = space.path / "indices" / "text.faiss"
        expected = hits(space, "text")
        path.unlink()
        monkeypatch.setattr(cache_files, "PATIENCE", 0.1)
        with cache_files.making(path) as may_write:
            assert may_write
            with pytest.warns(NamebasisWarning):
                assert hits(Space(space.path), "text") == expected
            assert not path.exists()

    def test_a_process_that_dies_frees_the_lock_and_its_leftovers_go(self, space: Space) -> None:
        path = space.path / "indices" / "text.faiss"
        program = (
            "import sys, os, pathlib\n"
            "from namebasis.namespace.search.cache_files import making\n"
            "from namebasis.atomic import work_path\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "with making(path):\n"
            "    work_path(path).write_bytes(b'half')\n"
            "    os._exit(9)\n"
        )
        assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode == 9
        other = path.with_name("text.k3.graph.npz.1-2.partial")  # another cache's
        other.write_bytes(b"")
        assert len(list(path.parent.glob("*.partial"))) == 2
        with cache_files.making(path) as may_write:
            assert may_write
            assert list(path.parent.glob("*.partial")) == [other]


def full_disk(*arguments: object, **more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class TestWhatCannotBeWritten:
    @pytest.mark.parametrize("flat_rows", [200_000, 50])
    def test_a_full_disk_costs_no_answer(
        self, space: Space, flat_rows: int, monkeypatch, caplog
    ) -> None:
        rows = space.vectors()
        for file in (space.path / "indices").glob("text.*"):
            file.unlink()
        monkeypatch.setattr(vector_index, "FLAT_ROWS", flat_rows)
        monkeypatch.setattr(vector_index.tuning, "choose_factory", choose_small)
        monkeypatch.setattr(vector_index.files, "write_index", full_disk)
        monkeypatch.setattr(vector_index, "write_lists", full_disk)
        monkeypatch.setattr(cache_files.np, "savez", full_disk)
        opened = Space(space.path)
        caplog.set_level("INFO")
        with pytest.warns(NamebasisWarning, match="rebuilt"):
            assert hits(opened, "text") == truth(rows)
        assert hits(opened, "text") == truth(rows)
        assert opened.graph(k=3) is opened.graph(k=3)
        said = [line for line in caplog.messages if "No space left on device" in line]
        assert [line.partition(" ")[0].rpartition("/")[2] for line in said] == [
            "text.faiss",
            "text.k3.graph.npz",
        ]
        assert not list((space.path / "indices").glob("text.*"))

    def test_a_file_where_the_folder_should_be(self, space: Space) -> None:
        rows = space.vectors()
        shutil.rmtree(space.path / "indices")
        (space.path / "indices").write_text("in the way")
        opened = Space(space.path)
        with pytest.warns(NamebasisWarning, match="rebuilt"):
            assert hits(opened, "text") == truth(rows)
        assert opened.graph(k=3).indices.shape == (60, 3)
        ids = np.array([3, 0])
        opened._encoder = FakeEncoder()
        n_templates = len(space.provenance.templates)
        weights = np.full(n_templates, 1 / n_templates)
        np.testing.assert_allclose(
            average_rows(template_rows(opened, ids), weights), rows[ids], atol=1e-5
        )
        assert (space.path / "indices").read_text() == "in the way"

    @pytest.mark.parametrize("name", ["text.faiss", "text.json", "text.k3.graph.npz"])
    @pytest.mark.parametrize("kind", [Path.mkdir, os.mkfifo])
    def test_a_folder_or_a_fifo_in_a_file_s_place(self, space: Space, name: str, kind) -> None:
        path = space.path / "indices" / name
        path.unlink(missing_ok=True)
        kind(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(2):
                assert hits(Space(space.path), "text") == truth(space.vectors())
                assert Space(space.path).graph(k=3).indices.shape == (60, 3)

    def test_a_space_that_is_gone_is_not_begun_anew(self, space: Space) -> None:
        shutil.move(space.path, space.path.with_name("moved"))
        with cache_files.making(space.path / "indices" / "text.faiss") as may_write:
            assert not may_write
        assert not space.path.exists()


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def dies(*arguments: object, **more: object) -> None:
    raise Killed


def choose_small(n_rows: int, flat_rows: int) -> str:
    return "Flat" if n_rows <= flat_rows else "IVF4,Flat"


class TestAnswersThatCannotBe:
    """What passes every checksum and is wrong all the same is seen in its answers."""

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda rows: rows * np.where(np.arange(60) == 7, 1e38, 1)[:, None],
            lambda rows: rows * 1.5,
            lambda rows: np.where(np.arange(60)[:, None] == 7, np.nan, rows),
            lambda rows: np.where(np.arange(60)[:, None] == 7, np.inf, rows),
        ],
    )
    def test_the_index_is_rebuilt_and_the_answer_right(self, space: Space, spoil) -> None:
        rows = space.vectors()
        path = space.path / "indices" / "text.faiss"
        crafted = faiss.IndexFlatIP(16)
        crafted.add(np.ascontiguousarray(spoil(rows), np.float32))
        VectorIndex(crafted, "Flat").save(path, VectorIndex.read_facts(path)["extra"])
        opened = Space(space.path)
        with pytest.warns(NamebasisWarning, match=r"text\.faiss: vectors that are not of length 1"):
            assert hits(opened, "text") == truth(rows)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert hits(opened, "text") == truth(rows)
            assert hits(Space(space.path), "text") == truth(rows)

    def test_of_a_mapped_one_too(self, space: Space, monkeypatch) -> None:
        monkeypatch.setattr(vector_index.files, "MAPPED_BYTES", 0)
        rows = space.vectors()
        path = space.path / "indices" / "text.faiss"
        crafted = faiss.IndexFlatIP(16)
        crafted.add(1.5 * rows)
        VectorIndex(crafted, "Flat").save(path, VectorIndex.read_facts(path)["extra"])
        opened = Space(space.path)
        with pytest.warns(NamebasisWarning, match=r"text\.faiss: damaged \(similarities beyond 1"):
            assert hits(opened, "text") == truth(rows)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert hits(opened, "text") == truth(rows)
            assert hits(Space(space.path), "text") == truth(rows)

    @pytest.mark.parametrize(
        ("ids", "message"),
        [([[0, 60]], "not there"), ([[-1, 0]], "not there"), ([[3, 3]], "twice")],
    )
    def test_rows_that_cannot_be(self, ids: list[list[int]], message: str) -> None:
        answer = np.array([[0.5, 0.4]], np.float32), np.array(ids)
        assert message in (impossible(answer, np.eye(1, 16, dtype=np.float32), 60) or "")
        fine = answer[0], np.array([[0, 59]])
        assert impossible(fine, np.eye(1, 16, dtype=np.float32), 60) is None

    def test_queries_longer_than_1_are_no_damage(self, space: Space) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            long = 7 * space.vectors(ids=[0])
            assert space.search(long, 3)[0][0, 0] == pytest.approx(7, abs=1e-4)
            assert space.search(0 * long, 3)[0].tolist() == [[0, 0, 0]]

    def test_a_mapped_index_cut_while_the_space_is_open_is_rebuilt(
        self, space: Space, monkeypatch
    ) -> None:
        monkeypatch.setattr(vector_index.files, "MAPPED_BYTES", 0)
        opened, rows = Space(space.path), space.vectors()
        assert hits(opened, "text") == truth(rows)
        os.truncate(space.path / "indices" / "text.faiss", 100)
        with pytest.warns(NamebasisWarning, match="holds 100 bytes, not the"):
            assert hits(opened, "text") == truth(rows)
        assert hits(opened, "text") == truth(rows)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"indices": lambda a: a + 60}, "rows that are not there"),
            ({"indices": lambda a: np.broadcast_to(np.arange(60)[:, None], a.shape)}, "its own"),
            ({"similarities": lambda a: a * 3e30}, "similarities that cannot be"),
            ({"similarities": lambda a: a * np.nan}, "similarities that cannot be"),
            ({"similarities": lambda a: a.astype(str)}, "similarities that cannot be"),
            ({"similarities": lambda a: a[:, :2]}, "not the shape of a graph"),
            ({"indices": lambda a: a[:9], "similarities": lambda a: a[:9]}, r"\(9, 3\), not"),
            ({"recall": lambda a: a * 0 - 1}, "a recall that cannot be"),
        ],
    )
    def test_a_crafted_graph_is_made_anew(self, space: Space, change: dict, message: str) -> None:
        expected = space.graph(k=3)
        path = space.path / "indices" / "text.k3.graph.npz"
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **arrays | {key: spoil(arrays[key]) for key, spoil in change.items()})
        with pytest.warns(NamebasisWarning, match=f"npz: damaged .*{message}"):
            np.testing.assert_array_equal(Space(space.path).graph(k=3).indices, expected.indices)
