"""What a collection holds, noted beside it: of which space, encoder, view and version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from namebasis.errors import EngineError
from namebasis.namespace.engines.fields import Field
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError
from namebasis.typed_json import from_json, to_json

if TYPE_CHECKING:
    from namebasis.namespace.engines.client import Client
    from namebasis.namespace.store.dataset import Store
    from namebasis.namespace.store.provenance import Provenance

LAYOUT = 1
"""Of the collections; one of a newer layout is refused."""


@dataclass(frozen=True)
class Collection:
    """A collection of one view of a space.

    Attributes
    ----------
    layout : int
    instance : str
        Random; another one whenever the collection is made.
    build_id : str
        Of the build of the space.
    encoder, fingerprint : str
        What built it.
    view, view_id : str
        Which vectors.
    dim : int
    version : int
        Of the data set, when it was published.
    n_rows : int
    block : int
        Rows that are written together.
    index : str
        As Milvus calls it.
    recall : float or None
        Recall@10 against exact search, on a sample of the names; None where nobody measured it.
    fields : tuple of Field
    known : mapping of str to int
        The columns of the space, when it was published, and their numbers in the data set.
    contents : str
        Which files held their values then; see `contents_of`.
    is_done : bool
        False while rows are being written, or where the writer was stopped.
    """

    layout: int
    instance: str
    build_id: str
    encoder: str
    fingerprint: str
    view: str
    view_id: str
    dim: int
    version: int
    n_rows: int
    block: int
    index: str
    recall: float | None
    fields: tuple[Field, ...]
    known: Mapping[str, int]
    contents: str
    is_done: bool

    def to_json(self) -> str:
        """Write it as text."""
        return to_json(self).decode()

    def check_owner(self, provenance: Provenance, where: str, again: str) -> None:
        """Refuse a collection of another space or encoder.

        Parameters
        ----------
        provenance : Provenance
            Of the space.
        where : str
            Which collection, as a message begins.
        again : str
            The command that puts the space in its place.

        Raises
        ------
        EngineError
        """
        if self.layout > LAYOUT:
            raise EngineError(f"{where} was written by a newer namebasis; upgrade this one.")
        if self.fingerprint != provenance.fingerprint:
            raise EngineError(
                f"{where} holds vectors of {self.encoder} ({self.fingerprint[:19]}…), and this "
                f"space is of {provenance.encoder} ({provenance.fingerprint[:19]}…). "
                "Give the space's own collections a name: --engine '…#NAME'."
            )
        if self.build_id != provenance.build_id:
            raise EngineError(
                f"{where} holds another space, or this one before it was built again or rows went "
                f"(remove, undo). Publish this one in its place: {again}; or give its collections "
                "a name of their own: --engine '…#NAME'."
            )

    def check_current(self, store: Store, where: str, again: str) -> None:
        """Refuse a collection that is not what the open space is now.

        Columns that were written after it was published are no reason: a question that needs one
        of them is refused by its filter.

        Parameters
        ----------
        store : Store
        where : str
            Which collection, as a message begins.
        again : str
            The command that writes what is missing.

        Raises
        ------
        EngineError
        """
        remedy = f"Run {again}; it writes what is missing."
        if not self.is_done:
            raise EngineError(f"{where} is being written, or its writer was stopped. {remedy}")
        is_current = (
            self.n_rows == store.n_rows
            and self.view_id == view_id(store.schema, self.view, store.build_id)
            and (self.version == store.version or self._holds_what_is_in(store))
        )
        if not is_current:
            raise EngineError(
                f"{where} holds version {self.version} of the space ({self.n_rows:,} names), and "
                f"version {store.version} ({store.n_rows:,} names) is open. {remedy}"
            )

    def _holds_what_is_in(self, store: Store) -> bool:
        """Whether all columns that there were at the time still have their values."""
        now = columns_of(store.dataset)
        return self.known.items() <= now.items() and self.contents == contents_of(
            store.dataset, self.known
        )

    def begun(self) -> Collection:
        """The same while rows are written."""
        return replace(self, is_done=False)


def columns_of(dataset: Any) -> dict[str, int]:
    """The columns of a Lance data set and their numbers, which stay through other writes."""
    return {one.name(): one.id() for one in dataset.lance_schema.fields()}


def contents_of(dataset: Any, columns: Mapping[str, int]) -> str:
    """A digest of which files hold the values of columns, and which of their rows are gone.

    Lance never writes to a file again, so that equal digests mean equal values; after rows were
    moved (compacted) or a column was replaced by itself they differ all the same.

    Parameters
    ----------
    dataset : LanceDataset
    columns : mapping of str to int
        As `columns_of` gives them.

    Returns
    -------
    str
    """
    numbers = {
        number
        for one in dataset.lance_schema.fields()
        if columns.get(one.name()) == one.id()
        for number in _numbers(one)
    }
    held = hashlib.sha256(repr(sorted(columns.items())).encode())
    for fragment in dataset.get_fragments():
        files = [
            (file.path, kept)
            for file in fragment.data_files()
            if (kept := sorted(numbers.intersection(file.fields)))
        ]
        held.update(repr((fragment.fragment_id, sorted(files), fragment.deletion_file())).encode())
    return held.hexdigest()


def _numbers(field: Any) -> list[int]:
    return [field.id(), *(number for one in field.children() for number in _numbers(one))]


def read_collection(client: Client, name: str, *, overwrite: bool = False) -> Collection | None:
    """What is noted of a collection; None where there is none.

    Parameters
    ----------
    client : Client
    name : str
    overwrite : bool
        Take a note that cannot be read for none: its collection is going to be replaced.

    Raises
    ------
    EngineError
        If there is a collection that nothing is noted of, or the note is damaged or of another
        version of namebasis.
    """
    noted = client.read_notes([name]).get(name)
    is_there = client.has(name)
    where = f"{client.address}, collection {name},"
    if noted is None:
        if is_there:
            raise EngineError(
                f"{where} was not written by namebasis. Give the space's collections another name: "
                "--engine '…#NAME'."
            )
        return None
    if not is_there:
        return None
    try:
        return from_json(Collection, noted.encode())
    except UnreadableError as error:
        if overwrite:
            return None
        raise EngineError(
            f"{where} has a note that this namebasis cannot read ({error.reason}). Publish the "
            "space again with --overwrite."
        ) from None


def block_keys(name: str, n_rows: int, block: int) -> list[str]:
    """Under which keys the digests of the blocks of a collection are noted."""
    return [f"{name}/{at:08d}" for at in range(-(-n_rows // block))]
