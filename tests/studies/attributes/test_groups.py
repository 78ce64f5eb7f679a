"""Associations of groups: equal to the measures called by hand, counts, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import namebasis as nb
from namebasis.analysis.readings.associations import relative_norm_distance, ripa, weat
from namebasis.errors import NamebasisError
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.studies.attributes.groups import associate

WOMEN = ["Mary", "Susan", "Linda", "Jessica", "Emily"]
MEN = ["John", "Robert", "Michael", "David"]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    records = [{"name": n, "gender": "F", "locales": ["en", "de"][: 1 + i % 2]}
               for i, n in enumerate(WOMEN)]  # fmt: skip
    records += [{"name": n, "gender": "M", "locales": ["fr"]} for n in MEN]
    records += [{"name": "Alex", "gender": "U"}, {"name": "Banana"}]
    path = tmp_path_factory.mktemp("groups") / "my.space"
    encoder = nb.load_encoder("minilm")
    return nb.build_space(make_names(records), path, encoder=encoder, templates="plain")


def test_groups_of_a_column_equal_the_measures_by_hand(space: Space) -> None:
    steps: list[tuple[int, int]] = []
    found = associate(
        space, "gender", ["gender"], progress=lambda done, total: steps.append((done, total))
    )
    assert steps[-1] == (2, 2)
    assert found.left_out == {"in no group": 1, "in groups of fewer than 2": 1}
    women, men = found.rows
    assert (women.group, women.n, women.n_others) == ("F", 5, 4)
    assert (women.towards, women.away) == ("feminine", "masculine")
    axis = load_axis("gender")
    place = {n: i for i, n in enumerate(space.table(["name"])["name"].to_pylist())}
    x, y = (space.vectors(ids=np.array([place[n] for n in names])) for names in (WOMEN, MEN))
    a, b = (
        space.encoder().encode_text(
            [t.replace("{}", p) for t in axis.templates for p in axis.values[at].phrases]
        )
        for at in (-1, 0)
    )
    test = weat(x, y, a, b)
    assert women.n_attributes == len(a)
    assert women.effect_size == pytest.approx(test.effect_size)
    # The best of all divisions; of groups of five and four none lies as far on the other side.
    assert women.p_value == test.p_two_sided == 1 / 126
    assert women.p_holm == pytest.approx(2 / 126)
    assert (women.leans, men.leans) == ("feminine", "masculine")
    assert found.headline().startswith("women's names lean feminine (WEAT d +")
    assert "men's names lean masculine (WEAT d -" in found.headline()
    assert women.rnd == pytest.approx(relative_norm_distance(x, y, a) / len(a))
    assert women.rnd < 0
    relation = [rows.astype(float).mean(axis=0, keepdims=True) for rows in (a, b)]
    gap = ripa(x, *relation).mean() - ripa(y, *relation).mean()
    assert women.ripa == pytest.approx(gap, rel=1e-4)
    assert 0 < women.ripa_low < women.ripa < women.ripa_high
    assert men.effect_size == pytest.approx(-women.effect_size)
    assert men.p_value == women.p_value  # two-sided


def test_groups_of_a_file_and_of_a_list_column(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "groups.toml"
    path.write_text('[groups]\na = ["Mary", "Alex", "John"]\nb = ["Linda", "David", "John"]\n')
    found = associate(space, path, ["eye_colour"])
    assert found.left_out == {"in no group": 6, "in several groups": 1}
    assert [(row.towards, row.group, row.n) for row in found.rows][:2] == [
        ("brown", "a", 2),
        ("brown", "b", 2),
    ]
    assert len(found.rows) == 5 * 2
    assert {row.away for row in found.rows} == {"all others"}
    assert {row.group for row in associate(space, "locales", ["eye_colour"]).rows} == {"en", "fr"}


def test_refusals(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "groups.toml"
    for text, message in (
        ("[other]\na = 1", r"needs one table \[groups\] of lists"),
        ('[groups]\na = "Mary"', "group 'a' must be a list of names"),
        ('[groups]\na = ["Mary", "Nobody"]', "1 name not among those read, .*'Nobody'"),
        ('[groups]\na = ["Mary", "Susan"]', "into 1 group of at least 2; two are needed"),
        ("[groups", "cannot be read as a file of groups"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(NamebasisError, match=message):
            associate(space, path)
    with pytest.raises(NamebasisError, match="there is no column 'sex'"):
        associate(space, "sex")
    with pytest.raises(NamebasisError, match="holds measures, not groups"):
        associate(space, "template_spread")
    with pytest.raises(ValueError, match="needs at least one axis"):
        associate(space, "gender", [])
