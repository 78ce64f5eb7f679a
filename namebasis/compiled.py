"""Loops that numpy cannot write as a whole array, as machine code by numba."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(function: Callable[..., Any], signature: str, *, fastmath: bool = False) -> Any:
    """Compile a function for arguments of the given types.

    Parameters
    ----------
    function : callable
        Plain Python over arrays and numbers.
    signature : str
        Types of what it returns and takes, as numba writes them.
    fastmath : bool
        Let sums and products be done in another order.

    Returns
    -------
    callable
        Does the same, and runs beside other threads. The machine code is kept beside the source or
        in the user's cache; where it cannot be kept or read, compiling it again costs a second.
    """
    import numba

    def make(is_kept: bool) -> Any:
        return numba.njit(signature, cache=is_kept, nogil=True, fastmath=fastmath)(function)

    try:
        return make(True)
    except numba.core.errors.NumbaError:
        raise  # the function cannot be compiled at all
    except Exception:  # no folder, no room, or a file that was cut off: whatever a cache may raise
        return make(False)
