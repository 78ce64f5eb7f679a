"""Filters: what reaches the engine, and what a hostile or mistaken one is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from namebasis.errors import FilterError, NamebasisHint
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.store import filters
from namebasis.namespace.store.filter_words import Held, conditions, explain
from namebasis.namespace.store.filters import MAX_TERMS, check_where
from namebasis.space import Space
from tests.namespace.conftest import FakeEncoder

COLUMNS = ("name", "gender", "locales", "n_tokens")


def test_a_column_in_double_quotes_is_the_column(space: Space) -> None:
    assert check_where("\"gender\" = 'F'", COLUMNS) == "(`gender` = 'F')"
    plain = space.ids("gender = 'F'").tolist()
    assert plain
    assert space.ids("\"gender\" = 'F'").tolist() == plain
    assert space.ids("`gender` = 'F'").tolist() == plain
    with pytest.raises(FilterError, match="no column 'F'; double quotes hold columns, text is 'F'"):
        space.ids('gender = "F"')


def test_quotes_inside_of_texts_stay() -> None:
    where = "name = 'O''Brien \"gender\" ; -- ? (' AND n_tokens = 1"
    assert check_where(where, COLUMNS) == f"({where})"


LONG = {
    "a sum": ("1" + "+1" * 1000 + " > 0", "over 100 operators follow one another"),
    "a sum of parentheses": ("(1)" + "+(1)" * 1000 + " > 0", "over 100 operators"),
    "joined texts": ("'a'" + "||'a'" * 1000 + " = name", "over 100 operators"),
    "negations": ("NOT " * 1000 + "true", "over 100 operators"),
    "signs": ("- " * 1000 + "1 < 0", "over 100 operators"),
    "tests": ("name" + " IS NULL" * 1000, "over 100 operators"),
    "casts": ("n_tokens" + "::int" * 1000 + " = 1", "over 100 operators"),
    "comparisons": ("1" + " = 1" * 1000, "over 100 operators"),
    "parentheses": ("(" * 10_000 + "true" + ")" * 10_000, "nested more than 40 levels"),
    "brackets": ("[" * 10_000 + "1" + "]" * 10_000, "nested more than 40 levels"),
    "functions": ("lower(" * 10_000 + "name" + ")" * 10_000, "nested more than 40 levels"),
    "cases": ("CASE WHEN " * 1000 + "true" + " THEN true END" * 1000, "nested more than 40"),
    "terms": ("true OR " * MAX_TERMS + "true", r"over 4,000 terms; write column IN"),
    "letters": (f"name = '{'a' * 1_000_001}'", "1,000,0.. letters, over 1,000,000"),
    "digits": ("1" * 41 + " = 1", "a number has 41 digits"),
}


@pytest.mark.parametrize("name", LONG)
def test_what_would_overflow_the_engine_is_refused_before_it(name: str) -> None:
    where, message = LONG[name]
    with pytest.raises(FilterError, match=message) as caught:
        check_where(where, COLUMNS)
    assert len(str(caught.value)) < 600


@pytest.mark.long
def test_long_lists_and_many_terms_pass(space: Space) -> None:
    first = space.table(["name"], limit=1)["name"][0].as_py()
    listed = ", ".join(f"'n{at}'" for at in range(20_000))
    assert space.ids(f"name IN ({listed}, '{first}')").tolist() == [0]
    terms = " OR ".join(f"name = 'n{at}'" for at in range(MAX_TERMS - 1))
    assert space.ids(f"{terms} OR name = '{first}'").tolist() == [0]
    assert space.ids("(" * 36 + "true" + ")" * 36).size == len(space)
    assert space.ids("1" + "+1" * 90 + " > 0").size == len(space)


@pytest.mark.parametrize("sign", ["?", "$1", ":a", ":a:", "@a", "$$a$$"])
def test_placeholders_are_refused_as_such(sign: str) -> None:
    with pytest.raises(FilterError, match=r"holds a placeholder .* no value"):
        check_where(f"n_tokens = {sign}", COLUMNS)


@pytest.mark.parametrize(
    "call",
    ["repeat('a', 1000000000)", "LPAD ('a', 2000000000, 'b')", "rpad(name, 9, 'b')", "space(9)",
     "replace(name, 'a', 'b')", "array_repeat(1, 9)", "range(0, 9)", "generate_series(0, 9)",
     "regexp_replace(name, 'a', 'b')", "array_resize(locales, 9)", "uuid()", "`repeat`('a', 9)",
     "arrow_cast('x', 'FixedSizeBinary(2000000000)')", "\"name\"('a')", "f.repeat('a', 9)"],
)  # fmt: skip
def test_functions_that_make_any_length_are_refused(space: Space, call: str) -> None:
    with pytest.raises(FilterError, match=r"no function|No field|not supported|there is no"):
        space.ids(f"{call} = name")


@pytest.mark.parametrize("text", ["E'\\''", "N'a'", "X'ff'", "E '\\''"])
def test_texts_of_other_quoting_rules_are_refused(text: str) -> None:
    with pytest.raises(FilterError, match=r"stands (at|before) a text"):
        check_where(f"name = {text}", COLUMNS)


def test_useful_functions_pass(space: Space) -> None:
    n = len(space)
    for where in (
        "length(lower(name)) > 0", "coalesce(gender, 'U') IN ('F', 'M', 'U')", "name LIKE '%'",
        "cast(n_tokens AS double) > 0.5", "starts_with(name, '')", "n_tokens BETWEEN 0 AND 99",
        "abs(-1) = 1", "name ILIKE '%'", "regexp_like(name, '.')", "name IS NOT NULL",
        "greatest(n_tokens, 5) >= 5", "DATE '2020-01-01' < now()",
    ):  # fmt: skip
        assert space.ids(where).size == n, where


@pytest.mark.parametrize(
    ("where", "instead"),
    [("name ~ '^A'", "write regexp_like(column, 'pattern')"),
     ("name !~ '^A'", "write NOT regexp_like(column, 'pattern')"),
     ("name = ANY(make_array('Anna'))", "write array_has(column, 'value')")],
)  # fmt: skip
def test_what_the_engine_does_not_know_is_answered_with_what_it_knows(
    space: Space, where: str, instead: str
) -> None:
    with pytest.raises(FilterError, match=re.escape(instead)):
        space.ids(where)


@pytest.mark.parametrize(
    "where",
    ["locales = 'is_IS'", "'is_IS' = ANY(locales)", "'is_IS' IN locales", "locales IN ('is_IS')",
     "\"locales\" = 'is_IS'", "locales LIKE 'is_IS'", "lower(locales) = 'is_IS'"],
)  # fmt: skip
def test_a_list_column_is_answered_with_how_to_ask_it(space: Space, where: str) -> None:
    with pytest.raises(FilterError, match=re.escape("write array_has(locales, 'is_IS')")) as caught:
        space.ids(where)
    assert "Utf8" not in str(caught.value), "the engine's types are of no use to a reader"
    space.ids("array_has(locales, 'is_IS')")


def test_an_unknown_column_is_named_with_its_neighbour(space: Space) -> None:
    with pytest.raises(FilterError, match="there is no column 'gendre'; did you mean gender"):
        space.ids("gendre = 'F'")


def test_a_value_that_no_name_has_is_said_with_those_there_are(space: Space) -> None:
    values = set(space.table(["gender"])["gender"].to_pylist()) - {None}
    with pytest.warns(NamebasisHint, match="no name passes gender = 'female'; its values are") as w:
        assert space.ids("gender = 'female'").size == 0
    told = str(w[0].message).partition("its values are ")[2].rstrip(".")
    assert set(told.split(", ")) == values


def test_a_part_that_a_study_asks_for_may_be_missing_without_a_warning(space: Space) -> None:
    parts = space.table(["part"])["part"].to_pylist()
    for part in ("given", "family", "no such"):
        expected = [row for row, one in enumerate(parts) if one == part]
        assert space.ids_of_part(part).tolist() == expected  # a warning is an error here


def test_a_panic_over_an_expression_is_no_damage(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        pass

    scanner = type(space._store.dataset).scanner

    def panicking(self: object, *arguments: object, **named: object) -> object:
        if "filter" in named:
            raise PanicException("not yet implemented")
        return scanner(self, *arguments, **named)

    monkeypatch.setattr(type(space._store.dataset), "scanner", panicking)
    with pytest.raises(FilterError, match="boolean SQL expression; got 'true': not yet"):
        space.ids("true")


def test_the_engine_s_own_words_are_cut_short() -> None:
    error = ValueError("Invalid user input: Schema error: No field named x. Valid fields are a, b.")
    assert "there is no column 'x'" in str(explain("x = 1", error, Held(COLUMNS)))


def test_a_column_without_a_value_is_said_to_be_empty(tmp_path: Path) -> None:
    names = make_names([{"name": "Vicki"}])
    space = build_space(names, tmp_path / "a.space", encoder=FakeEncoder())  # type: ignore[arg-type]
    with pytest.warns(NamebasisHint, match="no name passes gender = 'F'; it is empty everywhere"):
        assert space.ids("gender = 'F'").size == 0


FILTERS = (Path(__file__).parents[3] / "docs" / "where.md").read_text(encoding="utf-8")


def test_the_docs_list_the_functions_and_limits_of_filters() -> None:
    (listed,) = re.findall(r"```text\n(.*?)```", FILTERS, re.DOTALL)
    assert listed.split() == sorted(filters.FUNCTIONS)
    for limit in (filters.MAX_LETTERS, filters.MAX_DEPTH, filters.MAX_CHAIN, filters.MAX_TERMS,
                  filters.MAX_DIGITS):  # fmt: skip
        assert f" {limit:,} " in FILTERS.replace("\n", " ")


def test_half_a_character_is_refused_before_the_engine(space: Space) -> None:
    with pytest.raises(FilterError, match="it holds bytes that are not UTF-8"):
        space.ids("name = '\udcff'")


@pytest.mark.parametrize("n_others", [1, 40])
def test_half_a_character_is_no_stored_name(space: Space, n_others: int) -> None:
    others = [f"Nobody{at}" for at in range(n_others)]
    first = space.table(["name"])["name"][0].as_py()
    assert space.find_all(["\udcff", *others, first]) == [None] * (1 + n_others) + [0]


REFUSED = {
    "sex = 'F'": "no column 'sex'; write gender, which has the values F, M",
    "country = 'is_IS'": "no column 'country'; write locales, which is a list: array_has(loc",
    "language = 'is'": "write locales, which is a list",
    "frequency > 5": "no column 'frequency'; write count.",
    "type = 'given'": "no column 'type'; write part, which has the values family, given.",
    "gendre = 'F'": "no column 'gendre'; did you mean gender, which has the values F, M.",
    "gender = F": "no column 'F'; a text stands in single quotes: gender = 'F'.",
    "region = 'East Asia'": "have a region yet; `namebasis score SPACE --axis region --write`",
    "foo = 1": "there is no column 'foo'. The columns are id, name, part, gender",
    "gender = 5": "gender has the values F, M, no numbers; write gender = 'F'.",
    "n_tokens = 'one'": "n_tokens holds numbers, not texts; write n_tokens = ",
    "n_tokens = '2'": "n_tokens holds numbers, not texts; write n_tokens = 2.",
    "count > 'a'": "count holds numbers, not texts; write count > ",
    "name > 5": "name holds texts, no numbers; write name > '5'.",
    "gender LIKE 5": "gender has the values F, M, no numbers; write gender = 'F'.",
    "gender": "gender alone is no condition; write gender = 'F'.",
    "n_tokens": "n_tokens alone is no condition; write n_tokens = ",
    "locales": "locales is a list: write array_has(locales, 'de_DE').",
    "births = 'a'": "births holds numbers and 'a' texts; they cannot be compared.",
    "array_has(births, 5)": "births is a list of years with the births of women and men; write bi",
    "array_has(locales, 5)": "locales is a list: write array_has(locales, 'de_DE').",
    "array_has(gender, 'F')": "its parts do not fit together (gender holds texts).",
    "lower(n_tokens) = 'a'": "its parts do not fit together (n_tokens holds numbers).",
    "n_tokens + 'a' = 1": "its parts do not fit together (n_tokens holds numbers).",
    "sqrt(name) > 1": "its parts do not fit together (name holds texts).",
    "gender = 'F' AND": "it ends where a column or a value was expected.",
    "gender IN 'F'": "at letter 11 stands 'F' where ( was expected.",
    "gender = 'F' n_tokens = 1": "at letter 14 stands n_tokens where AND, OR or the end",
    "gender = = 'F'": "at letter 10 stands = where a column or a value was expected.",
    "count => 5": "at letter 7 stands => where AND, OR or the end was expected; write >=.",
    "count > 1,000": "a number is written without commas, as 1000.",
    "gender = 'F": "a ' is not closed (letter 10).",
}


@pytest.mark.long
@pytest.mark.parametrize("where", REFUSED)
def test_a_refusal_speaks_of_names(space: Space, where: str) -> None:
    with pytest.raises(FilterError) as caught:
        space.ids(where)
    said = str(caught.value)
    assert REFUSED[where] in said
    assert "\n" not in said
    assert not re.search(r"Utf8|Int\d\d|Float\d\d|Arrow|Field|DataType|literal|List\(", said)


EMPTY = {
    "gender = 'X'": "no name passes gender = 'X'; its values are F, M.",
    "count > 5 AND gender = 'X'": "no name passes gender = 'X'; its values are F, M.",
    "(count > 5 AND gender = 'X')": "no name passes gender = 'X'; its values are F, M.",
    "part IN ('giv')": "no name passes part IN ('giv'); its values are family, given.",
    "count > 999": "no name passes count > 999; count goes from 0 to 54.",
    "array_has(locales, 'fr_FX')": "no name passes array_has(locales, 'fr_FX'); its values are de",
    "name = 'Viki'": "no name passes name = 'Viki'; near it are Vicki",
    "gender = 'F' AND gender = 'M'": "names with gender = 'F', none has gender = 'M'.",
    "count BETWEEN 90 AND 99 AND gender = 'F'": "no name passes count BETWEEN 90 AND 99; count",
    "gender = 'X' OR count = 999": "no name passes gender = 'X' OR count = 999",
}


@pytest.mark.parametrize("where", EMPTY)
def test_an_empty_answer_says_which_condition_left_nothing(space: Space, where: str) -> None:
    with pytest.warns(NamebasisHint, match=re.escape(EMPTY[where])) as caught:
        assert space.ids(where).size == 0
    assert len(caught) == 1


def test_conditions_are_the_parts_that_and_joins() -> None:
    assert conditions("a = 'x AND y' AND b BETWEEN 1 AND 2 AND (c = 1 AND d = 2)") == [
        "a = 'x AND y'", "b BETWEEN 1 AND 2", "(c = 1 AND d = 2)",
    ]  # fmt: skip
    assert conditions("a = 1 AND b = 2 OR c = 3") == ["a = 1 AND b = 2 OR c = 3"]
    assert conditions("(a = 1 and b = 2)") == ["a = 1", "b = 2"]
    assert conditions("(a = 1) AND (b = 2)") == ["(a = 1)", "(b = 2)"]
