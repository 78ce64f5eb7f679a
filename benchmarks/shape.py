"""The shape part of a topology report, step by step: time, CPU time and memory.

    python benchmarks/shape.py [SPACE] [--quick]

Without a space, on 60,000 synthetic rows of 384 columns (2,000 with `--quick`). The graph of
neighbours is made first and not counted: the whole report shares it.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from _synthetic import SyntheticEncoder

from namebasis.analysis.graph.neighbours import KnnGraph, knn_graph
from namebasis.space import open_space
from namebasis.studies.topology.labels import known_labels
from namebasis.studies.topology.shape import measure_shape

Data = tuple[np.ndarray, KnnGraph, list[str], dict[str, list[str | None]]]


def stored(path: Path) -> Data:
    space = open_space(path)
    names = space.table(["name"])["name"].to_pylist()
    return space.vectors(), space.graph(), names, dict(known_labels(space, space.ids(), ()))


def synthetic(n: int) -> Data:
    rows = SyntheticEncoder(384).encode_names(["Name0"] * n, "{}")
    rng = np.random.default_rng(0)
    labels = {"locale": [f"l{code}" for code in rng.integers(0, 80, n)]}
    return rows, knn_graph(rows, 15), [f"Name{i}" for i in range(n)], labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space", nargs="?", type=Path)
    parser.add_argument("--quick", action="store_true")
    wanted = parser.parse_args()
    data = stored(wanted.space) if wanted.space else synthetic(2_000 if wanted.quick else 60_000)
    clock, cpu = time.perf_counter(), time.process_time()
    print(f"{len(data[0]):,} names\n")
    print("| step | seconds | CPU seconds | peak GB |")
    print("|---|---|---|---|")

    def lap(step: str) -> None:
        nonlocal clock, cpu
        wall, work = time.perf_counter(), time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"| {step} | {wall - clock:.1f} | {work - cpu:.1f} | {peak:.2f} |", flush=True)
        clock, cpu = wall, work

    measure_shape(*data, lap=lap)


if __name__ == "__main__":
    main()
