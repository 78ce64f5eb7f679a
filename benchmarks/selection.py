"""Are chosen names better than random ones? Numbers of docs/benchmarks.md, section select.

python benchmarks/selection.py quality my.space      # cover and span, held-out names, three seeds
python benchmarks/selection.py quality vectors.npy   # the same of any rows
python benchmarks/selection.py quality my.space --quick    # the first seed alone
python benchmarks/selection.py readings my.space     # axes and low-bias in unseen templates
python benchmarks/selection.py low-bias my.space 64  # 64 such names, on seeds that set nothing
python benchmarks/selection.py scale 67000 500       # seconds and memory of cover
python benchmarks/selection.py scale 67000 500 span
python benchmarks/selection.py scale 1000000 500 cover my.space    # its rows, moved at random
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

import namebasis as nb
from namebasis.analysis.select.room import Limits, Room
from namebasis.analysis.select.rows import OBJECTIVES, choose, directions, select_rows
from namebasis.checks import FloatArray
from namebasis.studies.select.checks import code_cosine

N, N_ROWS, N_RANDOM, SEEDS = 64, 2400, 20, (0, 1, 2)
FRESH = (20, 21, 22)
"""Seeds that were run once, after all of `low-bias` was set."""
GRID = ("age=4", "gender=2", "region=Western Europe|Africa|East Asia|South Asia|Latin America")


def rows_of(source: str) -> FloatArray:
    """Unit rows of a space or of a file."""
    if not source.endswith(".npy"):
        return nb.open_space(source).vectors()
    rows = np.load(source).astype(np.float32)
    rows = rows.T if rows.shape[0] < rows.shape[1] and rows.shape[0] in (512, 768) else rows
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def quality(source: str, seeds: tuple[int, ...] = SEEDS) -> None:
    """Mean centred cosine of codes of 4 on a held-out quarter; the choice sees the others."""
    every = rows_of(source)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(every))[:N_ROWS]
        held_out, seen = order[: len(order) // 4], order[len(order) // 4 :]
        mean = every[seen].mean(axis=0)
        rows, wanted = directions(every[seen] - mean), directions(every[held_out] - mean)
        random = [
            code_cosine(rows[rng.choice(len(rows), N, replace=False)], wanted)
            for _ in range(N_RANDOM)
        ]
        told = f"seed {seed}: random {np.mean(random):.4f}"
        for objective in OBJECTIVES:
            began = time.process_time()
            free = Room(Limits(np.ones(len(rows), bool)))
            chosen = choose(rows, np.arange(len(rows)), N, free, objective=objective, seed=seed)
            seconds = time.process_time() - began
            own = code_cosine(rows[chosen.rows], wanted)
            gain = own - np.mean(random, axis=0)
            spread = np.sqrt(
                gain.var(ddof=1) / len(gain) + np.mean(random, axis=1).var(ddof=1) / N_RANDOM
            )
            told += (
                f"; {objective} {own.mean():.4f}, gain {gain.mean():.4f} "
                f"({gain.mean() - 1.96 * spread:.4f} to {gain.mean() + 1.96 * spread:.4f}), "
                f"{seconds:.1f} CPU s"
            )
        print(told, flush=True)


def readings(source: str) -> None:
    """Cells that keep their names, and |z| of names without bias, in unseen templates."""
    space = nb.open_space(source)
    for seed in SEEDS:
        found = space.select(200, objective="axes", axes=GRID, seed=seed)
        could = sum(cell.n_could > 0 for cell in found.cells)
        filled = sum(cell.n_chosen > 0 for cell in found.cells)
        kept = found.checks[0]
        print(
            f"seed {seed}: {len(found)} names, {filled} of {could} cells that could be filled "
            f"({len(found.cells)} in all); keeps its cell {kept.value:.3f} ({kept.low:.3f} to "
            f"{kept.high:.3f}), random names {kept.random:.3f}", flush=True,
        )  # fmt: skip
        low_bias(source, N, (seed,))


def low_bias(source: str, n: int, seeds: tuple[int, ...] = FRESH) -> None:
    """Mean |z| over all axes of names without bias, in unseen templates."""
    space = nb.open_space(source)
    for seed in seeds:
        low = space.select(n, objective="low-bias", seed=seed).checks[1]
        print(
            f"seed {seed}: {n} low-bias of {len(space):,} names, mean |z| {low.value:.3f} "
            f"({low.low:.3f} to {low.high:.3f}), made-up names {low.random:.3f}, ratio "
            f"{low.value / low.random:.3f}", flush=True,
        )  # fmt: skip


def moved_rows(source: str, n_rows: int) -> FloatArray:
    """Rows of a space drawn at random, each moved by noise of half their standard deviations."""
    real = nb.open_space(source).vectors()
    rng = np.random.default_rng(0)
    values, axes = np.linalg.eigh(np.cov(real.T))
    root = (axes * np.sqrt(np.maximum(values, 0)) / 2).astype(np.float32)
    rows = np.empty((n_rows, real.shape[1]), np.float32)
    for start in range(0, n_rows, 50_000):
        part = rows[start : start + 50_000]
        noise = rng.standard_normal(part.shape).astype(np.float32) @ root.T
        part[:] = real[rng.integers(0, len(real), len(part))] + noise
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def made_rows(n_rows: int, dim: int) -> FloatArray:
    """Made-up rows with a falling spectrum."""
    rng = np.random.default_rng(0)
    rank = 60
    mixed = rng.standard_normal((rank, dim)).astype(np.float32)
    falling = np.linspace(2, 0.2, rank, dtype=np.float32)
    rows = np.empty((n_rows, dim), np.float32)
    for start in range(0, n_rows, 50_000):
        part = rows[start : start + 50_000]
        part[:] = (rng.standard_normal((len(part), rank)).astype(np.float32) * falling) @ mixed
        part += 1.5 * rng.standard_normal(part.shape).astype(np.float32)
    return rows


def scale(n_rows: int, n: int, objective: str = "cover", source: str = "") -> None:
    """Seconds and memory of a choice."""
    rows = moved_rows(source, n_rows) if source else made_rows(n_rows, 384)
    began, cpu = time.perf_counter(), time.process_time()
    select_rows(rows, n, objective=objective)
    print(
        f"{objective}: {n} of {n_rows:,} × {rows.shape[1]}: {time.perf_counter() - began:.1f} s, "
        f"{time.process_time() - cpu:.1f} CPU s, "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB"
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["quality", source] if Path(source).exists():
            quality(source)
        case ["quality", source, "--quick"] if Path(source).exists():
            quality(source, SEEDS[:1])
        case ["readings", source]:
            readings(source)
        case ["scale", n_rows, n, *more]:
            scale(int(n_rows), int(n), *more)
        case ["low-bias", source, n]:
            low_bias(source, int(n))
        case _:
            sys.exit(__doc__)
