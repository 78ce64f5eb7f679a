"""A weighted list of names as a prompt that can be pasted into an image tool."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from namebasis.namespace.export.escapes import UnsayableError, escape
from namebasis.studies.paint.workflow import as_text, picture_workflow
from namebasis.wording import did_you_mean

MAX_CYCLE = 12
"""Most steps after which an alternation begins again; a picture has some 20 to 50 steps."""


def format_prompt(
    names: Sequence[str],
    weights: Sequence[float] | None = None,
    *,
    template: str = "a photo of {}",
    syntax: str = "plain",
) -> str:
    r"""Write weighted names in the syntax of an image tool.

    Names and template are escaped for the tool, so that the encoder reads exactly their
    characters; syntax of your own goes around the result, not into the template.

    ``plain``
        ``a photo of A, B and C``. Weights are not said; order is kept.
    ``a1111``
        ``a photo of (A:1.2), (B:0.8)``, attention in the AUTOMATIC1111 web UI. Weights are
        divided by their mean, so that equal ones are 1.
    ``a1111-alternate``
        ``a photo of [A|B]``: the web UI takes the next name at each step. A weight is the share
        of steps: names repeat in a cycle of at most 12 steps.
    ``comfyui``
        ``a photo of (A:1.2), (B:0.8)`` for a text box of ComfyUI. Weights as for ``a1111``.
    ``comfyui-average``
        JSON: a whole workflow in the form that ComfyUI's server takes: a checkpoint loader, one
        CLIPTextEncode a name, a chain of ConditioningAverage whose last output is the mean by
        weight, a sampler and what saves the picture. Weights sum to 1. Choose your own checkpoint
        in the loader. `Painting.workflow` gives the form that its window saves.
    ``compel``
        ``("a photo of A", "a photo of B").blend(0.6, 0.4)``. Weights are divided by the sum of
        their absolute values; a negative one adds ``no_normalize``. Compel itself sets commas
        and full stops apart from their words by spaces.
    ``dynamicprompts``
        ``a photo of {0.6::A|0.4::B}``, one name per picture. Weights are probabilities. Escaped
        for the web UI as well, which reads the outcome.
    ``embedding-merge``
        ``a photo of <'A'*0.6+'B'*0.4>``, summed input embeddings in the web UI's extension of
        that name. Weights as for ``compel``; the sum may subtract.

    Parameters
    ----------
    names : sequence of str
        At least one; order is kept.
    weights : sequence of float, optional
        One per name, equal by default. Positive; ``compel`` and ``embedding-merge`` take
        negative ones too. Written with at most 2 decimals.
    template : str
        Holds ``{}`` once, where the names go.
    syntax : str
        One of `SYNTAXES`.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If an argument does not fit, a weight would be written as 0, or a name holds something
        that the syntax reads as its own and cannot escape (`UnsayableError`, which says what).
    """
    check_syntax(syntax)
    if isinstance(names, str) or not names:
        raise ValueError(f"names must be a list of at least one name; got {names!r}.")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"names must hold texts that are not blank; got {name!r}.")
    if not isinstance(template, str) or template.count("{}") != 1:
        raise ValueError(f"template must hold {{}} exactly once; got {template!r}.")
    for name in names:
        escape(name, _LANGUAGE_OF.get(syntax, syntax))
    before, _, after = template.partition("{}")
    shares = _check_weights(weights, len(names), signed=syntax in _SIGNED)
    return _WRITERS[syntax](list(names), shares, before, after)


def box_texts(
    names: Sequence[str], weights: Sequence[float], *, template: str, syntax: str, language: str
) -> tuple[list[str], list[float]]:
    """What stands in ComfyUI's text boxes, and the share of each in their mean.

    Parameters
    ----------
    names, weights, template
        As `format_prompt` takes them.
    syntax : {"comfyui", "comfyui-average"}
        One box with attention to names, or one box a name.
    language : {"comfyui", "comfyui-api"}
        Of the window's boxes, or of the server.
    """
    before, _, after = template.partition("{}")
    shares = _check_weights(weights, len(names), signed=False)
    if syntax == "comfyui-average":
        return [escape(before + name + after, language) for name in names], shares
    return [_attention(language)(list(names), shares, before, after)], [1.0]


def can_say(name: str, syntax: str) -> bool:
    """Whether a name can be written in a syntax."""
    if syntax == "plain":  # a painted prompt is shown as it was scored
        return True
    try:
        escape(name, _LANGUAGE_OF.get(syntax, syntax))
    except UnsayableError:
        return False
    return True


def check_syntax(syntax: object, n_names: int = 1) -> None:
    """Refuse what is none of `SYNTAXES`, or takes fewer names."""
    if syntax not in SYNTAXES:
        raise ValueError(
            f"syntax must be one of {', '.join(SYNTAXES)}; got {syntax!r}."
            f"{did_you_mean(syntax, SYNTAXES)}"
        )
    if syntax == "a1111-alternate" and n_names > MAX_CYCLE:
        raise ValueError(
            f"n_names must be at most {MAX_CYCLE} in syntax {syntax}, the steps of an alternation; "
            f"got {n_names}."
        )


def _check_weights(weights: Sequence[float] | None, n: int, signed: bool) -> list[float]:
    """Weights divided by the sum of their absolute values."""
    if weights is None:
        return [1 / n] * n
    values = [float(weight) for weight in weights]
    if len(values) != n:
        raise ValueError(f"weights must be one per name; got {len(values)} for {n} names.")
    for value in values:
        if not math.isfinite(value) or value == 0 or (value < 0 and not signed):
            kind = "finite and not 0" if signed else "finite and above 0 in this syntax"
            raise ValueError(f"weights must be {kind}; got {value:g}. Leave such names out.")
    largest = max(abs(value) for value in values)
    scaled = [value / largest for value in values]
    total = math.fsum(abs(value) for value in scaled)
    return [value / total for value in scaled]


def _number(value: float) -> str:
    # Fixed point: none of the grammars but Python's knows exponents.
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    if text in {"0", "-0"}:
        raise ValueError(f"a weight of {value:.2g} of the whole is written as 0. Leave it out.")
    return text


def _plain(names: list[str], shares: list[float], before: str, after: str) -> str:
    head = ", ".join(names[:-1])
    listed = f"{head} and {names[-1]}" if head else names[-1]
    return escape(before + listed + after, "plain")


def _attention(language: str) -> Callable[[list[str], list[float], str, str], str]:
    def write(names: list[str], shares: list[float], before: str, after: str) -> str:
        terms = [
            f"({escape(name, language)}:{_number(share * len(names))})"
            for name, share in zip(names, shares, strict=True)
        ]
        return escape(before, language) + ", ".join(terms) + escape(after, language)

    return write


def _alternation(names: list[str], shares: list[float], before: str, after: str) -> str:
    _check_outcomes(names, before, after, "a1111")
    said = [escape(name, "a1111") for name in names]
    cycle = "|".join(said[step] for step in _cycle(shares))
    # One name alone in brackets would lower its attention instead.
    middle = f"[{cycle}]" if len(said) > 1 else said[0]
    return escape(before, "a1111") + middle + escape(after, "a1111")


def _check_outcomes(names: list[str], before: str, after: str, language: str) -> None:
    """Refuse what only comes about where a name meets the words around it."""
    for name in names:
        escape(before + name + after, language)


def _cycle(shares: list[float]) -> list[int]:
    """Which name comes at each step: the shortest cycle that is closest to the shares."""
    n = len(shares)
    if n > MAX_CYCLE:
        raise ValueError(f"an alternation takes at most {MAX_CYCLE} names; got {n}.")
    choices = [_counts(shares, length) for length in range(n, MAX_CYCLE + 1)]
    counts = min(choices, key=lambda c: (round(_misfit(c, shares), 9), sum(c)))
    # Each appearance sits at the middle of its equal part of the cycle, so that names mix.
    places = [((turn + 0.5) / counts[i], i) for i in range(n) for turn in range(counts[i])]
    return [i for _, i in sorted(places)]


def _counts(shares: list[float], length: int) -> list[int]:
    """Steps per name, at least one each, by largest remainder."""
    counts = [max(1, math.floor(share * length)) for share in shares]
    while sum(counts) < length:
        short = max(range(len(shares)), key=lambda i: shares[i] * length - counts[i])
        counts[short] += 1
    while sum(counts) > length:
        spare = [i for i in range(len(shares)) if counts[i] > 1]
        counts[min(spare, key=lambda i: shares[i] * length - counts[i])] -= 1
    return counts


def _misfit(counts: list[int], shares: list[float]) -> float:
    total = sum(counts)
    return max(abs(n / total - share) for n, share in zip(counts, shares, strict=True))


def _averaging(names: list[str], shares: list[float], before: str, after: str) -> str:
    texts = [escape(before + name + after, "comfyui-api") for name in names]
    return as_text(picture_workflow(texts, shares, form="api"))


def _compel(names: list[str], shares: list[float], before: str, after: str) -> str:
    texts = ", ".join('"' + escape(before + name + after, "compel") + '"' for name in names)
    numbers = [_number(share) for share in shares]
    # Compel divides by the sum, which negative weights could bring to nothing.
    options = ["no_normalize"] if min(shares) < 0 else []
    return f"({texts}).blend({', '.join(numbers + options)})"


def _variants(names: list[str], shares: list[float], before: str, after: str) -> str:
    language = "dynamicprompts"
    _check_outcomes(names, before, after, language)
    options = "|".join(
        f"{_number(share)}::{escape(name, language)}"
        for name, share in zip(names, shares, strict=True)
    )
    return escape(before, language) + "{" + options + "}" + escape(after, language)


def _merged(names: list[str], shares: list[float], before: str, after: str) -> str:
    for text in (before, after):
        if "<'" in text or "{'" in text:
            raise UnsayableError(text, "embedding-merge", "holds <' or {'")
    terms = "+".join(
        f"'{escape(name, 'embedding-merge')}'*{_number(share)}"
        for name, share in zip(names, shares, strict=True)
    )
    return escape(before, "a1111") + f"<{terms}>" + escape(after, "a1111")


_LANGUAGE_OF = {"a1111-alternate": "a1111", "comfyui-average": "comfyui-api"}
_SIGNED = ("compel", "embedding-merge")
_WRITERS: dict[str, Callable[[list[str], list[float], str, str], str]] = {
    "plain": _plain,
    "a1111": _attention("a1111"),
    "a1111-alternate": _alternation,
    "comfyui": _attention("comfyui"),
    "comfyui-average": _averaging,
    "compel": _compel,
    "dynamicprompts": _variants,
    "embedding-merge": _merged,
}
SYNTAXES = tuple(_WRITERS)
"""What `format_prompt` writes."""
