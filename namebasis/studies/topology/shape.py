"""The shape of name space in numbers: entropy, hubs, dimension, homology, graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np

from namebasis.analysis.graph.hubness import hubness
from namebasis.analysis.graph.neighbours import DuplicateGroups, KnnGraph, duplicate_groups
from namebasis.analysis.shape.dimension import dimensions
from namebasis.analysis.shape.entropy import (
    EntropyReport,
    NullComparison,
    entropy_against_nulls,
    entropy_report,
)
from namebasis.analysis.shape.homology_null import PersistenceReport, persistence_report
from namebasis.checks import Float64Array, FloatArray
from namebasis.results import plain_dict
from namebasis.studies.topology.graph import GraphShape, measure_graph

STEPS = ("entropy", "hubs", "homology", "graph")
"""What `measure_shape` reports to `lap`, in this order."""

_NULL_ROWS = 1000  # rows of an entropy beside its nulls: an exact spectrum for each draw
_N_HUBS = 12
_ENOUGH = 4  # rows below which nothing of this says anything


@dataclass(frozen=True)
class EntropyShape:
    """Diffusion spectral entropy of the names.

    Attributes
    ----------
    whole : EntropyReport
        Bits, standard error, share of log2 n, bandwidth and the curve over t.
    nulls : tuple of NullComparison
        Of a random `n_null_rows` of the names, by the dense kernel of the same bandwidth: z
        against a Gaussian of the same covariance and against shuffled columns.
    n_null_rows : int
    """

    whole: EntropyReport
    nulls: tuple[NullComparison, ...]
    n_null_rows: int


@dataclass(frozen=True)
class Hub:
    """A name that is near to many.

    Attributes
    ----------
    row : int
        Its position in the report.
    name : str
    in_degree : int
        Of how many other vectors it is one of the k nearest; about k on average.
    n_alike : int
        Names with its very vector, itself counted.
    """

    row: int
    name: str
    in_degree: int
    n_alike: int


@dataclass(frozen=True)
class HubShape:
    """How unevenly names serve as neighbours; names with equal vectors count once.

    Attributes
    ----------
    skewness : float
        Of the in-degrees: 0 for an even graph; NaN where all are equal.
    anti_hub_share : float
        Share of vectors that are nobody's neighbour.
    hubs : tuple of Hub
        The largest first.
    """

    skewness: float
    anti_hub_share: float
    hubs: tuple[Hub, ...]


@dataclass(frozen=True)
class DimensionShape:
    """In how many directions names vary around one another.

    Attributes
    ----------
    two_nn : float
        From the ratio of second to first neighbour distances; NaN where undefined.
    likelihood : float
        Maximum likelihood over all k neighbours of all names together.
    quartiles : tuple of three float
        Of the local dimension over names; NaN where it is defined for none.
    n_undefined : int
        Names with fewer than 3 different neighbours, or all of them equally far.
    """

    two_nn: float
    likelihood: float
    quartiles: tuple[float, float, float]
    n_undefined: int


@dataclass(frozen=True)
class TopologyShape:
    """What the arrangement of names is like, beside what chance gives.

    Attributes
    ----------
    entropy : EntropyShape
    hubs : HubShape
    dimension : DimensionShape
    persistence : PersistenceReport or None
        Diagrams in H0 and H1; None where all vectors are equal.
    graph : GraphShape
    hubness, local_dimension, bridge : ndarrays of shape (n,), float64
        Per name: in-degree over its mean (1 is average), intrinsic dimension around it, and the
        mean distance between the locales of two of its neighbours (0: locales that are often
        joined, 1: never). NaN where undefined; equal for names with equal vectors.
    notes : tuple of str
        What a reader should know about this answer.
    """

    entropy: EntropyShape
    hubs: HubShape
    dimension: DimensionShape
    persistence: PersistenceReport | None
    graph: GraphShape
    hubness: Float64Array
    local_dimension: Float64Array
    bridge: Float64Array
    notes: tuple[str, ...]

    def columns(self) -> dict[str, Float64Array]:
        """The values per name, by the metric columns they are stored in."""
        return {
            "hubness": self.hubness,
            "local_dimension": self.local_dimension,
            "bridge": self.bridge,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything but the values per name, as plain JSON values; None for what is undefined."""
        parts = ("entropy", "hubs", "dimension", "persistence", "graph", "notes")
        found = {part: getattr(self, part) for part in parts}
        return plain_dict({part: _nested(value) for part, value in found.items()})


def _nested(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def measure_shape(
    vectors: FloatArray,
    graph: KnnGraph,
    names: Sequence[str],
    labels: Mapping[str, Sequence[str | None]],
    *,
    n_landmarks: int = 256,
    n_null: int = 5,
    n_permutations: int = 99,
    seed: int = 0,
    lap: Callable[[str], None] | None = None,
    homology: Future[PersistenceReport | None] | None = None,
) -> TopologyShape:
    """Measure entropy, hubs, dimension, homology and graph of n names.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim)
        Unit rows, at least 3.
    graph : KnnGraph
        Their neighbours; everything below uses this one.
    names : sequence of str, length n
    labels : mapping of str to sequence of n str or None
        Properties for assortativity; bridges are measured between the values of ``locale``.
    n_landmarks : int
        Names that stand for all in homology.
    n_null : int
        Draws of each null; 0 for none.
    n_permutations : int
        Shuffles for the null of each assortativity.
    seed : int
        Of everything random.
    lap : callable, optional
        Called with each of `STEPS` when it is done.
    homology : Future, optional
        What `measure_homology` gives, where that is at work beside this; waited for last, and not
        told to `lap`.

    Returns
    -------
    TopologyShape

    Raises
    ------
    ValueError
        If shapes do not fit or a value is not finite.
    """
    tell = lap or (lambda step: None)
    if graph.n_rows != len(vectors) or len(names) != len(vectors):
        raise ValueError(
            f"vectors, graph and names must be of one length; got {len(vectors)}, "
            f"{graph.n_rows} and {len(names)}."
        )
    entropy = _entropy(vectors, graph, n_null, seed)
    tell("entropy")
    groups = duplicate_groups(vectors)
    hubs, column = _hubs(graph, groups, names)
    dimension, local, notes = _dimension(vectors, graph)
    tell("hubs")
    persistence = None
    if homology is None:
        persistence = measure_homology(vectors, n_landmarks=n_landmarks, n_null=n_null, seed=seed)
        tell("homology")
    arranged, bridge, told = measure_graph(
        graph, groups, names, labels, n_permutations=n_permutations, seed=seed
    )
    tell("graph")
    persistence = persistence if homology is None else homology.result()
    if persistence is None:
        notes.append("All vectors are equal: entropy is 0 and one point has no homology.")
    return TopologyShape(
        entropy=entropy,
        hubs=hubs,
        dimension=dimension,
        persistence=persistence,
        graph=arranged,
        hubness=column,
        local_dimension=local,
        bridge=bridge,
        notes=(*notes, *told),
    )


def measure_homology(
    vectors: FloatArray, *, n_landmarks: int = 256, n_null: int = 5, seed: int = 0
) -> PersistenceReport | None:
    """Measure the homology of names, beside a null; None where all vectors are equal.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim)
    n_landmarks, n_null, seed : int
        As `measure_shape` takes them.
    """
    if (vectors == vectors[0]).all():
        return None
    return persistence_report(vectors, n_landmarks=n_landmarks, n_draws=n_null, seed=seed)


def _entropy(vectors: FloatArray, graph: KnnGraph, n_null: int, seed: int) -> EntropyShape:
    whole = entropy_report(
        vectors, k=graph.k, neighbours=graph.indices, neighbour_recall=graph.recall, seed=seed
    )
    sample = vectors
    if len(vectors) > _NULL_ROWS:
        rng = np.random.default_rng(seed)
        sample = vectors[np.sort(rng.choice(len(vectors), _NULL_ROWS, replace=False))]
    nulls: tuple[NullComparison, ...] = ()
    if n_null:
        bandwidth = None if np.isnan(whole.bandwidth) else whole.bandwidth
        nulls = entropy_against_nulls(
            sample, bandwidth=bandwidth, method="exact", n_draws=max(n_null, 2), seed=seed
        )
    return EntropyShape(whole, nulls, len(sample))


def _hubs(
    graph: KnnGraph, groups: DuplicateGroups, names: Sequence[str]
) -> tuple[HubShape, Float64Array]:
    found = hubness(graph, groups=groups, n_hubs=_N_HUBS)
    listed = tuple(
        Hub(
            int(row),
            names[row],
            int(found.in_degrees[row]),
            int(groups.sizes[groups.group[row]]),
        )
        for row in found.hubs
        if found.in_degrees[row] > 0
    )
    column = found.in_degrees / found.mean if found.mean else np.full(len(names), np.nan)
    return HubShape(found.skewness, found.anti_hub_share, listed), column


def _dimension(
    vectors: FloatArray, graph: KnnGraph
) -> tuple[DimensionShape, Float64Array, list[str]]:
    n = len(vectors)
    if n < _ENOUGH or graph.k < 3:
        nothing = DimensionShape(float("nan"), float("nan"), (float("nan"),) * 3, n)
        note = f"The intrinsic dimension takes 3 neighbours of each name; there are {graph.k}."
        return nothing, np.full(n, np.nan), [note]
    found = dimensions(vectors, graph)
    local = found.local
    known = local[np.isfinite(local)]
    if known.size == 0:
        nothing = DimensionShape(float("nan"), float("nan"), (float("nan"),) * 3, n)
        return nothing, local, ["No name has 3 different neighbours: no intrinsic dimension."]
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    shape = DimensionShape(
        two_nn=found.two_nn,
        likelihood=found.likelihood,
        quartiles=(float(low), float(middle), float(high)),
        n_undefined=n - known.size,
    )
    return shape, np.where(np.isfinite(local), local, np.nan), []
