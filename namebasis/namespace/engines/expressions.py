"""Filters as Milvus reads them: exactly what the space's own engine accepts, or a refusal.

Each comparison stands beside a check that its column is not null, and NOT is taken down to the
comparisons. What a filter accepts then does not depend on what an engine makes of nulls.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlglot import exp

from namebasis.namespace.engines.fields import Field
from namebasis.namespace.store.filters import filter_error
from namebasis.namespace.where.language import Language

_SIGNS: dict[type[exp.Expr], tuple[str, str]] = {
    exp.EQ: ("==", "!="), exp.NEQ: ("!=", "=="), exp.LT: ("<", ">="), exp.LTE: ("<=", ">"),
    exp.GT: (">", "<="), exp.GTE: (">=", "<"),
}  # fmt: skip
"""How a comparison is written, and its opposite."""
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_HOLDS_ONE = frozenset(["array_has", "array_contains", "list_has", "list_contains"])
_HOLDS_ALL = frozenset(["array_has_all", "list_has_all"])
_HOLDS_ANY = frozenset(["array_has_any", "list_has_any"])
_LENGTHS = frozenset(["array_length", "list_length", "cardinality"])
_PATTERNS = {"starts_with": "{}%", "ends_with": "%{}", "contains": "%{}%"}
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_NOBODY = "id < 0"
_EVERYBODY = "id >= 0"
_WIDEST = 2**63
_KINDS = {"text": "texts", "integer": "whole numbers", "number": "numbers", "truth": "truths"}


@dataclass(frozen=True)
class Translator:
    """Turns filters into Milvus expressions.

    Attributes
    ----------
    language : Language
        Reads filters over the columns of the space.
    fields : mapping of str to Field
        The columns of the collection, by their names.
    """

    language: Language
    fields: Mapping[str, Field]

    def expression(self, where: str | None, also: str | None = None) -> str:
        """Write a filter, and another beside it.

        Parameters
        ----------
        where : str, optional
            As `Space.nearest` takes it.
        also : str, optional
            A column that must be above 0.

        Returns
        -------
        str
            Empty where every row passes.

        Raises
        ------
        FilterError
            If it is no filter, or Milvus cannot say it.
        """
        parts = []
        if where is not None:
            columns = (*self.language.columns, *self.language.derived)
            if not isinstance(where, str) or not where.strip():
                raise filter_error(where, "it is empty", columns)
            try:
                asked = self.language.condition(where)
                self._check_rounding(asked)
                parts.append(self._true(asked))
            except ValueError as error:
                raise filter_error(where, str(error)) from None
        if also is not None:
            parts.append(f"{self._field(also).field} > 0")
        return " and ".join(f"({one})" for one in parts) if len(parts) > 1 else "".join(parts)

    def _check_rounding(self, asked: exp.Expr) -> None:
        """Refuse what the store's engine rounds in one place and not in another.

        It rounds what a column of single precision is compared with, but not below NOT and IS.
        """
        single = {one.column for one in self.fields.values() if one.is_single}
        for around in asked.find_all(exp.Not, exp.Is):
            for node in around.find_all(*_SIGNS, exp.In, exp.Between):
                columns = [one.name for one in node.find_all(exp.Column) if one.name in single]
                numbers = [float(str(one.this)) for one in node.find_all(exp.Literal)
                           if not one.is_string and _NUMBER.fullmatch(str(one.this))]  # fmt: skip
                if columns and any(float(np.float32(one)) != one for one in numbers):
                    raise ValueError(
                        f"{columns[0]} is of single precision, and rounding differs below NOT and "
                        "IS; write the comparison without them, such as >= for NOT <"
                    )

    def _true(self, node: exp.Expr) -> str:
        """Where a condition holds."""
        return self._condition(node.unnest(), True)

    def _false(self, node: exp.Expr) -> str:
        """Where a condition does not hold; neither holds where it is unknown."""
        return self._condition(node.unnest(), False)

    def _condition(self, node: exp.Expr, wanted: bool) -> str:
        _check_parts(node)
        side: Callable[[exp.Expr], str] = self._true if wanted else self._false
        if isinstance(node, exp.Not):
            return self._condition(node.this.unnest(), not wanted)
        if isinstance(node, (exp.And, exp.Or)):
            word = "and" if isinstance(node, exp.And) == wanted else "or"
            return f" {word} ".join(f"({side(one)})" for one in _flat(node))
        if isinstance(node, exp.Boolean):
            return _EVERYBODY if bool(node.this) == wanted else _NOBODY
        if isinstance(node, exp.Column):
            field = self._field(node.name, ["truth"])
            return _known(field, f"{field.field} == {'true' if wanted else 'false'}")
        if type(node) in _SIGNS:
            return self._comparison(node, wanted)
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
            return self._condition(exp.And(this=low, expression=high), wanted)
        if isinstance(node, exp.In):
            return self._in(node, wanted)
        if isinstance(node, exp.Is):
            return self._is(node, wanted)
        if isinstance(node, exp.Like):
            field = self._operand(node.this, ["text"])
            pattern = self._text(node.expression)
            if "_" in pattern or "\\" in pattern:
                raise ValueError("Milvus reads _ and \\ in patterns in its own way; use % alone")
            return _like(field, pattern, wanted != bool(node.args.get("negate")))
        if isinstance(node, exp.Anonymous):
            return self._function(node, wanted)
        raise ValueError(f"Milvus cannot say {_said(node)}")

    def _comparison(self, node: exp.Expr, wanted: bool) -> str:
        left, right = node.this.unnest(), node.expression.unnest()
        sign = _SIGNS[type(node)][0 if wanted else 1]
        if _is_value(left) and not _is_value(right):
            left, right, sign = right, left, _MIRRORED[sign]
        if isinstance(left, exp.Anonymous) and str(left.this).lower() in _LENGTHS:
            return self._length(left, sign, right)
        field = self._operand(left)
        if field.is_list:
            raise ValueError(f"{field.column} holds lists; ask array_has({field.column}, …)")
        if isinstance(right, exp.Column):
            return self._two(field, sign, self._operand(right))
        return _known(field, _compared(field, sign, self._value(field, right)))

    def _two(self, left: Field, sign: str, right: Field) -> str:
        if left.kind != right.kind or left.is_list or left.kind == "truth":
            raise ValueError(
                f"Milvus cannot compare {left.column} with {right.column}: they hold other kinds "
                "of values"
            )
        return _known(left, _known(right, f"{left.field} {sign} {right.field}"))

    def _in(self, node: exp.In, wanted: bool) -> str:
        field = self._operand(node.this)
        if not node.expressions or field.is_list:
            raise ValueError(f"Milvus cannot say {_said(node)}")
        values = [self._value(field, one.unnest()) for one in node.expressions]
        listed = ", ".join(map(_literal, values))
        return _known(field, f"{field.field} {'' if wanted else 'not '}in [{listed}]")

    def _is(self, node: exp.Is, wanted: bool) -> str:
        tested, asked = node.this.unnest(), node.expression.unnest()
        if isinstance(asked, exp.Boolean):
            # What is unknown is neither: IS NOT TRUE holds for false and for null.
            side = self._condition(tested, bool(asked.this))
            if wanted:
                return side
            field = self._operand(tested, ["truth"])
            other = self._condition(tested, not asked.this)
            return f"({field.field} is null) or ({other})"
        if not isinstance(asked, exp.Null):
            raise ValueError(f"Milvus cannot say {_said(node)}")
        field = self._operand(tested)
        if field.field == "id":
            return _NOBODY if wanted else _EVERYBODY
        return f"{field.field} is {'' if wanted else 'not '}null"

    def _function(self, node: exp.Anonymous, wanted: bool) -> str:
        name = str(node.this).lower()
        if name in _PATTERNS and len(node.expressions) == 2:
            field = self._operand(node.expressions[0], ["text"])
            text = self._text(node.expressions[1])
            if set(text) & set("%_\\"):
                raise ValueError("Milvus reads %, _ and \\ in patterns in its own way")
            return _like(field, _PATTERNS[name].format(text), wanted)
        if name not in _HOLDS_ONE | _HOLDS_ALL | _HOLDS_ANY or len(node.expressions) != 2:
            raise ValueError(f"Milvus has no function {name}")
        field = self._operand(node.expressions[0], ["texts", "integers"])
        item = Field(field.column, field.field, field.kind[:-1])
        if name in _HOLDS_ONE:
            value = _literal(self._value(item, node.expressions[1].unnest()))
            found = f"array_contains({field.field}, {value})"
        else:
            values = ", ".join(
                _literal(self._value(item, one)) for one in _listed(node.expressions[1])
            )
            how = "all" if name in _HOLDS_ALL else "any"
            found = f"array_contains_{how}({field.field}, [{values}])"
        return _known(field, found if wanted else f"not {found}")

    def _length(self, node: exp.Anonymous, sign: str, right: exp.Expr) -> str:
        if len(node.expressions) != 1:
            raise ValueError(f"Milvus cannot say {_said(node)}")
        field = self._operand(node.expressions[0], ["texts", "integers", "numbers"])
        number = Field(field.column, f"array_length({field.field})", "integer")
        return _known(field, _compared(number, sign, self._value(number, right)))

    def _operand(self, node: exp.Expr, kinds: Sequence[str] = ()) -> Field:
        bare = node.unnest()
        if not isinstance(bare, exp.Column):
            raise ValueError(f"Milvus compares columns with values, and cannot say {_said(bare)}")
        return self._field(bare.name, kinds)

    def _field(self, name: str, kinds: Sequence[str] = ()) -> Field:
        if name == "id":
            field = Field("id", "id", "integer")
        elif name in self.fields:
            field = self.fields[name]
        elif name.lower() in self.language.derived and name.lower() in self.fields:
            field = self.fields[name.lower()]
        elif name in self.language.columns or name.lower() in self.language.derived:
            raise ValueError(
                f"{name} is not in the collection; publish it too (namebasis serve --columns)"
            )
        else:
            raise ValueError(
                f"there is no column {name}; there are {', '.join(self.language.columns)}"
            )
        if kinds and field.kind not in kinds:
            raise ValueError(f"{name} does not hold {' or '.join(_KINDS.get(k, k) for k in kinds)}")
        return field

    def _value(self, field: Field, node: exp.Expr) -> object:
        """A value that a column is compared with, as the column holds it."""
        sign = 1
        while isinstance(node, exp.Neg):
            node, sign = node.this.unnest(), -sign
        if isinstance(node, exp.Boolean) and field.kind == "truth":
            return bool(node.this)
        if not isinstance(node, exp.Literal):
            raise ValueError(f"Milvus compares columns with values, and cannot say {_said(node)}")
        is_text = field.kind == "text"
        if node.is_string != is_text or field.kind == "truth":
            raise ValueError(f"{field.column} holds {_KINDS[field.kind]}; got {_said(node)}")
        if is_text:
            return str(node.this)
        text = str(node.this)
        if not _NUMBER.fullmatch(text) or (field.kind == "integer" and not text.isdecimal()):
            raise ValueError(f"{field.column} holds {_KINDS[field.kind]}; got {text}")
        value = sign * (int(text) if text.isdecimal() else float(text))
        if not math.isfinite(value) or (field.kind == "integer" and abs(value) >= _WIDEST):
            raise ValueError(f"{text} is beyond the numbers that Milvus holds")
        if field.kind == "integer":
            return value
        return float(np.float32(value)) if field.is_single else float(value)

    def _text(self, node: exp.Expr) -> str:
        bare = node.unnest()
        if not isinstance(bare, exp.Literal) or not bare.is_string:
            raise ValueError(f"Milvus takes a pattern in quotes, and cannot say {_said(bare)}")
        return str(bare.this)


def _check_parts(node: exp.Expr) -> None:
    """Refuse a part of a condition that nothing here reads, such as a word that turns it round."""
    read = {"this", "expression", "expressions", "low", "high"}
    read |= {"negate"} if isinstance(node, exp.Like) else set()
    more = [name for name, value in node.args.items() if value and name not in read]
    if more:
        raise ValueError(f"Milvus cannot say {_said(node)}")


def _flat(node: exp.Expr) -> list[exp.Expr]:
    """The terms of a chain of AND or of OR, which may be thousands long."""
    kind, found, waiting = type(node), list[exp.Expr](), [node]
    while waiting:
        one = waiting.pop().unnest()
        if type(one) is kind:
            waiting += [one.expression, one.this]
        else:
            found.append(one)
    return found


def _compared(field: Field, sign: str, value: object) -> str:
    return f"{field.field} {sign} {_literal(value)}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _known(field: Field, told: str) -> str:
    """What holds of a column only where it is not null."""
    return told if field.field == "id" else f"{field.field} is not null and ({told})"


def _like(field: Field, pattern: str, wanted: bool) -> str:
    found = f"{field.field} like {_literal(pattern)}"
    return _known(field, found if wanted else f"not ({found})")


def _listed(node: exp.Expr) -> list[exp.Expr]:
    """The values of ``make_array('a', 'b')`` or ``['a', 'b']``."""
    bare = node.unnest()
    is_made = isinstance(bare, exp.Anonymous) and str(bare.this).lower() in (
        "make_array", "make_list",
    )  # fmt: skip
    if not is_made and not isinstance(bare, exp.Array):
        raise ValueError(f"Milvus takes a list of values, and cannot say {_said(bare)}")
    return [one.unnest() for one in bare.expressions]


def _is_value(node: exp.Expr) -> bool:
    bare = node.this if isinstance(node, exp.Neg) else node
    return isinstance(bare, (exp.Literal, exp.Boolean, exp.Null))


def _said(node: exp.Expr) -> str:
    text = str(node.sql())
    return text if len(text) <= 60 else text[:60] + "…"
