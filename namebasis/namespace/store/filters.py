"""`where`: one boolean SQL expression over the columns, and nothing else.

The engine parses and plans an expression by recursion, so a long chain of operators overflows its
stack, and it folds constants at once, so one call may ask for any amount of memory. What it gets is
therefore bounded here: its length, its depth, its chains, its functions and its numbers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from namebasis.errors import FilterError

FUNCTIONS = frozenset(
    """
    abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh cot degrees exp floor gcd isnan
    iszero lcm ln log log10 log2 nanvl pi pow power radians round sign signum sin sinh sqrt tan tanh
    trunc greatest least coalesce nullif nvl nvl2 ifnull
    ascii bit_length btrim char_length character_length concat concat_ws contains ends_with initcap
    instr left length levenshtein lower ltrim octet_length position regexp_count regexp_like
    regexp_match reverse right rtrim split_part starts_with strpos substr substring trim upper
    array_any_value array_contains array_distinct array_element array_empty array_extract array_has
    array_has_all array_has_any array_length array_max array_min array_position array_sort
    array_to_string cardinality empty list_contains list_element list_extract list_has list_has_all
    list_has_any list_length list_position list_to_string make_array make_list
    get_field named_struct struct
    cast try_cast now date_part date_trunc extract to_date to_timestamp
    """.split()
)
NAME_FUNCTIONS = frozenset(
    ["births_between", "in_file", "one_per", "quantile", "random", "similar"]
)
"""Those that the engine does not have; see `namespace.where`."""
KEYWORDS = frozenset(
    """
    all and any between both by case collate distinct else end escape false from ilike in is leading
    like not null or regexp rlike similar some then to trailing true unknown when xor div for at
    time zone
    """.split()
)
TYPES = frozenset(
    "bigint binary boolean char date decimal double float int integer interval numeric precision "
    "real smallint string text time timestamp tinyint unsigned varchar".split()
)
TYPED_TEXTS = frozenset(["date", "interval", "time", "timestamp"])
"""Types whose values are written as a text: DATE '2020-01-01'."""


MAX_LETTERS = 1_000_000
"""Of an expression: a list of 50,000 names fits."""
MAX_DEPTH = 40
"""Of parentheses, brackets and CASE."""
MAX_CHAIN = 100
"""Operators and words between one AND, OR or comma and the next."""
MAX_TERMS = 4_000
"""Terms joined by AND and OR; a list of IN may be longer."""
MAX_DIGITS = 40

PIECES = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<text>'(?:[^']|'')*')"
    r'|(?P<double>"(?:[^"]|"")*")'
    r"|(?P<column>`[^`]*`)"
    r"|(?P<comment>--|/\*)"
    r"|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign>::|<>|<=|>=|!=|==|\|\||<<|>>|[-+*/%=<>&|^~!.,()\[\]])"
    r"|(?P<other>.)",
    re.DOTALL,
)
_CLOSE = 0.75  # similarity of a function that is offered for a misspelled one
_ZEROTH = re.compile(r"[\w\"`)\]]\[-?0+$")
_OPENS, _CLOSES = {"(": ")", "[": "]"}, {")", "]"}


def check_where(where: str, columns: Sequence[str]) -> str:
    """Return `where` in parentheses, so that nothing may follow the expression.

    A column in double quotes, as SQL writes it, is put in backticks, as the engine wants it.

    Parameters
    ----------
    where : str
        Such as `gender = 'F' AND n_tokens = 1`.
    columns : sequence of str
        Those there are.

    Raises
    ------
    FilterError
        If it is empty, too long or nested too deep, holds a `;` or a comment outside of quotes, a
        placeholder, a function that is not one of `FUNCTIONS`, or quotes or parentheses that do not
        pair up. What only the engine can see (no boolean, wrong types) is refused when it runs.
    """
    if not isinstance(where, str) or not where.strip():
        raise filter_error(where, "it is empty", columns)
    try:
        return f"({check_pieces(where, columns)})"
    except ValueError as error:
        raise filter_error(where, str(error)) from None


def columns_in(text: str, columns: Sequence[str]) -> list[str]:
    """Columns of which an expression may speak; the engine reads their names in any case."""
    words = {one.group().strip('`"').casefold() for one in PIECES.finditer(text)}
    return [name for name in columns if name.casefold() in words]


def check_pieces(text: str, columns: Sequence[str]) -> str:
    """Return one expression, or a list of them, once its pieces, length and depth are checked.

    Raises
    ------
    ValueError
        With the reason alone.
    """
    if "\0" in text:
        raise ValueError("it holds a NUL byte")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("it holds bytes that are not UTF-8")
    if len(text) > MAX_LETTERS:
        raise ValueError(f"it has {len(text):,} letters, over {MAX_LETTERS:,}")
    return "".join(_checked(text, columns)).strip()


def _checked(where: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield the pieces, double quotes turned into backticks; ValueError says what is wrong."""
    levels, seen = _Levels(), list[str]()
    matches = list(PIECES.finditer(where))
    for at, match in enumerate(matches):
        kind, piece = str(match.lastgroup), match.group()
        before = matches[at - 1] if at else None
        if kind == "other":
            raise ValueError(f"{_why_not(piece)} (letter {match.start() + 1})")
        if kind == "comment":
            raise ValueError("it holds a comment")
        if kind == "number" and len(piece) > MAX_DIGITS:
            raise ValueError(f"a number has {len(piece)} digits, over {MAX_DIGITS}")
        if kind == "text" and before is not None and before.lastgroup == "word":
            raise ValueError(f"{before.group()} stands at a text; put a space or a sign between")
        if kind in {"double", "column"} and _next(matches, at) == "(":
            raise ValueError(f"{piece} is no function for filters")
        if kind == "word":
            _check_word(match.group(), _next(matches, at), columns)
        if piece == "]" and _ZEROTH.search("".join(seen)):
            raise ValueError("lists count from 1, and it asks for element 0")
        if kind != "space":
            seen = [*seen[-3:], piece]
        levels.take(kind, piece)
        yield _as_column(piece, columns) if kind == "double" else piece
    levels.finish()


class _Levels:
    """Where an expression stands: what is open, and how long the chain at each level is."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.chains = [0]
        self.n_terms = 1

    def take(self, kind: str, piece: str) -> None:
        """Count one piece."""
        word = piece.upper() if kind == "word" else piece
        if word in _OPENS or word == "CASE":
            self.open.append(_OPENS.get(word, "END"))
            self.chains.append(0)
            if len(self.open) > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        elif word in _CLOSES or word == "END":
            if not self.open or self.open.pop() != word:
                raise ValueError("its parentheses do not pair up")
            self.chains.pop()
        elif word == ",":
            self.chains[-1] = 0
        elif word in {"AND", "OR"}:
            self.chains[-1] = 0
            self.n_terms += 1
            if self.n_terms > MAX_TERMS:
                raise ValueError(
                    f"it has over {MAX_TERMS:,} terms; write column IN ('…', '…') for a list"
                )
        elif kind in {"word", "sign"}:
            self.chains[-1] += 1
            if self.chains[-1] > MAX_CHAIN:
                raise ValueError(f"over {MAX_CHAIN} operators follow one another")

    def finish(self) -> None:
        """Refuse what is still open."""
        if self.open:
            raise ValueError("its parentheses do not pair up")


def _why_not(sign: str) -> str:
    if sign in "'\"`":
        return f"a {sign} is not closed"
    if sign in "?$:@":
        return f"it holds a placeholder ({sign}), for which there is no value"
    return f"it holds a {sign!r}"


def _next(matches: Sequence[re.Match[str]], at: int) -> str:
    """The piece after one, white space left out."""
    return next((m.group() for m in matches[at + 1 : at + 3] if m.lastgroup != "space"), "")


def _check_word(written: str, following: str, columns: Sequence[str]) -> None:
    """Refuse a function that is not allowed, and a second expression."""
    word = written.lower()
    if word in {"select", "with", "over"} and word not in columns:
        raise ValueError(f"it holds {word.upper()}; a filter looks at one row at a time")
    if following == "(" and word not in FUNCTIONS | NAME_FUNCTIONS | KEYWORDS | TYPES:
        near = difflib.get_close_matches(word, FUNCTIONS | NAME_FUNCTIONS, 1, _CLOSE)
        hint = f"; did you mean {near[0]}" if near else ""
        raise ValueError(f"{written} is no function for filters{hint}")
    if following.startswith("'") and word not in KEYWORDS | TYPED_TEXTS:
        raise ValueError(f"{written} stands before a text; an operator is missing")


def _as_column(piece: str, columns: Sequence[str]) -> str:
    """A column in double quotes, in backticks."""
    name = piece[1:-1].replace('""', '"')
    if name in columns and "`" not in name:
        return f"`{name}`"
    text = "'" + name.replace("'", "''") + "'"
    raise ValueError(f"there is no column {name!r}; double quotes hold columns, text is {text}")


def filter_error(where: object, reason: str, columns: Sequence[str] = ()) -> FilterError:
    """The error for a refused expression: what, why, and where it helps, the columns there are."""
    said = repr(where if not isinstance(where, str) or len(where) < 200 else where[:200] + "…")
    told = f" The columns are {', '.join(columns)}." if columns else ""
    end = "" if reason.endswith("?") else "."
    return FilterError(f"where must be one boolean SQL expression; got {said}: {reason}{end}{told}")


def quote(text: str) -> str:
    """Write a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
