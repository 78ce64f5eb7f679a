"""Taggers in timm's format with a table of tags, such as the WD taggers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.encoders.loading import choose_device, find_source, fingerprint_of, refusing
from namebasis.errors import EncoderError, MissingExtraError
from namebasis.reading import read_json, read_table
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.validation.extractors.base import Attribute, Extractor, Found
from namebasis.validation.extractors.classification import licence_of
from namebasis.validation.extractors.zero_shot import AXES, attribute_of

if TYPE_CHECKING:
    from PIL.Image import Image

WD_TABLE = "selected_tags.csv"
"""The table of WD taggers; their models see blue, green, red and images padded to a square."""
_PRETRAINED = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict")
_TABLES = (WD_TABLE, "tags.csv")
_SPELLINGS = {"blond": "blonde", "grey": "gray", "colour": "color"}
_WORDS = frozenset(["a", "an", "the", "with", "person", "of", "someone"])


class Tagger(Extractor):
    """Chances of tags, gathered into the values of axes.

    Parameters
    ----------
    model : torch module
        Images in, one logit per tag out.
    transform : callable
        PIL image to tensor.
    tags : sequence of str
        In the order of the logits, with underscores.
    spec : str
    axes : sequence of Axis
        An axis is measured where at least two of its values are tags.
    wanted : sequence of str
        Tags that are attributes by themselves.
    as_wd : bool
        Pad images to a square on white, and swap red and blue.
    licence : str, optional

    Raises
    ------
    EncoderError
        If a wanted tag is not there, or nothing is left to measure.
    """

    def __init__(
        self,
        model: Any,
        transform: Any,
        tags: Sequence[str],
        spec: str,
        axes: Sequence[Axis],
        *,
        wanted: Sequence[str] = (),
        as_wd: bool = False,
        licence: str | None = None,
    ) -> None:
        self._model, self._transform, self._as_wd = model.eval(), transform, as_wd
        self.spec, self.licence = spec, licence
        self.fingerprint = f"{fingerprint_of(model.state_dict())} {[*tags]!r} {[*axes]!r}"
        place = {tag: at for at, tag in enumerate(tags)}
        missing = [tag for tag in wanted if tag not in place]
        if missing:
            raise EncoderError(f"{spec} has no tag {missing[0]!r} among its {len(place):,}.")
        self._axes = [
            (axis, places) for axis in axes if sum(map(bool, places := _tags_of(axis, place))) >= 2
        ]
        self._wanted = [place[tag] for tag in wanted]
        self.attributes = (
            *(attribute_of(axis) for axis, _ in self._axes),
            *(Attribute(tag, unit="share") for tag in wanted),
        )
        if not self.attributes:
            raise EncoderError(
                f"{spec}: its tags are values of none of {', '.join(a.name for a in axes)}; "
                "name tags to measure."
            )

    def _measure(self, images: list[Image]) -> list[Found]:
        import torch

        device = next(self._model.parameters()).device
        given = torch.stack([self._transform(self._padded(image)) for image in images])
        if self._as_wd:
            given = given.flip(1)
        with torch.inference_mode():
            logits = self._model(given.to(device)).float().cpu().numpy().astype(np.float64)
        chances = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        gathered = [_gather(chances, places) for _, places in self._axes]
        return [*gathered, *(Found(values=chances[:, at]) for at in self._wanted)]

    def _padded(self, image: Image) -> Image:
        if not self._as_wd or image.width == image.height:
            return image
        from PIL import Image as Pillow

        side = max(image.size)
        square = Pillow.new("RGB", (side, side), (255, 255, 255))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        return square


def _tags_of(axis: Axis, place: dict[str, int]) -> list[list[int]]:
    """For each value of an axis, the tags that say it."""
    found = []
    for value in axis.values:
        noun = axis.name.split("_")[0]  # "black" of hair_colour is the tag black_hair
        texts = [*value.phrases, value.label, f"{value.label} {noun}"]
        names = {name for text in texts for name in _as_tags(text)}
        found.append(sorted(place[name] for name in names if name in place))
    return found


def _as_tags(text: str) -> tuple[str, str]:
    """A phrase as taggers write it, and in their other spelling."""
    words = [word for word in re.split(r"[\s_-]+", text.lower()) if word not in _WORDS]
    return "_".join(words), "_".join(_SPELLINGS.get(word, word) for word in words)


def _gather(chances: Float64Array, places: Sequence[Sequence[int]]) -> Found:
    """The likeliest tag of each value, scaled to a distribution; none where all are unlikely."""
    best = np.stack(
        [chances[:, list(p)].max(axis=1) if p else np.zeros(len(chances)) for p in places], axis=1
    )
    total = best.sum(axis=1, keepdims=True)
    seen = best.max(axis=1) >= 0.05  # below, taggers' own default thresholds show nothing
    shares = np.where(seen[:, None], best / np.maximum(total, 1e-12), np.nan)
    return Found(shares, reasons=tuple(None if s else "no tag of this axis was seen" for s in seen))


def load_tagger(
    place: str,
    *,
    axes: Sequence[str | Path] = AXES,
    wanted: Sequence[str] = (),
    device: str | None = None,
) -> Tagger:
    """Load a timm tagger: config.json, model.safetensors and a table of tags.

    Raises
    ------
    EncoderError
        If a file is missing or does not fit.
    """
    try:
        import timm
        from timm.data import create_transform, resolve_data_config
    except ImportError:
        raise MissingExtraError("a tagger in timm's format", "open-clip") from None
    from safetensors.torch import load_file

    files = ("config.json", "model.safetensors", "README.md", *_TABLES)
    source = find_source("tagger", place, [files], None)
    with refusing(source.spec):
        config = read_json(source.folder / "config.json")
        table = next((t for t in _TABLES if (source.folder / t).is_file()), None)
        if table is None:
            raise EncoderError(f"{source.spec} holds no table of tags ({' or '.join(_TABLES)}).")
        tags = read_tags(source.folder / table)
        options = dict(config.get("model_args", {}))
        # Any other file or repository that a configuration names may be a pickle.
        if named := sorted({"checkpoint_path", "cache_dir", *_PRETRAINED} & set(options)):
            raise EncoderError(f"{source.spec}: its model_args may not name {named[0]}.")
        if str(config["architecture"]).partition(".")[0] not in timm.list_models():
            raise EncoderError(f"{source.spec}: timm has no model {config['architecture']!r}.")
        model = timm.create_model(
            config["architecture"], pretrained=False, num_classes=len(tags), **options
        )
        model.load_state_dict(load_file(source.folder / "model.safetensors"))
        prepared = resolve_data_config(config.get("pretrained_cfg", {}), model=model)
        transform = create_transform(**prepared)
    return Tagger(
        model.to(choose_device(device)),
        transform,
        tags,
        source.spec,
        [load_axis(axis) for axis in axes],
        wanted=wanted,
        as_wd=table == WD_TABLE,
        licence=licence_of(source.folder),
    )


def read_tags(path: Path) -> list[str]:
    """Read the column `name` of a table of tags; spaces become underscores.

    Raises
    ------
    EncoderError
        If there is no such column, or no tag.
    """
    table = read_table(path)
    if "name" not in table.columns:
        raise EncoderError(f"{path}: a table of tags needs a column name; it has "
                           f"{', '.join(table.columns) or 'none'}.")  # fmt: skip
    tags = [(row["name"] or "").strip().lower().replace(" ", "_") for _, row in table.rows]
    if not tags:
        raise EncoderError(f"{path} holds no tag.")
    return tags
