"""What a list of names must keep to, as limits on the rows of a space."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.analysis.select.room import Alike, AtMost, Limits, Room
from namebasis.checks import BoolArray, IntArray, check_count
from namebasis.errors import SpaceError, TargetError
from namebasis.namespace.corpus.folding import fold
from namebasis.studies.select.spellings import Spellings
from namebasis.wording import counted, did_you_mean, listed

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_OF_ONE_PERSON = ("flexible", "entangled", "part-captured")
_BLOCK = 65_536  # vectors that are compared at a time
_RIGID = 0.975
"""Share of made-up names that hold their own less: beyond it a name is no longer within chance."""


@dataclass(frozen=True)
class Wishes:
    """What was asked of a list; see `studies.select.select`."""

    where: str | None = None
    max_tokens: int | None = None
    max_per: Mapping[str, int] | None = None
    one_spelling: bool = False
    deny: Sequence[str] = ()
    not_famous: bool = False
    keep: Sequence[str] = ()
    budget: int | None = None


@dataclass(frozen=True, eq=False)
class Constraint:
    """One limit, with the words that it was asked for in."""

    label: str
    allowed: BoolArray | None = None
    at_most: AtMost | None = None
    alike: Alike | None = None
    costs: IntArray | None = None
    budget: int = 0


class Constraints:
    """The limits of a list over the rows `ids` of a space, each by itself and all together.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        Rows of the space that have a vector; all else counts places among these.
    names, parts : list of str
    costs : ndarray of shape (n,), int64
        Tokens of each name.
    keep : ndarray of int64
        Places of the names that must be on the list.
    remarks : list of str
        What the constraints could not judge.

    Raises
    ------
    FilterError
        If `where` is refused or nothing passes it.
    TargetError
        If a name to keep is not stored.
    ValueError
        If a constraint does not fit.
    """

    def __init__(self, space: StoredSpace, view: str, wishes: Wishes) -> None:
        self.ids = space.ids(view=view)
        table = space.table(["name", "part", "n_tokens"], ids=self.ids)
        self.names: list[str] = table["name"].to_pylist()
        self.parts: list[str] = table["part"].to_pylist()
        self.costs = np.asarray(table["n_tokens"].fill_null(0).to_numpy(), dtype=np.int64)
        self.remarks: list[str] = []
        self._folded = [fold(name) for name in self.names]
        self._same = Spellings(self._folded, exact=True)
        self._read_alike = _read_alike(space, view, self.ids)
        by_pieces = _is_of_pieces(space, view)
        self._blind = "the encoder cannot tell apart" if by_pieces else "have the same vector"
        self._every = [self._one(space, view, wishes, what) for what in _asked(wishes)]
        self._every += [
            self._at_most(space, column, most) for column, most in (wishes.max_per or {}).items()
        ]
        self.keep = self._kept(space, wishes)
        self._tell_read_alike()

    def _one(self, space: StoredSpace, view: str, wishes: Wishes, what: str) -> Constraint:
        """A constraint by the name of its wish."""
        if what == "where":
            passing = space.ids(wishes.where, view=view)
            return Constraint(f"where {wishes.where!r}", np.isin(self.ids, passing))
        if what == "max_tokens":
            most = check_count(wishes.max_tokens, "max_tokens")
            return Constraint(f"max_tokens {most}", self.costs <= most)
        if what == "one_spelling":
            return Constraint("one_spelling", alike=Spellings(self._folded).alike)
        if what == "deny":
            denied = {fold(name) for name in wishes.deny}
            allowed = [name not in denied for name in self._folded]
            return Constraint(f"deny of {len(denied):,} names", np.array(allowed))
        if what == "not_famous":
            return Constraint("not_famous", self._not_famous(space))
        budget = check_count(wishes.budget, "budget")
        return Constraint(f"budget {budget}", costs=self.costs, budget=budget)

    def _not_famous(self, space: StoredSpace) -> BoolArray:
        columns = [
            c for c in ("identity_kind", "rigidity_similarity_percentile") if c in space.columns
        ]
        if not columns:
            raise SpaceError(
                f"not_famous needs measures of identity, and {space.path.name} stores none: run "
                "`namebasis rigidity SPACE --write` or `namebasis identity SPACE --write` first, "
                "or give names to deny."
            )
        table = space.table(columns, ids=self.ids)
        famous = np.zeros(len(self.ids), bool)
        known = np.zeros(len(self.ids), bool)
        for column in columns:
            values = table[column].to_pylist()
            known |= [value is not None for value in values]
            if column == "identity_kind":
                famous |= [value in _OF_ONE_PERSON for value in values]
            else:
                famous |= [value is not None and value > _RIGID for value in values]
        if not known.all():
            self.remarks.append(
                f"not_famous could judge {int(known.sum()):,} of {len(known):,} names; of the "
                "others nobody measured the identity."
            )
        return ~famous

    def _at_most(self, space: StoredSpace, column: str, most: int) -> Constraint:
        label = f"max_per {column}={check_count(most, f'max_per {column}')}"
        stored = {"locale": "locales", "piece": "pieces", "source": "sources"}.get(column, column)
        known = [*space.columns, *space.derived_columns, "locale", "piece"]
        if stored not in known[:-2]:
            raise ValueError(
                f"max_per: {space.path.name} has no column {column!r}."
                + (did_you_mean(column, known, least=0.7) or " `namebasis info` lists them.")
            )
        values = space.table([stored], ids=self.ids)[stored].combine_chunks()
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            rows, flat = _of_lists(values, only_first=stored == "pieces")
        elif pa.types.is_string(values.type) or pa.types.is_integer(values.type):
            rows, flat = np.arange(len(values)), values
        else:
            raise ValueError(
                f"max_per: {column} holds {values.type}, no labels; take a column of text, whole "
                "numbers or lists, or locale, cluster or piece."
            )
        encoded = flat.dictionary_encode()
        groups = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        is_in = groups >= 0
        if pa.types.is_integer(flat.type):  # a negative cluster is none
            is_in &= flat.fill_null(-1).to_numpy(zero_copy_only=False) >= 0
        without = len(values) - len(np.unique(rows[is_in]))
        if without:
            self.remarks.append(
                f"{counted(without, 'name')} without a value of {column} "
                f"{'is' if without == 1 else 'are'} not held to the limit of {most}."
            )
        return Constraint(label, at_most=AtMost(column, most, rows[is_in], groups[is_in]))

    def _kept(self, space: StoredSpace, wishes: Wishes) -> IntArray:
        if isinstance(wishes.keep, str):
            raise ValueError(f"keep must be a list of names, such as [{wishes.keep!r}].")
        rows = dict.fromkeys(space.rows_of(list(wishes.keep)))
        kept = np.searchsorted(self.ids, np.array(list(rows), np.int64))
        missing = [
            row for at, row in zip(kept, rows, strict=True)
            if at >= len(self.ids) or self.ids[at] != row
        ]  # fmt: skip
        if missing:
            raise TargetError(f"keep: no vector of {counted(len(missing), 'name')} in this view.")
        denied = {fold(name) for name in wishes.deny}
        both = [self.names[at] for at in kept if self._folded[at] in denied]
        if both:
            raise ValueError(f"keep and deny both name {listed(both)}; take one of them.")
        costs = int(self.costs[kept].sum())
        if wishes.budget is not None and costs > wishes.budget:
            raise ValueError(
                f"budget {wishes.budget}: the names to keep have {costs} tokens already."
            )
        return np.asarray(kept, dtype=np.int64)

    def room(self, without: Collection[str] = ()) -> Room:
        """Room for the list, which holds the names to keep; without some constraints by label."""
        every = [one for one in self._every if one.label not in without]
        allowed = np.ones(len(self.ids), bool)
        for one in every:
            if one.allowed is not None:
                allowed &= one.allowed
        spelled = next((one.alike for one in every if one.alike), self._same.alike)
        alike = spelled if not self._read_alike else partial(self._alike, spelled)
        paid = next((one for one in every if one.costs is not None), None)
        room = Room(
            Limits(
                allowed,
                [one.at_most for one in every if one.at_most is not None],
                alike,
                None if paid is None else paid.costs,
                0 if paid is None else paid.budget,
            )
        )
        for row in self.keep:
            room.take(int(row))
        return room

    def _alike(self, spelled: Alike, row: int) -> Iterable[int]:
        """What must not stand beside a row: its spellings, and what the encoder reads alike."""
        others = self._read_alike.get(row)
        return spelled(row) if others is None else {*spelled(row), *others}

    def _tell_read_alike(self) -> None:
        """Say how many of the allowed names are left out because another reads alike."""
        allowed = self.room().limits.allowed
        groups = {id(group): group for group in self._read_alike.values()}
        left_out = 0
        for group in groups.values():
            left_out += max(len({self._folded[row] for row in group if allowed[row]}) - 1, 0)
        if left_out:
            self.remarks.append(
                f"Of names that {self._blind} at most one is chosen, which leaves out "
                f"{counted(left_out, 'name')}."
            )

    def check_size(self, n: int) -> None:
        """Refuse a list that the constraints leave too few names for.

        Raises
        ------
        ValueError
            It says how many they leave, and which of them costs most.
        """
        if n < len(self.keep):
            raise ValueError(
                f"n_names must be at least {len(self.keep)}, the names to keep; got {n}."
            )
        left = _fill(self.room(), n)
        if left >= n:
            return
        if not self._every:
            raise ValueError(f"n_names must be at most {left:,}, as many as differ; got {n:,}.")
        told = f"n_names must be at most {left:,}, all that the constraints leave; got {n:,}."
        more = {one.label: _fill(self.room([one.label]), n) for one in self._every}
        best = max(more, key=lambda label: more[label])
        if left == 0:
            told = f"no name is left to choose. Loosen {best}."
        elif len(self._every) == 1:
            told += f" Take fewer, or loosen {best}."
        elif more[best] > left:
            least = " at least" if more[best] >= n else ""
            told += f" {best} costs most: without it there would be{least} {more[best]:,}."
        else:
            told += f" No single one of {listed(list(more))} is to blame; loosen two."
        raise ValueError(told)


def _asked(wishes: Wishes) -> list[str]:
    """Wishes that are constraints, but for those per group."""
    asked = {
        "where": wishes.where is not None,
        "max_tokens": wishes.max_tokens is not None,
        "one_spelling": wishes.one_spelling,
        "deny": bool(wishes.deny),
        "not_famous": wishes.not_famous,
        "budget": wishes.budget is not None,
    }
    if isinstance(wishes.deny, str):
        raise ValueError(f"deny must be a list of names, such as [{wishes.deny!r}].")
    return [what for what, is_asked in asked.items() if is_asked]


def _read_alike(space: StoredSpace, view: str, ids: IntArray) -> dict[int, list[int]]:
    """The places of names that a view cannot tell apart, by each of their places."""
    if _is_of_pieces(space, view):
        return _of_equal_pieces(space, ids)
    groups: dict[bytes, list[int]] = {}
    for start in range(0, len(ids), _BLOCK):
        rows = np.asarray(space.vectors(view, ids=ids[start : start + _BLOCK]), dtype=np.float32)
        for place, row in enumerate(rows + np.float32(0), start):  # -0 and 0 are equal
            groups.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), []).append(
                place
            )
    return _by_place(groups.values())


def _is_of_pieces(space: StoredSpace, view: str) -> bool:
    """Whether names of the same pieces have the same vector, and nothing else is to be read."""
    known = {"pieces", "same_pieces"} <= set(space.columns)
    return known and view in ("text", "token") and not space.is_given


def _of_equal_pieces(space: StoredSpace, ids: IntArray) -> dict[int, list[int]]:
    """The same by their pieces, which the encoder reads alike; images tell them apart."""
    others = space.table(["same_pieces"], ids=ids)["same_pieces"].fill_null(0).to_numpy()
    places = np.flatnonzero(others > 0)
    if not len(places):
        return {}
    groups: dict[tuple[str, ...], list[int]] = {}
    pieces = space.table(["pieces"], ids=ids[places])["pieces"].to_pylist()
    for place, own in zip(places.tolist(), pieces, strict=True):
        groups.setdefault(tuple(own or ()), []).append(place)
    return _by_place(groups.values())


def _by_place(groups: Iterable[list[int]]) -> dict[int, list[int]]:
    return {place: group for group in groups if len(group) > 1 for place in group}


def _fill(room: Room, n: int) -> int:
    """How many rows go into a room, up to n, those that close least of a budget first."""
    costs = room.limits.costs
    order = np.arange(len(room.open)) if costs is None else np.argsort(costs, kind="stable")
    for row in order:
        if len(room.chosen) >= n:
            break
        if room.open[row]:
            room.take(int(row))
    return len(room.chosen)


def _of_lists(values: pa.Array, only_first: bool) -> tuple[IntArray, pa.Array]:
    """Each row with each of its values, or with its first."""
    lengths = np.asarray(values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
    rows = np.repeat(np.arange(len(values)), lengths.astype(np.int64))
    flat = values.flatten()
    if not only_first:
        return rows, flat
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    return rows[first], flat.take(pa.array(first))
