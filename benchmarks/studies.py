"""Identity against how often LAION-400M names people, its verdicts over company and seeds, speed.

`--section identity`: the estimator's settings were chosen on the people whose name has an even
crc32; the other half was looked at once they were fixed.
`--section verdicts`: 100 people of the half held out (`--chosen-on`: of the other), each with ten
sets of other names and with ten seeds (other swap partners and other made-up names), asked of
`--space`.
`--section speed`: full names with ViT-B-32 of random weights (which do not change the speed), its
text tower under the same code path as a checkpoint's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _timing import Spread, in_turn

N_SEEDS = 10
_POOL = 40  # people that companies are drawn from


@dataclass(frozen=True)
class Sizes:
    """How much the section on verdicts asks."""

    names: int
    companies: int
    seeds: int
    on_chosen: bool
    settings: dict[str, Any]


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


class Kept:
    """An encoder that embeds no prompt twice in a run, whoever asks."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._rows: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_text(self, texts: list[str]) -> Any:
        if new := list(dict.fromkeys(text for text in texts if text not in self._rows)):
            self._rows |= zip(new, self._encoder.encode_text(new), strict=True)
        return np.array([self._rows[text] for text in texts])

    def encode_names(self, names: list[str], template: str) -> Any:
        return self.encode_text([template.format(name) for name in names])


def verdicts_section(counts_file: Path, space: Path, size: Sizes) -> None:
    """How verdicts move with company, and with the seed; whether their intervals say so."""
    from namebasis.space import open_space
    from namebasis.studies.identity.counts import read_counts

    opened = open_space(space)
    opened._encoder = kept = Kept(opened.encoder())  # type: ignore[assignment]
    rng = np.random.default_rng(0)
    people = [name for name in read_counts(counts_file) if len(name.split()) == 2]
    people = [people[at] for at in rng.permutation(len(people))]
    asked = [name for name in people if is_chosen_on(name) == size.on_chosen][: size.names]
    wanted = set(asked)
    others = [name for name in people if name not in wanted][:_POOL]

    def verdicts(names: list[str], seed: int) -> dict[str, Any]:
        found = opened.identity(names, seed=seed, **size.settings)
        told = {row.name: row for row in found.rows}
        print(f"# seed {seed}, {len(names)} names, {len(kept._rows):,} prompts", flush=True)
        return {name: told[name] for name in names if name in wanted and told[name].kind}

    first = verdicts(asked, 0)
    runs = [first]
    for _ in range(size.companies):
        order = [asked[at] for at in rng.permutation(len(asked))]
        found: dict[str, Any] = {}
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            company = [others[at] for at in rng.permutation(len(others))[: rng.integers(1, _POOL)]]
            found |= verdicts([*company, *half], 0)
        runs.append(found)
    agreement("companies", runs)
    runs = [first]
    for seed in range(1, size.seeds):
        runs.append(verdicts(asked, seed))
        if seed > 1 or size.seeds == 2:
            agreement("seeds", runs)


def agreement(what: str, runs: list[dict[str, Any]]) -> None:
    """Print how far verdicts agree with the first run's, the reference, and with each other."""
    names = sorted(runs[0])
    kinds = list(runs[0][names[0]].probabilities)
    p = np.array([[[run[n].probabilities[k] for k in kinds] for n in names] for run in runs])
    bounds = np.array([[[run[n].intervals[k] for k in kinds] for n in names] for run in runs])
    settled = np.array([[run[n].is_settled for n in names] for run in runs])
    best = p.argmax(axis=2)
    rows = np.arange(len(names))
    low, high = bounds[0, rows, best[0]].T
    of_kind = p[1:, rows, best[0]]
    held = (low - 1e-9 <= of_kind) & (of_kind <= high + 1e-9)
    told_of = [
        (low_ - 1e-9 <= other) & (other <= high_ + 1e-9)
        for one in range(len(runs))
        for low_, high_ in [bounds[one, rows, best[one]].T]
        for at, other in enumerate(p[:, rows, best[one]]) if at != one
    ]  # fmt: skip
    middle = np.median(p, axis=0)[np.arange(len(names)), best]
    at_run, at_name = np.indices(best.shape)
    mine = bounds[at_run, at_name, best]
    holds = (mine[..., 0] <= middle) & (middle <= mine[..., 1])
    told = [set(best[settled[:, at], at].tolist()) for at in rows]
    same = np.mean([
        (best[one] == best[other]).mean() for one in range(len(runs)) for other in range(one)
    ])  # fmt: skip
    repeated = [
        bool(best[other, at] == best[one, at])
        for at in rows for one in np.flatnonzero(settled[:, at])
        for other in range(len(runs)) if other != one
    ]  # fmt: skip
    print(f"{len(runs)} runs ({what}), {len(names)} names, mean width {(high - low).mean():.2f}")
    print(f"largest move of a probability: {np.abs(p - p[0]).max():.1e}")
    print(f"verdicts within the reference's interval: {100 * held.mean():.1f} % of {held.size}")
    print(f"the same, each run in turn as the reference: {100 * np.mean(told_of):.1f} %")
    print(f"intervals that hold the median over runs: {100 * holds.mean():.1f} %")
    print(f"pairs of runs with the same most probable kind: {100 * same:.1f} %")
    print(f"verdicts settled: {100 * settled.mean():.1f} %")
    print(f"settled verdicts repeated by another run: {100 * np.mean(repeated or [1]):.1f} %")
    print(
        f"names settled as two kinds: {sum(len(one) > 1 for one in told)} of "
        f"{sum(map(bool, told))} ever settled", flush=True,
    )  # fmt: skip


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
    print(
        "open_clip's own `encode_text`, timed on 48 of these prompts alone: "
        f"{peer.told('.1f', ' ms', 1e3)} each.\n\n"
        "| names | study | prompts | wall | CPU per name |\n|---|---|---|---|---|",
        flush=True,
    )
    apart_told = []
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
                f"{1000 * busy / n:.0f} ms |",
                flush=True,
            )
        apart = 2 * (wall[1] - wall[0]) + wall[2] - wall[1]
        apart_told.append(
            f"{n:,} names: both in {(wall[2] - wall[0]) / 60:.1f} min on one pass, "
            f"{apart / 60:.1f} min apart; {(cpu[2] - cpu[0]) / 60:.1f} and "
            f"{(2 * (cpu[1] - cpu[0]) + cpu[2] - cpu[1]) / 60:.1f} CPU minutes."
        )
    print("\n" + "\n".join(apart_told))


def open_clip_seconds(encoder: Any, texts: list[str]) -> Spread:
    """Seconds a prompt by the library's own forward, padded to its context."""
    import torch

    def encode() -> None:
        with torch.inference_mode():
            encoder.model.encode_text(encoder.tokenizer(texts))

    wall = in_turn({"open_clip": encode})["open_clip"].wall
    return Spread.of([one / len(texts) for one in wall])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--section", choices=("identity", "verdicts", "speed"), default="identity")
    parser.add_argument(
        "--counts", type=Path, default=Path("../shared/data/laion400m-name-counts.csv")
    )
    parser.add_argument("--space", type=Path, help="by default none, for identity")
    for what, n in (("names", 100), ("companies", 10), ("seeds", 10)):
        parser.add_argument(f"--{what}", type=int, default=n, help="of the verdicts")
    parser.add_argument("--made-up", type=int, help="made-up names of the verdicts")
    parser.add_argument("--chosen-on", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000])
    parser.add_argument("--swaps", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="a smoke run of the speed")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.swaps = [10], 6
    if options.section == "identity":
        identity_section(options.counts, options.space)
    elif options.section == "verdicts":
        settings = {} if options.made_up is None else {"n_made_up": options.made_up}
        verdicts_section(
            options.counts, options.space,
            Sizes(options.names, options.companies, options.seeds, options.chosen_on, settings),
        )  # fmt: skip
    else:
        speed_section(options.sizes, options.swaps)


if __name__ == "__main__":
    main()
