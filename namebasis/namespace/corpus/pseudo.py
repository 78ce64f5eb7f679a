"""Made-up names: a character n-gram model of real names, and no real name among its output.

They are the control group of a study: spelled like names, borne by nobody.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import IntArray, check_count, check_seed
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import examine, restore_capitals
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.names import Names, names_from_columns

# Contexts of three characters give names that can be pronounced; a small corpus, which three
# would only let reproduce itself, is modelled with fewer.
_ORDERS = (3, 2, 1)
_START, _END = "\x02", "\x03"  # no cleaned name holds them
_JOINTS = "-'’ʻ‘\u200c\u200d"
# Rounds without a new name, after which an order counts as exhausted.
_PATIENCE = 8


def pseudo_names(
    n: int,
    *,
    corpus: Names | None = None,
    seed: int = 0,
    part: str | None = None,
    avoid: Iterable[Names] = (),
) -> Names:
    """Make up names that are spelled like those of a corpus and that nobody is known to bear.

    A Markov chain over characters with contexts of three is fitted to the distinct one-word
    names; scripts are thus as frequent as in the corpus and never mixed within a name. Lengths
    lie between the corpus's 1st and 99th percentile. Whatever equals a real name or a word of
    one, after case and accents are folded, is discarded: real are the names of `corpus`, of
    `avoid` and of all of Faker.

    Parameters
    ----------
    n : int
        How many, at least 1.
    corpus : Names, optional
        What to model; by default Faker's given and family names.
    seed : int
        Equal seeds give equal names; a larger `n` begins with the same ones.
    part : {"given", "family", "full", "pseudo"}, optional
        Model only this part of the corpus.
    avoid : iterable of Names
        Further corpora whose names must not come out.

    Returns
    -------
    Names
        Exactly `n`, distinct also when folded, of part "pseudo".

    Raises
    ------
    CorpusError
        If the corpus is too small for `n`, or holds no one-word name.
    ValueError
        If `n` or `seed` is not an integer in its range, or `part` is unknown.
    """
    seed = check_seed(seed)
    from namebasis.namespace.corpus.faker_source import read_faker

    check_count(n, "n")
    faker = read_faker()
    base = (faker if corpus is None else corpus).select(part)
    known = avoid if corpus is None else (corpus, *avoid)
    real = _faker_words() | _folded_words({text for names in known for text in names.strings})
    examples = _faker_examples(part) if corpus is None else _examples(base.strings)
    made = _make_up(n, examples, real, np.random.default_rng(seed))
    return names_from_columns(
        {"name": made, "part": ["pseudo"] * n}, where="pseudo", source="pseudo"
    )


# Studies make up names again and again, mostly like those of Faker, which do not change.
@functools.cache
def _faker_words() -> frozenset[str]:
    """All of Faker's names and their words, folded."""
    from namebasis.namespace.corpus.faker_source import read_faker

    return frozenset(_folded_words(set(read_faker().strings)))


@functools.lru_cache(maxsize=4)
def _faker_examples(part: str | None) -> tuple[str, ...]:
    from namebasis.namespace.corpus.faker_source import read_faker

    return _examples(read_faker().select(part).strings)


def _folded_words(texts: Iterable[str]) -> set[str]:
    folded = {fold(text) for text in texts}
    return folded | {word for text in folded if " " in text for word in text.split(" ")}


def _examples(texts: Sequence[str]) -> tuple[str, ...]:
    """Return distinct one-word names, written as names are."""
    words = (restore_capitals(text) for text in texts if _is_word(text))
    titled = (word[:1].title() + word[1:] if word.islower() else word for word in words)
    return tuple(dict.fromkeys(titled))


def _is_word(text: str) -> bool:
    return len(text) > 1 and all(c.isalpha() or c in _JOINTS or _is_mark(c) for c in text)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _make_up(
    n: int, examples: tuple[str, ...], real: frozenset[str], rng: np.random.Generator
) -> list[str]:
    if not examples:
        raise CorpusError("pseudo: the corpus holds no one-word name to learn spelling from.")
    low, high = np.quantile([len(word) for word in examples], (0.01, 0.99))
    lengths = range(max(2, int(low)), int(high) + 1)
    made: dict[str, str] = {}
    for order in _ORDERS:
        chain = _fitted(examples, order)
        idle = 0
        while len(made) < n and idle < _PATIENCE:
            before = len(made)
            # Of a fixed size, so that a larger n goes on where a smaller one stopped.
            for word in chain.sample(4_096, lengths.stop, rng):
                key = fold(word)
                if len(word) in lengths and key not in real and _is_plausible(word):
                    made.setdefault(key, word)
            idle = idle + 1 if len(made) == before else 0
        if len(made) >= n:
            return list(made.values())[:n]
    raise CorpusError(
        f"pseudo: {len(examples):,} names to learn from gave only {len(made):,} new ones of the "
        f"{n:,} asked for. Ask for fewer or name a larger source."
    )


@functools.lru_cache(maxsize=4)
def _fitted(examples: tuple[str, ...], order: int) -> _Chain:
    return _Chain.fit(examples, order)


def _is_plausible(word: str) -> bool:
    if word[-1] in _JOINTS and word[-1] not in "'’":
        return False
    if word[0] != word[0].title():  # not upper(): that also changes Georgian letters
        return False
    # What cleaning would change or refuse is no name; nor is "Annnna".
    thrice = any(a == b == c for a, b, c in zip(word, word[1:], word[2:], strict=False))
    return examine(word) == (word, "") and not thrice


@dataclass(frozen=True)
class _Chain:
    """Transitions of all contexts, flat and sorted by context.

    `cumulative` holds c + P(character or an earlier one | context c), so that it rises over the
    whole array and one binary search draws the next character of many names at once.
    """

    cumulative: np.ndarray[tuple[int], np.dtype[np.float64]]
    characters: IntArray
    following: IntArray

    start: int

    @classmethod
    def fit(cls, words: Sequence[str], order: int) -> _Chain:
        padded = "".join(_START * order + word + _END for word in words)
        points, symbols = np.unique(
            np.frombuffer(padded.encode("utf-32-le"), dtype=np.uint32), return_inverse=True
        )
        base = len(points)
        # A context is a number of `order` digits, one per character before the next one.
        at = np.flatnonzero(points[symbols] != ord(_START))
        codes = np.zeros(len(at), dtype=np.int64)
        for back in range(order, 0, -1):
            codes = codes * base + symbols[at - back]
        contexts, numbers = np.unique(codes, return_inverse=True)
        steps, counts = np.unique(numbers * base + symbols[at], return_counts=True)
        context, symbol = np.divmod(steps, base)
        total = np.bincount(context, weights=counts)
        so_far = np.cumsum(counts)
        before = (so_far - counts)[np.searchsorted(context, np.arange(len(contexts)))]
        shares = (so_far - before[context]) / total[context]
        # What follows the end character is never asked for.
        following = np.searchsorted(contexts, (contexts[context] * base + symbol) % base**order)
        is_end = points[symbol] == ord(_END)
        first = sum(int(symbols[0]) * base**place for place in range(order))
        return cls(
            context + shares,
            points[symbol].astype(np.int64),
            np.where(is_end, 0, following),
            int(np.searchsorted(contexts, first)),
        )

    def sample(self, n: int, longest: int, rng: np.random.Generator) -> list[str]:
        """Draw n words; one that is still going on after `longest` characters is left out."""
        context = np.full(n, self.start)
        drawn = np.full((n, longest + 1), ord(_END), dtype=np.int64)
        going = np.arange(n)
        for step in range(longest + 1):
            if not len(going):
                break
            # Below 1 by more than a double near the last context resolves.
            draws = context[going] + rng.random(len(going)) * (1 - 1e-9)
            at = np.searchsorted(self.cumulative, draws, side="right")
            drawn[going, step] = self.characters[at]
            context[going] = self.following[at]
            going = going[self.characters[at] != ord(_END)]
        done = np.delete(drawn, going, axis=0)
        texts = ("".join(map(chr, row)) for row in done.tolist())
        return [text.partition(_END)[0] for text in texts]
