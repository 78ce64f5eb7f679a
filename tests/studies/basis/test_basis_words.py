"""What a reader is told of a basis: its sum in a sentence, its shares in percent, its legend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from namebasis.studies.basis.results import Basis

FOUND = Basis(
    label="a senior lady",
    names=("Mildred", "Lydia", "Junior"),
    ids=np.array([4, 1, 7]),
    weights=np.array([0.41, 0.25, -0.125], np.float32),
    similarity=0.526,
    raw_similarity=0.913,
    n_atoms=4000,
    view="text",
    parameters={"n_resamples": 50},
    stability=np.array([0.92, 0.004, np.nan]),
    template_stability=np.array([1.0, 0.5, 0.0]),
)
CORPUS = "chosen again: share of 50 resamples of the names that choose it again"
TEMPLATES = "other templates: share of 50 resamples of the templates that do"


def test_the_headline_is_the_sum_with_its_signs_and_both_cosines() -> None:
    assert FOUND.headline() == (
        "a senior lady ≈ 0.41 Mildred + 0.25 Lydia − 0.12 Junior: cosine 0.53 once the mean of all "
        "names is taken off (0.91 with it), out of 4,000 names."
    )
    none = replace(FOUND, names=(), ids=np.array([], np.int64), weights=np.array([], np.float32))
    assert none.headline() == "No name of 4,000 adds up to a senior lady."


def test_shares_are_in_percent_and_one_that_is_unknown_is_a_dash() -> None:
    (table,) = FOUND.tables()
    assert list(table.columns) == ["name", "weight", "chosen again", "other templates"]
    assert [row[2] for row in table.rows] == ["92 %", "0 %", "–"]
    assert [row[3] for row in table.rows] == ["100 %", "50 %", "0 %"]
    assert FOUND.to_arrow()["stability"].to_pylist()[:2] == [0.92, 0.004]


def test_the_legend_says_of_what_the_shares_are_and_only_of_columns_that_are_there() -> None:
    assert FOUND.notes() == [CORPUS, TEMPLATES]
    assert replace(FOUND, template_stability=None).notes() == [CORPUS]
    assert replace(FOUND, stability=None).notes() == [TEMPLATES]
    bare = replace(FOUND, stability=None, template_stability=None)
    assert (bare.notes(), list(bare.tables()[0].columns)) == ([], ["name", "weight"])
