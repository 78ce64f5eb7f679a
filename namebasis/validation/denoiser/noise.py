"""Noisy pictures of nobody in particular, at some levels: where all names are asked.

A UNet was only trained on pictures with noise on them. What it is shown at a level of less than
pure noise is therefore a picture that it has painted so far of a neutral prompt: DDIM [1]_ from
level to level, the same for every name.

References
----------
.. [1] Song, Meng and Ermon (2021), Denoising Diffusion Implicit Models, ICLR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.checks import IntArray
    from namebasis.validation.denoiser.networks import Network


def spread_levels(n_train: int, n_levels: int) -> IntArray:
    """Levels of a training from pure noise down, evenly spaced; the last is no level of 0.

    Parameters
    ----------
    n_train : int
        Levels that the UNet was trained on.
    n_levels : int

    Returns
    -------
    ndarray of shape (n_levels,), int64
        Falling; of 1,000 and 5: 999, 799, 599, 399, 199.
    """
    steps = np.arange(n_train, 0, -n_train / n_levels)[:n_levels]
    return np.round(steps).astype(np.int64) - 1


def clean_of(predicted: Any, noisy: Any, kept: float, predicts: str) -> Any:
    """The clean picture that a prediction means.

    Parameters
    ----------
    predicted, noisy : Tensor
    kept : float
        Share of the picture's variance at the level.
    predicts : str
        epsilon, v_prediction or sample.
    """
    signal, noise = kept**0.5, (1 - kept) ** 0.5
    if predicts == "sample":
        return predicted
    if predicts == "v_prediction":
        return signal * noisy - noise * predicted
    return (noisy - noise * predicted) / signal


def neutral_path(
    network: Network, told: dict[str, Any], levels: IntArray, n_noises: int, seed: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Noisy pictures of the neutral prompt at each level, and what is predicted of them.

    Parameters
    ----------
    network : Network
    told : dict
        Of the neutral prompt, once for each noise.
    levels : ndarray of shape (n_levels,)
        Falling.
    n_noises : int
    seed : int
        Of the first noise; the others follow.

    Returns
    -------
    noisy, predicted : list of n_levels Tensor of shape (n_noises, channels, height, width)
        Float32, on the network's device.
    """
    import torch

    drawn = [
        torch.randn(network.shape, generator=torch.Generator("cpu").manual_seed(seed + at))
        for at in range(n_noises)
    ]
    noisy = torch.stack(drawn)
    shown, found = [], []
    for at, level in enumerate(levels.tolist()):
        predicted = network.predict(noisy, level, told)
        shown.append(noisy.to(predicted.device))
        found.append(predicted)
        if at + 1 < len(levels):
            noisy = _step(network, noisy, predicted.cpu(), level, int(levels[at + 1]))
    return shown, found


def _step(network: Network, noisy: Tensor, predicted: Tensor, level: int, then: int) -> Tensor:
    """One step of DDIM without new noise."""
    kept, after = float(network.kept[level]), float(network.kept[then])
    clean: Tensor = clean_of(predicted, noisy, kept, network.predicts)
    if network.clip is not None:
        clean = clean.clamp(-network.clip, network.clip)
    noise = (noisy - kept**0.5 * clean) / max((1 - kept) ** 0.5, 1e-12)
    return after**0.5 * clean + (1 - after) ** 0.5 * noise
