"""Tables with a column of counts for each sex, each year, or both: counts, shares and genders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from namebasis.namespace.corpus.cleaning import Refusals
from namebasis.namespace.corpus.files import content
from namebasis.namespace.corpus.files.column_roles import SEXES, normal
from namebasis.namespace.corpus.merging import sex_of
from namebasis.namespace.corpus.values import is_count, is_held_back, plain_number

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_SEXES = {**SEXES, "m": "M", "f": "F", "men": "M", "women": "F"}
# What a title may say beside the sex and the year and still be that of a count.
_COUNT_WORDS = frozenset(
    "count counts birth births born baby babies n num number of freq frequency bearers x y year "
    "anzahl anz nombre nb antal aantal liczba total totals in the occurrences names".split()
)
_RUN = re.compile(r"[a-z]+|\d+")
_FEW = 4


@dataclass(frozen=True)
class Counted:
    """Counts of names whose table has several columns of them.

    Attributes
    ----------
    fields : dict
        Columns ``count``, ``gender`` and ``share_female`` of the corpus, those that follow.
    note : str
        Of which columns.
    """

    fields: dict[str, list[object]]
    note: str


def wide_counts(
    titles: Sequence[str],
    columns: Sequence[Sequence[object]],
    free: Sequence[int],
    known: Mapping[str, int],
    refusals: Refusals,
) -> Counted | None:
    """Add up counts that stand in one column for each sex or year.

    ``Male, Female``; ``1990 F, 1990 M``; ``1990, 1991``. The sex of a name is that of 95 % of its
    bearers or more. Columns of ranks, ages and shares are no counts; columns of 0 and 1 tell the
    sex and no count, those that make 100 its share. Where the table has a count itself that is
    not their sum, they are left alone.

    Parameters
    ----------
    titles : sequence of str
    columns : sequence of sequences
    free : sequence of int
        Places of columns that are not taken for something else.
    known : mapping
        Places of the columns that are, by what for.
    refusals : Refusals
        Counts cells that are held back.

    Returns
    -------
    Counted or None
        None where there are no such columns.
    """
    told = {at: what for at in free if (what := _meaning(titles[at])) and _are_counts(columns[at])}
    with_sex = {at: sex for at, (sex, _) in told.items() if sex}
    both = len(set(with_sex.values())) == 2
    years = {at: year for at, (sex, year) in told.items() if year and not sex}
    if both and any(told[at][1] for at in with_sex):
        with_sex = {at: sex for at, sex in with_sex.items() if told[at][1]}
        both = len(set(with_sex.values())) == 2
    if both and "gender" not in known:
        return _by_sex(titles, columns, with_sex, known, refusals)
    if len(years) > 1 and "count" not in known and not _are_ranks(columns, list(years)):
        places = list(years)
        sums = _sums(columns, places, refusals)
        return Counted({"count": list(sums)}, f"count added up over {_listed(titles, places)}")
    return None


def _by_sex(
    titles: Sequence[str],
    columns: Sequence[Sequence[object]],
    sexes: Mapping[int, str],
    known: Mapping[str, int],
    refusals: Refusals,
) -> Counted | None:
    females = _sums(columns, [at for at, sex in sexes.items() if sex == "F"], refusals)
    males = _sums(columns, [at for at, sex in sexes.items() if sex == "M"], refusals)
    both = [_plus(female, male) for female, male in zip(females, males, strict=True)]
    named = _listed(titles, list(sexes))
    if "count" in known:
        whole = _sums(columns, [known["count"]], Refusals())
        agree = sum(one == other for one, other in zip(whole, both, strict=True))
        if agree * 2 < len(both):
            return None
    shares = [
        None if not total else (female or 0) / total
        for female, total in zip(females, both, strict=True)
    ]
    genders = [None if share is None else sex_of(share) for share in shares]
    if max((total or 0 for total in (*females, *males)), default=0) <= 1:
        return Counted({"gender": list(genders)}, f"gender from {named}")
    fields: dict[str, list[object]] = {"gender": list(genders), "share_female": list(shares)}
    are_percent = len(both) > 1 and {total for total in both if total is not None} == {100}
    if "count" not in known and not are_percent:
        fields["count"] = list(both)
    return Counted(fields, f"{', '.join(sorted(fields))} from {named}")


def _meaning(title: str) -> tuple[str, str] | None:
    """Return the sex and the year in a title, either may be empty; None where it is no count's."""
    words = [run for word in normal(title).split() for run in _RUN.findall(word)]
    sexes = {_SEXES[word] for word in words if word in _SEXES}
    years = [word for word in words if _YEAR.fullmatch(word)]
    rest = {word for word in words if word not in _SEXES} - set(years) - _COUNT_WORDS
    if rest or len(sexes) > 1 or len(years) > 1 or not (sexes or years):
        return None
    return (sexes.pop() if sexes else ""), (years[0] if years else "")


def _are_counts(values: Sequence[object]) -> bool:
    told = [value for value in content.sample(values) if str(value).strip()]
    return bool(told) and all(map(is_count, told)) and any(map(content.is_number, told))


def _are_ranks(columns: Sequence[Sequence[object]], places: Sequence[int]) -> bool:
    """Whether every column holds places in a list: 1 to its length, hardly any of them twice."""
    for at in places:
        numbers = [number for value in columns[at] if (number := _number(value)) is not None]
        unlike = len(set(numbers)) < 0.9 * len(numbers)
        if len(numbers) < _FEW or unlike or min(numbers) < 1 or max(numbers) > len(columns[at]):
            return False
    return True


def _sums(
    columns: Sequence[Sequence[object]], places: Sequence[int], refusals: Refusals
) -> list[int | None]:
    """Row sums over columns; None where a row has no number in any."""
    sums: list[int | None] = [None] * len(columns[places[0]])
    for at in places:
        for row, value in enumerate(columns[at]):
            number = _number(value)
            sums[row] = _plus(sums[row], number)
            if number is None and value is not None and str(value).strip():
                refusals.add("count held back, not added up", str(value))
    return sums


def _plus(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


def _number(value: object) -> int | None:
    if value is None or not str(value).strip() or is_held_back(value):
        return None
    try:
        return int(float(plain_number(str(value).strip(), True)))
    except (ValueError, OverflowError):
        return None


def _listed(titles: Sequence[str], places: Sequence[int]) -> str:
    named = [repr(titles[at]) for at in places]
    return ", ".join(named) if len(named) <= _FEW else f"{named[0]} … {named[-1]} ({len(named)})"
