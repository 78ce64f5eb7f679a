"""The fields of a collection, each a column of a space."""

from __future__ import annotations

from dataclasses import dataclass

MOST_FIELDS = 60
"""Columns of a collection, by Milvus' limit of 64 fields."""
MOST_BYTES = 65_535
"""Of a text, by Milvus' limits."""
MOST_ITEMS = 4_096
"""Items of a list, by Milvus' limits."""


@dataclass(frozen=True)
class Field:
    """A column of a space in a collection.

    Attributes
    ----------
    column : str
        As filters call it.
    field : str
        As the collection calls it.
    kind : str
        `text`, `integer`, `number` or `truth`; `texts`, `integers` or `numbers` for lists.
    is_single : bool
        Whether the space holds numbers of single precision, to which the store's engine rounds
        what they are compared with.
    is_derived : bool
        Whether the column is computed when it is asked for; see docs/where.md.
    """

    column: str
    field: str
    kind: str
    is_single: bool = False
    is_derived: bool = False

    @property
    def is_list(self) -> bool:
        """Whether each row holds several values."""
        return self.kind.endswith("s")
