"""How phrases are read: in templates of their own, to their end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import EncoderError, NamebasisError
from namebasis.reading import packaged_text, parse_toml

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder


@cache
def phrase_templates() -> tuple[str, ...]:
    """Templates in which phrases are read."""
    return tuple(parse_toml(packaged_text("templates.toml"), "templates.toml")["phrase"])


def encode_phrases(encoder: Encoder, sentences: Sequence[str]) -> FloatArray:
    """Return unit vectors of sentences in each template of phrases, (n_templates, n, dim).

    Raises
    ------
    EncoderError
        If the encoder reads no text.
    NamebasisError
        If it cuts a phrase off.
    """
    if not encoder.has_text:
        raise EncoderError(f"{encoder.spec} does not read text, so it cannot read phrases.")
    check_length(encoder, sentences)
    rows = [encoder.encode_names(sentences, template) for template in phrase_templates()]
    return np.stack(rows).astype(np.float32)


def check_length(encoder: Encoder, sentences: Sequence[str]) -> None:
    """Refuse phrases of which the encoder would not read the end.

    Raises
    ------
    NamebasisError
    """
    most = getattr(encoder, "max_tokens", None)
    if most is None:
        return
    for template in phrase_templates():
        # No encoder has more tokens than bytes: most phrases need not be counted.
        texts = [template.replace("{}", sentence) for sentence in sentences]
        long = [at for at, text in enumerate(texts) if len(text.encode()) > most]
        counts = encoder.count_tokens([texts[at] for at in long]) if long else ()
        for at, count in zip(long, counts, strict=True):
            if count > most:
                raise NamebasisError(
                    f"the phrase {sentences[at][:60]!r} takes {count} tokens in {template!r}, and "
                    f"{encoder.spec} reads {most}: its end would be cut off. Shorten it."
                )
