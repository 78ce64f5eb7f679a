"""A causal text tower as a sum: what each head and each MLP adds to the token that is pooled.

The residual stream of the end token is the sum of its embedding and of what every head and every
MLP writes there [1]_. With the scale of the last LayerNorm and the length of the pooled row taken
as they are, the unit row is linear in them. With the other LayerNorms' scales, the patterns of
attention and the gates of the MLPs taken as they are too, each output is in turn the sum of what
comes from each token of the prompt [2]_, whatever tokens it went through on its way, and of what
comes from positions and biases.

.. [1] Elhage et al. (2021), A mathematical framework for transformer circuits.
.. [2] Modarressi et al. (2023), DecompX: explaining transformers decisions by propagating token
   decomposition, ACL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.encoders.towers.weights import UnsupportedTowerError, read_tower
from namebasis.errors import EncoderError
from namebasis.formation.towers import HookedTower

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.encoders.base import Encoder
    from namebasis.encoders.towers.weights import Layer

_TOKENS_AT_ONCE = 8_192


class NotLinearError(EncoderError):
    """The pooled row of an encoder is no sum of what its parts write."""


@dataclass(frozen=True)
class Pass:
    """What a tower computes of prompts.

    Attributes
    ----------
    rows : ndarray of shape (n, dim)
        Unit rows, as the encoder gives them.
    heads : ndarray of shape (n, n_layers, n_heads, n_sources + 1, head_dim)
        What each head reads for the end token, by the tokens that it comes from, before its output
        matrix; the last is what comes from positions and biases. Like `mlps` and `embedding`
        divided by the deviation in the last LayerNorm and by the length of the pooled row.
    mlps : ndarray of shape (n, n_layers, n_sources + 1, width)
        What each MLP writes at the end token.
    embedding : ndarray of shape (n, n_sources + 1, width)
        Token and position embedding of the end token.
    scales : ndarray of shape (n, 2)
        What the biases of attention's output, and those behind the last LayerNorm, are multiplied
        by.
    keys : ndarray of shape (n, n_layers, hidden)
        The input of each MLP's second matrix at the token that was asked for.
    """

    rows: FloatArray
    heads: FloatArray
    mlps: FloatArray
    embedding: FloatArray
    scales: FloatArray
    keys: FloatArray


class Stream:
    """The residual stream of an encoder's text tower, opened.

    Parameters
    ----------
    encoder : Encoder
        A CLIP text tower of ``hf:`` or ``open_clip:``.

    Raises
    ------
    NotLinearError
        If its pooled row is no sum of what heads and MLPs write.
    """

    def __init__(self, encoder: Encoder) -> None:
        try:
            weights = read_tower(getattr(encoder, "model", None))
        except UnsupportedTowerError as reason:
            raise NotLinearError(
                f"{encoder.spec}: its pooled row is not a sum of what heads and MLPs write, as "
                f"that of a causal CLIP text tower of hf: or open_clip: is ({reason})."
            ) from None
        self._hooked = HookedTower(encoder)
        self._weights, self._encoder = weights, encoder
        self.width = int(weights.token_embedding.shape[1])
        self.n_layers, self.n_heads = len(weights.layers), weights.n_heads
        self.head_dim = self.width // self.n_heads

    def ids(self, text: str) -> list[int]:
        """Token ids from the start to the pooled end token."""
        return self._hooked.ids(text)

    def run(
        self, prompts: Sequence[Sequence[int]], sources: Sequence[IntArray], n_sources: int,
        at: Sequence[int] | None = None,
    ) -> Pass:  # fmt: skip
        """Compute prompts.

        Parameters
        ----------
        prompts : sequence of sequences of int
            Token ids, the last of which is pooled.
        sources : sequence of ndarrays of shape (n_tokens,)
            The source that each token of each prompt belongs to, from 0.
        n_sources : int
        at : sequence of int, optional
            The token of each prompt whose keys are wanted; by default the last.
        """
        import torch

        places = [len(ids) - 1 for ids in prompts] if at is None else list(at)
        lengths = np.array([len(ids) for ids in prompts])
        kept: list[tuple[IntArray, Pass]] = []
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            step = max(1, _TOKENS_AT_ONCE // int(length))
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                with torch.inference_mode():
                    found = self._run(
                        np.array([prompts[row] for row in some]),
                        np.stack([sources[row] for row in some]),
                        n_sources,
                        np.array([places[row] for row in some]),
                    )
                kept.append((some, found))
        order = np.argsort(np.concatenate([some for some, _ in kept]))
        return Pass(*(
            np.concatenate([getattr(one, key) for _, one in kept])[order]
            for key in ("rows", "heads", "mlps", "embedding", "scales", "keys")
        ))  # fmt: skip

    def _run(self, ids: IntArray, sources: IntArray, n_sources: int, at: IntArray) -> Pass:
        import torch

        weights = self._weights
        device, n = weights.token_embedding.device, len(ids)
        tokens = weights.token_embedding[torch.from_numpy(ids).to(device)].float()
        x = tokens.new_zeros((n, n_sources + 1, *tokens.shape[1:]))
        places = torch.from_numpy(sources).to(device)[:, None, :, None]
        x.scatter_(1, places.expand(-1, 1, -1, tokens.shape[2]), tokens[:, None])
        x[:, -1] = weights.position_embedding[: ids.shape[1]].float()
        embedding, rows = x[:, :, -1], torch.arange(n, device=device)
        wanted = torch.from_numpy(at).to(device)
        heads, mlps, keys = [], [], []
        for layer in weights.layers:
            added, read = self._attend(layer, x)
            x = x + added
            hidden = self._hidden(layer, x)
            written = _through(layer.down, hidden)
            x = x + written
            heads.append(read)
            mlps.append(written[:, :, -1])
            keys.append(hidden.sum(dim=1)[rows, wanted])
        end = x[:, :, -1].sum(dim=1)
        deviation = torch.sqrt(end.var(dim=-1, unbiased=False, keepdim=True) + weights.eps)
        normed = (end - end.mean(dim=-1, keepdim=True)) / deviation
        pooled = self._project(normed * weights.final_norm.weight + weights.final_norm.bias)
        length = pooled.norm(dim=-1, keepdim=True)
        scale = 1 / (deviation * length)
        found = (
            pooled / length, torch.stack(heads, 1) * scale[:, :, None, None, None],
            torch.stack(mlps, 1) * scale[:, :, None, None], embedding * scale[:, :, None],
            torch.cat([scale, 1 / length], dim=1), torch.stack(keys, 1),
        )  # fmt: skip
        return Pass(*(part.cpu().numpy() for part in found))

    def _attend(self, layer: Layer, x: Tensor) -> tuple[Tensor, Tensor]:
        """What attention adds, and what each head reads for the last token, by source."""
        import torch

        n, n_sources, length = x.shape[:3]
        qkv = _through(layer.qkv, self._norm(x))
        shape = (n, n_sources, length, 3, self.n_heads, self.head_dim)
        queries, keys, values = qkv.view(shape).permute(3, 0, 1, 4, 2, 5)
        scores = queries.sum(dim=1) @ keys.sum(dim=1).transpose(-1, -2)
        later = torch.ones((length, length), dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(later, float("-inf")).softmax(dim=-1)
        seen = weights[:, None] @ values  # (n, n_sources, n_heads, n_tokens, head_dim)
        added = _through(layer.out, seen.transpose(2, 3).reshape(x.shape))
        return added, seen[:, :, :, -1].transpose(1, 2)

    def _hidden(self, layer: Layer, x: Tensor) -> Tensor:
        """The input of an MLP's second matrix: its gates are those of the sum of the sources."""
        from torch.nn import functional

        up = _through(layer.up, self._norm(x))
        whole = up.sum(dim=1, keepdim=True)
        if self._weights.activation == "silu":
            return up * whole.sigmoid()
        approximate = "tanh" if self._weights.activation == "gelu_tanh" else "none"
        passed = functional.gelu(whole, approximate=approximate)
        return up * (passed / whole.where(whole != 0, 1))

    def _norm(self, x: Tensor) -> Tensor:
        """LayerNorm with the deviation of the sum of the sources."""
        import torch

        whole = x.sum(dim=1, keepdim=True)
        deviation = torch.sqrt(whole.var(dim=-1, unbiased=False, keepdim=True) + self._weights.eps)
        return (x - x.mean(dim=-1, keepdim=True)) / deviation

    def _project(self, x: Tensor) -> Tensor:
        projection = self._weights.projection
        if projection is None:
            return x
        return x @ projection.weight.float().T + projection.bias.float()

    def readers(self, directions: FloatArray | Float64Array) -> Readers:
        """What turns a `Pass` into shares along directions, (n, dim)."""
        weights = self._weights
        along = np.asarray(directions, dtype=np.float64)
        projection = weights.projection
        back = along if projection is None else along @ _array(projection.weight)
        behind = back @ _array(weights.final_norm.bias)
        if projection is not None:
            behind = behind + along @ _array(projection.bias)
        back = back * _array(weights.final_norm.weight)
        back = back - back.mean(axis=1, keepdims=True)
        out = np.stack([_array(layer.out.weight) for layer in weights.layers])
        out = out.reshape(self.n_layers, self.width, self.n_heads, self.head_dim)
        biases = np.sum([_array(layer.out.bias) for layer in weights.layers], axis=0)
        heads = np.einsum("nw,lwhk->nlhk", back, out, optimize=True)
        return Readers(back, heads, np.stack([back @ biases, behind], axis=1))


@dataclass(frozen=True)
class Readers:
    """Directions of embedding space as seen from what is written; one row each.

    Attributes
    ----------
    stream : ndarray of shape (n, width)
        In the residual stream.
    heads : ndarray of shape (n, n_layers, n_heads, head_dim)
        In what heads read.
    biases : ndarray of shape (n, 2)
        Of the two kinds of biases, see `Pass.scales`.
    """

    stream: Float64Array
    heads: Float64Array
    biases: Float64Array


def _through(matrix: Any, x: Tensor) -> Tensor:
    """A matrix times what comes from each source; its bias is of the last source, the constants."""
    found = x @ matrix.weight.float().T
    found[:, -1] += matrix.bias.float()
    return found


def _array(tensor: Tensor) -> Float64Array:
    return np.asarray(tensor.detach().double().cpu().numpy())
