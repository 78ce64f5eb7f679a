"""Diffusion spectral entropy beside the published algorithm, in one run.

    python benchmarks/entropy.py [--quick] [--sparse 1000000]

The published algorithm is written here as it is described: dense kernel, all eigenvalues, float64.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from _synthetic import SyntheticEncoder
from scipy.linalg import eigvalsh
from scipy.spatial.distance import pdist, squareform

from namebasis.analysis.entropy import entropy_report


def published(rows: np.ndarray, bandwidth: float) -> float:
    """Entropy in bits of the spectrum of D^(-1/2) G D^(-1/2)."""
    affinity = np.exp(squareform(pdist(rows.astype(np.float64))) ** 2 / (-2 * bandwidth**2))
    root = 1 / np.sqrt(affinity.sum(axis=1))
    shares = np.abs(eigvalsh(affinity * root[:, None] * root))
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log2(shares)).sum())


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 rows instead of 10,000")
    parser.add_argument("--sparse", type=int, help="time the sparse kernel at so many rows alone")
    arguments = parser.parse_args()
    if arguments.sparse or not arguments.quick:
        n = arguments.sparse or 20_000
        rows = SyntheticEncoder(384).encode_names(["Name0"] * n, "{}")
        start = time.perf_counter()
        report = entropy_report(rows, method="sparse" if arguments.sparse else "stochastic")
        print(
            f"{report.method} n {n:,}: {report.bits:.4f} ± {report.standard_error:.4f} bits, "
            f"{time.perf_counter() - start:.1f} s, peak {peak_gb():.2f} GB"
        )
    if arguments.sparse:
        return
    n = 1_000 if arguments.quick else 10_000
    rows = SyntheticEncoder(384).encode_names(["Name0"] * n, "{}")
    times, reports = [], []
    for seed in range(3):
        start = time.perf_counter()
        reports.append(entropy_report(rows, method="stochastic", seed=seed))
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    # Every seed samples its own bandwidth; the published algorithm is given the first.
    value = published(rows, reports[0].bandwidth)
    seconds = time.perf_counter() - start
    print(f"published  n {n:,}: {value:.4f} bits, {seconds:.1f} s")
    print(
        f"stochastic n {n:,}: {reports[0].bits:.4f} ± {reports[0].standard_error:.4f} bits, "
        f"{min(times):.2f} s (best of 3), off by {reports[0].bits - value:+.4f} bits, "
        f"{seconds / min(times):.0f} times faster"
    )


if __name__ == "__main__":
    main()
