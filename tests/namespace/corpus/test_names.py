"""The corpus table: made from records, merged, selected."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import (
    NAME_SCHEMA,
    Dropped,
    Names,
    distinct_names,
    make_names,
    merge_names,
)

RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["Ann", "Bo", "Cy", "Zoë", "Mary Ann"]),
            "part": st.sampled_from(["given", "family", None]),
            "gender": st.sampled_from(["F", "M", "U", None]),
            "locales": st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
            "sources": st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=2),
            "count": st.none() | st.integers(0, 1000),
            "weight": st.none() | st.floats(0, 1),
            "share_female": st.none() | st.floats(0, 1),
            "births": st.none()
            | st.lists(
                st.fixed_dictionaries(
                    {"year": st.sampled_from([1900, 1901]), "female": st.integers(0, 9),
                     "male": st.integers(0, 9)}
                ),
                max_size=2, unique_by=lambda entry: entry["year"],
            ).map(lambda entries: sorted(entries, key=lambda entry: entry["year"])),
        }
    ),
    max_size=12,
)  # fmt: skip


def row(names: Names, name: str, part: str = "given") -> dict[str, object]:
    found = [r for r in names.table.to_pylist() if (r["name"], r["part"]) == (name, part)]
    assert len(found) == 1
    return dict(found[0])


def test_a_record_becomes_a_row_in_the_schema() -> None:
    names = make_names(
        [
            {
                "name": " Zoe\u0308 ", "sex": "female", "locale": "nl_NL;fr_FR", "source": "me",
                "count": "1,234", "weight": "0.5", "share_female": 0.99, "pct_white": "12.5",
                "births": [{"year": 1999, "female": 3, "male": 1}], "hobby": "chess",
            }
        ]
    )  # fmt: skip
    assert names.table.schema.equals(NAME_SCHEMA.append(pa.field("hobby", pa.string())))
    assert row(names, "Zoë") == {
        "name": "Zoë", "part": "given", "gender": "F", "locales": ["fr_FR", "nl_NL"],
        "sources": ["me"], "count": 1234, "weight": 0.5, "share_female": 0.99,
        "births": [{"year": 1999, "female": 3, "male": 1}], "pct_white": 12.5, "pct_black": None,
        "pct_asian": None, "pct_native": None, "pct_multiracial": None, "pct_hispanic": None,
        "hobby": "chess",
    }  # fmt: skip


def test_inner_white_space_makes_a_name_full() -> None:
    names = make_names([{"name": "Anna"}, {"name": "Anna\u00a0Lee"}, {"name": " Bo "}])
    assert names.table["part"].to_pylist() == ["given", "full", "given"]


def test_records_of_one_name_are_merged_where_the_first_one_stands() -> None:
    names = make_names(
        [
            {"name": "Andrea", "gender": "F", "locale": "de", "count": 10, "share_female": 1.0},
            {"name": "Bo"},
            {"name": "Andrea", "part": "family", "count": 7},
            {"name": " Andrea", "gender": "M", "locale": "it", "count": 30, "share_female": 0.2},
        ]
    )
    assert names.strings == ["Andrea", "Bo", "Andrea"]
    merged = row(names, "Andrea")
    assert (merged["gender"], merged["locales"], merged["count"]) == ("U", ["de", "it"], 40)
    assert merged["share_female"] == pytest.approx((10 * 1.0 + 30 * 0.2) / 40)
    assert row(names, "Andrea", "family")["count"] == 7


def test_what_is_refused_is_counted_and_the_rest_is_kept() -> None:
    names = make_names(
        [{"name": "Ann", "count": 1}, {"name": "B\0o", "count": 2}, {"name": ""}, {"name": None},
         {"name": 7}, {"name": "Cy", "count": 3}]
    )  # fmt: skip
    assert names.strings == ["Ann", "Cy"]
    assert names.table["count"].to_pylist() == [1, 3]
    assert names.dropped == (
        Dropped("control character", 1, ("B<U+0000>o",)),
        Dropped("empty", 2, ("",)),
        Dropped("not a text", 1, ("7",)),
    )


def test_no_records_are_an_empty_corpus() -> None:
    names = make_names([])
    assert len(names) == 0
    assert names.table.schema.equals(NAME_SCHEMA)
    assert len(merge_names(names, make_names([{"name": "Ann"}]))) == 1


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"nom": "Ann"}, "record 2 has no name"),
        ("Ann", "record 2 has no name"),
        ({"name": "Ann", "gender": "Q"}, "record 2: gender must be F, M, U or empty; got 'Q'"),
        ({"name": "Ann", "part": "middle"}, "part must be one of given, family, full, pseudo"),
        ({"name": "Ann", "count": "many"}, "count must be a number; got 'many'"),
        ({"name": "Ann", "count": 1.5}, "count must be a whole number"),
        ({"name": "Ann", "count": -1}, "count must be between 0"),
        ({"name": "Ann", "count": 10**400}, "count must be a number"),
        ({"name": "Ann", "weight": float("inf")}, "weight must be at least 0"),
        ({"name": "Ann", "share_female": 2}, "share_female must be between 0 and 1"),
        ({"name": "Ann", "pct_white": 101}, "pct_white must be between 0 and 100"),
        ({"name": "Ann", "locales": [1]}, "locales must be a text or a list of texts"),
        ({"name": "Ann", "births": "1999"}, "births must be lists of year, female and male"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_record(record: object, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        make_names([{"name": "First"}, record])  # type: ignore[list-item]


def test_not_a_number_is_null() -> None:
    names = make_names([{"name": "Ann", "count": float("nan"), "gender": float("nan")}])
    assert row(names, "Ann")["count"] is None
    assert row(names, "Ann")["gender"] is None


def test_merging_adds_over_sources_and_not_within_one() -> None:
    births = [{"year": 1900, "female": 5, "male": 0}, {"year": 1901, "female": 6, "male": 1}]
    other = [{"year": 1901, "female": 1, "male": 1}, {"year": 1902, "female": 2, "male": 2}]
    one = make_names(
        [
            {"name": "Ann", "source": "us", "locale": "en_US", "count": 12, "births": births,
             "share_female": 0.9, "weight": 0.1},
        ]
    )  # fmt: skip
    two = make_names(
        [
            {"name": "Bo"},
            {"name": "Ann", "source": "uk", "locale": "en_GB", "count": 6, "births": other,
             "share_female": 0.6, "weight": 0.3},
        ]
    )  # fmt: skip
    merged = merge_names(one, two)
    assert merged.strings == ["Ann", "Bo"]
    ann = row(merged, "Ann")
    assert (ann["count"], ann["weight"], ann["sources"]) == (18, 0.3, ["uk", "us"])
    assert ann["locales"] == ["en_GB", "en_US"]
    assert ann["share_female"] == pytest.approx((12 * 0.9 + 6 * 0.6) / 18)
    assert ann["births"] == [
        {"year": 1900, "female": 5, "male": 0},
        {"year": 1901, "female": 7, "male": 2},
        {"year": 1902, "female": 2, "male": 2},
    ]
    assert row(merge_names(merged, one), "Ann") == ann  # "us" is in it already


def test_merging_keeps_what_was_dropped() -> None:
    one, two = make_names([{"name": ""}]), make_names([{"name": ""}, {"name": "\0"}])
    assert merge_names(one, two).dropped == (
        Dropped("empty", 2, ("",)),
        Dropped("control character", 1, ("<U+0000>",)),
    )
    with pytest.raises(ValueError, match="at least one corpus"):
        merge_names()


@pytest.mark.long
@given(RECORDS)
@settings(max_examples=60, deadline=None)
def test_merging_a_corpus_with_itself_changes_nothing(records: list[dict[str, object]]) -> None:
    names = make_names(records)
    assert merge_names(names).table.equals(names.table)
    assert merge_names(names, names).table.equals(names.table)


@pytest.mark.long
@given(RECORDS, RECORDS)
@settings(max_examples=60, deadline=None)
def test_merging_keeps_order_and_loses_no_name(
    one: list[dict[str, object]], two: list[dict[str, object]]
) -> None:
    first, second = make_names(one), make_names(two)
    merged = merge_names(first, second)
    keys = [
        (r["name"], r["part"]) for r in itertools.chain(first.table.to_pylist(),
                                                        second.table.to_pylist())
    ]  # fmt: skip
    assert [(r["name"], r["part"]) for r in merged.table.to_pylist()] == list(dict.fromkeys(keys))
    swapped = {(r["name"], r["part"]): r for r in merge_names(second, first).table.to_pylist()}
    for r in merged.table.to_pylist():
        other = swapped[r["name"], r["part"]]
        for column in ("gender", "locales", "sources", "count", "weight", "births"):
            assert r[column] == other[column]


def test_the_first_rows_or_a_sample_in_the_same_order() -> None:
    names = make_names(
        [{"name": f"N{i:03}", "part": ("given", "family")[i % 2]} for i in range(100)]
    )
    assert names.select(limit=3).strings == ["N000", "N001", "N002"]
    assert names.select("family", limit=2).strings == ["N001", "N003"]
    sample = names.select(limit=20, seed=5)
    assert len(set(sample.strings)) == 20
    assert sample.strings == sorted(sample.strings) != names.strings[:20]
    assert names.select(limit=20, seed=5).strings == sample.strings
    assert names.select(limit=20, seed=6).strings != sample.strings
    assert names.select(limit=1000, seed=1).strings == names.strings


def test_select_says_what_it_wants() -> None:
    names = make_names([{"name": "Ann"}])
    with pytest.raises(ValueError, match="part must be one of given"):
        names.select("first")
    with pytest.raises(ValueError, match="limit must be an integer, at least 1"):
        names.select(limit=0)
    with pytest.raises(ValueError, match="seed must be an integer"):
        names.select(limit=1, seed=-1)


def test_a_table_in_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="NAME_SCHEMA; got columns \\['name'\\]"):
        Names(pa.table({"name": ["Ann"]}))


def test_names_that_are_asked_about_are_distinct_and_not_empty() -> None:
    assert distinct_names(["Vicki  Vale", " Winona"]) == ["Vicki Vale", "Winona"]
    with pytest.raises(ValueError, match=r"must differ from each other; 'Bo' comes twice"):
        distinct_names(["Bo", "Cy", " Bo ", "Cy"])
    for bad in ([], ["Bo", " "]):
        with pytest.raises(ValueError, match="none of them empty"):
            distinct_names(bad)
