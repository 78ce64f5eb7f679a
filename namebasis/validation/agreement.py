"""Do images say what text space said? Per name, per attribute, with intervals and sample sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from namebasis.analysis.identity.reliability import Reliability, names_for, reliability
from namebasis.analysis.identity.spread import spread
from namebasis.analysis.intervals import (
    Interval,
    mean_interval,
    rank_correlation_interval,
    rank_correlations,
)
from namebasis.checks import Float64Array, check_count
from namebasis.errors import NamebasisError
from namebasis.validation.agreement_results import (
    FEWEST_NAMES,
    RELIABLE,
    Agreement,
    AttributeAgreement,
    CalibrationBin,
    Disagreement,
    NameImages,
)
from namebasis.validation.pictures.image_store import ImageTable
from namebasis.wording import counted

N_BINS = 5
N_DISAGREEMENTS = 10
_FEWEST_PRIOR = 3
_MOST_REASONS = 3
_FEWEST_SHUFFLES = 39
"""Shuffles between the extremes of which one more falls in 95 % of cases."""
_SURE = 1.96 + 0.84
"""Standard errors from 0 at which a 95 % interval leaves it out in four cases of five."""


def agree(
    table: ImageTable,
    text: Mapping[tuple[str, str], Mapping[str, float]],
    *,
    prior: Sequence[str] = (),
    n_resamples: int = 500,
    seed: int = 0,
) -> Agreement:
    """Compare what images show with what text said.

    Parameters
    ----------
    table : ImageTable
    text : mapping of (str, str) to mapping of str to float
        Per attribute (a column of `table`, or "div") and reading of it, each name's value.
    prior : sequence of str
        Names that nobody bears, or that the model does not know: their images are the model's
        prior and are left out of the correlations.
    n_resamples : int
        Shuffles of the null, at least 20; from 39 on it has bounds.
    seed : int

    Returns
    -------
    Agreement

    Raises
    ------
    NamebasisError
        If there is no image.
    """
    check_count(n_resamples, "n_resamples", 20)
    if not table.images:
        raise NamebasisError("there is no image to validate with.")
    rows_of: dict[str, list[int]] = {}
    for at, image in enumerate(table.images):
        rows_of.setdefault(image.name, []).append(at)
    unknown = set(prior)
    groups = {
        label: {name: values[rows] for name, rows in rows_of.items()}
        for label, values in table.columns.items()
    }
    priors = {label: _prior(groups[label], unknown) for label in groups}
    names = tuple(
        replace(_name_images(name, rows, table, groups, priors), is_prior=name in unknown)
        for name, rows in rows_of.items()
    )
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    found = []
    for (label, reading), readings in text.items():
        if label == "div":
            per_name = {
                row.name: np.array([row.spread.div.value])
                for row in names
                if row.spread is not None
            }
        elif label in groups:
            per_name = groups[label]
        else:
            continue
        shared = {n: v for n, v in per_name.items() if n in readings and n not in unknown}
        one = _attribute((label, reading), shared, readings, n_resamples, rng)
        if one is not None:
            found.append(one)
    return Agreement(
        names,
        tuple(found),
        dict(table.units),
        sum(name in unknown for name in rows_of),
        _notes(table, names, unknown & set(rows_of)),
        {"n_resamples": n_resamples, "seed": seed, "encoder": table.encoder},
    )


def _name_images(
    name: str,
    rows: Sequence[int],
    table: ImageTable,
    groups: Mapping[str, Mapping[str, Float64Array]],
    priors: Mapping[str, tuple[float, float] | None],
) -> NameImages:
    shown = [at for at in rows if not table.images[at].is_blank]
    vectors = None
    if table.vectors is not None:
        own = table.vectors[shown]
        vectors = own[np.isfinite(own).all(axis=1)] if len(shown) else own
        shown = [at for at in shown if np.isfinite(table.vectors[at]).all()]
    means: dict[str, float | None] = {}
    variances: dict[str, float | None] = {}
    z: dict[str, float | None] = {}
    for label, per_name in groups.items():
        values = per_name[name][np.isfinite(per_name[name])]
        mean = float(values.mean()) if values.size else None
        prior = priors[label]
        means[label] = mean
        variances[label] = float(values.var(ddof=1)) if values.size > 1 else None
        z[label] = None if mean is None or prior is None else (mean - prior[0]) / prior[1]
    reason = None
    if not shown:
        reason = "no image of the name could be read, or all were blacked out"
    measured = None
    if vectors is not None and len(vectors) >= 3:
        measured = spread(vectors)
    return NameImages(name, len(shown), measured, means, variances, z, reason)


def _prior(per_name: Mapping[str, Float64Array], unknown: set[str]) -> tuple[float, float] | None:
    """Mean and standard deviation of the made-up names' means; None with fewer than 3."""
    means = [
        float(np.nanmean(values))
        for name, values in per_name.items()
        if name in unknown and np.isfinite(values).any()
    ]
    if len(means) < _FEWEST_PRIOR or np.std(means) == 0:
        return None
    return float(np.mean(means)), float(np.std(means, ddof=1))


def _attribute(
    what: tuple[str, str],
    per_name: Mapping[str, Float64Array],
    readings: Mapping[str, float],
    n_resamples: int,
    rng: np.random.Generator,
) -> AttributeAgreement | None:
    kept = {
        name: values[np.isfinite(values)]
        for name, values in per_name.items()
        if np.isfinite(values).any() and np.isfinite(readings[name])
    }
    if len(kept) < FEWEST_NAMES:
        return None
    names = list(kept)
    text = np.array([readings[name] for name in names])
    means = np.array([kept[name].mean() for name in names])
    # The observed means hold the noise of their few images already: the interval over names counts
    # it once.
    agreed = rank_correlation_interval(text, means)
    value = agreed.value
    turned = rng.permuted(np.tile(text, (n_resamples, 1)), axis=1)
    shuffled = rank_correlations(turned, means[None])
    trusted = None
    if sum(v.size for v in kept.values()) > len(kept):
        trusted = reliability(list(kept.values()))
    return AttributeAgreement(
        *what,
        len(names),
        agreed,
        _middle(value, shuffled),
        trusted,
        names_for(value, _SURE),
        None if trusted is None else trusted.n_for(RELIABLE),
        names_for(_without_noise(value, trusted), _SURE),
        _calibration(text, means),
        _disagreements(names, text, means),
    )


def _without_noise(correlation: float, trusted: Reliability | None) -> float:
    """What a correlation rises to at reliability `RELIABLE`, by Spearman's attenuation."""
    if trusted is None or not 0 < trusted.of_means < RELIABLE:
        return correlation
    return float(np.clip(correlation * np.sqrt(RELIABLE / trusted.of_means), -0.95, 0.95))


def _middle(value: float, shuffled: Float64Array) -> Interval:
    """Mean of shuffles, and the ends between which another falls in 95 % of cases."""
    if not np.isfinite(value):
        return Interval(value, None, None, "one side is all equal")
    if len(shuffled) < _FEWEST_SHUFFLES:
        return Interval(
            float(shuffled.mean()), None, None, f"fewer than {_FEWEST_SHUFFLES} shuffles"
        )
    low, high = np.quantile(shuffled, [0.025, 0.975], method="weibull")
    return Interval(float(shuffled.mean()), float(low), float(high))


def _calibration(text: Float64Array, means: Float64Array) -> tuple[CalibrationBin, ...]:
    order = np.argsort(text, kind="stable")
    return tuple(
        CalibrationBin(len(rows), float(text[rows].mean()), mean_interval(means[rows]))
        for rows in np.array_split(order, min(N_BINS, len(order) // 2))
    )


def _disagreements(
    names: Sequence[str], text: Float64Array, means: Float64Array
) -> tuple[Disagreement, ...]:
    from scipy.stats import rankdata

    # Of n names the lowest has half a name below or at it.
    first = (rankdata(text) - 0.5) / len(names)
    second = (rankdata(means) - 0.5) / len(names)
    order = np.argsort(-np.abs(first - second), kind="stable")[:N_DISAGREEMENTS]
    return tuple(Disagreement(names[at], float(first[at]), float(second[at])) for at in order)


def _and_others(labels: Sequence[str]) -> str:
    more = len(labels) - 1
    return labels[0] + (f" and {more} other{'s' if more > 1 else ''}" if more else "")


def _counted_reasons(reasons: Sequence[str]) -> str:
    """The commonest reasons with the number of images, the first of equal ones first."""
    found = Counter(reason.rstrip(".") for reason in reasons).most_common()
    told = [f"{reason} ({n})" for reason, n in found[:_MOST_REASONS]]
    if (more := len(found) - _MOST_REASONS) > 0:
        told.append(f"and {counted(more, 'more reason')}")
    return "; ".join(told)


def _notes(table: ImageTable, names: Sequence[NameImages], unknown: set[str]) -> tuple[str, ...]:
    notes = []
    empty = [row.name for row in names if row.reason is not None]
    if empty:
        notes.append(f"{len(empty)} names have no usable image, such as {empty[0]}.")
    # Alike, as a broken file is missing from every column.
    missing: dict[tuple[str, ...], list[str]] = {}
    chosen: dict[tuple[str, ...], list[str]] = {}
    for label, why in table.reasons.items():
        empty_rows = np.isnan(table.columns[label])
        for group, rows in ((missing, empty_rows), (chosen, ~empty_rows)):
            told = tuple(why[at] or "" for at in np.flatnonzero(rows) if why[at] is not None)
            if told:
                group.setdefault(told, []).append(label)
    for told, labels in missing.items():
        notes.append(
            f"{_and_others(labels)}: nothing measured on {len(told)} of {len(table.images)} "
            f"images: {_counted_reasons(told)}."
        )
    for told, labels in chosen.items():
        n_measured = int(np.isfinite(table.columns[labels[0]]).sum())
        notes.append(
            f"{_and_others(labels)}: on {len(told)} of {n_measured} measured images: "
            f"{_counted_reasons(told)}."
        )
    if len(unknown) < _FEWEST_PRIOR:
        notes.append(
            f"No prior: it needs images of at least {_FEWEST_PRIOR} made-up names; there are "
            f"{len(unknown)}."
        )
    return tuple(notes)
