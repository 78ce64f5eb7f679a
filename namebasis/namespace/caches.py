"""Indices and graphs beside the rows: made on demand, rebuilt where stale or damaged."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import NamebasisWarning
from namebasis.index.rows import Rows
from namebasis.index.vector_index import DamagedIndexError, VectorIndex
from namebasis.namespace.places import for_lance
from namebasis.namespace.store import INDICES, Store
from namebasis.namespace.view_ids import view_id

if TYPE_CHECKING:
    from namebasis.analysis.neighbours import KnnGraph

EXACT_ROWS = 200_000
"""Rows up to which neighbours are sought exactly, which takes time that grows with their square."""

log = logging.getLogger(__name__)


def index_path(folder: Path, view: str) -> Path:
    """Where the index of a view lies."""
    # FAISS reads no path that is not UTF-8, as Lance does not.
    return Path(for_lance(folder / INDICES)) / f"{view}.faiss"


def load_index(store: Store, view: str, build_id: str, seed: int) -> VectorIndex:
    """Map the index of a view; build it anew where it is missing, damaged or another's.

    Warns
    -----
    NamebasisWarning
        If an index had to be rebuilt.
    """
    path = index_path(store.folder, view)
    try:
        index = VectorIndex.load(path)
        if index.extra.get("build_id") != view_id(
            store.schema, view, build_id
        ) or index.dim != store.dim(view):
            raise DamagedIndexError(f"{path}: made for other vectors.")
        if index.n_rows > store.n_rows:
            raise DamagedIndexError(f"{path}: covers more rows than there are.")
    except DamagedIndexError as error:
        message = f"{error} The index is rebuilt from the stored vectors."
        warnings.warn(message, NamebasisWarning, stacklevel=4)
        return build_index(store, view, build_id, seed)
    return index


def build_index(store: Store, view: str, build_id: str, seed: int) -> VectorIndex:
    """Index all rows of a view from the store, block by block, and save the index."""
    path = index_path(store.folder, view)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = Rows(store.n_rows, store.dim(view), lambda: store.blocks(view))
    index = VectorIndex.build(rows, seed=seed, path=path)
    made_by = view_id(store.schema, view, build_id)
    index.save(path, {"build_id": made_by, "view": view, "dataset_version": store.version})
    log.info("indexed %d rows of view %s as %s", index.n_rows, view, index.factory)
    return VectorIndex.load(path)


def covered_rows(store: Store, view: str) -> int:
    """Rows that the saved index covers; 0 where there is none."""
    try:
        return int(VectorIndex.read_facts(index_path(store.folder, view))["rows"])
    except DamagedIndexError:
        return 0


def graph_of(vectors: FloatArray, k: int) -> KnnGraph:
    """The k nearest of every row: exact up to `EXACT_ROWS`, nearly so above."""
    if len(vectors) <= EXACT_ROWS:
        from namebasis.analysis.neighbours import knn_graph

        return knn_graph(vectors, k)
    from namebasis.analysis.near_graph import near_graph

    return near_graph(vectors, k)


def load_graph(store: Store, view: str, build_id: str, k: int) -> KnnGraph:
    """Give the graph of the k nearest of every row, from the cache where it fits.

    Above `EXACT_ROWS` rows nearly all neighbours are found; the graph says what share.

    Warns
    -----
    NamebasisWarning
        If a cached graph was damaged and is made anew.
    """
    from namebasis.analysis.neighbours import KnnGraph

    path = store.folder / INDICES / f"{view}.k{k}.graph.npz"
    key = f"{view_id(store.schema, view, build_id)} {store.n_rows} {view} {k}"
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as saved:
                if str(saved["key"]) == key:
                    indices = saved["indices"].astype(np.int64)
                    recall = float(saved["recall"]) if "recall" in saved else 1.0
                    return KnnGraph(indices, saved["similarities"], recall)
        except Exception as error:
            # A cut or overwritten zip raises many kinds: zlib, zipfile, struct, KeyError, EOF.
            message = f"{path}: damaged ({error}). The graph is made anew."
            warnings.warn(message, NamebasisWarning, stacklevel=3)
    graph = graph_of(store.vectors(view), k)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            key=np.array(key),
            indices=graph.indices.astype(np.int32),
            similarities=graph.similarities,
            recall=np.array(graph.recall),
        )
    os.replace(partial, path)
    return graph
