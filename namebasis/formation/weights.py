"""Checkpoints in weight space: how far each matrix moved, and what its spectrum says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.training.weight_spectra import (
    against_lognormal,
    effective_rank,
    relative_change,
    singular_values,
    spectral_exponent,
)
from namebasis.checks import FloatArray

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

_IMAGES = ("vision_model.", "visual.", "visual_projection.")
_BLOCK = re.compile(r"(?:layers|resblocks|layer|block)\.(\d+)\.")


@dataclass(frozen=True)
class MatrixState:
    """One weight matrix of the text tower at one checkpoint.

    Attributes
    ----------
    matrix : str
        Its key in the state dict.
    block : int or None
        The transformer block it is in; None for embeddings and projections.
    relative_change : float or None
        Length of the change since the checkpoint before, over the length there; None at the first.
    effective_rank : float
        Of its singular values.
    exponent, exponent_error : float or None
        Of a power law fitted to the upper tail of its squared singular values; None where it has
        fewer than 10.
    fit_distance : float or None
        Kolmogorov–Smirnov distance of that fit.
    norm : float
        Frobenius length.
    lognormal, lognormal_p : float or None
        How much worse than a lognormal the power law fits that tail, below 0, see
        `against_lognormal`, and how likely as much is by chance.
    """

    matrix: str
    block: int | None
    relative_change: float | None
    effective_rank: float
    exponent: float | None
    exponent_error: float | None
    fit_distance: float | None
    norm: float
    lognormal: float | None
    lognormal_p: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def text_matrices(encoder: Encoder) -> dict[str, FloatArray]:
    """Weight matrices of an encoder's text tower by their keys; empty where it shows none."""
    model = getattr(encoder, "model", None)
    if model is None:
        return {}
    return {
        key: tensor.detach().float().cpu().numpy()
        for key, tensor in model.state_dict().items()
        if tensor.ndim == 2
        and tensor.is_floating_point()
        and min(tensor.shape) > 1
        and not key.startswith(_IMAGES)
    }


def measure_weights(
    matrices: Mapping[str, FloatArray], before: Mapping[str, FloatArray] | None
) -> tuple[MatrixState, ...]:
    """Measure every matrix that is not all zero, against the checkpoint before where there is one.

    A matrix whose shape changed has no relative change.
    """
    rows = []
    for key, matrix in matrices.items():
        if not np.isfinite(matrix).all() or not matrix.any():
            continue
        values = singular_values(matrix)
        fit = spectral_exponent(values)
        prior = None if before is None else before.get(key)
        moved = None
        if prior is not None and prior.shape == matrix.shape and prior.any():
            moved = relative_change(prior, matrix)
        block = _BLOCK.search(key)
        has_fit = not np.isnan(fit.exponent)
        ratio, chance = against_lognormal(values, fit) if has_fit else (None, None)
        rows.append(
            MatrixState(
                key,
                int(block[1]) if block else None,
                moved,
                effective_rank(values),
                fit.exponent if has_fit else None,
                fit.standard_error if has_fit else None,
                fit.distance if has_fit else None,
                float(np.sqrt(np.square(values).sum())),
                ratio,
                chance,
            )
        )
    return tuple(rows)
