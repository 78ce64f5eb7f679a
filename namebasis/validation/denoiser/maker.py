"""The view `denoiser`: what a UNet predicts for a text, less what it predicts for anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray, check_count, check_seed
from namebasis.encoders.loading import refusing
from namebasis.errors import EncoderError
from namebasis.validation.denoiser.networks import network_of
from namebasis.validation.denoiser.noise import neutral_path, spread_levels
from namebasis.validation.pictures.pipelines import ImagePipeline, load_pipeline

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.namespace.computed.facts import ComputedFacts

VIEW = "denoiser"
NEUTRAL = "a photo of a person"
TEMPLATE = "a photo of {}"
_NOBODY = (
    "Derristie Amberty Torrowning Matte Patt Laurenda Vaugham Steves Cristie Karlos Bower "
    "Morgessa Huan Willon Mccorman Chelps Prathews Kerrenter Strine Ferray Gambertson Herryl "
    "Dorsen Barris Genez Rodrix Bauerrell Clarrez Bents Eatoya Coway Vazquel"
).split()
"""Made up by `pseudo_names`, seed 0; they say how much a level counts, and shall never change."""
_AT_ONCE = 32
"""Texts that go through the UNet together."""
_SAME = 1e-5
"""Differences below this share of what is predicted are none."""


@dataclass(frozen=True)
class DenoiserSettings:
    """At which noisy pictures a UNet is asked, and how its answer is pooled.

    Attributes
    ----------
    neutral : str
        The prompt that is taken off, and whose pictures names are asked at.
    n_levels : int
        Levels of noise, from pure noise down; 1 to 20.
    n_noises : int
        Noises at each level; their predictions are averaged.
    grid : int
        Places along each side that are left of the picture.
    seed : int
        Of the first noise.
    size : int or None
        Pixels along each side of the picture; None is the pipeline's own size.
    """

    neutral: str = NEUTRAL
    n_levels: int = 5
    n_noises: int = 2
    grid: int = 4
    seed: int = 0
    size: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.neutral, str) or not self.neutral.strip():
            raise ValueError(f"neutral must be a prompt, such as {NEUTRAL!r}; got nothing.")
        check_count(self.n_levels, "n_levels", 1, 20)
        check_count(self.n_noises, "n_noises", 1, 64)
        check_count(self.grid, "grid", 1, 64)
        check_seed(self.seed)
        if self.size is not None:
            check_count(self.size, "size")

    def to_dict(self) -> dict[str, Any]:
        """JSON values, as a space keeps them."""
        return asdict(self)


class Denoiser:
    """Vectors of texts by the UNet of a pipeline; made by `load_denoiser`.

    At each level of noise the UNet predicts the clean picture for a text, and for the neutral
    prompt, both of the same noisy pictures (`noise.neutral_path`). The difference is averaged over
    noises and over the places of a coarse grid. A level is divided by the length that made-up names
    have there (root mean square of 32 that nobody bears), so that no level counts more for what its
    noise leaves to say, and so that a length of 1 is that of nobody in particular.

    Parameters
    ----------
    pipeline : ImagePipeline
    settings : DenoiserSettings

    Attributes
    ----------
    model, fingerprint : str
        Of the pipeline.
    dim : int
        Levels × channels × places.
    levels : ndarray of shape (n_levels,), int64
        Of the UNet's training, falling.
    """

    def __init__(self, pipeline: ImagePipeline, settings: DenoiserSettings) -> None:
        self.model, self.fingerprint = pipeline.spec, pipeline.fingerprint
        self._chosen = settings
        self._network = network_of(pipeline.loaded, pipeline.spec, settings.size)
        self.levels = spread_levels(len(self._network.kept), settings.n_levels)
        channels, height, width = self._network.places
        if settings.grid > min(height, width):
            raise ValueError(
                f"grid must be at most {min(height, width)}, the places along a side of what "
                f"{self.model} paints; got {settings.grid}."
            )
        self.dim = settings.n_levels * channels * settings.grid**2
        with refusing(self.model):
            self._noisy, self._neutral = self._path()
            self._scale = self._length_of_nobody()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What changes the vectors and is no weight."""
        return self._chosen.to_dict()

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of the view."""
        return {VIEW: self.dim}

    def of_names(self, names: Sequence[str], template: str) -> Mapping[str, FloatArray]:
        """Vectors of names in a template, (n_names, dim); see `of_texts`."""
        return self.of_texts([template.replace("{}", name) for name in names])

    def of_texts(self, texts: Sequence[str]) -> Mapping[str, FloatArray]:
        """Vectors of texts, (n_texts, dim); of the neutral prompt 0.

        Raises
        ------
        EncoderError
            If the pipeline fails.
        """
        with refusing(self.model):
            apart = self.differences(texts)
        scaled = apart / self._scale[:, None]
        return {VIEW: scaled.reshape(len(texts), self.dim) / np.float32(len(self.levels) ** 0.5)}

    def differences(self, texts: Sequence[str]) -> FloatArray:
        """Predicted clean pictures of texts less that of the neutral prompt.

        Returns
        -------
        ndarray of shape (n_texts, n_levels, channels * grid * grid), float32
            Mean over noises; levels are not weighed.
        """
        import torch

        distinct = list(dict.fromkeys(texts))
        kept = []
        with torch.inference_mode():
            for start in range(0, len(distinct), _AT_ONCE):
                told = self._network.told(distinct[start : start + _AT_ONCE])
                kept.append(self._pooled(told, len(distinct[start : start + _AT_ONCE])))
        rows = np.concatenate(kept) if kept else np.empty((0, len(self.levels), 0), np.float32)
        at = {text: row for row, text in enumerate(distinct)}
        return np.asarray(rows[[at[text] for text in texts]])

    def _pooled(self, told: dict[str, Any], n: int) -> FloatArray:
        import torch

        levels = []
        for at, level in enumerate(self.levels.tolist()):
            total = 0.0
            for noise in range(self._chosen.n_noises):
                shown = self._noisy[at][noise : noise + 1].expand(n, -1, -1, -1)
                predicted = self._network.predict(shown, level, told)
                total = total + (predicted - self._neutral[at][noise : noise + 1])
            apart = self._network.as_places(total / self._chosen.n_noises)
            pooled = torch.nn.functional.adaptive_avg_pool2d(apart, self._chosen.grid)
            levels.append(pooled.flatten(1))
        return np.asarray(torch.stack(levels, 1).cpu().numpy())

    def _path(self) -> tuple[list[Tensor], list[Tensor]]:
        """Noisy pictures of the neutral prompt, and what is predicted of them for it."""
        import torch

        chosen = self._chosen
        with torch.inference_mode():
            told = self._network.told([chosen.neutral] * chosen.n_noises)
            return neutral_path(self._network, told, self.levels, chosen.n_noises, chosen.seed)

    def _length_of_nobody(self) -> FloatArray:
        """Root mean square length of made-up names at each level, (n_levels,)."""
        apart = self.differences([TEMPLATE.format(name) for name in _NOBODY])
        squares = np.square(apart.astype(np.float64)).sum(axis=2).mean(axis=0)
        drawn = [float(one.std()) for one in self._neutral]
        # Texts in one batch or two differ by rounding alone.
        least = _SAME * np.array(drawn) * (self.dim / len(self.levels)) ** 0.5
        if not (squares > least**2).all() or not np.isfinite(squares).all():
            raise EncoderError(
                f"{self.model}: its UNet predicts the same of made-up names as of "
                f"{self._chosen.neutral!r}, or nothing finite, so there is no scale. Give a model "
                "that reads its text."
            )
        return np.asarray(np.sqrt(squares), np.float32)


def load_denoiser(
    spec: str,
    settings: DenoiserSettings | None = None,
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Denoiser:
    """Load the pipeline whose UNet is asked.

    Parameters
    ----------
    spec : str
        ``organism``, ``diffusers:folder-or-REPO``, or ``sd:MODEL.safetensors``, as `load_pipeline`
        takes them.
    settings : DenoiserSettings, optional
    revision, device, dtype
        As `load_pipeline` takes them.

    Returns
    -------
    Denoiser

    Raises
    ------
    EncoderError
        If it cannot be loaded, or is of a kind that has no UNet that can be asked.
    ValueError
        If a setting does not fit.
    """
    pipeline = load_pipeline(spec, revision=revision, device=device, dtype=dtype)
    return Denoiser(pipeline, settings or DenoiserSettings())


def open_denoiser(facts: ComputedFacts, device: str | None) -> Denoiser:
    """Load what computed the view of a space."""
    return load_denoiser(facts.model, DenoiserSettings(**facts.settings), device=device)
