"""Do pictures painted of the organism's names show what its text space says of them?

    python benchmarks/validation.py --images painted
    python benchmarks/validation.py --painter diffusers:painter --organism packed --images painted
    python benchmarks/validation.py --only-rendered

The painter paints 9 pictures of "a photo of NAME" with its own steps and guidance, of every name
seen 300 times or more; `validate` measures them and reads the names in text. The column "rendered"
is the same of the world's own pictures of the names instead of painted ones: what a perfect
painter would reach, so that what is missing there is missing in text or in the measure.

All metrics were fixed on rendered pictures, before a painter was trained:

- *text readings*: `validate` on a space of the template "a photo of {}", on axes made of the
  world's own words (skin tone, hair length and gender ordered, hair colour nominal); of the four
  readings of `score` the one named `READING`.
- *image attributes*: linear probes (`train_probe`) on the organism's image vectors of 3,000
  rendered pictures of random people; a name's value is the mean over its pictures of the expected
  rank, or of a hair colour's share. The organism made those vectors and read the text too, so rows
  in brackets repeat it with probes on pixels alone (16 × 16 means).
- *agreement*: Spearman over names of all kinds; of hair colour the mean over its four values.
- *spread*: div@9 of the image vectors of a name's pictures, as `validate` gives it.
- *own person*: of the attributes in which a C name's person contradicts its parts, the mean over
  pictures and attributes of the probes' share of the person's value less that of the parts' value;
  above 0 is drawn as the person.

Intervals: names resampled (within kinds). Null: text shuffled among names; kinds shuffled; the
pictures of another C name in place of the own ones.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _organism_pictures import AGREES, PROMPT, Pixels, Rendered, columns, train_probes, write_axes
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.organism.words import ATTRIBUTES
from namebasis.organism.world import NameTruth, World
from namebasis.space import Space
from namebasis.validation import PaintOptions, generate, load_pipeline, validate
from namebasis.validation.extractors.image_probe import ProbeExtractor
from namebasis.validation.study import Validation

FEWEST, WELL_KNOWN = 300, 1000  # exposures
READING = "expectation"
N_PICTURES, N_BOOTSTRAP = 3000, 1000


@dataclass
class Pictures:
    """What was read in text and measured on pictures; rows are names."""

    truths: list[NameTruth]
    text: dict[str, np.ndarray]  # attribute → (n_names, n_columns)
    image: dict[str, np.ndarray]
    div: np.ndarray
    leakage: np.ndarray
    margins: np.ndarray  # (n_names, n_names): pictures of a row, truth of a column; NaN unless C

    def rows(self, kind: str, fewest: int = FEWEST) -> np.ndarray:
        kept = [name.kind == kind and name.exposures >= fewest for name in self.truths]
        return np.flatnonzero(kept)


def measure(
    painter, world: World, truths: list[NameTruth], space: Space, probes, axes, folder: Path,
    n: int, how: PaintOptions,
) -> Pictures:  # fmt: skip
    """Paint the names, measure the pictures, and read the names in text."""
    made = generate(
        painter, [name.name for name in truths], folder, templates=[PROMPT], n_images=n,
        options=how, batch_size=72, progress=told(f"painting with {painter.spec}"),
    )  # fmt: skip
    encoder = space.encoder()
    extractors = [
        ProbeExtractor(probes[seer][key], eyes, f"{seer}:{key}")
        for seer, eyes in (("probe", encoder), ("pixels", Pixels()))
        for key in AGREES
    ]  # fmt: skip
    found = validate(
        space, made.images, extractors, encoder=encoder, axes=axes, batch_size=64, n_resamples=20,
        progress=told("measuring"),
    )  # fmt: skip
    shown = {row.name: row for row in found.agreement.names}
    order = [shown[name.name] for name in truths]
    text, image = {}, {}
    for key in AGREES:
        said = [found.text[column, READING] for column in columns(key)]
        text[key] = np.array([[one[name.name] for one in said] for name in truths])
        for end in ("", "_pixels"):
            labels = [column + end for column in columns(key)]
            image[key + end] = np.array([[row.means[label] for label in labels] for row in order])
    return Pictures(
        truths, text, image, np.array([row.spread.div.value for row in order]),
        np.array([found.text["div", "leakage"][name.name] for name in truths]),
        own_margins(world, truths, found, probes["probe"]),
    )  # fmt: skip


def own_margins(world: World, truths: list[NameTruth], found: Validation, probes) -> np.ndarray:
    """How far the pictures of a C name (a row) show a C name's person (a column), not its parts.

    Of the attributes in which the column's person contradicts its parts: mean over pictures and
    attributes of the person's share less the parts'. The names' own margins are the diagonal.
    """
    shares = {key: probe.shares(found.images.vectors) for key, probe in probes.items()}
    pictures: dict[str, list[int]] = {}
    for at, image in enumerate(found.images.images):
        pictures.setdefault(image.name, []).append(at)
    margins = np.full((len(truths), len(truths)), np.nan)
    people = [at for at, name in enumerate(truths) if name.kind == "C"]
    for row in people:
        means = [shares[key][pictures[truths[row].name]].mean(axis=0) for key in ATTRIBUTES]
        for column in people:
            own, prior = (world.codes(v) for v in (truths[column].own, truths[column].prior))
            other = np.flatnonzero(own != prior)
            margins[row, column] = np.mean([means[k][own[k]] - means[k][prior[k]] for k in other])
    return margins


@dataclass
class Claim:
    """A figure: its words, its bar, how many names, and its value of groups of drawn rows."""

    words: str
    bar: float | None
    groups: list[np.ndarray]
    value: Callable[..., float]
    null: Callable[[np.random.Generator], float]


def agreement(words: str, bar: float | None, text, image, rows: np.ndarray) -> Claim:
    """Spearman over names, the mean over columns."""

    def value(drawn, turned=None):
        said = text[drawn if turned is None else turned]
        return float(
            np.mean([spearmanr(s, i)[0] for s, i in zip(said.T, image[drawn].T, strict=True)])
        )

    return Claim(words, bar, [rows], value, lambda rng: value(rows, rng.permutation(rows)))


def difference(words: str, bar: float, values: np.ndarray, high, low) -> Claim:
    """AUC of one kind of names above another."""

    def value(first, second):
        labels = np.r_[np.ones(len(first)), np.zeros(len(second))]
        return float(roc_auc_score(labels, np.r_[values[first], values[second]]))

    def null(rng):
        mixed = rng.permutation(np.r_[high, low])
        return value(mixed[: len(high)], mixed[len(high) :])

    return Claim(words, bar, [high, low], value, null)


def claims(found: Pictures) -> list[Claim]:
    every, known = np.arange(len(found.truths)), found.rows("C", WELL_KNOWN)
    own = Claim(
        f"C names seen {WELL_KNOWN:,} times or more: drawn as their own person", 0.8, [known],
        lambda drawn: float((found.margins[drawn, drawn] > 0).mean()),
        # A circle in random order gives every name the pictures of another.
        lambda rng: float(
            (found.margins[np.roll(order := rng.permutation(known), 1), order] > 0).mean()
        ),
    )  # fmt: skip
    return [
        *(
            agreement(f"text and images: {key.replace('_', ' ')}, Spearman", 0.7,
                      found.text[key], found.image[key], every)
            for key in AGREES
        ),
        difference("div@9: C above D, AUC", 0.9, found.div, found.rows("C"), found.rows("D")),
        difference("div@9: A above B, AUC", 0.8, found.div, found.rows("A"), found.rows("B")),
        own,
        *(
            agreement(f"({key.replace('_', ' ')} by probes on pixels, Spearman)", None,
                      found.text[key], found.image[f"{key}_pixels"], every)
            for key in AGREES
        ),
        agreement("(div@9 against text's leakage, Spearman of −div)", None,
                  found.leakage[:, None], -found.div[:, None], every),
    ]  # fmt: skip


def figures(found: Pictures, n_resamples: int) -> list[tuple[Claim, str, str]]:
    """Of each claim the value with its 95 % interval, and the null's."""
    # Percentiles, not `analysis.intervals`: a claim draws names in two groups of different sizes,
    # for which there is no one number of things drawn.
    rng = np.random.default_rng(0)
    told_of = []
    for claim in claims(found):
        drawn = [
            claim.value(*(rows[rng.integers(len(rows), size=len(rows))] for rows in claim.groups))
            for _ in range(n_resamples)
        ]
        null = [claim.null(rng) for _ in range(n_resamples)]
        ends = [np.nanquantile(one, [0.025, 0.975]) for one in (drawn, null)]
        own, other = (f"{low:.3f} to {high:.3f}" for low, high in ends)
        value = f"{claim.value(*claim.groups):.3f} ({own})"
        told_of.append((claim, value, f"{np.nanmean(null):.3f} ({other})"))
    return told_of


def table(sides: dict[str, Pictures], n_resamples: int) -> None:
    print(f"| claim | bar | names | {' | '.join(f'{side} | null' for side in sides)} |")
    print("|---|---|---|" + "---|---|" * len(sides))
    for rows in zip(*(figures(found, n_resamples) for found in sides.values()), strict=True):
        claim = rows[0][0]
        n = " + ".join(str(len(group)) for group in claim.groups)
        cells = " | ".join(f"{value} | {null}" for _, value, null in rows)
        print(f"| {claim.words} | {claim.bar or '–'} | {n} | {cells} |")


def told(what: str):
    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty() or done == total or done % 504 == 0:
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)

    return progress


def chosen(world: World, per_kind: int | None) -> list[NameTruth]:
    """Every name that was seen often enough; for a smoke run a few of each kind."""
    kept: list[NameTruth] = []
    for kind in sorted({name.kind for name in world.names}):
        known = [name for name in world.names if name.kind == kind and name.exposures >= FEWEST]
        kept += sorted(known, key=lambda name: -name.exposures)[:per_kind]
    return kept


def load_painter(options: argparse.Namespace):
    """The painter; None where a smoke run finds none."""
    try:
        return load_pipeline(options.painter)
    except EncoderError as error:
        if not options.quick:
            raise
        print(error, file=sys.stderr)
        return None


def run(options: argparse.Namespace, folder: Path) -> None:
    is_packaged = options.organism == "organism"
    packed = files("namebasis") / "data" / "organism" if is_packaged else Path(options.organism)
    world = World.load(Path(str(packed)) / "world.json")
    painters: dict[str, object] = {"rendered": Rendered(world)}
    if not options.only_rendered and (painter := load_painter(options)) is not None:
        painters = {"painted": painter} | painters
    encoder = load_encoder("organism" if is_packaged else f"hf:{packed}")
    truths = chosen(world, 5 if options.quick else None)
    n_pictures = 300 if options.quick else N_PICTURES
    probes = {
        "probe": train_probes(encoder, n_pictures),
        "pixels": train_probes(Pixels(), n_pictures, AGREES),
    }
    space = build_space(
        make_names([{"name": name.name, "part": "full"} for name in truths]),
        folder / "names.space", encoder=encoder, templates=[PROMPT], overwrite=True,
    )  # fmt: skip
    n_images, n_resamples = (3, 20) if options.quick else (9, N_BOOTSTRAP)
    how = PaintOptions(steps=2) if options.quick else PaintOptions()
    axes = write_axes(folder)
    sides = {
        side: measure(
            painter, world, truths, space, probes, axes, folder / "images" / side, n_images, how
        )
        for side, painter in painters.items()
    }
    table(sides, n_resamples)
    for seer, words in (("probe", "the organism's vectors"), ("pixels", "pixels")):
        accuracies = ", ".join(
            f"{key.replace('_', ' ')} {probe.held_out:.3f}" for key, probe in probes[seer].items()
        )
        print(
            f"\nHeld-out balanced accuracy of probes on {words}, rendered pictures: {accuracies}."
        )
    shown = ", ".join(f"{side} {one.fingerprint[:19]}" for side, one in painters.items())
    print(f"\n{len(truths)} names, {n_images} pictures each; {shown}.")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--painter", default="organism", help="as --pipeline; default: packaged")
    parser.add_argument("--organism", default="organism", help="or a folder that `pack` wrote")
    parser.add_argument("--images", type=Path, help="keeps pictures and space: a run goes on here")
    parser.add_argument("--only-rendered", action="store_true", help="leave the painter out")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: 5 names a kind, rendered"
    )
    options = parser.parse_args(words)
    if options.images is not None:
        options.images.mkdir(parents=True, exist_ok=True)
        run(options, options.images)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(options, Path(folder))


if __name__ == "__main__":
    main()
