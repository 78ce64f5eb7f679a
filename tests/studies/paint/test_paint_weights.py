"""Shares of names in a blend: fitted, within what a tool bears, and their cosine as it is said."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls

from namebasis.studies.paint.prompt_formats import SYNTAXES
from namebasis.studies.paint.study import paint
from namebasis.studies.paint.weights import SMALLEST_SHARE, fit_shares, ready
from tests.studies.toy import ToyEncoder, ToySpace

NAMES = "Ada Bo Cai Dee Eli Fay Gus Hal".split()
TARGET = {"a photo of Ada, Dee": 1.0, "Ada": 0.7}


@pytest.fixture
def space() -> Any:
    return ToySpace(NAMES)


@pytest.fixture
def painting(space: Any) -> Any:
    return paint(space, TARGET, 2, use_target=True)


def test_shares_are_the_nonnegative_fit() -> None:
    rng = np.random.default_rng(0)
    names = rng.standard_normal((3, 8)).astype(np.float32)
    goal = (2 * names[0] + 1.5 * names[1] + 0.5 * names[2] + 0.1).astype(np.float32)
    weights = nnls(names.T.astype(float), goal.astype(float))[0]
    np.testing.assert_allclose(fit_shares(names, goal), weights / weights.sum(), rtol=1e-4)


def test_no_name_of_the_prompt_is_left_without_a_share() -> None:
    names = np.eye(3, 8, dtype=np.float32)
    goal = np.array([3, 1, -1, 0, 0, 0, 0, 0], np.float32)
    shares = fit_shares(names, goal)
    assert shares == pytest.approx([0.75 * 0.95, 0.25 * 0.95, SMALLEST_SHARE])
    assert fit_shares(names, -np.ones(8, np.float32)) == pytest.approx([1 / 3] * 3)
    assert fit_shares(names, np.zeros(8, np.float32)) == pytest.approx([1 / 3] * 3)
    assert fit_shares(names[:1], goal) == (1.0,)


def test_a_name_that_makes_up_more_of_the_target_weighs_more(space: Any, painting: Any) -> None:
    assert set(painting.names) == {"Ada", "Dee"}
    shares = dict(zip(painting.names, painting.best.shares, strict=True))
    atoms = space.vectors(ids=list(painting.best.ids)) - space.mean()
    fitted = nnls(atoms.T.astype(float), (space.resolve(TARGET).vector - space.mean()))[0]
    fitted = dict(zip(painting.names, fitted / fitted.sum(), strict=True))
    assert shares["Ada"] > 0.55 > shares["Dee"]
    assert shares["Ada"] == pytest.approx(fitted["Ada"], abs=1e-3)
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("syntax", ["a1111", "comfyui"])
def test_attention_weights_stay_within_what_a_picture_bears(
    space: Any, painting: Any, syntax: str
) -> None:
    said = ready(space, painting, syntax)
    numbers = [float(n) for n in re.findall(r":([\d.]+)\)", said.prompt)]
    expected = np.clip(2 * np.array(painting.best.shares), 0.5, 1.5)
    assert said.weights == pytest.approx(expected)
    # Attention has mean 1, with two decimals.
    assert numbers == pytest.approx((expected / expected.mean()).tolist(), abs=0.00501)
    assert "not in the cosine, which is of the plain prompt" in said.meaning
    assert said.similarity == painting.similarity


@pytest.mark.parametrize("syntax", ["compel", "comfyui-average", "a1111-alternate"])
def test_a_blends_cosine_is_that_of_the_mean_by_weight(
    space: Any, painting: Any, syntax: str
) -> None:
    said = ready(space, painting, syntax)
    rows = ToyEncoder().encode_text([f"a photo of {name}" for name in painting.names])
    mean = np.array(painting.best.shares) @ rows
    target = space.resolve(TARGET).vector
    assert said.similarity == pytest.approx(float(mean @ target / np.linalg.norm(mean)), abs=1e-5)
    assert said.meaning.startswith("of the mean by weight")


def test_variants_expect_one_name_a_picture(space: Any, painting: Any) -> None:
    said = ready(space, painting, "dynamicprompts")
    rows = ToyEncoder().encode_text([f"a photo of {name}" for name in painting.names])
    expected = np.array(painting.best.shares) @ (rows @ space.resolve(TARGET).vector)
    assert said.similarity == pytest.approx(float(expected), abs=1e-5)
    assert said.meaning.startswith("expected of one picture")


def test_plain_is_the_prompt_that_was_scored(space: Any, painting: Any) -> None:
    said = ready(space, painting, "plain")
    assert (said.prompt, said.weights) == (painting.prompt, ())
    assert said.meaning == f"of the plain prompt, re-encoded: {painting.prompt}"
    with pytest.raises(ValueError, match="syntax must be one of"):
        ready(space, painting, "other")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_slots_are_filled_and_one_name_is_enough(space: Any, syntax: str) -> None:
    slots = {"mood": ["sad", "glad"]}
    found = paint(
        space, "somebody glad", 1, template="a {mood} photo of {names}", slots=slots, baseline=False
    )
    said = ready(space, found, syntax)
    assert found.best.phrases["mood"] in said.prompt
    assert found.names[0] in said.prompt
    assert np.isfinite(said.similarity)


def test_shares_go_out_and_the_goal_does_not(painting: Any) -> None:
    plain = json.loads(json.dumps(painting.to_dict()))
    assert plain["best"]["shares"] == pytest.approx(painting.best.shares)
    assert "goal" not in plain
    assert painting.to_arrow()["shares"].to_pylist()[-1] == pytest.approx(
        list(painting.best.shares)
    )
