"""Models that write text about images, made to choose among an axis's values.

A model's own sentence is not parsed. Each value's answer (for a captioner: each prompt of the
axis) is scored by its log-probability behind the image, minus the same behind a grey image: what
the words alone make likely, and the number of their tokens, cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array
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
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.validation.extractors.answer_scores import AnswerScorer
from namebasis.validation.extractors.base import Extractor, Found, softmax
from namebasis.validation.extractors.classification import licence_of
from namebasis.validation.extractors.zero_shot import AXES, attribute_of

if TYPE_CHECKING:
    from PIL.Image import Image

QUESTIONS: Mapping[str, str] = {
    "age": "What is the age group of the person?",
    "gender": "Is the person masculine or feminine?",
    "skin_tone": "What is the skin tone of the person?",
    "hair_colour": "What is the hair colour of the person?",
    "hair_length": "How long is the hair of the person?",
    "eye_colour": "What is the eye colour of the person?",
    "expression": "What is the facial expression of the person?",
}
"""What is asked per axis; of another axis "What is the NAME of the person?"."""


class Writer(Extractor):
    """A model of images and text that scores answers, or captions.

    Parameters
    ----------
    model, processor : transformers objects
        Of `AutoModelForImageTextToText`.
    spec : str
    axes : sequence of Axis
    asks : bool
        Put the axis's question before the answers; without, the axis's prompts are captions.
    licence : str, optional
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        spec: str,
        axes: Sequence[Axis],
        *,
        asks: bool = True,
        licence: str | None = None,
    ) -> None:
        self._model, self._processor = model.eval(), processor
        self.spec, self.licence, self._asks = spec, licence, asks
        self.fingerprint = f"{fingerprint_of(model.state_dict())} {[*axes]!r}"
        self.attributes = tuple(attribute_of(axis) for axis in axes)
        self._axes = list(axes)
        self._scorer = AnswerScorer(
            model, processor, spec, [(self._prompt(axis), _answers(axis, asks)) for axis in axes]
        )
        self._blank: Float64Array | None = None

    def _measure(self, images: list[Image]) -> list[Found]:
        from PIL import Image as Pillow

        if self._blank is None:
            self._blank = self._scorer.scores(Pillow.new("RGB", (224, 224), (128, 128, 128)))
        rows = np.stack([self._scorer.scores(image) - self._blank for image in images])
        found, start = [], 0
        for axis in self._axes:
            end = start + len(_answers(axis, self._asks))
            per_value = [_per_value(row[start:end], axis, self._asks) for row in rows]
            found.append(Found(softmax(np.stack(per_value))))
            start = end
        return found

    def _prompt(self, axis: Axis) -> str:
        question = _question(axis) if self._asks else ""
        if getattr(self._processor, "chat_template", None):
            text = [{"type": "text", "text": question}] if question else []
            return str(
                self._processor.apply_chat_template(
                    [{"role": "user", "content": [{"type": "image"}, *text]}],
                    add_generation_prompt=True,
                )
            )
        return f"Question: {question} Answer:" if question else ""


def _question(axis: Axis) -> str:
    return QUESTIONS.get(axis.name, f"What is the {axis.name.replace('_', ' ')} of the person?")


def _answers(axis: Axis, asks: bool) -> list[str]:
    """Answers of all values, value after value."""
    if asks:
        return [f" {value.label}" for value in axis.values]
    return [
        template.replace("{}", phrase)
        for value in axis.values
        for phrase in value.phrases
        for template in axis.templates
    ]


def _per_value(scores: Float64Array, axis: Axis, asks: bool) -> Float64Array:
    """Mean over the captions that stand for each value."""
    if asks:
        return scores
    sizes = [len(value.phrases) * len(axis.templates) for value in axis.values]
    borders = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.asarray(np.add.reduceat(scores, borders) / sizes)


class Answerer(Extractor):
    """A classifier over a fixed list of answers, such as ViLT: an axis's labels among them.

    Parameters
    ----------
    model, processor : transformers objects
        Of `AutoModelForVisualQuestionAnswering`, with answers in `config.id2label`.
    spec : str
    axes : sequence of Axis
    licence : str, optional

    Raises
    ------
    EncoderError
        If the model has no answer for two values of any axis.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        spec: str,
        axes: Sequence[Axis],
        licence: str | None = None,
    ) -> None:
        self._model, self._processor = model.eval(), processor
        self.spec, self.licence = spec, licence
        self.fingerprint = f"{fingerprint_of(model.state_dict())} {[*axes]!r}"
        known = {str(label).lower(): int(key) for key, label in model.config.id2label.items()}
        self._axes: list[tuple[Axis, list[list[int]]]] = []
        for axis in axes:
            places = [
                sorted(
                    {
                        known[text]
                        for text in _spellings(value.label, value.phrases)
                        if text in known
                    }
                )
                for value in axis.values
            ]
            if sum(map(bool, places)) >= 2:
                self._axes.append((axis, places))
        if not self._axes:
            raise EncoderError(
                f"{spec}: none of its {len(known)} answers are values of "
                f"{', '.join(axis.name for axis in axes)}."
            )
        self.attributes = tuple(attribute_of(axis) for axis, _ in self._axes)

    def _measure(self, images: list[Image]) -> list[Found]:
        import torch

        questions = [_question(axis) for axis, _ in self._axes]
        chances = np.empty((len(images), len(questions), self._model.config.num_labels))
        for at, image in enumerate(images):  # sizes differ, and so do the towers' ways to pad them
            given = self._processor(
                images=[image] * len(questions), text=questions, padding=True, return_tensors="pt"
            )
            with torch.inference_mode():
                logits = self._model(**given.to(self._model.device)).logits
            chances[at] = softmax(logits.float().cpu().numpy())
        return [
            Found(_over_values(chances[:, number], places))
            for number, (_, places) in enumerate(self._axes)
        ]


def _spellings(label: str, phrases: Sequence[str]) -> list[str]:
    plain = [
        phrase.removeprefix("a ").removeprefix("an ").removeprefix("with ") for phrase in phrases
    ]
    return [text.lower() for text in (label, *phrases, *plain)]


def _over_values(chances: Float64Array, places: Sequence[Sequence[int]]) -> Float64Array:
    """Answers' chances summed per value and scaled to 1; a value without an answer gets 0."""
    sums = np.stack([chances[:, list(answers)].sum(axis=1) for answers in places], axis=1)
    return np.asarray(sums / sums.sum(axis=1, keepdims=True))


def load_writer(
    place: str,
    *,
    asks: bool = True,
    axes: Sequence[str | Path] = AXES,
    device: str | None = None,
) -> Extractor:
    """Load a model that answers questions about images, or captions them.

    Raises
    ------
    EncoderError
        If it cannot be found or read.
    """
    from transformers import (
        AutoConfig,
        AutoModelForImageTextToText,
        AutoModelForVisualQuestionAnswering,
        AutoProcessor,
    )

    kind = "ask" if asks else "caption"
    source = find_source(kind, place, [(*SMALL_FILES, "*.jinja", "README.md", *WEIGHTS)], None)
    loaded = [load_axis(axis) for axis in axes]
    licence = licence_of(source.folder)
    with refusing(source.spec):
        processor = read_pretrained(AutoProcessor, source.folder)
        config = read_pretrained(AutoConfig, source.folder)
        is_list = config.model_type in {"vilt", "lxmert"}
        kind_of = AutoModelForVisualQuestionAnswering if is_list else AutoModelForImageTextToText
        model = read_pretrained(kind_of, source.folder, use_safetensors=True)
    model.to(choose_device(device))
    if is_list:
        return Answerer(model, processor, source.spec, loaded, licence)
    return Writer(model, processor, source.spec, loaded, asks=asks, licence=licence)
