"""Names put into contexts: ages, scenes, expressions, outfits and styles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import NamebasisError
from namebasis.namespace.actors.crew import Advance
from namebasis.reading import UnreadableError, packaged_text, parse_toml, read_text

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

BARE = "{}"
BLOCK = 512
"""Names embedded at a time: bounds the memory of a study over many."""


def load_contexts(source: str | Path | None = None) -> dict[str, str]:
    """Read contexts: template to group, in the file's order.

    Parameters
    ----------
    source : str or Path, optional
        A TOML file of groups, each a list of templates with one ``{}``; the packaged 24 if None.

    Raises
    ------
    NamebasisError
        If the file cannot be read, a template does not hold {} once, comes twice or is bare, or
        there are fewer than 3.
    """
    label = "contexts.toml" if source is None else str(source)
    try:
        text = packaged_text(label) if source is None else read_text(label)
        groups = parse_toml(text, label)
    except UnreadableError as error:
        raise NamebasisError(
            f"{label}: cannot be read as a contexts file ({error.reason})."
        ) from None
    contexts: dict[str, str] = {}
    for group, templates in groups.items():
        if not isinstance(templates, list):
            raise NamebasisError(f"{label}: {group} must be a list of templates.")
        for template in templates:
            is_text = isinstance(template, str) and template.strip() != BARE
            if (
                not is_text
                or template.count("{}") != 1
                or set(template.replace("{}", "")) & {*"{}"}
            ):
                raise NamebasisError(
                    f"{label}: {group}: a context holds {{}} once, no other brace and more than "
                    f"the name; got {template!r}."
                )
            if template in contexts:
                raise NamebasisError(f"{label}: {template!r} is there twice.")
            contexts[template] = group
    if len(contexts) < 3:
        raise NamebasisError(f"{label}: needs at least 3 contexts; got {len(contexts)}.")
    return contexts


def embed_contexts(
    encoder: Encoder,
    names: Sequence[str],
    templates: Sequence[str],
    *,
    progress: Advance | None = None,
) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Embed names alone and in each context, a block of names at a time.

    Prompts that begin with the name go to the encoder together: a causal text tower computes the
    name once for all of them. The others share their beginning with the other names.

    Yields
    ------
    (slice, ndarray of shape (n, dim), ndarray of shape (n, n_contexts, dim))
        Which names, and their unit rows bare and in contexts.
    """
    ahead = [at for at, template in enumerate(templates) if template.startswith(BARE)]
    behind = [at for at in range(len(templates)) if at not in ahead]
    for start in range(0, len(names), BLOCK):
        block = list(names[start : start + BLOCK])
        texts = [t.replace(BARE, n) for n in block for t in (BARE, *(templates[i] for i in ahead))]
        rows = encoder.encode_text(texts).reshape(len(block), 1 + len(ahead), -1)
        if progress is not None:
            progress(len(texts))
        placed = np.empty((len(block), len(templates), rows.shape[2]), dtype=np.float32)
        placed[:, ahead] = rows[:, 1:]
        for at in behind:
            placed[:, at] = encoder.encode_names(block, templates[at])
            if progress is not None:
                progress(len(block))
        yield slice(start, start + len(block)), rows[:, 0], placed
