"""CLIP's causal text towers at the cost of the tokens that matter.

A library's own forward computes every prompt to the full context length. Here the context ends at
the token that is pooled, a beginning that prompts share is computed once (see `prompt_tree`), and
the last layer computes only the pooled position. The rows are the library's, to rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.encoders.towers.blocks import Block, LastBlock, Leaves, attention_mask
from namebasis.encoders.towers.dense import dense
from namebasis.encoders.towers.prompt_tree import PromptTree, Rows, grow
from namebasis.encoders.towers.ragged import Ragged
from namebasis.encoders.towers.weights import (
    TowerWeights,
    UnsupportedTowerError,
    read_tower,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    _Finish = Callable[[Tensor, Tensor, Tensor, Leaves], Tensor]
    """From the states before the last block to rows of the leaves."""

logger = logging.getLogger(__name__)

_SLAB = 131_072  # prompts sorted together; bounds the memory of the plan
_SHORT = 32  # prompts up to this length share the small blocks
_NODES = {"cpu": 2048, "cuda": 65_536}  # nodes computed at once: caches, kernel launches


def fast_tower(model: nn.Module) -> TextTower | None:
    """The fast forward of a model's text tower, or None where the library's own must be used.

    Parameters
    ----------
    model : Module
        open_clip's CLIP or CustomTextCLIP, transformers' CLIPModel, CLIPTextModel or
        CLIPTextModelWithProjection. The weights are read once and not followed.

    Returns
    -------
    TextTower or None
        None, with the reason in the log, where attention is not causal, another position than
        the end of text is pooled, or a part has an unknown structure.
    """
    try:
        return TextTower(read_tower(model))
    except UnsupportedTowerError as reason:
        logger.info("The library's own text forward is used: %s.", reason)
        return None


class TextTower:
    """Encodes token ids with the weights of a causal text tower.

    Parameters
    ----------
    weights : TowerWeights
    nodes : int, optional
        How many tokens to compute at once; by default what the device likes.

    Attributes
    ----------
    dim : int
        Width of the embeddings: of the projection, or of the tower where there is none.
    context_length : int
        The longest prompt in tokens, special tokens included.
    """

    def __init__(self, weights: TowerWeights, nodes: int | None = None) -> None:
        # The layers live on in the blocks, in the form their products like best.
        self._weights = replace(weights, layers=(), projection=None)
        self._words = _Words(weights.token_embedding)
        self._device = weights.token_embedding.device
        self._nodes = nodes or _NODES.get(self._device.type, _NODES["cpu"])
        self.context_length, width = weights.position_embedding.shape
        self.dim = width if weights.projection is None else len(weights.projection.weight)
        *inner, last = weights.layers
        self._inner = [Block(layer, weights) for layer in inner]
        self._last = LastBlock(last, weights)
        self._projection = dense(weights.projection) if weights.projection else None

    def encode(self, prompts: Ragged) -> FloatArray:
        """Embed prompts.

        Parameters
        ----------
        prompts : Ragged
            Token ids with the start and end tokens that the model's tokenizer sets. What follows
            the pooled token (padding) is ignored. Equal prompts are computed once; prompts that
            begin alike share that work, so a large batch costs less per prompt.

        Returns
        -------
        ndarray of shape (n_prompts, dim), float32
            Unit rows, in the order of `prompts`.

        Raises
        ------
        ValueError
            If a prompt is empty, longer than the context, or has an id outside the vocabulary.
        """
        return next(self.encode_each([prompts]))

    def encode_embedded(self, prompts: Ragged, places: Rows, rows: FloatArray) -> FloatArray:
        """Embed prompts that have input embeddings of one's own at some places.

        Parameters
        ----------
        prompts : Ragged
            As for `encode`; the ids at `places` are read by no one.
        places : ndarray of shape (n_places,), int64
            Into ``prompts.ids``; no end token's.
        rows : ndarray of shape (n_places, width)

        Returns
        -------
        ndarray of shape (n_prompts, dim), float32
        """
        import torch

        self._check(prompts)
        ends = self._pooled(prompts) + 1  # the new ids would be the largest
        ids, n_vocabulary = prompts.ids.copy(), len(self._words.table)
        ids[places] = n_vocabulary + np.arange(len(places))
        with torch.inference_mode():
            words = _Words(self._words.table, torch.from_numpy(rows).to(self._words.table))
            return self._encode(Ragged(ids, prompts.offsets).cut(ends), words).result()

    def states(self, prompts: Ragged, *, is_penultimate: bool = False) -> FloatArray:
        """The state at each prompt's last token, whatever token that is.

        It depends on nothing that would follow. Of a prompt's beginnings of several lengths each
        token is computed once.

        Parameters
        ----------
        prompts : Ragged
        is_penultimate : bool
            What the last block is given, with no norm; else what the last norm gives.

        Returns
        -------
        ndarray of shape (n_prompts, width), float32
            Neither projected nor scaled.
        """
        import torch

        self._check(prompts)
        finish = self._before_last if is_penultimate else self._normed
        width = self._weights.token_embedding.shape[1]
        with torch.inference_mode():
            return self._encode(prompts, self._words, finish, width).result()

    def encode_each(self, batches: Iterable[Ragged]) -> Iterator[FloatArray]:
        """Embed batch after batch, as `encode` does.

        On a GPU the next batch is drawn from the iterable (tokenised, say) and planned while the
        device still works on the one before.
        """
        waiting: _Pending | None = None
        for prompts in batches:
            started = self._start(prompts)
            if waiting is not None:
                yield waiting.result()
            waiting = started
        if waiting is not None:
            yield waiting.result()

    def _start(self, prompts: Ragged) -> _Pending:
        self._check(prompts)
        prompts = prompts.cut(self._pooled(prompts) + 1) if len(prompts) else prompts
        return self._encode(prompts, self._words)

    def _encode(
        self, prompts: Ragged, words: _Words, finish: _Finish | None = None, dim: int | None = None
    ) -> _Pending:
        """Embed prompts that end where they are pooled, or `finish` their last tokens otherwise."""
        import torch

        finish, dim = finish or self._embedded, dim or self.dim
        rows = torch.empty((len(prompts), dim), dtype=torch.float32, device=self._device)
        lengths = prompts.lengths
        with torch.inference_mode():
            for group in (lengths <= _SHORT, lengths > _SHORT):
                members = np.flatnonzero(group)
                for first in range(0, len(members), _SLAB):
                    slab = members[first : first + _SLAB]
                    tree = grow(prompts.take(slab))
                    rows[self._send(slab)] = self._encode_tree(tree, words, finish)
            return _Pending(rows)

    def _check(self, prompts: Ragged) -> None:
        lengths = prompts.lengths
        if len(prompts) and int(lengths.min()) == 0:
            raise ValueError(f"prompt {int(lengths.argmin())} has no tokens, not even an end.")
        if len(prompts) and int(lengths.max()) > self.context_length:
            row = int(lengths.argmax())
            raise ValueError(
                f"prompt {row} has {int(lengths[row])} tokens; the context holds "
                f"{self.context_length}. Truncate it and keep its end token."
            )
        n_vocabulary = len(self._weights.token_embedding)
        if len(prompts.ids) and not 0 <= prompts.ids.min() <= prompts.ids.max() < n_vocabulary:
            raise ValueError(f"token ids must be in 0..{n_vocabulary - 1}.")

    def _pooled(self, prompts: Ragged) -> Rows:
        """The position in each prompt that the model pools."""
        starts, lengths = prompts.offsets[:-1], prompts.lengths
        end_token = self._weights.end_token
        if end_token is None:
            largest = np.maximum.reduceat(prompts.ids, starts)
            hit = prompts.ids == np.repeat(largest, lengths)
        else:
            hit = prompts.ids == end_token
        nowhere = len(prompts.ids)
        place = np.where(hit, np.arange(nowhere), nowhere)
        first: Rows = np.minimum.reduceat(place, starts)
        # Without an end token the libraries' argmax over nothing pools the first position.
        return np.where(first < nowhere, first - starts, 0)

    def _encode_tree(self, tree: PromptTree, words: _Words, finish: _Finish) -> Tensor:
        """(n_prompts, dim) rows on the device."""
        import torch

        shared = self._prefix(tree, words)
        n_blocks, size = tree.tokens.shape
        step = max(1, self._nodes // size)
        bounds = np.searchsorted(tree.leaves, np.arange(0, n_blocks + step, step) * size)
        parts = []
        for index, first in enumerate(range(0, n_blocks, step)):
            some = slice(first, first + step)
            leaves = tree.leaves[bounds[index] : bounds[index + 1]] - first * size
            parts.append(self._encode_blocks(tree, some, leaves, shared, words, finish))
        return torch.cat(parts)[self._send(tree.prompt)]

    def _prefix(self, tree: PromptTree, words: _Words) -> list[Tensor]:
        """Keys and values of the shared prefix per layer, (1, n_prefix, 2, n_heads, head)."""
        import torch

        positions = torch.arange(len(tree.prefix), device=self._device)
        x = self._embed(words, self._send(tree.prefix), positions)
        kept = []
        for block in self._inner:
            x, own = block(x, n_blocks=1)
            kept.append(own)
        return [*kept, self._last.keys_and_values(x, n_blocks=1)]

    def _encode_blocks(
        self,
        tree: PromptTree,
        some: slice,
        leaves: Rows,
        shared: list[Tensor],
        words: _Words,
        finish: _Finish,
    ) -> Tensor:
        n_prefix = len(tree.prefix)
        depth = self._send(tree.depth[some])
        mask = attention_mask(self._send(tree.end[some]), n_prefix, shared[0].dtype)
        tokens = self._send(tree.tokens[some]).view(-1)
        x = self._embed(words, tokens, depth.view(-1) + n_prefix)
        for block, before in zip(self._inner, shared, strict=False):
            x, _ = block(x, len(depth), mask, before)
        return finish(x, mask, shared[-1], self._place(leaves, *depth.shape))

    def _before_last(self, x: Tensor, mask: Tensor, before: Tensor, leaves: Leaves) -> Tensor:
        """What the last block is given at the leaves."""
        return x[leaves.nodes].float()

    def _normed(self, x: Tensor, mask: Tensor, before: Tensor, leaves: Leaves) -> Tensor:
        """What the last norm gives at the leaves."""
        return self._through_last(x, mask, before, leaves).float()

    def _embedded(self, x: Tensor, mask: Tensor, before: Tensor, leaves: Leaves) -> Tensor:
        """The leaves' unit rows."""
        from torch.nn import functional

        x = self._through_last(x, mask, before, leaves)
        return functional.normalize(
            (self._projection(x) if self._projection else x).float(), dim=-1
        )

    def _through_last(self, x: Tensor, mask: Tensor, before: Tensor, leaves: Leaves) -> Tensor:
        from torch.nn import functional

        x = self._last(x, mask, before, leaves)
        norm, eps = self._weights.final_norm, self._weights.eps
        return functional.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, eps)

    def _embed(self, words: _Words, tokens: Tensor, positions: Tensor) -> Tensor:
        return words(tokens) + self._weights.position_embedding[positions]

    def _place(self, leaves: Rows, n_blocks: int, size: int) -> Leaves:
        block = leaves // size
        rank = np.arange(len(leaves)) - np.searchsorted(block, block)
        table = np.zeros((n_blocks, int(rank.max()) + 1), dtype=np.int64)
        table[block, rank] = leaves % size
        slots = block * table.shape[1] + rank
        return Leaves(self._send(leaves), self._send(slots), self._send(table))

    def _send(self, array: Rows | np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Tensor:
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._device.type != "cuda":
            return tensor.to(self._device)
        return tensor.pin_memory().to(self._device, non_blocking=True)


@dataclass(frozen=True)
class _Words:
    """Input embeddings: the table's and, for ids behind it, those given."""

    table: Tensor  # (vocabulary, width)
    given: Tensor | None = None  # (n, width)

    def __call__(self, tokens: Tensor) -> Tensor:
        if self.given is None:
            return self.table[tokens]
        n = len(self.table)
        is_given = (tokens >= n)[:, None]
        return self.given[(tokens - n).clamp(min=0)].where(
            is_given, self.table[tokens.clamp(max=n - 1)]
        )


class _Pending:
    """Rows on their way from the device."""

    def __init__(self, rows: Tensor) -> None:
        import torch

        self._done: torch.cuda.Event | None = None
        self._rows = rows
        if rows.device.type == "cuda":
            self._rows = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
            self._rows.copy_(rows, non_blocking=True)
            self._done = torch.cuda.Event()
            self._done.record()

    def result(self) -> FloatArray:
        if self._done is not None:
            self._done.synchronize()
        rows: FloatArray = self._rows.cpu().numpy()
        return rows
