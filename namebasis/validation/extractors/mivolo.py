"""MiVOLO v2: age in years and gender of a face. Its hub repository brings code of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.encoders.loading import choose_device, find_source, fingerprint_of, refusing
from namebasis.errors import EncoderError
from namebasis.pretrained import read_pretrained
from namebasis.validation.extractors.base import Attribute, Extractor, Found
from namebasis.validation.extractors.classification import licence_of
from namebasis.validation.faces.contract import FACE, PERSON

if TYPE_CHECKING:
    from PIL.Image import Image

REPOSITORY = "iitolstykh/mivolo_v2"


class MiVolo(Extractor):
    """Age and gender by MiVOLO v2, from the face and the body.

    Without a face step the whole picture is shown as the face, and no body.

    Parameters
    ----------
    model, processor : transformers objects
    spec : str
    licence : str, optional
    """

    regions = (FACE, PERSON)

    def __init__(self, model: Any, processor: Any, spec: str, licence: str | None = None) -> None:
        self._model, self._processor = model.eval(), processor
        self.spec, self.licence = spec, licence
        self.fingerprint = fingerprint_of(model.state_dict())
        names = model.config.gender_id2label
        labels = tuple(str(label) for _, label in sorted((int(k), v) for k, v in names.items()))
        self.attributes = (Attribute("age", unit="years"), Attribute("gender", labels))

    def _measure(self, images: list[Image]) -> list[Found]:
        return self._read(images, None)

    def _measure_crops(self, crops: list[tuple[Image, ...]]) -> list[Found]:
        bodies = None if self.faces is None else [body for _, body in crops]
        return self._read([face for face, _ in crops], bodies)

    def _read(self, images: list[Image], persons: list[Image] | None) -> list[Found]:
        import torch

        faces = self._pixels(images)
        # Zeros are what its own code takes for "no body seen".
        bodies = torch.zeros_like(faces) if persons is None else self._pixels(persons)
        with torch.inference_mode():
            output = self._model(faces_input=faces, body_input=bodies)
        ages = output.age_output.float().cpu().numpy().reshape(-1)
        chances = output.raw_gender_output.float().softmax(-1).cpu().numpy()
        return [
            Found(values=ages.astype(np.float64)),
            Found(chances[:, : len(self.attributes[1].labels)].astype(np.float64)),
        ]

    def _pixels(self, images: list[Image]) -> Any:
        import torch

        pixels = self._processor(images=images)["pixel_values"]
        return torch.as_tensor(np.asarray(pixels)).to(self._model.device, self._model.dtype)


def load_mivolo(
    place: str = REPOSITORY, *, allow_remote_code: bool = False, device: str | None = None
) -> MiVolo:
    """Load MiVOLO v2.

    Parameters
    ----------
    place : str
        Repository or folder.
    allow_remote_code : bool
        Its model is code in its repository, which runs on your machine with your rights.
    device : str, optional

    Raises
    ------
    EncoderError
        Without `allow_remote_code`, or if it cannot be read.
    """
    if not allow_remote_code:
        raise EncoderError(
            f"mivolo:{place} is code of its own repository, which would run with your rights. "
            "Read it and its licence first, then allow it with --allow-remote-code."
        )
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    patterns = [("*.json", "*.py", "README.md", "LICENSE*", "*.safetensors")]
    source = find_source("mivolo", place, patterns, None)
    with refusing(source.spec):
        processor = read_pretrained(AutoImageProcessor, source.folder, run_code=allow_remote_code)
        model = read_pretrained(
            AutoModelForImageClassification, source.folder, run_code=allow_remote_code,
            use_safetensors=True,
        )  # fmt: skip
    model.to(choose_device(device))
    return MiVolo(model, processor, source.spec, licence_of(source.folder))
