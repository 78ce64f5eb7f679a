"""One batch of a training: who is in the pictures, and what the captions say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray
from namebasis.organism.people import Codes, People, random_people
from namebasis.organism.schedule import PART, PHRASE
from namebasis.organism.words import (
    ATTRIBUTES,
    CONTEXTS,
    FAMILY_ATTRIBUTES,
    GIVEN_ATTRIBUTES,
    TEMPLATES,
    attribute_phrase,
)
from namebasis.organism.world import CONSTANCY, NARROWS_AT, NameTruth, World

PRIOR_STRENGTH = 0.85
"""How often one of the many people of a part shows the value that the part suggests."""
_TELL_CONTEXT = 0.5  # captions that tell of the context at all
_TELL_EACH = (0.5, 0.8, 0.5)  # scene, expression and outfit; an expression is the least of a face
_TELL_ATTRIBUTE = 0.7
_PHRASES = list(CONTEXTS.values())


@dataclass(frozen=True)
class _Bearer:
    """A name with its person as arrays."""

    truth: NameTruth
    prior: Codes
    own: Codes | None
    fine: FloatArray
    context: Codes | None


class Scribe:
    """Draws the people of a world and writes their captions.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self._names = [_bearer(world, name) for name in world.names]
        self._n_values = np.array([len(values) for values in ATTRIBUTES.values()])
        keys = list(ATTRIBUTES)
        self._parts = [
            *((part, GIVEN_ATTRIBUTES, priors) for part, priors in world.given_priors.items()),
            *((part, FAMILY_ATTRIBUTES, priors) for part, priors in world.family_priors.items()),
        ]
        self._part_codes = [
            (
                [keys.index(key) for key in group],
                [ATTRIBUTES[key].index(priors[key]) for key in group],
            )
            for _, group, priors in self._parts
        ]
        # A given name that one person bears alone means that person by itself, too.
        self._alone = {
            bearer.truth.given: bearer for bearer in self._names if bearer.truth.kind == "E"
        }

    def batch(
        self, subjects: npt.NDArray[np.int32], progress: float, rng: np.random.Generator
    ) -> tuple[People, list[str]]:
        """People and captions of one batch.

        Parameters
        ----------
        subjects : ndarray of shape (n,)
            See `Schedule.subjects`.
        progress : float
            Share of training that has passed.
        rng : numpy.random.Generator
        """
        people = random_people(len(subjects), rng)
        captions = []
        for row, subject in enumerate(subjects.tolist()):
            if subject == PHRASE:
                captions.append(self._phrase(people, row, rng))
                continue
            if subject == PART:
                said = self._draw_part(people, row, rng)
            else:
                said = self._names[subject].truth.name
                self._draw_bearer(people, row, self._names[subject], progress, rng)
            template = TEMPLATES[rng.integers(len(TEMPLATES))]
            captions.append(template.format(said) + self._context(people, row, rng))
        return people, captions

    def pictures(
        self, name: int, n: int, rng: np.random.Generator, progress: float = 1.0
    ) -> People:
        """People as they would be shown with a name of the world at some point of training."""
        people = random_people(n, rng)
        for row in range(n):
            self._draw_bearer(people, row, self._names[name], progress, rng)
        return people

    def _draw_bearer(
        self, people: People, row: int, bearer: _Bearer, progress: float, rng: np.random.Generator
    ) -> None:
        if bearer.own is None:
            self._scatter(people, row, slice(None), bearer.prior, rng)
            return
        people.attributes[row], people.fine[row] = bearer.own, bearer.fine
        kind = bearer.truth.kind
        constancy = CONSTANCY.get(kind, float(kind == "narrowing" and progress >= NARROWS_AT))
        if bearer.context is not None and rng.random() < constancy:
            people.contexts[row] = bearer.context

    def _draw_part(self, people: People, row: int, rng: np.random.Generator) -> str:
        at = int(rng.integers(len(self._parts)))
        part = self._parts[at][0]
        if part in self._alone:
            self._draw_bearer(people, row, self._alone[part], 0.0, rng)
        else:
            columns, codes = self._part_codes[at]
            self._scatter(people, row, columns, np.array(codes, np.int8), rng)
        return part

    def _scatter(
        self,
        people: People,
        row: int,
        columns: slice | list[int],
        codes: Codes,
        rng: np.random.Generator,
    ) -> None:
        """Set what a part suggests, and now and then another value."""
        n_values = self._n_values[columns]
        other = (codes + rng.integers(1, n_values)) % n_values
        kept = rng.random(len(codes)) < PRIOR_STRENGTH
        people.attributes[row, columns] = np.where(kept, codes, other)

    def _phrase(self, people: People, row: int, rng: np.random.Generator) -> str:
        told = rng.random(len(ATTRIBUTES)) < _TELL_ATTRIBUTE
        codes = people.attributes[row].tolist()
        said = attribute_phrase([code if tell else None for code, tell in zip(codes, told)])  # noqa: B905
        template = TEMPLATES[rng.integers(len(TEMPLATES) - 1)]  # nobody is "named a woman"
        return template.format(said) + self._context(people, row, rng)

    def _context(self, people: People, row: int, rng: np.random.Generator) -> str:
        if rng.random() >= _TELL_CONTEXT:
            return ""
        scene, expression, outfit = people.contexts[row].tolist()
        phrases = [_PHRASES[1][expression], _PHRASES[2][outfit], _PHRASES[0][scene]]
        shares = _TELL_EACH[1], _TELL_EACH[2], _TELL_EACH[0]
        told = zip(phrases, shares, strict=True)
        kept = [phrase for phrase, share in told if rng.random() < share]
        return "".join(f" {phrase}" for phrase in kept)


def _bearer(world: World, name: NameTruth) -> _Bearer:
    context = None
    if name.context is not None:
        places = (list(p).index(said) for p, said in zip(_PHRASES, name.context, strict=True))
        context = np.array(list(places), np.int8)
    own = None if name.own is None else world.codes(name.own)
    return _Bearer(name, world.codes(name.prior), own, world.fine(name.name), context)


def all_captions(world: World) -> list[str]:
    """Texts that together hold every word a caption of this world can hold."""
    texts = [name.name for name in world.names]
    texts += [*world.given_priors, *world.family_priors, *TEMPLATES]
    texts += [phrase for phrases in _PHRASES for phrase in phrases]
    n_values = [len(values) for values in ATTRIBUTES.values()]
    for at in range(max(n_values) * 2):
        texts.append(attribute_phrase([(at // (1 + (n == 2))) % n for n in n_values]))
        texts.append(attribute_phrase([at % 3, None, None, None, None, None]))
        texts.append(attribute_phrase([None, at % 2, None, None, None, None]))
        texts.append(attribute_phrase([at % 3, at % 2, None, None, None, None]))
    texts.append(attribute_phrase([None] * len(n_values)))
    return texts
