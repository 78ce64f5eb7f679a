"""Remake the tables of speeds in docs/benchmarks.md, one script after another.

    python benchmarks/run.py                    # all that this code has not been measured on yet
    python benchmarks/run.py store startup      # these two, whatever there is
    python benchmarks/run.py --budget 60        # as many as fit an hour, the oldest first
    python benchmarks/run.py --list             # each table, its minutes and when it was made

Each prints Markdown, which replaces what stands between its two markers in the document, with the
date, the commit, the machine, its load before and after, and what other processes took of it. The
document is written after every table, so that a stopped run resumes where it was; tables made
beside other work are made again. Those that a bar or a reader waits for come first. A script that
fails or hangs leaves its old table, and the next is made. Studies (`--list` names them) are
measured once on purpose, some on names held out for it: each has its own command and date, and
this script never runs one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from _timing import busy_seconds, commit, cores_in_use, cpu_seconds, load, processor

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
QUIET = 0.5
"""The load of the last minute at which a run begins."""
IDLE = 0.25
"""The cores in use at which its next table does: the minute's load is of the table before."""
SETTLE = 300
"""Seconds that each waits for that."""
PATIENCE = 5
"""A script that takes this many times its minutes, and ten minutes more, has hung."""


@dataclass(frozen=True)
class Table:
    """A table of speeds: the script that prints it, its options, and about how long it takes."""

    words: str
    minutes: int
    about: str

    @property
    def command(self) -> list[str]:
        script, *options = shlex.split(self.words)
        return [sys.executable, str(HERE / f"{script}.py"), *options]


TABLES: Mapping[str, Table] = {
    "startup": Table("startup", 1, "whole processes"),
    "card": Table("card", 5, "`card --deep`"),
    "report": Table("report", 5, "the topology report of 24,000 and 60,000 names"),
    "bases-speed": Table("bases --section speed", 2, "pursuits, against scikit-learn"),
    "encoding": Table("encoding", 8, "texts to vectors, against the libraries' encoders"),
    "store": Table("store", 5, "questions and spaces of up to 1,000,000 names, against FAISS"),
    "paint": Table("paint", 4, "prompt search, against open_clip"),
    "single_file": Table("single_file", 2, "sd: files, against open_clip's checkpoints"),
    "near-pictures": Table("near_pictures", 1, "single pictures, against FAISS"),
    "mentions": Table("mentions", 1, "captions counted, against pyahocorasick"),
    "entropy": Table("entropy", 2, "against the published algorithm"),
    "topology-mixtures": Table(
        "topology --rows 5000 --clusters 20 --kinds round wide", 5, "clusters, against peers"
    ),
    "topology-flat": Table(
        'topology --rows 6000 --clusters 20 --kinds flat --methods ours "hdbscan on the vectors"',
        2,
        "6,000 rows, against hdbscan",
    ),
    "shape": Table("shape", 1, "the shape of 60,000 rows, step by step"),
    "commands": Table("commands", 4, "every command"),
    "explore": Table("explore", 8, "the explorer in a browser and under load"),
    "pictures": Table("pictures", 1, "adding up to 400,000 pictures"),
    "audit-cost": Table("audit cost", 6, "an audit, step by step"),
    "bases-anchors": Table("bases --section anchors", 5, "every name by all the others"),
    "studies-speed": Table("studies --section speed", 6, "identity and rigidity of many names"),
    "watch": Table("watch", 1, "names measured while the organism trains"),
    "watch-clip": Table("watch --open-clip ViT-B-32 --batch 16", 1, "and while a CLIP trains"),
    "milvus": Table("milvus", 2, "questions to Milvus Lite"),
    "scaling": Table("scaling", 3, "builds of up to 1,000,000 names"),
    "entropy-scale": Table("entropy --scale docs/entropy-scale.png", 6, "by number of names"),
    "actors": Table("actors", 6, "a build and studies on 1 and 2 actors of Ray"),
    "topology-million": Table("topology --section million", 10, "1,000,000 rows"),
}

STUDIES: Mapping[str, str] = {
    "audit": "false alarms (`chance`); its cost is a table",
    "audit_truth": "the organism's audit beside the truth",
    "bases": "how good codes are (`--section quality`, `chance`); its speeds are tables",
    "celeb": "inverted pictures and components in words",
    "conditioning": "token states and pooled vectors",
    "context_lag": "contexts that a name was not seen in",
    "denoiser": "what a denoiser says of names",
    "intervals": "how often intervals hold the truth",
    "mutate": "faults put into the code, which tests must find",
    "near_pictures": "pictures beside the truth (`--truth`, `--coverage`)",
    "organism": "trainings of the organism",
    "painter": "the organism's painter",
    "phrases": "phrases in prompts and descriptions",
    "points_to": "whom parts point to",
    "recognition": "what pictures add",
    "records": "readings beside birth and census records",
    "rigidity": "pictures and what names hold rigid",
    "selection": "chosen names beside random ones",
    "single_names": "names of one word",
    "studies": "identity and its verdicts; its speed is a table",
    "validation": "painted pictures beside the text",
    "weight_identity": "identity in weights",
    "writers": "who writes a name",
}
ELSEWHERE = {"gpu": "benchmarks/gpu.py, on a machine with a GPU", "run": "this script"}


class BusyError(Exception):
    """Other work runs on this machine."""


@dataclass(frozen=True)
class Made:
    """When and on which code a table of the document was made."""

    day: str = "never"
    commit: str = "–"
    is_quiet: bool = True


LOUD = "**Not a quiet machine.** "
_FOOT = re.compile(
    rf"^({re.escape(LOUD)})?Made on (\d{{4}}-\d\d-\d\d) at commit ([0-9a-f]{{7,}}\+?)", re.MULTILINE
)


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)


def made(text: str, name: str) -> Made:
    """What a table says of itself; tables from before they did say nothing."""
    found = block(name).search(text)
    foot = _FOOT.search(found[0]) if found else None
    return Made(foot[2], foot[3], is_quiet=not foot[1]) if foot else Made()


def put(text: str, name: str, body: str) -> str:
    """The document with the body between the markers of the name, which it must have."""
    if not block(name).search(text):
        raise ValueError(f"docs/benchmarks.md has no <!-- {name} --> to put the table between.")
    whole = f"<!-- {name} -->\n{body.strip()}\n<!-- /{name} -->"
    return block(name).sub(lambda _found: whole, text)


def due(text: str, now: str, *, oldest_first: bool = False) -> list[str]:
    """Tables that no quiet machine has made on this commit, in their order or the oldest first."""
    ages = {name: made(text, name) for name in TABLES}
    late = [
        name
        for name, one in ages.items()
        if one.commit != now or now.endswith("+") or not one.is_quiet
    ]
    if not oldest_first:
        return late
    return sorted(late, key=lambda name: "" if ages[name].day == "never" else ages[name].day)


def within(names: Sequence[str], budget: float | None) -> list[str]:
    """Those of the names, in order, that fit the minutes."""
    chosen, left = [], float("inf") if budget is None else budget
    for name in names:
        if TABLES[name].minutes <= left:
            chosen.append(name)
            left -= TABLES[name].minutes
    return chosen


def wait_until_quiet(limit: float, *, first: bool, any_load: bool) -> float:
    """The load, once it is low enough: of the last minute at first, then of the last seconds."""
    measured, bar = (load, QUIET) if first else (cores_in_use, IDLE)
    end, now = time.monotonic() + limit, measured()
    while now > bar and time.monotonic() < end and not any_load:
        time.sleep(5)
        now = measured()
    if now > bar and not any_load:
        raise BusyError(
            f"load {now:.1f}, more than {bar}: other work would be measured too. Stop it, or "
            "pass --any-load, which the tables will say."
        )
    return now


def printed(words: Sequence[str], limit: float) -> str:
    """What a script prints; what it started in its own process group ends with it."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env |= {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(HERE.parent)}
    with tempfile.TemporaryFile("w+") as out:  # a pipe would be held by what is left running
        running = subprocess.Popen(
            words, text=True, stdout=out, cwd=HERE.parent, env=env, process_group=0
        )
        try:
            running.wait(limit)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        if running.returncode:
            raise subprocess.CalledProcessError(running.returncode, list(words))
        out.seek(0)
        return out.read().strip()


def measure(name: str, *, quick: bool, before: float) -> str:
    """A table and the line below it."""
    table = TABLES[name]
    words = [*table.command, *(["--quick"] * quick)]
    started, busy, own = time.monotonic(), busy_seconds(), cpu_seconds()
    said = printed(words, 60 * (PATIENCE * table.minutes + 10))
    seconds, n_cores = time.monotonic() - started, os.cpu_count() or 1
    others = max(busy_seconds() - busy - (cpu_seconds() - own), 0) / (seconds * n_cores)
    foot = (
        f"Made on {date.today()} at commit {commit()}: {processor()}, {n_cores} cores, load "
        f"{before:.1f} before and {load():.1f} after; other processes took {100 * others:.0f} % of "
        f"the cores; {seconds / 60:.1f} minutes."
    )
    return f"{said}\n\n{LOUD * (before > QUIET)}{foot}"


def listing(text: str) -> str:
    """Every table and study, a line each."""
    lines = [f"{'table':<18} {'minutes':>7}  {'last made':<10} {'commit':<9} what"]
    for name, table in TABLES.items():
        last = made(text, name)
        lines.append(
            f"{name:<18} {table.minutes:>7}  {last.day:<10} {last.commit:<9} {table.about}"
            f"{'' if last.is_quiet else ' (beside other work)'}"
        )
    total = sum(table.minutes for table in TABLES.values())
    lines += [f"{'all':<18} {total:>7}", "", "studies, by their own commands:"]
    lines += [f"{name:<18} {about}" for name, about in STUDIES.items()]
    return "\n".join(lines)


def enter(name: str, body: str) -> None:
    """Put a table into the document, in one step: a run may be stopped at any time."""
    partial = DOCUMENT.with_suffix(".partial")
    partial.write_text(put(DOCUMENT.read_text("utf-8"), name, body), "utf-8")
    os.replace(partial, DOCUMENT)


def run(names: Sequence[str], *, quick: bool, any_load: bool) -> list[str]:
    """Make the tables; what did not work, a line each."""
    failed = []
    for at, name in enumerate(names):
        print(f"== {name} ({at + 1} of {len(names)}, {TABLES[name].minutes} min)", file=sys.stderr)
        try:
            before = 0.0 if quick else wait_until_quiet(SETTLE, first=not at, any_load=any_load)
            body = measure(name, quick=quick, before=before)
            if not quick:
                enter(name, body)
        except BusyError as busy:
            failed.append(f"{', '.join(names[at:])}: {busy}")
            break
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            failed.append(f"{name}: {error}")
            continue
        print(body)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=", ".join(TABLES))
    parser.add_argument("--list", action="store_true", help="print what there is, and stop")
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="the oldest that fit")
    parser.add_argument("--any-load", action="store_true", help="measure beside other work")
    parser.add_argument("--quick", action="store_true", help="a smoke run; nothing is written")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and the script with it
    text = DOCUMENT.read_text(encoding="utf-8")
    if wanted.list:
        print(listing(text))
        return
    if unknown := sorted(set(wanted.names) - set(TABLES)):
        sys.exit(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}.")
    has_budget = wanted.budget is not None
    every = list(TABLES) if wanted.quick else due(text, commit(), oldest_first=has_budget)
    names = within(wanted.names or every, wanted.budget)
    if not names:
        print("Every table is of this code." if not every else "No table takes so few minutes.")
    if failed := run(names, quick=wanted.quick, any_load=wanted.any_load):
        sys.exit("\n".join(["Not made:", *failed]))


if __name__ == "__main__":
    main()
