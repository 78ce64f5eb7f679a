"""How often the product's intervals hold the truth, by simulation; see `_coverage` for designs.

Each design is drawn 1,000 times (`--times`). The table gives, of every interval and n, the least
and the median coverage over designs that the interval promises to hold, the design of the least,
and in how many designs an interval was given in fewer than all draws. Designs past the promise
follow in a table of their own.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import numpy as np
from _coverage import cells, simulate


def one(place: int, times: int) -> tuple[int, int]:
    return simulate(list(cells())[place], times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 draws each")
    parser.add_argument("--times", type=int, default=1000)
    options = parser.parse_args()
    times = 20 if options.quick else options.times
    every = list(cells())
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(one, range(len(every)), repeat(times), chunksize=4))
    held, past = defaultdict(list), []
    for cell, (hits, there) in zip(every, found, strict=True):
        share = hits / there if there else float("nan")
        if cell.bar is None:
            past.append((cell, share))
        else:
            held[cell.interval, cell.n].append((share, cell.design, there < times))
    print("| interval | n | designs | least | of | median | not always given |")
    print("|---|---|---|---|---|---|---|")
    for (interval, n), rows in held.items():
        told = [row for row in rows if row[0] == row[0]]
        least = min(told)
        print(
            f"| {interval} | {n} | {len(rows)} | {least[0]:.3f} | {least[1]} | "
            f"{np.median([row[0] for row in told]):.3f} | {sum(row[2] for row in rows)} |"
        )
    print("\n| past the promise | design | coverage at n |\n|---|---|---|")
    lines = defaultdict(list)
    for cell, share in past:
        lines[cell.interval, cell.design].append(f"{cell.n}: {share:.3f}")
    for (interval, design), texts in lines.items():
        print(f"| {interval} | {design} | {' · '.join(texts)} |")
    print(f"\n{times:,} draws of each design.")


if __name__ == "__main__":
    main()
