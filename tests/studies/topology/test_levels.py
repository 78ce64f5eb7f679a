"""Where the hierarchy is cut by default: the rule at the head of `levels.py`, case by case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from namebasis.analysis.clusters.clustering import cluster
from namebasis.analysis.clusters.density_tree import density_tree
from namebasis.analysis.clusters.hierarchy import Clusters, read_level
from namebasis.analysis.clusters.stability import Stability
from namebasis.analysis.graph.neighbours import knn_graph
from namebasis.studies.topology import levels


def chains(*sizes: int) -> Clusters:
    """Chains of rows 0.5 apart; all but the last hang together at 0.55, the last one at 2."""
    edges, distances, start = [], [], 0
    for number, size in enumerate(sizes):
        edges += [(row, row + 1) for row in range(start, start + size - 1)]
        distances += [0.5] * (size - 1)
        if number:
            edges.append((start - 1, start))
            distances.append(2.0 if number == len(sizes) - 1 else 0.55)
        start += size
    ones = np.ones(start, np.int64)
    tree = density_tree(np.array(edges), np.array(distances), ones, min_cluster_size=5)
    labels, probabilities = read_level(tree, "eom")
    return Clusters(labels, probabilities, tree, np.arange(start), 5, 5, 0)


def recurring(monkeypatch: pytest.MonkeyPatch, **means: float) -> list[Any]:
    """Let clusters of each level come back so well, where chance gives 0.2; the levels asked."""
    asked: list[Any] = []

    def told(vectors: object, found: Clusters, graph: object, **options: Any) -> Stability:
        asked.append(found.level)
        n = found.n_clusters
        return Stability(np.full((2, n), means[str(found.level)]), np.full(n, 0.2), 0.8)

    monkeypatch.setattr(levels, "cluster_stability", told)
    return asked


NOTHING: Any = None


def test_split_is_the_most_excess_of_mass_with_no_cluster_above_half() -> None:
    found = chains(40, 30, 20, 10)
    assert found.sizes.tolist() == [90, 10]  # 90 rows stay together from 1 / 2 to 1 / 0.55
    assert found.cut(method="split").sizes.tolist() == [40, 30, 20, 10]
    even = chains(40, 10, 50)
    assert even.sizes.tolist() == even.cut(method="split").sizes.tolist() == [50, 50]


def test_a_lopsided_cut_gives_way_to_a_finer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = recurring(monkeypatch, eom=0.3, split=0.6)
    cut, told = levels.choose_level(NOTHING, NOTHING, chains(40, 30, 20, 10))
    assert (cut.level, cut.n_clusters) == ("split", 4)
    assert told == [
        "The default cut leaves 90 % of the names in one of 2 clusters; shown at --level split: "
        "4 clusters."
    ]
    assert asked == ["eom", "split"]


def test_the_next_level_is_tried_where_the_first_comes_back_no_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recurring(monkeypatch, eom=0.5, split=0.5, leaf=0.51)
    assert levels.choose_level(NOTHING, NOTHING, chains(40, 30, 20, 10))[0].level == "leaf"


def test_a_lopsided_cut_that_comes_back_better_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    recurring(monkeypatch, eom=0.9, split=0.6, leaf=0.6)
    cut, told = levels.choose_level(NOTHING, NOTHING, chains(40, 30, 20, 10))
    assert cut.level == "eom"
    assert told == [
        "This cut leaves 90 % of the names in one of 2 clusters; --level split gives 4, whose "
        "clusters come back no better in resamples."
    ]


def test_an_even_cut_is_shown_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = recurring(monkeypatch)
    found = chains(30, 20, 30).cut(method="leaf")
    assert levels.choose_level(NOTHING, NOTHING, found) == (found, [])
    assert levels.level_hint(found) == asked == []


def test_what_was_asked_for_is_shown_with_a_hint() -> None:
    hint = levels.level_hint(chains(40, 30, 20, 10).cut(n_clusters=2))
    assert hint == [
        "This cut leaves 90 % of the names in one of 2 clusters; --level split gives 4."
    ]
    alone = levels.level_hint(chains(40, 30, 20, 10).cut(distance=0.6))
    assert alone == levels.level_hint(chains(40, 30, 20, 10).cut(n_clusters=2))


@pytest.mark.parametrize("sizes", [(260, 40), (150, 150)])
def test_two_true_groups_are_not_broken_up(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(20)[[0, 1]]
    rows = np.concatenate([
        centre + 0.1 * rng.standard_normal((size, 20))
        for centre, size in zip(centres, sizes, strict=True)
    ]).astype(np.float32)  # fmt: skip
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    graph = knn_graph(rows, 15)
    found, _ = levels.choose_level(rows, graph, cluster(rows, graph=graph))
    assert found.n_clusters == 2
    assert found.sizes.sum() > 0.9 * len(rows)


def test_equal_rows_are_one_cluster_and_none_finer() -> None:
    rows = np.ones((20, 3), np.float32)
    found = cluster(rows)
    assert levels.choose_level(rows, knn_graph(rows, 5), found) == (found, [])
