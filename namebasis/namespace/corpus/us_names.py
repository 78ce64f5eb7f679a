"""The packaged US names: given names with births, frequent surnames; see data/us/SOURCE.md."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.merging import EXTRACT
from namebasis.namespace.corpus.names import Names, merge_names, names_from_columns
from namebasis.namespace.corpus.records import assemble_births

GIVEN_FILE, FAMILY_FILE = "given_names.parquet", "surnames.parquet"
PERIOD = 5
"""Years whose births are added up; they are entered in the period's third year."""
PARTS = ("given", "family", "all")
N_FREQUENT = 4_000
"""Given names of the source `us`; all that are packaged are those of `us:all`."""
_US = ["en_US"]


@cache
def read_us(argument: str = "") -> Names:
    """Read the most frequent US given names with their births, and the most frequent surnames.

    Parameters
    ----------
    argument : str
        "given" or "family" for one of the parts; empty for both; "all" for all given names that
        are packaged and the surnames.

    Returns
    -------
    Names
        Given names, those with most births first, with the columns that `records.read_ssa` gives;
        births are sums of five years, entered in the third of them. Then surnames, the most
        frequent first, with those that `records.read_census` gives. `sources` is "us-names"; merged
        with "ssa" or "census" they count as the same people.

    Raises
    ------
    CorpusError
        If the argument is neither part.
    """
    if argument not in ("", *PARTS):
        raise CorpusError(f"us: has the parts given, family and all; got {argument[:40]!r}.")
    if argument == "family":
        return _family()
    given = _given(None if argument == "all" else N_FREQUENT)
    return given if argument == "given" else merge_names(given, _family())


@dataclass(frozen=True)
class RecordedBirths:
    """US births of all packaged given names.

    Attributes
    ----------
    folded : Array of shape (n_names,)
        The names as `folding.fold` gives them.
    years : ndarray of shape (n_periods,), int64
        The third year of each period of five.
    female, male : ndarrays of shape (n_names, n_periods), int32
    """

    folded: pa.Array
    years: IntArray
    female: np.ndarray[tuple[int, int], np.dtype[np.int32]]
    male: np.ndarray[tuple[int, int], np.dtype[np.int32]]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.folded.to_pylist())}

    def between(self, folded: pa.Array, first: int, last: int, sex: str = "") -> pa.Array:
        """Births of names in periods whose third year lies between two; null of unknown names."""
        inside = (self.years >= first) & (self.years <= last)
        born = np.zeros(len(self.folded), dtype=np.int64)
        for letter, counts in (("F", self.female), ("M", self.male)):
            if sex in ("", letter):
                born += counts[:, inside].sum(axis=1, dtype=np.int64)
        return pa.array(born).take(pc.index_in(folded, self.folded))

    def share_female(self, folded: pa.Array) -> pa.Array:
        """Share of women among those who were born with a name; null of unknown names."""
        women = self.female.sum(axis=1, dtype=np.int64)
        everyone = women + self.male.sum(axis=1, dtype=np.int64)
        shares = women / np.maximum(everyone, 1)
        return pa.array(shares, mask=everyone == 0).take(pc.index_in(folded, self.folded))

    def entries(self, name: str) -> list[dict[str, int]]:
        """Births of one name as the column `births` has them; none of an unknown name."""
        row = self._rows.get(fold(name))
        if row is None:
            return []
        pairs = zip(self.years, self.female[row], self.male[row], strict=True)
        return [
            {"year": int(year), "female": int(girls), "male": int(boys)}
            for year, girls, boys in pairs
            if girls or boys
        ]


@cache
def recorded_births() -> RecordedBirths:
    """The births that are packaged, for look-ups by name."""
    table = _packaged(GIVEN_FILE)
    columns = {sex: [name for name in table.column_names if name[0] == sex] for sex in "FM"}
    counts = {
        sex: np.stack([table[name].to_numpy() for name in columns[sex]], axis=1) for sex in "FM"
    }
    folded = pa.array([fold(name) for name in table["name"].to_pylist()], pa.string())
    years = np.array([int(name[1:]) for name in columns["F"]], np.int64) + PERIOD // 2
    return RecordedBirths(folded, years, counts["F"], counts["M"])


@cache
def recorded_groups() -> dict[str, dict[str, float | int]]:
    """Bearers and the six group shares of the packaged surnames, by what the name folds to."""
    rows = _packaged(FAMILY_FILE).to_pylist()
    return {
        fold(row["name"]): {
            key: value for key, value in row.items() if key != "name" and value is not None
        }
        for row in rows
    }


def _given(n_names: int | None) -> Names:
    table = _packaged(GIVEN_FILE).slice(0, n_names)
    by_year = {
        sex: np.array([table[column].to_numpy() for column in table.column_names
                       if column[0] == sex], dtype=np.int64)
        for sex in "FM"
    }  # fmt: skip
    years = [int(column[1:]) for column in table.column_names if column[0] == "F"]
    rows = {sex: np.nonzero(counts) for sex, counts in by_year.items()}
    at = np.concatenate([np.array(years)[rows[sex][0]] for sex in "FM"]) + PERIOD // 2
    return assemble_births(
        table["name"].combine_chunks(),
        np.concatenate([rows[sex][1] for sex in "FM"]),
        at,
        np.concatenate([by_year[sex][rows[sex]] for sex in "FM"]),
        np.arange(len(at)) < len(rows["F"][0]),
        "us:given",
        EXTRACT,
    )


def _family() -> Names:
    table = _packaged(FAMILY_FILE)
    return names_from_columns(
        {column: table[column].to_pylist() for column in table.column_names}
        | {"part": ["family"] * len(table), "locales": [_US] * len(table)},
        where="us:family",
        source=EXTRACT,
    )


def _packaged(name: str) -> pa.Table:
    import pyarrow.parquet as pq

    data = files("namebasis").joinpath("data/us", name).read_bytes()
    return pq.read_table(io.BytesIO(data))
