"""Whom a part of names brings up: the stored full name that a given or family name points to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.intervals import Interval, mean_interval
from namebasis.checks import Float64Array, FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.namespace.actors.crew import Advance, counting
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.full_names import Pair
from namebasis.namespace.corpus.names import distinct_names
from namebasis.studies.identity.parts import cut_names
from namebasis.studies.identity.points_results import PartPoints, PointsTo
from namebasis.studies.identity.reference import borne_in, space_partners
from namebasis.studies.identity.swaps import (
    FEWEST_FREE,
    Partners,
    embed_grid,
    embedder,
    usable,
)
from namebasis.studies.identity.thresholds import packaged_estimator
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

SIDES = ("given", "family")
_BLOCK = 64  # parts whose swaps are embedded at a time
_NAMES = 4096  # full names embedded at a time
_FEWEST = 2


@dataclass(frozen=True)
class _Bearers:
    """Stored full names in two, and what a part may bring up."""

    ids: IntArray
    names: Sequence[str]
    pairs: Sequence[Pair | None]
    of_part: Mapping[tuple[int, str], Sequence[int]]
    """Places by side and folded part."""
    spelled: Mapping[tuple[int, str], str]


def points_to(
    space: StoredSpace,
    parts: Sequence[str] | None = None,
    *,
    where: str | None = None,
    n_swaps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> PointsTo:
    """Say which stored full name each given or family name brings up.

    A part is paired with the space's swap partners. A full name's hold is its mean cosine to these
    pairs about the mean of all pairs of partners: near 1, the part means that person whatever
    stands beside it. Of the names that have the part the one with the largest hold is held against
    the partners' own pairs with each other, whose parts are common and bring up nobody, the best
    of as many; and against the nearest of all other stored names.

    Parameters
    ----------
    space : Space
    parts : sequence of str, optional
        Given or family names, as stored full names have them; by default all of those.
    where : str, optional
        One boolean SQL expression: only such full names may be brought up.
    n_swaps : int, optional
        Partners, at least 6; `data/identity.toml` has the default.
    seed : int
        Draws partners.
    progress : callable, optional
        Is told (done, total) prompts.

    Raises
    ------
    SpaceError
        If the space has fewer than 2 full names of two parts.
    ValueError
        If no stored full name has a part that is asked for, or a parameter is out of range.

    Examples
    --------
    >>> found = space.points_to(n_swaps=6)
    >>> found.of("Vicki")
    """
    seed = check_seed(seed)
    usual = packaged_estimator()
    n_swaps = check_count(usual.n_swaps if n_swaps is None else n_swaps, "n_swaps", FEWEST_FREE)
    bearers = _bearers(space, where)
    keys = _keys(bearers, parts)
    partners, source = space_partners(space, n_swaps, seed)
    n_names = 0 if _are_stored(space, usual.templates) else len(bearers.names)
    n_prompts = (len(keys) * n_swaps + n_swaps**2 + n_names) * len(usual.templates)
    advance = counting(progress, n_prompts)
    grid = embed_grid(space.encoder(), partners, usual.templates, advance)
    centre = grid.mean(axis=(0, 1), dtype=np.float64)
    nulls = [_usual_holds(_about(one, centre)) for one in (grid, grid.swapaxes(0, 1))]
    units = _about(_wholes(space, bearers, usual.templates, advance), centre)
    rows = [
        _row(side, part, _about(swaps, centre), units, bearers, nulls[side])
        for side, part, swaps in _swapped(space, keys, partners, bearers, usual.templates, advance)
    ]
    rows.sort(key=lambda row: -row.z)
    return PointsTo(
        tuple(rows), len(bearers.ids), source,
        {"where": where, "n_swaps": n_swaps, "seed": seed, "templates": list(usual.templates)},
    )  # fmt: skip


def _are_stored(space: StoredSpace, templates: Sequence[str]) -> bool:
    """Whether the view text holds names as they are embedded here."""
    return tuple(space.provenance.templates) == tuple(templates)


def _wholes(
    space: StoredSpace, bearers: _Bearers, templates: Sequence[str], advance: Advance
) -> FloatArray:
    """Embeddings of the full names: stored where the space's templates are the same."""
    if _are_stored(space, templates):
        return space.vectors("text", ids=bearers.ids)
    embed = embedder(space.encoder(), templates, advance)
    blocks = range(0, len(bearers.names), _NAMES)
    return np.concatenate([embed(list(bearers.names[at : at + _NAMES])) for at in blocks])


def _bearers(space: StoredSpace, where: str | None) -> _Bearers:
    ids = np.intersect1d(space.ids(where), space.ids_of_part("full"))
    names = [str(one) for one in space.table(["name"], ids=ids)["name"].to_pylist()]
    cuts = cut_names(space, names)
    pairs = [
        None if cuts[name].pair is None else (str(cuts[name].given), str(cuts[name].family))
        for name in names
    ]
    of_part: dict[tuple[int, str], list[int]] = {}
    spelled: dict[tuple[int, str], str] = {}
    for place, pair in enumerate(pairs):
        for side in (0, 1) if pair else ():
            key = side, fold(pair[side])  # type: ignore[index]
            of_part.setdefault(key, []).append(place)
            spelled.setdefault(key, pair[side])  # type: ignore[index]
    n_cut = sum(pair is not None for pair in pairs)
    if n_cut < _FEWEST:
        raise SpaceError(
            f"{space.path}: {counted(n_cut, 'full name')} of two parts; at least {_FEWEST} are "
            "needed, so that a part could point to one of them. Add full names, or loosen where."
        )
    return _Bearers(ids, names, pairs, of_part, spelled)


def _keys(bearers: _Bearers, parts: Sequence[str] | None) -> list[tuple[int, str]]:
    """Side and folded part of all that is asked about."""
    if parts is None:
        return list(bearers.of_part)
    keys, missing = [], []
    for part in distinct_names(parts):
        found = [(side, fold(part)) for side in (0, 1) if (side, fold(part)) in bearers.of_part]
        keys += found
        missing += [] if found else [part]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ValueError(
            f"{', '.join(map(repr, missing[:5]))} {verb} no given or family name of a stored full "
            "name, so there is nobody to point to. Add full names that have it, or loosen where."
        )
    return keys


def _swapped(
    space: StoredSpace,
    keys: Sequence[tuple[int, str]],
    partners: Partners,
    bearers: _Bearers,
    templates: Sequence[str],
    advance: Advance,
) -> Iterator[tuple[int, str, FloatArray]]:
    """Side and spelling of each part, and its swaps that nobody bears."""
    embed = embedder(space.encoder(), templates, advance)
    real = borne_in(space)
    for start in range(0, len(keys), _BLOCK):
        some = keys[start : start + _BLOCK]
        spelled = [bearers.spelled[key] for key in some]
        swaps = [
            [_pair(side, part, one) for one in partners[1 - side]]
            for (side, _), part in zip(some, spelled, strict=True)
        ]
        rows = embed([" ".join(pair) for row in swaps for pair in row])
        cube = rows.reshape(len(some), -1, rows.shape[1])
        free = usable(swaps, real)
        for at, (side, _) in enumerate(some):
            yield side, spelled[at], cube[at][free[at]]


def _pair(side: int, part: str, other: str) -> Pair:
    return (part, other) if side == 0 else (other, part)


def _about(rows: FloatArray, centre: Float64Array) -> Float64Array:
    """Unit rows about the centre; 0 for one that lies there."""
    apart = rows.astype(np.float64) - centre
    length = np.linalg.norm(apart, axis=-1, keepdims=True)
    return np.asarray(apart / np.where(length > 1e-9, length, np.inf))


def _usual_holds(units: Float64Array) -> Float64Array:
    """Hold of each pair of a partner beside its other pairs, (n_partners, n_others)."""
    n = units.shape[1]
    total = units.sum(axis=1, keepdims=True)
    return np.asarray((units * (total - units)).sum(axis=2) / (n - 1))


def _row(
    side: int,
    part: str,
    swaps: Float64Array,
    units: Float64Array,
    bearers: _Bearers,
    null: Float64Array,
) -> PartPoints:
    from scipy.stats import t

    holds = units @ swaps.mean(axis=0)
    # Null and chance are of names that have the part, and so is the name they are asked about.
    having = np.asarray(bearers.of_part[side, fold(part)])
    first = int(having[np.argmax(holds[having])])
    others = np.delete(np.arange(len(holds)), first)
    second = int(others[np.argmax(holds[others])])
    margin: Interval = mean_interval(swaps @ (units[first] - units[second]))
    n, deviation = len(null), float(null.std())  # of n parts, whose pairs are alike
    z = (float(holds[first]) - float(null.mean())) / max(deviation, 1e-9)
    # The best of all who bear the part, each as likely by chance: a draw more of the same normal.
    chance = min(1.0, len(having) * float(t.sf(z / (1 + 1 / n) ** 0.5, n - 1)))
    return PartPoints(
        part, SIDES[side], len(having), bearers.names[first], int(bearers.ids[first]),
        float(holds[first]), bearers.names[second], margin, float(null.mean()), z, chance,
    )  # fmt: skip
