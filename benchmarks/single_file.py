"""A text encoder out of a single file of Stable Diffusion: its rate, and what opening costs.

The rate is that of ``sd:FILE`` beside the adapter of open_clip with the same random ViT-L-14, on
the same names. Both take turns in one process with one thread, and processor seconds count, so that
other work on the machine changes neither. Opening is measured in a process of its own, on a sparse
file of 2 GB with the tensors of Stable Diffusion 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _timing import REPEATS, Race, in_turn

MODEL = "ViT-L-14-quickgelu"  # as Stable Diffusion 1 has it
START = "cond_stage_model.transformer.text_model."
_INNER = {
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}  # fmt: skip
_OUTER = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}


def checkpoints(folder: Path) -> tuple[Path, Path]:
    """The same random model as a checkpoint of open_clip and as the single file of a pipeline."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = open_clip.create_model(MODEL, pretrained=None).state_dict()
    theirs, ours = folder / "open_clip.safetensors", folder / "sd.safetensors"
    save_file(state, theirs)
    found: dict[str, Any] = {}
    for name, tensor in state.items():
        if name in _OUTER:
            found[START + _OUTER[name]] = tensor
        elif name.startswith("transformer.resblocks."):
            _, _, layer, rest = name.split(".", 3)
            block = f"{START}encoder.layers.{layer}."
            if "in_proj" in rest:
                end = rest.rpartition("_")[2]
                for part, values in zip("qkv", tensor.chunk(3), strict=True):
                    found[f"{block}self_attn.{part}_proj.{end}"] = values.clone()
            else:
                inner, _, end = rest.rpartition(".")
                found[f"{block}{_INNER[inner]}.{end}"] = tensor
        elif name == "text_projection":
            found["cond_stage_model.transformer.text_projection.weight"] = tensor.T.contiguous()
    save_file(found, ours)
    return theirs, ours


def rates(n_names: int, turns: int) -> None:
    """Processor seconds per prompt of both adapters, in turns."""
    import torch

    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.building.templates import load_templates
    from namebasis.namespace.corpus.sources import read_names

    torch.set_num_threads(1)
    names = read_names("faker", limit=n_names, seed=0).strings
    templates = load_templates("portrait").templates
    with tempfile.TemporaryDirectory() as place:
        theirs, ours = checkpoints(Path(place))
        encoders = {
            "open_clip": load_encoder(f"open_clip:{MODEL}@{theirs}"),
            "single file": load_encoder(f"sd:{ours}"),
        }

    def encode(encoder: Any) -> np.ndarray:
        return np.stack([encoder.encode_names(names, template) for template in templates])

    rows = {kind: encode(encoder) for kind, encoder in encoders.items()}
    works = {kind: lambda one=one: encode(one) for kind, one in encoders.items()}
    taken = in_turn(works, turns, warm=False)
    n_prompts = n_names * len(templates)
    ratio = Race(taken["open_clip"], taken["single file"]).ratio("cpu")
    print("| adapter | prompts | processor µs a prompt, median | least | most |")
    print("|---|---|---|---|---|")
    for kind, times in taken.items():
        told = " | ".join(f"{1e6 * one / n_prompts:,.0f}" for one in times.spread("cpu").values)
        print(f"| {kind} | {n_prompts:,} | {told} |")
    print(
        f"\nSingle file over open_clip's checkpoint by the same adapter, turn by turn: "
        f"{ratio.told('.3f')}, {turns} turns; bar 1.05. Largest difference of rows: "
        f"{np.abs(rows['single file'] - rows['open_clip']).max():.1e}."
    )


def sparse_checkpoint(path: Path, size: int = 2_000_000_000) -> None:
    """A file of Stable Diffusion 1's tensors: its text tower, and an empty UNet and VAE."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{START}embeddings.token_embedding.weight": (49_408, 768),
        f"{START}embeddings.position_embedding.weight": (77, 768),
        f"{START}final_layer_norm.weight": (768,), f"{START}final_layer_norm.bias": (768,),
    }  # fmt: skip
    for layer in range(12):
        block = f"{START}encoder.layers.{layer}."
        for part in ("q", "k", "v", "out"):
            shapes[f"{block}self_attn.{part}_proj.weight"] = (768, 768)
            shapes[f"{block}self_attn.{part}_proj.bias"] = (768,)
        for norm in ("layer_norm1", "layer_norm2"):
            shapes[f"{block}{norm}.weight"] = shapes[f"{block}{norm}.bias"] = (768,)
        for name, shape in (("fc1", (3072, 768)), ("fc2", (768, 3072))):
            shapes |= {f"{block}mlp.{name}.weight": shape, f"{block}mlp.{name}.bias": shape[:1]}
    others = [f"model.diffusion_model.input_blocks.{n // 60}.1.part.{n}.weight" for n in range(686)]
    others += [f"first_stage_model.decoder.up.{n // 60}.part.{n}.weight" for n in range(248)]
    tower = sum(2 * int(np.prod(shape)) for shape in shapes.values())
    each = (size - tower) // len(others) // 2
    header, at = {}, 0
    for name, shape in {**shapes, **dict.fromkeys(others, (each,))}.items():
        end = at + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + at)


_OPENING = """
import sys, time
from pathlib import Path
started = time.perf_counter(), time.process_time()
from namebasis.encoders.single_file.towers import find_towers
from namebasis.encoders.single_file.weights import open_weights
imported = time.perf_counter(), time.process_time()
file = open_weights(Path(sys.argv[1]), "sd:x")
(tower,) = find_towers(file.shapes)
ended = time.perf_counter(), time.process_time()
print(*(b - a for a, b in zip(imported, ended)), *(b - a for a, b in zip(started, imported)),
      len(file.shapes), tower.n_layers, "torch" in sys.modules)
"""


def opening(turns: int) -> None:
    """Seconds until a file of 2 GB is known for what it is, before any weight is read."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "model.safetensors"
        sparse_checkpoint(file)
        told = [
            subprocess.run(
                [sys.executable, "-c", _OPENING, str(file)], check=True, capture_output=True,
                text=True,
            ).stdout.split()
            for _ in range(turns)
        ]  # fmt: skip
    middle = [statistics.median(float(row[at]) for row in told) for at in range(4)]
    print(
        f"Opening 2 GB, {told[0][4]} tensors, text tower of {told[0][5]} layers found: "
        f"{middle[0]:.3f} s ({middle[1]:.3f} s of the processor; bar 1 s); imports before it "
        f"{middle[2]:.2f} s ({middle[3]:.2f} s); torch loaded: {told[0][6]}. Median of {turns}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=120)
    parser.add_argument("--turns", type=int, default=REPEATS)
    parser.add_argument("--quick", action="store_true", help="a smoke run with few names")
    wanted = parser.parse_args()
    if wanted.quick:
        wanted.names, wanted.turns = 5, 1
    opening(wanted.turns)
    print()
    rates(wanted.names, wanted.turns)


if __name__ == "__main__":
    main()
