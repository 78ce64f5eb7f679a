import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from namebasis.analysis.graph.neighbours import knn_graph
from namebasis.analysis.shape import layout as module
from namebasis.analysis.shape.layout import N_PUSHED, fuzzy_links, layout, pass_over_edges
from namebasis.compiled import compiled


def blobs(n: int, n_blobs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    which = rng.integers(0, n_blobs, n)
    rows = rng.standard_normal((n_blobs, 40))[which] + 0.3 * rng.standard_normal((n, 40))
    return rows.astype(np.float32), which


@pytest.mark.long
def test_links_are_those_of_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    umap = pytest.importorskip("umap.umap_")
    for name in ("smooth_knn_dist", "compute_membership_strengths"):
        # As they are written: to compile them takes a hundred times as long as to run them.
        monkeypatch.setattr(umap, name, getattr(umap, name).py_func)
    rows, _ = blobs(200, 3)
    graph = knn_graph(rows, 12)
    distances = np.sqrt(2 - 2 * graph.similarities.astype(np.float64))
    own = np.arange(200)[:, None]
    peer, _, _ = umap.fuzzy_simplicial_set(
        rows,
        13,  # umap counts the row itself
        np.random.RandomState(0),
        "euclidean",
        knn_indices=np.hstack([own, graph.indices]).astype(np.int32),
        knn_dists=np.hstack([0.0 * own, distances]).astype(np.float32),
    )
    np.testing.assert_allclose(fuzzy_links(graph).toarray(), peer.toarray(), atol=1e-4)


def test_the_map_keeps_neighbours_and_blobs() -> None:
    rows, which = blobs(600, 6)
    places = layout(rows)
    assert places.shape == (600, 2)
    assert places.dtype == np.float32
    assert trustworthiness(rows, places, n_neighbors=10, metric="cosine") > 0.85
    nearest = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(nearest, np.inf)
    assert np.mean(which[nearest.argmin(axis=1)] == which) > 0.98
    # Its long side lies along the first coordinate.
    spread = np.cov(places.T.astype(np.float64))
    assert spread[0, 0] > spread[1, 1]
    assert abs(spread[0, 1]) < 1e-3 * spread[0, 0]


@pytest.mark.long
def test_places_keep_neighbours_as_well_as_those_of_umap() -> None:
    umap = pytest.importorskip("umap.umap_")
    rows, _ = blobs(400, 5)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for min_distance in (0.0, 0.5, 0.9):
        peer = umap.find_ab_params(1.0, min_distance)
        np.testing.assert_allclose(module._curve(min_distance), peer, rtol=1e-5)
    graph, (a, b) = knn_graph(rows, 15), umap.find_ab_params(1.0, 0.5)
    ours = [layout(rows, graph=graph, seed=seed) for seed in range(3)]
    start = module._principal_plane(rows, np.ones(len(rows))).astype(np.float32)
    theirs = [
        umap.simplicial_set_embedding(
            rows, fuzzy_links(graph).tocoo(), 2, initial_alpha=1.0, a=a, b=b, gamma=1.0,
            negative_sample_rate=5, n_epochs=200, init=start,
            random_state=np.random.RandomState(seed), metric="euclidean", metric_kwds={},
            densmap=False, densmap_kwds={}, output_dens=False, parallel=False,
        )[0]
        for seed in range(3)
    ]  # fmt: skip
    kept, by_umap = (
        np.mean([trustworthiness(rows, places, n_neighbors=10) for places in maps])
        for maps in (ours, theirs)
    )
    assert kept > by_umap - 0.01


def test_an_epoch_draws_and_pushes_by_the_gradient_of_the_cross_entropy() -> None:
    # Two rows joined by one edge, and nobody to push away but themselves.
    a, b, rate = np.float32(1.5), np.float32(0.9), np.float32(0.5)
    places = np.array([[0, 0], [0.6, 0.8]], np.float32)
    edge = (np.array([0, 1, 1]), np.array([1]), np.ones(1, np.float32), np.zeros(1, np.float32))
    run = compiled(pass_over_edges, module._SIGNATURE, fastmath=True)
    run(places, *edge, a, b, rate, np.uint64(12345))

    def energy(squared: float) -> float:  # -log of the likeness, and of its complement
        return float(np.log(1 + float(a) * squared ** float(b)))

    step = 1e-4
    pull = (energy((1 + step) ** 2) - energy((1 - step) ** 2)) / (2 * step)
    np.testing.assert_allclose(places[1], [0.6, 0.8] - rate * pull * np.array([0.6, 0.8]), 1e-4)
    x = np.array([0.6, 0.8]) * rate * pull
    # They are pushed from where the row was, not from where it is drawn to.
    squared = 1.0
    force = 2 * b / ((0.001 + squared) * (1 + a * squared**b))
    pushed = 0.0
    state = 12345
    for _ in range(N_PUSHED):
        for shift in (13, -7, 17):
            state ^= (state << shift if shift > 0 else state >> -shift) & (2**64 - 1)
        if (state >> 32) * 2 >> 32 == 1:
            x = x + rate * np.clip(force * np.array([-0.6, -0.8]), -4, 4)
            pushed += 1
    assert pushed > 0
    np.testing.assert_allclose(places[0], x, rtol=1e-4)


@pytest.mark.parametrize("b", [0.6, 0.9, 1.3341, 2.0])
def test_powers_by_polynomials_are_those_of_the_library(b: float) -> None:
    """One row drawn to another at many distances moves as far as the gradient says."""
    a, rate = np.float32(1.5), np.float32(0.1)
    apart = np.geomspace(1e-6, 1e4, 300).astype(np.float32)
    run = compiled(pass_over_edges, module._SIGNATURE, fastmath=True)
    for distance in apart:
        # Row 0 has the edge; row 1 is drawn, and is pushed by nobody.
        places = np.array([[0, 0], [distance, 0]], np.float32)
        edge = (np.array([0, 1, 1]), np.array([1]), np.ones(1, np.float32), np.zeros(1, np.float32))
        run(places, *edge, a, np.float32(b), rate, np.uint64(12345))
        squared = float(distance) ** 2
        force = 2 * a * b * squared**b / (squared * (1 + a * squared**b)) * float(distance)
        moved = float(distance) - float(places[1, 0])
        assert moved == pytest.approx(rate * min(force, 4), rel=5e-5, abs=2e-7 * float(distance))


def test_progress_is_told_of_every_pass_and_may_stop_the_map() -> None:
    told: list[tuple[int, int]] = []

    def stop_at_two(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        layout(blobs(50, 2)[0], n_epochs=9, progress=stop_at_two)
    assert told == [(1, 9), (2, 9)]


def test_one_seed_one_map() -> None:
    rows, _ = blobs(300, 3)
    graph = knn_graph(rows, 10)
    first = layout(rows, graph=graph, seed=4, n_epochs=30)
    np.testing.assert_array_equal(first, layout(rows, graph=graph, seed=4, n_epochs=30))
    assert not np.array_equal(first, layout(rows, graph=graph, seed=5, n_epochs=30))


def test_equal_rows_share_a_place_even_as_a_giant_group() -> None:
    rows, _ = blobs(120, 3)
    rows = np.concatenate([rows, np.repeat(rows[:1], 80, axis=0), np.repeat(rows[5:6], 2, axis=0)])
    places = layout(rows, n_epochs=30)
    assert np.isfinite(places).all()
    np.testing.assert_array_equal(places[120:200], np.tile(places[0], (80, 1)))
    np.testing.assert_array_equal(places[200:], np.tile(places[5], (2, 1)))
    assert np.unique(places, axis=0).shape[0] == 120


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_few_rows_still_get_places(n: int) -> None:
    places = layout(np.random.default_rng(n).standard_normal((n, 4)), n_epochs=5)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()


def test_all_rows_equal_share_one_place() -> None:
    places = layout(np.ones((20, 3)))
    np.testing.assert_array_equal(places, np.tile(places[0], (20, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_distance": 1.0}, r"min_distance must be in \[0, 1\); got 1.0"),
        ({"n_epochs": 0}, "n_epochs must be an integer, at least 1; got 0"),
        ({"graph": knn_graph(np.eye(6), 2)}, "must cover the 5 rows of embeddings; it covers 6"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layout(np.eye(5), **arguments)  # type: ignore[arg-type]
