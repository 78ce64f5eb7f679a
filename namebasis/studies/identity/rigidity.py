"""How rigidly a name keeps its embedding over contexts or images, against names nobody bears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.identity.spread import Spread, spread, spread_values, standing
from namebasis.checks import Float64Array, Progress, check_count, check_seed
from namebasis.namespace.actors.crew import crew_of
from namebasis.namespace.computed.reading import said_reader
from namebasis.namespace.search.beside import (
    check_columns,
    columns_of_names,
    drawn_beside,
    joined,
    row_of,
)
from namebasis.results import Result, Table
from namebasis.studies.identity.contexts import load_contexts
from namebasis.studies.identity.in_contexts import (
    CONTEXT_MEASURES,
    FEWEST_WEAK,
    InContexts,
    measure_contexts,
)
from namebasis.studies.identity.parts import asked_names
from namebasis.wording import between, percentile

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "rigidity"
CONTEXTS_IN_WORDS = {
    "displacement": "moved by contexts",
    "displacement_ratio": "most/least moved",
    "interaction": "reacts its own way",
    "leakage": "pull of a context",
}
"""What the measures in contexts are called where people read them; see docs/measures.md."""
_CHANCE = 0.025
_FEW = 3  # names that the headline tells of one by one


@dataclass(frozen=True)
class Place:
    """Where a value lies among those of names that nobody bears.

    Attributes
    ----------
    percentile : float
        Share of the made-up names below it, in [0, 1].
    z : float
        Their standard deviations from their mean; NaN where they do not differ.
    weak_percentile : float or None
        Share of the space's rarest names below it; None without 20 of them.
    """

    percentile: float
    z: float
    weak_percentile: float | None


@dataclass(frozen=True)
class NameRigidity:
    """One name's measures.

    Attributes
    ----------
    name : str
    spread : Spread
    form : str or None
        "one word" or "several words": the made-up names it is compared with; None for images.
    contexts : mapping of str to float
        displacement, displacement_ratio, interaction and leakage, see
        `analysis.contexts.ContextMeasures`; empty for images.
    leaked : str or None
        The context that the bare name lies furthest towards.
    places : mapping of str to Place
        Of every measure.
    """

    name: str
    spread: Spread
    form: str | None
    contexts: Mapping[str, float]
    leaked: str | None
    places: Mapping[str, Place]

    @property
    def values(self) -> dict[str, float]:
        """Every measure by its name."""
        return {k: one.value for k, one in self.spread.intervals().items()} | dict(self.contexts)

    @property
    def nearest_context(self) -> str | None:
        """The name in the context that it leans to by itself: "Vicki as an elderly person"."""
        return None if self.leaked is None else self.leaked.replace("{}", self.name)

    def flat(self) -> dict[str, Any]:
        """A row of plain values: each measure, its bounds if it has any, and its places."""
        row: dict[str, Any] = {"name": self.name, "form": self.form, "n": self.spread.n}
        intervals = self.spread.intervals()
        for key, value in self.values.items():
            row[key] = value
            if key in intervals:
                row |= {f"{key}_low": intervals[key].low, f"{key}_high": intervals[key].high}
            row |= {f"{key}_{what}": at for what, at in asdict(self.places[key]).items()}
        return row | {"leaked": self.leaked}


def _is_more(row: NameRigidity) -> bool:
    return row.places["similarity"].percentile > 1 - _CHANCE


def _is_less(row: NameRigidity) -> bool:
    return row.places["similarity"].percentile < _CHANCE


@dataclass(frozen=True, repr=False)
class Rigidity(Result):
    """Measures of names, in the order asked for.

    Attributes
    ----------
    rows : tuple of NameRigidity
    contexts : tuple of str
        Empty for images.
    n_made_up, n_weak : mapping of form to int
        Made-up names, and rare names, that names of each form are compared with; the form of
        images is "images".
    remarks : tuple of str
        What could not be measured, and why.
    beside : Table, optional
        Stored columns that were asked for, one row per name; null where it is not stored.
    """

    rows: tuple[NameRigidity, ...]
    contexts: tuple[str, ...]
    n_made_up: Mapping[str, int]
    n_weak: Mapping[str, int]
    remarks: tuple[str, ...]
    beside: pa.Table | None = None

    def headline(self) -> str:
        """Which names stay more, or less, alike than nearly all names that nobody bears."""
        over = f"{len(self.contexts)} contexts" if self.contexts else "its images"
        if len(self.rows) > _FEW:
            more, less = (sum(side(row) for row in self.rows) for side in (_is_more, _is_less))
            others = len(self.rows) - more - less
            return (
                f"Of {len(self.rows):,} names, {more:,} stay more alike over {over} than 97.5 % of "
                f"made-up names, {less:,} less alike than 97.5 %; {others:,} are within chance."
            )
        return "\n".join(self._said(row, over) for row in self.rows)

    def _said(self, row: NameRigidity, over: str) -> str:
        place = percentile(row.places["similarity"].percentile)
        among = "made-up names" if row.form is None else f"made-up names of {row.form}"
        if _is_more(row):
            return f"{row.name} stays more alike over {over} than most {among} ({place})."
        if _is_less(row):
            return f"{row.name} changes more over {over} than most {among} ({place})."
        return f"{row.name} changes over {over} about as {among} do ({place}; within chance)."

    def tables(self) -> list[Table]:
        """How alike every name stays, and where that lies; then what contexts do to it."""
        rows = []
        for row in self.rows:
            held = row.spread.similarity
            told = [row.name, held.value, between(held.low, held.high)]
            rows.append(
                [*told, percentile(row.places["similarity"].percentile), row.nearest_context]
            )
        columns = [
            "name", "alike across contexts", "95 % interval", "of made-up names", "leans to",
        ]  # fmt: skip
        if not self.contexts:
            columns = ["name", "alike across images", *columns[2:4]]
            rows = [row[:4] for row in rows]
        grey = [at for at, row in enumerate(self.rows) if not _is_more(row) and not _is_less(row)]
        first = Table(columns, rows, bars=(columns[1],), muted=grey)
        tables = [drawn_beside(first, self.beside, range(len(rows)))]
        if self.contexts:
            keys = tuple(CONTEXTS_IN_WORDS)
            names: list[str] = ["name"]
            for key in keys:
                names += [CONTEXTS_IN_WORDS[key], f"{CONTEXTS_IN_WORDS[key]}: of made-up names"]
            moved = [
                [row.name, *(cell for key in keys for cell in (
                    row.contexts[key], percentile(row.places[key].percentile)))]
                for row in self.rows
            ]  # fmt: skip
            tables.append(Table(names, moved, "what contexts do to it", detail=True, aside=True))
        return tables

    def notes(self) -> list[str]:
        """How to read the table."""
        made = " and ".join(f"{n} made-up names of {form}" for form, n in self.n_made_up.items())
        over = f"{len(self.contexts)} contexts" if self.contexts else "images"
        return [
            f"alike: mean cosine to the name's centre over {over}, compared with {made}; "
            "neither above 97.5 % of them nor below is within chance."
        ]

    def footnotes(self) -> list[str]:
        """What could not be measured."""
        return list(self.remarks)

    def to_arrow(self) -> pa.Table:
        """One row per name: measures, the bounds of those with an interval, places."""
        table = pa.Table.from_pylist([row.flat() for row in self.rows])
        for at, field in enumerate(table.schema):  # no name has this bound
            if pa.types.is_null(field.type) and field.name.endswith(("_low", "_high")):
                table = table.set_column(at, field.name, table[at].cast(pa.float64()))
        return joined(table, self.beside)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "names": [row_of(self.beside, at) | row.flat() for at, row in enumerate(self.rows)],
            "contexts": list(self.contexts),
            "n_made_up": dict(self.n_made_up),
            "n_weak": dict(self.n_weak),
            "notes": [*self.notes(), *self.remarks],
        }

    def write(self, space: StoredSpace) -> int:
        """Store the measures of the names that the space holds; return how many those are.

        Of other names what is stored stays where it was measured in the same contexts.

        Raises
        ------
        ValueError
            If it holds none of them.
        """
        ids = space.find_all([row.name for row in self.rows])
        found = {at: row for at, row in zip(ids, self.rows, strict=True) if at is not None}
        if not found:
            raise ValueError("the space holds none of these names; add them before writing.")
        columns: dict[str, Any] = {"id": pa.array(list(found), pa.int64())}
        for measure in self.rows[0].values:
            values = [row.values[measure] for row in found.values()]
            places = [row.places[measure].percentile for row in found.values()]
            columns[f"rigidity_{measure}"] = pa.array(values, pa.float64())
            columns[f"rigidity_{measure}_percentile"] = pa.array(places, pa.float64())
        parameters = {"contexts": list(self.contexts), "n_made_up": dict(self.n_made_up)}
        space.add_metrics(pa.table(columns), study=STUDY, parameters=parameters, merge=True)
        return len(found)


def rigidity(
    space: StoredSpace,
    names: Sequence[str] | None = None,
    *,
    where: str | None = None,
    contexts: str | Path | None = None,
    n_made_up: int = 100,
    columns: Sequence[str] = (),
    view: str = "text",
    seed: int = 0,
    engine: str = "local",
    n_actors: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> Rigidity:
    """Measure names in contexts, from text alone.

    Parameters
    ----------
    space : Space
        Its encoder embeds the contexts; names need not be stored.
    names : sequence of str, optional
        By default those of `where`.
    where : str, optional
        SQL filter, only without `names`.
    contexts : str or Path, optional
        A TOML file; see `load_contexts`.
    n_made_up : int
        Made-up names to compare with, at least 20: of one word for names of one word, full names
        for the others; and as many of the space's rarest names.
    columns : sequence of str
        Stored columns to give beside the names.
    view : str
        What reads the prompts: `text` is the encoder; a view that was computed, such as
        `conditioning`, its model, which reads each prompt whole (see
        `namebasis.namespace.computed.reading.read_by`).
    seed : int
        Of the made-up names.
    engine, n_actors, address
        Who measures the names; see `namebasis.namespace.actors.crew.crew_of`.
    progress : callable, optional
        Is told (done, total) prompts.

    Raises
    ------
    ValueError
        If there is no name, one comes twice, or both `names` and `where` are given.
    NamebasisError
        If the contexts, the filter or the encoder are refused.

    See Also
    --------
    spreads : The same measures of images, or of any sets of embeddings.
    namebasis.studies.identity.study.identity : What a full name has beyond its parts.

    Examples
    --------
    >>> found = space.rigidity(["Vicki"], n_made_up=20)
    >>> row = found.rows[0]
    >>> row.spread.n, row.form
    (24, 'one word')
    >>> 0 <= row.places["similarity"].percentile <= 1
    True
    """
    seed = check_seed(seed)
    check_count(n_made_up, "n_made_up", 20)
    columns = check_columns(space, columns)
    templates = tuple(load_contexts(contexts))
    asked = asked_names(space, names, where)
    with crew_of(space, engine, n_actors, address, view=view) as crew:
        space = crew.space
        found = measure_contexts(
            space,
            asked,
            templates,
            n_made_up=n_made_up,
            with_spreads=True,
            with_weak=True,
            seed=seed,
            progress=progress,
            crew=crew,
        )
    made = from_contexts(found)
    beside = columns_of_names(space, found.names, columns)
    return replace(made, beside=beside, remarks=(*said_reader(space), *made.remarks))


def from_contexts(found: InContexts) -> Rigidity:
    """Place measures made by `measure_contexts` (with intervals) among their priors."""
    places: list[dict[str, Place]] = [{} for _ in found.names]
    for form, prior in found.prior.items():
        rows = [at for at, one in enumerate(found.forms) if one == form]
        weak = found.weak.get(form)
        for key, column in found.values.items():
            placed = _places(column[rows], prior[key], None if weak is None else weak[key])
            for at, place in zip(rows, placed, strict=True):
                places[at][key] = place
    rows_found = tuple(
        NameRigidity(
            name,
            found.spreads[at],
            found.forms[at],
            {key: float(found.values[key][at]) for key in CONTEXT_MEASURES},
            found.leaked[at],
            places[at],
        )
        for at, name in enumerate(found.names)
    )
    n_made_up = {form: len(one["similarity"]) for form, one in found.prior.items()}
    n_weak = {form: len(one["similarity"]) for form, one in found.weak.items()}
    remarks = tuple(
        f"weak_percentile of names of {form} is null: fewer than {FEWEST_WEAK} other names of the "
        "space are such and have a recorded count."
        for form in found.prior
        if form not in found.weak
    )
    remarks += _without_interval(rows_found)
    return Rigidity(rows_found, found.templates, n_made_up, n_weak, remarks)


def spreads(
    sets: Mapping[str, npt.ArrayLike],
    prior: Mapping[str, npt.ArrayLike],
    *,
    weak: Mapping[str, npt.ArrayLike] | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Rigidity:
    """Measure sets of embeddings, one set per name, such as its images'.

    Parameters
    ----------
    sets : mapping of str to array_like of shape (n, n_features)
    prior : mapping of str to array_like of shape (n, n_features)
        Of names that nobody bears, made in the same way.
    weak : mapping of str to array_like, optional
        Of names that the model hardly knows; fewer than 20 are not compared with.
    size : int, optional
        Rows to draw from each set: similarity@n depends on n, so sets of different sizes
        cannot be compared. By default all rows, which must then be equally many.
    seed : int
        Of the rows drawn.

    Raises
    ------
    ValueError
        If there is no set, sizes differ or are below `size`, or an array is refused; see
        `analysis.spread.spread`.
    """
    rare = weak or {}
    own, made, few = (_equal_sets(group, size, seed) for group in (sets, prior, rare))
    sizes = sorted({len(rows) for group in (own, made, few) for rows in group.values()})
    if not sets or len(sizes) != 1:
        raise ValueError(
            "sets must be one or more, of one size with the prior's; got sizes "
            f"{', '.join(map(str, sizes))}. Use size={sizes[0] if sizes else 3} or smaller to draw "
            "equally many of each."
        )
    measured = {name: spread(rows) for name, rows in own.items()}
    null = spread_values(list(made.values()))
    weak_null = spread_values(list(few.values())) if len(few) >= FEWEST_WEAK else None
    columns = {
        key: _places(
            np.array([one.intervals()[key].value for one in measured.values()]),
            null[key],
            None if weak_null is None else weak_null[key],
        )
        for key in null
    }
    rows = tuple(
        NameRigidity(name, one, None, {}, None, {key: col[at] for key, col in columns.items()})
        for at, (name, one) in enumerate(measured.items())
    )
    remarks: tuple[str, ...] = () if weak_null is not None else (
        f"weak_percentile is null: fewer than {FEWEST_WEAK} weak names were given.",
    )  # fmt: skip
    remarks += _without_interval(rows)
    return Rigidity(rows, (), {"images": len(prior)}, {"images": len(rare)}, remarks)


def _without_interval(rows: Sequence[NameRigidity]) -> tuple[str, ...]:
    """Which measures have no interval, and why; of some names only, those are counted."""
    missing: dict[tuple[str, str], int] = {}
    for row in rows:
        for key, one in row.spread.intervals().items():
            if one.reason is not None:
                missing[key, one.reason] = missing.get((key, one.reason), 0) + 1
    return tuple(
        f"{key} has no interval{'' if n == len(rows) else f' for {n:,} of {len(rows):,} names'}: "
        f"{reason}."
        for (key, reason), n in missing.items()
    )


def _equal_sets(
    sets: Mapping[str, npt.ArrayLike], size: int | None, seed: int
) -> dict[str, npt.NDArray[Any]]:
    arrays = {name: np.asarray(rows) for name, rows in sets.items()}
    if size is None:
        return arrays
    check_count(size, "size", 3)
    short = [name for name, rows in arrays.items() if len(rows) < size]
    if short:
        raise ValueError(f"size is {size}, but {short[0]!r} has {len(arrays[short[0]])} rows.")
    return {
        name: rows[np.random.default_rng(seed).permutation(len(rows))[:size]]
        for name, rows in arrays.items()
    }


def _places(values: Float64Array, prior: Float64Array, weak: Float64Array | None) -> list[Place]:
    place = standing(values, prior)
    among = [None] * len(values) if weak is None else standing(values, weak).percentile.tolist()
    pairs = zip(place.percentile.tolist(), place.z.tolist(), among, strict=True)
    return [Place(*one) for one in pairs]
