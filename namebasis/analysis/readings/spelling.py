"""What the pieces of names predict of their vectors: cross-validated ridge regression.

The features of a name are the mean of its input token embeddings and indicators of its frequent
pieces, once for any place and once for the first place. Names written with the same pieces always
stand in one fold, so that none is predicted by a model that saw its spelling; the fold follows
from the pieces alone, so a name that comes later is predicted as its twin is.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, FloatArray, IntArray, check_count
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError
from namebasis.tensors import OtherFormatError, read_tensors, tensor_bytes

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Pieces = Sequence[Sequence[str]]

PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
MAX_PIECES = 2048
MIN_NAMES = 5
_FORMAT = "namebasis.piece_ridge/1"
_SEPARATOR = "\x1f"  # cannot stand in a cleaned name


@dataclass(frozen=True)
class PieceRidge:
    """A ridge regression per fold, each fitted to the names of the other folds.

    Attributes
    ----------
    pieces, first_pieces : tuple of str
        What has an indicator in any place, and in the first.
    weights : ndarray of shape (n_folds, n_features, dim), float32
        Features: token embedding, pieces, first pieces.
    intercepts : ndarray of shape (n_folds, dim), float32
    token_scale : float
        What token embeddings are multiplied by, so that both kinds of features weigh the same.
    penalty : float
        Chosen among `PENALTIES` by the first fold.
    explained : tuple of float
        Per fold, the share of the variance of its names that the other folds' model predicts.
    """

    pieces: tuple[str, ...]
    first_pieces: tuple[str, ...]
    weights: FloatArray
    intercepts: FloatArray
    token_scale: float
    penalty: float
    explained: tuple[float, ...]

    @property
    def n_folds(self) -> int:
        """How many folds."""
        return int(self.weights.shape[0])

    def predict(self, pieces: Pieces, token_means: FloatArray) -> Float64Array:
        """Predict each name's vector by the model that did not see its pieces.

        Parameters
        ----------
        pieces : sequence of n sequences of str
        token_means : ndarray of shape (n, token_dim)
            Mean input token embedding of each name; `token_dim` may be 0.

        Returns
        -------
        ndarray of shape (n, dim), float64
            Equal for names of equal pieces.
        """
        keys, first, group = distinct_spellings(pieces)
        rows = [pieces[i] for i in first.tolist()]
        features = self._indicators(rows)
        tokens = token_means[first].astype(np.float64) * self.token_scale
        folds = fold_of(keys, self.n_folds)
        n_tokens = tokens.shape[1]
        out = np.empty((len(rows), self.weights.shape[2]))
        for fold in range(self.n_folds):
            mine = np.flatnonzero(folds == fold)
            weights = self.weights[fold].astype(np.float64)
            out[mine] = (
                tokens[mine] @ weights[:n_tokens]
                + features[mine] @ weights[n_tokens:]
                + self.intercepts[fold]
            )
        return np.asarray(out[group])

    def _indicators(self, rows: Pieces) -> csr_matrix:
        return indicators(rows, self.pieces, self.first_pieces)


def distinct_spellings(pieces: Pieces) -> tuple[list[str], IntArray, IntArray]:
    """Keys of the different spellings, the first row of each, and the spelling of every row."""
    number: dict[str, int] = {}
    first: list[int] = []
    group = np.empty(len(pieces), np.int64)
    for row, parts in enumerate(pieces):
        key = _SEPARATOR.join(parts)
        if key not in number:
            number[key] = len(first)
            first.append(row)
        group[row] = number[key]
    return list(number), np.array(first, np.int64), group


def fold_of(keys: Sequence[str], n_folds: int) -> IntArray:
    """The fold of each spelling, from a checksum of its pieces."""
    return np.array([zlib.crc32(key.encode()) % n_folds for key in keys], np.int64)


def indicators(rows: Pieces, anywhere: Sequence[str], first: Sequence[str]) -> csr_matrix:
    """Which of some pieces each name has, and which it begins with, as ones."""
    from scipy.sparse import csr_matrix

    column = {piece: place for place, piece in enumerate(anywhere)}
    opening = {piece: len(anywhere) + place for place, piece in enumerate(first)}
    columns: list[int] = []
    ends = [0]
    for parts in rows:
        columns += {column[piece] for piece in parts if piece in column}
        if parts and parts[0] in opening:
            columns.append(opening[parts[0]])
        ends.append(len(columns))
    shape = (len(ends) - 1, len(anywhere) + len(first))
    return csr_matrix((np.ones(len(columns)), np.array(columns, np.int64), ends), shape=shape)


def fit_piece_ridge(
    embeddings: FloatArray,
    pieces: Pieces,
    token_means: FloatArray,
    *,
    n_folds: int = 5,
    max_pieces: int = MAX_PIECES,
    penalties: Sequence[float] = PENALTIES,
) -> PieceRidge:
    """Fit vectors of names to their pieces, every fold left out once.

    Parameters
    ----------
    embeddings : ndarray of shape (n, dim), float32
    pieces : sequence of n sequences of str
    token_means : ndarray of shape (n, token_dim), float32
        Mean input token embeddings; `token_dim` may be 0.
    n_folds : int
        2 to 20.
    max_pieces : int
        Indicators of each kind at most, the most frequent; each needs 5 different spellings.
    penalties : sequence of float
        To choose from; the first fold's prediction decides.

    Returns
    -------
    PieceRidge

    Raises
    ------
    ValueError
        If the lengths differ, a parameter is out of range, all vectors are equal, or there are
        fewer than 4 different spellings per fold.
    """
    n_folds = check_count(n_folds, "n_folds", 2, 20)
    if not len(embeddings) == len(pieces) == len(token_means):
        raise ValueError(
            f"embeddings, pieces and token_means must be of one length; got {len(embeddings)}, "
            f"{len(pieces)} and {len(token_means)}."
        )
    keys, first, group = distinct_spellings(pieces)
    folds = fold_of(keys, n_folds)
    fewest = int(np.bincount(folds, minlength=n_folds).min())
    if fewest < 4:
        raise ValueError(
            f"what pieces predict needs at least 4 different spellings in each of {n_folds} "
            f"folds; {len(keys)} spellings leave {fewest} in one."
        )
    rows = [pieces[i] for i in first.tolist()]
    anywhere, opening = _frequent(rows, max_pieces)
    design = _Design(embeddings, token_means, first, group, indicators(rows, anywhere, opening))
    penalty = max(penalties, key=lambda value: design.fit(folds == 0, value)[2])
    fits = [design.fit(folds == fold, penalty) for fold in range(n_folds)]
    return PieceRidge(
        pieces=anywhere,
        first_pieces=opening,
        weights=np.stack([weights for weights, _, _ in fits]).astype(np.float32),
        intercepts=np.stack([intercept for _, intercept, _ in fits]).astype(np.float32),
        token_scale=design.token_scale,
        penalty=float(penalty),
        explained=tuple(share for _, _, share in fits),
    )


def _frequent(rows: Pieces, most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pieces that most spellings hold, and that most begin with, ties in sorted order."""
    anywhere = Counter(piece for parts in rows for piece in set(parts))
    opening = Counter(parts[0] for parts in rows if parts)
    chosen = []
    for counts in (anywhere, opening):
        ranked = sorted((-n, piece) for piece, n in counts.items() if n >= MIN_NAMES)
        chosen.append(tuple(piece for _, piece in ranked[:most]))
    return chosen[0], chosen[1]


class _Design:
    """Normal equations over different spellings, each weighing as many names as are written so."""

    def __init__(
        self,
        embeddings: FloatArray,
        token_means: FloatArray,
        first: IntArray,
        group: IntArray,
        marks: csr_matrix,
    ) -> None:
        from scipy.sparse import csr_matrix

        self.counts = np.bincount(group).astype(np.float64)
        gather = csr_matrix(
            (np.ones(group.size, np.float32), (group, np.arange(group.size))),
            shape=(first.size, group.size),
        )
        self.means = (gather @ embeddings) / self.counts[:, None].astype(np.float32)
        self.squares = gather @ np.einsum("nd,nd->n", embeddings, embeddings).astype(np.float64)
        self.marks = marks
        tokens = token_means[first].astype(np.float64)
        per_row = float((tokens**2).sum() / max(marks.sum(), 1.0))
        self.token_scale = 1.0 / np.sqrt(per_row) if per_row > 0 else 1.0
        self.tokens = tokens * self.token_scale
        whole = self._moments(np.ones(first.size, bool))
        self._whole = whole

    def _moments(self, rows: npt.NDArray[np.bool_]) -> tuple[Float64Array, Float64Array]:
        """X'WX and X'WY of some spellings, with a column of ones at the end of X."""
        from scipy.sparse import diags

        at = np.flatnonzero(rows)
        weight = self.counts[at]
        dense = np.column_stack([self.tokens[at], np.ones(at.size)])
        sparse = self.marks[at]
        weighted = diags(weight) @ sparse
        target = self.means[at].astype(np.float64) * weight[:, None]
        d, p = dense.shape[1], sparse.shape[1]
        gram = np.empty((d + p, d + p))
        gram[:d, :d] = dense.T @ (dense * weight[:, None])
        gram[d:, :d] = weighted.T @ dense
        gram[:d, d:] = gram[d:, :d].T
        gram[d:, d:] = (sparse.T @ weighted).toarray()
        return gram, np.concatenate([dense.T @ target, sparse.T @ target])

    def fit(
        self, held_out: npt.NDArray[np.bool_], penalty: float
    ) -> tuple[Float64Array, Float64Array, float]:
        """Weights, intercept, and the share of the held-out names' variance that they predict."""
        from scipy.linalg import cho_factor, cho_solve

        gram, cross = self._moments(held_out)
        gram, cross = self._whole[0] - gram, self._whole[1] - cross
        n_tokens = self.tokens.shape[1]
        ridge = np.full(len(gram), penalty)
        ridge[n_tokens] = 1e-9  # the intercept goes free
        gram[np.diag_indices_from(gram)] += ridge
        solved = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), cross)
        intercept = solved[n_tokens]
        weights = np.delete(solved, n_tokens, axis=0)
        return weights, intercept, self._explained(held_out, weights, intercept)

    def _explained(
        self, rows: npt.NDArray[np.bool_], weights: Float64Array, intercept: Float64Array
    ) -> float:
        at = np.flatnonzero(rows)
        weight = self.counts[at]
        n_tokens = self.tokens.shape[1]
        predicted = (
            self.tokens[at] @ weights[:n_tokens] + self.marks[at] @ weights[n_tokens:] + intercept
        )
        means = self.means[at].astype(np.float64)
        # What names of one spelling differ in counts as not predicted.
        within = float(self.squares[at].sum() - (weight * (means**2).sum(axis=1)).sum())
        missed = float((weight * ((means - predicted) ** 2).sum(axis=1)).sum())
        centre = np.average(means, axis=0, weights=weight)
        total = float((weight * ((means - centre) ** 2).sum(axis=1)).sum())
        if total + within <= 1e-9 * float(self.squares[at].sum()):
            raise ValueError("all vectors of a fold are equal; there is nothing to predict.")
        return 1.0 - (missed + within) / (total + within)


def to_bytes(fit: PieceRidge) -> bytes:
    """The fit as one safetensors file."""
    description = {
        "pieces": fit.pieces,
        "first_pieces": fit.first_pieces,
        "token_scale": fit.token_scale,
        "penalty": fit.penalty,
        "explained": fit.explained,
    }
    tensors = {"weights": fit.weights, "intercepts": fit.intercepts}
    return tensor_bytes(_FORMAT, "fit", description, tensors)


def read_fit(path: Path) -> PieceRidge:
    """Read what `to_bytes` gave.

    Raises
    ------
    NamebasisError
        If the file is missing, cut short, or no such fit.
    """
    try:
        about, tensors = read_tensors(path, _FORMAT, "fit")
        return PieceRidge(
            pieces=tuple(about["pieces"]),
            first_pieces=tuple(about["first_pieces"]),
            weights=tensors["weights"],
            intercepts=tensors["intercepts"],
            token_scale=float(about["token_scale"]),
            penalty=float(about["penalty"]),
            explained=tuple(about["explained"]),
        )
    except OtherFormatError:
        raise NamebasisError(f"{path}: no fit of pieces that namebasis wrote.") from None
    except UnreadableError as error:
        raise NamebasisError(f"{path}: missing or damaged ({error.reason}).") from None
    except (ValueError, TypeError, KeyError) as error:
        raise NamebasisError(f"{path}: missing or damaged ({error}).") from None
