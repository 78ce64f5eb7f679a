"""Which prompt of names comes nearest to a target, every prompt re-encoded?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, Progress, check_count, check_seed
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.namespace.phrases.sentences import subject
from namebasis.namespace.search.targets import Resolver, Target, is_batch
from namebasis.studies.basis.atoms import name_mean
from namebasis.studies.paint.guard import find_collapse
from namebasis.studies.paint.joint import (
    WIDER,
    JointEncoder,
    JointSearch,
    check_targets,
    load_others,
    plan_joint,
)
from namebasis.studies.paint.layout import Layout, parse_layout
from namebasis.studies.paint.moves import Moves, Reading, Scorer, State, no_names, no_words
from namebasis.studies.paint.pool import choose_pool, choose_words, mean_goal
from namebasis.studies.paint.prompt_formats import can_say, check_syntax
from namebasis.studies.paint.results import Blend, Painting, Sketch
from namebasis.studies.paint.search import Found, beam_search, greedy_chain
from namebasis.studies.paint.weights import fit_shares, ready, workflow
from namebasis.studies.paint.workflow import as_text

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace


def paint(
    space: StoredSpace,
    target: object,
    n_names: int = 4,
    *,
    template: str = "a photo of {names}",
    slots: Mapping[str, str | Sequence[str]] | None = None,
    weights: Sequence[float] | None = None,
    separator: str = ", ",
    max_tokens: int | None = None,
    beam: int = 8,
    breadth: int = 16,
    candidates: int = 512,
    where: str | None = None,
    deny: Sequence[str] = (),
    phrases: bool | str | Path | Phrases = False,
    max_names: int | None = None,
    as_: str | None = None,
    use_target: bool = False,
    negative: bool = False,
    with_negative: bool = False,
    baseline: bool = False,
    syntax: str = "plain",
    encoders: Sequence[Encoder | str] = (),
    margin: float = 0.05,
    alternatives: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
    watch: Callable[[Sketch], None] | None = None,
) -> Painting:
    """Search for the prompt of at most `n_names` names that comes nearest to a target.

    The search starts from the linear code's names and the nearest ones, and re-encodes every
    prompt it considers; only which names are worth re-encoding at a place is predicted.

    Parameters
    ----------
    space : Space
    target : str, PIL image, array of shape (dim,), mapping, or a list of those
        As `Space.resolve` takes it. Of a list, the weighted mean cosine counts.
    n_names : int
        The most names in the prompt.
    template : str
        Holds `{names}`, and slots such as `{age}` whose phrases are chosen too.
    slots : mapping, optional
        Phrases per slot, or an axis file's path; the packaged axes are known.
    weights : sequence of float, optional
        One per target of a list; a negative one pushes away.
    separator : str
        Between two names.
    max_tokens : int, optional
        The longest prompt in tokens, special tokens not counted; by default what the encoder
        reads before it cuts off.
    beam, breadth : int
        Prompts kept at a time, and names re-encoded per prompt and place.
    candidates : int
        Names the search chooses from.
    where : str, optional
        Boolean SQL expression that names must fulfil.
    deny : sequence of str
        Names never used, in whatever case and accents.
    phrases : bool, str, Path or Phrases
        Optional phrases, at most one of a group, each of which counts as a name: True for those
        that the space holds, or where it holds none the packaged ones; else a .toml or .txt file.
        They stand around the names: "an elderly woman, Vicki, with white hair".
    max_names : int, optional
        The most names among the parts of a prompt with phrases; 0 for phrases alone.
    as_ : {"name", "text"}, optional
        How texts are read; see `Space.resolve`.
    use_target : bool
        Whether a stored name, or a phrase, that is the target may be used itself.
    negative : bool
        Look for the prompt that is least similar.
    with_negative : bool
        Look for that one too, beside the most similar: `Painting.negative_prompt`. Twice the work.
    baseline : bool
        Whether to run the greedy chain over the same candidates too, which encodes about
        `candidates` × `n_names` prompts more.
    syntax : str
        Of the tool that `Painting.ready` is written for, such as ``a1111`` or ``compel``; see
        `namebasis.studies.paint.prompt_formats.format_prompt`.
    encoders : sequence of Encoder or str
        Encoders that the prompt must please beside the space's own, under one budget of tokens: of
        a pipeline without ``#`` all its CLIP text encoders, so that Stable Diffusion XL's two are
        named by its folder. The mean of the cosines counts, weighted so that all count alike, and
        each is reported. Texts that a tool blends by prompts are scored by the space's encoder.
    margin : float
        For `Collapse`.
    alternatives : int
        How many distinct prompts to give, the best first; of those that the search encoded.
    seed : int
        Of the candidates that are drawn at random.
    progress : callable, optional
        Called with the number of names reached and `n_names`.
    watch : callable, optional
        Called with the best prompt of each number of names, as a `Sketch`, whenever it gets
        better.

    Returns
    -------
    Painting

    Raises
    ------
    EncoderError
        If the space's encoder cannot be loaded, is another, or reads no text.
    TargetError, FilterError
        If a target or `where` cannot be read.
    ValueError
        If an argument does not fit: a target's width, an unknown slot, a filter that leaves no
        name, a budget that the template alone fills.

    See Also
    --------
    namebasis.studies.basis.fit : The same by arithmetic on stored vectors.
    namebasis.studies.paint.prompt_formats.format_prompt : What the syntaxes are.

    Examples
    --------
    >>> from namebasis.studies.paint import paint
    >>> found = paint(space, "a woman from Iceland", 2)
    >>> found.prompt
    'a photo of Vicki, Sigríður'
    """
    seed = check_seed(seed)
    for value, what in ((n_names, "n_names"), (beam, "beam"), (breadth, "breadth")):
        check_count(value, what)
    check_count(candidates, "candidates", n_names)
    check_count(alternatives, "alternatives")
    check_syntax(syntax, n_names)
    if negative and with_negative:
        raise ValueError(
            "with_negative looks for both prompts, negative for one; give one of them."
        )
    if max_names is not None:
        if phrases is False:
            raise ValueError("max_names belongs to phrases; without them, give n_names.")
        check_count(max_names, "max_names", 0)
    layout = parse_layout(template, slots, separator)
    if encoders:
        check_targets(target if isinstance(target, (list, tuple)) else [target])
    if max_tokens is not None:
        check_count(max_tokens, "max_tokens")
    # Refuses what is no filter, and what leaves no name, before a model is loaded.
    if not len(space.ids(where)) and where is not None and max_names != 0:
        raise ValueError(f"where {where!r} leaves no name to paint with.")
    targets = _resolve(space, target, as_)
    sign = -1.0 if negative else 1.0
    own_mean = _mean(space, targets)
    goal, centred = (sign * mean_goal(targets, weights, mean) for mean in (None, own_mean))
    if np.linalg.norm(goal) < 1e-6:
        raise ValueError("the targets cancel out: their weighted mean has no direction.")
    encoder = space.encoder()
    others = load_others(space, encoders)
    limit = _token_limit(
        JointEncoder([encoder, *others], [1.0] * (1 + len(others))), layout, max_tokens
    )
    barred = [*deny, *([] if use_target else _stored_names(space, targets))]
    sayable = partial(can_say, syntax=syntax)
    words = no_words(len(goal))
    if phrases is not False:
        labels = () if use_target else [one.label for one in targets]
        words = choose_words(space, phrases, [*barred, *labels], layout.slots, sayable)
    pool = no_names(len(goal))
    if max_names != 0:
        pool = choose_pool(
            space, goal, centred, candidates * (WIDER if others else 1), where=where,
            barred=barred, seed=seed, sayable=sayable,
        )  # fmt: skip
    centre, own_goal = name_mean(space, "text"), goal
    reading: Reading = encoder
    joint: JointSearch | None = None
    if others:
        joint = plan_joint(
            space, others, targets, lambda resolver: _read(resolver, target, as_), weights, pool,
            words, layout, n_candidates=candidates, centre=centre, sign=sign,
        )  # fmt: skip
        reading, pool, words = joint.encoder, joint.pool, joint.words
        goal, centred, centre = joint.goal, joint.centred, joint.centre
    scorer = Scorer(reading, layout, pool, goal, limit, words)
    moves = Moves(scorer, centre, breadth, max_names)

    def tell(level: int, state: State) -> None:
        if watch is not None:
            told = scorer.prompt(state), sign * state.similarity
            watch(Sketch(level, *told, scorer.n_encodes, negative))

    found = beam_search(scorer, moves, n_names, beam, beam * breadth, progress, tell)
    if not found:
        raise ValueError(
            f"none of {len(pool.ids)} names {'and phrases ' * bool(len(words.texts))}fits into "
            f"max_tokens={limit} with template "
            f"{template!r}; allow more tokens or shorten it."
        )
    chain: list[Found] = []
    if baseline:
        apart = Scorer(reading, layout, pool, goal, limit, keep_rows=False)  # pays for itself
        chain = greedy_chain(apart, n_names)
    best = max(found, key=lambda step: step.state.similarity)
    row = scorer.row(best.state)
    own_row = row if joint is None else joint.encoder.split(row)[0]
    atoms = pool.vectors - (0 if own_mean is None else centre)
    shared = (reading, scorer, sign, atoms, centred)
    painting = Painting(
        label=", ".join(t.label for t in targets),
        template=template,
        negative=negative,
        best=_describe(best, *shared),
        curve=tuple(_describe(step, *shared) for step in found),
        greedy=tuple(_describe(step, *shared) for step in chain),
        target_similarities=()
        if joint
        else tuple((t.label, float(row @ t.vector)) for t in targets),
        collapse=find_collapse(space, encoder, scorer, best.state, margin, own_row),
        n_candidates=len(pool.ids),
        goal=sign * own_goal,
        by_encoder=() if joint is None else joint.cosines(scorer, row, sign),
        encoder_weights=() if joint is None else joint.encoder.weights,
        alternatives=tuple(
            _describe(Found(state, scorer.n_encodes, found[-1].seconds), *shared)
            for state in scorer.best(alternatives)
        ),
        remarks=tuple(dict.fromkeys(told for target in targets for told in target.remarks)),
    )
    painting = replace(
        painting,
        ready=ready(space, painting, syntax),
        ready_alternatives=tuple(
            ready(space, painting, syntax, blend)
            for blend in (painting.alternatives if alternatives > 1 else ())
        ),
    )
    if not with_negative:
        return painting
    away = paint(
        space, target, n_names, template=template, slots=slots, weights=weights,
        separator=separator, max_tokens=max_tokens, beam=beam, breadth=breadth,
        candidates=candidates, where=where, deny=deny, phrases=phrases, max_names=max_names,
        as_=as_, use_target=use_target,
        negative=True, encoders=others, syntax="comfyui" if syntax == "comfyui-average" else syntax,
        margin=margin, seed=seed, progress=progress, watch=watch,
    )  # fmt: skip
    return _beside(painting, away)


def _beside(painting: Painting, away: Painting) -> Painting:
    """The painting with its negative prompt, which a workflow holds too."""
    both = replace(painting, opposite=away)
    if painting.ready is None or painting.ready.syntax != "comfyui-average":
        return both
    written = replace(painting.ready, prompt=as_text(workflow(both, "api")))
    return replace(both, ready=written)


def _read(resolver: Resolver, target: object, as_: str | None) -> list[Target]:
    """The targets by another encoder."""
    targets = list(target) if is_batch(target) else [target]  # type: ignore[call-overload]
    return [replace(resolver, as_=as_).resolve(one) for one in targets]


def _resolve(space: StoredSpace, target: object, as_: str | None) -> list[Target]:
    targets = list(target) if is_batch(target) else [target]  # type: ignore[call-overload]
    if not targets:
        raise ValueError("paint needs at least one target; got an empty list.")
    space.check_targets(targets, as_=as_)
    return [space.resolve(one, as_=as_) for one in targets]


def _stored_names(space: StoredSpace, targets: Sequence[Target]) -> list[str]:
    ids = [row for target in targets for row in target.members]
    return [str(name) for name in space.table(["name"], ids=ids)["name"].to_pylist()] if ids else []


def _mean(space: StoredSpace, targets: Sequence[Target]) -> FloatArray | None:
    """The mean of the targets' modality, None where it is unknown or they are of several."""
    kinds = {target.kind for target in targets}
    if kinds <= {"text", "name", "stored", "mix"}:
        return name_mean(space, "text")
    return space.image_mean() if kinds == {"image"} else None


def _token_limit(encoder: Reading, layout: Layout, max_tokens: int | None) -> int | None:
    """The budget of a prompt in tokens, checked against what the template alone takes."""
    limit = encoder.max_tokens if max_tokens is None else check_count(max_tokens, "max_tokens")
    if limit is None:
        return None
    shortest = [min(layout.options[slot], key=len) for slot in layout.slots]
    bare = layout.prompt([], shortest)
    n_bare = int(encoder.count_tokens([bare])[0])
    if n_bare >= limit:
        raise ValueError(
            f"max_tokens={limit} leaves no room for a name: the template alone, {bare!r}, takes "
            f"{n_bare} tokens."
        )
    return int(limit)


def _describe(
    found: Found,
    encoder: Reading,
    scorer: Scorer,
    sign: float,
    atoms: FloatArray,
    centred: FloatArray,
) -> Blend:
    names, words = list(found.state.names), list(found.state.words)
    rows = np.concatenate([scorer.pool.vectors[names], scorer.words.vectors[words]])
    mean = rows.astype(np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean))
    linear = float(mean @ scorer.goal) / length if length else float("nan")
    prompt = scorer.prompt(found.state)
    return Blend(
        prompt=prompt,
        names=tuple(scorer.pool.names[i] for i in names),
        ids=tuple(int(i) for i in scorer.pool.ids[names]),
        phrases=scorer.phrases(found.state),
        n_tokens=int(encoder.count_tokens([prompt])[0]),
        similarity=sign * found.state.similarity,
        linear_similarity=sign * linear,
        n_encodes=found.n_encodes,
        seconds=found.seconds,
        shares=fit_shares(atoms[names], centred) if names else (),
        frame=subject(scorer.sentences(found.state), bool(names)) if words else "{}",
    )
