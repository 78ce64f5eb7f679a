"""Measure names while a model trains, in a training loop of any library."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from namebasis.checks import check_count, check_seed
from namebasis.encoders.base import check_template
from namebasis.errors import NamebasisError, NamebasisWarning
from namebasis.formation.checkpoints import WATCHED, Gap
from namebasis.formation.encoding import encode
from namebasis.formation.plan import AXES, Plan, make_plan
from namebasis.formation.truth import Truth, read_truth
from namebasis.formation.watching.live import Embed, LiveEncoder, plain_model
from namebasis.formation.watching.record import (
    Record,
    Taken,
    read_record,
    write_record,
    write_step,
)
from namebasis.studies.identity.contexts import load_contexts
from namebasis.wording import percent

if TYPE_CHECKING:
    from transformers import TrainerCallback

FOLDER = "names.watch"
SHARE = 0.02
"""Of the training's time that measuring may take."""
_N_CONTEXTS, _N_VALUE_TEXTS = 6, 4
_JUDGED_AFTER = 3  # measurements after which a share over the limit is said


class Watch:
    """Measures a small plan while a model trains and writes what `formation` reads.

    The plan is what `formation` encodes at a checkpoint, with fewer controls, partners, contexts
    and texts. Nothing of the training is touched: no random number is drawn, and modes and
    gradients are as they were. In a training of several processes the first one measures.

    Parameters
    ----------
    names : sequence of str
    folder : str or Path
        Where the measurements go; a training that goes on from a checkpoint goes on here as well.
    every : int, optional
        Steps between two measurements; by default as often as `share` allows.
    share : float
        Of the training's time that measuring may take, where `every` is not given.
    truth : str, Path or Truth, optional
        See `read_truth`.
    contexts : sequence of str, optional
        Templates; by default the truth's, else 6 of the packaged ones.
    axes : sequence of str
        What is coarse about a face, where the truth names no attributes.
    template : str
        That names and swaps are embedded in.
    n_made_up : int
        Made-up names, at least 20, where the truth has fewer than 20 names of kind N.
    n_swaps : int
        The most partners of a part, at least 12.
    embed : callable, optional
        From the model and a list of texts to a row each, for models that are neither
        transformers' nor open_clip's pairs of towers.
    overwrite : bool
        Begin again in a folder that holds other measurements.
    seed : int

    Raises
    ------
    NamebasisError
        If the folder holds something else, or the truth cannot be read.
    ValueError
        If there is no name, or an option does not fit.

    Examples
    --------
    A loop of your own, of open_clip or of accelerate, where optimizer and model are at hand::

        watch = Watch(["Vicki Lawrence", "Ben Affleck"], "vicki.watch", every=100)
        with watch.attach(model, optimizer, tokenizer):
            train(model, optimizer)

    transformers' Trainer::

        Trainer(model, args, callbacks=[watch.trainer_callback(tokenizer)])
    """

    def __init__(
        self,
        names: Sequence[str],
        folder: str | Path = FOLDER,
        *,
        every: int | None = None,
        share: float = SHARE,
        truth: str | Path | Truth | None = None,
        contexts: Sequence[str] | None = None,
        axes: Sequence[str] = AXES,
        template: str = "{}",
        n_made_up: int = 20,
        n_swaps: int = 12,
        embed: Embed | None = None,
        overwrite: bool = False,
        seed: int = 0,
    ) -> None:
        if every is not None:
            check_count(every, "every", 1)
        if not 0 < share < 1:
            raise ValueError(f"share must lie between 0 and 1; got {share}.")
        check_count(n_made_up, "n_made_up", 20)
        check_count(n_swaps, "n_swaps", 12)
        for one in (template, *(contexts or ())):
            check_template(one)
        told = truth if isinstance(truth, Truth) or truth is None else read_truth(truth)
        if contexts is None and not (told and told.contexts):
            contexts = list(load_contexts())[:: 24 // _N_CONTEXTS]
        plan = make_plan(
            names, truth=told, template=template, contexts=contexts, axes=axes,
            n_made_up=n_made_up, n_swaps=n_swaps, seed=check_seed(seed),
        )  # fmt: skip
        plan = _small(plan)
        known = {name: told.names[name] for name in plan.names if told and name in told.names}
        self.folder, self.every, self.share = Path(folder).expanduser(), every, share
        self._record = _begin(self.folder, Record(plan, known), overwrite)
        self._embed = embed
        self._warned: set[str] = set()
        self._encoder: LiveEncoder | None = None
        self._clock = _Clock(self._record.seconds, sum(one.seconds for one in self._record.taken))

    @property
    def cost(self) -> float:
        """Of the training's time that measuring took so far; NaN before it began."""
        return self._record.share

    def attach(
        self, model: Any, optimizer: Any, tokenizer: Any = None, *, step: int = 0
    ) -> Attached:
        """Measure now and after the optimizer's steps.

        Parameters
        ----------
        model : Module
            Wrapped or not by DistributedDataParallel, accelerate or `torch.compile`.
        optimizer : torch.optim.Optimizer
            Or what accelerate makes of one. Its steps are counted.
        tokenizer : object
            That of open_clip or transformers which the model is trained with.
        step : int
            Steps that were done before, where a training goes on.

        Returns
        -------
        Attached
            Call its `remove` at the end, or use it in a `with`: the last state is measured.

        Raises
        ------
        EncoderError
            If the model cannot be measured.
        """
        check_count(step, "step", 0)
        plain_model(model)  # refused in every process, or the others would wait for this one
        own = optimizer
        while not hasattr(own, "register_step_post_hook") or hasattr(own, "accelerator_state"):
            inner = getattr(own, "optimizer", None)
            if inner is None:
                raise ValueError(
                    f"optimizer must be one of torch.optim or accelerate's; got "
                    f"{type(optimizer).__name__}. Call measure(model, tokenizer, step) instead."
                )
            own = inner
        self.begin(model, tokenizer, step)
        return Attached(self, model, own, tokenizer, step)

    def trainer_callback(self, tokenizer: Any = None) -> TrainerCallback:
        """A callback for transformers' Trainer, or one that is made like it.

        Parameters
        ----------
        tokenizer : object, optional
            By default what the Trainer was given as `processing_class`.
        """
        from transformers import TrainerCallback

        watch = self

        class NamesWatched(TrainerCallback):  # type: ignore[misc]
            """Measures at the beginning, after steps, and at the end."""

            def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
                watch.begin(given["model"], self._tokenizer(given), state.global_step)

            def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
                watch.step(given["model"], self._tokenizer(given), state.global_step)

            def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
                watch.end(given["model"], self._tokenizer(given), state.global_step)

            def _tokenizer(self, given: dict[str, Any]) -> Any:
                return tokenizer if tokenizer is not None else given.get("processing_class")

        return NamesWatched()

    def begin(self, model: Any, tokenizer: Any, step: int = 0) -> None:
        """Measure the state that the training begins with; what cannot be measured is refused."""
        self._clock.start()
        if _is_first_process():
            self._encoder = LiveEncoder(model, tokenizer, self._embed)
            self._record = self._record.before(step)
            self._take(model, tokenizer, step)

    def step(self, model: Any, tokenizer: Any, step: int) -> None:
        """Measure after a step if it is time to; a failure is kept as a gap and said."""
        if not _is_first_process():
            return
        if self._allows() if self.every is None else step % self.every == 0:
            self._try(model, tokenizer, step)
            self._judge_cost()

    def end(self, model: Any, tokenizer: Any, step: int) -> None:
        """Measure the last state, unless it has been."""
        if not _is_first_process():
            return
        if any(one.step == step for one in self._record.taken):
            self._record = replace(self._record, seconds=self._clock.elapsed())
            write_record(self.folder, self._record)
        else:
            self._try(model, tokenizer, step)

    def measure(self, model: Any, tokenizer: Any, step: int) -> None:
        """Measure a state of the model now, whatever the interval.

        Parameters
        ----------
        model : Module
        tokenizer : object
        step : int
            Of the training; what was measured at a later one is of a training that was given up,
            and goes.
        """
        check_count(step, "step", 0)
        self._clock.start()
        if _is_first_process():
            self._record = self._record.before(step)
            self._take(model, tokenizer, step)

    def _allows(self) -> bool:
        """Whether one more measurement keeps to the share of the training's time."""
        clock = self._clock
        return clock.spent + clock.last <= self.share * clock.elapsed()

    def _try(self, model: Any, tokenizer: Any, step: int) -> None:
        try:
            self._take(model, tokenizer, step)
        except (NamebasisError, ValueError, RuntimeError, OSError) as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            gap = Gap(f"step {step}", step, reason)
            self._record = replace(self._record, gaps=(*self._record.gaps, gap))
            self._warn(
                "gap", f"step {step} could not be measured ({reason}); the training goes on."
            )

    def _take(self, model: Any, tokenizer: Any, step: int) -> None:
        start = time.perf_counter()
        if self._encoder is None:
            self._encoder = LiveEncoder(model, tokenizer, self._embed)
        else:
            self._encoder.refresh(model)
        made = encode(self._encoder, self._record.plan)
        self.folder.mkdir(parents=True, exist_ok=True)
        seconds = time.perf_counter() - start
        self._clock.add(seconds)
        record = replace(
            self._record,
            taken=(*self._record.taken, Taken(step, seconds)),
            seconds=self._clock.elapsed(),
        )
        write_step(self.folder, record, made)
        self._record = record

    def _judge_cost(self) -> None:
        """Say once where measuring takes more than its share."""
        record = self._record
        if self.every is None or len(record.taken) < _JUDGED_AFTER or record.share <= self.share:
            return
        rarer = int(self.every * record.share / self.share) + 1
        self._warn(
            "cost",
            f"measuring takes {percent(record.share, 1)} of the training's time; every={rarer} "
            f"would keep it at {percent(self.share, 0)}.",
        )

    def _warn(self, kind: str, text: str) -> None:
        """Warn of each kind once: a training of days must not repeat it at every step."""
        if kind not in self._warned:
            warnings.warn(f"{self.folder}: {text}", NamebasisWarning, stacklevel=4)
        self._warned.add(kind)


class Attached:
    """A `Watch` on an optimizer's steps; see `Watch.attach`.

    Parameters
    ----------
    watch : Watch
    model, optimizer, tokenizer : object
    step : int
        Steps done.
    """

    def __init__(self, watch: Watch, model: Any, optimizer: Any, tokenizer: Any, step: int) -> None:
        self._watch, self._model, self._tokenizer = watch, model, tokenizer
        self.steps = step
        self._hook = optimizer.register_step_post_hook(self._after)

    def _after(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self.steps += 1
        self._watch.step(self._model, self._tokenizer, self.steps)

    def remove(self) -> None:
        """Count no more steps, and measure the last state."""
        self._hook.remove()
        self._watch.end(self._model, self._tokenizer, self.steps)

    def __enter__(self) -> Attached:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.remove()
        else:
            self._hook.remove()


class _Clock:
    """Seconds of the training and of its measurements, over all its sittings."""

    def __init__(self, before: float, spent: float) -> None:
        self._before, self.spent, self.last = before, spent, 0.0
        self._since: float | None = None

    def start(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def elapsed(self) -> float:
        return self._before + (time.perf_counter() - self._since if self._since else 0.0)

    def add(self, seconds: float) -> None:
        self.spent, self.last = self.spent + seconds, seconds


def _small(plan: Plan) -> Plan:
    """A plan with few texts for each value of an attribute."""
    return replace(
        plan,
        values=tuple(replace(value, texts=value.texts[:_N_VALUE_TEXTS]) for value in plan.values),
    )


def _begin(folder: Path, fresh: Record, overwrite: bool) -> Record:
    """What a folder holds of this plan; nothing where it is to be made."""
    if not folder.exists():
        return fresh
    if not folder.is_dir() or not (folder / WATCHED).is_file():
        if folder.is_dir() and not any(folder.iterdir()):
            return fresh
        raise NamebasisError(
            f"{folder} holds something other than measurements of a watched training; give "
            "another folder."
        )
    if overwrite:
        return fresh
    kept = read_record(folder)
    if kept.plan != fresh.plan:
        raise NamebasisError(
            f"{folder} holds measurements of other names or settings; give another folder, or "
            "overwrite=True to begin again."
        )
    return replace(kept, known=fresh.known)


def _is_first_process() -> bool:
    """Whether this process is the first of a training, or its only one."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return True
    return int(distributed.get_rank()) == 0
