"""Compressed indices: candidates by codes, answers by the rows, with the recall that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.index import compressed, tuning, vector_index
from namebasis.index.facts import DamagedIndexError, read_facts, write_facts
from namebasis.index.rows import as_rows
from namebasis.index.vector_index import VectorIndex
from tests.index.test_vector_index import brute

N, DIM = 3000, 24


def clustered() -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((40, 10))[rng.integers(0, 40, N)]
    rows = centres @ rng.standard_normal((10, DIM)) + 0.6 * rng.standard_normal((N, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


ROWS = clustered()
QUERIES = ROWS[7:900:30]


@pytest.fixture(scope="module", params=["IVF32,PQ6", "IVF32,SQ8"])
def index(request: pytest.FixtureRequest) -> VectorIndex:
    return VectorIndex.build(ROWS, factory=request.param)


def test_the_recall_that_is_said_is_that_of_searches(index: VectorIndex) -> None:
    _, queries = tuning.sample_rows(as_rows(ROWS), tuning.N_SAMPLE, 1)
    found = index.search(queries, 10)[1]
    truth = brute(queries, ROWS, 10)[1]
    assert index.recall == pytest.approx(tuning.measure_recall(found, truth))
    assert 0.95 <= index.recall <= 1
    fewer = [one for one in tuning.REFINED if one < index.parameters["refine"]]
    if fewer:  # the fewest candidates that reach it
        index.parameters["refine"], kept = fewer[-1], index.parameters["refine"]
        less = tuning.measure_recall(index.search(queries, 10)[1], truth)
        index.parameters["refine"] = kept
        assert less < 0.95


def test_similarities_are_those_of_the_rows(index: VectorIndex) -> None:
    similarities, ids = index.search(QUERIES, 12)
    cosines = QUERIES.astype(np.float64) @ ROWS.T
    np.testing.assert_allclose(similarities, np.take_along_axis(cosines, ids, 1), atol=1e-6)
    assert (np.diff(similarities, axis=1) <= 0).all()
    assert all(len(set(row)) == 12 for row in ids.tolist())


def test_an_exact_search_and_few_allowed_rows_are_the_brute_force_ones(index: VectorIndex) -> None:
    np.testing.assert_array_equal(
        index.search(QUERIES, 9, exact=True)[1], brute(QUERIES, ROWS, 9)[1]
    )
    allowed = np.arange(5, N, 7)
    for exact in (False, True):
        found = index.search(QUERIES, 9, allowed=allowed, exact=exact)
        np.testing.assert_array_equal(found[1], brute(QUERIES, ROWS, 9, allowed)[1])


def test_an_exact_search_of_many_allowed_rows_walks_all(index: VectorIndex, monkeypatch) -> None:
    monkeypatch.setattr(compressed, "FEW", 10)
    allowed = np.arange(5, N, 7)
    found = index.search(-QUERIES, 9, allowed=allowed, exact=True)
    np.testing.assert_array_equal(found[1], brute(-QUERIES, ROWS, 9, allowed)[1])


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_a_filter_acts_among_the_codes(index: VectorIndex, share: float, monkeypatch) -> None:
    monkeypatch.setattr(compressed, "FEW", 0)
    allowed = np.flatnonzero(np.random.default_rng(1).random(N) < share)
    found = index.search(QUERIES, 10, allowed=allowed)[1]
    assert np.isin(found, allowed).all()
    assert tuning.measure_recall(found, brute(QUERIES, ROWS, 10, allowed)[1]) > 0.9


@pytest.mark.parametrize("k", [60, 400, 1500])
def test_many_rows_are_found_as_well_as_ten(index: VectorIndex, k: int) -> None:
    _, ids = index.search(QUERIES, k)
    assert tuning.measure_recall(ids, brute(QUERIES, ROWS, k)[1]) > 0.95


def test_inverted_lists_are_opened_as_many_rows_are_asked_for(monkeypatch) -> None:
    rows = np.random.default_rng(4).normal(size=(1500, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = VectorIndex.build(rows, factory="IVF32,Flat")
    index.parameters["nprobe"] = 4

    queries = rows[::50]

    def recall(k: int) -> float:
        found = index.search(queries, k)[1]
        return tuning.measure_recall(found, brute(queries, rows, k)[1])

    assert recall(100) > 0.99
    monkeypatch.setattr(vector_index, "_SEEN", 0)  # as many lists as for ten
    assert recall(100) < 0.9


def test_more_rows_than_candidates_are_all_given_once(index: VectorIndex) -> None:
    for k in (300, N, N + 5):
        _, ids = index.search(QUERIES[:2], k)
        assert [len(set(row)) for row in ids.tolist()] == [min(k, N)] * 2


def test_one_query_is_the_row_of_many(index: VectorIndex, monkeypatch) -> None:
    many = index.search(QUERIES, 6)
    monkeypatch.setattr(compressed, "_TOGETHER", 4)
    np.testing.assert_array_equal(index.search(QUERIES, 6)[1], many[1])
    one = index.search(QUERIES[3:4], 6)
    np.testing.assert_array_equal(one[1][0], many[1][3])


@pytest.mark.parametrize("streamed", [False, True])
def test_saved_and_loaded_it_answers_the_same(
    index: VectorIndex, streamed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "text.faiss"
    if streamed:
        index = VectorIndex.build(ROWS, factory=index.factory, path=path)
    index.save(path)
    loaded = VectorIndex.load(path, whole=True)
    assert (loaded.factory, loaded.parameters, loaded.recall) == (
        index.factory, index.parameters, index.recall
    )  # fmt: skip
    assert path.stat().st_size < N * (DIM + 8) + 20_000 < ROWS.nbytes
    with pytest.raises(ValueError, match="needs the rows"):
        loaded.search(QUERIES, 3)
    loaded.source = as_rows([ROWS[:10], ROWS[10:]])  # which are walked, where none can be taken
    np.testing.assert_array_equal(loaded.search(QUERIES, 9)[1], index.search(QUERIES, 9)[1])


def test_damage_and_facts_of_no_such_index_are_refused(index: VectorIndex, tmp_path: Path) -> None:
    path = tmp_path / "text.faiss"
    index.save(path)
    facts = read_facts(path)
    for refine in (0, 101, "8", None, True):
        write_facts(path, facts | {"parameters": facts["parameters"] | {"refine": refine}})
        with pytest.raises(DamagedIndexError, match="parameters"):
            VectorIndex.load(path)
    other = "IVF32,SQ8" if "PQ" in index.factory else "IVF32,PQ6"
    write_facts(path, facts | {"factory": other})
    with pytest.raises(DamagedIndexError, match=f"not the {other}"):
        VectorIndex.load(path)
    write_facts(path, facts)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedIndexError, match="checksum"):
        VectorIndex.load(path)


@pytest.mark.parametrize(
    ("kind", "n_rows", "dim", "factory"),
    [
        ("auto", 1_000_000, 384, "IVF1024,Flat"), ("pq", 1_000_000, 384, "IVF1024,PQ48"),
        ("sq8", 1_000_000, 384, "IVF1024,SQ8"), ("pq", 10_000, 384, "Flat"),
        ("pq", 10_001, 100, "IVF256,PQ20"), ("pq", 50_000, 97, "IVF256,PQ97"),
        ("sq8", 50_000, 97, "IVF256,SQ8"),
    ],
)  # fmt: skip
def test_the_codes_by_the_number_and_width_of_rows(
    kind: str, n_rows: int, dim: int, factory: str
) -> None:
    assert tuning.factory_of(kind, n_rows, dim, 200_000) == factory
