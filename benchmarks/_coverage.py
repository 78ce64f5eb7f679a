"""Designs of which the truth is known, to count how often an interval of the product holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import norm

from namebasis.analysis import intervals
from namebasis.analysis.clusters.stability import Stability
from namebasis.analysis.graph.hubness import overlap_interval, row_overlap
from namebasis.analysis.graph.neighbours import knn_graph
from namebasis.analysis.identity.spread import FEWEST_LOWER, QUANTILES, spread
from namebasis.analysis.training.change_points import change_points, crossing

Ends = tuple[float | None, float | None]
Draw = Callable[[np.random.Generator], tuple[Ends, float]]
"""One simulation: the ends of an interval, and the truth that it should hold."""


@dataclass(frozen=True)
class Cell:
    """One interval at one n of one design.

    Attributes
    ----------
    interval, design, n : str
    draw : callable
    bar : float or None
        The least coverage that it must have; None for a design past what the interval promises.
    in_sample : bool
        Cheap and telling enough for a quick sample.
    """

    interval: str
    design: str
    n: str
    draw: Draw
    bar: float | None = 0.93
    in_sample: bool = False


def simulate(cell: Cell, times: int, seed: int = 0) -> tuple[int, int]:
    """How often the interval holds the truth, and how often there is one, of `times` draws."""
    rng = np.random.default_rng([seed, *f"{cell.interval} {cell.design} {cell.n}".encode()])
    held = there = 0
    for _ in range(times):
        (low, high), truth = cell.draw(rng)
        if low is not None and high is not None:
            there += 1
            held += low <= truth <= high
    return held, there


def cells() -> Iterator[Cell]:
    """All of them."""
    yield from _aucs()
    yield from _rank_correlations()
    yield from _shares()
    yield from _means()
    yield from _differences()
    yield from _spreads()
    yield from _overlaps()
    yield from _crossings()
    yield from _order_statistics()


def _ends(found: intervals.Interval) -> Ends:
    return found.low, found.high


# AUC --------------------------------------------------------------------------------------


def _aucs() -> Iterator[Cell]:
    for m, n in ((10, 10), (10, 200), (200, 10), (30, 30), (30, 500)):
        for area in (0.5, 0.76, 0.92, 0.98, 0.995):
            for label, sd in (("equal", 1.0), ("wide", 2.0), ("narrow", 0.5)):
                draw = _auc_of_normals(m, n, area, sd)
                quick = label == "equal" and m == 10 and area in (0.92, 0.98)
                yield Cell("AUC", f"{area}, {label}", f"{m}, {n}", draw, in_sample=quick)
            yield Cell("AUC", f"{area}, waiting times", f"{m}, {n}", _auc_of_waits(m, n, area))
    for m, n in ((1, 50), (2, 50), (3, 3)):  # of rare kinds among names of like popularity
        yield Cell("AUC", "0.92, equal", f"{m}, {n}", _auc_of_normals(m, n, 0.92, 1.0))


def _auc_of_normals(m: int, n: int, area: float, sd: float) -> Draw:
    shift = float(norm.ppf(area)) * (1 + sd**2) ** 0.5

    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        values, others = shift + sd * rng.standard_normal(m), rng.standard_normal(n)
        return _ends(intervals.auc_interval(values, others)), area

    return draw


def _auc_of_waits(m: int, n: int, area: float) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        values, others = area / (1 - area) * rng.exponential(size=m), rng.exponential(size=n)
        return _ends(intervals.auc_interval(values, others)), area

    return draw


# Spearman ---------------------------------------------------------------------------------


def _rank_correlations() -> Iterator[Cell]:
    for n in (4, 6, 10, 30, 200):
        for rho in (0.0, 0.4, 0.8, 0.95, 0.99):
            for kind in ("normal", "ties", "heavy tails"):
                quick = n == 10 and kind == "normal" and rho in (0.4, 0.95)
                yield Cell(
                    "Spearman", f"{rho}, {kind}", str(n), _rank_draw(n, rho, kind), in_sample=quick
                )
    for n in (10, 30, 200):
        draw = _rank_draw(n, 0.8, "noise grows")
        yield Cell("Spearman", "0.8, noise that grows from 0", str(n), draw, bar=None)


def _rank_draw(n: int, rho: float, kind: str) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        pairs = _pairs(rng, n, rho, kind)
        return _ends(intervals.rank_correlation_interval(*pairs)), _rank_truth(rho, kind)

    return draw


def _pairs(rng: np.random.Generator, n: int, rho: float, kind: str) -> Any:
    first, noise = rng.standard_normal((2, n))
    if kind == "noise grows":
        noise = noise * np.abs(first) * 1.2
    second = rho * first + (1 - rho**2) ** 0.5 * noise
    if kind == "ties":
        return np.round(first), np.round(second)
    if kind == "heavy tails":
        scale = np.sqrt(2 / rng.chisquare(2, size=n))
        return first * scale, second * scale
    return first, second


@cache
def _rank_truth(rho: float, kind: str) -> float:
    """Of normal pairs by formula, of others in a million of them."""
    if rho == 0:
        return 0.0
    if kind == "normal":
        return float(6 / np.pi * np.arcsin(rho / 2))
    pairs = _pairs(np.random.default_rng(1), 1_000_000, rho, kind)
    return float(intervals.rank_correlations(*pairs))


# Means ------------------------------------------------------------------------------------


def _shares() -> Iterator[Cell]:
    for n in (1, 2, 5, 10, 20, 100, 1000):
        for p in (0.002, 0.05, 0.3, 0.5, 0.95):
            quick = n == 20 and p in (0.05, 0.95)
            name = f"{p}, yes and no"
            yield Cell("share", name, str(n), _share_draw(n, p, None), in_sample=quick)
        for a, b in ((0.2, 0.8), (2.0, 5.0), (0.02, 2.0)):
            name = f"{a / (a + b):.2g}, beta({a}, {b})"
            yield Cell("share", name, str(n), _share_draw(n, a / (a + b), (a, b)))


def _share_draw(n: int, p: float, shape: tuple[float, float] | None) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        values = rng.random(n) < p if shape is None else rng.beta(*shape, size=n)
        return _ends(intervals.share_interval(values)), p

    return draw


_MEANS: dict[str, tuple[Callable[[np.random.Generator, int], Any], float]] = {
    "normal": (lambda rng, n: rng.standard_normal(n), 0.0),
    "uniform": (lambda rng, n: rng.random(n), 0.5),
    "skewness 1": (lambda rng, n: rng.gamma(4.0, size=n), 4.0),
    "skewness 2": (lambda rng, n: rng.exponential(size=n), 1.0),
    "log-normal, skewness 6": (lambda rng, n: rng.lognormal(size=n), float(np.exp(0.5))),
}


def _means() -> Iterator[Cell]:
    for n in (5, 10, 20, 100):
        for kind, (make, truth) in _MEANS.items():

            def draw(
                rng: np.random.Generator, n: int = n, make: Any = make, truth: float = truth
            ) -> tuple[Ends, float]:
                return _ends(intervals.mean_interval(make(rng, n))), truth

            bar = None if kind.startswith("log-normal") else 0.93
            quick = kind in ("normal", "skewness 2") and n in (5, 10)
            yield Cell("mean", kind, str(n), draw, bar, in_sample=quick)


def _differences() -> Iterator[Cell]:
    for m, n in ((2, 2), (2, 100), (5, 5), (5, 50), (50, 50)):
        for sd in (0.2, 1.0, 5.0):

            def draw(
                rng: np.random.Generator, m: int = m, n: int = n, sd: float = sd
            ) -> tuple[Ends, float]:
                values, others = 1 + sd * rng.standard_normal(m), rng.standard_normal(n)
                return _ends(intervals.difference_interval(values, others)), 1.0

            quick = (m, n, sd) == (2, 100, 1.0)
            name = f"deviations {sd} : 1"
            yield Cell("difference", name, f"{m}, {n}", draw, in_sample=quick)


# Spread -----------------------------------------------------------------------------------


def _spreads() -> Iterator[Cell]:
    for n in (5, 7, 9, 15, 24, 60, FEWEST_LOWER):
        for kind in ("tight", "loose", "uneven", "one in seven elsewhere"):
            for dim in (8, 256):
                held = kind != "one in seven elsewhere"
                for key in ("div", "q05", "q50", "q95"):
                    least = {"div": 5, "q50": 7, "q95": 24, "q05": FEWEST_LOWER}[key]
                    if n >= least:
                        yield Cell(
                            f"spread {key}", f"{kind}, {dim} dimensions", str(n),
                            _spread_draw(n, kind, dim, key), 0.93 if held else None,
                            in_sample=dim == 8 and kind == "uneven" and n == least,
                        )  # fmt: skip


def _spread_draw(n: int, kind: str, dim: int, key: str) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        found = spread(_cloud(rng, n, kind, dim)).intervals()[key]
        return _ends(found), _spread_truth(kind, dim)[key]

    return draw


def _cloud(rng: np.random.Generator, n: int, kind: str, dim: int) -> Any:
    rows = rng.standard_normal((n, dim)) / dim**0.5
    if kind == "uneven":  # deviations as 1, 1/2, 1/3 ... along the axes
        rows = 0.8 * dim**0.5 * rows / np.arange(1, dim + 1)
    elif kind == "one in seven elsewhere":
        rows *= 0.2
        rows[:, 1] += rng.random(n) < 1 / 7
    else:
        rows *= {"tight": 0.9, "loose": 3.0}[kind]
    rows[:, 0] += 1
    return rows


@cache
def _spread_truth(kind: str, dim: int) -> dict[str, float]:
    """Of pairs of 40,000 rows: 1 less their mean cosine, and quantiles of 8 million of them."""
    rows = _cloud(np.random.default_rng(1), 40_000, kind, dim)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    square = float(np.square(rows.mean(axis=0)).sum())
    cosines = rows[:4000] @ rows[4000:6000].T
    levels = np.quantile(cosines, QUANTILES)
    n = len(rows)
    return {
        "div": 1 - (n * square - 1) / (n - 1),
        **{f"q{round(100 * q):02d}": float(v) for q, v in zip(QUANTILES, levels, strict=True)},
    }


# Neighbours, trajectories, resamples ---------------------------------------------------------


def _overlaps() -> Iterator[Cell]:
    for n, ks in ((10, (1, 5)), (40, (1, 5)), (100, (1, 15))):
        for noise in (0.2, 1.0):
            for k in ks:
                for dim in (2, 10):
                    yield Cell(
                        "neighbours in both", f"{k} nearest, noise {noise}, {dim} dimensions",
                        str(n), _overlap_draw(n, noise, k, dim),
                        in_sample=(n, noise, k, dim) == (40, 0.2, 5, 2),
                    )  # fmt: skip


def _overlap_draw(n: int, noise: float, k: int, dim: int) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        found = overlap_interval(*_two_graphs(rng, n, noise, k, dim))
        return _ends(found), _overlap_truth(n, noise, k, dim)

    return draw


def _two_graphs(rng: np.random.Generator, n: int, noise: float, k: int, dim: int) -> Any:
    rows = rng.standard_normal((n, dim))
    again = rows + noise * rng.standard_normal((n, dim))
    return knn_graph(rows, k), knn_graph(again, k)


@cache
def _overlap_truth(n: int, noise: float, k: int, dim: int) -> float:
    rng = np.random.default_rng(1)
    drawn = (row_overlap(*_two_graphs(rng, n, noise, k, dim)) for _ in range(1000))
    return float(np.mean([shares.mean() for shares in drawn]))


def _crossings() -> Iterator[Cell]:
    places = np.arange(20.0)
    for n in (12, 16, 24):
        for noise in (0.5, 2.0):
            for width in (1.0, 4.0):
                truth = np.tanh((places - 9.3) / width)

                def draw(
                    rng: np.random.Generator, n: int = n, noise: float = noise, truth: Any = truth
                ) -> tuple[Ends, float]:
                    rows, again = _replicates(rng, truth, noise, n)
                    found = crossing(places, rows, again, n_resampled=n)
                    return (found.low, found.high), 9.3

                quick = (n, noise, width) == (12, 0.5, 1.0)
                name = f"rise of {width:g}, noise {noise:g}"
                yield Cell("crossing", name, str(n), draw, in_sample=quick)
        for noise in (0.5, 2.0):
            yield Cell(
                "change point",
                f"jump of 2, noise {noise:g}",
                str(n),
                _change(n, noise),
                in_sample=(n, noise) == (12, 0.5),
            )


def _replicates(rng: np.random.Generator, truth: Any, noise: float, n: int) -> tuple[Any, Any]:
    """The mean of n noisy series, and 200 bootstrap means of them."""
    rows = truth + noise * rng.standard_normal((n, len(truth)))
    shares = rng.multinomial(n, np.full(n, 1 / n), size=200) / n
    return rows.mean(axis=0), shares @ rows


def _change(n: int, noise: float) -> Draw:
    truth = np.repeat([-1.0, 1.0], [9, 11])

    def draw(rng: np.random.Generator) -> tuple[Ends, float]:
        found = change_points(*_replicates(rng, truth, noise, n), max_points=1)
        return ((found[0].low, found[0].high) if found else (None, None)), 9.0

    return draw


def _order_statistics() -> Iterator[Cell]:
    for n in (19, 20, 50, 200):

        def again(rng: np.random.Generator, n: int = n) -> tuple[Ends, float]:
            drawn = rng.beta(8, 2, size=(n + 1, 1))
            ends = Stability(drawn[:n], np.zeros(1), 0.8).interval()
            assert ends is not None
            return (float(ends[0][0]), float(ends[1][0])), float(drawn[n, 0])

        # Of one more resample, and of 90 % of them.
        yield Cell("cluster found again (90 %)", "one more resample", str(n), again, 0.88, n == 20)
