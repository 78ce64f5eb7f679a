"""The whole topology report of 24,000 and of 60,000 real names: seconds, memory, size of the page,
and how fast a browser opens it.

`--space` takes a space that is there, and changes nothing of it; otherwise spaces of Faker's names
are built first, which is not timed. `--without-spelling` makes the longest report there is: with
the view without spelling fitted, and both maps.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

LIMITS = (26_400, 66_000)
"""Names of Faker, of which minilm reads some 24,000 and 60,000."""
SMALL = 30_000
"""Reports of fewer names have the bar of 24,000."""

# Runs the command in a process of its own and prints what it cost.
MEASURED = """
import json, resource, sys, time
from namebasis.cli import main
started = time.perf_counter()
sys.argv[0] = "namebasis"
try:
    main()
except SystemExit as stop:
    if stop.code:
        raise
used = resource.getrusage(resource.RUSAGE_SELF)
print("COST", json.dumps([time.perf_counter() - started, used.ru_utime + used.ru_stime,
                          used.ru_maxrss / 2**20]), file=sys.stderr)
"""


def run(*words: object) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak GiB of one command."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, words)], check=False, capture_output=True,
        text=True, env=os.environ | {"OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    wall, cpu, peak = json.loads(done.stderr.rsplit("COST", 1)[1])
    return wall, cpu, peak


def open_seconds(page: Path, name: str) -> tuple[float, float] | None:
    """Seconds until the map is drawn and until a typed name is shown; None without a browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if found is None:
        return None
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
        begun = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_selector("body[data-ready=yes]", timeout=120_000)
        drawn = time.perf_counter()
        tab.locator("#query").fill(name)
        tab.wait_for_selector("#hits li")
        searched = time.perf_counter()
        browser.close()
    return drawn - begun, searched - drawn


def compile_first(space: Path) -> None:
    """Report on some of the names, untimed: the first report after an installation compiles."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(space, Path(folder) / "copy.space")
        run("topology", copy, "--where", "id < 3000", "--html", Path(folder) / "report.html", "-q")


def row(space: Path, *options: str, figures: bool = True) -> tuple[float, float] | None:
    """Report on a space, print what it took, and open the page."""
    from namebasis.space import open_space

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(space, Path(folder) / "copy.space"))  # its graph is made again
        opened = open_space(copy)
        page = Path(folder) / "report.html"
        drawn = ("--figures", Path(folder) / "figures") if figures else ()
        wall, cpu, peak = run("topology", copy, "--html", page, *drawn, "--json", "-q", *options)
        sizes = [file.stat().st_size / 1e6 for file in (page, page.with_suffix(".json"),
                                                        page.with_suffix(".parquet"))]  # fmt: skip
        what = f"{len(opened):,} names" + ", without spelling too" * bool(options)
        what += ", with figures" * figures
        bar = "20 s" if len(opened) < SMALL else "300 s, 6 GB, 15 MB"
        print(f"| {what} | {wall:.1f} | {cpu:.1f} | {peak:.1f} | {sizes[0]:.1f} | {sizes[1]:.1f} | "
              f"{sizes[2]:.1f} | {bar} |", flush=True)  # fmt: skip
        return open_seconds(page, opened.table(["name"], limit=1)["name"][0].as_py())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", type=Path)
    parser.add_argument("--quick", action="store_true", help="600 names")
    parser.add_argument("--without-spelling", action="store_true")
    asked = parser.parse_args()
    print("| report of | wall s | CPU s | peak GiB | page MB | JSON MB | Parquet MB | bar |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    options = ("--without-spelling",) if asked.without_spelling else ()
    with tempfile.TemporaryDirectory() as folder:
        for at, limit in enumerate((600,) if asked.quick else LIMITS):
            space = asked.space or Path(folder) / f"{limit}.space"
            if asked.space is None:
                run("build", space, f"faker,limit={limit}", "--encoder", "minilm", "--templates",
                    "person", "-q")  # fmt: skip
            if at == 0:
                compile_first(space)
            if limit != LIMITS[-1]:
                row(space, *options, figures=False)
            opened = row(space, *options)
            if asked.space:
                break
    if opened is None:
        print("\nNo browser here: opening the page was not timed.")
    else:
        print(
            f"\nChromium without a GPU draws the map of the last {opened[0]:.1f} s after it opens "
            f"the file and lists the hits of a typed name {opened[1]:.1f} s after it is typed."
        )
    print("\nThe graph of neighbours, the page, JSON and Parquet are included, and where said so "
          "figures as PNG and SVG; `OMP_NUM_THREADS=2`. One run each, after a report that is not "
          "timed, as the first after an installation compiles.")  # fmt: skip


if __name__ == "__main__":
    main()
