"""Who computes when: long questions one at a time, with progress, and quick ones in lanes."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from namebasis.checks import Progress
from namebasis.errors import NamebasisError

PATIENCE = 90.0
"""Seconds after which a job that nobody asks about is stopped: its tab is gone. A browser lets a
tab in the background ask once a minute."""
KEPT = 50
"""Finished jobs whose results stay."""
MOST_WAITING = 20
"""Jobs that have not ended; more are refused."""

_WITH_OPENMP = ("faiss", "torch")
_alone = threading.local()

Found = TypeVar("Found")
State = Literal["queued", "running", "done", "failed", "cancelled"]


class BusyError(NamebasisError):
    """Too many jobs wait."""


class Cancelled(BaseException):
    """Raised in the work of a job that is to stop; no handler of errors may swallow it."""


@dataclass
class Job:
    """A long question.

    Attributes
    ----------
    kind : str
        Which question, such as `card`.
    done, total : int
        Of its progress; `total` is 0 until it is known.
    error : str
        Why it failed, in one line.
    steps : tuple of str
        What it does in turn, each an equal part of `total`; empty where they have no names.
    so_far : object
        What is found already, as JSON has it; None where the question has no halves.
    """

    kind: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: State = "queued"
    done: int = 0
    total: int = 0
    result: Any = None
    so_far: Any = None
    error: str = ""
    steps: tuple[str, ...] = ()
    asked: float = field(default_factory=time.monotonic)
    is_unwanted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What a client sees of it."""
        shown = {
            "id": self.id, "kind": self.kind, "state": self.state, "done": self.done,
            "total": self.total,
        }  # fmt: skip
        if self.state == "running" and self.steps:
            shown["step"] = step_of(self.steps, self.done, self.total)
        if self.state == "done":
            shown["result"] = self.result
        elif self.so_far is not None:
            shown["so_far"] = self.so_far
        if self.error:
            shown["error"] = self.error
        return shown


def step_of(steps: Sequence[str], done: int, total: int) -> str:
    """What is done now, of steps with names that are equal parts of a total."""
    return steps[min(len(steps) * done // max(total, 1), len(steps) - 1)]


class Jobs:
    """The jobs of a service; one runs at a time, the others wait in order.

    Attributes
    ----------
    lanes : Lanes
        For the questions that are no jobs.
    """

    def __init__(self) -> None:
        self.lanes = Lanes()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job")

    def start(self, kind: str, work: Callable[[Progress], Any], steps: tuple[str, ...] = ()) -> Job:
        """Queue work that reports its progress.

        Raises
        ------
        BusyError
            If too many wait already.
        """
        job = Job(kind, steps=steps)
        with self._lock:
            ended = [one for one in self._jobs.values() if one.state not in ("queued", "running")]
            if len(self._jobs) - len(ended) >= MOST_WAITING:
                raise BusyError(f"{MOST_WAITING} jobs wait already; stop one, or ask later.")
            for old in ended[: len(ended) - KEPT + 1]:
                del self._jobs[old.id]
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, work)
        return job

    def get(self, id: str) -> Job | None:
        """A job by its id; asking for it says that somebody still waits."""
        with self._lock:
            job = self._jobs.get(id)
        if job is not None:
            job.asked = time.monotonic()
        return job

    def cancel(self, id: str) -> Job | None:
        """Stop a job: at once where it waits, else at its next step."""
        job = self.get(id)
        if job is not None:
            with self._lock:
                job.is_unwanted = True
                if job.state == "queued":
                    job.state = "cancelled"
        return job

    def close(self) -> None:
        """Stop all jobs, and begin nothing more."""
        for id in list(self._jobs):
            self.cancel(id)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.lanes.close()

    def _run(self, job: Job, work: Callable[[Progress], Any]) -> None:
        def progress(done: int, total: int, *so_far: object) -> None:
            job.done, job.total = done, total
            if so_far:
                (job.so_far,) = so_far
            if job.is_unwanted or time.monotonic() - job.asked > PATIENCE:
                raise Cancelled

        with self._lock:
            if job.state != "queued":
                return
            job.state = "running"
        try:
            progress(0, 0)
            job.result = work(progress)
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except (NamebasisError, ValueError) as error:
            job.error, job.state = str(error), "failed"
        except Exception as error:  # a fault of ours: the page says so, the service lives on
            job.error, job.state = f"{type(error).__name__}: {error}", "failed"


class Lanes:
    """Who of the quick questions computes now: as many as there are cores, the others in turn.

    What may wait for a model, to be loaded or for its turn, has a lane for itself: a stored name
    is not asked behind it.
    """

    def __init__(self) -> None:
        self._quick = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="quick")
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="encoding")

    async def run(self, work: Callable[[], Found], *, encodes: bool = False) -> Found:
        """What some work returns, once it is its turn in its lane."""
        lane = self._encoding if encodes else self._quick
        return await asyncio.get_running_loop().run_in_executor(lane, _by_itself, work)

    def close(self) -> None:
        """Begin nothing more."""
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._encoding.shutdown(wait=False, cancel_futures=True)


def _by_itself(work: Callable[[], Found]) -> Found:
    """Do work in this thread, without those that OpenMP would start beside it.

    A question of some milliseconds that is shared out costs twice the work, and waits for the
    slower half; its other cores are better used for other questions.
    """
    loaded = [name for name in _WITH_OPENMP if _is_loaded(name)]
    if getattr(_alone, "loaded", None) != loaded:
        _alone.loaded = loaded
        if "torch" in loaded:
            sys.modules["torch"].get_num_threads()  # sets up this thread, which else comes later
        from threadpoolctl import threadpool_limits

        threadpool_limits(1, user_api="openmp")  # of the calling thread
    return work()


def _is_loaded(name: str) -> bool:
    """Whether a library is loaded to its end; another thread may be at it."""
    found = sys.modules.get(name)
    spec = getattr(found, "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)
