import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups, knn_graph
from namebasis.checks import unit_rows


def brute_force(embeddings: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours by a float64 matrix of cosines, ties in the order of row numbers."""
    rows = unit_rows(embeddings).astype(np.float64)
    cosines = np.einsum("if,jf->ij", rows, rows).astype(np.float32)
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(cosines, order, axis=1)


def assert_same(graph: KnnGraph, embeddings: np.ndarray, k: int) -> None:
    indices, similarities = brute_force(embeddings, k)
    np.testing.assert_allclose(graph.similarities, similarities, atol=1e-6)
    np.testing.assert_array_equal(graph.indices, indices)


@pytest.mark.long
@pytest.mark.parametrize(("n", "k"), [(2, 1), (10, 9), (300, 15), (5000, 5)])
def test_graph_equals_brute_force(n: int, k: int) -> None:
    embeddings = np.random.default_rng(n).standard_normal((n, 24)).astype(np.float32)
    graph = knn_graph(embeddings, k)
    assert graph.indices.dtype == np.int64
    assert graph.similarities.dtype == np.float32
    assert (graph.n_rows, graph.k) == (n, k)
    assert_same(graph, embeddings, k)


@pytest.mark.parametrize("sizes", [[40, 1, 1, 1], [3] * 30, [1] * 50 + [20, 2, 7]])
def test_duplicates_never_hide_a_row_or_its_twins(sizes: list[int]) -> None:
    rng = np.random.default_rng(5)
    embeddings = np.repeat(rng.standard_normal((len(sizes), 6)), sizes, axis=0).astype(np.float32)
    embeddings = embeddings[rng.permutation(len(embeddings))]
    for k in (1, 5, len(embeddings) - 1):
        graph = knn_graph(embeddings, k)
        assert not (graph.indices == np.arange(len(embeddings))[:, None]).any()
        assert_same(graph, embeddings, k)


def test_all_rows_equal_gives_the_first_other_rows() -> None:
    graph = knn_graph(np.ones((30, 4), np.float32), 3)
    np.testing.assert_allclose(graph.similarities, 1.0, atol=1e-6)
    np.testing.assert_array_equal(graph.indices[0], [1, 2, 3])
    np.testing.assert_array_equal(graph.indices[1], [0, 2, 3])
    np.testing.assert_array_equal(graph.indices[29], [0, 1, 2])


def test_similarities_are_symmetric_bit_for_bit() -> None:
    embeddings = np.random.default_rng(2).standard_normal((200, 33)).astype(np.float32)
    graph = knn_graph(embeddings, 199)
    dense = np.zeros((200, 200), np.float32)
    np.put_along_axis(dense, graph.indices, graph.similarities, axis=1)
    np.testing.assert_array_equal(dense, dense.T)


@settings(max_examples=25, deadline=None)
@given(
    points=st.lists(
        st.tuples(st.integers(-2, 2), st.integers(-2, 2)).filter(any), min_size=3, max_size=9
    ),
    k=st.integers(1, 2),
)
def test_lattice_ties_and_twins_match_brute_force(points: list[tuple[int, int]], k: int) -> None:
    assert_same(knn_graph(np.array(points, np.float32), k), np.array(points, np.float32), k)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=56)  # two cosines that are one in float32: which comes first, the rows' order says
def test_order_of_rows_and_length_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((60, 8)).astype(np.float32)
    order = rng.permutation(60)
    graph = knn_graph(embeddings, 7)
    shuffled = knn_graph(embeddings[order] * rng.uniform(0.5, 2, (60, 1)), 7)
    found, expected = order[shuffled.indices], graph.indices[order]
    np.testing.assert_allclose(shuffled.similarities, graph.similarities[order], atol=1e-6)
    rows = unit_rows(embeddings).astype(np.float64)
    own = rows[order][:, None, :]
    differences = (own * (rows[found] - rows[expected])).sum(axis=2)
    assert np.abs(differences[found != expected]).max(initial=0.0) < 1e-6


def test_truncate_keeps_the_nearest() -> None:
    embeddings = np.random.default_rng(3).standard_normal((50, 5)).astype(np.float32)
    short, direct = knn_graph(embeddings, 20).truncate(4), knn_graph(embeddings, 4)
    np.testing.assert_array_equal(short.indices, direct.indices)
    np.testing.assert_array_equal(short.similarities, direct.similarities)
    with pytest.raises(ValueError, match=r"k must be an integer, between 1 and 4; got 5"):
        short.truncate(5)


def test_duplicate_groups_are_numbered_by_first_row() -> None:
    rows = np.array([[1, 0], [0, 1], [1, -0.0], [2, 2], [0, 1], [1, 0]], np.float32)
    groups = duplicate_groups(rows)
    np.testing.assert_array_equal(groups.group, [0, 1, 0, 2, 1, 0])
    np.testing.assert_array_equal(groups.first, [0, 1, 3])
    np.testing.assert_array_equal(groups.sizes, [3, 2, 1])


def test_progress_ends_with_all_rows() -> None:
    seen: list[tuple[int, int]] = []
    rows = np.random.default_rng(0).standard_normal((5000, 3))
    knn_graph(rows, 2, progress=lambda *step: seen.append(step))
    # The first 1,024 rows are compared with all the others, the last with themselves alone.
    assert seen == [(1839, 5000), (3258, 5000), (4257, 5000), (4837, 5000), (5000, 5000)]
    few: list[tuple[int, int]] = []
    knn_graph(rows[:4096], 2, progress=lambda *step: few.append(step))
    assert few == [(4096, 4096)]


@pytest.mark.parametrize(
    ("embeddings", "k", "message"),
    [
        (np.eye(3), 3, r"k \(neighbours among 3 rows\) must be an integer, between 1 and 2; got 3"),
        (np.eye(3), 0, r"between 1 and 2; got 0"),
        (np.eye(1), 1, r"at least 2 rows; got 1"),
        ([[1.0, np.nan], [0, 1]], 1, r"must be finite; 1 of its rows is not, the first is row 0"),
        ([[1.0, 1.0], [0, 0]], 1, r"1 zero row without a direction, the first is 1"),
    ],
)
def test_bad_input_is_refused(embeddings: object, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        knn_graph(embeddings, k)


def test_a_graph_of_two_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape \(n, k\); got \(2, 1\) and \(2, 2\)"):
        KnnGraph(np.zeros((2, 1), np.int64), np.zeros((2, 2), np.float32))
