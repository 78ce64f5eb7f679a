"""How far numbers of options go: beyond, a command would run without end or out of memory."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

LARGEST_SEED = 2**32 - 1
"""As `checks.LARGEST_SEED`, which would load NumPy before a command is known."""

MOST: Mapping[str, float] = {
    "actors": 10_000,
    "bandwidth": 1e6,
    "batch": 100_000,
    "batch_size": 100_000,
    "beam": 1_000,
    "candidates": 1_000_000,
    "checkpoints": 10_000,
    "guidance": 1_000,
    "limit": 2**40,
    "min_cluster_size": 2**40,
    "min_count": 2**53,
    "n_images": 100_000,
    "n_made_up": 100_000,
    "n_names": 1_000_000,
    "n_null": 100_000,
    "n_resamples": 100_000,
    "n_samples": 100_000,
    "n_swaps": 10_000,
    "noise": 1_000,
    "pixels": 480,
    "ridge": 1e9,
    "seed": LARGEST_SEED,
    "size": 8_192,
    "span": 1_000,
    "steps": 10_000_000,
    "t": 1_000,
    "threads": 1_024,
    "top": 2**40,
    "walk steps": 10_000,
}
"""The most that an option takes, by its parameter, or by command and parameter."""
ELSEWHERE = 10_000_000
LEAST: Mapping[str, float] = {"seed": 0, "bandwidth": 1e-6}
"""The least, where the library does not say it better."""


def within(
    callback: Callable[..., Any], command: str, options: Mapping[str, str]
) -> Callable[..., Any]:
    """A command that refuses numbers beyond the limits before it runs.

    Parameters
    ----------
    callback : callable
        Takes a command's parameters by their names.
    command : str
    options : mapping of str
        What the user types for each.
    """

    @functools.wraps(callback)
    def limited(**values: Any) -> Any:
        for name, value in values.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(one, (int, float)) and not isinstance(one, bool):
                    key = f"{command} {name}" if f"{command} {name}" in MOST else name
                    check(key, one, options.get(name, name))
        return callback(**values)

    limited.__wrapped_limits__ = True  # type: ignore[attr-defined]
    return limited


def check(name: str, value: float, option: str) -> None:
    """Refuse a number that is not finite or beyond its limits.

    Raises
    ------
    ValueError
        It names the option.
    """
    low, high = LEAST.get(name, -math.inf), MOST.get(name, ELSEWHERE)
    said = f"{value:.6g}" if isinstance(value, float) else str(value)[:40]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{option} must be a finite number; got {said}.")
    if value > high:
        raise ValueError(f"{option} must be at most {_plain(high)}; got {said}.")
    if value < low:
        raise ValueError(f"{option} must be at least {_plain(low)}; got {said}.")


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 or value == 0 else f"{value:g}"
