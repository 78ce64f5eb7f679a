"""Which of millions of pictures were seen, in 8 bytes each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt

KeyArray = npt.NDArray[np.int64]


def keys_of(things: Iterable[Hashable], n: int) -> KeyArray:
    """Hashes of n things, such as a label with a digest; they mean nothing to another process.

    Two of ten million differing things have the same one with a probability of 3 in a million.
    """
    return np.fromiter(map(hash, things), np.int64, n)


class Seen:
    """Keys that were seen, in sorted runs, each at most half as long as the one before it."""

    def __init__(self) -> None:
        self._runs: list[KeyArray] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def note(self, keys: KeyArray) -> npt.NDArray[np.bool_]:
        """Note keys; say of each whether it is the first of its kind, (n,)."""
        fresh = np.zeros(len(keys), dtype=bool)
        fresh[np.unique(keys, return_index=True)[1]] = True
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            fresh &= run[at] != keys
        added = np.sort(keys[fresh])
        while self._runs and len(self._runs[-1]) < 2 * len(added):
            added = np.sort(np.concatenate([self._runs.pop(), added]))
        if len(added):
            self._runs.append(added)
        return fresh
