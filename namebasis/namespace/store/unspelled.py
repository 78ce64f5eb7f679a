"""What a store knows of its `unspelled` view: how it was made, and where the fit is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.atomic import replacing_file
from namebasis.checks import FloatArray
from namebasis.errors import NamebasisError, SpaceError
from namebasis.namespace.objects.data_sets import get_file, put_file
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.store.dataset import Store, as_column, as_matrix
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.opening import NAMES
from namebasis.namespace.store.view_ids import FIT_KEY

if TYPE_CHECKING:
    from namebasis.analysis.readings.spelling import PieceRidge

VIEW = "unspelled"
SOURCE = "text"
"""The view that it is what is left of."""
FITS = "fits"
"""The folder of the fits in a space."""
FACTS_KEY = "namebasis.facts"
"""In the view's field metadata: `UnspelledFacts` as JSON."""


@dataclass(frozen=True)
class UnspelledFacts:
    """What the view was made with, and how much pieces explain.

    Attributes
    ----------
    n_fitted : int
        Names that the regression was fitted to; later ones are predicted by it.
    n_folds, max_pieces : int
        Folds left out in turn; indicators of each kind at most.
    penalty : float
        Of the ridge.
    explained : tuple of float
        Per fold, the share of the variance of `text` vectors that pieces predict, out of fold.
    """

    n_fitted: int
    n_folds: int
    max_pieces: int
    penalty: float
    explained: tuple[float, ...]

    @property
    def mean_explained(self) -> float:
        """Mean of `explained` over folds."""
        return float(np.mean(self.explained))


def facts_of(store: Store) -> UnspelledFacts:
    """What the view was made with.

    Raises
    ------
    ValueError
        If the store has no such view.
    """
    store.dim(VIEW)  # refuses where there is none, with the remedy
    values = json.loads(view_metadata(store)[FACTS_KEY.encode()])
    return UnspelledFacts(**values | {"explained": tuple(values["explained"])})


def view_metadata(store: Store) -> dict[bytes, bytes]:
    """Field metadata of the view; empty where there is no such view."""
    if VIEW not in store.views:
        return {}
    return dict(store.schema.field(VIEW).metadata or {})


def describe(store: Store) -> dict[str, Any]:
    """Facts for `info`: empty where there is no such view."""
    if VIEW not in store.views:
        return {}
    known = facts_of(store)
    return {VIEW: asdict(known) | {"explained": known.mean_explained}}


def complete(rows: pa.Table, store: Store) -> pa.Table:
    """Fill the view of rows that the stored fit has not seen, where the space has it.

    Raises
    ------
    SpaceError
        If the fit is missing or damaged.
    """
    if VIEW not in store.views:
        return rows
    column = as_column(remainder(read_fit(store), rows))
    at = rows.schema.get_field_index(VIEW)
    return rows.set_column(at, rows.schema.field(at), column)


def keep_fit(store: Store, content: bytes) -> str:
    """Keep the file of a fit with a space, under a name that tells its content; the name.

    In object storage it lies at the address too, since other machines add names by it.
    """
    name = f"{VIEW}-{_digest(content)}.safetensors"
    _write(store.folder / FITS / name, content)
    url = remote_of(store.folder)
    if url is not None:
        put_file(_there(url, name), url, content)
    return name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with replacing_file(path, overwrite=True) as stream:
        stream.write(content)


def _there(url: str, name: str) -> str:
    return f"{url}/{FITS}/{name.removesuffix('.safetensors')}.lance"


def _fetch(path: Path, url: str) -> None:
    """Bring a fit of a space in object storage to this machine, unless it is here."""
    if path.exists() and _digest(path.read_bytes()) in path.name:
        return
    with reading(path.parent.parent / NAMES):
        content = get_file(_there(url, path.name), url)
    if content is not None and _digest(content) in path.name:
        _write(path, content)


def read_fit(store: Store) -> PieceRidge:
    """The regression that made the view.

    Raises
    ------
    SpaceError
        If its file is missing or damaged.
    """
    from namebasis.analysis.readings import spelling

    path = store.place / FITS / view_metadata(store)[FIT_KEY.encode()].decode()
    url = remote_of(store.folder)
    if url is not None:
        _fetch(path, url)
    try:
        return spelling.read_fit(path)
    except NamebasisError as error:
        raise SpaceError(
            f"{error} It makes the unspelled view of new names; run "
            f"`namebasis unspell {store.folder} --rebuild` first."
        ) from None


def remainder(fit: PieceRidge, rows: pa.Table) -> FloatArray:
    """Vectors of some rows minus what their pieces predict, scaled to length 1."""
    vectors = as_matrix(rows[SOURCE], rows.schema.field(SOURCE).type.list_size)
    tokens = np.zeros((len(rows), 0), np.float32)
    if "token" in rows.column_names:
        tokens = as_matrix(rows["token"], rows.schema.field("token").type.list_size)
        tokens = tokens * np.asarray(rows["token_norm"].to_numpy(), np.float32)[:, None]
    # In float64, so that equal pieces and equal vectors give equal rows after rounding.
    left = vectors.astype(np.float64) - fit.predict(rows["pieces"].to_pylist(), tokens)
    length = np.linalg.norm(left, axis=1, keepdims=True)
    return np.asarray(left / np.where(length > 0, length, 1), np.float32)
