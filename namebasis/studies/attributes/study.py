"""Which attributes does a name carry? Four readings of every axis, with their spread and null."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.readings import axes
from namebasis.analysis.readings.axes import READINGS
from namebasis.analysis.readings.in_blocks import Prompts
from namebasis.checks import Float64Array, IntArray, Progress, check_count, check_seed
from namebasis.namespace.actors.cluster import RayCluster, check_engine
from namebasis.namespace.actors.crew import Crew, counting, crew_of
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.studies.attributes.beliefs import OF_PICTURES, VALIDATED, Leaning, believe
from namebasis.studies.attributes.from_pictures import read_pictures
from namebasis.studies.attributes.in_blocks import N_PASSES, read_in_blocks
from namebasis.studies.attributes.results import Attributes, AxisScores
from namebasis.studies.identity.kept import Arrays, kept
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

__all__ = ["Attributes", "AxisScores", "read_axes", "read_rows", "score"]

TEMPERATURE = 0.1
VIEWS = ("text", "image")
WITHOUT_GENDER = ("age",)
"""Axes out of which the gender direction is taken: phrases for the old lean to women."""


def score(
    space: StoredSpace,
    along: Sequence[str | Axis] = ("age", "gender"),
    *,
    where: str | None = None,
    ids: IntArray | None = None,
    view: str = "text",
    temperature: float = TEMPERATURE,
    n_made_up: int = 500,
    seed: int = 0,
    engine: str = "local",
    n_actors: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> Attributes:
    """Read axes for the names of a space.

    All names of `where` set the centre, so a name's readings are relative to its company. Prompts
    are centred by their own mean: the vectors of texts and of pictures lie apart, and the step
    between them would otherwise be read as an attribute.

    Parameters
    ----------
    space : Space
    along : sequence of str or Axis
        Packaged axes by name, axis files by path, or axes.
    where : str, optional
        The only names that are read; at least 2.
    ids : ndarray of shape (n,), int64, optional
        Instead of `where`: their row numbers.
    view : str
        `text`, or `image` for what the pictures of names show, ``image:photos`` or
        ``image:PIPELINE`` for those of one source.
    temperature : float
        Of the softmax over centred cosines.
    n_made_up : int
        Made-up names that z compares with, at least 2. For pictures these are *shuffled* names:
        as many pictures, dealt out to names at random.
    seed : int
        Of the pseudo names, and of the shuffles.
    engine, n_actors, address
        Who reads the names; see `namebasis.namespace.actors.crew.crew_of`. On Ray the text view
        is read in blocks, which no process holds together: the values are those of one process,
        up to the rounding of sums.
    progress : callable, optional
        Called with (done, total) steps.

    Raises
    ------
    NamebasisError, FilterError
        If an axis or `where` cannot be read.
    ValueError
        If fewer than 2 names pass, or a parameter is out of its range.

    See Also
    --------
    namebasis.studies.attributes.records.compare : Hold the readings against public records.
    namebasis.studies.attributes.groups.associate : Which groups lean to which end of an axis.

    Examples
    --------
    >>> found = space.score(["gender"], n_made_up=50)
    >>> women = dict(zip(found.names, found.scores[0].readings["expectation"]))
    >>> bool(women["Giulia"] > women["Roger"])
    True
    >>> found.to_pandas().columns[:5].tolist()
    ['id', 'name', 'gender_reads_as', 'gender_percentile', 'gender_p']
    >>> figure = found.plot(n_names=10)
    """
    seed, cluster = check_seed(seed), check_engine(engine, RayCluster(address, n_actors))
    if not along:
        raise ValueError("score needs at least one axis; got none.")
    check_count(n_made_up, "n_made_up", 2)
    loaded = [item if isinstance(item, Axis) else load_axis(item) for item in along]
    labels = [axis.name for axis in loaded]
    if len(set(labels)) < len(labels):
        raise ValueError(f"each axis may be asked for once; got {', '.join(labels)}.")
    kind, _, source = view.partition(":")
    if kind not in VIEWS or (source and kind == "text"):
        raise ValueError(
            f"view must be one of {', '.join(VIEWS)}; got {view!r}.{did_you_mean(view, VIEWS)}"
        )
    if kind != "text" and cluster is not None:
        raise ValueError(f"engine='ray' reads names in the text view; got view={view!r}.")
    ids = space.ids(where, view="text") if ids is None else ids
    if ids.size < 2:
        raise ValueError(f"score needs at least 2 names; {ids.size} pass where={where!r}.")
    if cluster is not None:
        with crew_of(space, engine, n_actors, address) as crew:
            return _by_crew(crew, loaded, ids, n_made_up, temperature, seed, progress)
    step = Steps(progress, 1 + sum(_n_readings(axis) for axis in loaded))
    if kind == "text":
        rows = read_rows(space, ids, n_made_up, seed)
    else:
        shown = read_pictures(space, ids, view, n_made_up, seed)
        n_asked, ids = len(ids), shown.ids
        both = np.concatenate([shown.names, shown.shuffled])
        rows = Rows(both, None, len(ids), shown.groups)
    step()
    found = read_axes(space, loaded, ids, rows, temperature=temperature, step=step)
    if kind == "text":
        return found
    return replace(found, view=view, n_made_up=n_made_up, n_without=n_asked - len(ids))


def _by_crew(
    crew: Crew,
    loaded: Sequence[Axis],
    ids: IntArray,
    n_made_up: int,
    temperature: float,
    seed: int,
    progress: Progress | None,
) -> Attributes:
    """`score` of the text view in blocks."""
    space = crew.space
    asked = sequences(space, loaded)
    every = [one for of_axis in asked for part in of_axis for one in (part.whole, *part.single)]
    found = read_in_blocks(
        crew, ids, null_rows(space, n_made_up, seed), [one.prompts for one in every],
        temperature=temperature, advance=counting(progress, N_PASSES * len(ids)),
    )  # fmt: skip
    read = dict(zip(every, found, strict=True)).__getitem__
    return _attributes(space, loaded, ids, asked, _Read(read, len(ids), n_made_up), temperature)


def read_axes(
    space: StoredSpace,
    loaded: Sequence[Axis],
    ids: IntArray,
    rows: Rows,
    *,
    temperature: float = TEMPERATURE,
    step: Callable[[], None] = lambda: None,
    prompts: Mapping[str, Float64Array] | None = None,
    spreads_of: Sequence[str] = READINGS,
) -> Attributes:
    """`score` for rows that are read already; `step` is called after every reading.

    `prompts` are those of axes by name, as `axis_prompts` gives them, where they are at hand. Only
    the readings `spreads_of` are made in each template too; the spreads of others are NaN.
    """

    def read(one: _Sequence) -> dict[str, Float64Array]:
        return axes.read_all(
            rows.centred, one.prompts.rows, temperature=temperature, without=one.prompts.without,
            ranks=one.prompts.ranks, only=READINGS if one.is_whole else spreads_of,
        )  # fmt: skip

    asked = sequences(space, loaded, prompts)
    read_as = _Read(read, rows.n_names, len(rows.text) - rows.n_names, rows.groups)
    return _attributes(space, loaded, ids, asked, read_as, temperature, step)


@dataclass(frozen=True, eq=False)
class _Sequence:
    """Prompts along which names are read: of an axis or one of its values, in some templates."""

    prompts: Prompts
    is_whole: bool  # the mean of all templates


@dataclass(frozen=True)
class _Asked:
    """An axis or one of its values: in the mean of the templates, then in each."""

    value: str | None
    whole: _Sequence
    single: tuple[_Sequence, ...]
    direction: Float64Array


def sequences(
    space: StoredSpace, loaded: Sequence[Axis], prompts: Mapping[str, Float64Array] | None = None
) -> list[list[_Asked]]:
    """What each axis asks of names."""

    def of_axis(axis: Axis) -> Float64Array:
        found = (prompts or {}).get(axis.name)
        return axis_prompts(space.encoder(), axis) if found is None else found

    gender = axes.direction(of_axis(load_axis("gender")).mean(axis=0))
    found: list[list[_Asked]] = []
    for axis in loaded:
        without = gender if axis.name in WITHOUT_GENDER else None
        found.append([])
        for value, each in axis_sequences(axis, of_axis(axis)):
            ranks = axis.ranks if value is None else None
            whole, *single = (
                _Sequence(Prompts(rows, without, ranks), is_whole=at == 0)
                for at, rows in enumerate((each.mean(axis=0), *each))
            )
            found[-1].append(
                _Asked(value, whole, tuple(single), axes.direction(whole.prompts.rows))
            )
    return found


@dataclass(frozen=True)
class _Read:
    """How a sequence is read: names, then made-up names."""

    read: Callable[[_Sequence], Mapping[str, Float64Array]]
    n_names: int
    n_made_up: int
    groups: IntArray | None = None


def _attributes(
    space: StoredSpace,
    loaded: Sequence[Axis],
    ids: IntArray,
    asked: Sequence[Sequence[_Asked]],
    rows: _Read,
    temperature: float,
    step: Callable[[], None] = lambda: None,
) -> Attributes:
    scores: list[AxisScores] = []
    leanings: list[Leaning] = []
    for axis, of_axis in zip(loaded, asked, strict=True):
        own, made = [], []
        reading = (VALIDATED if rows.groups is None else OF_PICTURES)[axis.kind]
        for one in of_axis:
            found, controls = _score(axis, one, rows, reading)
            own.append(found)
            made.append(controls)
            step()
        scores += own
        z = np.stack([s.z[reading] for s in own], axis=1)
        values = np.stack([s.readings[reading] for s in own], axis=1)
        leanings.append(Leaning(axis, z, np.stack(made, axis=1), values, reading))
    table = space.table(["name", "part"], ids=ids)
    names = tuple(table["name"].to_pylist())
    directions = [one.direction for of_axis in asked for one in of_axis]
    return Attributes(
        ids, names, tuple(scores), axes.leakage(directions), temperature, rows.n_made_up,
        believe(leanings, len(ids)), parts=tuple(table["part"].to_pylist()),
    )  # fmt: skip


class Steps:
    """Count steps for a progress bar."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        if progress is not None:
            progress(0, total)

    def __call__(self, n: int = 1) -> None:
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)


@dataclass(frozen=True)
class Rows:
    """Names, then pseudo names, in the text and the token view.

    For pictures these are their means, and shuffled names: `groups` says which are of the same
    number of pictures, and so may be compared.
    """

    text: Float64Array
    token: Float64Array | None
    n_names: int
    groups: IntArray | None = None

    @cached_property
    def centred(self) -> axes.CentredNames:
        """Both views of all rows, centred on the names."""
        return axes.CentredNames.of(self.text, n_reference=self.n_names, also=self.token)

    @property
    def views_of_names(self) -> list[Float64Array]:
        """Either view of the names alone."""
        views = (self.text, self.token)
        return [view[: self.n_names] for view in views if view is not None]


def read_rows(
    space: StoredSpace, ids: IntArray, n_made_up: int, seed: int, made: Sequence[str] | None = None
) -> Rows:
    """Vectors of names, and those of made-up ones, which are encoded as the names were.

    Those of made-up names that nobody gave are kept beside the space.
    """
    null = _null_rows(space, made) if made else null_rows(space, n_made_up, seed)
    text = np.concatenate([space.vectors(ids=ids), null["text"]])
    if "token" not in null:
        return Rows(text, None, ids.size)
    token = np.concatenate([space.vectors("token", ids=ids), null["token"]])
    return Rows(text, token, ids.size)


def null_rows(space: StoredSpace, n_made_up: int, seed: int) -> dict[str, Float64Array]:
    """Vectors of made-up names by view; kept beside the space."""
    found, _ = kept(
        space, "made-up.npz", [n_made_up, seed],
        lambda: _null_rows(space, made_up_names(n_made_up, seed)), dict,
        lambda saved: _fitting(space, saved, n_made_up),
    )  # fmt: skip
    return found


def _null_rows(space: StoredSpace, made: Sequence[str]) -> dict[str, Float64Array]:
    """Vectors of names that are not stored, by view."""
    encoder = space.encoder()
    text = encode_over(encoder, made, space.provenance.templates)
    if "token" not in space.views:
        return {"text": text}
    tokens = encoder.token_embeddings(made).astype(np.float64)
    # As the store scales them; a name without a token stays 0.
    tokens /= np.maximum(np.linalg.norm(tokens, axis=1, keepdims=True), 1e-12)
    return {"text": text, "token": tokens}


def _fitting(space: StoredSpace, saved: Arrays, n: int) -> dict[str, Float64Array] | None:
    """What was kept, if it is of the views and widths of the space."""
    views: Sequence[str] = ("text", "token")
    found = {view: np.asarray(saved[view]) for view in views if view in space.views}
    fits = all(
        rows.shape == (n, space.vectors(view, ids=np.arange(1)).shape[1])
        and rows.dtype == np.float64
        and np.isfinite(rows).all()
        for view, rows in found.items()
    )
    return found if fits else None


def kept_prompts(
    space: StoredSpace, along: Sequence[Axis], step: Callable[[], None] = lambda: None
) -> Mapping[str, Float64Array]:
    """What `axis_prompts` gives of each axis, by its name; kept beside the space.

    `step` is called after every axis, unless they are kept already.
    """

    def make() -> dict[str, Float64Array]:
        made = {}
        for axis in along:
            made[axis.name] = axis_prompts(space.encoder(), axis)
            step()
        return made

    def read(saved: Arrays) -> dict[str, Float64Array] | None:
        found = {axis.name: np.asarray(saved[axis.name]) for axis in along}
        fits = all(
            found[axis.name].shape[:2] == (len(axis.templates), len(axis.values))
            and np.isfinite(found[axis.name]).all()
            for axis in along
        )
        return found if fits else None

    words = [[axis.name, axis.templates, [v.phrases for v in axis.values]] for axis in along]
    return kept(space, "axes.npz", words, make, dict, read)[0]


def encode_over(encoder: Encoder, names: Sequence[str], templates: Sequence[str]) -> Float64Array:
    """Unit vectors of names, each the mean over templates, as a build makes them."""
    total = np.mean([encoder.encode_names(names, t) for t in templates], axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True))


def axis_prompts(encoder: Encoder, axis: Axis) -> Float64Array:
    """Mean vector of each value's phrases; shape (n_templates, n_values, dim)."""
    texts = [t.replace("{}", phrase) for t in axis.templates for phrase in axis.phrases]
    rows = encoder.encode_text(texts).astype(np.float64)
    rows = rows.reshape(len(axis.templates), len(axis.phrases), -1)
    ends = np.cumsum([len(value.phrases) for value in axis.values])[:-1]
    parts = np.split(rows, ends, axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


@lru_cache(maxsize=4)
def made_up_names(n: int, seed: int) -> tuple[str, ...]:
    """Kept, as making them up folds every name that Faker knows."""
    return tuple(pseudo_names(n, seed=seed).strings)


def _n_readings(axis: Axis) -> int:
    return 1 if axis.kind == "ordinal" else len(axis.values)


def axis_sequences(axis: Axis, prompts: Float64Array) -> list[tuple[str | None, Float64Array]]:
    """An ordinal axis as it is; a nominal one as each value after the mean of the others."""
    if axis.kind == "ordinal":
        return [(None, prompts)]
    found: list[tuple[str | None, Float64Array]] = []
    for place, value in enumerate(axis.values):
        others = np.delete(prompts, place, axis=1).mean(axis=1)
        found.append((value.label, np.stack([others, prompts[:, place]], axis=1)))
    return found


def _score(axis: Axis, one: _Asked, rows: _Read, validated: str) -> tuple[AxisScores, Float64Array]:
    """Read names and pseudo names together, centred on the names; with z of the pseudo names."""
    n_names = rows.n_names
    whole = rows.read(one.whole)
    single = [rows.read(each) for each in one.single]
    readings, spreads, z = {}, {}, {}
    for reading in READINGS:
        readings[reading] = whole[reading][:n_names]
        z[reading] = _z(whole[reading], rows)
        each = [found[reading][:n_names] for found in single if reading in found]
        is_known = len(each) > 1
        spreads[reading] = np.std(each, axis=0, ddof=1) if is_known else np.full(n_names, np.nan)
    made = z[validated][n_names:]
    of_names = {reading: column[:n_names] for reading, column in z.items()}
    unit = axis.unit if one.value is None else "share"
    return AxisScores(axis.name, one.value, readings, spreads, of_names, unit), made


def _z(values: Float64Array, rows: _Read) -> Float64Array:
    """Standard deviations from the made-up names, or from those of the same group."""
    groups = np.zeros(len(values), np.int64) if rows.groups is None else rows.groups
    is_made = np.arange(len(values)) >= rows.n_names
    z = np.full(len(values), np.nan)
    for group in np.unique(groups):
        mine = groups == group
        control = values[mine & is_made]
        deviation = float(control.std(ddof=1))
        if deviation > 1e-12:
            z[mine] = (values[mine] - control.mean()) / deviation
    return z
