"""A sample of the kills; all events of all commands with the marker `slow`."""

from __future__ import annotations

import pytest

from tests.campaign import kills
from tests.campaign.run import Campaign


def test_a_sample_loses_and_blocks_nothing(campaign: Campaign) -> None:
    assert campaign.failures("kills", range(6)) == []


def test_events_are_counted_and_the_process_dies_there(campaign: Campaign) -> None:
    place = campaign.world.case("base.space")
    words = list(kills.OPERATIONS["add"].words)
    died = campaign.world.warm.call("tests.campaign.kills:killed", words, 2, 0.0, cwd=place)
    assert (died.signal, died.code) == (9, None)
    whole = campaign.world.warm.call("tests.campaign.kills:killed", words, 0, 0.0, cwd=place)
    assert whole.code == 0
    assert whole.value >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", kills.ALL)
def test_every_event(campaign: Campaign, name: str) -> None:
    undisturbed = campaign.undisturbed
    events = range(1, undisturbed.of(name)[0] + 1)
    failed = {at: kills.case(campaign.world, undisturbed, name, at, 0.0) for at in events}
    assert {at: problem for at, problem in failed.items() if problem} == {}
