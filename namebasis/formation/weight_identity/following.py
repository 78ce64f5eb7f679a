"""Evidence in weights over the checkpoints of a training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.own_parts import Swaps, resampled_scores
from namebasis.checks import Float64Array, FloatArray, Progress
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisError
from namebasis.formation.checkpoints import Checkpoint, Gap, Series
from namebasis.formation.truth import Exposures
from namebasis.formation.weight_identity.asked import Asked
from namebasis.formation.weight_identity.evidence import WeightEvidence, collect
from namebasis.formation.weight_identity.keys import Memories, swaps_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def follow(
    series: Series,
    asked: Asked,
    *,
    template: str = "{}",
    exposures: Exposures | None = None,
    n_resamples: int = 100,
    device: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[WeightEvidence | None, tuple[Gap, ...]]:
    """Measure what the change of weights since the first checkpoint writes for names.

    Parameters
    ----------
    series : Series
        Of one checkpoint: what its weights write as they are.
    asked : Asked
    template : str
    exposures : Exposures, optional
    n_resamples : int
        Bootstrap draws of each interval.
    device : str, optional
    seed : int
    progress : callable, optional
        Called with checkpoints done and in all.

    Returns
    -------
    WeightEvidence or None
        None where no checkpoint has keys.
    tuple of Gap
        Checkpoints that were left out, with the reason.
    """
    trail = _Trail(asked, template, n_resamples, seed, is_alone=len(series.checkpoints) == 1)
    gaps = []
    for done, one in enumerate(series.checkpoints):
        if progress is not None:
            progress(done, len(series.checkpoints))
        try:
            encoder = load_encoder(one.spec, revision=one.revision, device=device)
            trail.add(one, Memories(encoder, template))
        except NamebasisError as error:
            gaps.append(Gap(one.label, one.step, str(error)))
    if progress is not None:
        progress(len(series.checkpoints), len(series.checkpoints))
    return trail.evidence(exposures), tuple(gaps)


class _Trail:
    """Scores and draws of checkpoints, in order."""

    def __init__(
        self, asked: Asked, template: str, n_resamples: int, seed: int, *, is_alone: bool
    ) -> None:
        self._asked, self._template, self._seed = asked, template, seed
        self._n_resamples, self._is_alone = n_resamples, is_alone
        self._first: list[FloatArray] | None = None
        self._kept: list[Checkpoint] = []
        self._scores: list[Float64Array] = []
        self._draws: list[Float64Array] = []

    def add(self, one: Checkpoint, memories: Memories) -> None:
        """Measure a checkpoint.

        Raises
        ------
        EncoderError
            If its matrices have other shapes than those of the first.
        """
        weights, asked = memories.weights(), self._asked
        first = self._first
        if first is None:
            self._first = weights
            moved = weights if self._is_alone else None
        else:
            if [part.shape for part in weights] != [part.shape for part in first]:
                raise EncoderError(
                    f"{one.label}: its MLPs have other shapes than those of the first checkpoint."
                )
            moved = [after - before for after, before in zip(weights, first, strict=True)]
        n = asked.n_asked
        scores = np.full(len(asked.names), np.nan)
        draws = np.full((n, self._n_resamples), np.nan)
        if moved is not None and any(part.any() for part in moved):
            swaps = swaps_of(asked, lambda pairs: memories.written(pairs, moved))
            scores = swaps.measure().score
            draws = resampled_scores(
                _first_of(swaps, n), n_resamples=self._n_resamples, seed=self._seed
            )
        self._kept.append(one)
        self._scores.append(scores)
        self._draws.append(draws)

    def evidence(self, exposures: Exposures | None) -> WeightEvidence | None:
        """What was found; None of nothing."""
        if not self._kept:
            return None
        n, steps = self._asked.n_asked, [one.step for one in self._kept]
        names = self._asked.names[:n]
        return collect(
            names, self._asked.kinds[:n], steps, [one.label for one in self._kept],
            np.stack(self._scores, axis=1), np.stack(self._draws, axis=1),
            _exposures(names, steps, exposures), min(map(len, self._asked.partners)),
        )  # fmt: skip


def _first_of(swaps: Swaps, n: int) -> Swaps:
    """The swaps of the first n full names."""
    return replace(
        swaps, whole=swaps.whole[:n], given_rows=swaps.given_rows[:n],
        family_rows=swaps.family_rows[:n],
    )  # fmt: skip


def _exposures(
    names: Sequence[str], steps: Sequence[int], exposures: Exposures | None
) -> Float64Array | None:
    if exposures is None:
        return None
    found = [exposures.at(name, steps) for name in names]
    known = [np.full(len(steps), np.nan) if one is None else one for one in found]
    return None if all(one is None for one in found) else np.stack(known)
