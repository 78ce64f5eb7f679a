"""Readers beside writers, and many processes that want one cache: a sample, and the whole."""

from __future__ import annotations

import pytest

from tests.campaign import readers
from tests.campaign.run import Campaign

pytestmark = pytest.mark.long


@pytest.mark.parametrize("kind", readers.WRITERS)
def test_a_sample_of_reads_is_right(campaign: Campaign, kind: str) -> None:
    reads, rounds, problem = readers.case(campaign.world, kind, 0.4, seed=campaign.seed % 1000)
    assert problem is None
    assert reads > 5
    assert rounds >= 2


@pytest.mark.parametrize("what", ["index", "graph"])
def test_several_processes_ask_for_one_cache(campaign: Campaign, what: str) -> None:
    assert readers.barrier(campaign.world, what, n_processes=8) is None


@pytest.mark.slow
def test_the_whole(campaign: Campaign) -> None:
    assert campaign.failures("readers", range(60)) == []
