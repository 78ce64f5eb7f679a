"""What a model's training did to a text and its folder does not say: case, and the end token.

A library goes by the class of tokenizer and by the end token that a folder names. Where those are
known to differ from the training, the training counts.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


log = logging.getLogger(__name__)

_GEMMA_VOCABULARY = 256_000
_LARGEST = 2
"""The end token of old configurations of CLIP: their models pool the largest id of a text."""


def settle_case(model: nn.Module, tokenizer: Any, n_vocabulary: int, spec: str) -> None:
    """Lower-case every text of a SigLIP 2, as its training did.

    Most of its published folders name Gemma's tokenizer, which keeps capitals, and the model type
    of SigLIP; only transformers' own Siglip2Tokenizer lower-cases.

    Parameters
    ----------
    model : PreTrainedModel
    tokenizer : PreTrainedTokenizerBase
        Changed in place.
    n_vocabulary : int
        Rows of the model's token embedding.
    spec : str
        For the log.
    """
    config: Any = model.config
    if not str(config.model_type).startswith("siglip"):
        return
    if n_vocabulary != _GEMMA_VOCABULARY and not _is_gemma(tokenizer):
        return
    if lower_first(tokenizer):
        kind = type(tokenizer).__name__
        log.info("%s: texts are lower-cased, as in SigLIP 2's training; %s would not", spec, kind)


def _is_gemma(tokenizer: Any) -> bool:
    """Whether a tokenizer is Gemma's, by its class or, under another class, by its parts."""
    if type(tokenizer).__name__.startswith(("Gemma", "Siglip2")):
        return True
    known = _backend(tokenizer)
    if known is None or known["model"].get("type") != "BPE":
        return False
    spaces = [step for step in _steps(known) if step.get("content") == "▁"]
    return bool(known["model"].get("byte_fallback")) and len(spaces) > 0


def _backend(tokenizer: Any) -> dict[str, Any] | None:
    inner = getattr(tokenizer, "backend_tokenizer", None)
    known: dict[str, Any] | None = json.loads(inner.to_str()) if inner is not None else None
    return known


def _steps(known: dict[str, Any]) -> list[dict[str, Any]]:
    """All normalisers of a tokenizer, those inside a sequence too."""
    left, found = [known["normalizer"] or {}], []
    while left:
        step = left.pop()
        found.append(step)
        left.extend(step.get("normalizers", []))
    return found


def lower_first(tokenizer: Any) -> bool:
    """Make a tokenizer of transformers lower-case texts before its own rules, where none does.

    Returns
    -------
    bool
        Whether it was changed: one that does so already, or is not of the tokenizers library, is
        left alone.
    """
    from tokenizers import normalizers

    known = _backend(tokenizer)
    if known is None:
        return False
    if any(step.get("type") == "Lowercase" or step.get("lowercase") for step in _steps(known)):
        return False
    inner = tokenizer.backend_tokenizer
    rules = [inner.normalizer] if inner.normalizer is not None else []
    inner.normalizer = normalizers.Sequence([normalizers.Lowercase(), *rules])
    return True


def settle_end(model: nn.Module, tokenizer: Any, spec: str) -> None:
    """Let a CLIP-like text tower pool at the end token that its tokenizer sets.

    Configurations of CLIP say that texts end at id 2, and the library then pools the largest id:
    that of the end, until a token is added behind it (textual inversion does so), after which
    everything that follows the added token is lost. Where the id of the configuration never occurs
    in a text, the library pools the first position, which is the same for all texts.

    Parameters
    ----------
    model : PreTrainedModel
        Changed in place.
    tokenizer : PreTrainedTokenizerBase
    spec : str
        For the log.
    """
    end = tokenizer.eos_token_id
    ids = list(tokenizer("")["input_ids"])
    if end is None or end == _LARGEST or ids[-1:] != [end]:
        return
    for module in model.modules():
        said = getattr(module, "eos_token_id", end)
        if said == end or (said != _LARGEST and said in ids):
            continue
        if said != _LARGEST or len(tokenizer) > end + 1:
            log.info("%s: texts are pooled at their end token %d, not at %s", spec, end, said)
        module.eos_token_id = end
        config: Any = getattr(module, "config", None)
        if hasattr(config, "eos_token_id"):
            config.eos_token_id = end
