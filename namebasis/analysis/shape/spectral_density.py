"""A spectrum known in part, sums of functions over it, and the entropy that they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from namebasis.checks import Float64Array

_ROUNDING = 1e-6  # bits per power: what an eigenvalue's last float32 digits move


@dataclass(frozen=True)
class Rule:
    """Quadratures of one number of Lanczos steps, one for each random probe.

    Attributes
    ----------
    n_steps : int
    nodes, weights : ndarray of shape (n_probes, n_nodes)
        ``weights @ f(nodes)`` of one probe estimates the sum of f over the eigenvalues.
    """

    n_steps: int
    nodes: Float64Array
    weights: Float64Array


@dataclass(frozen=True)
class SpectralDensity:
    """A spectrum as its largest eigenvalues and random quadratures of the rest.

    Attributes
    ----------
    largest : ndarray of shape (n_largest,)
        Eigenvalues that were taken out first; with an exact solver, all of them.
    less : ndarray
        Values whose function is to be subtracted: counted twice, in `largest` and in the rest.
    alone : ndarray of shape (n_found,)
        The eigenvalues taken out as they are without their coupling to the rest, which `largest`
        and `less` put back.
    moments : ndarray of shape (3,)
        The known sums of 1, x and x squared over the other eigenvalues.
    rules : tuple of Rule
        Quadratures of the rest, most steps last; none for an exact spectrum.
    """

    largest: Float64Array
    less: Float64Array
    alone: Float64Array
    moments: Float64Array
    rules: tuple[Rule, ...] = field(default=())

    def sums(
        self, function: Callable[[Float64Array], Float64Array], rule: int = -1
    ) -> Float64Array:
        """Estimate the sum of `function` over the spectrum, once per probe, (n_probes,).

        The parabola nearest to the function on the other probes' nodes has a known sum; only
        what the function has beyond it is left to chance. (Fitted on its own nodes, a probe
        would hide its error, which made values 0.002 bits too large.) Exact spectra give one
        value.
        """
        known = float(function(self.largest).sum() - function(self.less).sum())
        if not self.rules:
            return np.array([known])
        nodes, weights = self.rules[rule].nodes, self.rules[rule].weights
        values = function(nodes)
        powers = nodes[:, :, None] ** np.arange(3)  # (n_probes, n_nodes, 3)
        gram = np.einsum("ps,psi,psj->pij", weights, powers, powers)
        right = np.einsum("ps,psi,ps->pi", weights, powers, values)
        gram, right = gram.sum(axis=0) - gram, right.sum(axis=0) - right  # of the other probes
        parabolas = (np.linalg.pinv(gram, hermitian=True) @ right[:, :, None])[:, :, 0]
        fitted = np.einsum("psi,pi->ps", powers, parabolas)
        rest = (weights * (values - fitted)).sum(axis=1)
        return np.asarray(known + parabolas @ self.moments + rest)


def exact_density(eigenvalues: Float64Array) -> SpectralDensity:
    """Wrap a spectrum that is known in full."""
    nothing = np.empty(0)
    return SpectralDensity(eigenvalues, nothing, eigenvalues, np.zeros(3))


@dataclass(frozen=True)
class EntropyEstimate:
    """An entropy in bits with the parts of its error, in bits too.

    Attributes
    ----------
    bits : float
    chance : float
        Standard error over the probes, widened for their number: 1.96 of it hold 95 %.
    quadrature : float
        What too few Lanczos steps may have left: it is the same for all probes, so `chance` does
        not see it. The change between fewer steps and all, scaled to all by the rate at which a
        kink is resolved, the square of the steps.
    coupling : float
        What the coupling of the eigenvalues taken out to the rest changes.
    rounding : float
        What products in float32 may leave.
    """

    bits: float
    chance: float
    quadrature: float
    coupling: float
    rounding: float

    @property
    def error(self) -> float:
        """All parts together."""
        parts = (self.chance, self.quadrature, self.coupling, self.rounding)
        return float(np.sqrt(sum(part**2 for part in parts)))


def spectral_entropy(density: SpectralDensity, t: float = 1) -> EntropyEstimate:
    """Estimate the entropy in bits of |eigenvalues|^t over their sum."""
    bits, chance = _entropy(density, t, -1)
    if not density.rules:
        return EntropyEstimate(bits, 0.0, 0.0, 0.0, 0.0)
    n_steps = density.rules[-1].n_steps
    moved = [
        abs(_entropy(density, t, at)[0] - bits) * (rule.n_steps / n_steps) ** 2
        for at, rule in enumerate(density.rules[:-1])
    ]
    alone = SpectralDensity(
        density.alone, np.empty(0), density.alone, density.moments, density.rules
    )
    coupling = abs(_entropy(alone, t, -1)[0] - bits)
    return EntropyEstimate(bits, chance, max(moved, default=0.0), coupling, _ROUNDING * t)


def resolved(density: SpectralDensity, powers: Sequence[float], share: float, bits: float) -> bool:
    """Whether at every power the error of the quadrature is small.

    Small is at most `share` of the error by chance, or at most `bits`.
    """
    found = (spectral_entropy(density, power) for power in powers)
    return all(one.quadrature <= max(share * one.chance, bits) for one in found)


def _entropy(density: SpectralDensity, t: float, rule: int) -> tuple[float, float]:
    """Entropy in bits by one of the rules, and its standard error over probes."""
    from scipy.special import stdtrit

    def power(values: Float64Array) -> Float64Array:
        return np.asarray(np.abs(values) ** t)

    def power_log(values: Float64Array) -> Float64Array:
        size = np.abs(values)
        safe = np.where(size > 0, size, 1.0)  # x^t log x is 0 at 0
        return np.asarray(-(size**t) * t * np.log2(safe))

    totals, logs = density.sums(power, rule), density.sums(power_log, rule)
    total, log = float(totals.mean()), float(logs.mean())
    # H = log2(S) + A / S; to first order a probe moves it by the gradient.
    bits = max(float(np.log2(total)) + log / total, 0.0)
    if totals.size < 2:
        return bits, 0.0
    moved = logs / total + totals * (1 / np.log(2) - log / total) / total
    widened = float(stdtrit(moved.size - 1, 0.975)) / 1.96  # Student's quantile for few probes
    return bits, widened * float(moved.std(ddof=1) / np.sqrt(moved.size))
