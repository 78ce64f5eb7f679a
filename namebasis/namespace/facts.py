"""What a space holds: its columns with their ranges and meanings, and where each came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.corpus.names import NAME_SCHEMA
from namebasis.namespace.store.dataset import VIEWS, Store
from namebasis.namespace.store.metrics import OWN, metric_columns
from namebasis.results import Result, Table, plain_dict
from namebasis.terms import sentence
from namebasis.wording import listed, percent

HIDDEN = frozenset(["id", "name", "name_folded", "pieces", "births", "text", "token"])
"""Columns that are not for choosing by: a value for each name, or a structure."""
MOST_VALUES = 40
"""Values of a column that are counted out; a list of thousands is searched, not read."""
NEEDED = (
    "id", "name", "part", "gender", "locales", "sources", "name_folded", "pieces", "n_tokens",
    "piece_names", "same_pieces", "template_spread", "token_norm", "text", "token",
)  # fmt: skip
"""Columns without which a space cannot be asked or added to."""
_TOP = 3  # values that a cell of the table names
_LONGEST = 14  # letters of such a value
_IN_WORDS = {"value": "text", None: "structure"}


def own_columns(store: Store) -> list[str]:
    """Columns of the user's own, in order."""
    known = {*NAME_SCHEMA.names, *NEEDED, *metric_columns(store.schema), *VIEWS}
    return [name for name in store.columns if name not in known]


def kind_of_type(kind: pa.DataType) -> str | None:
    """`number`, `value`, `list` or `flag`; None for a structure."""
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "value"
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_string(
        kind.value_type
    ):
        return "list"
    return None


def finite(column: pa.Array | pa.ChunkedArray) -> Any:
    """The finite values of a column of numbers, as float64."""
    values = pc.drop_null(column).to_numpy(zero_copy_only=False).astype(np.float64)
    return values[np.isfinite(values)]


def counted(column: pa.Array, kind: str) -> dict[str, Any] | None:
    """How many names have a value (`n`), how many values there are, and the most frequent ones.

    Parameters
    ----------
    column : Array
    kind : str
        ``value``, ``flag``, or ``list``, whose items are counted.

    Returns
    -------
    dict or None
        `n`, `n_values` and `values`: pairs of value and count. None where no name has a value.
    """
    n = len(column) - column.null_count
    if kind == "list":
        n = int(pc.sum(pc.greater(pc.fill_null(pc.list_value_length(column), 0), 0)).as_py() or 0)
        column = pc.list_flatten(column)
    column = pc.drop_null(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not len(column):
        return None
    found = pc.value_counts(column)
    rows = sorted(found.to_pylist(), key=lambda one: (-one["counts"], str(one["values"])))
    return {
        "n": n,
        "n_values": len(rows),
        "values": [[one["values"], one["counts"]] for one in rows[:MOST_VALUES]],
    }


@dataclass(frozen=True)
class ColumnFacts:
    """What one column holds.

    Attributes
    ----------
    column : str
    type : str
        ``number``, ``text``, ``list`` (of texts), ``flag`` or ``structure``.
    n : int
        Names that have a value; not NaN, and no empty list.
    share : float
        Of all names, in [0, 1].
    low, high : float or None
        Of numbers.
    n_values : int or None
        Different values of texts, flags and lists.
    values : tuple of (value, int)
        The most frequent ones, with their counts.
    meaning : str
        One sentence.
    """

    column: str
    type: str
    n: int
    share: float
    low: float | None = None
    high: float | None = None
    n_values: int | None = None
    values: tuple[tuple[Any, int], ...] = ()
    meaning: str = ""

    @property
    def held(self) -> str:
        """Range, or most frequent values, in a few words."""
        if self.low is not None and self.high is not None:
            ends = [_number(one, self.column) for one in (self.low, self.high)]
            return ends[0] if ends[0] == ends[1] else " to ".join(ends)
        if not self.values:
            return ""
        if self.n_values and self.n_values > max(_TOP, self.n / 2):
            return f"{self.n_values:,} different"
        told = [f"{_short(value)} {count:,}" for value, count in self.values[:_TOP]]
        left = (self.n_values or 0) - len(told)
        return ", ".join([*told, *([f"{left:,} more"] if left > 0 else [])])


class SpaceInfo(Result, Mapping[str, Any]):
    """What a space holds; `info["names"]` and the like give single facts.

    Attributes
    ----------
    facts : dict
        Names, encoder, templates, views, columns, metrics, indices.
    checked : dict
        With `check`: what was compared with its checksum, and what was found.
    """

    def __init__(
        self, store: Store, facts: Mapping[str, Any], checked: Mapping[str, str] | None = None
    ) -> None:
        self._store = store
        self.facts = dict(facts)
        self.checked = dict(checked or {})

    def __getitem__(self, key: str) -> Any:
        return self.facts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)

    @cached_property
    def described(self) -> tuple[ColumnFacts, ...]:
        """What each column holds, in the order of the space; read when it is asked for."""
        own, metrics = set(own_columns(self._store)), self.facts["metrics"]
        return tuple(
            _described(self._store, name, name in own, metrics.get(name))
            for name in self._store.columns
        )

    def headline(self) -> str:
        views = listed([f"{view} ({dim})" for view, dim in self.facts["views"].items()])
        n_templates, n_names = len(self.facts["templates"]), self.facts["names"]
        templates = "1 template" if n_templates == 1 else f"{n_templates:,} templates"
        names = "1 name" if n_names == 1 else f"{n_names:,} names"
        word = "view" if len(self.facts["views"]) == 1 else "views"
        sources = self.facts.get("image_views", ())
        views += f" (and {listed(sources)} of single sources)" if sources else ""
        beside = self.facts.get("image_encoders", {})
        others = listed([f"{n:,} by {spec}" for spec, n in beside.items()])
        told = f" Beside them, vectors of pictures by other encoders: {others}." if beside else ""
        return (
            f"{Path(self.facts['path']).name} holds {names} by {self.facts['encoder']}: {word} "
            f"{views}, {templates if n_templates else 'no templates'}, "
            f"{len(self.facts['columns'])} columns.{told}"
        )

    def tables(self) -> list[Table]:
        """Columns, those to choose names by first; then templates, measures and indices."""
        order = sorted(self.described, key=lambda one: (not one.n, one.column in HIDDEN))
        rows = [(one.column, one.type, _filled(one), one.held, one.meaning) for one in order]
        empty = [at for at, one in enumerate(order) if not one.n]
        titles = ("column", "type", "filled", "holds", "meaning")
        found = [Table(titles, rows, key="column", muted=empty, wrapped=("meaning",))]
        templates = [(template,) for template in self.facts["templates"]]
        if templates:
            found.append(Table(("template",), templates, key="template"))
        if self.checked:
            found.append(Table(("checked", "found"), list(self.checked.items()), key="check"))
        if self.facts["metrics"]:
            found.append(self._measures())
        return [*found, self._indices(), self._origin()]

    def _measures(self) -> Table:
        rows = [
            (
                column, made["study"], made.get("when"), made.get("since"),
                ", ".join(f"{key} {_told(value)}" for key, value in made["parameters"].items()),
            )
            for column, made in self.facts["metrics"].items()
        ]  # fmt: skip
        titles = ("measure", "study", "on", "since then", "parameters")
        shown = [at for at in range(5) if at < 2 or any(row[at] for row in rows)]
        return Table(
            [titles[at] for at in shown], [[row[at] for at in shown] for row in rows],
            key="measure", detail=True,
        )  # fmt: skip

    def _indices(self) -> Table:
        rows = []
        for view, index in self.facts["indices"].items():
            known = index if isinstance(index, Mapping) else {}
            told = known.get("factory") or index
            rows.append((view, told, known.get("rows"), known.get("recall_at_10")))
        has_recall = any(row[3] is not None for row in rows)
        titles = ("index of view", "kind", "rows", "recall at 10")[: 4 if has_recall else 3]
        return Table(titles, [row[: len(titles)] for row in rows], key="index", detail=True)

    def _origin(self) -> Table:
        keys = ("path", "encoder", "revision", "fingerprint", "seed", "package_version")
        rows = [(key.replace("_", " "), self.facts[key]) for key in keys if self.facts[key] != ""]
        fit = self.facts.get("unspelled", {})
        rows += [(f"unspelled {key.replace('_', ' ')}", _told(fit[key])) for key in fit]
        for view, made in self.facts.get("computed", {}).items():
            rows.append((f"{view} computed by", made["model"]))
        return Table(("fact", "value"), rows, key="fact", detail=True)

    def to_arrow(self) -> pa.Table:
        """One row per column."""
        metrics = self.facts["metrics"]
        numbers = {
            key: pa.array([getattr(one, key) for one in self.described], kind)
            for key, kind in (("n", pa.int64()), ("share", pa.float64()), ("low", pa.float64()),
                              ("high", pa.float64()), ("n_values", pa.int64()))
        }  # fmt: skip
        made = {
            key: pa.array([metrics.get(one.column, {}).get(key) for one in self.described],
                          pa.string())
            for key in ("study", "when", "since")
        }  # fmt: skip
        top = [[str(value) for value, _ in one.values] for one in self.described]
        return pa.table({
            "column": [one.column for one in self.described],
            "type": [one.type for one in self.described],
            **numbers, "values": pa.array(top, pa.list_(pa.string())), **made,
            "meaning": [one.meaning for one in self.described],
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """All facts; `described` has what each column holds."""
        described = [
            {
                "column": one.column, "type": one.type, "n": one.n, "share": one.share,
                "low": one.low, "high": one.high, "n_values": one.n_values,
                "values": [list(pair) for pair in one.values], "meaning": one.meaning,
            }
            for one in self.described
        ]  # fmt: skip
        checked = {"checked": self.checked} if self.checked else {}
        return plain_dict({**self.facts, "described": described, **checked})


def _described(
    store: Store, name: str, is_own: bool, made: Mapping[str, Any] | None
) -> ColumnFacts:
    kind = kind_of_type(store.schema.field(name).type)
    column = store.scan([name])[name].combine_chunks()
    if is_own:
        meaning = "your column"
    else:
        study = "" if made is None or made["study"] == OWN else f"of {made['study']}"
        meaning = sentence(name) or study
    found: dict[str, Any] = {"n": len(column) - column.null_count}
    if kind == "number":
        values = finite(column)
        found = {"n": len(values)}
        if len(values):
            found |= {"low": float(values.min()), "high": float(values.max())}
    elif kind is not None:
        found = counted(column, kind) or {"n": 0}
        found["values"] = tuple((value, count) for value, count in found.get("values", ()))
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        found = {"n": int(pc.sum(pc.greater(lengths, 0)).as_py() or 0)}
    return ColumnFacts(
        name, _IN_WORDS.get(kind, str(kind)), share=found["n"] / max(store.n_rows, 1),
        meaning=meaning, **found,
    )  # fmt: skip


def _filled(one: ColumnFacts) -> str:
    """The share of names with a value; neither none nor all where that is not so."""
    if 0 < one.share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < one.share < 1 else percent(one.share)


def _number(value: float, column: str) -> str:
    """A number of a range: thousands apart but in years, three digits of a fraction."""
    if value.is_integer():
        return f"{value:.0f}" if "year" in column.lower() else f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _short(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_told, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
