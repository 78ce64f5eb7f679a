"""The `unspelled` view: the part of each vector that the name's pieces do not predict."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, Progress, check_count
from namebasis.errors import SpaceError
from namebasis.namespace.store.columns import drop_leftovers, put_view
from namebasis.namespace.store.dataset import Store, as_column
from namebasis.namespace.store.history import changing, read_history
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.unspelled import (
    FACTS_KEY,
    FITS,
    SOURCE,
    VIEW,
    UnspelledFacts,
    facts_of,
    keep_fit,
    remainder,
)
from namebasis.namespace.store.view_ids import FIT_KEY

if TYPE_CHECKING:
    from namebasis.analysis.readings.spelling import PieceRidge
    from namebasis.namespace.space import Kind, StoredSpace

log = logging.getLogger(__name__)

_READ = ("pieces", SOURCE)


def unspell(
    space: Kind,
    *,
    n_folds: int = 5,
    max_pieces: int = 2048,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> Kind:
    """Store the `unspelled` view of a space: `text` minus what pieces predict of it.

    Each vector is predicted by ridge regression from the mean of the name's input token
    embeddings and from indicators of its frequent pieces, fitted to the names of other folds (see
    `namebasis.analysis.readings.spelling`); the remainder is scaled to length 1. Names that are
    added later get the view by the stored fit.

    Parameters
    ----------
    space : Space
    n_folds : int
        2 to 20.
    max_pieces : int
        Indicators of each kind at most.
    rebuild : bool
        Refit where the view already exists; it is otherwise left as it is.
    progress : callable, optional
        Called with (names done, names in all).

    Returns
    -------
    Space
        Opened again.

    Raises
    ------
    SpaceError
        If there are too few names to predict from, or another process writes to the space.
    ValueError
        If a parameter is out of range.
    """
    check_count(n_folds, "n_folds", 2, 20)
    check_count(max_pieces, "max_pieces")
    with writing(space._store) as store:
        if VIEW not in store.views or rebuild:
            drop_leftovers(store)
            with changing(store, "unspell"):
                _write(store, n_folds, max_pieces, progress)
    return space.reopened()


def facts(space: StoredSpace) -> UnspelledFacts:
    """What the view of a space was made with.

    Raises
    ------
    ValueError
        If the space has no such view.
    """
    return facts_of(space._store)


def _write(store: Store, n_folds: int, max_pieces: int, progress: Progress | None) -> None:
    from namebasis.analysis.readings import spelling

    fit = _fit(store, n_folds, max_pieces)
    # The fit first: a column never stands there without the file that it names.
    name = keep_fit(store, spelling.to_bytes(fit))
    made = UnspelledFacts(store.n_rows, n_folds, max_pieces, fit.penalty, fit.explained)
    metadata = {FIT_KEY: name, FACTS_KEY: json.dumps(asdict(made))}
    # Rows are read through a handle of their own: the one that writes is taken.
    columns = _columns(Store(store.folder), fit, progress)
    put_view(store, VIEW, store.dim(SOURCE), metadata, columns)
    kept = _fits_to_undo(store)
    for file in (store.folder / FITS).glob(f"{VIEW}-*.safetensors"):
        if file.name != name and file.name not in kept:
            file.unlink()


def _fits_to_undo(store: Store) -> set[str]:
    """Files of fits that versions name to which an undo or a redo goes."""
    found = set()
    for change in read_history(store).changes:
        for version in filter(None, (change.before, change.after)):
            with suppress(ValueError, OSError):
                schema = store.dataset.checkout_version(version).schema
                if VIEW in schema.names:
                    found.add((schema.field(VIEW).metadata or {}).get(FIT_KEY.encode(), b""))
    return {name.decode() for name in found}


def _fit(store: Store, n_folds: int, max_pieces: int) -> PieceRidge:
    from namebasis.analysis.readings.spelling import fit_piece_ridge

    rows = store.scan(["pieces", *_norms(store)])
    tokens = _token_means(store, rows)
    pieces = rows["pieces"].to_pylist()
    try:
        return fit_piece_ridge(
            store.vectors(SOURCE), pieces, tokens, n_folds=n_folds, max_pieces=max_pieces
        )
    except ValueError as error:
        raise SpaceError(f"{store.folder}: {error}") from None


def _norms(store: Store) -> list[str]:
    return ["token_norm"] if "token" in store.views else []


def _token_means(store: Store, rows: pa.Table) -> FloatArray:
    """Mean input token embeddings of all rows, (n, token_dim); of width 0 without that view."""
    if "token" not in store.views:
        return np.zeros((store.n_rows, 0), np.float32)
    norms = np.asarray(rows["token_norm"].to_numpy(), np.float32)
    return store.vectors("token") * norms[:, None]


def _columns(store: Store, fit: PieceRidge, progress: Progress | None) -> Iterator[pa.Array]:
    """The view of all rows, block by block."""
    columns = [*_READ, *_norms(store), *(["token"] if "token" in store.views else [])]
    done = 0
    for batch in store.batches(columns):
        block = remainder(fit, pa.Table.from_batches([batch]))
        yield as_column(block)
        done += len(block)
        if progress is not None:
            progress(done, store.n_rows)
