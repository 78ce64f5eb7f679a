"""Who shares token pieces with whom: counted when it is asked for, where names were added since.

Each name that is added changes these counts for others, some of them for all. So names are added
without them, and what is stored of the others is then older. Whoever reads the columns gets them
counted over the names that there are; a build, and whatever writes all rows again, stores them.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.namespace.store.filters import columns_in

SHARED = ("piece_names", "same_pieces")
"""The columns; the second is null where a row was never counted, and nowhere else."""
_BLOCK_ROWS = 65_536
_OFTEN = 3
"""Times that a few names are counted alone; from then on all are, once."""


class SharedCounts:
    """The columns `SHARED` of one version of a data set, as they would be if all were counted.

    Parameters
    ----------
    dataset : LanceDataset
    n_rows : int
    """

    def __init__(self, dataset: Any, n_rows: int) -> None:
        self._dataset, self._n_rows = dataset, n_rows
        self._n_asked = 0

    @cached_property
    def are_stored(self) -> bool:
        """Whether no name was added since they were stored, or there are no such columns."""
        if not self._n_rows or not set(SHARED) <= set(self._dataset.schema.names):
            return True
        # Rows are only ever appended, and what stores the counts does so for all of them.
        last = self._dataset.take(pa.array([self._n_rows - 1]), columns=[SHARED[1]])
        return bool(last[SHARED[1]].null_count == 0)

    def put_right(self, rows: pa.Table, ids: IntArray | None) -> pa.Table:
        """Put the counts into rows that hold these columns.

        Parameters
        ----------
        rows : Table
        ids : ndarray of shape (n,), int64, or None
            Their numbers; None for all rows.
        """
        asked = [name for name in SHARED if name in rows.column_names]
        if not asked or self.are_stored:
            return rows
        counts = self._of(ids)
        for name in asked:
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, rows.schema.field(at), counts[name])
        return rows

    def data_set_for(self, expression: str) -> Any:
        """A data set in memory of the columns of an expression, with the counts.

        Parameters
        ----------
        expression : str
            A filter or a value in the engine's SQL.

        Returns
        -------
        LanceDataset or None
            None where what is stored will do.
        """
        named = columns_in(expression, self._dataset.schema.names)
        if set(SHARED).isdisjoint(named) or self.are_stored:
            return None
        import lance

        schema = self._dataset.schema
        # Of vectors a filter can only ask whether there are some.
        views = [name for name in named if pa.types.is_fixed_size_list(schema.field(name).type)]
        asked = {name: f"`{name}`" for name in ("id", *named)}
        asked |= {name: f"`{name}` IS NOT NULL" for name in views}
        rows = self._dataset.scanner(columns=asked, scan_in_order=True).to_table()
        for name in views:
            is_there = pc.if_else(rows[name], True, pa.scalar(None, pa.bool_()))
            rows = rows.set_column(rows.column_names.index(name), name, is_there)
        rows = self.put_right(rows, None).replace_schema_metadata(None)
        return lance.write_dataset(rows, "memory://counts")

    def _of(self, ids: IntArray | None) -> pa.Table:
        from namebasis.analysis.readings.shared_pieces import facts_of_some

        self._n_asked += 1
        if ids is None or self._n_asked > _OFTEN or len(ids) > self._n_rows // 8:
            return self._every if ids is None else self._every.take(pa.array(ids))
        if "_every" in self.__dict__:
            return self._every.take(pa.array(ids))
        some = self._dataset.take(pa.array(ids), columns=["pieces"])["pieces"]
        every = self._dataset.scanner(columns=["pieces"], batch_size=_BLOCK_ROWS).to_batches()
        return facts_of_some(some, (batch.column(0) for batch in every))

    @cached_property
    def _every(self) -> pa.Table:
        from namebasis.analysis.readings.shared_pieces import token_facts

        rows = self._dataset.scanner(columns=["pieces"], scan_in_order=True).to_table()
        return token_facts(rows["pieces"])
