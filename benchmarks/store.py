"""The store and the index against bare FAISS, and what a large space costs to build and open."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import faiss
import numpy as np
from _synthetic import SyntheticEncoder, resident_mb, synthetic_names
from _timing import in_turn, interleaved

from namebasis.index import vector_index
from namebasis.index.rows import as_rows
from namebasis.index.tuning import exact_search, measure_recall
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import Names
from namebasis.space import Space, open_space

K = 10


def medians(runs: int, *works: Callable[[], object]) -> list[float]:
    """Median seconds of each, run in turn so that all see the same load."""
    times = in_turn({str(at): work for at, work in enumerate(works)}, runs)
    return [one.spread().middle for one in times.values()]


def against_faiss(folder: Path, n: int, runs: int) -> None:
    space = build_space(synthetic_names(n), folder / "flat", encoder=SyntheticEncoder(512),
                        templates="plain")  # fmt: skip
    names = space.table(["name"])["name"].to_pylist()
    vectors = space.vectors()
    bare = faiss.IndexFlatIP(512)
    bare.add(vectors)
    print(f"`nearest` on a flat index of {n:,} × 512, k = {K}, names returned, against bare "
          "FAISS (vectors in memory, names from a list):\n")  # fmt: skip
    print("| batch | bare FAISS, ms | namebasis, ms | ratio | bar |\n|---|---|---|---|---|")
    for batch in (1, 100):
        queries = vectors[:: n // batch][:batch] + np.float32(0.01)

        def theirs(queries: np.ndarray = queries) -> list[list[str]]:
            return [[names[i] for i in row] for row in bare.search(queries, K)[1]]

        def ours(queries: np.ndarray = queries) -> list[list[str]]:
            return [list(result.names) for result in space.nearest(queries, K).split()]

        assert theirs() == ours()
        race = interleaved(theirs, ours, runs)  # the ratio is ours over theirs
        a, b = race.ours.spread().middle, race.peer.spread().middle
        told = race.ratio().told(".2f")
        print(f"| {batch} | {a * 1e3:.1f} | {b * 1e3:.1f} | {told} | ≤ 1.15 |")
    print()


def small_adds(folder: Path, n_adds: int) -> None:
    """Many small adds against one build of the same names."""
    first, each = 3000, 3
    names, encoder = synthetic_names(first + each * n_adds), SyntheticEncoder(384)

    def part(start: int, stop: int) -> Names:
        return Names(table=names.table.slice(start, stop - start), dropped=())

    space = build_space(part(0, first), folder / "small", encoder=encoder, templates="plain")
    seconds = []
    for start in range(first, len(names), each):
        started = time.perf_counter()
        space = add_names(space, part(start, start + each), encoder=encoder)
        seconds.append(time.perf_counter() - started)
    one = build_space(names, folder / "one", encoder=encoder, templates="plain")
    assert space.table(["name"]) == one.table(["name"])
    late = seconds[-len(seconds) // 10 :]
    print(f"{n_adds:,} adds of {each} names to {first:,}, with vectors that cost nothing:\n")
    print("| what | measured | bar |\n|---|---|---|")
    print(f"| mean, s | {statistics.mean(seconds):.3f} | – |")
    print(f"| mean of the last tenth, s | {statistics.mean(late):.3f} | – |")
    print(f"| 99 of 100 within, s | {np.quantile(seconds, 0.99):.3f} | – |")
    print(f"| the slowest, s | {max(seconds):.3f} | < 0.15 |")
    print(f"| bytes, against one build | {n_bytes(space.path) / n_bytes(one.path):.2f} | < 2 |\n")


def n_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def build_large(path: Path, n: int) -> None:
    """Build in a process of its own, watching its memory."""
    names, encoder = synthetic_names(n), SyntheticEncoder(384)
    before, peak, done = resident_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    space = build_space(names, path, encoder=encoder, templates="plain")
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    facts = space.info()["indices"]["text"]
    size = n_bytes(space.path)
    print(
        f"A space of {n:,} × 384, built with vectors that cost nothing: {seconds:.0f} s, "
        f"{peak[0] - before:,.0f} MB of memory beyond the {before:,.0f} MB of Python, the names "
        f"and the encoder (bar: < 2,000 MB); {size / 1e9:.2f} GB on disk. Index "
        f"{facts['factory']}, {facts['parameters'].get('nprobe', 'all')} lists probed, "
        f"recall@10 {facts['recall_at_10'] or 1:.3f}.\n"
    )


OPEN = """
import json, sys, time
sys.path.insert(0, {here!r})
from _synthetic import resident_mb
import namebasis.space as s
import lance
libraries = resident_mb()
started = time.perf_counter()
space = s.open_space({path!r})
opened, mb = time.perf_counter() - started, resident_mb()
started = time.perf_counter()
space.nearest({name!r})
print(json.dumps([opened, libraries, mb, time.perf_counter() - started]))
"""


def opening(path: Path, name: str, runs: int) -> None:
    code = OPEN.format(here=str(Path(__file__).parent), path=str(path), name=name)
    results = [
        json.loads(subprocess.run([sys.executable, "-c", code], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout)
        for _ in range(runs)
    ]  # fmt: skip
    seconds, libraries, mb, first = (statistics.median(v) for v in zip(*results, strict=True))
    command = [str(Path(sys.executable).parent / "namebasis"), "nearest", str(path), name]
    (whole,) = medians(runs, lambda: subprocess.run(command, check=True, capture_output=True))
    print("Opening it, each time in a new process:\n\n| what | measured | bar |\n|---|---|---|")
    print(f"| `open_space` | {seconds:.3f} s | < 0.5 s |")
    print(f"| memory before the first query | {mb:.0f} MB ({libraries:.0f} MB of them libraries) "
          "| < 300 MB |")  # fmt: skip
    print(f"| first `nearest` of a stored name (maps the index) | {first:.2f} s | – |")
    print(f"| `namebasis nearest SPACE {name}`, whole process | {whole:.2f} s | < 1.5 s |\n")


def filters(space: Space, runs: int) -> None:
    query = space.vectors(ids=[len(space) // 2])[0]
    wheres = [
        "array_has(locales, 'is_IS') AND weight > 0.9", "name LIKE 'Name01%'",
        "regexp_like(name, '^Name0[0-3]')", "gender = 'F' AND n_tokens = 1", "weight > 0.1",
    ]  # fmt: skip
    print(f"Filters over {len(space):,} names:\n")
    print("| where | rows | filter, ms | `nearest` with it, ms |\n|---|---|---|---|")
    for where in wheres:

        def count(where: str = where) -> np.ndarray:
            return space.ids(where)

        def ask(where: str = where) -> object:
            return space.nearest(query, K, where=where)

        a, b = medians(runs, count, ask)
        print(f"| `{where}` | {len(count()):,} | {a * 1e3:.0f} | {b * 1e3:.0f} |")
    plain, least = medians(
        runs, lambda: space.nearest(query, K), lambda: space.nearest(query, K, farthest=True)
    )
    print(f"| none | {len(space):,} | – | {plain * 1e3:.0f} |")
    print(f"| none, `farthest` (exact) | {len(space):,} | – | {least * 1e3:.0f} |\n")


def kinds(n: int, runs: int) -> None:
    """IVF against HNSW: why the index above 200,000 rows is what it is."""
    encoder, names = SyntheticEncoder(384), synthetic_names(n).strings
    vectors = np.concatenate([encoder.encode_names(names[i : i + 1000], "")
                              for i in range(0, n, 1000)])  # fmt: skip
    queries = vectors[:: n // 200][:200]
    truth = exact_search(queries, as_rows(vectors), K)
    print(f"Kinds of index for {n:,} × 384 vectors:\n")
    print("| index | build, s | recall@10 | one query, ms |\n|---|---|---|---|")
    vector_index.FLAT_ROWS = 0
    started = time.perf_counter()
    ivf = VectorIndex.build(vectors)
    seconds = time.perf_counter() - started
    rows: list[tuple[str, float, Callable[[np.ndarray], np.ndarray]]] = [
        (f"{ivf.factory}, nprobe {ivf.parameters['nprobe']}", seconds,
         lambda q: ivf.search(q, K)[1])
    ]  # fmt: skip
    hnsw = faiss.IndexHNSWFlat(384, 32, faiss.METRIC_INNER_PRODUCT)
    hnsw.hnsw.efSearch = 64
    started = time.perf_counter()
    hnsw.add(vectors)
    rows.append(("HNSW32, efSearch 64", time.perf_counter() - started,
                 lambda q: hnsw.search(q, K)[1]))  # fmt: skip
    for label, seconds, search in rows:
        recall = measure_recall(search(queries), truth)
        (each,) = medians(runs, lambda s=search: [s(q[None]) for q in queries[:20]])
        print(f"| {label} | {seconds:.0f} | {recall:.3f} | {each / 20 * 1e3:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small shapes, few runs")
    parser.add_argument("--adds", action="store_true", help="small adds alone")
    parser.add_argument("--build-large", nargs=2, metavar=("PATH", "N"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.build_large:
        build_large(Path(wanted.build_large[0]), int(wanted.build_large[1]))
        return
    quick = wanted.quick
    runs = 3 if quick else 15
    with tempfile.TemporaryDirectory() as folder:
        if wanted.adds:
            small_adds(Path(folder), 100 if quick else 1000)
            return
        against_faiss(Path(folder), 20_000 if quick else 200_000, runs)
        small_adds(Path(folder), 100 if quick else 1000)
        n = 210_000 if quick else 1_000_000
        path = Path(folder) / "large"
        words = [sys.executable, __file__, "--build-large", str(path), str(n)]
        print(subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE).stdout)
        opening(path, f"name{n // 2:07d}", min(runs, 7))
        filters(open_space(path), min(runs, 7))
    kinds(20_000 if quick else 300_000, 3)


if __name__ == "__main__":
    main()
