"""How many threads NumPy multiplies with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Multiply in this thread alone; for many thin products, as of a few targets by all names.

    Such products are too short to share: OpenBLAS's other threads spin while they wait for the
    next one, which costs many times the work itself on cores that others use too.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
