"""How much of each name a blend should hold, and what tools make of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.sparse.codes import refit
from namebasis.checks import FloatArray
from namebasis.namespace.export.escapes import escape
from namebasis.studies.paint.prompt_formats import box_texts, check_syntax, format_prompt
from namebasis.studies.paint.results import Blend, Painting, Ready
from namebasis.studies.paint.workflow import check_form, picture_workflow

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

SMALLEST_SHARE = 0.05
"""Of the whole: a name that the search put into the prompt is never left out of the blend."""
ATTENTION = (0.5, 1.5)
"""Weights of attention, 1 being none: beyond these, pictures break up."""

WORKFLOWS = ("plain", "comfyui", "comfyui-average")
"""Syntaxes of which `workflow` makes one."""

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


def ready(space: StoredSpace, painting: Painting, syntax: str, blend: Blend | None = None) -> Ready:
    """Write a blend of a painting for a tool, weighted by its shares.

    Shares are those of the names' stored vectors in the target (`Blend.shares`). ``a1111`` and
    ``comfyui`` get them divided by their mean, within `ATTENTION`; the others as they are.

    Parameters
    ----------
    space : Space
        That was painted from; its encoder reads one prompt per name where a tool blends prompts.
    painting : Painting
    syntax : str
        One of `namebasis.studies.paint.prompt_formats.SYNTAXES`.
    blend : Blend, optional
        By default the best.

    Raises
    ------
    ValueError
        If there is no such syntax, or a name cannot be written in it.
    """
    check_syntax(syntax)
    best = painting.best if blend is None else blend
    plain = f"of the plain prompt, re-encoded: {best.prompt}"
    if syntax == "plain":
        # The very prompt that was scored; the formatter joins names in its own way.
        return Ready("plain", best.prompt, (), best.similarity, plain)
    names, shares, template = _as_written(painting, best)
    weights = _attention(shares) if syntax in _ATTENDING else shares
    written = format_prompt(names, weights, template=template, syntax=syntax)
    if syntax not in _AVERAGING:
        unread = "its weights act on tokens inside the tool and are not in the cosine, which is "
        return Ready(syntax, written, weights, best.similarity, unread + plain)
    rows = space.encoder().encode_text([template.replace("{}", name) for name in names])
    return Ready(syntax, written, weights, *_of_several(rows, weights, painting.goal, syntax))


def workflow(painting: Painting, form: str = "ui") -> dict[str, Any]:
    """A workflow of ComfyUI that paints the best blend, and keeps away from the negative prompt.

    Parameters
    ----------
    painting : Painting
        Of syntax ``comfyui-average``, one text box a name and their mean by weight; of ``comfyui``
        one box with attention to names; of ``plain`` one with the prompt as it was scored.
    form : {"ui", "api"}
        As ComfyUI's window saves it, to be dropped there, or as its server takes it.

    Raises
    ------
    ValueError
        If the painting is of another syntax, there is no such form, or a prompt cannot be written.
    """
    check_form(form)
    syntax = painting.ready.syntax if painting.ready else "plain"
    check_workflow(syntax)
    texts, shares = _boxes(painting, syntax, form)
    away = painting.opposite
    one_box = "plain" if syntax == "plain" else "comfyui"
    negative = "" if away is None else _boxes(away, one_box, form)[0][0]
    return picture_workflow(texts, shares, negative, form)


def check_workflow(syntax: str) -> None:
    """Refuse a syntax that is none of ComfyUI's."""
    if syntax not in WORKFLOWS:
        raise ValueError(
            f"a workflow is ComfyUI's, of syntax {', '.join(WORKFLOWS)}; got syntax {syntax}."
        )


def _boxes(painting: Painting, syntax: str, form: str) -> tuple[list[str], list[float]]:
    language = "comfyui" if form == "ui" else "comfyui-api"
    best = painting.best
    if syntax == "plain":
        return [escape(best.prompt, language)], [1.0]
    names, shares, template = _as_written(painting, best)
    weights = _attention(shares) if syntax in _ATTENDING else shares
    return box_texts(names, weights, template=template, syntax=syntax, language=language)


def _as_written(painting: Painting, blend: Blend) -> tuple[tuple[str, ...], tuple[float, ...], str]:
    """Names, their shares, and the template with the blend's phrases and {} for the names.

    Phrases without a name beside them stand in the place of one.
    """
    template = painting.template.replace("{names}", "{}")
    for slot, phrase in blend.phrases.items():
        template = template.replace("{" + slot + "}", phrase)
    if not blend.names:
        return (blend.frame,), (1.0,), template
    return blend.names, blend.shares, template.replace("{}", blend.frame)


def _attention(shares: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(w) for w in np.clip(np.array(shares) * len(shares), *ATTENTION))


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
