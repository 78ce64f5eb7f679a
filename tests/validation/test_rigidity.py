"""Profiles of names by their pictures: what is rigid, what is free, who counts as prior."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.errors import NamebasisError
from namebasis.validation.rigidity.results import PictureRigidity
from namebasis.validation.rigidity.study import MeasuredPictures, picture_rigidity

N_IMAGES = 9
PRIOR = [f"Nobody{at}" for at in range(12)]


def profiles(seed: int = 0) -> PictureRigidity:
    """Rigid keeps one scene, Free has more ages than anybody, Single has one picture."""
    rng = np.random.default_rng(seed)
    names, ages, scenes = [], [], []
    for name in (*PRIOR, "Rigid", "Free", "Single"):
        n = 1 if name == "Single" else N_IMAGES
        names += [name] * n
        ages += list(rng.normal(40, 25 if name == "Free" else 5, n))
        scenes += [0 if name == "Rigid" else rng.integers(4) for _ in range(n)]
    return picture_rigidity(
        MeasuredPictures(names, {"age": np.array(ages), "scene": np.eye(4)[scenes]}),
        dict.fromkeys(PRIOR[:9], "made up") | dict.fromkeys(PRIOR[9:], "weak"),
        weak_by="the lowest tenth of counts",
    )


@pytest.fixture(scope="module")
def found() -> PictureRigidity:
    return profiles()


def test_a_profile_says_which_attributes_are_rigid_and_which_are_free(
    found: PictureRigidity,
) -> None:
    rows = {row.name: row for row in found.names}
    assert (rows["Rigid"].of_kind("rigid"), rows["Rigid"].of_kind("free")) == (["scene"], [])
    assert (rows["Free"].of_kind("rigid"), rows["Free"].of_kind("free")) == ([], ["age"])
    age, scene = rows["Free"].attributes
    assert age.log_ratio == pytest.approx(2 * np.log(5), abs=1)
    assert scene.entropy is not None
    assert scene.entropy.value > 1.5
    assert rows["Rigid"].attributes[1].entropy.value == 0  # type: ignore[union-attr]
    assert rows["Rigid"].attributes[1].entropy_percentile == 0
    assert rows["Rigid"].percentile == 1
    assert rows["Rigid"].rigidity.low > 0 > rows["Free"].rigidity.high  # type: ignore[operator]
    said = found.headline()
    assert said.startswith("Of 6 names, 1 hold an attribute rigid (most often scene: 1); ")
    assert found.notes()[0] == (
        "The prior is 9 made-up names and 3 weak identities, chosen by the lowest tenth of counts."
    )


def test_one_picture_has_no_variance_and_says_so(found: PictureRigidity) -> None:
    row = next(row for row in found.names if row.name == "Single")
    for one in row.attributes:
        assert (one.variance, one.log_ratio, one.percentile) == (None, None, None)
        assert one.reason == "1 picture has no variance"
    assert row.rigidity.reason == "1 picture has no variance"
    stored = found.to_arrow().to_pylist()[-1]
    assert stored["image_rigidity"] is None
    assert stored["image_age_log_ratio"] is None
    assert stored["image_rigid"] == []


def test_without_a_prior_nothing_is_rigid(found: PictureRigidity) -> None:
    ages = np.random.default_rng(0).standard_normal(18)
    bare = picture_rigidity(MeasuredPictures(["Ann"] * 9 + ["Bo"] * 9, {"age": ages}))
    assert bare.headline() == "There is no prior to compare the variance of pictures with."
    assert bare.notes()[1].startswith("No prior for variances: it needs pictures of at least 3 ")
    assert {one.reason for row in bare.names for one in row.attributes} == {"no prior"}
    with pytest.raises(ValueError, match="there is no prior"):
        bare.plot()
    with pytest.raises(NamebasisError, match="there is no picture"):
        picture_rigidity(MeasuredPictures([], {}))


def test_few_of_those_that_nobody_bears_are_called_rigid() -> None:
    called = [
        bool(row.of_kind("rigid") or row.of_kind("free"))
        for seed in range(12)
        for row in profiles(seed).names
        if row.role is not None
    ]
    assert np.mean(called) <= 0.1  # two attributes, two sides, 2.5 % each
