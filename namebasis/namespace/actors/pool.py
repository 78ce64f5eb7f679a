"""Blocks of work on actors of Ray; actors that die are started again, with their block."""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from namebasis.errors import NamebasisError, NamebasisHint
from namebasis.namespace.store.engine_errors import one_line

TRIES = 5
"""Times that a block may kill its actor, or actors may die while they start, before the end."""

Work = Callable[[Any], Any]
_T = TypeVar("_T")
_PATIENCE = 30.0  # seconds without an actor, after which it is said that a Ray has no cores free


class _Actor:
    """Holds what does the work; what that refuses is raised where a block is given."""

    def __init__(self, make: Callable[[], Work]) -> None:
        self._work: Work | None = None
        self._refusal: Exception | None = None
        try:
            self._work = make()
        except (NamebasisError, ValueError) as error:
            # Raised here it would look like an actor that died.
            self._refusal = error

    def ready(self) -> None:
        if self._refusal is not None:
            raise self._refusal

    def run(self, block: Any) -> Any:
        if self._work is None:
            raise RuntimeError("the actor was given a block before it was asked if it is ready.")
        return self._work(block)


class Pool:
    """Actors that each hold what `make` makes.

    Parameters
    ----------
    ray : module
        Connected; see `cluster.connected`.
    make : callable
        Makes, in each actor, what is called with blocks; picklable.
    n_actors : int
        The most that are started; never more than there are blocks.
    resources : mapping
        Cores and GPUs of each, as `cluster.share` gives them.
    """

    def __init__(
        self, ray: Any, make: Callable[[], Work], n_actors: int, resources: dict[str, float]
    ) -> None:
        self._ray = ray
        self._make = ray.put(make)
        self._n_actors = n_actors
        self._remote = ray.remote(max_restarts=0, **resources)(_Actor)
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, int]] = {}
        self._n_died_starting = 0
        self._has_waited = False

    def map(self, blocks: Sequence[_T], said: Callable[[int], str]) -> Iterator[tuple[int, Any]]:
        """Yield the place of each block and what was made of it, in the order they finish.

        Parameters
        ----------
        blocks : sequence
            Each is sent when an actor is free.
        said : callable
            Gives the words for the block at a place, with which it is refused.

        Raises
        ------
        NamebasisError
            If a block killed its actor five times, or what an actor itself raised.
        """
        waiting, deaths = deque(range(len(blocks))), Counter[int]()
        try:
            while waiting or self._busy:
                while self._idle and waiting:
                    actor, at = self._idle.pop(), waiting.popleft()
                    self._busy[actor.run.remote(blocks[at])] = actor, at
                self._start(len(waiting) + len(self._busy))
                for ref in self._first_done():
                    if ref in self._starting:
                        self._take_in(ref)
                        continue
                    actor, at = self._busy.pop(ref)
                    self._idle.append(actor)  # even if it raises: it is good for other blocks
                    try:
                        found = self._get(ref)
                    except _DiedError as death:
                        self._idle.remove(actor)
                        deaths[at] += 1
                        if deaths[at] >= TRIES:
                            raise NamebasisError(
                                f"{said(at)} killed their actor {TRIES} times ({death}), perhaps "
                                "for want of memory. Try fewer actors, or the local engine."
                            ) from None
                        waiting.appendleft(at)
                        continue
                    yield at, found
        finally:
            self._end_busy()

    def close(self) -> None:
        """End the actors, those at work too."""
        self._end_busy()
        for actor in [*self._idle, *self._starting.values()]:
            self._ray.kill(actor)
        self._idle.clear()
        self._starting.clear()

    def _end_busy(self) -> None:
        for actor, _ in self._busy.values():
            self._ray.kill(actor)
        self._busy.clear()

    def _first_done(self) -> list[Any]:
        """Wait for a block or for an actor that starts; say so where none can start."""
        refs = [*self._busy, *self._starting]
        if not self._busy and not self._has_waited:
            done, _ = self._ray.wait(refs, timeout=_PATIENCE)
            if done:
                return list(done)
            self._has_waited = True
            warnings.warn(
                f"no actor has started in {_PATIENCE:.0f} s: other work may hold all cores of this "
                "Ray. Waiting for them; Ctrl-C ends the wait.",
                NamebasisHint,
                stacklevel=2,
            )
        return list(self._ray.wait(refs)[0])

    def _start(self, n_wanted: int) -> None:
        n_there = len(self._idle) + len(self._starting) + len(self._busy)
        for _ in range(n_there, min(self._n_actors, n_wanted)):
            actor = self._remote.remote(self._make)
            self._starting[actor.ready.remote()] = actor

    def _take_in(self, ref: Any) -> None:
        actor = self._starting.pop(ref)
        try:
            self._get(ref)
        except _DiedError as death:
            self._n_died_starting += 1
            if self._n_died_starting >= TRIES:
                raise NamebasisError(
                    f"{TRIES} actors died while they started ({death}), perhaps for want of "
                    "memory. Try fewer actors, or the local engine."
                ) from None
            return
        self._n_died_starting = 0
        self._idle.append(actor)

    def _get(self, ref: Any) -> Any:
        """What an actor answers, or raises; `_DiedError` where it is no more."""
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            # Ray's own message holds the traceback of the actor: it goes behind the cause.
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            raise _DiedError(one_line(error)[:200]) from None


class _DiedError(Exception):
    """An actor is no more; why, as far as Ray knows."""
