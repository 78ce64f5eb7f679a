"""Damaged, foreign and newer files: refused by name or rebuilt, and nothing else changes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.index import vector_index
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.store.provenance import KEY
from namebasis.namespace.store.sums import MEANS_KEY
from namebasis.space import Space, open_space
from tests.namespace.building.test_build import digest
from tests.namespace.conftest import FakeEncoder, corpus


def data_file(space: Space) -> Path:
    return next((space.path / "names.lance" / "data").iterdir())


def data_files(space: Space) -> list[Path]:
    return list((space.path / "names.lance" / "data").iterdir())


def manifest(space: Space) -> Path:
    # Named by the largest number minus the version, so that the newest comes first.
    return min((space.path / "names.lance" / "_versions").glob("*.manifest"))


class TestDataSet:
    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda s: data_file(s).unlink(), r"data.*\.lance: missing"),
            (lambda s: data_file(s).write_bytes(b"x" * 50), r"\.lance: holds 50 bytes, not"),
            (lambda s: data_file(s).write_bytes(data_file(s).read_bytes()[:-9]), "it is damaged"),
            (lambda s: manifest(s).write_bytes(b""), r"\.manifest: cut short"),
            (lambda s: manifest(s).write_bytes(b"\xff" * 999), r"\.manifest: .*overwritten"),
            (lambda s: manifest(s).write_bytes(manifest(s).read_bytes()[:40]), "cut short"),
            (
                lambda s: manifest(s).write_bytes(bytes(900) + manifest(s).read_bytes()[-16:]),
                r"names\.lance: the data set is damaged",
            ),
            (
                lambda s: manifest(s).write_bytes(b"\xff" * 900 + manifest(s).read_bytes()[-16:]),
                r"names\.lance: the data set is damaged",
            ),
        ],
    )
    def test_damage_is_refused_naming_the_file(self, space: Space, damage, message: str) -> None:
        damage(space)
        before = digest(space.path)
        with pytest.raises(SpaceError, match=message) as caught:
            open_space(space.path)
        assert "\n" not in str(caught.value)
        assert digest(space.path) == before

    def test_damage_inside_a_file_is_refused_when_it_is_read(self, space: Space) -> None:
        path = data_file(space)
        path.write_bytes(b"\xff" * path.stat().st_size)
        with pytest.raises(SpaceError, match=r"names\.lance"):
            open_space(space.path).table()

    @pytest.mark.parametrize("view", ["text", "token"])
    def test_a_flipped_bit_that_keeps_the_length_is_found_by_check(
        self, space: Space, view: str
    ) -> None:
        assert space.check()[view] == "60 vectors as they were written"
        row = space.vectors(view)[7].tobytes()
        path = next(p for p in data_files(space) if row in p.read_bytes())
        content = bytearray(path.read_bytes())
        content[content.index(row) + 3] ^= 0x80  # the sign of the first number
        path.write_bytes(content)
        damaged = open_space(space.path)
        assert damaged.vectors(view).shape[0] == 60  # nothing else notices
        with pytest.raises(SpaceError, match=f"vectors of the view {view} are not those that"):
            damaged.check()

    def test_check_of_names_added_and_of_spaces_without_checksums(self, space: Space) -> None:
        grown = add_names(space, make_names([{"name": "Newcomer", "part": "given"}]))
        assert grown.check()["text"] == "61 vectors as they were written"
        keyed = json.loads(grown._store.metadata[MEANS_KEY.encode()])
        # Earlier versions noted them by the view's name alone.
        noted = {key.split()[0]: entry for key, entry in keyed.items()}
        for entry in noted.values():
            del entry["sha256"]
        grown._store.dataset.update_schema_metadata({MEANS_KEY: json.dumps(noted)})
        older = open_space(space.path)
        assert older.check()["text"] == "61 vectors of the sum that was noted (no checksum then)"
        noted["text"]["rows"] = 60
        older._store.dataset.update_schema_metadata({MEANS_KEY: json.dumps(noted)})
        with pytest.raises(SpaceError, match="not those that were written"):
            open_space(space.path).check()

    def test_a_newer_schema_is_refused(self, space: Space) -> None:
        values = json.loads(space._store.metadata[KEY.encode()])
        newer = json.dumps(values | {"schema_version": 2, "package_version": "9.1"})
        space._store.dataset.update_schema_metadata({KEY: newer})
        before = digest(space.path)
        with pytest.raises(SpaceError, match=r"namebasis 9\.1 with schema 2; .* Upgrade"):
            open_space(space.path)
        assert digest(space.path) == before

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema_version": 1}'])
    def test_broken_provenance_is_refused(self, space: Space, text: str) -> None:
        space._store.dataset.update_schema_metadata({KEY: text})
        with pytest.raises(SpaceError, match="provenance is damaged"):
            open_space(space.path)

    def test_a_lance_data_set_of_somebody_else_is_refused(self, tmp_path: Path) -> None:
        import lance
        import pyarrow as pa

        lance.write_dataset(pa.table({"a": [1]}), str(tmp_path / "x" / "names.lance"))
        with pytest.raises(SpaceError, match="not one of namebasis"):
            open_space(tmp_path / "x")
        with pytest.raises(SpaceError, match="not one of namebasis"):
            build_space(corpus(), tmp_path / "x", encoder=FakeEncoder())

    def test_a_damaged_space_can_be_replaced(self, space: Space, names, encoder) -> None:
        data_file(space).unlink()
        assert len(build_space(names, space.path, encoder=encoder, overwrite=True)) == 60


class TestIndex:
    @pytest.mark.parametrize(
        "damage",
        [
            lambda p: p.unlink(),
            lambda p: p.with_suffix(".json").unlink(),
            lambda p: p.write_bytes(b""),
            lambda p: p.write_bytes(p.read_bytes()[:-1]),
            lambda p: p.write_bytes(bytes(p.stat().st_size)),
            lambda p: p.with_suffix(".json").write_text("nonsense"),
        ],
    )
    def test_damage_is_repaired_with_a_warning_once(self, space: Space, damage) -> None:
        expected = space.nearest("vicki", 10)
        rows = digest(space.path / "names.lance")
        damage(space.path / "indices" / "text.faiss")
        opened = open_space(space.path)
        with pytest.warns(NamebasisWarning, match=r"text\.(faiss|json).*The index is rebuilt"):
            repaired = opened.nearest("vicki", 10)
        assert repaired.ids.tolist() == expected.ids.tolist()
        np.testing.assert_array_equal(repaired.similarities, expected.similarities)
        assert digest(space.path / "names.lance") == rows
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert open_space(space.path).nearest("vicki", 10).ids.tolist() == expected.ids.tolist()

    def test_one_of_another_build_is_not_taken(self, space: Space, tmp_path: Path) -> None:
        other = build_space(corpus(), tmp_path / "other", encoder=FakeEncoder(salt="o"))
        for name in ("text.faiss", "text.json"):
            (space.path / "indices" / name).write_bytes(
                (other.path / "indices" / name).read_bytes()
            )
        expected = space.vectors() @ space.vectors(ids=[0])[0]
        with pytest.warns(NamebasisWarning, match="made for other vectors"):
            result = open_space(space.path).nearest("vicki", 5)
        np.testing.assert_allclose(result.similarities, np.sort(expected)[::-1][1:6], atol=1e-6)

    def test_a_space_of_inverted_lists_answers_and_is_repaired(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(vector_index, "FLAT_ROWS", 300)
        space = build_space(corpus(400), tmp_path / "ivf", encoder=FakeEncoder())
        facts = space.info()["indices"]["text"]
        assert facts["factory"] == "IVF256,Flat"
        assert facts["recall_at_10"] >= 0.95
        path = space.path / "indices" / "text.faiss"
        cosines = space.vectors() @ space.vectors(ids=[0])[0]
        assert space.nearest("vicki", 1, farthest=True).ids[0] == cosines.argmin()
        where = "gender = 'F'"
        ids = space.ids(where)
        best = ids[np.argsort(-cosines[ids])][1:6]
        assert space.nearest("vicki", 5, where=where).ids.tolist() == best.tolist()
        grown = add_names(space, make_names([{"name": "Late", "part": "given"}]))
        assert grown.nearest(grown.vectors(ids=[400])[0], 1).names == ("Late",)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.warns(NamebasisWarning, match="rebuilt"):
            assert open_space(space.path).index().n_rows == 401


class TestGraph:
    def test_it_holds_the_nearest_others_and_is_kept(self, space: Space, monkeypatch) -> None:
        graph = space.graph(k=5)
        cosines = space.vectors() @ space.vectors().T
        np.fill_diagonal(cosines, -2)
        best = -np.sort(-cosines, axis=1)[:, :5]
        np.testing.assert_allclose(graph.similarities, best, atol=1e-5)
        np.testing.assert_allclose(np.take_along_axis(cosines, graph.indices, 1), best, atol=1e-5)
        from namebasis.analysis.graph import neighbours

        monkeypatch.setattr(neighbours, "knn_graph", None)
        kept = open_space(space.path).graph(k=5)
        np.testing.assert_array_equal(kept.indices, graph.indices)
        np.testing.assert_array_equal(kept.similarities, graph.similarities)

    def test_it_follows_the_rows_the_view_and_k(self, space: Space) -> None:
        assert space.graph(k=3).indices.shape == (60, 3)
        assert space.graph(k=4).indices.shape == (60, 4)
        token = space.graph("token", 3)
        assert not np.array_equal(token.similarities, space.graph(k=3).similarities)
        grown = add_names(space, make_names([{"name": "Late", "part": "given"}]))
        assert grown.graph(k=3).indices.shape == (61, 3)

    def test_damage_is_repaired_with_a_warning(self, space: Space) -> None:
        expected = space.graph(k=3)
        path = space.path / "indices" / "text.k3.graph.npz"
        for content in (b"", b"PK", path.read_bytes()[:-300], b"\x80\x04N."):
            path.write_bytes(content)
            with pytest.warns(NamebasisWarning, match=r"npz: damaged .* rebuilt"):
                np.testing.assert_array_equal(space.graph(k=3).indices, expected.indices)


def test_vectors_that_are_no_unit_vectors_are_refused_by_name(tmp_path: Path) -> None:
    from namebasis.namespace.store.dataset import check_units

    rows = np.eye(3, dtype=np.float32)
    rows[1] = 0
    assert check_units(rows, tmp_path) is rows
    for damage in (2075.0, np.nan, 0.5):
        broken = rows.copy()
        broken[2, 0] = damage
        with pytest.raises(SpaceError, match=r"damaged \(vectors that are not of length 1\)"):
            check_units(broken, tmp_path)
