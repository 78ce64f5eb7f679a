"""How an encoder was loaded, so that it can be loaded again in another process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from namebasis.errors import EncoderError
from namebasis.forks import Turn

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

LOADING = Turn()
"""One load at a time: the libraries change settings of the whole process while they read."""


@dataclass(frozen=True)
class Loading:
    """What `load_encoder` was given, and the weights that it found.

    Attributes
    ----------
    spec : str
        Canonical, such as the absolute path of a folder.
    revision : str or None
        The hub's commit.
    device : str or None
        As asked for: None takes what the process that loads it has.
    dtype : str
    fingerprint : str
    """

    spec: str
    revision: str | None
    device: str | None
    dtype: str
    fingerprint: str

    def encoder(self) -> Encoder:
        """The encoder: one that lives in this process already, else loaded and compared.

        Raises
        ------
        EncoderError
            If it cannot be loaded here, or its weights are others here.
        """
        from namebasis.encoders.registry import load_encoder

        global _last
        with LOADING:
            found = _living.get(self)
            if found is None:
                found = load_encoder(
                    self.spec, revision=self.revision, device=self.device, dtype=self.dtype
                )
                if found.fingerprint != self.fingerprint:
                    raise EncoderError(
                        f"{self.spec} has other weights here ({found.fingerprint[:19]}…) than "
                        f"where it was pickled ({self.fingerprint[:19]}…). Use the same files."
                    )
                _living[self] = _last = found
        return found


def note(encoder: Encoder, revision: str | None, device: str | None, dtype: str) -> None:
    """Remember how an encoder was loaded."""
    loading = Loading(
        encoder.spec, encoder.revision or revision, device, dtype, encoder.fingerprint
    )
    encoder.loading = loading
    _living[loading] = encoder


_living: WeakValueDictionary[Loading, Encoder] = WeakValueDictionary()
_last: Encoder | None = None
"""Kept alive, so that a worker which unpickles task after task loads it once."""
