"""Damaged files: a sample, and the whole."""

from __future__ import annotations

from random import Random

import pytest

from tests.campaign import damage
from tests.campaign.run import Campaign


@pytest.mark.long
def test_a_sample_is_right_refused_or_found(campaign: Campaign) -> None:
    assert campaign.failures("damage", campaign.sample("damage", 4)) == []


@pytest.mark.parametrize("kind", damage.KINDS)
def test_every_kind_changes_the_file(tmp_path, kind: str) -> None:
    path = tmp_path / "file"
    content = bytes(range(1, 200))
    path.write_bytes(content)
    damage.harm(path, kind, Random(3))
    assert not path.is_file() or path.read_bytes() != content


@pytest.mark.slow
def test_the_whole(campaign: Campaign) -> None:
    assert campaign.failures("damage", range(700)) == []
