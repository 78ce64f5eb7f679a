"""Identity against how often LAION-400M names people, its verdicts over company and seeds, speed.

`--section identity`: the estimator's settings were chosen on the people whose name has an even
crc32; the other half was looked at once they were fixed.
`--section verdicts`: 100 people of the half held out, each with ten sets of other names and with
ten seeds (other swap partners and other made-up names), asked of `--space`.
`--section speed`: full names with ViT-B-32 of random weights (which do not change the speed), its
text tower under the same code path as a checkpoint's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np

N_SEEDS, N_COMPANIES, N_VERDICTS = 10, 10, 100


class Bare:
    """Stands for a space where only its encoder is asked for."""

    columns: tuple[str, ...] = ()

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def encoder(self) -> Any:
        return self._encoder

    def find_all(self, names: list[str], part: str | None = None) -> list[None]:
        return [None] * len(names)

    def table(self, columns: list[str], **_: object) -> Any:
        import pyarrow as pa

        return pa.table({column: pa.array([], pa.string()) for column in columns})


def is_chosen_on(name: str) -> bool:
    return zlib.crc32(name.encode()) % 2 == 0


def identity_section(counts_file: Path, space: Path | None) -> None:
    from namebasis.encoders.registry import load_encoder
    from namebasis.space import open_space
    from namebasis.studies.identity.counts import compare_counts, read_counts
    from namebasis.studies.identity.study import identity

    counts = read_counts(counts_file)
    names = [name for name in counts if len(name.split()) == 2]
    asked: Any = Bare(load_encoder("minilm")) if space is None else open_space(space)
    halves = {
        "chosen on": [name for name in names if is_chosen_on(name)],
        "held out": [name for name in names if not is_chosen_on(name)],
        "all": names,
    }
    for seed in range(N_SEEDS):
        found = identity(asked, names, with_contexts=False, seed=seed)
        print(f"seed {seed}; {found.remarks[0]}")
        for label, people in halves.items():
            told = compare_counts(found, {name: counts[name] for name in people})
            rho = told.spearman
            line = f"{label}: {told.n} people, Spearman {rho.value:.3f} "
            line += f"({rho.low:.2f}, {rho.high:.2f})"
            for part in told.bins:
                if part.auc:
                    line += (
                        f"; {part.low}+ mentions, {part.n}: AUC {part.auc.value:.3f} "
                        f"({part.auc.low:.2f}, {part.auc.high:.2f}) against {told.n_recombined}"
                    )
            print(line, flush=True)


def verdicts_section(counts_file: Path, space: Path) -> None:
    """How verdicts move with company, and with the seed; whether their intervals say so."""
    from namebasis.space import open_space
    from namebasis.studies.identity.counts import read_counts

    opened = open_space(space)
    rng = np.random.default_rng(0)
    people = [name for name in read_counts(counts_file) if len(name.split()) == 2]
    people = [people[at] for at in rng.permutation(len(people))]
    held_out = [name for name in people if not is_chosen_on(name)]
    asked, others = held_out[:N_VERDICTS], [*held_out[N_VERDICTS:], *filter(is_chosen_on, people)]

    def verdicts(names: list[str], seed: int) -> dict[str, Any]:
        rows = {row.name: row for row in opened.identity(names, seed=seed).rows}
        return {name: rows[name] for name in names if name in wanted and rows[name].kind}

    wanted = set(asked)
    first = verdicts(asked, 0)
    moved, changed = 0.0, 0
    for _ in range(N_COMPANIES):
        order = [asked[at] for at in rng.permutation(len(asked))]
        found: dict[str, Any] = {}
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            company = [others[at] for at in rng.permutation(len(others))[: rng.integers(1, 40)]]
            found |= verdicts([*company, *half], 0)
        moved = max(moved, *(
            abs(row.probabilities[kind] - first[name].probabilities[kind])
            for name, row in found.items() for kind in row.probabilities
        ))  # fmt: skip
        changed += sum(row.kind != first[name].kind for name, row in found.items())
    print(
        f"{len(first)} names, {N_COMPANIES} companies: no probability moves by more than "
        f"{moved:.1e}, {changed} kinds change", flush=True,
    )  # fmt: skip
    runs = [first] + [verdicts(asked, seed) for seed in range(1, N_SEEDS)]
    over_seeds(runs)


def over_seeds(runs: list[dict[str, Any]]) -> None:
    names = sorted(runs[0])
    kinds = list(runs[0][names[0]].probabilities)
    p = np.array([[[run[n].probabilities[k] for k in kinds] for n in names] for run in runs])
    bounds = np.array([[[run[n].intervals[k] for k in kinds] for n in names] for run in runs])
    middle = np.median(p, axis=0)  # over seeds: what another draw would say
    best = p.argmax(axis=2)
    at_seed, at_name = np.indices(best.shape)
    mine = bounds[at_seed, at_name, best]
    of_kind = middle[at_name, best]
    holds = (mine[..., 0] <= of_kind) & (of_kind <= mine[..., 1])
    low, high = np.array([
        [max(a[0] for a in bounds[:, at, k]), min(a[1] for a in bounds[:, at, k])]
        for at in range(len(names)) for k in [int(np.bincount(best[:, at]).argmax())]
    ]).T  # fmt: skip
    settled = mine[..., 0] >= 0.5
    stays, n_pairs = 0, 0
    for one in range(len(runs)):
        for other in range(len(runs)):
            if one != other:
                sure = settled[one]
                stays += int((best[one] == best[other])[sure].sum())
                n_pairs += int(sure.sum())
    both = np.mean([
        (best[one] != best[other])[settled[one] & settled[other]].sum()
        for one in range(len(runs)) for other in range(one)
    ])  # fmt: skip
    print(f"{len(runs)} seeds, {len(names)} names")
    print(f"intervals that hold the median over seeds: {100 * holds.mean():.1f} %")
    print(f"names whose intervals of all seeds share a value: {(low <= high).mean():.2f}")
    print(f"mean width of the interval: {(mine[..., 1] - mine[..., 0]).mean():.2f}")
    print(f"settled (lower end at 50 % or more): {100 * settled.mean():.0f} %")
    print(f"settled verdicts that another seed repeats: {100 * stays / max(n_pairs, 1):.1f} %")
    print(f"names settled as two kinds by two seeds: {both:.2f} of {len(names)} a pair of seeds")


def speed_section(sizes: list[int], n_swaps: int) -> None:
    """Both studies on one pass over the contexts, as `in_contexts` allows, timed apart."""
    import open_clip
    import torch
    from safetensors.torch import save_model

    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.corpus.faker_source import read_faker
    from namebasis.namespace.corpus.pairs import full_names
    from namebasis.studies.identity.contexts import load_contexts
    from namebasis.studies.identity.in_contexts import measure_contexts
    from namebasis.studies.identity.rigidity import from_contexts
    from namebasis.studies.identity.study import identity

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random.safetensors"
        save_model(open_clip.create_model("ViT-B-32", pretrained=None), str(file))
        space: Any = Bare(load_encoder(f"open_clip:ViT-B-32@{file}"))
    people = full_names(max(sizes), corpus=read_faker("en_US")).strings
    contexts = list(load_contexts())
    peer = open_clip_seconds(space.encoder(), [c.format(n) for n in people[:2] for c in contexts])
    print(f"open_clip's own encode_text: {1000 * peer:.1f} ms a prompt", flush=True)
    for n in sizes:
        told: dict[str, int] = {}

        def count(what: str, told: dict[str, int] = told) -> Any:
            return lambda _, total: told.__setitem__(what, total)

        wall, cpu = [time.perf_counter()], [time.process_time()]
        placed = measure_contexts(
            space, people[:n], contexts, n_made_up=100, with_spreads=True, with_weak=True,
            progress=count("rigidity"),
        )  # fmt: skip
        from_contexts(placed)
        wall.append(time.perf_counter())
        cpu.append(time.process_time())
        identity(space, people[:n], n_swaps=n_swaps, in_contexts=placed, progress=count("identity"))
        wall.append(time.perf_counter())
        cpu.append(time.process_time())
        for at, what in enumerate(("rigidity", "identity")):
            seconds, busy = wall[at + 1] - wall[at], cpu[at + 1] - cpu[at]
            print(
                f"| {n:,} | {what} | {told[what]:,} | {seconds:.0f} s, {n / seconds:.1f} names/s | "
                f"{1000 * busy / n:.0f} ms | {peer * told[what] / 60:.0f} min |",
                flush=True,
            )
        apart = 2 * (wall[1] - wall[0]) + wall[2] - wall[1]
        print(
            f"{n:,} names: both in {(wall[2] - wall[0]) / 60:.1f} min on one pass, "
            f"{apart / 60:.1f} min apart; {(cpu[2] - cpu[0]) / 60:.1f} and "
            f"{(2 * (cpu[1] - cpu[0]) + cpu[2] - cpu[1]) / 60:.1f} CPU minutes",
            flush=True,
        )


def open_clip_seconds(encoder: Any, texts: list[str]) -> float:
    """Seconds a prompt by the library's own forward, padded to its context."""
    import torch

    with torch.inference_mode():
        begun = time.perf_counter()
        encoder.model.encode_text(encoder.tokenizer(texts))
    return (time.perf_counter() - begun) / len(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--section", choices=("identity", "verdicts", "speed"), default="identity")
    parser.add_argument(
        "--counts", type=Path, default=Path("../shared/data/laion400m-name-counts.csv")
    )
    parser.add_argument("--space", type=Path, help="by default none, for identity")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--swaps", type=int, default=16)
    options = parser.parse_args()
    if options.section == "identity":
        identity_section(options.counts, options.space)
    elif options.section == "verdicts":
        verdicts_section(options.counts, options.space)
    else:
        speed_section(options.sizes, options.swaps)


if __name__ == "__main__":
    main()
