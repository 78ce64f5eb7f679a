"""How identities form over the checkpoints of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from namebasis.analysis.shape.alignment import cka_matrix
from namebasis.analysis.training.lags import Lag, lag_of_columns
from namebasis.checks import Float64Array, Progress, check_count, check_seed
from namebasis.encoders.base import check_template
from namebasis.formation.checkpoints import (
    CheckpointError,
    Gap,
    Series,
    find_checkpoints,
    nothing_left,
)
from namebasis.formation.crossings import FITTED, PICTURES_CROSSED
from namebasis.formation.encoding import Cache
from namebasis.formation.phases import find_phases, is_untrained
from namebasis.formation.pictures.album import Album, album_of
from namebasis.formation.plan import AXES, Plan, make_plan
from namebasis.formation.results import Formation
from namebasis.formation.shipped import find_shipped, read_shipped, refuse_settings
from namebasis.formation.trajectories import State, measure, seen_contexts
from namebasis.formation.truth import (
    EXPOSURES,
    UNSEEN,
    WORLD,
    Exposures,
    Known,
    Truth,
    read_exposures,
    read_truth,
)
from namebasis.formation.watching.record import find_record, read_watched
from namebasis.formation.work import Encoded, Work, alike
from namebasis.namespace.corpus.full_names import cut
from namebasis.wording import counted

N_MADE_UP, N_SWAPS, N_RESAMPLES = 100, 24, 200
CACHE_SUFFIX = ".formation-cache"
"""Ending of the folder beside a run's that keeps encodings; a run's own holds the run alone."""


def formation(
    sources: str | Path | Sequence[str | Path],
    names: Sequence[str] | None = None,
    *,
    revisions: Sequence[str] = (),
    model: str | None = None,
    truth: str | Path | Truth | None = None,
    counts: str | Path | Exposures | None = None,
    contexts: Sequence[str] | None = None,
    axes: Sequence[str] = AXES,
    template: str = "{}",
    n_made_up: int = N_MADE_UP,
    n_swaps: int = N_SWAPS,
    n_resamples: int = N_RESAMPLES,
    with_weights: bool = True,
    cache: str | Path | None = None,
    device: str | None = None,
    n_shown: int | None = None,
    images: str | Path | bool | None = None,
    weight_evidence: bool = False,
    learning_coefficient: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Formation:
    """Watch what names mean over the checkpoints of a training.

    Parameters
    ----------
    sources, revisions, model
        See `find_checkpoints`. ``"organism"``, or a folder packed like it: the trajectories that
        are shipped, without a model and with what they lack said in the notes.
    names : sequence of str, optional
        By default all that the truth knows.
    truth : str, Path or Truth, optional
        See `read_truth`; by default ``world.json`` in the run's folder, if it is there.
    counts : str, Path or Exposures, optional
        See `read_exposures`; by default ``exposures.csv`` in the run's folder, if it is there.
    contexts : sequence of str, optional
        Templates; by default the truth's, else the packaged 24.
    axes : sequence of str
        What is coarse about a face, where the truth names no attributes.
    template : str
        That names and swaps are embedded in.
    n_made_up : int
        Made-up names, at least 20, where the truth has fewer than 20 names of kind N.
    n_swaps : int
        The most partners of a part, at least 12.
    n_resamples : int
        Bootstrap draws.
    with_weights : bool
        Measure the weights of the text towers too.
    cache : str or Path, optional
        Folder that keeps encodings; by default one beside the run's. Series that are not in one
        folder keep nothing without it.
    device : str, optional
    n_shown : int, optional
        See `Formation`.
    images : str, Path or bool, optional
        A folder or a table of pictures of the names' people; see `pictures.album.album_of`. By
        default the organism's own where the run is one; False for none.
    weight_evidence : bool
        Measure what the change of the weights writes for each name beyond its parts; every
        checkpoint is loaded again, and nothing of it is kept.
    learning_coefficient : bool
        Measure the local learning coefficient of an organism's checkpoints, in minutes.
    seed : int
    progress : callable, optional
        Called with checkpoints done and in all; with `learning_coefficient`, from 0 again for it.

    Returns
    -------
    Formation

    Raises
    ------
    CheckpointError
        If no checkpoint can be used.
    NamebasisError
        If a file cannot be read.
    ValueError
        If there is no name, or an option does not fit.
    """
    seed = check_seed(seed)
    check_count(n_made_up, "n_made_up", 20)
    check_count(n_swaps, "n_swaps", 12)
    check_count(n_resamples, "n_resamples", 20)
    check_template(template)
    if n_shown is not None:
        check_count(n_shown, "n_shown", 1)
    if (shipped := find_shipped(sources)) is not None:
        refuse_settings({
            "--revision": bool(revisions), "--model": model is not None,
            "--truth": truth is not None, "--counts": counts is not None,
            "--contexts": contexts is not None, "axes": tuple(axes) != AXES,
            "--template": template != "{}", "--n-made-up": n_made_up != N_MADE_UP,
            "--n-swaps": n_swaps != N_SWAPS, "--n-resamples": n_resamples != N_RESAMPLES,
            "--images": images not in (None, False), "--cache": cache is not None,
            "--weight-evidence": weight_evidence, "--learning-coefficient": learning_coefficient,
            "--device": device is not None, "--seed": seed != 0,
        })  # fmt: skip
        return replace(read_shipped(shipped, names), n_shown=n_shown)
    given = [sources] if isinstance(sources, (str, Path)) else list(sources)
    if len(given) == 1 and (folder := find_record(given[0])) is not None:
        refuse_settings(
            {
                "--revision": bool(revisions), "--model": model is not None,
                "--truth": truth is not None, "--contexts": contexts is not None,
                "axes": tuple(axes) != AXES, "--template": template != "{}",
                "--n-made-up": n_made_up != N_MADE_UP, "--n-swaps": n_swaps != N_SWAPS,
                "--images": images not in (None, False), "--cache": cache is not None,
                "--device": device is not None, "--weight-evidence": weight_evidence,
                "--learning-coefficient": learning_coefficient,
            },
            "what a watched training was asked is settled; leave it out, or give checkpoints.",
        )  # fmt: skip
        return replace(_of_watched(folder, names, counts, n_resamples, seed), n_shown=n_shown)
    series = find_checkpoints(sources, revisions=revisions, model=model)
    if learning_coefficient:
        from namebasis.formation.weight_identity.learning_coefficient import (
            check_learning_coefficient,
        )

        check_learning_coefficient(series)
    told, seen = _told(series, truth, counts)
    if names is None and told is None:
        raise ValueError("no names: give some, or a truth file that lists them.")
    asked = list(names) if names is not None else list(told.names if told else ())
    plan = make_plan(
        asked, truth=told, template=template, contexts=contexts, axes=axes,
        n_made_up=n_made_up, n_swaps=n_swaps, seed=seed,
    )  # fmt: skip
    store = Cache(_cache_folder(series, cache))
    album = album_of(series.folder, images, plan, seed)
    work = Work(series, plan, store, device, with_weights, progress, album)
    kept, gaps = alike(work.run(), list(work.gaps))
    states, kept, gaps = _measured(kept, plan, told, n_resamples, seed, gaps, album)
    if not kept:
        raise CheckpointError(nothing_left(str(sources), gaps))
    notes = [*_notes(plan, kept, seen), *work.notes, *(album.remarks if album else ())]
    if store.refused:
        notes.append(f"nothing could be kept for a second run: {store.refused}")
    parameters = _parameters(plan, n_resamples, seed)
    if album is not None:
        parameters["n_pictures"] = len(album)
    found = _collect(plan, kept, states, gaps, told, seen, notes, parameters, album)
    if weight_evidence:
        found = _weighed(found, series, told, seen, device, seed)
    if learning_coefficient:
        found = _with_coefficients(found, series, kept, seed, progress)
    return replace(found, n_shown=n_shown)


def _of_watched(
    folder: Path,
    names: Sequence[str] | None,
    counts: str | Path | Exposures | None,
    n_resamples: int,
    seed: int,
) -> Formation:
    """What was measured while a model trained, judged by today's rules."""
    watched = read_watched(folder)
    if names is not None:
        watched = watched.of_names(names)
    if counts is None and (folder / EXPOSURES).is_file():
        counts = folder / EXPOSURES
    seen = counts if isinstance(counts, Exposures) or counts is None else read_exposures(counts)
    plan, told = watched.plan, watched.truth
    kept, gaps = alike(list(watched.found), list(watched.gaps))
    states, kept, gaps = _measured(kept, plan, told, n_resamples, seed, gaps, None)
    if not kept:
        raise CheckpointError(nothing_left(str(folder), gaps))
    notes = [*_notes(plan, kept, seen), *watched.notes]
    parameters = _parameters(plan, n_resamples, seed)
    return _collect(plan, kept, states, gaps, told, seen, notes, parameters, None)


def _parameters(plan: Plan, n_resamples: int, seed: int) -> dict[str, object]:
    return {
        "template": plan.template, "n_swaps": len(plan.partners[0]),
        "n_made_up": len(plan.names) - plan.n_asked, "n_contexts": len(plan.contexts),
        "n_resamples": n_resamples, "seed": seed,
    }  # fmt: skip


def _weighed(
    found: Formation,
    series: Series,
    told: Truth | None,
    seen: Exposures | None,
    device: str | None,
    seed: int,
) -> Formation:
    """Add the evidence of weights, or why there is none."""
    from namebasis.formation.weight_identity.asked import ask
    from namebasis.formation.weight_identity.following import follow

    settings = found.parameters
    try:
        asked = ask(
            found.names[: found.n_asked], told, n_swaps=settings["n_swaps"], n_null=N_MADE_UP,
            seed=seed,
        )  # fmt: skip
    except ValueError as error:
        return replace(found, remarks=(*found.remarks, f"no evidence in weights: {error}"))
    evidence, gaps = follow(
        series, asked, template=settings["template"], exposures=seen,
        n_resamples=settings["n_resamples"], device=device, seed=seed,
    )  # fmt: skip
    why = [f"no evidence in weights of {gap.label}: {gap.reason}" for gap in gaps]
    remarks = (*found.remarks, *why[:1])
    if evidence is None or len(evidence.steps) < 2:
        alone = () if why else ("no evidence in weights: one checkpoint has no change",)
        return replace(found, remarks=(*remarks, *alone))
    crossings = (*found.phases.crossings, *evidence.crossings)
    phases = replace(found.phases, crossings=crossings)
    return replace(found, phases=phases, weight_evidence=evidence, remarks=remarks)


def _with_coefficients(
    found: Formation,
    series: Series,
    kept: Sequence[Encoded],
    seed: int,
    progress: Progress | None,
) -> Formation:
    """Add the local learning coefficient of the checkpoints that were measured."""
    from namebasis.formation.weight_identity.learning_coefficient import (
        Sampler,
        learning_coefficients,
    )

    measured = replace(series, checkpoints=tuple(one.checkpoint for one in kept))
    chains = learning_coefficients(measured, sampler=Sampler(seed=seed), progress=progress)
    return replace(found, learning_coefficient=chains)


def _cache_folder(series: Series, cache: str | Path | None) -> Path | None:
    if cache is not None:
        return Path(cache)
    if series.folder is None:
        return None
    run = series.folder.resolve()
    return run.with_name(run.name + CACHE_SUFFIX)


def _told(
    series: Series, truth: str | Path | Truth | None, counts: str | Path | Exposures | None
) -> tuple[Truth | None, Exposures | None]:
    """Truth and exposures as given, or as the run's folder has them."""
    if truth is None and series.folder and (series.folder / WORLD).is_file():
        truth = series.folder / WORLD
    if counts is None and series.folder and (series.folder / EXPOSURES).is_file():
        counts = series.folder / EXPOSURES
    told = truth if isinstance(truth, Truth) or truth is None else read_truth(truth)
    seen = counts if isinstance(counts, Exposures) or counts is None else read_exposures(counts)
    return told, seen


def _measured(
    found: list[Encoded],
    plan: Plan,
    told: Truth | None,
    n_resamples: int,
    seed: int,
    gaps: list[Gap],
    album: Album | None,
) -> tuple[list[State], list[Encoded], list[Gap]]:
    """Measure each checkpoint; one whose encodings are degenerate becomes a gap."""
    known = told.names if told else {}
    states, kept = [], []
    for one in found:
        try:
            pictures = None if album is None or one.pictures is None else (album, one.pictures)
            states.append(
                measure(
                    one.made, plan, known, n_resamples=n_resamples, seed=seed, pictures=pictures
                )
            )
            kept.append(one)
        except ValueError as error:
            gaps.append(Gap(one.checkpoint.label, one.checkpoint.step, f"degenerate: {error}"))
    return states, kept, gaps


def _collect(
    plan: Plan,
    kept: list[Encoded],
    states: list[State],
    gaps: list[Gap],
    told: Truth | None,
    seen: Exposures | None,
    notes: list[str],
    parameters: Mapping[str, object],
    album: Album | None,
) -> Formation:
    steps = tuple(one.checkpoint.step for one in kept)
    values = {
        key: np.stack([state.values[key] for state in states], axis=1) for key in states[0].values
    }
    draws = {
        key: np.stack([state.draws[key][: plan.n_asked] for state in states], axis=1)
        for key in states[0].draws
    }
    exposures = _exposures(plan, steps, seen)
    known = told.names if told else {}
    kinds = tuple(
        (known[name].kind if name in known else None)
        if row < plan.n_asked
        else (UNSEEN if plan.control_kind == "unseen" else "pseudo")
        for row, name in enumerate(plan.names)
    )
    rows = [one.made.bare[: plan.n_asked] for one in kept]
    return Formation(
        names=plan.names,
        n_asked=plan.n_asked,
        kinds=kinds,
        control_kind=plan.control_kind,
        steps=steps,
        labels=tuple(one.checkpoint.label for one in kept),
        gaps=tuple(sorted(gaps, key=lambda gap: -1 if gap.step is None else gap.step)),
        lost=dict(kept[0].made.facts["lost"]),
        values=values,
        exposures=exposures,
        phases=find_phases(
            plan.names,
            plan.n_asked,
            steps,
            values,
            draws,
            exposures,
            _n_resampled(plan, album),
            is_untrained=is_untrained(plan.control_kind, steps, exposures),
        ),
        sets=tuple(state.whole for state in states),
        cka=cka_matrix(rows) if plan.n_asked >= 4 else np.full((len(kept), len(kept)), np.nan),
        weights=tuple(one.weights for one in kept),
        remarks=tuple(notes),
        parameters=parameters,
        context_lag=_context_lag(plan, known, steps, states, exposures),
    )


def _context_lag(
    plan: Plan,
    known: Mapping[str, Known],
    steps: Sequence[int],
    states: Sequence[State],
    exposures: Float64Array | None,
) -> Lag | None:
    """How much later names are read as their person in contexts that they were not seen in.

    None where it is not known which contexts names were seen in, or there is no series.
    """
    rows = [row for row in range(plan.n_asked) if np.isfinite(states[0].values["margin_seen"][row])]
    margins = np.stack([state.in_contexts for state in states], axis=-1)
    rows = [row for row in rows if np.isfinite(margins[row]).all()]
    if exposures is not None:
        rows = [row for row in rows if np.isfinite(exposures[row]).all()]
    if not rows or len(steps) < 2:
        return None
    seen = np.stack([seen_contexts(known.get(plan.names[row]), plan) for row in rows])
    places = np.tile(np.asarray(steps, np.float64), (len(rows), 1))
    found = lag_of_columns(margins[rows], seen, places if exposures is None else exposures[rows])
    ratios = np.full(plan.n_asked, np.nan)
    ratios[rows] = found.ratios
    return replace(found, ratios=ratios)


def _n_resampled(plan: Plan, album: Album | None) -> dict[str, int]:
    """What a draw resamples: partners of a part, the bare name with its contexts, pictures."""
    n_partners = min(map(len, plan.partners))
    return {
        "leaves": n_partners, "fine": n_partners, "margin": 1 + len(plan.contexts),
        **({} if album is None else dict.fromkeys(PICTURES_CROSSED, album.fewest)
           | {FITTED: album.fewest_apart}),
    }  # fmt: skip


def _exposures(plan: Plan, steps: Sequence[int], seen: Exposures | None) -> Float64Array | None:
    if seen is None:
        return None
    out = np.full((plan.n_asked, len(steps)), np.nan)
    for row, name in enumerate(plan.names[: plan.n_asked]):
        found = seen.at(name, steps)
        if found is not None:
            out[row] = found
    return None if np.isnan(out).all() else out


def _notes(plan: Plan, kept: list[Encoded], seen: Exposures | None) -> list[str]:
    notes = []
    if len(kept) == 1:
        notes.append("one checkpoint only: labels, but no trajectory, crossing or change point")
    elif len(kept) < 4:
        notes.append(f"{len(kept)} checkpoints: too few for change points, which need 4")
    lost = kept[0].made.facts["lost"]
    if lost:
        name = next(iter(lost))
        notes.append(f"{counted(len(lost), 'name')} left out, such as {name!r}: {lost[name]}")
    asked = zip(plan.names[: plan.n_asked], plan.pairs, strict=False)
    whole = [name for name, pair in asked if pair is None]
    if whole:
        notes.append(
            f"{counted(len(whole), 'name')} not cut into given and family name, such as "
            f"{whole[0]!r} ({cut(whole[0]).reason}), have no own direction and no phase"
        )
    untold = [name for name in plan.names[: plan.n_asked] if not seen or seen.find(name) is None]
    if len(untold) == plan.n_asked:
        why = "exposures are not known" if seen is None else "counts tell none of these names"
        notes.append(f"{why}: crossings are in steps only")
    elif untold:
        notes.append(
            f"counts do not tell {counted(len(untold), 'name')}, such as {untold[0]!r}: "
            "their crossings are in steps"
        )
    if seen is not None and seen.spread_evenly and len(untold) < plan.n_asked:
        notes.append("counts are totals, taken as spread evenly over the run")
    return notes
