"""Index files and their facts: damaged, crafted, cut or replaced while they are read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import faiss
import numpy as np
import pytest

from namebasis.index import files
from namebasis.index.facts import DamagedIndexError, read_facts, write_facts
from namebasis.index.vector_index import VectorIndex
from tests.index.test_vector_index import QUERIES, ROWS
from tests.index.test_vector_index import saved as saved  # a fixture


class TestFacts:
    """Damaged or crafted facts are refused in one line, whatever they say."""

    def test_every_changed_byte_is_noticed(self, saved: Path) -> None:
        beside = saved.with_suffix(".json")
        whole = beside.read_bytes()
        for place in range(len(whole)):
            for flip in (0x01, 0x20):
                changed = bytearray(whole)
                changed[place] ^= flip
                beside.write_bytes(bytes(changed))
                with pytest.raises(DamagedIndexError, match=r"text\.json: not|text\.json: its"):
                    read_facts(saved)

    @pytest.mark.parametrize(
        "change",
        [
            {"rows": 0}, {"rows": True}, {"rows": "900"}, {"rows": 2**62}, {"rows": None},
            {"dim": -1}, {"dim": 12.0}, {"factory": "flat"}, {"factory": None}, {"factory": []},
            {"factory": "IVF0,Flat"}, {"factory": "IVF16,Flat\n"}, {"factory": "IVF99999999,Flat"},
            {"factory": "Flat"}, {"factory": "HNSW32"}, {"parameters": None}, {"parameters": {}},
            {"parameters": {"nprobe": 3}}, {"recall_at_10": 2}, {"recall_at_10": float("nan")},
            {"recall_at_10": "1"}, {"recall_at_10": True}, {"extra": None}, {"extra": []},
            {"stamp": None}, {"stamp": {}}, {"stamp": {"size": 1}}, {"stamp": []}, {"more": 1},
        ],
    )  # fmt: skip
    def test_what_no_index_is_like_is_refused(self, saved: Path, change: dict) -> None:
        write_facts(saved, read_facts(saved) | change)
        with pytest.raises(DamagedIndexError, match=r"text\.json: not the facts of an index"):
            VectorIndex.load(saved)

    @pytest.mark.parametrize("value", [-1, 0, 17, 2**62, None, "3", 2.5, [], True])
    @pytest.mark.parametrize("key", ["nprobe", "nlist"])
    def test_parameters_that_no_search_takes_are_refused(self, saved: Path, key, value) -> None:
        facts = read_facts(saved)
        facts["parameters"][key] = value
        write_facts(saved, facts)
        with pytest.raises(DamagedIndexError, match=r"\(parameters\)"):
            VectorIndex.load(saved)

    @pytest.mark.parametrize("value", [None, "1", 1.5, True])
    @pytest.mark.parametrize("key", ["size", "mtime_ns", "crc32", "head", "sample_crc32"])
    def test_stamps_that_no_file_has_are_refused(self, saved: Path, key, value) -> None:
        facts = read_facts(saved)
        facts["stamp"][key] = value
        write_facts(saved, facts)
        with pytest.raises(DamagedIndexError, match=r"\(stamp\)"):
            VectorIndex.load(saved)

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"null", b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe{}", b"1" * 5000,
            b" " * (1 << 21), b'{"rows": ' + b"9" * 5000 + b"}", b"NaN", b'"rows"',
        ],
    )  # fmt: skip
    def test_what_is_no_json_of_facts_is_refused(self, saved: Path, content: bytes) -> None:
        saved.with_suffix(".json").write_bytes(content)
        with pytest.raises(DamagedIndexError, match=r"text\.json: not"):
            VectorIndex.load(saved)

    def test_facts_of_earlier_versions_are_read(self, saved: Path) -> None:
        facts = read_facts(saved)
        for key in ("head", "head_crc32"):
            del facts["stamp"][key]
        saved.with_suffix(".json").write_text(json.dumps(facts))
        assert VectorIndex.load(saved).n_rows == 900


class TestCrafted:
    """An index file of another kind under facts that fit it is not searched."""

    @pytest.mark.parametrize(
        "index",
        [
            lambda: faiss.IndexFlatL2(12),
            lambda: faiss.IndexHNSWFlat(12, 4, faiss.METRIC_INNER_PRODUCT),
            lambda: faiss.IndexScalarQuantizer(
                12, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
            ),
        ],
    )
    def test_another_kind_is_refused(self, tmp_path: Path, index) -> None:
        path = tmp_path / "text.faiss"
        made = index()
        made.train(ROWS)
        made.add(ROWS)
        VectorIndex(made, "Flat").save(path)
        with pytest.raises(DamagedIndexError, match=r"text\.faiss: not the Flat that it says"):
            VectorIndex.load(path)

    def test_lists_without_centroids_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "text.faiss"
        good = VectorIndex.build(ROWS, factory="IVF16,Flat")
        bare = faiss.IndexIVFFlat(faiss.IndexFlatIP(12), 12, 16, faiss.METRIC_INNER_PRODUCT)
        bare.ntotal = 900
        VectorIndex(bare, good.factory, good.parameters, good.recall).save(path)
        with pytest.raises(DamagedIndexError, match="not the IVF16,Flat that it says"):
            VectorIndex.load(path)


class TestMapped:
    """Large files, which are mapped and compared by samples."""

    @pytest.fixture(autouse=True)
    def all_are_large(self, monkeypatch) -> None:
        monkeypatch.setattr(files, "MAPPED_BYTES", 0)

    def test_any_damage_of_the_head_is_noticed(self, saved: Path) -> None:
        status = saved.stat()
        whole, head = saved.read_bytes(), read_facts(saved)["stamp"]["head"]
        assert head == len(whole) - 900 * (12 * 4 + 8)
        for place in range(0, head, 7):
            saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            os.utime(saved, ns=(status.st_atime_ns, status.st_mtime_ns))
            with pytest.raises(DamagedIndexError, match="checksum"):
                VectorIndex.load(saved)

    def test_damage_between_the_samples_is_noticed_where_all_is_compared(
        self, saved: Path, monkeypatch
    ) -> None:
        monkeypatch.setattr(files, "N_SAMPLES", 1)
        monkeypatch.setattr(files, "PAGE", 8)
        VectorIndex.build(ROWS, factory="IVF16,Flat").save(saved)
        status = saved.stat()
        changed = bytearray(saved.read_bytes())
        changed[-3] ^= 1
        saved.write_bytes(bytes(changed))
        os.utime(saved, ns=(status.st_atime_ns, status.st_mtime_ns))
        VectorIndex.load(saved)
        with pytest.raises(DamagedIndexError, match="checksum"):
            VectorIndex.load(saved, whole=True)

    @pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat"])
    def test_a_file_cut_or_written_to_while_it_is_mapped_is_not_read(
        self, tmp_path: Path, factory: str
    ) -> None:
        path = tmp_path / "text.faiss"
        VectorIndex.build(ROWS, factory=factory).save(path)
        whole = path.read_bytes()
        for content in (b"", whole[:4096], whole[:-1] + b"\1", whole + b"\0"):
            path.write_bytes(whole)
            opened = VectorIndex.load(path)
            with path.open("r+b") as file:  # the same file, as rsync --inplace and cp write
                file.write(content)
                file.truncate(len(content))
            with pytest.raises(DamagedIndexError, match=r"text\.faiss: (holds|its checksum)"):
                opened.search(QUERIES, 3)

    def test_a_change_that_keeps_the_time_is_noticed(self, saved: Path) -> None:
        opened, status = VectorIndex.load(saved), saved.stat()
        with saved.open("r+b") as file:
            file.seek(-3, os.SEEK_END)
            file.write(b"\xff")
        os.utime(saved, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(DamagedIndexError, match="checksum"):
            opened.search(QUERIES, 3)

    def test_a_file_whose_name_another_takes_is_read_on(self, saved: Path) -> None:
        opened = VectorIndex.load(saved)
        expected = opened.search(QUERIES, 3)
        VectorIndex.build(-ROWS, factory="IVF16,Flat").save(saved)
        np.testing.assert_array_equal(opened.search(QUERIES, 3)[1], expected[1])
        saved.unlink()
        saved.write_bytes(b"")
        np.testing.assert_array_equal(opened.search(QUERIES, 3)[1], expected[1])

    def test_an_index_that_was_never_saved_leaves_no_file(self, tmp_path: Path) -> None:
        index = VectorIndex.build(ROWS, factory="IVF16,Flat", path=tmp_path / "text.faiss")
        assert len(list(tmp_path.iterdir())) == 1
        del index
        assert not list(tmp_path.iterdir())


def test_small_files_are_compared_whole_whatever_their_time(saved: Path) -> None:
    status = saved.stat()
    whole = saved.read_bytes()
    for place in range(0, len(whole), 997):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        os.utime(saved, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(DamagedIndexError, match="checksum"):
            VectorIndex.load(saved)


def test_a_file_cut_in_place_after_it_was_opened_costs_nothing(saved: Path) -> None:
    opened = VectorIndex.load(saved)
    expected = opened.search(QUERIES, 5)
    os.truncate(saved, 0)
    np.testing.assert_array_equal(opened.search(QUERIES, 5)[1], expected[1])
