"""A folder's model with a LoRA merged into it, or words added to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from namebasis.encoders.huggingface.checked import (
    WholeModel,
    quiet,
    read_tokenizer,
    read_weights,
)
from namebasis.encoders.huggingface.sentence_folder import read_sentence_folder
from namebasis.encoders.loading import Source, refusing
from namebasis.encoders.single_file.additions import Addition, apply_additions
from namebasis.errors import EncoderError


def read_changed(
    source: Source,
    additions: Sequence[Addition],
    part: str,
    widths: Mapping[str, int],
    *,
    architecture: str | None = None,
    tokenizer_folder: Path | None = None,
) -> tuple[Source, WholeModel]:
    """Read a model and its tokenizer, and apply what a spec adds to them.

    Parameters
    ----------
    source : Source
        The model's folder.
    additions : sequence
        Of `split_additions`.
    part, widths
        As for `apply_additions`.
    architecture, tokenizer_folder
        As for `HuggingFaceEncoder`.

    Returns
    -------
    Source, WholeModel
        The folder, with the additions in its spec, and what is to be used in the place of its
        files.

    Raises
    ------
    EncoderError
        If the model cannot be read, reads no text, or an addition does not fit.
    """
    with refusing(source.spec), quiet():
        if read_sentence_folder(source.folder).is_sentence:
            raise EncoderError(
                f"{source.spec} is a folder of sentence-transformers; +lora and +embedding are for "
                "text encoders of CLIP and of pipelines."
            )
        model, _ = read_weights(source, architecture)
        if model.config.is_encoder_decoder:
            model = model.get_encoder()
        if not hasattr(model, "get_text_features") and model.main_input_name == "pixel_values":
            raise EncoderError(f"{source.spec} reads no text; leave out what is added to it.")
        tokenizer = read_tokenizer(source.spec, source.folder, tokenizer_folder)
        found = apply_additions(model, tokenizer, additions, part, widths, source.spec)
    whole = WholeModel(model, found.fingerprint, tokenizer, found.words)
    return replace(source, spec=found.spec), whole
