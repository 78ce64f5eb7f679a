"""Asking a space: rows by SQL, names by any spelling, nearest names of anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from namebasis.errors import EncoderError, FilterError, SpaceError, TargetError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.space import is_complete
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """One space for the whole file; nothing here writes to it."""
    path = tmp_path_factory.mktemp("shared") / "a.space"
    return build_space(corpus(), path, encoder=FakeEncoder())


def ranked(cosines: np.ndarray) -> np.ndarray:
    """Largest first along the last axis; equal ones by row number."""
    return np.argsort(-np.round(cosines, 6), axis=-1, kind="stable")


class TestTable:
    def test_columns_where_order_and_limit(self, space: Space) -> None:
        where = "gender = 'F' AND count IS NOT NULL"
        rows = space.table(["name", "count"], where=where, order_by="count desc", limit=3)
        plain = [
            row
            for row in space.table().to_pylist()
            if row["gender"] == "F" and row["count"] is not None
        ]
        plain.sort(key=lambda row: -row["count"])
        assert rows.to_pylist() == [{"name": r["name"], "count": r["count"]} for r in plain[:3]]

    def test_ascending_puts_nulls_last_and_keeps_row_order_in_ties(self, space: Space) -> None:
        rows = space.table(["id", "weight", "count"], order_by="count").to_pylist()
        counts = [row["count"] for row in rows]
        present = [count for count in counts if count is not None]
        assert counts == sorted(present) + [None] * (len(counts) - len(present))
        ties = space.table(["id"], order_by="part").to_pylist()
        plain = sorted(space.table(["id", "part"]).to_pylist(), key=lambda r: (r["part"], r["id"]))
        assert [row["id"] for row in ties] == [row["id"] for row in plain]

    def test_ids_keep_their_order_and_repeats(self, space: Space) -> None:
        ids = [40, 3, 40, 0]
        assert space.table(["id"], ids=ids)["id"].to_pylist() == ids
        assert space.table(["name"], ids=[]).num_rows == 0
        np.testing.assert_array_equal(space.vectors(ids=ids), space.vectors()[ids])
        np.testing.assert_array_equal(space.vectors(ids=np.arange(60)[::-1]), space.vectors()[::-1])

    def test_a_view_may_be_named_and_is_left_out_otherwise(self, space: Space) -> None:
        assert "text" not in space.table().column_names
        rows = space.table(["text"], limit=1)["text"][0].as_py()
        np.testing.assert_allclose(rows, space.vectors()[0])

    def test_list_columns_can_be_asked(self, space: Space) -> None:
        assert space.table(["name"], where="array_has(locales, 'nl_NL')")["name"].to_pylist() == [
            "Zoë"
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"columns": ["nope"]}, "no column 'nope'; there are id, name"),
            ({"order_by": "nope"}, "no column 'nope'"),
            ({"order_by": "count sideways"}, "'column' or 'column desc'"),
            ({"order_by": ""}, "no column ''"),
            ({"limit": -1}, "limit must be an integer, at least 0"),
            ({"ids": [60]}, "between 0 and 59; got 60 to 60"),
            ({"ids": [-1]}, "between 0 and 59"),
            ({"ids": [0.5]}, "list of integers"),
            ({"ids": [1], "where": "true"}, "where or ids"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, space: Space, arguments, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            space.table(**arguments)


class TestWhere:
    @pytest.mark.parametrize(
        "where",
        [
            "1", "name", "select 1", "(select max(id) from t) = 3", "exists(select 1)", "",
            " ", "name = 'King' -- x", "name = 'King' /* c */", "name = 'King", 'name = "King',
            "id < 5; drop table x", "name = 'a';", "id < 5 and", "id < 5 order by id",
            "id < 5 limit 1", "id < 5) or (id > 7", "(id < 5", "id < 5 union select 1",
            "id < 5, id > 2", "id < 'a\0'", "count(*) > 1", "nosuch(id) = 1", "id",
        ],
    )  # fmt: skip
    def test_what_is_not_one_boolean_expression_is_refused(self, space: Space, where: str) -> None:
        message = "one boolean SQL expression; got .*: ."
        with pytest.raises(FilterError, match=message) as caught:
            space.ids(where)
        assert "\n" not in str(caught.value).replace(repr(where), "")
        assert ".rs" not in str(caught.value)

    def test_an_unknown_column_says_which_there_are(self, space: Space) -> None:
        with pytest.raises(FilterError, match=r"nope.*The columns are id, name, .*n_tokens"):
            space.ids("nope = 3")

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ("name = 'O''Brien'", ["O'Brien"]),
            ("name = 'a;b' or name = 'O''Brien'", ["O'Brien"]),
            ("name = '--' OR name = 'Vicki'", ["Vicki"]),
            ("name LIKE '%/*%' OR name = 'Vicki'", ["Vicki"]),
            ("name = '(' OR name = 'Vicki'", ["Vicki"]),
            ("\n(name = 'Vicki')\n", ["Vicki"]),
            ("true AND false", []),
            ("regexp_like(name, '^V')", ["Vicki"]),
        ],
    )
    def test_text_in_quotes_is_only_text(self, space: Space, where: str, expected) -> None:
        assert space.table(["name"], where=where)["name"].to_pylist() == expected


class TestFind:
    @pytest.mark.parametrize(
        ("text", "name"),
        [("Vicki", "Vicki"), ("vicki", "Vicki"), ("VICKI", "Vicki"), ("zoe", "Zoë"),
         ("Zoe\u0308", "Zoë"), (" O'BRIEN ", "O'Brien"), ("O’Brien", "O'Brien"),
         ("Vick", None), ("", None), ("'", None),
         ("a\0b", None), ("%", None)],
    )  # fmt: skip
    def test_a_name_is_found_in_any_case_and_without_accents(self, space, text, name) -> None:
        row = space.find(text)
        assert (None if row is None else space.table(["name"], ids=[row])["name"][0].as_py()) == (
            name
        )

    def test_the_part_decides_between_equal_names(self, space: Space) -> None:
        def part(row):
            return space.table(["part"], ids=[row])["part"][0].as_py()

        assert part(space.find("King")) == "given"
        assert part(space.find("king", part="family")) == "family"
        assert space.find("King", part="pseudo") is None

    def test_as_written_comes_before_folded(self, tmp_path: Path, encoder: FakeEncoder) -> None:
        names = make_names([{"name": n, "part": "given"} for n in ("Zoe", "Zoë")])
        space = build_space(names, tmp_path / "z", encoder=encoder)
        assert (space.find("Zoe"), space.find("Zoë"), space.find("ZOE")) == (0, 1, 0)

    def test_many_names_are_found_in_one_pass(self, space: Space, monkeypatch) -> None:
        names = ["VICKI", "nobody", "", "a\0b", "zoe", *space.table(["name"])["name"].to_pylist()]
        expected = [space.find(name) for name in names]
        scans = []
        real = type(space._store).scan
        monkeypatch.setattr(
            type(space._store), "scan", lambda *given: scans.append(given) or real(*given)
        )
        fresh = space.reopened()
        assert fresh.find_all(names) == expected
        assert len(scans) == 1
        assert fresh.find_all([]) == []
        # Whoever asks often asks memory.
        for _ in range(4):
            fresh.find("Vicki")
        scans.clear()
        assert fresh.find_all(names) == expected
        assert scans == []

    def test_a_kana_is_no_other_kana(self, tmp_path: Path, encoder: FakeEncoder) -> None:
        names = make_names([{"name": n} for n in ("ハナコ", "Андреи", "Søren", "Łukasz")])
        space = build_space(names, tmp_path / "k", encoder=encoder)
        assert space.find_all(["バナコ", "Андрей", "soren", "lukasz"]) == [None, None, 2, 3]

    def test_a_space_of_another_folding_still_finds_its_names(
        self, tmp_path: Path, encoder: FakeEncoder, monkeypatch
    ) -> None:
        from namebasis.namespace.building import encode

        monkeypatch.setattr(encode, "fold", lambda name: f"old {name}")
        monkeypatch.setattr(encode, "FOLDING", "1")
        names = make_names([{"name": n} for n in ("Søren", "ハナコ", "José")])
        old = build_space(names, tmp_path / "old", encoder=encoder)
        monkeypatch.undo()
        assert old.find_all(["soren", "バナコ", "JOSE"]) == [0, None, 2]
        more = add_names(old, make_names([{"name": "O'Brien"}]), encoder=encoder)
        assert (more.find("o’brien"), more.find("soren")) == (3, 0)


class TestNearest:
    def test_a_stored_name_loads_no_encoder_and_leaves_itself_out(self, space, monkeypatch) -> None:
        opened = open_space(space.path)

        def forbidden():
            raise AssertionError("an encoder was loaded")

        monkeypatch.setattr(opened, "encoder", forbidden)
        row = opened.find("Vicki")
        result = opened.nearest("vicki", 59)
        cosines = opened.vectors() @ opened.vectors()[row]
        order = [i for i in ranked(cosines) if i != row]
        assert result.ids.tolist() == order
        assert (result.kind, result.label) == ("stored", "vicki")
        np.testing.assert_allclose(result.similarities, cosines[order], atol=1e-6)
        names = opened.table(["name"], ids=order)["name"].to_pylist()
        assert list(result.names) == names
        table = result.to_arrow()
        assert table.column_names == ["id", "name", "similarity", "part", "gender", "locales"]
        assert table["name"].to_pylist() == names
        own = opened.nearest("vicki", 1, include_self=True)
        assert own.ids.tolist() == [row]
        assert own.similarities[0] == pytest.approx(1, abs=1e-6)

    def test_the_first_answer_and_the_later_ones_hold_the_same_rows(self, tmp_path: Path) -> None:
        opened = build_space(corpus(), tmp_path / "a.space", encoder=FakeEncoder())
        answers = [opened.nearest(["vicki", "zoe"], 20) for _ in range(3)]
        for answer in answers:
            for result in answer.split():
                rows = opened.table(["name", "part", "gender", "locales"], ids=result.ids)
                assert result.columns.equals(rows)
        opened.add_metrics(pa.table({"id": [0], "a": [1]}), study="s", parameters={})
        assert opened.nearest("vicki", 3).names == answers[0].of(0).names[:3]

    def test_a_text_is_encoded_as_it_stands(self, space: Space, encoder: FakeEncoder) -> None:
        query = encoder.encode_text(["a senior lady"])[0]
        result = space.nearest("a senior lady", 5)
        assert result.kind == "text"
        np.testing.assert_allclose(
            result.similarities, np.sort(space.vectors() @ query)[::-1][:5], atol=1e-6
        )

    @pytest.mark.parametrize("where", ["gender = 'F'", "count > 40", "name = 'King'"])
    def test_a_filter_is_applied_inside_the_search(self, space: Space, where: str) -> None:
        query = np.random.default_rng(0).standard_normal(16)
        allowed = space.ids(where)
        cosines = space.vectors()[allowed] @ (query / np.linalg.norm(query))
        best = allowed[ranked(cosines)][:8]
        assert space.nearest(query, 8, where=where).ids.tolist() == best.tolist()

    def test_a_filter_that_leaves_nothing_gives_an_empty_answer(self, space: Space) -> None:
        result = space.nearest("vicki", 5, where="false")
        assert len(result) == 0
        assert result.to_arrow().num_rows == 0

    def test_farthest_is_the_other_end_of_the_ranking(self, space: Space) -> None:
        result = space.nearest("vicki", 4, farthest=True)
        cosines = space.vectors() @ space.vectors(ids=[space.find("vicki")])[0]
        assert result.ids.tolist() == ranked(-cosines)[:4].tolist()
        np.testing.assert_allclose(result.similarities, np.sort(cosines)[:4], atol=1e-6)

    def test_several_targets_give_the_answers_of_each(self, space: Space) -> None:
        vector = np.ones(16)
        many = space.nearest(["vicki", "some text", vector], 5)
        for target, result in zip(["vicki", "some text", vector], many.split(), strict=True):
            one = space.nearest(target, 5)
            assert (one.ids.tolist(), one.label) == (result.ids.tolist(), result.label)
            assert one.names == result.names
            assert one.to_dict() == result.to_dict()
        assert many.kinds == ("stored", "text", "vector")
        assert many.to_dict() == {"queries": [one.to_dict() for one in many.split()]}
        frame = many.to_arrow()
        (table,) = many.tables()
        assert table.columns[:2] == ["query", "name"]
        assert [row[0] for row in table.rows] == frame["query"].to_pylist()
        assert frame["query"].to_pylist() == [q for q in many.queries for _ in range(5)]
        assert many.of("some text").names == space.nearest("some text", 5).names == many.names[5:10]
        assert frame.filter(pc.equal(frame["query"], "vicki"))["id"].to_pylist() == (
            many.of(0).ids.tolist()
        )
        assert len(space.nearest(np.eye(16)[:3], 2).split()) == 3

    def test_one_target_in_a_list_is_one_query_and_none_is_an_empty_result(
        self, space: Space
    ) -> None:
        listed = space.nearest(["vicki"], 3)
        assert listed.to_arrow().column_names[:2] == ["query", "id"]
        assert listed.of(0).to_arrow().equals(space.nearest("vicki", 3).to_arrow())
        none = space.nearest([], 2)
        assert (len(none), none.queries, none.split()) == (0, (), ())
        assert none.to_arrow().num_rows == 0
        assert str(none)

    def test_a_filter_may_leave_fewer_names_to_one_query_than_to_another(
        self, space: Space
    ) -> None:
        where = "name IN ('Vicki', 'King', 'Zoe')"
        found = space.nearest(["vicki", "some text"], 9, where=where)
        alone = [space.nearest(target, 9, where=where) for target in ("vicki", "some text")]
        assert found.counts == tuple(map(len, alone))
        assert [one.names for one in found.split()] == [one.names for one in alone]

    def test_what_was_not_asked_for_is_refused(self, space: Space) -> None:
        found = space.nearest(["vicki", "king"], 2)
        with pytest.raises(ValueError, match=r"'viki' was not asked for\. Did you mean 'vicki'"):
            found.of("viki")
        with pytest.raises(ValueError, match="query must be an integer, between 0 and 1; got 2"):
            found.of(2)
        with pytest.raises(ValueError, match=r"kind is of one target; of 2 see kinds, or of\(0\)"):
            _ = found.kind

    def test_plus_and_minus_add_unit_vectors_and_leave_all_terms_out(self, space: Space) -> None:
        rows = [space.find(name) for name in ("king", "vicki", "zoe")]
        king, vicki, zoe = space.vectors(ids=rows)
        total = king + vicki - zoe
        result = space.nearest("king", 10, plus=["vicki"], minus=["zoe"])
        assert result.label == "king + vicki - zoe"
        assert not set(rows) & set(result.ids.tolist())
        cosines = space.vectors() @ (total / np.linalg.norm(total))
        order = [i for i in ranked(cosines) if i not in rows][:10]
        assert result.ids.tolist() == order
        mixed = space.nearest({"king": 1, "vicki": 1, "zoe": -1}, 10)
        assert mixed.ids.tolist() == order

    def test_the_token_view_has_its_own_vectors(self, space: Space, encoder: FakeEncoder) -> None:
        query = encoder.token_embeddings(["Unseen"])[0]
        result = space.nearest("Unseen", 3, view="token")
        cosines = space.vectors("token") @ (query / np.linalg.norm(query))
        np.testing.assert_allclose(result.similarities, np.sort(cosines)[::-1][:3], atol=1e-6)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"target": ""}, TargetError, "must not be empty"),
            ({"target": "x" * 10_001}, TargetError, "up to 10,000 characters; got 10,001"),
            ({"target": "a\0b"}, TargetError, "NUL"),
            ({"target": None}, TargetError, "got NoneType"),
            ({"target": {}}, TargetError, "at least one"),
            ({"target": {"king": np.inf}}, TargetError, "finite"),
            ({"target": "king", "minus": ["king"]}, TargetError, "cancels out"),
            ({"target": np.ones(15)}, ValueError, "must have 16 columns; got 15"),
            ({"target": np.full(16, np.nan)}, ValueError, "finite"),
            ({"target": np.zeros(16)}, TargetError, "no direction"),
            ({"target": "king", "k": 0}, ValueError, "k must be"),
            ({"target": "king", "k": 2.5}, ValueError, "k must be"),
            ({"target": "king", "view": "image"}, ValueError, "one of text, token; got 'image'"),
        ],
    )
    def test_bad_targets_are_refused(self, space: Space, arguments, error, message: str) -> None:
        with pytest.raises(error, match=message):
            space.nearest(**arguments)

    def test_an_image_needs_an_encoder_that_sees(self, space: Space) -> None:
        image = pytest.importorskip("PIL.Image").new("RGB", (4, 4))
        for target in (image, np.zeros((4, 4, 3), np.uint8), Path("face.jpg")):
            with pytest.raises(TargetError, match="fake does not read images"):
                space.nearest(target)
        with pytest.raises(TargetError, match="token view"):
            space.nearest(image, view="token")

    def test_an_image_is_encoded_by_one_that_does(self, space: Space, monkeypatch) -> None:
        image = pytest.importorskip("PIL.Image").new("RGB", (4, 4))
        encoder = space.encoder()
        monkeypatch.setattr(encoder, "has_images", True, raising=False)
        monkeypatch.setattr(encoder, "encode_images", lambda images: np.eye(16)[:1])
        result = space.nearest(image, 60)
        np.testing.assert_allclose(
            result.similarities, np.sort(space.vectors()[:, 0])[::-1], atol=1e-6
        )


class TestSearch:
    def test_excluded_rows_are_replaced_by_the_next_best(self, space: Space) -> None:
        queries = space.vectors(ids=[1, 2])
        everything = space.search(queries, 60)[1]
        exclude = {int(everything[0, 0]), int(everything[0, 3]), 7}
        similarities, ids = space.search(queries, 20, exclude=exclude)
        for row in range(2):
            expected = [i for i in everything[row] if i not in exclude][:20]
            assert ids[row].tolist() == expected
        assert similarities.shape == (2, 20)

    def test_what_is_left_after_filter_and_exclusion_is_all_there_is(self, space: Space) -> None:
        left = space.ids("part = 'family'").tolist()
        _, ids = space.search(
            space.vectors(ids=[0]), 9, where="part = 'family'", exclude=[left[0], 0]
        )
        assert sorted(ids[0].tolist()) == left[1:]

    def test_rows_newer_than_the_index_are_merged(self, tmp_path: Path) -> None:
        encoder = FakeEncoder()
        space = build_space(corpus(), tmp_path / "a.space", encoder=encoder)
        grown = add_names(space, make_names([{"name": "Newcomer", "part": "given"}]))
        assert grown.index().n_rows == 60
        queries = encoder.encode_text([f"text {i}" for i in range(30)])
        cases = [(None, False), (None, True), ("id > 40", False), ("id = 60", False)]
        for where, farthest in cases:
            similarities, ids = grown.search(queries, 12, where=where, farthest=farthest)
            allowed = grown.ids(where)
            cosines = queries @ grown.vectors().T
            best = np.sort(cosines[:, allowed], axis=1)
            best = best[:, :12] if farthest else best[:, ::-1][:, :12]
            np.testing.assert_allclose(similarities, best, atol=1e-6)
            np.testing.assert_allclose(np.take_along_axis(cosines, ids, 1), best, atol=1e-6)
            assert np.isin(ids, allowed).all()
            assert all(len(set(row)) == len(row) for row in ids.tolist())
        assert (grown.search(queries, 61)[1] == 60).any(axis=1).all()


class TestEncoder:
    def test_it_is_loaded_once_by_its_spec_and_revision(self, space, monkeypatch) -> None:
        from namebasis.encoders import registry

        asked = []

        def load(spec, *, revision=None, **_):
            asked.append((spec, revision))
            return FakeEncoder()

        monkeypatch.setattr(registry, "load_encoder", load)
        opened = open_space(space.path)
        opened.nearest("some text", 2)
        opened.nearest("another text", 2)
        assert asked == [("fake", None)]

    def test_other_weights_are_refused(self, space: Space, monkeypatch) -> None:
        from namebasis.encoders import registry

        other = FakeEncoder(salt="other")
        monkeypatch.setattr(registry, "load_encoder", lambda spec, **_: other)
        with pytest.raises(EncoderError, match=r"built with fake .* has other weights"):
            open_space(space.path).nearest("some text")
        with pytest.raises(EncoderError, match="other weights"):
            open_space(space.path, encoder=other)


class TestOpening:
    def test_a_space_copied_in_part_is_not_said_to_lack_what_it_has(self, tmp_path: Path) -> None:
        (tmp_path / "names.lance" / "data").mkdir(parents=True)
        with pytest.raises(SpaceError, match=r"its names\.lance holds no version"):
            open_space(tmp_path)

    def test_what_is_no_space_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SpaceError, match=r"no\.space: there is no name space"):
            open_space(tmp_path / "no.space")
        with pytest.raises(SpaceError, match="not a name space"):
            open_space(tmp_path)
        assert not is_complete(tmp_path)

    def test_info_says_what_it_holds(self, space: Space) -> None:
        facts = space.info()
        assert (facts["names"], facts["encoder"]) == (60, "fake")
        assert facts["views"] == {"text": 16, "token": 8}
        assert facts["indices"]["text"]["factory"] == "Flat"
        assert is_complete(space.path)

    def test_every_query_agrees_after_opening_again(self, space: Space) -> None:
        opened = open_space(space.path)
        assert opened.provenance == space.provenance
        assert opened.nearest("vicki").ids.tolist() == space.nearest("vicki").ids.tolist()
        assert corpus().strings == opened.table(["name"])["name"].to_pylist()
