"""Whether near names share what is known of them beyond what their spelling makes alike.

A tower with random weights is a random function of a name's pieces: names that share pieces, and
names of as many pieces, lie near each other whatever they mean. So a name's neighbours are sought
only among names that share no piece with it and have as many, and what is left of chance is drawn
with random vectors for the pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

K = 10
"""Neighbours of a name."""
_FEWEST = 3 * K  # names that a name's neighbours are chosen among, at least
_N_DRAWS, _N_DIRECTIONS = 99, 128
_MANY_PIECES = 6
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Alike:
    """Agreement of neighbours with a label, over names that share no piece.

    Attributes
    ----------
    rows : ndarray of shape (n,), int64
        Names with enough others to choose neighbours from.
    own, letters, base : ndarray of shape (n,), float64
        Share of a name's neighbours that have its label: by vectors, by letters, and of all names
        that its neighbours are chosen among.
    chance : ndarray of shape (n_draws,), float64
        Mean of `own` less `base` with random vectors for the pieces.
    """

    rows: IntArray
    own: Float64Array
    letters: Float64Array
    base: Float64Array
    chance: Float64Array

    @property
    def beyond(self) -> Float64Array:
        """By name, what vectors add to the better of letters and no knowledge at all."""
        better = self.letters if self.letters.mean() > self.base.mean() else self.base
        return np.asarray(self.own - better)

    def draws(self, n: int) -> Float64Array:
        """What `beyond` has in the mean by chance alone.

        Quantiles of Student's t with the variance over draws of random vectors and over names.
        They lie about 0, or about the mean of the draws where that is larger.
        """
        from scipy.stats import t

        beyond = self.beyond
        error = np.hypot(self.chance.std(ddof=1), beyond.std(ddof=1) / len(beyond) ** 0.5)
        quantiles = t.ppf((np.arange(n) + 0.5) / n, len(self.chance) - 1)
        return np.asarray(max(float(self.chance.mean()), 0.0) + error * quantiles)


def alike(
    vectors: FloatArray,
    names: Sequence[str],
    pieces: Sequence[Sequence[str]],
    labels: IntArray,
    *,
    seed: int = 0,
) -> Alike | None:
    """Whether names' neighbours that share no piece with them have their label.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim)
    names : sequence of str, length n
    pieces : sequence of sequences of str, length n
    labels : ndarray of shape (n,), int64
    seed : int
        Of the random vectors.

    Returns
    -------
    Alike or None
        None where too few names have others to choose from, as where pieces are letters.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = np.minimum([len(row) for row in pieces], _MANY_PIECES)
    held = _incidence(pieces)
    allowed = _allowed(held, counts)
    rows = np.flatnonzero(allowed.sum(axis=1) >= _FEWEST)
    if len(rows) < _FEWEST:
        return None
    allowed = allowed[rows]
    same = labels[rows][:, None] == labels
    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
    spelt = runs.fit_transform(names)
    base = (same & allowed).sum(axis=1) / allowed.sum(axis=1)
    centred = _centred(vectors, counts)
    rng = np.random.default_rng(seed)
    scale = _spectrum(centred)
    chance = []
    for _ in range(_N_DRAWS):
        drawn = _centred(
            _weighed(held, rng) @ rng.standard_normal((held.shape[1], len(scale))), counts
        )
        chance.append(float((_share(_units(drawn * scale), rows, allowed, same) - base).mean()))
    return Alike(
        rows,
        _share(_units(centred), rows, allowed, same),
        _nearest_share(np.asarray((spelt[rows] @ spelt.T).todense()), allowed, same),
        np.asarray(base),
        np.array(chance),
    )


def _incidence(pieces: Sequence[Sequence[str]]) -> csr_matrix:
    """Which name holds which piece, (n, n_pieces); one that stands twice counts once."""
    from scipy.sparse import csr_matrix

    number: dict[str, int] = {}
    columns: list[int] = []
    ends = [0]
    for row in pieces:
        columns += [number.setdefault(piece, len(number)) for piece in dict.fromkeys(row)]
        ends.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    shape = (len(pieces), max(len(number), 1))
    return csr_matrix((ones, np.array(columns, np.int64), ends), shape=shape)


def _allowed(held: csr_matrix, counts: IntArray) -> Bools:
    """Which pairs of names share no piece and have equally many."""
    shared = np.asarray((held @ held.T).todense()) > 0
    found = ~shared & (counts[:, None] == counts)
    np.fill_diagonal(found, val=False)  # of a name without a piece too
    return np.asarray(found)


def _weighed(held: csr_matrix, rng: np.random.Generator) -> csr_matrix:
    """Pieces that weigh differently in each draw, as places in a name do in a tower."""
    weighed = held.copy()
    weighed.data = np.exp(rng.standard_normal(held.nnz)).astype(np.float32)
    return weighed


def _centred(rows: Float64Array | FloatArray, counts: IntArray) -> FloatArray:
    """Rows less the mean of the names of as many pieces, which length alone makes alike."""
    found = np.asarray(rows, dtype=np.float32).copy()
    for count in np.unique(counts):
        own = counts == count
        found[own] -= found[own].mean(axis=0)
    return found


def _spectrum(rows: FloatArray) -> FloatArray:
    """Deviations along the main directions of rows: random vectors spread out as these do."""
    wide = rows.astype(np.float64)
    values = np.linalg.eigvalsh(wide.T @ wide / len(wide))[::-1][:_N_DIRECTIONS]
    return np.asarray(np.sqrt(np.maximum(values, 0)), dtype=np.float32)


def _units(rows: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny))


def _share(rows: FloatArray, chosen: IntArray, allowed: Bools, same: Bools) -> Float64Array:
    return _nearest_share(rows[chosen] @ rows.T, allowed, same)


def _nearest_share(cosines: FloatArray, allowed: Bools, same: Bools) -> Float64Array:
    """Share of the nearest of those allowed that have the same label, by row."""
    far = np.where(allowed, -cosines, np.inf)
    near = np.argpartition(far, K - 1, axis=1)[:, :K]
    return np.asarray(np.take_along_axis(same, near, axis=1).mean(axis=1))
