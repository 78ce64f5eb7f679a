"""Records beside beliefs: agree, disagree or silent, with the numbers, in one sentence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from namebasis.namespace.corpus.us_names import recorded_births
from namebasis.studies.attributes.beliefs import AxisBelief
from namebasis.studies.card import comparison
from namebasis.studies.card.comparison import Usual, compare, told_of_records, usual
from namebasis.studies.card.records import Births, Record, births_of

OLD = Births(1000, 1950, 1960, 1950, {1950: 900, 1960: 100}, 1.0, 63.0)
USUAL = Usual(40.0, 1980.0)


def believes(axis: str, reads: tuple[str, ...], towards: int, p: float = 0.01) -> AxisBelief:
    kind = "nominal" if axis == "region" else "ordinal"
    return AxisBelief(
        axis, kind, "inferred", reads, np.array([towards]), np.array([0.95]), np.array([3.0]),
        np.array([p]),
    )  # fmt: skip


def gender(towards: int, p: float = 0.01) -> AxisBelief:
    return believes("gender", ("masculine", "feminine"), towards, p)


def age(towards: int, p: float = 0.01) -> AxisBelief:
    return believes("age", ("younger than most", "older than most"), towards, p)


@pytest.mark.parametrize(
    ("beliefs", "verdicts", "said"),
    [
        ([gender(1), age(1)], ["agrees", "agrees"], "US records agree: "),
        ([gender(0), age(0)], ["disagrees", "disagrees"], "US records disagree: "),
        ([gender(1), age(0)], ["agrees", "disagrees"],
         "US records agree on gender and disagree on age: "),
        ([gender(1, 0.2), age(1, 0.2)], ["no belief", "no belief"], "US records say: "),
        ([gender(1), age(1, 0.2)], ["agrees", "no belief"], "US records agree: "),
    ],
)  # fmt: skip
def test_births_agree_or_not(beliefs: list[AxisBelief], verdicts: list[str], said: str) -> None:
    found = compare([Record({"share_female": 1.0, "count": 1000}, OLD)], beliefs, USUAL)
    assert [one.verdict for one in found] == verdicts
    assert told_of_records(found) == f"{said}100 % women and most born in the 1950s"
    assert "63 years, the mean of 1,000 US births" in found[1].record
    assert "half of the other names are above 40" in found[1].record
    silent = [one for one in found if one.verdict == "no belief"]
    assert all(one.belief == "no belief beyond chance" for one in silent)


def test_what_records_do_not_ask_is_no_agreement() -> None:
    # Too few other names have births to say what is old here.
    found = compare([Record({}, OLD)], [age(1)], Usual(None, None))
    assert [one.verdict for one in found] == [""]
    assert told_of_records(found) == "US records say: most born in the 1950s"
    assert compare([Record({"part": "given"}, None)], [gender(1), age(1)], USUAL) == ()
    assert told_of_records([]) == ""


def test_origins_are_held_against_regions() -> None:
    regions = ("Western Europe", "Latin America")
    latin = believes("region", regions, 1)
    census = Record({"pct_hispanic": 92.0, "pct_white": 5.0}, None)
    (found,) = compare([census], [latin], USUAL)
    assert (found.verdict, found.record) == ("agrees", "92 % hispanic, 5 % white of US bearers")
    (found,) = compare([Record({"locales": ["de_DE", "en_US"]}, None)], [latin], USUAL)
    assert (found.verdict, found.told) == ("disagrees", "listed in de_DE, en_US")
    mixed = Record({"pct_hispanic": 40.0, "pct_white": 35.0}, None)  # half are of no group
    (found,) = compare([mixed], [latin], USUAL)
    assert (found.verdict, told_of_records([found])) == ("", "")


def test_men_are_told_by_their_share_and_lists_by_their_mark() -> None:
    (found,) = compare([Record({"share_female": 0.1, "count": 50}, None)], [gender(0)], USUAL)
    assert (found.verdict, found.told) == ("agrees", "90 % men")
    (found,) = compare([Record({"gender": "F"}, None)], [gender(0)], USUAL)
    assert (found.verdict, found.record) == ("disagrees", "listed as a women's name")


def test_packaged_births_are_read_only_where_a_given_name_has_none_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = [{"year": 1901, "female": 10, "male": 0}]
    family = [("Mary", "family", None)]

    class Stored:
        def __init__(self, *rows: tuple[str, str, object]) -> None:
            self.rows = rows

        def table(self, columns: list[str], ids: object) -> pa.Table:
            return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in self.rows])

    def refuse() -> None:
        raise AssertionError("the packaged births were read")

    with monkeypatch.context() as patch:
        patch.setattr(comparison, "recorded_births", refuse)
        assert usual(Stored(*[("A", "given", own)] * 20, *family), np.arange(21)).decade == 1900
    packaged = births_of(recorded_births().entries("Mary"))
    assert packaged.peak > 1900
    found = usual(Stored(*[("Mary", "given", None)] * 20, *family), np.arange(21))
    assert (found.age, found.decade) == (packaged.expected_age, packaged.peak)
