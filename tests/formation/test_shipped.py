from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import namebasis
from namebasis.errors import NamebasisError
from namebasis.formation import formation
from namebasis.formation.evidences.series import evidences_of
from namebasis.formation.results import Formation

FOLDER = Path(namebasis.__file__).parent / "data" / "organism"


@pytest.fixture(scope="module")
def shipped() -> Formation:
    return formation("organism")


def test_what_is_shipped_is_what_the_training_gave(shipped: Formation) -> None:
    table = pq.read_table(FOLDER / "trajectories.parquet")
    arrow = shipped.to_arrow()
    here, there = (
        list(zip(one["name"].to_pylist(), one["step"].to_pylist(), strict=True))
        for one in (arrow, table)
    )
    places = {key: at for at, key in enumerate(here)}
    assert len(places) == len(arrow) == 665 * 25
    mine = arrow.take([places[key] for key in there])
    for key in ("kind", "phase", "captured", "exposures", "own_score", "margin", "hold"):
        assert mine[key].to_pylist() == table[key].to_pylist(), key
    assert (shipped.n_asked, len(shipped.steps), shipped.steps[-1]) == (545, 25, 1300)
    assert shipped.phases.false_alarms.n_made_up == 120


def test_what_it_lacks_is_said(shipped: Formation) -> None:
    assert shipped.weights == ()
    (told,) = [note for note in shipped.footnotes() if "packaged table" in note]
    for word in ("change points", "likeness", "weight", "strength", "own_residual"):
        assert word in told
    assert "crossings" not in told
    assert "pictures" not in told
    assert "namebasis organism train RUN" in told
    assert np.isnan(shipped.values["strength"]).all()


def test_crossings_are_read_as_the_training_gave_them(shipped: Formation) -> None:
    table = pq.read_table(FOLDER / "crossings.parquet")
    assert len(shipped.phases.crossings) == len(table) > 2_000
    # What is written as null and read as an open end is written as null again.
    again = shipped.crossings_to_arrow().cast(table.schema)
    assert again.to_pydict() == table.to_pydict()
    few = formation("organism", shipped.names[:2]).phases.crossings
    assert {one.name for one in few} == set(shipped.names[:2])


def test_pictures_and_weights_tell_of_people_and_of_nobody_else(shipped: Formation) -> None:
    kinds = dict(zip(shipped.names, shipped.kinds, strict=True))
    text, pictures, weights = evidences_of(shipped)
    for one, share in ((pictures, 0.7), (weights, 0.4)):
        states = {
            kind: [each[0].state for name, each in one.crossings.items() if kinds[name] == kind]
            for kind in "AC"
        }
        assert set(states["A"]) == {"never"}
        assert len(states["C"]) == 51
        assert states["C"].count("crossed") > share * 51
    told = shipped.weight_evidence
    assert told is not None
    assert (told.names, told.steps) == (shipped.names[:545], shipped.steps)
    assert told.null.shape == (200, 25)
    assert np.isfinite(told.values[:, 1:]).all()
    few = formation("organism", shipped.names[3:5]).weight_evidence
    assert few is not None
    np.testing.assert_array_equal(few.values, told.values[3:5])
    controls = pictures.values[shipped.n_asked :]
    assert np.isfinite(controls).all()
    assert (pictures.high < 0).all()  # the null band ends below the level
    assert text.values.shape == pictures.values.shape == (665, 25)


def test_its_page_and_its_tables_stand(shipped: Formation) -> None:
    page = formation("organism", shipped.names[:3]).to_html()
    assert "3 names over 25 checkpoints, step 0 to step 1300" in page
    assert "Trajectories by kind" in page
    assert "What text, pictures and weights say of one name" in page
    assert "In weight space" not in page
    kinds, _ = shipped.tables()
    assert sum(row[2] for row in kinds.rows) == 545
    assert shipped.headline().startswith("At the last checkpoint: ")


def test_a_name_can_be_chosen_and_checkpoints_cannot_be_asked(shipped: Formation) -> None:
    name = shipped.names[7]
    one = formation("organism", [name])
    assert one.names[:2] == (name, shipped.names[545])
    assert (one.phases.labels[0] == shipped.phases.labels[7]).all()
    assert one.phases.thresholds["hold"].tolist() == shipped.phases.thresholds["hold"].tolist()
    with pytest.raises(NamebasisError, match=r"made-up names, such as '\w+ \w+', and not of 'Bo'"):
        formation("organism", ["Bo"])


@pytest.mark.parametrize(
    ("option", "value"),
    [("template", "a {}"), ("n_made_up", 50), ("n_swaps", 12), ("n_resamples", 20),
     ("cache", "kept"), ("device", "cpu"), ("seed", 1), ("counts", "x.csv"), ("model", "ViT-B-32"),
     ("contexts", ["a {}"]), ("truth", "x.json"), ("revisions", ["main"]),
     ("weight_evidence", True), ("learning_coefficient", True)],
)  # fmt: skip
def test_what_only_checkpoints_answer_is_refused(option: str, value: object) -> None:
    said = "--" + option.replace("_", "-").removesuffix("s" if option == "revisions" else "")
    with pytest.raises(ValueError, match=rf"^{said} counts only where checkpoints .* train"):
        formation("organism", **{option: value})
    with pytest.raises(ValueError, match=r"^axes counts only"):
        formation("organism", axes=("age",))


def test_as_many_names_as_asked_are_shown_the_furthest_first(shipped: Formation) -> None:
    few = formation("organism", n_shown=4)
    _, names = few.tables()
    last = dict(zip(shipped.names[:545], shipped.phases.labels[:545, -1].tolist(), strict=True))
    assert [row[2] for row in names.rows] == sorted(last.values(), reverse=True)[:4]
    assert [last[row[0]] for row in names.rows] == [row[2] for row in names.rows]
    shown = [row[0] for row in names.rows]
    assert few.to_arrow()["name"].unique().to_pylist() == shown
    told = few.to_dict()["names"]
    assert [row["name"] for row in told] == shown
    assert {row["is_control"] for row in told} == {False}
    assert told[0]["phases"] == shipped.phases.labels[shipped.names.index(shown[0])].tolist()
    assert few.headline() == shipped.headline()
    with pytest.raises(ValueError, match="n_shown must be an integer, at least 1"):
        formation("organism", n_shown=0)


def test_a_packed_folder_is_read_alike_and_a_broken_one_refused(tmp_path: Path) -> None:
    for file in ("run.json", "trajectories.parquet", "model.safetensors"):
        shutil.copy(FOLDER / file, tmp_path / file)
    found = formation(tmp_path)
    assert (found.n_asked, found.phases.crossings) == (545, ())
    assert "holds no crossings, change points" in found.footnotes()[-2]
    (tmp_path / "trajectories.parquet").write_bytes(b"PAR1")
    with pytest.raises(NamebasisError, match=r"trajectories\.parquet: cannot be read as traj"):
        formation(tmp_path)
    shutil.copy(FOLDER / "trajectories.parquet", tmp_path)
    (tmp_path / "crossings.parquet").write_bytes(b"PAR1")
    with pytest.raises(NamebasisError, match=r"crossings\.parquet: cannot be read as traj"):
        formation(tmp_path)
    table = pq.read_table(FOLDER / "trajectories.parquet").drop_columns(["hold"])
    pq.write_table(table, tmp_path / "trajectories.parquet")
    with pytest.raises(NamebasisError, match=r"it lacks the columns? hold\)"):
        formation(tmp_path)


def test_a_training_without_sets_is_drawn_in_one_panel(shipped: Formation) -> None:
    assert shipped.sets == ()
    figure = shipped.plot()
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    risen = [name for name in lines if name in shipped.names]
    assert len(risen) == 5
    for name in risen:
        expected = shipped.values["own_score"][shipped.names.index(name)]
        np.testing.assert_array_equal(lines[name], expected)
