"""What an audit was asked, told without a model or a corpus: one that is finished answers at once.

An encoder is its fingerprint, or its spec with the sizes and dates of its files; a repository of a
hub has no files that are known before it is asked, and is taken by its name.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis._version import __version__
from namebasis.auditing.parts import PARTS
from namebasis.auditing.plan import Plan
from namebasis.encoders.specs import PACKAGED, full_spec
from namebasis.errors import NamebasisHint

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.corpus.names import Names

_MOST_FILES = 2_000
"""Of a model's folder; with more it is no folder of one model, and is not looked through."""


@dataclass(frozen=True)
class Request:
    """What was asked, in plain values, and whether the encoder's weights are told by it."""

    asked: dict[str, Any]
    knows_weights: bool

    def warn(self, folder: Path) -> None:
        """Say what an answer from the folder rests on."""
        if not self.knows_weights:
            warnings.warn(
                f"{folder} is finished and was read again; whether the hub's weights have changed "
                "since was not looked at. Give another folder to ask again.",
                NamebasisHint,
                stacklevel=3,
            )


def request_of(
    encoder: Encoder | str,
    plan: Plan,
    names: str | Path | Names | Sequence[str] | None,
    counts: str | Path | None,
    seed: int,
) -> Request | None:
    """What an audit is asked; None where that is not known without reading the names.

    Raises
    ------
    EncoderError
        If the spec names no encoder.
    """
    own, told = _digest_of(names), _digest_of(counts)
    if own is None or told is None:
        return None
    held: dict[str, Any] | None = None
    if isinstance(encoder, str):
        spec = full_spec(encoder)
        held = {"spec": spec, "files": _files(spec)}
        knows_weights = held["files"] is not None
    else:
        fingerprint = getattr(encoder, "fingerprint", None)  # whatever else is refused later
        held, knows_weights = {"fingerprint": fingerprint}, True
    asked = {
        "namebasis": __version__,
        "faker": _version("faker"),
        "encoder": held,
        "plan": plan.fingerprint,
        "parts": [one.key for one in PARTS],
        "names": own,
        "counts": told,
        "seed": seed,
    }
    return Request(asked, knows_weights)


def _digest_of(given: object) -> str | None:
    """A digest of a file or of a list of names, "" of nothing; None of what else there is."""
    if given is None:
        return ""
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        if not path.is_file():  # a source such as "faker", or what is refused when it is read
            return None
        with path.open("rb") as stream:
            return f"{path.suffix}:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    if isinstance(given, Sequence) and all(isinstance(one, str) for one in given):
        return hashlib.sha256(repr(list(given)).encode()).hexdigest()
    return None


def _files(spec: str) -> list[list[Any]] | None:
    """Name, size and date of every file of a model that lies here; None of a hub's repository."""
    if spec in PACKAGED:
        return []  # the version of the package says which
    rest = spec.partition(":")[2]
    for text in (rest, rest.partition("@")[2], rest.partition("#")[0]):
        place = Path(os.path.expanduser(text)) if text else None
        if place is not None and place.exists():
            found = [place] if place.is_file() else _below(place)
            return None if found is None else [_told(one, place) for one in found]
    return None


def _below(folder: Path) -> list[Path] | None:
    found: list[Path] = []
    for at, _, files in os.walk(folder):
        found += [Path(at) / name for name in files]
        if len(found) > _MOST_FILES:
            return None
    return sorted(found)


def _told(file: Path, place: Path) -> list[Any]:
    facts = file.stat()
    name = file.name if file == place else str(file.relative_to(place))
    return [name, facts.st_size, facts.st_mtime_ns]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
