"""Going through a series of checkpoints: encode each once, measure weights, note what is broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from namebasis.checks import FloatArray, Progress
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.formation.checkpoints import Checkpoint, Gap, Series
from namebasis.formation.encoding import Cache, Encodings, encode
from namebasis.formation.pictures.album import Album
from namebasis.formation.plan import Plan
from namebasis.formation.weights import MatrixState, measure_weights, text_matrices

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder


@dataclass
class Encoded:
    """A checkpoint with what was computed from it."""

    checkpoint: Checkpoint
    made: Encodings
    pictures: FloatArray | None
    weights: tuple[MatrixState, ...]


class Work:
    """Goes through a series once: encodes what is not kept, measures weights, notes gaps.

    Attributes
    ----------
    gaps : list of Gap
        The series' own, and what could not be read.
    notes : list of str
    """

    def __init__(
        self, series: Series, plan: Plan, store: Cache, device: str | None,
        with_weights: bool, progress: Progress | None, album: Album | None = None,
    ) -> None:  # fmt: skip
        self._series, self._plan, self._store, self._album = series, plan, store, album
        self._device, self._with_weights, self._progress = device, with_weights, progress
        self._loaded: tuple[Checkpoint, Encoder] | None = None
        self._matrices: tuple[Checkpoint, dict[str, FloatArray]] | None = None
        self.gaps: list[Gap] = list(series.gaps)
        self.notes: list[str] = list(series.notes)

    def run(self) -> list[Encoded]:
        """Encode every checkpoint; one that cannot be read becomes a gap."""
        found: list[Encoded] = []
        total = len(self._series.checkpoints)
        for done, checkpoint in enumerate(self._series.checkpoints):
            if self._progress is not None:
                self._progress(done, total)
            try:
                before = found[-1].checkpoint if found else None
                made = self._encodings(checkpoint)
                weights = self._weights(checkpoint, before) if self._with_weights else ()
                found.append(Encoded(checkpoint, made, self._pictures(checkpoint), weights))
            except (EncoderError, OSError) as error:
                self.gaps.append(Gap(checkpoint.label, checkpoint.step, str(error)))
        if self._progress is not None:
            self._progress(total, total)
        if self._with_weights and found and not any(one.weights for one in found):
            self.notes.append("weights were not measured: these encoders do not show them")
        return found

    def _encoder(self, checkpoint: Checkpoint) -> Encoder:
        if self._loaded is None or self._loaded[0] != checkpoint:
            encoder = load_encoder(
                checkpoint.spec, revision=checkpoint.revision, device=self._device
            )
            self._loaded = (checkpoint, encoder)
        return self._loaded[1]

    def _encodings(self, checkpoint: Checkpoint) -> Encodings:
        made = self._store.load(checkpoint, self._plan)
        if made is None:
            made = encode(self._encoder(checkpoint), self._plan)
            self._store.save(checkpoint, self._plan, made)
        return made

    def _pictures(self, checkpoint: Checkpoint) -> FloatArray | None:
        """Vectors of the album's pictures; None without one, or where the encoder reads none."""
        if self._album is None:
            return None
        rows = self._store.load_pictures(checkpoint, self._album)
        if rows is None:
            encoder = self._encoder(checkpoint)
            if not encoder.has_images:
                self._album = None
                self.notes.append(f"pictures say nothing here: {checkpoint.spec} reads text alone")
                return None
            rows = self._album.encode(encoder)
            self._store.save_pictures(checkpoint, self._album, rows)
        return rows

    def _weights(
        self, checkpoint: Checkpoint, before: Checkpoint | None
    ) -> tuple[MatrixState, ...]:
        kept = self._store.load_weights(checkpoint, before)
        if kept is not None:
            return kept
        prior = None
        if before is not None:
            known = self._matrices is not None and self._matrices[0] == before
            prior = self._matrices[1] if known and self._matrices else self._read(before)
        matrices = self._read(checkpoint)
        self._matrices = (checkpoint, matrices)
        measured = measure_weights(matrices, prior)
        self._store.save_weights(checkpoint, before, measured)
        return measured

    def _read(self, checkpoint: Checkpoint) -> dict[str, FloatArray]:
        return text_matrices(self._encoder(checkpoint))


def alike(found: list[Encoded], gaps: list[Gap]) -> tuple[list[Encoded], list[Gap]]:
    """Keep checkpoints of one width and tokenizer, those of most; the others become gaps."""
    if not found:
        return found, gaps
    traits = [(one.made.dim, str(one.made.facts["tokenizer"])) for one in found]
    width, tokenizer = Counter(traits).most_common(1)[0][0]
    kept = []
    for one, (dim, digest) in zip(found, traits, strict=True):
        if dim != width:
            reason = f"its embeddings have {dim} columns, the others' {width}"
        elif digest != tokenizer:
            reason = "its tokenizer writes the names in other pieces than the others'"
        else:
            kept.append(one)
            continue
        gaps.append(Gap(one.checkpoint.label, one.checkpoint.step, reason))
    return kept, gaps
