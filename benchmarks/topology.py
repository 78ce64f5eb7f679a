"""Clusters beside what else there is: on labelled mixtures, on real names, and on a million rows.

`--section compare`: 20,000 rows of 384 columns whose clusters are known. Peers: `hdbscan.HDBSCAN`
on the vectors, UMAP to five dimensions and hdbscan as BERTopic does it, EVoC (`pip install evoc`,
no dependency of this project), and hdbscan's own tree over the sparse mutual reachability graph
of our graph of neighbours. `--section names`: a stored space. `--section million`: rows for which
neighbours are sought approximately.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("NUMBA_NUM_THREADS", "2")

import numpy as np

MIN_CLUSTER_SIZE, MIN_SAMPLES, K = 35, 5, 15
Labels = np.ndarray
Row = tuple[str, float, Labels]


def mixture(
    n: int, n_features: int, n_clusters: int, kind: str, seed: int
) -> tuple[np.ndarray, Labels]:
    """Clusters of different sizes and widths in a tenth of background, labelled -1.

    `round` ones fill all columns; `flat` ones lie in 20 directions of their own with a little
    noise in all, as sentence encoders have it.
    """
    rng = np.random.default_rng(seed)
    rows = np.empty((n, n_features), np.float32)
    truth = rng.choice(n_clusters, n, p=rng.dirichlet(np.full(n_clusters, 4.0)))
    truth[rng.random(n) < 0.1] = -1
    for cluster in range(-1, n_clusters):
        mine = np.flatnonzero(truth == cluster)
        centre = rng.standard_normal(n_features) * (cluster >= 0)
        width = rng.uniform(0.8, 1.6) if cluster >= 0 else 1.4
        if kind == "flat" and cluster >= 0:
            axes = rng.standard_normal((20, n_features)) * np.sqrt(1 / 20) * width
            scatter = rng.standard_normal((mine.size, 20)) @ axes
            scatter += 0.5 * rng.standard_normal((mine.size, n_features))
        else:
            scatter = width * rng.standard_normal((mine.size, n_features), dtype=np.float32)
        rows[mine] = centre + scatter
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), truth


def ours(rows: np.ndarray, seed: int) -> Labels:
    from namebasis.analysis.topology import cluster

    return cluster(
        rows, min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, seed=seed
    ).labels


def raw_hdbscan(rows: np.ndarray, seed: int) -> Labels:
    import hdbscan

    return hdbscan.HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES).fit_predict(
        rows
    )


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

    from namebasis.analysis.neighbours import knn_graph

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


def timed(
    label: str, find: Callable[[np.ndarray, int], Labels], rows: np.ndarray, seeds: list[int]
) -> tuple[str, list[float], list[Labels]]:
    seconds, found = [], []
    for seed in seeds:
        begun = time.perf_counter()
        found.append(np.asarray(find(rows, seed)))
        seconds.append(time.perf_counter() - begun)
    return label, seconds, found


def compare_section(n: int, n_clusters: int, kinds: list[str], slow: list[str], fast: bool) -> None:
    from sklearn.metrics import adjusted_rand_score

    warm = mixture(800, 16, 3, "round", 9)[0]
    peers = (evoc_labels, umap_hdbscan, sparse_hdbscan)[: 3 if fast else 0]
    for find in (ours, *peers):  # compile before the clock runs
        find(warm, 0)
    print(
        "| mixture | method | seconds | ratio to ours | ARI | clusters | in none | agreement "
        "between seeds |\n|---|---|---|---|---|---|---|---|"
    )
    for kind in kinds:
        rows, truth = mixture(n, 384, n_clusters, kind, 0)
        plan = [timed("ours", ours, rows, [0, 1, 2])]
        if kind in slow:
            plan.append(timed("hdbscan on the vectors", raw_hdbscan, rows, [0]))
        if fast:
            plan += [
                timed("hdbscan on the sparse graph", sparse_hdbscan, rows, [0]),
                timed("EVoC", evoc_labels, rows, [0, 1, 2]),
                timed("UMAP to 5, hdbscan (BERTopic)", umap_hdbscan, rows, [0, 1]),
            ]
        mine = float(np.median(plan[0][1]))
        for label, seconds, found in plan:
            scores = [adjusted_rand_score(truth, labels) for labels in found]
            between = [adjusted_rand_score(found[0], labels) for labels in found[1:]]
            again = f"{min(between):.3f}" if between else "no seed"
            spread = f" ({min(scores):.3f} to {max(scores):.3f})" if len(set(scores)) > 1 else ""
            took = float(np.median(seconds))
            print(
                f"| {kind} | {label} | {took:.1f} | {took / mine:.1f} | {np.median(scores):.3f}"
                f"{spread} | {found[0].max() + 1} of {n_clusters} | "
                f"{np.mean(found[0] < 0):.0%} | {again} |",
                flush=True,
            )


def names_section(path: Path) -> None:
    from namebasis.analysis.neighbours import knn_graph
    from namebasis.analysis.stability import cluster_stability
    from namebasis.analysis.topology import cluster
    from namebasis.namespace.space import open_space

    vectors = open_space(path).vectors()
    begun = time.perf_counter()
    graph = knn_graph(vectors, K)
    searched = time.perf_counter()
    found = cluster(vectors, graph=graph)
    ended = time.perf_counter()
    stability = cluster_stability(vectors, found, graph, n_resamples=20)
    again = time.perf_counter()
    print("| work | seconds |\n|---|---|")
    print(f"| exact graph of {len(vectors):,} × {vectors.shape[1]} | {searched - begun:.1f} |")
    print(
        f"| clusters ({found.n_clusters}, {found.noise_share:.0%} in none) | "
        f"{ended - searched:.1f} |"
    )
    print(f"| both (bar: 60) | {ended - begun:.1f} |")
    print(
        f"| stability over 20 resamples (median {np.median(stability.means):.2f}, by chance "
        f"{np.median(stability.by_chance):.2f}) | {again - ended:.1f} |"
    )


def million_section(n: int) -> None:
    from sklearn.metrics import adjusted_rand_score

    from namebasis.analysis.near_graph import near_graph
    from namebasis.analysis.topology import cluster

    rows, truth = mixture(n, 384, 200, "flat", 0)
    begun = time.perf_counter()
    graph = near_graph(rows, K)
    searched = time.perf_counter()
    found = cluster(rows, graph=graph)
    ended = time.perf_counter()
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        "| rows | graph | recall | clusters | both (bar: 1,800) | ARI | memory (bar: 12 GB) |\n"
        "|---|---|---|---|---|---|---|"
    )
    print(
        f"| {n:,} | {searched - begun:.0f} s | {graph.recall:.3f} | {ended - searched:.0f} s, "
        f"{found.n_clusters} of 200 | {ended - begun:.0f} s | "
        f"{adjusted_rand_score(truth, found.labels):.3f} | {peak_kb / 1e6:.1f} GB |"
    )


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
    parser.add_argument("--kinds", nargs="+", default=["round", "flat"])
    parser.add_argument(
        "--slow",
        nargs="*",
        default=["round", "flat"],
        help="mixtures on which hdbscan runs on the vectors",
    )
    parser.add_argument(
        "--fast", action=argparse.BooleanOptionalAction, default=True, help="the other peers too"
    )
    parser.add_argument("--space", type=Path, help="for --section names")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    n = 1500 if options.quick else options.rows
    if "compare" in options.section:
        compare_section(
            n, 6 if options.quick else options.clusters, options.kinds, options.slow, options.fast
        )
    if "names" in options.section:
        names_section(options.space)
    if "million" in options.section:
        million_section(5000 if options.quick else options.million)


if __name__ == "__main__":
    main()
