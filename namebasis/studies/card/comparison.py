"""What the model reads of a name beside what is recorded: whether they agree, with the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import IntArray
from namebasis.namespace.corpus.us_names import recorded_births
from namebasis.studies.attributes.beliefs import AxisBelief
from namebasis.studies.attributes.record_facts import GROUP_REGIONS, region
from namebasis.studies.card.records import Births, Record, births_of
from namebasis.wording import listed, share_words

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

AGREES, DISAGREES, SILENT = "agrees", "disagrees", "no belief"
_FEWEST = 20
"""Names of the company with births that say what is old or late for a name of this space."""


@dataclass(frozen=True)
class Belief:
    """What the model reads beside what is recorded.

    Attributes
    ----------
    what : str
        The axis in words.
    record, belief : str
        In words, with their numbers.
    verdict : str
        "agrees", "disagrees", "no belief" (within chance), or empty where the record does not say
        what the axis asks.
    told : str
        The record in a few words, for a sentence.
    """

    what: str
    record: str
    belief: str
    verdict: str = ""
    told: str = ""


@dataclass(frozen=True)
class Usual:
    """What is usual among a name's company; None where too few have recorded births."""

    age: float | None
    decade: float | None


def usual(space: StoredSpace, company: IntArray) -> Usual:
    """Medians of the expected age and of the commonest decade of birth of other names."""
    stored = space.table(["name", "part", "births"], ids=company).to_pylist()
    entries = (
        row["births"] or (recorded_births().entries(row["name"]) if row["part"] == "given" else [])
        for row in stored
    )
    known = [found for one in entries if one and (found := births_of(one)) is not None]
    ages = [one.expected_age for one in known if one.expected_age is not None]
    decades = [float(one.peak) for one in known]
    return Usual(*(float(np.median(x)) if len(x) >= _FEWEST else None for x in (ages, decades)))


def compare(
    records: Sequence[Record], beliefs: Sequence[AxisBelief], among: Usual
) -> tuple[Belief, ...]:
    """Each record that an axis speaks about, beside what the name reads as there.

    A record of gender is women from a share of one half on; one of age or era is told by which
    side of the company's median it lies on; one of origin by regions of the world.

    Parameters
    ----------
    records : sequence of Record
    beliefs : sequence of AxisBelief
        Of this name alone.
    among : Usual
    """
    by_axis = {one.axis: one for one in beliefs}
    found: list[Belief] = []
    for record in records:
        for axis, told, short, truth in _facts(record, among):
            if axis in by_axis:
                found.append(_beside(by_axis[axis], told, short, truth))
    return tuple(found)


def _facts(record: Record, among: Usual) -> list[tuple[str, str, str, frozenset[str] | None]]:
    """Axis, the record in words and in few, and which of the axis' values it says, if any."""
    births, columns = record.births, record.known
    found: list[tuple[str, str, str, frozenset[str] | None]] = []
    share = columns.get("share_female", births.share_female if births else None)
    if share is not None:
        counted = None if record.has_packaged_births else columns.get("count")
        n = counted or (births.n if births else 0)
        short = f"{share_words(share)} women" if share >= 0.5 else f"{share_words(1 - share)} men"
        side = frozenset([1 if share >= 0.5 else 0])
        women = f"{share_words(share)} women of {n:,} US bearers"
        found.append(("gender", women, short, _ends(side)))
    elif columns.get("gender") in ("F", "M"):
        word = "a women's name" if columns["gender"] == "F" else "a men's name"
        side = frozenset([int(columns["gender"] == "F")])
        found.append(("gender", f"listed as {word}", f"listed as {word}", _ends(side)))
    if births is not None:
        found += _times(births, among)
    for told, regions in _origins(columns):
        found.append(("region", told, told, regions))
    return found


def _times(births: Births, among: Usual) -> list[tuple[str, str, str, frozenset[str] | None]]:
    short = f"most born in the {births.peak}s"
    found = []
    if births.expected_age is not None:
        told = (
            f"{births.expected_age:.0f} years, the mean of {births.n:,} US births' living bearers; "
            f"{short}"
        )
        side = None
        if among.age is not None:
            told += f"; half of the other names are above {among.age:.0f}"
            side = _ends(frozenset([int(births.expected_age > among.age)]))
        found.append(("age", told, short, side))
    side, told = None, f"most of {births.n:,} US births in the {births.peak}s"
    if among.decade is not None:
        told += f"; half of the other names peak after {among.decade:.0f}"
        side = _ends(frozenset([int(births.peak > among.decade)]))
    return [*found, ("era", told, short, side)]


def _ends(sides: frozenset[int]) -> frozenset[str]:
    """Ends of an ordinal axis, which are told apart by their place."""
    return frozenset(f"#{side}" for side in sides)


def _origins(columns: Mapping[str, Any]) -> list[tuple[str, frozenset[str] | None]]:
    found: list[tuple[str, frozenset[str] | None]] = []
    groups = {
        key.removeprefix("pct_"): value for key, value in columns.items() if key.startswith("pct_")
    }
    first = sorted(groups, key=lambda key: -groups[key])[:3]
    if first:
        told = ", ".join(f"{groups[key]:.0f} % {key}" for key in first) + " of US bearers"
        most = first[0] if groups[first[0]] >= 50 else ""
        found.append((told, frozenset(GROUP_REGIONS.get(most, ())) or None))
    if locales := columns.get("locales"):
        more = f" and {len(locales) - 6} more" if locales[6:] else ""
        regions = {region(locale) for locale in locales} - {None}
        told = f"listed in {', '.join(locales[:6])}{more}"
        found.append((told, frozenset(str(one) for one in regions) or None))
    return found


def _beside(belief: AxisBelief, told: str, short: str, truth: frozenset[str] | None) -> Belief:
    said, place = belief.told(0), belief.place(0)
    told_belief = f"{said}, {place}" if place else said
    if truth is None:
        verdict = ""
    elif place is None:
        verdict = SILENT
    else:
        towards = int(belief.towards[0])
        own = f"#{towards}" if belief.kind == "ordinal" else belief.reads[towards]
        verdict = AGREES if own in truth else DISAGREES
    return Belief(belief.title, told, told_belief, verdict, short)


def told_of_records(found: Sequence[Belief]) -> str:
    """What records say, and whether the model agrees, as the end of a sentence; may be empty."""
    # Age and era rest on the same births, and are told once.
    told = {one.told: one for one in reversed(found) if one.verdict or one.what != "region"}
    every = list(reversed(told.values()))
    sure = {v: [one for one in found if one.verdict == v] for v in (AGREES, DISAGREES)}
    facts = listed([one.told for one in every[:3]])
    if not every:
        return ""
    who = "US records" if any(" US " in one.record for one in every) else "records"
    if sure[AGREES] and sure[DISAGREES]:
        sides = [
            f"{verb} on {listed(list(dict.fromkeys(one.what for one in sure[verdict])))}"
            for verdict, verb in ((AGREES, "agree"), (DISAGREES, "disagree"))
        ]
        return f"{who} {' and '.join(sides)}: {facts}"
    verb = "agree" if sure[AGREES] else "disagree" if sure[DISAGREES] else "say"
    return f"{who} {verb}: {facts}"
