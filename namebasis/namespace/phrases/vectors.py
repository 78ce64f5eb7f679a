"""Vectors of phrases in a space's encoder, made on demand and kept beside the space's indices."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.corpus.sources import PHRASE_COLUMNS
from namebasis.namespace.phrases.dictionary import Phrase, Phrases, load_phrases
from namebasis.namespace.phrases.encoding import encode_phrases, phrase_templates
from namebasis.namespace.phrases.sentences import guessed_sentence
from namebasis.namespace.search.cache_files import making, write_arrays
from namebasis.namespace.search.template_rows import average_rows
from namebasis.namespace.store.dataset import INDICES
from namebasis.reading import UnreadableError, read_arrays

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

MAX_BYTES = 2**26
"""A cache that would grow beyond this keeps only the dictionary that was asked for last."""
_MOST_IN_MEMORY = 4
_ROUNDING = 1e-3
# By what they were made of, so that spaces of one encoder share them.
_in_memory: dict[str, FloatArray] = {}


def phrases_of(space: StoredSpace, source: bool | str | Path | Phrases) -> tuple[Phrases, IntArray]:
    """A dictionary for questions about a space, and the rows in which the space stores it.

    Parameters
    ----------
    space : Space
    source : bool, str, Path or Phrases
        True for the phrases that the space holds, and where it holds none for the packaged ones;
        else as `load_phrases` takes it.

    Returns
    -------
    phrases : Phrases
    rows : ndarray of shape (n,), int64
        -1 for phrases that are not taken from the space.
    """
    stored = space.ids_of_part("phrase") if source is True else np.empty(0, np.int64)
    if not len(stored):
        phrases = load_phrases(source)
        return phrases, np.full(len(phrases), -1)
    asked = ["name", *(column for column in PHRASE_COLUMNS if column in space.columns)]
    entries = [
        Phrase(
            row["name"], row.get("sentence") or guessed_sentence(row["name"]),
            row.get("phrase_group"),
        )
        for row in space.table(asked, ids=stored).to_pylist()
    ]  # fmt: skip
    return Phrases("the space", tuple(entries)), stored


def are_at_hand(space: StoredSpace) -> bool:
    """Whether the phrases of `phrases_of` need no encoder: the space holds them, or read them."""
    phrases, rows = phrases_of(space, True)
    kept = _read(space._store.place / INDICES / "phrases.npz")
    return bool((rows >= 0).all()) or _key(space, phrases) in kept


def phrase_vectors(space: StoredSpace, phrases: Phrases, rows: IntArray) -> FloatArray:
    """Unit vectors of phrases as a space stores them or would, (n, dim); see `phrases_of`."""
    if (rows >= 0).all():
        return space.vectors(ids=rows)
    by_template = phrase_rows(space, phrases)
    return average_rows(by_template, np.full(len(by_template), 1 / len(by_template)))


def phrase_rows(space: StoredSpace, phrases: Phrases) -> FloatArray:
    """Return unit vectors of phrases in each of their templates.

    Parameters
    ----------
    space : Space
        Whose encoder reads them; what it gave before is kept in the space's caches.
    phrases : Phrases

    Returns
    -------
    ndarray of shape (n_templates, n, dim), float32

    Raises
    ------
    NamebasisError
        If the encoder cuts a phrase off.
    EncoderError
        If the space's encoder cannot be loaded, or reads no text.
    """
    key = _key(space, phrases)
    path = space._store.place / INDICES / "phrases.npz"
    shape = (len(phrase_templates()), len(phrases), space.provenance.dim)
    rows = _usable(_in_memory.get(key), shape)
    if rows is None:
        with making(path) as may_write:
            kept = _read(path)
            rows = _usable(kept.get(key), shape)
            if rows is None:
                rows = encode_phrases(space.encoder(), phrases.sentences)
                if may_write:
                    _keep(path, kept, key, rows)
        if len(_in_memory) >= _MOST_IN_MEMORY:
            _in_memory.clear()
        _in_memory[key] = rows
    return rows


def _usable(rows: FloatArray | None, shape: tuple[int, ...]) -> FloatArray | None:
    """Vectors that were kept; None where there are none, or they are damaged."""
    if rows is None or rows.shape != shape or rows.dtype != np.float32:
        return None
    lengths = np.linalg.norm(rows, axis=2)
    is_whole = np.isfinite(rows).all() and np.abs(lengths - 1).max(initial=0) < _ROUNDING
    return rows if is_whole else None


def _keep(path: Path, kept: dict[str, FloatArray], key: str, rows: FloatArray) -> None:
    others = {name: one for name, one in kept.items() if name != key}
    if sum(one.nbytes for one in others.values()) + rows.nbytes > MAX_BYTES:
        others = {}
    write_arrays(path, **others, **{key: rows})


def _read(path: Path) -> dict[str, FloatArray]:
    try:
        return read_arrays(path, 2**31)
    except UnreadableError:
        return {}  # a cache that is missing or damaged costs time alone


def _key(space: StoredSpace, phrases: Phrases) -> str:
    """What vectors depend on: the encoder's weights, the templates and the sentences."""
    made_of = [space.provenance.fingerprint, phrase_templates(), phrases.sentences]
    return "d" + hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
