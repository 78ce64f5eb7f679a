"""One search of a FAISS index, with or without a filter, its hits in a settled order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray
from namebasis.index.files import faiss_module
from namebasis.index.hits import best_first

Mask = npt.NDArray[np.bool_]
Hits = tuple[FloatArray, IntArray]

SPLIT_ROWS = 50_000
"""From this number of rows on, a single query of a flat index is shared out among the cores."""

MAX_PARTS = 8


def search_flat(index: Any, queries: FloatArray, k: int, mask: Mask | None) -> Hits:
    """Look at every row, or every row of the mask.

    FAISS spreads queries over the cores but not the rows, so one query would keep one core busy;
    here each core looks at a range of rows.
    """
    faiss = faiss_module()
    if mask is not None:
        selected = faiss.SearchParameters(sel=_selector(mask))
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


def search_lists(index: Any, queries: FloatArray, k: int, mask: Mask | None, nprobe: int) -> Hits:
    """Look at the `nprobe` lists nearest to each query; -1 where they hold too few rows."""
    faiss = faiss_module()
    selector = None if mask is None else _selector(mask)
    parameters = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
    return best_first(*index.search(queries, k, params=parameters))


def _selector(mask: Mask) -> Any:
    return faiss_module().IDSelectorBitmap(np.packbits(mask, bitorder="little"))
