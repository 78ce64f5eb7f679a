"""What a painter learns from a batch: pictures at levels of noise, their loss and its gradient."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.organism.feeder import Batch
from namebasis.organism.painter.model import CONDITION, encode_captions, fold

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_WITHOUT_CAPTION = 0.1
_MOST_WEIGHT = 5.0
_N_PARTS = 2
"""Parts of a batch that go through the network side by side."""


class Objective:
    """The loss of a network that is told of captions by a text tower, and its gradient.

    Parameters
    ----------
    network : UNet2DConditionModel
    text : CLIPTextModel
    tokenizer : CLIPTokenizer
    scheduler : DDIMScheduler
        The noise.
    threads : int
    """

    def __init__(
        self, network: Any, text: Any, tokenizer: Any, scheduler: Any, threads: int
    ) -> None:
        import torch

        self.text, self.tokenizer, self.scheduler = text, tokenizer, scheduler
        self._networks = [network, *(_sharing(network) for _ in range(1, _N_PARTS))]
        self._workers = ThreadPoolExecutor(
            min(threads, _N_PARTS),
            initializer=torch.set_num_threads,
            initargs=(max(1, threads // _N_PARTS),),
        )

    def task(
        self, batch: Batch, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """Clean and noisy pictures, their levels of noise and what the network is told of them."""
        import torch

        pixels = torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        clean = fold(pixels)
        captions = [
            "" if rng.random() < _WITHOUT_CAPTION else caption for caption in batch.captions
        ]
        condition = encode_captions(self.text, self.tokenizer, captions)
        n_levels = self.scheduler.config.num_train_timesteps
        levels = torch.randint(0, n_levels, (len(clean),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator)
        noisy = self.scheduler.add_noise(clean, noise, levels)
        return clean, noisy, levels, *(condition[key] for key in CONDITION)

    def backward(self, task: tuple[Tensor, ...]) -> float:
        """Leave the gradient of the mean loss in the network; every thread does a part of it.

        The parts do not depend on the threads, so neither do the weights; more threads than parts
        round differently. A network this small gains next to nothing from threads within its
        operations.
        """
        n = len(task[0])
        parts = [tuple(tensor[at::_N_PARTS] for tensor in task) for at in range(_N_PARTS)]

        def work(network: Any, part: tuple[Tensor, ...]) -> float:
            loss = self.loss(network, *part) * (len(part[0]) / n)
            loss.backward()
            return float(loss.detach())

        losses = list(self._workers.map(work, self._networks, parts))
        for first, *others in zip(*(one.parameters() for one in self._networks), strict=True):
            for other in others:
                first.grad += other.grad
                other.grad = None
        return sum(losses)

    def loss(
        self, network: Any, clean: Tensor, noisy: Tensor, levels: Tensor, *condition: Tensor
    ) -> Tensor:
        """Squared error of the predicted picture, weighted by the signal-to-noise ratio plus 1.

        That is the error of the velocity, in which a step of pure noise counts as well: there the
        text alone decides what is painted. Steps of little noise would rule the sum; their weight
        is cut, as in [1]_.

        References
        ----------
        .. [1] Hang et al. (2023), Efficient Diffusion Training via Min-SNR Weighting Strategy,
           ICCV.
        """
        given = network(noisy, levels, **dict(zip(CONDITION, condition, strict=True))).sample
        kept = self.scheduler.alphas_cumprod[levels]
        ratio = kept / (1 - kept).clamp(min=1e-8)
        weight = (ratio + 1).clamp(max=_MOST_WEIGHT)
        return ((given - clean).square().mean(dim=(1, 2, 3)) * weight).mean()


def _sharing(network: Any) -> Any:
    """A network with the very weights of another, and gradients of its own."""
    other = copy.deepcopy(network)
    for own, given in zip(other.parameters(), network.parameters(), strict=True):
        own.data = given.data
    return other
