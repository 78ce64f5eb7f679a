"""The packaged US names: frequent given names with births, and surnames; see data/us/SOURCE.md."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.merging import EXTRACT
from namebasis.namespace.corpus.names import Names, merge_names, names_from_columns
from namebasis.namespace.corpus.records import assemble_births

GIVEN_FILE, FAMILY_FILE = "given_names.parquet", "surnames.parquet"
PERIOD = 5
"""Years whose births are added up; they are entered in the period's third year."""
PARTS = ("given", "family")
_US = ["en_US"]


@cache
def read_us(argument: str = "") -> Names:
    """Read the most frequent US given names with their births, and the most frequent surnames.

    Parameters
    ----------
    argument : str
        "given" or "family" for one of the parts; empty for both.

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
        raise CorpusError(f"us: has the parts given and family; got {argument[:40]!r}.")
    if argument:
        return _given() if argument == "given" else _family()
    return merge_names(_given(), _family())


def _given() -> Names:
    table = _packaged(GIVEN_FILE)
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
