from __future__ import annotations

import math

from namebasis.wording import percent


def test_a_share_is_written_in_percent() -> None:
    assert percent(0.4749) == "47 %"
    assert percent(0.4749, 1) == "47.5 %"
    assert percent(1.0) == "100 %"
    assert percent(None) == percent(math.nan) == "–"
