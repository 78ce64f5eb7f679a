"""The calls to a Milvus that publishing and searching need, its refusals in one line."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import EngineError, MissingExtraError
from namebasis.namespace.engines.address import Address
from namebasis.namespace.engines.fields import MOST_BYTES, MOST_ITEMS, Field

TOKEN = "MILVUS_TOKEN"
"""The variable of the environment that holds a server's token, or ``user:password``."""
MOST_HITS = 16_384
"""Of one query, by Milvus' limits."""
PATIENCE = 30.0
"""Seconds that a server may take to answer a call."""
_CALL_HITS = 200_000
"""Hits of all queries of one call."""
_CALL_QUERIES = 1_000
NOTES = "namebasis_published"
"""The collection that says what the others hold."""
_KEYS = 1_000
_READ = 2_048
"""Rows of a block that is read."""
_importing = threading.Lock()


class Client:
    """A connection to a Milvus.

    Parameters
    ----------
    address : Address

    Raises
    ------
    MissingExtraError
        If the libraries are not installed.
    EngineError
        If nothing answers there.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        library = _library()
        if address.is_file and not Path(address.uri).parent.is_dir():
            raise EngineError(
                f"{address}: there is no folder {Path(address.uri).parent}. Make it first."
            )
        with self._refusing(f"cannot be reached{_locked(address)}"):
            self._milvus = library.MilvusClient(
                address.uri, token=os.environ.get(TOKEN, ""), timeout=PATIENCE
            )
        self._kinds = library.DataType
        self._loaded: set[str] = set()

    def has(self, collection: str) -> bool:
        """Whether there is a collection."""
        with self._refusing(f"cannot look for collection {collection}"):
            return bool(self._milvus.has_collection(collection, timeout=PATIENCE))

    def create(self, collection: str, dim: int, fields: Sequence[Field], index: str) -> None:
        """Make an empty collection of vectors, compared by their inner products.

        Parameters
        ----------
        collection : str
        dim : int
        fields : sequence of Field
        index : str
            As Milvus calls it, such as ``FLAT``.
        """
        kinds = self._kinds
        schema = self._milvus.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", kinds.INT64, is_primary=True)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=dim)
        of = {
            "text": kinds.VARCHAR, "integer": kinds.INT64, "number": kinds.DOUBLE,
            "truth": kinds.BOOL,
        }  # fmt: skip
        for field in fields:
            options: dict[str, Any] = {"nullable": True}
            if field.kind == "text" or field.kind == "texts":
                options["max_length"] = MOST_BYTES
            if field.is_list:
                options |= {"element_type": of[field.kind[:-1]], "max_capacity": MOST_ITEMS}
                schema.add_field(field.field, kinds.ARRAY, **options)
            else:
                schema.add_field(field.field, of[field.kind], **options)
        self._create(collection, schema, index)

    def _create(self, collection: str, schema: Any, index: str) -> None:
        asked = self._milvus.prepare_index_params()
        asked.add_index("vector", index_type=index, metric_type="IP")
        self._clear(collection)
        with self._refusing(f"cannot create collection {collection}"):
            self._milvus.create_collection(
                collection, schema=schema, index_params=asked, consistency_level="Strong",
            )  # fmt: skip

    def _clear(self, collection: str) -> None:
        """Remove the folder that Milvus Lite cannot make a collection over.

        A process that is killed while it makes one leaves the folder, and nothing that names it.
        """
        left = Path(self.address.uri, "collections", collection)
        if self.address.is_file and left.is_dir() and not self.has(collection):
            with self._refusing(f"cannot create collection {collection}"):
                shutil.rmtree(left)

    def reindex(self, collection: str, index: str) -> None:
        """Put another index over the vectors of a collection."""
        asked = self._milvus.prepare_index_params()
        asked.add_index("vector", index_type=index, metric_type="IP")
        with self._refusing(f"cannot index collection {collection}"):
            self._milvus.release_collection(collection)
            self._milvus.drop_index(collection, "vector")
            self._milvus.create_index(collection, asked)
            self._milvus.load_collection(collection)

    def drop(self, collection: str) -> None:
        """Remove a collection, if there is one."""
        self._loaded.discard(collection)
        with self._refusing(f"cannot drop collection {collection}"):
            self._milvus.drop_collection(collection)

    def upsert(self, collection: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows; those whose id it already holds are replaced."""
        with self._refusing(f"cannot write to collection {collection}"):
            self._milvus.upsert(collection, list(rows))

    def delete_from(self, collection: str, row: int) -> None:
        """Remove all rows from a number on."""
        self.load(collection)
        with self._refusing(f"cannot delete from collection {collection}"):
            self._milvus.delete(collection, filter=f"id >= {row}")

    def flush(self, collection: str) -> None:
        """Have what was written put on disk."""
        with self._refusing(f"cannot flush collection {collection}"):
            self._milvus.flush(collection)

    def load(self, collection: str) -> None:
        """Have a collection ready to be asked; a server that was started again has none loaded."""
        if collection not in self._loaded:
            with self._refusing(f"cannot load collection {collection}"):
                self._milvus.load_collection(collection)
            self._loaded.add(collection)

    def count(self, collection: str) -> int:
        """How many rows a collection holds."""
        self.load(collection)
        with self._refusing(f"cannot count collection {collection}"):
            found = self._milvus.query(
                collection, output_fields=["count(*)"], consistency_level="Strong"
            )
        return int(found[0]["count(*)"])

    def search(
        self, collection: str, queries: FloatArray, k: int, filter_: str
    ) -> Iterator[tuple[IntArray, FloatArray]]:
        """The k largest inner products of each query among the rows of a filter, best first."""
        self.load(collection)
        step = max(1, min(_CALL_QUERIES, _CALL_HITS // k))
        for start in range(0, len(queries), step):
            with self._refusing(f"cannot search collection {collection}"):
                found = self._milvus.search(
                    collection, data=list(queries[start : start + step]), limit=k, filter=filter_,
                    search_params={"metric_type": "IP"}, consistency_level="Strong",
                )  # fmt: skip
            # Milvus Lite answers with no list at all where no row passes.
            for hits in found or [[]] * len(queries[start : start + step]):
                ids = np.array([hit["id"] for hit in hits], dtype=np.int64)
                yield ids, np.array([hit["distance"] for hit in hits], dtype=np.float32)

    def read(
        self, collection: str, filter_: str, fields: Sequence[str]
    ) -> Iterator[list[dict[str, Any]]]:
        """Fields of all rows that a filter accepts, some thousand rows at a time."""
        self.load(collection)
        what = f"cannot read collection {collection}"
        with self._refusing(what):
            rows = self._milvus.query_iterator(
                collection, batch_size=_READ, filter=filter_, output_fields=list(fields),
                consistency_level="Strong",
            )  # fmt: skip
        try:
            while True:
                with self._refusing(what):
                    block = rows.next()
                if not block:
                    return
                yield block
        finally:
            rows.close()

    def read_notes(self, keys: Sequence[str]) -> dict[str, str]:
        """What was noted under keys, of those that are there."""
        if not self.has(NOTES):
            return {}
        self.load(NOTES)
        found: dict[str, str] = {}
        for start in range(0, len(keys), _KEYS):
            with self._refusing("cannot read what was published"):
                rows = self._milvus.get(
                    NOTES, ids=list(keys[start : start + _KEYS]), output_fields=["key", "text"],
                    consistency_level="Strong",
                )  # fmt: skip
            found |= {str(row["key"]): str(row["text"]) for row in rows}
        return found

    def note(self, key: str, text: str) -> None:
        """Note a text under a key, in place of what was there."""
        if not self.has(NOTES):
            schema = self._milvus.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", self._kinds.VARCHAR, is_primary=True, max_length=512)
            schema.add_field("text", self._kinds.VARCHAR, max_length=MOST_BYTES)
            schema.add_field("vector", self._kinds.FLOAT_VECTOR, dim=2)  # which each must have
            self._create(NOTES, schema, "FLAT")
        self.upsert(NOTES, [{"key": key, "text": text, "vector": [0.0, 0.0]}])

    def forget(self, keys: Sequence[str]) -> None:
        """Remove what was noted under keys."""
        if not self.has(NOTES):
            return
        for start in range(0, len(keys), _KEYS):
            with self._refusing("cannot change what was published"):
                self._milvus.delete(NOTES, ids=list(keys[start : start + _KEYS]))

    @contextmanager
    def _refusing(self, what: str) -> Iterator[None]:
        """Tell whatever the library raises as one line that names the engine."""
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            said = " ".join(str(getattr(error, "message", "") or error).split())
            if time.monotonic() - started >= PATIENCE:
                said = f"no answer in {PATIENCE:.0f} s; {said}"
            raise EngineError(f"{self.address}: it {what} ({said[:300]}).") from None


def _locked(address: Address) -> str:
    if not address.is_file:
        return ""
    return "; one process at a time may use the file, `milvus-lite server` lets several"


def _library() -> Any:
    """The client library; it reads no ``.env`` of the current folder, and prints nothing."""
    with _importing:
        before = os.environ.get("PYTHON_DOTENV_DISABLED")
        os.environ["PYTHON_DOTENV_DISABLED"] = "1"
        try:
            import pymilvus
        except ImportError:
            raise MissingExtraError("the engine milvus", "milvus") from None
        finally:
            if before is None:
                del os.environ["PYTHON_DOTENV_DISABLED"]
            else:
                os.environ["PYTHON_DOTENV_DISABLED"] = before
    for name in ("pymilvus", "milvus_lite", "grpc"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they refuse, we say
    return pymilvus
