"""What a user waits for before anything happens: whole processes, medians over runs."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def median_seconds(words: list[str], runs: int) -> float:
    times = []
    for _ in range(runs + 1):  # the first run warms the file cache and is not counted
        started = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


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
        bare = median_seconds([sys.executable, "-c", "pass"], runs)
        rows = [
            ("python -c pass (for comparison)", bare, None),
            ("namebasis --help", median_seconds([command, "--help"], runs), 0.3),
            ("namebasis nearest SPACE vicki (stored)",
             median_seconds([command, "nearest", space, "vicki", "-k", "3"], runs), 1.5),
            ("namebasis nearest SPACE 'a senior lady' (loads minilm)",
             median_seconds([command, "nearest", space, "a senior lady", "-k", "3"], runs), 1.5),
        ]  # fmt: skip
    print("| process | median seconds | bar |\n|---|---|---|")
    for label, seconds, bar in rows:
        print(f"| `{label}` | {seconds:.2f} | {f'< {bar}' if bar else '–'} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nLargest child process: {peak:,.0f} MB. Bytecode compiled, file cache warm.")


if __name__ == "__main__":
    main()
