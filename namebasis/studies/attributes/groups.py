"""Which groups of names lean to which end of an axis: WEAT, RND and RIPA of every group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import difference_interval
from namebasis.analysis.readings import associations
from namebasis.analysis.readings.chance import LEVEL
from namebasis.checks import Float64Array, IntArray, Progress, check_count, check_seed
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, read_toml
from namebasis.results import Result, Table
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.wording import counted, did_you_mean, p_value

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

LEAST = 2
"""Names that a group needs to be measured."""
_TOLD = 3
"""Leanings that the headline tells."""
_GROUPS = {"F": "women's names", "M": "men's names", "U": "names of either"}


@dataclass(frozen=True)
class GroupAssociation:
    """One group against all other groups' names, on one axis.

    Attributes
    ----------
    group : str
    n, n_others : int
        Names in the group, and in all others together.
    axis, towards, away : str
        The two attribute sets: phrases for these values of the axis.
    n_attributes : int
        Vectors in each set: phrases times templates.
    effect_size, p_value, n_permutations
        Of WEAT; above 0 where the group goes with `towards`, below 0 where with `away`. The p is
        two-sided.
    p_holm : float
        Corrected for all rows of the table (Holm).
    leans : str or None
        The direction in words, such as "young"; None where it is no more than chance (Holm, 5 %).
    rnd : float
        Relative norm distance a `towards` attribute, in the mean: below 0 where these are nearer
        to the group's mean than to the others'.
    ripa : float
        Mean inner product of the group's names with the axis' relation, less that of the others.
    ripa_low, ripa_high : float or None
        Its 95 % interval over names (Welch); None where names of neither side differ.
    """

    group: str
    n: int
    n_others: int
    axis: str
    towards: str
    away: str
    n_attributes: int
    effect_size: float
    p_value: float
    p_holm: float
    n_permutations: int
    rnd: float
    ripa: float
    ripa_low: float | None
    ripa_high: float | None
    leans: str | None = None

    @property
    def title(self) -> str:
        """The group as a sentence calls it."""
        return _GROUPS.get(self.group, self.group)


@dataclass(frozen=True, repr=False)
class GroupAssociations(Result):
    """All groups on all axes.

    Attributes
    ----------
    rows : tuple of GroupAssociation
    left_out : mapping of str to int
        Names in no group, in several, and in groups too small, by reason.
    """

    rows: tuple[GroupAssociation, ...]
    left_out: Mapping[str, int]

    def headline(self) -> str | None:
        """Which groups lean where, the strongest first."""
        if not self.rows:
            return None
        sure = sorted(
            (row for row in self.rows if row.leans),
            # Of two groups that are all names, each leans as far as the other but for rounding.
            key=lambda row: -round(abs(row.effect_size), 6),
        )
        if not sure:
            return (
                f"None of {len(self.rows):,} comparisons goes beyond chance: no group of names "
                "leans to either end of an axis."
            )
        told = [
            f"{row.title} lean {row.leans} (WEAT d {row.effect_size:+.2f}, p {_p(row.p_holm)})"
            for row in sure[:_TOLD]
        ]
        more = f", and {len(sure) - _TOLD:,} more" if len(sure) > _TOLD else ""
        return f"{'; '.join(told)}{more}."

    def tables(self) -> list[Table]:
        """One row per axis, pair of attribute sets and group; what leans within chance is grey."""
        columns = ("group", "axis", "lean", "WEAT d", "p", "p (Holm)", "names", "others")
        rows = [
            (r.title, r.axis, r.leans or "no lean beyond chance", f"{r.effect_size:+.2f}",
             p_value(r.p_value), p_value(r.p_holm), r.n, r.n_others)
            for r in self.rows
        ]  # fmt: skip
        further = [
            (r.title, r.axis, r.towards, r.away, r.rnd, r.ripa, r.ripa_low, r.ripa_high)
            for r in self.rows
        ]
        muted = [at for at, r in enumerate(self.rows) if not r.leans]
        return [
            Table(columns, rows, "each group against all others", key="groups", muted=muted),
            Table(
                ("group", "axis", "towards", "from", "RND", "RIPA", "low", "high"), further,
                "other measures", key="measures", muted=muted, detail=True,
            ),
        ]  # fmt: skip

    def notes(self) -> list[str]:
        """How to read the direction, and which names are in no group."""
        left = [f"{n:,} names left out: {reason}" for reason, n in self.left_out.items()]
        legend = (
            "d below 0: towards the axis' first value, above 0: the last (or the value named); p "
            "two-sided, Holm: corrected for the rows."
        )
        return [legend, *left] if self.rows else left

    def to_arrow(self) -> pa.Table:
        """One row per axis, pair of attribute sets and group."""
        return pa.Table.from_pylist([asdict(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "headline": self.headline(),
            "groups": [asdict(row) for row in self.rows],
            "left_out": dict(self.left_out),
        }


def associate(
    space: StoredSpace,
    groups: str | Path,
    along: Sequence[str | Axis] = ("age", "gender"),
    *,
    where: str | None = None,
    n_permutations: int = 10_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> GroupAssociations:
    """Measure which groups of names lean to which end of each axis.

    Parameters
    ----------
    space : Space
    groups : str or Path
        A column whose values are the groups (`gender`, `locales`, `part`, a metric), or a .toml
        file with a table ``[groups]`` of name lists.
    along : sequence of str or Axis
        Of an ordinal axis the last value's phrases are held against the first's; of a nominal one
        each value's against those of all others.
    where : str, optional
        The only names that are grouped.
    n_permutations : int
        Divisions of the names that WEAT's p looks at.
    seed : int
    progress : callable, optional
        Called with (done, total) tests.

    Raises
    ------
    NamebasisError
        If the column or file cannot be read, or there are fewer than two groups of 2 names.

    See Also
    --------
    namebasis.studies.attributes.study.score : Readings of single names.

    Examples
    --------
    >>> found = space.groups("n_tokens", ["gender"])
    >>> row = found.rows[0]
    >>> row.group, row.towards, row.away
    ('1', 'feminine', 'masculine')
    >>> -2 <= row.effect_size <= 2
    True
    """
    seed = check_seed(seed)
    check_count(n_permutations, "n_permutations")
    if not along:
        raise ValueError("associate needs at least one axis; got none.")
    loaded = [item if isinstance(item, Axis) else load_axis(item) for item in along]
    ids, members, left_out = _members(space, groups, where)
    names = space.vectors(ids=ids).astype(np.float64)
    tests = [(axis, ends) for axis in loaded for ends in _ends(axis)]
    rows: list[GroupAssociation] = []
    for axis, (towards, away) in tests:
        sets = _attributes(space, axis, towards, away)
        labels = (axis.name, *_labels(axis, towards, away))
        for group, own in members.items():
            if progress is not None:
                progress(len(rows), len(tests) * len(members))
            rows.append(_test(names, group, own, sets, labels, n_permutations, seed))
    if progress is not None:
        progress(len(rows), len(rows))
    corrected = associations.holm([row.p_value for row in rows]).tolist()
    by_name = {axis.name: axis for axis in loaded}
    return GroupAssociations(
        tuple(
            replace(row, p_holm=p, leans=_leans(row, by_name[row.axis]) if p <= LEVEL else None)
            for row, p in zip(rows, corrected, strict=True)
        ),
        left_out,
    )


def _leans(row: GroupAssociation, axis: Axis) -> str:
    """The direction of a row in words."""
    is_towards = row.effect_size > 0
    if axis.kind == "ordinal" and axis.ends:
        return axis.ends[int(is_towards)]
    return f"towards {row.towards}" if is_towards else f"away from {row.towards}"


def _p(p: float) -> str:
    """A p-value behind its letter: "< 0.01", "= 0.03"."""
    told = p_value(p)
    return told if told.startswith("<") else f"= {told}"


def _members(
    space: StoredSpace, groups: str | Path, where: str | None
) -> tuple[IntArray, dict[str, IntArray], dict[str, int]]:
    """Rows of the names that are in one group, where in them each group is, and who is not."""
    ids = space.ids(where)
    if str(groups).endswith(".toml"):
        labels = _from_file(space, Path(groups), ids)
    else:
        labels = _from_column(space, str(groups), ids)
    left_out = {
        "in no group": sum(not found for found in labels),
        "in several groups": sum(len(found) > 1 for found in labels),
    }
    single = [next(iter(found)) if len(found) == 1 else None for found in labels]
    sizes = {label: single.count(label) for label in sorted({s for s in single if s is not None})}
    kept = [label for label, size in sizes.items() if size >= LEAST]
    left_out["in groups of fewer than 2"] = sum(s for s in sizes.values() if s < LEAST)
    if len(kept) < 2:
        raise NamebasisError(
            f"{groups} divides the names into {counted(len(kept), 'group')} of at least {LEAST}; "
            "two are needed to compare."
        )
    chosen = np.array([label in kept for label in single])
    own = np.array([label for label in single if label in kept], dtype=object)
    members = {label: np.flatnonzero(own == label) for label in kept}
    return ids[chosen], members, {reason: n for reason, n in left_out.items() if n}


def _from_column(space: StoredSpace, column: str, ids: IntArray) -> list[set[str]]:
    if column not in (*space.columns, *space.derived_columns):
        raise NamebasisError(
            f"groups must be a column or a .toml file; there is no column {column!r}. "
            f"`namebasis info {space.path.name}` lists them.{did_you_mean(column, space.columns)}"
        )
    values = space.table([column], ids=ids)[column].to_pylist()
    if any(isinstance(value, (float, dict)) for value in values):
        raise NamebasisError(
            f"column {column!r} holds measures, not groups. Choose one of few values, or list "
            "the groups in a .toml file."
        )
    rows = [value if isinstance(value, list) else [value] for value in values]
    return [{str(value) for value in row if value is not None} for row in rows]


def _from_file(space: StoredSpace, path: Path, ids: IntArray) -> list[set[str]]:
    try:
        data = read_toml(path)
    except UnreadableError as error:
        raise NamebasisError(
            f"{path}: cannot be read as a file of groups ({error.reason})."
        ) from None
    found = data.get("groups")
    if set(data) != {"groups"} or not isinstance(found, dict) or not found:
        raise NamebasisError(
            f'{path}: needs one table [groups] of lists, such as flowers = ["Rose", "Lily"]; '
            f"got {', '.join(sorted(data)) or 'nothing'}."
        )
    labels: dict[int, set[str]] = {int(row): set() for row in ids}
    missing: list[str] = []
    for label, names in found.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise NamebasisError(f"{path}: group {label!r} must be a list of names.")
        for name, row in zip(names, space.find_all(names), strict=True):
            if row is None or row not in labels:
                missing.append(name)
            else:
                labels[row].add(label)
    if missing:
        raise NamebasisError(
            f"{path}: {counted(len(missing), 'name')} not among those read, such as "
            f"{missing[0]!r}. Add them with `namebasis add {space.path.name}`."
        )
    return list(labels.values())


def _ends(axis: Axis) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Values towards which, and away from which, associations are measured."""
    last = len(axis.values) - 1
    if axis.kind == "ordinal":
        return [((last,), (0,))]
    return [
        ((place,), tuple(other for other in range(last + 1) if other != place))
        for place in range(last + 1)
    ]


def _labels(axis: Axis, towards: tuple[int, ...], away: tuple[int, ...]) -> tuple[str, str]:
    others = axis.values[away[0]].label if len(away) == 1 else "all others"
    return axis.values[towards[0]].label, others


def _attributes(
    space: StoredSpace, axis: Axis, towards: tuple[int, ...], away: tuple[int, ...]
) -> tuple[Float64Array, Float64Array]:
    """Vectors of both sets; shapes (n, dim) and (m, dim), template after template."""
    encoder = space.encoder()
    sets = []
    for places in (towards, away):
        phrases = [phrase for place in places for phrase in axis.values[place].phrases]
        texts = [t.replace("{}", phrase) for t in axis.templates for phrase in phrases]
        sets.append(encoder.encode_text(texts).astype(np.float64))
    return sets[0], sets[1]


def _test(
    names: Float64Array,
    group: str,
    own: IntArray,
    sets: tuple[Float64Array, Float64Array],
    labels: tuple[str, str, str],
    n_permutations: int,
    seed: int,
) -> GroupAssociation:
    towards, away = sets
    others = np.setdiff1d(np.arange(len(names)), own)
    test = associations.weat(
        names[own], names[others], towards, away, n_permutations=n_permutations, seed=seed
    )
    rnd = associations.relative_norm_distance(names[own], names[others], towards)
    relation = [rows.mean(axis=0, keepdims=True) for rows in sets]
    inner = [associations.ripa(names[part], *relation) for part in (own, others)]
    gap = difference_interval(*inner)
    return GroupAssociation(
        group, len(own), len(others), *labels, len(towards), test.effect_size,
        test.p_two_sided,
        float("nan"), test.n_permutations, rnd / len(towards), gap.value, gap.low, gap.high,
    )  # fmt: skip
