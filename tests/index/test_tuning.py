"""Choosing the kind, writing lists as FAISS does, and the recall that is promised."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from namebasis.index import inverted_lists, tuning
from namebasis.index.rows import Rows, as_rows


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((3000, 24)).astype(np.float32)
    return as_rows(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


def matrix_of(rows: Rows) -> np.ndarray:
    return np.concatenate(list(rows.blocks()))


@pytest.mark.parametrize(
    ("n_rows", "factory"),
    [(1, "Flat"), (200_000, "Flat"), (200_001, "IVF512,Flat"), (1_000_000, "IVF1024,Flat"),
     (100_000_000, "IVF8192,Flat")],
)  # fmt: skip
def test_the_kind_by_the_number_of_rows(n_rows: int, factory: str) -> None:
    assert tuning.choose_factory(n_rows, 200_000) == factory


@pytest.mark.parametrize("codes", ["Flat", "SQ8", "PQ3"])
def test_the_file_is_byte_for_byte_what_faiss_writes(
    tmp_path: Path, rows: Rows, codes: str
) -> None:
    index, _ = tuning.train_ivf(rows, f"IVF32,{codes}", seed=0)
    lists = inverted_lists.assign_lists(index, rows)
    small = Rows(rows.n_rows, rows.dim, lambda: np.array_split(matrix_of(rows), 7))
    inverted_lists.write_lists(index, small, lists, tmp_path / "ours")
    index.add(matrix_of(rows))
    faiss.write_index(index, str(tmp_path / "theirs"))
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("target", [0.5, 0.9, 0.95, 1.0])
def test_nprobe_is_the_fewest_lists_whose_search_reaches_the_recall(
    rows: Rows, target: float
) -> None:
    index, _ = tuning.train_ivf(rows, "IVF32,Flat", seed=0)
    lists = inverted_lists.assign_lists(index, rows)
    nprobe, recall = tuning.tune_nprobe(index, rows, lists, target=target)
    index.add(matrix_of(rows))
    _, queries = tuning.sample_rows(rows, tuning.N_SAMPLE, 1)
    truth = np.argsort(-(queries @ matrix_of(rows).T), axis=1)[:, :10]

    def searched(nprobe: int) -> float:
        found = index.search(queries, 10, params=faiss.SearchParametersIVF(nprobe=nprobe))[1]
        return tuning.measure_recall(found, truth)

    assert searched(nprobe) == pytest.approx(recall)
    assert recall >= target
    assert nprobe == 1 or searched(nprobe - 1) < target


def test_recall_counts_ids_whatever_their_order() -> None:
    truth = np.array([[0, 1], [2, 3]])
    assert tuning.measure_recall(np.array([[1, 0], [3, 9]]), truth) == 0.75


def test_a_sample_is_rows_of_the_source_drawn_by_the_seed(rows: Rows) -> None:
    ids, sample = tuning.sample_rows(rows, 50, seed=4)
    np.testing.assert_array_equal(sample, matrix_of(rows)[ids])
    assert len(np.unique(ids)) == 50
    np.testing.assert_array_equal(tuning.sample_rows(rows, 50, seed=4)[0], ids)
    assert not np.array_equal(tuning.sample_rows(rows, 50, seed=5)[0], ids)


def test_exact_search_over_blocks_is_brute_force(rows: Rows) -> None:
    matrix = matrix_of(rows)
    small = Rows(rows.n_rows, rows.dim, lambda: np.array_split(matrix, 400))
    truth = np.argsort(-(matrix[:9] @ matrix.T), axis=1)[:, :10]
    np.testing.assert_array_equal(tuning.exact_search(matrix[:9], small, 10), truth)


def test_a_source_that_gives_another_number_of_rows_is_refused() -> None:
    source = Rows(5, 2, lambda: [np.ones((4, 2), np.float32)])
    with pytest.raises(ValueError, match="must hold 5 rows; got 4"):
        list(source.blocks())


def test_blocks_of_different_widths_are_refused() -> None:
    blocks = [np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)]
    with pytest.raises(ValueError, match="must have 3 columns; got 4"):
        as_rows(block for block in blocks)
