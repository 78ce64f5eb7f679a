"""What `card --deep` takes: the first of a space, which measures what all share, and later ones.

    python benchmarks/card.py            # 5,000 names of the packaged table, minilm
    python benchmarks/card.py --quick    # a smoke run of 300 names

Whole processes, as many threads as PyTorch takes by itself. What a first card measures of the
space (null names, phrases, contexts) is kept beside its indices; the space is copied before each
first card, so that nothing is kept from the one before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from _timing import in_turn

import namebasis as nb

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as an installed package is
BAR = 10


def card(space: Path, name: str) -> None:
    """The card of a name, by a process of its own."""
    words = [sys.executable, "-m", "namebasis", "card", str(space), name, "--deep"]
    subprocess.run(words, check=True, capture_output=True)


def first(built: Path, name: str) -> None:
    """The first card of a space."""
    copy = built.with_name("first.space")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(built, copy)
    card(copy, name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run of 300 names")
    quick = parser.parse_args().quick
    n, runs = (300, 1) if quick else (5_000, 3)
    with tempfile.TemporaryDirectory() as folder:
        built, warm = Path(folder) / "built.space", Path(folder) / "warm.space"
        names = nb.read_names("us").select(limit=n)
        space = nb.build_space(names, built)
        given = space.table(["name"], where="part = 'given'")["name"].to_pylist()
        shutil.copytree(built, warm)
        card(warm, given[-1])  # measures what all share
        others = iter(given)  # a name is measured once and kept
        works = {
            "the first of a space": partial(first, built, given[0]),
            "each later one": lambda: card(warm, next(others)),
        }
        times = in_turn(works, runs, warm=False)
    print("| `card --deep` | seconds | CPU seconds | bar, seconds |\n|---|--:|--:|--:|")
    for label, spent in times.items():
        print(f"| {label} | {spent.spread().told('.1f')} | {spent.spread('cpu').told('.1f')} "
              f"| < {BAR} |")  # fmt: skip
    print(f"\n{len(space):,} names, minilm, {runs} whole processes each, in turn.")


if __name__ == "__main__":
    main()
