"""A folder of wildcard files: for each value of a column the names that have it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

import pyarrow as pa

from namebasis.namespace.corpus.cleaning import Dropped
from namebasis.namespace.export.wildcards import default_key, wildcards

MOST_FILES = 1_000
"""Values of a column; each is a file."""


def write_by(
    table: pa.Table, by: Sequence[str], target: str, folder: Path
) -> tuple[int, int, tuple[Dropped, ...]]:
    """Write ``COLUMN/VALUE.txt`` for each value.

    Returns how many files, how many names stand in one at least, and what was left out.

    Parameters
    ----------
    table : Table
        `name` and the columns. Of a list a name has every entry.
    by : sequence of str
    target : str
        One of `wildcards.TARGETS`.
    folder : Path
        Made here.

    Raises
    ------
    ValueError
        If a column has no value, or more than `MOST_FILES`.
    """
    names = table["name"].to_pylist()
    n_files = 0
    written: set[int] = set()
    dropped: list[Dropped] = []
    folder.mkdir()
    for column in by:
        groups: dict[str, list[str]] = {}
        without: list[str] = []
        for row, (name, value) in enumerate(zip(names, table[column].to_pylist(), strict=True)):
            held = [one for one in (value if isinstance(value, list) else [value])
                    if one is not None]  # fmt: skip
            for one in held:
                groups.setdefault(default_key(PurePath(f"{one}.x"), target), []).append(name)
            if held:
                written.add(row)
            else:
                without.append(name)
        if without:
            dropped.append(Dropped(f"no {column}", len(without), tuple(without[:3])))
        if not 0 < len(groups) <= MOST_FILES:
            raise ValueError(
                f"by: the column {column} has {len(groups):,} values in these names; each is a "
                f"file, so there must be 1 to {MOST_FILES:,}."
            )
        (folder / column).mkdir()
        for key, members in groups.items():
            made = wildcards(members, target, suffix=".txt", key=key)
            dropped += [one for one in made.dropped if "comes again" not in one.reason]
            if made.n_values:
                path = folder / column / f"{key}.txt"
                path.write_text(made.text, encoding="utf-8", newline="")
                n_files += 1
    return n_files, len(written), tuple(dropped)


def is_wildcard_folder(folder: Path) -> bool:
    """Whether a folder holds wildcard files by column and nothing else."""
    return all(
        path.is_dir() or (path.suffix == ".txt" and path.parent.parent == folder)
        for path in folder.rglob("*")
    )
