"""What a list is worth where the choice did not look, beside random lists of the same length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.intervals import (
    Interval,
    difference_interval,
    mean_interval,
    share_interval,
)
from namebasis.analysis.select.room import Limits, Room
from namebasis.analysis.select.rows import choose, directions
from namebasis.analysis.select.span import N_NONZERO
from namebasis.analysis.sparse.codes import sparse_code
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.studies.attributes.study import encode_over
from namebasis.studies.select.results import Check
from namebasis.studies.select.scores import Grader, Scored, read_unseen, unseen_templates

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

HELD_OUT = 0.2
"""Share of the names to stand for that the choice does not look at."""
MOST_HELD_OUT = 1000
FEWEST_HELD_OUT = 20
_MOST_ENCODED = 400
"""Names that are encoded again in other templates, of those held out and of others each."""
_FREQUENCY_BINS = 10
_NAN = float("nan")
Measure = Callable[[FloatArray, FloatArray], Float64Array]
"""What chosen rows, the first argument, are worth to each row of the second."""


def nearest_cosine(chosen: FloatArray, wanted: FloatArray) -> Float64Array:
    """Centred cosine of each row to the nearest chosen one."""
    return np.asarray((wanted @ chosen.T).max(axis=1), dtype=np.float64)


def code_cosine(chosen: FloatArray, wanted: FloatArray) -> Float64Array:
    """Centred cosine of each row to its code by at most 4 chosen ones; 0 without a code."""
    size = min(N_NONZERO, len(chosen))
    return np.nan_to_num(sparse_code(chosen, wanted, size).similarities.astype(np.float64))


MEASURES: dict[str, Measure] = {
    "cosine to the nearest": nearest_cosine, f"cosine of codes of {N_NONZERO}": code_cosine,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Draws:
    """Lists as long as the chosen one: random ones, and ones of names as frequent."""

    random: list[IntArray]
    matched: list[IntArray]


def draw_lists(
    chosen: IntArray, pool: IntArray, counts: Float64Array, n_draws: int, seed: int
) -> Draws:
    """Draw lists from a pool of names without the chosen ones.

    Parameters
    ----------
    chosen, pool : ndarrays of int64
        Places of names.
    counts : ndarray of shape (n_names,), float64
        How many people bear each name; NaN where nobody counted.
    n_draws : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(pool, chosen)
    if len(others) < len(chosen):
        others = pool
    size = min(len(chosen), len(others))
    random = [rng.choice(others, size, replace=False) for _ in range(n_draws)]
    known = np.isfinite(counts)
    if not known[chosen].any() or known[others].sum() < 2 * len(chosen):
        return Draws(random, [])
    # Names without a count are matched with others without one.
    edges = np.quantile(counts[others][known[others]], np.arange(1, _FREQUENCY_BINS) / 10)
    bins = np.where(known, np.searchsorted(edges, np.nan_to_num(counts)), -1)
    wanted = {int(b): int((bins[chosen] == b).sum()) for b in np.unique(bins[chosen])}
    pools = {b: others[bins[others] == b] for b in wanted}
    if any(len(pools[b]) < n for b, n in wanted.items()):
        return Draws(random, [])
    matched = [
        np.concatenate([rng.choice(pools[b], n, replace=False) for b, n in wanted.items()])
        for _ in range(n_draws)
    ]  # fmt: skip
    return Draws(random, matched)


def check_standing(
    unit: FloatArray, chosen: IntArray, held_out: IntArray, draws: Draws, on: str
) -> list[Check]:
    """Measure a list that stands for others on rows that the choice did not look at.

    Parameters
    ----------
    unit : ndarray of shape (n_rows, n_features)
        Centred unit rows; places count them.
    chosen, held_out : ndarrays of int64
    draws : Draws
    on : str
    """
    found = []
    wanted = unit[np.setdiff1d(held_out, chosen)]
    for label, measure in MEASURES.items():
        own = measure(unit[chosen], wanted)
        random = np.array([measure(unit[rows], wanted) for rows in draws.random])
        matched = np.array([measure(unit[rows], wanted) for rows in draws.matched])
        gain, equal = _gain(own, random), _gain(own, matched)
        whole = mean_interval(own)
        found.append(
            Check(
                label, float(own.mean()), *_ends(whole), float(random.mean()), *gain,
                float(matched.mean()) if len(matched) else _NAN, *equal[1:], on,
            )
        )  # fmt: skip
    return found


def _gain(own: Float64Array, draws: Float64Array) -> tuple[float, float, float]:
    """Mean of `own` less that of draws, with an interval over rows and over draws."""
    if len(draws) < 2:
        return _NAN, _NAN, _NAN
    each = own - draws.mean(axis=0)
    mean = float(each.mean())
    variance = each.var(ddof=1) / len(each) + draws.mean(axis=1).var(ddof=1) / len(draws)
    return mean, mean - 1.96 * float(np.sqrt(variance)), mean + 1.96 * float(np.sqrt(variance))


def _ends(interval: Interval) -> tuple[float, float]:
    return (
        _NAN if interval.low is None else interval.low,
        _NAN if interval.high is None else interval.high,
    )


def check_templates(
    space: StoredSpace,
    ids: IntArray,
    chosen: IntArray,
    held_out: IntArray,
    draws: Draws,
    objective: str,
    seed: int,
) -> list[Check]:
    """The same in sentences that the space was not built with, for a sample of the names.

    Parameters
    ----------
    space : Space
    ids : ndarray of shape (n_names,), int64
        Rows of the space that places count.
    chosen, held_out, draws
        As `check_standing` takes them.
    objective : str
        Also asked: which names of a sample it would choose in those sentences.
    seed : int
    """
    rng = np.random.default_rng(seed)
    chosen = chosen[:_MOST_ENCODED]
    held_out = np.setdiff1d(held_out, chosen)
    if len(held_out) > _MOST_ENCODED:
        held_out = np.sort(rng.choice(held_out, _MOST_ENCODED, replace=False))
    others = np.unique(np.concatenate([*draws.random[:2], *draws.matched[:2]]))
    others = np.setdiff1d(others, np.concatenate([chosen, held_out]))
    places = np.concatenate([chosen, held_out, others])
    names = space.table(["name"], ids=ids[places])["name"].to_pylist()
    templates = unseen_templates(space)
    rows = encode_over(space.encoder(), names, templates).astype(np.float32)
    unit = directions(rows - rows[len(chosen) :].mean(axis=0))
    stored = np.array(space.vectors(ids=ids[places]), dtype=np.float32)
    stored = directions(stored - stored[len(chosen) :].mean(axis=0))
    at = {int(place): position for position, place in enumerate(places)}
    moved = [
        [np.array([at[int(p)] for p in rows if int(p) in at]) for rows in some[:2]]
        for some in (draws.random, draws.matched)
    ]
    own = np.arange(len(chosen))
    found = check_standing(
        unit, own, len(chosen) + np.arange(len(held_out)), Draws(*moved), "names and templates"
    )
    n = max(2, len(unit) // 10)
    free = [Room(Limits(np.ones(len(unit), bool))) for _ in range(2)]
    every = np.arange(len(unit))
    again = [
        choose(rows, every, n, room, objective=objective).rows
        for rows, room in zip((stored, unit), free, strict=True)
    ]
    share = np.isin(again[0], again[1]).astype(float)
    chance = n / len(unit)
    ends = _ends(share_interval(share))
    gain = float(share.mean()) - chance
    told = "chosen again" if n == len(chosen) else f"chosen again, {n} of {len(unit)}"
    return [
        *found,
        Check(
            told, float(share.mean()), *ends, chance, gain, ends[0] - chance, ends[1] - chance,
            _NAN, _NAN, _NAN, "templates",
        ),
    ]  # fmt: skip


def check_readings(
    space: StoredSpace, ids: IntArray, scored: Scored, chosen: IntArray, others: IntArray, seed: int
) -> list[Check]:
    """What the readings of a list are in sentences that the space was not built with.

    Parameters
    ----------
    space : Space
    ids : ndarray of shape (n_names,), int64
        Rows of the space that places count.
    scored : Scored
    chosen, others : ndarrays of int64
        Places of the list and of random names.
    seed : int
    """
    grader: Grader = scored.grader
    places = np.concatenate([chosen, others])
    unseen = read_unseen(space, grader, ids[places], seed)
    n = len(chosen)
    if grader.objective == "low-bias":
        own = grader.bias(unseen.z)
        made = grader.bias(unseen.made_z)
        return [
            _beside("mean |z| over the axes", own[:n], own[n:]),
            _beside("mean |z|, beside made-up names", own[:n], made),
        ]
    cells, _ = grader.place(unseen.z)
    kept = (cells == scored.cells[places]).astype(np.float64)
    found = [_beside("share that keeps its group", kept[:n], kept[n:])]
    if grader.objective == "strong":
        towards = _towards(unseen.z[0], scored.cells[places])
        found.append(_beside("z towards its end", towards[:n], towards[n:]))
        if len(unseen.z) > 1:
            rest = grader.bias(unseen.z[1:])
            found.append(_beside("mean |z| on the other axes", rest[:n], rest[n:]))
    return found


def _towards(z: Float64Array, cells: IntArray) -> Float64Array:
    if z.shape[1] == 1:
        return np.where(cells == 1, z[:, 0], -z[:, 0])
    return np.asarray(z[np.arange(len(z)), cells])


def _beside(label: str, own: Float64Array, others: Float64Array) -> Check:
    is_share = bool(np.isin(own, (0, 1)).all())
    ends = _ends(share_interval(own) if is_share else mean_interval(own))
    if min(len(own), len(others)) < 2:
        gain = (float(own.mean() - others.mean()) if len(others) else _NAN, _NAN, _NAN)
    else:
        told = difference_interval(own, others)
        gain = (float(told.value), *_ends(told))
    random = float(others.mean()) if len(others) else _NAN
    return Check(label, float(own.mean()), *ends, random, *gain, _NAN, _NAN, _NAN, "templates")
