"""Readers that check every answer by brute force while writers change the space beside them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.world import TEMPLATES, World, wrong_in

WRITERS = ("add", "add --images", "overwrite")
N_READERS = 3


def write(kind: str, seconds: float, seed: int) -> int:
    """Change the space `s` again and again; how often."""
    import contextlib
    import io

    from namebasis.cli import main
    from tests.campaign.world import names, paint

    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end or rounds < 2:
        rounds += 1
        if kind == "add":
            Path(f"new{rounds}.txt").write_text("\n".join(names(300 + 7 * rounds, 7)))
            words = ["add", "s", f"new{rounds}.txt", "-q"]
        elif kind == "add --images":
            paint(Path(f"pictures{rounds}"), 1000 * seed + rounds)
            words = ["add", "s", "--images", f"pictures{rounds}", "-q"]
        else:
            # As many names each time: nothing but their identity tells the builds apart.
            Path(f"all{rounds}.txt").write_text("\n".join(names(60 * (rounds % 5), 60)))
            words = ["build", "s", f"all{rounds}.txt", "--overwrite", *TEMPLATES]
        sys.argv = ["namebasis", *words]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main()
    Path("stop").touch()
    return rounds


def read(fresh: bool) -> dict[str, Any]:
    """Ask and check until the writer stops; counts of reads, and the first of what was wrong."""
    from namebasis.space import open_space

    told: dict[str, Any] = {"reads": 0, "wrong": 0, "refused": 0, "first": None}
    space, turn, reopen = open_space("s"), 0, False
    while not os.path.exists("stop"):
        turn += 1
        try:
            if reopen or fresh or turn % 20 == 0:
                space, reopen = open_space("s"), False
            wrong = wrong_in(space, graphs=turn % 3 == 0)
            if turn % 25 == 0:
                wrong += _labels(space)
        except Exception as error:
            # An open space answers from the build that it opened, whatever takes its place.
            told["refused"] += 1
            told["first"] = told["first"] or f"{type(error).__name__}: {error}"[:300]
            reopen = True
            continue
        told["reads"] += 1
        if wrong:
            told["wrong"] += 1
            told["first"] = told["first"] or ", ".join(wrong)
    return told


def _labels(space: Any) -> list[str]:
    """Whether clusters by the kept graph are those of the vectors alone."""
    import numpy as np

    from namebasis.analysis.clusters.clustering import cluster
    from namebasis.analysis.graph.neighbours import knn_graph

    vectors = space.vectors()
    kept = cluster(vectors, graph=space.graph(k=15), min_cluster_size=5).labels
    own = cluster(vectors, graph=knn_graph(vectors, 15), min_cluster_size=5).labels
    return [] if np.array_equal(kept, own) else ["labels of clusters"]


def case(world: World, kind: str, seconds: float, seed: int) -> tuple[int, int, str | None]:
    """One writer, several readers; reads, writes, and what was wrong."""
    place = world.case("images.space" if kind == "add --images" else "base.space")
    module = "tests.campaign.readers"
    limit = seconds + 90
    readers = [
        world.warm.start(f"{module}:read", bool(n % 2), cwd=place, seconds=limit)
        for n in range(N_READERS)
    ]
    writer = world.warm.call(f"{module}:write", kind, seconds, seed, cwd=place, seconds=limit)
    ended = [world.warm.wait(number) for number in readers]
    if writer.code != 0:
        (place / "stop").touch()
        return 0, 0, f"the writer: {writer.crash or writer.err.strip()[-300:]}"
    if "error:" in writer.err:
        return 0, 0, f"the writer: {writer.err.strip()[-300:]}"
    reads = 0
    for reader in ended:
        if reader.code != 0:
            return reads, writer.value, f"a reader: {reader.crash or reader.err.strip()[-300:]}"
        reads += reader.value["reads"]
        if reader.value["wrong"] or reader.value["refused"]:
            return reads, writer.value, f"a reader: {reader.value}"
    return reads, writer.value, None


# ------------------------------------------------------------------------------- a barrier


def ask_at(moment: float, what: str) -> list[str]:
    """Wait for a moment, then ask for an index or a graph that is missing."""
    from namebasis.space import open_space

    space = open_space("s")
    time.sleep(max(0.0, moment - time.time()))
    return wrong_in(space, graphs=what == "graph")


def barrier(world: World, what: str, n_processes: int = 25) -> str | None:
    """Many processes that want one missing cache at the same moment; what was wrong."""
    place = world.case("images.space")
    pattern = "*.faiss" if what == "index" else "*.graph.npz"
    for file in (place / "s" / "indices").glob(pattern):
        file.unlink()
    moment = time.time() + 0.1 * n_processes
    numbers = [
        world.warm.start("tests.campaign.readers:ask_at", moment, what, cwd=place, seconds=120)
        for _ in range(n_processes)
    ]
    for ended in [world.warm.wait(number) for number in numbers]:
        if ended.code != 0:
            return ended.crash or ended.err.strip()[-300:]
        if ended.value:
            return f"silently wrong: {ended.value}"
    left = [p.name for p in (place / "s" / "indices").iterdir() if "partial" in p.name]
    return f"left behind: {left}" if left else None


def draw(rng: Random, index: int) -> tuple[str, int]:
    """What to do in turn, and a seed for its pictures."""
    return (*WRITERS, "index", "graph")[index % 5], rng.randrange(1000)
