"""A celeb basis on the organism, whose truth is known: pictures inverted, components in words.

    python benchmarks/celeb.py organism/seed3 organism/seed4

Settings were chosen on seed 0; the tables are of other seeds. Trainings are made by
`namebasis organism train organism/seed3 --seed 3` (7 minutes each on two cores).

`invert`: of every name of kind C that was seen 300 times or more, five new pictures. These names
are not in the space, so neither the basis nor the prompt has them. Counted is how often the point
is nearer (raw cosine) to the name's own text vector than the best prompt of at most four names.

`mine`: components of the pieces that carry an attribute, which is where the part's own value of it
predicts its coefficient with a leave-one-out R² of at least 0.5. Counted is how often, for each
end of them, the phrase that comes first is one of that attribute. The dictionary holds all values
of all attributes and contexts. Null: the first phrases of the other components among these and the
first eight of each piece, whatever they carry.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from namebasis.analysis.intervals import share_interval
from namebasis.encoders.registry import load_encoder
from namebasis.namespace.building.build import build_space
from namebasis.organism.captions import Scribe
from namebasis.organism.renderer import render
from namebasis.organism.run_folder import read_exposures, step_folders
from namebasis.organism.words import ATTRIBUTES, CONTEXTS, TEMPLATES, attribute_phrase
from namebasis.organism.world import World
from namebasis.space import open_space
from namebasis.studies.celeb import CelebBasis
from namebasis.studies.celeb.points import Address

FEWEST, N_PICTURES, LEAST, N_COMPARED = 300, 5, 0.5, 8
NAME_TEMPLATES = list(TEMPLATES[:6])  # a name in the seventh is said to be one


class Ground:
    """One training: its world, its last encoder, and how often each name was seen."""

    def __init__(self, folder: Path) -> None:
        self.world = World.load(folder / "world.json")
        last, path = list(step_folders(folder).items())[-1]
        self.encoder = load_encoder(f"hf:{path}")
        self.seen = read_exposures(folder)[last]

    def space(self, names: list[str], path: Path):
        build_space(names, path, encoder=self.encoder, templates=NAME_TEMPLATES)
        return open_space(path, encoder=self.encoder)


def inverted(ground: Ground, folder: Path, n_names: int | None, **options) -> list[dict]:
    world = ground.world
    tested = [
        row for row, name in enumerate(world.names)
        if name.kind == "C" and ground.seen[name.name] >= FEWEST
    ][:n_names]  # fmt: skip
    held = {world.names[row].name for row in tested}
    kept = [one.name for one in world.names if one.kind != "N" and one.name not in held]
    space = ground.space(kept, folder / "held-out.space")
    basis, scribe, found = CelebBasis.fit(space), Scribe(world), []
    mean = space.mean().astype(np.float64)
    for row in tested:
        name = world.names[row].name
        people = scribe.pictures(row, N_PICTURES, np.random.default_rng([5, row]))
        photos = [Image.fromarray(face) for face in render(people, seed=[5, row])]
        one = basis.invert(photos, **options)
        rows = [ground.encoder.encode_names([name, ", ".join(one.prompt_names)], template)
                for template in NAME_TEMPLATES]  # fmt: skip
        own, prompt = (unit(row) for row in np.mean(rows, axis=0, dtype=np.float64))
        found.append(
            {
                "name": name,
                "point": float(one.vector @ own), "prompt": float(prompt @ own),
                "point_centred": centred(one.vector, own, mean),
                "prompt_centred": centred(prompt, own, mean),
                "nearest": float(space.vectors(ids=np.array(one.ids[:1]))[0] @ own),
                "to_photos": (one.similarity, one.prompt_similarity),
                "steps": one.n_steps, "stopped": one.stopped,
            }
        )  # fmt: skip
    return found


def unit(row: np.ndarray) -> np.ndarray:
    return row / np.linalg.norm(row)


def centred(one: np.ndarray, other: np.ndarray, mean: np.ndarray) -> float:
    return float(unit(one - mean) @ unit(other - mean))


def left_out_r2(values: np.ndarray, labels: np.ndarray) -> float:
    """R² of the mean of the others with the same label, against the mean of all others."""
    n, residual = len(values), 0.0
    for label in np.unique(labels):
        some = values[labels == label]
        scale = len(some) / (len(some) - 1) if len(some) > 1 else n / (n - 1)
        middle = some.mean() if len(some) > 1 else values.mean()
        residual += float((((some - middle) * scale) ** 2).sum())
    return 1 - residual / float((((values - values.mean()) * n / (n - 1)) ** 2).sum())


def carried(ground: Ground, basis: CelebBasis, names: list[str]) -> list[tuple[Address, str, list]]:
    """Components that carry an attribute, and the values from its low end to its high."""
    found = []
    for at, (components, priors) in enumerate(
        zip(basis.positions, (ground.world.given_priors, ground.world.family_priors), strict=True)
    ):
        parts = list(dict.fromkeys(name.split()[at] for name in names))
        rows = np.concatenate(ground.encoder.piece_embeddings(parts))
        along = components.coefficients(rows).astype(np.float64)
        for number in range(components.n_components):
            scores = {}
            for key in next(iter(priors.values())):
                labels = np.array([priors[part][key] for part in parts])
                scores[key] = left_out_r2(along[:, number], labels)
            key = max(scores, key=scores.__getitem__)
            if scores[key] >= LEAST:
                labels = np.array([priors[part][key] for part in parts])
                means = {v: along[labels == v, number].mean() for v in np.unique(labels).tolist()}
                order = sorted(means, key=means.__getitem__)
                found.append((Address(at + 1, number + 1), key, order))
    return found


def write_phrases(path: Path) -> dict[str, str]:
    """A dictionary of all values; gives the group of each phrase."""
    lines, groups = [], {}
    for at, (key, values) in enumerate(ATTRIBUTES.items()):
        pairs = []
        for code, value in enumerate(values):
            codes = [None] * len(ATTRIBUTES)
            codes[at] = code
            pairs.append((f"{value} {key.replace('_', ' ')}", attribute_phrase(codes)))
        lines += group(key, pairs)
        groups |= {phrase: key for phrase, _ in pairs}
    for key, values in CONTEXTS.items():
        pairs = [(value, f"a person {value}") for value in values]
        lines += group(key, pairs)
        groups |= {phrase: key for phrase, _ in pairs}
    path.write_text("\n".join(lines), encoding="utf-8")
    return groups


def group(name: str, pairs: list[tuple[str, str]]) -> list[str]:
    listed = ", ".join(json.dumps(list(pair)) for pair in pairs)
    return ["[[groups]]", f"name = {json.dumps(name)}", 'reads = "a person, {}"',
            f"phrases = [{listed}]"]  # fmt: skip


def mined(ground: Ground, folder: Path, **options) -> list[dict]:
    names = [one.name for one in ground.world.names if one.kind != "N"]
    space = ground.space(names, folder / "all.space")
    basis = CelebBasis.fit(space)
    groups = write_phrases(folder / "phrases.toml")
    carry = carried(ground, basis, names)
    if not carry:
        return []
    compared = [Address(at, n) for at in (1, 2) for n in range(1, N_COMPARED + 1)]
    asked = list(dict.fromkeys([*(at for at, _, _ in carry), *compared]))
    words = basis.mine(asked, phrases=folder / "phrases.toml", **options)
    firsts = [(end.address, end.phrases[0].text) for end in words.ends if end.phrases]
    found = []
    for at, key, order in carry:
        for sign, value in ((-1, order[0]), (1, order[-1])):
            end = words.end(at, sign)
            first = end.phrases[0] if end.phrases else None
            text = None if first is None else first.text
            chance = np.mean([groups[said] == key for other, said in firsts if other != at])
            found.append(
                {
                    "component": str(at), "sign": sign, "attribute": key, "value": value,
                    "first": text, "group": None if text is None else groups[text],
                    "is_value": text == f"{value} {key.replace('_', ' ')}",
                    "slope": None if first is None else first.slope,
                    "low": None if first is None else first.low,
                    "is_clear": first is not None and first.is_clear,
                    "listed": [one.text for one in end.phrases], "chance": float(chance),
                }
            )  # fmt: skip
    return found


def said(hits: list[bool]) -> str:
    interval = share_interval(np.array(hits, float))
    return f"{np.mean(hits):.3f} | {interval.low:.3f} to {interval.high:.3f} | {len(hits)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of held-out trainings")
    parser.add_argument("--names", type=int, help="the most names to invert, for a trial")
    parser.add_argument("--only", choices=("invert", "mine"))
    parser.add_argument("--lines", action="store_true", help="every name and component")
    asked = parser.parse_args()
    points, ends = [], []
    for run in asked.runs:
        ground = Ground(run)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            if asked.only != "mine":
                points += inverted(ground, place, asked.names)
            if asked.only != "invert":
                ends += mined(ground, place)
    for one in [*points, *ends] if asked.lines else []:
        print(json.dumps(one))
    print("| claim | bar | share | 95 % interval | n | null |\n|---|---|---|---|---|---|")
    if points:
        won = [one["point"] > one["prompt"] for one in points]
        print(f"| invert: nearer than the best prompt | 0.8 | {said(won)} | 0.5 |")
        won = [one["point_centred"] > one["prompt_centred"] for one in points]
        print(f"| the same, centred on the names | – | {said(won)} | 0.5 |")
        won = [one["point"] > one["nearest"] for one in points]
        print(f"| nearer than the name nearest to the point | – | {said(won)} | 0.5 |")
        for key in ("point", "prompt", "nearest", "point_centred", "prompt_centred"):
            print(f"{key}: mean cosine to the own vector {np.mean([p[key] for p in points]):.3f}")
        print(f"steps {np.mean([p['steps'] for p in points]):.0f}, stopped",
              {why: sum(p["stopped"] == why for p in points) for p in points
               for why in (p["stopped"],)},
              "to photos", np.mean([p["to_photos"] for p in points], axis=0).round(3))  # fmt: skip
    if ends:
        null = f"{np.mean([one['chance'] for one in ends]):.3f}"
        hits = [one["group"] == one["attribute"] for one in ends]
        print(f"| mine: first phrase is of the attribute | 0.8 | {said(hits)} | {null} |")
        print(
            f"| and of the very value at that end | – | {said([e['is_value'] for e in ends])} | – |"
        )
        clear = [one["is_clear"] for one in ends if one["group"] == one["attribute"]]
        if clear:
            print(f"| such phrases that move unused templates | – | {said(clear)} | – |")


if __name__ == "__main__":
    main()
