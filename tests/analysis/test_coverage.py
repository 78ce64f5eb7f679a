"""How often every interval of the product holds the truth: a sample here, all of it when slow."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from benchmarks._coverage import Cell, cells, simulate

PROMISED = [cell for cell in cells() if cell.bar is not None]
KINDS = {cell.interval for cell in PROMISED}


def check(cell: Cell, times: int) -> None:
    """Fail where so few would be rarer than one in a thousand at the least coverage."""
    held, there = simulate(cell, times, seed=7)
    assert there, "no interval was given"
    assert held >= binom.ppf(0.001, there, cell.bar), f"{held} of {there}"


@pytest.mark.long
@pytest.mark.parametrize(
    "cell", [c for c in PROMISED if c.in_sample], ids=lambda c: f"{c.interval} {c.design} {c.n}"
)
def test_a_sample_of_intervals_holds_the_truth(cell: Cell) -> None:
    check(cell, 250)


def test_the_sample_has_every_kind_that_is_drawn() -> None:
    assert {cell.interval for cell in PROMISED if cell.in_sample} == KINDS


@pytest.mark.slow
@pytest.mark.parametrize("cell", PROMISED, ids=lambda c: f"{c.interval} {c.design} {c.n}")
def test_every_interval_holds_the_truth(cell: Cell) -> None:
    check(cell, 1000)
