"""The token states that an image model reads of a prompt, from the text encoders that it has.

Stable Diffusion 1 and 2 read what the last norm of their text encoder gives (of version 2 the
encoder is stored without its last layer); XL reads what the last layers of both its encoders are
given, side by side; version 3 the same, and behind them T5's; Flux and PixArt read T5's alone. A
CLIP by itself is read as Stable Diffusion 1 reads it.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.checks import FloatArray
from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from namebasis.encoders.specs import ADDED, full_spec
from namebasis.encoders.token_places import TokenStates

MEAN, LAST = "conditioning", "conditioning_last"
"""The views: mean over a name's tokens, and its last token."""
_PARTS = {"diffusers": "diffusers", "sd": "single_file.models"}


@dataclass(frozen=True)
class ReadPart:
    """A text encoder that an image model reads token by token.

    Attributes
    ----------
    name : str
        As in a diffusers folder; empty for an encoder by itself.
    is_penultimate : bool
        Whether the state before the last layer is read, without the last norm.
    padded_to : int or None
        Tokens to which its prompts are padded, where tokens attend to the padding.
    """

    name: str
    is_penultimate: bool = False
    padded_to: int | None = None


class Conditioner:
    """Reads names as an image model is given them.

    Parameters
    ----------
    model : str
        Spec of the whole model.
    parts : sequence of (ReadPart, Encoder)

    Attributes
    ----------
    model, fingerprint : str
    settings : dict
        Which states are read.
    dims : dict of str to int
        Of the views `conditioning` and `conditioning_last`.
    """

    def __init__(self, model: str, parts: Sequence[tuple[ReadPart, Encoder]]) -> None:
        self.model, self._parts = model, tuple(parts)
        prints = [encoder.fingerprint for _, encoder in parts]
        joined = hashlib.sha256(" ".join(prints).encode()).hexdigest()
        self.fingerprint = prints[0] if len(prints) == 1 else f"sha256:{joined}"
        self.settings: dict[str, Any] = {
            part.name or "text": {
                "layer": "penultimate" if part.is_penultimate else "last",
                **({"padded_to": part.padded_to} if part.padded_to else {}),
            }
            for part, _ in parts
        }
        self.widths = {
            part.name or "text": int(self._read(encoder, part, ["a"], "{}").mean.shape[1])
            for part, encoder in parts
        }
        width = sum(self.widths.values())
        self.dims = {MEAN: width, LAST: width}

    @staticmethod
    def _read(encoder: Encoder, part: ReadPart, names: Sequence[str], template: str) -> TokenStates:
        return encoder.token_states(
            names, template, is_penultimate=part.is_penultimate, padded_to=part.padded_to
        )

    def of_names(self, names: Sequence[str], template: str) -> Mapping[str, FloatArray]:
        """States of the names' own tokens in a template, all encoders side by side, by view."""
        read = [self._read(encoder, part, names, template) for part, encoder in self._parts]
        return {
            MEAN: np.concatenate([one.mean for one in read], axis=1),
            LAST: np.concatenate([one.last for one in read], axis=1),
        }

    def of_texts(self, texts: Sequence[str]) -> Mapping[str, FloatArray]:
        """States of all tokens of texts as they stand, by view."""
        return self.of_names(texts, "{}")


def load_conditioner(
    encoder: Encoder | str, *, revision: str | None = None, device: str | None = None
) -> Conditioner:
    """Load all text encoders that an image model reads token by token.

    Parameters
    ----------
    encoder : Encoder or str
        One of the model's encoders, or its spec; of a pipeline or a file the others are found
        beside it. It is not loaded twice.
    revision : str, optional
        Of a hub's repository.
    device : str, optional

    Raises
    ------
    EncoderError
        If it is no text encoder that an image model reads, or a part cannot be loaded.
    """
    spec = full_spec(encoder) if isinstance(encoder, str) else encoder.spec
    loaded = {} if isinstance(encoder, str) else {encoder.spec: encoder}
    if not isinstance(encoder, str):
        revision = encoder.revision
    kind = spec.partition(":")[0]
    if kind not in _PARTS:
        alone = loaded.get(spec) or load_encoder(spec, revision=revision, device=device)
        return Conditioner(alone.spec, [(ReadPart(""), alone)])
    module = importlib.import_module(f"namebasis.encoders.{_PARTS[kind]}")
    find: Callable[..., tuple[str, list[ReadPart]]] = module.parts_read
    base, *added = ADDED.split(spec.partition(":")[2])
    place, parts = find(base, revision=revision)
    changes = "".join(added)
    found = []
    for part in parts:
        own = f"{place}#{part.name}{changes}"
        one = loaded.get(own) or load_encoder(own, revision=revision, device=device)
        found.append((part, one))
    return Conditioner(place + changes, found)


def clip_parts(spec: str, *, revision: str | None = None) -> list[str]:
    """Specs of all CLIP text encoders of a pipeline or file; of any other spec itself alone.

    A spec that names its part with ``#`` is that part.
    """
    full = full_spec(spec)
    kind, _, rest = full.partition(":")
    if kind not in _PARTS:
        return [full]
    base, *added = ADDED.split(rest)
    module = importlib.import_module(f"namebasis.encoders.{_PARTS[kind]}")
    place, parts = module.clip_parts(base, revision=revision)
    return [f"{place}#{part}{''.join(added)}" for part in parts]


def open_conditioner(facts: Any, device: str | None) -> Conditioner:
    """Load again what computed a view; see `namebasis.namespace.computed.makers`."""
    return load_conditioner(facts.model, device=device)
