"""The reading half of a space: columns, rows and vectors as they are stored."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.errors import NamebasisHint
from namebasis.namespace.search.name_lookup import find_rows
from namebasis.namespace.store.dataset import IMAGE_COUNT, Store
from namebasis.namespace.store.filters import check_where, compared_texts, quote
from namebasis.namespace.store.sums import image_mean, noted_sums

_FEW_VALUES = 20
"""Of a column, to be listed where a filter asks for another."""
_COUNTS = {"image": IMAGE_COUNT, "token": "token_norm"}
"""Columns that are above 0 where a name has a vector in the view; others hold 0 there."""


class StoredRows:
    """Names, columns and vectors of one version of a space."""

    _store: Store

    def __len__(self) -> int:
        return self._store.n_rows

    @property
    def views(self) -> tuple[str, ...]:
        """The vector columns."""
        return self._store.views

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are no vectors."""
        return self._store.columns

    def table(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        ids: IntArray | Sequence[int] | None = None,
        order_by: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Read columns of the rows that a filter accepts, or of given rows.

        Parameters
        ----------
        columns : sequence of str, optional
            All but the vectors by default; a view may be named too.
        where : str, optional
            One boolean SQL expression over the columns.
        ids : sequence of int, optional
            Row numbers, kept in their order; not together with `where`.
        order_by : str, optional
            A column, or `"column desc"`; nulls come last, ties stay in row order.
        limit : int, optional
            The first so many after ordering.

        Raises
        ------
        FilterError
            If `where` is not one boolean expression, or names a column that is not there.
        ValueError
            If a column, `ids`, `order_by` or `limit` does not fit.
        """
        wanted = list(self.columns if columns is None else columns)
        key, _, direction = (order_by or "").strip().partition(" ")
        self._check_columns([*wanted, *([key] if order_by is not None else [])])
        if direction.strip().lower() not in {"", "asc", "desc"}:
            raise ValueError(f"order_by must be 'column' or 'column desc'; got {order_by!r}.")
        if key:
            self._check_order(key)
        if limit is not None:
            check_count(limit, "limit", low=0)
        read = list(dict.fromkeys([*wanted, *([key] if key else [])]))
        rows = self._read(read, where, ids)
        if key:
            rank = rows.append_column("__row", pa.array(np.arange(len(rows))))
            order = "descending" if direction.strip().lower() == "desc" else "ascending"
            keys = [(key, order), ("__row", "ascending")]
            rows = rows.take(pc.sort_indices(rank, sort_keys=keys))
        rows = rows if limit is None else rows.slice(0, min(limit, len(rows)))
        return rows.select(wanted).replace_schema_metadata(None)

    def _read(
        self, columns: list[str], where: str | None, ids: IntArray | Sequence[int] | None
    ) -> pa.Table:
        if ids is None:
            rows = self._store.scan(columns or ["id"], where)
            self._hint(where, len(rows))
            return rows
        if where is not None:
            raise ValueError("table takes where or ids, not both.")
        return self._store.take(self._check_ids(ids), columns or ["id"])

    def _check_order(self, column: str) -> None:
        kind = self._store.dataset.schema.field(column).type
        if pa.types.is_nested(kind):
            what = "vectors" if column in self.views else "lists"
            raise ValueError(
                f"order_by takes a column of numbers or texts; {column} holds {what}. Order by "
                "name, or by a measure."
            )

    def _check_columns(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in (*self.columns, *self.views):
                there = ", ".join((*self.columns, *self.views))
                raise ValueError(f"there is no column {name!r}; there are {there}.")

    def _check_ids(self, ids: IntArray | Sequence[int]) -> IntArray:
        rows = np.asarray(ids)
        if rows.size == 0:
            return np.empty(0, dtype=np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise ValueError(f"ids must be a list of integers; got {rows.dtype} {rows.shape}.")
        if rows.min() < 0 or rows.max() >= len(self):
            raise ValueError(
                f"ids must lie between 0 and {len(self) - 1}; got {rows.min()} to {rows.max()}."
            )
        return rows.astype(np.int64)

    def ids(self, where: str | None = None, *, view: str = "text") -> IntArray:
        """Numbers of the rows that a filter accepts, ascending; of all without one.

        Only of names that have a vector in the view: in `image` those with an image, in `token`
        those with a token. All names have one in `text`.
        """
        if self.lacks(view):
            if _COUNTS[view] not in self.columns:
                # A writer of an earlier version was killed before it wrote the counts.
                has_vector = np.flatnonzero(self.vectors(view).any(axis=1))
                return np.intersect1d(self.ids(where), has_vector)
            where = _both(where, f"{_COUNTS[view]} > 0", self.columns)
        if where is None:
            return np.arange(len(self), dtype=np.int64)
        rows = self._store.scan(["id"], where)["id"]
        self._hint(where, len(rows))
        return np.asarray(rows.to_numpy(), dtype=np.int64)

    def ids_of_part(self, part: str, *, view: str = "text") -> IntArray:
        """Numbers of the rows of one part that have a vector in the view, ascending.

        What studies ask by themselves: unlike `ids` of a filter that someone wrote, it does not
        warn where the space has no such part.
        """
        rows = self._store.scan(["id"], f"part = {quote(part)}")["id"].to_numpy()
        has_vector = self.ids(view=view) if self.lacks(view) else rows
        return np.intersect1d(rows, has_vector).astype(np.int64)

    def _hint(self, where: str | None, n_rows: int) -> None:
        """Warn of a filter that nothing passes because a column has no such value."""
        if where is None or n_rows:
            return
        for column, text in compared_texts(where):
            kind = self._store.dataset.schema.field(column).type if column in self.columns else None
            if kind is None or not pa.types.is_string(kind):
                continue
            values = pc.unique(self._store.scan([column])[column]).drop_null().to_pylist()
            if len(values) <= _FEW_VALUES and text not in values:
                told = f"its values are {', '.join(values)}" if values else "it is empty everywhere"
                message = f"no name has {column} = {text!r}; {told}."
                warnings.warn(message, NamebasisHint, stacklevel=4)

    def lacks(self, view: str) -> bool:
        """Whether some names have no vector in a view, which is 0 there."""
        self._store.dim(view)
        if view not in _COUNTS:
            return False
        if view not in self._store.lacking:
            column = _COUNTS[view]
            is_counted = column in self.columns
            self._store.lacking[view] = not is_counted or bool(
                len(self._store.scan(["id"], f"{column} IS NULL OR NOT {column} > 0"))
            )
        return self._store.lacking[view]

    def find(self, name: str, part: str | None = None) -> int | None:
        """Row of a stored name: as written, else forgiving case, accents and kinds of apostrophes.

        What is forgiven, `folding.fold` says. Where several parts hold it, given comes before
        family, full and pseudo.
        """
        return self.find_all([name], part)[0]

    def find_all(self, names: Sequence[str], part: str | None = None) -> list[int | None]:
        """Rows of stored names as `find` gives them, read in one pass; None where there is none."""
        return find_rows(self._store, names, part)

    def vectors(
        self, view: str = "text", *, ids: IntArray | Sequence[int] | None = None
    ) -> FloatArray:
        """Unit vectors of a view, of all rows or of `ids` in their order, (n, dim) float32."""
        return self._store.vectors(view, None if ids is None else self._check_ids(ids))

    def mean(self, view: str = "text") -> FloatArray:
        """Mean vector of a view over all rows, of shape (dim,); not of length 1.

        Of the `image` view it is the mean of all images, those of names that the space does not
        hold among them.
        """
        images = self.image_mean() if view == "image" else None
        if images is not None:
            return images
        total = np.zeros(self._store.dim(view))
        known = noted_sums(self._store).get(view)
        start = 0
        if known is not None:
            total, start = total + known.total, known.n_rows
        for block in self._store.blocks(view, start):
            total += block.sum(axis=0, dtype=np.float64)
        return np.asarray(total / len(self.ids(view=view)), dtype=np.float32)

    def image_mean(self) -> FloatArray | None:
        """Mean of the unit vectors of all images of the space, (dim,); None where it has none."""
        known = image_mean(self._store)
        return None if known is None else np.asarray(known.mean, dtype=np.float32)


def _both(where: str | None, condition: str, columns: Sequence[str]) -> str:
    return condition if where is None else f"({check_where(where, columns)}) AND {condition}"
