"""The moves of a prompt search, and the scorer that re-encodes what they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.studies.paint.layout import Layout

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

# How far a prompt moves towards a name that is added to it, as a share of the name's own
# distance from the mean. Measured 0.4 to 0.7 on minilm; the order it gives hardly depends on it.
_PULL = 0.4


@dataclass(frozen=True)
class State:
    """A prompt in the search.

    Attributes
    ----------
    names : tuple of int
        Rows of the pool, in the prompt's order.
    phrases : tuple of int
        An option per slot.
    similarity : float
        Of the re-encoded prompt to the goal; NaN before it is scored, -inf over the budget.
    """

    names: tuple[int, ...]
    phrases: tuple[int, ...]
    similarity: float = float("nan")

    @property
    def key(self) -> tuple[frozenset[int], tuple[int, ...]]:
        """What two states share that differ in the order of names alone."""
        return frozenset(self.names), self.phrases


@dataclass(frozen=True)
class Pool:
    """The names that a search may use.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        Rows of the space, the most promising first.
    names : tuple of str
    vectors : ndarray of shape (n, dim), float32
        Their stored unit vectors.
    """

    ids: IntArray
    names: tuple[str, ...]
    vectors: FloatArray


class Scorer:
    """Re-encodes prompts, each once, and compares them with the goal.

    Parameters
    ----------
    encoder : Encoder
    layout : Layout
    pool : Pool
    goal : ndarray of shape (dim,), float32
        A prompt's similarity is the dot product of its unit row with it.
    max_tokens : int, optional
        Longer prompts are not encoded and score -inf.
    keep_rows : bool
        Whether to keep the embeddings for `row`, 4 × dim bytes per prompt: 6 MB for the 3,000
        prompts of a usual search at dim 512.
    """

    def __init__(
        self,
        encoder: Encoder,
        layout: Layout,
        pool: Pool,
        goal: FloatArray,
        max_tokens: int | None,
        keep_rows: bool = True,
    ) -> None:
        self.layout = layout
        self.pool = pool
        self.goal = goal
        self.n_encodes = 0
        self._encoder = encoder
        self._max_tokens = max_tokens
        self._keep_rows = keep_rows
        self._similarities: dict[str, float] = {}
        self._rows: dict[str, FloatArray] = {}
        self._scored: dict[str, State] = {}

    def prompt(self, state: State) -> str:
        """The text of a state."""
        names = [self.pool.names[i] for i in state.names]
        return self.layout.prompt(names, list(self.phrases(state).values()))

    def phrases(self, state: State) -> dict[str, str]:
        """What a state's slots hold."""
        options = zip(self.layout.slots, state.phrases, strict=True)
        return {slot: self.layout.options[slot][i] for slot, i in options}

    def score(self, states: Iterable[State]) -> list[State]:
        """The states with their similarities, in one batch: prompts that begin alike share work."""
        states = list(states)
        prompts = [self.prompt(state) for state in states]
        fresh = [text for text in dict.fromkeys(prompts) if text not in self._similarities]
        self._encode(self._within_budget(fresh))
        scored = [
            replace(state, similarity=self._similarities[text])
            for state, text in zip(states, prompts, strict=True)
        ]
        self._scored.update(zip(prompts, scored, strict=True))
        return scored

    def best(self, n: int) -> list[State]:
        """The n best states scored so far, of the same names and phrases the best order alone."""
        found: dict[object, State] = {}
        for text in sorted(self._scored, key=lambda text: (-self._similarities[text], text)):
            if len(found) == n or self._similarities[text] == float("-inf"):
                break
            found.setdefault(self._scored[text].key, self._scored[text])
        return list(found.values())

    def row(self, state: State) -> FloatArray:
        """The embedding (dim,) of a state that was scored."""
        return self._rows[self.prompt(state)]

    def _within_budget(self, prompts: list[str]) -> list[str]:
        if self._max_tokens is None or not prompts:
            return prompts
        fits = self._encoder.count_tokens(prompts) <= self._max_tokens
        for text, fit in zip(prompts, fits, strict=True):
            if not fit:
                self._similarities[text] = float("-inf")
        return [text for text, fit in zip(prompts, fits, strict=True) if fit]

    def _encode(self, prompts: Sequence[str]) -> None:
        if not prompts:
            return
        rows = self._encoder.encode_text(prompts)
        self.n_encodes += len(prompts)
        similarities = rows.astype(np.float64) @ self.goal
        self._similarities.update(zip(prompts, similarities.tolist(), strict=True))
        if self._keep_rows:
            self._rows.update(zip(prompts, rows, strict=True))


class Moves:
    """What may be done to a prompt.

    Parameters
    ----------
    scorer : Scorer
    centre : ndarray of shape (dim,), float32
        Mean of the space: a name is where it stands from there.
    breadth : int
        How many names to try at a place, those that linear arithmetic predicts to fit best.
    """

    def __init__(self, scorer: Scorer, centre: FloatArray, breadth: int) -> None:
        self._scorer = scorer
        self._options = [len(scorer.layout.options[slot]) for slot in scorer.layout.slots]
        self._offsets = (scorer.pool.vectors - centre) * np.float32(_PULL)
        self._gains = self._offsets @ scorer.goal
        self._squares = np.einsum("nd,nd->n", self._offsets, self._offsets)
        self._breadth = breadth

    def add(self, state: State) -> list[State]:
        """A name more at the end, behind the prefix that all of these share."""
        return [
            State((*state.names, i), state.phrases)
            for i in self._likely(self._scorer.row(state), state.names)
        ]

    def replace(self, state: State) -> list[State]:
        """Another name at each place."""
        found = []
        for place, old in enumerate(state.names):
            row = self._scorer.row(state) - self._offsets[old]
            for i in self._likely(row, state.names):
                names = (*state.names[:place], i, *state.names[place + 1 :])
                found.append(State(names, state.phrases))
        return found

    def swap(self, state: State) -> list[State]:
        """Two names in each other's place."""
        found = []
        for i, j in combinations(range(len(state.names)), 2):
            names = list(state.names)
            names[i], names[j] = names[j], names[i]
            found.append(State(tuple(names), state.phrases))
        return found

    def drop(self, state: State) -> list[State]:
        """A name fewer; nothing where only one is left."""
        if len(state.names) == 1:
            return []
        return [
            State((*state.names[:i], *state.names[i + 1 :]), state.phrases)
            for i in range(len(state.names))
        ]

    def rephrase(self, state: State) -> list[State]:
        """Another phrase in each slot."""
        return [
            State(state.names, (*state.phrases[:slot], option, *state.phrases[slot + 1 :]))
            for slot, n_options in enumerate(self._options)
            for option in range(n_options)
            if option != state.phrases[slot]
        ]

    def _likely(self, row: FloatArray, taken: tuple[int, ...]) -> list[int]:
        """Names by the cosine to the goal of ``row + offset``, best first."""
        numerators = self._gains + float(row @ self._scorer.goal)
        squares = self._squares + 2 * (self._offsets @ row) + float(row @ row)
        predicted = numerators / np.sqrt(np.maximum(squares, np.finfo(np.float32).tiny))
        predicted[list(taken)] = -np.inf
        n = min(self._breadth, predicted.size - len(taken))
        return [int(i) for i in np.argsort(-predicted, kind="stable")[:n]]
