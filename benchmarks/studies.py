"""Identity against how often LAION-400M names people, and the speed of the studies of names.

`--section identity`: the estimator's settings were chosen on the people whose name has an even
crc32; the other half was looked at once they were fixed. `--figure` draws all of them.
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

LABELLED = ("Brad Pitt", "Tom Hanks", "Mel Gibson", "Bruce Willis", "Mike Myers", "Al Pacino",
            "Justin Timberlake", "Robin Williams", "Denzel Washington")  # fmt: skip
LABELLED_LEFT = ("Mel Gibson", "Robin Williams", "Mike Myers")


class Bare:
    """Stands for a space where only its encoder is asked for."""

    columns: tuple[str, ...] = ()

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def encoder(self) -> Any:
        return self._encoder

    def find(self, name: str, part: str | None = None) -> None:
        return None

    def table(self, columns: list[str], **_: object) -> Any:
        import pyarrow as pa

        return pa.table({column: pa.array([], pa.string()) for column in columns})


def is_chosen_on(name: str) -> bool:
    return zlib.crc32(name.encode()) % 2 == 0


def identity_section(counts_file: Path, figure: Path | None) -> None:
    from namebasis.encoders.registry import load_encoder
    from namebasis.studies.identity.counts import compare_counts, read_counts
    from namebasis.studies.identity.study import identity

    counts = read_counts(counts_file)
    names = [name for name in counts if len(name.split()) == 2]
    found = identity(Bare(load_encoder("minilm")), names, with_contexts=False)  # type: ignore[arg-type]
    halves = {
        "chosen on": [name for name in names if is_chosen_on(name)],
        "held out": [name for name in names if not is_chosen_on(name)],
        "all": names,
    }
    for label, people in halves.items():
        told = compare_counts(found, {name: counts[name] for name in people})
        rho = told.spearman
        print(f"{label}: {told.n} people, Spearman {rho.value:.3f} ({rho.low:.2f}, {rho.high:.2f})")
        for part in told.bins:
            if part.auc:
                print(
                    f"  {part.low:>5}+ mentions, {part.n} people: AUC {part.auc.value:.3f} "
                    f"({part.auc.low:.2f}, {part.auc.high:.2f}) against {told.n_recombined}"
                )
    if figure is not None:
        draw(found, counts, told.spearman, figure)


def draw(found: Any, counts: dict[str, int], rho: Any, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    score = {row.name: row.own_score for row in found.rows}
    x = np.array([counts[name] + 1 for name in score])
    y = np.array(list(score.values()))
    low, middle, high = np.quantile(found.recombined["own_score"], [0.05, 0.5, 0.95])
    plot, axes = plt.subplots(figsize=(8, 4.6), dpi=150)
    axes.axhspan(low, high, color="#dfe3ea", lw=0, label="90 % of recombined names")
    axes.axhline(middle, color="#8a93a3", lw=1)
    axes.scatter(x, y, s=11, color="#2d5fa4", alpha=0.65, lw=0, label=f"{len(x)} people")
    for name in LABELLED:
        if name in score:
            left = name in LABELLED_LEFT
            axes.annotate(
                name,
                (counts[name] + 1, score[name]),
                (-5 if left else 4, -3 if left else 4),
                textcoords="offset points",
                size=8,
                ha="right" if left else "left",
            )
    axes.set(xscale="log", xlabel="captions in LAION-400M that name the person (+ 1)")
    axes.set_ylabel("what the name has of its own\n(remainder / noise of its parts' swaps)")
    axes.set_title(
        f"all-MiniLM-L6-v2: Spearman {rho.value:.2f} ({rho.low:.2f} to {rho.high:.2f})",
        size=10, loc="left",
    )  # fmt: skip
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0.8, x.max() * 2.5)
    plot.tight_layout()
    plot.savefig(path)


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
    parser.add_argument("--section", choices=("identity", "speed"), default="identity")
    parser.add_argument(
        "--counts", type=Path, default=Path("../shared/data/laion400m-name-counts.csv")
    )
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--swaps", type=int, default=16)
    options = parser.parse_args()
    if options.section == "identity":
        identity_section(options.counts, options.figure)
    else:
        speed_section(options.sizes, options.swaps)


if __name__ == "__main__":
    main()
