"""How rigidly a name keeps its embedding over contexts or images, against names nobody bears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.spread import (
    Spread,
    context_measures,
    context_prior,
    spread,
    standing,
)
from namebasis.checks import check_count
from namebasis.namespace.pseudo import pseudo_names
from namebasis.studies.contexts import Progress, embed_contexts, load_contexts

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

STUDY = "rigidity"
METRICS = ("similarity", "div", "displacement_ratio", "interaction", "leakage")
_FEWEST_WEAK = 20


@dataclass(frozen=True)
class NameRigidity:
    """One name's measures; `context_…` fields are None for images.

    Attributes
    ----------
    name : str
    spread : Spread
    percentile, z : float
        Of `spread.similarity` among the made-up names: high is more rigid.
    weak_percentile : float or None
        The same among the space's rarest names; None where it does not say how rare names are.
    displacement, displacement_ratio, interaction, leakage : float or None
        See `analysis.spread.ContextMeasures`.
    ratio_percentile : float or None
        Of `displacement_ratio` among the made-up names.
    leaked : str or None
        The context that the bare name lies furthest towards.
    """

    name: str
    spread: Spread
    percentile: float
    z: float
    weak_percentile: float | None = None
    displacement: float | None = None
    displacement_ratio: float | None = None
    ratio_percentile: float | None = None
    interaction: float | None = None
    leakage: float | None = None
    leaked: str | None = None


@dataclass(frozen=True)
class Rigidity:
    """Measures of names, in the order asked for.

    Attributes
    ----------
    rows : tuple of NameRigidity
    contexts : tuple of str
        Empty for images.
    n_prior, n_weak : int
        Made-up names, and rare names, that the rows are compared with.
    notes : tuple of str
        What could not be measured, and why.
    """

    rows: tuple[NameRigidity, ...]
    contexts: tuple[str, ...]
    n_prior: int
    n_weak: int
    notes: tuple[str, ...]

    def to_arrow(self) -> pa.Table:
        """One row per name: the measures, similarity and div with the bounds of their interval."""
        return pa.Table.from_pylist([_flat(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def write(self, space: Space) -> int:
        """Store the measures of the names that the space holds; return how many those are.

        Raises
        ------
        ValueError
            If it holds none of them.
        """
        found = {space.find(row.name): row for row in self.rows}
        found.pop(None, None)
        if not found:
            raise ValueError("the space holds none of these names; add them before writing.")
        flat = [_flat(row) for row in found.values()]
        columns: dict[str, Any] = {"id": pa.array(list(found), pa.int64())}
        for metric in METRICS:
            values = [row[metric] for row in flat]
            columns[f"rigidity_{metric}"] = pa.array(values, pa.float64())
        parameters = {"contexts": list(self.contexts), "n_prior": self.n_prior}
        space.add_metrics(pa.table(columns), study=STUDY, parameters=parameters)
        return len(found)


def _flat(row: NameRigidity) -> dict[str, Any]:
    values = asdict(row)
    del values["spread"]
    measured = row.spread
    values["n"] = measured.n
    for what in ("similarity", "div", "range"):
        interval = getattr(measured, what)
        values |= {what: interval.value, f"{what}_low": interval.low, f"{what}_high": interval.high}
    return values


def rigidity(
    space: Space,
    names: Sequence[str] | None = None,
    *,
    where: str | None = None,
    contexts: str | Path | None = None,
    n_prior: int = 100,
    n_bootstrap: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> Rigidity:
    """Measure names in contexts, from text alone.

    Parameters
    ----------
    space : Space
        Its encoder embeds the contexts; names need not be stored.
    names : sequence of str, optional
        By default those of `where`.
    where : str, optional
        SQL filter, only without `names`.
    contexts : str or Path, optional
        A TOML file; see `load_contexts`.
    n_prior : int
        Made-up names to compare with, at least 20, and as many of the space's rarest names.
    n_bootstrap, seed : int

    Raises
    ------
    ValueError
        If there is no name, or one comes twice.
    NamebasisError
        If the contexts, the filter or the encoder are refused.
    """
    check_count(n_prior, "n_prior", 20)
    asked = _asked(space, names, where)
    templates = tuple(load_contexts(contexts))
    made = pseudo_names(n_prior, seed=seed).strings
    weak = _weak_names(space, n_prior, set(asked))
    everyone = [*asked, *made, *weak]
    bare, placed = embed_contexts(space.encoder(), everyone, templates, progress=progress)
    n, m = len(asked), len(made)
    prior = context_prior(bare[n : n + m], placed[n : n + m])
    measured = context_measures(bare, placed, prior)
    ratios = standing(measured.displacement_ratio[:n], measured.displacement_ratio[n : n + m])
    base = spreads(
        dict(zip(asked, placed[:n], strict=True)),
        dict(zip(made, placed[n : n + m], strict=True)),
        weak=dict(zip(weak, placed[n + m :], strict=True)),
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    rows = tuple(
        NameRigidity(
            row.name,
            row.spread,
            row.percentile,
            row.z,
            row.weak_percentile,
            float(measured.displacement[at]),
            float(measured.displacement_ratio[at]),
            float(ratios.percentile[at]),
            float(measured.interaction[at]),
            float(measured.leakage[at]),
            templates[int(measured.leaked[at])],
        )
        for at, row in enumerate(base.rows)
    )
    return Rigidity(rows, templates, m, len(weak), base.notes)


def spreads(
    sets: Mapping[str, npt.ArrayLike],
    prior: Mapping[str, npt.ArrayLike],
    *,
    weak: Mapping[str, npt.ArrayLike] | None = None,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Rigidity:
    """Measure sets of embeddings, one set per name: its contexts or its images.

    Parameters
    ----------
    sets : mapping of str to array_like of shape (n, n_features)
    prior : mapping of str to array_like of shape (n, n_features)
        Of names that nobody bears, made in the same way and equally many each, as similarity@n
        depends on n.
    weak : mapping of str to array_like, optional
        Of names that the model hardly knows.

    Raises
    ------
    ValueError
        If there is no set, sizes differ, or an array is refused; see `analysis.spread.spread`.
    """
    rare = weak or {}
    sizes = {len(np.asarray(rows)) for group in (sets, prior, rare) for rows in group.values()}
    if not sets or len(sizes) != 1:
        raise ValueError(
            f"sets must be one or more, of one size with the prior's; got sizes {sorted(sizes)}."
        )
    null = _similarities(prior)
    weak_null = _similarities(rare) if len(rare) >= _FEWEST_WEAK else None
    rows = []
    for name, embeddings in sets.items():
        measured = spread(embeddings, n_bootstrap=n_bootstrap, seed=seed)
        value = [measured.similarity.value]
        place = standing(value, null)
        among_weak = None if weak_null is None else float(standing(value, weak_null).percentile[0])
        rows.append(
            NameRigidity(name, measured, float(place.percentile[0]), float(place.z[0]), among_weak)
        )
    notes = () if weak_null is not None else (
        f"weak_percentile is null: fewer than {_FEWEST_WEAK} other names have a recorded count.",
    )  # fmt: skip
    return Rigidity(tuple(rows), (), len(prior), len(rare), notes)


def _similarities(sets: Mapping[str, npt.ArrayLike]) -> npt.NDArray[np.float64]:
    """similarity@n of each set: the length of the mean of its unit rows."""
    values = []
    for embeddings in sets.values():
        rows = np.asarray(embeddings, dtype=np.float64)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        values.append(float(np.linalg.norm(rows.mean(axis=0))))
    return np.array(values)


def _asked(space: Space, names: Sequence[str] | None, where: str | None) -> list[str]:
    if names is not None:
        asked = [name.strip() for name in names]
    else:
        asked = space.table(["name"], where=where)["name"].to_pylist()
        asked = list(dict.fromkeys(asked))  # one name can be stored as given and as family
    if not asked or not all(asked):
        raise ValueError("no name to measure: give names, or a filter that some names pass.")
    if len(set(asked)) != len(asked):
        twice = next(name for name in asked if asked.count(name) > 1)
        raise ValueError(f"names must differ; {twice!r} comes twice.")
    return asked


def _weak_names(space: Space, n: int, besides: set[str]) -> list[str]:
    """The space's rarest names of recorded count."""
    table = space.table(["name"], where="count IS NOT NULL", order_by="count", limit=n)
    return [name for name in dict.fromkeys(table["name"].to_pylist()) if name not in besides]
