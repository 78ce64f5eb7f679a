"""Choose names of a space that are good for something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.select.rows import MOST_DEMAND, choose, directions, sample_rows
from namebasis.checks import IntArray, Progress, check_count, check_seed
from namebasis.errors import FilterError
from namebasis.namespace.search.beside import check_columns, stored_columns
from namebasis.studies.select.constraints import Constraints, Wishes
from namebasis.studies.select.results import OBJECTIVES, Selection
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


def select(
    space: StoredSpace,
    n_names: int = 100,
    *,
    objective: str = "cover",
    where: str | None = None,
    of: str | None = None,
    max_tokens: int | None = None,
    max_per: Mapping[str, int] | None = None,
    one_spelling: bool = False,
    deny: Sequence[str] = (),
    not_famous: bool = False,
    keep: Sequence[str] = (),
    budget: int | None = None,
    view: str = "text",
    columns: Sequence[str] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Selection:
    """Choose names that are good for something, under limits that combine.

    No name is chosen twice in the same letters, such as Benjamin as a given and a family name.

    Parameters
    ----------
    space : Space
    n_names : int
        How many names, those to keep counted.
    objective : {"cover"}
        ``"cover"``: every name is near a chosen one.
    where : str, optional
        One boolean SQL expression; only such names are chosen.
    of : str, optional
        One boolean SQL expression: the names that the list is to stand for; by default all.
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
    seed : int
        Of the sample of names that the list is to stand for, where there are more than 8,192.
    progress : callable, optional
        Called with names chosen and `n_names`.

    Returns
    -------
    Selection

    Raises
    ------
    FilterError
        If a filter is refused or leaves no name.
    TargetError
        If a name to keep is not stored.
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
    seed = check_seed(seed)
    if objective not in OBJECTIVES:
        raise ValueError(
            f"objective must be one of {', '.join(OBJECTIVES)}; got {objective!r}."
            f"{did_you_mean(objective, OBJECTIVES)}"
        )
    columns = check_columns(space, columns)
    wishes = Wishes(
        where, max_tokens, max_per, one_spelling, deny, not_famous, keep, budget,
    )  # fmt: skip
    constraints = Constraints(space, view, wishes)
    demand = _demand(space, constraints, of, view, seed)
    constraints.check_size(n_names)
    room = constraints.room()
    # Vectors of other rows would cost memory for nothing.
    rows = np.union1d(np.union1d(np.flatnonzero(room.open), demand), constraints.keep)
    place = np.searchsorted(rows, demand)
    vectors = np.array(space.vectors(view, ids=constraints.ids[rows]), dtype=np.float32)
    vectors -= space.mean(view)
    unit = directions(vectors)
    choice = choose(
        unit, place, n_names, room, rows, objective=objective, progress=progress
    )  # fmt: skip
    chosen = constraints.ids[choice.rows]
    near = unit[place] @ unit[np.searchsorted(rows, choice.rows)].T
    return Selection(
        objective=objective,
        ids=chosen,
        names=[constraints.names[at] for at in choice.rows],
        parts=[constraints.parts[at] for at in choice.rows],
        n_tokens=constraints.costs[choice.rows],
        curve=choice.values,
        covers=np.bincount(near.argmax(axis=1), minlength=len(chosen)) / len(place),
        n_candidates=int(room.limits.allowed.sum()),
        n_demand=len(demand),
        remarks=tuple(constraints.remarks),
        parameters={
            "objective": objective, "n_names": n_names, "where": where, "of": of,
            "max_tokens": max_tokens, "max_per": dict(max_per or {}),
            "one_spelling": one_spelling, "n_deny": len(deny), "not_famous": not_famous,
            "keep": list(keep), "budget": budget, "view": view, "seed": seed,
        },
        beside=stored_columns(space, chosen.tolist(), columns) if columns else None,
    )  # fmt: skip


def _demand(
    space: StoredSpace, constraints: Constraints, of: str | None, view: str, seed: int
) -> IntArray:
    """Places of the names that the list is to stand for, or a sample of them."""
    ids = constraints.ids if of is None else space.ids(of, view=view)
    if not len(ids):
        raise FilterError(f"of {of!r} leaves no name that the list could stand for.")
    return sample_rows(np.searchsorted(constraints.ids, ids), MOST_DEMAND, seed)
