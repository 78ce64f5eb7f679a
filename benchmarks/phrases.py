"""Phrases: what they add to painted prompts, and whether they say what names are known to mean.

``paint``: forty described people (`_described.py`, written before any search), minilm, 3,000 names
of Faker. The same search with at most four parts is run over names alone, phrases alone and both.
Printed: the mean cosine of the best prompts to the descriptions, and the mean paired differences
with 95 % percentile intervals over 10,000 bootstrap resamples of the targets.

``organism``: the packaged organism and its world. Each own attribute of a name of the kinds C, D
and L with at least 316 planned captions is to be recovered by `describe` from a dictionary of the
organism's attribute phrases, one group for each attribute and as many phrases as there are groups.
F1 over all names, micro-averaged, with an interval over names; the null gives each name the
description of another (1,000 permutations).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _described import TARGETS

Found = dict[str, list[float]]
N_PARTS = 4
BEAM = 4
FEWEST_EXPOSURES = 316
KINDS = ("C", "D", "L")
SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "names": {},
    "phrases": {"phrases": True, "max_names": 0},
    "names and phrases": {"phrases": True},
}


def measure_paint(targets: Sequence[str], n_names: int, out: Path | None) -> Found:
    """The cosine of the best prompt to every target, by search."""
    import namebasis as nb

    found: Found = {search: [] for search in SEARCHES}
    with tempfile.TemporaryDirectory() as folder:
        names = nb.read_names("faker", limit=n_names, seed=0)
        space = nb.build_space(names, Path(folder) / "s", encoder="minilm")
        for target in targets:
            for search, options in SEARCHES.items():
                painting = space.paint(target, N_PARTS, beam=BEAM, **options)
                found[search].append(painting.similarity)
                if out is not None:
                    row = (target, search, painting.similarity, painting.prompt)
                    with out.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return found


def difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> tuple[float, ...]:
    """Mean of the paired differences, and its 95 % interval over resamples of the targets."""
    values = np.asarray(a) - np.asarray(b)
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(10_000, len(values)))].mean(axis=1)
    return float(values.mean()), *map(float, np.quantile(means, [0.025, 0.975]))


def paint_table(found: Found) -> list[str]:
    both = found["names and phrases"]
    lines = [
        f"| prompt of at most {N_PARTS} | mean cosine, {len(both)} targets | names and phrases "
        "are nearer by |", "|---|---|---|",
    ]  # fmt: skip
    for search, values in found.items():
        mean, low, high = difference(both, values)
        better = sum(a > b + 1e-6 for a, b in zip(both, values, strict=True))
        worse = sum(a < b - 1e-6 for a, b in zip(both, values, strict=True))
        told = f"{mean:.3f} ({low:.3f} to {high:.3f}); {better} higher, {worse} lower"
        lines.append(f"| {search} | {np.mean(values):.3f} | {'' if values is both else told} |")
    return lines


def organism_phrases() -> str:
    """A text file of the organism's attributes as its captions say them."""
    from namebasis.organism.words import ATTRIBUTES

    reads = {
        "age": {"child": "a child", "adult": "an adult", "elderly": "an elderly person"},
        "gender": {"woman": "a feminine person", "man": "a masculine person"},
    }
    nouns = {
        "hair_length": "hair", "hair_colour": "hair", "skin_tone": "skin", "eye_colour": "eyes",
    }  # fmt: skip
    lines = []
    for attribute, values in ATTRIBUTES.items():
        lines.append(f"[{attribute}]")
        for value in values:
            noun = nouns.get(attribute, "")
            said = reads.get(attribute, {}).get(value, f"a person with {value} {noun}")
            lines.append(f"{attribute} {value} = {said}")
    return "\n".join(lines) + "\n"


def organism_table(n_draws: int, most: int | None) -> list[str]:
    import namebasis as nb
    from namebasis.organism.words import ATTRIBUTES
    from namebasis.organism.world import World

    folder = Path(nb.__file__).parent / "data" / "organism"
    world = World.load(folder / "world.json")
    wanted = [
        name
        for name in world.names
        if name.kind in KINDS and name.exposures >= FEWEST_EXPOSURES and name.own
    ][:most]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "attributes.txt"
        file.write_text(organism_phrases(), encoding="utf-8")
        everyone = [name.name for name in world.names]
        space = nb.build_space(everyone, Path(place) / "s", encoder="organism")
        options = {"phrases": file, "n_null": 0, "n_resamples": 0}
        said = [
            set(space.describe(name.name, len(ATTRIBUTES), **options).phrases) for name in wanted
        ]
    truth = [{f"{key} {value}" for key, value in (name.own or {}).items()} for name in wanted]
    rng = np.random.default_rng(0)
    n = len(wanted)
    draws = [f1(said, truth, rng.integers(n, size=n)) for _ in range(n_draws)]
    null = [f1([said[at] for at in rng.permutation(n)], truth) for _ in range(n_draws)]
    low, high = np.quantile(draws, [0.025, 0.975])
    lines = [
        f"| attributes of {n} names of the organism, from their embedding | F1 |", "|---|---|",
        f"| all | {f1(said, truth):.3f} ({low:.3f} to {high:.3f}) |",
        f"| all, of shuffled names | {np.mean(null):.3f}, at most {np.max(null):.3f} |",
    ]  # fmt: skip
    for kind in KINDS:
        rows = [at for at, name in enumerate(wanted) if name.kind == kind]
        if rows:
            lines.append(f"| kind {kind}, {len(rows)} names | {f1(said, truth, rows):.3f} |")
    for key in ATTRIBUTES:
        own = f1(*([{word for word in words if word.startswith(f"{key} ")} for words in part]
                   for part in (said, truth)))  # fmt: skip
        lines.append(f"| {key.replace('_', ' ')} | {own:.3f} |")
    return lines


def f1(
    said: Sequence[set[str]], truth: Sequence[set[str]], rows: Sequence[int] | None = None
) -> float:
    """Micro-averaged over names."""
    chosen = range(len(truth)) if rows is None else rows
    hits = sum(len(said[at] & truth[at]) for at in chosen)
    return 2 * hits / max(sum(len(said[at]) + len(truth[at]) for at in chosen), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--out", type=Path, help="append a line of JSON for each search")
    options = parser.parse_args()
    targets, n_names = (TARGETS[:2], 60) if options.quick else (TARGETS, 3000)
    print("\n".join(organism_table(20 if options.quick else 1000, 6 if options.quick else None)))
    print()
    print("\n".join(paint_table(measure_paint(targets, n_names, options.out))))


if __name__ == "__main__":
    main()
