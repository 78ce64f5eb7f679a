"""One checkpoint's encodings of a plan, computed once and kept by fingerprint."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.atomic import remove_leftovers, replacing_file, write_text
from namebasis.checks import FloatArray
from namebasis.errors import NamebasisError
from namebasis.formation.checkpoints import Checkpoint
from namebasis.formation.pictures.album import Album
from namebasis.formation.plan import Plan
from namebasis.formation.weights import MatrixState
from namebasis.reading import LARGE, UnreadableError, parse_json, read_arrays, read_json
from namebasis.studies.identity.contexts import embed_contexts

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

logger = logging.getLogger(__name__)
_UNKNOWN = frozenset({"[UNK]", "<unk>", "<UNK>"})


@dataclass(frozen=True)
class Encodings:
    """Unit rows of everything in a plan, float32.

    Attributes
    ----------
    whole : ndarray of shape (n_names, dim)
        Names in the plan's template.
    grid : ndarray of shape (n_partners, n_partners, dim)
        All given partners with all family partners.
    given_swaps, family_swaps : ndarray of shape (n_parts, n_partners, dim)
        Each part with the partners of the other side.
    givens, families : ndarray of shape (n_parts, dim)
        Each part alone.
    bare : ndarray of shape (n_names, dim)
    placed : ndarray of shape (n_names, n_contexts, dim)
    captions : ndarray of shape (n_captions, dim)
    values : ndarray of shape (n_values, dim)
        Means of the values' texts; these are not of unit length.
    facts : dict
        ``fingerprint``; ``tokenizer``, a digest of how it writes the names; ``lost``, names that
        it cannot write, with the reason.
    """

    whole: FloatArray
    grid: FloatArray
    given_swaps: FloatArray
    family_swaps: FloatArray
    givens: FloatArray
    families: FloatArray
    bare: FloatArray
    placed: FloatArray
    captions: FloatArray
    values: FloatArray
    facts: dict[str, Any]

    @property
    def dim(self) -> int:
        """Width of the embeddings."""
        return int(self.whole.shape[1])


def encode(encoder: Encoder, plan: Plan) -> Encodings:
    """Embed everything in a plan."""
    first, last = plan.partners

    def embed(names: Sequence[str]) -> FloatArray:
        return encoder.encode_names(list(names), plan.template)

    def pairs(givens: Sequence[str], families: Sequence[str]) -> FloatArray:
        return embed([f"{given} {family}" for given in givens for family in families])

    n, dim = len(first), encoder.dim
    blocks = [rows[1:] for rows in embed_contexts(encoder, plan.names, plan.contexts)]
    family_swaps = embed([f"{given} {family}" for family in plan.families for given in first])
    return Encodings(
        whole=embed(plan.names),
        grid=pairs(first, last).reshape(n, len(last), dim),
        given_swaps=pairs(plan.givens, last).reshape(-1, len(last), dim),
        family_swaps=family_swaps.reshape(-1, n, dim),
        givens=embed(plan.givens),
        families=embed(plan.families),
        bare=np.concatenate([bare for bare, _ in blocks]),
        placed=np.concatenate([placed for _, placed in blocks]),
        captions=encoder.encode_text(list(plan.captions)),
        values=_value_means(encoder, plan),
        facts={
            "fingerprint": encoder.fingerprint,
            "tokenizer": _tokenizer_digest(encoder, plan.names),
            "lost": unwritable(encoder, plan.names),
        },
    )


def _value_means(encoder: Encoder, plan: Plan) -> FloatArray:
    texts = list(dict.fromkeys(text for value in plan.values for text in value.texts))
    place = {text: row for row, text in enumerate(texts)}
    rows = encoder.encode_text(texts)
    means = [rows[[place[text] for text in value.texts]].mean(axis=0) for value in plan.values]
    return np.stack(means) if means else np.zeros((0, encoder.dim), np.float32)


def _tokenizer_digest(encoder: Encoder, names: Sequence[str]) -> str:
    pieces = json.dumps(encoder.pieces(list(names)), ensure_ascii=False)
    return hashlib.sha256(pieces.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def unwritable(encoder: Encoder, names: Sequence[str]) -> dict[str, str]:
    """Names that an encoder's tokenizer cannot write, with the reason."""
    special = {getattr(getattr(encoder, "tokenizer", None), "unk_token", None)} | _UNKNOWN
    limit, lost = encoder.max_tokens, {}
    for name, pieces in zip(names, encoder.pieces(list(names)), strict=True):
        if not pieces:
            lost[name] = "the tokenizer has no piece for any of its letters"
        elif special & set(pieces):
            lost[name] = "the tokenizer writes a letter of it as unknown"
        elif limit is not None and len(pieces) > limit:
            lost[name] = f"it has {len(pieces)} pieces, the model reads {limit}"
    return lost


def write_encodings(path: Path, made: Encodings) -> None:
    """Write encodings as one file of arrays, complete or not at all."""
    arrays = {f.name: getattr(made, f.name) for f in fields(made) if f.name != "facts"}
    with replacing_file(path, overwrite=True) as stream:
        np.savez(stream, facts=json.dumps(made.facts), **arrays)


def read_encodings(path: Path) -> Encodings:
    """Read what `write_encodings` wrote.

    Raises
    ------
    UnreadableError, ValueError, KeyError, TypeError
        If the file is missing, damaged or holds something else.
    """
    arrays = read_arrays(path)
    facts = parse_json(str(arrays.pop("facts")), path)
    return Encodings(**arrays, facts=facts)


class Cache:
    """Encodings in a folder, a file for each fingerprint and plan.

    Parameters
    ----------
    folder : Path or None
        Made at the first write; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None and folder.is_dir():
            remove_leftovers(folder)
        self.refused: str | None = None

    def load(self, checkpoint: Checkpoint, plan: Plan) -> Encodings | None:
        """Read what was kept; None if nothing was, or it is damaged."""
        path = self._path(checkpoint.fingerprint, plan)
        if path is None or not path.is_file():
            return None
        try:
            return read_encodings(path)
        except (UnreadableError, ValueError, KeyError, TypeError) as error:
            logger.info("%s cannot be read (%s); encoded again.", path, error)
            return None

    def save(self, checkpoint: Checkpoint, plan: Plan, made: Encodings) -> None:
        """Keep encodings; where the folder cannot be written, `refused` says why."""
        path = self._path(checkpoint.fingerprint, plan)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_encodings(path, made)
        except (OSError, NamebasisError) as error:
            self.refused = str(error)

    def load_pictures(self, checkpoint: Checkpoint, album: Album) -> FloatArray | None:
        """Read the vectors of pictures; None if none were kept, or they are damaged."""
        path = self._pictures_path(checkpoint, album)
        if path is None or not path.is_file():
            return None
        try:
            rows = read_arrays(path)["rows"]
            if rows.ndim != 2 or len(rows) != len(album):
                raise ValueError(f"it has shape {rows.shape}")
        except (UnreadableError, ValueError, KeyError, TypeError) as error:
            logger.info("%s cannot be read (%s); encoded again.", path, error)
            return None
        return np.asarray(rows, dtype=np.float32)

    def save_pictures(self, checkpoint: Checkpoint, album: Album, rows: FloatArray) -> None:
        """Keep the vectors of pictures, as `save` does encodings."""
        path = self._pictures_path(checkpoint, album)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing_file(path, overwrite=True) as stream:
                np.savez(stream, rows=rows)
        except (OSError, NamebasisError) as error:
            self.refused = str(error)

    def _pictures_path(self, checkpoint: Checkpoint, album: Album) -> Path | None:
        own = checkpoint.fingerprint
        if self.folder is None or own is None:
            return None
        return self.folder / f"{own.partition(':')[2][:20]}-pictures-{album.digest}.npz"

    def load_weights(
        self, checkpoint: Checkpoint, before: Checkpoint | None
    ) -> tuple[MatrixState, ...] | None:
        """Read the weights' measures; None if none were kept, or they are damaged."""
        path = self._weights_path(checkpoint, before)
        if path is None or not path.is_file():
            return None
        try:
            return tuple(MatrixState(**row) for row in read_json(path, LARGE))
        except (UnreadableError, ValueError, TypeError) as error:
            logger.info("%s cannot be read (%s); measured again.", path, error)
            return None

    def save_weights(
        self, checkpoint: Checkpoint, before: Checkpoint | None, made: tuple[MatrixState, ...]
    ) -> None:
        """Keep the weights' measures, as `save` does encodings."""
        path = self._weights_path(checkpoint, before)
        if path is None:
            return
        text = json.dumps([matrix.to_dict() for matrix in made])
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
        except (OSError, NamebasisError) as error:
            self.refused = str(error)

    def _weights_path(self, checkpoint: Checkpoint, before: Checkpoint | None) -> Path | None:
        own = checkpoint.fingerprint
        prior = "first" if before is None else before.fingerprint
        if self.folder is None or own is None or prior is None:
            return None
        ends = (part.rpartition(":")[2][:20] for part in (prior, own))
        return self.folder / f"weights-{'-'.join(ends)}.json"

    def _path(self, fingerprint: str | None, plan: Plan) -> Path | None:
        if self.folder is None or fingerprint is None:
            return None
        return self.folder / f"{fingerprint.partition(':')[2][:20]}-{plan.digest()}.npz"
