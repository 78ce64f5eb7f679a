"""Run the campaign: `python -m tests.campaign --seed 7 --minutes 10`, or `--full`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.campaign import full
from tests.campaign.run import Campaign, Tally, smallest
from tests.campaign.warm import warm
from tests.campaign.world import World

KINDS = ("kills", "inputs", "damage", "crowds", "limits", "hostile", "threads", "readers")


def main() -> int:
    """Parse, run, print the table; 1 where a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="decides all cases")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, separated by commas")
    parser.add_argument("--replay", metavar="KIND:SEED:NUMBER", help="one case again")
    parser.add_argument("--full", action="store_true", help="all cases, by counts, not minutes")
    parser.add_argument("--share", type=float, default=1.0, help="of the counts of --full")
    parser.add_argument("--log", type=Path, default=Path("campaign.jsonl"),
                        help="where --full notes each case, and goes on")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, help="processes of --full")
    given = parser.parse_args()
    kinds = [kind.strip() for kind in given.only.split(",")]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"there is no kind {unknown[0]!r}; there are {', '.join(KINDS)}.")
    if given.full:
        counts = {kind: max(1, round(given.share * full.COUNTS[kind])) for kind in kinds}
        with tempfile.TemporaryDirectory(prefix="campaign-") as base:
            return full.run(given.seed, counts, given.log, given.jobs, Path(base))
    index = None
    if given.replay:
        kind, seed, number = given.replay.split(":")
        kinds, given.seed, index = [kind], int(seed), int(number)
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder, warm() as started:
        campaign = Campaign(World(started, Path(folder)), given.seed)
        if index is None:
            campaign.run_for(60 * given.minutes, kinds, lambda line: print(line, file=sys.stderr))
        else:
            print(*campaign.run(kinds[0], index), sep="\n")
    return table(campaign.tallies, given.seed)


def table(tallies: dict[str, Tally], seed: int) -> int:
    """Print counts and the smallest failure of each sort; 1 where there was one."""
    print(f"\nseed {seed}\n\n| campaign | cases | failed | seconds |\n|---|--:|--:|--:|")
    for kind, tally in tallies.items():
        reads = f" ({tally.reads:,} checked reads)" * bool(tally.reads)
        print(f"| {kind}{reads} | {tally.cases:,} | {len(tally.failures)} | {tally.seconds:.0f} |")
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for what, problem in smallest(failures):
        print(f"\n{what}\n    {problem}")
    return int(bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
