"""Prompt search: the greedy chain against open_clip's own path, and the beam against the chain.

ViT-B-32 has random weights (they do not change the speed); names come from Faker, all locales. The
peer is the chain as CLIP Interrogator runs it: every candidate is appended to the best prompt so
far, tokenised, padded to 77 tokens and put through `encode_text` in batches. Its time per prompt
does not depend on the names, so it is measured on a random sample of each step's prompts, in the
fastest of three sizes of batches; the sample's rows are compared. The two take turns, step by step.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _timing import Race, Spread, Times, cpu_seconds

TARGETS = (
    "a senior lady from Italy",
    "a young viking warrior",
    "a shy boy with freckles",
    "the queen of Sweden",
    "a wise old wizard",
    "a tired nurse after the night shift",
)
TEMPLATE = "a photo of {names}"


def vit_b_32() -> tuple[Any, Any, Any]:
    """The model with random weights, its tokenizer, and namebasis' encoder on top of both."""
    import open_clip
    import torch

    from namebasis.encoders.open_clip.models import OpenClipEncoder

    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32", pretrained=None).eval()
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    place, kind = torch.device("cpu"), torch.float32
    label = "open_clip:ViT-B-32 (random)"
    return model, tokenizer, OpenClipEncoder(label, model, tokenizer, place, kind)


@contextmanager
def space_of(encoder: Any, n_names: int) -> Iterator[Any]:
    from namebasis.namespace.building.build import build_space
    from namebasis.namespace.corpus.sources import read_names

    with tempfile.TemporaryDirectory() as folder:
        names = read_names("faker", limit=n_names, seed=0)
        yield build_space(names, Path(folder) / "s", encoder=encoder, templates="a photo of {}")


def peer_rows(model: Any, tokenizer: Any, prompts: Sequence[str], batch_size: int) -> np.ndarray:
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(prompts), batch_size):
            ids = tokenizer(list(prompts[start : start + batch_size]))
            parts.append(model.encode_text(ids, normalize=True))
    return torch.cat(parts).numpy()


def chain_race(n_names: int, n_steps: int, sample: int) -> None:
    """The chain step by step: the peer on a sample of each step's prompts, namebasis on all."""
    from namebasis.studies.paint.layout import parse_layout
    from namebasis.studies.paint.moves import Pool, Scorer, State

    model, tokenizer, encoder = vit_b_32()
    with space_of(encoder, n_names) as space:
        names = space.table(["name"])["name"].to_pylist()
        pool = Pool(space.ids(), tuple(names), space.vectors())
        goal = space.resolve(TARGETS[0]).vector
    scorer = Scorer(encoder, parse_layout(TEMPLATE, None, ", "), pool, goal, 75, keep_rows=False)
    rng = np.random.default_rng(0)
    state = State((), ())
    taken, difference, n_prompts = Race(Times(), Times()), 0.0, 0
    encoder.encode_text(["warm up"] * 64)
    batch_size = fastest_batch(model, tokenizer, [TEMPLATE.format(names=n) for n in names[:sample]])
    for _ in range(n_steps):
        states = [State((*state.names, i), ()) for i in range(n_names) if i not in state.names]
        prompts = [scorer.prompt(one) for one in states]
        chosen = rng.permutation(len(prompts))[:sample]
        some = [prompts[i] for i in chosen]
        with clock(taken.peer, len(chosen)):
            rows = peer_rows(model, tokenizer, some, batch_size)
        with clock(taken.ours, len(prompts)):
            scored = scorer.score(states)
        found = np.array([scored[i].similarity for i in chosen])
        difference = max(difference, float(np.abs(found - rows @ goal).max()))
        state = max(scored, key=lambda one: one.similarity)
        n_prompts += len(prompts)
    print(
        f"Greedy chain, {n_names:,} candidates × {n_steps} steps = {n_prompts:,} prompts, "
        f"ViT-B-32, CPU float32. In each step both take their turn, open_clip with {sample} of the "
        "prompts, namebasis with all:\n\n"
        "| | milliseconds a prompt, median of steps |\n|---|---|\n"
        f"| open_clip `encode_text`, batches of {batch_size} | "
        f"{taken.peer.spread().told('.2f', scale=1e3)} |\n"
        f"| namebasis | {taken.ours.spread().told('.2f', scale=1e3)} |\n"
        f"| times faster | {taken.ratio().told('.1f')} |\n\n"
        f"Largest difference of a similarity: {difference:.0e}.\n"
    )


@contextmanager
def clock(times: Times, n_prompts: int) -> Iterator[None]:
    """Add the seconds a prompt of the block."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    times.wall.append((time.perf_counter() - wall) / n_prompts)
    times.cpu.append((cpu_seconds() - cpu) / n_prompts)


def fastest_batch(model: Any, tokenizer: Any, prompts: Sequence[str]) -> int:
    """Of three sizes, the one that takes the prompts the least time."""
    taken = {}
    for size in sorted({min(size, len(prompts)) for size in (16, 64, 256)}):
        times = Times()
        for _ in range(2):
            with clock(times, len(prompts)):
                peer_rows(model, tokenizer, prompts, size)
        taken[size] = Spread.of(times.wall).least
    return min(taken, key=lambda size: taken[size])


def beam_race(what: str, encoder: Any, n_names: int, n_steps: int, targets: Sequence[str]) -> None:
    """The beam search with its defaults against the chain over the same candidates."""
    from namebasis.studies.paint.study import paint

    with space_of(encoder, n_names) as space:
        found = [
            paint(space, t, n_steps, candidates=n_names, template=TEMPLATE, baseline=True)
            for t in targets
        ]
    wins = sum(p.similarity > p.greedy[-1].similarity for p in found)
    print(
        f"Beam search against the chain, {what}, {n_names:,} candidates, up to {n_steps} names, "
        f"mean of {len(targets)} targets (the beam ends higher in {wins}):\n\n"
        "| | cosine | prompts encoded | seconds |\n|---|---|---|---|"
    )
    for label, ends in (
        ("greedy chain", [p.greedy[-1] for p in found]),
        ("beam", [max(p.curve, key=lambda b: b.similarity) for p in found]),
    ):
        spent = [p.greedy[-1] if label == "greedy chain" else p.curve[-1] for p in found]
        print(
            f"| {label} | {np.mean([b.similarity for b in ends]):.4f} | "
            f"{np.mean([b.n_encodes for b in spent]):,.0f} | "
            f"{np.mean([b.seconds for b in spent]):.1f} |"
        )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run on few names")
    parser.add_argument("--full", action="store_true", help="the peer on every prompt (an hour)")
    wanted = parser.parse_args()
    import torch

    from namebasis.encoders.registry import load_encoder

    torch.set_num_threads(2)
    n_names, n_steps = (128, 3) if wanted.quick else (2048, 6)
    targets = TARGETS[: 1 if wanted.quick else 3]
    few = targets[:1]  # random weights know no difference between one target and another
    sample = n_names if wanted.full else 16 if wanted.quick else 128
    chain_race(n_names, n_steps, sample)
    beam_race("ViT-B-32, random weights", vit_b_32()[2], n_names, n_steps, few)
    beam_race("minilm", load_encoder("minilm"), n_names, n_steps, targets)


if __name__ == "__main__":
    main()
