"""Expressions that go beyond the engine's SQL: parsed by sqlglot, all but a few kinds refused.

Only what `words.is_extended` finds comes here; all else the engine takes as it is written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from sqlglot import Dialect, exp, generator, parse, parse_one, parser, tokens
from sqlglot.errors import ParseError, SqlglotError

from namebasis.namespace.store.filters import PIECES, check_pieces
from namebasis.namespace.where import functions
from namebasis.namespace.where.words import ELEMENTS, FUNCTIONS, ON_VALUES

MAX_CALLS = 20
"""Functions of names in one expression: each may read a column of the whole space."""
MAX_COMPUTED = 100
"""Uses of computed columns, and branches of CASE, in one expression."""

KINDS: frozenset[type[exp.Expr]] = frozenset([
    exp.Add, exp.Alias, exp.And, exp.Anonymous, exp.Between, exp.BitwiseAnd, exp.BitwiseNot,
    exp.BitwiseOr, exp.BitwiseXor, exp.Boolean, exp.Bracket, exp.Case, exp.Cast, exp.Column,
    exp.DPipe, exp.DataType, exp.DataTypeParam, exp.Div, exp.EQ, exp.Escape, exp.Extract, exp.GT,
    exp.GTE, exp.ILike, exp.Identifier, exp.If, exp.In, exp.Interval, exp.Is, exp.LT, exp.LTE,
    exp.Like, exp.Literal, exp.Mod, exp.Mul, exp.NEQ, exp.Neg, exp.Not, exp.Null, exp.NullSafeEQ,
    exp.NullSafeNEQ, exp.Or, exp.Order, exp.Ordered, exp.Paren, exp.SimilarTo, exp.StrPosition,
    exp.Sub, exp.Substring, exp.Trim, exp.TryCast, exp.Var,
])  # fmt: skip
"""All that an expression may be made of: no statement, subquery, window or parameter is."""
_FORMS = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING")


logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it refuses, we refuse in our words


class NamesDialect(Dialect):
    """The engine's SQL: columns also in backticks, every function under its own name."""

    NORMALIZE_FUNCTIONS = False

    class Tokenizer(tokens.Tokenizer):
        """Without comments."""

        IDENTIFIERS = ["`", '"']  # noqa: RUF012
        COMMENTS = []  # noqa: RUF012

    class Parser(parser.Parser):
        """Without the functions of other engines."""

        FUNCTIONS = {}  # noqa: RUF012
        NO_PAREN_FUNCTIONS = {}  # noqa: RUF012
        FUNCTION_PARSERS = {form: parser.Parser.FUNCTION_PARSERS[form] for form in _FORMS}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012
            "CASE": parser.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]
        }

    class Generator(generator.Generator):
        """As the engine calls its functions."""

        def strposition_sql(self, expression: exp.StrPosition) -> str:
            """`position('a' in name)`."""
            return str(self.func("strpos", expression.this, expression.args["substr"]))


class Language:
    """Reads expressions over the columns of one space.

    Parameters
    ----------
    columns : sequence of str
        Those that are stored.
    derived : collection of str
        Those that are computed when they are asked for.
    reads_files : bool
        Whether functions may be called that read files.
    """

    def __init__(
        self, columns: Sequence[str], derived: Collection[str], *, reads_files: bool = True
    ) -> None:
        self.columns, self.derived, self.reads_files = columns, derived, reads_files

    def condition(self, text: str) -> exp.Expr:
        """A filter.

        Raises
        ------
        ValueError
            With the reason alone, here and below.
        """
        found = self._checked(text, lambda checked: _only(parse(checked, dialect=NamesDialect)))
        if isinstance(found, exp.Alias):
            raise ValueError(f"it cannot be read on at {found.alias}")
        return found

    def item(self, text: str) -> tuple[str, exp.Expr]:
        """What a column of a table is called, and its expression: ``n_tokens + 1 AS more``."""
        found = self._checked(text, lambda checked: _only(parse(checked, dialect=NamesDialect)))
        if isinstance(found, exp.Alias):
            return found.alias, found.this
        return text.strip(), found

    def order(self, text: str) -> list[tuple[exp.Expr, bool]]:
        """Keys to order by, and whether each descends; nulls come last."""

        def read(checked: str) -> exp.Expr:
            return parse_one(f"ORDER BY {checked}", into=exp.Order, dialect=NamesDialect)

        found = self._checked(text, read)
        words = [one.group().lower() for one in PIECES.finditer(text) if one.lastgroup == "word"]
        if ("nulls", "first") in pairwise(words):
            raise ValueError("nulls come last; leave NULLS FIRST out")
        return [(one.this, bool(one.args.get("desc"))) for one in found.expressions]

    def is_special(self, node: exp.Expr) -> bool:
        """Whether one node is what the engine does not know."""
        if isinstance(node, exp.Anonymous):
            return str(node.this).lower() in FUNCTIONS
        return isinstance(node, exp.Case) or self.derives(node)

    def derives(self, node: exp.Expr) -> bool:
        """Whether a node is a computed column; a stored one is, where a number is wanted."""
        if not isinstance(node, exp.Column) or node.name.lower() not in self.derived:
            return False
        if node.name not in self.columns:
            return True
        around = node.parent
        while isinstance(around, exp.Paren):
            around = around.parent
        as_list = isinstance(around, exp.Bracket) or (
            isinstance(around, exp.Anonymous)
            and str(around.this).lower() not in ON_VALUES | FUNCTIONS.keys()
        )
        return not as_list

    def holds_special(self, node: exp.Expr) -> bool:
        """Whether a node or one below it is what the engine does not know."""
        return any(map(self.is_special, node.walk()))

    def _checked(self, text: str, read: Callable[[str], exp.Expr]) -> exp.Expr:
        checked = check_pieces(text, self.columns)
        try:
            found = read(checked)
        except ParseError as error:
            raise ValueError(_place(checked, error)) from None
        except (SqlglotError, RecursionError):
            raise ValueError("it cannot be read as SQL") from None
        self._check_kinds(found)
        return found

    def _check_kinds(self, found: exp.Expr) -> None:
        """Refuse all that is not on the list, and what functions do not take."""
        n_calls = n_computed = 0
        for node in found.walk():
            if type(node) not in KINDS:
                raise ValueError(f"it holds {_called(node)}; a filter looks at one row at a time")
            n_computed += isinstance(node, exp.If) or self.derives(node)
            if isinstance(node, exp.Column) and node.table:
                raise ValueError(f"{node.sql()} has a dot; a column is one word")
            if isinstance(node, exp.Anonymous):
                name = str(node.this).lower()
                n_calls += name in FUNCTIONS
                self._check_call(name, node)
        if n_computed > MAX_COMPUTED:
            raise ValueError(
                f"it uses computed columns and branches {n_computed:,} times, over {MAX_COMPUTED}; "
                "write column IN ('…', '…') for a list"
            )
        if n_calls > MAX_CALLS:
            raise ValueError(f"it holds {n_calls} functions of names, over {MAX_CALLS}")

    def _check_call(self, name: str, node: exp.Anonymous) -> None:
        known = FUNCTIONS.get(name)
        if name in ELEMENTS and any(_is_zero(one) for one in node.expressions[1:]):
            raise ValueError("lists count from 1, and it asks for element 0")
        if known is None:
            return
        if len(node.expressions) not in known.counts:
            raise ValueError(f"{name} is written {known.usage}")
        names_image = name == "similar" and functions.is_image(node.expressions[0])
        if not self.reads_files and (names_image or not known.is_served):
            raise ValueError(f"{name} reads a file, which is only for the command line and Python")


def sql_of(node: exp.Expr) -> str:
    """An expression as the engine reads it."""
    return str(node.sql(dialect=NamesDialect))


def conjuncts(node: exp.Expr) -> list[exp.Expr]:
    """The parts that AND joins at the outermost level."""
    bare = node.unnest()
    if not isinstance(bare, exp.And):
        return [bare]
    return [part for one in bare.flatten() for part in conjuncts(one)]


def _only(found: Sequence[exp.Expr | None]) -> exp.Expr:
    (first, *rest) = found or [None]
    if first is None or rest:
        raise ValueError("it is not one expression")
    return first


def _is_zero(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and float(node.this) == 0


def _called(node: exp.Expr) -> str:
    return {"Select": "SELECT", "Subquery": "a subquery", "Window": "OVER"}.get(
        type(node).__name__, type(node).__name__.upper()
    )


def _place(text: str, error: ParseError) -> str:
    """Where an expression cannot be read on."""
    told = error.errors[0] if error.errors else {}
    found, at = str(told.get("highlight") or ""), int(told.get("col") or 0) - 1
    if not found or at < 0 or at >= len(text):
        return "it cannot be read to its end"
    missing = str(told.get("description") or "").removeprefix("Expecting ")
    wanted = f" where {missing} was expected" if len(missing) == 1 else ""
    return f"it cannot be read on at {found}{wanted}"
