"""What a direction goes with: its correlation with every column of the names, against chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, IntArray
from namebasis.namespace.corpus.folding import script_of

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_SAMPLE = 2_000
"""Names that the permutations are drawn of."""
_PERMUTATIONS = 499
_FEWEST = 20
"""Names that a column must tell something of."""
_LEFT_OUT = frozenset(
    "id weight name_folded template_spread token_norm piece_names same_pieces births".split()
)
"""Columns that say how a name was stored or read, not what it is."""
_COMMON = 0.01
"""Share of the names that a locale or a script must have."""
_LOGARITHMIC = frozenset(["count", "n_images"])


@dataclass(frozen=True)
class Meaning:
    """The column that goes with a direction most.

    Attributes
    ----------
    column : str
    towards : str
        What lies at the positive end, such as "F against M", or "more".
    r : float
        Correlation of the names' places with it, in [-1, 1].
    p : float
        Share of permutations of the names in which any column goes with the direction as much,
        times the number of components among which this one was looked at; at most 1.
    n_names : int
        Names of which the column says something.
    """

    column: str
    towards: str
    r: float
    p: float
    n_names: int

    def said(self, label: str) -> str:
        """A sentence about the direction."""
        if self.p >= 0.05:
            return f"{label} goes with no column of the names beyond chance."
        return (
            f"{label} goes with {self.column} ({self.towards} at the + end): r = {abs(self.r):.2f} "
            f"over {self.n_names:,} names, p {'< 0.01' if self.p < 0.01 else f'= {self.p:.2f}'}."
        )


def meaning_of(
    space: StoredSpace, ids: IntArray, places: Float64Array, n_looked: int, seed: int = 0
) -> Meaning | None:
    """Find the column that the places of names along a direction go with most.

    Pearson's r of the places with every column of numbers (counts by their logarithm) and with
    every value of a column of few texts against its others. The null permutes the places of a
    sample of names and takes the largest r of all columns, so p is corrected for having looked at
    them all.

    Parameters
    ----------
    space : Space
    ids, places : ndarrays of shape (n,)
    n_looked : int
        Components among which this one is; p is multiplied by it.
    seed : int

    Returns
    -------
    Meaning or None
        None where no column tells enough names apart.
    """
    told = list(_columns(space, ids))
    if not told:
        return None
    measured = [_r(values, places) for _, _, values in told]
    best = int(np.argmax(np.abs(measured)))
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(ids))[:_SAMPLE]
    shuffled = np.stack([rng.permutation(places[rows]) for _ in range(_PERMUTATIONS)], axis=1)
    n_rows = np.array([np.isfinite(values).sum() for _, _, values in told])
    largest = np.zeros(_PERMUTATIONS)
    whole = [values[rows] for _, _, values in told if np.isfinite(values).all()]
    if whole:  # all at once: there may be a hundred of them
        own = np.stack(whole) - np.mean(whole, axis=1, keepdims=True)
        others = shuffled - shuffled.mean(axis=0)
        lengths = np.linalg.norm(own, axis=1)[:, None] * np.linalg.norm(others, axis=0)
        found = np.abs(own @ others) / np.maximum(lengths, 1e-12)
        largest = found.max(axis=0) * np.sqrt(len(rows) / len(ids))
    for (_, _, values), n in zip(told, n_rows, strict=True):
        known = np.isfinite(values[rows])
        if n == len(ids):
            continue
        if known.sum() < _FEWEST or np.ptp(values[rows][known]) == 0:
            continue
        # An r by chance shrinks with the root of the names: of a sample to all that are known.
        scale = np.sqrt(known.sum() / n)
        largest = np.maximum(largest, scale * np.abs(_all_r(values[rows][known], shuffled[known])))
    p = (1 + int((largest >= abs(measured[best])).sum())) / (_PERMUTATIONS + 1)
    column, ends, values = told[best]
    r = measured[best]
    towards = ends[0] if r > 0 else ends[1]
    return Meaning(column, towards, r, min(1.0, p * n_looked), int(np.isfinite(values).sum()))


def _columns(
    space: StoredSpace, ids: IntArray
) -> Iterator[tuple[str, tuple[str, str], Float64Array]]:
    """Columns as numbers, NaN where unknown: name, what lies at either end, values."""
    schema = space.table([c for c in space.columns if c not in _LEFT_OUT], ids=ids[:1]).schema
    kinds = {name: schema.field(name).type for name in schema.names}
    wanted = [
        name for name, kind in kinds.items()
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or name in ("gender", "part")
    ]  # fmt: skip
    wanted = [*wanted, *(["locales"] if "locales" in kinds else [])]
    table = space.table(["name", *wanted], ids=ids)
    names = table["name"].to_pylist()
    lengths = np.array([len(name) for name in names], dtype=np.float64)
    yield from _checked("length of the name", ("longer", "shorter"), lengths)
    yield from _values("script", "{} letters", [[script_of(name).title()] for name in names])
    for name in wanted:
        if name == "locales":
            yield from _values(name, "those listed in {}", table[name].to_pylist())
        elif name == "gender":
            values = table[name].to_pylist()
            numbers = np.array([{"F": 1.0, "M": 0.0}.get(v, np.nan) for v in values])
            yield from _checked(name, ("F against M", "M against F"), numbers)
        elif name == "part":
            yield from _values(name, "{} names", [[value] for value in table[name].to_pylist()])
        else:
            numbers = table[name].cast(pa.float64()).to_numpy().astype(np.float64)
            if name in _LOGARITHMIC:
                numbers = np.log1p(np.maximum(numbers, 0))
            yield from _checked(name, ("more", "less"), numbers)


def _values(
    name: str, said: str, rows: Sequence[Sequence[str | None] | None]
) -> Iterator[tuple[str, tuple[str, str], Float64Array]]:
    """Every common value of a column against its others."""
    counts = Counter(value for row in rows for value in row or () if value)
    for value, n in sorted(counts.items()):
        if n >= _COMMON * len(rows):
            has = np.array([float(value in (row or ())) for row in rows])
            ends = said.format(value)
            yield from _checked(name, (ends, f"other than {ends}"), has)


def _checked(
    name: str, ends: tuple[str, str], values: Float64Array
) -> Iterator[tuple[str, tuple[str, str], Float64Array]]:
    known = values[np.isfinite(values)]
    if len(known) >= _FEWEST and np.ptp(known) > 0:
        yield name, ends, values


def _r(values: Float64Array, places: Float64Array) -> float:
    known = np.isfinite(values)
    return float(_all_r(values[known], places[known][:, None])[0])


def _all_r(values: Float64Array, columns: Float64Array) -> Float64Array:
    """Correlation of values, (n,), with every column of (n, m)."""
    own = values - values.mean()
    others = columns - columns.mean(axis=0)
    length = np.linalg.norm(own) * np.linalg.norm(others, axis=0)
    return np.asarray(own @ others / np.maximum(length, 1e-12))
