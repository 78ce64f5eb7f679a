"""Names, images and columns taken out, spaces merged, changes undone: as a space built so."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import NamebasisHint, ReplacedError, SpaceError
from namebasis.namespace.building import undoing
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.store import history
from namebasis.space import Space, open_space
from tests.campaign.tiny import Tiny
from tests.campaign.world import names, paint, wrong_in

WORDS = names(0, 40)


def records(words: Sequence[str], source: str = "one", **own: Any) -> Names:
    return make_names(
        [{"name": word, "part": "given", "sources": [source], "count": n + 1, **own}
         for n, word in enumerate(words)]
    )  # fmt: skip


def build(words: Sequence[str] | Names, path: Path, pictures: Path | None = None) -> Space:
    corpus = words if isinstance(words, Names) else records(words)
    build_space(corpus, path, encoder=Tiny(), templates="plain")
    made = open_space(path, encoder=Tiny())
    return made if pictures is None else made.add_images(pictures, unmatched="keep")[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "all"
    paint(folder, 1, 10)
    shutil.copytree(folder / WORDS[0], folder / "Nobody Known")
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    path = tmp_path_factory.mktemp("seen") / "a.space"
    build(WORDS, path, pictures)
    return path


@pytest.fixture
def space(tmp_path: Path, seen: Path) -> Space:
    path = tmp_path / "a.space"
    shutil.copytree(seen, path)
    return open_space(path, encoder=Tiny())


def assert_same(found: Space, wanted: Space, but: Sequence[str] = ()) -> None:
    """Every column, vector, mean and answer is that of the other space."""
    assert set(found.views) == set(wanted.views)
    columns = [name for name in wanted.columns if name not in but]
    assert set(columns) == set(found.columns) - set(but)
    assert found.table(columns).to_pylist() == wanted.table(columns).to_pylist()
    for view in wanted.views:
        np.testing.assert_allclose(found.vectors(view), wanted.vectors(view), atol=1e-6)
        np.testing.assert_allclose(found.mean(view), wanted.mean(view), atol=1e-6)
        ids = wanted.ids(view=view)
        if len(ids):
            asked = wanted.vectors(view, ids=ids[:1])[0]
            best = [space.nearest(asked, 5, view=view).names for space in (found, wanted)]
            assert best[0] == best[1]
    assert wrong_in(found) == []
    found.check()


def metric(space: Space, name: str = "height") -> Space:
    table = pa.table({"id": np.arange(len(space)), name: np.arange(len(space)) * 0.5})
    space.add_metrics(table, study="survey", parameters={"year": 1999})
    return open_space(space.path, encoder=Tiny())


# ------------------------------------------------------------------------------ remove


@pytest.mark.long
def test_what_is_left_is_a_space_of_the_others(
    space: Space, tmp_path: Path, pictures: Path
) -> None:
    gone = [WORDS[0], WORDS[4], WORDS[39]]
    space.graph("text", 5)
    done = space.remove(gone)
    assert done.headline() == (
        f"removed 3 names ({', '.join(gone)}), and 4 images of them; 37 names are left"
    )
    left = tmp_path / "left"
    shutil.copytree(pictures, left)
    for name in gone[:2]:
        shutil.rmtree(left / name)
    count = dict(zip(WORDS, range(1, 41), strict=True))
    kept = [word for word in WORDS if word not in gone]
    corpus = make_names(
        [{"name": w, "part": "given", "sources": ["one"], "count": count[w]} for w in kept]
    )
    wanted = build(corpus, tmp_path / "b.space", left)
    assert_same(open_space(space.path, encoder=Tiny()), wanted)
    # One that was opened before answers from what it opened, and writes nothing to the new rows.
    assert len(space) == 40
    assert space.find(WORDS[4]) == 4
    with pytest.raises(ReplacedError, match="was replaced since it was opened"):
        metric(space)
    # The next images and names are placed as in a space that never held the names.
    for one in (done.space, wanted):
        one.add_images(pictures, unmatched="keep")
    more = records(names(100, 5))
    assert_same(open_space(space.path, encoder=Tiny()).add(more), wanted.add(more))


def test_a_filter_chooses_and_a_dry_run_writes_nothing(space: Space) -> None:
    before = sorted(path.name for path in space.path.rglob("*"))
    told = space.remove(where="count > 30", dry_run=True)
    assert told.sentence.startswith("would remove 10 names (")
    assert told.sentence.endswith("30 names would be left")
    assert sorted(path.name for path in space.path.rglob("*")) == before
    done = space.remove([WORDS[0]], where="count > 30")
    assert len(done.space) == 29
    assert done.space.table(["count"])["count"].to_pylist() == list(range(2, 31))
    with pytest.warns(NamebasisHint):
        assert done.space.remove(where="count > 500").sentence == (
            "no name is chosen; nothing was removed"
        )


def test_one_part_of_a_name_goes_and_its_images_follow_the_other(tmp_path: Path) -> None:
    both = [{"name": "Anna", "part": p} for p in ("given", "family")] + [
        {"name": word, "part": "given"} for word in WORDS[:5]
    ]
    paint(tmp_path / "pictures", 3, 2)
    (tmp_path / "pictures" / WORDS[0]).rename(tmp_path / "pictures" / "Anna")
    space = build(make_names(both), tmp_path / "a.space", tmp_path / "pictures")
    done = space.remove(["Anna"], part="given")
    wanted = build(make_names(both[1:]), tmp_path / "b.space", tmp_path / "pictures")
    assert_same(done.space, wanted)
    assert done.facts == {"removed": 1, "left": 6, "images_removed": 0}


def test_what_studies_computed_is_said_to_be_of_before(space: Space) -> None:
    space = metric(space)
    space = space.unspell()
    done = space.remove([WORDS[7]])
    assert done.notes()[0].startswith("computed before and kept as they were: height;")
    assert any("unspell" in told for told in done.notes())
    assert done.space.info()["metrics"]["height"]["since"] == "1 names were removed"
    assert done.space.table(["height"])["height"].to_pylist() == [
        0.5 * n for n in range(40) if n != 7
    ]
    before = space.vectors("unspelled")[np.arange(40) != 7]
    np.testing.assert_allclose(done.space.vectors("unspelled"), before, atol=1e-6)
    assert wrong_in(done.space) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"nothing to remove: give names, --where SQL, or --images\."),
        ({"names": ["Bal", "Nobody"]}, r"'Nobody' is not in the space; nothing was removed\."),
        ({"where": "count > 0"}, r"all 40 names would go, and a space needs one\."),
        ({"names": "Bal"}, r"names must be a list of names; got one text\."),
        ({"names": ["Bal"], "unmatched": True}, r"--unmatched is of images: give --images too\."),
        ({"images": True, "names": ["Nobody"]}, r"'Nobody': no stored name, and no image"),
    ],
)
def test_refusals_write_nothing(space: Space, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        space.remove(**arguments)
    assert open_space(space.path, encoder=Tiny())._store.version == space._store.version


def test_one_name_that_is_left_is_said_to_be_one(space: Space) -> None:
    told = space.remove(WORDS[1:], dry_run=True).sentence
    assert told.endswith("; 1 name would be left")
    assert space.remove(WORDS[1:]).sentence.endswith("; 1 name is left")


# ------------------------------------------------------------------------------ images


@pytest.mark.long
def test_images_go_of_all_of_some_or_of_nobody(
    space: Space, tmp_path: Path, pictures: Path
) -> None:
    done = space.remove(images=True, unmatched=True)
    assert done.sentence == "removed 2 images of Nobody Known; 20 images are left"
    left = tmp_path / "left"
    shutil.copytree(pictures, left)
    shutil.rmtree(left / "Nobody Known")
    assert_same(done.space, build(WORDS, tmp_path / "b.space", left))
    done = done.space.remove([WORDS[1], WORDS[2]], images=True)
    assert done.facts == {"images_removed": 4, "images_left": 16}
    for name in WORDS[1:3]:
        shutil.rmtree(left / name)
    assert_same(done.space, build(WORDS, tmp_path / "c.space", left))
    done = done.space.remove(images=True)
    assert done.sentence.endswith("the view image is gone with them")
    assert_same(done.space, build(WORDS, tmp_path / "d.space"))
    assert done.space.image_mean() is None
    assert done.space.remove(images=True).sentence == (
        "the space holds no images; nothing was removed"
    )
    assert_same(done.space.add_images(left)[0], open_space(tmp_path / "c.space"))


# ------------------------------------------------------------------------------ columns


def test_columns_of_studies_and_ones_own_are_dropped_and_renamed(tmp_path: Path) -> None:
    space = metric(build(records(WORDS[:8], shoe=7), tmp_path / "a.space"))
    plain = build(records(WORDS[:8]), tmp_path / "b.space")
    renamed = space.rename("shoe", "boot").space
    assert renamed.table(["boot"])["boot"].to_pylist() == [7] * 8
    done = renamed.drop(["height", "boot"])
    assert done.sentence == "dropped 2 columns (height, boot)"
    assert_same(done.space, plain)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("pieces", r"the space needs its column pieces\. It may drop height\."),
        ("text", r"the space needs its column text\."),
        ("n_images", r"n_images is made of the images; `namebasis remove .* --images`"),
        ("hieght", r"there is no column 'hieght'\. Did you mean 'height'\?"),
    ],
)
def test_columns_that_a_space_needs_stay(space: Space, column: str, message: str) -> None:
    space = metric(space)
    with pytest.raises(ValueError, match=message):
        space.drop([column])
    assert "height" in open_space(space.path, encoder=Tiny()).columns


# ------------------------------------------------------------------------------ undo


def content(space: Space) -> Any:
    table = space.table()
    columns = {name: table[name].to_pylist() for name in sorted(table.column_names)}
    views = {view: space.vectors(view).round(5).tolist() for view in space.views}
    return columns, views, {view: space.mean(view).round(5).tolist() for view in space.views}


@pytest.mark.long
def test_every_change_is_undone_step_by_step_and_brought_back(
    space: Space, tmp_path: Path, pictures: Path
) -> None:
    paint(tmp_path / "more", 9, 12)
    states = [content(space)]
    steps = [
        lambda s: metric(s),
        lambda s: s.remove([WORDS[2], WORDS[5]]).space,
        lambda s: s.add(records(names(200, 3), note="new")),
        lambda s: s.add_images(tmp_path / "more")[0],
        lambda s: s.drop(["height"]).space,
        lambda s: s.unspell(),
        lambda s: s.rename("note", "remark").space,
        lambda s: s.remove(images=True).space,
    ]
    for step in steps:
        space = step(space)
        states.append(content(space))
    for state in states[-2::-1]:
        space = space.undo().space
        assert content(space) == state
        assert wrong_in(space) == []
        space.check()
    for state in states[1:]:
        space = space.undo(redo=True).space
        assert content(space) == state
    space.undo()
    assert wrong_in(open_space(space.path, encoder=Tiny())) == []


def test_what_is_added_after_an_undone_add_is_never_taken_for_it(space: Space) -> None:
    first = space.add(records(names(200, 6)))
    index = first.index("text")
    assert index.n_rows == 40
    undone = first.undo().space
    other = undone.add(records(names(300, 6)))
    assert_rows = other.table(["name"])["name"].to_pylist()[40:]
    assert assert_rows == names(300, 6)
    assert wrong_in(other) == []
    assert wrong_in(first) == []
    with pytest.raises(ReplacedError):
        metric(first)
    other.check()


def test_a_new_change_takes_another_way(space: Space) -> None:
    space = metric(space).undo().space
    space = metric(space, "width")
    with pytest.raises(SpaceError, match="nothing was undone that could be brought back"):
        space.undo(redo=True)
    assert "height" not in space.columns


def test_what_cannot_be_undone_is_said(tmp_path: Path) -> None:
    space = build(WORDS[:5], tmp_path / "a.space")
    with pytest.raises(SpaceError, match="there is no change to undo; a build, a merge into a new"):
        space.undo()
    done = metric(space).undo()
    assert done.sentence.startswith("undid the columns of survey (height), of 2")
    assert any("undo --redo brings back" in told for told in done.notes())


def test_ten_changes_are_kept_and_can_be_forgotten(tmp_path: Path) -> None:
    space = build(WORDS[:5], tmp_path / "a.space")
    for number in range(12):
        space = metric(space, f"m{number}")
    assert len(history.read_history(space._store).done) == history.MOST == 10
    tags = list(space._store.dataset.tags.list())
    assert len(tags) == 10
    assert space.undo(forget=True).sentence == "forgot 10 changes: they can no longer be undone"
    assert list(open_space(space.path)._store.dataset.tags.list()) == []
    assert "m11" in open_space(space.path, encoder=Tiny()).columns


def test_what_is_removed_and_forgotten_is_on_no_disk(tmp_path: Path) -> None:
    gc.freeze()  # so that the search for garbage looks at this test's alone
    space = build(WORDS[:40], tmp_path / "a.space")
    vector, folder = space.vectors()[3].tobytes(), space.path

    def holders() -> list[str]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return [path.name for path in files if vector in path.read_bytes()]

    assert holders(), "vectors lie in the files as they are"
    left = space.remove([WORDS[3]]).space
    assert holders(), "kept for undo"
    assert left.undo(forget=True).sentence.startswith("forgot 1 change")
    assert holders(), "kept for whoever has opened it before"
    assert len(space.vectors()) == 40
    del space
    gc.collect()
    reader = open_space(folder, encoder=Tiny())
    reader.undo(forget=True)
    assert holders() == []
    assert len(reader.vectors()) == len(open_space(folder)) == 39


def test_a_death_between_images_and_names_brings_the_images_back(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(space)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("namebasis.namespace.building.removing.write_rows", dies)
    monkeypatch.setattr(history, "restore_images", dies)  # nor does the process itself mend it
    with pytest.raises(KeyboardInterrupt):
        space.remove([WORDS[0]])
    monkeypatch.undo()
    assert history.open_images(space.path).count_rows() == 20
    space = metric(open_space(space.path, encoder=Tiny()))
    assert history.open_images(space.path).count_rows() == 22
    assert content(space.undo().space) == before
    with pytest.raises(SpaceError, match="no change to undo"):
        undoing.undo(open_space(space.path, encoder=Tiny())).space.undo()


def test_a_damaged_history_stops_no_writer(space: Space) -> None:
    metric(space)
    path = space.path / history.HISTORY
    path.write_bytes(path.read_bytes().replace(b'"before": ', b'"before": 1'))
    again = metric(open_space(space.path, encoder=Tiny()), "width")
    assert {"height", "width"} <= set(again.columns)
    assert len(history.read_history(space._store).done) == 1


# ------------------------------------------------------------------------------ merge


@pytest.mark.long
def test_a_merged_space_is_one_built_of_both(tmp_path: Path, pictures: Path) -> None:
    one = records(WORDS[:25], "one", shoe=7)
    two = records(WORDS[15:], "two", hat="red")
    first = metric(build(one, tmp_path / "a.space", pictures))
    second = build(two, tmp_path / "b.space")
    done = first.merge(second, tmp_path / "c.space")
    assert done.sentence == ("c.space: 40 names: 25 of a.space, 15 more of b.space; 10 are in both")
    assert "left out columns of studies: height" in done.notes()[0]
    from namebasis.namespace.corpus.names import merge_names

    wanted = build(merge_names(one, two), tmp_path / "d.space", pictures)
    assert_same(open_space(tmp_path / "c.space", encoder=Tiny()), wanted)
    assert done.space.table(["hat"])["hat"].to_pylist() == [None] * 15 + ["red"] * 25
    assert sorted(os.listdir(tmp_path)) == ["a.space", "b.space", "c.space", "d.space"]
    with pytest.raises(SpaceError, match="already exists; give another path, or overwrite it"):
        first.merge(second, tmp_path / "c.space")
    before = content(first)
    into = first.merge(second, first.path)
    assert_same(into.space, wanted, but=["height"])
    assert content(into.space.undo().space) == before


def test_spaces_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    first = build(WORDS[:5], tmp_path / "a.space")

    class Other(Tiny):
        fingerprint = "sha256:" + "0" * 64

    second = build_space(records(WORDS[:5]), tmp_path / "b.space", encoder=Other())
    with pytest.raises(SpaceError, match="vectors of two encoders cannot be merged") as refusal:
        first.merge(second, tmp_path / "c.space")
    assert "\n" not in str(refusal.value)
    third = build_space(
        records(WORDS[:5]), tmp_path / "d.space", encoder=Tiny(), templates="person"
    )
    with pytest.raises(SpaceError, match=r"with the templates plain \(1\) and .* with person"):
        first.merge(third, tmp_path / "c.space")
    with pytest.raises(SpaceError, match="is given twice"):
        first.merge(first, tmp_path / "c.space")
