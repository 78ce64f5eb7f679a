"""Seconds of every command before and after: two checkouts, one input, runs that take turns."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _timing import REPEATS, Spread

import namebasis as nb

START = "import namebasis.cli as c; c.main()"


def both(*words: str) -> tuple[list[str], list[str]]:
    """A command that is written alike before and after."""
    return list(words), list(words)


COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "--help": both("--help"),
    "info": both("info", "a.space"),
    "nearest, stored": both("nearest", "a.space", "Anna"),
    "nearest, a text": both("nearest", "a.space", "a senior lady"),
    "nearest, refused --where": both("nearest", "a.space", "Anna", "--where", "colour = 1"),
    "export": both("export", "a.space", "-", "--limit", "100"),
    "build, 300 names": both("build", "b.space", "more.txt", "--templates", "person"),
    "basis": both("basis", "a.space", "Anna", "-n", "3"),
    "paint": both("paint", "a.space", "a senior lady", "-n", "2"),
    "paint, refused --syntax": both("paint", "a.space", "Anna", "--syntax", "x"),
    "score, one axis": both("score", "a.space", "Anna", "--axis", "gender"),
    "walk": both("walk", "a.space", "age"),
    "card": both("card", "a.space", "Anna"),
    "topology": both("topology", "a.space", "--no-shape"),
    "entropy": (
        ["entropy", "a.space", "--draws", "3"], ["entropy", "a.space", "--n-null", "3"],
    ),
    "formation, refused run": both("formation", "none"),
    "validate generate, refused pipeline": both(
        "validate", "generate", "a.space", "p", "Anna", "--pipeline", "diffusers:empty"
    ),
    "list": ([], ["list", "."]),
    "explain": ([], ["explain", "hold"]),
}  # fmt: skip
"""Words before and after; none where there was no such command, which the table shows as –.
Those that are refused say so, and the others must not be.
"""


def run(checkout: Path, words: Sequence[str], place: Path) -> tuple[float, float, int]:
    """CPU and wall seconds of a command of a checkout, and its exit code."""
    own = {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", START, *words], cwd=place, env={**os.environ, **own},
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if "Traceback" in (said := done.stderr.decode(errors="replace")):
        raise RuntimeError(f"{checkout}: {' '.join(words)} failed: {said[-300:]}")
    return cpu, wall, done.returncode


def prepared(checkout: Path, place: Path, names: Sequence[str]) -> Path:
    """A folder with a space that the checkout built, as formats differ."""
    (place / "empty").mkdir(parents=True)
    (place / "names.txt").write_text("\n".join(names), encoding="utf-8")
    (place / "more.txt").write_text("\n".join(names[-300:]), encoding="utf-8")
    words = ["build", "a.space", "names.txt", "--templates", "person", "-q"]
    if run(checkout, words, place)[2]:
        raise RuntimeError(f"{checkout} did not build a space")
    return place


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, nargs="?", help="a checkout of an earlier commit")
    parser.add_argument("--quick", action="store_true", help="60 names, one run each")
    parser.add_argument("--after", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--names", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    asked = parser.parse_args()
    if asked.quick:
        asked.names, asked.repeats = 60, 1
    checkouts = [asked.before and asked.before.resolve(), asked.after.resolve()]
    distinct = dict.fromkeys(["Anna", *nb.read_names("faker").table["name"].to_pylist()])
    names = list(distinct)[: asked.names]
    head = ["CPU s", "wall s"] if asked.before is None else [
        "CPU s before", "after", "wall s before", "after"]  # fmt: skip
    print(f"| command | {' | '.join(head)} |\n|---|{'---|' * len(head)}")
    with tempfile.TemporaryDirectory() as folder:
        places = [
            checkout and prepared(checkout, Path(folder) / str(number), names)
            for number, checkout in enumerate(checkouts)
        ]
        for label, both in COMMANDS.items():
            times: list[list[tuple[float, float, int]]] = [[], []]
            for _ in range(asked.repeats):
                for side, words in enumerate(both):
                    if words and checkouts[side]:
                        shutil.rmtree(places[side] / "b.space", ignore_errors=True)
                        took = run(checkouts[side], words, places[side])
                        if bool(took[2]) is not ("refused" in label):
                            raise RuntimeError(f"{' '.join(words)} ended with {took[2]}")
                        times[side].append(took)
            cells = [
                Spread.of([one[what] for one in side]).told() if side else "–"
                for what in (0, 1)
                for side in (times[1:] if asked.before is None else times)
            ]
            print(f"| {label} | {' | '.join(cells)} |", flush=True)
    print(f"\nMedians of {asked.repeats} runs in turn, {asked.names:,} names, minilm, 1 thread.")


if __name__ == "__main__":
    main()
