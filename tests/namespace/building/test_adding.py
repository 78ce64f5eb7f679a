"""Many small adds: equal to one build, in few pieces and few bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.namespace.building import build
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import name_lookup, spelling_index
from namebasis.namespace.store import upkeep
from namebasis.namespace.store.upkeep import small_pieces
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import FakeEncoder, corpus


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def pieces(space: Space) -> list[int]:
    return [fragment.count_rows() for fragment in space._store.dataset.get_fragments()]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_adds_in_any_order_equal_one_build(tmp_path: Path, monkeypatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(upkeep, "RUN", int(rng.integers(2, 5)))
    monkeypatch.setattr(build, "CHUNK", int(rng.integers(2, 9)))
    if seed % 2:  # as in a large space
        monkeypatch.setattr(spelling_index, "LARGE", 10)
        monkeypatch.setattr(spelling_index, "NEWER", 5)
    rows = [corpus(90).table.to_pylist()[at] for at in rng.permutation(90)]
    cuts = [0, *sorted(rng.choice(np.arange(1, 90), 12, replace=False).tolist()), 90]
    parts = [rows[a:b] for a, b in pairwise(cuts)]
    encoder = FakeEncoder()
    grown = build_space(make_names(parts[0]), tmp_path / "grown", encoder=encoder)  # type: ignore[arg-type]
    for part in parts[1:]:
        # Some that are stored already come along.
        again = make_names(parts[0][:2] + part)
        grown = add_names(grown, again, encoder=encoder)  # type: ignore[arg-type]
    whole = build_space(make_names(rows), tmp_path / "whole", encoder=encoder)  # type: ignore[arg-type]
    assert grown.table().equals(whole.table())
    for view in whole.views:
        np.testing.assert_allclose(grown.vectors(view), whole.vectors(view), atol=1e-6)
        np.testing.assert_allclose(grown.mean(view), whole.mean(view), atol=1e-12)
    grown_check, whole_check = grown.check(), whole.check()
    assert [grown_check[view] for view in grown.views] == [
        whole_check[view] for view in whole.views
    ]
    near, other = (space.nearest(whole.vectors(ids=[7])[0], 9) for space in (grown, whole))
    np.testing.assert_allclose(near.similarities, other.similarities, atol=1e-6)
    assert len(pieces(grown)) < 20


@pytest.mark.parametrize("large", [0, 10**6])
@pytest.mark.parametrize("few", [0, 10**6])
def test_names_are_known_by_their_spelling_and_part(
    tmp_path: Path, encoder, monkeypatch, large: int, few: int
) -> None:
    monkeypatch.setattr(spelling_index, "LARGE", large)
    monkeypatch.setattr(name_lookup, "_FEW", few)
    monkeypatch.setattr(name_lookup, "_EACH", 1 if few else 10**6)
    spelled = ["Zoë", "Zoe", "ZOE", "O'Neil", "雅子", "\u0301!", "!!"]
    rows = [{"name": name, "part": part} for name in spelled for part in ("given", "family")]
    held = {(row["name"], row["part"]) for row in rows[::3]}
    table = make_names(rows).table
    names = [tuple(row.values()) for row in table.select(["name", "part"]).to_pylist()]
    space = build_space(make_names(rows[::3]), tmp_path / "a", encoder=encoder)
    fresh = build._not_yet_stored(table, space._store)
    wanted = [row for row in names if row not in held]
    assert [tuple(row.values()) for row in fresh.select(["name", "part"]).to_pylist()] == wanted


@pytest.mark.long
def test_a_hundred_adds_take_little_more_room_than_one(space: Space, encoder) -> None:
    names = [f"Many{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)]
    grown = space
    for start in range(0, 200, 2):
        some = make_names([{"name": name, "part": "given"} for name in names[start : start + 2]])
        grown = add_names(grown, some, encoder=encoder)
    whole = build_space(
        make_names(grown.table(list(corpus().table.column_names)).to_pylist()),
        space.path.parent / "whole",
        encoder=encoder,
    )
    assert grown.table().equals(whole.table())
    assert len(pieces(grown)) <= 2 * upkeep.RUN
    assert sum(pieces(grown)) == 260
    # The room that old versions may take counts for more in a small space than in a real one.
    assert size(grown.path) < 2 * size(whole.path) + 2 * upkeep._SLACK


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ([], 0),
        ([3] * 7, 0),
        ([3] * 8, 8),
        ([3000] + [3] * 8, 8),
        ([3000] + [3] * 7, 0),
        ([3000, 24] + [3] * 8, 9),
        ([3000, 450] + [60] * 8, 9),
        ([20_000] + [3000] * 7 + [3], 9),
        ([200_000] * 40, 0),
    ],
)
def test_pieces_are_merged_by_size(sizes: list[int], merged: int) -> None:
    assert small_pieces(sizes) == merged


def test_no_row_is_written_often() -> None:
    sizes, written = [3000], 0
    for _ in range(10_000):
        sizes.append(3)
        merged = small_pieces(sizes)
        if merged:
            written += sum(sizes[-merged:])
            sizes[-merged:] = [sum(sizes[-merged:])]
        assert len(sizes) < 80
    assert written < 6 * sum(sizes)


def test_what_a_killed_add_of_an_earlier_version_left_is_mended(space: Space, encoder) -> None:
    """Rows without token facts, and older ones of the others, and sums of fewer rows."""
    import lance

    more = make_names([{"name": "King", "part": "pseudo"}, {"name": "Kin", "part": "given"}])
    right = build_space(
        make_names([*corpus().table.to_pylist(), *more.table.to_pylist()]),
        space.path.parent / "right",
        encoder=encoder,
    )
    names = ["piece_names", "same_pieces"]
    rows = right._store.scan([*right.columns, *right.views]).slice(60)
    for name in names:
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.nulls(2, pa.int64()))
    lance.write_dataset(rows, space._store.dataset, mode="append")
    left = open_space(space.path)
    assert left.table().equals(right.table())  # counted where they are read
    mended = add_names(left, more, encoder=encoder)  # nothing of it is fresh
    assert mended.table().equals(right.table())
    assert mended.check()["text"] == "62 vectors as they were written"
    np.testing.assert_allclose(mended.mean(), right.mean(), atol=1e-12)


@pytest.mark.long
def test_many_small_adds_of_images(tmp_path: Path) -> None:
    encoder = Seeing()
    space = build_space(corpus(), tmp_path / "a", encoder=encoder)  # type: ignore[arg-type]
    names = space.table(["name"])["name"].to_pylist()[5:25]
    for at, name in enumerate(names):
        paint(tmp_path / "all" / f"{name}.png", (at, 2 * at, 255 - at))
        paint(tmp_path / str(at) / f"{name}.png", (at, 2 * at, 255 - at))
        space, _ = add_images(space, tmp_path / str(at))
    whole = build_space(corpus(), tmp_path / "b", encoder=encoder)  # type: ignore[arg-type]
    whole, added = add_images(whole, tmp_path / "all")
    assert added.n_added == 20
    assert space.table().equals(whole.table())
    np.testing.assert_array_equal(space.vectors("image"), whole.vectors("image"))
    np.testing.assert_allclose(space.image_mean(), whole.image_mean(), atol=1e-6)
    import lance

    stored = lance.dataset(str(tmp_path / "a" / "images.lance"))
    assert len(stored.get_fragments()) < 20
    assert size(space.path) < 2 * size(whole.path) + 2 * upkeep._SLACK
