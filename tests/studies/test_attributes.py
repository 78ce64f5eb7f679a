"""Attributes of names: values that follow the prompts, records, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import namebasis as nb
from namebasis.errors import CorpusError, NamebasisError
from namebasis.namespace.space import Space
from namebasis.studies import attribute_records as records
from namebasis.studies import attributes
from namebasis.studies.survival import survival

WOMEN = ["Mary", "Susan", "Linda", "Jessica", "Emily", "Anna", "Laura"]
MEN = ["John", "Robert", "Michael", "David", "James", "Thomas", "Peter"]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("attributes") / "my.space"
    encoder = nb.load_encoder("minilm")
    return nb.build_space(nb.read_names([*WOMEN, *MEN]), path, encoder=encoder, templates="plain")


def test_gender_is_told_apart_and_rows_keep_their_names(space: Space) -> None:
    found = attributes.score(space, ["gender", "hair_length"], n_pseudo=50)
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


def test_a_nominal_axis_is_read_value_by_value(space: Space) -> None:
    found = attributes.score(space, ["eye_colour"], n_pseudo=20)
    assert [score.value for score in found.scores] == ["brown", "hazel", "green", "blue", "grey"]


def test_refusals(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(
        'name = "one"\nkind = "ordinal"\ntemplates = ["a {}"]\n'
        '[[values]]\nlabel = "a"\nphrases = ["b"]\n'
    )
    with pytest.raises(NamebasisError, match="values must be two or more"):
        attributes.score(space, [str(path)])
    with pytest.raises(NamebasisError, match="Nobody is not among the 14 names"):
        attributes.score(space, ["gender"], n_pseudo=5).pick(space, ["Nobody"])
    with pytest.raises(ValueError, match="each axis may be asked for once"):
        attributes.score(space, ["gender", "gender"])
    with pytest.raises(CorpusError, match="records must be ssa:ZIP"):
        records.compare(space, "census:surnames.csv")


def test_survival_keeps_the_published_means() -> None:
    for sex, left in (("F", 62.45), ("M", 55.90)):
        ages = np.arange(15, 121)
        curve = [float(survival([1920], 1920 + int(age), sex)[0]) for age in ages]
        assert np.trapezoid(curve, ages) / curve[0] == pytest.approx(left, abs=0.05)
    with pytest.raises(ValueError, match="must not be after 2000"):
        survival([2001], 2000, "F")


def test_expected_age_is_the_mean_over_the_living() -> None:
    births = [[{"year": 1940, "female": 10, "male": 0}, {"year": 2000, "female": 10, "male": 0}]]
    alive = survival([1940, 2000], 2020, "F")
    expected = (alive[0] * 80 + alive[1] * 20) / alive.sum()
    assert records.expected_ages(births, 2020)[0] == pytest.approx(expected)
    assert np.isnan(records.expected_ages([[]], 2020)[0])


def test_auc_and_spearman_equal_their_oracles() -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    reading, truth = np.round(rng.random(50), 1), rng.random(50)
    assert records.spearman(reading, truth) == pytest.approx(spearmanr(reading, truth)[0])
    assert records.auc(reading, truth) == pytest.approx(roc_auc_score(truth >= 0.5, reading))
