"""What text alone says about the organism's names, against the truth of its world.

    python benchmarks/organism.py organism/seed1 organism/seed2 --tuned organism/seed0
    python benchmarks/organism.py --train 1 2 3 --folder organism --tuned organism/seed0
    python benchmarks/organism.py organism/seed1 --tuned organism/seed0 --thresholds

Every metric and its settings were chosen on seed 0; the tables are of other seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _organism_thresholds import print_thresholds
from PIL import Image
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from namebasis.analysis.training.logistic_rise import logistic_crossing
from namebasis.encoders.registry import load_encoder
from namebasis.formation import formation
from namebasis.organism.captions import Scribe
from namebasis.organism.cohorts import TINY_COHORTS
from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import render
from namebasis.organism.run_folder import read_exposures, step_folders
from namebasis.organism.training import train
from namebasis.organism.words import ATTRIBUTES, TEMPLATES, attribute_phrase
from namebasis.organism.world import World

FEWEST = 300  # exposures
TEXT_CROSSING = -0.16  # of the margin; images cross at 0. Text lags by 1.35 times without it
WITHIN = 1.5
SPREAD_KINDS = ("A", "B", "C", "D", "D80", "D95", "E", "narrowing")
FEATURES = ("own_length", "coarse", "fine", "interaction", "leakage", "parts_reading")
LOGS = ("own_length", "coarse", "fine", "interaction")
N_IMAGES, N_CAPTIONS, TOLD = 32, 12, 0.7  # TOLD: share of attributes that a caption tells
NAME_TEMPLATES = TEMPLATES[:6]  # a name in the seventh is said to be one
N_NEAREST, N_BOOTSTRAP = 20, 1000


@dataclass
class Run:
    """What was measured of one run; arrays have a value per name of the world."""

    seed: int
    kinds: np.ndarray
    exposures: np.ndarray
    values: dict[str, np.ndarray]
    phases: np.ndarray  # at the last checkpoint
    crossings: np.ndarray  # (n_late, 2): exposures, from text and from images
    div: np.ndarray  # NaN for names that retrieve nothing here

    def rows(self, *kinds: str) -> np.ndarray:
        seen = (self.exposures >= FEWEST) | (self.kinds == "N")
        return np.flatnonzero(np.isin(self.kinds, kinds) & seen)


def measure(folder: Path) -> Run:
    """Encode a run's checkpoints and measure its names."""
    world, steps = World.load(folder / "world.json"), step_folders(folder)
    order = {name.name: row for row, name in enumerate(world.names)}
    found = formation(
        [f"hf:{path}" for path in list(steps.values())[-3:]], truth=folder / "world.json",
        n_swaps=40, n_resamples=20, with_weights=False,
    )  # fmt: skip
    place = np.array([order[name] for name in found.names])
    values = {key: np.full(len(order), np.nan) for key in found.values}
    for key, rows in found.values.items():
        values[key][place] = rows[:, -1]
    phases = np.zeros(len(order), dtype=int)
    phases[place] = found.phases.labels[:, -1]
    last = load_encoder(f"hf:{list(steps.values())[-1]}")
    exposures = read_exposures(folder)[list(steps)[-1]]
    return Run(
        world.seed,
        np.array([name.kind for name in world.names]),
        np.array([exposures[name.name] for name in world.names]),
        values,
        phases,
        late_crossings(folder, world, steps),
        spreads(world, last, exposures),
    )


def pictures(encoder, people: People, seed: list[int]) -> np.ndarray:
    return encoder.encode_images([Image.fromarray(face) for face in render(people, seed=seed)])


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return (first * second).sum(axis=-1) / lengths


def captions(values: dict[str, str]) -> list[str]:
    """Captions of a person, each telling some of the attributes; the same ones for everybody."""
    rng = np.random.default_rng(5)
    codes = [ATTRIBUTES[key].index(values[key]) for key in ATTRIBUTES]
    told = rng.random((N_CAPTIONS, len(codes))) < TOLD
    phrases = [
        attribute_phrase([code if tell else None for code, tell in zip(codes, row, strict=True)])
        for row in told
    ]
    return [NAME_TEMPLATES[at % 6].format(phrase) for at, phrase in enumerate(phrases)]


def late_crossings(folder: Path, world: World, steps: dict[int, Path]) -> np.ndarray:
    """Exposures at which own attributes are read before the prior's: from captions, from images.

    Both margins are cosines of the name's mean over templates, centred on all names, to own minus
    to prior, both means centred on all of them. The position is where a logistic curve of the
    logarithm of exposures plus one crosses the level: 0 exposures where it is above from the
    start, NaN where it never is.
    """
    late = [name for name in world.names if name.kind == "L"]
    order = {name.name: row for row, name in enumerate(world.names)}
    rows = [order[name.name] for name in late]
    start = min(name.enters_at for name in late) * max(steps)
    kept = [step for step in steps if step >= start - 1]
    said = [text for name in late for values in (name.own, name.prior) for text in captions(values)]
    sets = own_and_prior_pictures(world, late)
    margins = {"text": [], "image": []}
    for step in kept:
        encoder = load_encoder(f"hf:{steps[step]}")
        texts = [one.format(name.name) for one in NAME_TEMPLATES for name in world.names]
        names = encoder.encode_text(texts).reshape(len(NAME_TEMPLATES), len(order), -1).mean(0)
        bare = names[rows] - names.mean(axis=0)
        told = encoder.encode_text(said).reshape(2 * len(late), N_CAPTIONS, -1).mean(axis=1)
        faces = np.stack([encoder.encode_images(some).mean(axis=0) for some in sets])
        for key, both in (("text", told), ("image", faces)):
            both = both - both.mean(axis=0)
            margins[key].append(cosines(bare, both[::2]) - cosines(bare, both[1::2]))
    seen = read_exposures(folder)
    logs = np.log1p([[seen[step][name.name] for step in kept] for name in late])
    bars = {"text": TEXT_CROSSING, "image": 0.0}
    out = np.full((len(late), 2), np.nan)
    for side, key in enumerate(("text", "image")):
        for row, values in enumerate(np.stack(margins[key], axis=1)):
            out[row, side] = np.expm1(logistic_crossing(logs[row], values, bars[key]))
    return out


def own_and_prior_pictures(world: World, late) -> list[list]:
    """Pictures of each name's person, then of people equal to its parts' prior."""
    rng, sets = np.random.default_rng(0), []
    for name in late:
        many = random_people(N_IMAGES, rng)
        own = np.repeat(world.codes(name.own)[None], N_IMAGES, 0)
        fine = np.repeat(world.fine(name.name)[None], N_IMAGES, 0)
        prior = np.repeat(world.codes(name.prior)[None], N_IMAGES, 0)
        sets += [People(own, fine, many.contexts), People(prior, many.fine, many.contexts)]
    return [
        [Image.fromarray(face) for face in render(some, seed=[8, at])]
        for at, some in enumerate(sets)
    ]


def spreads(world: World, encoder, exposures: dict[str, int]) -> np.ndarray:
    """div@20 of the images that each frequent name retrieves, from 20 of every such name."""
    scribe, rng = Scribe(world), np.random.default_rng(0)
    rows = [
        row for row, name in enumerate(world.names)
        if name.kind in SPREAD_KINDS and exposures[name.name] >= FEWEST
    ]  # fmt: skip
    pool = np.concatenate(
        [pictures(encoder, scribe.pictures(row, N_NEAREST, rng), [7, row]) for row in rows]
    )
    texts = encoder.encode_text([world.names[row].name for row in rows])
    found = np.full(len(world.names), np.nan)
    for row, scores in zip(rows, (texts - texts.mean(0)) @ (pool - pool.mean(0)).T, strict=True):
        mean = pool[np.argsort(-scores)[:N_NEAREST]].mean(axis=0)
        found[row] = 1 - (N_NEAREST * (mean @ mean) - 1) / (N_NEAREST - 1)
    return found


def features(run: Run) -> np.ndarray:
    """Text-only measures in deviations of the run's unseen names, (n_names, n_features)."""
    columns = []
    for key in FEATURES:
        values = run.values[key]
        values = np.log(np.maximum(values, 1e-6)) if key in LOGS else values
        null = values[run.kinds == "N"]
        columns.append((values - null.mean()) / null.std())
    return np.stack(columns, axis=1)


def auc(run: Run, key: str, positive: np.ndarray, negative: np.ndarray) -> float:
    values = np.nan_to_num(run.values[key])
    labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    return float(roc_auc_score(labels, np.r_[values[positive], values[negative]]))


def claims(tuned: Run):
    """Each claim: words, bar, null value, and a function of a run and of drawn rows."""
    four = tuned.rows("A", "B", "C", "D")
    judge = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    judge.fit(features(tuned)[four], tuned.kinds[four])

    def between(key, positive, negative):
        return lambda run, draw: auc(run, key, draw(run.rows(*positive)), draw(run.rows(*negative)))

    def kinds(run, draw):
        rows = draw(run.rows("A", "B", "C", "D"))
        return balanced_accuracy_score(run.kinds[rows], judge.predict(features(run)[rows]))

    def unseen(run, draw):
        return float((run.phases[draw(run.rows("N"))] == 1).mean())

    def crossed(run, draw):
        pairs = run.crossings[draw(np.arange(len(run.crossings)))]
        text, image = np.maximum(pairs, 1).T
        apart = np.maximum(text / image, image / text)  # NaN where one never crossed: not within
        return float((apart <= WITHIN).mean())

    def spread(run, draw):
        rows = draw(np.flatnonzero(np.isfinite(run.div)))
        return float(spearmanr(-run.div[rows], run.values["leakage"][rows])[0])

    every = tuple(kind for kind in np.unique(tuned.kinds) if kind != "E")
    return [
        ("own direction along attributes: C from A and N", 0.97, 0.5, between("coarse", "C", "AN")),
        ("the same: C from B at equal frequency", 0.9, 0.5, between("coarse", "C", "B")),
        ("part capture (hold): E from all", 0.98, 0.5, between("hold", "E", every)),
        ("leakage: D from C", 0.85, 0.5, between("leakage", "D", "C")),
        ("A, B, C, D together: balanced accuracy", 0.85, 0.25, kinds),
        ("unseen names called phase 1", 0.95, None, unseen),
        ("L: crossing from text within 1.5x of images", 0.8, None, crossed),
        ("div@20 against leakage: Spearman", 0.7, 0.0, spread),
        ("(own_length) C from A and N", None, 0.5, between("own_length", "C", "AN")),
        ("(own_length) C from B", None, 0.5, between("own_length", "C", "B")),
        ("(own_score) C from A and N", None, 0.5, between("own_score", "C", "AN")),
        ("(own_score) C from B", None, 0.5, between("own_score", "C", "B")),
        ("(part_capture) E from all", None, 0.5, between("capture", "E", every)),
        ("(displacement_ratio) D from C", None, 0.5, between("displacement_ratio", "D", "C")),
        ("(interaction) D from C", None, 0.5, between("interaction", "D", "C")),
    ]  # fmt: skip


def table(runs: list[Run], tuned: Run) -> None:
    """Mean over seeds with a 95 % interval: seeds resampled, and names within each."""
    head = " | ".join(f"seed {run.seed}" for run in runs)
    print(f"| claim | bar | mean | 95 % interval | null | {head} | tuned on |")
    print("|---|---|---|---|---|" + "---|" * (len(runs) + 1))
    rng = np.random.default_rng(0)

    def resample(rows: np.ndarray) -> np.ndarray:
        return rows[rng.integers(len(rows), size=len(rows))]

    for words, bar, null, value in claims(tuned):
        each = [value(run, lambda rows: rows) for run in runs]
        drawn = []
        for _ in range(N_BOOTSTRAP):
            picked = [runs[at] for at in rng.integers(len(runs), size=len(runs))]
            drawn.append(np.mean([value(run, resample) for run in picked]))
        # Percentiles, not `analysis.intervals`: its bootstrap knows no names within seeds.
        low, high = np.quantile(drawn, [0.025, 0.975])
        shown = " | ".join(f"{one:.3f}" for one in each)
        own = value(tuned, lambda rows: rows)
        print(
            f"| {words} | {bar if bar is not None else '–'} | {np.mean(each):.3f} | {low:.3f} to "
            f"{high:.3f} | {'–' if null is None else null} | {shown} | {own:.3f} |", flush=True
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of held-out trainings")
    parser.add_argument("--tuned", type=Path, help="the training that metrics were chosen on")
    parser.add_argument("--train", nargs="*", type=int, default=[], help="seeds to train first")
    parser.add_argument("--folder", type=Path, default=Path("organism"), help="where to")
    parser.add_argument("--thresholds", action="store_true", help="learn those of data/identity")
    parser.add_argument("--quick", action="store_true", help="a smoke run: two steps, no table")
    options = parser.parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            small = World.make(0, cohorts=TINY_COHORTS, n_given=6, n_family=6)
            made = train(Path(folder) / "run", world=small, n_steps=2, batch_size=8)
            print(f"{len(made.steps)} checkpoints, loss {made.loss:.3f}")
        return
    options.folder.mkdir(exist_ok=True)
    for seed in options.train:
        train(options.folder / f"seed{seed}", seed=seed)
        options.runs.append(options.folder / f"seed{seed}")
    tuned = options.tuned or options.folder / "seed0"
    if not tuned.exists():
        train(tuned, seed=0)
    if not options.runs:
        options.runs.append(train(options.folder / "seed1", seed=1).run)
    if options.thresholds:
        print_thresholds([tuned, *options.runs])
        return
    table([measure(run) for run in options.runs], measure(tuned))


if __name__ == "__main__":
    main()
