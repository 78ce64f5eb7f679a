"""Store the token states that an image model reads of names, and compare them with `text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from namebasis.checks import Progress, check_count, check_seed
from namebasis.encoders.conditioner import LAST, MEAN, Conditioner, load_conditioner
from namebasis.errors import SpaceError
from namebasis.namespace.computed.facts import ComputedFacts, facts_of
from namebasis.namespace.computed.making import compute_views
from namebasis.studies.conditioning.results import Conditioning, ViewsCompared
from namebasis.studies.topology.overlap import overlap

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

_FEWEST = 5


def condition(
    space: StoredSpace,
    *,
    encoder: Encoder | str | None = None,
    where: str | None = None,
    k: int = 10,
    rebuild: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conditioning:
    """Store the views `conditioning` and `conditioning_last`, of names that lack them.

    An image model is not given the pooled vector of a prompt but the states of its tokens: of
    Stable Diffusion 1 and 2 their encoder's, of XL those of both encoders side by side, of version
    3, Flux and PixArt those of T5 too where it is there. Stored are the mean over a name's own
    tokens and the state of the last one, each the mean over the space's templates, scaled to
    length 1. All questions that take a view take these.

    Parameters
    ----------
    space : Space
    encoder : Encoder or str, optional
        Of the image model: a pipeline's folder (``diffusers:FOLDER``), a file (``sd:FILE``) or a
        CLIP. By default what computed the views before, or what built the space. It may be another
        than built the space.
    where : str, optional
        Only these names; by default those chosen before, or all.
    k : int
        Neighbours of a name by which the views are compared.
    rebuild : bool
        Compute all names again, by this encoder.
    seed : int
        Of the names sampled for the alignment.
    progress : callable, optional
        Called with (names done, names in all).

    Returns
    -------
    Conditioning
        Its `space` is the space opened again.

    Raises
    ------
    EncoderError
        If the encoder is no text encoder that an image model reads.
    SpaceError
        If the views were computed by another model and `rebuild` is not said, fewer than 5 names
        have them, or another process writes to the space.
    ValueError
        If a parameter is out of range.
    """
    check_count(k, "k")
    seed = check_seed(seed)
    known = facts_of(space._store, MEAN) if MEAN in space.views else None
    before = _n_computed(space)
    if _is_done(space, known, encoder, where) and not rebuild:
        made = space
    else:
        made = compute_views(
            space, _conditioner(space, known, encoder), where=where, rebuild=rebuild,
            progress=progress,
        )  # fmt: skip
    ids = made.ids(view=MEAN)
    if len(ids) < _FEWEST:
        raise SpaceError(
            f"{space.path}: {len(ids)} names have the view {MEAN}; a comparison with the view text "
            f"takes at least {_FEWEST}."
        )
    if k >= len(ids) - 1:
        raise ValueError(
            f"k must be at most {len(ids) - 2:,}: of {len(ids):,} names each has {len(ids) - 1:,} "
            f"neighbours, and all of them are shared; got {k}."
        )
    facts = facts_of(made._store, MEAN)
    pairs: Sequence[tuple[str, str]] = (("text", MEAN), ("text", LAST), (MEAN, LAST))
    compared = tuple(
        ViewsCompared(left, right, overlap(made, made, view=left, right_view=right, k=k, seed=seed))
        for left, right in pairs
    )
    n_computed = 0 if made is space else len(ids) if rebuild else len(ids) - before
    return Conditioning(
        made, facts.model, facts.settings, len(ids), n_computed, compared,
        {"templates": list(facts.templates), "where": facts.where, "k": k, "seed": seed},
    )  # fmt: skip


def _n_computed(space: StoredSpace) -> int:
    if MEAN not in space.views:
        return 0
    norms = space.table([f"{MEAN}_norm"])[0].to_numpy()
    return int((norms > 0).sum())


def _is_done(
    space: StoredSpace,
    known: ComputedFacts | None,
    encoder: Encoder | str | None,
    where: str | None,
) -> bool:
    """Whether nothing has to be computed, so that no model is loaded."""
    is_asked = encoder is not None or where is not None
    return known is not None and not is_asked and LAST in space.views and not any(
        space._store.not_computed(view) for view in (MEAN, LAST)
    )  # fmt: skip


def _conditioner(
    space: StoredSpace, known: ComputedFacts | None, encoder: Encoder | str | None
) -> Conditioner:
    if encoder is not None:
        return load_conditioner(encoder)
    if known is not None:
        return load_conditioner(known.model)
    return load_conditioner(space.encoder())
