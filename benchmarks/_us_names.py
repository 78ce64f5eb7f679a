"""The packaged table of US names, made of the public files; see namebasis/data/us/SOURCE.md.

python -m benchmarks._us_names names.zip census-2010-surnames.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from namebasis.namespace.corpus.names import Names
from namebasis.namespace.corpus.records import read_census, read_ssa
from namebasis.namespace.corpus.us_names import FAMILY_FILE, GIVEN_FILE, PERIOD

FIRST_YEAR = 1880
FAMILY_COLUMNS = (
    "name", "count", "pct_white", "pct_black", "pct_asian", "pct_native", "pct_multiracial",
    "pct_hispanic",
)  # fmt: skip


def births_by_period(names: Names) -> pa.Table:
    """The names, and for both sexes one column for each period of `PERIOD` years."""
    births = names.table["births"].to_pylist()
    last = max(entry["year"] for entries in births for entry in entries)
    n_periods = (last - FIRST_YEAR) // PERIOD + 1
    counts = {sex: np.zeros((len(births), n_periods), np.int32) for sex in ("female", "male")}
    for row, entries in enumerate(births):
        for entry in entries:
            for sex, table in counts.items():
                table[row, (entry["year"] - FIRST_YEAR) // PERIOD] += entry[sex]
    columns = {"name": names.table["name"]}
    for sex, table in counts.items():
        for period in range(n_periods):
            columns[f"{sex[0].upper()}{FIRST_YEAR + PERIOD * period}"] = pa.array(table[:, period])
    return pa.table(columns)


def write(table: pa.Table, path: Path) -> None:
    """Write as few bytes as Parquet can, the same ones each time."""
    numbers = [field.name for field in table.schema if field.name != "name"]
    encoding = dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")
    pq.write_table(
        table.combine_chunks(), path, compression="zstd", compression_level=19,
        use_dictionary=False, column_encoding=encoding, write_statistics=False,
    )  # fmt: skip
    print(f"{path}: {len(table):,} names, {path.stat().st_size / 1000:,.0f} kB")


def main(ssa: str, census: str) -> None:
    """Write both files into the package."""
    folder = Path(__file__).parents[1] / "namebasis" / "data" / "us"
    write(births_by_period(read_ssa(Path(ssa))), folder / GIVEN_FILE)
    write(read_census(Path(census)).table.select(list(FAMILY_COLUMNS)), folder / FAMILY_FILE)


if __name__ == "__main__":
    main(*sys.argv[1:])
