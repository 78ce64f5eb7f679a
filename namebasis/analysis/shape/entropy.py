"""Diffusion spectral entropy: how many directions a random walk on the points keeps apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.shape.diffusion_kernel import (
    NearRows,
    centred,
    dense_kernel,
    exact_eigenvalues,
    given_rows,
    near_rows,
    sparse_affinity,
    sparse_kernel,
    symmetric_eigenvalues,
    typical_distance,
)
from namebasis.analysis.shape.lanczos import lanczos_density
from namebasis.analysis.shape.mutual_information import (
    diffusion_spectral_mutual_information,
)
from namebasis.analysis.shape.nulls import NULLS, null_draws
from namebasis.analysis.shape.spectral_density import (
    SpectralDensity,
    exact_density,
    resolved,
    spectral_entropy,
)
from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count

__all__ = [
    "EntropyReport",
    "diffusion_spectral_entropy",
    "diffusion_spectral_mutual_information",
    "entropy_report",
]
METHODS = ("auto", "exact", "stochastic", "sparse")
TIMES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_EXACT_ROWS = 2_000  # auto: all eigenvalues up to here,
DENSE_ROWS = 20_000  # quadrature on the stored kernel (1.6 GB) up to here
_DEFLATED_ROWS = 100_000  # beyond, the vectors of the largest eigenvalues would fill the memory
NEIGHBOURS = 15


@dataclass(frozen=True)
class EntropyReport:
    """An entropy with what is needed to read it.

    Attributes
    ----------
    bits : float
        The entropy, in [0, log2 n_rows].
    standard_error : float
        In bits: of the random probes, with what the number of Lanczos steps and the eigenvalues
        taken out may leave; 0 for a full spectrum. The bandwidth is taken as given.
    share : float
        ``bits / log2(n_rows)``.
    bandwidth : float
        In units of distance; NaN where all rows are equal, whose entropy is 0 at any.
    t : float
        The power of the eigenvalues.
    times, curve : tuple of float
        The entropy in bits at other powers.
    curve_errors : tuple of float
        The standard error of each.
    method : str
        exact, stochastic or sparse. Values of the sparse kernel are not those of the dense one.
    recall : float or None
        Of the sparse kernel: share of the true neighbours in it; below 1 where they were searched
        approximately, above 50,000 rows, and then measured on a sample. None for a dense kernel.
    n_rows : int
        Rows; values grow with it, so compare equal numbers alone.
    """

    bits: float
    standard_error: float
    share: float
    bandwidth: float
    t: float
    times: tuple[float, ...]
    curve: tuple[float, ...]
    curve_errors: tuple[float, ...]
    method: str
    n_rows: int
    recall: float | None = None


def diffusion_spectral_entropy(
    embeddings: object,
    *,
    bandwidth: float | None = None,
    t: float = 1,
    method: str = "auto",
    seed: int = 0,
) -> float:
    """Entropy in bits of the spectrum of the diffusion matrix [1]_.

    With distances d and bandwidth s: G = exp(-d^2 / (2 s^2)), K = D^(-1/2) G D^(-1/2) for the row
    sums D of G, p = |eigenvalues of K|^t over their sum, entropy = -sum p log2 p. At
    ``bandwidth=10, method="exact"`` this is the published definition; on unit vectors that
    bandwidth makes every kernel nearly constant.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        At least 2 rows; used as they are, not rescaled.
    bandwidth : float, optional
        By default the median distance from a row to its 15th nearest (n - 1st of fewer).
    t : float
        Power of the eigenvalues, above 0: steps of the walk.
    method : str
        ``exact``: all eigenvalues in float64. ``stochastic``: Lanczos quadrature on the dense
        kernel in float32. ``sparse``: quadrature on the kernel between 15 nearest neighbours
        only. ``auto``: exact up to 2,000 rows, stochastic up to 20,000, sparse beyond.
    seed : int
        Of sampled rows and probes.

    Returns
    -------
    float
        Bits in [0, log2 n]; 0 where all rows are equal.

    Raises
    ------
    ValueError
        If a value is not finite, there are fewer than 2 rows, or a parameter is out of range.

    References
    ----------
    .. [1] Liao et al. (2023), Assessing neural network representations during training using
       data diffusion spectra, arXiv 2312.04823.
    """
    return entropy_report(embeddings, bandwidth=bandwidth, t=t, method=method, seed=seed).bits


def entropy_report(
    embeddings: object,
    *,
    bandwidth: float | None = None,
    t: float = 1,
    times: Sequence[float] = TIMES,
    method: str = "auto",
    k: int | None = None,
    neighbours: IntArray | None = None,
    neighbour_recall: float = 1.0,
    seed: int = 0,
) -> EntropyReport:
    """Diffusion spectral entropy with its error, bandwidth and curve over t.

    Parameters
    ----------
    embeddings, bandwidth, t, method, seed
        As for `diffusion_spectral_entropy`.
    times : sequence of float
        Powers of the curve.
    k : int, optional
        Neighbour whose median distance is the bandwidth, and neighbours of the sparse kernel;
        by default 15, or n - 1 of fewer rows.
    neighbours : ndarray of shape (n, at least k), optional
        Row numbers of the nearest other rows, for the sparse kernel; searched otherwise.
    neighbour_recall : float
        Share of the true ones among `neighbours`, which the report repeats.

    Returns
    -------
    EntropyReport

    Raises
    ------
    ValueError
        As for `diffusion_spectral_entropy`; if `k` is not in 1 to n - 1 or `neighbours` does
        not fit.
    """
    rows = as_embeddings(embeddings, min_rows=2)
    n = len(rows)
    for power in (t, *times):
        check_options(bandwidth, power, method)
    k = min(NEIGHBOURS, n - 1) if k is None else check_count(k, f"k of {n} rows", 1, n - 1)
    if neighbours is not None and (neighbours.shape[0] != n or neighbours.shape[1] < k):
        raise ValueError(f"neighbours must be ({n}, at least {k}); got {neighbours.shape}.")
    if bandwidth is not None:
        _check_positive(bandwidth, "bandwidth")
    if method == "auto":
        method = "exact" if n <= _EXACT_ROWS else "stochastic" if n <= DENSE_ROWS else "sparse"
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    if (rows == rows[0]).all():
        zeros = (0.0,) * len(times)
        return EntropyReport(
            0.0, 0.0, 0.0, float("nan"), float(t), tuple(times), zeros, zeros, method, n
        )
    if bandwidth is None:
        are_true = neighbours is not None and neighbour_recall == 1
        bandwidth = typical_distance(rows, k, rng, neighbours if are_true else None)
    recall = None
    powers = (float(t), *(float(power) for power in times))
    if method == "exact":  # what float32 would round away is kept
        density = exact_density(exact_eigenvalues(np.asarray(embeddings, np.float64), bandwidth))
    elif method == "stochastic":
        density = _dense_density(rows, bandwidth, powers, rng)
    else:
        near = _near(rows, k, neighbours, int(rng.integers(2**31)))
        density = _sparse_density(near, bandwidth, powers, rng)
        recall = near.recall if neighbours is None else neighbour_recall
    own, *others = (spectral_entropy(density, power) for power in powers)
    return EntropyReport(
        bits=own.bits,
        standard_error=own.error,
        share=own.bits / float(np.log2(n)),
        bandwidth=float(bandwidth),
        t=powers[0],
        times=powers[1:],
        curve=tuple(other.bits for other in others),
        curve_errors=tuple(other.error for other in others),
        method=method,
        n_rows=n,
        recall=recall,
    )


def check_options(bandwidth: float | None, t: float, method: str) -> None:
    """Refuse options that no entropy takes, before anything is measured.

    Raises
    ------
    ValueError
    """
    _check_positive(t, "t")
    if bandwidth is not None:
        _check_positive(bandwidth, "bandwidth")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")


def _check_positive(value: float, what: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{what} must be finite and above 0; got {value!r}.")


def _resolved(powers: Sequence[float]) -> Callable[[SpectralDensity], bool]:
    """What `lanczos_density` asks after some steps: is the quadrature's error small beside chance?

    Smaller than half of it, or than half a thousandth of a bit, is small enough.
    """
    return lambda density: resolved(density, powers, share=0.5, bits=5e-4)


def _dense_density(
    rows: FloatArray, bandwidth: float, powers: Sequence[float], rng: np.random.Generator
) -> SpectralDensity:
    kernel = dense_kernel(rows, bandwidth)
    return lanczos_density(
        kernel.product,
        len(rows),
        kernel.trace,
        kernel.squared_norm,
        enough=_resolved(powers),
        rng=rng,
    )


def _near(rows: FloatArray, k: int, neighbours: IntArray | None, seed: int) -> NearRows:
    if neighbours is None:
        return near_rows(centred(rows), k, seed)
    return given_rows(rows, neighbours[:, :k])


def _sparse_density(
    near: NearRows, bandwidth: float, powers: Sequence[float], rng: np.random.Generator
) -> SpectralDensity:
    """Spectrum of the neighbours' kernel; in full where it is small."""
    n = len(near.indices)
    affinity = sparse_affinity(near, bandwidth)
    if n <= _EXACT_ROWS:
        return exact_density(symmetric_eigenvalues(affinity.toarray().astype(np.float64)))
    kernel = sparse_kernel(affinity)
    return lanczos_density(
        kernel.product,
        n,
        kernel.trace,
        kernel.squared_norm,
        enough=_resolved(powers),
        n_largest=64 if n <= _DEFLATED_ROWS else 0,
        rng=rng,
    )


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
