"""Vectors of some names by template: made on demand and kept, as a space stores means only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.search.cache_files import making, write_arrays
from namebasis.namespace.search.caches import holds_newest
from namebasis.namespace.store.dataset import INDICES
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, read_arrays

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

MAX_BYTES = 2**26
"""A cache that would grow beyond this keeps only what was asked for last."""

# Vectors of the same weights differ by so much between batch sizes and machines.
_SAME = 1e-3


def template_rows(space: StoredSpace, ids: IntArray) -> FloatArray:
    """Return unit vectors of names in each template of a space.

    Parameters
    ----------
    space : Space
    ids : ndarray of shape (n,)
        Rows of the space; may repeat.

    Returns
    -------
    ndarray of shape (n_templates, n, dim), float32

    Raises
    ------
    EncoderError
        If the space's encoder cannot be loaded or is another; it is needed for names that were
        not asked for before.
    """
    path = space._store.place / INDICES / "templates.npz"
    known, rows = space._template_rows or _read(path, space)
    if len(np.setdiff1d(ids, known)):
        with making(path) as may_write:
            known, rows = _complete(path, space, ids, may_write)
    order = np.argsort(known)
    return np.asarray(rows[:, order[np.searchsorted(known, ids, sorter=order)]])


def _complete(
    path: Path, space: StoredSpace, ids: IntArray, may_write: bool
) -> tuple[IntArray, FloatArray]:
    """Encode what is not kept yet, and keep it; what others kept meanwhile stays."""
    known, rows = space._template_rows or _read(path, space)
    fresh = np.setdiff1d(ids, known)
    if len(fresh):
        names = space.table(["name"], ids=fresh)["name"].to_pylist()
        encoder = space.encoder()
        new = np.stack([encoder.encode_names(names, t) for t in space.provenance.templates])
        known, rows = np.concatenate([known, fresh]), np.concatenate([rows, new], axis=1)
        if rows.nbytes > MAX_BYTES:
            keep = np.isin(known, ids)
            known, rows = known[keep], rows[:, keep]
        may_write = may_write and holds_newest(space._store, "text", space.provenance.build_id)
        is_kept = may_write and write_arrays(
            path, view_id=np.array(_made_of(space)), ids=known, rows=rows
        )
        space._template_rows = None if is_kept else (known, rows)
    return known, rows


def average_rows(by_template: FloatArray, weights: npt.NDArray[np.float64]) -> FloatArray:
    """Average over templates and scale to length 1, as a build does.

    Parameters
    ----------
    by_template : ndarray of shape (n_templates, n, dim)
    weights : ndarray of shape (n_templates,)
        Summing to 1.

    Returns
    -------
    ndarray of shape (n, dim), float32
    """
    mean = np.tensordot(weights, by_template.astype(np.float64), axes=1)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.asarray(mean / np.maximum(length, 1e-12), dtype=np.float32)


def _read(path: Path, space: StoredSpace) -> tuple[IntArray, FloatArray]:
    """What is kept; nothing where it is damaged or of other vectors."""
    n_templates, dim = len(space.provenance.templates), space.provenance.dim
    nothing = np.empty(0, dtype=np.int64), np.empty((n_templates, 0, dim), dtype=np.float32)
    try:
        saved = read_arrays(path, 2**31)
        if str(saved["view_id"]) != _made_of(space):
            return nothing
        ids, rows = saved["ids"].astype(np.int64), saved["rows"].astype(np.float32)
    except (UnreadableError, KeyError, ValueError, TypeError):
        return nothing  # a cache that is missing or damaged costs time alone
    fits = rows.shape == (n_templates, len(ids), dim) and np.isfinite(rows).all()
    if not fits or (len(ids) and not 0 <= ids.min() <= ids.max() < len(space)):
        return nothing
    mean = average_rows(rows, np.full(n_templates, 1 / n_templates))
    # What is stored of the same names tells whether these are theirs.
    is_same = np.abs(mean - space.vectors(ids=ids)).max(axis=1, initial=0) < _SAME
    return ids[is_same], rows[:, is_same]


def _made_of(space: StoredSpace) -> str:
    return view_id(space._store.schema, "text", space.provenance.build_id)
