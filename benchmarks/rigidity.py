"""Do pictures tell what the organism's names hold rigid, and who stays the same in contexts?

    python benchmarks/rigidity.py --half 1 --images painted     # the held-out names
    python benchmarks/rigidity.py --half 0                      # those it was developed on
    python benchmarks/rigidity.py --rendered 3 4 5              # worlds of other seeds, no painter

The packaged painter paints 9 pictures of "a photo of NAME" of every second name of the kinds C, D
and D95 that the organism saw 300 times or more, and one picture in each of the world's 15 contexts
("a photo of NAME on a beach"). The prior are every second of 60 names that it never saw; names that
it saw 10 times, which it hardly knows, stand for names that should be called nothing. The other
half of the names, with other noise, is held out: everything below was fixed on half 0.

- *rigid attributes*: minus the log ratio of `picture_rigidity`, on scene, expression and outfit,
  read by zero-shot with the organism's own encoder on axes in the world's words. D keeps all three,
  C none. Each name and attribute is one case; the AUC is over all cases.
- *flexibility*: `flexibility` of the table of names by contexts, C above D; beside it what probes
  on pixels alone read, which says how far D names are painted as rigid as they were seen.

There is one painter, whose world has seed 0; another takes 3,027 s on two quiet cores. In its place
`--rendered` takes the world's own pictures of names of worlds with other seeds, whose people, names
and scenes the encoder that reads them has never seen: what a perfect painter would show. Contexts
cannot be proved so, as the world shows a D name in its own scene whatever is asked for.

Intervals: names resampled within kinds. Null: kinds shuffled among names.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _organism_pictures import AGREES, PROMPT, Pixels, Rendered
from PIL import Image

from namebasis.analysis.intervals import auc
from namebasis.encoders.registry import load_encoder
from namebasis.organism.people import random_people
from namebasis.organism.renderer import render
from namebasis.organism.words import ATTRIBUTES, CONTEXTS
from namebasis.organism.world import World
from namebasis.validation import generate, load_pipeline
from namebasis.validation.extractors.base import Attribute
from namebasis.validation.extractors.image_probe import train_probe
from namebasis.validation.extractors.zero_shot import ZeroShot
from namebasis.validation.pictures.image_files import ImageFile
from namebasis.validation.pictures.image_store import measure_images
from namebasis.validation.rigidity.results import PictureRigidity
from namebasis.validation.rigidity.study import picture_rigidity
from namebasis.validation.study import pictures_of

FEWEST, N_IMAGES, N_UNSEEN, N_RESAMPLES = 300, 9, 60, 2000
KINDS = ("C", "D", "D95")
UNSEEN, HARDLY = "never seen", "seen 10 times"
SEEDS = {0: (0, 100), 1: (1000, 1100)}  # of the noise: plain pictures, and those in contexts


def write_axes(folder: Path) -> list[Path]:
    """Scene, expression and outfit as axes in the words of the world's captions."""
    written = []
    for key, phrases in CONTEXTS.items():
        lines = [
            f"name = {json.dumps(key)}", 'kind = "nominal"',
            'templates = ["{}", "a photo of {}", "a picture of {}"]',
        ]  # fmt: skip
        for said in phrases:
            texts = [f"{who} {said}" for who in ("a person", "a woman", "a man")]
            lines += ["[[values]]", f"label = {json.dumps(' '.join(said.split()[-2:]))}",
                      f"phrases = {json.dumps(texts)}"]  # fmt: skip
        written.append(folder / f"{key}.toml")
        written[-1].write_text("\n".join(lines), encoding="utf-8")
    return written


def chosen(world: World, half: int, step: int = 2) -> dict[str, str]:
    """Names and their kinds."""
    found: dict[str, str] = {}
    for kind in KINDS:
        rows = [n.name for n in world.names if n.kind == kind and n.exposures >= FEWEST]
        found |= dict.fromkeys(rows[half::step], kind)
    unseen = [name.name for name in world.names if name.kind == "N"]
    found |= dict.fromkeys(unseen[half:N_UNSEEN:step], UNSEEN)
    hardly = [name.name for name in world.names if name.exposures == 10]
    return found | dict.fromkeys(hardly[half::step], HARDLY)


def profile(images: Sequence[ImageFile], extractors, encoder, kinds) -> PictureRigidity:
    table = measure_images(images, extractors, encoder, batch_size=64)
    prior = [name for name, kind in kinds.items() if kind == UNSEEN]
    return picture_rigidity(
        pictures_of(table), dict.fromkeys(prior, "made up"), encoder=encoder, n_resamples=200
    )


def cases(found: PictureRigidity, kinds, key: str | None = None) -> dict[str, np.ndarray]:
    """Rigidity of attributes by kind, (n_names, n_attributes); of one attribute if asked."""
    return {
        kind: np.array([
            [-one.log_ratio for one in row.attributes if key in (None, one.attribute)]
            for row in found.names if kinds[row.name] == kind
        ])
        for kind in (*KINDS, HARDLY, UNSEEN)
    }  # fmt: skip


def flexible(found: PictureRigidity, kinds) -> dict[str, np.ndarray]:
    return {
        kind: np.array([[row.contexts.flexibility.value] for row in found.names
                        if kinds[row.name] == kind])
        for kind in (*KINDS, HARDLY, UNSEEN)
    }  # fmt: skip


def told(words: str, bar: float | None, high: np.ndarray, low: np.ndarray) -> None:
    """Print an AUC of cases, with names resampled and, as the null, shuffled."""
    rng = np.random.default_rng(0)
    drawn, null, both = [], [], np.concatenate([high, low])
    for _ in range(N_RESAMPLES):
        sides = (side[rng.integers(len(side), size=len(side))] for side in (high, low))
        drawn.append(auc(*(side.ravel() for side in sides)))
        mixed = rng.permutation(both)
        null.append(auc(mixed[: len(high)].ravel(), mixed[len(high) :].ravel()))
    ends = [np.quantile(one, [0.025, 0.975]) for one in (drawn, null)]
    own, chance = (f"{low:.3f} to {high:.3f}" for low, high in ends)
    value = auc(high.ravel(), low.ravel())
    print(f"| {words} | {bar or '–'} | {len(high)} + {len(low)} | {value:.3f} ({own}) | "
          f"{np.mean(null):.3f} ({chance}) |")  # fmt: skip


def read_from_pixels(images: Sequence[ImageFile], world: World, kinds) -> dict[str, np.ndarray]:
    """How far pictures show the name's person in the context asked for, by kind, (n_names, 1).

    Of each picture the mean share of the person's attributes times that of the context, by linear
    probes on means of pixels: the encoder that the study reads with has no part in it.
    """
    eyes, people = Pixels(), random_people(3_000, np.random.default_rng(11))
    vectors = eyes.encode_images([Image.fromarray(one) for one in render(people, seed=12)])
    codes = dict(zip((*ATTRIBUTES, *CONTEXTS), (*people.attributes.T, *people.contexts.T),
                     strict=True))  # fmt: skip
    probes = {}
    for key, values in {**{key: ATTRIBUTES[key] for key in AGREES}, **CONTEXTS}.items():
        labels = [values[code] for code in codes[key]]
        probes[key] = train_probe(
            vectors, labels, list(map(str, range(len(labels)))), Attribute(key, tuple(values), ()),
            eyes,
        )  # fmt: skip
    shown = eyes.encode_images([Image.open(one.path).convert("RGB") for one in images])
    shares = {key: probe.shares(shown) for key, probe in probes.items()}
    truth = {name.name: name for name in world.names}
    found: dict[str, list[float]] = {}
    for at, one in enumerate(images):
        own = truth[one.name].own or truth[one.name].prior
        person = np.mean([shares[key][at, ATTRIBUTES[key].index(own[key])] for key in AGREES])
        (there,) = (
            shares[key][at, list(phrases).index(said)]
            for key, phrases in CONTEXTS.items()
            for said in phrases
            if one.prompt == f"{PROMPT} {said}".format(one.name)
        )
        found.setdefault(one.name, []).append(person * there)
    return {
        kind: np.array([[np.mean(found[name])] for name in found if kinds[name] == kind])
        for kind in KINDS
    }


def head() -> None:
    print("| claim | bar | names | AUC | null |\n|---|---|---|---|---|")


def attributes(found: PictureRigidity, kinds, words: str = "") -> None:
    groups = cases(found, kinds)
    fixed = np.concatenate([groups["D"], groups["D95"]])
    told(f"rigid attributes: D and D95 from C{words}", 0.9, fixed, groups["C"])
    for key in found.attributes:
        one = cases(found, kinds, key)
        told(f"({key} alone{words})", None, np.concatenate([one["D"], one["D95"]]), one["C"])


def called(found: PictureRigidity, kinds) -> None:
    """How many attributes are called rigid or free, by kind."""
    print("\n| kind | names | called rigid | called free |\n|---|---|---|---|")
    for kind in (*KINDS, HARDLY, UNSEEN):
        rows = [row for row in found.names if kinds[row.name] == kind]
        n = len(rows) * len(found.attributes)
        shares = (sum(len(row.of_kind(one)) for row in rows) / n for one in ("rigid", "free"))
        print(f"| {kind} | {len(rows)} | {' | '.join(f'{share:.3f}' for share in shares)} |")


def plane(found: PictureRigidity, kinds) -> None:
    """Where the kinds lie in the plane of person and context."""
    print("\n| kind | names | same person | context there | flexibility | called flexible | rigid "
          "| unknown |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for kind in (*KINDS, HARDLY, UNSEEN):
        rows = [row.contexts for row in found.names if kinds[row.name] == kind]
        means = (
            np.mean([getattr(row, key).value for row in rows])
            for key in ("same_person", "context_there", "flexibility")
        )
        shares = (sum(row.kind == one for row in rows) for one in ("flexible", "rigid", "unknown"))
        print(f"| {kind} | {len(rows)} | {' | '.join(f'{mean:.2f}' for mean in means)} | "
              f"{' | '.join(map(str, shares))} |")  # fmt: skip


def painted(folder: Path, half: int, each: int, *, quick: bool) -> None:
    world = World.load(Path(str(files("namebasis"))) / "data" / "organism" / "world.json")
    kinds = chosen(world, half, 12 if quick else 2)
    encoder, painter = load_encoder("organism"), load_pipeline("organism")
    reader = [ZeroShot(encoder, write_axes(folder))]
    asked = {
        "plain": ([PROMPT], N_IMAGES, SEEDS[half][0]),
        "contexts": (
            templates := [f"{PROMPT} {said}" for group in CONTEXTS.values() for said in group],
            each * len(templates),
            SEEDS[half][1],
        ),
    }
    found = {}
    for what, (templates, n_images, seed) in asked.items():
        made = generate(
            painter, list(kinds), folder / what, templates=templates, n_images=n_images, seed=seed,
            batch_size=64,
        )  # fmt: skip
        found[what] = profile(made.images, reader, encoder, kinds)
    head()
    attributes(found["plain"], kinds)
    groups = flexible(found["contexts"], kinds)
    told("flexibility: C above D", 0.9, groups["C"], groups["D"])
    told("(C above D and D95)", None, groups["C"], np.concatenate([groups["D"], groups["D95"]]))
    told("(C above names never seen)", None, groups["C"], groups[UNSEEN])
    seen = read_from_pixels(made.images, world, kinds)
    told("(read from pixels: person and context there, C above D)", None, seen["C"], seen["D"])
    called(found["plain"], kinds)
    plane(found["contexts"], kinds)


def rendered(folder: Path, seeds: Sequence[int]) -> None:
    encoder = load_encoder("organism")
    reader = [ZeroShot(encoder, write_axes(folder))]
    head()
    for seed in seeds:
        world = World.make(seed)
        kinds = chosen(world, 0, 1)
        made = generate(
            Rendered(world), list(kinds), folder / f"world{seed}", templates=[PROMPT],
            n_images=N_IMAGES, seed=0, batch_size=64,
        )  # fmt: skip
        attributes(profile(made.images, reader, encoder, kinds), kinds, f", world {seed} rendered")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    parser.add_argument("--each", type=int, default=1, help="pictures in each context")
    parser.add_argument("--rendered", type=int, nargs="+", help="worlds of these seeds instead")
    parser.add_argument("--images", type=Path, help="keeps the pictures: a run goes on here")
    parser.add_argument("--quick", action="store_true", help="a smoke run: a sixth of the names")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.images or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if options.rendered:
            rendered(folder, options.rendered)
        else:
            painted(folder, options.half, options.each, quick=options.quick)


if __name__ == "__main__":
    main()
