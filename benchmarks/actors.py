"""What more actors bring: a build and the studies in one process, and on 1 and 2 actors of Ray.

Each runs in a process of its own, with one thread in each process (`OMP_NUM_THREADS=1`), so that
an actor is one core's worth of work; the first row of each, with all threads, is what a user of one
machine gets without Ray. Wall seconds are those of the work, with its actors, but without the start
of Ray, which is told apart. CPU seconds are those of the process and of all that it started, Ray
too. Each runs once, so that no ratio is told. The answers are compared with those of one process
on one thread: "yes" where they are equal to the last bit, else the largest difference of a number.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _timing import load

ACTORS = (1, 2)
N_NAMES = {False: 8_192, True: 300}
ASKED = {"identity": 2_048, "rigidity": 4_096}
"""Of so many of the names, where a work does not take them all."""
SWAPS, ANCHORS = 6, 12
WORKS = ("build", "identity", "rigidity", "score", "anchors")
TEMPLATES = {"build": "portrait", "space": "plain"}


def build(path: Path, n: int, templates: str, **asked: Any) -> Any:
    """Full names that Faker's parts make, read by the organism, which every machine has."""
    from namebasis.namespace.corpus.pairs import full_names
    from namebasis.space import build_space

    names = full_names(n, seed=0)
    return build_space(names, path, encoder="organism", templates=templates, **asked)


def work(kind: str, path: Path, n: int, **asked: Any) -> str:
    """Do one work; what it found, as text."""
    from namebasis.space import open_space

    if kind == "build":
        with tempfile.TemporaryDirectory() as folder:
            space = build(Path(folder) / "a.space", n, TEMPLATES["build"], **asked)
            return json.dumps(space.vectors(ids=range(min(n, 2_000))).tolist())
    space = open_space(path)
    names = list(space)[:n]
    if kind == "identity":
        found_one: Any = space.identity(names, n_swaps=SWAPS, with_contexts=False, **asked)
    elif kind == "rigidity":
        found_one = space.rigidity(names, **asked)
    elif kind == "score":
        found_one = space.score(n_made_up=2_000, **asked)
    else:
        found_one = space.anchors(ANCHORS, **asked)
    return str(found_one.to_json())


def one(kind: str, path: Path, n: int, n_actors: int) -> dict[str, Any]:
    """Time one work here, on no actors or some."""
    from namebasis.namespace.actors.cluster import RayCluster, connected

    asked: dict[str, Any] = {}
    for kept in (path / "indices").glob("*.npz"):
        kept.unlink()  # what made-up names measure, which would be read from there
    if n_actors == 0:
        started = time.perf_counter()
        found = work(kind, path, n)
        return told(found, time.perf_counter() - started, 0.0)
    asked = {"engine": "ray", "n_actors": n_actors}
    started = time.perf_counter()
    with connected(RayCluster(n_actors=n_actors)):
        begun = time.perf_counter()
        found = work(kind, path, n, **asked)
        return told(found, time.perf_counter() - begun, begun - started)


def told(found: str, seconds: float, start: float) -> dict[str, Any]:
    return {"wall": seconds, "start": start, "found": found}


def differs(left: str, right: str) -> str:
    """How far two answers are from each other."""
    if left == right:
        return "yes"
    texts, numbers = zip(*(_taken_apart(one) for one in (left, right)), strict=True)
    if texts[0] != texts[1]:
        return "no"
    apart = max(abs(float(a) - float(b)) for a, b in zip(*numbers, strict=True))
    return f"to {apart:.0e}"


def _taken_apart(answer: str) -> tuple[list[str], list[str]]:
    """An answer's text between its numbers, and these."""
    parts = re.split(r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", answer)
    return parts[::2], parts[1::2]


def descendants_cpu(root: int, known: dict[int, float]) -> None:
    """Note the processor seconds of a process and of all below it, by number."""
    rows = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        spent = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        rows[int(stat.parent.name)] = int(words[1]), spent
    ours = {root, *known}
    while more := {pid for pid, (parent, _) in rows.items() if parent in ours} - ours:
        ours |= more
    known.update({pid: rows[pid][1] for pid in ours if pid in rows})


def alone(kind: str, path: Path, n: int, n_actors: int, *, threads: str | None) -> dict[str, Any]:
    """Run one measurement in a fresh process, and count what all its processes spend."""
    words = [sys.executable, __file__, "--one", kind, str(path), str(n), str(n_actors)]
    env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    env |= {"OMP_NUM_THREADS": threads} if threads else {}
    spent: dict[int, float] = {}
    with tempfile.TemporaryFile("w+") as out:  # nobody reads a pipe meanwhile
        running = subprocess.Popen(words, text=True, stdout=out, env=env)
        while running.poll() is None:
            descendants_cpu(running.pid, spent)
            time.sleep(0.2)
        if running.returncode:
            raise subprocess.CalledProcessError(running.returncode, words)
        out.seek(0)
        found: dict[str, Any] = json.loads(out.read().splitlines()[-1])
    return found | {"cpu": sum(spent.values()), "load": load()}


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def table(works: list[str], n: int, n_asked: int | None = None) -> None:
    row("work", "names", "who", "wall, s", "CPU, s", "start of Ray, s", "equal", "load")
    row("---", "--:", "---", *["--:"] * 3, "---", "--:")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.space"
        build(path, n, TEMPLATES["space"])
        for kind in works:
            rows = n_asked or min(n, ASKED.get(kind, n))
            whole = alone(kind, path, rows, 0, threads=None)
            single = alone(kind, path, rows, 0, threads="1")
            by = {k: alone(kind, path, rows, k, threads="1") for k in ACTORS}
            told_of = {"one process, all threads": whole, "one process, one thread": single}
            told_of |= {f"{k} actor{'s' * (k > 1)}": got for k, got in by.items()}
            for who, got in told_of.items():
                row(
                    kind,
                    f"{rows:,}",
                    who,
                    f"{got['wall']:.1f}",
                    f"{got['cpu']:.0f}",
                    f"{got['start']:.1f}" if got["start"] else "–",
                    differs(got["found"], single["found"]),
                    f"{got['load']:.1f}",
                )
    print(
        f"\nFull names, the organism: the build over the 4 templates of {TEMPLATES['build']}; "
        f"identity with {SWAPS} swaps and no contexts; score on age and gender beside 2,000 "
        f"made-up names; anchors of {ANCHORS} names each. One run each."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("works", nargs="*", help=", ".join(WORKS))
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--names", type=int, help="this many, in every work")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        kind, path, n, n_actors = wanted.one
        print(json.dumps(one(kind, Path(path), int(n), int(n_actors))))
        return
    if unknown := sorted(set(wanted.works) - set(WORKS)):
        parser.error(f"no work {', '.join(unknown)}; there are {', '.join(WORKS)}.")
    table(wanted.works or list(WORKS), wanted.names or N_NAMES[wanted.quick], wanted.names)


if __name__ == "__main__":
    main()
