"""Changes of spaces in object storage that are undone: as on this machine, and beside others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.building import rewriting
from namebasis.namespace.building.merging import merge
from namebasis.namespace.building.removing import drop, remove, rename
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.store import columns, history
from namebasis.namespace.store.dataset import Store
from namebasis.space import Space, open_space
from tests.namespace.objects.conftest import Line, Meanwhile, add, check_rows, put_space, take_space

pytestmark = pytest.mark.long


def measured(space: Space) -> Space:
    ids = space.table(["id"])
    table = ids.append_column("x", pa.array(np.arange(float(len(ids)))))
    space.add_metrics(table, study="survey", parameters={})
    return open_space(space.path)


def content(space: Space) -> tuple[Any, ...]:
    views = {view: space.vectors(view).tolist() for view in space.views}
    return space.table().to_pydict(), views, {v: space.mean(v).tolist() for v in space.views}


def test_changes_are_undone_there_as_here(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, here = "s3://bucket/undö x.space", tmp_path / "undone.space"
    put_space(line, built[0], url)
    shutil.copytree(built[0], here)
    told = []
    for path in (url, str(here)):
        space = open_space(path)
        states = [content(space)]
        for step in (measured, lambda s: remove(s, ["Vicki"]).space):
            space = step(space)
            states.append(content(space))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))  # another machine
        said = [undo(space, dry_run=True).sentence.partition(", of ")[0]]
        for state in states[-2::-1]:
            done = undo(space)
            space = done.space
            said += [done.sentence.partition(", of ")[0], *done.remarks]
            assert content(space) == state
        space = undo(space, redo=True).space
        assert content(space) == states[1]
        check_rows(space, 60)
        told.append(said)
        assert undo(space, forget=True).sentence.startswith("forgot 2 changes")
        with pytest.raises(SpaceError, match="there is no change to undo"):
            undo(open_space(path), dry_run=True)
        assert not space._store.dataset.tags.list()
    assert told[0] == told[1]


def test_an_undo_beside_another_writer_is_refused(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, goes_back = "s3://bucket/beside.space", rewriting.bring_back
    put_space(line, built[0], url)
    grown = add(open_space(url), "Late", "Later")
    assert "Later" in grown.nearest("King", 61).names  # by an index of these vectors

    def late(*given: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            add(open_space(url), "Between")
        return goes_back(*given)

    with monkeypatch.context() as patch:
        patch.setattr(rewriting, "bring_back", late)
        with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
            undo(grown)
    after = open_space(url)
    check_rows(after, 63)
    for n in (62, 60):
        done = undo(after)
        after = done.space
        assert done.sentence.startswith("undid the add of ")
        check_rows(after, n)

    again = add(after, "Other", "Others")  # as many rows as the index above is of
    similar = again.nearest("King", 61)
    expected = again.vectors()[again.find("Others")] @ again.vectors()[again.find("King")]
    assert similar.similarities[similar.names.index("Others")] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ReplacedError, match="replaced since it was opened"):
        measured(grown)


@pytest.mark.parametrize("step", ["drop", "rename"])
def test_names_of_columns_change_only_where_nobody_noted_a_thing_meanwhile(
    line: Line, built: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    url, changed = f"s3://bucket/{step}.space", columns.rename_remote
    put_space(line, built[0], url)
    before = content(measured(open_space(url)))

    def late(*given: Any) -> Any:
        open_space(url)._store.dataset.update_schema_metadata({"noted": "between"})
        return changed(*given)

    def act() -> Space:
        space = open_space(url)
        return (drop(space, ["x"]) if step == "drop" else rename(space, "x", "y")).space

    with monkeypatch.context() as patch:
        patch.setattr(columns, "rename_remote", late)
        with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
            act()
    assert open_space(url)._store.metadata[b"noted"] == b"between"
    assert content(open_space(url)) == before
    after = act()
    assert ("x" in after.columns, "y" in after.columns) == (False, step == "rename")
    assert after._store.metadata[b"noted"] == b"between"
    assert content(undo(after).space) == before


def test_changes_whose_end_nobody_noted(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/unnoted.space"
    put_space(line, built[0], url)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(history, "_end_there", dies)
        with pytest.raises(KeyboardInterrupt):
            remove(open_space(url), ["Vicki"])
    with pytest.raises(KeyboardInterrupt):  # before its first commit: there is nothing to undo
        add(open_space(url), "Never", encoder=Meanwhile(dies))
    told = undo(open_space(url), dry_run=True).sentence
    stopped = "(it was stopped before its end)"
    assert told.startswith(f"would undo the remove of 1 name (Vicki) {stopped}")

    writes, others = history.write_history, [["Second"]]

    def late(store: Any, noted: history.History) -> None:
        if noted.begun is None and others:
            names = others.pop()
            with monkeypatch.context() as patch:
                patch.setenv("XDG_CACHE_HOME", str(tmp_path))
                add(open_space(url), *names)
        writes(store, noted)

    with monkeypatch.context() as patch:
        patch.setattr(history, "write_history", late)
        add(open_space(url), "First")
    noted = [(one.what[:3], one.was_stopped) for one in history.read_history(
        open_space(url)._store).done]  # fmt: skip
    assert noted == [("rem", True), ("add", False), ("add", False)]
    check_rows(undo(open_space(url)).space, 60)


def test_a_change_that_began_within_an_undo_is_none(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, goes_back = "s3://bucket/within.space", rewriting.bring_back
    put_space(line, built[0], url)
    grown = add(open_space(url), "Wrong")

    def dies() -> None:
        raise KeyboardInterrupt

    def late(*given: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            with pytest.raises(KeyboardInterrupt):
                add(open_space(url), "Lost", encoder=Meanwhile(dies))
        return goes_back(*given)

    with monkeypatch.context() as patch:
        patch.setattr(rewriting, "bring_back", late)
        after = undo(grown).space
    with pytest.raises(SpaceError, match="there is no change to undo"):
        undo(after, dry_run=True)
    check_rows(undo(after, redo=True).space, 61)


def test_what_a_copy_did_here_is_not_undone_there(
    line: Line, built: tuple[Path, int], tmp_path: Path
) -> None:
    url, again, here = "s3://bucket/copied.space", "s3://bucket/again.space", tmp_path / "c.space"
    put_space(line, built[0], url)
    add(add(open_space(url), "Late"), "Later")
    take_space(line, url, here)
    with pytest.raises(SpaceError, match="there is no change to undo"):
        undo(open_space(here))
    shutil.copytree(built[0], tmp_path / "mine.space")
    mine = add(open_space(tmp_path / "mine.space"), "Mine")
    merge(open_space(here), mine, here)
    assert [*Store(here).dataset.tags.list()] == ["namebasis-undo-1-before"]
    assert undo(open_space(here), dry_run=True).sentence.startswith("would undo the merge of mine")
    put_space(line, here, again)
    with pytest.raises(SpaceError, match="there is no change to undo"):
        undo(open_space(again), dry_run=True)
    check_rows(undo(add(open_space(again), "Latest")).space, 63)

    # Copied back over the space here, whose own notes end before that.
    shutil.rmtree(here / "names.lance")
    take_space(line, again, here)
    with pytest.raises(SpaceError, match="there is no change to undo"):
        undo(open_space(here))
    assert undo(open_space(here), forget=True).sentence.startswith("forgot 0 changes")
    assert history.HISTORY_KEY.encode() not in Store(here).metadata


def test_a_line_that_is_cut_leaves_one_state_or_the_other(
    line: Line, built: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, goes_back = "s3://bucket/cut-undo.space", rewriting.bring_back
    put_space(line, built[0], url)
    add(open_space(url), "Late")
    for is_committed, n in ((False, 61), (True, 60)):

        def cut(*given: Any, is_committed: bool = is_committed) -> None:
            if is_committed:
                goes_back(*given)
            line.is_down = True

        monkeypatch.setattr(rewriting, "bring_back", cut)
        with pytest.raises(SpaceError, match=f"^{url}: cannot be reached"):
            undo(open_space(url))
        line.is_down = False
        check_rows(open_space(url), n)
    with pytest.raises(SpaceError, match=r"no change to undo.*What was undone, --redo brings back"):
        undo(open_space(url), dry_run=True)
