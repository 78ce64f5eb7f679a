"""BERT's encoder in numpy: a query of a few words is answered before torch would be imported.

Computes what `towers.bert` computes, to the rounding of float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.towers.bert import EPS, N_HEADS, N_LAYERS

_REACH, _STEPS = 6, 256


class NumpyBert:
    """Rows of equal length through the encoder, averaged over all positions.

    Parameters
    ----------
    state : mapping of str to ndarray
        Weights by the names of Hugging Face's `BertModel`, float32.
    """

    def __init__(self, state: Mapping[str, FloatArray]) -> None:
        self._words = state["embeddings.word_embeddings.weight"]
        # Every text is of type 0, so its embedding goes into the positions'.
        types = state["embeddings.token_type_embeddings.weight"][0]
        self._places = state["embeddings.position_embeddings.weight"] + types
        self._norm = _pair(state, "embeddings.LayerNorm")
        self._layers = [_Layer(state, f"encoder.layer.{n}.") for n in range(N_LAYERS)]

    def __call__(self, ids: IntArray) -> FloatArray:
        """Rows of texts, (n_texts, width); ids of shape (n_texts, length)."""
        n_texts, length = ids.shape
        x = (self._words[ids] + self._places[:length]).reshape(n_texts * length, -1)
        x = _normed(x, self._norm)
        for layer in self._layers:
            x = layer(x, n_texts, length)
        rows: FloatArray = x.reshape(n_texts, length, -1).mean(axis=1)
        return rows


class _Layer:
    """Self-attention and feed-forward, each followed by a LayerNorm."""

    def __init__(self, state: Mapping[str, FloatArray], prefix: str) -> None:
        three = [_pair(state, f"{prefix}attention.self.{n}") for n in ("query", "key", "value")]
        self._qkv = np.concatenate([w for w, _ in three]), np.concatenate([b for _, b in three])
        self._out = _pair(state, f"{prefix}attention.output.dense")
        self._up = _pair(state, f"{prefix}intermediate.dense")
        self._down = _pair(state, f"{prefix}output.dense")
        self._norms = [
            _pair(state, f"{prefix}{part}.LayerNorm") for part in ("attention.output", "output")
        ]

    def __call__(self, x: FloatArray, n_texts: int, length: int) -> FloatArray:
        width = x.shape[-1]  # x: (n_texts * length, width)
        qkv = _dense(x, self._qkv).reshape(n_texts, length, 3, N_HEADS, width // N_HEADS)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # each (n_texts, heads, length, head)
        logits = q @ k.swapaxes(-1, -2) / np.float32(math.sqrt(width // N_HEADS))
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ v).swapaxes(1, 2).reshape(n_texts * length, width)
        x = _normed(x + _dense(mixed, self._out), self._norms[0])
        return _normed(x + _dense(_gelu(_dense(x, self._up)), self._down), self._norms[1])


Pair = tuple[FloatArray, FloatArray]


def _pair(state: Mapping[str, FloatArray], name: str) -> Pair:
    return state[f"{name}.weight"], state[f"{name}.bias"]


def _dense(x: FloatArray, by: Pair) -> FloatArray:
    return np.asarray(x @ by[0].T + by[1])


def _normed(x: FloatArray, by: Pair) -> FloatArray:
    away = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((away * away).mean(axis=-1, keepdims=True) + np.float32(EPS))
    return np.asarray(away / spread * by[0] + by[1])


def _gelu(x: FloatArray) -> FloatArray:
    """x Φ(x), Φ the standard normal's distribution function.

    Φ is expanded to second order around the nearest point of a grid, which leaves less than 2e-9.
    """
    distribution, density = _normal()
    place = np.rint(np.clip(x, -_REACH, _REACH) * np.float32(_STEPS)).astype(np.int32)
    point = place.astype(np.float32) / np.float32(_STEPS)
    place += round(_REACH * _STEPS)
    away = np.clip(x, -_REACH, _REACH) - point
    slope = density[place] * (1 - np.float32(0.5) * point * away)
    return np.asarray(x * (distribution[place] + away * slope))


@cache
def _normal() -> tuple[FloatArray, FloatArray]:
    """Distribution function and density of the standard normal on the grid."""
    grid = np.arange(-_REACH, _REACH + 0.5 / _STEPS, 1 / _STEPS)
    distribution = [0.5 * math.erfc(-x * math.sqrt(0.5)) for x in grid.tolist()]
    density = np.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi)
    return np.array(distribution, dtype=np.float32), density.astype(np.float32)
