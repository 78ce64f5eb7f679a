"""Argument checks shared by every floor: say what, expected, got and remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Progress = Callable[[int, int], None]
"""Called with the number of steps done and the number of steps in all."""

LARGEST_SEED = 2**32 - 1
"""What every generator of the libraries takes."""
_BLOCK = 1024  # rows held in float64 at a time: they stay in the cache


def as_embeddings(
    values: object, what: str = "embeddings", n_features: int | None = None, min_rows: int = 1
) -> FloatArray:
    """Return `values` as a finite, C-contiguous float32 matrix.

    Parameters
    ----------
    values : array_like of shape (n, n_features)
        Any real dtype; copied only where needed.
    what : str
        The parameter's name, for the messages.
    n_features : int, optional
        The width that is required.
    min_rows : int
        The fewest rows allowed.

    Returns
    -------
    ndarray of shape (n, n_features), float32

    Raises
    ------
    ValueError
        If the shape, the width, the dtype or a value does not fit.
    """
    try:
        matrix = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what} must be a rectangular array: {error}") from error
    if matrix.dtype.kind not in "fiub":
        raise ValueError(f"{what} must hold real numbers; got dtype {matrix.dtype}.")
    if matrix.ndim != 2:
        hint = f" Use {what}[None, :] for one row." if matrix.ndim == 1 else ""
        raise ValueError(f"{what} must be 2-D (n, n_features); got shape {matrix.shape}.{hint}")
    if matrix.shape[0] < min_rows or matrix.shape[1] == 0:
        raise ValueError(
            f"{what} needs at least {min_rows} row{'s' * (min_rows != 1)}; "
            f"got shape {matrix.shape}."
        )
    if n_features is not None and matrix.shape[1] != n_features:
        raise ValueError(f"{what} must have {n_features} columns; got {matrix.shape[1]}.")
    matrix = np.ascontiguousarray(matrix, dtype=np.float32)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        n_bad, first = int((~finite).sum()), int(np.argmin(finite))
        raise ValueError(
            f"{what} must be finite; {n_bad} of its rows {'is' if n_bad == 1 else 'are'} "
            f"not, the first is row {first}."
        )
    return matrix


def unit_rows(values: object, what: str = "embeddings") -> FloatArray:
    """Return `values` with every row scaled to length 1.

    Raises
    ------
    ValueError
        If a row is zero (it has no direction), or `as_embeddings` refuses it.
    """
    matrix = as_embeddings(values, what)
    norms = np.empty(matrix.shape[0])
    for start in range(0, matrix.shape[0], _BLOCK):
        part = slice(start, start + _BLOCK)
        norms[part] = np.linalg.norm(matrix[part].astype(np.float64), axis=1)
    if not norms.all():
        n_bad, first = int((norms == 0).sum()), int(np.argmin(norms))
        raise ValueError(
            f"{what} has {n_bad} zero row{'s' * (n_bad != 1)} without a direction, "
            f"the first is {first}."
        )
    out = np.empty_like(matrix)
    for start in range(0, matrix.shape[0], _BLOCK):
        part = slice(start, start + _BLOCK)
        out[part] = matrix[part] / norms[part, None]
    return out


def check_seed(value: object) -> int:
    """Return a seed as an int from 0 to `LARGEST_SEED`.

    Raises
    ------
    ValueError
        If it is none.
    """
    return check_count(value, "seed", 0, LARGEST_SEED)


def check_count(value: object, what: str, low: int = 1, high: int | None = None) -> int:
    """Return `value` as an int in [low, high].

    Raises
    ------
    ValueError
        If it is not an integer or lies outside the range.
    """
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    if not is_integer or int(value) < low or (high is not None and int(value) > high):  # type: ignore[call-overload]
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{what} must be an integer, {limit}; got {value!r}.")
    return int(value)  # type: ignore[call-overload, no-any-return]


@contextmanager
def shown(
    progress: Progress | Literal["auto"] | None, label: str, unit: str = " names"
) -> Iterator[Progress | None]:
    """Yield what reports progress: as given, or with "auto" a bar where somebody is watching.

    Parameters
    ----------
    progress : callable, "auto" or None
        "auto" draws on stderr, in a terminal or a notebook; into a pipe or a file it is silent.
    label, unit : str
        Of the bar.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if progress is None or callable(progress):
        yield progress
        return
    if progress != "auto":
        raise ValueError(f"progress must be a function, 'auto' or None; got {progress!r}.")
    if not is_watched():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=label, unit=unit, file=sys.stderr, dynamic_ncols=True) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


@contextmanager
def shown_steps(
    begin: Callable[[str], None] | None, progress: Progress | Literal["auto"] | None, label: str
) -> Iterator[tuple[Callable[[str], None], Progress | None]]:
    """As `shown`, of work in steps with a name each: what begins one, and what reports it.

    Parameters
    ----------
    begin : callable, optional
        Called with the name of each step; with "auto" the bar shows it.
    progress : callable, "auto" or None
    label : str
        Of the bar, before the name.

    Raises
    ------
    ValueError
        As `shown`.
    """
    if progress != "auto" or not is_watched():
        with shown(progress, label) as report:
            yield begin or (lambda _: None), report
        return
    from tqdm import tqdm

    with tqdm(desc=label, unit=" names", file=sys.stderr, dynamic_ncols=True) as bar:

        def step(name: str) -> None:
            bar.reset()
            bar.set_description(f"{label}: {name}")
            if begin is not None:
                begin(name)

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield step, update


def is_watched() -> bool:
    """Whether somebody sees what is written on stderr: on a terminal, or in a notebook."""
    stream = sys.stderr
    in_notebook = type(stream).__module__.partition(".")[0] == "ipykernel"
    return stream is not None and (in_notebook or stream.isatty())
