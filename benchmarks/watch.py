"""What it costs to measure names while a model trains, in CPU time.

    python benchmarks/watch.py                          # the organism's model and batches
    python benchmarks/watch.py --open-clip ViT-B-32     # random weights, prepared by accelerate
    python benchmarks/watch.py --trainer                # a tiny CLIP by transformers' Trainer

prints the CPU seconds of a training step and of a measurement of 20 names, and from which `every`
on measuring stays below 2 % of the training's time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _timing import Spread

from namebasis.formation import Watch, formation
from namebasis.formation.watching.record import read_record
from namebasis.formation.watching.watch import SHARE
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.organism import model as clip
from namebasis.organism.feeder import Job, make_batches
from namebasis.organism.world import World

N_NAMES = 20


def names() -> list[str]:
    """Full names of common parts."""
    source = read_faker("en_US")
    sides = [source.select(part).strings[:N_NAMES] for part in ("given", "family")]
    return [" ".join(pair) for pair in zip(*sides, strict=True)]


def steps_of_the_organism() -> tuple[Any, Any, Any, Any]:
    """Model, tokenizer, optimizer and a function that takes a step of 256 pictures and captions."""
    world = World.make(0)
    tokenizer = clip.make_tokenizer(world)
    model = clip.make_model(tokenizer, size=48, seed=0).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    source = make_batches(Job(world, 1300, 256, 48, 0))

    def step() -> None:
        batch = next(source)
        pixels = torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        ids = clip.text_ids(tokenizer, batch.captions)
        _learn(model(input_ids=ids, pixel_values=pixels, return_loss=True).loss, optimizer)

    return model, tokenizer, optimizer, step


def steps_of_open_clip(name: str, n: int) -> tuple[Any, Any, Any, Any]:
    """The same of a listed model of open_clip with random weights, prepared by accelerate."""
    import open_clip
    from accelerate import Accelerator

    model, tokenizer = open_clip.create_model(name), open_clip.get_tokenizer(name)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    model, optimizer = Accelerator(cpu=True).prepare(model.train(), optimizer)
    size = open_clip.get_model_config(name)["vision_cfg"]["image_size"]
    pixels, ids = torch.randn(n, 3, size, size), tokenizer(["a photo of a person"] * n)

    def step() -> None:
        images, texts, scale = model(pixels, ids)[:3]
        logits = scale * images @ texts.T
        _learn(torch.nn.functional.cross_entropy(logits, torch.arange(n)), optimizer)

    return model, tokenizer, optimizer, step


def _learn(loss: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def cost(made: tuple[Any, Any, Any, Any], n_steps: int, n_measured: int) -> None:
    """Print what a step and a measurement take."""
    model, tokenizer, optimizer, step = made
    step()
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(names(), Path(folder) / "w", every=10**9)
        start = time.process_time()
        watch.begin(model, tokenizer)
        first = time.process_time() - start
        before = {key: value.clone() for key, value in model.state_dict().items()}
        spent = []
        for at in range(1, n_measured + 1):
            start = time.process_time()
            watch.measure(model, tokenizer, at)
            spent.append(time.process_time() - start)
        same = all(torch.equal(before[key], value) for key, value in model.state_dict().items())
        taken = []
        with watch.attach(model, optimizer, tokenizer, step=n_measured + 1):
            for _ in range(n_steps):
                start = time.process_time()
                step()
                taken.append(time.process_time() - start)
        size = sum(path.stat().st_size for path in (Path(folder) / "w").iterdir())
        n_files = len(read_record(Path(folder) / "w").taken)
    one, each = float(np.median(taken)), float(np.median(spent))
    print(f"step {Spread.of(taken).told('.3f', ' s')}, measurement "
          f"{Spread.of(spent).told('.3f', ' s')} of CPU (the first {first:.3f} s): "
          f"every={int(np.ceil(each / (SHARE * one)))} stays below {SHARE:.0%}; "
          f"{size / n_files / 1e6:.1f} MB a measurement; weights untouched: {same}")  # fmt: skip


def trainer() -> None:
    """Train a tiny CLIP by transformers' Trainer and let formation read what was watched."""
    from transformers import Trainer, TrainingArguments

    world = World.make(0)
    tokenizer = clip.make_tokenizer(world)
    model = clip.make_model(tokenizer, size=24, seed=0)
    ids = clip.text_ids(tokenizer, names())
    rows = [{"input_ids": row, "pixel_values": torch.randn(3, 24, 24)} for row in ids]

    def collate(some: list[dict[str, Any]]) -> dict[str, Any]:
        keys = some[0].keys()
        return {key: torch.stack([one[key] for one in some]) for key in keys} | {
            "return_loss": True
        }

    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(names(), Path(folder) / "w", every=5)
        arguments = TrainingArguments(
            folder, max_steps=12, per_device_train_batch_size=4, report_to=[], save_strategy="no",
            use_cpu=True, disable_tqdm=True, remove_unused_columns=False,
        )  # fmt: skip
        Trainer(
            model, arguments, data_collator=collate, train_dataset=rows,
            processing_class=tokenizer, callbacks=[watch.trainer_callback()],
        ).train()  # fmt: skip
        found = formation(Path(folder) / "w", n_resamples=20)
    print(f"watched at steps {found.steps}: {found.headline()}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--open-clip", metavar="MODEL")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--trainer", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    asked = parser.parse_args()
    if asked.quick:
        asked.batch, asked.steps = 2, 1
    if asked.trainer:
        trainer()
    elif asked.open_clip:
        cost(steps_of_open_clip(asked.open_clip, asked.batch), asked.steps, 1 if asked.quick else 5)
    else:
        cost(steps_of_the_organism(), asked.steps, 1 if asked.quick else 5)


if __name__ == "__main__":
    main()
