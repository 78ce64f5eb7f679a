"""What a refused filter, and one that nothing passes, is answered: in terms of names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from namebasis.errors import FilterError
from namebasis.namespace.store.filters import PIECES, filter_error

SYNONYMS = {
    "gender": "sex sexes female male genders geschlecht sexe genero",
    "locales": "locale country countries nation nationality language languages lang region origin",
    "count": "births birth frequency freq n bearers number counts popularity rank total",
    "part": "type kind role category name_type parts",
    "name": "names forename firstname first_name lastname last_name surname fullname text label",
    "sources": "source corpus dataset file origin_file",
    "n_tokens": "tokens token n_token n_pieces length_in_tokens",
    "pieces": "token_list subwords wordpieces",
    "pct_white": "white race ethnicity", "pct_black": "black", "pct_asian": "asian",
    "pct_hispanic": "hispanic latino latina", "pct_native": "native american_indian",
    "share_female": "pct_female female_share p_female",
    "births": "years year birth_year decade",
    "name_folded": "folded ascii lower_name", "cluster": "clusters group", "n_images": "images",
}  # fmt: skip
"""What users call columns."""
_MEANT = {word: column for column, words in SYNONYMS.items() for word in words.split()}
_INSTEAD = {
    "! ~": "NOT regexp_like(column, 'pattern')",
    "~": "regexp_like(column, 'pattern')",
    "ANY": "array_has(column, 'value')",
}
"""What does the same as words that the engine does not know."""
_COMPARES = frozenset(["=", "==", "!=", "<>", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN"])
_TYPES = re.compile(
    r"\b(Utf8|U?Int\d+|Float\d+|Boolean|List|Struct|Field|DataType|Arrow|Candidate|LogicalPlan"
    r"|External|coerc\w+|literal|planning|supported SQL)\b|Expected: \("
)
"""Words of the engine that say nothing to somebody who asks for names."""


_NESTED = ("lists", "lists of births by year")
FEW_VALUES = 20
"""Of a column, to be listed where a filter asks for another."""
_EMPTY = "; it is empty everywhere"


@dataclass(frozen=True)
class Held:
    """What is known of a space's columns, for answers.

    Attributes
    ----------
    columns : sequence of str
    kinds : mapping of str
        ``texts``, ``numbers``, ``lists``, ``truths`` or ``others`` by column.
    values : callable
        The values of a column of texts (also inside of lists); None where there are very many.
    span : callable
        Smallest and largest value of a column of numbers; None where there is none.
    refusal : callable
        What the engine says to an expression; None where it takes it.
    """

    columns: Sequence[str]
    kinds: Mapping[str, str] = field(default_factory=dict)
    values: Callable[[str], Sequence[str] | None] = lambda _column: None
    span: Callable[[str], tuple[float, float] | None] = lambda _column: None
    refusal: Callable[[str], str | None] = lambda _where: None

    def few(self, column: str) -> Sequence[str]:
        """The values of a column where they can be listed, else none."""
        values = self.values(column) or ()
        return values if len(values) <= FEW_VALUES else ()


def explain(where: str, error: BaseException, held: Held) -> FilterError:
    """Turn the engine's complaint about an expression into one line.

    Parameters
    ----------
    where, error
        The expression and what the engine raised over it, perhaps a panic.
    held : Held
    """
    text = str(error).partition(", /")[0].removeprefix("Invalid user input: ")
    text = text.replace("Schema error: ", "").partition(" Valid fields are")[0]
    parser = text.partition("(sql parser error: ")[2].rstrip()
    reason = " ".join((parser.removesuffix(")") or text).split()).rstrip(".")
    pieces = [one for one in PIECES.finditer(where) if one.lastgroup != "space"]
    if unknown := re.search(r"No field named \W*(\w+)", text):
        return _unknown(where, unknown[1], pieces, held)
    if "supported SQL" in reason and re.search(r"\d,\d{3}\b", where):
        return filter_error(where, "a number is written without commas, as 1000")
    said = (
        _of_lists(where, pieces, held, reason)
        or _of_words(pieces, reason)
        or _of_types(pieces, held)
        or (_of_place(where, parser.removesuffix(")"), held) if parser else "")
        or _of_truth(pieces, held, reason)
    )
    if not said and _TYPES.search(reason):
        parts = [f"{one} holds {held.kinds[one]}" for one in _named(pieces) if one in held.kinds]
        said = "its parts do not fit together" + (f" ({', '.join(parts)})" if parts else "")
    return filter_error(where, said or reason or "it is refused")


def _unknown(where: str, word: str, pieces: Sequence[re.Match[str]], held: Held) -> FilterError:
    meant = _MEANT.get(word.lower(), "")
    axis = word.lower().removesuffix("_margin")
    if axis in _axes():
        said = (
            f"names do not have a {axis} yet; `namebasis score SPACE --axis {axis} --write` gives"
        )
        own = f", and for what is known of them write {_described(meant, held)}"
        said += " them the one that they read as" + (own if meant in held.columns else "")
        return filter_error(where, said)
    if meant in held.columns:
        return filter_error(where, f"there is no column {word!r}; write {_described(meant, held)}")
    at = next((i for i, one in enumerate(pieces) if one.group().strip("`") == word), 0)
    before = [one.group() for one in pieces[max(0, at - 2) : at]]
    if len(before) == 2 and before[1].upper() in _COMPARES and before[0] in held.columns:
        column = before[0]
        hint = f"a text stands in single quotes: {column} {before[1]} '{word}'"
        return filter_error(where, f"there is no column {word!r}; {hint}")
    near = difflib.get_close_matches(word.lower(), held.columns, 1)
    if near:
        said = f"there is no column {word!r}; did you mean {_described(near[0], held)}"
        return filter_error(where, said)
    return filter_error(where, f"there is no column {word!r}", held.columns)


@cache
def _axes() -> frozenset[str]:
    """Names of the packaged axes, of which readings can be written."""
    files = (resources.files("namebasis") / "data" / "axes").iterdir()
    return frozenset(one.name.removesuffix(".toml") for one in files if one.name.endswith(".toml"))


def _described(column: str, held: Held) -> str:
    """A column, with what it holds in a few words."""
    kind, values = held.kinds.get(column), held.few(column)
    if kind == "lists":
        values = held.values(column) or ()
        shown = f"'{values[0]}'" if values else "'…'"
        return f"{column}, which is a list: array_has({column}, {shown})"
    if values:
        return f"{column}, which has the values {', '.join(values)}"
    return column


def _named(pieces: Sequence[re.Match[str]]) -> list[str]:
    """Columns that an expression may name, each once."""
    words = [one.group().strip('`"') for one in pieces if one.lastgroup != "text"]
    return list(dict.fromkeys(words))


def _of_lists(where: str, pieces: Sequence[re.Match[str]], held: Held, reason: str) -> str:
    column = next((one for one in _named(pieces) if held.kinds.get(one) in _NESTED), None)
    if column is None:
        return ""
    if held.kinds[column] == "lists of births by year":
        return (
            f"{column} is a list of years with the births of women and men; write {column} > 100 "
            f"for all births, array_length({column}) > 10, or {column}[1]['year'] < 1950"
        )
    texts = [one.group() for one in pieces if one.lastgroup == "text"]
    values = held.values(column) or ()
    text = texts[0] if texts else f"'{values[0]}'" if values else "'…'"
    is_told = _TYPES.search(reason) or "boolean" in reason
    said = "" if is_told else f" ({reason})"
    return f"{column} is a list: write array_has({column}, {text}){said}"


def _of_words(pieces: Sequence[re.Match[str]], reason: str) -> str:
    signs = [one.group().upper() for one in pieces if one.lastgroup in {"word", "sign"}]
    used = f" {' '.join(signs)} "
    instead = next((known for word, known in _INSTEAD.items() if f" {word} " in used), None)
    return "" if instead is None else f"write {instead} ({reason})"


def _of_types(pieces: Sequence[re.Match[str]], held: Held) -> str:
    """A column compared with a value of another type, if there is one."""
    for left, sign, right in zip(pieces, pieces[1:], pieces[2:], strict=False):
        column, word = left.group().strip('`"'), sign.group().upper()
        kind, value = held.kinds.get(column), right.group()
        if word not in _COMPARES:
            continue
        if kind == "numbers" and right.lastgroup == "text":
            number = value.strip("'").strip() or "1"
            shown = number if re.fullmatch(r"-?\d+(\.\d+)?", number) else _some_number(column, held)
            return f"{column} holds numbers, not texts; write {column} {word} {shown}"
        if kind == "texts" and right.lastgroup == "number":
            values = held.few(column)
            told = f"has the values {', '.join(values)}" if values else "holds texts"
            shown = f"'{values[0]}'" if values else f"'{value}'"
            return f"{column} {told}, no numbers; write {column} {_equal(word)} {shown}"
    return ""


def _equal(word: str) -> str:
    return "=" if word in {"LIKE", "ILIKE", "IN"} else word


def _some_number(column: str, held: Held) -> str:
    span = held.span(column)
    return f"{span[1]:g}" if span else "1"


def _of_truth(pieces: Sequence[re.Match[str]], held: Held, reason: str) -> str:
    if "does not return a boolean" not in reason:
        return ""
    column = pieces[0].group().strip('`"') if len(pieces) == 1 else ""
    kind, values = held.kinds.get(column), held.few(column)
    if kind == "texts":
        return f"{column} alone is no condition; write {column} = '{values[0] if values else '…'}'"
    if kind == "numbers":
        return f"{column} alone is no condition; write {column} = {_some_number(column, held)}"
    return "it is no condition; compare a column with a value, such as gender = 'F'"


def _of_place(where: str, parser: str, held: Held) -> str:
    """Where an expression cannot be read on."""
    told = re.fullmatch(r"Expected: (.+), found: ?(.*)", parser, re.DOTALL)
    if told is None:
        return ""
    wanted = {")": "AND, OR or the end"}.get(told[1], told[1])
    wanted = "a column or a value" if wanted == "an expression" else wanted
    found = told[2].strip()
    places = [one for one in PIECES.finditer(where) if one.group() == found]
    if found and not places and (letter := where.find(found)) >= 0:
        hint = {"=>": "; write >=", "=<": "; write <="}.get(found, "")
        return f"at letter {letter + 1} stands {found} where {wanted} was expected{hint}"
    if found in ("EOF", "") or not places or (found == ")" and where.count(")") == 0):
        return f"it ends where {wanted} was expected"
    at = places[0]
    if len(places) > 1:
        same = (one for one in places if parser in (held.refusal(where[: one.end()]) or ""))
        at = next(same, places[-1])
    return f"at letter {at.start() + 1} stands {found} where {wanted} was expected"


def conditions(where: str) -> list[str]:
    """The parts of an expression that AND joins at its outermost level; one where OR does."""
    depth, start, is_between, parts = 0, 0, False, []
    for one in PIECES.finditer(where):
        word = one.group().upper()
        if word in {"(", "[", "CASE"}:
            depth += 1
        elif word in {")", "]", "END"} and one.lastgroup != "text":
            depth -= 1
        elif depth or one.lastgroup != "word":
            continue
        elif word == "OR":
            return [where]
        elif word == "BETWEEN":
            is_between = True
        elif word == "AND" and is_between:
            is_between = False
        elif word == "AND":
            parts.append(where[start : one.start()].strip())
            start = one.end()
    parts.append(where[start:].strip())
    if len(parts) == 1 and _is_wrapped(where.strip()):
        return conditions(where.strip()[1:-1])
    return parts


def _is_wrapped(where: str) -> bool:
    """Whether one pair of parentheses holds all of it."""
    if not (where.startswith("(") and where.endswith(")")):
        return False
    depth = 0
    for one in PIECES.finditer(where):
        depth += (one.group() == "(") - (one.group() == ")")
        if depth == 0:
            return one.end() == len(where)
    return False


def why_empty(
    where: str,
    count: Callable[[str], int],
    held: Held,
    instead: Callable[[str], str | None] = lambda _part: None,
) -> str:
    """Say which condition leaves no name.

    Parameters
    ----------
    where : str
        An expression that no name passes.
    count : callable
        How many names an expression accepts.
    held : Held
    instead : callable
        What is to be said of a condition that leaves none; None of those that the columns tell of.
    """
    parts = conditions(where)
    for part in parts:
        if len(parts) == 1 or count(part) == 0:
            told = instead(part)
            return f"no name passes {part}{_instead(part, held) if told is None else told}."
    for n in range(2, len(parts) + 1):
        together = " AND ".join(parts[:n])
        if count(together) == 0:
            before = " AND ".join(parts[: n - 1])
            return f"of the {count(before):,} names with {before}, none has {parts[n - 1]}."
    return f"no name passes {where}."


def _instead(part: str, held: Held) -> str:
    """What the column of a condition holds."""
    pieces = [one for one in PIECES.finditer(part) if one.lastgroup != "space"]
    column = next((one for one in _named(pieces) if one in held.kinds), "")
    kind, values = held.kinds.get(column), held.values(column)
    if kind == "numbers":
        span = held.span(column)
        return f"; {column} goes from {span[0]:g} to {span[1]:g}" if span else _EMPTY
    if kind not in ("texts", "lists") or values is None:
        return ""
    if len(values) <= FEW_VALUES:
        return f"; its values are {', '.join(values)}" if values else _EMPTY
    texts = [one.group()[1:-1].replace("''", "'") for one in pieces if one.lastgroup == "text"]
    near = [one for text in texts for one in difflib.get_close_matches(text, values, 3, 0.5)]
    return f"; near it are {', '.join(near)}" if near else ""
