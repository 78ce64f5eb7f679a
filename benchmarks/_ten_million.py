"""One space of ten million names on one machine: each promise beside what was measured.

Every step runs in a process of its own and leaves its figures in the folder, so that a run that was
stopped resumes with the first missing step.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

DIM = 384
K = 10
N_QUERIES = 50
N_ADDS = 1000
N_TURNS = 5
N_EACH = 20
BEFORE = "before.space"
"""The space as it was before the small adds, beside it: the same files under other names."""
FILTERS = {"half": "gender = 'F'", "hundredth": "array_has(locales, 'is_IS')"}
Figures = dict[str, Any]


@contextmanager
def clock(figures: Figures, name: str) -> Iterator[None]:
    """Note wall and CPU seconds of what runs inside, and the load while it ran."""
    started, cpu = time.perf_counter(), time.process_time()
    yield
    figures[name] = time.perf_counter() - started
    figures[f"{name}_cpu"] = time.process_time() - cpu
    figures["load"] = os.getloadavg()[0]


def forget_files(folder: Path) -> None:
    """Ask the system to drop the files of a folder from memory: what is read next is cold."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def build(path: Path, n: int) -> Figures:
    """Build; time of the rows and of all, memory, bytes."""
    from _synthetic import SyntheticEncoder, resident_mb, synthetic_names

    from namebasis.namespace.building.build import build_space

    names, encoder = synthetic_names(n), SyntheticEncoder(DIM)
    figures: Figures = {"corpus_mb": resident_mb()}
    started = time.perf_counter()

    def progress(done: int, total: int) -> None:
        if done % 200_000 < 1024 or done == total:
            print(f"{done:,} {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
        if done == total:
            figures["rows"] = time.perf_counter() - started

    with clock(figures, "build"):
        build_space(names, path, encoder=encoder, templates="plain", progress=progress)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return figures | {"bytes": size}


def ask(path: Path, n: int) -> Figures:
    """Open, ask the first filtered question cold and warm, and measure time and recall."""
    # Libraries are loaded before the clock starts.
    import faiss  # noqa: F401
    import lance  # noqa: F401

    import namebasis as nb
    import namebasis.space

    forget_files(path)
    figures: Figures = {}

    with clock(figures, "open"):
        space = nb.open_space(path)
    with clock(figures, "first"):
        space.nearest("Name0000042", k=K, where=FILTERS["half"])
    for what, where in {"all": None, **FILTERS}.items():
        ids = np.random.default_rng(5).choice(n, N_QUERIES, replace=False)
        queries = [f"Name{i:07d}" for i in np.sort(ids)]
        space.nearest(queries[0], k=K, where=where)
        # First the lists of these names come from the disk; then they are in memory.
        for turn in ("warm", "again"):
            seconds, cpu = [], time.process_time()
            for query in queries:
                started = time.perf_counter()
                space.nearest(query, k=K, where=where)
                seconds.append(time.perf_counter() - started)
            figures[f"{turn}_{what}"] = statistics.median(seconds)
            figures[f"{turn}_{what}_worst"] = max(seconds)
            figures[f"{turn}_{what}_cpu"] = (time.process_time() - cpu) / N_QUERIES
        figures[f"recall_{what}"] = recall(space, np.sort(ids), where)
        print(what, figures, file=sys.stderr, flush=True)
    facts = space.info()["indices"]["text"]
    return figures | {"index": facts["factory"], "nprobe": facts["parameters"].get("nprobe")}


def recall(space: Any, ids: np.ndarray, where: str | None) -> float:
    """Share of the exact nearest among those found, by one walk over all allowed rows."""
    from namebasis.index.rows import Rows
    from namebasis.index.tuning import exact_search, measure_recall

    queries = space.vectors(ids=ids)
    allowed = None if where is None else space.ids(where)
    found = space.search(queries, K, where=where)[1]
    kept = np.ones(len(space), bool) if allowed is None else np.isin(np.arange(len(space)), allowed)

    def blocks() -> Iterator[np.ndarray]:
        start = 0
        for block in space._store.blocks("text"):
            here = kept[start : start + len(block)]
            start += len(block)
            if here.any():
                yield block[here]

    truth = exact_search(queries, Rows(int(kept.sum()), DIM, blocks), K)
    return measure_recall(found, np.flatnonzero(kept)[truth])


def metric(path: Path, n: int) -> Figures:
    """Write one metric column of every name."""
    import pyarrow as pa

    import namebasis as nb

    space, figures = nb.open_space(path), {}
    values = np.random.default_rng(3).random(n).astype(np.float32)
    table = pa.table({"id": pa.array(np.arange(n)), "score": pa.array(values)})
    with clock(figures, "metric"):
        space.add_metrics(table, study="benchmark", parameters={})
    return figures


def check(path: Path, n: int) -> Figures:
    """Read every byte again, with progress."""
    import namebasis as nb

    calls: list[float] = []
    space, figures = nb.open_space(path), {}
    with clock(figures, "check"):
        found = space.check(progress=lambda *_: calls.append(time.perf_counter()))
    gaps = np.diff(calls)
    return figures | {"calls": len(calls), "gap": float(gaps.max(initial=0)), "found": str(found)}


def add(path: Path, n: int, n_adds: int = N_ADDS) -> Figures:
    """Time small adds; resumes where an earlier run stopped."""
    if not (before := path.with_name(BEFORE)).exists():
        shutil.copytree(path, before, copy_function=os.link)
    from _synthetic import SyntheticEncoder, synthetic_names

    import namebasis as nb
    from namebasis.namespace.building.build import add_names
    from namebasis.namespace.corpus.names import Names

    encoder = SyntheticEncoder(DIM)
    space = nb.open_space(path)
    begun = len(space) - n
    table = synthetic_names(n_adds).table
    fresh = [f"Name{n + i:08d}" for i in range(n_adds)]
    table = table.set_column(0, table.schema.field("name"), [fresh])
    figures, seconds = {}, []
    with clock(figures, "adds"):
        for i in range(begun, n_adds):
            started = time.perf_counter()
            one = Names(table=table.slice(i, 1), dropped=())
            space = add_names(space, one, encoder=encoder)
            seconds.append(time.perf_counter() - started)
            if i % 20 == 0:
                print(i, f"{statistics.mean(seconds[-20:]):.2f} s", file=sys.stderr, flush=True)
    figures |= {"add": statistics.median(seconds), "add_worst": max(seconds)}
    figures |= {"add_cpu": figures["adds_cpu"] / len(seconds), "n_adds": n_adds}
    return figures | {"pieces": len(space._store.dataset.get_fragments())}


def counts(path: Path, n: int) -> Figures:
    """Ask who shares pieces with whom after the adds: of one name, of all, and by a filter."""
    import lance  # noqa: F401

    import namebasis as nb

    columns, figures = ["piece_names", "same_pieces"], {}
    asked = {
        "counts_one": lambda space: space.table(columns, ids=[n // 2]),
        "counts_all": lambda space: space.table(columns),
        "counts_filter": lambda space: space.ids("same_pieces > 0"),
    }
    for key, ask_for in asked.items():
        space = nb.open_space(path)
        with clock(figures, key):
            ask_for(space)
    return figures


def once(path: Path, n: int) -> Figures:
    """Open, first filtered question and later ones, of files that are in memory."""
    import faiss  # noqa: F401
    import lance  # noqa: F401

    import namebasis as nb
    import namebasis.space

    figures: Figures = {}
    with clock(figures, "open"):
        space = nb.open_space(path)
    with clock(figures, "first"):
        space.nearest("Name0000042", k=K, where=FILTERS["half"])
    ids = np.random.default_rng(5).choice(n, N_EACH, replace=False)
    for what, where in {"all": None, **FILTERS}.items():
        with clock(figures, f"warm_{what}"):
            for i in ids:
                space.nearest(f"Name{i:07d}", k=K, where=where)
        for key in (f"warm_{what}", f"warm_{what}_cpu"):
            figures[key] /= N_EACH
    return figures


def turns(path: Path, n: int) -> Figures:
    """Ask the space as it was before the adds and as it is, in turn, in fresh processes."""
    found: dict[str, list[Figures]] = {"before": [], "after": []}
    for _ in range(N_TURNS):
        for which, space in (("before", path.with_name(BEFORE)), ("after", path)):
            command = [sys.executable, __file__, "once", str(space), str(n), "0"]
            done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
            found[which].append(json.loads(done.stdout.splitlines()[-1]))
    return {**found, "load": found["after"][-1]["load"]}


STEPS: dict[str, Callable[[Path, int], Figures]] = {
    "build": build,
    "ask": ask,
    "metric": metric,
    "check": check,
    "add": add,
    "counts": counts,
    "turns": turns,
}


def run(folder: Path, n: int, n_adds: int = N_ADDS) -> dict[str, Figures]:
    """Run every step that has left no figures yet, each in a fresh process."""
    folder.mkdir(parents=True, exist_ok=True)
    notes = folder / "figures.json"
    found: dict[str, Figures] = json.loads(notes.read_text()) if notes.exists() else {}
    for step in STEPS:
        if step in found:
            continue
        command = [sys.executable, __file__, step, str(folder / "a.space"), str(n), str(n_adds)]
        done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
        found[step] = json.loads(done.stdout.splitlines()[-1])
        notes.write_text(json.dumps(found, indent=1))
    return found


def table(found: dict[str, Figures], n: int) -> None:
    """Print each bar with its figure."""
    build, ask, asked = found["build"], found["ask"], found["turns"]
    written, checked, adds = found["metric"], found["check"], found["add"]

    def row(what: str, bar: str, figure: str, step: Figures) -> None:
        print(f"| {what} | {bar} | {figure} | {step['load']:.1f} |")

    print(f"{n:,} names × {DIM}; index {ask['index']}, {ask['nprobe']} lists probed.\n")
    print("| what | bar | measured | load |\n| --- | --- | --- | --: |")
    row(
        "build, min",
        "< 25",
        f"{build['build'] / 60:.1f} (CPU {build['build_cpu'] / 60:.1f})",
        build,
    )
    row("peak memory of the build, GB", "< 6", f"{build['peak_mb'] / 1e3:.1f}", build)
    row("on disk, GB", "–", f"{build['bytes'] / 1e9:.1f}", build)
    row("open, s", "< 0.2", f"{ask['open']:.2f}", ask)
    row(
        "first filtered `nearest`, s",
        "< 1",
        f"{ask['first']:.2f} (CPU {ask['first_cpu']:.2f})",
        ask,
    )
    for what, said in (("all", "no filter"), *FILTERS.items()):
        for turn, which in (("warm", "lists on the disk"), ("again", "the same names again")):
            cpu = ask[f"{turn}_{what}_cpu"] * 1e3
            figure = f"{ask[f'{turn}_{what}'] * 1e3:.0f} (CPU {cpu:.0f})"
            row(f"warm `nearest`, {said}, {which}, ms", "< 50", figure, ask)
        row(f"recall@10, {said}", "≥ 0.95", f"{ask[f'recall_{what}']:.3f}", ask)
    row(
        "metric column, s",
        "< 30",
        f"{written['metric']:.1f} (CPU {written['metric_cpu']:.1f})",
        written,
    )
    row(
        "`info --check`, s",
        "–",
        f"{checked['check']:.0f} (CPU {checked['check_cpu']:.0f})",
        checked,
    )
    row("longest time without progress, s", "–", f"{checked['gap']:.1f}", checked)
    row(
        "one small add, s",
        "–",
        f"{adds['add']:.2f}, slowest {adds['add_worst']:.1f} (CPU {adds['add_cpu']:.2f})",
        adds,
    )
    counted = found["counts"]
    for key, said in (("one", "of one name"), ("all", "of all names"), ("filter", "in a filter")):
        figure = f"{counted[f'counts_{key}']:.2f} (CPU {counted[f'counts_{key}_cpu']:.2f})"
        row(f"shared pieces {said}, counted after the adds, s", "–", figure, counted)
    for key, said in (
        ("open", "open"),
        ("first", "first question"),
        ("warm_all", "warm question"),
        ("warm_half", "warm, half of the names allowed"),
        ("warm_hundredth", "warm, a hundredth allowed"),
    ):
        figure = f"{_ratio(asked, f'{key}_cpu')} of the CPU; {_ratio(asked, key)} of the time"
        row(f"{said} after {adds['n_adds']:,} adds", "≤ 1.2 ×", figure, asked)


def _ratio(asked: Figures, key: str) -> str:
    """Median after to median before, and the spread of the ratios of single turns."""
    before, after = ([one[key] for one in asked[which]] for which in ("before", "after"))
    each = [b / a for a, b in zip(before, after, strict=True)]
    middle = statistics.median(after) / statistics.median(before)
    return f"{middle:.2f} × ({min(each):.2f} to {max(each):.2f})"


def main() -> None:
    step, path, n, n_adds = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:5])
    steps = {**STEPS, "once": once, "add": partial(add, n_adds=n_adds)}
    figures = steps[step](path, n)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
