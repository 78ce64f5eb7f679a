"""Which index for how many rows, and how many lists a search probes for a recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.index.facts import MOST_REFINED
from namebasis.index.facts import n_lists as n_lists_of
from namebasis.index.files import faiss_module
from namebasis.index.rows import Rows

KINDS = ("auto", "pq", "sq8")
"""Kinds of index: by the number of rows, or compressed: product or scalar quantization."""
SMALL_ROWS = 10_000
"""Up to this number of rows there is nothing to compress, and too little to train codes of."""
TARGET_RECALL = 0.95
LISTS_RECALL = 0.98
"""Of the lists of a compressed index, whose codes cost some too."""
REFINED = (1, 2, 4, 8, 16, 32, 64, MOST_REFINED)
N_SAMPLE = 200
TRAIN_ROWS_PER_LIST = 48


def factory_of(kind: str, n_rows: int, dim: int, flat_rows: int) -> str:
    """Give the FAISS factory string of a kind of index for rows; small ones stay exact.

    `pq` codes every 8 columns by a byte, or as many below 8 as divide their number; `sq8` every
    column.
    """
    if kind == "auto" or n_rows <= SMALL_ROWS:
        return choose_factory(n_rows, flat_rows)
    lists = choose_factory(n_rows, 0).partition(",")[0]
    columns = next(one for one in range(8, 0, -1) if dim % one == 0)
    return f"{lists},{'SQ8' if kind == 'sq8' else f'PQ{dim // columns}'}"


def choose_factory(n_rows: int, flat_rows: int) -> str:
    """Give the FAISS factory string for `n_rows` rows.

    Flat is exact and, up to `flat_rows`, quick. Above, inverted lists: measured on 2 cores, HNSW
    takes many times longer to build and keeps its graph in memory, IVF lists are mapped.
    """
    if n_rows <= flat_rows:
        return "Flat"
    n_lists = 2 ** int(np.clip(np.round(np.log2(np.sqrt(n_rows))), 8, 14))
    return f"IVF{n_lists},Flat"


def train_ivf(rows: Rows, factory: str, *, seed: int) -> tuple[Any, dict[str, Any]]:
    """Train the centroids of an inverted-list index on a sample of the rows.

    Returns
    -------
    index : faiss.IndexIVF
        Without rows.
    parameters : dict
        `nlist`, `train_rows`, `seed`.

    Raises
    ------
    ValueError
        If the factory string is none, or n is over the number of rows.
    """
    faiss = faiss_module()
    head, _, tail = factory.partition(",")
    if not n_lists_of(factory) or (tail.startswith("PQ") and rows.dim % int(tail[2:])):
        raise ValueError(
            "factory must be 'auto', 'Flat', or 'IVF<n>,' with 'Flat', 'SQ8' or 'PQ<m>', m a "
            f"divisor of {rows.dim}; got {factory!r}."
        )
    n_lists = int(head[3:])
    if not 1 <= n_lists <= rows.n_rows:
        raise ValueError(f"factory {factory!r} needs 1 to {rows.n_rows} lists.")
    # "np": without an order of codes that only searches of another kind use, and minutes make.
    asked = f"{factory}np" if tail.startswith("PQ") else factory
    index = faiss.index_factory(rows.dim, asked, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.min_points_per_centroid, index.cp.spherical = seed + 1, 1, True
    n_train = min(rows.n_rows, n_lists * TRAIN_ROWS_PER_LIST)
    index.train(sample_rows(rows, n_train, seed)[1])
    return index, {"nlist": n_lists, "train_rows": n_train, "seed": seed}


def sample_rows(rows: Rows, n_sample: int, seed: int) -> tuple[IntArray, FloatArray]:
    """Draw rows without replacement in one walk; gives their numbers, ascending, and the rows."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(rows.n_rows, min(n_sample, rows.n_rows), replace=False))
    sample = np.empty((len(ids), rows.dim), dtype=np.float32)
    start = 0
    for block in rows.blocks():
        low, high = np.searchsorted(ids, [start, start + len(block)])
        sample[low:high] = block[ids[low:high] - start]
        start += len(block)
    return ids.astype(np.int64), sample


def exact_search(queries: FloatArray, rows: Rows, k: int) -> IntArray:
    """Row numbers of the k largest inner products by brute force, one walk over the rows."""
    faiss = faiss_module()

    best = faiss.ResultHeap(len(queries), k, keep_max=True)
    start = 0
    for block in rows.blocks():
        similarities, ids = faiss.knn(
            queries, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT
        )
        best.add_result(similarities, ids + start)
        start += len(block)
    best.finalize()
    return np.asarray(best.I, dtype=np.int64)


def tune_nprobe(
    index: Any,
    rows: Rows,
    lists: IntArray,
    *,
    k: int = 10,
    target: float = TARGET_RECALL,
    seed: int = 0,
) -> tuple[int, float]:
    """Find the fewest probed lists that reach a recall@k on a sample of the rows.

    Of a compressed index, the recall of its lists: its codes may lose some.

    A row is found exactly if its list is among those probed, so the recall of every number of
    lists follows from the exact neighbours and the order of the centroids, without a search.

    Parameters
    ----------
    index : faiss.IndexIVF
        Trained.
    rows : Rows
    lists : ndarray of shape (n_rows,)
        List of each row.
    k : int
    target : float
        Recall to reach, in (0, 1].
    seed : int
        Draws the sample.

    Returns
    -------
    nprobe : int
        Lists to probe.
    recall : float
        Share of the exact k nearest rows (the row itself among them) that they hold, in [0, 1].
    """
    queries, truth = _sample_truth(rows, k, seed)
    order = index.quantizer.search(queries, index.nlist)[1]
    ranks = np.argsort(order, axis=1)  # (n_queries, nlist): when a list is probed
    needed = np.sort(np.take_along_axis(ranks, lists[truth], axis=1).ravel()) + 1
    nprobe = int(needed[int(np.ceil(target * len(needed))) - 1])
    return nprobe, float(np.mean(needed <= nprobe))


def tune_refine(
    index: Any, rows: Rows, nprobe: int, *, k: int = 10, seed: int = 0
) -> tuple[int, float]:
    """Find how many candidates of a compressed index to compare by their rows for a recall@k.

    A row is found if it is among the candidates, since nothing comes before a true neighbour then.

    Parameters
    ----------
    index : faiss.IndexIVF
        With its codes.
    rows : Rows
    nprobe : int
        Lists to probe.
    k : int
    seed : int
        Draws the sample of `tune_nprobe`.

    Returns
    -------
    refine : int
        Candidates for each of the k, of `REFINED`: the fewest that reach `TARGET_RECALL`, or the
        most.
    recall : float
        That they reach, in [0, 1].
    """
    faiss = faiss_module()
    queries, truth = _sample_truth(rows, k, seed)
    parameters = faiss.SearchParametersIVF(nprobe=nprobe)
    found = index.search(queries, REFINED[-1] * k, params=parameters)[1]
    places = np.full(truth.shape, found.shape[1])
    for query, (ids, wanted) in enumerate(zip(found, truth, strict=True)):
        _, at, of = np.intersect1d(ids, wanted, return_indices=True)
        places[query, of] = at
    recalls = [float(np.mean(places < refine * k)) for refine in REFINED]
    best = next((at for at, one in enumerate(recalls) if one >= TARGET_RECALL), -1)
    return REFINED[best], recalls[best]


def _sample_truth(rows: Rows, k: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Some rows, and the exact k nearest of each."""
    _, queries = sample_rows(rows, N_SAMPLE, seed + 1)
    return queries, exact_search(queries, rows, min(k, rows.n_rows))


def measure_recall(found: IntArray, truth: IntArray) -> float:
    """Share of the true ids that were found, in [0, 1].

    Parameters
    ----------
    found, truth : ndarray of shape (n_queries, k)
        Row numbers; their order within a row does not matter.
    """
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True))
    return hits / truth.size
