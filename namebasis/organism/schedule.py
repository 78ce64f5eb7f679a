"""What every caption of a training is about, and when the model is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import IntArray, check_count
from namebasis.organism.world import World

PART, PHRASE = -1, -2
"""What a caption is about that names no full name: one part alone, or attributes in words."""
MOST_NAMED = 0.6
"""Share of captions with a full name; a world that asks for more is thinned out evenly."""
PART_SHARE = 0.4
"""Of the other captions; the rest are attribute phrases."""


@dataclass(frozen=True)
class Schedule:
    """The subject of every caption.

    Attributes
    ----------
    subjects : ndarray of shape (n_steps, batch_size), int32
        A name's number in the world, `PART` or `PHRASE`.
    kept : float
        Exposures as a share of those that were planned.
    """

    subjects: npt.NDArray[np.int32]
    kept: float

    def exposures(self, n_names: int, steps: Sequence[int]) -> IntArray:
        """How often each name was in a caption before each step, (len(steps), n_names)."""
        counts = np.zeros((len(steps), n_names), dtype=np.int64)
        for row, step in enumerate(steps):
            seen = self.subjects[:step]
            counts[row] = np.bincount(seen[seen >= 0], minlength=n_names)
        return counts


def make_schedule(
    world: World, n_steps: int, batch_size: int, seed: int, *, named: float | None = None
) -> Schedule:
    """Spread every name's exposures evenly over the training, or what is left when it enters.

    A name's k-th of e exposures falls at random into the k-th e-th of its time, so that two names
    of one plan are equally far at every checkpoint.

    Parameters
    ----------
    world : World
    n_steps, batch_size, seed : int
    named : float, optional
        Share of captions with a full name, at which every name is told more or less often than
        planned. By default as often as planned, up to `MOST_NAMED`.

    Raises
    ------
    ValueError
        If a count is below 1, or `named` is no such share.
    """
    check_count(n_steps, "n_steps")
    check_count(batch_size, "batch_size", 2)
    if named is not None and not 0 < named <= 0.9:  # a batch that is full delays late names
        raise ValueError(f"named must be above 0, at most 0.9; got {named}.")
    rng = np.random.default_rng([seed, 2])
    planned = sum(name.exposures for name in world.names)
    room = n_steps * batch_size / max(planned, 1)
    kept = min(1.0, MOST_NAMED * room) if named is None else named * room
    times, who = [], []
    for number, name in enumerate(world.names):
        # Rounded at random, so that thinning is fair to rare names too.
        n = int(name.exposures * kept + (rng.random() if kept != 1 else 0))
        at = (np.arange(n) + rng.random(n)) / max(n, 1)
        times.append(name.enters_at + at * (1 - name.enters_at))
        who.append(np.full(n, number, dtype=np.int32))
    when = np.concatenate(times) if times else np.empty(0)
    order = np.argsort(when, kind="stable")
    when, subject = when[order], np.concatenate(who)[order]
    return Schedule(_fill(when, subject, n_steps, batch_size, rng), kept)


def _fill(
    when: npt.NDArray[np.float64],
    subject: npt.NDArray[np.int32],
    n_steps: int,
    batch_size: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Lay sorted events into batches; what a full batch cannot take moves to the next."""
    other = np.where(rng.random((n_steps, batch_size)) < PART_SHARE, PART, PHRASE)
    subjects = other.astype(np.int32)
    due = np.searchsorted(when, np.arange(1, n_steps + 1) / n_steps)
    done = 0
    for step in range(n_steps):
        last = len(when) if step == n_steps - 1 else int(due[step])
        taken = subject[done : min(last, done + batch_size)]
        places = rng.permutation(batch_size)[: len(taken)]
        subjects[step, places] = taken
        done += len(taken)
    return subjects


def checkpoint_steps(n_steps: int, enters_at: Sequence[float], n: int = 25) -> list[int]:
    """Steps after which the model is kept: finer and finer towards 0 and where cohorts enter.

    Parameters
    ----------
    n_steps : int
    enters_at : sequence of float
        Shares of training at which late cohorts enter.
    n : int
        How many at most; the untrained model and the last step are among them.

    Returns
    -------
    list of int
        Increasing, from 0 to `n_steps`.
    """
    check_count(n_steps, "n_steps")
    check_count(n, "n_checkpoints", 2)
    starts = sorted({0.0, *(share for share in enters_at if share > 0)})
    ends = [*starts[1:], 1.0]
    # Late stretches get more of the budget: there every checkpoint tells of known attributes, and
    # a name that is new by then is told from its parts after a few pictures.
    weights = np.array([1.0, *[2.0] * (len(starts) - 1)])
    share = weights / weights.sum() * (n - 1)
    found = {0, n_steps}
    for start, end, budget in zip(starts, ends, share, strict=True):
        first, length = round(start * n_steps), (end - start) * n_steps
        low = max(1.0, length / (300 if start else 100))
        ladder = np.geomspace(low, max(length, low), max(2, round(budget)))
        found |= {min(n_steps, first + round(float(at))) for at in ladder} | {first}
    # Too many only where a training is so short that steps fall together unevenly.
    kept = sorted(found)
    while len(kept) > n:
        gaps = [kept[i + 1] - kept[i - 1] for i in range(1, len(kept) - 1)]
        del kept[1 + int(np.argmin(gaps))]
    return kept
