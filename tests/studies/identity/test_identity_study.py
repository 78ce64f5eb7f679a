"""Identity on an encoder with planted identities, and the comparison with counts."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from namebasis.checks import FloatArray
from namebasis.errors import CorpusError, NamebasisError
from namebasis.namespace.corpus.full_names import ONE_PART
from namebasis.studies.identity.counts import (
    auc,
    compare_counts,
    compare_stored,
    read_counts,
)
from namebasis.studies.identity.results import KINDS, WITHOUT_CONTEXTS
from namebasis.studies.identity.study import CUT_OFF, UNREADABLE, identity
from namebasis.studies.identity.swaps import draw_names, recombined_pairs, split
from namebasis.studies.identity.thresholds import EVIDENCES, judge, load_origin

DIM = 32


@functools.lru_cache(100_000)
def vector(text: str, scale: float = 1.0) -> FloatArray:
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    row = (scale * rng.standard_normal(DIM)).astype(np.float32)
    row.flags.writeable = False
    return row


class PlantedEncoder:
    """Words add up with a little noise; `known` full names have a direction of their own."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known = known

    def encode_names(self, names: Sequence[str], template: str, **_: object) -> FloatArray:
        return np.stack([self._embed(name, template) for name in names])

    def encode_text(self, texts: Sequence[str]) -> FloatArray:
        """As `encode_names`, for texts that begin with the name: its words are capital."""
        rows = []
        for text in texts:
            words = text.split(" ")
            n = next((i for i, word in enumerate(words) if word.islower()), len(words))
            name = " ".join(words[:n])
            rows.append(self._embed(name, text.replace(name, "{}", 1)))
        return np.stack(rows)

    def _embed(self, name: str, template: str) -> FloatArray:
        total = vector("centre", 3.0) + vector(template) + vector(name + template, 0.15)
        for word in name.split():
            total = total + vector(word)
        total = total + self.known.get(name, 0.0) * vector("own " + name)
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def pieces(self, names: Sequence[str]) -> list[list[str]]:
        return [["[UNK]" if one == "🙂" else one for one in name.split()] for name in names]


class PlantedSpace:
    columns: tuple[str, ...] = ("id", "name", "anchor_rank")
    provenance = SimpleNamespace(encoder="planted", fingerprint="sha256:planted")

    def __init__(self, names: Sequence[str], known: dict[str, float]) -> None:
        self.names, self._encoder = list(names), PlantedEncoder(known)

    def encoder(self) -> PlantedEncoder:
        return self._encoder

    def find_all(self, names: Sequence[str]) -> list[int | None]:
        return [self.find(name) for name in names]

    def find(self, name: str, part: str | None = None) -> int | None:
        return self.names.index(name) if name in self.names else None

    def table(self, columns: Sequence[str], *, ids: Sequence[int]):
        import pyarrow as pa

        assert columns == ["anchor_rank"]
        return pa.table({"anchor_rank": [float(i) for i in ids]})

    def add_metrics(self, columns, *, study, parameters, view=None, merge=False):
        self.written, self.view = (columns, study, parameters), view


PEOPLE = [f"Given{i} Family{i}" for i in range(40)]
KNOWN = {name: 0.04 * i for i, name in enumerate(PEOPLE)}


@pytest.fixture(scope="module")
def space() -> PlantedSpace:
    return PlantedSpace(PEOPLE, KNOWN)


@pytest.fixture(scope="module")
def found(space: PlantedSpace):
    return identity(space, [*PEOPLE, "Cher"], n_swaps=8, n_made_up=30)


@pytest.mark.long
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
    assert found.origin.name == "made-up names"
    assert "uncalibrated" in found.origin.description
    assert set(found.thresholds) == set(EVIDENCES)


def test_a_name_of_one_part_gets_what_applies_and_the_reason(found) -> None:
    cher = found.rows[-1]
    assert cher.name == "Cher"
    assert cher.reason == ONE_PART
    assert cher.own_score is None
    assert cher.kind is None
    assert cher.probabilities is None
    assert cher.leakage is not None
    assert cher.pieces == ("Cher",)
    assert np.isnan(found.own_directions[-1]).all()
    assert np.isfinite(found.own_directions[:-1]).all()
    assert found.to_arrow()["own_score"].to_pylist()[-1] is None


@pytest.mark.long
@pytest.mark.parametrize("company", [["Cher", *PEOPLE[::-1]], PEOPLE[3:5], ["Given3 Family4"]])
def test_a_verdict_does_not_depend_on_who_else_is_asked(
    space: PlantedSpace, found, company: list[str]
) -> None:
    asked = list(dict.fromkeys([*company, PEOPLE[3], PEOPLE[39]]))
    other = identity(space, asked, n_swaps=8, n_made_up=30)
    first = {row.name: row for row in found.rows}
    for row in other.rows:
        if row.kind is None or row.name not in first:
            continue
        same = first[row.name]
        assert row.own_score == pytest.approx(same.own_score, rel=1e-4)
        assert row.anchor_rank == same.anchor_rank == PEOPLE.index(row.name)
        for kind, chance in row.probabilities.items():
            assert chance == pytest.approx(same.probabilities[kind], abs=1e-3)
            assert row.intervals[kind] == pytest.approx(same.intervals[kind], abs=1e-3)


def test_what_is_written_stands_at_the_right_id(space: PlantedSpace, found) -> None:
    assert found.write(space) == 40
    table, study, parameters = space.written
    assert (study, parameters["n_swaps"]) == ("identity", 8)
    scores = {row.name: row.own_score for row in found.rows}
    for row in table.to_pylist():
        assert row["identity_own_score"] == scores[PEOPLE[row["id"]]]


def test_names_alone_of_one_part_are_measured_too(space: PlantedSpace) -> None:
    rows = identity(space, ["Cher"], n_swaps=6, n_made_up=20).rows
    assert rows[0].reason == ONE_PART


def test_a_part_that_the_encoder_cannot_read_gets_no_kind(space: PlantedSpace) -> None:
    ann, smile = identity(
        space, ["Ann Lee", "Ann 🙂"], n_swaps=6, n_made_up=20, with_contexts=False
    ).rows
    assert ann.kind is not None
    assert (smile.kind, smile.probabilities, smile.reason) == (None, None, UNREADABLE)
    assert smile.own_score is not None


def test_a_part_that_fills_the_window_gets_no_kind_and_leaves_others_as_they_are(
    space: PlantedSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [*PEOPLE[:24], f"{'A' * 40} Lee", "Cher"]
    options = {"n_swaps": 6, "n_made_up": 20, "with_contexts": False}
    whole = identity(space, [one for one in asked if "A" * 40 not in one], **options)
    embed = PlantedEncoder._embed
    monkeypatch.setattr(  # a text tower reads no more than its first pieces
        PlantedEncoder, "_embed", lambda self, name, template: embed(self, name[:40], template)
    )
    found = identity(space, asked, **options)
    *others, long, cher = found.rows
    assert (long.kind, long.probabilities, long.reason) == (None, None, CUT_OFF)
    assert (long.capture_given, long.hold_given) == (None, pytest.approx(1))
    assert long.capture_family is not None
    assert [one.own_score for one in others] == [one.own_score for one in whole.rows[:-1]]
    assert all(one.kind is not None for one in others)
    assert cher.reason == ONE_PART
    mixed = found.null
    assert mixed is not None
    assert len(mixed.pairs) >= 20
    assert not any("A" * 40 in pair for pair in mixed.pairs)


def test_recombined_pairs_are_no_real_names_and_no_partners() -> None:
    pairs = [split(name) for name in PEOPLE]
    partners = (["Given1"], ["Family2"])
    made = recombined_pairs(pairs, partners, 0)
    assert len(made) == len(set(made)) == len(PEOPLE)  # though two of each part are left out
    assert recombined_pairs(pairs[:2], ([], []), 0) == [
        ("Given0", "Family1"), ("Given1", "Family0"),
    ]  # fmt: skip
    assert not set(made) & set(pairs)
    assert all(g != "Given1" and f != "Family2" for g, f in made)


def test_a_draw_hardly_changes_when_names_are_added() -> None:
    pool = [f"Given{i}" for i in range(400)]
    first = draw_names(pool, 24, 0, "given")
    assert first == draw_names(reversed(pool), 24, 0, "given")
    assert first[:6] == draw_names(pool, 6, 0, "given")
    more = draw_names([*pool, *(f"New{i}" for i in range(8))], 24, 0, "given")
    assert len({*more} & {*first}) >= 21  # 8 of 408 names take a place of 24 rarely
    assert {*draw_names(pool, 24, 1, "given")} != {*first} != {*draw_names(pool, 24, 0, "x")}
    with pytest.raises(ValueError, match="n_swaps is 500, but there are only 400 partners"):
        draw_names(pool, 500, 0, "given")


def test_several_templates_are_measured_in_their_mean(space: PlantedSpace, found) -> None:
    same = identity(
        space, PEOPLE, n_swaps=8, n_made_up=30, with_contexts=False, templates=["{}", "{}"]
    )
    for one, other in zip(same.rows, found.rows[:40], strict=True):
        assert one.own_score == pytest.approx(other.own_score, rel=1e-4)
        assert one.reason is None
        assert one.leakage is None
        assert "leakage" not in one.evidence
    assert same.notes()[-1] == f"{WITHOUT_CONTEXTS}."
    assert WITHOUT_CONTEXTS not in " ".join(found.notes())
    more = (
        "with more made-up names more kinds are sure: --n-made-up 400, embedded once for a space."
    )
    n_settled = sum(row.is_settled for row in same.rows)
    assert (more in same.notes()) == (2 * n_settled < len(same.rows))
    unsure = replace(same, rows=[row for row in same.rows if not row.is_settled])
    assert more in unsure.notes()
    sure = replace(same, rows=[row for row in same.rows if row.is_settled])
    assert more not in sure.notes()
    with pytest.raises(ValueError, match=r"must hold \{\} once"):
        identity(space, PEOPLE, templates=["no slot"])


def test_own_direction_points_where_it_was_planted(found) -> None:
    last = PEOPLE[-1]
    own = found.own_directions[39]
    assert own @ vector("own " + last) / np.linalg.norm(own) > 0.8 * np.linalg.norm(
        vector("own " + last)
    )


@pytest.mark.long
def test_progress_ends_where_it_said_it_would(space: PlantedSpace) -> None:
    told: list[tuple[int, int]] = []
    identity(
        space,
        ["Cher", *PEOPLE[:3]],
        n_swaps=6,
        n_made_up=20,
        progress=lambda *one: told.append(one),
    )
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert len({total for _, total in told}) == 1


class StoredSpace(PlantedSpace):
    columns = ("id", "name", "height", "part")

    def table(self, columns: Sequence[str], *, ids: Sequence[int] = (), limit: int | None = None):
        import pyarrow as pa

        kinds = {"height": pa.float64(), "name": pa.string(), "part": pa.string()}
        (column,) = columns
        return pa.table({column: pa.array([float(i) for i in ids], kinds[column])})


def test_a_stored_column_is_compared_without_a_model() -> None:
    space = StoredSpace(PEOPLE, {})
    space.encoder = None  # type: ignore[method-assign,assignment]
    counts = {name: 100 - i for i, name in enumerate(PEOPLE)} | {"Nobody Here": 3}
    agreement = compare_stored(space, counts, "height")
    assert (agreement.n, agreement.spearman.value) == (40, -1.0)
    assert agreement.bins[0].auc is None
    with pytest.raises(ValueError, match=r"measure must .*space holds \(height\); got 'part'"):
        compare_stored(space, counts, "part")


LEARNED = """
origin = "organism"
[origins.organism]
description = "learned from labels"
own_score = { z = 2.0, softness = 0.5 }
strength = { quantile = 0.5, softness = 0.5 }
hold = { quantile = 0.5, softness = 0.5 }
leakage = { quantile = 0.5, softness = 0.5 }
"""


@pytest.mark.long
def test_thresholds_come_from_the_origin_that_is_asked_for(
    space: PlantedSpace, found, tmp_path: Path
) -> None:
    file = tmp_path / "t.toml"
    file.write_text(LEARNED)
    other = identity(space, PEOPLE[:3], n_swaps=8, n_made_up=30, thresholds=file)
    null = other.made_up["own_score"]
    assert other.origin.name == "organism"
    assert other.to_dict()["origin"]["description"] == "learned from labels"
    assert other.thresholds["own_score"] == pytest.approx(null.mean() + 2 * null.std(ddof=1))
    assert other.thresholds["strength"] == pytest.approx(np.median(other.made_up["strength"]))
    learned = load_origin("organism")
    assert "truth is known" in learned.description
    assert (learned.thresholds["own_score"].z, learned.thresholds["own_score"].quantile) == (
        2.29,
        None,
    )
    assert learned.thresholds["strength"] == load_origin().thresholds["strength"]
    assert load_origin("made-up names") == load_origin()


def test_an_evidence_at_its_threshold_has_even_odds() -> None:
    rng = np.random.default_rng(0)
    null = {key: rng.standard_normal(50) for key in EVIDENCES}
    origin = load_origin()
    at = {key: np.array([origin.thresholds[key].value(null[key])]) for key in EVIDENCES}
    judged = judge(at, null, origin)
    assert [float(judged.evidence[key][0]) for key in EVIDENCES] == [0.5] * 4
    assert judged.probabilities[0] == pytest.approx([1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 2])


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("own_score", "own_scores", "needs the keys"),
        ("z = 2.0", "z = true", "finite numbers"),
        ("z = 2.0", "zeta = 2.0", "must be"),
        ("quantile = 0.5", "quantile = 1.5", "between 0 and 1"),
        ("softness = 0.5 }", "softness = 0 }", "above 0"),
        ('origin = "organism"', 'origin = "elsewhere"', "no thresholds of 'elsewhere'"),
        ("[origins.organism]", "[organism]", "needs a section"),
        ("description =", "description", "cannot be read"),
        ('"learned from labels"', '" "', "where the thresholds come from"),
    ],
)
def test_bad_thresholds_are_refused(old: str, new: str, match: str, tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text(LEARNED.replace(old, new))
    with pytest.raises(NamebasisError, match=match):
        load_origin(file)
    with pytest.raises(NamebasisError, match="it holds made-up names"):
        load_origin("organism of somebody")


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


def test_counts_are_read_whatever_their_capitals_and_thousands(tmp_path: Path) -> None:
    text = 'Count\tNAME\n"1,234"\tJose\u0301  Lee\n12.0\tJOSE LEE\n5\tO\u2019Brien\n'
    (tmp_path / "c.tsv").write_text(text, encoding="utf-8")
    assert read_counts(tmp_path / "c.tsv") == {"José Lee": 1246, "O\u2019Brien": 5}
    (tmp_path / "c.csv").write_text("name,count\nAna,1.5\n")
    with pytest.raises(CorpusError, match=r"line 2: count must be a whole number; got '1\.5'"):
        read_counts(tmp_path / "c.csv")
