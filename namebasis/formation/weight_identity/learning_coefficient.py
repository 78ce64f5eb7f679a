"""The local learning coefficient of a training's checkpoints, by chains of SGLD around each.

How many directions of the weights the loss holds: the fewer it holds, the further noise moves the
weights before the loss rises [1]_. Here the weights of the text tower move and those of the image
tower are held, which is the coefficient refined to the former [2]_. Data and loss of a training
must be at hand, so it is of the organism.

.. [1] Lau et al. (2023), The local learning coefficient: a singularity-aware complexity measure.
.. [2] Wang et al. (2024), Differentiation and specialization of attention heads via the refined
   local learning coefficient.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import mean_interval
from namebasis.checks import Float64Array, Progress, check_count, check_seed
from namebasis.errors import MissingExtraError, NamebasisError
from namebasis.formation.checkpoints import (
    Checkpoint,
    CheckpointError,
    Series,
    find_checkpoints,
)
from namebasis.organism.feeder import Job, batches
from namebasis.organism.model import no_bars, text_ids
from namebasis.organism.run_folder import read_run, step_folders
from namebasis.organism.world import World
from namebasis.pretrained import read_pretrained
from namebasis.results import Result, Table

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Loss = Callable[[Any, "Tensor"], "Tensor"]
"""Of a model and numbers of rows, (n,): the loss of each, (n,)."""
N_BATCHES, BATCH_SIZE, N_CHAINS, N_EPOCHS = 2, 64, 5, 6
_DRAWN_AT_ONCE = 256
_FEWEST_CHAINS = 2
_SETTINGS = ("n_steps", "size", "seed")


@dataclass(frozen=True)
class Sampler:
    """How chains move.

    Attributes
    ----------
    learning_rate : float
        Of SGLD. This and the defaults below were chosen on one training, so that chains settle
        within six times over the data; they were not tuned for what they tell of names.
    inverse_temperature : float
        What the loss is multiplied by; n / log n of n rows of data is usual.
    localization : float
        How strongly weights are drawn back to where a chain began.
    n_chains, n_epochs : int
        Chains, and how often each goes over the data; the first half of it is a run-up.
    batch_size : int
    seed : int
    """

    learning_rate: float = 3e-5
    inverse_temperature: float = 80.0
    localization: float = 1e4
    n_chains: int = N_CHAINS
    n_epochs: int = N_EPOCHS
    batch_size: int = BATCH_SIZE
    seed: int = 0


@dataclass(frozen=True)
class Chains:
    """What chains around one point found.

    Attributes
    ----------
    values : ndarray of shape (n_chains,)
        The coefficient by each.
    loss : float
        At the point itself.
    drift : float
        By how much the mean of the second half's second half exceeds that of its first, over the
        coefficient: far from 0, the chains have not settled.
    """

    values: Float64Array
    loss: float
    drift: float


@dataclass(frozen=True, repr=False, eq=False)
class LearningCoefficients(Result):
    """The local learning coefficient of a text tower over the checkpoints of a training.

    Attributes
    ----------
    steps : tuple of n_checkpoints int
    labels : tuple of n_checkpoints str
    values : ndarray of shape (n_chains, n_checkpoints)
    losses : ndarray of shape (n_checkpoints,)
        At the checkpoint itself.
    drifts : ndarray of shape (n_checkpoints,)
        See `Chains`.
    sampler : Sampler
    """

    _section = "Formation: over checkpoints"

    steps: tuple[int, ...]
    labels: tuple[str, ...]
    values: Float64Array
    losses: Float64Array
    drifts: Float64Array
    sampler: Sampler

    def tables(self) -> tuple[Table, ...]:
        """A row per checkpoint."""
        rows = []
        for at, step in enumerate(self.steps):
            found = mean_interval(self.values[:, at])
            ends = None if found.low is None else f"{found.low:.1f} to {found.high:.1f}"
            rows.append((step, found.value, ends, float(self.losses[at]), float(self.drifts[at])))
        columns = ("step", "learning coefficient", "95 % interval", "loss", "drift")
        title = "local learning coefficient of the text tower"
        return (Table(columns, rows, title, aside=True, detail=True),)

    def to_arrow(self) -> pa.Table:
        """One row per checkpoint and chain."""
        n_chains, n = self.values.shape
        return pa.table({
            "step": np.tile(np.array(self.steps, dtype=np.int64), n_chains),
            "chain": np.repeat(np.arange(n_chains), n),
            "learning coefficient": self.values.ravel(),
            "loss": np.tile(self.losses, n_chains),
            "drift": np.tile(self.drifts, n_chains),
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "steps": list(self.steps), "learning_coefficients": self.values.tolist(),
            "losses": self.losses.tolist(), "drifts": self.drifts.tolist(),
            "sampler": vars(self.sampler),
        }  # fmt: skip


def learning_coefficients(
    sources: str | Path | Series,
    *,
    sampler: Sampler | None = None,
    n_batches: int = N_BATCHES,
    progress: Progress | None = None,
) -> LearningCoefficients:
    """Measure the local learning coefficient at every checkpoint of an organism's training.

    Parameters
    ----------
    sources : str, Path or Series
        The folder of a training, or its checkpoints, see `find_checkpoints`.
    sampler : Sampler, optional
    n_batches : int
        Batches of the training's last pictures and captions, 256 rows each.
    progress : callable, optional
        Called with checkpoints done and in all.

    Raises
    ------
    MissingExtraError
        If `devinterp` is not installed.
    CheckpointError
        If it is no training of the organism, whose data and loss are at hand.
    """
    sampler = Sampler() if sampler is None else sampler
    check_count(sampler.n_chains, "n_chains", _FEWEST_CHAINS)
    check_count(sampler.n_epochs, "n_epochs", 2)
    check_seed(sampler.seed)
    series = sources if isinstance(sources, Series) else find_checkpoints(sources)
    check_learning_coefficient(series)
    data = _Data.of(series, check_count(n_batches, "n_batches"))
    found: list[tuple[Checkpoint, Chains]] = []
    for done, one in enumerate(series.checkpoints):
        if progress is not None:
            progress(done, len(series.checkpoints))
        found.append((one, _around(data, data.folders[one.step], sampler)))
    if progress is not None:
        progress(len(series.checkpoints), len(series.checkpoints))
    return LearningCoefficients(
        tuple(one.step for one, _ in found), tuple(one.label for one, _ in found),
        np.stack([chains.values for _, chains in found], axis=1),
        np.array([chains.loss for _, chains in found]),
        np.array([chains.drift for _, chains in found]), sampler,
    )  # fmt: skip


def check_learning_coefficient(series: Series) -> tuple[Path, World, dict[str, int]]:
    """Refuse what cannot be measured before anything is; else the run, its world and settings.

    Raises
    ------
    MissingExtraError
    CheckpointError
    """
    from importlib.util import find_spec

    run = series.folder
    try:
        if run is None:
            raise NamebasisError("single checkpoints are none.")
        told = read_run(run)["settings"]
        found = run, World.load(run / "world.json"), {key: int(told[key]) for key in _SETTINGS}
    except (NamebasisError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            "the learning coefficient needs the data and the loss of a training, which only one "
            f"of the organism brings: {error}"
        ) from None
    if find_spec("devinterp") is None:
        raise MissingExtraError("the learning coefficient", "devinterp")
    return found


def sample_chains(
    model: Module, loss: Loss, n_rows: int, parameters: Sequence[str], sampler: Sampler
) -> Chains:
    """Let chains of SGLD move some parameters of a model, and measure how far the loss rises.

    Parameters
    ----------
    model : torch.nn.Module
        Stays as it is.
    loss : callable
        Of the model and numbers of rows.
    n_rows : int
        Of data; at least the batch size.
    parameters : sequence of str
        Names of those that move.
    sampler : Sampler

    Raises
    ------
    NamebasisError
        If the loss of a chain is no longer finite.
    """
    from datasets import Dataset
    from devinterp.slt.llc import llc

    n_batches = n_rows // sampler.batch_size
    # The library reads tokens; a second column stands for the one that it would predict.
    rows = Dataset.from_dict({"input_ids": [[at, 0] for at in range(n_rows)]}).with_format("torch")
    with TemporaryDirectory() as folder, _quiet_and_seeds_kept():
        samples = llc(
            model, rows, {}, lr=sampler.learning_rate, n_beta=sampler.inverse_temperature,
            localization=sampler.localization, param_masks=dict.fromkeys(parameters),
            loss_fn=lambda moved, ids: loss(moved, ids[:, 0])[:, None],
            num_chains=sampler.n_chains, num_draws=n_batches * sampler.n_epochs,
            batch_size=sampler.batch_size,
            num_init_loss_batches=n_batches, init_seed=sampler.seed, device="cpu",
            output_path=Path(folder) / "samples.zarr",
        )  # fmt: skip
        trace = np.asarray(samples["loss_trace"].values, dtype=np.float64)
        at_rest = float(samples["init_loss"].values)
    if not np.isfinite(trace).all():
        raise NamebasisError("a chain left the loss; take a smaller learning rate.")
    # Whole epochs, so that each batch counts as often as in the loss at rest.
    by_epoch = trace.reshape(len(trace), sampler.n_epochs, n_batches).mean(axis=2)
    settled = sampler.inverse_temperature * (by_epoch[:, sampler.n_epochs // 2 :] - at_rest)
    early, late = (part.mean() for part in np.array_split(settled, 2, axis=1))
    return Chains(settled.mean(axis=1), at_rest, float((late - early) / settled.mean()))


@contextmanager
def _quiet_and_seeds_kept() -> Iterator[None]:
    """Without bars of the library, which seeds every generator there is; a failed chain raises."""
    import torch

    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with (
            Path(os.devnull).open("w") as nowhere,
            redirect_stderr(nowhere),
            warnings.catch_warnings(),
            torch.random.fork_rng(devices=[]),
        ):
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Chain failed")
            yield
    except UserWarning as error:
        raise NamebasisError(f"{error}. Take a smaller learning rate.") from None
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002


@dataclass(frozen=True)
class _Data:
    """Pictures and captions of a training, and where its checkpoints lie."""

    folders: dict[int, Path]
    pixels: Tensor
    ids: Tensor

    @classmethod
    def of(cls, series: Series, n_batches: int) -> _Data:
        import torch
        from transformers import AutoTokenizer

        run, world, told = check_learning_coefficient(series)
        n_steps = told["n_steps"]
        job = Job(world, n_steps, _DRAWN_AT_ONCE, told["size"], told["seed"])
        with batches(job, max(0, n_steps - n_batches), own_process=False) as source:
            some = list(source)
        folders = step_folders(run)
        pixels = torch.from_numpy(np.concatenate([one.pixels for one in some]))
        tokenizer = read_pretrained(AutoTokenizer, folders[series.checkpoints[-1].step])
        captions = [caption for one in some for caption in one.captions]
        return cls(
            folders, pixels.permute(0, 3, 1, 2).float() / 127.5 - 1, text_ids(tokenizer, captions)
        )


def _around(data: _Data, folder: Path, sampler: Sampler) -> Chains:
    """Chains around one checkpoint, on CLIP's loss of batches with the pictures held."""
    import torch
    from torch.nn.functional import cross_entropy, normalize
    from transformers import CLIPModel

    with no_bars():
        model = read_pretrained(CLIPModel, folder, attn_implementation="eager")
    with torch.no_grad():
        images = normalize(model.get_image_features(pixel_values=data.pixels).pooler_output, dim=-1)

    def loss(moved: Any, at: Tensor) -> Tensor:
        texts = normalize(moved.get_text_features(input_ids=data.ids[at]).pooler_output, dim=-1)
        logits = moved.logit_scale.exp() * texts @ images[at].T
        right = torch.arange(len(logits))
        both = [cross_entropy(side, right, reduction="none") for side in (logits, logits.T)]
        return (both[0] + both[1]) / 2

    names = [name for name, _ in model.named_parameters() if name.startswith("text_")]
    return sample_chains(model, loss, len(data.ids), names, sampler)
