"""Several encoders under one budget: a prompt that comes near the target in each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.conditioner import clip_parts
from namebasis.encoders.registry import as_encoder
from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.search.targets import Resolver, Target, is_vector
from namebasis.studies.paint.layout import Layout
from namebasis.studies.paint.moves import Pool, Scorer, Words
from namebasis.studies.paint.pool import mean_goal
from namebasis.studies.paint.results import EncoderCosine

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

WIDER = 4
"""Names that the other encoders read per candidate that is kept."""
_KEPT = 2  # one in this number of candidates stays by the space's own order alone


class JointEncoder:
    """Encoders side by side, each row scaled so that cosines of all weigh as they should.

    Its rows are of length 1, and a dot product with `goal_of` is the weighted mean cosine.

    Parameters
    ----------
    encoders : sequence of Encoder
    weights : sequence of float
        Sum to 1.
    """

    def __init__(self, encoders: Sequence[Encoder], weights: Sequence[float]) -> None:
        self.encoders = tuple(encoders)
        self.weights = tuple(weights)
        self.spec = " + ".join(encoder.spec for encoder in encoders)
        limits = [one.max_tokens for one in encoders if one.max_tokens is not None]
        self.max_tokens = min(limits, default=None)

    def encode_text(self, texts: Sequence[str]) -> FloatArray:
        """Unit rows of texts, (n_texts, sum of dims)."""
        return self.joined([encoder.encode_text(texts) for encoder in self.encoders])

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """The most pieces that an encoder cuts each text into: all must be within the budget."""
        counts: IntArray = np.max([one.count_tokens(texts) for one in self.encoders], axis=0)
        return counts

    def joined(self, rows: Sequence[FloatArray]) -> FloatArray:
        """Rows of each encoder, side by side."""
        parts = [row * np.sqrt(weight) for row, weight in zip(rows, self.weights, strict=True)]
        return np.concatenate(parts, axis=-1).astype(np.float32)

    def split(self, rows: FloatArray) -> list[FloatArray]:
        """The rows of each encoder, of length 1."""
        borders = np.cumsum([encoder.dim for encoder in self.encoders])[:-1]
        parts = np.split(rows, borders, axis=-1)
        return [
            np.asarray(part / np.sqrt(weight), np.float32)
            for part, weight in zip(parts, self.weights, strict=True)
        ]


@dataclass(frozen=True)
class JointSearch:
    """What a search over several encoders needs in the place of the space's own.

    Attributes
    ----------
    encoder : JointEncoder
    pool : Pool
    words : Words
    goal, centred, centre : ndarray of shape (dim,), float32
    targets : tuple of tuple of Target
        By encoder.
    """

    encoder: JointEncoder
    pool: Pool
    words: Words
    goal: FloatArray
    centred: FloatArray
    centre: FloatArray
    targets: tuple[tuple[Target, ...], ...]

    def cosines(self, scorer: Scorer, row: FloatArray, sign: float) -> tuple[EncoderCosine, ...]:
        """A prompt's cosine to each target in each encoder, beside the best of any prompt tried."""
        seen = self.encoder.split(scorer.rows())
        found = []
        for encoder, targets, own, others in zip(
            self.encoder.encoders, self.targets, self.encoder.split(row), seen, strict=True
        ):
            for target in targets:
                all_seen = sign * (others @ target.vector)
                near = float(own @ target.vector)
                best = sign * float(all_seen.max())
                found.append(EncoderCosine(encoder.spec, target.label, near, best))
        return tuple(found)


def load_others(space: StoredSpace, encoders: Sequence[Encoder | str]) -> list[Encoder]:
    """Encoders that are asked beside the space's own; of a pipeline all its CLIP text encoders.

    Raises
    ------
    EncoderError
        If one cannot be loaded, reads no text, or only the space's own is named.
    """
    if isinstance(encoders, str):
        raise ValueError("encoders must be a list of specs; put a single one into [ ].")
    if not encoders:
        return []
    found: dict[str, Encoder] = {}
    named: list[Encoder | str] = []
    for one in encoders:
        named += clip_parts(one) if isinstance(one, str) else [one]
    for one in named:
        encoder = as_encoder(one)
        if not encoder.has_text:
            raise EncoderError(f"{encoder.spec} does not read text, so it cannot read prompts.")
        found.setdefault(encoder.fingerprint, encoder)
    found.pop(space.provenance.fingerprint, None)
    if not found:
        raise EncoderError(
            f"{space.path} was built with {space.provenance.encoder}, which reads every prompt in "
            "any case; name another encoder, such as #text_encoder of the same pipeline."
        )
    return list(found.values())


def plan_joint(
    space: StoredSpace,
    others: Sequence[Encoder],
    targets: Sequence[Target],
    resolve: Callable[[Resolver], Sequence[Target]],
    weights: Sequence[float] | None,
    pool: Pool,
    words: Words,
    layout: Layout,
    *,
    n_candidates: int,
    centre: FloatArray,
    sign: float,
) -> JointSearch:
    """Read targets, candidates and phrases by all encoders, and weigh these alike.

    An encoder's weight is one over the standard deviation of the candidates' cosines to its goal:
    a step that is as rare among names counts as much, however close together its cosines lie.

    Parameters
    ----------
    space : Space
    others : sequence of Encoder
        Beside the space's own.
    targets : sequence of Target
        In the space.
    resolve : callable
        Reads the same targets by a resolver.
    weights : sequence of float, optional
        Of the targets.
    pool : Pool
        Names in the space's order, several for each that is kept.
    words : Words
    layout : Layout
        Each candidate is read alone in its place.
    n_candidates : int
    centre : ndarray of shape (dim,), float32
        Mean of the space.
    sign : float
        -1 to get away from the target.
    """
    encoders = [space.encoder(), *others]
    read = (tuple(targets), *(tuple(resolve(_resolver(space, one))) for one in others))
    goals = [sign * mean_goal(own, weights, None) for own in read]
    first = [layout.options[slot][0] for slot in layout.slots]
    prompts = [layout.prompt([name], first) for name in pool.names]
    vectors = [pool.vectors, *(_read(one, prompts) for one in others)]
    joint = JointEncoder(encoders, _shares_of(vectors, goals))
    goal = joint.joined(goals)
    kept = _chosen(joint.joined(vectors) @ goal, n_candidates)
    names = tuple(pool.names[at] for at in kept)
    said = [words.vectors, *(_read(one, words.sentences) for one in others)]
    # Of others than the space no mean over all names is known: that of the candidates.
    middles = [centre, *(rows.sum(axis=0) / max(1, len(rows)) for rows in vectors[1:])]
    share = _share_of_mean(weights, len(targets))
    away = [
        goal_ - np.float32(sign * share) * middle
        for goal_, middle in zip(goals, middles, strict=True)
    ]
    return JointSearch(
        joint, Pool(pool.ids[kept], names, joint.joined([rows[kept] for rows in vectors])),
        replace(words, vectors=joint.joined(said)), goal, joint.joined(away),
        joint.joined(middles), read,
    )  # fmt: skip


def _share_of_mean(weights: Sequence[float] | None, n: int) -> float:
    """How often the names' mean is in the weighted mean of n targets."""
    values = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    return float(values.sum() / np.abs(values).sum())


def _read(encoder: Encoder, texts: Sequence[str]) -> FloatArray:
    return encoder.encode_text(texts) if texts else np.empty((0, encoder.dim), np.float32)


def _shares_of(vectors: Sequence[FloatArray], goals: Sequence[FloatArray]) -> list[float]:
    """Weights that sum to 1: one over the spread of the candidates' cosines; equal without any."""
    spreads = np.array([
        np.std(rows @ goal) if len(rows) else 0.0
        for rows, goal in zip(vectors, goals, strict=True)
    ])  # fmt: skip
    if not (spreads > 1e-9).all():
        return [1 / len(goals)] * len(goals)
    shares = 1 / spreads
    return [float(share) for share in shares / shares.sum()]


def _chosen(cosines: FloatArray, n: int) -> npt.NDArray[np.int64]:
    """Places of the candidates that are kept, the best by all encoders first.

    Half of them are the first in their own order, some of which the linear code or chance chose.
    """
    order = np.argsort(-cosines, kind="stable")
    first = np.arange(min(n // _KEPT, len(cosines)))
    rest = order[~np.isin(order, first)][: n - len(first)]
    return order[np.isin(order, np.concatenate([first, rest]))]


def _resolver(space: StoredSpace, encoder: Encoder) -> Resolver:
    """Reads targets by another encoder: names in the space's templates, texts as they stand."""
    templates = space.provenance.templates

    def named(name: str) -> FloatArray:
        rows = [encoder.encode_names([name], template)[0] for template in templates]
        mean: FloatArray = np.mean(rows, axis=0)
        return mean

    def stored(row: int) -> FloatArray:
        return named(space.table(["name"], ids=[row])["name"].to_pylist()[0])

    return Resolver(
        "text", encoder.dim, space.find, stored, lambda: encoder, place=named, templates=templates
    )


def check_targets(targets: Sequence[object]) -> None:
    """Refuse vectors, which one encoder alone can read.

    Raises
    ------
    TargetError
    """
    for target in targets:
        if isinstance(target, Target) or is_vector(target):
            raise TargetError(
                "a vector is of one encoder, and several are asked; give a text, a name or an "
                "image."
            )
