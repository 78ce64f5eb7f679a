"""Associations: whom do words of warmth, crime or power lie nearer to? WEAT, RND and RIPA.

WEAT's own p divides the names at random: it says that other names would show the same, and any two
groups that are spelled differently pass. So words are divided too: a set counts only where hardly
any other division of its words tells the groups apart as far as its two sides do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from namebasis.analysis.readings import associations
from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.groups import Group, groups_of
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.plan import AttributeSet
from namebasis.checks import Float64Array
from namebasis.results import Table
from namebasis.wording import listed

ON_CARD = (("women", "power"), ("black", "crime"), ("women", "gender"), ("dark", "skin_tone"))
"""Comparisons on the score card, fixed before any was made; the last two are an organism's."""
_TOLD = 3
_BLOCK = 256
_EQUAL = 1e-6  # means of unit vectors that are apart by no more are one
_OF_WORDS, _OF_NAMES = "its words divided at random", "its names divided at random"


@dataclass(frozen=True, eq=False)
class _Words:
    """One set's words.

    Attributes
    ----------
    towards, away : ndarray of shape (n_words, dim), float64
    divisions : ndarray of shape (n_divisions, n_words), float64
        Weights that make of the words' cosines the difference of two sides' means.
    """

    towards: Float64Array
    away: Float64Array
    divisions: Float64Array

    @property
    def both(self) -> Float64Array:
        """Those towards, then those away."""
        return np.concatenate([self.towards, self.away])


def run(inquiry: Inquiry) -> Answer:
    """Hold every group of the records against every attribute set."""
    groups, sets = groups_of(inquiry), list(inquiry.plan.attributes)
    if not groups or not sets:
        raise Skipped("records tell no two groups apart among the names that the encoder reads.")
    words = [_words(inquiry, one) for one in sets]
    told_apart = [_differ(held) for held in words]
    if not any(told_apart):
        raise Skipped(
            "the encoder gives both sides of every set of words one vector, as it cuts texts short "
            "or knows too few of their words."
        )
    as_one = [one.name for one, own in zip(sets, told_apart, strict=True) if not own]
    sets = [one for one, own in zip(sets, told_apart, strict=True) if own]
    words = [held for held, own in zip(words, told_apart, strict=True) if own]
    answer, measures = Answer([], {}), []
    for at, group in enumerate(groups):
        ids = np.concatenate([group.ids, group.others])
        names, vectors = tuple(inquiry.names(ids)), inquiry.vectors(ids).astype(np.float64)
        own = np.arange(len(ids)) < len(group.ids)
        cosines = [vectors @ held.both.T for held in words]
        scores = [c @ _sides(held) for c, held in zip(cosines, words, strict=True)]
        shuffled = by_names(np.stack(scores, axis=1), own, inquiry.plan.n_draws, inquiry.seed)
        for place, (one, held) in enumerate(zip(sets, words, strict=True)):
            sample = Sample(names, scores[place], own.astype(np.float64))
            draws = (by_words(cosines[place], own, held.divisions), shuffled[:, place])
            answer.add(_claim(group, one, sample, draws), sample)
            measures.append(_measures(group, one, held, vectors, own))
        inquiry.step(at + 1, len(groups))
    columns = ("group", "set", "towards", "from", "RND", "RIPA", "names", "others")
    answer.tables.append(Table(columns, measures, "RND and RIPA", key="measures", detail=True))
    answer.remarks.append(
        "Of two p, for words divided at random and for names divided at random, the larger counts."
    )
    if as_one:
        answer.remarks.append(f"Both sides have one vector and say nothing: {listed(as_one)}.")
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """Which groups lean where, the farthest first."""
    sure = sorted(
        (one for one in claims.values() if one.is_beyond(level)), key=lambda one: -abs(one.value)
    )
    if not sure:
        return (
            f"None of {len(claims):,} comparisons goes beyond chance: no group of names leans to "
            "either side of a set of words."
        )
    told = [_lean(one) for one in sure[:_TOLD]]
    return f"{len(sure):,} of {len(claims):,} comparisons go beyond chance, first: {listed(told)}."


def _lean(claim: Claim) -> str:
    """A claim as a sentence tells it, by its label: "names beside others: away or towards"."""
    who, _, sides = claim.label.partition(": ")
    title, _, against = who.partition(" beside ")
    away, _, towards = sides.partition(" or ")
    side = towards if claim.value > 0 else away
    return f"{title} lean to {side} (d {claim.told()}) beside {against}"


def _words(inquiry: Inquiry, one: AttributeSet) -> _Words:
    towards, away = (
        inquiry.encoder.encode_text([one.sentence.replace("{}", word) for word in side]).astype(
            np.float64
        )
        for side in (one.words_towards, one.words_away)
    )
    n = len(towards)
    return _Words(towards, away, divisions(n, len(away), inquiry.plan.n_draws, inquiry.seed))


def _differ(held: _Words) -> bool:
    """Whether both sides have a mean of their own."""
    gap = held.towards.mean(axis=0) - held.away.mean(axis=0)
    return bool(np.linalg.norm(gap) > _EQUAL)


def divisions(n: int, n_others: int, n_draws: int, seed: int) -> Float64Array:
    """Weights of random divisions of words into sides of these sizes; all where they are few.

    Parameters
    ----------
    n, n_others : int
        Words on either side.
    n_draws : int
    seed : int

    Returns
    -------
    ndarray of shape (n_divisions, n + n_others), float64
        1 / n on one side and -1 / n_others on the other; the words' own division is not among all.
    """
    total = n + n_others
    sides: Sequence[Sequence[int]]
    if comb(total, n) - 1 <= n_draws:
        sides = [part for part in combinations(range(total), n) if part != tuple(range(n))]
    else:
        rng = np.random.default_rng(seed)
        sides = [rng.permutation(total)[:n].tolist() for _ in range(n_draws)]
    weights = np.full((len(sides), total), -1 / n_others)
    for row, side in zip(weights, sides, strict=True):
        row[list(side)] = 1 / n
    return weights


def by_words(cosines: Float64Array, own: np.ndarray, weights: Float64Array) -> Float64Array:
    """The effect size d under each division of the words, by way of their means and covariance.

    Parameters
    ----------
    cosines : ndarray of shape (n_names, n_words)
    own : ndarray of shape (n_names,), bool
    weights : ndarray of shape (n_divisions, n_words)
    """
    gap = cosines[own].mean(axis=0) - cosines[~own].mean(axis=0)
    covariance = np.cov(cosines, rowvar=False)
    spreads = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", weights, covariance, weights), 0))
    found = np.full(len(weights), np.nan)
    return np.asarray(np.divide(weights @ gap, spreads, out=found, where=spreads > 1e-12))


def by_names(scores: Float64Array, own: np.ndarray, n_draws: int, seed: int) -> Float64Array:
    """The effect size d of every score under divisions of the names, the same for all scores.

    Parameters
    ----------
    scores : ndarray of shape (n_names, n_scores)
    own : ndarray of shape (n_names,), bool
    n_draws, seed : int

    Returns
    -------
    ndarray of shape (n_draws, n_scores), float64
    """
    rng = np.random.default_rng(seed)
    n, m = len(own), int(own.sum())
    spreads, total = scores.std(axis=0, ddof=1), scores.sum(axis=0)
    drawn = []
    for start in range(0, n_draws, _BLOCK):
        sides = rng.permuted(
            np.tile(own.astype(np.float64), (min(_BLOCK, n_draws - start), 1)), axis=1
        )
        sums = sides @ scores
        drawn.append(sums / m - (total - sums) / (n - m))
    gaps = np.concatenate(drawn)
    found = np.full(gaps.shape, np.nan)
    return np.asarray(np.divide(gaps, spreads, out=found, where=spreads > 1e-12))


def _sides(held: _Words) -> Float64Array:
    """Weights of the set's own division."""
    n, n_others = len(held.towards), len(held.away)
    return np.concatenate([np.full(n, 1 / n), np.full(n_others, -1 / n_others)])


def _claim(
    group: Group, one: AttributeSet, sample: Sample, draws: tuple[Float64Array, Float64Array]
) -> Claim:
    """The effect size against that chance of both which reaches as far more often."""
    key = f"{group.key}.{one.name.replace(' ', '_')}"
    both = [
        measured(
            key, f"{group.title} beside {group.against}: {one.away} or {one.towards}", "d", sample,
            chance=drawn, against=against, on_card=(group.key, one.name) in ON_CARD,
            meaning=f"above 0: nearer to words for {one.towards} than {group.against}; below 0: to "
            f"words for {one.away}",
        )
        for drawn, against in zip(draws, (_OF_WORDS, _OF_NAMES), strict=True)
    ]  # fmt: skip
    return max(both, key=lambda claim: -1.0 if claim.p is None else claim.p)


def _measures(
    group: Group, one: AttributeSet, held: _Words, vectors: Float64Array, own: np.ndarray
) -> tuple[str | float | int, ...]:
    first, second = vectors[own], vectors[~own]
    rnd = associations.relative_norm_distance(first, second, held.towards) / len(held.towards)
    relation = [rows.mean(axis=0, keepdims=True) for rows in (held.towards, held.away)]
    inner = [float(associations.ripa(rows, *relation).mean()) for rows in (first, second)]
    return (
        group.title, one.name, one.towards, one.away, rnd, inner[0] - inner[1], len(first),
        len(second),
    )  # fmt: skip
