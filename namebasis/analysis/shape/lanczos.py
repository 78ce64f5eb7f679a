"""The spectrum of a symmetric matrix, from products with blocks of vectors alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from namebasis.analysis.shape.spectral_density import Rule, SpectralDensity
from namebasis.checks import Float64Array, FloatArray

Product = Callable[[FloatArray], FloatArray]
_BLOCKS = 9  # of the Krylov space for the largest eigenvalues
_CONVERGED = 0.01  # length of the residual up to which an eigenpair is taken out
_STEPS = (24, 32, 48, 64, 96, 128, 192, 256)
_COARSER = (1 / 2, 5 / 8, 3 / 4, 7 / 8)  # shares of the steps whose values are looked at beside


def lanczos_density(
    product: Product,
    n: int,
    trace: float,
    squared_norm: float,
    *,
    enough: Callable[[SpectralDensity], bool] = lambda density: False,
    n_largest: int = 64,
    n_probes: int = 16,
    n_steps: Sequence[int] = _STEPS,
    rng: np.random.Generator,
) -> SpectralDensity:
    """Estimate the spectrum of a symmetric matrix by stochastic Lanczos quadrature [1]_.

    The largest eigenvalues are taken out by a block Krylov space, since they carry most of the
    variance; the probes then see the matrix between projections on what is left. Only pairs that
    have converged are taken out: the others would bias high powers of the spectrum, which rest on
    the largest eigenvalues alone. Each quadrature is the mean of a Gauss rule and the anti-Gauss
    rule of one more step [2]_, whose errors have opposite signs.

    Parameters
    ----------
    product : callable
        Multiplies the matrix with a float32 block of shape (n, any width).
    n : int
        Rows of the matrix.
    trace, squared_norm : float
        The sum of its eigenvalues and of their squares: its trace and the square of its
        Frobenius norm.
    enough : callable
        Asked after each number of `n_steps` whether the spectrum is resolved; by default the
        last number is always reached.
    n_largest : int
        How many eigenvalues to take out at most; 0 for none.
    n_probes : int
        Random vectors of signs, at least 2.
    n_steps : sequence of int
        Lanczos steps for each, ascending.
    rng : numpy.random.Generator
        Draws the vectors.

    Returns
    -------
    SpectralDensity
        Its rules have half to all of the steps that were made.

    References
    ----------
    .. [1] Ubaru, Chen and Saad (2017), Fast estimation of tr(f(A)) via stochastic Lanczos
       quadrature, SIAM J. Matrix Anal. Appl. 38(4).
    .. [2] Laurie (1996), Anti-Gaussian quadrature formulas, Mathematics of Computation 65.
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
    recurrence = _Recurrence(product, basis, probes)
    found = SpectralDensity(largest, less, values, moments)
    most = n - values.size
    for steps in n_steps:
        recurrence.advance(min(steps, most))
        found = SpectralDensity(largest, less, values, moments, recurrence.rules())
        if steps >= most or enough(found):
            break
    return found


def _largest(
    product: Product, n: int, n_largest: int, rng: np.random.Generator
) -> tuple[Float64Array, FloatArray, FloatArray]:
    """Ritz values, Ritz vectors Q (n, n_found) and what the matrix makes of them outside Q."""
    n_largest = min(n_largest, n // 4)
    if n_largest == 0:
        return np.empty(0), np.empty((n, 0), np.float32), np.empty((n, 0), np.float32)
    space = block = _orthonormal(rng.standard_normal((n, n_largest), dtype=np.float32))
    image = product(block)
    inner = _bordered(np.empty((0, 0)), block.T @ image)
    for _ in range(_BLOCKS - 1):
        block = _orthonormal(_off(space, _off(space, image)))
        if block.shape[1] == 0 or space.shape[1] + block.shape[1] > n // 2:
            break
        space = np.concatenate([space, block], axis=1)
        image = product(block)
        inner = _bordered(inner, space.T @ image)
    values, rotation = np.linalg.eigh(inner)
    keep = np.argsort(-np.abs(values), kind="stable")[:n_largest]
    basis = space @ rotation[:, keep].astype(np.float32)
    image = product(basis)
    residual = image - basis * values[keep].astype(np.float32)
    good = np.einsum("ni,ni->i", residual, residual) <= _CONVERGED**2
    basis = np.ascontiguousarray(basis[:, good])
    return values[keep][good], basis, _off(basis, image[:, good])


def _bordered(inner: Float64Array, column: FloatArray) -> Float64Array:
    """Add a block of columns, and their mirror image as rows, to a symmetric matrix."""
    n_old, (n_new, width) = len(inner), column.shape
    grown = np.zeros((n_new, n_new))
    grown[:n_old, :n_old] = inner
    grown[:, n_new - width :] = column
    grown[n_new - width :, :] = column.T
    corner = grown[n_new - width :, n_new - width :]
    grown[n_new - width :, n_new - width :] = (corner + corner.T) / 2
    return grown


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
        keep = values > 1e-9 * max(values[-1], 1e-30)
        wide = wide @ (axes[:, keep] / np.sqrt(values[keep]))
        if not keep.any():
            break
    return wide.astype(np.float32)


class _Recurrence:
    """The Lanczos recurrence of every probe, projected off `basis`, as far as it was asked for."""

    def __init__(self, product: Product, basis: FloatArray, probes: FloatArray) -> None:
        vectors = _off(basis, probes)
        self._product, self._basis = product, basis
        self._squared = (vectors.astype(np.float64) ** 2).sum(axis=0)  # (n_probes,)
        self._vectors = vectors / np.sqrt(self._squared).astype(np.float32)
        self._before = np.zeros_like(self._vectors)
        self._diagonal: list[Float64Array] = []
        self._beside: list[Float64Array] = [np.zeros(probes.shape[1])]

    def advance(self, n_steps: int) -> None:
        """Continue until this many steps are done."""
        while len(self._diagonal) < n_steps:
            image = _off(self._basis, self._product(self._vectors))
            middle = np.einsum("np,np->p", image, self._vectors)
            image -= middle * self._vectors
            image -= self._beside[-1].astype(np.float32) * self._before
            length = np.sqrt(np.einsum("np,np->p", image, image)).astype(np.float64)
            self._diagonal.append(middle.astype(np.float64))
            self._beside.append(length)
            # A length of 0 means that the probe's Krylov space is complete: all further are 0.
            scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 1e-7)
            self._before, self._vectors = self._vectors, image * scale.astype(np.float32)

    def rules(self) -> tuple[Rule, ...]:
        """Averaged rules of half to all of the steps, most steps last."""
        most = len(self._diagonal)
        steps = sorted({max(round(share * most), 1) for share in (*_COARSER, 1)})
        return tuple(self._rule(n_steps) for n_steps in steps)

    def _rule(self, n_steps: int) -> Rule:
        diagonal = np.array(self._diagonal[:n_steps]).T
        beside = np.array(self._beside[1:n_steps]).T.reshape(len(diagonal), n_steps - 1)
        if n_steps == 1:
            return Rule(1, *_gauss(diagonal, beside, self._squared))
        gauss = _gauss(diagonal[:, :-1], beside[:, :-1], self._squared)
        beside[:, -1] *= np.sqrt(2)  # makes a Gauss rule the anti-Gauss rule of one step fewer
        opposite = _gauss(diagonal, beside, self._squared)
        nodes = np.concatenate([gauss[0], opposite[0]], axis=1)
        return Rule(n_steps, nodes, np.concatenate([gauss[1], opposite[1]], axis=1) / 2)


def _gauss(
    diagonal: Float64Array, beside: Float64Array, squared: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Nodes and weights from diagonals (n_probes, m) and what is beside them (n_probes, m - 1)."""
    n_probes, n_steps = diagonal.shape
    tridiagonal = np.zeros((n_probes, n_steps, n_steps))
    steps = np.arange(n_steps)
    tridiagonal[:, steps, steps] = diagonal
    tridiagonal[:, steps[:-1], steps[1:]] = beside
    tridiagonal[:, steps[1:], steps[:-1]] = beside
    nodes, rotations = np.linalg.eigh(tridiagonal)
    return nodes, squared[:, None] * rotations[:, 0, :] ** 2


def _off(basis: FloatArray, block: FloatArray) -> FloatArray:
    """Project `block` off the orthonormal columns of `basis`."""
    if basis.shape[1] == 0:
        return block
    return np.asarray(block - basis @ (basis.T @ block))
