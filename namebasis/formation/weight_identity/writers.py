"""Who writes what a full name has beyond its parts: heads and MLPs, by the tokens it comes from.

What a name has of its own is a contrast of rows: the name, less what its given and its family name
do beside other partners. Rows are sums over writers, so the same contrast of each writer's output
along the own direction gives parts that add up to its length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.errors import EncoderError
from namebasis.formation.towers import HookedTower
from namebasis.formation.weight_identity.stream import Stream
from namebasis.formation.weight_identity.writer_results import SOURCES
from namebasis.studies.identity.swaps import Partners, Real, usable

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.corpus.full_names import Pair

_START, _GIVEN, _FAMILY, _REST = range(len(SOURCES) - 1)
_ROWS_AT_ONCE = 256
"""Swaps that are computed together: a few are mostly calls, and each row may take a megabyte."""


@dataclass(frozen=True)
class Written:
    """What is written along directions of names; all of it adds up to `length`.

    Attributes
    ----------
    heads : ndarray of shape (n, n_layers, n_heads, n_sources)
    mlps : ndarray of shape (n, n_layers, n_sources)
    embedding : ndarray of shape (n, n_sources)
        Of the end token.
    biases : ndarray of shape (n,)
        Of attention's output and the last LayerNorm.
    length : ndarray of shape (n,)
        Of what is divided among the writers.
    score : ndarray of shape (n,)
        Length over what swaps of the noisier part leave, the own score of `identity`; NaN of
        whole embeddings.
    directions : ndarray of shape (n, dim)
        Unit rows.
    """

    heads: Float64Array
    mlps: Float64Array
    embedding: Float64Array
    biases: Float64Array
    length: Float64Array
    score: Float64Array
    directions: Float64Array


def write_pairs(
    encoder: Encoder,
    pairs: Sequence[Pair],
    partners: Partners,
    template: str = "{}",
    *,
    target: str = "own",
    real: Real | None = None,
    advance: Callable[[int], None] | None = None,
) -> Written:
    """Divide what full names have of their own among the writers of a text tower.

    Parameters
    ----------
    encoder : Encoder
    pairs : sequence of (given, family)
    partners : pair of sequences of str
        Given and family names to swap in.
    template : str
    target : str
        ``own``: beyond both parts. ``pooled``: beyond the mean of the partners' pairs.
    real : callable, optional
        Tells which pairs somebody bears: these are no swaps.
    advance : callable, optional
        Is told how many prompts were computed.

    Raises
    ------
    NotLinearError
        If the encoder's pooled row is no sum of writers.
    EncoderError
        If a name has no pieces of its own in the template, or is too long.
    """
    tower = _Tower(encoder, template, advance)
    first, last = partners
    grid = tower([(given, family) for given in first for family in last])
    grid = grid.reshape(len(first), len(last), -1)
    contrast = tower(pairs) - grid.mean(axis=(0, 1))
    noise = np.full(len(pairs), np.nan)
    if target == "own":
        for side, others in ((0, grid.mean(axis=0)), (1, grid.mean(axis=1))):
            effects, left = _effects(tower, pairs, side, (last, first)[side], others, real)
            contrast -= effects
            noise = np.fmax(noise, left)
    return tower.read(contrast, noise)


def _effects(
    tower: _Tower, pairs: Sequence[Pair], side: int, partners: Sequence[str], others: FloatArray,
    real: Real | None,
) -> tuple[FloatArray, Float64Array]:  # fmt: skip
    """What the given (0) or family name (1) of each pair does beside other partners, and noise.

    The noise is the root mean square length of what the swaps' rows leave.
    """
    found = np.empty((len(pairs), others.shape[1]), dtype=np.float32)
    noise = np.empty(len(pairs))
    rows: dict[str, list[int]] = {}
    for row, pair in enumerate(pairs):
        rows.setdefault(pair[side], []).append(row)
    at_once = max(1, _ROWS_AT_ONCE // len(partners))
    parts = list(rows)
    for some in (parts[at : at + at_once] for at in range(0, len(parts), at_once)):
        asked = [
            [(part, other) if side == 0 else (other, part) for other in partners] for part in some
        ]
        flat = tower([pair for swaps in asked for pair in swaps])
        for part, swaps, own in zip(some, asked, np.split(flat, len(some)), strict=True):
            apart = own - others
            free = usable([swaps], real)[0]
            for row in rows[part]:
                kept = free & np.array([pair != pairs[row] for pair in swaps])
                found[row] = apart[kept].mean(axis=0)
                left = (apart[kept] - found[row])[:, -tower.dim :]
                noise[row] = np.sqrt((left.astype(np.float64) ** 2).sum() / (kept.sum() - 1))
    return found, noise


class _Tower:
    """From full names to flat rows, linear in writers, and from contrasts of them to shares."""

    def __init__(
        self, encoder: Encoder, template: str, advance: Callable[[int], None] | None
    ) -> None:
        self._stream, self._encoder = Stream(encoder), encoder
        self._template, self._advance = template, advance
        self._shapes: list[tuple[int, ...]] = []

    def __call__(self, pairs: Sequence[Pair]) -> FloatArray:
        """Flat rows, (n_pairs, n_features); the last `dim` features are the unit row."""
        ids, sources = prompts_of(self._encoder, self._stream, pairs, self._template)
        found = self._stream.run(ids, sources, len(SOURCES) - 1)
        if self._advance is not None:
            self._advance(len(pairs))
        parts = (found.heads, found.mlps, found.embedding, found.scales, found.rows)
        self._shapes = [part.shape[1:] for part in parts]
        return np.concatenate([part.reshape(len(pairs), -1) for part in parts], axis=1)

    @property
    def dim(self) -> int:
        """How many features at the end of a flat row are the unit row."""
        return self._shapes[-1][0]

    def read(self, contrast: FloatArray, noise: Float64Array) -> Written:
        """Divide contrasts of flat rows among writers, each along its own unit direction."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1]
        heads, mlps, embedding, scales, rows = (
            part.reshape(len(contrast), *shape).astype(np.float64)
            for part, shape in zip(np.split(contrast, ends, axis=1), self._shapes, strict=True)
        )
        length = np.linalg.norm(rows, axis=1)
        directions = rows / np.maximum(length, np.finfo(np.float64).tiny)[:, None]
        readers = self._stream.readers(directions)
        return Written(
            np.einsum("nlhsk,nlhk->nlhs", heads, readers.heads),
            np.einsum("nlsw,nw->nls", mlps, readers.stream),
            np.einsum("nsw,nw->ns", embedding, readers.stream),
            np.einsum("nb,nb->n", scales, readers.biases),
            length,
            length / noise,
            directions,
        )


def prompts_of(
    encoder: Encoder, stream: Stream | HookedTower, pairs: Sequence[Pair], template: str
) -> tuple[list[list[int]], list[IntArray]]:
    """Token ids of full names in a template, and the source of each token.

    Raises
    ------
    EncoderError
        If a name has no pieces of its own in the template, or is too long.
    """
    left, right = template.split("{}")
    texts = [
        text
        for given, family in pairs
        for text in (f"{left}{given}", f"{left}{given} {family}", f"{left}{given} {family}{right}")
    ]
    pieces = encoder.pieces([left, *texts])
    before, ids, sources = pieces[0], [], []
    for row, (given, family) in enumerate(pairs):
        with_given, with_family, whole = pieces[1 + 3 * row : 4 + 3 * row]
        ends = [len(before), len(with_given), len(with_family)]
        known = [before, with_given, with_family]
        if any(whole[:end] != part for end, part in zip(ends, known, strict=True)) or not (
            ends[0] < ends[1] < ends[2]
        ):
            raise EncoderError(
                f"{encoder.spec}: {given} {family} has no pieces of its own in {template!r}. Put "
                "spaces around the {} of the template, or take letters that the tokenizer knows."
            )
        tokens = stream.ids(texts[3 * row + 2])
        if len(tokens) != len(whole) + 2:
            raise EncoderError(
                f"{encoder.spec}: {texts[3 * row + 2]!r} is longer than the {len(tokens)} tokens "
                "that the model reads. Take a shorter template."
            )
        source = np.full(len(tokens), _REST, dtype=np.int64)
        source[0] = _START
        source[1 + ends[0] : 1 + ends[1]] = _GIVEN
        source[1 + ends[1] : 1 + ends[2]] = _FAMILY
        ids.append(tokens)
        sources.append(source)
    return ids, sources
