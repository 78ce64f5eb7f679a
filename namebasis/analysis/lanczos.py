"""Traces of functions of a symmetric matrix, from products with blocks of vectors alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray

Float64Array = npt.NDArray[np.float64]
Product = Callable[[FloatArray], FloatArray]
_OVERSAMPLE = 64  # vectors of the subspace beyond those kept: they speed its convergence
_PASSES = 3


@dataclass(frozen=True)
class SpectralDensity:
    """A spectrum as its largest eigenvalues and random quadratures of the rest.

    Attributes
    ----------
    largest : ndarray of shape (n_largest,)
        Eigenvalues that were taken out first; with an exact solver, all of them.
    less : ndarray
        Values whose function is to be subtracted: counted twice, in `largest` and in the rest.
    nodes, weights : ndarray of shape (n_probes, n_steps)
        ``weights @ f(nodes)`` of one probe estimates the sum of f over the other eigenvalues.
    moments : ndarray of shape (3,)
        The known sums of 1, x and x squared over the other eigenvalues.
    """

    largest: Float64Array
    less: Float64Array
    nodes: Float64Array
    weights: Float64Array
    moments: Float64Array

    def sums(self, function: Callable[[Float64Array], Float64Array]) -> Float64Array:
        """Estimate the sum of `function` over the spectrum, once per probe, (n_probes,).

        The parabola nearest to the function on the other probes' nodes has a known sum; only
        what the function has beyond it is left to chance. (Fitted on its own nodes, a probe
        would hide its error, which made values 0.002 bits too large.) Exact spectra give one
        value.
        """
        known = float(function(self.largest).sum() - function(self.less).sum())
        if self.nodes.size == 0:
            return np.array([known])
        values = function(self.nodes)
        powers = self.nodes[:, :, None] ** np.arange(3)  # (n_probes, n_steps, 3)
        gram = np.einsum("ps,psi,psj->pij", self.weights, powers, powers)
        right = np.einsum("ps,psi,ps->pi", self.weights, powers, values)
        gram, right = gram.sum(axis=0) - gram, right.sum(axis=0) - right  # of the other probes
        parabolas = (np.linalg.pinv(gram, hermitian=True) @ right[:, :, None])[:, :, 0]
        fitted = np.einsum("psi,pi->ps", powers, parabolas)
        rest = (self.weights * (values - fitted)).sum(axis=1)
        return np.asarray(known + parabolas @ self.moments + rest)


def exact_density(eigenvalues: Float64Array) -> SpectralDensity:
    """Wrap a spectrum that is known in full."""
    nothing = np.empty((0, 0))
    return SpectralDensity(eigenvalues, np.empty(0), nothing, nothing, np.zeros(3))


def spectral_entropy(density: SpectralDensity, t: float = 1) -> tuple[float, float]:
    """Entropy in bits of |eigenvalues|^t over their sum, and its standard error over probes."""

    def power(values: Float64Array) -> Float64Array:
        return np.asarray(np.abs(values) ** t)

    def power_log(values: Float64Array) -> Float64Array:
        size = np.abs(values)
        safe = np.where(size > 0, size, 1.0)  # x^t log x is 0 at 0
        return np.asarray(-(size**t) * t * np.log2(safe))

    totals, logs = density.sums(power), density.sums(power_log)
    total, log = float(totals.mean()), float(logs.mean())
    # H = log2(S) + A / S; to first order a probe moves it by the gradient.
    bits = max(float(np.log2(total)) + log / total, 0.0)
    if totals.size < 2:
        return bits, 0.0
    moved = logs / total + totals * (1 / np.log(2) - log / total) / total
    return bits, float(moved.std(ddof=1) / np.sqrt(moved.size))


def lanczos_density(
    product: Product,
    n: int,
    trace: float,
    squared_norm: float,
    *,
    n_largest: int = 64,
    n_probes: int = 16,
    n_steps: int = 24,
    rng: np.random.Generator,
) -> SpectralDensity:
    """Estimate the spectrum of a symmetric matrix by stochastic Lanczos quadrature [1]_.

    The largest eigenvalues are taken out by subspace iteration, since they carry most of the
    variance; the probes then see the matrix between projections on what is left.

    Parameters
    ----------
    product : callable
        Multiplies the matrix with a float32 block of shape (n, any width).
    n : int
        Rows of the matrix.
    trace, squared_norm : float
        The sum of its eigenvalues and of their squares: its trace and the square of its
        Frobenius norm.
    n_largest : int
        How many eigenvalues to take out; 0 for none.
    n_probes, n_steps : int
        Random vectors of signs, at least 2, and Lanczos steps for each.
    rng : numpy.random.Generator
        Draws the vectors.

    Returns
    -------
    SpectralDensity

    References
    ----------
    .. [1] Ubaru, Chen and Saad (2017), Fast estimation of tr(f(A)) via stochastic Lanczos
       quadrature, SIAM J. Matrix Anal. Appl. 38(4).
    """
    values, basis, residual = _largest(product, n, n_largest, rng)
    lengths = np.sqrt((residual.astype(np.float64) ** 2).sum(axis=0))
    largest, less = _mend(product, basis, values, residual, lengths)
    moments = np.array(
        [
            n - values.size,
            trace - values.sum(),
            # ||PAP||^2 = ||A||^2 - ||Q'AQ||^2 - 2 ||PAQ||^2, for P = 1 - QQ'
            squared_norm - (values**2).sum() - 2 * (lengths**2).sum(),
        ]
    )
    probes = rng.integers(0, 2, (n, n_probes)).astype(np.float32) * 2 - 1
    nodes, weights = _quadrature(product, basis, probes, min(n_steps, n - values.size))
    return SpectralDensity(largest, less, nodes, weights, moments)


def _largest(
    product: Product, n: int, n_largest: int, rng: np.random.Generator
) -> tuple[Float64Array, FloatArray, FloatArray]:
    """Ritz values, Ritz vectors Q (n, n_largest) and what the matrix makes of them outside Q."""
    n_largest = min(n_largest, n // 4)
    if n_largest == 0:
        return np.empty(0), np.empty((n, 0), np.float32), np.empty((n, 0), np.float32)
    width = min(n_largest + _OVERSAMPLE, n // 2)
    block = _orthonormal(rng.standard_normal((n, width), dtype=np.float32))
    for _ in range(_PASSES):
        block = _orthonormal(product(block))
    image = product(block)
    inner = (block.T @ image).astype(np.float64)
    values, rotation = np.linalg.eigh((inner + inner.T) / 2)
    keep = np.argsort(-np.abs(values), kind="stable")[:n_largest]
    chosen = rotation[:, keep].astype(np.float32)
    basis = np.asarray(block @ chosen)
    return values[keep], basis, _off(basis, image @ chosen)


def _mend(
    product: Product,
    basis: FloatArray,
    values: Float64Array,
    residual: FloatArray,
    lengths: Float64Array,
) -> tuple[Float64Array, Float64Array]:
    """Put back the coupling between each Ritz vector and the rest, as a 2 x 2 matrix.

    To leave it out would make the spectrum more even and every entropy too large.

    Returns
    -------
    tuple of ndarray
        Eigenvalues of the 2 x 2 matrices, and those of the rest that they count again.
    """
    if values.size == 0:
        return values, values
    units: FloatArray = np.asarray(residual / np.maximum(lengths, 1e-12), dtype=np.float32)
    # The Rayleigh quotient of a residual of length 0 is 0, and the pair then (value, 0).
    beside = np.einsum("ni,ni->i", units, product(units)).astype(np.float64)
    middle, half = (values + beside) / 2, np.hypot((values - beside) / 2, lengths)
    return np.concatenate([middle + half, middle - half]), beside


def _orthonormal(block: FloatArray) -> FloatArray:
    """Orthonormal columns that span those of `block`; dependent ones are dropped.

    By the eigenvectors of the Gram matrix, twice for precision: products only, many times faster
    than QR of a tall block.
    """
    wide = block.astype(np.float64)
    for _ in range(2):
        values, axes = np.linalg.eigh(wide.T @ wide)
        keep = values > 1e-13 * values[-1]
        wide = wide @ (axes[:, keep] / np.sqrt(values[keep]))
    return wide.astype(np.float32)


def _quadrature(
    product: Product, basis: FloatArray, probes: FloatArray, n_steps: int
) -> tuple[Float64Array, Float64Array]:
    """Gauss nodes and weights of every probe, projected off `basis`: (n_probes, n_steps)."""
    vectors = _off(basis, probes)
    squared = (vectors.astype(np.float64) ** 2).sum(axis=0)  # (n_probes,)
    n_probes = probes.shape[1]
    diagonal, beside = np.zeros((n_probes, n_steps)), np.zeros((n_probes, n_steps))
    vectors = vectors / np.sqrt(squared).astype(np.float32)
    before = np.zeros_like(vectors)
    length = np.zeros(n_probes)
    for step in range(n_steps):
        image = _off(basis, product(vectors))
        diagonal[:, step] = np.einsum("np,np->p", image, vectors)
        image -= diagonal[:, step].astype(np.float32) * vectors
        image -= length.astype(np.float32) * before
        length = np.sqrt(np.einsum("np,np->p", image, image)).astype(np.float64)
        beside[:, step] = length
        # A length of 0 means that the probe's Krylov space is complete: all further steps are 0.
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 1e-7)
        before, vectors = vectors, image * scale.astype(np.float32)
    return _gauss(diagonal, beside, squared)


def _gauss(
    diagonal: Float64Array, beside: Float64Array, squared: Float64Array
) -> tuple[Float64Array, Float64Array]:
    n_probes, n_steps = diagonal.shape
    tridiagonal = np.zeros((n_probes, n_steps, n_steps))
    steps = np.arange(n_steps)
    tridiagonal[:, steps, steps] = diagonal
    tridiagonal[:, steps[:-1], steps[1:]] = beside[:, :-1]
    tridiagonal[:, steps[1:], steps[:-1]] = beside[:, :-1]
    nodes, rotations = np.linalg.eigh(tridiagonal)
    return nodes, squared[:, None] * rotations[:, 0, :] ** 2


def _off(basis: FloatArray, block: FloatArray) -> FloatArray:
    """Project `block` off the orthonormal columns of `basis`."""
    if basis.shape[1] == 0:
        return block
    return np.asarray(block - basis @ (basis.T @ block))
