"""One warm process, one world and one campaign, of which every case takes a copy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.campaign.run import Campaign
from tests.campaign.warm import warm
from tests.campaign.world import World

SEED = 7


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with warm() as started:
        yield Campaign(World(started, tmp_path_factory.mktemp("campaign") / "w"), SEED)
