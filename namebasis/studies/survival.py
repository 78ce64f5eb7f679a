"""How many of those born in a year are still alive: US cohorts; see data/survival/SOURCE.md."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
SLOPE = 0.09
"""Growth of the hazard per year of age; assumed, see data/survival/SOURCE.md."""
_FROM, _OLDEST = 15, 120


def survival(birth_years: npt.ArrayLike, year: int, sex: str) -> Float64Array:
    """Share of each US birth cohort that is alive at the end of a year.

    Parameters
    ----------
    birth_years : array_like of int, shape (n,)
    year : int
        Not before any of the birth years.
    sex : {"F", "M"}

    Returns
    -------
    ndarray of shape (n,), float64
        In [0, 1]; below 15 the share that reaches 15.

    Raises
    ------
    ValueError
        If the sex is neither, or somebody is born after `year`.
    """
    if sex not in ("F", "M"):
        raise ValueError(f"sex must be 'F' or 'M'; got {sex!r}.")
    born = np.asarray(birth_years, dtype=np.int64)
    if born.size and int(born.max()) > year:
        raise ValueError(f"birth years must not be after {year}; got {int(born.max())}.")
    known, reached, left = _cohorts(sex)
    share = np.interp(born, known, reached)
    modes = np.interp(np.interp(born, known, left), *_mean_years_left())
    return np.asarray(share * _gompertz(year - born, modes))


def _gompertz(ages: npt.ArrayLike, modes: npt.ArrayLike) -> Float64Array:
    """Share of those who reach 15 that reach an age, for modal ages."""
    later = np.maximum(np.asarray(ages, dtype=np.float64), _FROM)
    modal = np.asarray(modes, dtype=np.float64)
    hazard = np.exp(SLOPE * (later - modal)) - np.exp(SLOPE * (_FROM - modal))
    return np.asarray(np.exp(-hazard))


@cache
def _mean_years_left() -> tuple[Float64Array, Float64Array]:
    """Mean years left at 15, rising, and the modal age of each."""
    modes = np.arange(40.0, 110.0, 0.1)
    ages = np.arange(_FROM, _OLDEST + 1, dtype=np.float64)
    curves = _gompertz(ages[None, :], modes[:, None])  # (modes, ages)
    return np.asarray(np.trapezoid(curves, ages, axis=1)), modes


@cache
def _cohorts(sex: str) -> tuple[Float64Array, Float64Array, Float64Array]:
    text = files("namebasis").joinpath("data/survival/us_cohorts.csv").read_text(encoding="utf-8")
    rows = sorted(
        (int(row["birth_year"]), float(row["survivors_at_15"]), float(row["years_left_at_15"]))
        for row in csv.DictReader(text.splitlines())
        if row["sex"] == sex
    )
    table = np.array(rows)
    return table[:, 0], table[:, 1], table[:, 2]
