"""Diffusion spectral entropy beside the published algorithm, in one run.

    python benchmarks/entropy.py [--rows N] [--quick]
    python benchmarks/entropy.py --scale docs/entropy-scale.png    # 1,000 to 1,000,000 rows

The published algorithm is written here as it is described: dense kernel, all eigenvalues, float64.
Every size of `--scale` runs in a process of its own (`--one N`), whose peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _synthetic import SyntheticEncoder
from _timing import REPEATS, interleaved
from scipy.linalg import eigvalsh
from scipy.spatial.distance import pdist, squareform

from namebasis.analysis.shape.entropy import entropy_report


def published(rows: np.ndarray, bandwidth: float) -> float:
    """Entropy in bits of the spectrum of D^(-1/2) G D^(-1/2)."""
    affinity = np.exp(squareform(pdist(rows.astype(np.float64))) ** 2 / (-2 * bandwidth**2))
    root = 1 / np.sqrt(affinity.sum(axis=1))
    shares = np.abs(eigvalsh(affinity * root[:, None] * root))
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log2(shares)).sum())


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 100_000, 1_000_000)
COLOURS = {"exact": "#4477aa", "stochastic": "#ee6677", "sparse": "#228833"}


def cloud(n: int) -> np.ndarray:
    rows = np.empty((n, 384), np.float32)
    for start in range(0, n, 50_000):
        part = rows[start : start + 50_000]
        part[:] = SyntheticEncoder(384).encode_names([f"Name{start}"] * len(part), "{}")
    return rows


def one(n: int) -> None:
    """Measure one size with the method that `auto` picks; one line of JSON."""
    rows = cloud(n)
    before, clock, cpu = peak_gb(), time.perf_counter(), time.process_time()
    report = entropy_report(rows)
    facts = {
        "n": n,
        "method": report.method,
        "bits": report.bits,
        "error": report.standard_error,
        "recall": report.recall,
        "seconds": time.perf_counter() - clock,
        "cpu": time.process_time() - cpu,
        "rows_gb": rows.nbytes / 1e9,
        "before_gb": before,
        "peak_gb": peak_gb(),
    }
    print(json.dumps(facts))


def scale(target: Path, sizes: tuple[int, ...] = SIZES) -> None:
    """Table of time and memory by size, and their plot."""
    found = []
    print("| n × 384 | method | bits | recall | seconds | CPU seconds | peak GB |")
    print("|---|---|---|---|---|---|---|")
    for n in sizes:
        words = [sys.executable, __file__, "--one", str(n)]
        done = subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE)
        facts = json.loads(done.stdout)
        found.append(facts)
        recall = "–" if facts["recall"] is None else f"{facts['recall']:.2f}"
        print(
            f"| {n:,} | {facts['method']} | {facts['bits']:.3f} ± {facts['error']:.4f} | {recall} "
            f"| {facts['seconds']:.1f} | {facts['cpu']:.1f} | {facts['peak_gb']:.2f} |",
            flush=True,
        )
    plot(found, target)


def plot(found: list[dict], target: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), dpi=110, layout="constrained")
    for axis, key, label in zip(axes, ("cpu", "peak_gb"), ("CPU seconds", "peak GB"), strict=True):
        for method, colour in COLOURS.items():
            own = [facts for facts in found if facts["method"] == method]
            axis.plot(
                [f["n"] for f in own], [f[key] for f in own], "o-", color=colour, label=method
            )
        axis.set(xscale="log", yscale="log", xlabel="names × 384", ylabel=label)
        axis.grid(alpha=0.25)
    axes[0].legend(frameon=False)
    figure.savefig(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 rows")
    parser.add_argument("--rows", type=int, default=5_000, help="that both algorithms are given")
    parser.add_argument("--scale", type=Path, metavar="PNG", help="time and memory by size")
    parser.add_argument("--one", type=int, metavar="N", help="one size of --scale")
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one)
        return
    if arguments.scale:
        if arguments.quick:
            with tempfile.TemporaryDirectory() as folder:
                scale(Path(folder) / "plot.png", SIZES[:2])
        else:
            scale(arguments.scale)
        return
    print("| n × 384 | published algorithm | stochastic | difference | ratio |")
    print("|---|---|---|---|---|")
    n = 1_000 if arguments.quick else arguments.rows
    rows = SyntheticEncoder(384).encode_names(["Name0"] * n, "{}")
    report = entropy_report(rows, method="stochastic")
    values: list[float] = []
    race = interleaved(
        lambda: entropy_report(rows, method="stochastic"),
        lambda: values.append(published(rows, report.bandwidth)),
        1 if arguments.quick else REPEATS, warm=False,
    )  # fmt: skip
    print(
        f"| {n:,} | {values[0]:.4f} bits, {race.peer.spread().told('.1f', ' s')} | "
        f"{report.bits:.4f} ± {report.standard_error:.4f} bits, "
        f"{race.ours.spread().told('.2f', ' s')} | {report.bits - values[0]:+.4f} bits | "
        f"{race.ratio().told('.0f', '×')} |"
    )


if __name__ == "__main__":
    main()
