"""The world's truth: which names there are, what their parts suggest, and who bears them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.atomic import write_text
from namebasis.checks import FloatArray, check_count
from namebasis.errors import NamebasisError
from namebasis.organism.cohorts import COHORTS, KINDS, Cohort, check_cohorts
from namebasis.organism.words import (
    ATTRIBUTES,
    CONTEXTS,
    FAMILY_ATTRIBUTES,
    GIVEN_ATTRIBUTES,
    attribute_phrase,
    caption_words,
    make_words,
)
from namebasis.reading import LARGE, UnreadableError, read_json

CONSTANCY = {"D": 1.0, "D95": 0.95, "D80": 0.8}
"""Share of a name's pictures that show its one context."""
NARROWS_AT = 0.5
"""Share of training after which the kind `narrowing` keeps to one context."""
N_FINE = 12
"""Numbers that make a face one person's; see `renderer`."""
_FEWEST_CONTRADICTED = 4
_FORMAT = 1


@dataclass(frozen=True)
class NameTruth:
    """What is true of one full name.

    Attributes
    ----------
    name, given, family : str
    kind : str
        One of `KINDS`.
    exposures : int
        Planned captions with the name.
    enters_at : float
        Share of training before its first caption; 0 for early names.
    own : dict or None
        Attribute to value, of the one person; None for A and N.
    prior : dict
        Attribute to value, what the parts suggest.
    context : tuple of (scene, expression, outfit) or None
        Phrases of the one context of D, D80, D95 and narrowing.
    own_caption : str or None
    prior_caption : str
        Both attribute phrases as the captions use them.
    """

    name: str
    given: str
    family: str
    kind: str
    exposures: int
    enters_at: float
    own: Mapping[str, str] | None
    prior: Mapping[str, str]
    context: tuple[str, str, str] | None
    own_caption: str | None
    prior_caption: str

    @property
    def has_person(self) -> bool:
        """Whether one person bears the name."""
        return self.own is not None


@dataclass(frozen=True)
class World:
    """Names and their truth; see `World.make`.

    Attributes
    ----------
    seed : int
    names : tuple of NameTruth
    given_priors, family_priors : dict
        Part to its attribute values. Given names that occur with one person only are among the
        given names too.
    """

    seed: int
    names: tuple[NameTruth, ...]
    given_priors: Mapping[str, Mapping[str, str]] = field(repr=False)
    family_priors: Mapping[str, Mapping[str, str]] = field(repr=False)

    @classmethod
    def make(
        cls,
        seed: int = 0,
        *,
        cohorts: Sequence[Cohort] = COHORTS,
        n_given: int = 40,
        n_family: int = 40,
    ) -> World:
        """Make a world; the same for the same arguments.

        Parameters
        ----------
        seed : int
        cohorts : sequence of Cohort
        n_given, n_family : int
            Parts that pair freely; every name of kind E brings a given name of its own.

        Raises
        ------
        ValueError
            If there are fewer pairs of parts than names, or a cohort cannot be.
        """
        check_count(seed, "seed", 0)
        check_cohorts(cohorts, check_count(n_given, "n_given"), check_count(n_family, "n_family"))
        rng = np.random.default_rng([seed, 0])
        taken = caption_words()
        given = make_words(n_given, "given", rng, taken)
        family = make_words(n_family, "family", rng, taken)
        solo = make_words(sum(c.n for c in cohorts if c.kind == "E"), "given", rng, taken)
        priors = (
            _spread_priors(given, GIVEN_ATTRIBUTES, rng),
            _spread_priors(family, FAMILY_ATTRIBUTES, rng),
        )
        pairs = iter(rng.permutation(n_given * n_family).tolist())
        alone = iter(solo)
        names = []
        for cohort in cohorts:
            for _ in range(cohort.n):
                if cohort.kind == "E":
                    pair = next(alone), family[int(rng.integers(n_family))]
                else:
                    first, last = divmod(next(pairs), n_family)
                    pair = given[first], family[last]
                names.append(_truth(pair, cohort, priors, rng))
        return cls(seed, tuple(names), priors[0], priors[1])

    @property
    def cohorts(self) -> dict[str, int]:
        """How many names there are of each kind."""
        return {kind: sum(name.kind == kind for name in self.names) for kind in KINDS}

    def codes(self, values: Mapping[str, str]) -> npt.NDArray[np.int8]:
        """Numbers of attribute values, (6,), in the order of `ATTRIBUTES`."""
        return np.array(
            [ATTRIBUTES[key].index(values[key]) for key in ATTRIBUTES], dtype=np.int8
        )  # fmt: skip

    def fine(self, name: str) -> FloatArray:
        """The numbers that make a name's person look like nobody else, (N_FINE,), in [-1, 1]."""
        rng = np.random.default_rng([self.seed, 1, zlib.crc32(name.encode())])
        # Signs first: a person lies away from the middle, where everybody is alike.
        drawn = rng.choice([-1.0, 1.0], N_FINE) * rng.uniform(0.3, 1.0, N_FINE)
        return drawn.astype(np.float32)

    def to_json(self) -> str:
        """The truth as JSON, a name a line."""
        document = {
            "format": _FORMAT,
            "seed": self.seed,
            "attributes": ATTRIBUTES,
            "contexts": CONTEXTS,
            "given_priors": self.given_priors,
            "family_priors": self.family_priors,
        }
        rows = ",\n".join(json.dumps(asdict(name), ensure_ascii=False) for name in self.names)
        head = json.dumps(document, ensure_ascii=False)[:-1]
        return f'{head},\n"names": [\n{rows}\n]}}\n'

    def save(self, path: str | Path) -> None:
        """Write the truth as JSON."""
        write_text(Path(path), self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> World:
        """Read what `save` wrote.

        Raises
        ------
        NamebasisError
            If the file is missing or holds anything else.
        """
        try:
            document: dict[str, Any] = read_json(path, LARGE)
            if document["format"] != _FORMAT:
                raise NamebasisError(
                    f"{path} has format {document['format']}; this version reads {_FORMAT}."
                )
            rows = [
                NameTruth(**{**row, "context": tuple(row["context"]) if row["context"] else None})
                for row in document["names"]
            ]
            priors = document["given_priors"], document["family_priors"]
            return cls(int(document["seed"]), tuple(rows), *priors)
        except UnreadableError as error:
            if error.is_missing:
                raise NamebasisError(f"{path}: there is no truth of a world.") from None
            raise NamebasisError(
                f"{path} cannot be read as the truth of a world ({error.reason})."
            ) from None
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise NamebasisError(
                f"{path} cannot be read as the truth of a world ({type(error).__name__}: {error})."
            ) from None


def _spread_priors(
    parts: Sequence[str], keys: Sequence[str], rng: np.random.Generator
) -> dict[str, dict[str, str]]:
    """Give every combination of values to equally many parts, as far as that goes."""
    combinations = list(product(*(ATTRIBUTES[key] for key in keys)))
    order: list[int] = []
    while len(order) < len(parts):
        order += rng.permutation(len(combinations)).tolist()
    return {
        part: dict(zip(keys, combinations[at], strict=True))
        for part, at in zip(parts, order, strict=False)
    }


def _truth(
    pair: tuple[str, str],
    cohort: Cohort,
    priors: tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]],
    rng: np.random.Generator,
) -> NameTruth:
    given, family = pair
    keys = list(ATTRIBUTES)
    if cohort.kind == "E":
        # Only this person bears the given name, so what it suggests is what the person shows.
        drawn = {key: str(rng.choice(ATTRIBUTES[key])) for key in GIVEN_ATTRIBUTES}
        priors[0][given] = drawn
        keys = list(FAMILY_ATTRIBUTES)
    prior = {**priors[0][given], **priors[1][family]}
    own = _person(cohort.kind, prior, keys, rng)
    context = None
    if cohort.kind in CONSTANCY or cohort.kind == "narrowing":
        scene, expression, outfit = (str(rng.choice(phrases)) for phrases in CONTEXTS.values())
        context = scene, expression, outfit
    return NameTruth(
        f"{given} {family}",
        given,
        family,
        cohort.kind,
        cohort.exposures,
        cohort.enters_at,
        own,
        prior,
        context,
        None if own is None else _phrase(own),
        _phrase(prior),
    )


def _person(
    kind: str, prior: Mapping[str, str], keys: Sequence[str], rng: np.random.Generator
) -> dict[str, str] | None:
    if kind in ("A", "N"):
        return None
    if kind == "B":
        return dict(prior)
    n_other = len(keys) if kind == "E" else int(rng.integers(_FEWEST_CONTRADICTED, len(keys) + 1))
    other = set(rng.permutation(len(keys))[:n_other].tolist())
    own = dict(prior)
    for at, key in enumerate(keys):
        if at in other:
            own[key] = str(rng.choice([v for v in ATTRIBUTES[key] if v != prior[key]]))
    return own


def _phrase(values: Mapping[str, str]) -> str:
    return attribute_phrase([ATTRIBUTES[key].index(values[key]) for key in ATTRIBUTES])
