"""BERT's encoder in torch, on rows of equal length; for many texts, and for a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.towers.dense import dense
from namebasis.encoders.towers.weights import Matrix

if TYPE_CHECKING:
    from torch import Tensor

N_LAYERS, N_HEADS, EPS = 6, 12, 1e-12
"""Of all-MiniLM-L6-v2."""


class BertForward:
    """BERT's encoder on rows of equal length, averaged over all positions."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._words = state["embeddings.word_embeddings.weight"]
        # Every text is of type 0, so its embedding goes into the positions'.
        types = state["embeddings.token_type_embeddings.weight"][0]
        self._places = state["embeddings.position_embeddings.weight"] + types
        norm = "embeddings.LayerNorm"
        self._norm = Matrix(state[f"{norm}.weight"], state[f"{norm}.bias"])
        self._layers = [BertLayer(state, f"encoder.layer.{n}.") for n in range(N_LAYERS)]
        self.device = self._words.device

    def words(self) -> FloatArray:
        """The table of the words' embeddings, (vocabulary, width), as it is used."""
        table: FloatArray = self._words.float().cpu().numpy()
        return table

    def __call__(self, ids: IntArray, given: tuple[int, FloatArray] | None = None) -> FloatArray:
        """Rows of texts; `given` are input embeddings from a place on, in the words' stead."""
        import torch
        from torch.nn import functional

        n_texts, length = ids.shape
        tokens = torch.from_numpy(ids).to(self.device)
        x = functional.embedding(tokens, self._words)
        if given is not None:
            start, own = given
            x[:, start : start + own.shape[1]] = torch.from_numpy(own).to(x)
        x = x + self._places[:length]
        x = _norm(x, self._norm).view(n_texts * length, -1)
        for layer in self._layers:
            x = layer(x, n_texts, length)
        rows: FloatArray = x.view(n_texts, length, -1).mean(dim=1).float().cpu().numpy()
        return rows


class BertLayer:
    """Self-attention and feed-forward, each followed by a LayerNorm."""

    def __init__(self, state: Mapping[str, Tensor], prefix: str) -> None:
        import torch

        def part(name: str) -> Matrix:
            return Matrix(state[f"{prefix}{name}.weight"], state[f"{prefix}{name}.bias"])

        three = [part(f"attention.self.{name}") for name in ("query", "key", "value")]
        weights, biases = [p.weight for p in three], [p.bias for p in three]
        self._qkv = dense(Matrix(torch.cat(weights), torch.cat(biases)))
        self._out = dense(part("attention.output.dense"))
        self._up = dense(part("intermediate.dense"), "gelu")
        self._down = dense(part("output.dense"))
        self._norm1, self._norm2 = part("attention.output.LayerNorm"), part("output.LayerNorm")

    def __call__(self, x: Tensor, n_texts: int, length: int) -> Tensor:
        from torch.nn import functional

        width = x.shape[-1]  # x: (n_texts * length, width)
        qkv = self._qkv(x).view(n_texts, length, 3, N_HEADS, width // N_HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (n_texts, heads, length, head)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        mixed = mixed.transpose(1, 2).reshape(n_texts * length, width)
        x = _norm(self._out.onto(x, mixed), self._norm1)
        return _norm(self._down.onto(x, self._up(x)), self._norm2)


def _norm(x: Tensor, by: Matrix) -> Tensor:
    from torch.nn import functional

    return functional.layer_norm(x, x.shape[-1:], by.weight, by.bias, EPS)
