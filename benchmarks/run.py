"""Run benchmarks one after another and put their tables into docs/benchmarks.md.

`python benchmarks/run.py` runs all, `python benchmarks/run.py store startup` those two. Each
script prints Markdown; it replaces what stands between the script's two markers in the document.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"


def scripts() -> list[str]:
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem != "run" and p.stem[0] != "_")


def put(name: str, body: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    block = f"<!-- {name} -->\n{body.strip()}\n<!-- /{name} -->"
    pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    if not pattern.search(text):
        text = f"{text.rstrip()}\n\n## {name}\n\n`python benchmarks/{name}.py`\n\n{block}\n"
    DOCUMENT.write_text(pattern.sub(lambda _match: block, text), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(scripts()))
    parser.add_argument("--quick", action="store_true", help="a smoke run; nothing is written")
    wanted = parser.parse_args()
    unknown = set(wanted.names) - set(scripts())
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(scripts())}")
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    for name in wanted.names or scripts():
        print(f"== {name}", file=sys.stderr)
        words = [sys.executable, str(HERE / f"{name}.py"), *(["--quick"] * wanted.quick)]
        done = subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE, env=environment)
        print(done.stdout)
        if not wanted.quick:
            put(name, f"{done.stdout.strip()}\n\n{os.cpu_count()} cores, {platform.machine()}.")


if __name__ == "__main__":
    main()
