"""What a user waits for before anything happens: whole processes, medians over runs."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from _timing import in_turn

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as an installed package is


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two runs each")
    runs = 2 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "names.txt"
        names.write_text("vicki\nwinona\nroger\nbjörk\nkeisha\n", encoding="utf-8")
        space = str(Path(folder) / "my.space")
        command = str(Path(sys.executable).parent / "namebasis")
        subprocess.run([command, "build", space, str(names), "-q"], check=True, capture_output=True)
        asked: dict[str, tuple[list[str], float | None]] = {
            "python -c pass (for comparison)": ([sys.executable, "-c", "pass"], None),
            "namebasis --help": ([command, "--help"], 0.3),
            "namebasis nearest SPACE vicki (stored)": (
                [command, "nearest", space, "vicki", "-k", "3"], 1.5,
            ),
            "namebasis nearest SPACE 'a senior lady' (embedded)": (
                [command, "nearest", space, "a senior lady", "-k", "3"], 1.5,
            ),
        }  # fmt: skip
        works = {
            label: partial(subprocess.run, words, check=True, capture_output=True)
            for label, (words, _) in asked.items()
        }
        times = in_turn(works, runs)  # the run that warms the file cache is not counted
    print("| process | seconds | CPU seconds | bar |\n|---|---|---|---|")
    for label, (_, bar) in asked.items():
        wall, cpu = times[label].spread().told(), times[label].spread("cpu").told()
        print(f"| `{label}` | {wall} | {cpu} | {f'< {bar}' if bar else '–'} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nLargest child process: {peak:,.0f} MB. Bytecode compiled, file cache warm.")


if __name__ == "__main__":
    main()
