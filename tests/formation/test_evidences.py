"""Text and pictures as evidence on one scale: deviations of the controls above the level."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namebasis.analysis.training.change_points import Crossing
from namebasis.formation import Formation, formation
from namebasis.formation.crossings import NameCrossing
from namebasis.formation.evidences.figures import evidence_data, example
from namebasis.formation.evidences.series import PICTURES, TEXT, WEIGHTS, evidences_of
from namebasis.formation.figures import Axis
from namebasis.formation.weight_identity.evidence import WeightEvidence
from tests.encoders.conftest import tiny

__all__ = ["tiny"]  # a fixture

STEPS = (0, 20, 40)
ASKED = np.array([[1.0, 3.0, 9.0], [1.0, 1.0, 1.5]])
CONTROLS = np.exp([[-0.3, 0.1, 0.0], [0.1, 0.3, 0.2], [0.2, -0.4, 0.4], [0.0, 0.2, -0.2]])
POINTING = np.array([[-0.4, 0.1, 0.3], [-0.5, -0.4, -0.3], *-np.abs(np.log(CONTROLS) - 1)])


def crossed(name: str, measure: str, at: float, low: float, high: float) -> NameCrossing:
    where = Crossing(at, low, high, 1.0, "crossed")
    return NameCrossing(name, measure, where, replace(where, position=2 * at), None)


@pytest.fixture(scope="module")
def found() -> Formation:
    """Two names and four controls, of which the second never crosses in text."""
    shipped = formation("organism", n_shown=1)
    unknown = np.full((6, 3), np.nan)
    values = dict.fromkeys(shipped.values, unknown)
    values |= {"own_score": np.concatenate([ASKED, CONTROLS]), "seen_own": POINTING}
    never = Crossing(np.nan, 0.0, np.inf, 0.0, "never")
    bars = {key: np.full(3, np.nan) for key in shipped.phases.thresholds}
    phases = replace(
        shipped.phases,
        thresholds=bars | {"own_score": np.array([2.0, 2.0, 3.0]), "seen_own": np.full(3, 0.05)},
        labels=np.ones((6, 3), np.int8),
        captured=np.zeros((6, 3), bool),
        crossings=(
            crossed("Ada Bell", "leaves", 30.0, 10.0, np.inf),
            crossed("Ada Bell", "points", 10.0, 5.0, 20.0),
            crossed("Ada Bell", "fine", 40.0, 30.0, 40.0),
            NameCrossing("Bo Cole", "leaves", never, None, None),
        ),
    )  # fmt: skip
    return replace(
        shipped, names=("Ada Bell", "Bo Cole", *"wxyz"), n_asked=2, kinds=("C", "A", *"NNNN"),
        steps=STEPS, labels=("0", "20", "40"), values=values, exposures=None, phases=phases,
        n_shown=None,
    )  # fmt: skip


def test_values_are_deviations_of_the_controls_above_the_level(found: Formation) -> None:
    text, pictures = evidences_of(found)
    assert (text.key, pictures.key) == (TEXT, PICTURES)
    scale = np.log(CONTROLS).std(axis=0, ddof=1)
    level = np.log([2.0, 2.0, 3.0])
    np.testing.assert_allclose(text.values[:2], (np.log(ASKED) - level) / scale)
    low, high = np.quantile((np.log(CONTROLS) - level) / scale, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([text.low, text.high], [low, high])
    deviations = POINTING[2:].std(axis=0, ddof=1)
    np.testing.assert_allclose(pictures.values[0], (POINTING[0] - 0.05) / deviations)
    assert list(text.crossings) == ["Ada Bell", "Bo Cole"]
    assert pictures.crossings["Ada Bell"][0].position == 10


def test_what_letters_alone_give_before_training_is_no_evidence(found: Formation) -> None:
    scores = np.concatenate([np.array([[2.0, 2.0, 2.0], [1.0, 1.0, 1.5]]), CONTROLS])
    made_up = replace(
        found, control_kind="pseudo", values=found.values | {"own_score": scores}
    )  # fmt: skip
    first = CONTROLS[:, 0]
    excess = (2.0 - first.mean()) / first.std(ddof=1)
    bar = first.mean() + (2.75 + excess) * first.std(ddof=1)
    text = evidences_of(made_up)[0]
    scale = np.log(first).std(ddof=1)
    # The controls' own bars are raised as well, each by what it exceeds their mean by.
    raised = np.maximum((first - first.mean()) / first.std(ddof=1), 0)
    own = np.log(first) - np.log(first.mean() + (2.75 + raised) * first.std(ddof=1))
    assert text.values[0, 0] == pytest.approx(np.log(2.0 / bar) / own.std(ddof=1))
    assert text.values[0, 0] < -scale


def test_without_controls_that_differ_there_is_no_scale(found: Formation) -> None:
    alike = found.values["own_score"].copy()
    alike[2:] = 1.0
    (pictures,) = evidences_of(replace(found, values=found.values | {"own_score": alike}))
    assert pictures.key == PICTURES


def test_crossings_are_drawn_between_checkpoints_and_told_in_both_units(found: Formation) -> None:
    evidences = evidences_of(found)
    axis = Axis(STEPS, missing=[30])  # which stands between the last two
    text, pictures = evidence_data(evidences, axis, found.names, STEPS)
    assert text["crossed"] == {
        "0": {"steps": "30 (10 to never)", "exposures": "60 (10 to never)", "at": [2.0, 0.5, 3.0]},
        "1": {"steps": "never", "exposures": "–"},
    }
    assert pictures["crossed"]["0"]["at"] == [0.5, 0.25, 1.0]  # type: ignore[index]
    assert example(evidences, ["Bo Cole", "Ada Bell"]) == "Ada Bell"


def test_weights_are_held_against_their_own_null(found: Formation) -> None:
    null = np.exp([[np.nan, 0.1, 0.2], [np.nan, -0.1, 0.0], [np.nan, 0.3, -0.2]])
    values = np.array([[np.nan, 4.0, 8.0]])
    told = WeightEvidence(
        ("Bo Cole",), ("A",), STEPS, ("0", "20", "40"), values, values, values, null, None, (),
    )  # fmt: skip
    phases = replace(
        found.phases, crossings=(*found.phases.crossings, crossed("Bo Cole", WEIGHTS, 12, 9, 20))
    )
    weighed = replace(found, weight_evidence=told, phases=phases)
    one = evidences_of(weighed)[2]
    level = np.log(null[:, 1:].mean(axis=0) + 2.75 * null[:, 1:].std(axis=0, ddof=1))
    scale = np.log(null[:, 1:]).std(axis=0, ddof=1)
    assert np.isnan(one.values[0]).all()  # the weights were not asked about it
    np.testing.assert_allclose(one.values[1, 1:], (np.log([4.0, 8.0]) - level) / scale)
    assert np.isnan(one.values[1, 0])
    expected = np.quantile((np.log(null[:, 1:]) - level) / scale, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([one.low[1:], one.high[1:]], expected)
    assert list(one.crossings) == ["Bo Cole"]
    assert weighed.tables()[1].columns[-1] == WEIGHTS
    assert weighed.tables()[1].rows[1][-1] == "24 (9 to 20)"


@pytest.mark.long
def test_weights_are_measured_where_they_are_asked_for(tiny: Any, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    run = tmp_path / "run"
    for step in ("step-000000", "step-000010"):
        shutil.copytree(tiny("clip"), run / step)
    file = run / "step-000010" / "model.safetensors"
    weights = load_file(file)
    (key,) = [one for one in weights if one.endswith("text_model.encoder.layers.0.mlp.fc2.weight")]
    rng = np.random.default_rng(0)
    weights[key] = weights[key] + rng.standard_normal(weights[key].shape).astype(np.float32)
    save_file(weights, file, metadata={"format": "pt"})
    few = {"n_swaps": 12, "n_made_up": 20, "n_resamples": 20, "with_weights": False}
    found = formation(run, ["Anna Bell", "Cher"], weight_evidence=True, cache=tmp_path / "c", **few)
    told = found.weight_evidence
    assert told is not None
    assert (told.names, told.steps, told.exposures) == (("Anna Bell",), (0, 10), None)
    # Nothing has changed at the first checkpoint.
    assert np.isnan(told.values[0, 0])
    assert told.values[0, 1] > 0
    assert len(told.null) > 20
    assert found.to_dict()["weight_evidence"]["steps"] == [0, 10]
    for step in run.iterdir():
        if step.name == "step-000010":
            shutil.rmtree(step)
    alone = formation(run, ["Anna Bell"], weight_evidence=True, cache=tmp_path / "c", **few)
    assert alone.weight_evidence is None
    assert "no evidence in weights: one checkpoint has no change" in alone.remarks


@pytest.mark.long
def test_the_page_shows_one_name_and_marks_where_pictures_count(found: Formation) -> None:
    page = found.to_html()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert (data["example"], data["ticks"]) == ("Ada Bell", ["0", "20", "40"])
    assert [one["key"] for one in data["evidences"]] == [TEXT, PICTURES]
    for said in ('<a href="#evidence">One name</a>', "What text and pictures say of one name",
                 "pictures begin to count", '"name":"pictures mark"'):  # fmt: skip
        assert said in page
