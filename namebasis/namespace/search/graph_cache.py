"""Graphs of nearest neighbours beside the rows, made on demand of the very vectors."""

from __future__ import annotations

import warnings
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import NamebasisWarning
from namebasis.namespace.search.cache_files import making, write_arrays
from namebasis.namespace.search.caches import holds_newest
from namebasis.namespace.store.dataset import INDICES, Store
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, read_arrays

if TYPE_CHECKING:
    from namebasis.analysis.graph.neighbours import KnnGraph

EXACT_ROWS = 200_000
"""Rows up to which neighbours are sought exactly, which takes time that grows with their square."""

Kept = MutableMapping[tuple[str, int], "KnnGraph"]


def graph_path(folder: Path, view: str, k: int) -> Path:
    """Where the graph of a view lies."""
    return folder / INDICES / f"{view}.k{k}.graph.npz"


def graph_key(store: Store, view: str, build_id: str, k: int) -> str:
    """What a graph is made of."""
    return f"{view_id(store.schema, view, build_id)} {store.n_rows} {view} {k}"


def graph_of(vectors: FloatArray, k: int) -> KnnGraph:
    """The k nearest of every row: exact up to `EXACT_ROWS`, nearly so above."""
    if len(vectors) <= EXACT_ROWS:
        from namebasis.analysis.graph.neighbours import knn_graph

        return knn_graph(vectors, k)
    from namebasis.analysis.graph.near_graph import near_graph

    return near_graph(vectors, k)


def spread_graph(graph: KnnGraph, rows: IntArray, n_rows: int) -> KnnGraph:
    """The graph of some rows as one of all: -1 and similarity 0 for those that it lacks."""
    from namebasis.analysis.graph.neighbours import KnnGraph

    indices = np.full((n_rows, graph.k), -1, np.int64)
    similarities = np.zeros((n_rows, graph.k), np.float32)
    indices[rows], similarities[rows] = rows[graph.indices], graph.similarities
    return KnnGraph(indices, similarities, graph.recall)


def load_graph(store: Store, view: str, build_id: str, k: int, kept: Kept) -> KnnGraph:
    """Give the graph of the k nearest of every row, from the cache where it fits.

    Above `EXACT_ROWS` rows nearly all neighbours are found; the graph says what share.

    Parameters
    ----------
    store, view, build_id
        As `caches.load_index` takes them.
    k : int
    kept : mutable mapping
        Where graphs are kept that may not or cannot be written.

    Warns
    -----
    NamebasisWarning
        If a cached graph was damaged and is rebuilt.
    """
    if (view, k) in kept:
        return kept[view, k]
    path = graph_path(store.place, view, k)
    key = graph_key(store, view, build_id, k)
    graph, problem = read_graph(path, store.n_rows, k, key)
    if graph is not None:
        return graph
    with making(path) as may_write:
        graph, problem = read_graph(path, store.n_rows, k, key)  # another made it meanwhile
        if graph is not None:
            return graph
        if problem:
            message = f"{path}: damaged ({problem}). The graph is rebuilt."
            warnings.warn(message, NamebasisWarning, stacklevel=3)
        graph = graph_of(store.vectors(view), k)
        is_kept = may_write and holds_newest(store, view, build_id) and _write(path, key, graph)
    if not is_kept:
        kept[view, k] = graph
    return graph


def read_graph(path: Path, n_rows: int, k: int, key: str) -> tuple[KnnGraph | None, str | None]:
    """Read a graph; gives None where it is missing, of other vectors, or damaged, and the damage.

    Parameters
    ----------
    path : Path
    n_rows, k : int
        What it must hold.
    key : str
        That it must have.
    """
    from namebasis.analysis.graph.neighbours import KnnGraph

    try:
        saved = read_arrays(path, None)
        if str(saved["key"]) != key:
            return None, None
        indices, similarities = saved["indices"].astype(np.int64), saved["similarities"]
        recall = float(saved["recall"]) if "recall" in saved else 1.0
    except UnreadableError as error:
        is_missing = error.is_missing or not path.parent.is_dir()
        return None, None if is_missing else error.reason
    except (KeyError, ValueError, TypeError) as error:
        return None, f"not the arrays of a graph: {error}"
    problem = _problem(indices, similarities, recall, (n_rows, k))
    return (None, problem) if problem else (KnnGraph(indices, similarities, recall), None)


def _problem(
    indices: IntArray, similarities: npt.NDArray[Any], recall: float, shape: tuple[int, int]
) -> str | None:
    """What cannot be true of any graph."""
    if indices.ndim != 2 or indices.shape != similarities.shape:
        return "not the shape of a graph"
    if indices.shape != shape:
        return f"a graph of shape {indices.shape}, not {shape}"
    n_rows = len(indices)
    if indices.size and not 0 <= indices.min() <= indices.max() < n_rows:
        return "rows that are not there"
    if (indices == np.arange(n_rows)[:, None]).any():
        return "a row that is its own neighbour"
    # NaN is refused by the comparison too.
    if similarities.dtype.kind != "f" or not (np.abs(similarities) < 1.01).all():
        return "similarities that cannot be"
    return None if 0 <= recall <= 1 else "a recall that cannot be"


def _write(path: Path, key: str, graph: KnnGraph) -> bool:
    """Write a graph in one step; False where it cannot be written."""
    return write_arrays(
        path,
        key=np.array(key),
        indices=graph.indices.astype(np.int32),
        similarities=graph.similarities,
        recall=np.array(graph.recall),
    )
