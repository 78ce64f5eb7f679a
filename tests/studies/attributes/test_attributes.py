"""Attributes of names: values that follow the prompts, records, refusals."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import namebasis as nb
from namebasis.analysis.readings import axes
from namebasis.errors import NamebasisError
from namebasis.space import Space
from namebasis.studies.attributes import study as attributes
from namebasis.studies.attributes.axis_files import load_axis

WOMEN = ["Mary", "Susan", "Linda", "Jessica", "Emily", "Anna", "Laura"]
MEN = ["John", "Robert", "Michael", "David", "James", "Thomas", "Peter"]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("attributes") / "my.space"
    encoder = nb.load_encoder("minilm")
    return nb.build_space(nb.read_names([*WOMEN, *MEN]), path, encoder=encoder, templates="plain")


@pytest.mark.long
def test_gender_is_told_apart_and_rows_keep_their_names(space: Space) -> None:
    found = attributes.score(space, ["gender", "hair_length"], n_made_up=50)
    table = {row["name"]: row for row in found.to_arrow().to_pylist()}
    for reading in ("projection", "inferred"):
        women = [table[name][f"gender_{reading}"] for name in WOMEN]
        men = [table[name][f"gender_{reading}"] for name in MEN]
        assert min(women) > max(men)
    one = found.pick(space, ["Peter"]).to_dict()["names"]
    assert one == [table["Peter"]]
    np.testing.assert_allclose(np.diag(found.leakage), 1, atol=1e-6)
    found.write(space)
    stored = space.table(["name", "gender_inferred_z"]).to_pylist()
    assert all(
        row["gender_inferred_z"] == table[row["name"]]["gender_inferred_z"] for row in stored
    )


@pytest.mark.long
def test_a_nominal_axis_is_read_value_by_value(space: Space) -> None:
    found = attributes.score(space, ["eye_colour"], n_made_up=20)
    assert [score.value for score in found.scores] == ["brown", "hazel", "green", "blue", "grey"]


def test_made_up_names_and_prompts_are_encoded_once_and_kept(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, along = space.ids(None), [load_axis("gender"), load_axis("eye_colour")]
    first = attributes.read_rows(space, ids, 6, 1)
    prompts = attributes.kept_prompts(space, along)
    for axis in along:
        own = attributes.axis_prompts(space.encoder(), axis)
        np.testing.assert_array_equal(prompts[axis.name], own)
    with monkeypatch.context() as patch:
        patch.setattr(attributes, "encode_over", None)  # nothing is encoded again
        patch.setattr(attributes, "axis_prompts", None)
        again = attributes.read_rows(space, ids, 6, 1)
        assert attributes.kept_prompts(space, along).keys() == prompts.keys()
    np.testing.assert_array_equal(again.text, first.text)
    np.testing.assert_array_equal(again.token, first.token)
    other = attributes.read_rows(space, ids, 6, 2)
    assert not np.array_equal(other.text[len(ids) :], first.text[len(ids) :])
    (space.path / "indices" / "made-up.npz").write_bytes(b"damaged")
    np.testing.assert_array_equal(attributes.read_rows(space, ids, 6, 2).text, other.text)
    assert attributes.kept_prompts(space, along[:1]).keys() == {"gender"}


def test_only_the_readings_asked_for_are_made_in_each_template(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, along = space.ids(None), [load_axis("gender")]
    rows = attributes.read_rows(space, ids, 6, 1)
    every = attributes.read_axes(space, along, ids, rows).scores[0]
    calls: list[str] = []
    curve = axes.curve
    monkeypatch.setattr(axes, "curve", lambda *a, **k: calls.append("curve") or curve(*a, **k))
    some = attributes.read_axes(space, along, ids, rows, spreads_of=["expectation"]).scores[0]
    assert calls == ["curve"]  # of the mean of the templates alone
    for reading in axes.READINGS:
        np.testing.assert_array_equal(some.readings[reading], every.readings[reading])
        np.testing.assert_array_equal(some.z[reading], every.z[reading])
    np.testing.assert_array_equal(some.spreads["expectation"], every.spreads["expectation"])
    assert np.isnan(some.spreads["curve"]).all()
    assert not np.isnan(every.spreads["curve"]).any()


def test_refusals(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(
        'name = "one"\nkind = "ordinal"\ntemplates = ["a {}"]\n'
        '[[values]]\nlabel = "a"\nphrases = ["b"]\n'
    )
    with pytest.raises(NamebasisError, match="values must be two or more"):
        attributes.score(space, [str(path)])
    with pytest.raises(NamebasisError, match=r"'Nobody' is not in .*my\.space\. Give a stored"):
        attributes.score(space, ["gender"], n_made_up=5).pick(space, ["Nobody"])
    with pytest.raises(ValueError, match="each axis may be asked for once"):
        attributes.score(space, ["gender", "gender"])


@pytest.mark.long
def test_readings_are_in_the_axis_units_and_counted_for_progress(space: Space) -> None:
    steps: list[tuple[int, int]] = []
    found = attributes.score(
        space,
        ["age", "era"],
        n_made_up=20,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    for score, low, high in zip(found.scores, (1, 1885), (90, 2023), strict=True):
        for reading in ("expectation", "curve"):
            assert low <= score.readings[reading].min() <= score.readings[reading].max() <= high
        assert all(np.isfinite(spread).all() for spread in score.spreads.values())


def test_a_users_file_is_read_as_a_packaged_axis_is(space: Space, tmp_path: Path) -> None:
    own = tmp_path / "gender.toml"
    packaged = files("namebasis") / "data" / "axes" / "gender.toml"
    own.write_text(packaged.read_text(encoding="utf-8"), encoding="utf-8")
    mine, theirs = (attributes.score(space, [axis], n_made_up=20) for axis in (str(own), "gender"))
    assert mine.to_arrow().equals(theirs.to_arrow())
