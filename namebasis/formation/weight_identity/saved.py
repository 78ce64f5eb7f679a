"""A model whose weights were changed, as a new folder that its library and namebasis load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.atomic import check_folder_place, replacing_folder
from namebasis.encoders.loading import holds_vocabulary
from namebasis.errors import EncoderError
from namebasis.organism.model import no_bars
from namebasis.organism.run_folder import RUN, WORLD

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

_NOT_OURS = (RUN, WORLD)  # what a training of the organism tells of itself
_OPEN_CLIP_WEIGHTS = "open_clip_model.safetensors"


def check_new_folder(path: str | Path) -> Path:
    """Refuse a place where something is, or where no folder can be made.

    Raises
    ------
    EncoderError
        If a folder is there, or none above it.
    SpaceError
        If a file is, or the folder above may not be written to.
    """
    place = Path(path).expanduser()
    check_folder_place(place)
    if place.exists():
        raise EncoderError(f"{place} already exists. Give a new folder for the changed model.")
    if not place.parent.is_dir():
        raise EncoderError(f"{place}: there is no folder {place.parent}. Make it.")
    return place


def folder_of(encoder: Encoder) -> Path:
    """The folder of a model that can be saved again.

    Raises
    ------
    EncoderError
        If the encoder is of another kind than ``hf:`` and ``open_clip:local-dir:``.
    """
    model, local = (
        getattr(encoder, "model", None),
        encoder.spec.partition("open_clip:local-dir:")[2],
    )
    if local:
        return Path(local).expanduser()
    if not hasattr(model, "save_pretrained") or not hasattr(encoder, "_folder"):
        raise EncoderError(
            f"{encoder.spec} cannot be saved with other weights: only models of hf: and of "
            "open_clip:local-dir:FOLDER are. open_clip.push_to_hf_hub.save_for_hf makes such a "
            "folder."
        )
    return Path(encoder._folder)


def save_changed(encoder: Encoder, path: str | Path) -> str:
    """Write a model as it is in memory, with what its own folder holds of small files.

    Parameters
    ----------
    encoder : Encoder
        See `folder_of`.
    path : str or Path
        A new folder.

    Returns
    -------
    str
        The spec that loads it.

    Raises
    ------
    EncoderError
        If something is there, or the model cannot be saved again.
    """
    source, place = folder_of(encoder), check_new_folder(path)
    model: Any = encoder.model  # type: ignore[attr-defined]
    with replacing_folder(place, overwrite=False, is_ours=lambda _folder: False) as beside:
        beside.mkdir()
        _copy_small(source, beside)
        if hasattr(model, "save_pretrained"):
            with no_bars():
                model.save_pretrained(beside)
            if not holds_vocabulary(beside):  # the run's folder holds it, once for all its steps
                encoder.tokenizer.save_pretrained(beside)  # type: ignore[attr-defined]
            return f"hf:{place}"
        from safetensors.torch import save_file

        state = {key: one.detach().clone().contiguous() for key, one in model.state_dict().items()}
        save_file(state, beside / _OPEN_CLIP_WEIGHTS)
    return f"open_clip:local-dir:{place}"


def _copy_small(source: Path, place: Path) -> None:
    """Configurations and vocabularies; weights are written from memory."""
    for path in sorted(source.iterdir()):
        is_small = path.suffix in (".json", ".txt", ".model")
        if is_small and path.name not in _NOT_OURS and not path.name.endswith(".index.json"):
            shutil.copyfile(path, place / path.name)
