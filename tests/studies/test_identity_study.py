"""Identity on an encoder with planted identities, and the comparison with counts."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from namebasis.checks import FloatArray
from namebasis.errors import CorpusError
from namebasis.studies.identity import ONE_PART, identity
from namebasis.studies.identity_counts import auc, compare_counts, read_counts
from namebasis.studies.identity_results import KINDS
from namebasis.studies.identity_swaps import recombined_pairs, split

DIM = 32


def vector(text: str, scale: float = 1.0) -> FloatArray:
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    return (scale * rng.standard_normal(DIM)).astype(np.float32)


class PlantedEncoder:
    """Words add up with a little noise; `known` full names have a direction of their own."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known = known

    def encode_names(self, names: Sequence[str], template: str, **_: object) -> FloatArray:
        return np.stack([self._embed(name, template) for name in names])

    def _embed(self, name: str, template: str) -> FloatArray:
        total = vector("centre", 3.0) + vector(template) + vector(name + template, 0.15)
        for word in name.split():
            total = total + vector(word)
        total = total + self.known.get(name, 0.0) * vector("own " + name)
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def count_tokens(self, names: Sequence[str]) -> np.ndarray:
        return np.array([len(name.split()) for name in names])


class PlantedSpace:
    columns = ("id", "name", "anchor_rank")

    def __init__(self, names: Sequence[str], known: dict[str, float]) -> None:
        self.names, self._encoder = list(names), PlantedEncoder(known)

    def encoder(self) -> PlantedEncoder:
        return self._encoder

    def find(self, name: str, part: str | None = None) -> int | None:
        return self.names.index(name) if name in self.names else None

    def table(self, columns: Sequence[str], *, ids: Sequence[int]):
        import pyarrow as pa

        assert columns == ["anchor_rank"]
        return pa.table({"anchor_rank": [float(i) for i in ids]})

    def add_metrics(self, columns, *, study, parameters):
        self.written = columns, study, parameters


PEOPLE = [f"Given{i} Family{i}" for i in range(40)]
KNOWN = {name: 0.04 * i for i, name in enumerate(PEOPLE)}


@pytest.fixture(scope="module")
def space() -> PlantedSpace:
    return PlantedSpace(PEOPLE, KNOWN)


@pytest.fixture(scope="module")
def found(space: PlantedSpace):
    return identity(space, [*PEOPLE, "Cher"], n_swaps=8, n_null=30)


def test_planted_identities_are_ranked_and_told_from_recombined_names(found) -> None:
    agreement = compare_counts(
        found, {name: 100 * i for i, name in enumerate(PEOPLE)}, bins=(0, 2000)
    )
    assert agreement.n == 40
    assert agreement.spearman.value > 0.9
    assert agreement.spearman.low <= agreement.spearman.value <= agreement.spearman.high
    assert agreement.bins[1].auc is not None
    assert agreement.bins[1].auc.value > 0.95


def test_kinds_are_probabilities_and_the_known_are_more_than_their_parts(found) -> None:
    for row in found.rows[:40]:
        assert set(row.probabilities) == set(KINDS)
        assert sum(row.probabilities.values()) == pytest.approx(1)
        assert row.kind == max(row.probabilities, key=row.probabilities.get)
    assert {row.kind for row in found.rows[36:40]} <= {"flexible", "entangled"}
    own = [
        row.probabilities["flexible"] + row.probabilities["entangled"] for row in found.rows[:40]
    ]
    # From the fourth on, what was planted is as long as the noise.
    assert np.mean(own[:3]) < 0.3
    assert np.mean(own[-10:]) > 0.6
    assert "uncalibrated" in found.origin


def test_a_name_of_one_part_gets_what_applies_and_the_reason(found) -> None:
    cher = found.rows[-1]
    assert cher.name == "Cher"
    assert cher.reason == ONE_PART
    assert cher.own_score is None
    assert cher.kind is None
    assert cher.probabilities is None
    assert cher.displacement_ratio is not None
    assert found.to_arrow()["own_score"].to_pylist()[-1] is None


def test_names_keep_their_values_in_any_order(space: PlantedSpace, found) -> None:
    other = identity(space, ["Cher", *PEOPLE[::-1]], n_swaps=8, n_null=30)
    first = {row.name: row for row in found.rows}
    for row in other.rows[1:]:
        assert row.own_score == pytest.approx(first[row.name].own_score, rel=1e-4)
        assert row.anchor_rank == first[row.name].anchor_rank == PEOPLE.index(row.name)


def test_what_is_written_stands_at_the_right_id(space: PlantedSpace, found) -> None:
    assert found.write(space) == 40
    table, study, parameters = space.written
    assert (study, parameters["n_swaps"]) == ("identity", 8)
    scores = {row.name: row.own_score for row in found.rows}
    for row in table.to_pylist():
        assert row["identity_own_score"] == scores[PEOPLE[row["id"]]]


def test_names_alone_of_one_part_are_measured_too(space: PlantedSpace) -> None:
    rows = identity(space, ["Cher"], n_swaps=6, n_null=20).rows
    assert rows[0].reason == ONE_PART


def test_recombined_pairs_are_no_real_names_and_no_partners() -> None:
    pairs = [split(name) for name in PEOPLE]
    partners = (["Given1"], ["Family2"])
    made = recombined_pairs(pairs, partners, 0)
    assert len(made) > 30
    assert not set(made) & set(pairs)
    assert all(g != "Given1" and f != "Family2" for g, f in made)


def test_auc_equals_counting_pairs() -> None:
    a, b = np.array([1.0, 2, 2, 5]), np.array([2.0, 0, 4])
    pairs = [(x > y) + (x == y) / 2 for x in a for y in b]
    assert auc(a, b) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("text", "match"),
    [("who,count\nA B,3\n", "needs the columns"), ("name,count\nA B,many\n", "line 2")],
)
def test_bad_counts_are_refused(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(CorpusError, match=match):
        read_counts(tmp_path / "c.csv")


def test_bad_questions_are_refused(space: PlantedSpace, found) -> None:
    with pytest.raises(ValueError, match="differ from each other"):
        identity(space, ["A B", "A  B"])
    with pytest.raises(ValueError, match="column must be one of"):
        compare_counts(found, {}, column="colour")
    with pytest.raises(ValueError, match="0 have both"):
        compare_counts(found, {})
    with pytest.raises(ValueError, match="n_swaps"):
        identity(space, PEOPLE, n_swaps=2)
