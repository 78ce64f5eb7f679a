"""Measures of the graph against networkx and by hand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from namebasis.analysis.graph.measures import (
    assortativity,
    communities,
    components,
    directed_adjacency,
    edges_of,
    joined_labels,
    label_distances,
    label_mixing,
    node_labels,
    page_rank,
    undirected_adjacency,
)
from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups, knn_graph


def planted(n_groups: int = 4, size: int = 30, seed: int = 0) -> KnnGraph:
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.eye(n_groups), size, axis=0) * 2
    return knn_graph(rows + 0.5 * rng.standard_normal(rows.shape), 6)


def adjacency(graph: KnnGraph) -> csr_matrix:
    return undirected_adjacency(directed_adjacency(graph))


def test_edges_are_pairs_of_which_either_is_a_neighbour() -> None:
    graph = planted()
    expected = {
        (min(i, j), max(i, j)) for i in range(graph.n_rows) for j in graph.indices[i].tolist()
    }
    assert {tuple(edge) for edge in edges_of(adjacency(graph)).tolist()} == expected


def test_components_and_modularity_are_those_of_networkx() -> None:
    found = adjacency(planted(seed=3))
    graph = nx.from_scipy_sparse_array(found)
    parts = components(found)
    assert {frozenset(np.flatnonzero(parts == i)) for i in range(parts.max() + 1)} == {
        frozenset(part) for part in nx.connected_components(graph)
    }
    assert (np.diff(np.bincount(parts)) <= 0).all()
    groups = communities(found, seed=1)
    sets = [set(np.flatnonzero(groups.labels == i)) for i in range(groups.n)]
    assert groups.modularity == pytest.approx(nx.community.modularity(graph, sets))
    again = communities(found, seed=1)
    assert (again.labels == groups.labels).all()


def test_cliques_with_one_edge_between_are_the_communities() -> None:
    graph = nx.ring_of_cliques(5, 6)
    found = communities(csr_matrix(nx.to_scipy_sparse_array(graph, dtype=float)))
    assert found.n == 5
    assert len({tuple(np.unique(found.labels[i : i + 6])) for i in range(0, 30, 6)}) == 5
    assert np.isnan(communities(csr_matrix((3, 3))).modularity)


def test_assortativity_is_that_of_networkx_and_beyond_shuffled_labels() -> None:
    graph = planted()
    labels = np.repeat(np.arange(4), 30)
    labels[::7] = 0
    found = assortativity(edges_of(adjacency(graph)), labels, n_permutations=19)
    peer = nx.from_scipy_sparse_array(adjacency(graph))
    nx.set_node_attributes(peer, dict(enumerate(labels.tolist())), "label")
    assert found is not None
    assert found.coefficient == pytest.approx(nx.attribute_assortativity_coefficient(peer, "label"))
    assert found.p == pytest.approx(1 / 20)
    assert abs(found.null) < 4 * found.null_deviation
    rng = np.random.default_rng(0)
    none = assortativity(edges_of(adjacency(graph)), rng.integers(0, 4, 120), n_permutations=49)
    assert none is not None
    assert none.p > 0.02


def test_rows_without_a_label_do_not_count() -> None:
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    labels = np.array([0, 0, 1, 1, -1])
    found = assortativity(edges, labels, n_permutations=3)
    assert found is not None
    assert found.n_edges == 3
    path = nx.path_graph(4)
    nx.set_node_attributes(path, {0: 0, 1: 0, 2: 1, 3: 1}, "label")
    assert found.coefficient == pytest.approx(nx.attribute_assortativity_coefficient(path, "label"))
    assert assortativity(edges, np.full(5, -1)) is None
    assert assortativity(edges, np.zeros(5, np.int64)) is None


def test_page_rank_is_that_of_networkx() -> None:
    directed = directed_adjacency(planted())
    peer = nx.pagerank(nx.from_scipy_sparse_array(directed, create_using=nx.DiGraph), tol=1e-12)
    np.testing.assert_allclose(page_rank(directed), list(peer.values()), atol=1e-8)
    lonely = csr_matrix(np.array([[0, 1.0, 0], [0, 0, 0], [1, 0, 0]]))  # row 1 leads nowhere
    peer = nx.pagerank(nx.from_scipy_sparse_array(lonely, create_using=nx.DiGraph), tol=1e-12)
    np.testing.assert_allclose(page_rank(lonely), list(peer.values()), atol=1e-8)


def test_mixing_is_the_chance_that_two_neighbours_differ() -> None:
    star = csr_matrix(nx.to_scipy_sparse_array(nx.star_graph(5), dtype=float))
    labels = np.array([9, 0, 0, 1, 2, -1])
    distances = 1 - np.eye(10)
    mixing, n_labelled = label_mixing(star, labels, distances)
    assert n_labelled.tolist() == [4, 1, 1, 1, 1, 1]
    assert mixing[0] == pytest.approx(1 - 2 / 12)  # of 12 ordered pairs 2 agree
    assert np.isnan(mixing[1:]).all()
    near = distances.copy()
    near[0, 1] = near[1, 0] = 0.25
    assert label_mixing(star, labels, near)[0][0] == pytest.approx((2 * 2 * 0.25 + 6) / 12)


def test_labels_that_are_never_joined_are_far_and_those_often_joined_near() -> None:
    edges = np.concatenate(
        [np.tile([[0, 1]], (50, 1)), np.tile([[2, 3]], (50, 1)), np.tile([[4, 5]], (50, 1))]
    )
    labels = np.array([0, 1, 2, 2, 0, -1])
    found, expected = joined_labels(edges, labels)
    assert found.tolist() == [[0, 50, 0], [50, 0, 0], [0, 0, 50]]
    np.testing.assert_allclose(expected, np.outer([50, 50, 100], [50, 50, 100]) / 200)
    apart = label_distances(edges, labels)
    assert apart[0, 1] == 0
    assert apart[0, 2] == pytest.approx(1 - 5 / 30)  # none of 25 expected edges
    assert (np.diag(apart) == 0).all()
    assert (apart == apart.T).all()


def test_equal_rows_are_one_node() -> None:
    rows = np.concatenate([np.repeat(np.eye(4)[:1], 9, axis=0), np.eye(4)[:3] + 0.1 * np.eye(4)[3]])
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    groups = duplicate_groups(rows)
    nodes = directed_adjacency(knn_graph(rows, 3), groups)
    assert nodes.shape == (4, 4)
    assert nodes.diagonal().sum() == 0
    assert set(nodes.data) == {1.0}
    # The nine equal rows see only each other; the row beside them sees them.
    assert nodes[[0]].nnz == 0
    assert nodes[1, 0] == 1
    labels = np.array([5] * 8 + [-1, 3, -1, 4])
    assert node_labels(labels, groups).tolist() == [5, 3, -1, 4]
    labels[0] = 6
    assert node_labels(labels, groups).tolist() == [-1, 3, -1, 4]
