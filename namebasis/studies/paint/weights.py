"""How much of each name a blend should hold, and what tools make of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.sparse.codes import refit
from namebasis.checks import FloatArray
from namebasis.studies.paint.prompt_formats import check_syntax, format_prompt
from namebasis.studies.paint.results import Painting, Ready

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

SMALLEST_SHARE = 0.05
"""Of the whole: a name that the search put into the prompt is never left out of the blend."""
ATTENTION = (0.5, 1.5)
"""Weights of attention, 1 being none: beyond these, pictures break up."""

_ATTENDING = ("a1111", "comfyui")
_AVERAGING = ("compel", "comfyui-average", "a1111-alternate", "dynamicprompts")


def fit_shares(names: FloatArray, goal: FloatArray) -> tuple[float, ...]:
    """Weights above 0 with which names add up to a goal best, divided by their sum.

    Parameters
    ----------
    names : ndarray of shape (n, dim)
        Vectors, centred if the goal is.
    goal : ndarray of shape (dim,)

    Returns
    -------
    tuple of float
        Of at least `SMALLEST_SHARE` each (as far as n allows); equal where no name helps.
    """
    n = len(names)
    if not np.any(goal) or not np.any(names):
        return (1 / n,) * n
    floor = min(SMALLEST_SHARE, 0.5 / n)
    code = refit(names, goal[None], np.arange(n)[None])
    weights = np.zeros(n)
    used = code.indices[0] >= 0
    weights[code.indices[0][used]] = np.maximum(code.weights[0][used], 0)
    if not weights.any():
        return (1 / n,) * n
    shares = weights / weights.sum()
    low = shares < floor
    shares[~low] *= (1 - floor * low.sum()) / shares[~low].sum()
    shares[low] = floor
    return tuple((shares / shares.sum()).tolist())


def ready(space: StoredSpace, painting: Painting, syntax: str) -> Ready:
    """Write the best blend of a painting for a tool, weighted by its shares.

    Shares are those of the names' stored vectors in the target (`Blend.shares`). ``a1111`` and
    ``comfyui`` get them divided by their mean, within `ATTENTION`; the others as they are.

    Parameters
    ----------
    space : Space
        That was painted from; its encoder reads one prompt per name where a tool blends prompts.
    painting : Painting
    syntax : str
        One of `namebasis.studies.paint.prompt_formats.SYNTAXES`.

    Raises
    ------
    ValueError
        If there is no such syntax, or a name cannot be written in it.
    """
    check_syntax(syntax)
    best = painting.best
    plain = f"of the plain prompt, re-encoded: {best.prompt}"
    if syntax == "plain":
        # The very prompt that was scored; the formatter joins names in its own way.
        return Ready("plain", best.prompt, (), best.similarity, plain)
    template = painting.template.replace("{names}", "{}")
    for slot, phrase in best.phrases.items():
        template = template.replace("{" + slot + "}", phrase)
    weights = best.shares
    if syntax in _ATTENDING:
        weights = tuple(float(w) for w in np.clip(np.array(weights) * len(weights), *ATTENTION))
    written = format_prompt(best.names, weights, template=template, syntax=syntax)
    if syntax not in _AVERAGING:
        unread = "its weights act on tokens inside the tool and are not in the cosine, which is "
        return Ready(syntax, written, weights, best.similarity, unread + plain)
    rows = space.encoder().encode_text([template.replace("{}", name) for name in best.names])
    return Ready(syntax, written, weights, *_of_several(rows, weights, painting.goal, syntax))


def _of_several(
    rows: FloatArray, weights: Sequence[float], goal: FloatArray, syntax: str
) -> tuple[float, str]:
    """The cosine to the goal of prompts with one name each, and what it is of."""
    share = np.asarray(weights) / np.sum(weights)
    exact = rows.astype(np.float64)
    if syntax == "dynamicprompts":
        said = "expected of one picture: the mean over its prompts by weight, one name each"
        return float(share @ (exact @ goal)), said
    mean = share @ exact
    said = "of the mean by weight of the vectors of its prompts, one name each"
    return float(mean @ goal / np.linalg.norm(mean)), said
