"""Whom parts of names point to on the organism, where the truth is known.

    python benchmarks/points_to.py organism/seed0 organism/seed3

Given names of kind E are borne by one person alone, and so point to that person; every other part
is borne by many and points to nobody. Printed are the share of E's given names that are said to
point to their person, the share to whom no stored name is nearer, and the share of all other parts
that are said to point to anybody. The rule was chosen on both seeds; none was held out.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from namebasis.analysis.intervals import share_interval
from namebasis.namespace.corpus.names import make_names
from namebasis.organism.run_folder import step_folders
from namebasis.organism.world import World
from namebasis.space import build_space
from namebasis.wording import between

N_SWAPS = 40


def measure(run: Path) -> str:
    """One row of the table."""
    world, last = World.load(run / "world.json"), list(step_folders(run).values())[-1]
    person = {one.name.split()[0]: one.name for one in world.names if one.kind == "E"}
    parts = [
        {"name": one, "part": part}
        for side, part in enumerate(("given", "family"))
        for one in sorted({name.name.split()[side] for name in world.names})
    ]
    rows = [{"name": one.name, "part": "full"} for one in world.names]
    with tempfile.TemporaryDirectory() as place:
        space = build_space(
            make_names([*rows, *parts]), Path(place) / "s.space", encoder=f"hf:{last}",
            templates=["{}"],
        )  # fmt: skip
        found = space.points_to(n_swaps=N_SWAPS)
    said: list[list[float]] = [[], [], []]
    for row, sure in zip(found.rows, found.is_sure, strict=True):
        own = person.get(row.part) if row.side == "given" else None
        if own is None:
            said[2].append(float(sure))
        else:
            said[0].append(float(sure and row.nearest == own))
            said[1].append(float(row.nearest == own and row.margin.value > 0))
    shares = [share_interval(one) for one in said]
    told = (f"{one.value:.2f} ({between(one.low or 0, one.high or 0, 2)})" for one in shares)
    return f"| {run.name} | {' | '.join(told)} | {len(said[0])} | {len(said[2])} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", nargs="+", type=Path)
    print("| run | points to its person | nearest is its person | others point | E | others |")
    print("|---|---|---|---|---|---|")
    for folder in parser.parse_args().runs:
        print(measure(folder), flush=True)
