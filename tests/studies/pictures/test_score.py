"""Axes read from pictures whose truth is known, against a chance that knows their number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from namebasis.analysis.intervals import auc
from namebasis.auditing.organism import axis_of
from namebasis.errors import TargetError
from namebasis.organism.world import World
from namebasis.space import Space, open_space
from namebasis.studies.attributes.study import axis_prompts
from tests.test_cli import run

HAIR = "hair_colour"


@pytest.mark.long
def test_pictures_are_read_as_what_they_show(space: Space, world: World) -> None:
    found = space.score([axis_of(HAIR)], view="image")
    truth = {one.name: (one.own or one.prior)[HAIR] for one in world.names}
    person = np.array([one.own is not None for n in found.names for one in world.names
                       if one.name == n])  # fmt: skip
    values = np.array([truth[name] for name in found.names])
    assert person.sum() == 12
    for score in found.scores:
        shows = values == score.value
        if shows[person].any():
            read = score.readings["projection"]
            assert auc(read[person & shows], read[person & ~shows]) > 0.98, score.value
    (hair,) = found.beliefs
    told = np.array([hair.told(at) for at in range(len(values))])
    assert hair.counts[person].mean() > 0.8
    assert (told == values)[hair.counts & person].all()
    assert hair.reading == "projection"


def test_each_side_is_centred_by_its_own_mean(space: Space) -> None:
    axis = axis_of("gender")
    found = space.score([axis], view="image", n_made_up=20)
    pictures, rows = space.pictures(), space.pictures().vectors()[0].astype(np.float64)
    means = np.stack([rows[pictures.owners == one].mean(axis=0) for one in found.ids])
    prompts = axis_prompts(space.encoder(), axis).mean(axis=0)
    along = prompts[1] - prompts[0]
    expected = (means - means.mean(axis=0)) @ along / np.linalg.norm(along)
    read = found.scores[0].readings["projection"]
    np.testing.assert_allclose(read, expected, atol=1e-6)
    # The step from texts to pictures, which is most of what a picture is for a prompt.
    assert abs(rows.mean(axis=0) @ along) > 3 * abs(read.mean())
    assert found.n_without == len(space) - len(found.ids)
    assert f"{found.n_without:,} names have none" in found.notes()[1]


@pytest.mark.long
def test_pictures_that_are_dealt_out_at_random_carry_no_belief(space: Space) -> None:
    rows, rng = space.picture_rows(), np.random.default_rng(0)
    axes = [axis_of("age"), axis_of("gender"), axis_of(HAIR)]
    counted, z = [], []
    for _ in range(8):
        rows.owners = rng.permutation(rows.owners)
        found = space.score(axes, view="image", n_made_up=200)
        counted.append(np.stack([one.counts for one in found.beliefs]).any(axis=0).mean())
        z.append(found.scores[0].z["projection"])
    assert np.mean(counted) < 0.11  # 5 % of 168 names, and two standard errors of it
    assert np.std(z) == pytest.approx(1, abs=0.2)
    # Of one picture and of seven alike.
    few = np.array([(rows.owners == one).sum() for one in found.ids]) < 4
    assert np.std(np.array(z)[:, few]) == pytest.approx(1, abs=0.45)
    bare = next(row for row in range(len(space)) if row not in set(found.ids.tolist()))
    name = space.table(["name"], ids=[bare])["name"][0].as_py()
    said = f"{name} is not among the .* names read, which have pictures; loosen where"
    with pytest.raises(TargetError, match=said):
        found.pick(space, [name])


def test_readings_of_pictures_are_columns_of_their_own(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    shutil.copytree(made[0] / "a.space", tmp_path / "a.space")
    done = run(*"score a.space --view image --axis gender --write --json -q".split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["view"] == "image"
    space = open_space(tmp_path / "a.space")
    assert "picture_gender_projection" in space.columns
    assert "gender_projection" not in space.columns
    for words, said in (
        ("--view token", "view must be one of text, image; got 'token'"),
        ("--view image:nope", "no picture of"),
        ("--view image --records locales", "--records and --groups read the text view"),
    ):
        refused = run("score", "a.space", *words.split(), "-q", cwd=tmp_path)
        assert (refused.returncode > 0, said in refused.stderr) == (True, True), refused.stderr
