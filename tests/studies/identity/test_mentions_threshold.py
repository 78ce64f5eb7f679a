"""From how many mentions on people are known: found where it was put, and not where nothing was."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from namebasis.studies.identity.counts import compare_counts
from namebasis.studies.identity.mentions import threshold, told_threshold


def test_the_mentions_that_part_known_from_unknown_have_an_interval() -> None:
    rng = np.random.default_rng(5)
    counts = 10 ** rng.uniform(0, 5, 300)
    known = rng.random(300) < 1 / (1 + np.exp(-3 * (np.log10(counts) - 3)))
    found = threshold(counts, known, 0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1000 < found.high < 4 * found.low
    none = threshold(counts, np.zeros(300, dtype=bool), 0)
    assert "is not told: fewer than 5 people are known" in told_threshold(none)
    less = threshold(counts, counts < 1000, 0)
    assert less.reason == "no number of mentions parts known from unknown"


@pytest.mark.long
def test_counts_of_an_identity_tell_from_how_many_mentions_on() -> None:
    rng = np.random.default_rng(3)
    counts = {f"Anna Berg{at}": int(10 ** rng.uniform(0, 5)) for at in range(300)}
    scores = [2 * np.log10(1 + n) - 4 + rng.normal() for n in counts.values()]  # beyond 2 at 999
    found = SimpleNamespace(
        rows=[SimpleNamespace(name=name, kind=None) for name in counts],
        recombined={},
        thresholds={"own_score": 2.0, "leakage": 2.0},
        column=lambda _: scores,
    )
    told = compare_counts(found, counts)  # type: ignore[arg-type]
    assert told.threshold is not None
    assert told.threshold.low is not None
    assert told.threshold.high is not None
    assert told.threshold.low < 999 < told.threshold.high < 3 * told.threshold.low
    assert told.notes()[0].startswith("From about ")
    assert told.notes()[0].endswith(") a person is more likely known than not.")
    # Leakage tells how a person is known, not that they are.
    assert compare_counts(found, counts, column="leakage").threshold is None  # type: ignore[arg-type]


@pytest.mark.long
def test_each_kind_has_its_own_mentions() -> None:
    rng = np.random.default_rng(4)
    counts = {f"Anna Berg{at}": int(10 ** rng.uniform(0, 5)) for at in range(400)}
    odds = {name: np.log10(1 + n) + rng.normal(0, 0.3) for name, n in counts.items()}
    kinds = {  # unknown to 100, flexible from 10,000 on, entangled at random among those
        name: "unknown" if at < 2 else "compositional" if at < 4
        else "entangled" if rng.random() < 0.3 else "flexible"
        for name, at in odds.items()
    }  # fmt: skip
    found = SimpleNamespace(
        rows=[SimpleNamespace(name=name, kind=kind) for name, kind in kinds.items()],
        recombined={}, thresholds={"own_score": 2.0}, column=lambda _: list(odds.values()),
    )  # fmt: skip
    told = compare_counts(found, counts)  # type: ignore[arg-type]
    by = {one.kind: one for one in told.kinds}
    assert list(by) == ["any but unknown", "compositional", "flexible", "entangled"]
    known = by["any but unknown"]
    assert known.n + known.n_others == 400
    assert known.threshold.low is not None
    assert known.threshold.high is not None
    assert known.threshold.low < 100 < known.threshold.high < 3 * known.threshold.low
    assert known.auc is not None
    assert known.auc.value > 0.95
    assert by["flexible"].threshold.value > 10 * known.threshold.value
    # Those in the middle are named more than the unknown, yet never more likely than not.
    middle = by["compositional"].threshold
    assert middle.reason == "of those who are named more, most are others"
    (table,) = (one for one in told.tables() if one.key == "kinds_by_mentions")
    assert [row[0] for row in table.rows] == list(by)
    assert table.rows[1][2:] == (None, None, None, table.rows[1][5], middle.reason)
