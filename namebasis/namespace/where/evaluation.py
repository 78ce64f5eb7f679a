"""Values of expressions: the engine's where it knows all of them, else Arrow's by its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from namebasis.checks import BoolArray, FloatArray, IntArray
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.where import functions
from namebasis.namespace.where.derived import derived_column
from namebasis.namespace.where.language import Language, sql_of
from namebasis.namespace.where.words import FUNCTIONS

Value = Any
"""An Arrow array with a value for each row, or a scalar for all of them."""


@dataclass(frozen=True)
class Evaluation:
    """Expressions over some rows of a space.

    Attributes
    ----------
    store : Store
    resolve : callable
        The unit vector of a text, an image's path or a name in a view.
    language : Language
    ids : ndarray of shape (n,), int64, or None
        The rows, ascending or not; None for all.
    """

    store: Store
    resolve: Callable[[object, str], FloatArray]
    language: Language
    ids: IntArray | None = None
    kept: dict[str, pa.Array] = field(default_factory=dict)
    """Columns of all rows by their SQL, also for the same over other rows."""

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return self.store.n_rows if self.ids is None else len(self.ids)

    def of(self, ids: IntArray | None) -> Evaluation:
        """The same over other rows."""
        return replace(self, ids=ids)

    def column(self, node: exp.Expr) -> pa.Array:
        """Values of an expression, one for each row.

        Raises
        ------
        ValueError
            With the reason alone, where its parts do not fit together.
        FilterError
            If the engine refuses a part of it.
        """
        return self._spread(self.value(node))

    def value(self, node: exp.Expr) -> Value:
        """Values of an expression, or one for all rows."""
        if isinstance(node, exp.Paren):
            return self.value(node.this)
        if isinstance(node, (exp.Literal, exp.Boolean, exp.Null)):
            return _constant(node)
        if not self.language.holds_special(node):
            return self._of_engine(node)
        if isinstance(node, exp.Anonymous):
            return self._call(node)
        if isinstance(node, exp.Column):
            name = node.name.lower()
            return self._once(f"column {name}", lambda: derived_column(self.store, name))
        for kinds, rule in _RULES:
            if isinstance(node, kinds):
                return rule(self, node)
        part = next(one for one in node.walk() if self.language.is_special(one))
        raise ValueError(f"{sql_of(part)} cannot stand inside of {type(node).__name__.upper()}")

    def column_of_truths(self, node: exp.Expr) -> pa.Array:
        """A condition's values, one for each row."""
        return self._spread(self.truths(node))

    def first_of_each(self, node: exp.Expr) -> BoolArray:
        """Which rows `one_per` keeps: of rows with the same value, that with the largest measure.

        The measure is its second argument, by default the column `count`; of equal ones, and of
        those without, the first row stays. Rows without a value all stay.
        """
        values = self.column(node.expressions[0])
        known: BoolArray = values.is_valid().to_numpy(zero_copy_only=False)
        codes = values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        measure = node.expressions[1] if len(node.expressions) > 1 else None
        if measure is None and "count" in self.store.columns:
            measure = exp.column("count")
        by = np.zeros(len(codes))
        if measure is not None:
            numbers = self._spread(self.numbers(measure)).fill_null(-np.inf)
            by = numbers.to_numpy(zero_copy_only=False)
        order = np.lexsort((np.arange(len(codes)), -by, codes))
        keep: BoolArray = ~known
        firsts = np.r_[True, codes[order][1:] != codes[order][:-1]] if len(codes) else order
        keep[order[firsts & known[order]] if len(codes) else order] = True
        return keep

    def numbers(self, node: exp.Expr) -> pa.Array | pa.Scalar:
        """Values that are numbers, as float64."""
        return as_numbers(self.value(node), node)

    def truths(self, node: exp.Expr) -> Value:
        """Values of a condition."""
        found = self.value(node)
        if pa.types.is_null(found.type):
            return found.cast(pa.bool_())
        if _calls(node, "births_between"):
            return pc.greater(found, 0)
        if not pa.types.is_boolean(found.type):
            raise ValueError(f"{sql_of(node)} alone is no condition; compare it with a value")
        return found

    def _of_engine(self, node: exp.Expr) -> pa.Array:
        if isinstance(node, exp.Column) and node.name in self.store.columns:
            if self.ids is not None and len(self.ids) < self.store.n_rows // 4:
                return _whole(self.store.take(self.ids, [node.name])[node.name])
            return self._once(node.name, lambda: self.store.scan([node.name])[node.name])
        sql = sql_of(node)
        return self._once(sql, lambda: self.store.evaluate(sql))

    def _once(self, key: str, read: Callable[[], pa.ChunkedArray | pa.Array]) -> pa.Array:
        """These rows of a column that is read once."""
        if key not in self.kept:
            self.kept[key] = _whole(read())
        return self._taken(self.kept[key])

    def _taken(self, column: pa.ChunkedArray | pa.Array) -> pa.Array:
        """Of a column of all rows, these."""
        found = _whole(column)
        return found if self.ids is None else found.take(pa.array(self.ids))

    def _spread(self, value: Value) -> pa.Array:
        if isinstance(value, pa.Scalar):
            return pa.repeat(value, self.n_rows)
        return _whole(value)

    def _call(self, node: exp.Anonymous) -> Value:
        name, given = str(node.this).lower(), node.expressions
        if name == "quantile":
            return self._once(sql_of(node), lambda: self._quantiles(given[0]))
        if name == "one_per":
            raise ValueError("one_per stands beside other conditions with AND, not inside of them")
        if name in FUNCTIONS:
            return self._once(
                sql_of(node), lambda: functions.call(name, given, self.store, self.resolve)
            )
        if (plain := _PLAIN.get(name)) is not None:
            return plain(*map(self.numbers, given))
        if name in ("coalesce", "ifnull", "nvl"):
            return pc.coalesce(*_alike([self.value(one) for one in given]))
        part = next(one for one in node.walk() if self.language.is_special(one))
        raise ValueError(f"{sql_of(part)} cannot stand inside of {name}")

    def _quantiles(self, node: exp.Expr) -> pa.Array:
        everywhere = self.of(None)
        return functions.quantiles(everywhere._spread(everywhere.numbers(node)))

    def _junction(self, node: exp.Expr) -> Value:
        word, join = ("AND", pc.and_kleene) if isinstance(node, exp.And) else ("OR", pc.or_kleene)
        parts = list(node.flatten())
        special = [one for one in parts if self.language.holds_special(one)]
        plain = f" {word} ".join(
            f"({sql_of(one)})" for one in parts if not self.language.holds_special(one)
        )
        found = [self.truths(one) for one in special]
        return reduce(join, [*found, *([self._taken(self.store.evaluate(plain))] if plain else [])])

    def _negation(self, node: exp.Expr) -> Value:
        return pc.invert(self.truths(node.this))

    def _comparison(self, node: exp.Expr) -> Value:
        return self._compare(_COMPARES[type(node)], node.this, node.expression)

    def _compare(self, compare: Callable[..., Value], left: exp.Expr, right: exp.Expr) -> Value:
        pair = [self.value(left), self.value(right)]
        kinds = [_kind(one) for one in pair]
        if len(set(kinds) - {"nothing"}) > 1:
            raise ValueError(
                f"{sql_of(left)} holds {kinds[0]} and {sql_of(right)} {kinds[1]}; they cannot be "
                "compared"
            )
        return compare(*_alike(pair))

    def _between(self, node: exp.Expr) -> Value:
        low = self._compare(pc.greater_equal, node.this, node.args["low"])
        return pc.and_kleene(low, self._compare(pc.less_equal, node.this, node.args["high"]))

    def _membership(self, node: exp.Expr) -> Value:
        listed = [self.value(one) for one in node.expressions]
        found = self.value(node.this)
        if not all(isinstance(one, pa.Scalar) for one in listed):
            return reduce(
                pc.or_kleene, (self._compare(pc.equal, node.this, one) for one in node.expressions)
            )
        if {_kind(one) for one in listed} - {"nothing", _kind(found)}:
            raise ValueError(
                f"{sql_of(node.this)} holds {_kind(found)}, and other values are listed"
            )
        wanted = pa.array([one.as_py() for one in listed]).drop_null()
        has_null = len(wanted) < len(listed)
        is_there = pc.is_in(found, wanted.cast(found.type))
        unknown = pc.is_null(found) if not has_null else pc.invert(is_there)
        return pc.if_else(unknown, pa.scalar(None, pa.bool_()), is_there)

    def _identity(self, node: exp.Expr) -> Value:
        wanted = node.expression
        if isinstance(wanted, exp.Null):
            return pc.is_null(self.value(node.this))
        truths = self.truths(node.this).cast(pa.bool_())
        return pc.fill_null(pc.equal(truths, pa.scalar(bool(wanted.this))), False)

    def _arithmetic(self, node: exp.Expr) -> Value:
        return _ARITHMETIC[type(node)](self.numbers(node.this), self.numbers(node.expression))

    def _minus(self, node: exp.Expr) -> Value:
        return pc.negate(self.numbers(node.this))

    def _pattern(self, node: exp.Expr) -> Value:
        pattern = node.expression
        texts = self.value(node.this)
        if not (isinstance(pattern, exp.Literal) and pattern.is_string) or _kind(texts) != "texts":
            raise ValueError(f"{sql_of(node)}: LIKE takes texts and a pattern in quotes")
        found = pc.match_like(texts, pattern.this, ignore_case=isinstance(node, exp.ILike))
        return pc.invert(found) if node.args.get("negate") else found

    def _case(self, node: exp.Expr) -> Value:
        ifs, default = node.args["ifs"], node.args.get("default")
        tests, results = [], [self.value(one.args["true"]) for one in ifs]
        for one in ifs:
            if node.this is None:
                tests.append(self.truths(one.this))
            else:
                tests.append(self._compare(pc.equal, node.this, one.this))
        if default is not None:
            results.append(self.value(default))
        kinds = {_kind(one) for one in results} - {"nothing"}
        if len(kinds) > 1:
            raise ValueError(f"CASE gives {' and '.join(sorted(kinds))}; its values must be alike")
        columns = [pc.fill_null(self._spread(test).cast(pa.bool_()), False) for test in tests]
        names = [str(at) for at in range(len(columns))]
        cases = pa.StructArray.from_arrays(columns, names)
        return pc.case_when(cases, *(self._spread(one) for one in _alike(results)))


def as_numbers(value: Value, node: exp.Expr) -> Value:
    """Numbers as float64, NaN as null.

    Raises
    ------
    ValueError
        If they are no numbers.
    """
    if _kind(value) not in ("numbers", "nothing"):
        raise ValueError(f"{sql_of(node)} holds {_kind(value)}, and numbers are wanted")
    found = value.cast(pa.float64())
    if isinstance(found, pa.Scalar):
        return found
    return pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)


def _constant(node: exp.Expr) -> pa.Scalar:
    if isinstance(node, exp.Null):
        return pa.scalar(None)
    if isinstance(node, exp.Boolean):
        return pa.scalar(bool(node.this))
    if node.is_string:
        return pa.scalar(str(node.this))
    number = float(node.this.replace("_", ""))
    return pa.scalar(int(number) if number.is_integer() and abs(number) < 2**53 else number)


def _kind(value: Value) -> str:
    kind = value.type
    if pa.types.is_null(kind):
        return "nothing"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numbers"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "texts"
    if pa.types.is_boolean(kind):
        return "truths"
    return "lists" if pa.types.is_nested(kind) else "dates"


def _alike(values: Sequence[Value]) -> list[Value]:
    """Values in one type: whole numbers only where all of them are."""
    kinds = [one.type for one in values if not pa.types.is_null(one.type)]
    if not kinds:
        return list(values)
    if all(map(pa.types.is_integer, kinds)):
        wanted = pa.int64()
    elif _kind(next(one for one in values if one.type == kinds[0])) == "numbers":
        wanted = pa.float64()
    else:
        wanted = kinds[0]
    return [one.cast(wanted) for one in values]


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _calls(node: exp.Expr, name: str) -> bool:
    bare = node.unnest()
    return isinstance(bare, exp.Anonymous) and str(bare.this).lower() == name


_PLAIN: dict[str, Callable[..., Value]] = {
    "abs": pc.abs, "ceil": pc.ceil, "exp": pc.exp, "floor": pc.floor, "ln": pc.ln,
    "log10": pc.log10, "log2": pc.log2, "pow": pc.power, "power": pc.power, "sqrt": pc.sqrt,
    "greatest": pc.max_element_wise, "least": pc.min_element_wise, "round": pc.round,
}  # fmt: skip
_COMPARES: dict[type[exp.Expr], Callable[..., Value]] = {
    exp.EQ: pc.equal, exp.NEQ: pc.not_equal, exp.GT: pc.greater, exp.GTE: pc.greater_equal,
    exp.LT: pc.less, exp.LTE: pc.less_equal,
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expr], Callable[..., Value]] = {
    exp.Add: pc.add,
    exp.Sub: pc.subtract,
    exp.Mul: pc.multiply,
    exp.Div: pc.divide,
}
_Rule = Callable[[Evaluation, Any], Value]
_RULES: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], _Rule], ...] = (
    ((exp.And, exp.Or), Evaluation._junction),
    (exp.Not, Evaluation._negation),
    (tuple(_COMPARES), Evaluation._comparison),
    (exp.Between, Evaluation._between),
    (exp.In, Evaluation._membership),
    (exp.Is, Evaluation._identity),
    (tuple(_ARITHMETIC), Evaluation._arithmetic),
    (exp.Neg, Evaluation._minus),
    ((exp.Like, exp.ILike), Evaluation._pattern),
    (exp.Case, Evaluation._case),
)
