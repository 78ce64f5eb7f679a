"""The moves of a prompt search, and the scorer that re-encodes what they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.studies.paint.layout import Layout

# How far a prompt moves towards a name that is added to it, as a share of the name's own
# distance from the mean. Measured 0.4 to 0.7 on minilm; the order it gives hardly depends on it.
_PULL = 0.4


_UNSCORED = float("nan")


class Reading(Protocol):
    """What reads prompts: an encoder, or several as one."""

    @property
    def max_tokens(self) -> int | None:
        """Pieces of a text that are read before it is cut."""
        ...

    def encode_text(self, texts: Sequence[str]) -> FloatArray:
        """Unit rows of texts."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Pieces of each text."""
        ...


@dataclass(frozen=True)
class State:
    """A prompt in the search.

    Attributes
    ----------
    names : tuple of int
        Rows of the pool, in the prompt's order.
    phrases : tuple of int
        An option per slot.
    words : tuple of int
        Optional phrases, by their places in `Words`, ascending: the order in which they are said.
    similarity : float
        Of the re-encoded prompt to the goal; NaN before it is scored, -inf over the budget.
    """

    names: tuple[int, ...]
    phrases: tuple[int, ...]
    words: tuple[int, ...] = ()
    similarity: float = _UNSCORED

    @property
    def n_parts(self) -> int:
        """Names and optional phrases."""
        return len(self.names) + len(self.words)

    @property
    def key(self) -> tuple[frozenset[int], tuple[int, ...], tuple[int, ...]]:
        """What two states share that differ in the order of names alone."""
        return frozenset(self.names), self.phrases, self.words

    def of(self, names: Iterable[int] | None = None, words: Iterable[int] | None = None) -> State:
        """The state with other names or other optional phrases, not scored yet."""
        return State(
            self.names if names is None else tuple(names),
            self.phrases,
            self.words if words is None else tuple(sorted(words)),
        )


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


@dataclass(frozen=True)
class Words:
    """The optional phrases that a search may use, at most one of a group.

    Attributes
    ----------
    texts, sentences : tuple of str
    groups : ndarray of shape (n,), int64
    group_names : tuple of str
        Of each phrase; its text where it has no group.
    vectors : ndarray of shape (n, dim), float32
        Unit vectors.
    """

    texts: tuple[str, ...]
    sentences: tuple[str, ...]
    groups: IntArray
    group_names: tuple[str, ...]
    vectors: FloatArray


def no_names(dim: int) -> Pool:
    """No name, where phrases stand alone."""
    return Pool(np.empty(0, np.int64), (), np.empty((0, dim), np.float32))


def no_words(dim: int) -> Words:
    """No optional phrase."""
    return Words((), (), np.empty(0, np.int64), (), np.empty((0, dim), np.float32))


class Scorer:
    """Re-encodes prompts, each once, and compares them with the goal.

    Parameters
    ----------
    encoder : Encoder or JointEncoder
    layout : Layout
    pool : Pool
    goal : ndarray of shape (dim,), float32
        A prompt's similarity is the dot product of its unit row with it.
    max_tokens : int, optional
        Longer prompts are not encoded and score -inf.
    words : Words, optional
    keep_rows : bool
        Whether to keep the embeddings for `row`, 4 × dim bytes per prompt: 6 MB for the 3,000
        prompts of a usual search at dim 512.
    """

    def __init__(
        self,
        encoder: Reading,
        layout: Layout,
        pool: Pool,
        goal: FloatArray,
        max_tokens: int | None,
        words: Words | None = None,
        keep_rows: bool = True,
    ) -> None:
        self.words = no_words(len(goal)) if words is None else words
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
        return self.layout.prompt(names, list(self.slots(state).values()), self.sentences(state))

    def slots(self, state: State) -> dict[str, str]:
        """What a state's slots hold."""
        options = zip(self.layout.slots, state.phrases, strict=True)
        return {slot: self.layout.options[slot][i] for slot, i in options}

    def sentences(self, state: State) -> list[str]:
        """How a state's optional phrases read."""
        return [self.words.sentences[i] for i in state.words]

    def phrases(self, state: State) -> dict[str, str]:
        """What a state's slots hold, and its optional phrases by their groups."""
        optional = {self.words.group_names[i]: self.words.texts[i] for i in state.words}
        return self.slots(state) | optional

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

    def rows(self) -> FloatArray:
        """The embeddings of all prompts that were encoded, (n_encodes, dim)."""
        return np.stack(list(self._rows.values()))

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
        How many names, and how many optional phrases, to try at a place: those that linear
        arithmetic predicts to fit best.
    max_names : int, optional
        The most names.
    """

    def __init__(
        self, scorer: Scorer, centre: FloatArray, breadth: int, max_names: int | None = None
    ) -> None:
        self._scorer = scorer
        self._max_names = max_names
        self._options = [len(scorer.layout.options[slot]) for slot in scorer.layout.slots]
        words = scorer.words.vectors
        middle = words.mean(axis=0) if len(words) else centre
        self._names = _Offsets(scorer.pool.vectors, centre, scorer.goal)
        self._words = _Offsets(words, middle, scorer.goal)
        self._breadth = breadth

    def singles(self, n: int) -> list[State]:
        """The first `n` names alone, and the `n` optional phrases that are nearest to the goal."""
        slots = (0,) * len(self._scorer.layout.slots)
        n_names = 0 if self._max_names == 0 else min(n, len(self._scorer.pool.ids))
        near = np.argsort(-self._words.gains, kind="stable")[:n]
        return [
            *(State((i,), slots) for i in range(n_names)),
            *(State((), slots, (int(i),)) for i in near),
        ]

    def add(self, state: State) -> list[State]:
        """A name more at the end, behind the prefix that all of these share, or a phrase more."""
        return self._with_one_more(state, self._scorer.row(state))

    def replace(self, state: State) -> list[State]:
        """Another name or phrase at each place."""
        found = []
        for place, old in enumerate(state.names):
            row = self._scorer.row(state) - self._names.rows[old]
            for i in self._likely_names(row, state):
                found.append(state.of([*state.names[:place], i, *state.names[place + 1 :]]))
            rest = state.of([*state.names[:place], *state.names[place + 1 :]])
            found += self._with_word(rest, row)
        for old in state.words:
            row = self._scorer.row(state) - self._words.rows[old]
            rest = state.of(words=[i for i in state.words if i != old])
            found += [new for new in self._with_one_more(rest, row) if new.key != state.key]
        return found

    def _with_one_more(self, state: State, row: FloatArray) -> list[State]:
        """A state with a name more or a phrase more; `row` is where it is thought to lie."""
        is_full = self._max_names is not None and len(state.names) >= self._max_names
        likely = [] if is_full else self._likely_names(row, state)
        return [*(state.of([*state.names, i]) for i in likely), *self._with_word(state, row)]

    def _with_word(self, state: State, row: FloatArray) -> list[State]:
        groups = self._scorer.words.groups
        taken = np.flatnonzero(np.isin(groups, groups[list(state.words)]))
        likely = self._words.likely(row, taken, self._scorer.goal, self._breadth)
        return [state.of(words=[*state.words, i]) for i in likely]

    def _likely_names(self, row: FloatArray, state: State) -> list[int]:
        taken = np.array(state.names, dtype=np.int64)
        return self._names.likely(row, taken, self._scorer.goal, self._breadth)

    def swap(self, state: State) -> list[State]:
        """Two names in each other's place."""
        found = []
        for i, j in combinations(range(len(state.names)), 2):
            names = list(state.names)
            names[i], names[j] = names[j], names[i]
            found.append(state.of(names))
        return found

    def drop(self, state: State) -> list[State]:
        """A name or an optional phrase fewer; nothing where only one is left."""
        if state.n_parts == 1:
            return []
        fewer = [
            state.of([*state.names[:i], *state.names[i + 1 :]]) for i in range(len(state.names))
        ]
        return [*fewer, *(state.of(words=set(state.words) - {i}) for i in state.words)]

    def rephrase(self, state: State) -> list[State]:
        """Another phrase in each slot."""
        return [
            State(
                state.names,
                (*state.phrases[:slot], option, *state.phrases[slot + 1 :]),
                state.words,
            )
            for slot, n_options in enumerate(self._options)
            for option in range(n_options)
            if option != state.phrases[slot]
        ]


class _Offsets:
    """How far a prompt moves towards each of some atoms, and which are worth re-encoding."""

    def __init__(self, vectors: FloatArray, centre: FloatArray, goal: FloatArray) -> None:
        self.rows = (vectors - centre) * np.float32(_PULL)
        self.gains = self.rows @ goal
        self._squares = np.einsum("nd,nd->n", self.rows, self.rows)

    def likely(self, row: FloatArray, taken: IntArray, goal: FloatArray, n: int) -> list[int]:
        """Atoms by the cosine to the goal of ``row + offset``, best first, none of `taken`."""
        if not len(self.rows):
            return []
        numerators = self.gains + float(row @ goal)
        squares = self._squares + 2 * (self.rows @ row) + float(row @ row)
        predicted = numerators / np.sqrt(np.maximum(squares, np.finfo(np.float32).tiny))
        predicted[taken] = -np.inf
        n = min(n, predicted.size - len(taken))
        return [int(i) for i in np.argsort(-predicted, kind="stable")[:n]]
