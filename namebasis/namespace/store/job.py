"""What a build is: told apart from another one before any work is done."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

import pyarrow as pa

import namebasis
from namebasis.namespace.building.templates import Templates
from namebasis.namespace.store.provenance import SCHEMA_VERSION, Provenance

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.corpus.names import Names

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
        package_version=namebasis.__version__,
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
