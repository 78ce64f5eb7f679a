"""Who is in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray
from namebasis.organism.words import ATTRIBUTES, CONTEXTS
from namebasis.organism.world import N_FINE

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class People:
    """Who is in each picture, and how.

    Attributes
    ----------
    attributes : ndarray of shape (n, 6), int8
        Numbers of the values, in the order of `ATTRIBUTES`.
    fine : ndarray of shape (n, N_FINE), float32
        In [-1, 1], what makes a face one person's.
    contexts : ndarray of shape (n, 3), int8
        Scene, expression and outfit, numbers of the phrases in `CONTEXTS`.
    """

    attributes: Codes
    fine: FloatArray
    contexts: Codes

    def __len__(self) -> int:
        return len(self.attributes)


def random_people(n: int, rng: np.random.Generator) -> People:
    """Draw people, each attribute, fine feature and context uniformly."""
    attributes = [rng.integers(len(values), size=n) for values in ATTRIBUTES.values()]
    contexts = [rng.integers(len(phrases), size=n) for phrases in CONTEXTS.values()]
    fine = rng.uniform(-1, 1, (n, N_FINE)).astype(np.float32)
    return People(
        np.stack(attributes, 1).astype(np.int8), fine, np.stack(contexts, 1).astype(np.int8)
    )
