"""UNets that paint from text, each told of texts in its own way, behind one call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor

_NOISE = (
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas",
    "rescale_betas_zero_snr", "prediction_type",
)  # fmt: skip
"""What schedulers of all kinds call their levels of noise."""
_PREDICTS = ("epsilon", "v_prediction", "sample")


class Network(Protocol):
    """What `Denoiser` asks of a pipeline.

    Attributes
    ----------
    shape : tuple of 3 int
        Channels, height and width of what it denoises.
    places : tuple of 3 int
        The same where folded pixels are unfolded, as `as_places` does.
    predicts : str
        epsilon, v_prediction or sample.
    kept : ndarray of shape (n_levels,), float64
        Share of the picture's variance at each level of its training.
    clip : float or None
        What the clean picture is clipped to between steps.
    """

    shape: tuple[int, int, int]
    places: tuple[int, int, int]
    predicts: str
    kept: Any
    clip: float | None

    def told(self, texts: Sequence[str]) -> dict[str, Any]:
        """What the UNet is told of texts, by the names of its arguments."""
        ...

    def predict(self, noisy: Tensor, level: int, told: dict[str, Any]) -> Tensor:
        """What the UNet predicts, (n, channels, height, width), float32."""
        ...

    def as_places(self, rows: Tensor) -> Tensor:
        """Rows in channels by places: folded pixels unfolded."""
        ...


def network_of(pipeline: Any, spec: str, size: int | None = None) -> Network:
    """The network of a pipeline of diffusers.

    Parameters
    ----------
    pipeline : diffusers.DiffusionPipeline
    spec : str
        For messages.
    size : int, optional
        Pixels along each side, by default the pipeline's own.

    Raises
    ------
    EncoderError
        If it is none of the kinds that can be asked: it has no UNet, one that reads more than
        noise and text, or levels of noise that its configuration does not say.
    ValueError
        If it cannot paint pictures of the size.
    """
    unet = getattr(pipeline, "unet", None)
    if unet is None:
        kind = type(pipeline).__name__
        raise EncoderError(
            f"{spec} ({kind}) has no UNet; the view denoiser reads pipelines of Stable Diffusion "
            "1, 2 and XL, and painters."
        )
    told = unet.config
    if told.in_channels != told.out_channels:
        raise EncoderError(
            f"{spec}: its UNet reads {told.in_channels} channels and predicts "
            f"{told.out_channels}; one of an inpainting or an upscaling kind needs a picture too. "
            "Give a pipeline that paints from text alone."
        )
    levels = _levels(pipeline.scheduler, spec)
    if type(pipeline).__name__ == "OrganismPipeline":
        return _Painter(pipeline, levels, size)
    if not hasattr(pipeline, "encode_prompt"):
        raise EncoderError(f"{spec} ({type(pipeline).__name__}) does not encode prompts by itself.")
    added = getattr(told, "addition_embed_type", None)
    if added not in (None, "text_time") or told.class_embed_type is not None:
        what = added or told.class_embed_type
        raise EncoderError(f"{spec}: its UNet is told more than text ({what}), which is not known.")
    return _StableDiffusion(pipeline, levels, size, is_xl=added == "text_time")


@dataclass(frozen=True)
class _Levels:
    predicts: str
    kept: Any
    clip: float | None


def _levels(scheduler: Any, spec: str) -> _Levels:
    from diffusers import DDIMScheduler

    known = scheduler.config
    if "num_train_timesteps" not in known or not {"beta_schedule", "trained_betas"} & set(known):
        raise EncoderError(
            f"{spec}: its scheduler ({type(scheduler).__name__}) does not say its levels of noise "
            "as betas; a pipeline of another kind of diffusion cannot be asked."
        )
    made = DDIMScheduler(**{key: known[key] for key in _NOISE if key in known})
    predicts = str(made.config.prediction_type)
    if predicts not in _PREDICTS:
        raise EncoderError(
            f"{spec}: its UNet predicts {predicts!r}; known are {', '.join(_PREDICTS)}."
        )
    # Only where the pipeline's own scheduler clips: DDIM would do so by default.
    clip = float(known.get("clip_sample_range", 1.0)) if known.get("clip_sample") else None
    return _Levels(predicts, made.alphas_cumprod.double().numpy(), clip)


class _Painter:
    """The organism's own painter."""

    def __init__(self, pipeline: Any, levels: _Levels, size: int | None) -> None:
        self._pipeline = pipeline
        side = int(pipeline.unet.config.sample_size)
        channels = int(pipeline.unet.config.in_channels)
        fold = math.isqrt(channels // 3)
        self.shape = (channels, side, side)
        self.places = (3, side * fold, side * fold)
        if size not in (None, side * fold):
            raise ValueError(f"size must be {side * fold}, all that a painter paints; got {size}.")
        self.predicts, self.kept, self.clip = levels.predicts, levels.kept, levels.clip

    def told(self, texts: Sequence[str]) -> dict[str, Any]:
        from namebasis.organism.painter.model import encode_captions

        return encode_captions(self._pipeline.text_encoder, self._pipeline.tokenizer, texts)

    def predict(self, noisy: Tensor, level: int, told: dict[str, Any]) -> Tensor:
        unet = self._pipeline.unet
        found: Tensor = unet(noisy.to(unet.device, unet.dtype), level, **told).sample
        return found.float()

    def as_places(self, rows: Tensor) -> Tensor:
        from namebasis.organism.painter.model import unfold

        return unfold(rows)


class _StableDiffusion:
    """Stable Diffusion 1, 2 or XL: a UNet on latents."""

    def __init__(self, pipeline: Any, levels: _Levels, size: int | None, *, is_xl: bool) -> None:
        self._pipeline, self._is_xl = pipeline, is_xl
        scale, unet = int(pipeline.vae_scale_factor), pipeline.unet
        halvings = 2 ** (len(unet.config.block_out_channels) - 1)
        if size is not None and (size < scale * halvings or size % (scale * halvings)):
            raise ValueError(f"size must be a multiple of {scale * halvings}; got {size}.")
        own = unet.config.sample_size
        height, width = (own, own) if isinstance(own, int) else tuple(own)
        if size is not None:
            height = width = size // scale
        self.shape = (int(unet.config.in_channels), int(height), int(width))
        self.places = self.shape
        self.predicts, self.kept, self.clip = levels.predicts, levels.kept, levels.clip

    def told(self, texts: Sequence[str]) -> dict[str, Any]:
        import torch

        pipeline = self._pipeline
        found = pipeline.encode_prompt(
            prompt=list(texts), device=pipeline.unet.device, num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )  # fmt: skip
        told: dict[str, Any] = {"encoder_hidden_states": found[0]}
        if self._is_xl:
            scale = pipeline.vae_scale_factor
            size = [self.shape[1] * scale, self.shape[2] * scale]
            # As the pipeline says of a picture of its own size that is not cropped.
            times = torch.tensor([[*size, 0, 0, *size]], dtype=found[0].dtype)
            told["added_cond_kwargs"] = {
                "text_embeds": found[2],
                "time_ids": times.to(found[0].device).repeat(len(found[0]), 1),
            }
        return told

    def predict(self, noisy: Tensor, level: int, told: dict[str, Any]) -> Tensor:
        unet = self._pipeline.unet
        found: Tensor = unet(noisy.to(unet.device, unet.dtype), level, **told).sample
        return found.float()

    def as_places(self, rows: Tensor) -> Tensor:
        return rows
