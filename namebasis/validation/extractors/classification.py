"""Image classifiers of transformers: age groups, gender, face attributes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.encoders.loading import (
    SMALL_FILES,
    WEIGHTS,
    choose_device,
    find_source,
    fingerprint_of,
    refusing,
)
from namebasis.pretrained import read_pretrained
from namebasis.reading import read_bytes, read_json
from namebasis.validation.extractors.base import Attribute, Extractor, Found, softmax
from namebasis.validation.faces.contract import Region

if TYPE_CHECKING:
    from PIL.Image import Image

_AGES = re.compile(r"^\D*(\d{1,3})\s*(?:-|–|to|_)\s*(\d{1,3})\D*$")
_AGE = re.compile(r"^(?:more than|over|>|age)?\s*(\d{1,3})\s*(?:\+|years?)?$", re.IGNORECASE)
_OPEN_END = 10.0
"""Years that "more than 70" is taken to lie above 70: half a decade past the next border."""


class Classifier(Extractor):
    """A model whose labels are the values of one attribute, or each an attribute of its own.

    Parameters
    ----------
    model, processor : transformers objects
    spec : str
    attribute : str
        What the labels are values of.
    licence : str, optional
    """

    regions = (Region("face", margin=0.2),)
    """Classifiers of age, gender and expression are trained on faces with some hair and chin."""

    def __init__(
        self, model: Any, processor: Any, spec: str, attribute: str, licence: str | None = None
    ) -> None:
        self._model, self._processor = model.eval(), processor
        self.spec, self.licence = spec, licence
        self.fingerprint = fingerprint_of(model.state_dict())
        labels = tuple(
            str(label) for _, label in sorted((int(k), v) for k, v in model.config.id2label.items())
        )
        self._each_its_own = model.config.problem_type == "multi_label_classification"
        if self._each_its_own:
            self.attributes = tuple(Attribute(label, unit="share") for label in labels)
        else:
            years = ages_of(labels)
            unit = "years" if years else "rank"
            self.attributes = (Attribute(attribute, labels, years or (), unit),)

    def _measure(self, images: list[Image]) -> list[Found]:
        import torch

        given = self._processor(images=images, return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            logits = self._model(**given).logits.float().cpu().numpy()
        if self._each_its_own:
            chances = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -50, 50)))
            return [Found(values=column) for column in chances.T]
        return [Found(softmax(logits))]


def ages_of(labels: tuple[str, ...]) -> tuple[float, ...] | None:
    """Read labels such as "20-29" and "more than 70" as years; None unless all are."""
    years = []
    for label in labels:
        span, single = _AGES.match(label.strip()), _AGE.match(label.strip())
        if span:
            low, high = float(span[1]), float(span[2])
            # "20-29" holds whoever is not yet 30.
            years.append((low + high + 1) / 2)
        elif single:
            more = re.match(r"(?i)more than|over|>", label.strip()) or label.strip().endswith("+")
            years.append(float(single[1]) + (_OPEN_END / 2 if more else 0.0))
        else:
            return None
    return tuple(years)


def load_classifier(
    place: str, *, attribute: str | None = None, device: str | None = None
) -> Classifier:
    """Load an image classifier from a hub repository or a folder.

    Parameters
    ----------
    place : str
    attribute : str, optional
        What its labels are values of; by default the word of the repository's name that an axis
        has too (age, gender …), or the name itself.
    device : str, optional

    Raises
    ------
    EncoderError
        If it cannot be found or read.
    """
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    source = find_source("classify", place, [(*SMALL_FILES, "README.md", *WEIGHTS)], None)
    with refusing(source.spec):
        processor = read_pretrained(AutoImageProcessor, source.folder)
        model = read_pretrained(
            AutoModelForImageClassification, source.folder, use_safetensors=True
        )
    model.to(choose_device(device))
    name = attribute or _guess(place)
    return Classifier(model, processor, f"{source.spec}", name, licence_of(source.folder))


def _guess(place: str) -> str:
    from namebasis.studies.attributes.axis_files import axis_names

    words = re.split(r"[^a-z]+", Path(place).name.lower())
    known = [axis for axis in axis_names() if axis in words]
    return known[0] if known else re.sub(r"\W+", "_", Path(place).name).strip("_").lower()


def licence_of(folder: Path) -> str | None:
    """The licence that a model's folder names: in its card's head, or in config.json."""
    card, config = folder / "README.md", folder / "config.json"
    if card.is_file():
        head = read_bytes(card).decode("utf-8", "replace")[:4000]
        named = re.search(r"^licen[sc]e(?:_name)?:\s*(\S.*)$", head, re.MULTILINE)
        if named:
            return named[1].strip()
    if config.is_file():
        known = read_json(config).get("license")
        return str(known) if known else None
    return None
