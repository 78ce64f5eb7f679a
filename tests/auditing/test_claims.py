"""Claims: values against peers, chance that is counted as it should be, and what is corrected."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control, spearmanr
from sklearn.metrics import roc_auc_score

from namebasis.auditing.claims import Claim, Sample, corrected, interval, measured, statistic

RNG = np.random.default_rng(3)
VALUES = RNG.normal(size=60)
SHARES = np.clip(VALUES / 4 + 0.5 + RNG.normal(size=60) / 5, 0, 1)
NAMES = tuple(f"name {at}" for at in range(60))
SAMPLE = Sample(NAMES, VALUES, SHARES)


def claim(chance: np.ndarray | None, **words: object) -> Claim:
    return measured("k", "l", "Spearman", SAMPLE, meaning="", chance=chance, **words)  # type: ignore[arg-type]


def test_statistics_are_those_of_peers() -> None:
    own = SHARES >= 0.5
    assert statistic("Spearman", SAMPLE) == pytest.approx(spearmanr(VALUES, SHARES)[0])
    assert statistic("AUC", SAMPLE) == pytest.approx(roc_auc_score(own, VALUES))
    gap = VALUES[own].mean() - VALUES[~own].mean()
    assert statistic("difference", SAMPLE) == pytest.approx(gap)
    assert statistic("d", SAMPLE) == pytest.approx(gap / VALUES.std(ddof=1))
    rows = np.array([0, 0, 5, 9])
    assert statistic("mean", SAMPLE, rows) == pytest.approx(VALUES[rows].mean())


@pytest.mark.parametrize("measure", ["Spearman", "AUC", "difference", "d", "mean", "share"])
def test_a_value_lies_in_its_interval(measure: str) -> None:
    sample = Sample(NAMES, SHARES, (VALUES > 0).astype(float))
    found = interval(measure, sample)
    assert found.value == pytest.approx(statistic(measure, sample))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_p_counts_draws_as_far_on_either_side_or_on_one() -> None:
    value = statistic("Spearman", SAMPLE)
    draws = np.array([value, -value, value + 0.01, -value - 0.01, 0.0, 0.1, np.nan])
    assert claim(draws).p == pytest.approx(5 / 7)  # four as far, of six that are finite, and itself
    assert claim(draws, one_sided=True).p == pytest.approx(3 / 7)
    fact = claim(None)
    assert fact.p is None
    assert fact.is_beyond(0.05)


def test_p_is_corrected_over_claims_and_not_over_facts() -> None:
    draws = [RNG.normal(size=99) * scale for scale in (0.1, 0.4, 3.0)]
    claims = [claim(one) for one in draws]
    found = corrected([claims[0], claim(None), *claims[1:]])
    wanted = false_discovery_control([one.p for one in claims])
    assert [one.p_corrected for one in found if one.p is not None] == pytest.approx(wanted)
    assert found[1].p_corrected is None
    assert [one.is_beyond(0.05) for one in found] == [True, True, wanted[1] <= 0.05, False]


def test_a_sample_names_nothing_twice() -> None:
    with pytest.raises(ValueError, match="nothing twice"):
        Sample(("Anna", "Anna"), np.zeros(2))
    with pytest.raises(ValueError, match="2 names need as many values; got 3"):
        Sample(("Anna", "Berta"), np.zeros(3))
