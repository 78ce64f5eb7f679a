"""Train the small CLIP on a world, keeping checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis._version import __version__
from namebasis.atomic import replacing_path
from namebasis.checks import check_count
from namebasis.errors import NamebasisError
from namebasis.organism import model as clip
from namebasis.organism import run_folder
from namebasis.organism.feeder import Batch, Job, batches
from namebasis.organism.renderer import SIZE
from namebasis.organism.schedule import Schedule, checkpoint_steps, make_schedule
from namebasis.organism.world import World
from namebasis.reading import LARGE, UnreadableError, check_regular, read_bytes

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Progress = Callable[[int, int, float], None]
N_STEPS, BATCH_SIZE = 1300, 256
_LEARNING_RATE, _WEIGHT_DECAY, _BETAS = 1e-3, 0.02, (0.9, 0.98)
_WARM_UP, _COOL_DOWN, _LOWEST = 50, 0.2, 0.1
_MOST_SCALE = math.log(100.0)
_ADAM = ("step", "exp_avg", "exp_avg_sq")
_TEXT_GROUPS = 4  # of similar length, each padded to its own longest


@dataclass(frozen=True)
class Training:
    """What a training left.

    Attributes
    ----------
    run : Path
    steps : tuple of int
        Checkpoints that are there.
    loss : float
        Mean over the steps since the last but one checkpoint.
    seconds, cpu_seconds : float
        Of all sittings together; the drawing process is not in the latter.
    """

    run: Path
    steps: tuple[int, ...]
    loss: float
    seconds: float
    cpu_seconds: float


def train(
    run: str | Path,
    *,
    world: World | None = None,
    n_steps: int = N_STEPS,
    batch_size: int = BATCH_SIZE,
    n_checkpoints: int = 25,
    size: int = SIZE,
    seed: int = 0,
    threads: int = 2,
    device: str = "cpu",
    overwrite: bool = False,
    own_process: bool = True,
    progress: Progress | None = None,
) -> Training:
    """Train a CLIP of about 0.6 million parameters on a world.

    The folder gets a `step-000120` for every checkpoint, as transformers' `save_pretrained`
    writes it, the truth in `world.json`, exposures in `exposures.csv` and settings in `run.json`.
    A training that was interrupted goes on where its last checkpoint was, when it is called with
    the same arguments again, and ends with the weights it would have had.

    Parameters
    ----------
    run : str or Path
    world : World, optional
        By default `World.make(seed)`.
    n_steps, batch_size : int
    n_checkpoints : int
        See `schedule.checkpoint_steps`.
    size : int
        Pixels along each side, a multiple of 12.
    seed : int
        Of weights, pictures and captions.
    threads : int
        torch's.
    device : str
        ``cpu``, or ``cuda`` or ``cuda:1``, whose weights differ from the CPU's by rounding. A
        training may go on where it is not that of its beginning.
    overwrite : bool
        Start over in a folder that holds a training.
    own_process : bool
        Draw the pictures in a process of its own.
    progress : callable, optional
        Called with steps done, steps in all, and the loss.

    Raises
    ------
    ValueError
        If an argument is out of range.
    NamebasisError
        If the folder holds anything else, or the drawing process fails.
    RuntimeError
        By torch, if there is no such device.
    """
    if check_count(size, "size", clip.PATCH) % clip.PATCH:
        raise ValueError(f"size must be a multiple of {clip.PATCH}; got {size}.")
    import torch

    place = torch.empty(0, device=device).device  # refuses one that is not there
    world = World.make(check_count(seed, "seed", 0)) if world is None else world
    job = Job(world, n_steps, check_count(batch_size, "batch_size", 2), size, seed)
    schedule = make_schedule(world, n_steps, batch_size, seed)
    steps = checkpoint_steps(n_steps, [name.enters_at for name in world.names], n_checkpoints)
    settings = {
        "n_steps": n_steps,
        "batch_size": batch_size,
        "n_checkpoints": n_checkpoints,
        "size": size,
        "seed": seed,
        "world_seed": world.seed,
        "n_names": len(world.names),
    }
    folder = Path(run)
    goes_on = run_folder.prepare(folder, settings, overwrite=overwrite)
    if not goes_on:
        _keep_world(world, folder / run_folder.WORLD)
    with clip.threads_of_torch(check_count(threads, "threads")):
        learner = _Learner(job, schedule, steps, settings, folder, place)
        if goes_on:
            learner.resume()
        return learner.learn(own_process, progress)


def _keep_world(world: World, path: Path) -> None:
    """Write the truth; what else bears its file's name is nobody's to replace."""
    is_own = path.is_file() and read_bytes(path, LARGE) == world.to_json().encode()
    if path.exists() and not is_own:
        raise NamebasisError(
            f"{path} is not of this training's world. Give another path, or overwrite it."
        )
    world.save(path)


class _Learner:
    """Model, optimizer and where they are."""

    def __init__(
        self,
        job: Job,
        schedule: Schedule,
        steps: Sequence[int],
        settings: Mapping[str, Any],
        folder: Path,
        place: torch.device,
    ) -> None:
        import torch

        self.device = place
        self.job, self.schedule, self.steps = job, schedule, steps
        self.settings, self.folder = settings, folder
        self.tokenizer = clip.make_tokenizer(job.world)
        self.processor = clip.make_processor(job.size)
        self.model = clip.make_model(self.tokenizer, size=job.size, seed=job.seed).train().to(place)
        self.model.set_attn_implementation("eager")  # faster than the fused one at this width
        self.parameters = dict(self.model.named_parameters())
        matrices = [p for p in self.parameters.values() if p.ndim >= 2]
        vectors = [p for p in self.parameters.values() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": _WEIGHT_DECAY},
             {"params": vectors, "weight_decay": 0.0}], lr=_LEARNING_RATE, betas=_BETAS
        )  # fmt: skip
        self.step = 0
        self.losses: dict[str, float] = {}
        self.seconds = self.cpu_seconds = 0.0

    def learn(self, own_process: bool, progress: Progress | None) -> Training:
        """Go on to the last step."""
        n_steps, kept = self.job.n_steps, set(self.steps)
        wall, cpu, recent = time.perf_counter(), time.process_time(), []
        if self.step == 0:
            self._keep(math.nan)
        if self.step < n_steps:
            with batches(self.job, self.step, own_process=own_process) as source:
                for batch in source:
                    recent.append(self._learn_from(batch))
                    self.step += 1
                    if self.step in kept:
                        self.seconds += time.perf_counter() - wall
                        self.cpu_seconds += time.process_time() - cpu
                        wall, cpu = time.perf_counter(), time.process_time()
                        self._keep(float(np.mean(recent)))
                        recent.clear()
                    if progress is not None:
                        progress(self.step, n_steps, recent[-1] if recent else self._last_loss())
        return Training(
            self.folder, tuple(s for s in self.steps if s <= self.step), self._last_loss(),
            self.seconds, self.cpu_seconds,
        )  # fmt: skip

    def _last_loss(self) -> float:
        return list(self.losses.values())[-1] if self.losses else math.nan

    def _learn_from(self, batch: Batch) -> float:
        import torch

        rate = _LEARNING_RATE * _schedule(self.step, self.job.n_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._loss(batch)
        if not math.isfinite(value := float(loss.detach())):
            raise NamebasisError(f"the loss is {value} at step {self.step}; take another seed.")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=_MOST_SCALE)
        return value

    def _loss(self, batch: Batch) -> Tensor:
        """CLIP's: each caption has to find its picture among all, and each picture its caption."""
        import torch

        order = np.argsort([len(caption) for caption in batch.captions], kind="stable")
        pixels = torch.from_numpy(batch.pixels[order]).to(self.device).permute(0, 3, 1, 2)
        images = _unit(
            self.model.get_image_features(pixel_values=pixels.float() / 127.5 - 1).pooler_output
        )
        groups = [group for group in np.array_split(order, _TEXT_GROUPS) if len(group)]
        captions = ([batch.captions[at] for at in group] for group in groups)
        ids = (clip.text_ids(self.tokenizer, group).to(self.device) for group in captions)
        texts = _unit(
            torch.cat([self.model.get_text_features(input_ids=i).pooler_output for i in ids])
        )
        logits = self.model.logit_scale.exp() * texts @ images.T  # (n captions, n pictures)
        right = torch.arange(len(logits), device=self.device)
        entropy = torch.nn.functional.cross_entropy
        return (entropy(logits, right) + entropy(logits.T, right)) / 2

    def _keep(self, loss: float) -> None:
        """Write the checkpoint, then what it takes to go on from it."""
        self.model.eval()
        run_folder.write_step(
            self.folder,
            self.step,
            lambda place: clip.save(place, self.model, self.tokenizer, self.processor),
        )
        self.model.train()
        if not math.isnan(loss):
            self.losses[str(self.step)] = round(loss, 5)
        done = [step for step in self.steps if step <= self.step]
        names = self.job.world.names
        counts = self.schedule.exposures(len(names), done)
        run_folder.write_exposures(self.folder, self.job.world, done, counts.tolist())
        self._save_state()
        run_folder.write_run(
            self.folder,
            {
                "seed": self.job.seed,
                "settings": self.settings,
                "exposures_kept": self.schedule.kept,
                "checkpoints": done,
                "planned_checkpoints": list(self.steps),
                "losses": self.losses,
                "seconds": round(self.seconds, 1),
                "cpu_seconds": round(self.cpu_seconds, 1),
                "versions": {"namebasis": __version__}
                | {name: version(name) for name in ("torch", "transformers", "numpy")},
            },
        )

    def _save_state(self) -> None:
        from safetensors.torch import save_file

        tensors = {}
        for name, parameter in self.parameters.items():
            tensors[f"weight/{name}"] = parameter.detach()
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}/{name}"] = value
        with replacing_path(self.folder / run_folder.STATE, overwrite=True) as beside:
            save_file(tensors, beside, metadata={"step": str(self.step)})

    def resume(self) -> None:
        """Read the last state. Pictures and captions need none: they follow from seed and step."""
        import torch
        from safetensors import SafetensorError, safe_open

        path = self.folder / run_folder.STATE
        if not path.exists():
            return
        try:
            check_regular(path)
            with safe_open(path, framework="pt") as stored:
                step = int(stored.metadata()["step"])
                tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(tensors[f"weight/{name}"])
                    if step:
                        # Adam keeps its count of steps on the CPU, wherever the rest is.
                        places = dict(zip(_ADAM, ("cpu", self.device, self.device), strict=True))
                        self.optimizer.state[parameter] = {
                            key: tensors[f"{key}/{name}"].to(at) for key, at in places.items()
                        }
        except (SafetensorError, UnreadableError, KeyError, TypeError, ValueError, RuntimeError,
                OSError) as error:  # fmt: skip
            raise NamebasisError(
                f"{path} cannot be read ({type(error).__name__}); the training cannot go on. "
                "Start again and overwrite it."
            ) from None
        before = run_folder.read_run(self.folder)
        self.step = step
        self.losses = {at: v for at, v in before["losses"].items() if int(at) <= step}
        self.seconds, self.cpu_seconds = before["seconds"], before["cpu_seconds"]


def _unit(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=1, keepdim=True)


def _schedule(step: int, n_steps: int) -> float:
    """Share of the learning rate: a warm-up, level, and a fall over the last fifth."""
    warm = min(_WARM_UP, max(1, n_steps // 10))
    fall = (step / n_steps - (1 - _COOL_DOWN)) / _COOL_DOWN
    cosine = _LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * min(max(fall, 0.0), 1.0))) / 2
    return min(1.0, (step + 1) / warm) * cosine
