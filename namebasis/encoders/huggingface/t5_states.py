"""States of a name's tokens in T5, as Stable Diffusion 3, Flux and PixArt read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import length_batches
from namebasis.encoders.token_places import TokenStates, places_of, pooled

if TYPE_CHECKING:
    import torch

    from namebasis.forks import Turn

_TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 65_536}


def is_t5(model: Any) -> bool:
    """Whether a model of transformers is T5 or its kin, whose encoder can be asked alone."""
    return str(model.config.model_type) in ("t5", "umt5") and hasattr(model, "get_encoder")


def t5_states(
    model: Any,
    tokenizer: Any,
    turn: Turn,
    device: torch.device,
    prompts: tuple[Sequence[str], str],
    padded_to: int | None,
) -> TokenStates:
    """States of names' own tokens, by the library's own forward.

    Parameters
    ----------
    model : T5EncoderModel or one that holds it
    tokenizer : PreTrainedTokenizerBase
        Asked by one thread at a time.
    turn : Turn
    device : torch.device
    prompts : tuple of (names, template)
    padded_to : int or None
        Tokens to which prompts are padded and at which they are cut. The pipelines of Stable
        Diffusion 3 and Flux pass no mask, so that tokens attend to the padding; None masks it.
    """
    names, template = prompts
    cut: dict[str, Any] = {"truncation": True, "max_length": padded_to} if padded_to else {}
    with turn:
        ids = tokenizer([template.format(name) for name in names], **cut)["input_ids"]
        around = tokenizer(template.split("{}"), add_special_tokens=False)["input_ids"]
    places = places_of(ids, around[0], around[1], n_after=1, longest=padded_to)
    sizes = places[:, 1] - places[:, 0]
    states = _own_states(model, ids, places, device, padded_to, int(tokenizer.pad_token_id))
    return pooled(states, sizes)


def _own_states(
    model: Any,
    ids: Sequence[Sequence[int]],
    places: IntArray,
    device: torch.device,
    padded_to: int | None,
    pad: int,
) -> FloatArray:
    """States of the names' own tokens, one name after the other, (n_tokens, width)."""
    import torch

    lengths = np.array([padded_to or len(row) for row in ids], dtype=np.int64)
    found: dict[int, FloatArray] = {}
    for rows in length_batches(lengths, None, _TOKENS_AT_ONCE.get(device.type, 4096)):
        width = int(lengths[rows[0]])
        given = [[*ids[row], *[pad] * (width - len(ids[row]))] for row in rows]
        with torch.inference_mode():
            states = model.get_encoder()(torch.tensor(given, device=device))[0]
        whole = states.float().cpu().numpy()
        for at, row in enumerate(rows):
            start, stop = places[row]
            found[int(row)] = whole[at, start:stop]
    joined: FloatArray = np.concatenate([found[row] for row in range(len(ids))])
    return joined
