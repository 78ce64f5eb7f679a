"""What a query asks about: a stored name, a text, an image, a vector, or a mix of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, as_embeddings
from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.corpus.folding import fold as fold
from namebasis.namespace.search.new_names import AS, looks_like_name, may_be_name, said_near
from namebasis.namespace.store.dataset import COMPUTED, MEASURED
from namebasis.wording import did_you_mean

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
        `stored`; `name`, which is not stored and was placed as if it were added; `text`, `image`,
        `vector` or `mix`.
    label : str
        For titles: the name, the text, or what the rest is called.
    vector : ndarray of shape (dim,), float32
        Length 1.
    id : int or None
        Row of a stored name.
    members : tuple of int
        Rows of the stored names in it; a query leaves them out of its answer.
    remarks : tuple of str
        How what is not stored was read, and what is stored of nearly the same spelling.
    """

    kind: str
    label: str
    vector: FloatArray
    id: int | None = None
    members: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


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
    place : callable, optional
        Vector that a name would have if it were added; without it no text is read as a name.
    near : callable, optional
        Stored names of nearly the same spelling.
    templates : tuple of str
        Of the space, for remarks.
    as_ : {"name", "text"}, optional
        How texts are read; by default a stored name is that name, and another text is a name where
        it looks like one.
    text_only : str
        The encoder's spec, where it is known from it that the encoder reads no images.
    kept : callable
        What was encoded for a text before, or what the callable beside it gives.
    text : callable, optional
        Vector of a text as it stands; by default the encoder's.
    """

    view: str
    dim: int
    find: Callable[[str], int | None]
    row: Callable[[int], FloatArray]
    encoder: Callable[[], Encoder]
    offset: Callable[[], FloatArray] | None = None
    place: Callable[[str], FloatArray] | None = None
    near: Callable[[str], tuple[str, ...]] = lambda _text: ()
    templates: tuple[str, ...] = ()
    as_: str | None = None
    text_only: str = ""
    kept: Callable[[str, Callable[[], FloatArray]], FloatArray] = lambda _text, encode: encode()
    text: Callable[[str], FloatArray] | None = None

    def check(self, target: object) -> None:
        """Refuse what cannot be a target, as `resolve` does, before an encoder is loaded.

        Raises
        ------
        TargetError, ValueError
        """
        if isinstance(target, Target):
            self._unit(target.vector)
        elif isinstance(target, str):
            _check_text(target)
        elif isinstance(target, Mapping):
            for key in target:
                self.check(key)
        elif is_vector(target):
            self._unit(np.asarray(target))
        elif is_image(target):
            self._check_image()

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
            return replace(target, vector=self._unit(target.vector))
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
        _check_text(text)
        row = None if self.as_ == "text" else self.find(text)
        if row is not None:
            vector = self.row(row)
            if not np.any(vector):
                raise TargetError(
                    f"{text!r} has no vector in the view {self.view}: it {self._why_none()}. Ask "
                    "of the view text, or of a name that has one."
                )
            return Target("stored", text, self._unit(vector, text), row, (row,))
        is_name = self.place is not None and (
            looks_like_name(text) if self.as_ is None else self.as_ == "name"
        )
        told = self._remark(text, is_name)
        try:
            vector = self.place(text) if self.place and is_name else self._kept(text)
        except EncoderError as error:
            if not (near := said_near(self.near(text))):
                raise
            raise EncoderError(f"{text!r} is not stored: {error} {near}") from None
        kind = "name" if is_name else "text"
        return Target(kind, text, self._unit(vector, text), remarks=told)

    def _why_none(self) -> str:
        if self.view in MEASURED:
            return f"is no full name that was measured ({MEASURED[self.view]})"
        if self.view in COMPUTED:
            return "was not chosen when it was computed, or has no token"
        return f"has no {'image' if self.view.partition(':')[0] == 'image' else 'token'} there"

    def _kept(self, text: str) -> FloatArray:
        return self.kept(text, lambda: (self.text or self._as_it_stands)(text))

    def _as_it_stands(self, text: str) -> FloatArray:
        encoder = self.encoder()
        if self.view == "token":
            tokens: FloatArray = encoder.token_embeddings([text])[0]
            return tokens
        if not encoder.has_text:
            raise TargetError(f"{encoder.spec} does not read text; give a stored name or a vector.")
        vector: FloatArray = encoder.encode_text([text])[0]
        return vector if self.offset is None else np.asarray(vector - self.offset())

    def _remark(self, text: str, is_name: bool) -> tuple[str, ...]:
        """One line on how a text that is not stored is read, and what it may be instead."""
        is_free = self.as_ is None
        if self.as_ == "text":
            return (f"{text!r} is read as text, as it stands.",)
        if self.view == "token":
            said = f"{text!r} is not stored; its tokens are read, as those of stored names are."
        elif is_name:
            one = f"template {self.templates[0]!r}" if len(self.templates) == 1 else ""
            where = one or f"{len(self.templates)} templates"
            said = f"{text!r} is not stored; read as a name, in the space's {where}"
            said += " (--as text reads it as it stands)." if is_free else "."
        else:
            said = f"{text!r} is not stored; read as text, as it stands"
            may_be = is_free and self.place is not None and may_be_name(text)
            said += " (--as name reads it as a name)." if may_be else "."
        near = said_near(self.near(text)) if is_name or may_be_name(text) else ""
        return (f"{said} {near}".rstrip(),)

    def _check_image(self) -> None:
        if self.view in ("token", "unspelled", *COMPUTED):
            raise TargetError(f"an image has no vector in the {self.view} view; use view='text'.")
        if self.text_only:
            raise TargetError(f"{self.text_only} does not read images; use an image-text encoder.")

    def _image(self, image: Any) -> Target:
        self._check_image()
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
        remarks = tuple(dict.fromkeys(told for target, _ in terms for told in target.remarks))
        return Target("mix", label, self._unit(total), None, members, remarks)

    def _unit(self, vector: npt.ArrayLike, label: str = "a vector") -> FloatArray:
        row = as_embeddings(np.asarray(vector)[None], "a target vector", self.dim)[0]
        exact = row.astype(np.float64)  # float32 values near its end would overflow
        length = float(np.linalg.norm(exact))
        if length == 0:
            raise TargetError(f"{label} has no direction: all its values are 0.")
        return np.asarray(exact / length, dtype=np.float32)


def _check_text(text: str) -> None:
    if not text.strip():
        raise TargetError("a text target must not be empty.")
    if len(text) > MAX_TEXT or "\0" in text:
        what = "a NUL byte" if "\0" in text else f"{len(text):,} characters"
        raise TargetError(f"a text target holds up to {MAX_TEXT:,} characters; got {what}.")


def check_as(as_: object) -> None:
    """Refuse a way to read targets that there is not.

    Raises
    ------
    ValueError
    """
    if as_ is not None and as_ not in AS:
        raise ValueError(
            f"as_ must be {' or '.join(AS)}; got {as_!r}.{did_you_mean(as_, AS)} It says how a "
            "target that is not stored is read."
        )


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
