"""One search of a FAISS index, with or without a filter, its hits in a settled order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.index.files import faiss_module
from namebasis.index.hits import best_first
from namebasis.index.row_set import RowSet

Hits = tuple[FloatArray, IntArray]

SPLIT_ROWS = 50_000
"""From this number of rows on, a single query of a flat index is shared out among the cores."""

MAX_PARTS = 8


def search_flat(index: Any, queries: FloatArray, k: int, allowed: RowSet | None) -> Hits:
    """Look at every row, or every one that is allowed.

    FAISS spreads queries over the cores but not the rows, so one query would keep one core busy;
    here each core looks at a range of rows.
    """
    faiss = faiss_module()
    if allowed is not None:
        selected = faiss.SearchParameters(sel=_selector(allowed))
        return best_first(*index.search(queries, k, params=selected))
    n_parts = min(faiss.omp_get_max_threads(), MAX_PARTS)
    if len(queries) > 1 or n_parts == 1 or index.ntotal < max(SPLIT_ROWS, n_parts * k):
        return best_first(*index.search(queries, k))
    edges = np.linspace(0, index.ntotal, n_parts + 1).astype(int).tolist()

    def search_range(start: int, stop: int) -> Hits:
        rows = faiss.SearchParameters(sel=faiss.IDSelectorRange(start, stop))
        found: Hits = index.search(queries, k, params=rows)
        return found

    with ThreadPoolExecutor(n_parts) as pool:
        parts = list(pool.map(search_range, edges[:-1], edges[1:]))
    similarities, ids = (np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True))
    similarities, ids = best_first(similarities, ids)
    return similarities[:, :k], ids[:, :k]


def search_lists(
    index: Any, queries: FloatArray, k: int, allowed: RowSet | None, nprobe: int
) -> Hits:
    """Look at the `nprobe` lists nearest to each query; -1 where they hold too few rows."""
    faiss = faiss_module()
    selector = None if allowed is None else _selector(allowed)
    parameters = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
    return best_first(*index.search(queries, k, params=parameters))


def _selector(allowed: RowSet) -> Any:
    return faiss_module().IDSelectorBitmap(allowed.bits)
