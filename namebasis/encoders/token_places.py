"""Where a name's own tokens stand in a prompt, and one vector of their states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import FloatArray, IntArray


@dataclass(frozen=True)
class TokenStates:
    """States of the tokens of some names; 0 for a name without a token.

    Attributes
    ----------
    mean, last : ndarray of shape (n_names, width), float32
        Mean over a name's tokens, and that of its last token. Of any length.
    """

    mean: FloatArray
    last: FloatArray


def places_of(
    prompts: Sequence[Sequence[int]],
    left: Sequence[int],
    right: Sequence[int],
    *,
    n_after: int,
    longest: int | None,
) -> IntArray:
    """First place of each name's tokens in its prompt, and the first behind them, (n, 2).

    What a prompt begins with as the words before the name do is theirs, and likewise behind it; of
    a prompt that was cut, also the beginning of the words behind.

    Parameters
    ----------
    prompts : sequence of sequences of int
        Token ids, special tokens included.
    left, right : sequence of int
        Ids of the words before and behind the name, `left` with the special tokens that begin a
        prompt.
    n_after : int
        Special tokens at the end of each prompt.
    longest : int or None
        Tokens at which prompts were cut, special tokens included.
    """
    found = np.zeros((len(prompts), 2), np.int64)
    for row, ids in enumerate(prompts):
        inner = list(ids[: len(ids) - n_after])
        start = _shared(inner, left)
        n_behind = _shared(inner[start:][::-1], list(right)[::-1])
        if n_behind < len(right) and len(ids) == longest:
            kept = (n for n in range(min(len(right), len(inner) - start), 0, -1)
                    if inner[-n:] == list(right[:n]))  # fmt: skip
            n_behind = next(kept, 0)
        found[row] = start, len(inner) - n_behind
    return found


def _shared(ids: Sequence[int], others: Sequence[int]) -> int:
    """How many of the first ids are the same."""
    n = min(len(ids), len(others))
    return next((at for at in range(n) if ids[at] != others[at]), n)


def pooled(states: FloatArray, sizes: IntArray) -> TokenStates:
    """Pool states of single tokens to names.

    Parameters
    ----------
    states : ndarray of shape (n_tokens, width)
        Of the first name's tokens, then of the second's, and so on.
    sizes : ndarray of shape (n_names,), int64
        Tokens of each; may be 0.
    """
    mean = np.zeros((len(sizes), states.shape[1]), np.float32)
    last = np.zeros_like(mean)
    has = np.flatnonzero(sizes)
    if len(has):
        ends = np.cumsum(sizes[has])
        sums = np.add.reduceat(states.astype(np.float64), ends - sizes[has], axis=0)
        mean[has], last[has] = sums / sizes[has][:, None], states[ends - 1]
    return TokenStates(mean, last)
