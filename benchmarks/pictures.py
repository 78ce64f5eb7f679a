"""What it costs to add many pictures by vectors that another tool has made."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _synthetic import SyntheticEncoder, synthetic_names

from namebasis.namespace.building.build import build_space
from namebasis.space import open_space

DIM = 512
PER_FILE = 50_000
"""Vectors in each array; clip-retrieval writes up to a million."""


def published(folder: Path, n: int, names: list[str]) -> Path:
    """A folder of `n` pictures as `clip-retrieval inference` writes it after img2dataset."""
    for room in ("img_emb", "metadata"):
        (folder / room).mkdir(parents=True)
    rng = np.random.default_rng(n)
    for at, start in enumerate(range(0, n, PER_FILE)):
        rows = min(PER_FILE, n - start)
        vectors = rng.standard_normal((rows, DIM), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.save(folder / "img_emb" / f"img_emb_{at}.npy", vectors.astype(np.float16))
        keys = [f"{start + row:09d}" for row in range(rows)]
        table = {
            "image_path": keys,
            "caption": [names[one] for one in rng.integers(0, len(names), rows)],
            "url": [f"https://example.org/{key}.jpg" for key in keys],
            "key": keys,
            "status": ["success"] * rows,
        }
        pq.write_table(pa.table(table), folder / "metadata" / f"metadata_{at}.parquet")
    return folder


def measured(space: Path, source: Path) -> dict[str, float]:
    """Add a source in a process of its own: seconds and the peak of its memory."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", str(space), str(source)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_mb() -> float:
    """Peak of the resident memory of this process; getrusage would tell its parent's too."""
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def child(place: Path, source: Path) -> None:
    """Open a space, add the source, and say what that took beyond opening."""
    space = open_space(place)
    space.find_all(["nobody"])  # whatever is loaded once
    before, high = resource.getrusage(resource.RUSAGE_SELF), peak_mb()
    started = time.perf_counter()
    _, added = space.add_images(source, encoder=space.provenance.encoder)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {"n": added.n_added, "wall": seconds, "cpu": cpu, "before": high, "peak": peak_mb()}
    print(json.dumps(told))


def ready_vectors(folder: Path, sizes: list[int], n_names: int) -> None:
    corpus = synthetic_names(n_names)
    names = corpus.table["name"].to_pylist()
    print(f"`add --images` of clip-retrieval's vectors ({DIM} float16, with their metadata) to a "
          f"space of {n_names:,} names:\n")  # fmt: skip
    print("| pictures | wall, s | CPU, s | vectors as float32, MB | peak before, MB | peak, MB |")
    print("|---|---|---|---|---|---|")
    for n in sizes:
        place = folder / f"{n}.space"
        build_space(corpus, place, encoder=SyntheticEncoder(DIM), templates="plain")
        took = measured(place, published(folder / f"{n}", n, names))
        if took["n"] != n:
            raise SystemExit(f"{took['n']:,.0f} of {n:,} pictures were added.")
        print(f"| {n:,} | {took['wall']:.1f} | {took['cpu']:.1f} | {n * DIM * 4 / 2**20:.0f} "
              f"| {took['before']:.0f} | {took['peak']:.0f} |", flush=True)  # fmt: skip
    print("\nBar: 100,000 in under 60 s, and a peak that does not grow with the vectors.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="A smoke run.")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    sizes = [2_000, 4_000] if options.quick else [25_000, 100_000, 400_000]
    with tempfile.TemporaryDirectory() as folder:
        ready_vectors(Path(folder), sizes, 1_000 if options.quick else 20_000)


if __name__ == "__main__":
    main()
