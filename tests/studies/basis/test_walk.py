"""Walks through spaces whose directions are known, and the filter that chooses names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from namebasis.analysis.sparse.components import Components, principal_components
from namebasis.errors import EncoderError, NamebasisError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.studies.basis.components import coefficients, fit_components, fit_pieces
from namebasis.studies.basis.walk import walk
from namebasis.studies.identity.choice import measure_identity
from tests.studies.toy import ToyEncoder, ToySpace, word_vector

DIM = 6


def unit(rows: Any) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


class Planted(ToySpace):
    """Names whose vectors are given."""

    provenance = SimpleNamespace(encoder="toy", fingerprint="sha256:toy", templates=("{}",))

    def __init__(self, vectors: np.ndarray, names: Sequence[str] | None = None) -> None:
        super().__init__(names or [f"n{i}" for i in range(len(vectors))])
        self._vectors = vectors


@pytest.fixture
def arc() -> Any:
    """201 names on an arc around e0 towards e1, with noise in e2: place is the name's number."""
    turn = np.linspace(-0.5, 0.5, 201)
    noise = np.random.default_rng(0).normal(0, 0.02, 201)
    rows = np.zeros((201, DIM))
    rows[:, 0], rows[:, 1], rows[:, 2] = np.cos(turn), np.sin(turn), noise
    return Planted(unit(rows))


def test_a_component_is_walked_from_end_to_end(arc: Any) -> None:
    found = walk(arc, 1, n_steps=5, span=1.5, names_per_step=2)
    basis = principal_components(arc.vectors())
    assert found.label == "component 1"
    assert found.standard_deviation == pytest.approx(basis.standard_deviations[0], rel=1e-5)
    assert found.explained == pytest.approx(basis.explained[0], rel=1e-5)
    assert (found.n_rows, found.n_features) == (201, DIM)
    own = basis.coefficients(arc.vectors())[:, 0]
    for step in found.steps:
        point = basis.mean + step.position * basis.standard_deviations[0] * basis.directions[0]
        near = np.flatnonzero(np.abs(own - step.position) <= 0.375)
        order = np.argsort(np.linalg.norm(arc.vectors()[near] - point, axis=1))
        assert step.ids == tuple(near[order][:2].tolist())
        assert step.coefficients == pytest.approx(own[list(step.ids)], abs=1e-4)
        cosines = arc.vectors()[list(step.ids)] @ point / np.linalg.norm(point)
        assert step.similarities == pytest.approx(cosines, abs=1e-5)
    places = [np.mean(step.ids) for step in found.steps]
    assert places == sorted(places) or places == sorted(places, reverse=True)


def test_no_name_stands_twice_on_the_way(arc: Any) -> None:
    found = walk(arc, 1, n_steps=9, names_per_step=5)
    ids = [i for step in found.steps for i in step.ids]
    assert len(set(ids)) == len(ids) > 20


def test_names_with_equal_vectors_stand_there_once() -> None:
    rows = np.repeat(np.eye(3, DIM), [30, 2, 1], axis=0) + 0.5 * np.eye(DIM)[0]
    found = walk(Planted(unit(rows)), 1, n_steps=3, names_per_step=3)
    assert sorted(i for step in found.steps for i in step.ids) == [0, 30, 32]


def test_a_step_without_names_is_empty(arc: Any) -> None:
    steps = walk(arc, 1, n_steps=3, span=30.0).steps
    assert [len(step.names) > 0 for step in steps] == [False, True, False]


def test_few_names_hold_much_of_the_variance_whatever_they_mean(arc: Any) -> None:
    rows = unit(np.random.default_rng(1).normal(size=(4, DIM)))
    note = "Only 4 names for 6 directions: they differ in 3 at most, and one of these holds 33 % "
    assert walk(Planted(rows), 1).notes()[0].startswith(note)
    assert not any("Only" in note for note in walk(arc, 1).notes())


def test_two_targets_span_the_difference(arc: Any) -> None:
    found = walk(arc, ("n0", "n200"), n_steps=3, span=1.6, names_per_step=1)
    rows = arc.vectors().astype(np.float64)
    direction = unit(rows[200] - rows[0])
    along = rows @ direction
    assert found.label == "n0 to n200"
    assert found.standard_deviation == pytest.approx(along.std(ddof=1), rel=1e-5)
    total = rows.var(axis=0, ddof=1).sum()
    assert found.explained == pytest.approx(along.var(ddof=1) / total, rel=1e-4)
    places = [step.ids[0] for step in found.steps]
    assert places[0] < 30
    assert 90 < places[1] < 110
    assert places[2] > 170


def test_the_shares_of_orthogonal_directions_add_up() -> None:
    rows = unit(np.random.default_rng(1).normal(size=(50, DIM)) + 2)
    space = Planted(rows)
    shares = [walk(space, (-axis, axis), n_steps=2).explained for axis in np.eye(DIM)]
    assert sum(shares) == pytest.approx(1, rel=1e-5)


def test_an_axis_is_walked_from_its_first_value_to_its_last(tmp_path: Path) -> None:
    path = tmp_path / "heat.toml"
    path.write_text(
        'name = "heat"\nkind = "ordinal"\ntemplates = ["{}", "so {}"]\n'
        '[[values]]\nlabel = "low"\nphrases = ["cold", "icy"]\n'
        '[[values]]\nlabel = "mid"\nphrases = ["warm"]\n'
        '[[values]]\nlabel = "high"\nphrases = ["hot"]\n',
        encoding="utf-8",
    )
    encoder = ToyEncoder()
    low = encoder.encode_text(["cold", "icy", "so cold", "so icy"]).mean(axis=0)
    high = encoder.encode_text(["hot", "so hot"]).mean(axis=0)
    middle = word_vector("middle")
    places = np.linspace(-1, 1, 41)
    space = Planted(unit(middle + places[:, None] * unit(high - low)))
    found = walk(space, str(path), n_steps=5, span=1.5, names_per_step=1)
    assert found.label == "heat: low to high"
    assert found.explained > 0.85  # the sphere bends the line
    ids = [step.ids[0] for step in found.steps]
    assert ids == sorted(ids)
    assert ids[0] < 8 < 32 < ids[-1]


@pytest.mark.parametrize(
    ("along", "arguments", "error", "message"),
    [
        ("hair_colour", {}, ValueError, "axis 'hair_colour' is nominal"),
        ("height", {}, NamebasisError, r"an axis \(age, .*; got 'height'"),
        (0, {}, ValueError, "the number of a component must be an integer, at least 1"),
        (9, {}, ValueError, "number of a component must be an integer, between 1 and 3; got 9"),
        (("n0",), {}, ValueError, "needs two targets, from and to; got 1"),
        (("n0", "n0"), {}, ValueError, "the two ends are equal"),
        ((np.eye(DIM)[3], np.eye(DIM)[4]), {}, ValueError, "do not differ along a vector"),
        (1, {"where": "false"}, ValueError, "at least 2 names; 0 pass where='false'"),
        (1, {"span": 0.0}, ValueError, "span must be above 0"),
        (1, {"span": float("nan")}, ValueError, "span must be above 0"),
        (1, {"n_steps": 1}, ValueError, "n_steps must be an integer, at least 2"),
        (1, {"names_per_step": 0}, ValueError, "names_per_step must be"),
    ],
)
def test_hostile_arguments_are_refused(
    arc: Any, along: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        walk(arc, along, **arguments)


def test_a_basis_of_another_width_is_refused(arc: Any) -> None:
    other = principal_components(np.random.default_rng(0).normal(size=(9, 4)), label="token")
    with pytest.raises(ValueError, match="the basis 'token' has 4 features, the view 'text' has 6"):
        walk(arc, 1, components=other)


def test_results_as_table_and_json(arc: Any) -> None:
    found = walk(arc, 1, n_steps=3)
    table = found.to_arrow()
    assert table.column_names == ["position", "id", "name", "similarity", "coefficient"]
    assert table["name"].to_pylist() == [name for step in found.steps for name in step.names]
    assert json.loads(json.dumps(found.to_dict()))["steps"][0]["position"] == -3
    empty = replace(found, steps=()).to_arrow()
    assert (len(empty), empty.schema.field("id").type) == (0, pa.int64())


# --- bases of a stored space ----------------------------------------------------------------

GIVEN = "Ada Bo Cai Dee Eli Fay Gus Hal".split()
FAMILY = "Ash Birk Cole Dunn Ek Frey Gill Holt".split()
KNOWN = {"Ada Ash", "Fay Gill", "Hal Dunn"}


class Knowing(ToyEncoder):
    """Parts add up, except for the few full names that mean somebody."""

    def _embed(self, text: str) -> Any:
        words = text.split()
        total = np.sum([word_vector(word) for word in words], axis=0) + word_vector("everyone") * 2
        if text in KNOWN:
            total = total + 8 * word_vector(text)
        return unit(total)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Any:
    rng = np.random.default_rng(0)
    pairs = [(one, two) for one in GIVEN for two in FAMILY if rng.random() < 0.6]
    full = sorted({f"{one} {two}" for one, two in pairs} | KNOWN)
    records = [{"name": name, "part": "full"} for name in full]
    records += [{"name": name, "part": "given"} for name in GIVEN[:5]]  # the rest is encoded
    encoder: Any = Knowing()
    folder = tmp_path_factory.mktemp("walk") / "people"
    return build_space(make_names(records), folder, encoder=encoder, templates="{}")


def test_the_filter_finds_the_names_that_are_more_than_their_parts(people: Any) -> None:
    measured = measure_identity(people)
    names = people.table(["name"], ids=measured.chosen)["name"].to_pylist()
    best = np.argsort(-measured.scores)[: len(KNOWN)]
    assert set(people.table(["name"], ids=measured.ids[best])["name"].to_pylist()) == KNOWN
    assert set(names) >= KNOWN
    assert len(names) < 0.25 * len(measured.ids)  # 5 % of names without an identity may pass
    assert "recombined names" in measured.measure
    assert measured.to_arrow()["is_chosen"].to_pylist().count(True) == len(names)


def test_the_filter_uses_the_column_where_there_is_one(people: Any, tmp_path: Path) -> None:
    encoder: Any = Knowing()
    records = [{"name": f"{one} {two}", "part": "full"} for one in GIVEN for two in FAMILY]
    records += [{"name": f"Zz{i}", "part": "pseudo"} for i in range(40)]
    space = build_space(make_names(records), tmp_path / "s", encoder=encoder, templates="{}")
    parts = space.table(["part"])["part"].to_pylist()
    values = np.where(np.array(parts) == "pseudo", np.linspace(0, 0.5, len(parts)), 0.1)
    values[:3] = 0.9
    space.add_metrics(
        pa.table({"id": range(len(parts)), "own_residual": pa.array(values.astype(np.float32))}),
        study="anchors",
        parameters={},
    )
    measured = measure_identity(space)
    assert measured.chosen.tolist() == [0, 1, 2]
    pseudo = values[np.array(parts) == "pseudo"]
    assert measured.threshold == pytest.approx(np.quantile(pseudo, 0.95), abs=1e-6)
    assert measured.measure == "own_residual, above the 95 % quantile of 40 pseudo names"


def test_the_filter_needs_full_names(people: Any) -> None:
    with pytest.raises(ValueError, match="at least 20 names of a given and a family name; 1 pass"):
        measure_identity(people, where="name = 'Ada Ash'")


def test_components_of_a_space_say_where_they_come_from(people: Any) -> None:
    found = fit_components(people, where="part = 'full'", max_components=3)
    oracle = principal_components(people.vectors(ids=people.ids("part = 'full'")), 3)
    np.testing.assert_allclose(found.directions, oracle.directions, atol=1e-6)
    assert found.metadata == {
        "encoder": "toy",
        "fingerprint": "sha256:toy",
        "view": "text",
        "where": "part = 'full'",
        "names": "all names",
    }
    few = fit_components(people, automatic_filter=True)
    assert few.n_rows == measure_identity(people).chosen.size
    assert "remainder" in few.metadata["names"]


def test_coefficients_of_a_target(people: Any) -> None:
    basis = fit_components(people)
    row = people.find("Ada Ash")
    expected = basis.coefficients(people.vectors(ids=[row]))[0]
    np.testing.assert_allclose(coefficients(people, "Ada Ash", basis), expected, atol=1e-5)
    token = fit_components(people, view="token")
    assert coefficients(people, "Ada Ash", token, view="token").shape == (token.n_components,)


def test_a_basis_of_other_vectors_of_the_same_width_is_refused(people: Any) -> None:
    text = fit_components(people)
    about = {**text.metadata, "view": "unspelled"}
    with pytest.raises(ValueError, match="fitted to the view 'unspelled'; got view 'text'"):
        walk(people, 1, components=replace(text, metadata=about))
    about = {**text.metadata, "encoder": "other", "fingerprint": "sha256:other"}
    other = replace(text, metadata=about)
    with pytest.raises(EncoderError, match=r"fitted to vectors of other .*has those of toy"):
        walk(people, 1, components=other)
    with pytest.raises(EncoderError, match="Fit one to this space"):
        coefficients(people, "Ada Ash", other)
    bare = replace(text, metadata={})  # made by hand: nothing is known of it
    assert walk(people, 1, components=bare).n_rows == text.n_rows


def test_pieces_of_a_space(people: Any, tmp_path: Path) -> None:
    first, second = fit_pieces(people, where="part = 'full'")
    assert (first.label, second.label) == ("first piece", "second piece")
    assert first.n_distinct == len(GIVEN)
    assert first.n_components == len(GIVEN) - 1
    names = people.table(["name"], where="part = 'full'")["name"].to_pylist()
    oracle = principal_components(np.stack([word_vector(name.split()[1]) for name in names]))
    np.testing.assert_allclose(second.directions, oracle.directions, atol=1e-5)
    second.save(tmp_path / "second.safetensors")
    assert Components.load(tmp_path / "second.safetensors").metadata["view"] == "pieces"
