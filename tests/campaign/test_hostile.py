"""Hostile input: a sample, and the whole."""

from __future__ import annotations

import pytest

from tests.campaign import hostile
from tests.campaign.run import Campaign
from tests.campaign.warm import Ended


@pytest.mark.long
def test_a_sample_is_answered_or_refused_in_one_line(campaign: Campaign) -> None:
    assert campaign.failures("hostile", range(7)) == []


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        (Ended(0, None, False, "fine", "", None), None),
        (Ended(1, None, False, "", "error: x.npy: not an array.", None), None),
        (Ended(1, None, False, "", "", None), "refused without a line"),
        (Ended(None, 11, False, "", "", None), "signal SIGSEGV"),
        (Ended(None, None, True, "", "", None), "hang"),
        (Ended(70, None, False, "", "Traceback (most recent call last)\nKeyError", None), "KeyE"),
        (Ended(0, None, False, "\x1b]52;c;aGk=\x07", "", None), "reaches the terminal"),
        (Ended(0, None, False, "a\u202eb", "", None), "reaches the terminal"),
        (Ended(1, None, False, "", "error: x (a.rs:12)", None), "a library's own words"),
    ],
)
def test_what_is_wrong_is_seen(ended: Ended, problem: str | None) -> None:
    found = hostile.judge(ended)
    assert found is None if problem is None else problem in str(found)


@pytest.mark.slow
def test_the_whole(campaign: Campaign) -> None:
    enemy = campaign.enemy
    failed = {(use, name): enemy.case(use, name) for use, name in enemy.every()}
    assert {case: problem for case, problem in failed.items() if problem} == {}
