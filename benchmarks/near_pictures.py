"""Single pictures near a target, beside bare FAISS on the same vectors: seconds and memory.

Run: python benchmarks/near_pictures.py [--pictures 100000] [--dim 512] [--rounds 40], or with
--truth or --coverage what pictures of the organism say of its names, and how intervals hold.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _timing import Race, Spread, Times


def main() -> None:
    """Build a space with given vectors, ask it and FAISS in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--quick", action="store_true", help="A smoke run.")
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--truth", action="store_true", help="The organism's pictures instead.")
    parser.add_argument("--coverage", action="store_true", help="Intervals of diversity instead.")
    asked = parser.parse_args()
    if asked.quick:
        asked.pictures, asked.dim, asked.rounds = 2_000, 64, 2
    if asked.coverage:
        coverage(1000)
        return
    with tempfile.TemporaryDirectory() as folder:
        if asked.truth:
            truth(Path(folder), n_names=30, n_pictures=9)
            return
        measure(Path(folder), asked.pictures, asked.dim, asked.rounds, asked.k)


def measure(folder: Path, n: int, dim: int, rounds: int, k: int) -> None:
    """Time both in turn, round after round, so that the load of the machine falls on both."""
    import faiss

    import namebasis as nb

    rng = np.random.default_rng(0)
    names = [
        f"Name{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}{'x' * (i // 676)}" for i in range(900)
    ]
    space = nb.build_space(names, folder / "a.space", vectors=units(rng, len(names), dim))
    vectors = units(rng, n, dim)
    table = folder / "pictures.csv"
    owners = [names[i % len(names)] for i in range(n)]
    lines = (f"{i}.jpg,{name}" for i, name in enumerate(owners))
    table.write_text("file_name,name\n" + "\n".join(lines))
    start = time.process_time()
    space, _ = space.add_images(table, vectors=vectors)
    added = time.process_time() - start
    start = time.process_time()
    space.nearest(vectors[0], k, pictures=True)
    first = time.process_time() - start
    print("| targets at once | milliseconds | times bare FAISS | bar |\n|---|---|---|---|")
    bare = faiss.IndexFlatIP(dim)
    bare.add(vectors)
    for batch in (1, 32):
        queries = [units(rng, batch, dim) for _ in range(rounds)]
        taken = Race(Times(), Times())  # the ratio is ours over FAISS's
        for turn, query in enumerate(queries):
            target = query[0] if batch == 1 else query
            ways = [
                lambda target=target: space.nearest(target, k, pictures=True).pictures,
                lambda query=query: bare.search(query, k)[1].ravel(),
            ]
            seconds, found = [0.0, 0.0], [np.empty(0), np.empty(0)]
            for way in (turn % 2, 1 - turn % 2):  # each is first in half of the rounds
                start = time.perf_counter()
                found[way] = ways[way]()
                seconds[way] = time.perf_counter() - start
            assert found[0].tolist() == found[1].tolist()
            taken.peer.wall.append(seconds[0])
            taken.ours.wall.append(seconds[1])
        quartiles = [a / b for a, b in zip(taken.peer.wall, taken.ours.wall, strict=True)]
        low, middle, high = np.quantile(quartiles, [0.25, 0.5, 0.75])
        told = Spread(middle, low, high).told()
        print(f"| {batch} | {1e3 * taken.peer.spread().middle:.1f} | {told} | 1.15 |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{n:,} pictures of {dim} numbers, in turn with FAISS's `IndexFlatIP` on the same "
        f"vectors, each first in half of {rounds} rounds; quartiles of the rounds. Added in "
        f"{added:.1f} s of CPU; the first question, which builds the index, takes {first:.1f} s. "
        f"Peak memory {peak:.0f} MB, the vectors alone {vectors.nbytes / 1e6:.0f} MB."
    )


def truth(folder: Path, n_names: int, n_pictures: int) -> None:
    """What pictures of the organism's world say of its names, whose truth is known."""
    from PIL import Image

    import namebasis as nb
    from namebasis.analysis.intervals import auc_interval
    from namebasis.auditing.organism import axis_of
    from namebasis.organism.captions import Scribe
    from namebasis.organism.renderer import render
    from namebasis.organism.words import ATTRIBUTES
    from namebasis.organism.world import World

    world, rng = World.make(0), np.random.default_rng(1)
    scribe, of = Scribe(world), {one.name: one for one in world.names}
    for kind in ("A", "B", "C", "D", "E"):
        own = [at for at, one in enumerate(world.names) if one.kind == kind][-n_names:]
        for at in own:
            place = folder / "p" / world.names[at].name
            place.mkdir(parents=True)
            for n, pixels in enumerate(render(scribe.pictures(at, n_pictures, rng), seed=[at, 5])):
                Image.fromarray(pixels).save(place / f"{n}.png")
    space = nb.build_space(list(of), folder / "a.space", encoder="organism")
    space, _ = space.add_images(folder / "p")
    axes = [axis_of(key) for key in ATTRIBUTES]
    print("| axis | pictures | text | beliefs of pictures | right | dealt at random |")
    print("|---|---|---|---|---|---|")
    shown, said = space.score(axes, view="image"), space.score(axes)
    rows = space.picture_rows()
    rows.owners = rng.permutation(rows.owners)
    dealt = space.score(axes, view="image")
    for at, axis in enumerate(axes):
        cells = [between(found, axis.name, of, shown.names) for found in (shown, said)]
        truths = np.array([(of[n].own or {}).get(axis.name, "") for n in shown.names])
        belief = shown.beliefs[at]
        ends = {"older than most": "elderly", "younger than most": "child"}
        told = np.array([ends.get(belief.told(i), belief.told(i)) for i in range(len(truths))])
        counts = belief.counts & (truths != "")
        right = (told == truths)[counts].mean()
        print(
            f"| {axis.name} | {cells[0]} | {cells[1]} | "
            f"{counts.sum() / (truths != '').sum():.0%} | {right:.0%} | "
            f"{dealt.beliefs[at].counts.mean():.1%} |"
        )
    space = space.reopened()
    found = {one.name: one for one in space.diversity().names}
    for first, second in (("A", "C"), ("C", "D")):
        for key in ("trace", "log_det"):
            values = {
                kind: [getattr(one, key).value for name, one in found.items()
                       if of[name].kind == kind] for kind in (first, second)
            }  # fmt: skip
            area = auc_interval(values[first], values[second])
            print(
                f"{key} of {first} above {second}: AUC {area.value:.3f} ({area.low:.2f} to "
                f"{area.high:.2f}), {n_names} names each"
            )


def between(found: Any, key: str, of: Any, names: Any) -> str:
    """The worst AUC of one value against the others over people, by projection."""
    from namebasis.analysis.intervals import auc

    at = [i for i, name in enumerate(found.names) if name in set(names) and of[name].own]
    truths = np.array([of[found.names[i]].own[key] for i in at])
    scores = [one for one in found.scores if one.axis == key]
    values = sorted(set(truths.tolist()))
    if scores[0].value is None:  # an ordinal axis: its last end against its first
        read = scores[0].readings["projection"][at]
        last, first = ("woman", "man") if key == "gender" else ("elderly", "child")
        return f"{auc(read[truths == last], read[truths == first]):.2f}"
    areas = [
        auc(one.readings["projection"][at][truths == one.value],
            one.readings["projection"][at][truths != one.value])
        for one in scores if one.value in values
    ]  # fmt: skip
    return f"{np.mean(areas):.2f} (least {min(areas):.2f})"


def coverage(rounds: int) -> None:
    """How often the interval of a log-determinant holds the mean over all sets."""
    from namebasis.analysis.identity.diversity import diversity, log_dets

    rng, dim = np.random.default_rng(0), 64
    print("| pictures | of which compared | an even cloud | an uneven one | two kinds |")
    print("|---|---|---|---|---|")
    for n, m in ((6, 4), (9, 6), (16, 6), (30, 9)):
        shares = []
        for kind in ("even", "uneven", "two kinds"):
            truth_rows = np.stack([cloud(rng, kind, m, dim) for _ in range(3000)])
            mean = log_dets(truth_rows @ truth_rows.transpose(0, 2, 1), dim).mean()
            ends = [diversity(cloud(rng, kind, n, dim), m).log_det for _ in range(rounds)]
            held = [one.low is not None and one.low <= mean <= one.high for one in ends]
            shares.append(f"{np.mean(held):.1%}")
        print(f"| {n} | {m} | {' | '.join(shares)} |", flush=True)


def cloud(rng: np.random.Generator, kind: str, n: int, dim: int) -> np.ndarray:
    """Unit rows about one direction; in the last kind three in ten lie off to one side."""
    size = {"even": 0.1, "uneven": 0.4 / np.sqrt(1 + np.arange(dim)), "two kinds": 0.05}[kind]
    rows = rng.standard_normal((n, dim)) * size
    rows[:, 1] += (rng.random(n) < 0.3) * (kind == "two kinds")
    rows[:, 0] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def units(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    """Random unit rows."""
    rows = rng.standard_normal((n, dim), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
