"""Single pictures near a target, beside bare FAISS on the same vectors: seconds and memory.

Run: python benchmarks/near_pictures.py [--pictures 100000] [--dim 512] [--rounds 40]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Build a space with given vectors, ask it and FAISS in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("-k", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), asked.pictures, asked.dim, asked.rounds, asked.k)


def measure(folder: Path, n: int, dim: int, rounds: int, k: int) -> None:
    """Time both in turn, round after round, so that the load of the machine falls on both."""
    import faiss

    import namebasis as nb

    rng = np.random.default_rng(0)
    names = [
        f"Name{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}{'x' * (i // 676)}" for i in range(900)
    ]
    space = nb.build_space(names, folder / "a.space", vectors=units(rng, len(names), dim))
    vectors = units(rng, n, dim)
    table = folder / "pictures.csv"
    owners = [names[i % len(names)] for i in range(n)]
    lines = (f"{i}.jpg,{name}" for i, name in enumerate(owners))
    table.write_text("file_name,name\n" + "\n".join(lines))
    start = time.process_time()
    space, _ = space.add_images(table, vectors=vectors)
    print(f"added in {time.process_time() - start:.1f} s of CPU")
    start = time.process_time()
    space.nearest(vectors[0], k, pictures=True)
    print(f"first question, which builds the index: {time.process_time() - start:.1f} s of CPU")
    bare = faiss.IndexFlatIP(dim)
    bare.add(vectors)
    for batch in (1, 32):
        queries = [units(rng, batch, dim) for _ in range(rounds)]
        ratios, own = [], []
        for turn, query in enumerate(queries):
            target = query[0] if batch == 1 else query
            ways = [
                lambda target=target: space.nearest(target, k, pictures=True).pictures,
                lambda query=query: bare.search(query, k)[1].ravel(),
            ]
            seconds, found = [0.0, 0.0], [np.empty(0), np.empty(0)]
            for way in (turn % 2, 1 - turn % 2):  # each is first in half of the rounds
                start = time.perf_counter()
                found[way] = ways[way]()
                seconds[way] = time.perf_counter() - start
            assert found[0].tolist() == found[1].tolist()
            ratios.append(seconds[0] / seconds[1])
            own.append(seconds[0])
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        print(
            f"{batch} target(s): {1000 * np.median(own):.1f} ms, {middle:.3f} times bare FAISS "
            f"(quartiles {low:.3f} to {high:.3f}, {rounds} rounds)"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB, the vectors alone {vectors.nbytes / 1e6:.0f} MB")


def units(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    """Random unit rows."""
    rows = rng.standard_normal((n, dim), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
