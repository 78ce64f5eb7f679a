"""A space in Milvus against the same space here: answers value by value, a killed publisher, time.

    python benchmarks/milvus.py                      # 20,000 names, a file of Milvus Lite
    python benchmarks/milvus.py --engine milvus:http://HOST:19530
    python benchmarks/milvus.py --quick
    python benchmarks/milvus.py --only-indices       # the indices that are not exact, alone

The publisher is killed (SIGKILL) half-way; what was published before must not be written again.
Then 500 queries are asked of both, half of them with one of twenty filters: the names must be the
same but for equal similarities, and the similarities equal to 2e-6. Last come all indices, each in
a collection of its own: recall@10 of the same queries without a filter, and CPU time.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa

import namebasis as nb
from namebasis.checks import FloatArray
from namebasis.errors import NamebasisHint
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.engines.publishing import INDICES
from namebasis.namespace.search.results import NearestResult

N_NAMES, N_QUERIES, DIM, TOP, SAME = 20_000, 500, 384, 10, 2e-6
FILTERS = (
    "gender = 'F'", "gender <> 'F'", "gender IS NULL", "count > 100",
    "count <= 100 AND part = 'given'", "NOT (gender = 'M' OR count < 50)",
    "count BETWEEN 20 AND 40", "count IN (1, 2)", "name LIKE 'A%'", "name NOT LIKE '%a%'",
    "starts_with(name, 'Ma')", "array_has(locales, 'de_DE')", "NOT array_has(locales, 'de_DE')",
    "array_length(locales) > 1", "score > 0.5 AND is_even", "is_even IS NOT TRUE", "id < 5000",
    "score IS NULL", "gender = 'F' AND count NOT IN (1, 2, 3)", "name >= 'M' AND name < 'N'",
)  # fmt: skip
PUBLISH = """
import sys
import namebasis as nb
from namebasis.namespace.engines.client import Client
real, left = Client.upsert, int(sys.argv[3])
def upsert(self, collection, rows):
    global left
    real(self, collection, rows)
    if "id" in rows[0]:
        left -= 1
        if left == 0:
            print("half-way", flush=True)
            sys.stdin.read()
Client.upsert = upsert
nb.open_space(sys.argv[1]).publish(sys.argv[2])
"""


def make_space(folder: Path, n: int) -> nb.Space:
    """Names of letters, with columns that are sometimes empty; vectors that lie in clusters."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    rows = []
    for at in range(n):
        text = "".join(letters[rng.integers(0, 26, rng.integers(3, 9))]).capitalize()
        locales = ["de_DE", "en_US", "fr_FR"][: int(rng.integers(1, 4))]
        rows.append({
            "name": f"{text}{'' if at % 7 else chr(0xE0 + at % 20)}", "part": "given",
            "gender": [None, "F", "M", "U"][at % 4], "locales": locales, "count": int(at % 500),
        })  # fmt: skip
    names = make_names(rows)
    centres = rng.standard_normal((500, DIM))
    vectors = centres[rng.integers(0, 500, len(names))] + rng.standard_normal((len(names), DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    space = nb.build_space(names, folder, vectors=vectors.astype(np.float32))
    m = len(space)
    columns = {
        "id": range(m),
        "score": pa.array([None if i % 11 == 0 else (i * 37 % 1000) / 1000 for i in range(m)]),
        "is_even": pa.array([None if i % 13 == 0 else i % 2 == 0 for i in range(m)]),
    }
    space.add_metrics(pa.table(columns), study="benchmark", parameters={})
    return nb.open_space(folder)


def kill_half_way(space: nb.Space, engine: str) -> None:
    """Publish in a child process, and kill it after half the blocks."""
    n_blocks = -(-len(space) // 4096)
    words = [sys.executable, "-c", PUBLISH, str(space.path), engine, str(max(1, n_blocks // 2))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    child = subprocess.Popen(words, env={**os.environ}, **pipes)  # type: ignore[call-overload]
    said = child.stdout.readline().strip()
    child.send_signal(signal.SIGKILL)
    child.wait()
    if said != "half-way":
        raise SystemExit("the publisher ended before it could be killed")


def differences(here: NearestResult, there: NearestResult) -> tuple[int, float]:
    """Names that differ beyond equal similarities, and the largest difference of similarities."""
    if here.counts != there.counts:
        return abs(len(here) - len(there)) or 1, float("nan")
    gaps = np.abs(here.similarities - there.similarities)
    wrong = (here.ids != there.ids) & (gaps > SAME)
    return int(wrong.sum()), float(gaps.max(initial=0))


def asked(space: nb.Space, queries: FloatArray, where: str | None) -> tuple[NearestResult, float]:
    """An answer, and its seconds."""
    started = time.perf_counter()
    found = space.nearest(queries, TOP, where=where)
    return found, time.perf_counter() - started


def print_indices(space: nb.Space, engine: str, queries: FloatArray) -> None:
    """A row for each kind of index: what it finds, and what that takes."""
    exact = space.nearest(queries, TOP)
    print("\n| index | publish, CPU s | recall@10 | ms of CPU a query |\n|---|--:|--:|--:|")
    for kind in INDICES:
        own = f"{engine}#by_{kind}"
        started = time.process_time()
        (view,) = space.publish(own, index=kind).views
        published = time.process_time() - started
        there = nb.open_space(space.path, engine=own)
        there.nearest(queries[:1], TOP)
        started = time.process_time()
        found = there.nearest(queries, TOP)
        each = 1e3 * (time.process_time() - started) / len(queries)
        pairs = zip(exact.similarities.reshape(-1, TOP), found.similarities.reshape(-1, TOP),
                    strict=True)  # fmt: skip
        hits = [(two >= one.min() - SAME).mean() for one, two in pairs]
        print(f"| {kind} ({view.index}) | {published:.1f} | {np.mean(hits):.3f} | {each:.1f} |",
              flush=True)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", help="milvus:URI; by default a file of Milvus Lite")
    parser.add_argument("--quick", action="store_true", help="a smoke run of 2,000 names")
    parser.add_argument("--only-indices", action="store_true", help="without the comparison")
    given = parser.parse_args()
    n, n_queries = (2_000, 40) if given.quick else (N_NAMES, N_QUERIES)
    warnings.simplefilter("ignore", NamebasisHint)
    with tempfile.TemporaryDirectory() as folder:
        engine = given.engine or f"milvus:{folder}/names.db"
        space = make_space(Path(folder) / "milvus_benchmark.space", n)
        rng = np.random.default_rng(1)
        rows = space.vectors(ids=np.sort(rng.choice(len(space), n_queries, replace=False)))
        noise = rng.normal(size=rows.shape).astype(np.float32) / np.sqrt(rows.shape[1])
        queries = rows + np.float32(0.3) * noise
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        if given.only_indices:
            print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {len(space):,} names")
            print_indices(space, engine, queries)
            return
        if not given.quick:
            kill_half_way(space, engine)
        started = time.perf_counter()
        (view,) = space.publish(engine).views
        seconds = time.perf_counter() - started
        there = nb.open_space(space.path, engine=engine)
        n_wrong, worst, times = 0, 0.0, np.zeros(2)
        parts = np.array_split(queries, 2 * len(FILTERS))
        wheres = [one for where in FILTERS for one in (None, where)]
        for part, where in zip(parts, wheres, strict=True):
            here, local = asked(space, part, where)
            found, remote = asked(there, part, where)
            wrong, gap = differences(here, found)
            n_wrong, worst, times = (
                n_wrong + wrong,
                max(worst, gap),
                times + np.array([local, remote]),
            )
        print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {len(space):,} names\n")
        print("| what | value |\n|---|--:|")
        print(f"| rows written after the kill, of {view.n_rows:,} | {view.n_written:,} |")
        print(f"| seconds of that, with recall@10 | {seconds:.1f} |")
        print(f"| recall@10 ({view.index}) | {view.recall:.3f} |")
        print(f"| queries, {TOP} names each | {n_queries} |")
        print(f"| names that differ | {n_wrong} |")
        print(f"| largest difference of a similarity | {worst:.1e} |")
        print(f"| ms a query here | {1e3 * times[0] / n_queries:.1f} |")
        print(f"| ms a query there | {1e3 * times[1] / n_queries:.1f} |")
        print_indices(space, engine, queries)


if __name__ == "__main__":
    main()
