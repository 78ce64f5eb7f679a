"""Variance of every attribute over a name's pictures, beside that of names that nobody bears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.spread import standing
from namebasis.analysis.identity.two_way import FEWEST_CONTEXTS, FEWEST_NAMES, two_way
from namebasis.analysis.identity.variances import (
    FEWEST_PRIOR,
    RESOLUTION,
    Placed,
    Sample,
    VariancePrior,
    entropy_of,
    fit_prior,
    freedoms,
    mean_log_ratio,
    place_variances,
    sample_of,
)
from namebasis.analysis.intervals import Interval
from namebasis.checks import Float64Array, FloatArray, check_count, check_seed
from namebasis.errors import NamebasisError
from namebasis.validation.rigidity.results import (
    MADE_UP,
    STRANGER,
    WEAK,
    AttributeRigidity,
    NamePictures,
    PictureRigidity,
    PicturesInContexts,
    or_none,
)
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.checks import BoolArray, IntArray
    from namebasis.encoders.base import Encoder

ANYBODY = "a person"
"""Stands for the name in the text of a context."""
RARE, HALF = 0.05, 0.5
"""Share of the prior that may be as much the same person as a known name; and how far a context
must be there to be followed, beside what is there for names that nobody bears."""


@dataclass(frozen=True)
class MeasuredPictures:
    """Pictures of names with what was measured on them.

    Attributes
    ----------
    names : sequence of n str
        Whose each is.
    attributes : mapping of str to ndarray of shape (n,) or (n, n_labels)
        A number, or shares of labels; NaN where nothing was measured.
    vectors : ndarray of shape (n, dim), or None
        Of the pictures or of their faces; NaN where there is none.
    contexts : sequence of n (str or None)
        The prompt with {} for the name.
    paths : sequence of n str
        Files, which pages show.
    """

    names: Sequence[str]
    attributes: Mapping[str, Float64Array]
    vectors: FloatArray | None = None
    contexts: Sequence[str | None] = ()
    paths: Sequence[str] = ()

    def files(self) -> dict[str, tuple[tuple[str, str | None], ...]]:
        """Of each name the files of its pictures, each with its context."""
        found: dict[str, list[tuple[str, str | None]]] = {}
        contexts = self.contexts or [None] * len(self.names)
        if self.paths:
            for name, path, context in zip(self.names, self.paths, contexts, strict=True):
                found.setdefault(name, []).append((path, context))
        return {name: tuple(files) for name, files in found.items()}


def picture_rigidity(
    pictures: MeasuredPictures,
    roles: Mapping[str, str] | None = None,
    *,
    weak_by: str | None = None,
    encoder: Encoder | None = None,
    scored: FloatArray | None = None,
    n_resamples: int = 500,
    seed: int = 0,
) -> PictureRigidity:
    """Profile names by their pictures: which attributes are rigid, which free, and in contexts.

    Parameters
    ----------
    pictures : MeasuredPictures
    roles : mapping of str to str, optional
        Of names that are "made up" or "weak" (these are the prior), or "not in the space".
    weak_by : str, optional
        What weak identities were chosen by.
    encoder : Encoder, optional
        Reads the texts of contexts.
    scored : ndarray of shape (n, dim), optional
        Vectors by `encoder`, where those of `pictures` are another's, such as of faces.
    n_resamples, seed : int
        Of the bootstrap over pictures.

    Raises
    ------
    NamebasisError
        If there is no picture.
    """
    check_count(n_resamples, "n_resamples", 20)
    seed = check_seed(seed)
    known = dict(roles or {})
    rows_of: dict[str, list[int]] = {}
    for at, name in enumerate(pictures.names):
        rows_of.setdefault(name, []).append(at)
    if not rows_of:
        raise NamebasisError("there is no picture to measure the variance of.")
    rows = {name: np.array(own) for name, own in rows_of.items()}
    is_prior = np.array([known.get(name) in (MADE_UP, WEAK) for name in rows], dtype=bool)
    profiles = {
        key: _Profile(key, values, rows, is_prior) for key, values in pictures.attributes.items()
    }
    numbers = [_number(own, profiles, n_resamples, seed) for own in rows.values()]
    places = _places(np.array([one.value for one in numbers]), is_prior)
    in_contexts, templates, untold, remarks = _contexts(pictures, rows, is_prior, encoder, scored)
    names = tuple(
        NamePictures(
            name,
            len(rows[name]),
            known.get(name),
            tuple(one.of(at, n_resamples, seed) for one in profiles.values()),
            numbers[at],
            places[at],
            in_contexts.get(at),
        )
        for at, name in enumerate(rows)
    )
    roles_found = [known.get(name) for name in rows]
    if is_prior.sum() < FEWEST_PRIOR:
        remarks.insert(
            0,
            f"No prior for variances: it needs pictures of at least {FEWEST_PRIOR} made-up names "
            f"or weak identities; there are {int(is_prior.sum())}.",
        )
    remarks += _other_contexts(pictures, rows)
    return PictureRigidity(
        names, tuple(profiles), roles_found.count(MADE_UP), roles_found.count(WEAK), weak_by,
        templates, untold, tuple(remarks), {"n_resamples": n_resamples, "seed": seed},
        pictures.files(),
    )  # fmt: skip


def _other_contexts(pictures: MeasuredPictures, rows: Mapping[str, IntArray]) -> list[str]:
    """That some names were painted in other contexts than most, which makes their variance."""
    if not pictures.contexts:
        return []
    sets = {name: frozenset(pictures.contexts[at] for at in own) for name, own in rows.items()}
    usual = Counter(sets.values()).most_common(1)[0][0]
    others = [name for name, contexts in sets.items() if contexts != usual]
    if not others:
        return []
    return [
        f"{counted(len(others), 'name')} with pictures in other contexts than most, such as "
        f"{others[0]}: what a context asks for counts as variance too, so compare these with care."
    ]


class _Profile:
    """One attribute over all names."""

    def __init__(
        self,
        attribute: str,
        values: Float64Array,
        rows: Mapping[str, IntArray],
        is_prior: BoolArray,
    ) -> None:
        self.attribute = attribute
        wide = values.reshape(len(values), -1)
        self.is_nominal = values.ndim == 2
        self.known: BoolArray = np.all(np.isfinite(wide), axis=1)
        self.values = wide
        self.rows = [own[self.known[own]] for own in rows.values()]
        self.samples: list[Sample | None] = [
            sample_of(wide[own]) if len(own) > 1 else None for own in self.rows
        ]
        has = [at for at, one in enumerate(self.samples) if one is not None]
        found = [one for one in self.samples if one is not None]
        self.prior: VariancePrior | None = None
        self.placed: dict[int, tuple[float, float, float, float]] = {}
        self.is_prior = is_prior
        seen = wide[self.known]
        floor = RESOLUTION * float(seen.var(axis=0, ddof=1).sum()) if len(seen) > 1 else 0.0
        if not found or not floor > 0:
            return
        freedom = freedoms(found, max(1, wide.shape[1] - 1))
        variances = np.array([one.variance for one in found])
        own = is_prior[has]
        self.prior = fit_prior(variances[own], freedom[own], floor)
        if self.prior is not None:
            placed = place_variances(variances, freedom, self.prior)
            for at, each in zip(has, _each(placed), strict=True):
                self.placed[at] = each

    def of(self, at: int, n_resamples: int, seed: int) -> AttributeRigidity:
        own, sample = self.rows[at], self.samples[at]
        if not len(own):
            return AttributeRigidity(self.attribute, 0, reason="not measured on any picture")
        mean = None if self.is_nominal else float(self.values[own, 0].mean())
        entropy, place = None, None
        if self.is_nominal:
            entropy = entropy_of(self.values[own], n_resamples=n_resamples, seed=seed)
            place = self._entropy_places[at]
        made = AttributeRigidity(
            self.attribute, len(own), mean, entropy=entropy, entropy_percentile=place
        )
        if sample is None:
            return replace(made, reason="1 picture has no variance")
        made = replace(made, variance=sample.variance)
        if at not in self.placed:
            why = "it is the same on all pictures" if self.prior is None else None
            if self.is_prior.sum() < FEWEST_PRIOR:
                why = "no prior"
            return replace(made, reason=why)
        log_ratio, low, high, percentile = self.placed[at]
        return replace(made, log_ratio=log_ratio, low=low, high=high, percentile=percentile)

    @cached_property
    def _entropy_places(self) -> list[float | None]:
        values = [
            entropy_of(self.values[own], n_resamples=20).value if len(own) > 1 else np.nan
            for own in self.rows
        ]
        return _places(np.array(values), self.is_prior)


def _each(placed: Placed) -> list[tuple[float, float, float, float]]:
    columns = (placed.log_ratio, placed.low, placed.high, placed.percentile)
    return list(zip(*(one.tolist() for one in columns), strict=True))


def _number(
    own: IntArray,
    profiles: Mapping[str, _Profile],
    n_resamples: int,
    seed: int,
) -> Interval:
    """Minus the mean logarithm over attributes that were measured on the same pictures."""
    used = [one for one in profiles.values() if one.prior is not None]
    if not used:
        return Interval(float("nan"), None, None, "no prior")
    kept = own[np.all(np.stack([one.known[own] for one in used]), axis=0)]
    if len(kept) < 2:
        few = "1 picture has no variance" if len(own) == 1 else "fewer than 2 measured pictures"
        return Interval(float("nan"), None, None, few)
    columns = [one.values[kept] for one in used]
    priors = [one.prior for one in used if one.prior is not None]
    found = mean_log_ratio(columns, priors, n_resamples=n_resamples, seed=seed)
    low, high = (None if end is None else -end for end in (found.high, found.low))
    return Interval(-found.value, low, high, found.reason)


def _places(values: Float64Array, is_prior: BoolArray) -> list[float | None]:
    """Share of the prior's names below each value, its own left out."""
    found: list[float | None] = []
    for at, value in enumerate(values):
        others = is_prior.copy()
        others[at] = False
        prior = values[others & np.isfinite(values)]
        if not np.isfinite(value) or len(prior) < FEWEST_PRIOR - 1 or prior.min() == prior.max():
            found.append(None)
        else:
            found.append(float(standing([value], prior).percentile[0]))
    return found


def _contexts(
    pictures: MeasuredPictures,
    rows: Mapping[str, IntArray],
    is_prior: BoolArray,
    encoder: Encoder | None,
    scored: FloatArray | None,
) -> tuple[dict[int, PicturesInContexts], tuple[str, ...], tuple[str, ...], list[str]]:
    """Names in contexts, the contexts, those whose text tells nothing, and what to say of it."""
    told = [context for context in pictures.contexts if context is not None]
    templates = tuple(dict.fromkeys(told))
    if len(templates) < FEWEST_CONTEXTS or pictures.vectors is None:
        return {}, (), (), []
    seen = pictures.vectors if scored is None else scored
    number = {context: at for at, context in enumerate(templates)}
    whole = np.all(np.isfinite(np.hstack([pictures.vectors, seen])), axis=1)
    kept = [at for at, context in enumerate(pictures.contexts) if context and whole[at]]
    present = list(dict.fromkeys(pictures.names[at] for at in kept))
    if len(present) < FEWEST_NAMES:
        few = f"Names in contexts need pictures of at least {FEWEST_NAMES} names."
        return {}, (), (), [few]
    remarks = []
    texts = np.zeros((len(kept), len(templates)))
    if encoder is None or not encoder.has_text:
        remarks.append("No encoder of the pictures reads text: whether contexts are there is null.")
    else:
        said = encoder.encode_text([one.replace("{}", ANYBODY) for one in templates])
        texts = seen[kept].astype(np.float64) @ said.T.astype(np.float64)
    place = {name: at for at, name in enumerate(rows)}
    own = np.array([present.index(pictures.names[at]) for at in kept])
    prior = np.array([is_prior[place[name]] for name in present])
    enough = prior.sum() >= FEWEST_PRIOR
    found = two_way(
        pictures.vectors[kept], own, np.array([number[pictures.contexts[at] or ""] for at in kept]),
        texts, prior if enough else None,
    )  # fmt: skip
    same, there = (np.array([one.value for one in side]) for side in (found.same, found.there))
    edge = _edge(same[prior])
    made = {}
    for at, name in enumerate(present):
        cells = {
            template: (or_none(found.same_in[at, column]), or_none(found.there_in[at, column]))
            for column, template in enumerate(templates)
        }
        made[place[name]] = PicturesInContexts(
            found.same[at], found.there[at], found.flexibility[at],
            _kind(same[at], there[at], edge), cells,
        )  # fmt: skip
    untold = tuple(one for one, tells in zip(templates, found.is_told, strict=True) if not tells)
    if not remarks:
        remarks = _untold(untold, len(templates))
    return made, templates, untold, remarks


def _untold(untold: Sequence[str], n_contexts: int) -> list[str]:
    """What to say of contexts whose pictures their text does not tell from the others."""
    if not untold:
        return []
    short = n_contexts - len(untold) < FEWEST_CONTEXTS
    lost = f"; with fewer than {FEWEST_CONTEXTS} others, so is flexibility" * short
    return [
        f"The text of {len(untold)} of {n_contexts} contexts, such as {untold[0]!r}, does not tell "
        f"their pictures from others, so whether they are there is null{lost}. More made-up names "
        "or images may tell them."
    ]


def _edge(prior: Float64Array) -> float | None:
    """Above which one of twenty names of the prior lies; their scatter is lopsided."""
    kept = prior[np.isfinite(prior)]
    if len(kept) < FEWEST_PRIOR:
        return None
    return float(np.quantile(kept, 1 - RARE, method="median_unbiased"))


def _kind(same: float, there: float, edge: float | None) -> str | None:
    if edge is None or not np.isfinite(same):
        return None
    if same <= edge:
        return "unknown"
    if not np.isfinite(there):
        return None
    return "flexible" if there >= HALF else "rigid"


__all__ = ["MADE_UP", "STRANGER", "WEAK", "MeasuredPictures", "picture_rigidity"]
