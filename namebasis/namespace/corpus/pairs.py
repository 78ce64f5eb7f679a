"""Full names that nobody need bear: given and family names of a corpus, paired at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from namebasis.checks import IntArray, check_count
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.folding import script_of
from namebasis.namespace.corpus.full_names import join
from namebasis.namespace.corpus.names import Names, names_from_columns

_BEARERS = ("F", "M", None)
# A corpus with fewer pairs than this many times n is drawn from by listing all its pairs.
_ROOM = 4
_WEIGHTED_ROUNDS = 20
# Pairs of several locales may be written alike, so that fewer names than pairs exist: after so
# many rounds without a new one the pairs are listed too, where that fits in memory.
_PATIENCE = 20
_MOST_LISTED = 50_000_000

Shares = npt.NDArray[np.float64]
Drawn = dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class _Stratum:
    """Names that go together: one locale, one script, genders that agree."""

    locale: str | None
    script: str
    gender: str | None
    given: IntArray
    family: IntArray
    given_shares: Shares
    family_shares: Shares

    @property
    def n_pairs(self) -> int:
        return len(self.given) * len(self.family)


def full_names(
    n: int, *, corpus: Names | None = None, seed: int = 0, within_locale: bool = True
) -> Names:
    """Pair given with family names at random.

    A locale is drawn in proportion to its given names; within it, a given name and a family name
    in proportion to their counts where the corpus has any, else to their weights (a name without
    one counts as the median), else evenly. Both are in the same script, and a family name of one
    gender only goes with given names of that gender. The family name comes first where the
    locale's language has it so (zh, ja and ko without a space, unless romanised).

    Parameters
    ----------
    n : int
        How many, at least 1.
    corpus : Names, optional
        With given and family names; by default all of Faker.
    seed : int
        Equal seeds give equal names.
    within_locale : bool
        Pair only names that share a locale; names without any locale are paired among
        themselves. Otherwise locales are left aside.

    Returns
    -------
    Names
        Exactly `n`, distinct, of part "full", with the locale, and the gender of those whose given
        name is only F or only M.

    Raises
    ------
    CorpusError
        If the corpus lacks given or family names, none of them go together, or they make fewer
        than `n` pairs.
    ValueError
        If `n` or `seed` is not an integer in its range.
    """
    from namebasis.namespace.corpus.faker_source import read_faker

    check_count(n, "n")
    rng = np.random.default_rng(check_count(seed, "seed", low=0))
    base = read_faker() if corpus is None else corpus
    given, family = base.select("given"), base.select("family")
    if not len(given) or not len(family):
        lacking = "given" if not len(given) else "family"
        raise CorpusError(f"full: the corpus holds no {lacking} name. Name a source that has both.")
    strata = _strata(given, family, within_locale)
    n_pairs = sum(stratum.n_pairs for stratum in strata)
    if n_pairs < n:
        remedy = " or pair over locales" if within_locale else ""
        raise CorpusError(
            f"full: the corpus makes at most {n_pairs:,} pairs of the {n:,} asked for. "
            f"Ask for fewer, name a larger source{remedy}."
        )
    drawn = _draw(strata, n, rng, given.strings, family.strings)
    return names_from_columns(
        {
            "name": list(drawn),
            "part": ["full"] * len(drawn),
            "gender": [gender for gender, _ in drawn.values()],
            "locales": [[locale] if locale else [] for _, locale in drawn.values()],
        },
        where="full",
        source="full",
    )


def _strata(given: Names, family: Names, within_locale: bool) -> list[_Stratum]:
    given_rows, family_rows = _groups(given, within_locale), _groups(family, within_locale)
    given_shares, family_shares = _shares(given), _shares(family)
    given_gender = np.array(given.table["gender"].to_pylist(), dtype=object)
    family_gender = np.array(family.table["gender"].to_pylist(), dtype=object)
    strata = []
    for key in sorted(set(given_rows) & set(family_rows), key=str):
        rows, partners = given_rows[key], family_rows[key]
        for gender in _BEARERS:
            own = given_gender[rows]
            mine = rows[own == gender] if gender else rows[(own != "F") & (own != "M")]
            # A family name that only women bear does not go with a man's name.
            other = {"F": "M", "M": "F"}.get(gender or "")
            fits = partners[family_gender[partners] != other] if other else partners
            if len(mine) and len(fits):
                shares = given_shares[mine], family_shares[fits]
                strata.append(_Stratum(*key, gender, mine, fits, *map(_as_shares, shares)))
    return strata


def _groups(names: Names, within_locale: bool) -> dict[tuple[str | None, str], IntArray]:
    """Return row numbers by (locale, script)."""
    rows: dict[tuple[str | None, str], list[int]] = {}
    told = names.table["locales"].to_pylist()
    for row, (text, locales) in enumerate(zip(names.strings, told, strict=True)):
        script = script_of(text)
        for locale in locales if within_locale and locales else [None]:
            rows.setdefault((locale, script), []).append(row)
    return {key: np.array(values, dtype=np.int64) for key, values in rows.items()}


def _shares(names: Names) -> Shares:
    """Return how frequent each name is, NaN where the corpus does not say."""
    column = "count" if pc.any(pc.is_valid(names.table["count"])).as_py() else "weight"
    values = names.table[column].to_pylist()
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _as_shares(values: Shares) -> Shares:
    known = values[~np.isnan(values)]
    typical = np.median(known) if len(known) else 1.0
    filled = np.where(np.isnan(values), typical, values)
    total = filled.sum()
    return filled / total if total > 0 else np.full(len(values), 1 / len(values))


def _draw(
    strata: Sequence[_Stratum],
    n: int,
    rng: np.random.Generator,
    given: Sequence[str],
    family: Sequence[str],
) -> Drawn:
    """Return n distinct full names with gender and locale, in random order."""
    drawn: Drawn = {}
    n_pairs = np.array([stratum.n_pairs for stratum in strata], dtype=np.float64)
    n_given = np.array([len(stratum.given) for stratum in strata], dtype=np.float64)
    rounds = idle = 0
    while len(drawn) < n and idle < _PATIENCE and n_pairs.sum() >= _ROOM * n:
        before = len(drawn)
        # Skewed weights may come up with the same pairs for ever; even ones do not.
        is_weighted = rounds < _WEIGHTED_ROUNDS
        chances = n_given if is_weighted else n_pairs
        picks = _some_pairs(strata, chances / chances.sum(), n, is_weighted, rng)
        _add(drawn, strata, picks, n, given, family)
        rounds += 1
        idle = idle + 1 if len(drawn) == before and not is_weighted else 0
    if len(drawn) < n and n_pairs.sum() <= _MOST_LISTED:
        _add(drawn, strata, _all_pairs(strata, n_given, rng), n, given, family)
    if len(drawn) < n:
        raise CorpusError(
            f"full: the corpus makes only {len(drawn):,} different full names of the {n:,} asked "
            "for. Ask for fewer or name a larger source."
        )
    return drawn


def _all_pairs(strata: Sequence[_Stratum], n_given: Shares, rng: np.random.Generator) -> IntArray:
    """Return all pairs in the order of a weighted draw without replacement, shape (n_pairs, 3)."""
    rows, chances = [], []
    for number, (stratum, size) in enumerate(zip(strata, n_given, strict=True)):
        given, family = np.divmod(np.arange(stratum.n_pairs), len(stratum.family))
        rows.append(np.stack([np.full_like(given, number), given, family], axis=1))
        chances.append(size * np.outer(stratum.given_shares, stratum.family_shares).ravel())
    # The largest log chance + Gumbel noise first is such a draw; chance 0 comes last.
    with np.errstate(divide="ignore"):
        keys = np.log(np.concatenate(chances)) + rng.gumbel(size=sum(map(len, rows)))
    return np.concatenate(rows)[np.argsort(-keys, kind="stable")]


def _some_pairs(
    strata: Sequence[_Stratum],
    chances: Shares,
    n: int,
    is_weighted: bool,
    rng: np.random.Generator,
) -> IntArray:
    """Return n pairs drawn with replacement, shape (n, 3): stratum, given and family place."""
    numbers = rng.choice(len(strata), n, p=chances)
    picks = np.empty((n, 3), dtype=np.int64)
    picks[:, 0] = numbers
    by_stratum = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[by_stratum], np.arange(len(strata) + 1))
    for number in np.unique(numbers):
        stratum, rows = strata[number], by_stratum[ends[number] : ends[number + 1]]
        shares = (stratum.given_shares, stratum.family_shares) if is_weighted else (None, None)
        picks[rows, 1] = rng.choice(len(stratum.given), len(rows), p=shares[0])
        picks[rows, 2] = rng.choice(len(stratum.family), len(rows), p=shares[1])
    return picks


def _add(
    drawn: Drawn,
    strata: Sequence[_Stratum],
    picks: IntArray,
    n: int,
    given: Sequence[str],
    family: Sequence[str],
) -> None:
    """Write out pairs until there are n different names."""
    for number, at_given, at_family in picks.tolist():
        if len(drawn) >= n:
            return
        stratum = strata[number]
        first, last = given[stratum.given[at_given]], family[stratum.family[at_family]]
        name = join(first, last, stratum.locale)
        drawn.setdefault(name, (stratum.gender, stratum.locale))
