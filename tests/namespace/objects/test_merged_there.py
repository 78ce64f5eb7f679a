"""Spaces in object storage that are merged: as on this machine, and beside others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.building import replacing
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.merging import merge
from namebasis.namespace.building.removing import drop
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.store.opening import holds_versions
from namebasis.namespace.store.swap import new_path
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder
from tests.namespace.objects.conftest import Line, add, check_rows, late, put_space

pytestmark = pytest.mark.long


def same(one: Space, other: Space) -> bool:
    if one.views != other.views or not one.table().equals(other.table()):
        return False
    return all((one.vectors(view) == other.vectors(view)).all() for view in one.views)


def test_spaces_are_merged_there_as_here(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder: Any = FakeEncoder()
    build_space(late("Vicki", "Late", "Later"), tmp_path / "b", encoder=encoder)
    shutil.copytree(built[0], tmp_path / "a")
    one, other = "s3://bucket/one.space", "s3://bucket/other.space"
    for folder, url in ((tmp_path / "a", one), (tmp_path / "b", other)):
        put_space(line, folder, url)
    measured = open_space(one)
    ids = measured.table(["id"])  # a change of the first, of which the new one knows nothing
    measured.add_metrics(ids.append_column("x", ids["id"]), study="s", parameters={})
    here = merge(open_space(tmp_path / "a"), open_space(tmp_path / "b"), tmp_path / "c")

    new = "s3://bucket/merged.space"
    done = merge(open_space(one), open_space(other), new)
    assert done.sentence.split(": ")[0] == "merged.space"
    check_rows(done.space, 62)
    assert same(done.space, here.space)
    with pytest.raises(SpaceError, match="there is no change to undo"):
        undo(done.space)
    assert not holds_versions(new_path(done.space.path))
    with pytest.raises(SpaceError, match=f"^{new} already exists; give another path"):
        merge(open_space(one), open_space(other), new)

    writes = replacing.overwrite_remote

    def late_write(*given: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(replacing, "overwrite_remote", writes)
            patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
            add(open_space(new), "Between")
        return writes(*given)

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "overwrite_remote", late_write)
        with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
            merge(open_space(one), open_space(other), new, overwrite=True)
    check_rows(open_space(new), 63)

    into = merge(open_space(one), open_space(tmp_path / "b"), one).space
    assert same(drop(into, ["x"]).space, here.space)
    check_rows(undo(undo(open_space(one)).space).space, 60)
