"""Reading: whom the tokenizer reads, splits, merges, and cannot read. Facts, without chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.corpora import GIVEN, MADE_UP, WORLD
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import reading_tables
from namebasis.auditing.parts.reading_names import FREQUENT, ReadName, letters, read_all
from namebasis.wording import counted, listed, percent

_LEAST = 10
"""Names of a region or a script from which on it is counted."""
_WHOLE, _SHARED, _EXTRA, _FREQUENT = "whole", "shared", "extra", "pieces.frequent"
_SCRIPT, _REGION = "whole.script.", "pieces.region."


def run(inquiry: Inquiry) -> Answer:
    """Count the pieces of every name, and the names that cannot be told apart."""
    answer = Answer([], {})
    world = inquiry.corpora.names(WORLD)
    if not world:
        raise Skipped("there are no names of the world to read.")
    if not getattr(inquiry.encoder, "has_tokenizer", True):
        _share_vectors(answer, world, _equal_vectors(inquiry, world))
        answer.remarks.append(
            "The encoder shows no pieces: only names with equal vectors are counted."
        )
        return answer
    names = read_all(inquiry)
    read = {name: names[name] for name in world}
    twins = _not_told_apart(inquiry, read)
    _whole(answer, read)
    _share_vectors(answer, world, {name for group in twins for name in group})
    frequent = [names[name] for name in inquiry.corpora.names(GIVEN)[:FREQUENT]]
    _pieces(answer, read, frequent, set(inquiry.corpora.names(GIVEN)))
    made_up = set(inquiry.corpora.names(MADE_UP))
    real = [one for one in names.values() if one.name not in made_up]
    tables = [
        reading_tables.by_origin(inquiry, names, {name for group in twins for name in group}),
        reading_tables.of_scripts(read.values()),
        reading_tables.merged(twins, read),
        reading_tables.dropped(inquiry, real),
        reading_tables.most_split(real),
    ]
    answer.tables.extend(table for table in tables if table.rows)
    n_cut = sum(one.is_cut for one in names.values())
    if n_cut:
        answer.remarks.append(
            f"{counted(n_cut, 'name')} with the longest sentence of the audit "
            f"{'is' if n_cut == 1 else 'are'} longer than the {inquiry.encoder.max_tokens} pieces "
            "that the encoder reads, and cut."
        )
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """How much of the world is read, and which scripts and regions fare worst."""
    told = []
    if _WHOLE in claims:
        unread = [
            f"{one.label.removeprefix('read whole: ')} ({percent(one.value)})"
            for one in sorted(_starting(claims, _SCRIPT), key=lambda one: one.value)
            if one.value < 0.995
        ]
        worst = f", fewest in {listed(unread[:3])}" if unread else ""
        told.append(f"{percent(claims[_WHOLE].value)} of the world's names are read whole{worst}")
    if _FREQUENT in claims:
        split = max(_starting(claims, _REGION), key=lambda one: one.value, default=None)
        most = (
            f", those of {split.label.removeprefix('pieces: ')} {split.value:.1f}" if split else ""
        )
        told.append(
            f"frequent US given names take {claims[_FREQUENT].value:.1f} pieces in the mean{most}"
        )
    if _SHARED in claims:
        told.append(
            f"{percent(claims[_SHARED].value, 1)} of the world's names have the vector of another "
            "name"
        )
    sentence = "; ".join(told)
    return sentence[:1].upper() + sentence[1:] + "." if sentence else ""


def _starting(claims: Mapping[str, Claim], start: str) -> list[Claim]:
    return [claim for key, claim in claims.items() if key.startswith(start)]


def _whole(answer: Answer, read: Mapping[str, ReadName]) -> None:
    """Shares of names that are read whole: of all, and of each script but Latin."""
    _share(
        answer, _WHOLE, "names of the world read whole", read.values(),
        "share of names in the scripts of the world in which no letter is unknown or cut off",
        on_card=True,
    )  # fmt: skip
    for script, held in _grouped(read.values(), lambda one: one.script):
        if script != "Latin":
            _share(
                answer, f"{_SCRIPT}{script.lower()}", f"read whole: {script}", held,
                f"share of names in {script} letters in which no letter is unknown or cut off",
            )  # fmt: skip


def _share(
    answer: Answer, key: str, label: str, held: Iterable[ReadName], meaning: str,
    *, on_card: bool = False,
) -> None:  # fmt: skip
    kept = list(held)
    sample = Sample(
        tuple(one.name for one in kept), np.array([one.is_whole for one in kept], np.float64)
    )
    answer.add(measured(key, label, "share", sample, meaning=meaning, on_card=on_card), sample)


def _share_vectors(answer: Answer, names: Sequence[str], shared: set[str]) -> None:
    sample = Sample(tuple(names), np.array([name in shared for name in names], np.float64))
    claim = measured(
        _SHARED, "names of the world with another's vector", "share", sample, on_card=True,
        meaning="share of names that the encoder cannot tell from another name of the list",
    )  # fmt: skip
    answer.add(claim, sample)


def _pieces(
    answer: Answer,
    read: Mapping[str, ReadName],
    frequent: Sequence[ReadName],
    american: set[str],
) -> None:
    """Mean pieces of frequent US names, of each region, and beyond US names of equal length."""
    whole = [one for one in frequent if one.is_whole]
    if not whole:
        return
    meaning = "pieces that the tokenizer cuts a name into; 1: it knows the whole name"
    _mean(answer, _FREQUENT, f"pieces: US given names 1 to {FREQUENT}", whole, meaning)
    others = [one for one in read.values() if one.is_whole and one.name not in american]
    for region, held in _grouped(others, lambda one: one.region):
        key = f"{_REGION}{region.lower().replace(' ', '_')}"
        _mean(answer, key, f"pieces: {region}", held, meaning)
    latin = [one for one in others if one.script == "Latin"]
    if len(latin) >= _LEAST:
        usual = _by_length(whole)
        far = [one.n_pieces - _nearest(usual, letters(one.name)) for one in latin]
        sample = Sample(tuple(one.name for one in latin), np.array(far))
        claim = measured(
            _EXTRA, "pieces beyond those of US names as long", "mean", sample, on_card=True,
            meaning=f"pieces that other names in Latin letters are cut into, less those of the "
            f"{FREQUENT} most frequent US given names of as many letters; 0: alike",
        )  # fmt: skip
        answer.add(claim, sample)


def _mean(answer: Answer, key: str, label: str, held: Sequence[ReadName], meaning: str) -> None:
    values = np.array([one.n_pieces for one in held], np.float64)
    sample = Sample(tuple(one.name for one in held), values)
    answer.add(measured(key, label, "mean", sample, meaning=meaning), sample)


def _by_length(held: Sequence[ReadName]) -> dict[int, float]:
    """Mean pieces of names by their number of letters."""
    lengths = Counter(letters(one.name) for one in held)
    total: Counter[int] = Counter()
    for one in held:
        total[letters(one.name)] += one.n_pieces
    return {length: total[length] / n for length, n in lengths.items()}


def _nearest(usual: Mapping[int, float], length: int) -> float:
    """What is usual of a length, or of the nearest one that there is."""
    return usual[min(usual, key=lambda other: (abs(other - length), other))]


def _grouped(
    held: Iterable[ReadName], key: Callable[[ReadName], str | None]
) -> list[tuple[str, list[ReadName]]]:
    """Names by script or region, those of none left out, and groups of too few."""
    groups: dict[str, list[ReadName]] = {}
    for one in held:
        if found := key(one):
            groups.setdefault(found, []).append(one)
    return sorted((name, own) for name, own in groups.items() if len(own) >= _LEAST)


def _equal_vectors(inquiry: Inquiry, names: Sequence[str]) -> set[str]:
    return {name for group in _vector_groups(inquiry, set(names)) for name in group}


def _vector_groups(inquiry: Inquiry, wanted: set[str]) -> list[set[str]]:
    """Names of the world with equal vectors, where there are several."""
    ids = inquiry.ids(WORLD)
    if not len(ids):
        return []
    held: dict[int, set[str]] = {}
    groups = duplicate_groups(inquiry.vectors(ids)).group.tolist()
    for name, group in zip(inquiry.names(ids), groups, strict=True):
        if name in wanted:
            held.setdefault(group, set()).add(name)
    return [group for group in held.values() if len(group) > 1]


def _not_told_apart(inquiry: Inquiry, read: Mapping[str, ReadName]) -> list[list[str]]:
    """Groups of names of the same pieces or the same vector, largest first."""
    number = {name: at for at, name in enumerate(read)}
    head = list(range(len(read)))

    def root(at: int) -> int:
        while head[at] != at:
            head[at] = at = head[head[at]]
        return at

    by_pieces: dict[tuple[str, ...], list[str]] = {}
    for name, one in read.items():
        by_pieces.setdefault(one.pieces, []).append(name)
    for group in (*by_pieces.values(), *map(sorted, _vector_groups(inquiry, set(read)))):
        for name in group[1:]:
            head[root(number[name])] = root(number[group[0]])
    found: dict[int, list[str]] = {}
    for name, at in number.items():
        found.setdefault(root(at), []).append(name)
    return sorted((group for group in found.values() if len(group) > 1), key=len, reverse=True)
