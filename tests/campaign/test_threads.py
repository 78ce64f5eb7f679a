"""Threads, forks and pickles: a sample, and the whole; and what a seed decides."""

from __future__ import annotations

from random import Random

import pytest

from tests.campaign import processes
from tests.campaign.run import Campaign, smallest


@pytest.mark.long
def test_a_sample_answers_as_one_thread(campaign: Campaign) -> None:
    assert campaign.failures("threads", range(len(processes.KINDS))) == []


def test_a_case_is_decided_by_its_seed_and_number(campaign: Campaign) -> None:
    def drawn(seed: int) -> list[tuple[str, int]]:
        return [processes.draw(Random(f"{seed}:threads:{n}"), n) for n in range(9)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_of_equal_failures_the_shortest_is_told() -> None:
    told = [("kills:1:22 a long one", "exit 5"), ("kills:1:3", "exit 7"), ("damage:1:1", "hang")]
    assert smallest(told) == [("kills:1:3", "exit 7"), ("damage:1:1", "hang")]


@pytest.mark.slow
def test_the_whole(campaign: Campaign) -> None:
    assert campaign.failures("threads", range(100)) == []
