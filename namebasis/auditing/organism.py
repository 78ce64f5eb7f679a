"""What is asked of an organism: its world's names, words and truth instead of the packaged ones.

An organism knows no name and few words of ours. Its names are those of its world, records say what
the world made them of, and axes and sets of words are in the words of its captions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.auditing.corpora import FAMILY, GIVEN, MADE_UP, OWN, WORLD, Corpora
from namebasis.auditing.plan import AttributeSet, Described, Plan
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import Names, merge_names, names_from_columns
from namebasis.organism.words import ATTRIBUTES, CONTEXTS, TEMPLATES, attribute_phrase
from namebasis.organism.world import World
from namebasis.studies.attributes.axis_files import Axis, AxisValue
from namebasis.studies.attributes.record_facts import LEAST, Fact, Records

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

_PACKAGED = Path(__file__).parents[1] / "data" / "organism"
_WORLD = "world.json"
_TITLES = {
    GIVEN: "given names of the organism's world",
    FAMILY: "family names of the organism's world",
    WORLD: "full names of the organism's world",
    MADE_UP: "names of known parts that it never saw together",
    OWN: "names of your own",
}
_SETS = {
    "age": (2, 0), "gender": (0, 1), "hair_length": (2, 0), "skin_tone": (2, 0),
    "hair_colour": (3, 0), "eye_colour": (1, 0),
}  # fmt: skip
"""Values that a set of words for an attribute has on its two sides."""
_N_WORDS, _N_DESCRIBED, _N_THINGS = 8, 20, 96
_TEMPLATES = TEMPLATES[:-1]  # nobody is "named a woman"


@dataclass(frozen=True)
class Home:
    """What an audit of an organism asks.

    Attributes
    ----------
    world : World
    plan : Plan
        With things, sets of words and described people in the words of its captions.
    corpora : Corpora
    names : Names
        All of them, to build from.
    counts : mapping of full name to int
        Captions that named a person.
    """

    world: World
    plan: Plan
    corpora: Corpora
    names: Names
    counts: Mapping[str, int]


def world_of(encoder: Encoder) -> World | None:
    """The world of an organism, of the packaged one or a run's; None for other encoders."""
    spec = encoder.spec
    places = [_PACKAGED] if spec == "organism" else []
    if spec.startswith("hf:"):
        folder = Path(spec.removeprefix("hf:"))
        places = [folder, folder.parent]
    found = next((place / _WORLD for place in places if (place / _WORLD).is_file()), None)
    return None if found is None else World.load(found)


def home_of(world: World, plan: Plan, own: Names | None = None) -> Home:
    """The plan, names and counts of an organism.

    Parameters
    ----------
    world : World
    plan : Plan
        The packaged one, whose number of draws and level stay.
    own : Names, optional
        Names of your own, read beside the world's.
    """
    seen = [one for one in world.names if one.exposures]
    lists = {
        GIVEN: (list(world.given_priors), "given"),
        FAMILY: (list(world.family_priors), "family"),
        WORLD: ([one.name for one in seen], "full"),
        MADE_UP: ([one.name for one in world.names if not one.exposures], "full"),
    }
    read = {
        corpus: names_from_columns(
            {"name": names, "part": [part] * len(names)}, where="organism", source="organism"
        )
        for corpus, (names, part) in lists.items()
        if names
    }
    if own is not None:
        read[OWN] = own
    rows = {
        corpus: tuple(zip(names.strings, names.table["part"].to_pylist(), strict=True))
        for corpus, names in read.items()
    }
    return Home(
        world, _plan_of(world, plan), Corpora(rows, titles=_TITLES), merge_names(*read.values()),
        {one.name: one.exposures for one in seen if one.has_person},
    )  # fmt: skip


def records_of(world: World, space: StoredSpace, records: str) -> Records:
    """The truth of a world as records: of given names for "us", of family names for "us:family".

    Raises
    ------
    CorpusError
        For "locales", as the world has no countries, and where the space holds too few names.
    """
    if records == "locales":
        raise CorpusError("the organism's world has no countries.")
    part = "family" if records == "us:family" else "given"
    priors = world.family_priors if part == "family" else world.given_priors
    rows = space.find_all(list(priors), part)
    ids = np.array([row for row in rows if row is not None], dtype=np.int64)
    own = [prior for prior, row in zip(priors.values(), rows, strict=True) if row is not None]
    if len(ids) < LEAST:
        raise CorpusError(f"the space holds {len(ids)} of the world's {part} names.")
    keys = ("skin_tone",) if part == "family" else ("age", "gender")
    facts = [fact for key in keys for fact in _facts(key, [prior[key] for prior in own])]
    axes = tuple(axis_of(key) for key in keys)
    return Records("the organism's world", ids, axes, tuple(facts), None, None, None)


def contexts_of_captions() -> list[str]:
    """Templates of every context that captions of a world tell of."""
    return [f"a photo of {{}} {phrase}" for told in CONTEXTS.values() for phrase in told]


def axis_of(key: str) -> Axis:
    """An attribute of the world as an axis, in the words of its captions."""
    at = list(ATTRIBUTES).index(key)
    # As on the packaged axes: women after men.
    order = range(len(ATTRIBUTES[key]))
    places = list(reversed(order)) if key == "gender" else list(order)
    values = tuple(
        AxisValue(ATTRIBUTES[key][place], (attribute_phrase(_codes({at: place})),))
        for place in places
    )
    kind = "ordinal" if key in ("age", "gender") else "nominal"
    return Axis(key, kind, _TEMPLATES, values)


def _facts(key: str, own: Sequence[str]) -> list[Fact]:
    values = ATTRIBUTES[key]
    if key == "age":
        ranks = np.array([values.index(one) for one in own], dtype=np.float64)
        return [Fact("age", key, None, ranks, "steps", "Spearman")]
    if key == "gender":
        women = np.array([one == "woman" for one in own], dtype=np.float64)
        return [Fact("women", key, None, women, "share", "AUC")]
    return [
        Fact(
            value, key, value, np.array([one == value for one in own], dtype=np.float64), "share",
            "Spearman",
        )
        for value in values
    ]  # fmt: skip


def _codes(told: Mapping[int, int]) -> list[int | None]:
    return [told.get(at) for at in range(len(ATTRIBUTES))]


def _plan_of(world: World, plan: Plan) -> Plan:
    rng = np.random.default_rng(0)
    things = [
        f"a person {expression} {outfit} {scene}"
        for scene, expression, outfit in product(*CONTEXTS.values())
    ]
    people = [one for one in world.names if one.own_caption]
    chosen = rng.permutation(len(people))[:_N_DESCRIBED].tolist()
    found = replace(
        plan,
        size=replace(plan.size, templates="person"),
        things=tuple(things[:_N_THINGS]),
        attributes=tuple(_set(key, rng) for key in ATTRIBUTES),
        described=tuple(
            Described(
                str(people[at].own_caption), f"{people[at].own_caption} laughing in an office"
            )
            for at in chosen
        ),
    )
    printed = repr((plan.fingerprint, found.things, found.attributes, found.described))
    digest = hashlib.sha256(printed.encode()).hexdigest()[:16]
    return replace(found, fingerprint=f"sha256:{digest}")


def _set(key: str, rng: np.random.Generator) -> AttributeSet:
    """Words for two values of one attribute, each with the same values of the others beside it."""
    keys = list(ATTRIBUTES)
    at, sides = keys.index(key), _SETS[key]
    others = [place for place in range(len(keys)) if place != at]
    words: tuple[list[str], list[str]] = ([], [])
    while len(words[0]) < _N_WORDS:
        other = int(rng.choice(others))
        beside = {other: int(rng.integers(len(ATTRIBUTES[keys[other]])))}
        made = [attribute_phrase(_codes({**beside, at: side})) for side in sides]
        if made[0] not in words[0]:
            for held, phrase in zip(words, made, strict=True):
                held.append(phrase)
    labels = [ATTRIBUTES[key][side] for side in sides]
    return AttributeSet(
        key, "a photo of {}", labels[0], labels[1], tuple(words[0]), tuple(words[1])
    )  # fmt: skip
