"""One warm process, one world and one campaign, of which every case takes a copy."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.campaign.run import Campaign
from tests.campaign.warm import warm
from tests.campaign.world import World

SEED = int(os.environ.get("NAMEBASIS_CAMPAIGN_SEED", time.time_ns() // 1_000_000_000))
"""Other cases each time; every failure is told as KIND:SEED:NUMBER, which `--replay` takes."""


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    print(f"campaign: seed {SEED}")  # shown with whatever fails
    with warm() as started:
        yield Campaign(World(started, tmp_path_factory.mktemp("campaign") / "w"), SEED)
