"""How many of those born in a year are still alive: US cohorts; see data/survival/SOURCE.md."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array


def survival(birth_years: npt.ArrayLike, year: int, sex: str) -> Float64Array:
    """Share of each US birth cohort that lives to its birthday in a year.

    Parameters
    ----------
    birth_years : array_like of int, shape (n,)
        Cohorts before 1900 are taken for that of 1900, those after 2010 for that of 2010.
    year : int
        Not before any of the birth years.
    sex : {"F", "M"}

    Returns
    -------
    ndarray of shape (n,), float64
        In [0, 1]: 1 at birth, 0 from an age of 120 years.

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
    known, reached = _cohorts(sex)
    ages = np.minimum(year - born, len(reached) - 1)
    at = np.interp(born, known, np.arange(known.size))
    before = np.minimum(at.astype(np.int64), known.size - 2)
    part = at - before
    return np.asarray((1 - part) * reached[ages, before] + part * reached[ages, before + 1])


@cache
def _cohorts(sex: str) -> tuple[Float64Array, Float64Array]:
    """Years of birth (n_cohorts,) and the share that reaches each age (121, n_cohorts)."""
    text = files("namebasis").joinpath("data/survival/us_cohorts.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    columns = sorted(column for column in rows[0] if column.startswith(sex))
    reached = np.array([[float(row[column]) for column in columns] for row in rows]) / 100_000
    years = np.array([float(column[1:]) for column in columns])
    return years, np.concatenate([reached, np.zeros((1, years.size))])
