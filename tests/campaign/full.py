"""The campaign by counts: processes that share the cases, and a file in which each is noted.

What the file already holds is not run again, so that a stopped campaign resumes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.campaign.run import Campaign, smallest
from tests.campaign.warm import warm
from tests.campaign.world import World

COUNTS = {
    "inputs": 10_000, "kills": 1_000, "damage": 500, "crowds": 100, "limits": 250, "threads": 50,
    "hostile": 600, "readers": 20,
}  # fmt: skip
"""Cases of each kind in a full campaign."""

BATCH = {"inputs": 50}


def work(at: int, n_jobs: int, seed: int, todo: dict[str, list[int]], log: str, base: str) -> None:
    """Run every `n_jobs`-th batch of each kind in turn, and note each case in the file."""
    with warm() as started:
        campaign = Campaign(World(started, Path(base) / f"job{at}"), seed)
        queues = {
            kind: [numbers[i : i + BATCH.get(kind, 1)]
                   for i in range(0, len(numbers), BATCH.get(kind, 1))][at::n_jobs]
            for kind, numbers in todo.items()
        }  # fmt: skip
        share = {kind: len(queue) for kind, queue in queues.items()}
        while any(queues.values()):
            # The kind of which the smallest share is done: all kinds end together.
            kind = max((k for k in queues if queues[k]), key=lambda k: len(queues[k]) / share[k])
            numbers = queues[kind].pop(0)
            for number, what, problem, seconds in campaign.batch(kind, numbers):
                line = json.dumps({
                    "kind": kind, "seed": seed, "number": number, "what": what,
                    "problem": problem, "seconds": round(seconds, 3),
                })  # fmt: skip
                with open(log, "a", encoding="utf-8") as file:
                    file.write(line + "\n")
                if problem:
                    print(f"{kind}:{seed}:{number} {what}: {problem}", file=sys.stderr, flush=True)


def noted(log: Path, seed: int) -> list[dict[str, Any]]:
    """What the file already holds of a seed; a line that a kill cut short does not count."""
    if not log.exists():
        return []
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if told["seed"] == seed:
            found[told["kind"], told["number"]] = told
    return list(found.values())


def run(seed: int, counts: dict[str, int], log: Path, n_jobs: int, base: Path) -> int:
    """Run what the file lacks, print the table; 1 where a case failed."""
    done = {(told["kind"], told["number"]) for told in noted(log, seed)}
    todo = {k: [i for i in range(n) if (k, i) not in done] for k, n in counts.items()}
    begun = time.monotonic()
    # `spawn`: Lance survives no fork, and the parent of the cases must not have used it.
    context = multiprocessing.get_context("spawn")
    jobs = [
        context.Process(target=work, args=(at, n_jobs, seed, todo, str(log), str(base)))
        for at in range(n_jobs)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    spent = os.times()
    print(table(noted(log, seed), seed))
    minutes = (time.monotonic() - begun) / 60
    print(f"\n{minutes:.0f} minutes; {spent.children_user + spent.children_system:.0f} CPU s")
    failed = any(told["problem"] for told in noted(log, seed))
    return int(failed or any(job.exitcode for job in jobs))


SORTS = {
    "signal": "signals", "changed ": "wrong", "hang": "hangs", "traceback": "tracebacks",
    "silently wrong": "wrong",
    "differs": "wrong", "rows": "rows lost", "lost": "rows lost",
}  # fmt: skip
COLUMNS = ("wrong", "rows lost", "tracebacks", "hangs", "signals", "other")


def sort_of(problem: str) -> str:
    """Which column of the table a problem belongs to."""
    return next((column for word, column in SORTS.items() if word in problem), "other")


def table(told: list[dict[str, Any]], seed: int) -> str:
    """Counts of cases and of each sort of failure, and one failure of each sort."""
    lines = [f"seed {seed}", "", "| kind | cases | " + " | ".join(COLUMNS) + " | seconds |",
             "|---|--:|" + "--:|" * (len(COLUMNS) + 1)]  # fmt: skip
    for kind in COUNTS:
        cases = [one for one in told if one["kind"] == kind]
        sorts = Counter(sort_of(one["problem"]) for one in cases if one["problem"])
        cells = " | ".join(f"{sorts[column]:,}" for column in COLUMNS)
        seconds = sum(one["seconds"] for one in cases)
        lines.append(f"| {kind} | {len(cases):,} | {cells} | {seconds:,.0f} |")
    failures = [
        (f"{one['kind']}:{one['seed']}:{one['number']} {one['what']}", one["problem"])
        for one in told if one["problem"]
    ]  # fmt: skip
    lines += [f"\n{what}\n    {problem}" for what, problem in smallest(failures)]
    return "\n".join(lines)
