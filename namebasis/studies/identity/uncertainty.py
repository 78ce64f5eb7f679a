"""How far a verdict would move with other swap partners and other made-up names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from namebasis.checks import Float64Array
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

_N_DRAWS = 400
_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class Drawn:
    """Evidences as they come out with other choices.

    Attributes
    ----------
    left_out, made_left_out : mapping of evidence to ndarray of shape (n_groups, n)
        Of the names and of the made-up ones, without each group of swap partners in turn.
    leakage : ndarray of shape (n_names, n_draws) or None
        With made-up names drawn anew; None where contexts were left out.
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
) -> Float64Array:
    """95 % intervals of the kinds' probabilities, over the choice of partners and made-up names.

    The log-odds of each evidence move with the partners, by the jackknife over groups of them
    [1]_ (threshold and value move together), and with the made-up names, by the bootstrap.
    Both are added to the log-odds that were found, and the kinds judged again, 400 times.

    Returns
    -------
    ndarray of shape (n_names, n_kinds, 2)
        In [0, 1], around the probabilities in `judged`; NaN where these are.

    References
    ----------
    .. [1] Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 11.
    """
    rng = np.random.default_rng(seed)
    n = len(judged.probabilities)
    n_made = len(made[EVIDENCES[0]])
    n_groups = len(drawn.left_out[EVIDENCES[0]])
    pushes = rng.standard_normal((_N_DRAWS, n_groups))
    resampled = rng.integers(n_made, size=(_N_DRAWS, n_made))
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
            moved = np.sqrt((n_groups - 1) / n_groups) * (without - without.mean(axis=0))
            by_made = np.array([log_odds(values[key], null[at], rule) for at in resampled])
            total = odds + pushes @ moved + by_made - by_made.mean(axis=0)
        else:
            total = odds + _of_leakage(values[key], drawn, rule, rng)
        chances[key] = chance(total)
    kinds = kinds_of(chances)  # (n_draws, n, n_kinds)
    bounds = np.full((n, len(KINDS), 2), np.nan)
    known = ~np.isnan(judged.probabilities).any(axis=1)
    low, high = np.percentile(kinds[:, known], _TAILS, axis=0)
    bounds[known, :, 0] = np.minimum(low, judged.probabilities[known])
    bounds[known, :, 1] = np.maximum(high, judged.probabilities[known])
    return bounds


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
