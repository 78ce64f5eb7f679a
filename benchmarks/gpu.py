"""What a GPU makes of names: the view `denoiser` on a UNet of Stable Diffusion 1.5's size.

    python benchmarks/gpu.py                    # 1,000 names, 5 levels of 2 noises
    python benchmarks/gpu.py --quick            # a smoke run on a CPU: tiny parts, 8 names

Weights are random, as the time does not depend on them. The pipeline is built in memory, float16 on
a GPU. The 32 made-up names that a denoiser asks first are timed by themselves.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
from transformers import CLIPTextConfig, CLIPTextModel

from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.validation.denoiser import Denoiser, DenoiserSettings
from namebasis.validation.pictures.pipelines import ImagePipeline

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"


def pipeline(device: torch.device, *, quick: bool) -> ImagePipeline:
    """Stable Diffusion 1.5 with random weights; the VAE, which is not asked, is tiny."""
    widths = (32, 64) if quick else (320, 640, 1280, 1280)
    width = 64 if quick else 768
    down = (CROSS,) * (len(widths) - 1) + (PLAIN,)
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
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )
    made = diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=clip_tokenizer(vocabulary_file("sd:x"), 77),
        unet=unet, scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    made.to(device, torch.float16 if device.type == "cuda" else torch.float32)
    return ImagePipeline(made, "random weights", "sha256:random")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n-names", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="tiny parts and 8 names")
    options = parser.parse_args()
    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if has_gpu else "cpu")
    if not has_gpu and not options.quick:
        raise SystemExit("no GPU is at hand; --quick runs tiny parts on a CPU.")
    n = 8 if options.quick else options.n_names
    names = pseudo_names(n, seed=1).strings
    torch.manual_seed(0)
    loaded = pipeline(device, quick=options.quick)
    started = time.perf_counter()
    asked = Denoiser(loaded, DenoiserSettings())
    ready = time.perf_counter()
    rows = asked.of_names(names, "a photo of {}")["denoiser"]
    done = time.perf_counter()
    what = torch.cuda.get_device_name() if has_gpu else "CPU, tiny parts"
    passes = n * len(asked.levels) * DenoiserSettings().n_noises
    most = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if has_gpu else "–"
    print(
        "| device | names | dimensions | made-up names first | names | passes a second | memory |"
    )
    print("|---|---|---|---|---|---|---|")
    print(f"| {what} | {n} | {rows.shape[1]} | {ready - started:.1f} s | {done - ready:.1f} s | "
          f"{passes / (done - ready):.0f} | {most} |")  # fmt: skip


if __name__ == "__main__":
    main()
