"""Train a probe on images that a pipeline made of names with fixed attributes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from namebasis.checks import Progress, check_count
from namebasis.encoders.image_files import encode_image_files
from namebasis.errors import EncoderError, NamebasisError
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.validation.extractors.image_probe import LinearProbe, train_probe
from namebasis.validation.extractors.zero_shot import attribute_of
from namebasis.validation.pictures.generation import generate
from namebasis.validation.pictures.image_files import folder_of
from namebasis.validation.pictures.pipelines import ImagePipeline, PaintOptions

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

N_NAMES, N_IMAGES = 24, 2


def check_training(axis: str | Path | Axis, n_names: int, n_images: int) -> Axis:
    """Refuse what `probe_for` would, before anything is loaded; the axis.

    Raises
    ------
    NamebasisError
        If the axis is refused.
    ValueError
        If there are too few names or images.
    """
    loaded = axis if isinstance(axis, Axis) else load_axis(axis)
    check_count(n_names, "n_names", 8)
    check_count(n_images, "n_images")
    return loaded


def probe_for(
    axis: str | Path | Axis,
    pipeline: ImagePipeline,
    encoder: Encoder,
    folder: str | Path,
    *,
    n_names: int = N_NAMES,
    n_images: int = N_IMAGES,
    options: PaintOptions | None = None,
    seed: int = 0,
    batch_size: int = 8,
    progress: Progress | None = None,
) -> LinearProbe:
    """Make images of every value of an axis, and fit a probe to their vectors.

    The names in the prompts are made up, so that no belief about a name leans an attribute; every
    name is asked for with every value, and the score is on names that the fit has not seen.

    Parameters
    ----------
    axis : str, Path or Axis
    pipeline : ImagePipeline
    encoder : Encoder
        Of images, such as ``hf:facebook/dinov2-base``.
    folder : str or Path
        Keeps the images; a second call goes on from them.
    n_names : int
        Made-up names, at least 8.
    n_images : int
        Per name and value.
    options : PaintOptions, optional
    seed : int
        Of names, images and the split.
    batch_size : int
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    LinearProbe

    Raises
    ------
    EncoderError
        If the encoder reads no images.
    NamebasisError
        If the safety checker left too few images.
    """
    loaded = check_training(axis, n_names, n_images)
    if not encoder.has_images:
        raise EncoderError(f"{encoder.spec} reads no images; give an encoder that does.")
    names = pseudo_names(n_names, seed=seed).strings
    total = len(loaded.values) * n_names * n_images
    paths: list[Path] = []
    labels: list[str] = []
    groups: list[str] = []
    for number, value in enumerate(loaded.values):
        done = number * n_names * n_images
        made = generate(
            pipeline,
            names,
            Path(folder) / folder_of(value.label),
            templates=[
                f"{template.replace('{}', phrase)} named {{}}"
                for phrase in value.phrases
                for template in loaded.templates
            ],
            n_images=n_images,
            options=options,
            seed=seed + number * n_images,
            batch_size=batch_size,
            progress=None if progress is None else _shifted(progress, done, total),
        )
        usable = [image for image in made.images if not image.is_blank]
        paths += [image.path for image in usable]
        labels += [value.label] * len(usable)
        groups += [image.name for image in usable]
    embedded = encode_image_files(encoder, paths, batch_size=batch_size)
    if embedded.failures:
        failure = embedded.failures[0]
        raise NamebasisError(f"{failure.path} cannot be read: {failure.reason}")
    return train_probe(embedded.vectors, labels, groups, attribute_of(loaded), encoder, seed=seed)


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)
