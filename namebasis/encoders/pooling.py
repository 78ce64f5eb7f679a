"""Which output of a transformers text model is the embedding, and how long a text may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from namebasis.errors import EncoderError
from namebasis.reading import read_json

_UNLIMITED = 100_000  # tokenizers write 1e30 where they know no limit
_PLAIN_MODULES = ("Transformer", "Pooling", "Normalize")


def features_of(model: Any, pooling: str) -> Callable[[dict[str, Tensor]], Tensor]:
    """Return the forward that gives one row per text.

    A pair of towers gives its text features, a single tower of such a pair its projection or,
    without one, its pooled output; every other model the mean over its last hidden states, or
    the first of them where its folder says so.
    """
    if hasattr(model, "get_text_features"):
        return lambda inputs: _pooled(model.get_text_features(**inputs))
    kind = str(model.config.model_type)
    if "clip" in kind or "siglip" in kind:
        return lambda inputs: _pooled(model(**inputs))
    return lambda inputs: _from_states(model(**inputs), inputs["attention_mask"], pooling)


def _pooled(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    rows: Tensor | None = getattr(output, "text_embeds", None)
    if rows is None:
        rows = output.pooler_output
    # FLAVA and BLIP project every position; the first is the text's.
    return rows[:, 0] if rows.ndim == 3 else rows


def _from_states(output: Any, mask: Tensor, pooling: str) -> Tensor:
    states: Tensor = output.last_hidden_state
    if pooling == "cls":
        return states[:, 0].float()
    weights = mask[:, :, None]
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


def pooling_of(folder: Path) -> str:
    """Return "mean", or "cls" where sentence-transformers' files in the folder say so.

    Raises
    ------
    EncoderError
        If they ask for another pooling, or for layers behind it.
    """
    for module in _json(folder / "modules.json", []):
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind not in _PLAIN_MODULES:
            raise EncoderError(f"{folder}: its module {kind} behind the text model is not known.")
    wanted = _json(folder / "1_Pooling" / "config.json", {})
    modes = {
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for key, value in wanted.items()
        if key.startswith("pooling_mode_") and value is True
    }
    modes |= {str(wanted["pooling_mode"])} if "pooling_mode" in wanted else set()
    if modes - {"mean", "cls"} or len(modes) > 1:
        raise EncoderError(f"{folder}: its pooling {sorted(modes)} is not known; mean and cls are.")
    return modes.pop() if modes else "mean"


def longest_text(tower: nn.Module, tokenizer: Any, folder: Path) -> int:
    """Return how many tokens a text may have, special tokens included."""
    limits = [int(min(tokenizer.model_max_length, _UNLIMITED))]
    for name, module in tower.named_modules():
        if isinstance(module, nn.Embedding) and "position_embedding" in name:
            # RoBERTa counts positions from behind its padding's.
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - unused)
    trained = _json(folder / "sentence_bert_config.json", {}).get("max_seq_length")
    limit = min([*limits, *([int(trained)] if trained else [])])
    return 512 if limit == _UNLIMITED else limit


def _json(path: Path, default: Any) -> Any:
    return read_json(path) if path.is_file() else default
