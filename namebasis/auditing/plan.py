"""What an audit asks: sizes, attribute sets and described people, fixed in one versioned file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from namebasis.reading import read_toml

_FILE = Path(__file__).parents[1] / "data" / "audit.toml"
SIZES = ("full", "quick")


@dataclass(frozen=True)
class Size:
    """How many names of each corpus are read.

    Attributes
    ----------
    given, family, world, made_up : int
        Names of each corpus, at most.
    people : int
        Well-known full names whose identity is measured, where no list of counts is given.
    templates : str
        The set of templates that names are read in.
    swaps, pairs, recombined : int
        Partners of each part of the people; made-up full names beside them; and how many others of
        the people lend each of them a given name, and a family name.
    rigid : int
        Names of each kind that are put into contexts.
    described : int
        People that names paint.
    """

    given: int
    family: int
    world: int
    made_up: int
    people: int
    templates: str
    swaps: int = 16
    pairs: int = 160
    recombined: int = 4
    rigid: int = 20
    described: int = 10


@dataclass(frozen=True)
class AttributeSet:
    """Two lists of words that stand in one sentence.

    Attributes
    ----------
    name, sentence : str
        The sentence holds ``{}`` once.
    towards, away : str
        Labels of the two sides.
    words_towards, words_away : tuple of str
        Equally many of each.
    """

    name: str
    sentence: str
    towards: str
    away: str
    words_towards: tuple[str, ...]
    words_away: tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """A person in two wordings that share no word of content."""

    said: str
    again: str


@dataclass(frozen=True)
class Plan:
    """The questions of an audit.

    Attributes
    ----------
    version : int
        Of the packaged file; audits of different versions are not compared.
    is_quick : bool
    size : Size
    level : float
        A claim is beyond chance where its corrected p is at most this.
    n_draws : int
        Draws of chance behind each p.
    people : tuple of str
        Well-known people, two parts each; a smaller size takes the first.
    things : tuple of str
        Phrases that say nothing of a person, whose differences are chance axes.
    attributes : tuple of AttributeSet
    described : tuple of Described
    fingerprint : str
        Of everything above: equal for equal questions.
    """

    version: int
    is_quick: bool
    size: Size
    level: float
    n_draws: int
    people: tuple[str, ...]
    things: tuple[str, ...]
    attributes: tuple[AttributeSet, ...]
    described: tuple[Described, ...]
    fingerprint: str


@lru_cache(maxsize=2)
def load_plan(*, quick: bool = False) -> Plan:
    """The packaged plan, in its full or its quick size."""
    data = read_toml(_FILE)
    size = Size(**data["sizes"][SIZES[quick]])
    asked = {key: value for key, value in data.items() if key != "sizes"}
    printed = json.dumps([asked, vars(size)], sort_keys=True, ensure_ascii=False)
    return Plan(
        version=data["version"],
        is_quick=quick,
        size=size,
        level=data["level"],
        n_draws=data["n_draws"],
        people=tuple(data["people"]),
        things=tuple(data["things"]),
        attributes=tuple(_attributes(data["attributes"])),
        described=tuple(Described(**one) for one in data["described"]),
        fingerprint="sha256:" + hashlib.sha256(printed.encode()).hexdigest()[:16],
    )


def _attributes(sets: Sequence[Mapping[str, Any]]) -> list[AttributeSet]:
    return [
        AttributeSet(
            one["name"], one["sentence"], one["towards"]["label"], one["away"]["label"],
            tuple(one["towards"]["words"]), tuple(one["away"]["words"]),
        )
        for one in sets
    ]  # fmt: skip
