"""What a GPU makes of names, in sections of their own processes, within eight minutes.

    python benchmarks/gpu.py                     # all; prints what docs/benchmarks.md holds
    python benchmarks/gpu.py search denoiser     # these
    python benchmarks/gpu.py --quick             # a smoke run on a CPU: tiny parts, few names

text      ViT-L-14 in bf16 beside open_clip at its fastest batch (`encoding.py --device cuda`)
graphs    the inner blocks of that tower captured as a CUDA graph, beside the same blocks launched
search    10,000,000 x 384 exact on the GPU, in float32 and float16, beside FAISS on the CPU
denoiser  the view `denoiser` on a UNet of Stable Diffusion 1.5's size
organism  its training with pictures of 60 pixels (its patches have 12), beside the CPU

Weights and vectors are random, as the time does not depend on them. What the minutes do not reach
is said. The 32 made-up names that a denoiser asks first are timed by themselves.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from _timing import Race, commit, in_turn, interleaved, processor

PAYS = 1.05
"""A graph that is quicker by less is not worth its memory."""


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait(work: Callable[[], object]) -> Callable[[], None]:
    """The work, over when the device is done with it."""

    def done() -> None:
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return done


# ------------------------------------------------------------------------------------ sections


def text(quick: bool) -> None:
    """The row of `encoding.py`."""
    command = [sys.executable, str(Path(__file__).with_name("encoding.py"))]
    command += ["person", "--quick"] if quick else ["--device", "cuda"]
    subprocess.run(command, check=True)


def graphs(quick: bool) -> None:
    """The inner blocks of one batch, launched and captured."""
    import open_clip
    from encoding import names, templates

    from namebasis.encoders.towers.blocks import attention_mask
    from namebasis.encoders.towers.prompt_tree import grow
    from namebasis.encoders.towers.text_tower import fast_tower
    from namebasis.encoders.towers.tokenizer import ClipTokenizer

    model_name = "ViT-B-32" if quick else "ViT-L-14"
    precision = "bf16" if torch.cuda.is_available() else "fp32"
    model = open_clip.create_model(
        model_name, pretrained=None, precision=precision, device=device()
    ).eval()
    tower: Any = fast_tower(model)
    tokenizer = ClipTokenizer.from_open_clip(open_clip.get_tokenizer(model_name))
    read = tokenizer.read(names(60 if quick else 20_000))
    tree = grow(tokenizer.encode_prompts(templates("photo12")[0], read))
    print("| tokens at once | launched ms | captured ms | ratio | |\n|---|---|---|---|---|")
    with torch.inference_mode():
        shared = tower._prefix(tree, tower._words)
        for nodes in (1024,) if quick else (4096, 16_384, 65_536):
            some = slice(0, max(1, nodes // tree.tokens.shape[1]))
            depth = tower._send(tree.depth[some])
            mask = attention_mask(tower._send(tree.end[some]), len(tree.prefix), shared[0].dtype)
            tokens = tower._send(tree.tokens[some]).view(-1)
            given = tower._embed(tower._words, tokens, depth.view(-1) + len(tree.prefix))

            def launched(given: Any = given, mask: Any = mask, n: int = len(depth)) -> Any:
                x = given
                for block, before in zip(tower._inner, shared, strict=False):
                    x, _ = block(x, n, mask, before)
                return x

            print(graph_row(given.shape[0], launched), flush=True)


def graph_row(n_tokens: int, launched: Callable[[], Any]) -> str:
    """Launched beside captured, with what the two differ by."""
    if not torch.cuda.is_available():
        once = in_turn({"launched": launched}, 1)["launched"].spread()
        return f"| {n_tokens:,} | {once.told('.1f', scale=1e3)} | – | – | no GPU |"
    beside = torch.cuda.Stream()
    with torch.cuda.stream(beside):
        for _ in range(3):  # a capture needs everything to be set up
            launched()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = launched()
    race = interleaved(wait(graph.replay), wait(launched), 9)
    differs = float((kept.float() - launched().float()).abs().max())
    ratio = race.ratio()
    return (
        f"| {n_tokens:,} | {race.peer.spread().told('.2f', scale=1e3)} | "
        f"{race.ours.spread().told('.2f', scale=1e3)} | {ratio.told('.2f', '×')} | "
        f"{'pays' if ratio.least > PAYS else 'does not pay'}; differs by {differs:.1e} |"
    )


def search(quick: bool) -> None:
    """Exact nearest rows, by blocks on the device, beside FAISS's flat index on the CPU."""
    import faiss

    n, width, k, block = (20_000 if quick else 10_000_000), 384, 10, 1_000_000
    generator = torch.Generator(device()).manual_seed(0)
    rows = torch.randn((n, width), generator=generator, device=device())
    rows /= rows.norm(dim=1, keepdim=True)
    asked = torch.randn((64, width), generator=generator, device=device())
    asked /= asked.norm(dim=1, keepdim=True)
    index = faiss.IndexFlatIP(width)
    for first in range(0, n, block):
        index.add(rows[first : first + block].cpu().numpy())

    def nearest(vectors: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        best, at = [], []
        for first in range(0, n, block):
            found = torch.topk(queries @ vectors[first : first + block].T, k)
            best.append(found.values)
            at.append(found.indices + first)
        order = torch.topk(torch.cat(best, 1), k).indices
        return torch.cat(at, 1).gather(1, order)

    few = asked[:8]
    exact = index.search(few.cpu().numpy(), k)[1]
    print(
        "| rows | queries at once | ms a query | FAISS on the CPU, ms a query | ratio | recall@10 |"
    )
    print("|---|---|---|---|---|---|")
    for kind in (torch.float32, torch.float16):
        held = rows.to(kind)
        found = nearest(held, few.to(kind)).cpu().numpy()
        recall = np.mean([len(set(a) & set(b)) / k for a, b in zip(found, exact, strict=True)])
        for at_once in (1, 64):
            some, peer = asked[:at_once].to(kind), asked[:at_once].cpu().numpy()
            race: Race = interleaved(
                wait(lambda some=some, held=held: nearest(held, some)),
                lambda peer=peer: index.search(peer, k), 1 if quick else 5,
            )  # fmt: skip
            ours, theirs = (one.spread() for one in (race.ours, race.peer))
            each = 1e3 / at_once
            print(f"| {n:,} in {str(kind)[6:]} | {at_once} | {ours.told('.2f', scale=each)} | "
                  f"{theirs.told('.1f', scale=each)} | {race.ratio().told('.0f', '×')} | "
                  f"{recall:.3f} |", flush=True)  # fmt: skip


def organism(quick: bool) -> None:
    """Steps of its training, the drawing of pictures included."""
    from namebasis.organism.training import train
    from namebasis.organism.world import World

    steps, batch = (2, 16) if quick else (60, 256)
    kinds = ["cpu"] + ["cuda"] * torch.cuda.is_available()
    print("| device | pictures of | pictures a second | loss |\n|---|---|---|---|")
    for kind in kinds:
        with tempfile.TemporaryDirectory() as place:
            options = {"world": World.make(0), "batch_size": batch, "n_checkpoints": 2, "size": 60,
                       "device": kind, "threads": os.cpu_count() or 2}  # fmt: skip
            train(Path(place) / "warm", n_steps=2, **options)
            made = train(Path(place) / "run", n_steps=steps, **options)
        print(f"| {kind} | 60 pixels | {steps * batch / made.seconds:,.0f} | {made.loss:.3f} |",
              flush=True)  # fmt: skip


def pipeline(*, quick: bool) -> Any:
    """Stable Diffusion 1.5 with random weights; the VAE, which is not asked, is tiny."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
    from namebasis.validation.pictures.pipelines import ImagePipeline

    cross, plain = "CrossAttnDownBlock2D", "DownBlock2D"
    widths = (32, 64) if quick else (320, 640, 1280, 1280)
    width = 64 if quick else 768
    down = (cross,) * (len(widths) - 1) + (plain,)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8 if quick else 64, block_out_channels=widths, cross_attention_dim=width,
        attention_head_dim=8, down_block_types=down,
        up_block_types=tuple(one.replace("Down", "Up") for one in reversed(down)),
    )  # fmt: skip
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=4 * width,
        num_hidden_layers=1 if quick else 12, num_attention_heads=width // 64,
    ))  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(32,) * 4, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
    )
    made = diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=clip_tokenizer(vocabulary_file("sd:x"), 77),
        unet=unet, scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    made.to(device(), torch.float16 if torch.cuda.is_available() else torch.float32)
    return ImagePipeline(made, "random weights", "sha256:random")


def denoiser(quick: bool) -> None:
    """The view of 1,000 names, 5 levels of 2 noises."""
    from namebasis.namespace.corpus.pseudo import pseudo_names
    from namebasis.validation.denoiser import Denoiser, DenoiserSettings

    n = 8 if quick else 1000
    names = pseudo_names(n, seed=1).strings
    torch.manual_seed(0)
    loaded = pipeline(quick=quick)
    started = time.perf_counter()
    asked = Denoiser(loaded, DenoiserSettings())
    ready = time.perf_counter()
    rows = asked.of_names(names, "a photo of {}")["denoiser"]
    done = time.perf_counter()
    passes = n * len(asked.levels) * DenoiserSettings().n_noises
    has_gpu = torch.cuda.is_available()
    most = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if has_gpu else "–"
    print("| names | dimensions | made-up names first | names | passes a second | memory |")
    print("|---|---|---|---|---|---|")
    print(f"| {n} | {rows.shape[1]} | {ready - started:.1f} s | {done - ready:.1f} s | "
          f"{passes / (done - ready):.0f} | {most} |")  # fmt: skip


SECTIONS = {"text": text, "graphs": graphs, "search": search, "denoiser": denoiser,
            "organism": organism}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", help=", ".join(SECTIONS))
    parser.add_argument("--minutes", type=float, default=8.0, help="for all of them")
    parser.add_argument("--quick", action="store_true", help="tiny parts, on a CPU too")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [one for one in options.sections if one not in SECTIONS]:
        parser.error(f"no section {unknown[0]}; there are {', '.join(SECTIONS)}.")
    if options.inside:
        SECTIONS[options.sections[0]](options.quick)
        return
    has_gpu = torch.cuda.is_available()
    if not has_gpu and not options.quick:
        raise SystemExit("no GPU is at hand; --quick runs tiny parts on a CPU.")
    end = time.monotonic() + 60 * options.minutes
    failed = [one for one in options.sections or SECTIONS if not run(one, options.quick, end)]
    what = torch.cuda.get_device_name() if has_gpu else f"{processor()}, tiny parts"
    print(f"\nMade on {time.strftime('%Y-%m-%d')} at commit {commit()}: {what}.")
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")


def run(section: str, quick: bool, end: float) -> bool:
    """Run a section in a process of its own for as long as there is time; whether it finished."""
    print(f"\n**{section}**: {SECTIONS[section].__doc__}\n", flush=True)
    command = [sys.executable, __file__, section, "--inside", *["--quick"] * quick]
    left = end - time.monotonic()
    try:
        subprocess.run(command, check=True, timeout=max(left, 0.001))
    except subprocess.TimeoutExpired:
        print("\nNot measured: the minutes were over.", flush=True)
    except subprocess.CalledProcessError as error:
        print(f"\nNot measured: it ended with exit status {error.returncode}.", flush=True)
    else:
        return True
    return False


if __name__ == "__main__":
    main()
