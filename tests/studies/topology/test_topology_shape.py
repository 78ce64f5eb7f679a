"""The shape of clouds whose shape is known."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest

from namebasis.analysis.graph.neighbours import knn_graph
from namebasis.checks import FloatArray
from namebasis.studies.topology.shape import STEPS, TopologyShape, measure_shape
from namebasis.studies.topology.shape_summary import shape_rows


def two_groups(n: int = 60) -> FloatArray:
    """Two far groups of unit rows, and one row halfway between them."""
    rng = np.random.default_rng(0)
    centre = np.repeat(np.eye(8)[:2] * 4, n, axis=0)
    rows = np.concatenate(
        [centre + 0.3 * rng.standard_normal(centre.shape), [np.eye(8)[:2].sum(0)]]
    )
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def measured(rows: FloatArray, k: int = 8, **options: object) -> TopologyShape:
    n = len(rows) // 2
    labels = {
        "locale": ["is_IS"] * n + ["el_GR"] * (len(rows) - n),
        "part": ["given"] * len(rows),
    }
    names = [f"N{i}" for i in range(len(rows))]
    options = {"n_landmarks": 20, "n_null": 3, "n_permutations": 19, **options}
    return measure_shape(rows, knn_graph(rows, k), names, labels, **options)  # type: ignore[arg-type]


def test_entropy_says_how_many_neighbours_its_kernel_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("namebasis.analysis.shape.entropy._EXACT_ROWS", 10)
    monkeypatch.setattr("namebasis.analysis.shape.entropy.DENSE_ROWS", 20)
    rows = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    graph = dataclasses.replace(knn_graph(rows, 5), recall=0.96)
    names = [f"n{i}" for i in range(60)]
    shape = measure_shape(rows, graph, names, {}, n_null=0, n_permutations=3)
    assert (shape.entropy.whole.method, shape.entropy.whole.recall) == ("sparse", 0.96)


def test_the_name_between_two_groups_is_the_bridge() -> None:
    steps: list[str] = []
    found = measured(two_groups(), lap=steps.append)
    assert tuple(steps) == STEPS
    assert found.graph.bridges[0].name == "N120"
    assert {locale for locale, _ in found.graph.bridges[0].joins} == {"is_IS", "el_GR"}
    assert found.bridge[120] == found.bridge.max() == pytest.approx(found.graph.bridges[0].bridge)
    mixing = found.graph.assortativity["locale"]
    assert mixing is not None
    assert mixing.coefficient > 0.8
    assert mixing.p == pytest.approx(1 / 20)
    assert found.graph.assortativity["part"] is None  # one value
    assert found.hubness.mean() == pytest.approx(1)
    assert found.hubs.hubs[0].in_degree == 8 * found.hubness.max()
    assert found.entropy.whole.n_rows == 121
    assert {null.null for null in found.entropy.nulls} == {"gaussian", "shuffled columns"}
    assert found.persistence is not None
    assert found.persistence.degrees[0].bottleneck.n == 3  # type: ignore[union-attr]
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert "hubness" not in json.loads(text)
    assert set(found.columns()) == {"hubness", "local_dimension", "bridge"}


def test_the_same_seed_gives_the_same_shape() -> None:
    first, again = measured(two_groups()), measured(two_groups())
    assert json.dumps(first.to_dict()) == json.dumps(again.to_dict())


def test_equal_vectors_have_no_shape_and_say_so() -> None:
    rows = np.repeat(np.eye(4, dtype=np.float32)[:1], 12, axis=0)
    found = measured(rows, k=3)
    assert found.entropy.whole.bits == 0
    assert found.persistence is None
    assert np.isnan(found.local_dimension).all()
    assert any("All vectors are equal" in note for note in found.notes)
    assert any("no intrinsic dimension" in note for note in found.notes)
    lines = shape_rows(found)
    assert lines[0] == ("entropy", "0.00 bits, 0 % of log2 n")  # nulls are equal too: no z
    assert lines[1][1].endswith("100 % of vectors are nobody's neighbour")


def test_three_names_have_what_three_names_can_have() -> None:
    found = measured(np.eye(3, dtype=np.float32), k=2)
    assert np.isnan(found.local_dimension).all()
    assert any("takes 3 neighbours" in note for note in found.notes)
    lines = shape_rows(found)
    assert any("none, all in-degrees are equal" in told for _, told in lines)
    assert not any("nan" in line for line in lines)
    assert found.persistence is not None
    assert len(found.persistence.degrees[0].diagram) == 3
    none, loops = found.persistence.degrees
    assert any("; 0 loops certain;" in told for _, told in lines)
    once = replace(found.persistence, degrees=[none, replace(loops, n_certain=1)])
    told = [told for _, told in shape_rows(replace(found, persistence=once))]
    assert any("; 1 loop certain;" in said for said in told)


def test_lengths_must_fit() -> None:
    rows = two_groups()
    with pytest.raises(ValueError, match="of one length; got 121, 121 and 1"):
        measure_shape(rows, knn_graph(rows, 4), ["N"], {})


def test_a_giant_group_of_equal_vectors_is_one_name_to_everything() -> None:
    rng = np.random.default_rng(3)
    rows = np.concatenate([np.repeat(rng.standard_normal((1, 8)), 200, axis=0),
                           rng.standard_normal((40, 8))])  # fmt: skip
    rows = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
    found = measured(rows, k=8)
    for column in found.columns().values():
        assert len({str(value) for value in column[:200]}) == 1
    assert np.isfinite(found.hubness).all()
    assert np.isnan(found.local_dimension[0])  # its 8 neighbours are all itself
    assert np.isfinite(found.local_dimension[200:]).any()
    assert found.graph.n_nodes == 41
    assert found.hubs.hubs[0].in_degree <= 40
    assert found.persistence is not None
    assert len(found.persistence.degrees[0].diagram) == 20


def test_vectors_that_are_not_finite_are_refused() -> None:
    rows = two_groups()
    graph = knn_graph(rows, 4)
    broken = rows.copy()
    broken[5] = np.nan
    with pytest.raises(ValueError, match="must be finite; 1 of its rows"):
        measure_shape(broken, graph, ["N"] * len(rows), {})
