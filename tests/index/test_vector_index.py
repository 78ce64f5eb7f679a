"""The index: values against brute force, filters, files and their damage."""

from __future__ import annotations

import os
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.errors import SpaceError
from namebasis.index import files, scan, vector_index
from namebasis.index.facts import DamagedIndexError, read_facts, write_facts
from namebasis.index.hits import merge_hits
from namebasis.index.row_set import RowSet
from namebasis.index.tuning import measure_recall
from namebasis.index.vector_index import VectorIndex


def unit(n: int, dim: int = 12, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def brute(queries, rows, k, allowed=None):
    ids = np.arange(len(rows)) if allowed is None else np.unique(allowed)
    cosines = queries.astype(np.float64) @ rows[ids].T.astype(np.float64)
    order = np.argsort(-cosines, axis=1)[:, :k]
    return np.take_along_axis(cosines, order, 1), ids[order]


ROWS, QUERIES = unit(900), unit(20, seed=1)


@pytest.fixture(scope="module", params=["Flat", "IVF16,Flat"])
def index(request) -> VectorIndex:
    return VectorIndex.build(ROWS, factory=request.param)


def test_a_search_over_every_row_is_the_brute_force_one(index: VectorIndex) -> None:
    similarities, ids = index.search(QUERIES, 9, exact=True)
    expected = brute(QUERIES, ROWS, 9)
    np.testing.assert_array_equal(ids, expected[1])
    np.testing.assert_allclose(similarities, expected[0], atol=1e-6)


@pytest.mark.parametrize("n_allowed", [1, 5, 40, 400, 899])
@pytest.mark.parametrize("exact_rows", [0, 50, 10_000])
def test_a_filter_never_costs_a_hit(
    index: VectorIndex, n_allowed: int, exact_rows: int, monkeypatch
) -> None:
    monkeypatch.setattr(vector_index, "EXACT_ROWS", exact_rows)
    allowed = np.random.default_rng(2).choice(900, n_allowed, replace=False)
    similarities, ids = index.search(QUERIES, 10, allowed=allowed)
    assert ids.shape == similarities.shape == (20, min(10, n_allowed))
    assert np.isin(ids, allowed).all()
    assert (np.diff(similarities, axis=1) <= 0).all()
    if index.is_exact or n_allowed <= exact_rows:
        np.testing.assert_array_equal(ids, brute(QUERIES, ROWS, 10, allowed)[1])


def test_no_allowed_row_gives_no_column(index: VectorIndex) -> None:
    similarities, ids = index.search(QUERIES, 4, allowed=np.empty(0, np.int64))
    assert ids.shape == similarities.shape == (20, 0)


def test_more_neighbours_than_rows_gives_every_row_once(index: VectorIndex) -> None:
    _, ids = index.search(QUERIES[:1], 5_000)
    assert sorted(ids[0]) == list(range(900))


def test_one_query_is_the_row_of_many(index: VectorIndex) -> None:
    many = index.search(QUERIES, 6)
    for row in range(len(QUERIES)):
        one = index.search(QUERIES[row : row + 1], 6)
        np.testing.assert_array_equal(one[1][0], many[1][row])
        np.testing.assert_allclose(one[0][0], many[0][row], atol=1e-6)


@pytest.mark.parametrize(
    ("queries", "k", "allowed", "message"),
    [
        (unit(2, 11), 3, None, "queries must have 12 columns; got 11"),
        (np.full((1, 12), np.nan), 3, None, "queries must be finite"),
        (QUERIES, 0, None, "k must be an integer, at least 1; got 0"),
        (QUERIES, 3, np.array([900]), "row numbers from 0 to 899; got 900"),
        (QUERIES, 3, np.array([-1, 4]), "got -1 to 4"),
    ],
)
def test_what_does_not_fit_is_refused(index: VectorIndex, queries, k, allowed, message) -> None:
    with pytest.raises(ValueError, match=message):
        index.search(queries, k, allowed=allowed)


def test_the_kind_follows_the_number_of_rows(monkeypatch) -> None:
    assert VectorIndex.build(ROWS).factory == "Flat"
    monkeypatch.setattr(vector_index, "FLAT_ROWS", 500)
    index = VectorIndex.build(ROWS)
    assert index.factory == "IVF256,Flat"
    assert index.parameters["nlist"] == 256


@pytest.mark.parametrize("factory", ["HNSW32", "IVF,Flat", "IVF4,PQ8", "nonsense", "IVF0,Flat"])
def test_an_unknown_factory_is_refused(factory: str) -> None:
    with pytest.raises(ValueError, match="factory"):
        VectorIndex.build(ROWS, factory=factory)


@pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat"])
def test_array_blocks_and_generator_make_the_same_index(factory: str) -> None:
    blocks = [ROWS[:100], ROWS[100:101], ROWS[101:]]
    built = [
        VectorIndex.build(source, factory=factory, seed=3)
        for source in (ROWS, blocks, (block for block in blocks))
    ]
    first = built[0].search(QUERIES, 8)
    for other in built[1:]:
        np.testing.assert_array_equal(other.search(QUERIES, 8)[1], first[1])


@pytest.mark.parametrize("rows", [np.empty((0, 4)), [], iter([])])
def test_no_row_is_refused(rows) -> None:
    with pytest.raises(ValueError, match="at least 1 row"):
        VectorIndex.build(rows)


def test_a_nan_row_is_refused() -> None:
    rows = ROWS.copy()
    rows[7, 3] = np.nan
    with pytest.raises(ValueError, match="the first is row 7"):
        VectorIndex.build(rows)


@pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat"])
@pytest.mark.parametrize("streamed", [False, True])
def test_saved_loaded_and_copied_it_answers_the_same(
    tmp_path: Path, factory: str, streamed: bool
) -> None:
    path = tmp_path / "text.faiss"
    index = VectorIndex.build(ROWS, factory=factory, path=path if streamed else None)
    expected = index.search(QUERIES, 8)
    index.save(path, {"build_id": "a"})
    loaded = VectorIndex.load(path)
    assert (loaded.n_rows, loaded.dim, loaded.factory) == (900, 12, factory)
    assert (loaded.parameters, loaded.recall) == (index.parameters, index.recall)
    assert loaded.extra == {"build_id": "a"}
    loaded.save(tmp_path / "copy.faiss", {})
    for other in (loaded, VectorIndex.load(tmp_path / "copy.faiss")):
        similarities, ids = other.search(QUERIES, 8)
        np.testing.assert_array_equal(ids, expected[1])
        np.testing.assert_allclose(similarities, expected[0], atol=1e-6)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "text.faiss"
    VectorIndex.build(ROWS, factory="IVF16,Flat").save(path)
    return path


def test_one_flipped_byte_anywhere_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    for place in (0, 40, len(whole) // 2 + 1, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        saved.write_bytes(bytes(changed))
        with pytest.raises(DamagedIndexError, match=r"text\.faiss: its checksum"):
            VectorIndex.load(saved)


def test_damage_that_keeps_size_and_time_is_noticed_in_the_sampled_pages(saved: Path) -> None:
    status = saved.stat()
    changed = bytearray(saved.read_bytes())
    changed[100:200] = bytes(100)
    saved.write_bytes(bytes(changed))
    os.utime(saved, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DamagedIndexError, match="checksum"):
        VectorIndex.load(saved)


def test_a_touched_or_copied_file_is_still_good(saved: Path) -> None:
    os.utime(saved, ns=(1, 1))
    assert VectorIndex.load(saved).n_rows == 900


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), r"text\.faiss: missing"),
        (lambda p: p.write_bytes(p.read_bytes()[:-5]), "bytes, not the"),
        (lambda p: p.with_suffix(".json").unlink(), r"text\.json: missing"),
        (lambda p: p.with_suffix(".json").write_text("{"), r"text\.json: not readable"),
        (lambda p: p.with_suffix(".json").write_bytes(b"\xff\xfe"), "not readable"),
        (lambda p: p.with_suffix(".json").write_text("[1]"), "not the facts"),
    ],
)
def test_damage_names_the_file(saved: Path, damage, message: str) -> None:
    damage(saved)
    with pytest.raises(SpaceError, match=message):
        VectorIndex.load(saved)


def test_facts_of_another_index_are_noticed(saved: Path) -> None:
    write_facts(saved, read_facts(saved) | {"rows": 899})
    with pytest.raises(DamagedIndexError, match="holds 900 x 12"):
        VectorIndex.load(saved)


@settings(max_examples=40, deadline=None)
@given(
    first=st.integers(0, 6), second=st.integers(0, 6), k=st.integers(1, 9), seed=st.integers(0, 99)
)
def test_merged_hits_are_those_of_one_search(first: int, second: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarities = -np.sort(-rng.standard_normal((3, first + second)), axis=1)
    ids = np.stack([rng.permutation(20)[: first + second] for _ in range(3)])
    split = np.stack([rng.permutation(first + second) for _ in range(3)])
    a, b = np.sort(split[:, :first], axis=1), np.sort(split[:, first:], axis=1)
    parts = [
        (np.take_along_axis(similarities, part, 1), np.take_along_axis(ids, part, 1))
        for part in (a, b)
    ]
    merged = merge_hits(parts[0], parts[1], k)
    np.testing.assert_array_equal(merged[0], similarities[:, :k])
    np.testing.assert_array_equal(merged[1], ids[:, :k])


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_a_large_filter_keeps_the_recall_of_the_index(share: float, monkeypatch) -> None:
    monkeypatch.setattr(vector_index, "EXACT_ROWS", 0)
    rows = unit(4000, 24, seed=5)
    index = VectorIndex.build(rows, factory="IVF64,Flat")
    assert 0.95 <= index.recall < 1
    queries = rows[:300]
    allowed = np.random.default_rng(6).choice(4000, int(4000 * share), replace=False)
    truth = brute(queries, rows, 10, allowed)[1]
    found = index.search(queries, 10, allowed=allowed)[1]
    assert measure_recall(found, truth) > 0.93


@settings(max_examples=60, deadline=None)
@given(mask=st.lists(st.booleans(), max_size=40), data=st.data())
def test_a_set_of_rows_is_that_of_a_mask(mask: list[bool], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(mask)))
    ids = np.flatnonzero(mask)
    rows = RowSet.of_mask(np.array(mask, bool))
    again = RowSet.of_ids(np.concatenate([ids[::-1], ids]), len(mask))
    before, after = rows.split(row)
    for one, wanted, n_rows in (
        (rows, ids, len(mask)), (again, ids, len(mask)),
        (before, ids[ids < row], row), (after, ids[ids >= row] - row, len(mask) - row),
    ):  # fmt: skip
        assert one.ids.tolist() == wanted.tolist()
        assert (one.count, one.n_rows) == (len(wanted), n_rows)


def test_a_mapped_index_touches_no_more_than_it_searches(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "MAPPED_BYTES", 0)
    VectorIndex.build(ROWS, factory="IVF16,Flat").save(tmp_path / "text.faiss")
    mapped = VectorIndex.load(tmp_path / "text.faiss")
    lists = faiss.downcast_InvertedLists(mapped._index.invlists)
    assert (type(lists).__name__, lists.prefetch_nthread) == ("OnDiskInvertedLists", 0)
    ids = mapped.search(QUERIES, 9, allowed=np.arange(0, 900, 3))[1]
    np.testing.assert_array_equal(ids, brute(QUERIES, ROWS, 9, np.arange(0, 900, 3))[1])


@pytest.mark.parametrize("n_threads", [1, 2, 7])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_one_query_shared_out_among_cores_is_the_same(n_threads, k, monkeypatch) -> None:
    monkeypatch.setattr(scan, "SPLIT_ROWS", 100)
    monkeypatch.setattr(faiss, "omp_get_max_threads", lambda: n_threads)
    rows = np.concatenate([ROWS, ROWS[:50]])  # equal rows, told apart by their number
    index = VectorIndex.build(rows, factory="Flat")
    for query in QUERIES[:5]:
        similarities, ids = index.search(query[None], k)
        expected = brute(query[None], rows, k)
        np.testing.assert_allclose(similarities, expected[0], atol=1e-6)
        np.testing.assert_allclose(rows[ids[0]] @ query, expected[0][0], atol=1e-6)
        assert len(set(ids[0].tolist())) == k
