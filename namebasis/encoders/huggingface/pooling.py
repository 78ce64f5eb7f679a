"""Which output of a transformers text model is the embedding, and how long a text may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


_UNLIMITED = 100_000  # tokenizers write 1e30 where they know no limit


def features_of(
    model: Any, pooling: str, n_left_out: int = 0
) -> Callable[[dict[str, Tensor]], Tensor]:
    """Return the forward that gives one row per text.

    A pair of towers gives its text features, a single tower of such a pair its projection or,
    without one, its pooled output; every other model the mean over its last hidden states, or
    the first of them where its folder says so. The first `n_left_out` positions, those of a
    prompt, are not pooled.
    """
    if hasattr(model, "get_text_features"):
        return lambda inputs: _pooled(model.get_text_features(**inputs))
    kind = str(model.config.model_type)
    if "clip" in kind or "siglip" in kind:
        return lambda inputs: _pooled(model(**inputs))
    return lambda inputs: _from_states(
        model(**inputs), inputs["attention_mask"], pooling, n_left_out
    )


def _pooled(output: Any) -> Tensor:
    from torch import Tensor

    if isinstance(output, Tensor):
        return output
    rows: Tensor | None = getattr(output, "text_embeds", None)
    if rows is None:
        rows = output.pooler_output
    # FLAVA and BLIP project every position; the first is the text's.
    return rows[:, 0] if rows.ndim == 3 else rows


def _from_states(output: Any, mask: Tensor, pooling: str, n_left_out: int) -> Tensor:
    import torch

    states: Tensor = output.last_hidden_state
    mask = mask.clone()
    mask[:, :n_left_out] = 0
    if pooling == "cls":
        return states[torch.arange(len(states)), mask.int().argmax(dim=1)].float()
    weights = mask[:, :, None]
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def longest_text(tower: nn.Module, tokenizer: Any, trained: int | None) -> int:
    """Return how many tokens a text may have, special tokens included.

    Parameters
    ----------
    tower : Module
    tokenizer : PreTrainedTokenizerBase
    trained : int or None
        What the folder says of its training.
    """
    from torch import nn

    limits = [int(min(tokenizer.model_max_length, _UNLIMITED))]
    for name, module in tower.named_modules():
        if isinstance(module, nn.Embedding) and "position_embedding" in name:
            # RoBERTa counts positions from behind its padding's.
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            limits.append(module.num_embeddings - unused)
    limit = min([*limits, *([trained] if trained else [])])
    return 512 if limit == _UNLIMITED else limit
