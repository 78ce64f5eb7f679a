"""Groups of names that records tell apart, for what words lie nearer to one of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.auditing.corpora import FAMILY, GIVEN, WORLD
from namebasis.auditing.inquiry import Inquiry, Skipped
from namebasis.auditing.parts.beliefs import known_of
from namebasis.checks import IntArray
from namebasis.studies.attributes.record_facts import LEAST, Records

SURE = 0.9
"""Share of women from which on a name is a woman's; of men likewise."""
MAJORITY = 0.5
"""Share of a surname's bearers from which on it is a group's."""


@dataclass(frozen=True, eq=False)
class Group:
    """Names of a group, and those that they are held against.

    Attributes
    ----------
    key : str
    title, against : str
        As a sentence calls either.
    ids, others : ndarray of int64
        Rows of the space; no name is in both.
    """

    key: str
    title: str
    against: str
    ids: IntArray
    others: IntArray


def groups_of(inquiry: Inquiry) -> list[Group]:
    """Every group with at least 10 names, and 10 to hold them against.

    Parameters
    ----------
    inquiry : Inquiry

    Returns
    -------
    list of Group
        Women and men, the older and the younger third, Census groups against White surnames, and
        regions of the world against the rest of it.
    """
    found: list[Group] = []
    for records, corpus, of in (
        ("us", GIVEN, _of_births), ("us:family", FAMILY, _of_census), ("locales", WORLD, _of_world)
    ):  # fmt: skip
        try:
            found += of(known_of(inquiry, records, corpus))
        except Skipped:
            continue
    whole = [_once(inquiry, group) for group in found]
    return [one for one in whole if min(len(one.ids), len(one.others)) >= LEAST]


def _of_births(known: Records) -> list[Group]:
    truth = {fact.name: fact.truth for fact in known.facts}
    women, age = truth["women"], truth["age"]
    third, two_thirds = np.nanquantile(age, (1 / 3, 2 / 3))
    return [
        _group(known, "women", "women's names", "men's", women >= SURE, women <= 1 - SURE),
        _group(
            known, "older", "names of the older third", "the younger third's",
            (age >= two_thirds) & (age > third), age <= third,
        ),
    ]  # fmt: skip


def _of_census(known: Records) -> list[Group]:
    share = {fact.name: fact.truth for fact in known.facts}
    base = next(iter(share))  # white; of an organism's world the lightest skin
    most = share.pop(base) > MAJORITY
    return [
        _group(known, key, f"{key.title()} surnames", f"{base.title()} ones", own > MAJORITY, most)
        for key, own in share.items()
    ]


def _of_world(known: Records) -> list[Group]:
    return [
        _group(
            known, fact.name.lower().replace(" ", "_"), f"names of {fact.name}",
            "those of other regions", fact.truth >= 0.5, fact.truth < 0.5,
        )
        for fact in known.facts
    ]  # fmt: skip


def _group(
    known: Records, key: str, title: str, against: str, own: npt.NDArray[np.bool_],
    others: npt.NDArray[np.bool_],
) -> Group:  # fmt: skip
    return Group(key, title, against, known.ids[own], known.ids[others])


def _once(inquiry: Inquiry, group: Group) -> Group:
    """Each spelling once, as a given name may be a family name too."""
    ids = np.concatenate([group.ids, group.others])
    _, first = np.unique(np.array(inquiry.names(ids), dtype=object), return_index=True)
    kept = np.zeros(len(ids), dtype=bool)
    kept[first] = True
    n = len(group.ids)
    return Group(
        group.key, group.title, group.against, group.ids[kept[:n]], group.others[kept[n:]]
    )  # fmt: skip
