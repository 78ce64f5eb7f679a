"""The steps of a report: their seconds, their progress, and those that are made at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from threading import Event, Lock, Thread
from typing import TypeVar

from namebasis.checks import Progress

T = TypeVar("T")
_ABREAST = 200_000  # rows above which memory for several steps at once is more than they save


class Clock:
    """Seconds per step, and the progress of steps.

    Parameters
    ----------
    progress : callable, optional
        Called with (steps done, steps in all).
    steps : tuple of str
        All there will be, in the order in which `seconds` lists them.
    """

    def __init__(self, progress: Progress | None, steps: tuple[str, ...]) -> None:
        self.progress = progress
        self.steps = steps
        self._seconds: dict[str, float] = {}
        self._lock = Lock()
        self._main = Lane(self, Event())
        self._n_left = 1
        if progress is not None:
            progress(0, len(steps))

    @property
    def seconds(self) -> dict[str, float]:
        """On the clock, by step; those of steps made at once overlap."""
        return {step: self._seconds[step] for step in self.steps if step in self._seconds}

    def lap(self, step: str) -> None:
        """Note that a step is done."""
        self._main.lap(step)

    def note(self, step: str, seconds: float) -> None:
        """Note what a step took."""
        with self._lock:
            self._seconds[step] = round(seconds, 3)
            if self.progress is not None:
                self.progress(len(self._seconds), len(self.steps))

    @contextmanager
    def abreast(self, n_rows: int) -> Iterator[Callable[[Callable[[Lane], T]], Future[T]]]:
        """Give a function that starts work beside this thread; of very many rows, it does it first.

        What is still at work when the context is left by an error, or by Ctrl-C, is not waited for,
        and stops at its next step. BLAS
        runs on one thread meanwhile: threads within threads wait for each other.
        """
        import scipy.linalg  # noqa: F401  brings its own BLAS, limited once loaded
        from threadpoolctl import threadpool_info, threadpool_limits

        stop = Event()
        n_threads = max([1, *(pool["num_threads"] for pool in threadpool_info())])
        self._n_left = max(1, n_threads - (n_rows <= _ABREAST))
        one_each = threadpool_limits(1, "blas") if n_rows <= _ABREAST else nullcontext()
        with one_each:

            def start(work: Callable[[Lane], T]) -> Future[T]:
                task: Future[T] = Future()
                # A pool's threads would be waited for, when Ctrl-C ends the process, too.
                Thread(target=_fill, args=(task, work, Lane(self, stop)), daemon=True).start()
                if n_rows > _ABREAST:
                    task.result()
                return task

            try:
                yield start
            except BaseException:
                stop.set()
                raise

    @contextmanager
    def widened(self) -> Iterator[None]:
        """Let BLAS use the threads that one line beside this leaves, within `abreast`."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self._n_left, "blas"):
            yield


def _fill(task: Future[T], work: Callable[[Lane], T], lane: Lane) -> None:
    """Do work, and leave what it makes, or raises, in its task."""
    try:
        task.set_result(work(lane))
    except BaseException as error:
        task.set_exception(error)


class Lane:
    """One line of steps: tells the clock of each, and ends where another line has failed."""

    def __init__(self, clock: Clock, stop: Event) -> None:
        self._clock, self._stop = clock, stop
        self._start = time.perf_counter()

    def check(self, *_: object) -> None:
        """Go on, unless the report has failed; takes what progress is told, and ignores it.

        Raises
        ------
        InterruptedError
        """
        if self._stop.is_set():
            raise InterruptedError("the report has failed elsewhere")

    def lap(self, step: str) -> None:
        """Note that a step is done."""
        self.check()
        now = time.perf_counter()
        self._clock.note(step, now - self._start)
        self._start = now
