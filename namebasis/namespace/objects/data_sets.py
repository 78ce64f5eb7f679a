"""Data sets in object storage: opened, appended to, tidied.

A commit there is a manifest that is put only where none of its number is. Lance lets two appends
follow each other, which would give two rows one number; so rows are appended by an operation that
conflicts with every other one that writes data, and the second of two writers is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from namebasis.errors import NamebasisError, SpaceError
from namebasis.forks import enter_lance
from namebasis.namespace.objects.refusals import is_conflict, is_missing, refusal
from namebasis.namespace.objects.urls import remote_of, said

log = logging.getLogger(__name__)

_NO_COLUMN = -2
"""The number that Lance gives to what a file holds of a column that was dropped."""
KEPT = timedelta(days=1)
"""Younger versions stay: a reader on another machine holds no lock on them."""


def find_remote(uri: str, url: str) -> Any:
    """Open a data set of a space in object storage at its newest version; None where there is none.

    Parameters
    ----------
    uri : str
        Of the data set.
    url : str
        Of the space, for messages.

    Raises
    ------
    SpaceError
        If the storage cannot be reached, or refuses.
    ForkError
        In a child forked after its parent had used Lance.
    """
    enter_lance(url)
    import lance

    try:
        return lance.dataset(uri)
    except NamebasisError:
        raise
    except BaseException as error:
        if is_missing(str(error)):
            return None
        if not isinstance(error, (ValueError, OSError, RuntimeError)) and (
            type(error).__name__ != "PanicException"
        ):
            raise
        raise refusal(error, url) from None


def open_remote(uri: str, url: str) -> Any:
    """As `find_remote`, but refuse where there is none.

    Raises
    ------
    SpaceError
    """
    found = find_remote(uri, url)
    if found is None:
        raise SpaceError(f"{url}: there is no name space. Make one with `namebasis build`.")
    return found


def folders_below(url: str) -> list[str]:
    """Names of the folders that lie in a folder of object storage, sorted; it need not be there.

    Parameters
    ----------
    url : str
        Of a bucket, or of a folder in one.

    Raises
    ------
    SpaceError
        If the storage cannot be reached, or refuses.
    """
    enter_lance(url)
    from lance.file import LanceFileSession

    try:
        found = LanceFileSession(url).list_with_delimiter().common_prefixes
    except (ValueError, OSError, RuntimeError) as error:
        raise refusal(error, url) from None
    return sorted(found)


def append_remote(dataset: Any, rows: pa.Table | pa.RecordBatchReader, **how: Any) -> Any:
    """Append rows in one commit, which is refused if anything was committed since `dataset`.

    Parameters
    ----------
    dataset : LanceDataset
        The version that the rows were computed from.
    rows : Table or RecordBatchReader
        Of its schema.
    **how
        As Lance's `write_fragments` takes it.

    Returns
    -------
    LanceDataset
        The version with the rows.

    Raises
    ------
    OSError
        Lance's, if another writer was first.
    """
    from lance.fragment import write_fragments

    return append_fragments(dataset, write_fragments(rows, dataset, mode="append", **how))


def append_fragments(dataset: Any, new: Sequence[Any]) -> Any:
    """Append fragments that were written, as `append_remote` appends rows."""
    import lance

    fragments = {one.fragment_id: one.metadata for one in dataset.get_fragments()}
    for number, one in enumerate(new, start=1 + max(fragments, default=-1)):
        one.id = number
        fragments[number] = one
    return _commit(dataset, lance.LanceOperation.Merge([*fragments.values()], dataset.lance_schema))


def create_remote(uri: str, rows: pa.RecordBatchReader) -> Any:
    """Make a data set of rows in one commit, which is refused if another writer was first."""
    import lance

    return lance.write_dataset(rows, uri, mode="create")


def overwrite_remote(dataset: Any, rows: pa.RecordBatchReader) -> Any:
    """Put rows of any schema in the place of all others, in one commit.

    What it takes, gives and refuses is as of `append_remote`.
    """
    import lance
    from lance.fragment import write_fragments

    schema = rows.schema
    fragments = write_fragments(rows, dataset, mode="overwrite")
    return _commit(dataset, lance.LanceOperation.Overwrite(schema, fragments))


def rename_remote(dataset: Any, names: Mapping[str, str | None]) -> Any:
    """Rename columns, in one commit that copies no row and is refused if another writer was first.

    Lance's own method overwrites metadata that another writer committed.

    Parameters
    ----------
    dataset : LanceDataset
        The newest version.
    names : mapping of str to str or None
        New names of columns; None drops one.

    Returns
    -------
    LanceDataset
        The version with the new names.

    Raises
    ------
    OSError
        Lance's, if another writer was first.
    """
    fields = [(one, names.get(one.name, one.name)) for one in dataset.schema]
    kept = [one.with_name(name) for one, name in fields if name is not None]
    schema = pa.schema(kept, metadata=dataset.schema.metadata)
    return bring_back(dataset, dataset, schema, names)


def bring_back(
    dataset: Any,
    older: Any,
    schema: pa.Schema,
    names: Mapping[str, str | None] = MappingProxyType({}),
) -> Any:
    """Make the rows of an older version the newest ones, in one commit that copies none of them.

    Lance's own restoring goes over whatever another writer committed, and brings the older
    version's metadata back too.

    Parameters
    ----------
    dataset : LanceDataset
        The newest version.
    older : LanceDataset
        The version to go back to.
    schema : Schema
        Columns of it, with the metadata that they and the data set are to have.
    names : mapping of str to str or None
        What columns of the older version are called in `schema`, where they differ.

    Returns
    -------
    LanceDataset
        The version with the rows.

    Raises
    ------
    OSError
        Lance's, if another writer was first.
    """
    import lance
    from lance.schema import LanceSchema

    # Lance numbers the columns of a schema that is given to it, and files name them by number.
    now = dict(_numbers(LanceSchema.from_pyarrow(schema).fields()))
    then = {
        number: now.get((names.get(outer, outer) or "", *inner))
        for (outer, *inner), number in _numbers(older.lance_schema.fields())
    }
    fragments = [one.metadata for one in older.get_fragments()]
    for fragment in fragments:
        for file in fragment.files:
            numbers = (then.get(number) for number in file.fields)
            file.fields = [_NO_COLUMN if one is None else one for one in numbers]
    return _commit(dataset, lance.LanceOperation.Overwrite(schema, fragments))


def bring_pictures_back(dataset: Any, version: int) -> Any:
    """As `bring_back`, with the columns of that version as they were; of version 0, no row."""
    if version == 0:
        return overwrite_remote(dataset, dataset.schema.empty_table().to_reader())
    older = dataset.checkout_version(version)
    return bring_back(dataset, older, older.schema)


_Place = tuple[str, ...]
"""Names of a field and of those that it lies in, the outermost first."""


def _numbers(fields: Sequence[Any], above: _Place = ()) -> Iterator[tuple[_Place, int]]:
    """The place of each field of a schema of Lance's, and its number."""
    for one in fields:
        place = (*above, one.name())
        yield place, one.id()
        yield from _numbers(one.children(), place)


def put_file(uri: str, url: str, content: bytes) -> None:
    """Keep a small file that never changes as a data set of one row; an existing one stays.

    Parameters
    ----------
    uri : str
        Of the data set.
    url : str
        Of the space, for messages.
    content : bytes
    """
    import lance

    if find_remote(uri, url) is None:
        column = pa.array([content], pa.large_binary())
        lance.write_dataset(pa.table({"content": column}), uri, mode="create")


def get_file(uri: str, url: str) -> bytes | None:
    """What `put_file` kept; None where there is none."""
    found = find_remote(uri, url)
    return None if found is None else bytes(found.to_table()["content"][0].as_py())


def _commit(dataset: Any, operation: Any) -> Any:
    """Commit what was computed from a version, unless another writer was first.

    With retries Lance would put it above whatever was committed meanwhile.
    """
    import lance

    version = dataset.version
    return lance.LanceDataset.commit(dataset, operation, read_version=version, max_retries=0)


@contextmanager
def leaving_to_others(folder: Path) -> Iterator[None]:
    """Do without what only saves room, where another machine writes to the same space."""
    try:
        yield
    except OSError as error:
        if remote_of(folder) is None or not is_conflict(error):
            raise
        log.info("%s: another process writes to it, and small pieces stay", said(folder))


def tidy_remote(dataset: Any) -> None:
    """Drop versions that are older than `KEPT` and have no tag, with what only they hold."""
    dataset.cleanup_old_versions(older_than=KEPT, error_if_tagged_old_versions=False)
