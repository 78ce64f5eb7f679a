"""Change one token of the package at random and see whether the module's own tests notice.

    python benchmarks/mutate.py --n 60 --seed 0 --rooms index encoders validation

A change is one comparison, operator, `and`/`or` or number outside of strings, annotations of
`Literal` and defaults included. Each is made in a copy of the checkout and run against
``tests/ROOM/test_MODULE.py``. What survives is printed as a line to look at: it is a gap in the
tests, or a change that changes nothing (a chunk size, a branch that gives the same). mutmut and
cosmic-ray go through every change of a module; this takes a sample over many.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[1]
SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+",
    "*": "/", "/": "*", "//": "*", "%": "*", "and": "or", "or": "and", "+=": "-=", "-=": "+=",
    "True": "False", "False": "True",
}  # fmt: skip


def changes(source: str) -> list[tuple[int, int, str, str]]:
    """Line, column, old and new text of every change that can be made."""
    found = []
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        old = token.string
        new = SWAPS.get(old)
        if token.type == tokenize.NUMBER and old.isdigit():
            new = str(int(old) + 1)
        # A star or sign that is no operator: `*, option`, `**kwargs`, `-1`.
        unary = old in ("*", "-", "+") and (before in ("", "(", "[", ",", "=", ":", "return"))
        if new is not None and not unary:
            found.append((token.start[0], token.start[1], old, new))
        before = old
    return found


def modules(rooms: list[str]) -> list[tuple[Path, Path]]:
    """Modules of some rooms with the tests that are theirs by name."""
    pairs = []
    for room in rooms:
        for module in sorted((ROOT / "namebasis" / room).glob("*.py")):
            test = ROOT / "tests" / room / f"test_{module.stem}.py"
            if test.exists():
                pairs.append((module.relative_to(ROOT), test.relative_to(ROOT)))
    return pairs


def verdict(copy: Path, test: Path, seconds: int) -> str:
    """Whether the tests in a copy of the checkout see its change."""
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(test)]
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=copy, capture_output=True, timeout=seconds, check=False,
            env={**os.environ, "PYTHONPATH": str(copy)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "seen (time)"
    return "survived" if done.returncode == 0 else "seen"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=int, default=120, help="seconds for one run of tests")
    parser.add_argument("--rooms", nargs="+", default=["analysis", "index", "encoders"])
    parser.add_argument("--skip", nargs="*", default=[], help="modules to leave out, by stem")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    pairs = [pair for pair in modules(options.rooms) if pair[0].stem not in options.skip]
    counts = {"seen": 0, "seen (time)": 0, "survived": 0}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("namebasis", "tests"):
            shutil.copytree(ROOT / part, copy / part)
        shutil.copy(ROOT / "pyproject.toml", copy)
        for turn in range(options.n):
            module, test = rng.choice(pairs)
            source = (ROOT / module).read_text(encoding="utf-8")
            line, column, old, new = rng.choice(changes(source))
            lines = source.splitlines(keepends=True)
            text = lines[line - 1]
            lines[line - 1] = text[:column] + new + text[column + len(old) :]
            (copy / module).write_text("".join(lines), encoding="utf-8")
            found = verdict(copy, test, options.timeout)
            (copy / module).write_text(source, encoding="utf-8")
            counts[found] += 1
            print(
                f"{turn + 1:3d} {found:11s} {module}:{line} {old} → {new}   {text.strip()}",
                flush=True,
            )
    print(", ".join(f"{count} {what}" for what, count in counts.items()))


if __name__ == "__main__":
    main()
