"""Identity in the weights of a model, or of the checkpoints of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from namebasis.checks import Progress, check_count, check_seed
from namebasis.encoders.base import check_template
from namebasis.encoders.registry import load_encoder
from namebasis.errors import NamebasisError
from namebasis.formation.checkpoints import (
    Checkpoint,
    CheckpointError,
    Gap,
    Series,
    find_checkpoints,
    no_such_step,
    nothing_left,
)
from namebasis.formation.truth import (
    EXPOSURES,
    WORLD,
    Exposures,
    Truth,
    read_exposures,
    read_truth,
)
from namebasis.formation.weight_identity.asked import Asked, ask
from namebasis.formation.weight_identity.following import follow
from namebasis.formation.weight_identity.key_changes import ends_of, key_changes
from namebasis.formation.weight_identity.keys import Memories
from namebasis.formation.weight_identity.knock_out import KnockOut, Remover, take_out
from namebasis.formation.weight_identity.results import WeightIdentity
from namebasis.formation.weight_identity.saved import (
    check_new_folder,
    folder_of,
    save_changed,
)
from namebasis.formation.weight_identity.stream import NotLinearError
from namebasis.formation.weight_identity.writer_results import Writers
from namebasis.formation.weight_identity.writers import write_pairs
from namebasis.wording import counted, did_you_mean

TARGETS = ("own", "pooled")
N_SWAPS, N_NULL, N_RESAMPLES = 24, 100, 100


def identity_in_weights(
    sources: str | Path | Sequence[str | Path],
    names: Sequence[str] | None = None,
    *,
    revisions: Sequence[str] = (),
    model: str | None = None,
    steps: Sequence[int] = (),
    truth: str | Path | Truth | None = None,
    target: str = "own",
    template: str = "{}",
    n_swaps: int = N_SWAPS,
    n_null: int = N_NULL,
    n_resamples: int = N_RESAMPLES,
    counts: str | Path | Exposures | None = None,
    knock_out: bool = False,
    save: str | Path | None = None,
    device: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> WeightIdentity:
    """Find which weights hold what a model knows of full names.

    Parameters
    ----------
    sources, revisions, model
        See `find_checkpoints`; a single spec is one checkpoint.
    names : sequence of str, optional
        By default all that the truth knows.
    steps : sequence of int, optional
        Checkpoints whose writers are told; by default the last.
    truth : str, Path or Truth, optional
        See `read_truth`; by default ``world.json`` in the run's folder, if it is there.
    target : str
        ``own``: what a name has beyond its parts; ``pooled``: beyond the mean name.
    template : str
        What names are put in.
    n_swaps : int
        Partners of each part, at least 12.
    n_null : int
        Names that nobody bears, of either kind, at most.
    n_resamples : int
        Bootstrap draws of the intervals of evidence, at least 20.
    counts : str, Path or Exposures, optional
        See `read_exposures`; by default ``exposures.csv`` in the run's folder, if it is there.
    knock_out : bool
        Take the names out of the last checkpoint (of `steps`, if given), one at a time, and tell
        what all names lose.
    save : str or Path, optional
        New folder for that model without any of the names asked about. No model is changed where
        it lies.
    device : str, optional
    seed : int
    progress : callable, optional
        Called with checkpoints done and in all.

    Raises
    ------
    CheckpointError
        If no checkpoint can be used.
    ValueError
        If no full name is given or known, or an option does not fit.
    """
    check_weights(
        target=target, template=template, n_swaps=n_swaps, n_null=n_null, n_resamples=n_resamples,
        seed=seed,
    )  # fmt: skip
    if save is not None:
        check_new_folder(save)
    series = find_checkpoints(sources, revisions=revisions, model=model)
    if truth is None and series.folder and (series.folder / WORLD).is_file():
        truth = series.folder / WORLD
    if counts is None and series.folder and (series.folder / EXPOSURES).is_file():
        counts = series.folder / EXPOSURES
    told = truth if isinstance(truth, Truth) or truth is None else read_truth(truth)
    seen = counts if isinstance(counts, Exposures) or counts is None else read_exposures(counts)
    if names is None and told is None:
        raise ValueError("no names: give full names, or --truth, a table that knows some.")
    asked = ask(names, told, n_swaps=n_swaps, n_null=n_null, seed=seed)
    wanted = chosen(series, steps)
    gaps, writers, remarks = list(series.gaps), [], list(asked.remarks)
    for done, one in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted))
        try:
            writers.append(_writers_of(one, asked, target, template, device))
        except NotLinearError as error:
            remarks.append(f"no writers of {one.label}: {error}")
        except NamebasisError as error:
            gaps.append(Gap(one.label, one.step, str(error)))
    evidence, more = follow(
        series, asked, template=template, exposures=seen, n_resamples=n_resamples, device=device,
        seed=seed, progress=progress,
    )  # fmt: skip
    gaps += [gap for gap in more if gap.label not in {one.label for one in gaps}]
    ends = ends_of(series.checkpoints, evidence.labels if evidence else ())
    changes = key_changes(ends[0], ends[1], asked, template, device) if ends else None
    removed = None
    if knock_out or save is not None:
        removed, told_saved = _taken_out(
            wanted[-1], asked, template, device, progress, is_measured=knock_out, save=save
        )
        remarks += told_saved
    if not writers and evidence is None and removed is None:
        raise CheckpointError(nothing_left(str(sources), gaps))
    remarks += series.notes
    return WeightIdentity(tuple(writers), evidence, removed, tuple(gaps), tuple(remarks), changes)


def check_weights(
    *, target: str, template: str, n_swaps: int, n_null: int, n_resamples: int, seed: int
) -> None:  # fmt: skip
    """Refuse options before an encoder is loaded.

    Raises
    ------
    ValueError
    """
    if target not in TARGETS:
        raise ValueError(
            f"target must be one of {', '.join(TARGETS)}; got {target!r}."
            f"{did_you_mean(target, TARGETS)}"
        )
    check_template(template)
    check_count(n_swaps, "n_swaps", 12)
    check_count(n_null, "n_null", 20)
    check_count(n_resamples, "n_resamples", 20)
    check_seed(seed)


def chosen(series: Series, steps: Sequence[int]) -> list[Checkpoint]:
    """The checkpoints of steps, by default the last.

    Raises
    ------
    CheckpointError
        If there is none of a step.
    """
    if not steps:
        return [series.checkpoints[-1]]
    by_step = {one.step: one for one in series.checkpoints}
    for step in steps:
        if step not in by_step:
            raise CheckpointError(no_such_step(step, list(by_step)))
    return [by_step[step] for step in sorted(set(steps))]


def _writers_of(
    one: Checkpoint, asked: Asked, target: str, template: str, device: str | None
) -> Writers:
    encoder = load_encoder(one.spec, revision=one.revision, device=device)
    found = write_pairs(
        encoder, asked.pairs, asked.partners, template, target=target, real=asked.real
    )
    return Writers(
        one.label, one.step, template, target, asked.names, asked.kinds, found.length,
        found.score, found.heads, found.mlps, found.embedding, found.biases,
    )  # fmt: skip


def _taken_out(
    one: Checkpoint,
    asked: Asked,
    template: str,
    device: str | None,
    progress: Progress | None,
    *,
    is_measured: bool,
    save: str | Path | None,
) -> tuple[KnockOut | None, list[str]]:
    """Names taken out one at a time, where that is measured, and then all of them to be saved."""
    memories = Memories(load_encoder(one.spec, revision=one.revision, device=device), template)
    rows, found = range(asked.n_asked), None
    if save is not None:
        folder_of(memories.encoder)  # refused before names are taken out
    if is_measured:
        found = take_out(memories, asked, rows, one.label, progress)
    if save is None:
        return found, []
    remover = Remover(memories, asked)
    for row in rows:
        remover.remove(row)
    spec = save_changed(memories.encoder, save)
    who = counted(asked.n_asked, "name")
    return found, [f"{one.label} without {who} lies in {save}; it is loaded as {spec}."]
