"""Where the hierarchy is cut: as asked for, or at the first level that says something.

The rule, fixed before any outcome was looked at: the default cut (most excess of mass) is shown
unless it is lopsided, that is, has fewer than three clusters, or one with more than half of the
names that are in any. Then the finer levels are tried in order, `split` before `leaf`, and the
first is shown that is not lopsided itself and whose clusters come back in resamples farther beyond
chance than those of the default. Where none does, the default stays.
"""

from __future__ import annotations

import numpy as np

from namebasis.analysis.clusters.hierarchy import Clusters
from namebasis.analysis.clusters.stability import cluster_stability
from namebasis.analysis.graph.neighbours import KnnGraph
from namebasis.checks import FloatArray
from namebasis.wording import percent

FINER = ("split", "leaf")
"""Levels that are tried where the default is lopsided, in this order."""

_FEWEST = 3
_MOST = 0.5
_RESAMPLES = 5


def is_lopsided(clusters: Clusters) -> bool:
    """Whether there are fewer than three clusters, or most clustered names are in one."""
    sizes = clusters.sizes
    return sizes.size < _FEWEST or bool(sizes[0] > _MOST * sizes.sum())


def choose_level(
    vectors: FloatArray, graph: KnnGraph, found: Clusters
) -> tuple[Clusters, list[str]]:
    """The default cut or a finer one, by the rule of this module, and a note where it applies.

    The resamples are always the same ones: one input, one answer.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim)
    graph : KnnGraph
        Their neighbours.
    found : Clusters
        At the default level.
    """
    finer = _finer(found)
    if not finer or not is_lopsided(found):
        return found, []
    least = _beyond_chance(vectors, graph, found)
    for cut in finer:
        if _beyond_chance(vectors, graph, cut) > least:
            shown = f"shown at --level {cut.level}: {cut.n_clusters:,} clusters"
            return cut, [f"The default cut {_leaves(found)}; {shown}."]
    worse = "whose clusters come back no better in resamples"
    return found, [f"This cut {_leaves(found)}; {_offered(finer[0])}, {worse}."]


def level_hint(found: Clusters) -> list[str]:
    """What to try where a level that was asked for is lopsided."""
    finer = [cut for cut in _finer(found) if cut.level != found.level]
    if not finer or not is_lopsided(found):
        return []
    return [f"This cut {_leaves(found)}; {_offered(finer[0])}."]


def _finer(found: Clusters) -> list[Clusters]:
    """The finer levels that are not lopsided."""
    cuts = [found.cut(method=level) for level in FINER]
    return [cut for cut in cuts if not is_lopsided(cut)]


def _beyond_chance(vectors: FloatArray, graph: KnnGraph, found: Clusters) -> float:
    """Mean stability over clustered names: 0 as by chance, 1 where all come back whole."""
    if found.n_clusters == 0:
        return 0.0
    again = cluster_stability(vectors, found, graph, n_resamples=_RESAMPLES)
    left = 1 - again.by_chance
    gained = np.divide(again.means - again.by_chance, left, np.zeros(left.size), where=left > 0)
    return float(np.average(gained, weights=found.sizes))


def _leaves(found: Clusters) -> str:
    """What is lopsided."""
    if found.n_clusters == 0:
        return "finds no cluster"
    share = percent(found.sizes[0] / found.labels.size)
    if found.n_clusters == 1:
        return f"finds one cluster, with {share} of the names"
    return f"leaves {share} of the names in one of {found.n_clusters:,} clusters"


def _offered(cut: Clusters) -> str:
    return f"--level {cut.level} gives {cut.n_clusters:,}"
