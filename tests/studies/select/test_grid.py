"""Lists made of readings: grids, ends of an axis, and names in which nothing reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import namebasis as nb
from namebasis.studies.attributes.study import score
from namebasis.studies.select import scores
from namebasis.studies.select.grid import make_grid, parse_cut, spread_quotas

NAMES = """Vicki Winona Roger Sigríður Guðrún Björk Aaliyah Keisha Priya Anaïs José Giulia Hiroshi
Yuki Chen Mei Olga Ivan Fatima Mohammed Ingrid Lars Siobhán Patrick Anna Greta Hans Otto Maria
Walter""".split()


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> nb.Space:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scores, "N_MADE_UP", 40)
        where = tmp_path_factory.mktemp("grid") / "s.space"
        yield nb.build_space(NAMES, where, encoder="minilm", templates="plain", progress=None)


@pytest.mark.long
def test_a_grid_is_filled_evenly_and_the_readings_are_those_of_score(space: nb.Space) -> None:
    found = space.select(8, objective="axes", axes=["age=2", "gender"])
    assert [cell.group for cell in found.cells] == [
        "young / masculine", "young / feminine", "old / masculine", "old / feminine",
    ]  # fmt: skip
    assert [cell.n_chosen for cell in found.cells] == [2, 2, 2, 2]
    # Of the names of score, those above the median read feminine.
    gender = score(space, ["gender"], n_made_up=40).scores[0].readings["inferred"]
    above = dict(zip(NAMES, gender > np.median(gender), strict=True))
    said = {
        name: "feminine" in group for name, group in zip(found.names, found.groups, strict=True)
    }
    assert {name: bool(above[name]) for name in found.names} == said
    assert "4 of 4 cells have a name" in found.headline()
    assert found.to_arrow()["selected_group"].to_pylist() == list(found.groups)


def test_cells_that_nothing_can_fill_are_named_and_their_places_go_round(space: nb.Space) -> None:
    grid = ["age=2", "gender"]
    found = space.select(8, objective="axes", axes=grid, n_null=0, where="name = 'Vicki'")
    assert found.names == ["Vicki"]
    empty = [cell.group for cell in found.cells if not cell.n_could]
    assert len(empty) == 3
    told = f"{empty[0]}, {empty[1]} and {empty[2]}."
    assert found.notes()[0] == f"No name that the constraints allow lies in {told}"


def test_quotas_are_kept(space: nb.Space) -> None:
    found = space.select(
        7, objective="axes", axes=["age=2", "gender"], n_null=0, quotas={"old/feminine": 1}
    )
    assert [cell.n_chosen for cell in found.cells] == [2, 2, 2, 1]


def test_wrong_quotas_are_refused_before_names_are_read(
    space: nb.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("namebasis.studies.select.scores.read_rows", None)
    for objective, axes in (("axes", ["age=2", "gender"]), ("strong", ["gender"])):
        with pytest.raises(ValueError, match="no axis has the level 'oldd'"):
            space.select(4, objective=objective, axes=axes, quotas={"oldd": 1})


def test_the_ends_of_an_axis_take_turns(space: nb.Space) -> None:
    found = space.select(4, objective="strong", axes=["gender", "age"])
    assert sorted(found.groups) == ["feminine", "feminine", "masculine", "masculine"]
    z = score(space, ["gender"], n_made_up=40).scores[0].z["inferred"]
    z_of = dict(zip(NAMES, z, strict=True))
    for name, group in zip(found.names, found.groups, strict=True):
        assert (z_of[name] > 0) == (group == "feminine")


def test_low_bias_takes_names_near_the_prior_and_steady_ones_first(space: nb.Space) -> None:
    found = space.select(5, objective="low-bias", axes=["gender", "age"])
    assert found.groups == ()
    told = score(space, ["gender", "age"], n_made_up=40)
    bias = np.mean([np.abs(one.z["inferred"]) for one in told.scores], axis=0)
    order = [NAMES[at] for at in np.argsort(bias)]
    assert set(found.names) <= set(order[:10])


def test_unseen_templates_are_not_those_of_the_space(space: nb.Space) -> None:
    scored = scores.score_names(
        space, space.ids(), 8, "axes", [parse_cut("gender"), parse_cut("age")], {}, 0
    )
    unseen = scores.read_unseen(space, scored.grader, space.ids(), 0)
    assert not set(unseen.templates) & set(space.provenance.templates)
    assert np.corrcoef(unseen.z[0][:, 0], scored.z[0][:, 0])[0, 1] > 0.9


def test_a_grid_cuts_levels_of_as_many_names() -> None:
    cut = parse_cut("age=4")
    assert cut.labels == ("young", "age 2 of 4", "age 3 of 4", "old")
    assert parse_cut("age=3").labels == ("young", "middle age", "old")
    read = np.arange(40.0)[:, None]
    grid = make_grid([cut], [], [read])
    cells, strength = grid.place([read])
    assert np.bincount(cells).tolist() == [10, 10, 10, 10]
    assert (cells[0], cells[-1]) == (0, 3)
    assert strength[0] == pytest.approx(9.75 / read.std())  # the border lies at 9.75
    region = parse_cut("region=East Asia|Africa")
    asked = np.zeros((2, len(region.axis.values)))
    asked[0, region.columns[1]], asked[1, region.columns[0]] = 2.0, 3.0
    cells, strength = make_grid([region], [], [asked]).place([asked])
    assert cells.tolist() == [1, 0]
    assert strength[1] / strength[0] == pytest.approx(1.5)


LABELS = ["young / masculine", "young / feminine", "old / masculine", "old / feminine"]


def test_quotas_are_spread_evenly() -> None:
    quotas, groups = spread_quotas(LABELS, 10, {})
    assert (sorted(quotas.tolist()), set(groups.tolist())) == ([2, 2, 3, 3], {-1})
    quotas, groups = spread_quotas(LABELS, 10, {"old": 4, "young/feminine": 5})
    assert (quotas.tolist(), groups.tolist()) == ([1, 5, 2, 2], [-1, 1, 0, 0])


@pytest.mark.parametrize(("asked", "message"), [
    ({"old": 6, "young": 5}, r"quotas ask for 11 names together \(old 6 and young 5\), but n_na"),
    ({"old": 6, "feminine": 1}, "'old' and 'feminine' have cells in common"),
    ({"old": 6, "young": 1}, "quotas ask for 7 names over all cells, but n_names is 10: raise"),
    ({"odl": 6}, "no axis has the level 'odl'; they have .* Did you mean 'old'?"),
    ({"old/young": 6}, "'old/young' holds two levels of one axis, so no cell has it"),
])  # fmt: skip
def test_contradictory_quotas_are_refused(asked: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spread_quotas(LABELS, 10, asked)


def test_folders_of_axes_are_read_first(tmp_path: Path) -> None:
    bare = tmp_path / "bare.toml"
    bare.write_text('name = "bare"\nkind = "nominal"\ntemplates = ["{}"]\nvalues = []\n')
    with pytest.raises(nb.errors.NamebasisError, match="values must be two or more"):
        scores.check_axes("axes", [str(bare)])


def test_what_reads_is_read_again_in_other_sentences(space: nb.Space) -> None:
    found = space.select(8, objective="axes", axes=["age=2", "gender"])
    (kept,) = found.checks
    assert kept.measure == "share that keeps its group"
    assert 0.5 <= kept.value <= 1
    assert "old / feminine" in found.to_html()
    drawn = found.plot(kind="grid").axes[0]
    assert [tick.get_text() for tick in drawn.get_xticklabels()] == ["young", "old"]
    assert [tick.get_text() for tick in drawn.get_yticklabels()] == ["masculine", "feminine"]
    in_cells = {text.get_position(): text.get_text() for text in drawn.texts}
    assert found.cells[1].group == "young / feminine"
    assert in_cells[0, 1].replace("\n", ", ") == ", ".join(found.cells[1].names)
    with pytest.raises(ValueError, match="one of map, grid for this list; got 'curve'"):
        found.plot(kind="curve")
    low = space.select(5, objective="low-bias", axes=["gender"])
    beside_names, beside_made_up = low.checks
    assert beside_names.value < beside_names.random
    assert beside_made_up.value == beside_names.value
    ends = space.select(4, objective="strong", axes=["gender", "age"])
    assert [check.measure for check in ends.checks] == [
        "share that keeps its group", "z towards its end", "mean |z| on the other axes",
    ]  # fmt: skip
    assert ends.checks[1].value > ends.checks[1].random
