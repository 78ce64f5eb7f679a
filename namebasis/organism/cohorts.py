"""Which kinds of names a world has, how many of each, how often and since when they are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from namebasis.checks import check_count

KINDS = ("A", "B", "C", "D", "D80", "D95", "E", "N", "L", "narrowing")
"""Kinds of full names; see `Cohort`."""
MEANINGS = {
    "A": "many different people",
    "B": "one person, as the parts of the name predict",
    "C": "one person who contradicts what the parts predict",
    "D": "like C, always in the same scene",
    "D95": "like C, in the same scene in 95 % of captions",
    "D80": "like C, in the same scene in 80 % of captions",
    "E": "the only person with this given name",
    "N": "never seen in training",
    "L": "like C, entering late",
    "narrowing": "like C, in one scene only from half-way on",
}
"""The same for a reader of a page."""


@dataclass(frozen=True)
class Cohort:
    """Names of one kind with one plan.

    Attributes
    ----------
    kind : str
        A: many different people. B: one person, equal to the priors of the parts. C: one person
        who contradicts at least 4 of 6, in all contexts. D, D95, D80: like C, but always (95 %,
        80 %) in the same scene, expression and outfit. E: the given name occurs with this one
        person only. N: never seen. L: like C, entering late. narrowing: like C, keeping to one
        context from half-way.
    exposures : int
        How often each name comes in a caption, in the whole training.
    n : int
        How many names.
    enters_at : float
        Share of training that has passed when the first of them is seen, in [0, 1).
    """

    kind: str
    exposures: int
    n: int
    enters_at: float = 0.0


def _ladder(kind: str, counts: Mapping[int, int], enters_at: float = 0.0) -> list[Cohort]:
    return [Cohort(kind, exposures, n, enters_at) for exposures, n in counts.items()]


_COMMON = {10: 6, 32: 6, 100: 6, 316: 18, 1000: 12, 3000: 3}
COHORTS: tuple[Cohort, ...] = (
    *_ladder("A", {**_COMMON, 32: 120, 100: 120}),
    *_ladder("B", _COMMON),
    *_ladder("C", _COMMON),
    *_ladder("D", _COMMON),
    *_ladder("D80", {316: 8, 1000: 6}),
    *_ladder("D95", {316: 8, 1000: 6}),
    *_ladder("E", {100: 6, 316: 20, 1000: 9, 3000: 2}),
    *_ladder("L", {100: 12, 316: 12, 1000: 12}, enters_at=0.5),
    *_ladder("narrowing", {316: 4, 1000: 8}),
    *_ladder("N", {0: 120}),
)
"""The default world: 36 names of each common kind are seen at least 300 times, B as often as C."""
TINY_COHORTS: tuple[Cohort, ...] = (
    *(Cohort(kind, 12, 2) for kind in ("A", "B", "C", "D", "D80", "D95", "E", "narrowing")),
    Cohort("L", 6, 2, 0.5),
    Cohort("N", 0, 3),
)
"""A world for tests and quick looks."""


def check_cohorts(cohorts: Sequence[Cohort], n_given: int, n_family: int) -> None:
    """Refuse cohorts that a world with this number of parts cannot hold.

    Raises
    ------
    ValueError
    """
    for cohort in cohorts:
        if cohort.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {cohort.kind!r}.")
        check_count(cohort.n, "n", 0)
        check_count(cohort.exposures, "exposures", 0)
        if not 0 <= cohort.enters_at < 1:
            raise ValueError(f"enters_at must lie in [0, 1); got {cohort.enters_at}.")
        if (cohort.kind == "N") != (cohort.exposures == 0):
            raise ValueError(
                f"names of kind N, and only they, have no exposures; got {cohort.exposures} for "
                f"kind {cohort.kind}."
            )
    wanted = sum(cohort.n for cohort in cohorts if cohort.kind != "E")
    if wanted > n_given * n_family:
        raise ValueError(
            f"{n_given} given and {n_family} family names pair to {n_given * n_family:,} names; "
            f"the cohorts ask for {wanted:,}. Take more parts or fewer names."
        )
