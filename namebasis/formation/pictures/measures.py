"""How far names are read as the people in their pictures, at one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.identity.recognition import places_among, pointing, unit
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.formation.pictures.album import ELSEWHERE, MORE, PARTS, SEEN, Album
from namebasis.formation.plan import Plan

PICTURE_MEASURES = (
    "seen_rank", "seen_margin", "seen_own", "elsewhere_rank", "elsewhere_margin", "picture_margin",
)  # fmt: skip
"""Of each name with pictures at each checkpoint; docs/formation.md says what each is."""
_NONE = np.zeros(0, dtype=np.int64)
PICTURE_DRAWN = ("seen_margin", "elsewhere_margin", "picture_margin", "seen_own")
"""Measures with bootstrap draws, over pictures."""


@dataclass(frozen=True)
class Pictured:
    """What pictures say of the names of a plan at one checkpoint.

    Attributes
    ----------
    values : dict
        Each of `PICTURE_MEASURES`, (n_names,); NaN where undefined.
    draws : dict
        Each of `PICTURE_DRAWN`, (n_names, n_resamples).
    """

    values: dict[str, Float64Array]
    draws: dict[str, Float64Array]


def measure_pictures(
    vectors: FloatArray,
    album: Album,
    names: FloatArray,
    own: Float64Array,
    plan: Plan,
    *,
    n_resamples: int,
    seed: int,
) -> Pictured:
    """Measure names by their pictures.

    A control without pictures is put to those of somebody who has some, drawn by the seed: people
    under a name that the model cannot know.

    Parameters
    ----------
    vectors : ndarray of shape (n_pictures, dim)
        Of the album; NaN for those that could not be read.
    album : Album
    names : ndarray of shape (n_names, dim)
        In the plan's template.
    own : ndarray of shape (n_names, dim)
        What names have beyond their parts; NaN where that is not known.
    plan : Plan
    n_resamples, seed : int
    """
    n = len(plan.names)
    values = {key: np.full(n, np.nan) for key in PICTURE_MEASURES}
    draws = {key: np.full((n, n_resamples), np.nan) for key in PICTURE_DRAWN}
    good = np.isfinite(vectors).all(axis=1)
    groups = {
        role: _by_name(album, good & (album.roles == role))
        for role in (SEEN, ELSEWHERE, PARTS, MORE)
    }
    if not groups[SEEN]:
        return Pictured(values, draws)
    centre = np.mean([vectors[at].mean(axis=0, dtype=np.float64) for at in groups[SEEN].values()],
                     axis=0)  # fmt: skip
    centred = vectors.astype(np.float64) - centre
    owners = _lend(groups[SEEN], plan, seed)
    texts = unit(names - names.mean(axis=0, dtype=np.float64))
    narrow = texts.astype(np.float32)
    rng = np.random.default_rng([seed, 5])
    for key, role in (("seen", SEEN), ("elsewhere", ELSEWHERE)):
        rows = np.array(sorted(groups[role]), dtype=np.int64)
        if not len(rows):
            continue
        means = np.stack([centred[groups[role][row]].mean(axis=0) for row in rows])
        # Whose pictures they are is no competitor of a control that is put to them.
        theirs = np.array([owners.get(row, row) for row in rows.tolist()])
        ranks, values[f"{key}_margin"][rows] = places_among(means, texts, rows, theirs)
        values[f"{key}_rank"][rows] = ranks
        if role == SEEN:
            values["seen_own"][rows] = pointing(own[rows], means)
        for row in rows[rows < plan.n_asked]:
            again = unit(_again(centred[groups[role][row]], n_resamples, rng))
            scores = again.astype(np.float32) @ narrow.T  # of margins, six figures are enough
            drawn = scores[:, row].copy()
            scores[:, row] = -np.inf
            draws[f"{key}_margin"][row] = drawn - scores.max(axis=1)
            if role == SEEN:
                draws["seen_own"][row] = pointing(own[row], again)
    _measure_apart(centred, groups, texts, plan, values, draws, rng)
    return Pictured(values, draws)


def _measure_apart(
    centred: Float64Array,
    groups: dict[int, dict[int, IntArray]],
    texts: Float64Array,
    plan: Plan,
    values: dict[str, Float64Array],
    draws: dict[str, Float64Array],
    rng: np.random.Generator,
) -> None:
    """Cosine to the pictures of the person less that to people as the parts suggest."""
    rows = [row for row in groups[PARTS] if row in groups[SEEN] and row < plan.n_asked]
    if not rows:
        return
    own = {
        row: centred[np.concatenate([groups[SEEN][row], groups[MORE].get(row, _NONE)])]
        for row in rows
    }
    others = {row: centred[groups[PARTS][row]] for row in rows}
    # Both sides about what they have in common, so that neither is nearer to all names.
    middle = np.mean([(own[row].mean(axis=0) + others[row].mean(axis=0)) / 2 for row in rows], 0)
    n_resamples = draws["picture_margin"].shape[1]
    for row in rows:
        sides = (own[row] - middle, others[row] - middle)
        first, second = (unit(side.mean(axis=0)) @ texts[row] for side in sides)
        values["picture_margin"][row] = first - second
        first, second = (unit(_again(side, n_resamples, rng)) @ texts[row] for side in sides)
        draws["picture_margin"][row] = first - second


def _again(rows: Float64Array, n_resamples: int, rng: np.random.Generator) -> Float64Array:
    """Means of rows that are resampled, (n_resamples, dim)."""
    n = len(rows)
    shares = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
    return np.asarray(shares @ rows)


def _by_name(album: Album, kept: npt.NDArray[np.bool_]) -> dict[int, IntArray]:
    """Numbers of the pictures of each name."""
    at = np.flatnonzero(kept)
    order = at[np.argsort(album.rows[at], kind="stable")]
    rows, starts = np.unique(album.rows[order], return_index=True)
    return dict(zip(rows.tolist(), np.split(order, starts[1:]), strict=True)) if len(rows) else {}


def _lend(seen: dict[int, IntArray], plan: Plan, seed: int) -> dict[int, int]:
    """Give controls without pictures those of somebody else; return whose."""
    owners = [row for row in seen if row < plan.n_asked]
    lent: dict[int, int] = {}
    rng = np.random.default_rng([seed, 6])
    for row in range(plan.n_asked, len(plan.names)):
        if row not in seen and owners:
            lent[row] = owners[int(rng.integers(len(owners)))]
    seen |= {row: seen[owner] for row, owner in lent.items()}
    return lent
