"""From a spec to an encoder, in this process and in another that it is pickled to."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from namebasis.encoders.specs import check_device, full_spec
from namebasis.errors import EncoderError
from namebasis.forks import Turn

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

DTYPES = ("float32", "float16", "bfloat16")
LOADING = Turn()
"""One load at a time: the libraries change settings of the whole process while they read."""
_ADAPTERS = {
    "minilm": "minilm",
    "organism": "organism",
    "hf": "huggingface.models",
    "open_clip": "open_clip.models",
    "diffusers": "diffusers",
    "sd": "single_file.models",
    "vectors": "given",
}
TEXT_ONLY = ("minilm",)
"""Specs of encoders that read no images, which is known before they are loaded."""
_living: WeakValueDictionary[Loading, Encoder] = WeakValueDictionary()
_last: Encoder | None = None
"""Kept alive, so that a worker which unpickles task after task loads it once."""


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


def as_encoder(encoder: Encoder | str, *, device: str | None = None) -> Encoder:
    """Return an encoder, loaded where only its spec was given.

    Raises
    ------
    EncoderError
        If it is neither, or `load_encoder` refuses the spec.
    """
    if isinstance(encoder, str):
        return load_encoder(encoder, device=device)
    if not hasattr(encoder, "fingerprint"):
        raise EncoderError(
            "an encoder must come from load_encoder, or be the spec of one, such as 'minilm'; "
            f"got {type(encoder).__name__}."
        )
    return encoder


def check_sees(spec: str) -> None:
    """Refuse a spec that names no encoder, or one that is known to read no images, unloaded.

    Raises
    ------
    EncoderError
    """
    if full_spec(spec) in TEXT_ONLY:
        raise EncoderError(f"{spec} reads no images; use an encoder that does.")


def load_encoder(
    spec: str,
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str = "float32",
) -> Encoder:
    """Load an encoder.

    Parameters
    ----------
    spec : str
        ``minilm`` (packaged, text only), ``organism`` (packaged, small, text and images, knows only
        its own made-up world), ``hf:openai/clip-vit-large-patch14`` or ``hf:folder``,
        ``open_clip:ViT-L-14/openai``, ``open_clip:ViT-B-32@weights.safetensors``,
        ``diffusers:folder`` (the text encoder of a pipeline; ``#text_encoder`` picks one),
        ``sd:model.safetensors`` (the same out of one file). A folder, a file of Stable Diffusion or
        the name of a repository alone is taken for what it is, see `specs.full_spec`.
    revision : str, optional
        Commit or tag of a hub's repository.
    device : str, optional
        ``cpu``, ``cuda``, ``cuda:1`` …; by default cuda where there is one.
    dtype : str
        float32, float16 or bfloat16, of the weights; rows are float32 always.

    Returns
    -------
    Encoder

    Raises
    ------
    EncoderError
        If the spec is unknown, or the weights cannot be found, reached or read.
    MissingExtraError
        If the library that the spec needs is not installed.
    ValueError
        If `dtype` is unknown.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}.")
    check_device(device)
    kind, _, rest = full_spec(spec).partition(":")
    with LOADING:
        module = importlib.import_module(f"namebasis.encoders.{_ADAPTERS[kind]}")
        encoder: Encoder = module.load(rest, revision=revision, device=device, dtype=dtype)
        _note(encoder, revision, device, dtype)
    return encoder


def _note(encoder: Encoder, revision: str | None, device: str | None, dtype: str) -> None:
    """Remember how an encoder was loaded."""
    loading = Loading(
        encoder.spec, encoder.revision or revision, device, dtype, encoder.fingerprint
    )
    encoder.loading = loading
    _living[loading] = encoder
