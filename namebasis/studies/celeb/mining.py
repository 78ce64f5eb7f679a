"""Which words move a prompt along a component of a celeb basis?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from namebasis.analysis.intervals import mean_interval
from namebasis.checks import FloatArray, Progress, check_count, check_seed
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.namespace.phrases.sentences import subject
from namebasis.namespace.phrases.vectors import phrases_of
from namebasis.studies.basis.atoms import name_mean
from namebasis.studies.celeb.basis import PieceBasis
from namebasis.studies.celeb.mined_words import ComponentEnd, MinedWords, Word
from namebasis.studies.celeb.points import Address, Point, unit_directions
from namebasis.studies.celeb.word_effects import Counter, Found, Prompts, WordEffects, Words
from namebasis.wording import counted

TEMPLATES = (
    "a photo of {}", "a portrait of {}", "a picture of {}", "a close-up of {}", "this is {}", "{}",
)  # fmt: skip
"""Used behind those of the space, which may be a single one."""
_EACH = 3  # templates to find words in, and as many others to test them in
_NEAR = 4  # names that are candidates for an end
_OTHERS = 0.975


def mine(
    basis: PieceBasis,
    components: Sequence[Address | str] = (),
    *,
    n_components: int = 4,
    phrases: bool | str | Path | Phrases = True,
    n_starts: int = 8,
    deviations: float = 2.0,
    k: int = 3,
    where: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> MinedWords:
    """Find phrases and names that stand for the two ends of components.

    Names of the space are moved to both ends of a component, and the same names get a phrase or
    another name beside them. Kept are the words whose effect on a prompt, beside that of words of
    their kind in general, points to the end for many names in many templates. They are then tested
    with names and templates that were not used: how far does adding one move a prompt along the
    component?

    Parameters
    ----------
    basis : PieceBasis
    components : sequence of Address or str
        Such as ``["3", "2.1"]``; by default the first `n_components` of each position.
    n_components : int
    phrases : bool, str, Path or Phrases
        The candidates, as `describe` takes them.
    n_starts : int
        Names to find words with, and as many others to test them with; of fewer than 5 there is no
        interval.
    deviations : float
        How far names are moved, in standard deviations of the component.
    k : int
        The most phrases, and the most names, to keep for an end.
    where : str, optional
        The only names that are used.
    seed : int
        Of the names.
    progress : callable, optional
        Is told (done, total) prompts.

    Returns
    -------
    MinedWords

    Raises
    ------
    NamebasisError
        If the file of phrases is refused.
    ValueError
        If there is no such component, too few names have a piece at its position, or an argument
        does not fit.
    """
    check_count(n_components, "n_components")
    check_count(n_starts, "n_starts", 2)
    check_count(k, "k")
    if not (np.isfinite(deviations) and deviations > 0):
        raise ValueError(f"deviations must be above 0; got {deviations}.")
    addresses = _addresses(basis, components, n_components)
    starts, tested = _starts(basis, addresses, n_starts, where, check_seed(seed))
    found_in, tested_in = _templates(basis.space.provenance.templates)
    ways = _ways(basis, addresses, deviations, (starts, found_in))
    words, _ = phrases_of(basis.space, phrases)
    kinds = [
        Words("phrase", [one.text for one in words], [subject([one]) for one in words.sentences]),
        _near_names(basis, ways, {*starts, *tested}, where),
    ]
    tell = Counter(progress)
    tested_ways = _ways(basis, addresses, deviations, (tested, tested_in))
    both = [
        (
            WordEffects(basis.encoder, kind, (starts, found_in), ways, tell),
            WordEffects(basis.encoder, kind, (tested, tested_in), tested_ways, tell),
        )
        for kind in kinds
    ]
    ends: dict[tuple[Address, int], list[tuple[Word, ...]]] = {}
    for kind, (finding, testing) in zip(kinds, both, strict=True):
        found = finding.found(k)
        chosen = np.unique(np.concatenate([end[0] for pair in found for end in pair]))
        slopes, means = testing.slopes(chosen, deviations)
        for at, (address, pair) in enumerate(zip(addresses, found, strict=True)):
            for sign, end in zip((1, -1), pair, strict=True):
                each = slopes[at][:, np.searchsorted(chosen, end[0])]
                words_of_end = _tested(kind, end, sign * each, sign * means[at])
                ends.setdefault((address, sign), []).append(words_of_end)
    return MinedWords(
        tuple(_end(basis, *key, *words) for key, words in ends.items()),
        len(kinds[0]), len(kinds[1]), starts, tested, found_in, tested_in,
    )  # fmt: skip


def _addresses(
    basis: PieceBasis, components: Sequence[Address | str], n_components: int
) -> list[Address]:
    wanted = [one if isinstance(one, Address) else Address.read(one) for one in components]
    if not wanted:
        wanted = [
            Address(position + 1, number + 1)
            for position, found in enumerate(basis.positions)
            for number in range(min(n_components, found.n_components))
        ]
    for one in wanted:
        basis.component(one)
    return list(dict.fromkeys(wanted))


def _starts(
    basis: PieceBasis, addresses: Iterable[Address], n: int, where: str | None, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names to find words with, and others to test them with, all of enough pieces."""
    space, need = basis.space, max(one.position for one in addresses)
    ids = np.setdiff1d(space.ids(where), space.ids_of_part("phrase"))
    ids = np.random.default_rng([seed, 2]).permutation(ids)
    kept: list[str] = []
    for first in range(0, len(ids), 256):
        if len(kept) >= 2 * n:
            break
        names = space.table(["name"], ids=ids[first : first + 256])["name"].to_pylist()
        lengths = basis.encoder.count_tokens(names)
        # A brace would be read as a place in a template.
        kept += [
            name for name, length in zip(names, lengths, strict=True)
            if length >= need and not set(name) & set("{}")
        ]  # fmt: skip
    if len(kept) < 2 * n:
        raise ValueError(
            f"mine needs {2 * n} names of at least {counted(need, 'piece')} (n_starts={n} to find "
            f"words with, as many to test them); there are {len(kept)}. Use fewer, or components "
            "of an earlier position."
        )
    return tuple(kept[:n]), tuple(kept[n : 2 * n])


def _templates(own: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Templates to find words in and others to test them in, those of the space first."""
    pool = list(dict.fromkeys([*own, *TEMPLATES]))[: 2 * _EACH]
    return tuple(pool[::2]), tuple(pool[1::2])


def _ways(
    basis: PieceBasis, addresses: Sequence[Address], deviations: float, prompts: Prompts
) -> FloatArray:
    """From the low to the high end at each prompt, (n_components, n_templates, n_starts, dim)."""
    names, templates = prompts
    points = [Point(name, rows) for name, rows in zip(
        names, basis.encoder.piece_embeddings(list(names)), strict=True
    )]  # fmt: skip
    out = []
    for address in addresses:
        rows = [
            _moved(basis, point, address, sign * deviations).rows
            for sign in (1, -1)
            for point in points
        ]
        ends = [basis.encoder.encode_embedded(rows, template) for template in templates]
        out.append([both[: len(names)] - both[len(names) :] for both in ends])
    return np.asarray(out, dtype=np.float32)


def _moved(basis: PieceBasis, point: Point, address: Address, by: float) -> Point:
    components, at = basis.component(address)
    rows = point.rows.copy()
    rows[address.position - 1] += (
        by * components.standard_deviations[at] * components.directions[at]
    )
    return Point(point.label, rows)


def _near_names(basis: PieceBasis, ways: FloatArray, used: set[str], where: str | None) -> Words:
    """Names whose own vectors lie farthest towards the ends."""
    space = basis.space
    ids = np.setdiff1d(space.ids(where), space.ids_of_part("phrase"))
    directions = unit_directions(ways.mean(axis=(1, 2)))
    mean, along = name_mean(space, "text"), []
    for first in range(0, len(ids), 65_536):
        along.append((space.vectors(ids=ids[first : first + 65_536]) - mean) @ directions.T)
    order = np.argsort(np.concatenate(along), axis=0, kind="stable")
    n = min(_NEAR + len(used), len(ids))
    rows = np.unique(np.concatenate([order[:n], order[-n:]]))
    names = dict(
        zip(rows.tolist(), space.table(["name"], ids=ids[rows])["name"].to_pylist(), strict=True)
    )
    kept: dict[str, None] = {}
    for column in order.T:
        for side in (column, column[::-1]):
            near = [names[row] for row in side[:n].tolist()]
            free = [one for one in near if one not in used and not set(one) & set("{}")]
            kept |= dict.fromkeys(free[:_NEAR])
    return Words("name", list(kept), [f"{{}}, {name}" for name in kept])


def _tested(words: Words, chosen: Found, slopes: FloatArray, means: FloatArray) -> tuple[Word, ...]:
    """Words with their slopes at each name, (n_names, n_chosen), beside the means of all."""
    others = np.delete(means, chosen[0])
    high = float(np.quantile(others, _OTHERS)) if len(others) else 0.0
    found = []
    for at, likeness, share, own in zip(*(one.tolist() for one in chosen), slopes.T, strict=True):
        interval = mean_interval(own)
        found.append(
            Word(
                words.texts[at], words.kind, likeness, share, interval.value, interval.low,
                interval.high, high,
            )
        )  # fmt: skip
    return tuple(found)


def _end(
    basis: PieceBasis,
    address: Address,
    sign: int,
    phrases: tuple[Word, ...],
    names: tuple[Word, ...],
) -> ComponentEnd:
    components, at = basis.component(address)
    pieces = basis.ends(address)[sign > 0]
    return ComponentEnd(address, sign, float(components.explained[at]), pieces, phrases, names)
