"""What pictures add on trainings whose truth is known: recognition, phases, crossings.

    python benchmarks/recognition.py organism/seed3 organism/seed4
    python benchmarks/recognition.py --packaged
    python benchmarks/recognition.py --quick

Rules and settings were chosen on seed 0; see docs/recognition.md and docs/formation.md.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from organism import WITHIN, late_crossings
from PIL import Image

import namebasis as nb
from namebasis.analysis.intervals import share_interval
from namebasis.formation import Formation, formation
from namebasis.formation.phases import find_phases
from namebasis.formation.pictures.measures import PICTURE_MEASURES
from namebasis.organism.captions import Scribe
from namebasis.organism.cohorts import TINY_COHORTS
from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import render
from namebasis.organism.run_folder import step_folders
from namebasis.organism.training import train
from namebasis.organism.world import World

FEWEST, N_PHOTOS = 300, 6


@dataclass
class Claim:
    """A bar, and the yes and no of each name that it is a share of."""

    words: str
    bar: str
    hits: list[bool]

    def line(self, run: str) -> str:
        share = share_interval(np.array(self.hits, dtype=float))
        return (
            f"| {run} | {self.words} | {self.bar} | {share.value:.3f} | "
            f"{share.low:.3f} to {share.high:.3f} | {sum(self.hits)} of {len(self.hits)} |"
        )


def photos(world: World, row: int, folder: Path) -> None:
    """Six photos; of an unseen name of one person who looks as its parts suggest."""
    rng, name = np.random.default_rng([31, row]), world.names[row]
    people = Scribe(world).pictures(row, N_PHOTOS, rng)
    if name.kind == "N":
        codes = np.repeat(world.codes(name.prior)[None], N_PHOTOS, 0)
        fine = np.repeat(world.fine(name.name)[None], N_PHOTOS, 0)
        people = People(codes, fine, random_people(N_PHOTOS, rng).contexts)
    (folder / name.name).mkdir(parents=True)
    for at, pixels in enumerate(render(people, seed=[32, row])):
        Image.fromarray(pixels).save(folder / name.name / f"{at}.png")


def recognised(encoder: str, world: World, kinds: str = "ABCD") -> list[Claim]:
    """`recognise` on one model: people seen often, and people it cannot know."""
    kind_of = {name.name: name.kind for name in world.names}
    with tempfile.TemporaryDirectory() as made:
        where = Path(made)
        for row, name in enumerate(world.names):
            if name.kind == "N":
                photos(world, row, where / "unknown")
            elif name.kind in kinds and name.exposures >= FEWEST:
                photos(world, row, where / "photos")
        space = nb.build_space(
            list(kind_of), where / "s.space", encoder=encoder, templates="plain", progress=None,
        )  # fmt: skip
        found = space.recognise(where / "photos", unknown=where / "unknown")
    claims = []
    for kind in kinds:
        rows = [row for row in found.people if kind_of[row.name] == kind]
        bar = "0.9" if kind == "C" else "–"
        claims.append(Claim(f"{kind} at 316 and more: top-1", bar, [r.rank == 1 for r in rows]))
        claims.append(Claim(f"{kind} at 316 and more: known", "–", [r.is_known for r in rows]))
    strangers = found.unknown.people
    claims.append(Claim("unseen: called known", "≤ 0.05", [row.is_known for row in strangers]))
    claims.append(Claim("unseen: top-1 all the same", "–", [row.rank == 1 for row in strangers]))
    return claims


def formed(run: Path, world: World) -> list[Claim]:
    """`formation` with pictures and without: phases, false alarms, and where L names cross."""
    both = formation(run, with_weights=False)
    values = {key: rows for key, rows in both.values.items() if key not in PICTURE_MEASURES}
    text = find_phases(both.names, both.n_asked, both.steps, values, None, both.exposures)
    exposures = {name.name: name.exposures for name in world.names}
    kinds = np.array([kind or "" for kind in both.kinds])
    often = np.array([exposures.get(name, 0) >= FEWEST for name in both.names])
    claims = []
    for words, phases in (("text alone", text), ("text and pictures", both.phases)):
        for kind in "ABCD":
            last = phases.labels[(kinds == kind) & often, -1]
            bar = "0.8" if kind == "C" and phases is not text else "–"
            claims.append(Claim(f"{words}: {kind} is one person", bar, (last == 3).tolist()))
        alarms = phases.false_alarms
        hits = [at < alarms.n_alarms for at in range(alarms.n_made_up)]
        claims.append(Claim(f"{words}: unseen ever leave phase 1", "no more", hits))
    claims.append(crossed(run, world, both))
    return claims


def crossed(run: Path, world: World, found: Formation) -> Claim:
    """Whether L names cross in `formation` within 1.5 times of where other pictures say."""
    late = [name.name for name in world.names if name.kind == "L"]
    truth = late_crossings(run, world, step_folders(run))[:, 1]
    places = {
        one.name: one.exposures.position
        for one in found.phases.crossings
        if one.measure == "pictures" and one.exposures and one.exposures.state == "crossed"
    }
    mine = np.maximum([places.get(name, np.nan) for name in late], 1)
    other = np.maximum(truth, 1)
    apart = np.maximum(mine / other, other / mine)  # NaN where one never crosses: not within
    return Claim("L: crossing within 1.5x of other pictures", "0.9", (apart <= WITHIN).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of trainings")
    parser.add_argument("--last", action="store_true", help="only the last checkpoint")
    parser.add_argument("--packaged", action="store_true", help="also the packaged last model")
    parser.add_argument("--quick", action="store_true", help="a smoke run on two steps")
    options = parser.parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            small = World.make(0, cohorts=TINY_COHORTS, n_given=6, n_family=6)
            run = train(Path(folder) / "run", world=small, n_steps=2, batch_size=8).run
            found = formation(run, with_weights=False, n_resamples=20)
            print(f"{found.parameters['n_pictures']} pictures, {len(found.steps)} checkpoints")
        return
    print("| training | claim | bar | share | 95 % interval | names |\n|---|---|---|---|---|---|")
    if options.packaged:
        packaged = World.load(Path(nb.__file__).parent / "data" / "organism" / "world.json")
        for claim in recognised("organism", packaged):
            print(claim.line("packaged"), flush=True)
    for run in options.runs:
        world = World.load(run / "world.json")
        last = list(step_folders(run).values())[-1]
        for claim in recognised(f"hf:{last}", world):
            print(claim.line(run.name), flush=True)
        for claim in () if options.last else formed(run, world):
            print(claim.line(run.name), flush=True)


if __name__ == "__main__":
    main()
