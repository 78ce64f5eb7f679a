"""Names put into contexts: ages, scenes, expressions, outfits and styles."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import NamebasisError

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

Progress = Callable[[int, int], None]
BARE = "{}"


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
        place = files("namebasis").joinpath("data/contexts.toml") if source is None else None
        text = (place or Path(label)).read_text(encoding="utf-8")
        groups = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NamebasisError(f"{label}: cannot be read as a contexts file ({error}).") from None
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
    progress: Progress | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Embed names alone, (n, dim), and in each context, (n, n_contexts, dim), unit rows."""
    bare = encoder.encode_names(names, BARE)
    placed = np.empty((len(names), len(templates), bare.shape[1]), dtype=np.float32)
    for at, template in enumerate(templates):
        placed[:, at] = encoder.encode_names(names, template)
        if progress is not None:
            progress(at + 1, len(templates))
    return bare, placed
