"""Remake the tables of speeds in docs/benchmarks.md, one script after another.

    python benchmarks/run.py                    # all that this code has not been measured on yet
    python benchmarks/run.py store startup      # these two, whatever there is
    python benchmarks/run.py --budget 60        # as many as fit an hour, the oldest first
    python benchmarks/run.py --list             # each table, its minutes and when it was made

Each prints Markdown, which replaces what stands between its two markers in the document, with the
date, the commit, the machine, its load before and after, and what other processes took of it. The
document is written after every table, so that a stopped run resumes where it was. Studies
(`--list` names them) are measured once on purpose, some on names held out for it: each has its own
command and date, and this script never runs one.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from _timing import busy_seconds, commit, cpu_seconds, load, processor

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
QUIET = 0.5
SETTLE = 300  # seconds that a run waits for the load of the table before to die away


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
    "encoding": Table("encoding", 25, "texts to vectors, against the libraries' encoders"),
    "store": Table("store", 15, "questions and spaces of up to 1,000,000 names, against FAISS"),
    "pictures": Table("pictures", 3, "adding up to 400,000 pictures"),
    "near-pictures": Table("near_pictures", 3, "single pictures, against FAISS"),
    "bases-speed": Table("bases --section speed", 15, "pursuits, against scikit-learn"),
    "bases-anchors": Table("bases --section anchors", 8, "every name by all the others"),
    "paint": Table("paint", 25, "prompt search, against open_clip"),
    "studies-speed": Table("studies --section speed", 25, "identity and rigidity of many names"),
    "entropy": Table("entropy", 20, "against the published algorithm"),
    "entropy-scale": Table("entropy --scale docs/entropy-scale.png", 25, "by number of names"),
    "shape": Table("shape", 4, "the shape of 60,000 rows, step by step"),
    "topology-mixtures": Table("topology --rows 5000 --clusters 20", 20, "clusters, against peers"),
    "topology-flat": Table(
        'topology --kinds flat --methods ours "hdbscan on the vectors"',
        25,
        "20,000 rows, against hdbscan",
    ),
    "topology-million": Table("topology --section million", 15, "1,000,000 rows"),
    "report": Table("report", 12, "the topology report of 60,000 names"),
    "explore": Table("explore", 25, "the explorer in a browser and under load"),
    "commands": Table("commands", 10, "every command"),
    "card": Table("card", 7, "`card --deep`"),
    "audit-cost": Table("audit cost", 12, "an audit, step by step"),
    "mentions": Table("mentions", 3, "captions counted, against pyahocorasick"),
    "watch": Table("watch", 2, "names measured while the organism trains"),
    "watch-clip": Table("watch --open-clip ViT-B-32 --batch 16", 4, "and while a CLIP trains"),
    "milvus": Table("milvus", 4, "questions to Milvus Lite"),
    "single_file": Table("single_file", 10, "sd: files, against open_clip's checkpoints"),
    "scaling": Table("scaling", 12, "builds of up to 1,000,000 names"),
    "actors": Table("actors", 20, "a build and studies on 1, 2 and 4 actors of Ray"),
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


_FOOT = re.compile(r"^Made on (\d{4}-\d\d-\d\d) at commit ([0-9a-f]{7,}\+?)", re.MULTILINE)


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)


def made(text: str, name: str) -> Made:
    """What a table says of itself; tables from before they did say nothing."""
    found = block(name).search(text)
    foot = _FOOT.search(found[0]) if found else None
    return Made(foot[1], foot[2]) if foot else Made()


def put(text: str, name: str, body: str) -> str:
    """The document with the body between the markers of the name, which it must have."""
    if not block(name).search(text):
        raise ValueError(f"docs/benchmarks.md has no <!-- {name} --> to put the table between.")
    whole = f"<!-- {name} -->\n{body.strip()}\n<!-- /{name} -->"
    return block(name).sub(lambda _found: whole, text)


def due(text: str, now: str) -> list[str]:
    """Tables not made on this commit, those made longest ago first."""
    ages = {name: made(text, name) for name in TABLES}
    late = [name for name, one in ages.items() if one.commit != now or now.endswith("+")]
    return sorted(late, key=lambda name: "" if ages[name].day == "never" else ages[name].day)


def within(names: Sequence[str], budget: float | None) -> list[str]:
    """Those of the names, in order, that fit the minutes."""
    chosen, left = [], float("inf") if budget is None else budget
    for name in names:
        if TABLES[name].minutes <= left:
            chosen.append(name)
            left -= TABLES[name].minutes
    return chosen


def wait_until_quiet(limit: float, *, any_load: bool) -> float:
    """The load, once it is low enough."""
    end = time.monotonic() + limit
    while load() > QUIET and time.monotonic() < end and not any_load:
        time.sleep(5)
    now = load()
    if now > QUIET and not any_load:
        raise BusyError(
            f"load {now:.1f}, more than {QUIET}: other work would be measured too. Stop it, or "
            "pass --any-load, which the tables will say."
        )
    return now


def measure(name: str, *, quick: bool, before: float) -> str:
    """A table and the line below it."""
    table = TABLES[name]
    words = [*table.command, *(["--quick"] * quick)]
    started, busy, own = time.monotonic(), busy_seconds(), cpu_seconds()
    done = subprocess.run(
        words, check=True, text=True, stdout=subprocess.PIPE, cwd=HERE.parent,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    seconds, n_cores = time.monotonic() - started, os.cpu_count() or 1
    others = max(busy_seconds() - busy - (cpu_seconds() - own), 0) / (seconds * n_cores)
    foot = (
        f"Made on {date.today()} at commit {commit()}: {processor()}, {n_cores} cores, load "
        f"{before:.1f} before and {load():.1f} after; other processes took {100 * others:.0f} % of "
        f"the cores; {seconds / 60:.1f} minutes."
    )
    loud = "**Not a quiet machine.** " * (before > QUIET)
    return f"{done.stdout.strip()}\n\n{loud}{foot}"


def listing(text: str) -> str:
    """Every table and study, a line each."""
    lines = [f"{'table':<18} {'minutes':>7}  {'last made':<10} {'commit':<9} what"]
    for name, table in TABLES.items():
        last = made(text, name)
        lines.append(
            f"{name:<18} {table.minutes:>7}  {last.day:<10} {last.commit:<9} {table.about}"
        )
    total = sum(table.minutes for table in TABLES.values())
    lines += [f"{'all':<18} {total:>7}", "", "studies, by their own commands:"]
    lines += [f"{name:<18} {about}" for name, about in STUDIES.items()]
    return "\n".join(lines)


def run(names: Sequence[str], *, quick: bool, any_load: bool) -> list[str]:
    """Make the tables; what did not work, a line each."""
    failed = []
    for at, name in enumerate(names):
        print(f"== {name} ({at + 1} of {len(names)}, {TABLES[name].minutes} min)", file=sys.stderr)
        try:
            before = wait_until_quiet(SETTLE if at else 0, any_load=any_load or quick)
            body = measure(name, quick=quick, before=before)
        except BusyError as busy:
            failed.append(f"{', '.join(names[at:])}: {busy}")
            break
        except (subprocess.CalledProcessError, OSError) as error:
            failed.append(f"{name}: {error}")
            continue
        print(body)
        if not quick:
            DOCUMENT.write_text(put(DOCUMENT.read_text("utf-8"), name, body), "utf-8")
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
    text = DOCUMENT.read_text(encoding="utf-8")
    if wanted.list:
        print(listing(text))
        return
    if unknown := sorted(set(wanted.names) - set(TABLES)):
        sys.exit(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}.")
    every = list(TABLES) if wanted.quick else due(text, commit())
    names = within(wanted.names or every, wanted.budget)
    if failed := run(names, quick=wanted.quick, any_load=wanted.any_load):
        sys.exit("\n".join(["Not made:", *failed]))


if __name__ == "__main__":
    main()
