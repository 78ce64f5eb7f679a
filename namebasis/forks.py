"""What a forked child may still do.

`fork` copies one thread and no other. Lance's executors are gone in the child: of 100 children that
reopened a data set, 41 ended in SIGSEGV and the others answered or hung. OpenMP's pools are gone
too, and whoever waits for them waits for ever; with one thread nobody is waited for.
"""

from __future__ import annotations

import os
import sys
from threading import RLock

from namebasis.errors import ForkError

SPAWN = (
    "Start workers with multiprocessing.get_context('spawn') (or 'forkserver', or joblib); "
    "a Space and an encoder can be pickled to them."
)
_WITH_OPENMP = ("faiss", "torch", "sklearn")

_uses_lance = False
_lance_is_inherited = False


def enter_lance(what: object) -> None:
    """Note that this process uses Lance; a fork of a process that did is refused.

    Parameters
    ----------
    what : object
        What is to be read or written, for the message.

    Raises
    ------
    ForkError
        In a child that was forked after its parent had used Lance.
    """
    global _uses_lance
    if _lance_is_inherited:
        raise ForkError(
            f"{what}: this process was forked from one that had used Lance, whose threads do not "
            f"survive a fork. {SPAWN}"
        )
    _uses_lance = True


class Turn:
    """A lock that one thread may take repeatedly, and that a forked child finds open.

    The thread that held it is gone there and would never give it back.
    """

    def __init__(self) -> None:
        self._lock, self._pid = RLock(), os.getpid()

    def __enter__(self) -> None:
        if self._pid != os.getpid():
            self._lock, self._pid = RLock(), os.getpid()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _in_child() -> None:
    global _lance_is_inherited
    _lance_is_inherited = _lance_is_inherited or _uses_lance
    if any(module in sys.modules for module in _WITH_OPENMP):
        from threadpoolctl import threadpool_limits

        threadpool_limits(1, user_api="openmp")
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads are gone as well


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
