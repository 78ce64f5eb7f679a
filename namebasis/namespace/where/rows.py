"""Which rows of a space are read, and what of them: by a filter or their numbers, in an order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.errors import FilterError, NamebasisHint
from namebasis.index.row_set import RowSet
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.filter_words import FEW_VALUES, why_empty
from namebasis.namespace.store.filters import check_where, filter_error
from namebasis.namespace.store.rows import COUNTS, check_ids, lacks
from namebasis.namespace.where.derived import derived_names
from namebasis.namespace.where.words import is_column, is_extended
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from sqlglot import exp

    from namebasis.namespace.where.evaluation import Evaluation
    from namebasis.namespace.where.language import Language

_HIDDEN = "__order"


@dataclass(frozen=True)
class Reader:
    """Reads rows of a space as filters, orders and expressions ask for them.

    Attributes
    ----------
    store : Store
    resolve : callable
        The unit vector of a name, a text or an image's path in a view.
    reads_files : bool
        Whether expressions may read files of this machine.
    """

    store: Store
    resolve: Callable[[object, str], FloatArray]
    reads_files: bool = True

    @cached_property
    def derived(self) -> tuple[str, ...]:
        """Columns that are computed when they are asked for."""
        return derived_names(self.store)

    @cached_property
    def language(self) -> Language:
        """Reads what goes beyond the engine's SQL."""
        from namebasis.namespace.where.language import Language

        return Language(self.store.columns, self.derived, reads_files=self.reads_files)

    def ids(self, where: str | None, view: str) -> IntArray:
        """Numbers of the rows that a filter accepts and that have a vector in a view, ascending."""
        if where is None and self.store.made(view) is None and not lacks(self.store, view):
            return np.arange(self.store.n_rows, dtype=np.int64)
        return self.row_set(where, view).ids

    def row_set(self, where: str | None, view: str) -> RowSet:
        """The same rows as a set, which a search takes as it is."""
        has_vector, n_rows = None, self.store.n_rows
        made = self.store.made(view)
        if made is not None:
            return RowSet.of_ids(np.intersect1d(self.ids(where, "text"), made.names), n_rows)
        if lacks(self.store, view):
            if COUNTS[view] not in self.store.columns:
                # A writer of an earlier version was killed before it wrote the counts.
                there = np.flatnonzero(self.store.vectors(view).any(axis=1))
                return RowSet.of_ids(np.intersect1d(self.ids(where, "text"), there), n_rows)
            has_vector = f"{COUNTS[view]} > 0"
        if where is None and has_vector is None:
            return RowSet.of_mask(np.ones(n_rows, dtype=bool))
        found = self.passing(where, has_vector)
        self.hint(where, found.count, stacklevel=5)
        return found

    def passing(self, where: str | None, also: str | None = None) -> RowSet:
        """Rows that a filter accepts, and another of the engine's own language.

        Kept for the last filters, unless one may read files, which others may write meanwhile.
        """
        if not isinstance(where, str) or (self.reads_files and self._is_extended(where)):
            return RowSet.of_ids(self._passing(where, also), self.store.n_rows)
        asked = where, also
        return self.store.passed.of(
            asked, lambda: RowSet.of_ids(self._passing(*asked), self.store.n_rows)
        )

    def _passing(self, where: str | None, also: str | None) -> IntArray:
        if where is None or not self._is_extended(where):
            if where is not None and also is not None:
                also = f"{check_where(where, self.store.columns)} AND {also}"
            return self._scanned(also or str(where))
        with _refusing(where):
            return self._extended(self.language.condition(where), also)

    def table(
        self,
        columns: Sequence[str] | None,
        where: str | None,
        ids: IntArray | Sequence[int] | None,
        order_by: str | None,
        limit: int | None,
    ) -> pa.Table:
        """Read columns of the rows that a filter accepts, or of given rows; see `Space.table`.

        Raises
        ------
        FilterError, ValueError
            As `Space.table`.
        """
        wanted = [self._item(one) for one in (self.store.columns if columns is None else columns)]
        keys = self._keys(order_by)
        if limit is not None:
            check_count(limit, "limit", low=0)
        _check_names([name for name, _ in wanted])
        stored = [name for name, node in wanted if node is None]
        stored += [key for key, _ in keys if isinstance(key, str)]
        computes = len(stored) < len(wanted) + len(keys)
        read = list(dict.fromkeys([*stored, *(["id"] if computes else [])]))
        rows = self._read(read, where, ids)
        if keys:
            rows = rows.take(self._order(rows, keys))
        rows = rows if limit is None else rows.slice(0, min(limit, len(rows)))
        made = rows.select([])
        for name, node in wanted:
            field = rows.schema.field(name) if node is None else name
            made = made.append_column(
                field, rows[name] if node is None else self._computed(rows, name, node)
            )
        return made.replace_schema_metadata(None)

    def check(self, column: str) -> None:
        """Refuse what is neither a stored column nor an expression.

        Raises
        ------
        ValueError
        """
        self._item(column)

    def _read(
        self, columns: list[str], where: str | None, ids: IntArray | Sequence[int] | None
    ) -> pa.Table:
        columns = columns or ["id"]
        if ids is not None:
            if where is not None:
                raise ValueError("table takes where or ids, not both.")
            return self.store.take(check_ids(ids, self.store.n_rows), columns)
        if where is not None and self._is_extended(where):
            passing = self.passing(where).ids
            rows = self._taken(passing, columns)
        else:
            rows = self.store.scan(columns, where)
        self.hint(where, len(rows), stacklevel=6)
        return rows

    def _taken(self, ids: IntArray, columns: list[str]) -> pa.Table:
        if len(ids) < self.store.n_rows // 4:
            return self.store.take(ids, columns)
        return self.store.scan(columns).take(pa.array(ids))

    def _computed(self, rows: pa.Table, name: str, node: exp.Expr) -> pa.Array:
        with _naming(f"column {name!r}"):
            return self._evaluation(np.asarray(rows["id"].to_numpy(), np.int64)).column(node)

    def _is_extended(self, text: str) -> bool:
        return isinstance(text, str) and is_extended(text, self.derived)

    def _evaluation(self, ids: IntArray | None) -> Evaluation:
        from namebasis.namespace.where.evaluation import Evaluation

        if ids is not None and len(ids) == self.store.n_rows and np.all(np.diff(ids) == 1):
            ids = None
        return Evaluation(self.store, self.resolve, self.language, ids)

    def _scanned(self, where: str) -> IntArray:
        return np.asarray(self.store.scan(["id"], where)["id"].to_numpy(), dtype=np.int64)

    def _extended(self, node: exp.Expr, also: str | None) -> IntArray:
        """Rows that a condition accepts: the engine's parts first, what thins out rows last."""
        from namebasis.namespace.where.language import conjuncts, sql_of

        parts = conjuncts(node)
        engine = [sql_of(one) for one in parts if not self.language.holds_special(one)]
        engine += [also] if also else []
        told = engine[0] if len(engine) == 1 else " AND ".join(f"({one})" for one in engine)
        ids = self._scanned(told) if engine else None
        special = [one for one in parts if self.language.holds_special(one)]
        everywhere = self._evaluation(None)
        for part in sorted(special, key=_thins):
            asked = everywhere.of(ids)
            if _thins(part):
                keep = asked.first_of_each(part)
            else:
                truths = asked.column_of_truths(part)
                keep = truths.fill_null(False).to_numpy(zero_copy_only=False)
            ids = np.flatnonzero(keep) if ids is None else ids[keep]
        return np.arange(self.store.n_rows) if ids is None else ids.astype(np.int64)

    def _item(self, column: str) -> tuple[str, exp.Expr | None]:
        """What a column is called, and its expression where it is not stored."""
        held = (*self.store.columns, *self.store.views)
        if column in held:
            return column, None
        is_word = isinstance(column, str) and (is_column(column) or not column.strip())
        if not isinstance(column, str) or (is_word and column not in self.derived):
            raise ValueError(
                f"there is no column {column!r}; there are {', '.join(held)}."
                f"{did_you_mean(str(column), (*held, *self.derived))}"
            )
        with _naming(f"column {column!r}"):
            return self.language.item(column)

    def _keys(self, order_by: str | None) -> list[tuple[str | exp.Expr, bool]]:
        """Columns or expressions to order by, and whether each descends."""
        if order_by is None:
            return []
        key, _, direction = order_by.strip().partition(" ")
        direction = direction.strip().lower()
        if key in self.store.columns and key not in self.derived and direction in _DIRECTIONS:
            return [(self._check_order(key), direction.startswith("desc"))]
        if key == order_by.strip() and (is_column(key) or not key) and key not in self.derived:
            self._check_order(self._item(key)[0])
        with _naming(f"order_by must be 'column' or 'column desc', or several; got {order_by!r}"):
            found = self.language.order(order_by)
        return [
            (node.name if self._is_stored(node) else node, descends) for node, descends in found
        ]

    def _is_stored(self, node: exp.Expr) -> bool:
        from sqlglot import exp

        if not isinstance(node, exp.Column) or self.language.derives(node):
            return False
        self._check_order(self._item(node.name)[0])
        return True

    def _check_order(self, column: str) -> str:
        kind = self.store.dataset.schema.field(column).type
        if pa.types.is_nested(kind):
            what = "vectors" if column in self.store.views else "lists"
            raise ValueError(
                f"order_by takes a column of numbers or texts; {column} holds {what}. Order by "
                "name, or by a measure."
            )
        return column

    def _order(self, rows: pa.Table, keys: Sequence[tuple[str | exp.Expr, bool]]) -> pa.Array:
        """Places of rows in order; nulls come last, ties stay as they are."""
        ordered: dict[str, pa.Array | pa.ChunkedArray] = {}
        for at, (key, _) in enumerate(keys):
            values = rows[key] if isinstance(key, str) else self._ordered_by(rows, key)
            ordered[f"{_HIDDEN}{at}"] = values
        ordered[_HIDDEN] = pa.array(np.arange(len(rows)))
        sides = ["descending" if descends else "ascending" for _, descends in keys]
        return pc.sort_indices(
            pa.table(ordered),
            sort_keys=list(zip(ordered, [*sides, "ascending"], strict=True)),
        )

    def _ordered_by(self, rows: pa.Table, node: exp.Expr) -> pa.Array:
        from namebasis.namespace.where.language import sql_of

        values = self._computed(rows, sql_of(node), node)
        if pa.types.is_nested(values.type):
            raise ValueError(f"order_by takes numbers or texts; {sql_of(node)} holds lists.")
        return values

    def hint(self, where: str | None, n_rows: int, stacklevel: int) -> None:
        """Warn of a filter that nothing passes, saying which condition left nothing."""
        if where is None or n_rows or not self.store.n_rows:
            return
        warnings.warn(self.why_empty(where), NamebasisHint, stacklevel=5)

    def why_empty(self, where: str) -> str:
        """Which condition of a filter that nothing passes left nothing, in a sentence."""
        held = self.store.held()
        return why_empty(where, lambda part: self.passing(part).count, held, self._span_told)

    def _span_told(self, part: str) -> str | None:
        """What the computed side of a comparison holds; None where there is none."""
        if not self._is_extended(part):
            return None
        from sqlglot import exp

        from namebasis.namespace.where.language import sql_of

        node = self.language.condition(part).unnest()
        side = node.this if isinstance(node, (exp.Binary, exp.Between)) else None
        if side is None or not self.language.holds_special(side):
            return ""
        values = self._evaluation(None).column(side)
        if pa.types.is_string(values.type):
            few = sorted(pc.unique(values).drop_null().to_pylist())
            return f"; its values are {', '.join(few)}" if 0 < len(few) <= FEW_VALUES else ""
        if not pa.types.is_integer(values.type) and not pa.types.is_floating(values.type):
            return ""
        ends = pc.min_max(values).as_py()
        if ends["min"] is None:
            return f"; {sql_of(side)} is empty everywhere"
        return f"; {sql_of(side)} goes from {ends['min']:.4g} to {ends['max']:.4g}"


_DIRECTIONS = ("", "asc", "desc", "nulls last", "asc nulls last", "desc nulls last")


def _thins(node: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "one_per"


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(f"columns must differ from each other; {twice[0]!r} comes twice.")


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Tell the reason of a refusal as that of a filter."""
    try:
        yield
    except (ValueError, pa.ArrowException) as error:
        raise filter_error(where, _one_line(error)) from None


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Tell the reason of a refusal as that of a column or an order."""
    try:
        yield
    except FilterError as error:
        reason = str(error).partition("; got ")[2] or str(error)
        raise ValueError(f"{what}: {reason}") from None
    except (ValueError, pa.ArrowException) as error:
        raise ValueError(f"{what}: {_one_line(error)}.") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
