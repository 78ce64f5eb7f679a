"""What was published to a search engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from namebasis.results import Result, Table, plain_dict


@dataclass(frozen=True)
class PublishedView:
    """A view of a space in its collection.

    Attributes
    ----------
    view, collection : str
    n_rows, n_written : int
        Names in it, and how many of them this run wrote.
    version : int
        Of the space's data set.
    index : str
        As Milvus calls it.
    recall : float or None
        Recall@10 against exact search, on up to 50 names.
    columns : tuple of str
        That filters may use.
    left_out : tuple of str
        Why other columns are not there, a sentence each.
    """

    view: str
    collection: str
    n_rows: int
    n_written: int
    version: int
    index: str
    recall: float | None
    columns: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Published(Result):
    """Views of a space in a search engine.

    Attributes
    ----------
    engine : str
        Its address.
    space : str
        The space's folder.
    views : tuple of PublishedView

    See Also
    --------
    namebasis.Space.publish : Makes one.
    """

    engine: str
    space: str
    views: tuple[PublishedView, ...]

    def headline(self) -> str:
        """How much was written."""
        n_written = sum(one.n_written for one in self.views)
        if not n_written:
            return f"{self.engine} holds all of {self.space} already"
        return f"{n_written:,} rows of {self.space} written to {self.engine}"

    def tables(self) -> Sequence[Table]:
        """A row for each view."""
        columns = ("view", "collection", "names", "written", "version", "index", "recall@10")
        rows = [
            (one.view, one.collection, one.n_rows, one.n_written, one.version, one.index,
             one.recall)
            for one in self.views
        ]  # fmt: skip
        return [Table(columns, rows)]

    def notes(self) -> Sequence[str]:
        """What filters may use, and how the collection is asked."""
        left_out = dict.fromkeys(told for one in self.views for told in one.left_out)
        columns = dict.fromkeys(column for one in self.views for column in one.columns)
        return [
            *left_out,
            f"filters may use id, {', '.join(columns)}",
            f"ask it: namebasis nearest {self.space} NAME --engine '{self.engine}'",
        ]

    def to_arrow(self) -> pa.Table:
        """One row per view."""
        fields = [
            ("view", pa.string()), ("collection", pa.string()), ("n_rows", pa.int64()),
            ("n_written", pa.int64()), ("version", pa.int64()), ("index", pa.string()),
            ("recall", pa.float64()), ("columns", pa.list_(pa.string())),
            ("left_out", pa.list_(pa.string())),
        ]  # fmt: skip
        return pa.Table.from_pylist([asdict(one) for one in self.views], pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """The engine, the space and its views."""
        return plain_dict(
            {"engine": self.engine, "space": self.space, "views": [asdict(v) for v in self.views]}
        )
