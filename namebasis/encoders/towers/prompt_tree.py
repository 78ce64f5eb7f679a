"""Prompts as a tree of tokens, cut into blocks of equal size.

In a causal text tower a position depends only on the tokens before it. Prompts that begin alike
therefore share every state of their common beginning, and the sorted prompts form a tree in which
each node is computed once. Nodes are numbered in preorder: node a is an ancestor of node b (or b
itself) exactly where ``a <= b < end[a]``, with ``end[a]`` the first number behind the subtree of
a. That one comparison is the whole attention mask.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.encoders.towers.ragged import Ragged, TokenArray

Rows = npt.NDArray[np.int64]
_PAD = -1
_ONE_BLOCK = 64


@dataclass(frozen=True)
class PromptTree:
    """The prompts behind a shared prefix, in blocks that need nothing from each other.

    Attributes
    ----------
    prefix : ndarray of shape (n_prefix,), int32
        Tokens with which every prompt begins; empty for a handful of prompts.
    tokens, depth, end : ndarray of shape (n_blocks, block), int32
        A node's token, how many of its prompt's tokens lie between the prefix and it, and the
        first column behind its subtree. Unused nodes at a block's end have token 0 and depth 0;
        nothing that is used lies behind them.
    leaves : ndarray of shape (n_distinct,), int64
        Flat number of the node where a distinct prompt ends, increasing.
    prompt : ndarray of shape (n_prompts,), int64
        Which of the distinct prompts each prompt is.
    """

    prefix: TokenArray
    tokens: TokenArray
    depth: TokenArray
    end: TokenArray
    leaves: Rows
    prompt: Rows


def grow(prompts: Ragged) -> PromptTree:
    """Sort the prompts, find what they share, and pack the rest into blocks.

    Parameters
    ----------
    prompts : Ragged
        At least one row; no row is empty. The last token of every row is kept out of the prefix,
        so that each prompt has a node of its own to end at.
    """
    table = prompts.padded(fill=_PAD)
    few = len(prompts.ids) <= _ONE_BLOCK  # reading the weights twice would cost more than it saves
    n_prefix = 0 if few else _shared_columns(table, int(prompts.lengths.min()) - 1)
    own = table[:, n_prefix:]
    order = _sorting_order(own)
    own = own[order]
    shared = np.zeros(len(own), dtype=np.int64)  # leading tokens shared with the row above
    differs = own[1:] != own[:-1]
    shared[1:] = np.where(differs.any(axis=1), differs.argmax(axis=1), own.shape[1])
    is_new = shared < own.shape[1]
    is_new[0] = True  # also where nothing but one-token prompts came in
    prompt = np.empty(len(own), dtype=np.int64)
    prompt[order] = np.cumsum(is_new) - 1
    own, shared = own[is_new], shared[is_new]
    lengths = (own != _PAD).sum(axis=1)
    starts = _block_starts(lengths, shared, _block_size(int(lengths.max())))
    shared[starts] = 0  # a block's first prompt brings its whole path
    return _pack(table[0, :n_prefix], own, lengths, shared, starts, prompt)


def _shared_columns(table: TokenArray, limit: int) -> int:
    same = (table[:, :limit] == table[0, :limit]).all(axis=0)
    return limit if same.all() else int(same.argmin())


def _sorting_order(own: TokenArray) -> Rows:
    """Lexicographic order of the rows, comparing four tokens (16 bits each) at a time."""
    shifted = own.astype(np.uint64) + np.uint64(1)  # the padding becomes 0, before every token
    bits = 16 if int(own.max()) < 2**16 - 1 else 32
    per_key = 64 // bits
    keys = []
    for first in range(0, own.shape[1], per_key):
        key = np.zeros(len(own), dtype=np.uint64)
        for column in range(first, first + per_key):
            key <<= np.uint64(bits)
            if column < own.shape[1]:
                key |= shifted[:, column]
        keys.append(key)
    return np.lexsort(keys[::-1])


def _block_size(longest: int) -> int:
    """Small enough that attention stays cheap, large enough that few nodes are unused."""
    return _ONE_BLOCK if longest <= 32 else 128 * -(-longest // 96)


def _block_starts(lengths: Rows, shared: Rows, block: int) -> Rows:
    """First row of each block: as many prompts as fit, one binary search per block."""
    total = np.cumsum(lengths - shared).tolist()  # nodes up to and with this row
    starts = [0]
    while True:
        row = starts[-1]
        # The first prompt of a block costs its length, each later one what it does not share.
        room = block - int(lengths[row]) + total[row]
        row = bisect_right(total, room, lo=row + 1)
        if row == len(total):
            return np.asarray(starts, dtype=np.int64)
        starts.append(row)


def _pack(
    prefix: TokenArray,
    own: TokenArray,
    lengths: Rows,
    shared: Rows,
    starts: Rows,
    prompt: Rows,
) -> PromptTree:
    n_blocks, width = len(starts), own.shape[1]
    fresh = lengths - shared
    before = np.cumsum(fresh) - fresh
    block_of = np.zeros(len(own), dtype=np.int64)
    block_of[starts[1:]] = 1
    block_of = np.cumsum(block_of)
    in_block = before - before[starts][block_of]
    block = int((in_block + fresh).max())  # no larger than needed, for a few prompts above all
    first = in_block + block_of * block  # flat node where a row begins

    columns = np.arange(width)
    is_fresh = (columns >= shared[:, None]) & (columns < lengths[:, None])
    row, column = np.nonzero(is_fresh)
    node = first[row] + column - shared[row]

    # A subtree of depth j ends where the next row begins that shares at most j tokens.
    begins = np.where(shared[:, None] <= columns, first[:, None], n_blocks * block)
    ends = np.full((len(own), width), n_blocks * block, dtype=np.int64)
    ends[:-1] = np.minimum.accumulate(begins[:0:-1], axis=0)[::-1]

    size = n_blocks * block
    tokens, depth = np.zeros(size, np.int32), np.zeros(size, np.int32)
    end = np.arange(size) % block + 1  # an unused node sees itself and whatever lies open
    tokens[node] = own[row, column]
    depth[node] = column
    end[node] = np.minimum(ends[row, column] - node // block * block, block)
    shape = (n_blocks, block)
    return PromptTree(
        prefix=prefix,
        tokens=tokens.reshape(shape),
        depth=depth.reshape(shape),
        end=end.astype(np.int32).reshape(shape),
        leaves=first + fresh - 1,
        prompt=prompt,
    )
