"""The organism's own text-to-image model: a small diffusion model in pixel space.

It paints what the organism's text tower means by a text, so that what text space says of a name
can be checked on images whose truth is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from diffusers.utils import logging as messages
from torch import Tensor

from namebasis.errors import NamebasisError
from namebasis.organism.model import LONGEST, WIDTH, no_bars
from namebasis.pretrained import read_pretrained

if TYPE_CHECKING:
    from PIL.Image import Image

N_INFERENCE_STEPS = 25
GUIDANCE = 1.0
# Pixels along each side that become channels. Wide layers at few places suit a CPU: with four, a
# picture costs two thirds of what it does with two and half the channels.
_FOLD = 4
_CHANNELS = (64, 96, 112)
_HEADS = 4
# Noise over signal, as a multiple of the plain cosine's.
_N_LEVELS, _SHIFT = 1000, 6.0

CONDITION = "encoder_hidden_states", "encoder_attention_mask", "class_labels"
"""What the network is told of a caption; see `encode_captions`."""


@dataclass(frozen=True)
class Painted:
    """What a pipeline of diffusers returns: the images."""

    images: list[Image]


class OrganismPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Paints 48 × 48 pictures of captions.

    Parameters
    ----------
    unet : UNet2DConditionModel
        On pixels folded four by four into channels.
    scheduler : DDIMScheduler
    text_encoder : CLIPTextModel
        The organism's; its last hidden states are what the network attends to.
    tokenizer : CLIPTokenizer
    """

    def __init__(self, unet: Any, scheduler: Any, text_encoder: Any, tokenizer: Any) -> None:
        super().__init__()
        self.register_modules(
            unet=unet, scheduler=scheduler, text_encoder=text_encoder, tokenizer=tokenizer
        )

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def __call__(
        self,
        prompt: str | Sequence[str],
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        num_inference_steps: int = N_INFERENCE_STEPS,
        guidance_scale: float = GUIDANCE,
        negative_prompt: str | Sequence[str] | None = None,
        output_type: str = "pil",
    ) -> Painted:
        """Paint one picture per prompt.

        Parameters
        ----------
        prompt : str or sequence of str
        generator : torch.Generator or one per prompt, optional
        num_inference_steps : int
        guidance_scale : float
            1 paints the prompt as it is; above, away from the negative prompt.
        negative_prompt : str or sequence of str, optional
            By default the empty text.
        output_type : str
            Only "pil".
        """
        if output_type != "pil":
            raise ValueError(f"output_type must be 'pil'; got {output_type!r}.")
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        against = negative_prompt or ""
        others = [against] * len(prompts) if isinstance(against, str) else list(against)
        guided = guidance_scale != 1.0
        asked = [*others, *prompts] if guided else prompts
        condition = encode_captions(self.text_encoder, self.tokenizer, asked)
        side = self.unet.config.sample_size
        shape = (self.unet.config.in_channels, side, side)
        noise = [
            torch.randn(shape, generator=_own(generator, at), dtype=self.unet.dtype)
            for at in range(len(prompts))
        ]
        folded = torch.stack(noise).to(self.unet.device)
        self.scheduler.set_timesteps(num_inference_steps)
        for step in self.progress_bar(self.scheduler.timesteps):
            given = torch.cat([folded, folded]) if guided else folded
            clean = self.unet(given, step, **condition).sample
            if guided:
                free, bound = clean.chunk(2)
                clean = free + guidance_scale * (bound - free)
            folded = self.scheduler.step(clean, step, folded).prev_sample
        return Painted(to_images(unfold(folded)))


def make_unet(size: int, seed: int) -> Any:
    """A new network for pictures of `size` pixels.

    Raises
    ------
    ValueError
        If `size` is not a multiple of 4.
    """
    if size % _FOLD:
        raise ValueError(f"size must be a multiple of {_FOLD}; got {size}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DConditionModel(
            sample_size=size // _FOLD,
            in_channels=3 * _FOLD**2,
            out_channels=3 * _FOLD**2,
            block_out_channels=_CHANNELS,
            layers_per_block=1,
            # Attending costs most at many places; the pooled row tells every place of the text.
            down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            # The text scales every layer's channels as well as shifting them: learned faster.
            resnet_time_scale_shift="scale_shift",
            class_embed_type="projection",
            projection_class_embeddings_input_dim=WIDTH,
            cross_attention_dim=WIDTH,
            attention_head_dim=_HEADS,  # their number, whatever diffusers calls it
            norm_num_groups=16,
        )


def make_scheduler() -> Any:
    """The noise of training and sampling: a cosine shifted towards noise, down to pure noise.

    These pictures are so regular that a little signal gives most of them away: what a text says
    lowers the error mostly where less than 3 % of the variance is the picture's, one level in nine
    of the plain cosine (`benchmarks/painter.py`). Shifted as in [1]_, it is one in two.

    The clean picture is predicted, as folded pixels are many for a narrow network: noise has full
    rank in them, pictures do not [2]_.

    References
    ----------
    .. [1] Hoogeboom, Heek and Salimans (2023), simple diffusion: End-to-end diffusion for high
       resolution images, ICML.
    .. [2] Li and He (2025), Back to Basics: Let Denoising Generative Models Denoise,
       arXiv 2511.13720.
    """
    angles = np.arange(_N_LEVELS + 1) / _N_LEVELS * np.pi / 2
    with np.errstate(over="ignore"):
        kept = 1 / (1 + (_SHIFT * np.tan(angles)) ** 2)
    betas = np.minimum(1 - kept[1:] / kept[:-1], 0.9999)
    return DDIMScheduler(
        num_train_timesteps=_N_LEVELS,
        trained_betas=[round(float(beta), 8) for beta in betas],
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=True,
    )


def encode_captions(
    text_encoder: Any, tokenizer: Any, captions: Sequence[str]
) -> dict[str, Tensor]:
    """What the network is told of captions, by the names of its arguments.

    Returns
    -------
    dict
        `encoder_hidden_states` (n, longest, width), `encoder_attention_mask` (n, longest), False
        behind a caption's end, and `class_labels` (n, width), the pooled rows.
    """
    found = tokenizer(
        list(captions), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
    ).to(text_encoder.device)
    with torch.no_grad():
        output = text_encoder(found["input_ids"])
    return {
        "encoder_hidden_states": output.last_hidden_state,
        "encoder_attention_mask": found["attention_mask"].bool(),
        "class_labels": output.pooler_output,
    }


def fold(pixels: Tensor) -> Tensor:
    """Put neighbouring pixels into channels, (n, 3, s, s) → (n, 48, s / 4, s / 4)."""
    return torch.nn.functional.pixel_unshuffle(pixels, _FOLD)


def unfold(folded: Tensor) -> Tensor:
    """The inverse of `fold`."""
    return torch.nn.functional.pixel_shuffle(folded, _FOLD)


def to_images(pixels: Tensor) -> list[Image]:
    """Pixels in [-1, 1], (n, 3, s, s), as PIL images; what lies outside is cut."""
    from PIL import Image as Pillow

    levels = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return [Pillow.fromarray(np.asarray(row)) for row in levels.permute(0, 2, 3, 1).cpu().numpy()]


def load_painter(folder: str | Path) -> OrganismPipeline:
    """Load a painter that `train_painter` saved.

    Raises
    ------
    NamebasisError
        If the folder holds none.
    """
    place = Path(folder)
    if not (place / "model_index.json").is_file():
        raise NamebasisError(
            f"{place} holds no painter; train one with `namebasis organism painter`."
        )
    try:
        # float16 halves the files; on a CPU float32 is faster. Newer releases call torch_dtype
        # dtype, which older ones do not know.
        with _silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            loaded: OrganismPipeline = read_pretrained(
                OrganismPipeline, place, use_safetensors=True, low_cpu_mem_usage=False,
                torch_dtype=torch.float32,
            )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise NamebasisError(f"{place} cannot be read as a painter: {error}") from None
    return loaded


@contextmanager
def _silent() -> Iterator[None]:
    """Without the libraries' bars, which a load of less than a second does not need."""
    shown = messages.is_progress_bar_enabled()
    messages.disable_progress_bar()
    try:
        with no_bars():
            yield
    finally:
        if shown:
            messages.enable_progress_bar()


def _own(
    generator: torch.Generator | Sequence[torch.Generator] | None, at: int
) -> torch.Generator | None:
    return generator[at] if isinstance(generator, Sequence) else generator
