"""Builds killed by signal at random moments end as one that nobody disturbed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from namebasis.namespace.building import build
from namebasis.namespace.building.build import build_space
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.opening import holds_versions
from tests.namespace.conftest import FakeEncoder, corpus

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
N_NAMES, CHUNK, N_KILLS = 260, 10, 20

# One process has everything imported but lance, whose threads do not survive a fork, and forks a
# child per build, so that a build costs no start-up. It kills the child after so many seconds.
NURSERY = f"""
import os, signal, sys, time
import numpy, pandas, pyarrow.dataset, faiss
from namebasis.namespace.building import build
from tests.namespace.conftest import FakeEncoder, corpus

build.CHUNK = {CHUNK}
names = corpus({N_NAMES})

class Slow(FakeEncoder):
    def pieces(self, texts):
        time.sleep(0.004)
        return super().pieces(texts)

print("ready", flush=True)
for line in sys.stdin:
    delay, path = line.split(maxsplit=1)
    child = os.fork()
    if child == 0:
        try:
            build.build_space(names, path.strip(), encoder=Slow())
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    time.sleep(float(delay))
    os.kill(child, signal.SIGKILL)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Nursery:
    """Runs builds in children and kills them."""

    def __init__(self, errors: Path) -> None:
        self.errors = errors
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors.open("w"),
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout.readline() == "ready\n"

    def build(self, path: Path, delay: float) -> bool:
        """Whether the build ended by itself before it was killed."""
        self.process.stdin.write(f"{delay} {path}\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        assert status in (0, signal.SIGKILL), self.errors.read_text()
        return status == 0

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_killed_at_twenty_random_moments_nothing_is_lost_and_nothing_doubled(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", CHUNK)
    began = time.perf_counter()
    calm = build_space(corpus(N_NAMES), tmp_path / "calm", encoder=FakeEncoder())
    duration = time.perf_counter() - began
    nursery, rng = Nursery(tmp_path / "errors.txt"), random.Random(20)
    paths = [tmp_path / "build0"]
    n_kills, last = 0, 0
    while n_kills < N_KILLS:
        if nursery.build(paths[-1], 0.05 + rng.random() * 0.35 * duration):
            paths.append(tmp_path / f"build{n_kills}")
            last = 0
            continue
        n_kills += 1
        rows = Store(paths[-1]).n_rows if holds_versions(paths[-1]) else 0
        assert rows % CHUNK == 0 or rows == N_NAMES
        assert rows >= last, "a killed build lost rows that were committed"
        last = rows
    nursery.close()
    for path in paths:
        space = build_space(corpus(N_NAMES), path, encoder=FakeEncoder())
        assert space.table(["id"])["id"].to_pylist() == list(range(N_NAMES))
        assert space.table().equals(calm.table())
        for view in ("text", "token"):
            np.testing.assert_allclose(space.vectors(view), calm.vectors(view), atol=1e-6)
        assert space.nearest("a text", 20).ids.tolist() == calm.nearest("a text", 20).ids.tolist()
        n_files, n_expected = (
            len(list((s.path / "names.lance" / "data").iterdir())) for s in (space, calm)
        )
        assert n_files == n_expected, "a killed build left data files behind"


@pytest.mark.parametrize("step", ["keep_up", "tidy"])
def test_stopped_after_the_count_a_build_resumes_to_the_same_files(
    tmp_path: Path, monkeypatch, step: str
) -> None:
    monkeypatch.setattr(build, "CHUNK", CHUNK)
    with monkeypatch.context() as patch:
        patch.setattr(Store, step, lambda self: sys.exit(f"stopped before {step}"))
        with pytest.raises(SystemExit):
            build_space(corpus(N_NAMES), tmp_path / "stopped", encoder=FakeEncoder())
    stopped, calm = (
        build_space(corpus(N_NAMES), tmp_path / name, encoder=FakeEncoder())
        for name in ("stopped", "calm")
    )
    assert stopped.table().equals(calm.table())
    n_files = [len(list((s.path / "names.lance" / "data").iterdir())) for s in (stopped, calm)]
    assert n_files == [1, 1]
