"""What public records say of a space's names, and on which axis each fact is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import Float64Array, IntArray
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.sources import read_names
from namebasis.studies.attributes.axis_files import Axis, AxisValue, load_axis
from namebasis.studies.attributes.record_matching import Matching, match
from namebasis.studies.attributes.survival import survival

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

GRAMMAR = (
    "ssa:ZIP (US births by given name), census:CSV (US surnames by group), us or us:family (what "
    "is packaged of the two: all given names, frequent surnames) or locales (Faker's lists by "
    "country)"
)
LEAST = 10
"""Names that records and space must share, and of each kind for an AUC."""
_SSA_LETTERS = 15
"""Where the Social Security's files cut names off."""
_GROUPS = {
    "white": ("pct_white", ("Western Europe", "Eastern Europe")),
    "black": ("pct_black", ("Africa",)),
    "asian": ("pct_asian", ("South Asia", "East Asia", "Southeast Asia", "Oceania")),
    "hispanic": ("pct_hispanic", ("Latin America",)),
}
"""Census groups by the regions they are asked for as. The census counts Pacific islanders with
Asians; American Indians and several races have no region and are left out."""
GROUP_REGIONS = {group: regions for group, (_, regions) in _GROUPS.items()}
_REGIONS = {
    territory: region
    for region, territories in (
        (
            "Western Europe",
            "AT BE CH DE DK ES FI FR GB GR IE IS IT LI LU NL NO PT SE",
        ),
        ("Eastern Europe", "BA BG BY CZ EE HR HU LT LV MD ME MK PL RO RS RU SI SK UA"),
        ("Latin America", "AR BO BR CL CO CR CU DO EC GT HN MX NI PA PE PR PY SV UY VE"),
        ("Middle East", "AA AE AM AZ BH DZ EG GE IQ IR JO KW LB LY MA OM PS QA SA SY TN TR YE"),
        ("Africa", "AO CD CI CM ET GH KE MZ NG RW SN TZ UG ZM ZW"),
        ("South Asia", "AF BD BT IN LK MV NP PK"),
        ("East Asia", "CN HK JP KP KR MN MO TW"),
        ("Southeast Asia", "BN ID KH LA MM MY PH SG TH TL VN"),
        ("Oceania", "FJ FM KI MH NR PF PG PW SB TO TV VU WS"),
    )
    for territory in territories.split()
}
# A language without a territory, and languages that tell more than their territory does: South
# Africa's Zulu names are African, its English ones are not.
_LANGUAGES = {"sw": "Africa", "zu": "Africa", "xh": "Africa"}


@dataclass(frozen=True)
class Fact:
    """One thing that records say of every name.

    Attributes
    ----------
    name : str
        Such as "age", "women", "hispanic", "South Asia".
    axis : str
    value : str or None
        The axis (and, of a nominal one, the value) that the belief is read on.
    truth : ndarray of shape (n_names,), float64
        In `unit`; NaN where the records do not say.
    unit : str
        "years" or "share".
    measure : str
        "Spearman", or "AUC" for telling shares of one half and more from those below.
    """

    name: str
    axis: str
    value: str | None
    truth: Float64Array
    unit: str
    measure: str


@dataclass(frozen=True)
class Records:
    """The names of a space that records hold, with what they say.

    Attributes
    ----------
    label : str
    ids : ndarray of shape (n_names,), int64
    axes : tuple of Axis
    facts : tuple of Fact
    counts : ndarray of shape (n_names,), int64, or None
        Bearers or births, where the records count them.
    decades : ndarray of shape (n_names,), int64, or None
        In which most bearers were born.
    year : int or None
        Of the records, where they have one.
    matching : Matching or None
        How names were found, and which were not.
    """

    label: str
    ids: IntArray
    axes: tuple[Axis, ...]
    facts: tuple[Fact, ...]
    counts: IntArray | None
    decades: IntArray | None
    year: int | None
    matching: Matching | None = None


def read_records(space: StoredSpace, records: str, *, where: str | None = None) -> Records:
    """Find a space's names in public records.

    Names match as they are written, whatever their capitals, else by their letters alone
    (`record_matching.match`), and only in the part that the records are of: given names
    with births, family names with the census, both with locales.

    Parameters
    ----------
    space : Space
    records : str
        ``us``, ``us:family``, ``ssa:ZIP``, ``census:CSV`` or ``locales``.
    where : str, optional
        The only names that are looked up.

    Raises
    ------
    CorpusError
        If the records cannot be read as what they are said to be, or hold fewer than 10 names.
    """
    kind = records.partition(":")[0]
    readers = {"ssa": _births, "census": _census, "locales": _locales, "us": _births}
    reader = _census if records == "us:family" else readers.get(kind)
    is_whole = records == kind  # with nothing behind it, as locales must be and files cannot be
    if reader is None or (kind != "us" and (kind == "locales") != is_whole):
        raise CorpusError(f"records must be {GRAMMAR}; got {records!r}.")
    try:
        table = _table(records)
    except CorpusError as error:
        raise CorpusError(f"{error} Records must be {GRAMMAR}.") from None
    # The census has tables of surnames and of first names.
    part = None if kind == "locales" else str(table["part"][0].as_py())
    ids, known, matching = _match(space, space.ids(where), table, part)
    if ids.size < LEAST:
        hint = f" They hold {part} names: build with --part {part}." if part else ""
        raise CorpusError(
            f"{records} holds {ids.size} of the space's names; {LEAST} are needed.{hint}"
        )
    return replace(reader(records, ids, table.take(known)), matching=matching)


def _table(records: str) -> pa.Table:
    """What records say; of `us` all given names that are packaged, not the frequent ones alone."""
    if records == "locales":
        return read_names("faker").table
    if records != "us":
        return read_names(records).table
    table = read_names("us:all").table
    return table.filter(pc.equal(table["part"], "given"))


def _match(
    space: StoredSpace, ids: IntArray, table: pa.Table, part: str | None
) -> tuple[IntArray, IntArray, Matching]:
    """Row numbers in the space and in the records of the names that both have."""
    kinds = table["part"].to_pylist()
    known = list(zip(table["name"].to_pylist(), kinds, strict=True))
    rows = space.table(["name", "part"], ids=ids)
    parts = set(kinds) if part is None else {part}
    asked = [
        (int(row), name, kind)
        for row, name, kind in zip(
            ids, rows["name"].to_pylist(), rows["part"].to_pylist(), strict=True
        )
        if kind in parts
    ]
    return match(asked, known, longest=_SSA_LETTERS if part == "given" else None)


def expected_ages(births: Sequence[Sequence[Mapping[str, int]]], year: int) -> Float64Array:
    """Mean age in `year` of the living bearers of each name; NaN where none is left.

    Parameters
    ----------
    births : sequence of sequences of mappings
        Per name, entries of `year`, `female` and `male` births.
    year : int
    """
    ages = np.full(len(births), np.nan)
    for at, entries in enumerate(births):
        born = np.array([entry["year"] for entry in entries], dtype=np.int64)
        alive = np.zeros(len(entries))
        for sex, key in (("F", "female"), ("M", "male")):
            alive += survival(born, year, sex) * [entry[key] for entry in entries]
        if alive.sum() > 0:
            ages[at] = float(alive @ (year - born) / alive.sum())
    return ages


def _births(label: str, ids: IntArray, table: pa.Table) -> Records:
    births = table["births"].to_pylist()
    year = max(entry["year"] for entries in births for entry in entries)
    women = np.array(table["share_female"].to_pylist(), dtype=np.float64)
    facts = (
        Fact("age", "age", None, expected_ages(births, year), "years", "Spearman"),
        Fact("women", "gender", None, women, "share", "AUC"),
    )
    decades = np.array([_decade(entries) for entries in births], dtype=np.int64)
    axes = (load_axis("age"), load_axis("gender"))
    return Records(label, ids, axes, facts, _column(table, "count"), decades, year)


def _decade(entries: Sequence[Mapping[str, int]]) -> int:
    """The decade with most births, the earlier of equals."""
    born: Counter[int] = Counter()
    for entry in entries:
        born[entry["year"] // 10 * 10] += entry["female"] + entry["male"]
    return max(sorted(born), key=lambda decade: born[decade])


def _census(label: str, ids: IntArray, table: pa.Table) -> Records:
    world = load_axis("region")
    phrases = {value.label: value.phrases for value in world.values}
    values = tuple(
        AxisValue(group, tuple(phrase for name in regions for phrase in phrases[name]))
        for group, (_, regions) in _GROUPS.items()
    )
    axis = Axis("census", "nominal", world.templates, values)
    facts: list[Fact] = []
    for group, (column, _) in _GROUPS.items():
        share = np.array(table[column].to_pylist(), dtype=np.float64) / 100
        facts += [Fact(group, "census", group, share, "share", m) for m in ("Spearman", "AUC")]
    return Records(label, ids, (axis,), tuple(facts), _column(table, "count"), None, None)


def _locales(label: str, ids: IntArray, table: pa.Table) -> Records:
    """Names that are of one region alone, against the axis region."""
    regions = [{region(locale) for locale in row} for row in table["locales"].to_pylist()]
    kept = [at for at, found in enumerate(regions) if len(found) == 1 and None not in found]
    if len(kept) < LEAST:
        raise CorpusError(
            f"{label}: {len(kept)} names are of one region of the world alone; {LEAST} are needed."
        )
    own = [next(iter(regions[at])) for at in kept]
    world = load_axis("region")
    facts = tuple(
        Fact(
            value.label,
            "region",
            value.label,
            np.array([name == value.label for name in own], dtype=np.float64),
            "share",
            "AUC",
        )
        for value in world.values
        if LEAST <= own.count(value.label) <= len(own) - LEAST
    )
    if not facts:
        raise CorpusError(f"{label}: all names that can be told are of one region; two are needed.")
    return Records(label, ids[kept], (world,), facts, None, None, None)


def region(locale: str) -> str | None:
    """Return the region of a locale such as `is_IS`; None where its names come from all over.

    Countries of settlers (the United States, Canada, Australia, New Zealand, Israel) have no
    region of their own, nor has English in a country where it is only one language of several.
    """
    language, _, territory = locale.replace("-", "_").partition("_")
    if language.lower() in _LANGUAGES:
        return _LANGUAGES[language.lower()]
    found = _REGIONS.get(territory.upper())
    return None if language.lower() == "en" and found != "Western Europe" else found


def _column(table: pa.Table, name: str) -> IntArray:
    values: Any = table[name].to_numpy()
    return np.asarray(values, dtype=np.int64)
