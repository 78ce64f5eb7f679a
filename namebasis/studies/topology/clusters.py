"""What a cluster of names has in common: exemplars, traits beyond chance, a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from namebasis.analysis.clusters.clustering import central_rows
from namebasis.analysis.clusters.stability import Stability
from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.checks import FloatArray, IntArray
from namebasis.wording import percent

N_EXEMPLARS = 8
_ALPHA = 0.01
_PARTS = {"given": "given names", "family": "family names", "full": "full names"}
_GENDERS = {"F": ["women's"], "M": ["men's"]}


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
        Of the cluster, and of all names, in [0, 1]; names without any value count as lacking it.
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
        "Icelandic family names, …son, 92 %"; or of its most central name where it has none.
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
    everywhere = Counter(value for row in values for value in set(row))
    inside = Counter(
        (int(label), value)
        for label, row in zip(labels.tolist(), values, strict=True)
        if label >= 0
        for value in set(row)
    )
    if not inside:
        return []
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    keys = sorted(inside)
    count = np.array([inside[key] for key in keys])
    base = np.array([everywhere[value] for _, value in keys])
    size = sizes[[cluster for cluster, _ in keys]]
    chance = hypergeom.sf(count - 1, n, base, size)
    share, base_share = count / size, base / n
    keep = np.flatnonzero((chance < _ALPHA / (n_clusters * len(everywhere))) & (share > base_share))
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
    """Name a cluster after what most of it shares: "Icelandic family names, …son".

    Parameters
    ----------
    traits : sequence of Trait
        Of the columns `language`, `gender`, `part`, `beginning` and `ending`, the commonest first.
    """
    best: dict[str, Trait] = {}
    for trait in traits:
        best.setdefault(trait.column, trait)
    words: list[str] = []
    said: list[tuple[Trait, ...]] = []
    languages = [trait for trait in traits if trait.column == "language"]
    if languages and languages[0].share >= 0.4:
        enough = 0.25 if languages[0].share < 0.75 else 1.0  # one language where it rules alone
        rest = [trait for trait in languages[1:] if trait.share >= enough]
        said.append(tuple([languages[0], *rest][:2]))
        words.append("/".join(trait.value for trait in said[-1]))
    if (gender := best.get("gender")) is not None and gender.share >= 0.7:
        words += _GENDERS.get(gender.value, [])  # names of both genders go without a word
        said += [(gender,)] if gender.value in _GENDERS else []
    if (part := best.get("part")) is not None and part.share >= 0.8:
        words.append(_PARTS.get(part.value, f"{part.value} names"))
        said.append((part,))
    elif words:
        words.append("names")
    spelt = [_longest(traits, column) for column in ("beginning", "ending")]
    said += [(trait,) for trait in spelt if trait is not None]
    shown = [" ".join(words), *(spelling(trait) for trait in spelt if trait is not None)]
    return Label(", ".join(word for word in shown if word), tuple(said))


def spelling(trait: Trait) -> str:
    """Show a beginning as "Sig…" and an ending as "…son"."""
    value = trait.value
    return f"{value.capitalize()}…" if trait.column == "beginning" else f"…{value}"


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
    holds = [
        all(any(t.value in member[t.column] for t in group) for group in label.said)
        for member in members
    ]
    return f"{label.words}, {percent(sum(holds) / len(holds))}"


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
