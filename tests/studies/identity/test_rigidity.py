"""Rigidity on an encoder whose answers are known; names stay with their values."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import NamebasisError
from namebasis.studies.identity.contexts import load_contexts
from namebasis.studies.identity.rigidity import Place, rigidity, spreads
from namebasis.studies.identity.swaps import pseudo_pairs
from namebasis.wording import percentile
from tests.studies.toy import ToySpace

NAMES = ["Ada", "Bo", "Cy", "Dee", "Eve"]


class CountedSpace(ToySpace):
    """A toy that holds counts of `rare` names only."""

    columns = ("id", "name", "part", "count")
    rare: tuple[str, ...] = ()

    def table(self, columns, *, where=None, ids=None, order_by=None, limit=None):
        if where is None:
            return super().table(columns, ids=list(range(len(self))) if ids is None else ids)
        assert (order_by, where.startswith("count IS NOT NULL")) == ("count", True)
        one_word = "NOT LIKE" in where
        rare = [name for name in self.rare if (" " not in name) == one_word]
        return pa.table({"name": rare[:limit]})

    def add_metrics(self, columns, *, study, parameters, merge=False):
        self.written = columns, study


def cloud(width: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(16) + width * rng.standard_normal((8, 16))


SETS = {name: cloud(0.1 * 2**i, i) for i, name in enumerate(NAMES)}
PRIOR = {f"p{i}": cloud(0.5, 100 + i) for i in range(30)}


def ranking(sets: dict[str, np.ndarray]) -> list[str]:
    rows = spreads(sets, PRIOR).to_arrow().to_pylist()
    return [row["name"] for row in sorted(rows, key=lambda row: -row["similarity"])]


def test_shuffled_names_keep_their_ranking() -> None:
    order = np.random.default_rng(3).permutation(len(NAMES))
    shuffled = {NAMES[i]: SETS[NAMES[i]] for i in order}
    assert list(shuffled) != NAMES
    assert ranking(shuffled) == ranking(SETS) == NAMES


def test_shuffled_names_keep_every_measure_in_contexts() -> None:
    space = CountedSpace(NAMES)
    there = rigidity(space, NAMES, n_made_up=20).to_arrow().to_pylist()
    back = rigidity(space, NAMES[::-1], n_made_up=20).to_arrow().to_pylist()
    assert [row["name"] for row in back] == NAMES[::-1]
    for one, other in zip(there, back[::-1], strict=True):
        assert one == pytest.approx(other, nan_ok=True)


def test_measures_in_contexts_equal_those_of_the_embeddings_themselves() -> None:
    space = CountedSpace(NAMES)
    found = rigidity(space, ["Bo"], n_made_up=20)
    rows = np.stack([space.encoder().encode_text([t.format("Bo")])[0] for t in load_contexts()])
    assert found.rows[0].spread.similarity.value == pytest.approx(
        float(np.linalg.norm(rows.mean(axis=0))), abs=1e-5
    )
    assert found.rows[0].places["similarity"].weak_percentile is None
    assert "weak_percentile of names of one word is null" in found.remarks[0]


def test_the_table_holds_the_measures_and_the_notes_what_they_are_compared_with() -> None:
    found = rigidity(CountedSpace(NAMES), ["Bo"], n_made_up=20)
    table, moved = found.tables()
    (row,), shown = found.rows, table.rows[0]
    place = row.places["similarity"].percentile
    assert shown[:2] == ["Bo", row.spread.similarity.value]
    assert shown[3:] == [percentile(place), row.leaked.replace("{}", "Bo")]
    assert len({*table.columns}) == len(table.columns) == len(shown)
    assert len({*moved.columns}) == len(moved.columns) == len(moved.rows[0])
    assert moved.rows[0][1::2] == list(row.contexts.values())
    assert moved.rows[0][2::2] == [percentile(row.places[key].percentile) for key in row.contexts]
    assert (moved.detail, table.detail) == (True, False)
    assert "over 24 contexts" in found.notes()[0]
    assert "compared with 20 made-up names of one word" in found.notes()[0]
    assert found.footnotes() == list(found.remarks)
    rng = np.random.default_rng(0)
    images = {f"name {at}": rng.standard_normal((5, 4)) for at in range(30)}
    of_images = spreads({"Bo": images["name 0"]}, images)
    assert len(of_images.tables()[0].columns) == len(of_images.tables()[0].rows[0]) == 4
    assert "over images," in of_images.notes()[0]


@pytest.mark.parametrize(
    ("percentile", "said"),
    [
        (0.99, "Bo stays more alike over 24 contexts than most made-up names of one word (above "
         "99 %)."),
        (0.01, "Bo changes more over 24 contexts than most made-up names of one word (above 1 %)."),
        (0.9, "Bo changes over 24 contexts about as made-up names of one word do (above 90 %; "
         "within chance)."),
    ],
)  # fmt: skip
def test_a_place_within_chance_is_said_to_be_one(percentile: float, said: str) -> None:
    found = rigidity(CountedSpace(NAMES), ["Bo"], n_made_up=20)
    (row,) = found.rows
    places = {**row.places, "similarity": Place(percentile, 0.0, None)}
    found = replace(found, rows=(replace(row, places=places),))
    assert found.headline() == said
    assert found.tables()[0].muted == ([0] if "chance" in said else [])
    many = replace(found, rows=found.rows * 4).headline()
    assert many.startswith("Of 4 names, ")
    assert many.endswith(f"{4 * ('chance' in said)} are within chance.")


def test_every_measure_has_a_place_and_the_spreads_an_interval() -> None:
    space = CountedSpace(NAMES)
    space.rare = tuple(f"Rare{i}" for i in range(30))
    found = rigidity(space, ["Bo", "Ada Lovelace"], n_made_up=25)
    one, several = found.rows
    assert (one.form, several.form) == ("one word", "several words")
    assert found.n_made_up == {"one word": 25, "several words": 25}
    assert found.n_weak == {"one word": 25}
    flat = one.flat()
    for key in ("similarity", "div", "range", "q05", "q50", "q95"):
        if key in ("range", "q05"):  # of these contexts alone, and of the rarest pairs of few
            assert flat[f"{key}_low"] is flat[f"{key}_high"] is None
        else:
            assert flat[f"{key}_low"] <= flat[key] <= flat[f"{key}_high"]
        assert 0 <= flat[f"{key}_weak_percentile"] <= 1
    for key in ("displacement", "displacement_ratio", "interaction", "leakage"):
        assert 0 <= flat[f"{key}_percentile"] <= 1
        assert flat[f"{key}_weak_percentile"] is not None
    assert several.places["similarity"].weak_percentile is None
    assert any("several words" in note for note in found.remarks)
    assert "range has no interval: a range can only widen with further rows." in found.remarks
    assert found.to_arrow().schema.field("range_low").type == pa.float64()


def test_a_full_name_is_placed_among_made_up_full_names() -> None:
    space = CountedSpace(NAMES)
    found = rigidity(space, ["Ada Lovelace"], n_made_up=40).rows[0]
    encoder, templates = space.encoder(), list(load_contexts())
    null = []
    for pair in pseudo_pairs(40, 0):
        rows = encoder.encode_text([t.format(" ".join(pair)) for t in templates])
        null.append(float(np.linalg.norm(rows.mean(axis=0))))
    below = np.mean([value < found.spread.similarity.value for value in null])
    assert found.places["similarity"].percentile == pytest.approx(below)


def test_blocks_of_names_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    space = CountedSpace(NAMES)
    whole = rigidity(space, NAMES, n_made_up=20).to_arrow()
    monkeypatch.setattr("namebasis.studies.identity.contexts.BLOCK", 2)
    told: list[tuple[int, int]] = []
    blocks = rigidity(space, NAMES, n_made_up=20, progress=lambda *one: told.append(one))
    for one, other in zip(whole.to_pylist(), blocks.to_arrow().to_pylist(), strict=True):
        assert one == pytest.approx(other, nan_ok=True)
    n_prompts = 5 * 25 + 20 * (25 + 9)  # each made-up name goes with nine more, bare
    assert told[-1] == (n_prompts, n_prompts)


def test_sets_of_different_sizes_are_drawn_to_one() -> None:
    sets = {"a": cloud(0.2, 1), "b": np.concatenate([cloud(0.2, 2)] * 2)}
    found = spreads(sets, PRIOR, size=6)
    assert [row.spread.n for row in found.rows] == [6, 6]
    assert found.n_made_up == {"images": 30}
    with pytest.raises(ValueError, match="'a' has 8 rows"):
        spreads(sets, PRIOR, size=9)


def test_what_is_written_stands_at_the_right_id() -> None:
    space = CountedSpace(NAMES)
    found = rigidity(space, ["Eve", "Nobody", "Bo"], n_made_up=20)
    assert found.write(space) == 2  # type: ignore[arg-type]
    table, study = space.written
    assert study == "rigidity"
    assert table["id"].to_pylist() == [4, 1]
    similarity = {row.name: row.spread.similarity.value for row in found.rows}
    assert table["rigidity_similarity"].to_pylist() == [similarity["Eve"], similarity["Bo"]]
    assert {"rigidity_leakage", "rigidity_q95_percentile"} <= set(table.column_names)


def test_there_are_24_contexts_in_five_groups() -> None:
    contexts = load_contexts()
    assert len(contexts) == 24
    assert set(contexts.values()) == {"ages", "scenes", "expressions", "outfits", "styles"}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('a = ["no slot", "{} x", "{} y"]', "holds {} once"),
        ('a = ["{}", "{} x", "{} y"]', "more than the name"),
        ('a = ["{} x", "{} x", "{} y"]', "twice"),
        ('a = ["{} x"]', "at least 3"),
        ('a = "{} x"', "must be a list"),
        ("a = [", "cannot be read"),
    ],
)
def test_bad_contexts_are_refused(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(NamebasisError, match=re.escape(match)):
        load_contexts(tmp_path / "c.toml")


def test_bad_names_and_sets_are_refused() -> None:
    space = CountedSpace(NAMES)
    with pytest.raises(ValueError, match="'Bo' comes twice"):
        rigidity(space, ["Bo", "Bo"])
    with pytest.raises(ValueError, match="no name to measure"):
        rigidity(space, [])
    with pytest.raises(ValueError, match="not both"):
        rigidity(space, ["Bo"], where="part = 'given'")
    with pytest.raises(ValueError, match=r"of one size.*Use size=3"):
        spreads({"a": np.eye(4), "b": np.eye(4)[:3]}, PRIOR)
