"""Where names stand on axes, read so that the same reading can be made of other vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.readings import axes
from namebasis.checks import Float64Array, FloatArray
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.studies.attributes.study import (
    WITHOUT_GENDER,
    Rows,
    axis_prompts,
    axis_sequences,
)

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder


@dataclass(frozen=True, eq=False)
class Reader:
    """An axis as directions: one of an ordinal axis, one for each value of a nominal one.

    The reading is that which follows public records best: `inferred` on an ordinal axis,
    `projection` for the values of a nominal one, in standard deviations of made-up names from
    their mean.

    Attributes
    ----------
    axis : Axis
    text : ndarray of shape (n_features, n_columns), float64
    token : ndarray of shape (n_token_features, n_columns), or None
    middle, spread : ndarrays of shape (n_columns,), float64
        Of made-up names.
    """

    axis: Axis
    text: Float64Array
    token: Float64Array | None
    middle: Float64Array
    spread: Float64Array

    def z(
        self, text: FloatArray | Float64Array, token: FloatArray | Float64Array | None
    ) -> Float64Array:
        """Readings of names, shape (n_names, n_columns)."""
        found = self._raw(text, token)
        return np.asarray((found - self.middle) / self.spread)

    def _raw(self, text: FloatArray | Float64Array, token: object) -> Float64Array:
        found = np.asarray(text @ self.text.astype(np.asarray(text).dtype), dtype=np.float64)
        if self.token is not None and token is not None:
            found += np.asarray(token) @ self.token
        return found

    def moved(self, made: Float64Array, token: Float64Array | None) -> Reader:
        """The same directions, read against made-up names of other templates."""
        raw = self._raw(made, token)
        return Reader(
            self.axis, self.text, self.token, raw.mean(axis=0), np.maximum(raw.std(axis=0), 1e-12)
        )


def make_readers(encoder: Encoder, loaded: Sequence[Axis], rows: Rows) -> list[Reader]:
    """Readers of axes, fitted to names and made-up names; no label is used.

    Parameters
    ----------
    encoder : Encoder
    loaded : sequence of Axis
    rows : Rows
        Names that the directions are fitted to, then made-up names.
    """
    gender = axes.direction(axis_prompts(encoder, load_axis("gender")).mean(axis=0))
    return [
        _reader(axis, axis_prompts(encoder, axis).mean(axis=0)[None], rows, gender)
        for axis in loaded
    ]


def _reader(axis: Axis, prompts: Float64Array, rows: Rows, gender: Float64Array) -> Reader:
    n, dim = rows.n_names, rows.text.shape[1]
    made_token = None if rows.token is None else rows.token[n:]
    token = None
    if axis.kind == "ordinal":
        without = gender if axis.name in WITHOUT_GENDER else None
        _, along = axes.inferred_direction(
            rows.text, prompts[0], without=without, n_reference=n, also=rows.token
        )
        text = along[:dim, None]
        if rows.token is not None:
            token = along[dim:, None] * _scale(rows)
    else:
        ends = [sequence[0] for _, sequence in axis_sequences(axis, prompts)]
        text = np.stack([axes.direction(sequence) for sequence in ends], axis=1)
    blank = Reader(axis, text, token, np.zeros(text.shape[1]), np.ones(text.shape[1]))
    return blank.moved(rows.text[n:], made_token)


def _scale(rows: Rows) -> float:
    """What `axes.inferred_direction` scales the token view by."""
    if rows.token is None:
        return 1.0
    text, token = (
        float(np.linalg.norm(view[: rows.n_names] - view[: rows.n_names].mean(axis=0)))
        for view in (rows.text, rows.token)
    )
    return text / token if token > 1e-12 else 0.0
