"""The store of pictures as it is written: rows once, gaps filled, earlier versions brought in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest

from namebasis.namespace.building.build import build_space
from namebasis.namespace.pictures import migration, writing
from namebasis.namespace.pictures.incoming import incoming_of
from namebasis.namespace.pictures.migration import MEASUREMENTS, migrate
from namebasis.namespace.pictures.writing import absorb, rewrite
from namebasis.namespace.store.dataset import as_column
from namebasis.namespace.store.opening import IMAGES
from namebasis.space import open_space
from namebasis.validation.pictures.measurements import Memory
from tests.namespace.building.test_images import Seeing
from tests.namespace.conftest import corpus

PAIR = pa.struct([("value", pa.float64()), ("reason", pa.string())])
AGE = pa.field("measure_0123456789ab", PAIR, metadata={"made_of": "m", "measure": "skin|age"})
OTHER = "vector:sha256:other"


def units(seed: int, n: int, dim: int = 16) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pictures_of(path: Path) -> list[dict[str, Any]]:
    return lance.dataset(str(path / IMAGES)).to_table().to_pylist()


@pytest.fixture(scope="module")
def of_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space as earlier versions left it: photos in one store, measurements in another.

    Pictures a and b were added; b, c and d were measured, c and d painted, d blacked out.
    """
    path = tmp_path_factory.mktemp("before") / "a.space"
    build_space(corpus(), path, encoder=Seeing())  # type: ignore[arg-type]
    added = pa.table(
        {
            "path": ["a.png", "b.png"], "label": ["Vicki", "zoe"], "digest": ["a", "b"],
            "vector": as_column(units(0, 2)),
        }
    )  # fmt: skip
    lance.write_dataset(added, str(path / IMAGES))
    own = f"vector:{Seeing().fingerprint}"
    nan = np.full((1, 16), np.nan, np.float32)
    measured = {
        "name": ["Zoë", "King", "King"], "path": ["b.png", "/gone/c.png", "/gone/d.png"],
        "sha256": ["b", "c", "d"], "prompt": [None, "a photo of King in Rome", "King and King"],
        "seed": [None, 7, 8], "source": ["folder", "diffusers:sd", "diffusers:sd"],
        "is_blank": [False, False, True],
        own: as_column(np.concatenate([units(0, 2)[1:], units(1, 1), nan])),
        OTHER: as_column(np.concatenate([nan, units(2, 1), nan])),
        AGE.name: [{"value": 31.0, "reason": None}, {"value": None, "reason": "no face"}, None],
    }  # fmt: skip
    table = pa.table({k: pa.array(v, PAIR) if k == AGE.name else v for k, v in measured.items()})
    fields = [one if one.name != AGE.name else AGE for one in table.schema]
    lance.write_dataset(table.cast(pa.schema(fields)), str(path / MEASUREMENTS))
    return path


@pytest.fixture
def old(of_before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(of_before, tmp_path / "a.space"))


def measured(path: Path) -> list[Any]:
    memory = Memory(path)
    return [memory.value(("m", "skin|age"), key) for key in ("a", "b", "c", "d")]


def test_a_space_of_an_earlier_version_opens_with_its_photos(old: Path) -> None:
    pictures = open_space(old).pictures()
    assert pictures.table(["label", "source", "is_added", "is_blank"]).to_pylist() == [
        {"label": label, "source": "photo", "is_added": True, "is_blank": False}
        for label in ("Vicki", "zoe")
    ]
    assert np.array_equal(pictures.vectors()[0], units(0, 2))
    assert [value for value, _ in measured(old)][1:2] == [31.0]


def check_migrated(path: Path) -> None:
    space = open_space(path)
    rows = {row["digest"]: row for row in space.pictures().table().to_pylist()}
    assert list(rows) == ["a", "b", "c", "d"]
    assert [rows[key]["is_added"] for key in "abcd"] == [True, True, False, False]
    assert [rows[key]["source"] for key in "abcd"] == ["photo", "photo", *["diffusers:sd"] * 2]
    assert rows["b"]["label"] == "zoe"
    assert rows["c"]["id"] == space.find("King")
    told = [rows[key][name] for key in "cd" for name in ("prompt", "seed", "context", "is_blank")]
    assert told[:4] == ["a photo of King in Rome", 7, "a photo of {} in Rome", False]
    assert told[4:] == ["King and King", 8, None, True]
    vectors, ids = space.pictures().vectors()
    assert ids.tolist() == [0, 1, 2]
    assert np.array_equal(vectors, np.concatenate([units(0, 2), units(1, 1)]))
    vectors, ids = space.pictures().vectors(OTHER.removeprefix("vector:"))
    assert ids.tolist() == [2]
    assert np.array_equal(vectors, units(2, 1))
    assert measured(path)[1:3] == [(31.0, None), (pytest.approx(np.nan, nan_ok=True), "no face")]
    assert not (path / MEASUREMENTS).exists()
    assert space.pictures().image_view().mean.n_images == 2  # what was only measured counts not


def test_what_was_measured_is_brought_in_without_loss(old: Path) -> None:
    assert migrate(old, Seeing().fingerprint)
    check_migrated(old)
    assert not migrate(old, Seeing().fingerprint)


@pytest.mark.long
@pytest.mark.parametrize("step", ["_append", "_fill", "add_columns", "alter_columns", "rename"])
def test_a_kill_within_the_migration_loses_nothing(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "rename":
            patched.setattr(migration.os, "rename", die)
        elif step.endswith("columns"):
            patched.setattr(lance.LanceDataset, step, die)
        else:
            patched.setattr(writing, step, die)
        with pytest.raises(KeyboardInterrupt):
            migrate(old, Seeing().fingerprint)
    assert np.array_equal(open_space(old).pictures().vectors()[0][:2], units(0, 2))
    assert measured(old)[1] == (31.0, None)
    migrate(old, Seeing().fingerprint)
    check_migrated(old)


def test_damaged_measurements_are_left_out_and_the_photos_stay(old: Path) -> None:
    for file in (old / MEASUREMENTS / "data").iterdir():
        file.write_bytes(file.read_bytes()[:20])
    assert migrate(old, Seeing().fingerprint)
    assert [row["digest"] for row in pictures_of(old)] == ["a", "b"]
    assert not (old / MEASUREMENTS).exists()


def row(label: str, digest: str, **more: Any) -> dict[str, Any]:
    return {"label": label, "digest": digest, "path": f"{label}/{digest}.png", **more}


def put(path: Path, *rows: dict[str, Any], **how: Any) -> int:
    return absorb(path / IMAGES, incoming_of(pa.Table.from_pylist(list(rows))), **how)


def test_a_picture_has_a_row_a_name_and_a_measured_one_a_row(tmp_path: Path) -> None:
    assert put(tmp_path, row("Ann", "1", is_added=True), row("Bo", "1", is_added=True)) == 2
    assert put(tmp_path, row("Cy", "1", is_added=False), row("Cy", "2", is_added=False)) == 1
    # A picture that was measured is then added under a name: the same row.
    assert put(tmp_path, row("Di", "2", is_added=True), row("Ed", "2", is_added=True)) == 1
    assert [(r["label"], r["digest"], r["path"]) for r in pictures_of(tmp_path)] == [
        ("Ann", "1", "Ann/1.png"), ("Bo", "1", "Bo/1.png"), ("Di", "2", "Di/2.png"),
        ("Ed", "2", "Ed/2.png"),
    ]  # fmt: skip
    assert all(r["is_added"] for r in pictures_of(tmp_path))


def test_gaps_are_filled_and_values_stand_unless_newer(tmp_path: Path) -> None:
    put(tmp_path, row("Ann", "1", is_added=True, seed=3))
    put(tmp_path, row("Ann", "1", is_added=True, seed=4, prompt="x", measure_a=1.0))
    put(tmp_path, row("Ann", "1", is_added=True, measure_a=2.0))
    (found,) = pictures_of(tmp_path)
    assert (found["seed"], found["prompt"], found["measure_a"]) == (3, "x", 1.0)
    put(tmp_path, row("Ann", "1", is_added=True, seed=5, measure_a=2.0), is_newer=True)
    (found,) = pictures_of(tmp_path)
    assert (found["seed"], found["measure_a"]) == (3, 2.0)


@pytest.mark.long
def test_many_rows_are_filled_as_a_dictionary_would(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    known: dict[str, float] = {}
    for _ in range(4):
        digests = rng.choice(50_000, 20_000, replace=False).astype(str)
        values = rng.random(20_000)
        table = pa.table(
            {"label": digests, "digest": digests, "path": digests, "measure_a": values}
        )
        absorb(tmp_path / IMAGES, incoming_of(table))
        known = dict(zip(digests.tolist(), values.tolist(), strict=True)) | known
    found = lance.dataset(str(tmp_path / IMAGES)).to_table(columns=["digest", "measure_a"])
    pairs = zip(found["digest"].to_pylist(), found["measure_a"].to_pylist(), strict=True)
    assert dict(pairs) == known
    assert len(found) == len(known)


def test_rows_are_taken_out_in_one_commit(tmp_path: Path) -> None:
    put(tmp_path, *(row(name, "1", is_added=True) for name in "abc"))
    version = lance.dataset(str(tmp_path / IMAGES)).version
    gone = rewrite(
        tmp_path / IMAGES, lambda rows: pa.compute.not_equal(rows["label"], "b"), ["label"]
    )
    assert gone == 1
    assert [r["label"] for r in pictures_of(tmp_path)] == ["a", "c"]
    assert lance.dataset(str(tmp_path / IMAGES)).version == version + 1
