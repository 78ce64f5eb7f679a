"""Diffusion spectral entropy beside that of data without structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.shape.entropy import entropy_report
from namebasis.analysis.shape.nulls import NULLS, null_draws
from namebasis.checks import as_embeddings, check_count


@dataclass(frozen=True)
class NullComparison:
    """An entropy beside that of data without the structure in question.

    Attributes
    ----------
    null : str
        ``gaussian`` (same mean and covariance) or ``shuffled columns``.
    bits : float
        Of the data.
    null_bits, null_deviation : float
        Mean and standard deviation over draws.
    z : float
        (bits - null_bits) / null_deviation; NaN where the draws do not vary.
    n_draws : int
        How many draws.
    """

    null: str
    bits: float
    null_bits: float
    null_deviation: float
    z: float
    n_draws: int


def entropy_against_nulls(
    embeddings: object,
    *,
    bandwidth: float | None = None,
    t: float = 1,
    method: str = "auto",
    n_draws: int = 5,
    seed: int = 0,
) -> tuple[NullComparison, ...]:
    """Compare the entropy with a Gaussian of the same covariance and with shuffled columns.

    The nulls are measured with the bandwidth of the data. Where all rows have length 1, theirs
    are scaled to length 1 as well.

    Parameters
    ----------
    embeddings, bandwidth, t, method, seed
        As for `diffusion_spectral_entropy`.
    n_draws : int
        Draws of each null, at least 2.

    Returns
    -------
    tuple of NullComparison

    Raises
    ------
    ValueError
        As for `diffusion_spectral_entropy`.
    """
    rows = as_embeddings(embeddings, min_rows=2)
    n_draws = check_count(n_draws, "n_draws", 2)
    own = entropy_report(rows, bandwidth=bandwidth, t=t, times=(), method=method, seed=seed)
    scale = None if np.isnan(own.bandwidth) else own.bandwidth
    rng = np.random.default_rng(seed)
    results = []
    for name in NULLS:
        draw, found = null_draws(rows, name), []
        for turn in range(n_draws):
            report = entropy_report(
                draw(rng), bandwidth=scale, t=t, times=(), method=own.method, seed=seed + turn
            )
            found.append(report.bits)
        mean, deviation = float(np.mean(found)), float(np.std(found, ddof=1))
        z = (own.bits - mean) / deviation if deviation > 0 else float("nan")
        results.append(NullComparison(name, own.bits, mean, deviation, z, n_draws))
    return tuple(results)
