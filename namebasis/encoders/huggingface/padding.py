"""Whether a model of transformers gives a text the same row with and without padding."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


log = logging.getLogger(__name__)

_PROBES = ("a", "a photo of a person by the name of Ann")
_BARS = {"torch.float32": 1e-3, "torch.float16": 2e-2, "torch.bfloat16": 5e-2}
"""Largest difference of unit rows that rounding explains; a mask that is lost makes 0.1."""


def settle_attention(
    model: Any, features: Callable[[dict[str, Tensor]], Tensor], tokenizer: Any, longest: int
) -> None:
    """Let a model attend eagerly where its fast attention depends on whether a text is padded.

    Texts of equal length go together here and are not padded. Some models' attention then drops
    its causal mask (AIMv2's in transformers 5, where the mask of the padding is all ones).

    Parameters
    ----------
    model : PreTrainedModel
    features : callable
        Inputs to one row per text.
    tokenizer : PreTrainedTokenizerBase
    longest : int
        Tokens that a text may have.
    """
    if longest < 3:
        return
    rows = tokenizer(list(_PROBES), truncation=True, max_length=longest - 1)["input_ids"]
    short, long = sorted(rows, key=len)
    bar = _BARS.get(str(next(model.parameters()).dtype), 5e-2)
    if not short or len(short) == len(long) or _gap(model, features, tokenizer, short, long) < bar:
        return
    before = model.config._attn_implementation
    try:
        model.set_attn_implementation("eager")
    except (AttributeError, ValueError) as error:
        log.info("%s has no eager attention (%s)", type(model).__name__, error)
        return
    if _gap(model, features, tokenizer, short, long) >= bar:  # it reads its padding, masked or not
        model.set_attn_implementation(before)


def _gap(
    model: Any,
    features: Callable[[dict[str, Tensor]], Tensor],
    tokenizer: Any,
    short: list[int],
    long: list[int],
) -> float:
    """Largest difference between the unit rows of texts alone and in a padded batch."""
    import torch

    device, pad = next(model.parameters()).device, tokenizer.pad_token_id or 0
    width = len(long) + 1  # the longer one is padded too
    ids = [row + [pad] * (width - len(row)) for row in (short, long)]
    masks = [[1] * len(row) + [0] * (width - len(row)) for row in (short, long)]
    with torch.inference_mode():
        padded = features(_inputs(ids, masks, device))
        alone = [features(_inputs([row], [[1] * len(row)], device)) for row in (short, long)]
    gaps = _unit(padded) - _unit(torch.cat(alone))
    return float(gaps.abs().max())


def _inputs(
    ids: list[list[int]], masks: list[list[int]], device: torch.device
) -> dict[str, Tensor]:
    import torch

    return {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(masks, device=device),
    }


def _unit(rows: Tensor) -> Tensor:
    import torch

    return torch.nn.functional.normalize(rows.float(), dim=-1)
