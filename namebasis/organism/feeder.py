"""Batches of pictures and captions, made in a process of their own, one ahead of the training."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np

from namebasis.errors import NamebasisError
from namebasis.organism.captions import Scribe
from namebasis.organism.renderer import Pixels, render
from namebasis.organism.schedule import make_schedule
from namebasis.organism.world import World


@dataclass(frozen=True)
class Job:
    """What determines every batch of a training.

    Attributes
    ----------
    world : World
    n_steps, batch_size : int
    size : int
        Pixels along each side.
    seed : int
    named : float, optional
        Share of captions with a full name; see `make_schedule`.
    """

    world: World
    n_steps: int
    batch_size: int
    size: int
    seed: int
    named: float | None = None


@dataclass(frozen=True)
class Batch:
    """Pictures (n, size, size, 3), uint8, and a caption for each."""

    pixels: Pixels
    captions: list[str]


def make_batches(job: Job, first: int = 0) -> Iterator[Batch]:
    """Batches from step `first` on, in this process.

    A batch depends on the job and its step alone, so a training that was interrupted goes on with
    the very pictures it would have seen.
    """
    subjects = make_schedule(
        job.world, job.n_steps, job.batch_size, job.seed, named=job.named
    ).subjects
    scribe = Scribe(job.world)
    for step in range(first, job.n_steps):
        rng = np.random.default_rng([job.seed, 3, step])
        people, captions = scribe.batch(subjects[step], step / job.n_steps, rng)
        yield Batch(render(people, size=job.size, seed=[job.seed, 4, step]), captions)


@contextmanager
def batches(job: Job, first: int = 0, *, own_process: bool = True) -> Iterator[Iterator[Batch]]:
    """Give an iterator over `make_batches`, drawn by another process.

    Raises
    ------
    NamebasisError
        If that process ends before its time; with its reason, where it could give one.
    """
    if not own_process:
        yield make_batches(job, first)
        return
    # Spawned on every system: a fork would copy torch's and OpenMP's threads half.
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, job, first), daemon=True)
    process.start()
    there.close()  # so that the end of the process is the end of the pipe
    try:
        yield _receive(here, job.n_steps - first)
    finally:
        here.close()
        process.join(timeout=5)
        if process.is_alive():
            process.terminate()


def _receive(pipe: Connection, n: int) -> Iterator[Batch]:
    for _ in range(n):
        try:
            found = pipe.recv()
        except EOFError:
            raise NamebasisError(
                "the process that draws the pictures ended before its time. In a script of your "
                'own, train below `if __name__ == "__main__":`.'
            ) from None
        if isinstance(found, str):
            raise NamebasisError(f"the process that draws the pictures failed: {found}")
        yield found


def _work(pipe: Connection, job: Job, first: int) -> None:
    """Send batches until the reader goes away; numpy's elementwise work takes one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for batch in make_batches(job, first):
            pipe.send(batch)
    except (BrokenPipeError, ConnectionError, EOFError):
        return
    except Exception as error:  # told to the one who waits
        pipe.send(f"{type(error).__name__}: {error}")
