"""Choose names of a space that are good for something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.select.cells import fill_cells
from namebasis.analysis.select.rows import MOST_DEMAND, choose, directions, sample_rows
from namebasis.checks import Float64Array, FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import FilterError
from namebasis.namespace.engines.pool import PooledSpace
from namebasis.namespace.search.beside import check_columns, stored_columns
from namebasis.studies.attributes.axis_files import Axis
from namebasis.studies.select.checks import (
    FEWEST_HELD_OUT,
    HELD_OUT,
    MOST_HELD_OUT,
    check_readings,
    check_standing,
    check_templates,
    draw_lists,
)
from namebasis.studies.select.constraints import Constraints, Wishes
from namebasis.studies.select.drawing import lay_out
from namebasis.studies.select.grid import Cut
from namebasis.studies.select.results import OBJECTIVES, Cell, Check, Selection
from namebasis.studies.select.scores import DEFAULTS, Scored, check_axes, score_names
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_FEWEST_BESIDE, _MOST_BESIDE = 50, 400
"""Random names whose readings are taken again beside those of a list."""
Begin = Callable[[str], None]
"""Is told which step begins."""


def select(
    space: StoredSpace,
    n_names: int = 100,
    *,
    objective: str = "cover",
    where: str | None = None,
    of: str | None = None,
    axes: Sequence[str | Axis] = (),
    quotas: Mapping[str, int] | None = None,
    max_tokens: int | None = None,
    max_per: Mapping[str, int] | None = None,
    one_spelling: bool = False,
    deny: Sequence[str] = (),
    not_famous: bool = False,
    keep: Sequence[str] = (),
    budget: int | None = None,
    view: str = "text",
    columns: Sequence[str] = (),
    n_null: int = 20,
    with_templates: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
    begin: Begin | None = None,
) -> Selection:
    """Choose names that are good for something, under limits that combine.

    No name is chosen twice in the same letters, such as Benjamin as a given and a family name.

    Parameters
    ----------
    space : Space
        Opened with ``engine``, filters are answered there and vectors read from there.
    n_names : int
        How many names, those to keep counted.
    objective : {"cover", "span", "axes", "low-bias", "strong"}
        ``"cover"``: every name is near a chosen one. ``"span"``: sums of few chosen names rebuild
        the others. ``"axes"``: spread evenly over a grid of
        axes, the strongest names of each cell. ``"low-bias"``: little on any axis, little of its
        own, steady over templates. ``"strong"``: one axis to its ends, little on the others.
    where : str, optional
        One boolean SQL expression; only such names are chosen.
    of : str, optional
        One boolean SQL expression: the names that the list is to stand for; by default all. Only
        with ``"cover"`` and ``"span"``.
    axes : sequence of str or Axis
        Of ``"axes"``, each with its levels: ``"age=4"`` (with equally many names), or
        ``"region=Africa|East Asia"``; by default age=4, gender and region. Of ``"strong"``, the
        axis and then those on which names should have nothing; by default age and all others. Of
        ``"low-bias"``, by default all packaged axes.
    quotas : mapping of str to int, optional
        How many names cells are to have together, by levels: ``{"old/feminine": 20}``. What is
        left is spread evenly over the other cells.
    max_tokens : int, optional
        The most tokens of a name.
    max_per : mapping of str to int, optional
        The most names of each locale, cluster or first piece, or of each value of any column:
        ``{"locale": 5, "piece": 1}``.
    one_spelling : bool
        Of the spellings of a name (Catherine, Katherine) at most one.
    deny : sequence of str
        Names that are never chosen.
    not_famous : bool
        Leave out names that point to one person, as far as `identity` or `rigidity` was written.
    keep : sequence of str
        Names that are on the list, before all others.
    budget : int, optional
        The most tokens of all names together.
    view : str
    columns : sequence of str
        Stored columns to give beside the names.
    n_null : int
        Random lists to compare with, on names that the choice did not look at; 0 for none.
    with_templates : bool
        Compare also in sentences that the space was not built with, which needs its encoder.
    seed : int
        Of the random lists and of what is held out or sampled: at most 8,192 names to stand for.
    progress : callable, optional
        Called with names chosen and `n_names`.
    begin : callable, optional
        Called with the step that begins: reading, choosing, comparing.

    Returns
    -------
    Selection

    Raises
    ------
    FilterError
        If a filter is refused or leaves no name.
    TargetError
        If a name to keep is not stored.
    EngineError
        If the engine holds not this space and version, or not a view that is read.
    SpaceError
        If `not_famous` has no measures to go by.
    ValueError
        If an option does not fit, or the constraints leave fewer than `n_names`; it says which of
        them costs most.

    Examples
    --------
    >>> found = select(space, 3)
    >>> len(found.names)
    3
    """
    check_count(n_names, "n_names")
    if check_count(n_null, "n_null", 0) == 1:
        raise ValueError("n_null must be 0, for no random lists, or at least 2; one has no spread.")
    seed = check_seed(seed)
    if objective not in OBJECTIVES:
        raise ValueError(
            f"objective must be one of {', '.join(OBJECTIVES)}; got {objective!r}."
            f"{did_you_mean(objective, OBJECTIVES)}"
        )
    columns = check_columns(space, columns)
    along = check_axes(objective, axes)
    _check_fit(objective, view, of, quotas)
    begin = begin or _silently
    begin("reading")
    if space.engine is not None:
        read = [view, *(["token"] if along and "token" in space.views else [])]
        space = PooledSpace(space, read)
    wishes = Wishes(where, max_tokens, max_per, one_spelling, deny, not_famous, keep, budget)
    constraints = Constraints(space, view, wishes)
    demand = _demand(space, constraints, of, view, seed)
    if objective != "axes":  # whose cells may stay empty
        constraints.check_size(n_names)
    task = _Task(
        space,
        constraints,
        n_names,
        objective,
        view,
        n_null,
        with_templates,
        seed,
        progress,
        begin,
    )
    made = task.graded(along, quotas or {}) if along else task.standing(demand)
    chosen = constraints.ids[made.rows]
    return Selection(
        objective=objective,
        ids=chosen,
        names=[constraints.names[at] for at in made.rows],
        parts=[constraints.parts[at] for at in made.rows],
        n_tokens=constraints.costs[made.rows],
        groups=made.groups,
        values=made.values,
        cells=made.cells,
        checks=made.checks,
        reached=made.reached,
        n_candidates=made.n_candidates,
        n_demand=len(demand),
        remarks=(*constraints.remarks, *made.remarks),
        parameters={
            "objective": objective, "n_names": n_names, "where": where, "of": of,
            "axes": [_said(one) for one in along], "quotas": dict(quotas or {}),
            "max_tokens": max_tokens, "max_per": dict(max_per or {}),
            "one_spelling": one_spelling, "n_deny": len(deny), "not_famous": not_famous,
            "keep": list(keep), "budget": budget, "view": view, "n_null": n_null,
            "with_templates": with_templates, "seed": seed,
        },
        beside=stored_columns(space, chosen.tolist(), columns) if columns else None,
        map=lay_out(space, view, constraints.ids, chosen, seed),
    )  # fmt: skip


def _silently(step: str) -> None:
    """Tell nobody which step begins."""


def _said(one: Cut | Axis) -> str:
    """An axis with its levels, as it is asked for."""
    if isinstance(one, Axis):
        return one.name
    levels = "|".join(one.labels) if one.columns else str(len(one.labels))
    return f"{one.axis.name}={levels}"


def _check_fit(objective: str, view: str, of: str | None, quotas: Mapping[str, int] | None) -> None:
    """Refuse options that an objective does not know."""
    if objective in DEFAULTS and view != "text":
        raise ValueError(f"view must be text for objective {objective}: axes are texts.")
    if objective in DEFAULTS and of is not None:
        raise ValueError(f"of goes with cover and span; {objective} stands for its cells.")
    if quotas and objective not in ("axes", "strong"):
        raise ValueError(f"quotas go with axes and strong; objective {objective} has no cells.")
    for what, most in (quotas or {}).items():
        check_count(most, f"quota {what}", 0)


@dataclass(frozen=True, eq=False)
class _Made:
    """Places of the chosen names, and what is told of them."""

    rows: IntArray
    values: Mapping[str, Float64Array]
    n_candidates: int
    checks: tuple[Check, ...]
    groups: Sequence[str] = ()
    cells: tuple[Cell, ...] = ()
    reached: float | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Task:
    """A choice, ways apart by objective."""

    space: StoredSpace
    constraints: Constraints
    n: int
    objective: str
    view: str
    n_null: int
    with_templates: bool
    seed: int
    progress: Progress | None
    begin: Begin

    def standing(self, demand: IntArray) -> _Made:
        """Names that stand for others."""
        room = self.constraints.room()
        # Vectors of other rows would cost memory for nothing.
        rows = np.union1d(np.union1d(np.flatnonzero(room.open), demand), self.constraints.keep)
        place = np.searchsorted(rows, demand)
        vectors = np.array(
            self.space.vectors(self.view, ids=self.constraints.ids[rows]), dtype=np.float32
        )
        vectors -= self.space.mean(self.view)
        unit = directions(vectors)
        seen, held_out = self._held_out(place)
        self.begin("choosing")
        choice = choose(
            unit, seen, self.n, room, rows, objective=self.objective, seed=self.seed,
            progress=self.progress,
        )  # fmt: skip
        chosen = np.searchsorted(rows, choice.rows)
        self.begin("comparing")
        covers = np.bincount((unit[place] @ unit[chosen].T).argmax(axis=1), minlength=len(chosen))
        values = {"covers": covers / len(place), "reached": choice.values}
        pool = np.searchsorted(rows, np.flatnonzero(self.constraints.room().open))
        checks, remarks = self._check_standing(unit, rows, chosen, pool, held_out)
        return _Made(
            choice.rows, values, int(room.limits.allowed.sum()), checks,
            reached=choice.reached, remarks=remarks,
        )  # fmt: skip

    def _held_out(self, demand: IntArray) -> tuple[IntArray, IntArray]:
        """What the choice looks at, and what it is measured on; all and none of few names."""
        size = min(int(len(demand) * HELD_OUT), MOST_HELD_OUT)
        if not self.n_null or size < FEWEST_HELD_OUT:
            return demand, demand[:0]
        held_out = np.random.default_rng(self.seed).choice(demand, size, replace=False)
        return np.setdiff1d(demand, held_out), np.sort(held_out)

    def _check_standing(
        self,
        unit: FloatArray,
        rows: IntArray,
        chosen: IntArray,
        pool: IntArray,
        held_out: IntArray,
    ) -> tuple[tuple[Check, ...], tuple[str, ...]]:
        if not self.n_null:
            return (), ()
        if not len(np.setdiff1d(held_out, chosen)):
            return (), (f"With fewer than {5 * FEWEST_HELD_OUT} names to stand for, none is held "
                        "back to measure the list on.",)  # fmt: skip
        ids = self.constraints.ids[rows]
        pool = np.setdiff1d(pool, held_out)  # a list must not cover itself
        draws = draw_lists(chosen, pool, _counts(self.space, ids), self.n_null, self.seed)
        found = check_standing(unit, chosen, held_out, draws, "names")
        has_encoder = not self.space.is_given and self.view == "text"
        if self.with_templates and has_encoder:
            found += check_templates(
                self.space, ids, chosen, held_out, draws, self.objective, self.seed
            )
        return tuple(found), ()

    def graded(self, along: Sequence[Cut | Axis], quotas: Mapping[str, int]) -> _Made:
        """Names that stand for cells."""
        told = self.constraints
        scored = score_names(self.space, told.ids, self.n, self.objective, along, quotas, self.seed)
        room = told.room()
        self.begin("choosing")
        filled = fill_cells(
            scored.cells, scored.strength, self.n, scored.quotas, scored.groups, room,
            self.progress,
        )  # fmt: skip
        cells = []
        for at, label in enumerate(scored.labels):
            own = filled.rows[filled.cells == at]
            names = tuple(told.names[row] for row in own)
            quota = int(scored.quotas[at])
            cells.append(Cell(label, quota, len(own), int(filled.n_open[at]), names))
        has_cells = len(scored.labels) > 1
        groups = [scored.labels[cell] for cell in filled.cells] if has_cells else ()
        values = {"strength": scored.strength[filled.rows]}
        n_candidates = int(room.limits.allowed.sum())
        self.begin("comparing")
        checks = self._check_readings(scored, filled.rows) if len(filled.rows) else ()
        return _Made(filled.rows, values, n_candidates, checks, groups, tuple(cells))

    def _check_readings(self, scored: Scored, chosen: IntArray) -> tuple[Check, ...]:
        if not self.n_null or not self.with_templates:
            return ()
        pool = np.setdiff1d(np.flatnonzero(self.constraints.room().open), chosen)
        size = min(len(pool), max(len(chosen), _FEWEST_BESIDE), _MOST_BESIDE)
        others = np.random.default_rng(self.seed).choice(pool, size, replace=False)
        ids = self.constraints.ids
        return tuple(check_readings(self.space, ids, scored, chosen, others, self.seed))


def _counts(space: StoredSpace, ids: IntArray) -> Float64Array:
    """How many people bear each name, or which share of a list; NaN where nobody counted."""
    found = np.full(len(ids), np.nan)
    for column in ("weight", "count"):
        if column in space.columns:
            values = space.table([column], ids=ids)[column].to_numpy(zero_copy_only=False)
            known = np.asarray(values, dtype=np.float64)
            if np.isfinite(known).sum() > np.isfinite(found).sum():
                found = known
    return found


def _demand(
    space: StoredSpace, constraints: Constraints, of: str | None, view: str, seed: int
) -> IntArray:
    """Places of the names that the list is to stand for, or a sample of them."""
    ids = constraints.ids if of is None else space.ids(of, view=view)
    if not len(ids):
        raise FilterError(f"of {of!r} leaves no name that the list could stand for.")
    return sample_rows(np.searchsorted(constraints.ids, ids), MOST_DEMAND, seed)
