"""From which values on an evidence of an identity counts; see data/identity.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, packaged_text, parse_toml, read_toml

EVIDENCES = ("own_score", "strength", "hold", "leakage")
KINDS = ("unknown", "compositional", "flexible", "entangled", "part-captured")
_FORMER = {
    "capture": "hold",
    "displacement_ratio": "leakage",
}  # evidences, and what they gave way to
_LABEL = "identity.toml"
_FARTHEST_IN, _FEWEST_VALUES = 0.2, 4


@dataclass(frozen=True)
class Threshold:
    """Where an evidence's probability is one half, and how steeply it rises there.

    Attributes
    ----------
    quantile : float or None
        Of the made-up names' values, in (0, 1); see `smooth_quantile`.
    z : float or None
        Standard deviations above the made-up names' mean; exactly one of the two is given.
    softness : float
        Standard deviations in which the log-odds rise by one, above 0.
    """

    quantile: float | None
    z: float | None
    softness: float

    def value(self, null: Float64Array) -> float:
        """The threshold in the measure's own unit."""
        if self.quantile is not None:
            return smooth_quantile(null, self.quantile)
        return float(null.mean() + (self.z or 0.0) * null.std(ddof=1))


@dataclass(frozen=True)
class Origin:
    """Thresholds of the evidences, and where they come from."""

    name: str
    description: str
    thresholds: Mapping[str, Threshold]


@dataclass(frozen=True)
class Estimator:
    """How names are embedded: the mean of templates, and the number of partners of each part."""

    templates: tuple[str, ...]
    n_swaps: int


@dataclass(frozen=True)
class Judgement:
    """What evidences say about names.

    Attributes
    ----------
    thresholds : mapping of evidence to float
    evidence : mapping of evidence to ndarray of shape (n_names,)
        Probability that the evidence holds; NaN where its measure is unknown.
    probabilities : ndarray of shape (n_names, 5)
        Of each of `KINDS`.
    """

    thresholds: Mapping[str, float]
    evidence: Mapping[str, Float64Array]
    probabilities: Float64Array


def packaged_estimator() -> Estimator:
    """The settings of the packaged file."""
    settings = _packaged()["estimator"]
    return Estimator(tuple(settings["templates"]), settings["n_swaps"])


def load_origin(source: str | Path | None = None) -> Origin:
    """Read the thresholds of one origin.

    Parameters
    ----------
    source : str or Path, optional
        The name of an origin in the packaged file, or a .toml file of the same form, whose
        ``origin`` says which of its sections counts; by default the packaged file's.

    Raises
    ------
    NamebasisError
        If there is no such origin, or the file does not keep the form.
    """
    is_file = source is not None and str(source).endswith(".toml")
    label = str(source) if is_file else _LABEL
    try:
        data = read_toml(label) if is_file else _packaged()
    except UnreadableError as error:
        raise NamebasisError(
            f"{label}: cannot be read as a thresholds file ({error.reason})."
        ) from None
    origins = data.get("origins")
    if not isinstance(origins, dict) or not origins:
        raise NamebasisError(f"{label}: needs a section [origins.NAME] of thresholds.")
    name = data.get("origin") if is_file or source is None else str(source)
    if name not in origins:
        raise NamebasisError(
            f"{label}: there are no thresholds of {name!r}; it holds {', '.join(origins)}. Name "
            "one of them, or give a .toml file."
        )
    return _parse(f"{label}: {name}", str(name), origins[name])


def _packaged() -> dict[str, Any]:
    return parse_toml(packaged_text(_LABEL), _LABEL)


def _parse(label: str, name: str, data: Any) -> Origin:
    wanted = {"description", *EVIDENCES}
    if not isinstance(data, dict) or set(data) != wanted:
        found = sorted(data) if isinstance(data, dict) else data
        if isinstance(data, dict) and (former := [key for key in _FORMER if key in data]):
            raise NamebasisError(_given_way(label, former))
        raise NamebasisError(f"{label}: needs the keys {', '.join(sorted(wanted))}; got {found}.")
    if not isinstance(data["description"], str) or not data["description"].strip():
        raise NamebasisError(f"{label}: description must say where the thresholds come from.")
    thresholds = {key: _threshold(f"{label}: {key}", data[key]) for key in EVIDENCES}
    return Origin(name, data["description"], thresholds)


def _given_way(label: str, former: Sequence[str]) -> str:
    now = " and ".join(f"{key} is now {_FORMER[key]}" for key in former)
    return (
        f"{label}: {now}; the evidences are {', '.join(EVIDENCES)}. Rename, and set the thresholds "
        "again: the measures have changed."
    )


def _threshold(label: str, data: Any) -> Threshold:
    form = "must be { quantile = …, softness = … } or { z = …, softness = … }"
    if not isinstance(data, dict) or set(data) not in ({"quantile", "softness"}, {"z", "softness"}):
        raise NamebasisError(f"{label} {form}; got {data!r}.")
    numbers = {key: value for key, value in data.items() if type(value) in (int, float)}
    if len(numbers) < 2 or not all(np.isfinite(value) for value in numbers.values()):
        raise NamebasisError(f"{label} {form} of finite numbers; got {data!r}.")
    if numbers["softness"] <= 0 or not 0 < numbers.get("quantile", 0.5) < 1:
        raise NamebasisError(
            f"{label}: softness must be above 0, and a quantile between 0 and 1; got {data!r}."
        )
    return Threshold(numbers.get("quantile"), numbers.get("z"), numbers["softness"])


def smooth_quantile(values: Float64Array, level: float) -> float:
    """A quantile from all values beyond and around it: where a line through them passes it.

    Values whose tail is between a fifth and five times that of the level are regressed on the
    normal distribution's quantiles. Of 400 made-up names the 95 % quantile of own scores so
    scatters by a sixth less than the empirical one and is no other on average. Levels between 20
    and 80 %, and where fewer than 4 values lie so far out, are the empirical quantile.

    Parameters
    ----------
    values : ndarray of shape (n,)
    level : float
        In (0, 1).
    """
    from scipy.special import ndtri

    n, is_upper = len(values), level >= 0.5
    tail = 1 - level if is_upper else level
    share = (np.arange(n) + 0.5) / n  # of values at least as far out
    at = np.flatnonzero((share >= tail / 5) & (share <= 5 * tail))
    if tail > _FARTHEST_IN or len(at) < _FEWEST_VALUES:
        return float(np.quantile(values, level))
    ranked = np.sort(values)
    outer = (ranked[::-1] if is_upper else ranked)[at]
    slope, middle = np.polyfit(-ndtri(share[at]), outer, 1)
    return float(middle - slope * ndtri(tail))


def judge(
    values: Mapping[str, Float64Array], made: Mapping[str, Float64Array], origin: Origin
) -> Judgement:
    """Weigh the evidences of names into a probability of each kind.

    An evidence's log-odds rise linearly with its distance from the threshold; evidences are taken
    as independent: held by one part first, then an identity of its own that leans to a context or
    does not, and without one the parts, which mean something or do not.

    Parameters
    ----------
    values, made : mapping of measure to ndarray
        Of the names, and of the made-up names: own_score, strength, hold and, where contexts were
        measured, leakage.
    origin : Origin
    """
    thresholds, evidence = {}, {}
    for key in EVIDENCES:
        if key in values and key in made:
            rule, null = origin.thresholds[key], made[key]
            thresholds[key] = rule.value(null)
            evidence[key] = chance(log_odds(values[key], null, rule))
    return Judgement(thresholds, evidence, kinds_of(evidence))


def log_odds(values: Float64Array, null: Float64Array, rule: Threshold) -> Float64Array:
    """Log-odds that values of a measure lie above their threshold among made-up names."""
    deviation = float(null.std(ddof=1)) or 1.0
    return np.asarray((values - rule.value(null)) / (rule.softness * deviation))


def chance(odds: Float64Array) -> Float64Array:
    """The probability of log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def kinds_of(evidence: Mapping[str, Float64Array]) -> Float64Array:
    """Probabilities of `KINDS`, last axis, of those of the evidences."""
    own, known, captured = (evidence[key] for key in EVIDENCES[:3])
    tangled = evidence.get("leakage", np.zeros_like(own))
    rest = 1 - captured
    kinds = [
        rest * (1 - own) * (1 - known), rest * (1 - own) * known,
        rest * own * (1 - tangled), rest * own * tangled, captured,
    ]  # fmt: skip
    return np.stack(kinds, axis=-1)
