"""The entropy study on a space in memory whose groups are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.analysis.graph.neighbours import KnnGraph, knn_graph
from namebasis.analysis.shape.entropy import entropy_report
from namebasis.checks import FloatArray, IntArray
from namebasis.errors import SpaceError
from namebasis.studies import entropy


class TwoGroups:
    """60 names spread out (part family) and 40 within a hair of one direction (part given)."""

    path = Path("two.space")
    columns = ("id", "name", "part", "locales", "cluster", "score")
    derived_columns = ()

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        wide = rng.standard_normal((60, 16))
        narrow = np.eye(16)[0] + 0.02 * rng.standard_normal((40, 16))
        rows = np.concatenate([wide, narrow])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        self.rows = rows.astype(np.float32)

    def __len__(self) -> int:
        return 100

    def lacks(self, view: str) -> bool:
        return False

    def ids(self, where: str | None = None, *, view: str = "text") -> IntArray:
        return np.arange({None: 100, "wide": 60, "one": 1}[where])

    def vectors(self, view: str = "text", *, ids: IntArray | None = None) -> FloatArray:
        return self.rows if ids is None else self.rows[ids]

    def table(self, columns: Sequence[str], *, ids: IntArray) -> pa.Table:
        data = {
            "part": ["family"] * 60 + ["given"] * 40,
            "locales": [["is_IS"]] * 30 + [["de_DE"]] * 30 + [["de_DE", "en_US"]] * 40,
            "cluster": [0] * 30 + [1] * 30 + [-1] * 40,
            "score": [0.5] * 100,
        }
        return pa.table({c: [data[c][i] for i in ids] for c in columns})


def test_the_report_is_of_the_names_asked_for() -> None:
    space = TwoGroups()
    found = entropy.report(space, n_null=0)  # type: ignore[arg-type]
    assert found.entropy == entropy_report(space.rows)
    assert found.nulls == ()
    assert found.information is None
    part = entropy.report(space, where="wide", n_null=0)  # type: ignore[arg-type]
    assert part.entropy == entropy_report(space.rows[:60])


def test_one_draw_of_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="0, for no nulls, or at least 2; one draw has no spread"):
        entropy.report(TwoGroups(), n_null=1)  # type: ignore[arg-type]


def test_groups_are_compared_at_one_size_and_the_spread_one_has_more() -> None:
    found = entropy.report(TwoGroups(), by="part", n_null=3)  # type: ignore[arg-type]
    assert [(g.group, g.n_names, g.n_rows) for g in found.groups] == [
        ("family", 60, 40),
        ("given", 40, 40),
    ]
    assert found.groups[0].bits > 2 * found.groups[1].bits
    assert found.groups[0].deviation > 0
    assert found.groups[1].deviation == 0
    assert found.information is not None
    assert found.information.p == pytest.approx(1 / 50)
    assert found.to_arrow()["group"].to_pylist() == ["family", "given"]
    assert [table.title for table in found.tables()] == [
        "diffusion spectral entropy", "entropy at other t", "against nulls, 100 names",
        "by part, 40 names of each", "what part tells",
    ]  # fmt: skip
    assert [row[0] for row in found.tables()[3].rows] == ["family", "given"]
    assert f"{found.groups[0].bits:.3f}" in str(found)
    assert {null.null for null in found.nulls} == {"gaussian", "shuffled columns"}
    assert found.to_dict()["entropy"]["method"] == "exact"


def test_where_nulls_are_of_fewer_names_both_entropies_are_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entropy, "_MAX_ROWS", 50)
    found = entropy.report(TwoGroups(), n_null=2)  # type: ignore[arg-type]
    (told,) = [note for note in found.notes() if note.startswith("Two entropies: ")]
    assert f"{found.entropy.bits:.2f} bits is that of all 100 names" in told
    assert f"that of 50 of them drawn at random, {found.nulls[0].bits:.2f} bits" in told
    assert found.tables()[2].title == "against nulls, 50 names drawn of them"
    monkeypatch.setattr(entropy, "_MAX_ROWS", 100)
    same = entropy.report(TwoGroups(), n_null=2)  # type: ignore[arg-type]
    assert not any(note.startswith("Two") for note in same.notes())
    assert same.nulls[0].bits == pytest.approx(same.entropy.bits)


def test_a_sparse_kernel_takes_the_graph_of_the_space() -> None:
    class WithGraph(TwoGroups):
        asked = 0

        def graph(self, view: str, k: int) -> KnnGraph:
            self.asked += 1
            return knn_graph(self.rows, k)

    space = WithGraph()
    found = entropy.report(space, method="sparse", n_null=0)  # type: ignore[arg-type]
    assert space.asked == 1
    assert found.entropy.bits == pytest.approx(entropy_report(space.rows, method="sparse").bits)
    entropy.report(space, method="sparse", where="wide", n_null=0)  # type: ignore[arg-type]
    entropy.report(space, n_null=0)  # type: ignore[arg-type]
    assert space.asked == 1  # neither for some names nor for a dense kernel


@pytest.mark.parametrize(
    ("by", "groups"), [("locale", {"is_IS", "de_DE"}), ("cluster", {"0", "1"})]
)
def test_names_of_several_locales_and_noise_have_no_group(by: str, groups: set[str]) -> None:
    found = entropy.report(TwoGroups(), by=by, n_null=2)  # type: ignore[arg-type]
    assert {(g.group, g.n_names) for g in found.groups} == {(group, 30) for group in groups}
    assert found.information is not None
    assert found.information.n_rows == 60


def test_bad_questions_are_refused() -> None:
    space = TwoGroups()
    with pytest.raises(SpaceError, match="at least 2 names; got 1"):
        entropy.report(space, where="one")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no column 'mood'; this space has id, name"):
        entropy.report(space, by="mood")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not hold labels"):
        entropy.report(space, by="score")  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="fewer than two groups have 20 names among 60"):
        entropy.report(space, by="part", where="wide")  # type: ignore[arg-type]


def test_it_says_what_it_compares_with_and_no_z_beyond_what_draws_tell() -> None:
    found = entropy.report(TwoGroups(), n_null=2)  # type: ignore[arg-type]
    assert "bits that it would have if each name had a direction of its own." in found.headline()
    assert f"by the same method ({found.entropy.method}), bandwidth (" in found.notes()[0]
    shown = [row[-1] for row in found.tables()[2].rows]
    for z, said in zip((null.z for null in found.nulls), shown, strict=True):
        assert said == (f"{z:+.1f}" if abs(z) <= 10 else "above 10" if z > 0 else "below −10")
    assert any("far from chance, not how far" in n for n in found.notes()) == any(
        one[0] in "ab" for one in shown
    )
