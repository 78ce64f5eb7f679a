"""open_clip's tokenizers that are transformers' own, and where their files may lie.

SigLIP, multilingual models and those with a text tower of transformers name a repository of the hub
for their tokenizer; it is in no checkpoint file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from namebasis.encoders.loading import VOCABULARIES, first_line, holds_vocabulary
from namebasis.errors import EncoderError
from namebasis.pretrained import without_code
from namebasis.reading import read_json

log = logging.getLogger(__name__)
_LOCAL = "local-dir:"


def text_settings(library: Any, name: str) -> dict[str, Any]:
    """The ``text_cfg`` of a listed model or of a folder in open_clip's hub format."""
    if name.startswith(_LOCAL):
        document = read_json(Path(name.removeprefix(_LOCAL)) / "open_clip_config.json")
        config = document.get("model_cfg") if isinstance(document, dict) else None
    else:
        config = library.get_model_config(name)
    text = config.get("text_cfg") if isinstance(config, dict) else None
    return dict(text) if isinstance(text, dict) else {}


def read_tokenizer(
    library: Any, name: str, *, file: Path | None, context_length: int | None, spec: str
) -> Any:
    """The tokenizer of a model, from the hub's cache or from beside its checkpoint file.

    Parameters
    ----------
    library : module
        open_clip.
    name : str
        A listed model, or ``local-dir:FOLDER``.
    file : Path or None
        The checkpoint, where it is one file.
    context_length : int or None
        By default the model's.
    spec : str
        What the user named, for messages.

    Raises
    ------
    EncoderError
        If its files are not on this machine and cannot be fetched.
    """
    settings = text_settings(library, name)
    repository = settings.get("hf_tokenizer_name")
    if repository and name.startswith(_LOCAL):
        folder = Path(name.removeprefix(_LOCAL))
        if not holds_vocabulary(folder):
            raise EncoderError(
                f"{spec}: {folder} holds no tokenizer ({', '.join(VOCABULARIES)}). Put the "
                f"tokenizer files of hf:{repository} there."
            )
    try:
        with without_code():
            return library.get_tokenizer(name, context_length=context_length)
    except OSError as error:
        if not repository:
            raise
        if file is None or not holds_vocabulary(file.parent):
            raise _missing(spec, "its tokenizer", repository, file, error) from None
    log.info("%s: the tokenizer is that of %s", spec, file.parent)
    with without_code():
        return library.tokenizer.HFTokenizer(
            str(file.parent),
            context_length=context_length or settings.get("context_length"),
            tokenizer_mode=settings.get("tokenizer_mode"),
            local_files_only=True,
            **settings.get("tokenizer_kwargs", {}),
        )


def _missing(
    spec: str, what: str, repository: str, file: Path | None, error: OSError
) -> EncoderError:
    from huggingface_hub import constants

    why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else first_line(error)
    beside = ""
    if file is not None and what == "its tokenizer":
        beside = (
            f" Put that repository's tokenizer.json and tokenizer_config.json into {file.parent}, "
            "or fetch it"
        )
    fetch = beside or " Fetch it"
    return EncoderError(
        f"{spec}: {what} is that of hf:{repository}, which is not on this machine and cannot be "
        f"fetched ({why}).{fetch} where there is a network (hf download {repository}) and bring "
        f"the cache, {constants.HF_HUB_CACHE}."
    )


@contextmanager
def naming_text_tower(library: Any, name: str, spec: str) -> Iterator[None]:
    """Say which repository is missing where a text tower of transformers cannot be set up.

    Raises
    ------
    EncoderError
    """
    try:
        yield
    except OSError as error:
        repository = text_settings(library, name).get("hf_model_name")
        if not repository or not {"connect", repository} & set(
            str(error).replace("'", " ").split()
        ):
            raise
        raise _missing(spec, "the shape of its text tower", repository, None, error) from None
