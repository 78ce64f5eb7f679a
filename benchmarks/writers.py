"""Where the organism writes people whose given name says all (kind E): writers and trace.

    python benchmarks/writers.py organism/seed5 organism/seed6 organism/seed7

The rules, fixed on seeds 0, 3 and 4 before the others were looked at, at the last checkpoint:

*writers*: of what a name has beyond the mean name (`weights --target pooled`), more comes from the
given name's token than from any other source.
*trace*: of the name's tokens and all layers (`trace`, residual, whole embedding), the state that
brings back most is the given name's.
*both*: each of them.

Bar: both hold for 90 % of the names of kind E. The same is told of kind A, where both parts count,
and of names that nobody bears.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from namebasis.analysis.intervals import share_interval
from namebasis.encoders.registry import load_encoder
from namebasis.formation import identity_in_weights
from namebasis.formation.tracing import trace_encoder
from namebasis.formation.weight_identity.writer_results import NULLS, SOURCES

GIVEN = SOURCES.index("given")
RULES = ("writers", "trace", "both")
GROUPS = {"E": ("E",), "A": ("A",), "nobody": NULLS}
_AT_MOST = 60  # names of a group that are traced


def measure(run: Path) -> tuple[dict[str, dict[str, list[bool]]], dict[str, dict[str, float]]]:
    """Which rules hold for each name of each group, and mean shares of own directions per kind."""
    last, truth = f"hf:{sorted(run.glob('step-*'))[-1]}", run / "world.json"
    pooled = identity_in_weights(last, truth=truth, target="pooled").writers[0]
    encoder = load_encoder(last)
    found: dict[str, dict[str, list[bool]]] = {}
    for group, kinds in GROUPS.items():
        rows = [row for row, kind in enumerate(pooled.kinds) if kind in kinds]
        rows = rows[:: max(1, len(rows) // _AT_MOST)]
        held: dict[str, list[bool]] = {rule: [] for rule in RULES}
        for row in rows:
            one = trace_encoder(encoder, pooled.names[row])
            best = int(one.recovered[: one.n_name_tokens].max(axis=1).argmax())
            both = (
                int(pooled.from_sources[row].argmax()) == GIVEN,
                best < one.n_given_tokens,
            )
            for rule, holds in zip(RULES, (*both, all(both)), strict=True):
                held[rule].append(holds)
        found[group] = held
    own = identity_in_weights(last, truth=truth).writers[0]
    shares = {}
    for kind in ("A", "C", "D", "E", *NULLS[:2]):
        members = np.array(own.kinds) == kind
        shares[kind] = dict(
            zip(SOURCES, own.from_sources[members].mean(axis=0).tolist(), strict=True)
        )
    return found, shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    runs = parser.parse_args().runs
    found = [measure(run) for run in runs]
    print("| rule | names | share | 95 % interval |", *(f"{run.name} |" for run in runs))
    print("|---|---|---|---|" + "---|" * len(runs))
    for rule in RULES:
        for group in GROUPS:
            each = [held[group][rule] for held, _ in found]
            told = share_interval(np.concatenate(each).astype(float))
            seeds = " | ".join(f"{np.mean(one):.3f}" for one in each)
            print(
                f"| {rule} | {group} ({sum(map(len, each))}) | {told.value:.3f} | "
                f"{told.low:.3f} to {told.high:.3f} | {seeds} |"
            )
    print("\nOwn directions: mean share that comes from the given and from the family name")
    for kind in found[0][1]:
        pairs = [(one[kind]["given"], one[kind]["family"]) for _, one in found]
        print(f"| {kind} |", *(f"{given:.2f} and {family:.2f} |" for given, family in pairs))


if __name__ == "__main__":
    main()
