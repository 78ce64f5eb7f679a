"""The transformer blocks of a text tower over packed prompts: many nodes, few products.

Shapes: x is (n_nodes, width) with n_nodes = n_blocks * size; keys and values travel together as
(n_blocks, size, 2, n_heads, head). `before` holds those of a prefix that every prompt shares,
(1, n_prefix, 2, n_heads, head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from namebasis.encoders.towers.dense import dense
from namebasis.encoders.towers.weights import Layer, Matrix, TowerWeights

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Leaves:
    """The nodes that are pooled, flat and as a table with one row per block."""

    nodes: Tensor  # (n_leaves,) node numbers
    slots: Tensor  # (n_leaves,) flat places in the table
    table: Tensor  # (n_blocks, most leaves in a block) columns; unused places hold 0


def attention_mask(end: Tensor, n_prefix: int, dtype: torch.dtype) -> Tensor:
    """Who sees whom: everyone the prefix and its ancestors, ``a <= b < end[a]``.

    Parameters
    ----------
    end : Tensor of shape (n_blocks, size)

    Returns
    -------
    Tensor of shape (n_blocks, 1, size, n_prefix + size)
        0 where the row sees the column, -inf elsewhere.
    """
    import torch

    n_blocks, size = end.shape
    column = torch.arange(size, device=end.device)
    row = column[None, :, None]
    sees = (row >= column) & (row < end[:, None, :])
    mask = torch.zeros((n_blocks, 1, size, n_prefix + size), dtype=dtype, device=end.device)
    mask[:, 0, :, n_prefix:].masked_fill_(~sees, float("-inf"))
    return mask


class _Parts:
    """What both kinds of block do alike."""

    def __init__(self, layer: Layer, weights: TowerWeights) -> None:
        self._eps, self._n_heads = weights.eps, weights.n_heads
        self._head = weights.token_embedding.shape[1] // weights.n_heads
        self._out, self._down = dense(layer.out), dense(layer.down)
        self._up = dense(layer.up, weights.activation)

    def _norm(self, x: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.layer_norm(x, x.shape[-1:], eps=self._eps)

    def _finish(self, x: Tensor, seen: Tensor) -> Tensor:
        x = self._out.onto(x, seen)
        return self._down.onto(x, self._up(self._norm(x)))

    def _attend(
        self, queries: Tensor, own: Tensor, before: Tensor | None, mask: Tensor | None
    ) -> Tensor:
        """queries (n_blocks, n, n_heads, head) over prefix and own nodes; same shape back."""
        import torch
        from torch.nn import functional

        if before is not None:
            own = torch.cat([before.expand(len(own), -1, -1, -1, -1), own], dim=1)
        keys, values = own.unbind(2)
        seen = functional.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            attn_mask=mask,
            is_causal=mask is None,
            scale=1.0,  # already in the queries' matrix
        )
        return seen.transpose(1, 2).contiguous()


class Block(_Parts):
    """One transformer block over all nodes."""

    def __init__(self, layer: Layer, weights: TowerWeights) -> None:
        super().__init__(layer, weights)
        self._qkv = dense(layer.qkv)

    def __call__(
        self, x: Tensor, n_blocks: int, mask: Tensor | None = None, before: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """New states, and the keys and values; without a mask plainly causal."""
        size = len(x) // n_blocks
        qkv = self._qkv(self._norm(x)).view(n_blocks, size, 3, self._n_heads, self._head)
        seen = self._attend(qkv[:, :, 0], qkv[:, :, 1:], before, mask)
        return self._finish(x, seen.view(x.shape)), qkv[:, :, 1:]


class LastBlock(_Parts):
    """The last block: keys and values of all nodes, everything else for the leaves alone."""

    def __init__(self, layer: Layer, weights: TowerWeights) -> None:
        super().__init__(layer, weights)
        weight, bias, width = layer.qkv.weight, layer.qkv.bias, len(layer.qkv.weight) // 3
        self._queries = dense(Matrix(weight[:width].contiguous(), bias[:width].contiguous()))
        self._keys = dense(Matrix(weight[width:].contiguous(), bias[width:].contiguous()))

    def keys_and_values(self, x: Tensor, n_blocks: int) -> Tensor:
        """Those of all nodes."""
        return self._split(self._keys(self._norm(x)), n_blocks)

    def __call__(self, x: Tensor, mask: Tensor, before: Tensor, leaves: Leaves) -> Tensor:
        """New states of the leaves, (n_leaves, width)."""
        n_blocks, most = leaves.table.shape
        normed = self._norm(x)
        own = self._split(self._keys(normed), n_blocks)
        queries = x.new_zeros((n_blocks * most, x.shape[1]))
        queries[leaves.slots] = self._queries(normed[leaves.nodes])
        rows = leaves.table[:, None, :, None].expand(-1, -1, -1, mask.shape[-1])
        seen = self._attend(
            queries.view(n_blocks, most, self._n_heads, self._head),
            own,
            before,
            mask.gather(2, rows),
        )
        return self._finish(x[leaves.nodes], seen.view(queries.shape)[leaves.slots])

    def _split(self, own: Tensor, n_blocks: int) -> Tensor:
        return own.view(n_blocks, len(own) // n_blocks, 2, self._n_heads, self._head)
