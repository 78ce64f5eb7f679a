"""The campaign by counts: what it notes, how it goes on, and what its table counts."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from tests.campaign import full, inputs
from tests.campaign.run import Campaign


def line(number: int, problem: str | None = None, kind: str = "kills", seed: int = 7) -> str:
    told = {"kind": kind, "seed": seed, "number": number, "what": "add", "problem": problem,
            "seconds": 0.5}  # fmt: skip
    return json.dumps(told) + "\n"


def test_what_is_noted_is_not_run_again(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line(0) + line(1) + line(1) + line(2, seed=8) + line(3)[:20])
    assert [told["number"] for told in full.noted(log, 7)] == [0, 1]
    assert full.noted(tmp_path / "none", 7) == []


@pytest.mark.parametrize(
    ("problem", "column"),
    [
        ("signal SIGSEGV", "signals"),
        ("check: signal SIGABRT", "signals"),
        ("hang", "hangs"),
        ("traceback: KeyError", "tracebacks"),
        ("silently wrong: nearest in text", "wrong"),
        ("changed table, and the check finds nothing", "wrong"),
        ("rows: ['lost Bal']", "rows lost"),
        ("a library's own words: x", "other"),
    ],
)
def test_a_failure_is_counted_in_its_column(problem: str, column: str) -> None:
    assert full.sort_of(problem) == column
    told = [json.loads(line(0)), json.loads(line(1, problem))]
    head, row = (
        [cell.strip() for cell in text.split("|")]
        for text in full.table(told, 7).splitlines() if text.startswith(("| kind", "| kills"))
    )  # fmt: skip
    counts = dict(zip(head, row, strict=True))
    assert counts["cases"] == "2"
    assert [c for c in full.COLUMNS if counts[c] != "0"] == [column]


def test_an_input_is_decided_by_its_seed_and_number() -> None:
    def made(seed: int) -> list[tuple[str, bytes]]:
        drawn = (inputs.draw(seed, number) for number in range(9))
        return [(use, inputs.changed(b"name,count\nBal,5\n", rng)) for use, rng in drawn]

    assert made(7) == made(7)
    assert made(7) != made(8)


@pytest.mark.long
def test_a_sample_of_inputs_is_answered_or_refused(campaign: Campaign) -> None:
    failed = [one for one in campaign.batch("inputs", campaign.sample("inputs", 8)) if one[2]]
    assert failed == [], f"seed {campaign.seed}"


@pytest.mark.long
def test_a_sample_of_crowds_loses_nothing(campaign: Campaign) -> None:
    assert campaign.failures("crowds", range(2)) == []


def refused(campaign: Campaign, uses: list[str]) -> dict[str, str]:
    """Uses that refuse a valid input: none of their changed inputs would reach a reader."""
    campaign.given.make(uses)
    asked = campaign.world.warm.call(
        "tests.campaign.inputs:refused_though_valid", uses, cwd=campaign.given.place
    )
    assert asked.crash is None
    return asked.value


@pytest.mark.long
def test_a_sample_of_uses_accepts_its_valid_input(campaign: Campaign) -> None:
    assert refused(campaign, Random(campaign.seed).sample(list(inputs.USES), 6)) == {}


@pytest.mark.slow
def test_every_use_accepts_its_valid_input(campaign: Campaign) -> None:
    assert refused(campaign, list(inputs.USES)) == {}
