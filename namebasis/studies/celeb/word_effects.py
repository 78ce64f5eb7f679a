"""What candidate words do to prompts: which of them point along a way, and how far they lead.

Of many candidates every one is read beside one name per template; only those that would be among
the most alike at some prompt are read beside all names. A few candidates are read beside all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import FloatArray, IntArray, Progress
from namebasis.encoders.base import Encoder
from namebasis.studies.celeb.points import unit_directions

FEW = 100
"""Up to as many candidates of a kind are read in every prompt."""
_BEST = 3  # words of a kind that count as found in one template at one name
_RECURS = 0.25  # share of templates and names in which a word must be found
_AT_ONCE = 128  # words; they share what comes before the names

Prompts = tuple[Sequence[str], Sequence[str]]
"""Names, and templates."""
Found = tuple[IntArray, FloatArray, FloatArray]
"""Words, the most alike first, with the likeness of each and the share of prompts with it."""


@dataclass(frozen=True, eq=False)
class Words:
    """Candidates of one kind, and how a name reads with each of them."""

    kind: str
    texts: Sequence[str]
    patterns: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)


class Counter:
    """Tells how many prompts are done, of those that are known to be needed."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._total, self._done = progress, 0, 0

    def expect(self, n: int) -> None:
        """Count `n` prompts more to the total."""
        self._total += n

    def __call__(self, n: int) -> None:
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)


class WordEffects:
    """What each of some words does to prompts of names.

    Parameters
    ----------
    encoder : Encoder
    words : Words
    prompts : Prompts
    ways : ndarray of shape (n_components, n_templates, n_names, dim)
        From the low to the high end of each component at each prompt.
    tell : Counter
    """

    def __init__(
        self, encoder: Encoder, words: Words, prompts: Prompts, ways: FloatArray, tell: Counter
    ) -> None:
        self._encoder, self._words, self._ways, self._tell = encoder, words, ways, tell
        self._names, self._templates = prompts
        self._every = np.arange(len(self._names))
        # Another name in each template, as far as there are.
        n_templates = len(self._templates)
        self._first = [(at * len(self._names)) // n_templates for at in range(n_templates)]
        self._tell.expect(self._cost())

    def _cost(self) -> int:
        n_prompts = len(self._templates) * len(self._names)
        if len(self._words) <= FEW:
            return n_prompts * (len(self._words) + 1)
        return len(self._templates) * (len(self._words) + 1)

    def found(self, k: int) -> list[tuple[Found, Found]]:
        """The words that recur at the high and at the low end of each component."""
        every = np.arange(len(self._words))
        if len(every) <= FEW:
            return self._chosen(every, rows := self._all(every), rows.mean(axis=2), k)
        first = self._at_first(every)
        kept = self._shortlist(first)
        self._tell.expect(self._ways[0, ..., 0].size * (len(kept) + 1))
        rows = self._all(kept)
        # What all words do, beyond what the kept ones do, hardly depends on the name.
        beyond = first.mean(axis=1) - first[:, kept].mean(axis=1)
        return self._chosen(kept, rows, rows.mean(axis=2) + beyond[:, None], k)

    def slopes(self, chosen: IntArray, deviations: float) -> tuple[FloatArray, FloatArray]:
        """How far words lead along each component, in deviations.

        Returns
        -------
        each : ndarray of shape (n_components, n_names, n_chosen)
            Of the chosen words at each name.
        means : ndarray of shape (n_components, n_words)
            Of all words.
        """
        every = np.arange(len(self._words))
        if len(every) <= FEW:
            slopes = _slopes(self._all(every), self._ways, deviations)
            return slopes[..., chosen], slopes.mean(axis=1)
        self._tell.expect(self._ways[0, ..., 0].size * (len(chosen) + 1))
        first = self._at_first(every)[:, None]
        means = _slopes(first, self._first_ways()[:, :, None], deviations)[:, 0]
        return _slopes(self._all(chosen), self._ways, deviations), means

    def _all(self, words: IntArray) -> FloatArray:
        """Effects at all names, (n_templates, n_names, n_words, dim)."""
        return np.stack([self._effects(words, self._every, at) for at in self._templates])

    def _at_first(self, words: IntArray) -> FloatArray:
        """Effects at one name per template, (n_templates, n_words, dim)."""
        pairs = zip(self._first, self._templates, strict=True)
        return np.stack([self._effects(words, np.array([at]), one)[0] for at, one in pairs])

    def _effects(self, words: IntArray, at: IntArray, template: str) -> FloatArray:
        """What adding each word does in one template, (n_names, n_words, dim)."""
        names = [self._names[row] for row in at.tolist()]
        plain = self._encoder.encode_names(names, template)
        self._tell(len(names))
        found = [np.empty((len(names), 0, plain.shape[1]), np.float32)]
        for start in range(0, len(words), _AT_ONCE):
            some = words[start : start + _AT_ONCE].tolist()
            patterns = [self._words.patterns[word] for word in some]
            texts = [pattern.format(name) for name in names for pattern in patterns]
            rows = self._encoder.encode_names(texts, template)
            found.append(rows.reshape(len(names), len(some), -1) - plain[:, None])
            self._tell(len(texts))
        return np.concatenate(found, axis=1)

    def _first_ways(self) -> FloatArray:
        return self._ways[:, np.arange(len(self._templates)), self._first]

    def _shortlist(self, first: FloatArray) -> IntArray:
        """Words that are among the most alike at some prompt if names change nothing in effects."""
        own = unit_directions(first - first.mean(axis=1, keepdims=True))
        kept = []
        for way in self._ways:
            scores = np.einsum("twd,tsd->tsw", own, unit_directions(way))
            order = np.argsort(scores, axis=2, kind="stable")
            kept += [order[..., :_BEST].ravel(), order[..., -_BEST:].ravel()]
        return np.unique(np.concatenate(kept))

    def _chosen(
        self, words: IntArray, effects: FloatArray, centre: FloatArray, k: int
    ) -> list[tuple[Found, Found]]:
        # Any phrase or name beside a name changes a prompt; what they all do says nothing.
        own = unit_directions(effects - centre[:, :, None])
        found = []
        for way in self._ways:
            high, low = (_most_alike(own, sign * way, k) for sign in (1, -1))
            found.append(((words[high[0]], *high[1:]), (words[low[0]], *low[1:])))
        return found


def _most_alike(own: FloatArray, ways: FloatArray, k: int) -> Found:
    """Words that recur, the most alike first, with the likeness and share of each."""
    n_words = own.shape[2]
    if not n_words:
        nothing = np.empty(0, np.float32)
        return np.empty(0, np.int64), nothing, nothing
    scores = np.einsum("tswd,tsd->tsw", own, unit_directions(ways))
    order = np.argsort(-scores, axis=2, kind="stable")[:, :, :_BEST]
    counts = np.bincount(order.ravel(), minlength=n_words)
    shares = np.asarray(counts / (order.shape[0] * order.shape[1]), dtype=np.float32)
    likeness = scores.mean(axis=(0, 1))
    ranked = np.argsort(-likeness, kind="stable")
    kept = ranked[(shares[ranked] >= _RECURS) & (likeness[ranked] > 0)][:k]
    return kept, likeness[kept], shares[kept]


def _slopes(effects: FloatArray, ways: FloatArray, deviations: float) -> FloatArray:
    """How far each word moves a prompt, in deviations, (n_components, n_names, n_words)."""
    lengths = np.linalg.norm(ways, axis=-1)
    moved = np.einsum("tswd,ctsd->ctsw", effects, ways) / np.maximum(lengths, 1e-12)[..., None]
    each = np.maximum(lengths / (2 * deviations), 1e-12)
    return np.asarray((moved / each[..., None]).mean(axis=1), dtype=np.float32)
