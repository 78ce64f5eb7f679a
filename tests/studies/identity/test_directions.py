"""Views in which some names have no vector: such names are left out and not stumbled over."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.errors import SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.images import add_images
from namebasis.space import Space
from namebasis.studies import entropy
from namebasis.studies.basis import study as basis
from namebasis.studies.basis import walk
from namebasis.studies.basis.components import fit_components
from namebasis.studies.topology import study as topology
from namebasis.studies.topology.comparison import compare
from namebasis.studies.topology.overlap import overlap
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import corpus

N_WITH = 40


class Mute(Seeing):
    """Finds no token in some names."""

    def tokenize(self, text: str) -> list[str]:
        return [] if text.startswith("Nama") and text[-1] in "abcdefghijklmnopqrst" else [text[:4]]

    def token_embeddings(self, names):
        whole = super().token_embeddings([f"{name} " for name in names])
        return whole * np.array([[len(self.tokenize(name)) > 0] for name in names], np.float32)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    where = tmp_path_factory.mktemp("directions")
    built = build_space(corpus(), where / "a", encoder=Mute())  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    lacking = [row for row in built.table(["id", "pieces"]).to_pylist() if not row["pieces"]]
    assert len(lacking) == 60 - N_WITH
    has = np.setdiff1d(np.arange(60), [row["id"] for row in lacking])
    seen: set[str] = set()
    for name in built.table(["name"], ids=has)["name"].to_pylist():
        folder = name if name not in seen else f"{name} (2)"
        paint(where / "p" / folder / "a.png", tuple(rng.integers(0, 255, 3).tolist()))
        seen.add(name)
    grown, _ = add_images(built, where / "p")
    return grown


@pytest.fixture(params=["token", "image"])
def view(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def expected(space: Space, view: str) -> np.ndarray:
    rows = np.flatnonzero(space.vectors(view).any(axis=1))
    assert N_WITH - 2 <= len(rows) < 60
    return rows


def test_rows_with_a_vector_are_told_from_those_without(space: Space, view: str) -> None:
    rows = expected(space, view)
    np.testing.assert_array_equal(space.ids(view=view), rows)
    women = space.ids("gender = 'F'")
    np.testing.assert_array_equal(space.ids("gender = 'F'", view=view), np.intersect1d(women, rows))
    assert space.lacks(view)
    assert not space.lacks("text")
    assert len(space.ids(view="text")) == 60


def test_a_search_finds_only_such_names(space: Space, view: str) -> None:
    rows = expected(space, view)
    query = space.vectors(view, ids=rows[:1])[0]
    for farthest in (False, True):
        found = space.nearest(query, 60, view=view, farthest=farthest)
        assert sorted(found.ids.tolist()) == rows.tolist()


def test_the_graph_holds_such_names_only(space: Space, view: str) -> None:
    rows = expected(space, view)
    graph = space.graph(view, 3)
    without = np.setdiff1d(np.arange(60), rows)
    assert (graph.indices[without] == -1).all()
    assert np.isin(graph.indices[rows], rows).all()
    vectors = space.vectors(view)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    cosines[:, without] = -2
    best = -np.sort(-cosines[rows], axis=1)[:, :3]
    np.testing.assert_allclose(graph.similarities[rows], best, atol=1e-5)


@pytest.mark.long
def test_a_topology_leaves_the_others_out_with_a_note(space: Space, view: str) -> None:
    rows = expected(space, view)
    report = topology.report(space, view=view, n_resamples=0)
    np.testing.assert_array_equal(report.ids, rows)
    n = 60 - len(rows)
    assert f"{n} of 60 names have no vector in the {view} view and are left out." in report.notes()
    whole = topology.report(space, ids=rows, view=view, n_resamples=0)
    np.testing.assert_array_equal(whole.labels, report.labels)
    assert not any("no vector" in note for note in whole.notes())
    with pytest.raises(SpaceError, match=f"has [012] that fit .* with a vector in the {view} view"):
        topology.report(space, view=view, where="NOT n_images > 0 OR n_images IS NULL")


@pytest.mark.long
def test_other_studies_take_such_names_only(space: Space, view: str) -> None:
    rows = expected(space, view)
    assert entropy.report(space, view=view, n_null=0).entropy.n_rows == len(rows)
    both = overlap(space, space, k=3, view="text", right_view=view)
    assert both.n_names == len(rows)
    components = fit_components(space, view=view, max_components=2)
    mean = space.vectors(view, ids=rows).mean(axis=0)
    np.testing.assert_allclose(components.mean, mean, atol=1e-5)
    assert walk.walk(space, 1, view=view, n_steps=3).n_rows == len(rows)
    assert basis.fit(space, space.vectors(view, ids=rows[:1])[0], 2, view=view).n_atoms <= len(rows)
    compared = compare(space, space, view="text", right_view=view, n_resamples=0)
    np.testing.assert_array_equal(compared.left.ids, rows)
    np.testing.assert_array_equal(compared.right.ids, rows)
