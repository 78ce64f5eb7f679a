import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from namebasis.analysis.clusters.clustering import (
    Clusters,
    central_rows,
    cluster,
    default_min_cluster_size,
)
from namebasis.analysis.clusters.density_tree import density_tree
from namebasis.analysis.clusters.stability import cluster_stability
from namebasis.analysis.graph.neighbours import duplicate_groups, knn_graph
from namebasis.checks import unit_rows
from namebasis.errors import NamebasisWarning


def mixture(
    n: int, n_features: int, n_clusters: int, *, noise: float = 0.1, spread: float = 1.0, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clusters of different sizes and widths in a background without any."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_clusters, n_features))
    truth = rng.choice(n_clusters, n, p=rng.dirichlet(np.full(n_clusters, 4.0)))
    widths = spread * rng.uniform(0.5, 1.0, n_clusters)
    rows = centres[truth] + widths[truth][:, None] * rng.standard_normal((n, n_features))
    background = rng.random(n) < noise
    rows[background] = 1.2 * rng.standard_normal((int(background.sum()), n_features))
    return rows.astype(np.float32), np.where(background, -1, truth)


def hdbscan_pair(seed: int, min_samples: int, method: str) -> tuple[object, Clusters]:
    """HDBSCAN by its own package, and ours on a complete graph without smoothing."""
    hdbscan = pytest.importorskip("hdbscan")
    rows = unit_rows(mixture(400, 6, 5, seed=seed)[0])
    shared = {"min_cluster_size": 12, "min_samples": min_samples}
    peer = hdbscan.HDBSCAN(
        **shared, cluster_selection_method=method, approx_min_span_tree=False
    ).fit(rows.astype(np.float64))
    graph = knn_graph(rows, 399)
    return peer, cluster(rows, graph=graph, **shared, smoothing=0, method=method)


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("method", ["eom", "leaf"])
def test_on_a_complete_graph_without_smoothing_it_is_hdbscan(seed: int, method: str) -> None:
    # With one sample, reachability is distance itself and no two edges tie.
    peer, ours = hdbscan_pair(seed, 1, method)
    assert ours.n_clusters == peer.labels_.max() + 1 > 1
    np.testing.assert_array_equal(ours.labels < 0, peer.labels_ < 0)
    assert adjusted_rand_score(peer.labels_, ours.labels) == 1.0
    np.testing.assert_allclose(ours.probabilities, peer.probabilities_, atol=1e-5)


@pytest.mark.parametrize("copies", [0, 9])
def test_hdbscan_gives_the_labels_of_its_package(copies: int) -> None:
    hdbscan = pytest.importorskip("hdbscan")
    rows = mixture(300, 6, 5, seed=4)[0]
    rows = np.vstack([rows, np.repeat(rows[:2], copies, axis=0)])
    peer = hdbscan.HDBSCAN(min_cluster_size=10, approx_min_span_tree=False).fit(
        unit_rows(rows).astype(np.float64)
    )
    found = cluster(rows, min_cluster_size=10, method="hdbscan")
    assert (found.found_by, found.min_samples, found.smoothing) == ("hdbscan", 10, 0)
    assert found.n_clusters == peer.labels_.max() + 1 > 1
    np.testing.assert_array_equal(found.labels < 0, peer.labels_ < 0)
    assert adjusted_rand_score(peer.labels_, found.labels) == 1.0
    np.testing.assert_array_equal(found.probabilities, peer.probabilities_)
    assert (np.diff(found.sizes) <= 0).all()
    # Other levels come from its tree: two clusters, each of whole old ones or parts of them.
    assert found.cut(n_clusters=2).n_clusters == 2
    again = cluster_stability(rows, found, knn_graph(unit_rows(rows), 10), n_resamples=3)
    assert again.means.max() > 0.7


def test_hdbscan_refuses_what_it_has_not_and_says_that_there_is_none() -> None:
    rows = mixture(60, 6, 3, seed=0)[0]
    with pytest.raises(ValueError, match="smoothing is not part of hdbscan; leave it out, got 2"):
        cluster(rows, method="hdbscan", smoothing=2)
    with pytest.raises(ValueError, match="method must be one of eom, leaf, hdbscan; got 'dbscan'"):
        cluster(rows, method="dbscan")
    with pytest.warns(NamebasisWarning, match="no cluster among 60 rows"):
        assert cluster(rows, method="hdbscan", min_cluster_size=50).n_clusters == 0
    equal = cluster(np.ones((20, 3)), method="hdbscan")  # as our own way has it: one cluster
    assert equal.n_clusters == 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ties_of_reachability_move_only_rows_at_the_rim(seed: int) -> None:
    peer, ours = hdbscan_pair(seed, 4, "eom")
    assert ours.n_clusters == peer.labels_.max() + 1 > 1
    assert adjusted_rand_score(peer.labels_, ours.labels) > 0.98


@pytest.mark.parametrize(("spread", "floor"), [(1.0, 0.9), (2.5, 0.85)])
def test_labelled_mixtures_are_found(spread: float, floor: float) -> None:
    rows, truth = mixture(3000, 200, 15, spread=spread, seed=3)
    found = cluster(rows)
    assert adjusted_rand_score(truth, found.labels) > floor


@pytest.mark.parametrize("seed", [0, 1])
def test_lone_rows_are_not_drawn_into_clusters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(-1, 8), 150)
    centres = np.vstack([np.zeros(100), rng.standard_normal((8, 100))])[truth + 1]
    width = np.where(truth < 0, 1.4, 0.8)[:, None]
    found = cluster(centres + width * rng.standard_normal((truth.size, 100)))
    assert found.n_clusters == 8
    assert adjusted_rand_score(truth, found.labels) > 0.99
    assert found.sizes.min() >= found.min_cluster_size
    four = found.cut(n_clusters=4)
    assert not (four.labels[truth < 0] >= 0).any()  # a cut leaves them out too


def test_smoothing_finds_what_plain_density_loses() -> None:
    rows, truth = mixture(3000, 200, 15, spread=3.0, seed=4)
    graph = knn_graph(rows, 15)
    plain = cluster(rows, graph=graph, smoothing=0)
    smooth = cluster(rows, graph=graph)
    assert adjusted_rand_score(truth, plain.labels) < 0.5
    assert adjusted_rand_score(truth, smooth.labels) > 0.8


def test_labels_are_numbered_by_size_and_probabilities_fit_them() -> None:
    rows, _ = mixture(2000, 50, 12, seed=5)
    found = cluster(rows)
    sizes = [int((found.labels == label).sum()) for label in range(found.n_clusters)]
    assert sizes == sorted(sizes, reverse=True)
    np.testing.assert_array_equal(found.sizes, sizes)
    assert min(sizes) >= found.min_cluster_size
    assert found.noise_share == pytest.approx(np.mean(found.labels < 0))
    np.testing.assert_array_equal(found.probabilities > 0, found.labels >= 0)
    for label in range(found.n_clusters):
        assert found.probabilities[found.labels == label].max() == 1.0


@pytest.mark.long
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_scale_and_rotation_do_not_matter(seed: int) -> None:
    rows, _ = mixture(500, 12, 4, noise=0.0, spread=0.4, seed=6)
    rng = np.random.default_rng(seed)
    order = rng.permutation(500)
    turn = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    first = cluster(rows)
    second = cluster((rows[order] * rng.uniform(0.5, 2, (500, 1))) @ turn)
    assert first.n_clusters > 1
    assert adjusted_rand_score(first.labels[order], second.labels) > 0.999


def test_same_input_gives_the_same_answer_whatever_the_seed() -> None:
    rows, _ = mixture(800, 20, 6, seed=7)
    first, second = cluster(rows, seed=0), cluster(rows, seed=9)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), smoothing=st.integers(0, 3))
def test_identical_vectors_are_never_split(seed: int, smoothing: int) -> None:
    rng = np.random.default_rng(seed)
    different, _ = mixture(60, 5, 3, seed=seed)
    which = rng.choice(60, 240, p=rng.dirichlet(np.full(60, 0.3)))
    found = cluster(different[which], min_cluster_size=6, smoothing=smoothing)
    for row in np.unique(which):
        assert np.unique(found.labels[which == row]).size == 1
        assert np.unique(found.probabilities[which == row]).size == 1


def test_all_rows_equal_are_one_cluster() -> None:
    found = cluster(np.ones((40, 3)))
    np.testing.assert_array_equal(found.labels, 0)
    np.testing.assert_array_equal(found.probabilities, 1.0)


def test_a_giant_group_of_duplicates_is_a_cluster_and_leaves_the_others_alone() -> None:
    rows, truth = mixture(600, 30, 4, noise=0.0, spread=0.5, seed=8)
    alone = cluster(rows)
    giant = np.tile(np.ones((1, 30), np.float32), (3000, 1))
    both = cluster(np.concatenate([giant, rows]), min_cluster_size=alone.min_cluster_size)
    np.testing.assert_array_equal(both.labels[:3000], 0)
    assert not (both.labels[3000:] == 0).any()
    assert adjusted_rand_score(truth, both.labels[3000:]) > 0.95


def test_no_structure_is_said_not_hidden() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 100))
    with pytest.warns(NamebasisWarning, match="no cluster among 300 rows"):
        found = cluster(rows, min_cluster_size=100)
    assert (found.n_clusters, found.noise_share) == (0, 1.0)
    assert found.sizes.shape == (0,)


def test_fewer_rows_than_neighbours_use_all_there_are() -> None:
    rows = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1], [0.01, 1], [0.02, 1]], np.float32)
    found = cluster(rows, min_cluster_size=2, min_samples=1, smoothing=0)
    assert adjusted_rand_score([0, 0, 0, 1, 1, 1], found.labels) == 1.0


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        (np.eye(1), {}, "at least 2 rows; got 1"),
        ([[np.nan, 1], [0, 1]], {}, "must be finite"),
        (np.eye(8), {"min_cluster_size": 9}, "min_cluster_size must be .* between 2 and 8; got 9"),
        (np.eye(8), {"min_cluster_size": 1}, "between 2 and 8; got 1"),
        (np.eye(8), {"min_samples": 8}, "min_samples must be an integer, between 1 and 7; got 8"),
        (np.eye(8), {"smoothing": -1}, "smoothing must be"),
        (np.eye(8), {"method": "best"}, "method must be one of eom, leaf, hdbscan; got 'best'"),
        (np.eye(8), {"graph": knn_graph(np.eye(7), 3)}, "must cover the 8 rows .* covers 7"),
    ],
)
def test_bad_input_is_refused(rows: object, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster(rows, **arguments)  # type: ignore[arg-type]


def test_default_size_grows_slowly() -> None:
    assert [default_min_cluster_size(n) for n in (3, 300, 20_000, 60_000)] == [3, 5, 35, 61]


def test_central_rows_are_nearest_the_mean_and_name_duplicates_once() -> None:
    rows = np.array([[1, 0], [1, 0.1], [1, 0.1], [1, -0.3], [0, 1], [0.1, 1]], np.float32)
    central = central_rows(rows, np.array([0, 0, 0, 0, 1, -1]), 3)
    assert [part.tolist() for part in central] == [[0, 1, 3], [4]]


def test_tree_of_a_hand_made_forest() -> None:
    # Two pairs of pairs, 1 apart inside and 4 between, and a fifth leaf 8 away.
    edges = np.array([[0, 1], [2, 3], [1, 2], [3, 4]])
    tree = density_tree(edges, np.array([1.0, 1.0, 4.0, 8.0]), np.ones(5, np.int64), 2)
    np.testing.assert_array_equal(tree.parent, [-1, 0, 0])
    np.testing.assert_array_equal(tree.birth, [0, 0.25, 0.25])
    np.testing.assert_array_equal(tree.leaf_density, [1, 1, 1, 1, 0.125])
    np.testing.assert_allclose(tree.stabilities(), [0.125 + 4 * 0.25, 1.5, 1.5])
    labels, probabilities = tree.assign(tree.select())
    assert labels[0] == labels[1] != labels[2] == labels[3]
    assert labels[4] == -1
    np.testing.assert_array_equal(probabilities, [1, 1, 1, 1, 0])


def test_tree_joins_equal_distances_at_once() -> None:
    # Three pairs at one distance from each other: three children of the root, not two and two.
    edges = np.array([[0, 1], [2, 3], [4, 5], [1, 2], [3, 4]])
    tree = density_tree(edges, np.array([1.0, 1, 1, 2, 2]), np.ones(6, np.int64), 2)
    np.testing.assert_array_equal(tree.parent, [-1, 0, 0, 0])
    np.testing.assert_array_equal(tree.weight, [6, 2, 2, 2])


def test_clusters_are_frozen() -> None:
    found: Clusters = cluster(np.ones((5, 2)))
    with pytest.raises(AttributeError):
        found.smoothing = 2  # type: ignore[misc]


def on_the_sphere(plane: np.ndarray, dim: int = 3, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Points of a plane near the pole of a sphere, turned at random, with noise in all columns."""
    rng = np.random.default_rng(seed)
    flat = np.c_[(plane - plane.mean(axis=0)) / plane.std(), np.full(len(plane), 3.0)]
    turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0][:3]
    return unit_rows(flat @ turn + noise * rng.standard_normal((len(plane), dim)))


def thin_shape(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_blobs, make_circles, make_moons

    if kind == "moons":
        return make_moons(500, noise=0.05, random_state=seed)
    if kind == "circles":
        return make_circles(500, noise=0.05, factor=0.5, random_state=seed)
    return make_blobs(200, random_state=10)  # those of hdbscan's own tests


@pytest.mark.long
@pytest.mark.parametrize("kind", ["moons", "circles", "blobs"])
@pytest.mark.parametrize("dim", [3, 12])
def test_thin_shapes_in_few_dimensions_stay_whole(kind: str, dim: int) -> None:
    hdbscan = pytest.importorskip("hdbscan")
    plane, truth = thin_shape(kind, 7)
    rows = on_the_sphere(plane, dim, 0.01)
    found = cluster(rows)
    peer = hdbscan.HDBSCAN(min_cluster_size=found.min_cluster_size, min_samples=5)
    labels = peer.fit_predict(rows.astype(np.float64))
    assert found.n_clusters == labels.max() + 1 == truth.max() + 1
    score, own = adjusted_rand_score(truth, found.labels), adjusted_rand_score(truth, labels)
    assert score > own - 0.03
    if dim == 3:
        assert found.smoothing == 0
        assert score == pytest.approx(own, abs=0.005)
        assert adjusted_rand_score(truth, cluster(rows, smoothing=3).labels) < 0.8


@pytest.mark.parametrize("kind", ["moons", "circles"])
def test_without_smoothing_parts_lie_as_far_apart_as_they_do(kind: str) -> None:
    # Parts that no neighbours join were once put at the longest edge, which split seed 100's.
    plane, truth = thin_shape(kind, 100)
    assert adjusted_rand_score(truth, cluster(on_the_sphere(plane), smoothing=0).labels) == 1.0


def test_bridges_are_the_shortest_of_the_reachability() -> None:
    from namebasis.analysis.clusters.reachability import _bridges

    rng = np.random.default_rng(0)
    rows = unit_rows(np.repeat(np.eye(5)[:4], 9, axis=0) + 0.1 * rng.standard_normal((36, 5)))
    tree_of, core = np.tile(np.arange(4), 9), rng.random(36) * 0.9
    apart = np.linalg.norm(rows[:, None].astype(float) - rows[None], axis=2)
    reach = np.maximum(np.maximum(apart, core), core[:, None])
    pairs, spans = _bridges(rows, core, tree_of, 4)
    assert pairs.shape == (3, 2)
    np.testing.assert_allclose(spans, reach[pairs[:, 0], pairs[:, 1]], atol=1e-6)
    between = [
        (reach[np.ix_(tree_of == a, tree_of == b)].min(), a, b) for a in range(4) for b in range(a)
    ]
    joined, total = [{tree} for tree in range(4)], 0.0
    for length, a, b in sorted(between):  # Kruskal's algorithm
        left = next(part for part in joined if a in part)
        right = next(part for part in joined if b in part)
        if left is not right:
            left |= right
            joined.remove(right)
            total += length
    assert spans.sum() == pytest.approx(total, abs=1e-6)


def test_a_far_group_does_not_hide_wide_clusters() -> None:
    # To density alone, all but the far group is one cluster and nothing is noise.
    rows, truth = mixture(2000, 200, 10, noise=0.0, spread=3.0, seed=3)
    rng = np.random.default_rng(0)
    far = 6 * rng.standard_normal(200) + 0.5 * rng.standard_normal((100, 200))
    rows, truth = np.concatenate([rows, far]), np.append(truth, np.full(100, 10))
    plain, found = cluster(rows, smoothing=0), cluster(rows)
    assert (plain.n_clusters, found.n_clusters, found.smoothing) == (2, 11, 3)
    assert plain.noise_share < 0.05
    assert adjusted_rand_score(truth, found.labels) > 0.95


def condensed(
    edges: np.ndarray, distances: np.ndarray, weights: np.ndarray, least: int
) -> tuple[list[tuple[float, int, int]], np.ndarray]:
    """Clusters (birth, weight, lowest leaf) and falls of leaves, by components at every level."""
    n = weights.size
    levels = np.unique(distances)
    falls = np.full(n, 1 / levels[0] if levels.size else 1.0)
    clusters: list[tuple[float, int, int]] = []

    def parts(leaves: list[int], below: float) -> list[list[int]]:
        graph = nx.Graph()
        graph.add_nodes_from(leaves)
        near = distances < below
        graph.add_edges_from((a, b) for a, b in edges[near].tolist() if {a, b} <= set(leaves))
        return [sorted(part) for part in nx.connected_components(graph)]

    def follow(leaves: list[int], birth: float, below: float) -> None:
        clusters.append((birth, int(weights[leaves].sum()), leaves[0]))
        while below:
            density = 0.0 if below == np.inf else 1 / below
            found = parts(leaves, below)
            heavy = [part for part in found if weights[part].sum() >= least]
            for part in found:
                if part not in heavy:
                    falls[part] = density
            shorter = levels[levels < below]
            if len(heavy) > 1:
                for part in heavy:
                    follow(part, density, shorter[-1] if shorter.size else 0.0)
            if len(heavy) != 1:
                return
            leaves, below = heavy[0], shorter[-1] if shorter.size else 0.0

    follow(list(range(n)), 0.0, np.inf)
    return sorted(clusters), falls


def test_the_hierarchy_is_that_of_components_at_every_level() -> None:
    rng = np.random.default_rng(3)
    for _ in range(150):
        n = int(rng.integers(1, 25))
        edges = np.array([[row, rng.integers(row)] for row in range(1, n)], np.int64)
        edges = rng.permutation(n)[edges[rng.random(n - 1) > rng.choice([0, 0.2])].reshape(-1, 2)]
        distances = rng.integers(1, 9, len(edges)) / 7  # with ties
        weights = rng.integers(1, 5, n)
        least = int(rng.integers(2, 7))
        tree = density_tree(edges, distances, weights, least)
        clusters, falls = condensed(edges, distances, weights, least)
        np.testing.assert_array_equal(tree.leaf_density, falls)
        lowest = np.full(tree.parent.size, n)
        np.minimum.at(lowest, tree.leaf_cluster, np.arange(n))
        for own in range(tree.parent.size - 1, 0, -1):
            lowest[tree.parent[own]] = min(lowest[tree.parent[own]], lowest[own])
        assert sorted(zip(tree.birth, tree.weight, lowest, strict=True)) == clusters


@pytest.mark.parametrize("n_copies", [1, 3, 7])
def test_opposite_rows_stay_where_they_are_however_often_each_occurs(n_copies: int) -> None:
    """Three times a number, less itself, is not 0 where the product is not rounded first."""
    from namebasis.analysis.clusters.reachability import _smooth, group_links

    one = unit_rows(np.random.default_rng(0).standard_normal((1, 8)))
    all_rows = np.concatenate([one, -one]).repeat(n_copies, axis=0)
    groups = duplicate_groups(all_rows)
    links = group_links(knn_graph(all_rows, len(all_rows) - 1), groups)
    moved = _smooth(all_rows[groups.first], links, groups.sizes, 1)
    np.testing.assert_array_equal(moved, np.concatenate([one, -one]))
