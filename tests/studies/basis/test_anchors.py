"""Anchors against a graph made by hand and PageRank solved as a linear system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.analysis.sparse.codes import sparse_code
from namebasis.errors import FilterError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space
from namebasis.studies.basis import anchors
from tests.studies.basis.test_basis import SumEncoder

SINGLE = [f"Word{letter}" for letter in "abcdefgh"]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    pairs = [f"{a} {b}" for i, a in enumerate(SINGLE) for b in SINGLE[i + 1 :]]
    records = [{"name": name, "part": "given"} for name in SINGLE]
    records += [{"name": "WORDA", "part": "family"}]
    records += [{"name": name, "part": "full"} for name in pairs]
    return build_space(make_names(records), tmp_path / "a.space", encoder=SumEncoder())


def test_codes_leave_out_the_name_itself_and_its_equals_in_letters(space: Space) -> None:
    found = anchors.report(space, 2)
    for row, name in enumerate(found.names):
        made_of = [found.names[i] for i in found.code.indices[row] if i >= 0]
        assert name.casefold() not in [other.casefold() for other in made_of]
    centred = space.vectors() - space.mean()
    row = found.names.index("Worda Wordb")
    alone = sparse_code(np.delete(centred, row, axis=0), centred[[row]], 2)
    others = [name for name in found.names if name != "Worda Wordb"]
    expected = {others[i] for i in alone.indices[0]}
    assert {found.names[i] for i in found.code.indices[row]} == expected
    residual = np.sqrt(1 - alone.similarities[0] ** 2)
    assert found.own_residual[row] == pytest.approx(residual, abs=1e-3)


def test_uses_and_pagerank_equal_the_definitions(space: Space) -> None:
    found = anchors.report(space, 3, damping=0.8)
    n = len(found.names)
    walk = np.zeros((n, n))
    for row in range(n):
        for atom, weight in zip(found.code.indices[row], found.code.weights[row], strict=True):
            if atom >= 0:
                walk[row, atom] = weight / found.code.weights[row].sum()
    np.testing.assert_array_equal(found.n_uses, (walk > 0).sum(axis=0))
    walk[walk.sum(axis=1) == 0] = 1 / n
    expected = np.linalg.solve(np.eye(n) - 0.8 * walk.T, np.full(n, 0.2 / n))
    np.testing.assert_allclose(found.pagerank, expected, atol=1e-6)
    assert found.pagerank.sum() == pytest.approx(1)
    assert sorted(found.anchor_rank) == list(range(1, n + 1))
    assert found.anchor_rank[found.pagerank.argmax()] == 1
    graph = found.graph()
    assert graph.number_of_nodes() == n
    assert dict(graph.in_degree()) == dict(enumerate(found.n_uses.tolist()))
    assert graph.nodes[0]["name"] == found.names[0]


def test_metrics_are_written_for_the_rows_of_the_filter(space: Space) -> None:
    found = anchors.report(space, 2, where="part = 'full'")
    found.write(space)
    stored = space.table(["part", "anchor_rank", "own_residual", "anchor_uses", "anchor_pagerank"])
    for row in stored.to_pylist():
        assert (row["anchor_rank"] is None) == (row["part"] != "full")
    best = space.table(["name"], where="anchor_rank = 1")["name"].to_pylist()
    assert best == [found.names[int(found.anchor_rank.argmin())]]


def test_refused(space: Space) -> None:
    with pytest.raises(ValueError, match="more than n_names = 37 names; there are 37"):
        anchors.report(space, 37)
    with pytest.raises(ValueError, match="damping must lie between 0 and 1; got 1"):
        anchors.report(space, 2, damping=1)
    with pytest.raises(FilterError, match="leaves no name"):
        anchors.report(space, 2, where="part = 'pseudo'")


def test_the_table_gives_ranks_and_thousandths_and_the_note_says_what_for(space: Space) -> None:
    found = anchors.report(space, 2)
    (table,) = found.tables()
    assert table.columns == ("rank", "name", "pagerank ×1000", "uses", "own residual")
    assert [row[0] for row in table.rows] == list(range(1, len(table.rows) + 1))
    first = int(np.argmin(found.anchor_rank))
    assert table.rows[0][2] == pytest.approx(1000 * found.pagerank[first], abs=0.005)
    assert found.notes()[0].startswith("Anchors are names that many others are partly made of")
