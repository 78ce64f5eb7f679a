"""Where a name space comes from: kept in the data set's own metadata, committed with its rows."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis._version import __version__
from namebasis.errors import SpaceError
from namebasis.reading import UnreadableError, parse_json

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.building.templates import Templates
    from namebasis.namespace.corpus.names import Names

SCHEMA_VERSION = 1
KEY = "namebasis"


@dataclass(frozen=True)
class Provenance:
    """What a space was built from, and how far the build came.

    Attributes
    ----------
    schema_version : int
        Of the store's layout; a newer one than this package knows is refused.
    encoder, revision, fingerprint : str
        Spec, revision (or None) and weight digest of the encoder.
    dim, token_dim : int
        Width of the `text` and `token` views.
    template_set, templates : str, tuple of str
        Name of the set and its sentences.
    seed : int
        Of the build.
    package_version : str
        That wrote the space.
    state : str
        `building` or `done`.
    corpus : str
        Digest of the names the build was given.
    n_names : int
        How many those are; names added later are not counted here.
    build_id : str
        Random; an index cache of another build is not taken for this one's.
    """

    schema_version: int
    encoder: str
    revision: str | None
    fingerprint: str
    dim: int
    token_dim: int
    template_set: str
    templates: tuple[str, ...]
    seed: int
    package_version: str
    state: str
    corpus: str
    n_names: int
    build_id: str

    def to_json(self) -> str:
        """One JSON object with every field."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def differences(self, other: Provenance) -> list[str]:
        """Fields in which two builds would give other rows; none for the same job."""
        free = {"state", "build_id", "package_version", "template_set"}
        return [
            field.name
            for field in fields(self)
            if field.name not in free and getattr(self, field.name) != getattr(other, field.name)
        ]

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None, where: str) -> Provenance:
        """Read provenance from a data set's schema metadata.

        Raises
        ------
        SpaceError
            If there is none, it is damaged, or a newer package wrote it.
        """
        raw = (metadata or {}).get(KEY.encode())
        if raw is None:
            raise SpaceError(f"{where}: a Lance data set, but not one of namebasis.")
        try:
            values: dict[str, Any] = parse_json(raw, where)
            version = int(values["schema_version"])
        except (UnreadableError, ValueError, KeyError, TypeError) as error:
            raise SpaceError(f"{where}: its provenance is damaged ({error!r}).") from None
        if version > SCHEMA_VERSION:
            raise SpaceError(
                f"{where}: written by namebasis {values.get('package_version', '?')} with schema "
                f"{version}; this one reads up to {SCHEMA_VERSION}. Upgrade namebasis."
            )
        known = {field.name for field in fields(cls)}
        try:
            kept = {name: value for name, value in values.items() if name in known}
            return cls(**kept | {"templates": tuple(values["templates"])})
        except (KeyError, TypeError) as error:
            raise SpaceError(f"{where}: its provenance is damaged ({error!r}).") from None


_ROWS = 4096


def describe_job(names: Names, encoder: Encoder, templates: Templates, seed: int) -> Provenance:
    """Provenance of a build that is about to begin."""
    return Provenance(
        schema_version=SCHEMA_VERSION,
        encoder=encoder.spec,
        revision=encoder.revision,
        fingerprint=encoder.fingerprint,
        dim=encoder.dim,
        token_dim=encoder.token_dim,
        template_set=templates.name,
        templates=templates.templates,
        seed=seed,
        package_version=__version__,
        state="building",
        corpus=corpus_digest(names.table),
        n_names=len(names),
        build_id=uuid.uuid4().hex,
    )


def corpus_digest(table: pa.Table) -> str:
    """SHA-256 over the rows of a corpus, the same however the table is cut into chunks."""
    digest = hashlib.sha256(str(table.schema.remove_metadata()).encode())
    for start in range(0, len(table), _ROWS):
        # A copy by number: slices carry the offsets and padding of the table they come from.
        block = table.slice(start, _ROWS)
        rows = block.take(pa.array(range(len(block)))).combine_chunks()
        rows = rows.replace_schema_metadata(None)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=_ROWS)
        digest.update(sink.getvalue())
    return f"sha256:{digest.hexdigest()}"
