"""How far each row lies elsewhere among the others in a second embedding of the same rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from namebasis.checks import Float64Array, FloatArray, IntArray, as_embeddings

_BLOCK = 1024
"""Rows whose similarities are held at a time."""


def row_moves(first: object, second: object, anchors: IntArray | None = None) -> Float64Array:
    """How far each row's similarities to the others differ between two embeddings.

    Rows are centred and scaled to length 1 on either side. A row's profile is its similarities to
    the anchors, itself left out; what is returned is one less the correlation of its two profiles.
    It needs no alignment: rotations, shifts that all rows share and scales change nothing, and the
    widths may differ.

    Parameters
    ----------
    first : array_like of shape (n, n_features)
    second : array_like of shape (n, other_features)
        The same rows in the same order.
    anchors : ndarray of shape (n_anchors,), int64, optional
        Rows to measure by; all by default.

    Returns
    -------
    ndarray of shape (n,), float64
        0 for the same place among the others, about 1 for an unrelated one, at most 2; NaN where a
        side's profile does not vary.

    Raises
    ------
    ValueError
        If the rows do not pair up.
    """
    left, right = centred_rows(first), centred_rows(second)
    if len(left) != len(right):
        raise ValueError(f"both need the same rows; got {len(left):,} and {len(right):,}.")
    by = np.arange(len(left)) if anchors is None else np.asarray(anchors)
    place = np.full(len(left), -1)
    place[by] = np.arange(by.size)
    found = np.empty(len(left))
    for rows in _blocks(len(left)):
        profiles = [_profiles(side[rows] @ side[by].T, place[rows]) for side in (left, right)]
        products = np.einsum("ij,ij->i", *profiles, dtype=np.float64)
        norms = [np.einsum("ij,ij->i", p, p, dtype=np.float64) for p in profiles]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[rows] = 1 - products / np.sqrt(norms[0] * norms[1])
    return np.maximum(found, 0)


def approached(
    first: object, second: object, rows: IntArray, n_shown: int, left_out: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """The rows that some came nearer to in a second embedding, and those they went away from.

    A row's similarities to all others are scaled to mean 0 and variance 1 on either side; the
    others are ordered by the difference.

    Parameters
    ----------
    first, second
        As for `row_moves`.
    rows : ndarray of shape (m,), int64
    n_shown : int
        Rows to return for each, fewer where there are no more others.
    left_out : ndarray of int64, optional
        Rows that are never returned.

    Returns
    -------
    nearer, farther : ndarrays of shape (m, n_shown), int64
        The largest change first.
    """
    left, right = centred_rows(first), centred_rows(second)
    none = np.zeros(len(left), dtype=bool)
    if left_out is not None:
        none[left_out] = True
    n_shown = min(n_shown, int((~none).sum()) - 1)
    nearer = np.empty((len(rows), n_shown), np.int64)
    farther = np.empty_like(nearer)
    for at, row in enumerate(rows):
        own = np.array([row])
        here, there = (_scaled(_profiles(side[own] @ side.T, own))[0] for side in (left, right))
        skipped = none | (np.arange(len(left)) == row)
        order = np.argsort(np.where(skipped, np.nan, there - here), kind="stable")
        order = order[: int((~skipped).sum())]  # NaN stands last
        nearer[at], farther[at] = order[::-1][:n_shown], order[:n_shown]
    return nearer, farther


def centred_rows(rows: object) -> FloatArray:
    """Rows without their mean, of length 1; zero for one that is the mean."""
    kept = as_embeddings(rows)
    centred = kept - kept.mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    scaled: FloatArray = (centred / np.where(norms > 1e-6, norms, np.inf)).astype(np.float32)
    return scaled


def _profiles(similarities: FloatArray, own: IntArray) -> FloatArray:
    """Similarities less the mean of each row, and 0 where a row meets itself."""
    rows = np.flatnonzero(own >= 0)
    similarities[rows, own[rows]] = 0
    counts = similarities.shape[1] - (own >= 0)
    means = similarities.sum(axis=1, dtype=np.float64) / np.maximum(counts, 1)
    similarities -= means[:, None].astype(similarities.dtype)
    similarities[rows, own[rows]] = 0
    return similarities


def _scaled(profiles: FloatArray) -> FloatArray:
    norms = np.linalg.norm(profiles, axis=1, keepdims=True)
    scaled: FloatArray = (profiles / np.where(norms > 0, norms, 1)).astype(np.float32)
    return scaled


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK))
