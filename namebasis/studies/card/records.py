"""What the corpus of a space recorded about one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.us_names import recorded_births, recorded_groups

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

COLUMNS = (
    "part", "gender", "locales", "sources", "count", "weight", "share_female",
    "pct_white", "pct_black", "pct_asian", "pct_native", "pct_multiracial", "pct_hispanic",
)  # fmt: skip


@dataclass(frozen=True)
class Births:
    """US births of a given name.

    Attributes
    ----------
    n : int
    first, last : int
        Years of the first and last ones.
    peak : int
        The decade with most, by its first year.
    by_decade : mapping of int to int
    share_female : float
    expected_age : float or None
        Mean age of the living bearers in the year after which no births are recorded; None where
        none is left.
    """

    n: int
    first: int
    last: int
    peak: int
    by_decade: Mapping[int, int]
    share_female: float
    expected_age: float | None


@dataclass(frozen=True)
class Record:
    """One row of the corpus; a name can be stored as given and as family name.

    Attributes
    ----------
    columns : mapping
        Those of the corpus that are known, without births.
    births : Births or None
    packaged : mapping
        What the packaged US records say of a name of which the corpus recorded neither births nor
        group shares: bearers and shares of a family name. Of a given name they give `births`, and
        `has_packaged_births` says so.
    has_packaged_births : bool
    """

    columns: Mapping[str, Any]
    births: Births | None
    packaged: Mapping[str, Any] = field(default_factory=dict)
    has_packaged_births: bool = False

    @property
    def known(self) -> dict[str, Any]:
        """The columns of the corpus, and where it has none, what is packaged."""
        return {**self.packaged, **self.columns}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        births = None if self.births is None else asdict(self.births)
        beside = {"packaged": dict(self.packaged)} if self.packaged else {}
        told = {"has_packaged_births": True} if self.has_packaged_births else {}
        return {**self.columns, "births": births, **beside, **told}


def read_records(space: StoredSpace, row: int) -> tuple[Record, ...]:
    """The records of a row, then those of other rows of the same name.

    Parameters
    ----------
    space : Space
    row : int
    """
    name = space.table(["name"], ids=[row])["name"][0].as_py()
    columns = ["id", "births", *(column for column in COLUMNS if column in space.columns)]
    table = space.table(columns, ids=space.rows_named(name)).to_pylist()
    table.sort(key=lambda entry: entry["id"] != row)
    return tuple(_record(name, entry) for entry in table)


def _record(name: str, entry: dict[str, Any]) -> Record:
    births = entry.pop("births")
    del entry["id"]
    known = {key: value for key, value in entry.items() if value is not None}
    if births or any(key.startswith("pct_") for key in known):
        return Record(known, births_of(births) if births else None)
    if known.get("part") == "given":
        found = births_of(recorded_births().entries(name))
        return Record(known, found, has_packaged_births=found is not None)
    groups = recorded_groups().get(fold(name), {}) if known.get("part") == "family" else {}
    return Record(known, None, groups)


def births_of(entries: list[dict[str, int]]) -> Births | None:
    """What recorded births come to; None of entries without any."""
    from namebasis.studies.attributes.record_facts import expected_ages

    girls, boys = (sum(one[sex] or 0 for one in entries) for sex in ("female", "male"))
    if not girls + boys:
        return None
    years = [one["year"] for one in entries]
    by_decade: dict[int, int] = {}
    for one in entries:
        decade = one["year"] // 10 * 10
        by_decade[decade] = by_decade.get(decade, 0) + (one["female"] or 0) + (one["male"] or 0)
    age = float(expected_ages([entries], max(years))[0])
    return Births(
        girls + boys, min(years), max(years), max(by_decade, key=lambda d: by_decade[d]),
        dict(sorted(by_decade.items())), girls / (girls + boys), None if np.isnan(age) else age,
    )  # fmt: skip
