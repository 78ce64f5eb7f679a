import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from namebasis.analysis.clusters.agreement import agreement, encode, neighbour_share
from namebasis.analysis.graph.neighbours import KnnGraph


@pytest.mark.parametrize("seed", range(4))
def test_scores_equal_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(-1, 6, 500), rng.integers(-1, 9, 500)
    right[:200] = left[:200]
    known = (left >= 0) & (right >= 0)
    found = agreement(left, right, n_permutations=1)
    assert found is not None
    assert found.n_rows == known.sum()
    assert found.adjusted_rand == pytest.approx(adjusted_rand_score(left[known], right[known]))
    assert found.mutual_information == pytest.approx(
        normalized_mutual_info_score(left[known], right[known])
    )


def test_equal_divisions_score_one_and_beat_every_shuffle() -> None:
    labels = np.repeat(np.arange(5), 20)
    found = agreement(labels, (labels + 3) % 5, n_permutations=49)
    assert found is not None
    assert found.adjusted_rand == pytest.approx(1)
    assert found.mutual_information == pytest.approx(1)
    assert found.p_adjusted_rand == found.p_mutual_information == 1 / 50
    assert abs(found.null_adjusted_rand) < 0.02
    # Chance alone agrees in information: 16 degrees of freedom / (2 n) nats over log 5.
    assert found.null_mutual_information == pytest.approx(16 / 200 / np.log(5), rel=0.3)


def test_all_rows_single_on_both_sides_is_full_agreement() -> None:
    found = agreement(np.arange(6), np.arange(6)[::-1].copy(), n_permutations=3)
    assert found is not None
    assert (found.adjusted_rand, found.p_adjusted_rand) == (1.0, 1.0)


@pytest.mark.long
@given(seed=st.integers(0, 1000))
def test_independent_divisions_are_not_called_agreement(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = agreement(rng.integers(0, 3, 40), np.arange(40) % 2, n_permutations=19, seed=seed)
    assert found is not None
    assert 1 / 20 <= found.p_adjusted_rand <= 1
    assert found == agreement(
        np.random.default_rng(seed).integers(0, 3, 40), np.arange(40) % 2, n_permutations=19,
        seed=seed,
    )  # fmt: skip


def test_p_is_uniform_without_agreement() -> None:
    rng = np.random.default_rng(0)
    values = []
    for seed in range(60):
        found = agreement(
            rng.integers(0, 3, 60), rng.integers(0, 4, 60), n_permutations=19, seed=seed
        )
        assert found is not None
        values.append(found.p_mutual_information)
    assert 0.4 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.1) < 0.25


@pytest.mark.parametrize(
    ("left", "right"), [([0, 0, 0], [0, 1, 2]), ([0, 1, -1], [-1, -1, 0]), ([0, 1], [-1, 3])]
)
def test_agreement_with_a_constant_is_undefined(left: list[int], right: list[int]) -> None:
    assert agreement(np.array(left), np.array(right)) is None


def test_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one length; got shapes \(2,\) and \(3,\)"):
        agreement(np.zeros(2, np.int64), np.zeros(3, np.int64))


def test_encode_numbers_known_values() -> None:
    codes, values = encode(["b", None, "a", "", "b"])
    np.testing.assert_array_equal(codes, [1, -1, 0, -1, 1])
    assert values == ["a", "b"]


def test_neighbour_share_by_hand() -> None:
    graph = KnnGraph(np.array([[1, 2], [0, 3], [3, 0], [2, 1]]), np.ones((4, 2), np.float32))
    found = neighbour_share(graph, np.array([0, 0, 1, -1]))
    assert found is not None
    # Pairs 0-1, 0-2, 1-0, 2-0 have labels; two of them agree; of 3 pairs at random 1 does.
    assert (found.n_pairs, found.share) == (4, 0.5)
    assert found.by_chance == pytest.approx(1 / 3)
    assert neighbour_share(graph, np.array([0, -1, -1, 0])) is None
