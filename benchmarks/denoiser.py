"""Does one forward pass of the painter a level of noise say what its pictures say?

    python benchmarks/denoiser.py --half 1 --images painted     # the held-out names
    python benchmarks/denoiser.py --half 0 --images painted     # those it was developed on

The view `denoiser` is read from what the packaged painter predicts for a name, at a few levels of
noise, less what it predicts for a neutral prompt. The question is whether it knows of a name's
pictures what the name's text vector knows, or more. Fixed before anything was measured:

- *names*: those that the organism saw 300 times or more, of all kinds; every second one of each
  kind is half 0, on which pooling, weights of levels, levels and noises of the view were chosen;
  the others are held out, and asked with other noises (the view's seed 1000 instead of 0).
- *pictures*: painted with the pipeline's own steps and guidance and seen by the organism's image
  tower, as the view `image` of a space. The mean over noises of a prompt is scaled to length 1.
- *rigidity*: `similarity` of `rigidity` (mean cosine to the centre) over the world's 15 contexts
  ("a photo of NAME on a beach"): of the vectors of one picture in each context, of the denoiser's
  vectors of the same prompts, and of the text tower's.
- *own direction*: `own_score` of `identity` (what a full name has beyond its parts, over the noise
  of the noisier part): 12 given and 12 family names of the world as partners, drawn by seed 0;
  pairs that the organism saw are no swaps. "a photo of NAME"; 3 pictures of each. Names of kind E
  are left out, whose given names nobody shares.
- *claim*, for both: Spearman over names of the denoiser's values with those of pictures is at
  least Spearman of text's values with those of pictures. The difference has an interval, names
  resampled (both Spearman from the same names).
- *null*: the denoiser's values shuffled among names.

In brackets, without a bar: the length of the remainder alone; pictures seen as means of 16 × 16
blocks of pixels instead of by a tower that was trained with the text; and what tells kinds whose
truth is known: own direction of C above A and B, rigidity of D above C, as AUC.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _organism_pictures import PROMPT, Pixels
from scipy.stats import spearmanr

from namebasis.analysis.identity.own_direction import own_direction, part_effects, partner_grid
from namebasis.analysis.identity.spread import spread_values
from namebasis.analysis.intervals import auc
from namebasis.encoders.registry import load_encoder
from namebasis.organism.words import CONTEXTS
from namebasis.organism.world import World
from namebasis.validation import generate, load_pipeline
from namebasis.validation.denoiser import Denoiser, DenoiserSettings
from namebasis.validation.pictures.image_files import ImageFile

FEWEST, N_PARTNERS, N_EACH, N_RESAMPLES = 300, 12, 3, 2000
SIDES = ("pictures", "pixels", "denoiser", "text")
IN_CONTEXTS = tuple(f"{PROMPT} {said}" for group in CONTEXTS.values() for said in group)
Rows = dict[str, np.ndarray]


def chosen(world: World, half: int, step: int = 2) -> list[str]:
    """Every second name of each kind that was seen often enough."""
    found: list[str] = []
    for kind in sorted({name.kind for name in world.names}):
        kept = [n.name for n in world.names if n.kind == kind and n.exposures >= FEWEST]
        found += kept[half::step]
    return found


def parts_of(world: World) -> tuple[list[str], list[str]]:
    """Given and family names that several people have."""
    names = [name.name.split() for name in world.names if name.kind != "E"]
    return sorted({given for given, _ in names}), sorted({family for _, family in names})


def partners_of(world: World) -> list[list[str]]:
    rng = np.random.default_rng(0)
    return [sorted(rng.choice(one, N_PARTNERS, replace=False).tolist()) for one in parts_of(world)]


def swaps_of(world: World) -> list[str]:
    """Every part with the partners, the partners with each other among them."""
    (givens, families), (first, last) = parts_of(world), partners_of(world)
    pairs = [f"{given} {family}" for given in givens for family in last]
    return list(dict.fromkeys([*pairs, *(f"{g} {f}" for g in first for f in families)]))


def own_of(rows: Rows, names: Sequence[str], world: World) -> dict[str, np.ndarray]:
    """Score and length of what names have beyond their parts."""
    first, last = partners_of(world)
    seen = {name.name for name in world.names if name.exposures > 0}
    grid = partner_grid(np.array([[rows[f"{g} {f}"] for f in last] for g in first]))
    sides, at = [], []
    for side, (partners, means) in enumerate(((last, grid.family), (first, grid.given))):
        parts = sorted({name.split()[side] for name in names})
        pairs = [
            [f"{part} {other}" if side == 0 else f"{other} {part}" for other in partners]
            for part in parts
        ]
        cube = np.array([[rows[pair] for pair in row] for row in pairs])
        free = np.array([[pair not in seen for pair in row] for row in pairs])
        sides.append(part_effects(cube, means, free))
        at.append(np.array([parts.index(name.split()[side]) for name in names]))
    whole = np.array([rows[name] for name in names])
    found = own_direction(whole, *sides, grid.grand, *at)
    return {"score": found.score, "length": found.length}


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def seen_by(encoder, images: Sequence[ImageFile]) -> dict[tuple[str, str], np.ndarray]:
    """Mean vector of the pictures of each name and context, scaled to length 1."""
    from PIL import Image

    groups: dict[tuple[str, str], list[int]] = {}
    vectors = []
    for start in range(0, len(images), 256):
        some = [Image.open(one.path).convert("RGB") for one in images[start : start + 256]]
        vectors.append(encoder.encode_images(some))
    for at, image in enumerate(images):
        groups.setdefault((image.name, image.context), []).append(at)
    rows = np.concatenate(vectors)
    return {key: unit(rows[own].mean(axis=0)) for key, own in groups.items()}


def measure(
    names: Sequence[str], world: World, folder: Path, seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Rigidity, own score and own length of the names, by what was looked at."""
    painter, encoder = load_pipeline("organism"), load_encoder("organism")
    asked = Denoiser(painter, DenoiserSettings(seed=seed))
    shared = [name for name in names if kinds_of(world)[name] != "E"]
    plain = list(dict.fromkeys([*names, *swaps_of(world)]))
    made = [
        *generate(painter, plain, folder / "plain", templates=[PROMPT], n_images=N_EACH, seed=0,
                  batch_size=64).images,
        *generate(painter, names, folder / "contexts", templates=IN_CONTEXTS,
                  n_images=len(IN_CONTEXTS), seed=100, batch_size=64).images,
    ]  # fmt: skip

    def by_text(encode) -> dict[tuple[str, str], np.ndarray]:
        keys = [*((name, PROMPT) for name in plain),
                *((name, context) for name in names for context in IN_CONTEXTS)]  # fmt: skip
        rows = encode([context.replace("{}", name) for name, context in keys])
        return dict(zip(keys, unit(np.asarray(rows, dtype=np.float64)), strict=True))

    looked = {
        "pictures": seen_by(encoder, made),
        "pixels": seen_by(Pixels(), made),
        "denoiser": by_text(lambda texts: asked.of_texts(texts)["denoiser"]),
        "text": by_text(encoder.encode_text),
    }
    found = {}
    for side, rows in looked.items():
        cubes = [np.array([rows[name, context] for context in IN_CONTEXTS]) for name in names]
        own = own_of({name: rows[name, PROMPT] for name in plain}, shared, world)
        found[side] = {"rigidity": spread_values(cubes)["similarity"], **own}
    return found


def kinds_of(world: World) -> dict[str, str]:
    return {name.name: name.kind for name in world.names}


def agreement(words: str, bar: str, found, key: str, truth: str) -> None:
    """Spearman of the denoiser and of text with pictures, and their difference."""
    sides = {side: found[side][key] for side in ("denoiser", "text")}
    shown, rng = found[truth][key], np.random.default_rng(0)
    n = len(shown)

    def value(side: str, rows: np.ndarray) -> float:
        return float(spearmanr(sides[side][rows], shown[rows])[0])

    every = np.arange(n)
    drawn = [rng.integers(n, size=n) for _ in range(N_RESAMPLES)]
    told = {side: [value(side, rows) for rows in drawn] for side in sides}
    apart = np.subtract(told["denoiser"], told["text"])
    null = [
        spearmanr(rng.permutation(sides["denoiser"]), shown)[0] for _ in range(N_RESAMPLES)
    ]  # fmt: skip
    cells = [f"{value(side, every):.3f} ({ends(told[side])})" for side in sides]
    gap = value("denoiser", every) - value("text", every)
    print(f"| {words} | {bar} | {n} | {' | '.join(cells)} | {gap:+.3f} ({ends(apart)}) | "
          f"{np.mean(null):.3f} ({ends(null)}) |")  # fmt: skip


def ends(values) -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{low:.3f} to {high:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    parser.add_argument("--images", type=Path, help="keeps the pictures: a run goes on here")
    options = parser.parse_args()
    world = World.load(Path(str(files("namebasis"))) / "data" / "organism" / "world.json")
    names = chosen(world, options.half)
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(names, world, options.images or Path(scratch), 1000 * options.half)
    print("| claim | bar | names | denoiser and pictures | text and pictures | difference | null |")
    print("|---|---|---|---|---|---|---|")
    agreement("rigidity, Spearman", "as text", found, "rigidity", "pictures")
    agreement("own direction (score), Spearman", "as text", found, "score", "pictures")
    agreement("(length of the remainder)", "–", found, "length", "pictures")
    agreement("(rigidity, pictures as pixels)", "–", found, "rigidity", "pixels")
    agreement("(own direction, pictures as pixels)", "–", found, "score", "pixels")
    truth(found, names, world)


def truth(found, names: Sequence[str], world: World) -> None:
    """What tells kinds whose truth is known."""
    kinds = np.array([kinds_of(world)[name] for name in names])
    shared = kinds[kinds != "E"]
    print(f"\n| AUC | {' | '.join(SIDES)} |\n|---|" + "---|" * len(SIDES))
    own, rigid = [], []
    for side in SIDES:
        score, held = found[side]["score"], found[side]["rigidity"]
        own.append(auc(score[shared == "C"], score[np.isin(shared, ["A", "B"])]))
        rigid.append(auc(held[np.isin(kinds, ["D", "D95"])], held[kinds == "C"]))
    for words, values in (("own direction: C above A and B", own), ("rigidity: D above C", rigid)):
        print(f"| {words} | {' | '.join(f'{value:.3f}' for value in values)} |")


if __name__ == "__main__":
    main()
