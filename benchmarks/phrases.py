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

    python -m benchmarks.phrases paint
    python -m benchmarks.phrases organism
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

from benchmarks._described import TARGETS

Found = dict[str, list[float]]
N_PARTS = 4
FEWEST_EXPOSURES = 316
KINDS = ("C", "D", "L")
SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "names": {},
    "phrases": {"phrases": True, "max_names": 0},
    "both": {"phrases": True},
}


def measure_paint(n_names: int, beam: int, out: Path | None, made: Path | None) -> Found:
    """The cosine of the best prompt to every target, by search."""
    import namebasis as nb

    found: Found = {search: [] for search in SEARCHES}
    with tempfile.TemporaryDirectory() as folder:
        if made is None:
            names = nb.read_names("faker", limit=n_names, seed=0)
            space = nb.build_space(names, Path(folder) / "s", encoder="minilm")
        else:
            space = nb.open_space(made)
        for target in TARGETS:
            for search, options in SEARCHES.items():
                painting = space.paint(target, N_PARTS, beam=beam, **options)
                found[search].append(painting.similarity)
                row = (target, search, painting.similarity, painting.prompt)
                print(*row, sep="\t", flush=True)
                if out is not None:
                    with out.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return found


def difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> tuple[float, ...]:
    """Mean of the paired differences, and its 95 % interval over resamples of the targets."""
    values = np.asarray(a) - np.asarray(b)
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(10_000, len(values)))].mean(axis=1)
    return float(values.mean()), *map(float, np.quantile(means, [0.025, 0.975]))


def paint(n_names: int, beam: int, out: Path | None, made: Path | None) -> None:
    found = measure_paint(n_names, beam, out, made)
    for search, values in found.items():
        print(f"{search}: mean cosine {np.mean(values):.3f}")
    for other in ("names", "phrases"):
        mean, low, high = difference(found["both"], found[other])
        print(f"both over {other} alone: {mean:+.3f} (95 % {low:+.3f} to {high:+.3f})")


def organism_phrases() -> str:
    """A text file of the organism's attributes as its captions say them."""
    from namebasis.organism.words import ATTRIBUTES

    reads = {
        "age": {"child": "a child", "adult": "an adult", "elderly": "an elderly person"},
        "gender": {"woman": "a feminine person", "man": "a masculine person"},
    }
    nouns = {
        "hair_length": "hair",
        "hair_colour": "hair",
        "skin_tone": "skin",
        "eye_colour": "eyes",
    }
    lines = []
    for attribute, values in ATTRIBUTES.items():
        lines.append(f"[{attribute}]")
        for value in values:
            noun = nouns.get(attribute, "")
            said = reads.get(attribute, {}).get(value, f"a person with {value} {noun}")
            lines.append(f"{attribute} {value} = {said}")
    return "\n".join(lines) + "\n"


def organism(n_draws: int = 1000) -> None:
    import namebasis as nb
    from namebasis.organism.words import ATTRIBUTES
    from namebasis.organism.world import World

    folder = Path(nb.__file__).parent / "data" / "organism"
    world = World.load(folder / "world.json")
    wanted = [
        name
        for name in world.names
        if name.kind in KINDS and name.exposures >= FEWEST_EXPOSURES and name.own
    ]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "attributes.txt"
        file.write_text(organism_phrases(), encoding="utf-8")
        everyone = [name.name for name in world.names]
        space = nb.build_space(everyone, Path(place) / "s", encoder="organism")
        said = [
            set(
                space.describe(
                    name.name, len(ATTRIBUTES), phrases=file, n_null=0, n_resamples=0
                ).phrases
            )
            for name in wanted
        ]
    truth = [{f"{key} {value}" for key, value in (name.own or {}).items()} for name in wanted]
    report_organism(wanted, said, truth, n_draws)


def report_organism(
    names: Sequence[Any], said: list[set[str]], truth: list[set[str]], n_draws: int
) -> None:
    rng = np.random.default_rng(0)
    n = len(names)
    draws = [rng.integers(n, size=n) for _ in range(n_draws)]
    low, high = np.quantile([f1([said[i] for i in d], [truth[i] for i in d]) for d in draws],
                            [0.025, 0.975])  # fmt: skip
    null = [f1([said[i] for i in rng.permutation(n)], truth) for _ in range(n_draws)]
    print(f"{n} names: F1 {f1(said, truth):.3f} (95 % {low:.3f} to {high:.3f})")
    print(f"shuffled names: {np.mean(null):.3f}, at most {np.max(null):.3f}")
    for kind in KINDS:
        rows = [at for at, name in enumerate(names) if name.kind == kind]
        if rows:
            own = f1([said[at] for at in rows], [truth[at] for at in rows])
            print(f"  kind {kind}: {len(rows)} names, F1 {own:.3f}")
    for key in sorted({word.split()[0] for words in truth for word in words}):
        own = f1(*([{w for w in words if w.startswith(f"{key} ")} for words in part]
                   for part in (said, truth)))  # fmt: skip
        print(f"  {key}: F1 {own:.3f}")


def f1(said: Sequence[set[str]], truth: Sequence[set[str]]) -> float:
    """Micro-averaged over all names."""
    hits = sum(len(a & b) for a, b in zip(said, truth, strict=True))
    return 2 * hits / max(sum(map(len, said)) + sum(map(len, truth)), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("paint", "organism"))
    parser.add_argument("--names", type=int, default=3000)
    parser.add_argument("--beam", type=int, default=8)
    parser.add_argument("--out", type=Path, help="append a line of JSON for each search")
    parser.add_argument("--space", type=Path, help="such a space, built before")
    options = parser.parse_args()
    if options.part == "paint":
        paint(options.names, options.beam, options.out, options.space)
    else:
        organism()


if __name__ == "__main__":
    main()
