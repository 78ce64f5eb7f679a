"""Tables of what a tokenizer does to names: by origin and script, merged, dropped, split."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from namebasis.auditing.corpora import FAMILY, GIVEN, MADE_UP, OWN, WORLD
from namebasis.auditing.inquiry import Inquiry
from namebasis.auditing.parts.reading_names import FREQUENT, ReadName, letters
from namebasis.namespace.corpus.folding import fold
from namebasis.results import Table

_LEAST, _SHOWN, _EXAMPLES = 10, 12, 3


def by_origin(inquiry: Inquiry, names: Mapping[str, ReadName], shared: Collection[str]) -> Table:
    """Pieces of names by where they come from: US by frequency, the world by region and script."""
    corpora = inquiry.corpora
    given = corpora.names(GIVEN)
    groups: dict[str, list[str]] = {f"US given names 1 to {FREQUENT}": given[:FREQUENT]}
    for low, high in ((FREQUENT, 1000), (1000, 3000)):
        groups[f"US given names {low + 1:,} to {min(high, len(given)):,}"] = given[low:high]
    groups["US surnames"] = corpora.names(FAMILY)
    american = {*given, *groups["US surnames"]}
    of_world: dict[str, list[str]] = {}
    for name in corpora.names(WORLD):
        one = names[name]
        if one.region is not None and name not in american:
            of_world.setdefault(f"{one.region}, {one.script} letters", []).append(name)
    groups |= dict(sorted(of_world.items()))
    groups["made-up names"] = corpora.names(MADE_UP)
    groups["names of your own"] = corpora.names(OWN)
    rows = [
        _origin_row(title, [names[name] for name in held], shared if title in of_world else ())
        for title, held in groups.items()
        if len(held) >= _LEAST
    ]
    columns = ("names from", "names", "read whole", "one piece", "mean pieces",
               "letters per piece", "with another's vector")  # fmt: skip
    return Table(columns, rows, "pieces by origin", key="origins")


def _origin_row(
    title: str, held: Sequence[ReadName], shared: Collection[str]
) -> tuple[object, ...]:
    whole = [one for one in held if one.is_whole]
    n_pieces = np.array([one.n_pieces for one in whole], np.float64)
    n_letters = sum(letters(one.name) for one in whole)
    return (
        title,
        len(held),
        len(whole) / len(held),
        float((n_pieces == 1).mean()) if whole else None,
        float(n_pieces.mean()) if whole else None,
        n_letters / float(n_pieces.sum()) if n_pieces.sum() else None,
        sum(one.name in shared for one in held) / len(held) if shared else None,
    )


def of_scripts(read: Iterable[ReadName]) -> Table:
    """Names of the world that are not read, or in part, by script; the worst first."""
    groups: dict[str, list[ReadName]] = {}
    for one in read:
        groups.setdefault(one.script or "no letter", []).append(one)
    rows = []
    for script, held in groups.items():
        lost = [one for one in held if not one.is_whole]
        if lost:
            rows.append(
                (
                    script,
                    len(held),
                    sum(one.is_unread for one in held) / len(held),
                    sum(one.is_partly or one.is_cut for one in held) / len(held),
                    ", ".join(one.name for one in lost[:_EXAMPLES]),
                )
            )
    rows.sort(key=lambda row: (-row[2], -row[3], row[0]))
    columns = ("script", "names", "not read", "read in part", "such as")
    return Table(columns, rows, "names that are not read whole", key="unread")


def merged(groups: Iterable[Sequence[str]], read: Mapping[str, ReadName]) -> Table:
    """Names that cannot be told apart, by what alone tells them apart for people."""
    held: dict[str, list[Sequence[str]]] = {}
    for group in groups:
        held.setdefault(_difference([read[name] for name in group]), []).append(group)
    rows = [
        (kind, sum(map(len, own)), len(own), max(map(len, own)), ", ".join(own[0][:_EXAMPLES]))
        for kind, own in held.items()
    ]
    rows.sort(key=lambda row: -row[1])
    columns = ("differ in", "names", "groups", "largest group", "such as")
    return Table(columns, rows, "names with one vector", key="merged")


def _difference(group: Sequence[ReadName]) -> str:
    """What alone tells the names of a group apart."""
    if any(one.is_unread or one.is_partly for one in group):
        return "letters that are not known"
    if len({one.name.casefold() for one in group}) == 1:
        return "capitals"
    if len({fold(one.name) for one in group}) == 1:
        return "accents, points or letters' forms"
    if len({one.script for one in group}) > 1:
        return "script"
    if len({_bare(one.name) for one in group}) == 1:
        return "marks that make another letter"
    return "other letters"


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name)
    return "".join(c for c in apart if unicodedata.category(c)[0] != "M").casefold()


def dropped(inquiry: Inquiry, names: Iterable[ReadName]) -> Table:
    """How many names read the same in another writing: what the tokenizer does not look at."""
    ways = (
        ("written in small letters", str.lower),
        ("WRITTEN IN CAPITALS", str.upper),
        ("without accents", _without_accents),
    )
    whole = [one for one in names if one.is_whole]
    rows = []
    for title, way in ways:
        other = [(one, way(one.name)) for one in whole]
        other = [(one, text) for one, text in other if text != one.name]
        if not other:
            continue
        pieces = inquiry.encoder.pieces([text for _, text in other])
        same = [tuple(own) == one.pieces for (one, _), own in zip(other, pieces, strict=True)]
        more = [len(own) - one.n_pieces for (one, _), own in zip(other, pieces, strict=True)]
        told = [f"{one.name} → {text}" for one, text in other[:_EXAMPLES]]
        rows.append(
            (title, len(other), float(np.mean(same)), float(np.mean(more)), ", ".join(told))
        )
    columns = ("writing", "names", "read the same", "more pieces", "such as")
    return Table(columns, rows, "names in another writing", key="writings")


def _without_accents(name: str) -> str:
    """Latin letters without their accents; others as they are."""
    apart = unicodedata.normalize("NFD", name)
    kept = [
        c
        for at, c in enumerate(apart)
        if unicodedata.category(c) != "Mn" or not _is_latin(apart[:at])
    ]
    return unicodedata.normalize("NFC", "".join(kept))


def _is_latin(before: str) -> bool:
    base = next((c for c in reversed(before) if unicodedata.category(c) != "Mn"), "")
    return bool(base) and unicodedata.name(base, "").startswith("LATIN")


def most_split(names: Iterable[ReadName]) -> Table:
    """The names that are cut into most pieces."""
    whole = sorted((one for one in names if one.is_whole), key=lambda one: -one.n_pieces)
    rows = [
        (one.name, one.n_pieces, letters(one.name), one.script, " ".join(one.pieces))
        for one in whole[:_SHOWN]
    ]
    columns = ("name", "pieces", "letters", "script", "cut into")
    return Table(columns, rows, "names in most pieces", key="split")
