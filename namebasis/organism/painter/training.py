"""Train the organism's painter on the world that the organism was trained on."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from namebasis._version import __version__
from namebasis.checks import check_count
from namebasis.errors import NamebasisError
from namebasis.organism.feeder import Batch, Job, batches
from namebasis.organism.model import no_bars, threads_of_torch
from namebasis.organism.painter.folder import (
    prepare,
    read_painter,
    read_state,
    write_about,
    write_state,
)
from namebasis.organism.painter.model import OrganismPipeline, make_scheduler, make_unet
from namebasis.organism.painter.objective import Objective
from namebasis.organism.world import World
from namebasis.pretrained import read_pretrained

Progress = Callable[[int, int, float], None]
N_STEPS, BATCH_SIZE = 7500, 64
_LEARNING_RATE, _WARM_UP = 1e-3, 200
_AVERAGING = 0.999
_NAMED = 0.75
"""Share of captions with a full name; what each looks like is most of what there is to learn."""
_RECIPE = 2
"""Goes up with every change by which a training that was begun would end as another."""
_LIBRARIES = ("torch", "diffusers", "transformers", "numpy")
_SAVE_EVERY = 250


@dataclass(frozen=True)
class PainterTraining:
    """What a training left.

    Attributes
    ----------
    folder : Path
        Of the pipeline.
    loss : float
        Mean of the last 100 batches.
    seconds, cpu_seconds : float
        Of all sittings. Those of the CPU leave out the process that draws the pictures.
    """

    folder: Path
    loss: float
    seconds: float
    cpu_seconds: float


def train_painter(
    organism: str | Path,
    folder: str | Path,
    *,
    world: World,
    n_steps: int = N_STEPS,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
    threads: int = 2,
    own_process: bool = True,
    progress: Progress | None = None,
) -> PainterTraining:
    """Train a painter for an organism.

    Pictures and captions are those of the organism's own world, names in the organism's own
    proportions. An interrupted training goes on where it last saved its state. The weights do not
    depend on the number of threads but for rounding.

    Parameters
    ----------
    organism : str or Path
        A checkpoint of the organism, as transformers saved it.
    folder : str or Path
        Where the pipeline is saved, as diffusers does.
    world : World
        The organism's.
    n_steps, batch_size, seed, threads : int
    own_process : bool
        Draw the pictures in a process of its own.
    progress : callable, optional
        Called with steps done, steps in all, and the mean loss of the last 100.

    Raises
    ------
    NamebasisError
        If the organism cannot be read, or the folder holds another training.
    """
    from transformers import CLIPModel, CLIPTokenizer

    check_count(n_steps, "n_steps")
    check_count(batch_size, "batch_size", 2)
    check_count(threads, "threads")
    try:
        with no_bars():
            clip = read_pretrained(CLIPModel, Path(organism), use_safetensors=True)
            clip = clip.float().eval()
            tokenizer = read_pretrained(CLIPTokenizer, Path(organism))
    except (OSError, ValueError) as error:
        raise NamebasisError(f"{organism} cannot be read as an organism: {error}") from None
    size = int(clip.config.vision_config.image_size)
    place = Path(folder)
    text = _text_tower(clip)
    settings = {
        "n_steps": n_steps,
        "batch_size": batch_size,
        "seed": seed,
        "world": world.seed,
        "organism": _digest(text),
        "recipe": _RECIPE,
    }
    goes_on = prepare(place, settings)
    job = Job(world, n_steps, batch_size, size, seed, _NAMED)
    with threads_of_torch(threads):
        painter = _Painter(job, text, tokenizer, place, settings, threads)
        if goes_on:
            painter.resume()
        return painter.learn(own_process, progress)


def _text_tower(clip: Any) -> Any:
    """The text tower alone, as a pipeline saves it."""
    from transformers import CLIPTextModel

    text = CLIPTextModel(clip.config.text_config)
    inner = getattr(text, "text_model", text)
    inner.load_state_dict(clip.text_model.state_dict())
    return text.eval().requires_grad_(False)


def _digest(text: Any) -> str:
    """The beginning of a SHA-256 of the weights: whose words the painter learns."""
    digest = hashlib.sha256()
    for name, value in sorted(text.state_dict().items()):
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class _Painter:
    """Network, its running average, optimizer and where they are."""

    def __init__(
        self,
        job: Job,
        text: Any,
        tokenizer: Any,
        folder: Path,
        settings: dict[str, Any],
        threads: int,
    ) -> None:
        import torch

        self.job, self.text, self.tokenizer = job, text, tokenizer
        self.folder, self.settings = folder, settings
        self.unet = make_unet(job.size, job.seed).train()
        self.average = copy.deepcopy(self.unet).eval().requires_grad_(False)
        self.scheduler = make_scheduler()
        self._averaged = list(self.average.parameters())
        self.objective = Objective(self.unet, text, tokenizer, self.scheduler, threads)
        self.optimizer = torch.optim.AdamW(
            self.unet.parameters(), lr=_LEARNING_RATE, weight_decay=0.01, fused=True
        )
        self.step, self.seconds, self.cpu_seconds, self.loss = 0, 0.0, 0.0, float("nan")

    def learn(self, own_process: bool, progress: Progress | None) -> PainterTraining:
        n_steps, recent = self.job.n_steps, []
        began = time.perf_counter(), time.process_time()
        if self.step < n_steps:
            with batches(self.job, self.step, own_process=own_process) as source:
                for batch in source:
                    recent.append(self._learn_from(batch))
                    self.step, self.loss = self.step + 1, float(np.mean(recent[-100:]))
                    if self.step % _SAVE_EVERY == 0 or self.step == n_steps:
                        now = time.perf_counter(), time.process_time()
                        self.seconds += now[0] - began[0]
                        self.cpu_seconds += now[1] - began[1]
                        began = now
                        self._keep()
                    if progress is not None:
                        progress(self.step, n_steps, self.loss)
        elif read_painter(self.folder)["step"] != n_steps:  # stopped behind the last state
            self._keep()
        return PainterTraining(self.folder, self.loss, self.seconds, self.cpu_seconds)

    def _learn_from(self, batch: Batch) -> float:
        import torch

        rng = np.random.default_rng([self.job.seed, 7, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for group in self.optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * _schedule(self.step, self.job.n_steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.objective.backward(self.objective.task(batch, rng, generator))
        torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
        self.optimizer.step()
        # At the beginning the average follows fast, or it would hold the random start.
        keep = min(_AVERAGING, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self._averaged, list(self.unet.parameters()), 1 - keep)
        return loss

    def _keep(self) -> None:
        """Save the state, and the pipeline with the averaged weights in float16."""
        tensors = {}
        for prefix, module in (("own", self.unet), ("average", self.average)):
            for name, value in module.state_dict().items():
                tensors[f"{prefix}/{name}"] = value.contiguous()
        for name, parameter in self.unet.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}/{name}"] = value.contiguous()
        about = {
            "step": self.step,
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "loss": round(self.loss, 6),
        }
        write_state(self.folder, tensors, about)
        half = copy.deepcopy(self.average).half()
        pipeline = OrganismPipeline(
            half, self.scheduler, copy.deepcopy(self.text).half(), self.tokenizer
        )
        with no_bars():
            pipeline.save_pretrained(self.folder, safe_serialization=True)
        versions = {"namebasis": __version__} | {name: version(name) for name in _LIBRARIES}
        write_about(self.folder, {"settings": self.settings, **about, "versions": versions})

    def resume(self) -> None:
        """Go on from the state that was saved last."""
        tensors, about = read_state(self.folder)
        for prefix, module in (("own", self.unet), ("average", self.average)):
            kept = {
                key.removeprefix(f"{prefix}/"): value
                for key, value in tensors.items()
                if key.startswith(f"{prefix}/")
            }
            try:
                module.load_state_dict(kept)
            except RuntimeError:  # its message names hundreds of weights
                raise NamebasisError(
                    f"{self.folder} holds the training of another network, as an earlier version "
                    "or another organism has it. Take another folder."
                ) from None
        for name, parameter in self.unet.named_parameters():
            self.optimizer.state[parameter] = {
                key: tensors[f"{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq")
            }
        self.step, self.loss = about["step"], about["loss"]
        self.seconds, self.cpu_seconds = about["seconds"], about["cpu_seconds"]


def _schedule(step: int, n_steps: int) -> float:
    """Share of the learning rate: a warm-up, then a cosine down to a twentieth."""
    warm = min(_WARM_UP, max(1, n_steps // 10))
    if step < warm:
        return (step + 1) / warm
    return float(0.05 + 0.95 * (1 + np.cos(np.pi * (step - warm) / max(1, n_steps - warm))) / 2)
