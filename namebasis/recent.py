"""The last answers to the same questions, in memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Keeps what was made for the keys that were asked for last; threads may share it.

    Parameters
    ----------
    most : int
        Values to keep.
    most_size : int, optional
        Of all values together, as `size` measures them.
    size : callable
    """

    def __init__(
        self,
        most: int,
        most_size: int | None = None,
        size: Callable[[Value], int] = lambda _value: 1,
    ) -> None:
        self._most, self._most_size, self._size = most, most_size, size
        self._kept: dict[Hashable, Value] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What was made for a key, made now where it is not kept; an error is not."""
        kept = self._kept
        try:
            found = kept.pop(key)
        except KeyError:
            found = make()
        kept[key] = found  # now the last one
        while len(kept) > self._most or self._is_large():
            kept.pop(next(iter(list(kept)), None), None)
        return found

    def _is_large(self) -> bool:
        if self._most_size is None:
            return False
        return sum(map(self._size, list(self._kept.values()))) > self._most_size
