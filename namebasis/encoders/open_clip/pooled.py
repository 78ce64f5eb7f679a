"""open_clip's causal text forward on the tokens up to the pooled one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def pooled_end(model: Any, ids: Tensor) -> Tensor:
    """Text features of token ids that end with the pooled token, (n_texts, dim).

    `encode_text` of the library computes every text to the full context length.

    Parameters
    ----------
    model : open_clip.CLIP or open_clip.CustomTextCLIP
        With a causal text tower that pools its end token.
    ids : Tensor of shape (n_texts, n_tokens)
    """
    from torch import nn

    tower, n = getattr(model, "text", model), ids.shape[1]
    dtype = tower.transformer.get_cast_dtype()
    x = tower.token_embedding(ids).to(dtype) + tower.positional_embedding[:n].to(dtype)
    x = tower.transformer(x, attn_mask=tower.attn_mask[:n, :n])
    pooled: Tensor = tower.ln_final(x)[:, -1]
    projection = tower.text_projection
    if projection is None:
        return pooled
    return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection
