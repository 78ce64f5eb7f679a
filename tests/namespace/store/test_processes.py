"""Threads, pickles, spawned and forked processes: the answers of one thread, or a refusal."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

import namebasis as nb
from namebasis import forks
from namebasis.encoders import registry
from namebasis.encoders.registry import Loading
from namebasis.errors import EncoderError, ForkError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus

N_THREADS = 8
SECONDS = 120
"""What a child process may take: many times what it needs, so that a hang ends the test alone."""


def run_script(folder: Path, script: str, *arguments: object, threads: int = 1) -> str:
    """Standard output of a script in a process of its own."""
    file = folder / "script.py"  # not -c: spawned processes import the main module again
    file.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(file), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A space whose encoder a spec loads."""
    names = make_names([{"name": name, "part": "given"} for name in ("Anna", "Bert", "Vicki")])
    path = tmp_path_factory.mktemp("packaged") / "p.space"
    return build_space(names, path, encoder=nb.load_encoder("minilm"), templates="plain")


class TestThreads:
    def test_one_load_for_many_threads(self, space: Space, monkeypatch, encoder) -> None:
        loads = []

        def load(spec: str, **_: object) -> FakeEncoder:
            loads.append(spec)
            time.sleep(0.05)  # long enough for every thread to ask meanwhile
            return encoder

        monkeypatch.setattr(registry, "load_encoder", load)
        texts = [f"free text {n}" for n in range(N_THREADS)]
        expected = [space.nearest(text).ids.tolist() for text in texts]
        fresh, barrier = open_space(space.path), Barrier(N_THREADS)

        def ask(text: str) -> list[int]:
            barrier.wait()
            return fresh.nearest(text).ids.tolist()

        with ThreadPoolExecutor(N_THREADS) as pool:
            assert list(pool.map(ask, texts)) == expected
        assert loads == ["fake"]

    def test_an_index_is_rebuilt_once(self, space: Space) -> None:
        expected = space.nearest("Vicki").ids.tolist()
        (space.path / "indices" / "text.faiss").unlink()
        fresh, barrier = open_space(space.path), Barrier(N_THREADS)

        def ask(_: int) -> list[int]:
            barrier.wait()
            return fresh.nearest("Vicki").ids.tolist()

        with (
            pytest.warns(match="rebuilt") as caught,
            ThreadPoolExecutor(N_THREADS) as pool,
        ):
            assert list(pool.map(ask, range(N_THREADS))) == [expected] * N_THREADS
        assert len(caught) == 1

    def test_answers_are_those_of_one_thread(self, space: Space) -> None:
        def ask(row: int) -> list[object]:
            where = f"id % 3 = {row % 3}"
            found = space.nearest(space.vectors(ids=[row])[0], 5, where=where)
            return [found.ids.tolist(), found.names, space.ids(where).tolist(), space.graph(k=3)]

        expected = [ask(row) for row in range(40)]
        with ThreadPoolExecutor(N_THREADS) as pool:
            for (*plain, graph), (*wanted, serial) in zip(
                pool.map(ask, range(40)), expected, strict=True
            ):
                assert plain == wanted
                np.testing.assert_array_equal(graph.indices, serial.indices)


class TestPickle:
    def test_a_space_is_sent_as_its_path(self, space: Space, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(space.path.parent)
        relative = open_space(space.path.name)
        sent = pickle.dumps(relative)
        assert len(sent) < 1000
        monkeypatch.chdir(tmp_path.parent)
        arrived = pickle.loads(sent)  # noqa: S301
        assert arrived.path == space.path
        np.testing.assert_array_equal(arrived.vectors(), space.vectors())
        assert copy.deepcopy(arrived).provenance == space.provenance

    def test_an_encoder_of_the_callers_own_goes_with_it(self, space: Space) -> None:
        opened = open_space(space.path, encoder=FakeEncoder())
        opened.nearest("a text that is not stored")
        arrived = pickle.loads(pickle.dumps(opened))  # noqa: S301
        asked = arrived.nearest("a text that is not stored")
        assert asked.names == opened.nearest("a text that is not stored").names

    def test_a_space_built_anew_since_is_refused(self, space: Space, encoder) -> None:
        sent = pickle.dumps(space)
        build_space(corpus(30), space.path, encoder=encoder, overwrite=True)
        with pytest.raises(SpaceError, match="the space was rebuilt after it was pickled"):
            pickle.loads(sent)  # noqa: S301

    def test_an_encoder_is_sent_as_its_spec_and_loaded_once(self, packaged: Space) -> None:
        packaged.nearest("free text")
        encoder = packaged.encoder()
        sent = pickle.dumps((packaged, encoder))
        assert len(sent) < 1000
        arrived, loaded = pickle.loads(sent)  # noqa: S301
        assert loaded is encoder
        assert copy.deepcopy(encoder) is encoder
        assert arrived.encoder() is encoder

    def test_other_weights_where_it_arrives_are_refused(self) -> None:
        with pytest.raises(EncoderError, match=r"other weights here .* Use the same files"):
            Loading("minilm", None, None, "float32", "sha256:" + "0" * 64).encoder()

    def test_it_is_asked_for_the_device_and_dtype_it_was_loaded_with(self, monkeypatch) -> None:
        asked = {}

        def load(spec: str, **options: object) -> FakeEncoder:
            asked.update(options, spec=spec)
            return encoder

        encoder = FakeEncoder()
        monkeypatch.setattr(registry, "load_encoder", load)
        Loading("hf:org/name", "abc", "cpu", "bfloat16", encoder.fingerprint).encoder()
        wanted = {"spec": "hf:org/name", "revision": "abc", "device": "cpu", "dtype": "bfloat16"}
        assert asked == wanted

    def test_results_arrive_whole(self, space: Space) -> None:
        found = space.nearest("Vicki", 5)
        arrived = pickle.loads(pickle.dumps(found))  # noqa: S301
        assert arrived.to_arrow().equals(found.to_arrow())
        graph = pickle.loads(pickle.dumps(space.graph(k=3)))  # noqa: S301
        np.testing.assert_array_equal(graph.indices, space.graph(k=3).indices)


SPAWNED = """
import sys, multiprocessing, warnings
import namebasis as nb

def ask(space, text):
    return space.nearest(text, 2).names

if __name__ == "__main__":
    import joblib
    space = nb.open_space(sys.argv[1])
    texts = ["somebody", "nobody", "Anna"]
    serial = [ask(space, text) for text in texts]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.starmap(ask, [(space, text) for text in texts]) == serial
    work = (joblib.delayed(ask)(space, text) for text in texts)
    assert joblib.Parallel(n_jobs=2)(work) == serial
"""


@pytest.mark.long
def test_spawned_processes_and_joblib_answer_as_the_parent(packaged: Space, tmp_path) -> None:
    run_script(tmp_path, SPAWNED, packaged.path)


FORKED = """
import faulthandler, multiprocessing, os, signal, sys
import numpy as np
import namebasis as nb
from namebasis.errors import ForkError
from namebasis.analysis.graph.neighbours import knn_graph

space = nb.open_space(sys.argv[1])
space.nearest("Anna")
encoder = nb.load_encoder("minilm")
texts = [f"text number {n}" for n in range(40)]
rows = encoder.encode_text(texts)
graph = knn_graph(np.repeat(rows, 30, axis=0) + np.random.default_rng(0).standard_normal(
    (1200, 384)).astype("f"), 5)

def child():
    signal.alarm(60)  # a hang ends in a signal
    for ask in (space.vectors, space.table, lambda: nb.open_space(sys.argv[1]),
                lambda: space.nearest("Bert"), space.check,
                lambda: nb.add_names(space, nb.read_names(["Carl"]), encoder=space.encoder())):
        try:
            ask()
        except ForkError as error:
            assert "\\n" not in str(error), error
            assert "get_context('spawn')" in str(error), error
        else:
            raise SystemExit(f"{ask} was not refused")
    np.testing.assert_allclose(encoder.encode_text(texts), rows, atol=1e-5)
    again = knn_graph(np.repeat(rows, 30, axis=0) + np.random.default_rng(0).standard_normal(
        (1200, 384)).astype("f"), 5)
    assert (again.indices == graph.indices).all()

forked = multiprocessing.get_context("fork")
for _ in range(2):
    process = forked.Process(target=child)
    process.start()
    process.join()
    print(process.exitcode)
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_child_is_refused_the_store_and_may_encode(
    packaged: Space, tmp_path: Path, threads: int
) -> None:
    assert run_script(tmp_path, FORKED, packaged.path, threads=threads).split() == ["0"] * 2


FORKED_FIRST = """
import os, signal, sys
import namebasis as nb
from namebasis.space import open_space

pid = os.fork()
if pid == 0:
    signal.alarm(60)
    print(open_space(sys.argv[1]).nearest("Anna", 1).names[0], flush=True)
    os._exit(0)
sys.exit(os.waitpid(pid, 0)[1])
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_before_the_first_space_was_opened_may_open_one(
    packaged: Space, tmp_path: Path
) -> None:
    assert run_script(tmp_path, FORKED_FIRST, packaged.path).split()[0] in {"Bert", "Vicki"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_lock_that_was_held_during_the_fork_is_open_in_the_child(tmp_path: Path) -> None:
    script = """
import os, signal, sys, threading, time
from namebasis.forks import Turn
turn, held = Turn(), threading.Event()
def hold():
    with turn:
        held.set()
        time.sleep(60)
threading.Thread(target=hold, daemon=True).start()
held.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    with turn, turn:
        pass
    os._exit(0)
os._exit(os.waitpid(pid, 0)[1])
"""
    run_script(tmp_path, script)


def test_a_forked_process_is_told_that_it_cannot_use_the_gpu(monkeypatch) -> None:
    encoder = nb.load_encoder("minilm")

    def as_torch_says(*_: object) -> None:
        raise RuntimeError(
            "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, "
            "you must use the 'spawn' start method"
        )

    monkeypatch.setattr(encoder, "_embed_texts", as_torch_says)
    with pytest.raises(ForkError, match=r"minilm: a forked .*get_context\('spawn'\)"):
        encoder.encode_text(["a"])


def test_the_refusal_names_the_space(tmp_path: Path, monkeypatch, space: Space) -> None:
    monkeypatch.setattr(forks, "_lance_is_inherited", True)
    with pytest.raises(ForkError, match=rf"^{space.path}: this process was forked from one"):
        space.vectors()
