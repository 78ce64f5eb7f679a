"""People beside recombinations of their own parts, which no model can have learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.auditing.corpora import FAMILY, GIVEN
from namebasis.auditing.inquiry import Inquiry
from namebasis.namespace.corpus.full_names import Pair, cut
from namebasis.studies.identity.reference import UNKNOWN_PIECES

SIDES = ("given", "family")
_FREQUENT = 800  # of each part: ordinary names are drawn from them


@dataclass(frozen=True)
class Recombined:
    """People beside recombinations of their own parts.

    Attributes
    ----------
    people : mapping of full name to (given, family)
    others : mapping of full name to mapping of part to tuple of full names
        Those that keep this part of the person's and take the other from somebody else.
    ordinary : mapping of full name to str
        A frequent given and family name of as many pieces as the person's, where there is one.
    """

    people: Mapping[str, Pair]
    others: Mapping[str, Mapping[str, tuple[str, ...]]]
    ordinary: Mapping[str, str]

    def every(self) -> list[str]:
        """All of them, people first, each once."""
        made = [one for sides in self.others.values() for side in sides.values() for one in side]
        return list(dict.fromkeys([*self.people, *self.ordinary.values(), *made]))


def recombine(names: Sequence[str], inquiry: Inquiry, n: int) -> Recombined:
    """People with parts of each other, of as many pieces as their own.

    Parameters
    ----------
    names : sequence of str
        Those that are not cut in two, or that the encoder cannot read, are left out.
    inquiry : Inquiry
    n : int
        Others for each part, at most.
    """
    pairs = {name: pair for name in names if (pair := cut(name).pair) is not None}
    parts = list(dict.fromkeys(part for pair in pairs.values() for part in pair))
    pieces = dict(zip(parts, inquiry.encoder.pieces(parts) if parts else (), strict=True))
    readable = {
        name: pair for name, pair in pairs.items()
        if all(UNKNOWN_PIECES.isdisjoint(pieces[part]) for part in pair)
    }  # fmt: skip
    rng = np.random.default_rng(inquiry.seed)
    order = [list(readable)[at] for at in rng.permutation(len(readable))]
    borne = set(readable.values())
    others: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in readable}
    for side, part in enumerate(SIDES):
        lent = 1 - side  # the part that others lend
        alike: dict[int, list[str]] = {}
        for name in order:
            alike.setdefault(len(pieces[readable[name][lent]]), []).append(name)
        for group in alike.values():
            for at, name in enumerate(group):
                made: dict[str, None] = {}
                for other in (*group[at + 1 :], *group[:at]):
                    kept, theirs = readable[name], readable[other]
                    new = (theirs[0], kept[1]) if lent == 0 else (kept[0], theirs[1])
                    text = " ".join(new)
                    if len(made) < n and new not in borne and cut(text).pair == new:
                        made[text] = None
                others[name][part] = tuple(made)
    return Recombined(readable, others, _ordinary(readable, pieces, inquiry))


def _ordinary(
    people: Mapping[str, Pair], pieces: Mapping[str, Sequence[str]], inquiry: Inquiry
) -> dict[str, str]:
    """For each person a frequent given and family name of as many pieces; each part used once."""
    rng = np.random.default_rng(inquiry.seed)
    pools: list[dict[int, list[str]]] = [{}, {}]
    taken = {part for pair in people.values() for part in pair}
    for corpus, pool in zip((GIVEN, FAMILY), pools, strict=True):
        names = [name for name in inquiry.corpora.names(corpus)[:_FREQUENT] if name not in taken]
        found = inquiry.encoder.pieces(names) if names else []
        for at in rng.permutation(len(names)):
            if UNKNOWN_PIECES.isdisjoint(found[at]):
                pool.setdefault(len(found[at]), []).append(names[at])
    made = {}
    for name, pair in people.items():
        lists = [pool.get(len(pieces[part]), []) for pool, part in zip(pools, pair, strict=True)]
        if all(lists):
            given, family = (one.pop() for one in lists)
            if cut(f"{given} {family}").pair == (given, family):
                made[name] = f"{given} {family}"
    return made
