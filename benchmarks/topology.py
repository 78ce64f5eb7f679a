"""Clusters beside what else there is: on labelled mixtures, on real names, and on a million rows.

`--section compare`: 20,000 rows of 384 columns whose clusters are known. Peers: `hdbscan.HDBSCAN`
on the vectors, UMAP to five dimensions and hdbscan as BERTopic does it, EVoC (`pip install evoc`,
no dependency of this project), and hdbscan's own tree over the sparse mutual reachability graph
of our graph of neighbours. `--section names`: a stored space. `--section million`: rows for which
neighbours are sought approximately.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("NUMBA_NUM_THREADS", "2")

import numpy as np
from _timing import REPEATS, Race, in_turn

MIN_CLUSTER_SIZE, MIN_SAMPLES, K = 35, 5, 15
Labels = np.ndarray


def mixture(
    n: int, n_features: int, n_clusters: int, kind: str, seed: int
) -> tuple[np.ndarray, Labels]:
    """Clusters of different sizes and widths in a tenth of background, labelled -1.

    `round` ones fill all columns; `flat` ones lie in 20 directions of their own with a little
    noise in all, as sentence encoders have it; `wide` ones are round and reach far into each other.
    """
    rng = np.random.default_rng(seed)
    rows = np.empty((n, n_features), np.float32)
    truth = rng.choice(n_clusters, n, p=rng.dirichlet(np.full(n_clusters, 4.0)))
    truth[rng.random(n) < 0.1] = -1
    for cluster in range(-1, n_clusters):
        mine = np.flatnonzero(truth == cluster)
        centre = rng.standard_normal(n_features) * (cluster >= 0)
        width = rng.uniform(0.8, 1.6) if cluster >= 0 else 1.4
        width *= 2.2 if kind == "wide" and cluster >= 0 else 1.0
        if kind == "flat" and cluster >= 0:
            axes = rng.standard_normal((20, n_features)) * np.sqrt(1 / 20) * width
            scatter = rng.standard_normal((mine.size, 20)) @ axes
            scatter += 0.5 * rng.standard_normal((mine.size, n_features))
        else:
            scatter = width * rng.standard_normal((mine.size, n_features), dtype=np.float32)
        rows[mine] = centre + scatter
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), truth


def ours(rows: np.ndarray, seed: int) -> Labels:
    from namebasis.analysis.clusters.clustering import cluster

    return cluster(
        rows, min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, seed=seed
    ).labels


def raw_hdbscan(rows: np.ndarray, seed: int) -> Labels:
    import hdbscan

    # One process, so that its CPU time is counted whole.
    return hdbscan.HDBSCAN(
        min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, core_dist_n_jobs=1
    ).fit_predict(rows)


def umap_hdbscan(rows: np.ndarray, seed: int) -> Labels:
    import hdbscan
    import umap

    flat = umap.UMAP(
        n_neighbors=K, n_components=5, min_dist=0.0, metric="cosine", random_state=seed
    ).fit_transform(rows)
    return hdbscan.HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE).fit_predict(flat)


def evoc_labels(rows: np.ndarray, seed: int) -> Labels:
    import evoc

    return evoc.EVoC(base_min_cluster_size=MIN_CLUSTER_SIZE, random_state=seed).fit_predict(rows)


def sparse_hdbscan(rows: np.ndarray, seed: int) -> Labels:
    """hdbscan's tree over the mutual reachability of the neighbours that we found."""
    import hdbscan
    from scipy.sparse import csr_matrix, lil_matrix
    from scipy.sparse.csgraph import connected_components

    from namebasis.analysis.graph.neighbours import knn_graph

    graph = knn_graph(rows, K)
    apart = np.sqrt(np.maximum(2 - 2 * graph.similarities.astype(np.float64), 1e-12))
    source = np.repeat(np.arange(len(rows)), K)
    links = csr_matrix((apart.ravel(), (source, graph.indices.ravel())), shape=(len(rows),) * 2)
    links = lil_matrix(links.maximum(links.T))
    # It refuses a graph in parts: they are tied to the first row at the longest distance.
    _, part = connected_components(links, directed=False)
    for other in np.unique(part, return_index=True)[1][1:]:
        links[0, other] = links[other, 0] = 2.0
    return hdbscan.HDBSCAN(
        min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, metric="precomputed"
    ).fit_predict(links.tocsr())


class Clock:
    """Wall and CPU seconds since the last lap; CPU is what a busy machine leaves comparable."""

    def __init__(self) -> None:
        self.lap()

    def lap(self) -> tuple[float, float]:
        now = time.perf_counter(), time.process_time()
        before = getattr(self, "_last", now)
        self._last = now
        return now[0] - before[0], now[1] - before[1]


METHODS: dict[str, Callable[[np.ndarray, int], Labels]] = {
    "ours": ours,
    "hdbscan on the vectors": raw_hdbscan,
    "hdbscan on the sparse graph": sparse_hdbscan,
    "EVoC": evoc_labels,
    "UMAP to 5, hdbscan (BERTopic)": umap_hdbscan,
}
SEEDLESS = {"hdbscan on the vectors", "hdbscan on the sparse graph"}


def installed(methods: list[str]) -> list[str]:
    """Those methods whose library is here; of the others a line says so."""
    if "EVoC" in methods and importlib.util.find_spec("evoc") is None:
        print("EVoC is not installed (`pip install evoc`): not measured.\n")
        return [method for method in methods if method != "EVoC"]
    return methods


def add_labels(method: str, rows: np.ndarray, found: list[Labels]) -> None:
    """Cluster once more, with the next seed."""
    found.append(np.asarray(METHODS[method](rows, len(found))))


def compare_section(
    n: int, n_clusters: int, kinds: list[str], methods: list[str], repeats: int
) -> None:
    """All methods in turn on the same rows, a seed for each turn."""
    from sklearn.metrics import adjusted_rand_score

    methods = installed(methods)
    warm = mixture(800, 16, 3, "round", 9)[0]
    for method in methods:  # compile before the clock runs
        METHODS[method](warm, 0)
    print(
        "| rows | mixture | method | seconds | CPU seconds | CPU over ours | ARI | clusters | "
        "in none | agreement between seeds |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for kind in kinds:
        rows, truth = mixture(n, 384, n_clusters, kind, 0)
        found: dict[str, list[Labels]] = {method: [] for method in methods}
        works = {method: partial(add_labels, method, rows, found[method]) for method in methods}
        times = in_turn(works, repeats, warm=False)
        for method in methods:
            labels = found[method]
            scores = [adjusted_rand_score(truth, one) for one in labels]
            between = [adjusted_rand_score(labels[0], one) for one in labels[1:]] or [1.0]
            again = "no seed" if method in SEEDLESS else f"{min(between):.3f}"
            ratio = Race(times[methods[0]], times[method]).ratio("cpu")
            spread = f" ({min(scores):.3f} to {max(scores):.3f})" if len(set(scores)) > 1 else ""
            print(
                f"| {n:,} | {kind} | {method} | {times[method].spread().middle:.1f} | "
                f"{times[method].spread('cpu').middle:.1f} | {ratio.told('.1f', '×')} | "
                f"{np.median(scores):.3f}{spread} | {labels[0].max() + 1} of {n_clusters} | "
                f"{np.mean(labels[0] < 0):.0%} | {again} |",
                flush=True,
            )


def names_section(path: Path, n_resamples: int) -> None:
    from namebasis.analysis.clusters.clustering import cluster
    from namebasis.analysis.clusters.stability import cluster_stability
    from namebasis.analysis.graph.neighbours import knn_graph
    from namebasis.space import open_space

    vectors = open_space(path).vectors()
    print("| work | seconds | CPU seconds |\n|---|---|---|")
    clock = Clock()
    graph = knn_graph(vectors, K)
    searched = clock.lap()
    print(
        f"| exact graph of {len(vectors):,} × {vectors.shape[1]} | {_two(searched)} |", flush=True
    )
    found = cluster(vectors, graph=graph)
    ended = clock.lap()
    print(
        f"| clusters ({found.n_clusters}, {found.noise_share:.0%} of names in none) | "
        f"{_two(ended)} |\n| both (bar: 60) | "
        f"{_two((searched[0] + ended[0], searched[1] + ended[1]))} |",
        flush=True,
    )
    if n_resamples:
        stability = cluster_stability(vectors, found, graph, n_resamples=n_resamples)
        print(
            f"| stability over {n_resamples} resamples (median {np.median(stability.means):.2f}, "
            f"by chance {np.median(stability.by_chance):.2f}) | {_two(clock.lap())} |"
        )


def _two(lap: tuple[float, float]) -> str:
    return f"{lap[0]:.1f} | {lap[1]:.1f}"


def million_section(n: int) -> None:
    from sklearn.metrics import adjusted_rand_score

    from namebasis.analysis.clusters.clustering import cluster
    from namebasis.analysis.graph.near_graph import near_graph

    rows, truth = mixture(n, 384, 200, "flat", 0)
    print(
        "| rows | work | seconds | CPU seconds | found | memory so far (bar: 12 GB) |\n"
        "|---|---|---|---|---|---|"
    )
    clock = Clock()
    graph = near_graph(rows, K)
    lap = clock.lap()
    print(f"| {n:,} | graph | {_two(lap)} | recall {graph.recall:.3f} | {_peak()} |", flush=True)
    found = cluster(rows, graph=graph)
    more = clock.lap()
    score = adjusted_rand_score(truth, found.labels)
    print(
        f"| {n:,} | clusters | {_two(more)} | {found.n_clusters} of 200, ARI {score:.3f} | "
        f"{_peak()} |\n| {n:,} | both (bar: 1,800) | "
        f"{_two((lap[0] + more[0], lap[1] + more[1]))} | | |"
    )


def _peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"


def main() -> None:
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message="n_jobs value")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--section", choices=("compare", "names", "million"), nargs="+", default=["compare"]
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--million", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=40)
    parser.add_argument("--kinds", nargs="+", default=["round", "flat", "wide"])
    parser.add_argument(
        "--methods",
        nargs="+",
        default=list(METHODS),
        choices=list(METHODS),
        help="the first is what the others are compared with",
    )
    parser.add_argument("--space", type=Path, help="for --section names")
    parser.add_argument("--resamples", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    n = 1500 if options.quick else options.rows
    if "compare" in options.section:
        repeats = 1 if options.quick else REPEATS
        n_clusters = 6 if options.quick else options.clusters
        compare_section(n, n_clusters, options.kinds, options.methods, repeats)
    if "names" in options.section:
        names_section(options.space, options.resamples)
    if "million" in options.section:
        million_section(5000 if options.quick else options.million)


if __name__ == "__main__":
    main()
