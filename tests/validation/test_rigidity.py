"""Profiles of names by their pictures: what is rigid, what is free, who counts as prior."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from namebasis.encoders.registry import load_encoder
from namebasis.errors import NamebasisError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.organism.people import random_people
from namebasis.organism.renderer import render
from namebasis.space import open_space
from namebasis.validation.extractors.registry import load_extractor
from namebasis.validation.rigidity.figures import plane
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
    assert bare.notes()[0].startswith("No prior for variances: it needs pictures of at least 3 ")
    assert {one.reason for row in bare.names for one in row.attributes} == {"no prior"}
    with pytest.raises(ValueError, match="there is no prior"):
        bare.plot()
    with pytest.raises(NamebasisError, match="there is no picture"):
        picture_rigidity(MeasuredPictures([], {}))


def test_other_contexts_are_said() -> None:
    rng = np.random.default_rng(0)
    names = [f"Name{at // 9}" for at in range(36)]
    contexts = [f"{{}} in {at % 3}" for at in range(27)] + [None] * 9
    found = picture_rigidity(
        MeasuredPictures(names, {"age": rng.standard_normal(36)}, None, contexts),
        dict.fromkeys(names[:27], "made up"),
    )
    assert found.remarks[-1].startswith(
        "1 name with pictures in other contexts than most, such as Name3: what a context asks for "
    )


class SaysNothing:
    """Reads any text as one that no picture is nearer to than another."""

    has_text = True

    def encode_text(self, texts: list[str]) -> np.ndarray:
        return np.tile(np.eye(8)[0], (len(texts), 1))


def test_contexts_that_text_does_not_tell_are_null_and_said() -> None:
    rng = np.random.default_rng(0)
    names = [f"Name{at // 8}" for at in range(64)]
    vectors = rng.standard_normal((64, 8)).astype(np.float32)
    vectors[:, 0] = 1
    contexts = [f"{{}} in {at % 4}" for at in range(64)]
    found = picture_rigidity(
        MeasuredPictures(names, {"age": rng.standard_normal(64)}, vectors, contexts),
        dict.fromkeys(names[:40], "made up"), encoder=SaysNothing(), n_resamples=40,  # type: ignore[arg-type]
    )  # fmt: skip
    table = next(one for one in found.tables() if "context there" in one.columns)
    assert [row[3] for row in table.rows] == [row[5] for row in table.rows] == [None] * 3
    assert all(row[1] is not None for row in table.rows)
    [told] = [one for one in found.notes() if one.startswith("The text of 4 of 4 contexts")]
    assert "such as '{} in 0', does not tell their pictures from others" in told
    assert "so is flexibility" in told
    page = found.to_html()
    assert "so is flexibility" in page
    assert '<div class="card plane">' not in page  # which would have no dot
    assert found.plot().axes[0].get_ylabel() != "the same person in every context"


def test_few_of_those_that_nobody_bears_are_called_rigid() -> None:
    called = [
        bool(row.of_kind("rigid") or row.of_kind("free"))
        for seed in range(12)
        for row in profiles(seed).names
        if row.role is not None
    ]
    assert np.mean(called) <= 0.1  # two attributes, two sides, 2.5 % each


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of six names, three made-up ones and pictures: nine each, Same has one nine times."""
    where = tmp_path_factory.mktemp("pictured")
    known = ["Same", "Anna", "Ivan", "Winona"]
    rows = [{"name": name, "part": "given", "count": 10 ** (at + 1)}
            for at, name in enumerate(known)]  # fmt: skip
    rows += [{"name": f"Zor{at}", "part": "pseudo", "count": None} for at in range(4)]
    path = where / "my.space"
    build_space(make_names(rows), path, encoder=load_encoder("organism"), templates="plain")
    people = random_people(9 * 9, np.random.default_rng(0))
    faces = iter(render(people, seed=1))
    for name in (*known, *(row["name"] for row in rows[4:]), "Zoltan"):
        folder = where / "images" / name
        folder.mkdir(parents=True)
        shots = [next(faces) for _ in range(9)]
        for shot, face in enumerate([shots[0]] * 9 if name == "Same" else shots):
            Image.fromarray(face).save(folder / f"{shot}.png", pnginfo=_made(name, shot))
    space, _ = open_space(path).add_images(where / "images", unmatched="keep")
    assert len(space.pictures()) == 81
    return path


def _made(name: str, shot: int) -> PngInfo:
    info = PngInfo()
    about = {"name": name, "prompt": f"{name} in {shot}", "seed": shot, "source": "test",
             "is_blank": False, "is_made_up": name == "Zoltan"}  # fmt: skip
    info.add_itxt("namebasis", json.dumps(about))
    return info


@pytest.mark.long
def test_pictures_of_a_space_are_profiled_from_their_vectors(pictured: Path) -> None:
    space = open_space(pictured)
    found = space.picture_rigidity(axes=["hair_colour", "age"], n_resamples=50)
    rows = {row.name: row for row in found.names}
    # The lowest tenth of four counts is one name; Zoltan's pictures say that nobody bears it.
    assert {name: row.role for name, row in rows.items() if row.role} == {
        "Same": "weak", "Zor0": "made up", "Zor1": "made up", "Zor2": "made up",
        "Zor3": "made up", "Zoltan": "made up",
    }  # fmt: skip
    assert found.weak_by == "the lowest tenth of counts"
    assert rows["Same"].attributes[0].variance == pytest.approx(0, abs=1e-9)
    reader = load_extractor("zero-shot:organism", axes=["hair_colour"])
    paths = [pictured.parent / "images" / "Anna" / f"{shot}.png" for shot in range(9)]
    shares = reader.measure(paths)[0].shares
    assert rows["Anna"].attributes[0].variance == pytest.approx(
        shares.var(axis=0, ddof=1).sum(), rel=1e-3
    )
    assert len(found.contexts) == 9
    one = space.picture_rigidity(["anna"], axes=["age"], n_resamples=50)
    assert [row.name for row in one.names if row.role is None] == ["Anna"]
    assert "Ivan" not in {row.name for row in one.names}
    with pytest.raises(NamebasisError, match=r"holds no pictures of Nobody"):
        space.picture_rigidity(["Nobody"], axes=["age"])
    with pytest.raises(ValueError, match="give names or where, not both"):
        space.picture_rigidity(["Anna"], where="true")


def test_profiles_are_columns_on_the_card_and_on_a_page(pictured: Path) -> None:
    space = open_space(pictured)
    found = space.picture_rigidity(axes=["age"], n_resamples=50)
    assert found.write(space) == 8
    kept = open_space(pictured)
    stored = kept["Anna"]
    row = next(row for row in found.names if row.name == "Anna")
    assert stored["image_age_log_ratio"] == pytest.approx(row.attributes[0].log_ratio)
    assert stored["image_rigidity"] == pytest.approx(row.rigidity.value)
    card = kept.card("Anna", deep=False)
    [table] = [one for one in card.tables() if one.key == "in_pictures"]
    assert table.rows[0][:2] == ("age", stored["image_age_log_ratio"])
    assert not [key for key, _ in card.facts() if key.startswith(("image age", "image same"))]
    said = card.in_pictures.said()  # type: ignore[union-attr]
    assert row.rigidity.reason == "too few resamples reach so far out"  # of 50
    assert said.startswith(f"Rigidity of pictures {row.rigidity.value:.2f}, above ")
    assert f"same person {row.contexts.same_person.value:.2f}" in said  # type: ignore[union-attr]
    assert "What its pictures hold rigid" in card.to_html()
    page = found.to_html()
    assert "<h2>Rigid and free</h2>" in page
    assert page.index("<h2>Rigid and free</h2>") < page.index("<h2>In contexts</h2>")
    assert "data:image/jpeg;base64," in page
    assert not found.has_plane  # of one picture a context, none is told by its text
    assert plane(found).axes[0].get_ylabel() == "the same person in every context"
