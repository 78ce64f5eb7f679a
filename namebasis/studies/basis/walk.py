"""Which names lie along a direction of name space?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.analysis.sparse.components import Components
from namebasis.checks import Float64Array, FloatArray, IntArray, check_count
from namebasis.errors import NamebasisError
from namebasis.namespace.search.beside import check_columns, joined, stored_columns, told_apart
from namebasis.namespace.search.targets import check_as
from namebasis.results import Result, Table, cell, plain_dict
from namebasis.studies.attributes.axis_files import Axis, axis_names, load_axis
from namebasis.studies.basis.components import check_components, fit_components
from namebasis.studies.basis.meanings import Meaning, meaning_of
from namebasis.wording import counted, did_you_mean, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_BLOCK = 65_536  # rows read at a time
_SPARE = 4  # names read per name wanted, should some still have equal vectors


@dataclass(frozen=True)
class WalkStep:
    """The names at one point of the walk.

    Attributes
    ----------
    position : float
        Standard deviations from the mean.
    ids : tuple of int
    names : tuple of str
        Nearest to the point first. No name stands at two steps, and of names with equal
        vectors one alone; empty where no name lies within half a step.
    similarities : tuple of float
        Cosine of each name to the point.
    coefficients : tuple of float
        Where each name itself lies along the direction, in standard deviations.
    parts : tuple of str
    columns : mapping of str to tuple
        Stored columns that were asked for, of each name.
    """

    position: float
    ids: tuple[int, ...]
    names: tuple[str, ...]
    similarities: tuple[float, ...]
    coefficients: tuple[float, ...]
    parts: tuple[str, ...] = ()
    columns: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Walk(Result):
    """The names along one direction.

    Attributes
    ----------
    label : str
        "component 1", or the two ends.
    view : str
    standard_deviation : float
        Of the names along the direction.
    explained : float
        Share of the names' total variance that lies along it, in [0, 1]; the mean share over
        all directions is 1 / n_features.
    n_features, n_rows : int
        Width of the view, and how many names were measured.
    steps : tuple of WalkStep
    remarks : tuple of str
        How ends that are not stored were read.
    meaning : Meaning or None
        The column of the names that goes with the direction most.

    See Also
    --------
    namebasis.Space.walk : Makes one.
    """

    _figure = "namebasis.studies.basis.figures:draw_walk"

    label: str
    view: str
    standard_deviation: float
    explained: float
    n_features: int
    n_rows: int
    steps: tuple[WalkStep, ...]
    remarks: tuple[str, ...] = ()
    meaning: Meaning | None = None

    def headline(self) -> str:
        held = (
            f"{self.label} holds {percent(self.explained, 1)} of the variance of {self.n_rows:,} "
            f"names; an average direction has {100 / self.n_features:.1f} %."
        )
        return (
            held
            if self.meaning is None
            else f"{self.meaning.said(self.label)} It" + (held.removeprefix(self.label))
        )

    def notes(self) -> Sequence[str]:
        told = list(self.remarks)
        if self.n_rows <= self.n_features:
            most = self.n_rows - 1
            told.append(
                f"Only {counted(self.n_rows, 'name')} for {self.n_features} directions: they "
                f"differ in {most:,} at most, and one of these holds {percent(1 / most)} of their "
                "variance on average, whatever the names mean."
            )
        if any(not step.names for step in self.steps):
            half = abs(self.steps[1].position - self.steps[0].position) / 2
            told.append(
                f"A row is empty where no name lies within {half:.2g} deviations of its place; a "
                "smaller span leaves such ends out."
            )
        return told

    def tables(self) -> list[Table]:
        names = [name for step in self.steps for name in step.names]
        told = iter(told_apart(names, [part for step in self.steps for part in step.parts]))
        rows = [
            (f"{step.position:+.1f}", ", ".join(self._told(step, at, next(told)) for at in
                                                range(len(step.names))))
            for step in self.steps
        ]  # fmt: skip
        columns = list(self.steps[0].columns) if self.steps else []
        return [
            Table(("deviations", f"names ({', '.join(columns)})" if columns else "names"), rows)
        ]

    @staticmethod
    def _told(step: WalkStep, at: int, name: str) -> str:
        """A name with what was asked for beside it."""
        values = [cell(column[at], whole=True) or "–" for column in step.columns.values()]
        return f"{name} ({', '.join(values)})" if values else name

    def to_arrow(self) -> pa.Table:
        """One row per name: position, id, name, similarity, coefficient."""
        rows = [
            (step.position, *hit)
            for step in self.steps
            for hit in zip(step.ids, step.names, step.similarities, step.coefficients, strict=True)
        ]
        columns = ("position", "id", "name", "similarity", "coefficient")
        table = pa.table(
            {key: [row[i] for row in rows] for i, key in enumerate(columns)},
            schema=pa.schema(
                [
                    ("position", pa.float64()),
                    ("id", pa.int64()),
                    ("name", pa.string()),
                    ("similarity", pa.float64()),
                    ("coefficient", pa.float64()),
                ]
            ),
        )
        asked = self.steps[0].columns if self.steps else ()
        beside = {
            key: pa.array([value for step in self.steps for value in step.columns[key]])
            for key in asked
        }
        return joined(table, pa.table(beside))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_dict(asdict(self))


@dataclass(frozen=True)
class _Line:
    """A unit direction through the mean, and how names spread along it."""

    label: str
    mean: Float64Array
    direction: FloatArray
    deviation: float
    explained: float
    n_rows: int


def walk(
    space: StoredSpace,
    along: int | str | Sequence[object] = 1,
    *,
    components: Components | None = None,
    view: str = "text",
    where: str | None = None,
    as_: str | None = None,
    n_steps: int = 7,
    span: float = 3.0,
    names_per_step: int = 3,
    columns: Sequence[str] = (),
) -> Walk:
    """Walk from -`span` to +`span` standard deviations and give the names on the way.

    At each position stand the names that themselves lie within half a step of it, those first
    that are nearest to the point ``mean + position * standard_deviation * direction``. Without
    that condition the point's neighbours are much the same all along: three deviations in one
    direction are little beside the distance of any name from the mean in all the others.

    Parameters
    ----------
    space : Space
    along : int, str or pair
        The number of a principal component, 1 for the largest variance; or an ordinal axis, by
        name or path, from its first to its last value; or two targets, from one to the other.
    components : Components, optional
        A basis fitted before, for a number; by default one is fitted to the names of `where`.
    view : str
    where : str, optional
        The only names that are measured and given.
    as_ : {"name", "text"}, optional
        How the two targets are read; see `Space.resolve`.
    n_steps : int
        At least 2.
    span : float
        Above 0.
    names_per_step : int
    columns : sequence of str
        Stored columns to give beside the names.

    Returns
    -------
    Walk

    Raises
    ------
    TargetError, FilterError, NamebasisError
        If a target, `where` or an axis cannot be read, or an axis has no order.
    ValueError
        If a number fits no component, the ends are equal, the names do not differ along the
        direction, or the basis was fitted to another view.
    EncoderError
        If the basis was fitted to vectors of another encoder.

    See Also
    --------
    namebasis.studies.basis.components.fit_components : The components of a space.

    Examples
    --------
    >>> way = space.walk(("a young boy", "an old lady"), n_steps=3, names_per_step=2)
    >>> way.steps[-1].names
    ('Vicki', 'Fatima')
    """
    check_count(n_steps, "n_steps", 2)
    check_count(names_per_step, "names_per_step")
    if not (np.isfinite(span) and span > 0):
        raise ValueError(f"span must be above 0 standard deviations; got {span}.")
    check_as(as_)
    columns = check_columns(space, columns)
    check_along(along)
    ids = space.ids(where, view=view)
    if ids.size < 2:
        raise ValueError(f"a walk needs at least 2 names; {ids.size} pass where={where!r}.")
    remarks: tuple[str, ...] = ()
    if isinstance(along, str) and along.isdecimal():
        along = int(along)
    if isinstance(along, int):
        check_count(along, "the number of a component")
        if components is None:
            components = fit_components(space, view=view, where=where, max_components=along)
        line = _component_line(check_components(space, components, view), along)
    else:
        label, direction, remarks = _difference(space, along, view, as_)
        line = _difference_line(space, ids, view, label, direction)
    places, squares = _project(space, ids, view, line.mean, line.direction)
    places /= line.deviation
    meaning = meaning_of(space, ids, places, along if isinstance(along, int) else 1)
    # Equal vectors agree in both numbers up to the order of summation; leave one name of them.
    kept = np.sort(np.unique(np.round([places, squares], 5), axis=1, return_index=True)[1])
    ids, places, squares = ids[kept], places[kept], squares[kept]
    half = span / (n_steps - 1)
    steps = []
    for position in np.linspace(-span, span, n_steps):
        near = np.flatnonzero((places >= position - half) & (places < position + half))
        shift = line.deviation * position
        distances = squares[near] - 2 * shift * line.deviation * places[near]  # and shift squared
        near = near[np.argsort(distances, kind="stable")][: _SPARE * names_per_step]
        point = line.mean + shift * line.direction
        steps.append(
            _step(
                space,
                view,
                float(position),
                point,
                ids[near],
                places[near],
                names_per_step,
                columns,
            )
        )
    return Walk(
        line.label,
        view,
        line.deviation,
        line.explained,
        line.direction.size,
        line.n_rows,
        tuple(steps),
        remarks,
        meaning,
    )


def _component_line(components: Components, number: int) -> _Line:
    check_count(number, "the number of a component", 1, components.n_components)
    return _Line(
        f"component {number}",
        components.mean.astype(np.float64),
        components.directions[number - 1],
        float(components.standard_deviations[number - 1]),
        float(components.explained[number - 1]),
        components.n_rows,
    )


def _difference(
    space: StoredSpace, along: str | Sequence[object], view: str, as_: str | None
) -> tuple[str, FloatArray, tuple[str, ...]]:
    """The unit direction from one end to the other, and how the ends were read."""
    remarks: tuple[str, ...] = ()
    if isinstance(along, str):
        axis = _ordinal(along)
        ends = [_axis_end(space, axis, value, view) for value in (0, -1)]
        label = f"{axis.name}: {axis.values[0].label} to {axis.values[-1].label}"
    else:
        if len(along) != 2:
            raise ValueError(f"a direction needs two targets, from and to; got {len(along)}.")
        space.check_targets(along, view=view, as_=as_)
        targets = [space.resolve(end, view=view, as_=as_) for end in along]
        remarks = tuple(dict.fromkeys(told for target in targets for told in target.remarks))
        ends = [target.vector.astype(np.float64) for target in targets]
        label = f"{targets[0].label} to {targets[1].label}"
    difference = ends[1] - ends[0]
    length = float(np.linalg.norm(difference))
    if length < 1e-6:
        raise ValueError(f"the two ends are equal ({label}): there is no direction.")
    return label, np.asarray(difference / length, dtype=np.float32), remarks


def check_along(along: int | str | Sequence[object]) -> None:
    """Refuse what names no direction, before anything is read.

    Raises
    ------
    NamebasisError, ValueError
    """
    if isinstance(along, str) and not along.isdecimal():
        _ordinal(along)
    elif isinstance(along, (int, str)):
        check_count(int(along), "the number of a component")


def _ordinal(along: str) -> Axis:
    """An axis whose values have an order."""
    if along not in axis_names() and not along.endswith(".toml"):
        raise NamebasisError(
            f"along must be the number of a component, an axis ({', '.join(axis_names())}), "
            f"its .toml file, or a pair of targets; got {along!r}."
            f"{did_you_mean(along, axis_names())}"
        )
    axis = load_axis(along)
    if axis.kind != "ordinal":
        raise ValueError(
            f"axis {axis.name!r} is nominal: its values have no order to walk along. "
            "Give two texts instead."
        )
    return axis


def _axis_end(space: StoredSpace, axis: Axis, value: int, view: str) -> Any:
    phrases = axis.values[value].phrases
    encoder = space.encoder()
    if view == "token":
        rows = encoder.token_embeddings(list(phrases))
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    else:
        rows = encoder.encode_text([t.replace("{}", p) for t in axis.templates for p in phrases])
    return rows.mean(axis=0, dtype=np.float64)


def _difference_line(
    space: StoredSpace, ids: IntArray, view: str, label: str, direction: FloatArray
) -> _Line:
    total = np.zeros(direction.size)
    for start in range(0, ids.size, _BLOCK):
        rows = space.vectors(view, ids=ids[start : start + _BLOCK])
        total += rows.sum(axis=0, dtype=np.float64)
    mean = total / ids.size
    places, squares = _project(space, ids, view, mean, direction)
    variance = float(places @ places) / (ids.size - 1)
    if variance <= 1e-12:
        raise ValueError(f"the names do not differ along {label}.")
    explained = float(places @ places) / float(squares.sum())
    return _Line(label, mean, direction, variance**0.5, explained, ids.size)


def _project(
    space: StoredSpace, ids: IntArray, view: str, mean: Float64Array, direction: FloatArray
) -> tuple[Float64Array, Float64Array]:
    """Each name's coordinate along the direction, and its squared distance from the mean."""
    places, squares = np.empty(ids.size), np.empty(ids.size)
    for start in range(0, ids.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        rows = space.vectors(view, ids=ids[part]) - mean
        places[part] = rows @ direction
        squares[part] = np.einsum("nd,nd->n", rows, rows)
    return places, squares


def _step(
    space: StoredSpace,
    view: str,
    position: float,
    point: Float64Array,
    ids: IntArray,
    places: Float64Array,
    n: int,
    columns: Sequence[str],
) -> WalkStep:
    """The first `n` of the names given whose vectors differ from one another."""
    rows = space.vectors(view, ids=ids) if ids.size else np.empty((0, point.size), np.float32)
    first = duplicate_groups(rows).first[:n] if ids.size else np.empty(0, np.int64)
    table = space.table(["name", "part"], ids=ids[first])
    beside = stored_columns(space, ids[first].tolist(), columns) if columns else pa.table({})
    similarities = rows[first] @ point / np.linalg.norm(point)
    return WalkStep(
        position,
        tuple(ids[first].tolist()),
        tuple(table["name"].to_pylist()),
        tuple(similarities.tolist()),
        tuple(places[first].tolist()),
        tuple(table["part"].to_pylist()),
        {name: tuple(beside[name].to_pylist()) for name in beside.column_names},
    )
