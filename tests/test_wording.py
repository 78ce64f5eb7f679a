from __future__ import annotations

import math

from namebasis.wording import above, counted, listed, p_value, percent, z_score, z_sentence


def test_a_share_is_written_in_percent() -> None:
    assert percent(0.4749) == "47 %"
    assert percent(0.4749, 1) == "47.5 %"
    assert percent(1.0) == "100 %"
    assert percent(None) == percent(math.nan) == "–"


def test_a_z_that_a_few_draws_cannot_tell_is_written_as_its_side_alone() -> None:
    z = (2.06, -0.5, 10.0, 10.01, -1094.5, math.inf, None, math.nan)
    told = ["+2.1", "-0.5", "+10.0", "above 10", "below −10", "above 10", "–", "–"]
    assert [z_score(one) for one in z] == told
    assert [z_sentence(one) for one in z[:2]] == ["z = 2.1", "z = -0.5"]
    assert z_sentence(-1094.5) == "z below −10"


def test_places_chances_and_lists_are_written_one_way() -> None:
    assert above(0.924) == "above 92 % of names"
    assert above(1.0) == above(0.997) == "above 99 % of names"
    assert [p_value(p) for p in (1.0, 0.05, 0.0099, 0.0, None, math.nan)] == [
        "1.00", "0.05", "< 0.01", "< 0.01", "–", "–",
    ]  # fmt: skip
    assert [counted(n, "name") for n in (0, 1, 2000)] == ["0 names", "1 name", "2,000 names"]
    assert counted(2, "entry", "entries") == "2 entries"
    assert [listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
