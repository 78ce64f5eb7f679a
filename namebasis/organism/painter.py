"""The organism's own text-to-image model: a small diffusion model in pixel space.

It paints what the organism's text tower means by a text, so that what text space says of a name
can be checked on images whose truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from torch import Tensor

from namebasis.errors import NamebasisError
from namebasis.organism.model import LONGEST, WIDTH

if TYPE_CHECKING:
    from PIL.Image import Image

N_INFERENCE_STEPS = 25
GUIDANCE = 2.0
_FOLD = 2  # pixels along each side that become channels: the network sees a quarter of the places
_CHANNELS = (32, 64, 96)


@dataclass(frozen=True)
class Painted:
    """What a pipeline of diffusers returns: the images."""

    images: list[Image]


class OrganismPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Paints 48 × 48 pictures of captions.

    Parameters
    ----------
    unet : UNet2DConditionModel
        On pixels folded two by two into channels.
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
            velocity = self.unet(given, step, **condition).sample
            if guided:
                free, bound = velocity.chunk(2)
                velocity = free + guidance_scale * (bound - free)
            folded = self.scheduler.step(velocity, step, folded).prev_sample
        return Painted(to_images(unfold(folded)))


def make_unet(size: int, seed: int) -> Any:
    """A new network for pictures of `size` pixels.

    Raises
    ------
    ValueError
        If `size` is not a multiple of 8.
    """
    if size % 8:
        raise ValueError(f"size must be a multiple of 8; got {size}.")
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
            class_embed_type="projection",
            projection_class_embeddings_input_dim=WIDTH,
            cross_attention_dim=WIDTH,
            attention_head_dim=32,
            norm_num_groups=16,
        )


def make_scheduler() -> Any:
    """The noise of training and sampling: cosine, down to pure noise, velocity predicted."""
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
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
    """Put neighbouring pixels into channels, (n, 3, s, s) → (n, 12, s / 2, s / 2)."""
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
        pipeline = OrganismPipeline.from_pretrained(
            place, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise NamebasisError(f"{place} cannot be read as a painter: {error}") from None
    # float16 halves the files; on a CPU float32 is faster.
    loaded: OrganismPipeline = pipeline.to(torch.float32)
    return loaded


def _own(
    generator: torch.Generator | Sequence[torch.Generator] | None, at: int
) -> torch.Generator | None:
    return generator[at] if isinstance(generator, Sequence) else generator
