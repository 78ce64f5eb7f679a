"""What a collection holds, noted beside it: of which space, encoder, view and version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
            self.version == store.version
            and self.n_rows == store.n_rows
            and self.view_id == view_id(store.schema, self.view, store.build_id)
        )
        if not is_current:
            raise EngineError(
                f"{where} holds version {self.version} of the space ({self.n_rows:,} names), and "
                f"version {store.version} ({store.n_rows:,} names) is open. {remedy}"
            )

    def begun(self) -> Collection:
        """The same while rows are written."""
        return replace(self, is_done=False)


def read_collection(client: Client, name: str) -> Collection | None:
    """What is noted of a collection; None where there is none.

    Raises
    ------
    EngineError
        If there is a collection that nothing is noted of, or the note is damaged.
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
        raise EngineError(f"{where} has a damaged note ({error.reason}).") from None


def block_keys(name: str, n_rows: int, block: int) -> list[str]:
    """Under which keys the digests of the blocks of a collection are noted."""
    return [f"{name}/{at:08d}" for at in range(-(-n_rows // block))]
