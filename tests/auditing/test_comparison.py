"""Two audits compared: paired intervals, what is left out, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from namebasis.auditing.claims import Sample, statistic
from namebasis.auditing.comparison import common, compare_audits
from namebasis.auditing.files import DOCUMENT, SAMPLES, write_samples
from namebasis.errors import NamebasisError
from tests.auditing.tiny import made_audit


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("namebasis.auditing.parts.Asked.say", lambda *_: "said.")

    def written(spec: str, seed: int = 0, follow: float = 1.0, **plan: object) -> Path:
        audit, samples = made_audit(spec, seed, follow)
        folder = tmp_path / spec
        folder.mkdir()
        audit = replace(audit, plan={**audit.plan, **plan})
        (folder / DOCUMENT).write_text(audit.to_json(), encoding="utf-8")
        write_samples(folder / SAMPLES, samples)
        return folder

    return written


def test_what_differs_is_beyond_noise_and_what_does_not_is_not(write) -> None:  # type: ignore[no-untyped-def]
    found = compare_audits([write("a"), write("b", 5, 0.0)], n_resamples=399)
    by = {one.measure: one for one in found.differences}
    assert {key for key, one in by.items() if found.is_beyond(one)} >= {"Spearman", "AUC", "d"}
    assert not found.is_beyond(by["share"])
    first, _ = made_audit("a")
    claims = {one.measure: one for _, one in first.claims}
    for measure, one in by.items():
        assert one.first == pytest.approx(claims[measure].value)
        assert one.difference == pytest.approx(one.value - one.first)
        assert one.difference_low <= one.difference <= one.difference_high
    assert by["Spearman"].difference < -0.5
    assert found.to_dict()["differences"][0]["n"] == 80


def test_the_same_values_differ_by_nothing(write) -> None:  # type: ignore[no-untyped-def]
    found = compare_audits([write("a"), write("c")], n_resamples=99)
    assert {one.difference for one in found.differences} == {0.0}
    assert not any(map(found.is_beyond, found.differences))
    assert found.headline().endswith("is beyond noise.")


def test_only_names_that_both_read_are_compared() -> None:
    ours = Sample(("x", "y", "z"), np.array([1.0, 2, 3]))
    theirs = Sample(("z", "w", "x"), np.array([30.0, 0, 10]))
    own, also = common(ours, theirs)
    assert own.names == also.names == ("x", "z")
    assert statistic("mean", also) - statistic("mean", own) == pytest.approx(18.0)


def test_what_cannot_be_compared_is_refused(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    one, other = write("a"), write("b", fingerprint="sha256:q", is_quick=False)
    with pytest.raises(NamebasisError, match=r"asked other questions .*1, full; version 1, quick"):
        compare_audits([one, other])
    with pytest.raises(ValueError, match="given twice"):
        compare_audits([one, one / DOCUMENT])
    with pytest.raises(ValueError, match="needs two audits or more"):
        compare_audits([one])
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / ".namebasis-audit.json").write_text("{}")
    with pytest.raises(NamebasisError, match="has not finished; run it again"):
        compare_audits([one, tmp_path / "half"])


def test_one_difference_among_many_can_be_found(write) -> None:  # type: ignore[no-untyped-def]
    # Of 19 draws no p is below 0.1: without more of them, nothing could ever be beyond noise.
    found = compare_audits([write("a"), write("b", 5, 0.0)], n_resamples=19)
    by = {one.measure: one for one in found.differences}
    assert found.is_beyond(by["Spearman"])
    assert by["Spearman"].p < 0.02
    assert not found.is_beyond(by["share"])
