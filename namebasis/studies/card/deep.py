"""The part of a card that takes the encoder: readings, decomposition, rigidity, identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, Progress
from namebasis.errors import NamebasisError
from namebasis.namespace.corpus.full_names import cut, split
from namebasis.studies.basis import study as basis
from namebasis.studies.card.axes import read_name
from namebasis.studies.card.results import STEPS, DeepCard, PartsOnly
from namebasis.studies.describe.study import describe
from namebasis.studies.identity.contexts import load_contexts
from namebasis.studies.identity.in_contexts import N_MADE_UP, measure_contexts
from namebasis.studies.identity.reference import borne_in, space_grid
from namebasis.studies.identity.rigidity import from_contexts
from namebasis.studies.identity.study import identity
from namebasis.studies.identity.swaps import measure

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_N_SWAPS = 12  # for the prediction from the parts, in every template of the space
_N_ATOMS, _N_DRAWS = 5, 100


def measure_deep(
    space: StoredSpace,
    name: str,
    row: int,
    *,
    k: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> DeepCard:
    """Measure one stored name; see `card`. Records are compared with it afterwards."""

    def part(number: int, first: float = 0.0, last: float = 1.0) -> Progress:
        return lambda done, total: tell(number, first + (last - first) * done / max(total, 1))

    def tell(number: int, share: float) -> None:
        if progress is not None:
            progress(round(100 * (number + share)), 100 * len(STEPS))

    tell(0, 0.0)
    placed = measure_contexts(
        space, [name], list(load_contexts()), n_made_up=N_MADE_UP, with_spreads=True,
        with_weak=True, seed=seed, progress=part(0),
    )  # fmt: skip
    rigid = from_contexts(placed)
    study = identity(space, [name], in_contexts=placed, seed=seed, progress=part(1))
    parts = _parts_only(space, name, row, k, seed)
    readings = read_name(
        space, row, None if parts is None else parts.vector, seed=seed, progress=part(2)
    )
    remarks = [*rigid.remarks, *study.remarks, *(() if parts else (cut(name).reason,))]
    try:
        made = basis.fit(
            space, name, _N_ATOMS, n_null=_N_DRAWS, n_resamples=_N_DRAWS, seed=seed,
            progress=part(3, last=0.5),
        )  # fmt: skip
    except (NamebasisError, ValueError) as error:
        made = None
        remarks.append(f"no sparse decomposition: {error}")
    try:
        words = describe(
            space, name, n_null=_N_DRAWS, n_resamples=_N_DRAWS, seed=seed,
            progress=part(3, first=0.5),
        )  # fmt: skip
    except (NamebasisError, ValueError) as error:
        words = None
        remarks.append(f"not said in words: {error}")
    tell(len(STEPS), 0.0)
    return DeepCard(
        readings,
        (),
        made,
        rigid.rows[0],
        study.rows[0],
        study,
        parts,
        tuple(remarks),
        words,
    )


def _parts_only(space: StoredSpace, name: str, row: int, k: int, seed: int) -> PartsOnly | None:
    pair = split(name)
    if pair is None:
        return None
    templates = space.provenance.templates
    partners, grid = space_grid(space, _N_SWAPS, templates, seed)
    found = measure(space.encoder(), [pair], partners, templates, real=borne_in(space), grid=grid)
    whole = found.whole[0]
    vector = whole - found.own.remainder[0]
    vector = np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    def near(target: FloatArray) -> tuple[tuple[str, float], ...]:
        table = space.nearest(target, k + 1).to_arrow().to_pylist()
        return tuple((one["name"], one["similarity"]) for one in table if one["id"] != row)[:k]

    return PartsOnly(float(vector @ whole), near(vector), near(whole), vector)
