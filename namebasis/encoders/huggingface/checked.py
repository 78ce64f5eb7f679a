"""A model that transformers wrote: all of its weights, from safetensors, in a known class."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from namebasis.encoders.foreign_folders import (
    ADAPTER_TOO,
    config_near,
    foreign_folder,
    model_below,
)
from namebasis.encoders.loading import (
    VOCABULARIES,
    Source,
    fingerprint_of,
    holds_vocabulary,
    vocabulary_near,
)
from namebasis.encoders.open_clip.checkpoint_files import WRAPPERS, holds_adapter, plain_key
from namebasis.encoders.weight_variants import variant_of
from namebasis.errors import EncoderError
from namebasis.pretrained import read_pretrained

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)

_OWN_CLASS = ("TextModelWithProjection", "VisionModelWithProjection", "EncoderModel")
_WHOLE_HALVES = ("SiglipTextModel", "Siglip2TextModel")
"""Text halves of a pair whose pooled output is what the pair compares; AutoModel has no such."""


@dataclass(frozen=True)
class WholeModel:
    """A model of transformers that was read from elsewhere than its folder.

    Attributes
    ----------
    model : PreTrainedModel
    fingerprint : str
    tokenizer : PreTrainedTokenizerBase
    words : mapping of int to sequence of int
        Ids of added pieces that stand for several in a row; of a CLIP with the fast tower only.
    """

    model: Any
    fingerprint: str
    tokenizer: Any
    words: Mapping[int, Sequence[int]] = field(default_factory=dict)


def read_model(source: Source, architecture: str | None = None) -> tuple[nn.Module, str]:
    """Read a model's weights and their fingerprint; see `read_weights`."""
    model, missing = read_weights(source, architecture)
    state = {key: value for key, value in model.state_dict().items() if key not in missing}
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return model, fingerprint_of(state)


def read_weights(source: Source, architecture: str | None = None) -> tuple[Any, set[str]]:
    """Read a model's weights, all of them, from safetensors.

    Returns
    -------
    Module, set of str
        The model in the precision of its file, and the names of its tensors that are in no file
        and of no weight in its rows.

    Raises
    ------
    EncoderError
        If the folder holds another kind of model, no safetensors, or too few weights.
    """
    import transformers

    _check_folder(source)
    folder = source.folder
    near = config_near(folder)
    config = read_pretrained(transformers.AutoConfig, near.parent if near else folder)
    architecture = architecture or (config.architectures or [""])[0]
    kind = _class_of(source, config, architecture)
    # Only where it is needed: it takes the place of the class's own renaming.
    wrapped: dict[str, Any] = {"key_mapping": WRAPPERS} if _check_tensors(source) else {}
    model, loaded = read_pretrained(
        kind,
        folder,
        config=config,
        use_safetensors=True,
        variant=variant_of(folder),
        dtype="auto",
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # refused below, by name
        **wrapped,
    )
    for key, stored, said in loaded["mismatched_keys"]:
        raise EncoderError(
            f"{source.spec}: {key} has the shape {tuple(stored)}, by config.json it is "
            f"{tuple(said)}; weights and configuration do not belong together."
        )
    missing = set(loaded["missing_keys"])
    # Mean pooling never asks BERT's pooler, which masked language models are saved without.
    needed = sorted(key for key in missing if not key.startswith("pooler."))
    if needed:
        raise EncoderError(
            f"{source.spec}: {len(needed)} of the model's tensors are not in its file, such as "
            f"{needed[0]}; random ones are never used. Get the whole model."
        )
    return model, missing


def _class_of(source: Source, config: Any, architecture: str) -> Any:
    """The class to read a model with: the folder's own where AutoModel would cut a part off."""
    import transformers

    is_own = architecture.endswith(_OWN_CLASS) or architecture in _WHOLE_HALVES
    if is_own and hasattr(transformers, architecture):
        return getattr(transformers, architecture)
    if str(config.model_type).endswith("_text_model") and (
        type(config) not in transformers.MODEL_MAPPING
    ):
        raise EncoderError(
            f"{source.spec} is a {architecture or config.model_type}, the text half of a pair "
            "without its projection, whose rows compare with no image. Give the folder of the "
            "whole pair."
        )
    return transformers.AutoModel


def _check_tensors(source: Source) -> bool:
    """Refuse weights with an adapter among them; return whether wrappers left their names there."""
    names: list[str] = []
    for path in source.folder.glob("model*.safetensors"):
        with safe_open(path, "pt") as file:
            names += file.keys()
    if holds_adapter(names):
        raise EncoderError(
            f"{source.spec}: a LoRA adapter stands unmerged among its weights, which would be left "
            "out; merge it (merge_and_unload) and save that with save_pretrained."
        )
    return any(plain_key(name) != name for name in names)


def _check_folder(source: Source) -> None:
    folder = source.folder
    reason = foreign_folder(folder)
    if not (folder / "config.json").is_file() and config_near(folder) is None:
        other = {"model_index.json": "diffusers:", "open_clip_config.json": "open_clip:local-dir:"}
        for name, prefix in other.items():
            if (folder / name).is_file():
                place = folder if source.revision is None else source.spec.partition(":")[2]
                raise EncoderError(f"{source.spec} is another kind of model: use {prefix}{place}")
        if reason is not None:
            raise EncoderError(f"{source.spec}: {reason}.")
        raise EncoderError(
            f"{source.spec} holds no config.json; give the folder that save_pretrained wrote."
            f"{model_below(folder)}"
        )
    if reason == ADAPTER_TOO:
        raise EncoderError(f"{source.spec}: {reason}.")
    if not any(folder.glob("model*.safetensors")):
        if reason is not None and not any(folder.glob("*.bin")):
            raise EncoderError(f"{source.spec}: {reason}.")
        pickled = sorted(path.name for path in folder.glob("*.bin"))
        found = f"only {pickled[0]}, a pickle, which is never loaded" if pickled else "none"
        raise EncoderError(
            f"{source.spec}: weights are read from model.safetensors; there is {found}. Give a "
            "revision or folder that has it."
        )


def read_tokenizer(spec: str, folder: Path, tokenizer_folder: Path | None = None) -> Any:
    """Read a model's tokenizer: out of its own folder, or where its training saved it.

    Parameters
    ----------
    spec : str
        For messages.
    folder : Path
        The model's.
    tokenizer_folder : Path, optional
        Where it is known to be.

    Raises
    ------
    EncoderError
        If there is none.
    """
    from transformers import AutoTokenizer

    near = None
    if tokenizer_folder is None and not holds_vocabulary(folder):
        near = vocabulary_near(folder)
        if near is not None:
            log.info("%s: the tokenizer is that of %s", spec, near)
    place = tokenizer_folder or near or folder
    # transformers would go on with an empty vocabulary.
    if not holds_vocabulary(place):
        raise EncoderError(
            f"{spec}: {place} holds no tokenizer ({', '.join(VOCABULARIES)}); "
            "save it there with tokenizer.save_pretrained."
        )
    return read_pretrained(AutoTokenizer, place)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bar and loading report away: what matters is checked here."""
    from transformers.utils import logging

    level, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bar:
            logging.enable_progress_bar()
