"""Where a verdict would lie with other swap partners and other made-up names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from namebasis.checks import Float64Array, IntArray
from namebasis.studies.identity.swaps import blocks_of
from namebasis.studies.identity.thresholds import (
    EVIDENCES,
    KINDS,
    Judgement,
    Origin,
    Threshold,
    chance,
    kinds_of,
    log_odds,
)

OWN = EVIDENCES[0]
_N_DRAWS = 400
_TAILS = (2.5, 97.5)
_LENGTH = 1.25 * 2**0.5  # of the moves, in standard errors


@dataclass(frozen=True)
class Drawn:
    """Evidences as they come out with other choices.

    Attributes
    ----------
    left_out, made_left_out : mapping of evidence to ndarray of shape (n_groups, n)
        Of the names and of the made-up ones, without each group of swap partners in turn.
    leakage : ndarray of shape (n_names, n_draws) or None
        With made-up names resampled; None where contexts were left out.
    made_leakage : ndarray of shape (n_draws, n_made_up) or None
    """

    left_out: Mapping[str, Float64Array]
    made_left_out: Mapping[str, Float64Array]
    leakage: Float64Array | None = None
    made_leakage: Float64Array | None = None


def probability_intervals(
    values: Mapping[str, Float64Array],
    made: Mapping[str, Float64Array],
    drawn: Drawn,
    judged: Judgement,
    origin: Origin,
    *,
    seed: int,
) -> tuple[Float64Array, Float64Array]:
    """95 % intervals of the kinds' probabilities and of own evidence: where another seed's lie.

    The log-odds of each evidence move with the partners, by the jackknife over groups of them
    [1]_ (threshold and value move together), and with the made-up names, by a bootstrap of those
    that share parts together. A name's jackknife rests on a dozen groups: its variance is the
    mean of its own and of the made-up names'. As another seed errs as much as this one, both
    moves are √2 as long [2]_, and a quarter longer still, as the kinds of 60 people by three seeds
    asked for (docs/benchmarks.md has what other people and seeds say). They are added to the
    log-odds that were found, and the kinds judged again, 400 times.

    Returns
    -------
    kinds : ndarray of shape (n_names, n_kinds, 2)
        In [0, 1], around the probabilities in `judged`; NaN where these are.
    own : ndarray of shape (n_names, 2)
        The same of the evidence of being more than the parts.

    References
    ----------
    .. [1] Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 11.
    .. [2] Geisser (1993), Predictive inference, chapter 2.
    """
    n = len(judged.probabilities)
    bounds, own_bounds = np.full((n, len(KINDS), 2), np.nan), np.full((n, 2), np.nan)
    known = ~np.isnan(judged.probabilities).any(axis=1)
    if not known.any():  # single names alone
        return bounds, own_bounds
    rng = np.random.default_rng(seed)
    n_made = len(made[EVIDENCES[0]])
    n_groups = len(drawn.left_out[EVIDENCES[0]])
    pushes = rng.standard_normal((_N_DRAWS, n_groups))
    resampled = _resampled(n_made, rng)
    chances = {}
    for key in judged.evidence:
        rule, null = origin.thresholds[key], made[key]
        odds = log_odds(values[key], null, rule)
        if key in drawn.left_out:
            without = np.array([
                log_odds(own, of_made, rule)
                for own, of_made in zip(
                    drawn.left_out[key], drawn.made_left_out[key], strict=True
                )
            ])  # fmt: skip
            of_made_up = np.array([log_odds(one, one, rule) for one in drawn.made_left_out[key]])
            moved, usual = (_moves(one) for one in (without, of_made_up))
            own = np.maximum(np.square(moved).sum(axis=0), 1e-12)
            moved = moved * np.sqrt((1 + np.square(usual).sum(axis=0).mean() / own) / 2)
            by_made = np.array([log_odds(values[key], null[at], rule) for at in resampled])
            total = pushes @ moved + by_made - by_made.mean(axis=0)
        else:
            total = _of_leakage(values[key], drawn, rule, rng)
        total = odds + _LENGTH * total
        chances[key] = chance(total)
    kinds = kinds_of(chances)  # (n_draws, n, n_kinds)
    low, high = np.percentile(kinds[:, known], _TAILS, axis=0)
    bounds[known, :, 0] = np.minimum(low, judged.probabilities[known])
    bounds[known, :, 1] = np.maximum(high, judged.probabilities[known])
    own = np.percentile(chances[OWN][:, known], _TAILS, axis=0)
    found = judged.evidence[OWN][known]
    own_bounds[known] = np.stack([np.minimum(own[0], found), np.maximum(own[1], found)], axis=1)
    return bounds, own_bounds


def _moves(without: Float64Array) -> Float64Array:
    """What each group of partners moves, (n_groups, n): squares sum to the jackknife's variance."""
    n_groups = len(without)
    return np.asarray(np.sqrt((n_groups - 1) / n_groups) * (without - without.mean(axis=0)))


def _resampled(n_made: int, rng: np.random.Generator) -> list[IntArray]:
    """Draws of the made-up names, those that share parts together."""
    blocks = blocks_of(n_made)
    rows = [np.flatnonzero(blocks == one) for one in range(int(blocks[-1]) + 1)]
    drawn = rng.integers(len(rows), size=(_N_DRAWS, len(rows)))
    return [np.concatenate([rows[one] for one in some]) for some in drawn.tolist()]


def _of_leakage(
    values: Float64Array, drawn: Drawn, rule: Threshold, rng: np.random.Generator
) -> Float64Array:
    """How the log-odds of leakage move with the made-up names, (n_draws, n_names)."""
    if drawn.leakage is None or drawn.made_leakage is None:
        return np.zeros((_N_DRAWS, len(values)))
    odds = np.array([
        log_odds(drawn.leakage[:, at], null, rule)
        for at, null in enumerate(drawn.made_leakage)
    ])  # fmt: skip
    moved = odds - odds.mean(axis=0)
    return np.asarray(moved[rng.integers(len(moved), size=_N_DRAWS)])
