"""Diffusion spectral mutual information: what labels tell about the place of a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.shape.diffusion_kernel import (
    exact_affinity,
    symmetric_eigenvalues,
    typical_distance,
)
from namebasis.analysis.shape.spectral_density import exact_density, spectral_entropy
from namebasis.checks import Float64Array, IntArray, as_embeddings, check_count


@dataclass(frozen=True)
class MutualInformation:
    """What labels tell about the place of a row.

    Attributes
    ----------
    bits : float
        Entropy of all rows less the mean entropy within labels, weighted by their rows. It may
        be negative: entropies of fewer rows are another thing than conditional ones.
    null_bits : float
        Its mean when labels are shuffled.
    p : float
        Share of shuffles, the data counted, with at least as many bits.
    n_rows, n_labels, n_permutations : int
        Rows with a label, different labels, shuffles.
    bandwidth : float
        Of the kernel, shared by all entropies.
    """

    bits: float
    null_bits: float
    p: float
    n_rows: int
    n_labels: int
    n_permutations: int
    bandwidth: float


def diffusion_spectral_mutual_information(
    embeddings: object,
    labels: object,
    *,
    bandwidth: float | None = None,
    t: float = 1,
    n_permutations: int = 99,
    max_rows: int = 1000,
    seed: int = 0,
) -> MutualInformation:
    """Diffusion spectral mutual information between rows and labels [1]_, with its null.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    labels : array_like of shape (n,), int
        Negative for rows without one, which are left out.
    bandwidth, t
        As for `diffusion_spectral_entropy`.
    n_permutations : int
        Shuffles; each keeps the number of rows per label.
    max_rows : int
        A random sample of this size stands for more rows: every shuffle solves dense kernels.
    seed : int
        Of the sample and the shuffles.

    Returns
    -------
    MutualInformation

    Raises
    ------
    ValueError
        If shapes differ, all rows are equal, or fewer than two labels are there.

    References
    ----------
    .. [1] Liao et al. (2023), arXiv 2312.04823.
    """
    rows = as_embeddings(embeddings, min_rows=2)
    codes = np.asarray(labels)
    if codes.shape != (len(rows),) or codes.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {len(rows)} integers; got {codes.dtype} of shape {codes.shape}."
        )
    n_permutations = check_count(n_permutations, "n_permutations")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    known = np.flatnonzero(codes >= 0)
    if known.size > check_count(max_rows, "max_rows", 2):
        known = np.sort(rng.choice(known, max_rows, replace=False))
    codes = np.unique(codes[known], return_inverse=True)[1]
    if codes.size == 0 or codes.max() == 0:
        raise ValueError("labels must have at least two values among the rows with one.")
    chosen = rows[known]
    if (chosen == chosen[0]).all():
        raise ValueError("all rows are equal: no label can tell about their place.")
    if bandwidth is None:
        bandwidth = typical_distance(chosen, min(15, len(chosen) - 1), rng)
    affinity = exact_affinity(chosen.astype(np.float64), bandwidth)
    whole = _entropy(affinity, t)
    bits = whole - _within(affinity, codes, t)
    null = np.array(
        [whole - _within(affinity, rng.permutation(codes), t) for _ in range(n_permutations)]
    )
    return MutualInformation(
        bits=bits,
        null_bits=float(null.mean()),
        p=float((1 + np.count_nonzero(null >= bits - 1e-12)) / (n_permutations + 1)),
        n_rows=int(codes.size),
        n_labels=int(codes.max()) + 1,
        n_permutations=n_permutations,
        bandwidth=float(bandwidth),
    )


def _entropy(affinity: Float64Array, t: float) -> float:
    return spectral_entropy(exact_density(symmetric_eigenvalues(affinity.copy())), t).bits


def _within(affinity: Float64Array, codes: IntArray, t: float) -> float:
    total = 0.0
    for code in range(int(codes.max()) + 1):
        own = np.flatnonzero(codes == code)
        total += own.size / codes.size * _entropy(affinity[np.ix_(own, own)], t)
    return total
