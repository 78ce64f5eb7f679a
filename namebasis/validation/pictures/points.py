"""Pictures of input embeddings that are no name's: points of a celeb basis, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.atomic import replacing_file
from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, check_template
from namebasis.encoders.embedded import Slot, find_slot
from namebasis.errors import EncoderError
from namebasis.validation.pictures.pipelines import ImagePipeline, PaintOptions

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

_GAP = 2  # pixels between pictures of a strip
_TOLERANCE = 1e-3  # of a pipeline in half precision, beside the largest number of its table
_PROBE = "a b q x 1 2"


def paint_points(
    pipeline: ImagePipeline,
    encoder: Encoder,
    rows: Sequence[FloatArray],
    template: str = "a photo of {}",
    *,
    seed: int = 0,
    options: PaintOptions | None = None,
) -> list[Image]:
    """Paint a template with vectors in the place of the name's pieces, all with one seed.

    Parameters
    ----------
    pipeline : ImagePipeline
        Its one text encoder has the input embeddings of `encoder`.
    encoder : Encoder
        Of the space that the vectors are of.
    rows : sequence of ndarray of shape (n_pieces, token_dim)
        Of each picture, as many pieces in all.
    template : str
        With ``{}`` once.
    seed : int
        Of the noise that every picture begins with.
    options : PaintOptions, optional

    Returns
    -------
    list of PIL image

    Raises
    ------
    EncoderError
        If the pipeline has several text encoders, or another one.
    ValueError
        If the template holds no place, or the numbers of pieces differ.
    """
    check_template(template)
    sizes = {len(one) for one in rows}
    if len(sizes) != 1:
        raise ValueError(f"pictures of one strip need equally many pieces; got {sorted(sizes)}.")
    parts = pipeline.parts()
    text_encoder, tokenizer = parts.get("text_encoder"), parts.get("tokenizer")
    if text_encoder is None or tokenizer is None or parts.get("text_encoder_2") is not None:
        raise EncoderError(
            f"{pipeline.spec} has not one text encoder but {_n_encoders(parts)}; a point is of "
            "one. Write it with --export and load the file there."
        )
    table = text_encoder.get_input_embeddings()
    _check_table(table.weight, tokenizer, encoder, pipeline.spec)

    def count(texts: list[str]) -> IntArray:
        found = tokenizer(texts, add_special_tokens=False)["input_ids"]
        return np.fromiter(map(len, found), dtype=np.int64, count=len(found))

    slot = find_slot(
        template, sizes.pop(), lambda text: tokenizer(text)["input_ids"], count, pipeline.spec
    )
    with _given(table, slot, np.stack(rows), pipeline.spec):
        made = pipeline.paint(
            [slot.text] * len(rows), [seed] * len(rows), options or PaintOptions()
        )
    return [image for image, _ in made]


def write_strip(images: Sequence[Image], path: str | Path, *, overwrite: bool = False) -> None:
    """Write pictures of one size side by side as one PNG.

    Raises
    ------
    SpaceError
        If the file exists and may not be replaced, or its folder cannot be written to.
    """
    from PIL import Image as Pillow

    wide, high = images[0].size
    strip = Pillow.new("RGB", (len(images) * (wide + _GAP) - _GAP, high), "white")
    for at, image in enumerate(images):
        strip.paste(image, (at * (wide + _GAP), 0))
    with replacing_file(Path(path), overwrite) as stream:
        strip.save(stream, "PNG")


def _n_encoders(parts: dict[str, Any]) -> int:
    return sum(key.startswith("text_encoder") and part is not None for key, part in parts.items())


def _check_table(table: Tensor, tokenizer: Any, encoder: Encoder, spec: str) -> None:
    """Refuse a pipeline whose input embeddings are not those that the vectors are made of."""
    ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
    theirs = table.detach()[ids].float().cpu().numpy()
    (ours,) = encoder.piece_embeddings([_PROBE])
    scale = float(np.abs(theirs).max())
    if ours.shape != theirs.shape or np.abs(ours - theirs).max() > _TOLERANCE * scale:
        raise EncoderError(
            f"{spec} reads texts with another encoder than {encoder.spec}, of whose input "
            "embeddings the points are made. Build a space with the pipeline's own."
        )


@contextmanager
def _given(table: Any, slot: Slot, rows: FloatArray, spec: str) -> Iterator[None]:
    """Let a table give `rows` (n_texts, slot.size, width) to texts that hold the slot's ids."""
    import torch

    places = slice(slot.start, slot.start + slot.size)
    wanted, n_met = torch.tensor(slot.ids[places]), 0

    def put(_: object, given: tuple[Tensor, ...], found: Tensor) -> Tensor:
        nonlocal n_met
        ids = given[0][:, places].cpu()
        if ids.shape[1] < slot.size:
            return found
        met = (ids == wanted).all(dim=1)
        if not met.any():
            return found  # of the negative prompt
        if int(met.sum()) != len(rows):
            raise EncoderError(f"{spec} asks for {int(met.sum())} texts of {len(rows)} points.")
        n_met += 1
        changed = found.clone()
        changed[met.to(found.device), places] = torch.from_numpy(rows).to(found)
        return changed

    handle = table.register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()
    if not n_met:
        raise EncoderError(f"{spec} does not read texts through its table of input embeddings.")
