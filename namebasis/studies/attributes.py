"""Which attributes does a name carry? Four readings of every axis, with their spread and null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis import axes
from namebasis.analysis.axes import READINGS, Float64Array
from namebasis.checks import IntArray, check_count
from namebasis.errors import TargetError
from namebasis.namespace.pseudo import pseudo_names
from namebasis.studies.axis_files import Axis, load_axis

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import Space

TEMPERATURE = 0.1
_WITHOUT_GENDER = ("age",)
"""Axes out of which the gender direction is taken: phrases for the old lean to women."""


@dataclass(frozen=True)
class AxisScores:
    """One axis of some names; every array has a value per name.

    Attributes
    ----------
    axis : str
    value : str or None
        The value that a nominal axis' reading is for; None on an ordinal axis.
    readings : mapping of str to ndarray
        `expectation` and `curve` in ranks from 0, `projection` and `inferred` in cosine units;
        of a nominal axis' value, `expectation` is its share and `projection` that against the
        other values' mean.
    spreads : mapping of str to ndarray
        Standard deviation of each reading over the axis' templates; NaN with one template.
    z : mapping of str to ndarray
        Standard deviations from the mean of pseudo names.
    """

    axis: str
    value: str | None
    readings: Mapping[str, Float64Array]
    spreads: Mapping[str, Float64Array]
    z: Mapping[str, Float64Array]

    @property
    def label(self) -> str:
        """As its columns are called."""
        value = "" if self.value is None else "_" + self.value.replace(" ", "_").replace("-", "_")
        return (self.axis + value).lower()


@dataclass(frozen=True)
class Attributes:
    """Readings of several axes for the same names.

    Attributes
    ----------
    ids : ndarray of shape (n_names,)
    names : tuple of str
    scores : tuple of AxisScores
    leakage : ndarray of shape (n_scores, n_scores)
        Absolute cosines between the axes' directions; near 1, two axes are the same.
    temperature : float
    n_pseudo : int
    """

    ids: IntArray
    names: tuple[str, ...]
    scores: tuple[AxisScores, ...]
    leakage: Float64Array
    temperature: float
    n_pseudo: int

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, and per axis each reading, its spread and its z."""
        columns: dict[str, Any] = {"id": self.ids, "name": list(self.names)}
        for score in self.scores:
            for reading, values in score.readings.items():
                columns[f"{score.label}_{reading}"] = values
                columns[f"{score.label}_{reading}_spread"] = score.spreads[reading]
                columns[f"{score.label}_{reading}_z"] = score.z[reading]
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "names": self.to_arrow().to_pylist(),
            "axes": [score.label for score in self.scores],
            "leakage": self.leakage.tolist(),
            "temperature": self.temperature,
            "n_pseudo": self.n_pseudo,
        }

    def pick(self, space: Space, names: Sequence[str]) -> Attributes:
        """The same for some names alone.

        Raises
        ------
        TargetError
            If a name is not among those that were read.
        """
        place = {int(row): at for at, row in enumerate(self.ids)}
        rows = [space.find(name) for name in names]
        strangers = [n for n, row in zip(names, rows, strict=True) if row not in place]
        if strangers:
            raise TargetError(
                f"{', '.join(strangers)} is not among the {len(self.names):,} names read; "
                "add it to the space first (namebasis add)."
            )
        at = np.array([place[row] for row in rows if row is not None], dtype=np.int64)

        def some(values: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
            return {reading: column[at] for reading, column in values.items()}

        scores = tuple(
            AxisScores(s.axis, s.value, some(s.readings), some(s.spreads), some(s.z))
            for s in self.scores
        )
        chosen = tuple(self.names[i] for i in at)
        return replace(self, ids=self.ids[at], names=chosen, scores=scores)

    def write(self, space: Space) -> None:
        """Keep readings, spreads and z as metric columns of the space."""
        space.add_metrics(
            self.to_arrow().drop_columns(["name"]),
            study="attributes",
            parameters={"temperature": self.temperature, "n_pseudo": self.n_pseudo},
        )


def score(
    space: Space,
    along: Sequence[str] = ("age", "gender"),
    *,
    where: str | None = None,
    temperature: float = TEMPERATURE,
    n_pseudo: int = 500,
    seed: int = 0,
) -> Attributes:
    """Read axes for the names of a space.

    All names of `where` set the centre, so a name's readings are relative to its company.

    Parameters
    ----------
    space : Space
    along : sequence of str
        Packaged axes by name, or axis files by path.
    where : str, optional
        The only names that are read; at least 2.
    temperature : float
        Of the softmax over centred cosines.
    n_pseudo : int
        Made-up names that z compares with, at least 2.
    seed : int
        Of the pseudo names.

    Raises
    ------
    NamebasisError, FilterError
        If an axis or `where` cannot be read.
    ValueError
        If fewer than 2 names pass, or a parameter is out of its range.
    """
    if not along:
        raise ValueError("score needs at least one axis; got none.")
    check_count(n_pseudo, "n_pseudo", 2)
    loaded = [load_axis(item) for item in along]
    labels = [axis.name for axis in loaded]
    if len(set(labels)) < len(labels):
        raise ValueError(f"each axis may be asked for once; got {', '.join(labels)}.")
    ids = space.ids(where)
    if ids.size < 2:
        raise ValueError(f"score needs at least 2 names; {ids.size} pass where={where!r}.")
    encoder = space.encoder()
    rows = space.vectors(ids=ids)
    made = pseudo_names(n_pseudo, seed=seed).strings
    null = _encode_names(encoder, made, space.provenance.templates)
    both = np.concatenate([rows, null])
    gender = axes.direction(_prompts(encoder, load_axis("gender")).mean(axis=0))
    scores: list[AxisScores] = []
    directions: list[Float64Array] = []
    for axis in loaded:
        without = gender if axis.name in _WITHOUT_GENDER else None
        for value, prompts in _sequences(axis, _prompts(encoder, axis)):
            scores.append(_score(axis, value, both, len(rows), prompts, temperature, without))
            directions.append(axes.direction(prompts.mean(axis=0)))
    names = tuple(space.table(["name"], ids=ids)["name"].to_pylist())
    return Attributes(ids, names, tuple(scores), axes.leakage(directions), temperature, n_pseudo)


def _encode_names(encoder: Encoder, names: Sequence[str], templates: Sequence[str]) -> Float64Array:
    total = np.mean([encoder.encode_names(names, t) for t in templates], axis=0, dtype=np.float64)
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True))


def _prompts(encoder: Encoder, axis: Axis) -> Float64Array:
    """Mean vector of each value's phrases; shape (n_templates, n_values, dim)."""
    return np.stack(
        [
            np.stack(
                [
                    encoder.encode_text([template.replace("{}", p) for p in value.phrases])
                    .astype(np.float64)
                    .mean(axis=0)
                    for value in axis.values
                ]
            )
            for template in axis.templates
        ]
    )


def _sequences(axis: Axis, prompts: Float64Array) -> list[tuple[str | None, Float64Array]]:
    """An ordinal axis as it is; a nominal one as each value after the mean of the others."""
    if axis.kind == "ordinal":
        return [(None, prompts)]
    found: list[tuple[str | None, Float64Array]] = []
    for place, value in enumerate(axis.values):
        others = np.delete(prompts, place, axis=1).mean(axis=1)
        found.append((value.label, np.stack([others, prompts[:, place]], axis=1)))
    return found


def _score(
    axis: Axis,
    value: str | None,
    rows: Float64Array,
    n_names: int,
    prompts: Float64Array,
    temperature: float,
    without: Float64Array | None,
) -> AxisScores:
    """Read names and pseudo names together, centred on the names."""

    def read(sequence: Float64Array) -> dict[str, Float64Array]:
        return axes.read_all(
            rows, sequence, temperature=temperature, without=without, n_reference=n_names
        )

    whole = read(prompts.mean(axis=0))
    single = [read(sequence) for sequence in prompts]
    readings, spreads, z = {}, {}, {}
    for reading in READINGS:
        control = whole[reading][n_names:]
        readings[reading] = whole[reading][:n_names]
        deviation = float(control.std(ddof=1))
        z[reading] = (
            (readings[reading] - control.mean()) / deviation
            if deviation > 1e-12
            else np.full(n_names, np.nan)
        )
        each = np.stack([one[reading][:n_names] for one in single])
        spreads[reading] = each.std(axis=0, ddof=1) if len(each) > 1 else np.full(n_names, np.nan)
    return AxisScores(axis.name, value, readings, spreads, z)
