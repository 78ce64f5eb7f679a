"""How far token states agree with the pooled vector on the packaged organism, and what they cost.

Usage: python benchmarks/conditioning.py
"""

from __future__ import annotations

import json
import tempfile
import time
from importlib.resources import files
from pathlib import Path

import torch
from transformers import CLIPTextConfig, CLIPTextModel

from namebasis.encoders.conditioner import load_conditioner
from namebasis.encoders.registry import load_encoder
from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.studies.conditioning.study import condition

N_TIMED, N_TURNS = 1000, 3
TEMPLATE = "a portrait of {}"


def organism_names() -> list[str]:
    """The full names of the packaged organism's world."""
    world = json.loads((files("namebasis") / "data/organism/world.json").read_text())
    return list(dict.fromkeys(person["name"] for person in world["names"]))


def agreement(place: Path, names: list[str]) -> None:
    """Print how far both views agree with `text`."""
    corpus = make_names([{"name": name, "part": "full"} for name in names])
    space = build_space(corpus, place / "o.space", encoder="organism", templates="person")
    print(condition(space).headline())


def cost(place: Path, names: list[str]) -> None:
    """Print CPU seconds of pooled vectors and of token states, in turns, at ViT-L-14's size."""
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=49_408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, bos_token_id=49_406, eos_token_id=49_407, pad_token_id=49_407,
    )  # fmt: skip
    CLIPTextModel(config).save_pretrained(place / "large")
    clip_tokenizer(vocabulary_file("sd:x"), 77).save_pretrained(place / "large")
    encoder = load_encoder(f"hf:{place / 'large'}")
    conditioner = load_conditioner(encoder)
    asked = [f"{name} {at}" for at in range(2) for name in names][:N_TIMED]
    for _ in range(N_TURNS):
        begun = time.process_time()
        encoder.encode_names(asked, TEMPLATE)
        pooled = time.process_time()
        conditioner.of_names(asked, TEMPLATE)
        print(
            f"{len(asked):,} names: pooled {pooled - begun:.1f} s, "
            f"token states {time.process_time() - pooled:.1f} s of CPU time"
        )


def main() -> None:
    """Print both."""
    names = organism_names()
    with tempfile.TemporaryDirectory() as folder:
        agreement(Path(folder), names)
        cost(Path(folder), names)


if __name__ == "__main__":
    main()
