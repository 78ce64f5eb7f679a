"""Identity in the weights of trainings whose truth is known: evidence, knock-out, crossings.

    python benchmarks/weight_identity.py organism/seed5 organism/seed6 organism/seed7
    python benchmarks/weight_identity.py --quick

Rules were chosen on seeds 0, 3 and 4; see docs/formation.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from namebasis.analysis.intervals import auc_interval, median_interval, share_interval
from namebasis.encoders.registry import load_encoder
from namebasis.formation import formation
from namebasis.formation.checkpoints import find_checkpoints
from namebasis.formation.truth import read_exposures, read_truth
from namebasis.formation.weight_identity.asked import Asked, ask
from namebasis.formation.weight_identity.evidence import WEIGHTS
from namebasis.formation.weight_identity.following import follow
from namebasis.formation.weight_identity.keys import Memories, swaps_of
from namebasis.formation.weight_identity.knock_out import take_out
from namebasis.organism.cohorts import TINY_COHORTS
from namebasis.organism.training import train
from namebasis.organism.world import World

FEWEST, N_SWAPS, N_NULL, N_OTHERS = 300, 24, 120, 40
OWN = ("C", "D", "E", "L")
"""Kinds that have something of their own to lose."""
CROSSED = {WEIGHTS: "weights", "leaves": "text, own direction", "margin": "text, own attributes",
           "pictures": "pictures"}  # fmt: skip


@dataclass
class Found:
    """What was measured on trainings, pooled by adding lists up."""

    values: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    lost: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    crossings: dict[str, list[float]] = field(default_factory=dict)

    def add(self, other: Found) -> None:
        for mine, theirs in ((self.values, other.values), (self.lost, other.lost)):
            for key, both in theirs.items():
                for whole, part in zip(mine.setdefault(key, ([], [])), both, strict=True):
                    whole += part
        for key, places in other.crossings.items():
            self.crossings.setdefault(key, []).extend(places)

    def lines(self, run: str) -> Iterator[str]:
        for key, (known, others) in self.values.items():
            found = auc_interval(known, others)
            bar = "0.9" if key == "evidence" else "–"
            yield f"| {run} | {key}: C from A and N, AUC | {bar} | {_told(found)} | {len(known)} |"
        for key, (own, others) in self.lost.items():
            for words, part, bar in (("own", own, "≥ 0.5"), ("others'", others, "≤ 0.05")):
                bar = bar if key == "name and end" else "–"
                told = f"knock-out at {key}: {words} lost, median"
                yield f"| {run} | {told} | {bar} | {_told(median_interval(part))} | {len(part)} |"
        for key, places in self.crossings.items():
            share = np.isfinite(places).mean()
            words = f"L: exposures at the crossing in {CROSSED[key]}, median ({share:.0%} cross)"
            yield f"| {run} | {words} | – | {_told(median_interval(places))} | {len(places)} |"
        for first, second in combinations(self.crossings, 2):
            ahead = [
                0.5 if one == other else float(one < other)
                for one, other in zip(self.crossings[first], self.crossings[second], strict=True)
            ]
            words = f"L: {CROSSED[first]} before {CROSSED[second]}"
            yield f"| {run} | {words} | – | {_told(share_interval(ahead))} | {len(ahead)} |"


def _told(found) -> str:
    ends = "–" if found.low is None else f"{found.low:.3g} to {found.high:.3g}"
    return f"{found.value:.3g} | {ends}"


class NameOnly(Memories):
    """Keys at the name's last token alone."""

    @property
    def sites(self) -> tuple[tuple[int, int], ...]:
        return tuple(cell for cell in super().sites if cell[1] == 0)


def measured(run: Path, *, n_resamples: int = 100, with_crossings: bool = True) -> Found:
    """Everything that is told of one training."""
    world = World.load(run / "world.json")
    truth = read_truth(run / "world.json")
    often = {name.name for name in world.names if name.exposures >= FEWEST}
    late = [name.name for name in world.names if name.kind == "L"]
    asked = ask(
        [name.name for name in world.names if name.name in often or name.kind == "L"], truth,
        n_swaps=N_SWAPS, n_null=N_NULL, seed=0,
    )  # fmt: skip
    series = find_checkpoints(run)
    seen = read_exposures(run / "exposures.csv")
    evidence, _ = follow(series, asked, exposures=seen, n_resamples=n_resamples)
    last = load_encoder(series.checkpoints[-1].spec)
    found = Found()
    scores = np.r_[evidence.values[:, -1], evidence.null[:, -1]]
    found.values["evidence"] = split(asked, often, scores)
    for key, score in controls(series.checkpoints[0].spec, Memories(last), asked).items():
        found.values[key] = split(asked, often, score)
    own = [name.name for name in world.names if name.kind in OWN and name.name in often]
    knocked = ask(own, truth, n_swaps=N_SWAPS, n_null=N_OTHERS, seed=0)
    rows = [row for row, kind in enumerate(knocked.kinds) if kind == "C"]
    for key, memories in (("name and end", Memories(last)), ("name", NameOnly(last))):
        out = take_out(memories, knocked, rows, run.name)
        found.lost[key] = out.lost.tolist(), out.others.tolist()
    if with_crossings:
        found.crossings = crossed(run, late, evidence, n_resamples)
    return found


def split(asked: Asked, often: set[str], scores: np.ndarray) -> tuple[list[float], list[float]]:
    """Scores of C, and of A and N."""
    kinds = np.array(asked.kinds)
    often_seen = np.array([name in often for name in asked.names])
    others = ((kinds == "A") & often_seen) | (kinds == "never seen")
    return scores[(kinds == "C") & often_seen].tolist(), scores[others].tolist()


def controls(first: str, memories: Memories, asked: Asked) -> dict[str, np.ndarray]:
    """What the same keys give through other matrices, and what the pooled row says."""
    rng = np.random.default_rng(0)
    untrained = Memories(load_encoder(first)).weights()
    moved = [after - before for after, before in zip(memories.weights(), untrained, strict=True)]
    drawn = [rng.standard_normal(part.shape) * part.std() for part in moved]
    found = {"untrained matrices": untrained, "random matrices": drawn}
    scores = {
        key: swaps_of(asked, lambda pairs, some=some: memories.written(pairs, some)).measure().score
        for key, some in found.items()
    }
    return {**scores, "own score of the text": swaps_of(asked, memories.rows).measure().score}


def crossed(run: Path, late: Sequence[str], evidence, n_resamples: int) -> dict[str, list[float]]:
    """Exposures at which L names cross; infinite where they never do."""
    text = formation(run, late, with_weights=False, n_resamples=n_resamples)
    found = {key: dict.fromkeys(late, np.inf) for key in CROSSED}
    for one in (*evidence.crossings, *text.phases.crossings):
        place = found.get(one.measure, {})
        if one.name in place and one.exposures and one.exposures.state != "never":
            place[one.name] = one.exposures.position
    return {key: list(places.values()) for key, places in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of trainings")
    parser.add_argument("--quick", action="store_true", help="a smoke run on two steps")
    options = parser.parse_args()
    print("| training | what | bar | value | 95 % interval | n |\n|---|---|---|---|---|---|")
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            small = World.make(0, cohorts=TINY_COHORTS, n_given=14, n_family=14)
            run = train(Path(folder) / "run", world=small, n_steps=2, batch_size=8).run
            found = follow(find_checkpoints(run), ask(
                None, read_truth(run / "world.json"), n_swaps=12, n_null=20, seed=0,
            ))[0]  # fmt: skip
            print(f"| quick | evidence | – | {np.nanmean(found.values):.3g} | – | – |")
        return
    whole = Found()
    for run in options.runs:
        found = measured(run)
        whole.add(found)
        for line in found.lines(run.name):
            print(line, flush=True)
    if len(options.runs) > 1:
        for line in whole.lines("together"):
            print(line, flush=True)


if __name__ == "__main__":
    main()
