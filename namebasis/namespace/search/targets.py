"""What a query asks about: a stored name, a text, an image, a vector, or a mix of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, as_embeddings
from namebasis.errors import TargetError
from namebasis.namespace.corpus.folding import fold as fold

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

MAX_TEXT = 10_000
"""Characters of a free text; longer ones are surely a mistake."""


@dataclass(frozen=True)
class Target:
    """A vector and where it comes from.

    Attributes
    ----------
    kind : str
        `stored`, `text`, `image`, `vector` or `mix`.
    label : str
        For titles: the name, the text, or what the rest is called.
    vector : ndarray of shape (dim,), float32
        Length 1.
    id : int or None
        Row of a stored name.
    members : tuple of int
        Rows of the stored names in it; a query leaves them out of its answer.
    """

    kind: str
    label: str
    vector: FloatArray
    id: int | None = None
    members: tuple[int, ...] = ()


@dataclass(frozen=True)
class Resolver:
    """Turns targets into vectors of one view.

    Attributes
    ----------
    view : str
        Whose vectors.
    dim : int
        Their width.
    find : callable
        Row of a stored name, or None.
    row : callable
        Vector of a row.
    encoder : callable
        Gives the encoder; called only where something must be encoded.
    offset : callable, optional
        Gives what is subtracted from encoded texts: in the `unspelled` view, the names' mean.
    """

    view: str
    dim: int
    find: Callable[[str], int | None]
    row: Callable[[int], FloatArray]
    encoder: Callable[[], Encoder]
    offset: Callable[[], FloatArray] | None = None

    def resolve(self, target: object) -> Target:
        """Turn one target into a unit vector.

        Raises
        ------
        TargetError
            If it is empty, has no direction, or the encoder cannot read its kind.
        ValueError
            If a vector has another width or is not finite.
        """
        if isinstance(target, Target):
            return Target(
                target.kind, target.label, self._unit(target.vector), target.id, target.members
            )
        if isinstance(target, str):
            return self._text(target)
        if isinstance(target, Mapping):
            return self._mix(target)
        if is_vector(target):
            return Target("vector", "a vector", self._unit(np.asarray(target)))
        if is_image(target):
            return self._image(target)
        raise TargetError(
            "a target must be a stored name, a text, an image, a vector of shape "
            f"({self.dim},) or a mapping of those to weights; got {type(target).__name__}."
        )

    def _text(self, text: str) -> Target:
        if not text.strip():
            raise TargetError("a text target must not be empty.")
        if len(text) > MAX_TEXT or "\0" in text:
            what = "a NUL byte" if "\0" in text else f"{len(text):,} characters"
            raise TargetError(f"a text target holds up to {MAX_TEXT:,} characters; got {what}.")
        row = self.find(text)
        if row is not None:
            return Target("stored", text, self._unit(self.row(row), text), row, (row,))
        encoder = self.encoder()
        if self.view == "token":
            return Target("text", text, self._unit(encoder.token_embeddings([text])[0], text))
        if not encoder.has_text:
            raise TargetError(f"{encoder.spec} does not read text; give a stored name or a vector.")
        vector = encoder.encode_text([text])[0]
        if self.offset is not None:
            vector = vector - self.offset()
        return Target("text", text, self._unit(vector, text))

    def _image(self, image: Any) -> Target:
        if self.view in ("token", "unspelled"):
            raise TargetError(f"an image has no vector in the {self.view} view; use view='text'.")
        encoder = self.encoder()
        if not encoder.has_images:
            raise TargetError(f"{encoder.spec} does not read images; use an image-text encoder.")
        path = image if isinstance(image, Path) else getattr(image, "filename", "")
        label = str(path) or "an image"
        return Target("image", label, self._unit(encoder.encode_images([image])[0], label))

    def _mix(self, weights: Mapping[Any, float]) -> Target:
        if not weights:
            raise TargetError("a mix must hold at least one target.")
        return self.combine([(self.resolve(key), float(value)) for key, value in weights.items()])

    def combine(self, terms: Sequence[tuple[Target, float]]) -> Target:
        """Sum unit vectors by weight and scale the sum to length 1.

        Raises
        ------
        TargetError
            If a weight is not finite or the terms cancel out.
        """
        if not np.isfinite([weight for _, weight in terms]).all():
            raise TargetError("the weights of a mix must be finite.")
        if len(terms) == 1 and terms[0][1] > 0:
            return terms[0][0]
        label = " ".join(_signed(target.label, weight) for target, weight in terms)
        label = label.removeprefix("+ ")
        total = np.zeros(self.dim)
        for target, weight in terms:
            total += weight * target.vector.astype(np.float64)
        if np.linalg.norm(total) < 1e-6:
            raise TargetError(f"{label} cancels out: the sum has no direction.")
        members = tuple(dict.fromkeys(row for target, _ in terms for row in target.members))
        return Target("mix", label, self._unit(total), None, members)

    def _unit(self, vector: npt.ArrayLike, label: str = "a vector") -> FloatArray:
        row = as_embeddings(np.asarray(vector)[None], "a target vector", self.dim)[0]
        exact = row.astype(np.float64)  # float32 values near its end would overflow
        length = float(np.linalg.norm(exact))
        if length == 0:
            raise TargetError(f"{label} has no direction: all its values are 0.")
        return np.asarray(exact / length, dtype=np.float32)


def _signed(label: str, weight: float) -> str:
    sign, size = "-" if weight < 0 else "+", abs(weight)
    return f"{sign} {label}" if size == 1 else f"{sign} {size:g} {label}"


def is_vector(target: object) -> bool:
    """Whether a target is one vector: a 1-D array, or a list of numbers."""
    if isinstance(target, np.ndarray):
        return target.ndim == 1
    if isinstance(target, (list, tuple)):
        return bool(target) and all(
            isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            for value in target
        )
    return False


def is_image(target: object) -> bool:
    """Whether a target is an image: a PIL image, a path, or a uint8 array with channels."""
    if isinstance(target, np.ndarray):
        return target.ndim == 3 and target.dtype == np.uint8
    return isinstance(target, Path) or (hasattr(target, "convert") and hasattr(target, "size"))


def is_batch(target: object) -> bool:
    """Whether a target is several: a list of targets, or a 2-D array of vectors."""
    if isinstance(target, np.ndarray):
        return target.ndim != 1 and not is_image(target)
    return isinstance(target, (list, tuple)) and not is_vector(target)
