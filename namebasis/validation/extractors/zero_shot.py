"""Attributes by the prompts of axis files, with any encoder that reads images and text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, FloatArray
from namebasis.encoders.base import Encoder
from namebasis.errors import EncoderError
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.validation.extractors.base import Attribute, Extractor, Found, softmax

if TYPE_CHECKING:
    from PIL.Image import Image

AXES = ("age", "gender", "skin_tone", "hair_colour", "hair_length", "expression")
TEMPERATURE = 0.01
"""What cosines are divided by; CLIP's own logit scale ends training near its inverse, 100."""


def one_sided(spec: str) -> EncoderError:
    """What is said of an encoder that reads text alone, or images alone."""
    return EncoderError(
        f"{spec} does not read both images and text; zero-shot needs a model of both, such as "
        "open_clip:ViT-B-32/openai or organism."
    )


class ZeroShot(Extractor):
    """Reads attributes by the cosines of images with an axis's prompts.

    Parameters
    ----------
    encoder : Encoder
        Of images and text.
    axes : sequence of str or Path
        As `load_axis` takes them: the axes that names are scored on.
    temperature : float

    Raises
    ------
    EncoderError
        If the encoder does not read both.
    """

    def __init__(
        self,
        encoder: Encoder,
        axes: Sequence[str | Path | Axis] = AXES,
        *,
        temperature: float = TEMPERATURE,
    ) -> None:
        if not (encoder.has_images and encoder.has_text):
            raise one_sided(encoder.spec)
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0; got {temperature}.")
        self.encoder, self.temperature = encoder, temperature
        loaded = [axis if isinstance(axis, Axis) else load_axis(axis) for axis in axes]
        self.spec = f"zero-shot:{encoder.spec}"
        self.attributes = tuple(attribute_of(axis) for axis in loaded)
        self.fingerprint = f"{encoder.fingerprint} {temperature} {loaded!r}"
        self._prompts = [_prompts(encoder, axis) for axis in loaded]

    def _measure(self, images: list[Image]) -> list[Found]:
        rows = self.encoder.encode_images(images).astype(np.float64)
        return [Found(shares) for shares in self._shares(rows)]

    def read(self, vectors: FloatArray) -> dict[str, Float64Array]:
        """Attributes from vectors of images that the encoder made.

        Parameters
        ----------
        vectors : ndarray of shape (n, dim)
            Unit rows.

        Returns
        -------
        dict of str to ndarray of shape (n,) or (n, n_labels)
            By attribute: the mean position of an ordered one, shares of labels of another.
        """
        return {
            one.name: shares @ np.asarray(one.positions) if one.positions else shares
            for one, shares in zip(
                self.attributes, self._shares(vectors.astype(np.float64)), strict=True
            )
        }

    def _shares(self, rows: Float64Array) -> list[Float64Array]:
        return [softmax(rows @ prompts.T / self.temperature) for prompts in self._prompts]


def attribute_of(axis: Axis) -> Attribute:
    """An axis as an attribute: its ranks as positions where its values have an order."""
    labels = tuple(value.label for value in axis.values)
    return Attribute(axis.name, labels, axis.ranks if axis.kind == "ordinal" else ())


def _prompts(encoder: Encoder, axis: Axis) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Unit mean of each value's phrases over the templates, (n_values, dim)."""
    rows = np.zeros((len(axis.values), encoder.dim))
    for at, value in enumerate(axis.values):
        texts = [t.replace("{}", phrase) for t in axis.templates for phrase in value.phrases]
        rows[at] = encoder.encode_text(texts).astype(np.float64).mean(axis=0)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
