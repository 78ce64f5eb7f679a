"""Names read on axes block by block, for spaces whose vectors no single process should hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.readings.in_blocks import (
    Centre,
    Fitted,
    Prompts,
    Sums,
    fitted,
    read_block,
    shares_of,
)
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.namespace.actors.crew import Advance, Crew, batches

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

BLOCK = 16_384
"""Names read at a time."""
N_PASSES = 3


def read_in_blocks(
    crew: Crew,
    ids: IntArray,
    made: Mapping[str, Float64Array],
    asked: Sequence[Prompts],
    *,
    temperature: float,
    advance: Advance,
) -> list[dict[str, Float64Array]]:
    """The readings of names, then of made-up ones, along each sequence of prompts.

    Parameters
    ----------
    crew : Crew
        Reads the names.
    ids : ndarray of shape (n_names,), int64
    made : mapping of view to ndarray of shape (n_made_up, dim)
        Vectors of made-up names in the views that are read.
    asked : sequence of Prompts
    temperature : float
    advance : callable
        Told how many names were read, three times in all.
    """
    views = tuple(made)
    blocks = [ids[part] for part in batches(len(ids), BLOCK)]
    centre = Centre.of(crew.map(_Job(views), blocks, advance))
    parts = crew.map(_Job(views, centre, asked), blocks, advance)
    null = [np.asarray(made[view], np.float32) for view in views]  # as stored ones are
    known = fitted(centre, len(ids), parts, null, asked)
    found = crew.map(_Job(views, centre, asked, known, temperature), blocks, advance)
    found.append(read_block(centre, null, asked, known, temperature=temperature))
    return [
        {reading: np.concatenate([one[at][reading] for one in found]) for reading in found[0][at]}
        for at in range(len(asked))
    ]


@dataclass(frozen=True)
class _Job:
    """One pass over a block: its sums, its shares, or its readings, by what is known already."""

    views: Sequence[str]
    centre: Centre | None = None
    asked: Sequence[Prompts] = ()
    known: Sequence[Fitted] | None = None
    temperature: float = 0.1

    def __call__(self, space: StoredSpace, ids: IntArray, advance: Advance) -> Any:
        rows: list[FloatArray] = [space.vectors(view, ids=ids) for view in self.views]
        advance(len(ids))
        if self.centre is None:
            return Sums.of(rows)
        if self.known is None:
            return shares_of(self.centre, rows, self.asked)
        return read_block(self.centre, rows, self.asked, self.known, temperature=self.temperature)
