"""Names to rows of the store: vectors over templates, token facts, their spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, as_embeddings
from namebasis.encoders.given import GivenVectors
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.folding import FOLDING, FOLDING_KEY, fold
from namebasis.namespace.phrases.encoding import check_length, phrase_templates
from namebasis.namespace.phrases.sentences import guessed_sentence
from namebasis.namespace.store.dataset import as_column
from namebasis.namespace.store.metrics import OWN, field_metadata
from namebasis.namespace.store.view_ids import new_view_id

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

SUB_BATCH = 1024
"""Names encoded between two reports of progress, times templates."""


def space_schema(corpus: pa.Schema, encoder: Encoder, metadata: dict[str, str]) -> pa.Schema:
    """Columns of a space: `id`, the corpus's columns, token facts, the build's metrics, views."""
    own = field_metadata(OWN, {})
    fields = [
        pa.field("id", pa.int64(), nullable=False),
        *corpus,
        pa.field("name_folded", pa.string()),
        pa.field("pieces", pa.list_(pa.string())),
        pa.field("n_tokens", pa.int32()),
        pa.field("template_spread", pa.float32(), metadata=own),
        pa.field("text", pa.list_(pa.float32(), encoder.dim), metadata=new_view_id()),
    ]
    if encoder.token_dim:
        fields.insert(-1, pa.field("token_norm", pa.float32(), metadata=own))
        kind = pa.list_(pa.float32(), encoder.token_dim)
        fields.append(pa.field("token", kind, metadata=new_view_id()))
    return pa.schema(fields, metadata=metadata | {FOLDING_KEY: FOLDING})


def encode_rows(
    names: pa.Table,
    first_id: int,
    encoder: Encoder,
    templates: tuple[str, ...],
    schema: pa.Schema,
    progress: Callable[[float], None],
) -> pa.Table:
    """Make the rows of some names.

    `text` is the mean of the unit vectors over the templates, scaled to length 1, and
    `template_spread` is 1 minus the mean's length, in [0, 1]. `token` is the mean of the input
    token embeddings, scaled to length 1, and `token_norm` its length before; both are 0 for a
    name without a token. Phrases are read as their sentences, in the templates of phrases.
    Columns of `schema` that are not made here (metrics) become null.

    Raises
    ------
    EncoderError
        If the encoder gives vectors of a wrong shape, or values that are not finite.
    """
    strings = names["name"].to_pylist()
    text, spread = _texts_of(names, encoder, templates, progress)
    pieces = pa.array(encoder.pieces(strings), type=pa.list_(pa.string()))
    columns: dict[str, object] = {
        "id": pa.array(np.arange(first_id, first_id + len(strings))),
        **{column: names[column] for column in names.column_names},
        "name_folded": pa.array([fold(string) for string in strings]),
        "pieces": pieces,
        "n_tokens": pc.list_value_length(pieces) if _has_tokenizer(encoder) else None,
        "template_spread": pa.array(spread),
        "text": as_column(text),
    }
    if encoder.token_dim:
        means = _checked(encoder.token_embeddings(strings), encoder, encoder.token_dim, strings)
        norms = np.linalg.norm(means.astype(np.float64), axis=1)
        columns["token"] = as_column(means / np.where(norms > 0, norms, 1)[:, None])
        columns["token_norm"] = pa.array(norms.astype(np.float32))
    made = {name: column for name, column in columns.items() if column is not None}
    filled = [made.get(field.name, pa.nulls(len(names), field.type)) for field in schema]
    return pa.table(filled, schema=schema)


def _has_tokenizer(encoder: Encoder) -> bool:
    # Encoders of other people need not derive from ours, where the attribute has its default.
    return getattr(encoder, "has_tokenizer", True)


def _texts_of(
    names: pa.Table,
    encoder: Encoder,
    templates: tuple[str, ...],
    progress: Callable[[float], None],
) -> tuple[FloatArray, FloatArray]:
    """The `text` view of names in the templates of the space, and of phrases in theirs."""
    strings = names["name"].to_pylist()
    parts = names["part"].to_pylist() if "part" in names.column_names else []  # a target has none
    is_phrase = np.array([part == "phrase" for part in parts], dtype=bool)
    if not is_phrase.any() or isinstance(encoder, GivenVectors):
        return _text_view(strings, encoder, templates, progress)
    text = np.empty((len(strings), encoder.dim), dtype=np.float32)
    spread = np.empty(len(strings), dtype=np.float32)
    told = names["sentence"].to_pylist() if "sentence" in names.column_names else strings
    sentences = [said or guessed_sentence(name) for said, name in zip(told, strings, strict=True)]
    done = 0
    for rows, texts, own in (
        (~is_phrase, strings, templates), (is_phrase, sentences, phrase_templates())
    ):  # fmt: skip
        asked = [one for one, wanted in zip(texts, rows, strict=True) if wanted]
        if own is not templates:
            check_length(encoder, asked)

        def tell(encoded: float, done: int = done) -> None:
            progress(done + encoded)

        text[rows], spread[rows] = _text_view(asked, encoder, own, tell)
        done += len(asked)
    return text, spread


def _text_view(
    strings: list[str],
    encoder: Encoder,
    templates: tuple[str, ...],
    progress: Callable[[float], None],
) -> tuple[FloatArray, FloatArray]:
    text = np.empty((len(strings), encoder.dim), dtype=np.float32)
    spread = np.empty(len(strings), dtype=np.float32)
    for start in range(0, len(strings), SUB_BATCH):
        batch = strings[start : start + SUB_BATCH]
        total = np.zeros((len(batch), encoder.dim))
        for done, template in enumerate(templates, start=1):
            rows = encoder.encode_names(batch, template)
            total += _checked(rows, encoder, encoder.dim, batch)
            progress(start + len(batch) * done / len(templates))
        mean = total / len(templates)
        length = np.linalg.norm(mean, axis=1)
        if not (length > 0).all():
            raise EncoderError(
                f"{encoder.spec}: the template vectors of {batch[int(np.argmin(length))]!r} "
                "cancel out; use other templates."
            )
        text[start : start + len(batch)] = mean / length[:, None]
        spread[start : start + len(batch)] = np.clip(1 - length, 0, 1)
    return text, spread


def _checked(rows: object, encoder: Encoder, dim: int, strings: list[str]) -> FloatArray:
    try:
        matrix = as_embeddings(rows, "its vectors", dim)
    except ValueError as error:
        raise EncoderError(f"{encoder.spec} gave vectors that cannot be stored: {error}") from None
    if len(matrix) != len(strings):
        raise EncoderError(f"{encoder.spec} gave {len(matrix)} vectors for {len(strings)} names.")
    return matrix
