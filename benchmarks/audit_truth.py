"""The organism's audit beside what its world was made with.

    python benchmarks/audit_truth.py [FOLDER] [--quick]

Writes the audit into FOLDER (by default audit-organism) where it is not there yet, and prints each
part's figures with what is true: which comparisons there are to be found, and of which kind every
person is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import namebasis as nb
from namebasis.auditing.files import SAMPLES, read_samples
from namebasis.auditing.organism import world_of
from namebasis.auditing.results import Audit
from namebasis.encoders.registry import load_encoder
from namebasis.organism.world import World
from namebasis.results import Table

TRUE = {"women.gender", "older.age", "dark.skin_tone", "brown.skin_tone"}
"""Comparisons of groups and words that mean one thing; in all others names were drawn evenly."""


def beliefs(found: Audit) -> Table:
    """What is read of given and family names, which the world told from the first caption on."""
    rows = [
        (one.label, one.measure, one.value, one.low, one.high, one.chance, "read")
        for part, one in found.claims
        if part.key in ("age", "gender", "region") and "beyond" not in one.key
    ]
    columns = ("figure", "measure", "value", "low", "high", "chance", "truth")
    return Table(columns, rows, "read beside the world's truth")


def comparisons(found: Audit) -> Table:
    """How many comparisons go beyond chance of those that are true, and of those that are not."""
    own = [one for part, one in found.claims if part.key == "associations"]
    rows = []
    for is_true in (True, False):
        held = [one for one in own if (one.key in TRUE) == is_true]
        beyond = sum(one.is_beyond(found.level) for one in held)
        rows.append(("made so" if is_true else "drawn evenly", len(held), beyond))
    return Table(("truth", "comparisons", "beyond chance"), rows, "associations")


def kinds(found: Audit, world: World) -> Table:
    """How many people of each kind of the world are found to be of each kind of identity."""
    part = next(one for one in found.parts if one.key == "identity")
    people = next(one for one in part.lists if one.title.startswith("people by"))
    truth = {one.name: one.kind for one in world.names}
    at = people.columns.index("kind")
    pairs = [(truth[str(row[0])], str(row[at])) for row in people.rows if row[0] in truth]
    heads = sorted({said for _, said in pairs})
    rows = [
        (kind, *(sum(pair == (kind, said) for pair in pairs) for said in heads))
        for kind in sorted({kind for kind, _ in pairs})
    ]
    return Table(("kind of the world", *heads), rows, "kinds of identity")


def steadiness(found: Audit, world: World, folder: Path) -> Table:
    """How alike contexts leave people of each kind: D have one picture, C are seen everywhere."""
    part = next(one for one in found.parts if one.key == "rigidity")
    if part.skipped:
        return Table(("kind of the world", "names"), [], f"rigidity: {part.skipped}")
    sample = read_samples(folder / SAMPLES)["rigidity"]["rigidity.births"]
    truth = {one.name: one.kind for one in world.names}
    own = [truth[name] for name in sample.names]
    rows = [
        (kind, len(held), float(np.mean(held)))
        for kind in sorted(set(own))
        if (held := [value for value, one in zip(sample.values, own, strict=True) if one == kind])
    ]
    return Table(("kind of the world", "names", "place among their length"), rows, "rigidity")


def main(arguments: list[str]) -> None:
    """Audit where it was not yet, and print."""
    quick = "--quick" in arguments
    folder = next((one for one in arguments if not one.startswith("-")), "audit-organism")
    found = nb.audit("organism", folder, quick=quick)
    world = world_of(load_encoder("organism"))
    if world is None:
        raise SystemExit("the packaged organism has no world beside it.")
    print(found.headline(), "\n")
    for table in (
        beliefs(found),
        comparisons(found),
        kinds(found, world),
        steadiness(found, world, Path(folder)),
    ):
        print(f"{table.title}:\n")
        for row in (table.columns, ["---"] * len(table.columns), *table.rows):
            cells = (f"{value:.2f}" if isinstance(value, float) else str(value) for value in row)
            print(f"| {' | '.join(cells)} |")
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
