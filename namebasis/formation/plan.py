"""What is encoded at every checkpoint: names, controls, swaps, contexts, captions, attributes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from namebasis.formation.truth import UNSEEN, Known, Truth
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.full_names import Pair, split
from namebasis.namespace.corpus.names import distinct_names
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.studies.identity.contexts import load_contexts
from namebasis.studies.identity.swaps import pseudo_pairs

AXES = ("age", "gender", "skin_tone", "hair_colour", "hair_length", "eye_colour")
"""Packaged axes that say what is coarse about a face, where the truth names no attributes."""
FEWEST_CONTROLS = 20
_FEWEST_PARTNERS = 12
_FEWEST_VALID = 6  # pairs of a part with partners that are no measured name
_FORMAT = 1


@dataclass(frozen=True)
class Value:
    """One value of an attribute and the texts whose mean stands for it."""

    attribute: str
    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that a checkpoint is asked to encode.

    Attributes
    ----------
    names : tuple of str
        The names asked for, then the controls.
    n_asked : int
        How many of `names` are no controls.
    control_kind : str
        ``unseen`` (names of kind N) or ``pseudo`` (made up).
    pairs : tuple of (given, family) or None, one for each name
        None for a name of one part.
    partners : tuple of two tuples of str
        Given and family names to swap in.
    template : str
        That names and swaps are put in.
    contexts : tuple of str
        Templates.
    captions : tuple of str
        What the truth says of names, each text once.
    values : tuple of Value
        Attributes whose directions count as coarse.
    """

    names: tuple[str, ...]
    n_asked: int
    control_kind: str
    pairs: tuple[Pair | None, ...]
    partners: tuple[tuple[str, ...], tuple[str, ...]]
    template: str
    contexts: tuple[str, ...]
    captions: tuple[str, ...]
    values: tuple[Value, ...]

    def digest(self) -> str:
        """Sixteen hexadecimal digits over all of it."""
        text = json.dumps([_FORMAT, asdict(self)], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def paired(self) -> list[int]:
        """Rows of names that have two parts."""
        return [row for row, pair in enumerate(self.pairs) if pair is not None]

    @property
    def givens(self) -> tuple[str, ...]:
        """The different given names of the pairs."""
        return tuple(dict.fromkeys(pair[0] for pair in self.pairs if pair))

    @property
    def families(self) -> tuple[str, ...]:
        """The different family names of the pairs."""
        return tuple(dict.fromkeys(pair[1] for pair in self.pairs if pair))


def make_plan(
    names: Sequence[str],
    *,
    truth: Truth | None = None,
    template: str = "{}",
    contexts: Sequence[str] | None = None,
    axes: Sequence[str] = AXES,
    n_made_up: int = 100,
    n_swaps: int = 24,
    seed: int = 0,
) -> Plan:
    """Decide what to encode.

    Controls are the names of kind N that the truth knows, if they are 20 or more, else made-up
    full names. Partners are parts of the names themselves where these have enough that pair
    freely, else common US names.

    Raises
    ------
    ValueError
        If there is no name, or one comes twice.
    """
    asked = distinct_names(names)
    known = truth.names if truth else {}
    unseen = [name for name, told in known.items() if told.kind == UNSEEN and split(name)]
    kind = "unseen" if len(unseen) >= FEWEST_CONTROLS else "pseudo"
    if kind == "unseen":
        kept = set(unseen)
        asked = [name for name in asked if name not in kept]
        if not asked:
            raise ValueError("every name asked for is of kind N, a control; ask for others too.")
        controls = unseen
    else:
        controls = [" ".join(pair) for pair in pseudo_pairs(n_made_up, seed)]
        controls = [name for name in controls if name not in set(asked)]
    everyone = [*asked, *controls]
    pairs = [split(name) for name in everyone]
    own = pairs if kind == "unseen" else pairs[: len(asked)]
    templates = contexts or (truth.contexts if truth else ()) or tuple(load_contexts())
    captions = dict.fromkeys(
        text
        for name in asked
        if (told := known.get(name)) is not None and told.contradicts
        for text in (told.own_caption, told.prior_caption)
        if text
    )
    return Plan(
        tuple(everyone),
        len(asked),
        kind,
        tuple(pairs),
        _partners([pair for pair in own if pair], {pair for pair in pairs if pair}, n_swaps, seed),
        template,
        tuple(templates),
        tuple(captions),
        _values(known, axes),
    )


def _partners(
    own: Sequence[Pair], real: set[Pair], n_swaps: int, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    pools: list[list[str]] = []
    for side in (0, 1):
        times = Counter(pair[side] for pair in own)
        # A part that one name alone has may mean that name; it would carry it into every swap.
        free = sorted(part for part, count in times.items() if count > 1)
        pools.append([free[at] for at in rng.permutation(len(free))[:n_swaps]])
    if min(map(len, pools)) >= _FEWEST_PARTNERS and _all_pair(real, pools):
        return tuple(pools[0]), tuple(pools[1])
    faker = read_faker("en_US")
    taken = {word for pair in real for word in pair}
    chosen = []
    for part in ("given", "family"):
        pool = [name for name in faker.select(part).strings if name not in taken]
        chosen.append(tuple(pool[at] for at in rng.permutation(len(pool))[:n_swaps]))
    return chosen[0], chosen[1]


def _all_pair(real: set[Pair], pools: Sequence[Sequence[str]]) -> bool:
    """Whether every part has enough pairs with partners that are no measured name."""
    for given in {pair[0] for pair in real}:
        if sum((given, family) not in real for family in pools[1]) < _FEWEST_VALID:
            return False
    return all(
        sum((given, family) not in real for given in pools[0]) >= _FEWEST_VALID
        for family in {pair[1] for pair in real}
    )


def _values(known: Mapping[str, Known], axes: Sequence[str]) -> tuple[Value, ...]:
    """Attributes of the truth, each value with the captions that show it; else of axis files."""
    texts: dict[tuple[str, str], dict[str, None]] = {}
    for told in known.values():
        for shown, caption in ((told.own, told.own_caption), (told.prior, told.prior_caption)):
            if caption:
                for pair in shown.items():
                    texts.setdefault(pair, {})[caption] = None
    labels = Counter(attribute for attribute, _ in texts)
    found = [
        Value(attribute, label, tuple(captions))
        for (attribute, label), captions in sorted(texts.items())
        if labels[attribute] > 1
    ]
    if found:
        return tuple(found)
    return tuple(
        Value(axis.name, value.label, tuple(
            template.format(phrase) for template in axis.templates for phrase in value.phrases
        ))
        for axis in map(load_axis, axes)
        for value in axis.values
    )  # fmt: skip
