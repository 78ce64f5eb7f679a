"""Apparent skin colour as an extractor, with a segmentation model where one is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.encoders.loading import (
    SMALL_FILES,
    WEIGHTS,
    choose_device,
    find_source,
    fingerprint_of,
    refusing,
)
from namebasis.errors import EncoderError
from namebasis.pretrained import read_pretrained
from namebasis.validation.extractors.base import Attribute, Extractor, Found
from namebasis.validation.extractors.skin import Mask, Segmenter, skin_colour
from namebasis.validation.faces.contract import FACE

if TYPE_CHECKING:
    from PIL.Image import Image

_SKIN_LABELS = frozenset(["skin", "face", "nose"])
"""Labels of face-parsing models whose pixels are skin, lower case."""


class SkinExtractor(Extractor):
    """L* and hue angle of the skin.

    Parameters
    ----------
    segment : callable, optional
        See `namebasis.validation.extractors.skin.skin_colour`.
    spec : str
    fingerprint : str
        Of the segmentation model.
    """

    regions = (FACE,)
    attributes = (
        Attribute("skin_lightness", unit="L*"),
        Attribute("skin_hue", unit="degrees"),
    )

    def __init__(
        self, segment: Segmenter | None = None, spec: str = "skin", fingerprint: str = ""
    ) -> None:
        self.segment, self.spec, self.fingerprint = segment, spec, fingerprint

    def _measure(self, images: list[Image]) -> list[Found]:
        found = [skin_colour(image, segment=self.segment) for image in images]
        reasons = tuple(result.reason for result in found)
        return [
            Found(values=np.array([result.lightness for result in found]), reasons=reasons),
            Found(values=np.array([result.hue for result in found]), reasons=reasons),
        ]


def load_segmenter(place: str, *, device: str | None = None) -> tuple[Segmenter, str]:
    """Load a face-parsing model of transformers, and its fingerprint; labels with "skin".

    Raises
    ------
    EncoderError
        If it cannot be loaded, or none of its labels is skin.
    """
    import torch
    from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

    source = find_source("skin", place, [(*SMALL_FILES, *WEIGHTS)], None)
    with refusing(source.spec):
        processor = read_pretrained(AutoImageProcessor, source.folder)
        model = read_pretrained(
            AutoModelForSemanticSegmentation, source.folder, use_safetensors=True
        ).eval()
    model.to(choose_device(device))
    labels = {int(key): str(label).lower() for key, label in model.config.id2label.items()}
    skin = [key for key, label in labels.items() if label in _SKIN_LABELS]
    if not skin:
        raise EncoderError(
            f"{source.spec}: none of its labels is skin, face or nose; it has "
            f"{', '.join(sorted(labels.values())[:12])}."
        )

    def segment(image: Image) -> Mask:
        given = processor(images=image, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            logits = model(**given).logits
        size = (image.height, image.width)
        whole = torch.nn.functional.interpolate(logits, size, mode="bilinear")
        return np.isin(whole.argmax(dim=1)[0].cpu().numpy(), skin)

    return segment, fingerprint_of(model.state_dict())
