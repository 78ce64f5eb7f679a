"""What a cluster of names has in common: exemplars, traits beyond chance, a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.clusters.clustering import central_rows
from namebasis.analysis.clusters.stability import Stability
from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.studies.topology.labels import GENDERS, PARTS
from namebasis.wording import percent

N_EXEMPLARS = 8
_ALPHA = 0.01
_LEAST = 0.4  # of a cluster's names, where nothing holds of more
_OF_KNOWN = ("group",)
"""Columns that only some lists have: shares are of the names with a value."""
_FEWEST_KNOWN = 0.2  # of a cluster's names, which such a column must know to speak of them


@dataclass(frozen=True)
class Trait:
    """A metadata value that is more common in a cluster than among all names of the report.

    Attributes
    ----------
    column, value : str
        For instance `locales` and `is_IS`, `language` and `Icelandic`; `beginning` and `sig`,
        `ending` and `son` for letters.
    count : int
        Names of the cluster that have it.
    share, base_share : float
        Of the cluster, and of all names, in [0, 1]; names without any value count as lacking it,
        but for Census groups (`group`), whose shares are of names with a known one.
    lift : float
        `share / base_share`.
    """

    column: str
    value: str
    count: int
    share: float
    base_share: float
    lift: float


@dataclass(frozen=True)
class ClusterSummary:
    """One cluster.

    Attributes
    ----------
    cluster : int
        Its number; 0 is the largest.
    size : int
        How many names.
    label : str
        Made of its traits with the share of its names of which all that holds, such as
        "-son, Icelandic family names, 92 %"; of its most central name only where it has none.
    exemplars : tuple of str
        Names nearest its mean direction; of names with equal vectors only one.
    central : tuple of int
        Their positions in the report.
    traits : tuple of Trait
        Values over-represented beyond chance (hypergeometric test, p < 0.01 after Bonferroni
        over all clusters and values), the largest share first.
    similarity : float
        Mean cosine between two of its names.
    stability, stability_low, stability_high : float or None
        How well it is found again in resamples (Jaccard index with its best match, in [0, 1]):
        mean, and the ends between which one more resample falls in 90 % of cases. None where that
        was not measured; the ends, where there are fewer than 19 resamples.
    stability_by_chance : float or None
        The same with shuffled labels.
    """

    cluster: int
    size: int
    label: str
    exemplars: tuple[str, ...]
    central: tuple[int, ...]
    traits: tuple[Trait, ...]
    similarity: float
    stability: float | None = None
    stability_low: float | None = None
    stability_high: float | None = None
    stability_by_chance: float | None = None


def summarise_clusters(
    names: Sequence[str],
    vectors: FloatArray,
    labels: IntArray,
    values: Mapping[str, Sequence[Sequence[str]]],
    stability: Stability | None = None,
) -> tuple[ClusterSummary, ...]:
    """Describe every cluster, in the order of their numbers.

    Parameters
    ----------
    names : sequence of str, length n
    vectors : ndarray of shape (n, dim)
        Unit rows.
    labels : ndarray of shape (n,), int64
        Clusters from 0; -1 for none.
    values : mapping of str to n sequences of str
        Per column, each name's values: none, one, or several.
    stability : Stability, optional
        Of the same clusters.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    again = _stabilities(stability) if stability else [{}] * n_clusters
    central = [_distinct(rows, names) for rows in central_rows(vectors, labels, 4 * N_EXEMPLARS)]
    traits = [
        trait for column in values for trait in _traits(column, values[column], labels, n_clusters)
    ]
    of_cluster: list[list[Trait]] = [[] for _ in range(n_clusters)]
    for cluster, trait in traits:
        of_cluster[cluster].append(trait)
    summaries = []
    for cluster in range(n_clusters):
        members = np.flatnonzero(labels == cluster)
        exemplars = tuple(names[row] for row in central[cluster])
        found = sorted(of_cluster[cluster], key=lambda trait: (-trait.share, -trait.lift))
        summaries.append(
            ClusterSummary(
                cluster=cluster,
                size=int(members.size),
                label=_label(
                    found,
                    exemplars[0],
                    _read_alike(vectors[members], [names[row] for row in members.tolist()]),
                    [
                        {column: values[column][row] for column in values}
                        for row in members.tolist()
                    ],
                ),
                exemplars=exemplars,
                central=tuple(central[cluster]),
                traits=tuple(found),
                similarity=_mean_similarity(vectors[members]),
                **again[cluster],
            )
        )
    return tuple(summaries)


def _stabilities(stability: Stability) -> list[dict[str, float]]:
    """The fields of each cluster's summary."""
    columns = {"stability": stability.means, "stability_by_chance": stability.by_chance}
    ends = stability.interval()
    if ends is not None:
        columns |= {"stability_low": ends[0], "stability_high": ends[1]}
    rows = np.column_stack(list(columns.values())).tolist()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _distinct(rows: IntArray, names: Sequence[str]) -> list[int]:
    """The first rows that have different names: a name may be given and family name at once."""
    first = {names[row]: row for row in reversed(rows.tolist())}
    return sorted(first.values(), key=rows.tolist().index)[:N_EXEMPLARS]


def _traits(
    column: str, values: Sequence[Sequence[str]], labels: IntArray, n_clusters: int
) -> list[tuple[int, Trait]]:
    """Values of one column that a cluster has more often than chance explains."""
    n = len(values)
    cells = Counter(
        (label, value)
        for label, row in zip(labels.tolist(), values, strict=True)
        for value in set(row)
    )
    everywhere: Counter[str] = Counter()
    for (_, value), number in cells.items():
        everywhere[value] += number
    inside = {cell: number for cell, number in cells.items() if cell[0] >= 0}
    if not inside:
        return []
    keys = sorted(inside)
    count = np.array([inside[key] for key in keys])
    base = np.array([everywhere[value] for _, value in keys])
    of = [cluster for cluster, _ in keys]
    has_any = np.array([bool(row) for row in values])
    known = np.bincount(labels[(labels >= 0) & has_any], minlength=n_clusters)[of]
    size = np.bincount(labels[labels >= 0], minlength=n_clusters)[of]
    n_known = int(has_any.sum())
    # A list's own value is common wherever its names are: it says something only beside others.
    most = _ALPHA / (n_clusters * len(everywhere))
    chance = chance_of_more(count, n_known, base, known, most)
    if column in _OF_KNOWN:
        chance[known < _FEWEST_KNOWN * size] = 1.0
        size, n = known, n_known
    else:
        chance = np.maximum(chance, chance_of_more(count, n, base, size, most))
    share, base_share = count / size, base / n
    keep = np.flatnonzero((chance < most) & (share > base_share))
    return [
        (
            keys[i][0],
            Trait(
                column=column,
                value=keys[i][1],
                count=int(count[i]),
                share=float(share[i]),
                base_share=float(base_share[i]),
                lift=float(share[i] / base_share[i]),
            ),
        )
        for i in keep.tolist()
    ]


def chance_of_more(
    count: IntArray, n: int, base: IntArray, size: IntArray, most: float
) -> Float64Array:
    """Chance that `size` of `n` names have a value that `base` have at least `count` times.

    1 where the chance of just `count` is above `most`: that of as many or more is then as well,
    and its sum, which takes scipy a loop, need not be known.

    Parameters
    ----------
    count, base, size : ndarray of shape (n_values,), int64
    n : int
    most : float
        The largest chance that the caller looks at.
    """
    from scipy.stats import hypergeom

    chance = np.ones(len(count))
    with np.errstate(divide="ignore"):  # a chance of 0
        rare = hypergeom.logpmf(count, n, base, size) < np.log(most) + 1e-6
    chance[rare] = hypergeom.sf(count[rare] - 1, n, base[rare], size[rare])
    return chance


@dataclass(frozen=True)
class Label:
    """A cluster's name in words, and what it says of the names.

    Attributes
    ----------
    words : str
        Empty where nothing is shared.
    said : tuple of tuple of Trait
        Every one of these groups holds of most names: at least one trait of each.
    """

    words: str
    said: tuple[tuple[Trait, ...], ...]


def make_label(traits: Sequence[Trait]) -> Label:
    """Name a cluster after what most of it shares: "-son, Icelandic family names".

    Parameters
    ----------
    traits : sequence of Trait
        Of the columns `language`, `group`, `gender`, `part`, `beginning` and `ending`, the
        commonest first.
    """
    said: list[tuple[Trait, ...]] = []
    origin = _origin(traits)
    if origin:
        said.append(origin)
    for column, least in (("gender", 0.7), ("part", 0.8)):
        most = next((trait for trait in traits if trait.column == column), None)
        # Names of both genders go without a word.
        if most is not None and most.share >= least and most.value != "U":
            said.append((most,))
    said += [(t,) for t in (_longest(traits, c) for c in ("beginning", "ending")) if t is not None]
    if not said and (best := _most_telling(traits)) is not None:
        said.append((best,))
    return Label(_words(said), tuple(said))


def _origin(traits: Sequence[Trait]) -> tuple[Trait, ...]:
    """One or two languages, or else a Census group."""
    languages = [trait for trait in traits if trait.column == "language"]
    if languages and languages[0].share >= 0.4:
        enough = 0.25 if languages[0].share < 0.75 else 1.0  # one language where it rules alone
        rest = [trait for trait in languages[1:] if trait.share >= enough]
        return (languages[0], *rest[:1])
    return tuple(t for t in traits if t.column == "group" and t.share >= 0.5)[:1]


def _most_telling(traits: Sequence[Trait]) -> Trait | None:
    """What is said where nothing holds of most names: the trait that is rarest elsewhere."""
    shown = [t for t in traits if t.column != "locales" and t.share >= _LEAST]
    return max(shown, key=lambda trait: (trait.lift, len(trait.value)), default=None)


def _words(said: Sequence[Sequence[Trait]]) -> str:
    """Traits as a phrase: letters first, then languages or groups, gender and part."""
    spelt = [spelling(one) for one, *_ in said if one.column in ("beginning", "ending")]
    words, part = [], ""
    for group in said:
        column, value = group[0].column, group[0].value
        if column in ("language", "group"):
            words.append(("mostly " * (column == "group")) + "/".join(t.value for t in group))
        elif column == "gender":
            words.append(GENDERS.get(value, value))
        elif column == "part":
            part = PARTS.get(value, f"{value} names")
    if not words and not part:
        return f"{', '.join(spelt)} names" if spelt else ""
    return ", ".join([*spelt, " ".join([*words, part or "names"])])


def spelling(trait: Trait) -> str:
    """A trait's value in words: "Sig-" for a beginning, "-son" for an ending, "women's"."""
    value = trait.value
    if trait.column == "beginning":
        return f"{value.capitalize()}-"
    if trait.column == "ending":
        return f"-{value}"
    return {"gender": GENDERS, "part": PARTS}.get(trait.column, {}).get(value, value)


def _longest(traits: Sequence[Trait], column: str) -> Trait | None:
    """The longest beginning or ending that at least half of the names have."""
    shared = [trait for trait in traits if trait.column == column and trait.share >= 0.5]
    return max(shared, key=lambda trait: len(trait.value), default=None)


def _label(
    traits: Sequence[Trait],
    central: str,
    alike: Sequence[str],
    members: Sequence[Mapping[str, Sequence[str]]],
) -> str:
    """The words with the share of names of which all they say holds.

    Where names are read `alike`, the encoder hardly reads these names, and any other label would
    mislead.
    """
    if alike:
        return f"read alike: {', '.join(alike)}"
    label = make_label(traits)
    if not label.words:
        return f"around {central}"
    holds = [held for member in members if (held := _holds(label, member)) is not None]
    return f"{label.words}, {percent(sum(holds) / len(holds))}"


def _holds(label: Label, member: Mapping[str, Sequence[str]]) -> bool | None:
    """Whether all that a label says holds of a name; None where it says nothing of such names."""
    told = [
        any(trait.value in member[trait.column] for trait in group)
        for group in label.said
        if member[group[0].column] or group[0].column not in _OF_KNOWN
    ]
    return all(told) if told else None


def _read_alike(rows: FloatArray, names: Sequence[str]) -> list[str]:
    """Two names of the commonest vector, where more than half of the rows repeat an earlier one."""
    groups = duplicate_groups(rows)
    if 1.0 - groups.first.size / len(rows) <= 0.5:
        return []
    same = np.flatnonzero(groups.group == groups.sizes.argmax())
    return list(dict.fromkeys(names[row] for row in same.tolist()))[:2]


def _mean_similarity(rows: FloatArray) -> float:
    """Mean cosine of two different rows, from the length of their sum."""
    n = rows.shape[0]
    total = rows.sum(axis=0, dtype=np.float64)
    return float((total @ total - n) / (n * (n - 1))) if n > 1 else 1.0
