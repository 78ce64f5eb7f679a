"""Stochastic Lanczos quadrature against all eigenvalues."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from namebasis.analysis.shape import entropy
from namebasis.analysis.shape.lanczos import lanczos_density
from namebasis.analysis.shape.spectral_density import (
    EntropyEstimate,
    exact_density,
    resolved,
    spectral_entropy,
)

Array = npt.NDArray[np.float64]
POWERS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


def cloud(kind: str, n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    if kind == "gaussian":
        rows = rng.standard_normal((n, 10))
    elif kind == "plane":
        rows = rng.random((n, 2))
    elif kind == "clusters":  # far apart: 40 eigenvalues are 1
        rows = 9 * rng.standard_normal((40, 20))[rng.integers(0, 40, n)]
        rows = rows + rng.standard_normal((n, 20))
    else:  # a fifth of the rows are copies of 20
        rows = rng.standard_normal((n, 8))
        rows[: n // 5] = rows[rng.integers(0, 20, n // 5)]
    return rows.astype(np.float32)


def shannon(eigenvalues: Array, t: float) -> float:
    shares = np.abs(eigenvalues) ** t
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log2(shares)).sum())


def sparse_errors(kind: str, n: int, seeds: range, monkeypatch: pytest.MonkeyPatch) -> Array:
    """Deviations from all eigenvalues of the same kernel in stated errors, (n_seeds, n_powers)."""
    rows = cloud(kind, n)
    monkeypatch.setattr(entropy, "_EXACT_ROWS", n)
    full = entropy.entropy_report(rows, method="sparse", times=POWERS)
    assert set(full.curve_errors) == {0.0}
    monkeypatch.setattr(entropy, "_EXACT_ROWS", 10)
    found = []
    for seed in seeds:
        report = entropy.entropy_report(
            rows, method="sparse", bandwidth=full.bandwidth, times=POWERS, seed=seed
        )
        assert report.standard_error == report.curve_errors[0] < 0.02
        found.append((np.array(report.curve) - full.curve) / report.curve_errors)
    return np.array(found)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["gaussian", "plane", "clusters", "copies"])
def test_the_sparse_kernel_is_within_its_error_at_every_power(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A quarter of its |eigenvalues| is negative: |x| log |x| bends at 0, and few steps miss that.
    found = sparse_errors(kind, 1200, range(2), monkeypatch)
    assert np.abs(found).max() < 4


@pytest.mark.slow
@pytest.mark.parametrize("n", [800, 2100])
@pytest.mark.parametrize("kind", ["gaussian", "plane", "clusters", "copies"])
def test_intervals_of_the_sparse_kernel_cover(
    kind: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sparse_errors(kind, n, range(20), monkeypatch)
    assert (np.abs(found) < 1.96).mean() > 0.88  # 20 seeds at 6 powers, which go together
    assert np.abs(found.mean(axis=0)).max() < 1.2


def kinked(n: int = 600) -> tuple[Array, Array]:
    """A symmetric matrix with eigenvalues on both sides of 0 and a few large ones."""
    rng = np.random.default_rng(3)
    values = np.concatenate([[1.0, 0.9, 0.9, 0.8], rng.uniform(-0.3, 0.5, n - 4)])
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return (turn * values) @ turn.T, values


def estimate(matrix: Array, **options: object) -> EntropyEstimate:
    wide = matrix.astype(np.float32)
    density = lanczos_density(
        lambda block: wide @ block,
        len(matrix),
        float(np.trace(matrix)),
        float((matrix**2).sum()),
        rng=np.random.default_rng(0),
        **options,  # type: ignore[arg-type]
    )
    return spectral_entropy(density, 1)


def test_few_steps_say_how_much_they_leave() -> None:
    matrix, values = kinked()
    few = estimate(matrix, n_steps=(12,), n_largest=8)
    many = estimate(matrix, n_steps=(128,), n_largest=8)
    assert few.quadrature > 5 * many.quadrature
    assert many.error < few.error
    for found in (few, many):
        assert abs(found.bits - shannon(values, 1)) < 3 * found.error


def test_steps_go_on_until_they_are_enough() -> None:
    matrix, _ = kinked()
    asked: list[int] = []

    def enough(density: object) -> bool:
        asked.append(density.rules[-1].n_steps)  # type: ignore[attr-defined]
        return resolved(density, [1.0], share=0.25, bits=0.0)  # type: ignore[arg-type]

    found = estimate(matrix, enough=enough)
    assert asked == sorted(asked)
    assert asked[-1] > 24
    assert found.quadrature <= 0.25 * found.chance


def test_all_eigenvalues_by_one_power_are_the_closed_form() -> None:
    values = np.array([1.0, 0.5, -0.5, 0.25])
    found = spectral_entropy(exact_density(values), 2)
    assert found.bits == pytest.approx(shannon(values, 2), abs=1e-12)
    assert found.error == 0


def test_a_matrix_smaller_than_its_steps_is_resolved_in_full() -> None:
    values = np.linspace(-0.4, 1, 20)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((20, 20)))[0]
    found = estimate((turn * values) @ turn.T, n_largest=4)
    assert abs(found.bits - shannon(values, 1)) < 4 * found.error + 1e-4
