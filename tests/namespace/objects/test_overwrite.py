"""Spaces in object storage that a build replaces: the old one or the new one, and never half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.building import replacing
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.store import history
from namebasis.namespace.store.opening import holds_versions
from namebasis.namespace.store.swap import new_path
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus
from tests.namespace.objects.conftest import Line, Meanwhile, add, check_rows, put_space

pytestmark = pytest.mark.long


def over(url: str, encoder: FakeEncoder) -> Space:
    return build_space(corpus(12), url, encoder=encoder, overwrite=True)  # type: ignore[arg-type, return-value]


def test_what_a_refused_change_left_brings_nothing_back(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, tags = "s3://bucket/refused.space", history._tag
    put_space(line, built[0], url)

    def fails() -> None:
        raise ValueError("no such weights")

    with pytest.raises(ValueError, match="no such weights"):
        add(open_space(url), "Never", encoder=Meanwhile(fails))
    assert not open_space(url)._store.dataset.tags.list()

    def late(*given: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(history, "_tag", tags)
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            over(url, FakeEncoder())
        tags(*given)

    with monkeypatch.context() as patch:
        patch.setattr(history, "_tag", late)
        with pytest.raises(ReplacedError, match=rf"^{url}: .* Run the same command again"):
            add(open_space(url), "Lost")
    with pytest.raises(SpaceError, match="there is no change to undo"):
        undo(open_space(url), dry_run=True)
    check_rows(open_space(url), 12)


class Encoded(FakeEncoder):
    """Refuses to encode: every vector already exists."""

    def encode_text(self, *args: object, **options: object) -> object:  # type: ignore[override]
        raise AssertionError("the build began again")


def test_a_space_is_replaced_in_one_commit(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, writes = "s3://bucket/replaced.space", replacing.overwrite_remote
    put_space(line, built[0], url)
    reader = add(open_space(url), "Late")

    def other_machine() -> None:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            add(open_space(url), "Between")

    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        over(url, Meanwhile(other_machine))
    check_rows(open_space(url), 62)

    def cut(*_: object) -> None:
        line.is_down = True

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "overwrite_remote", cut)
        with pytest.raises(SpaceError, match=f"^{url}: cannot be reached"):
            over(url, Encoded())
    line.is_down = False
    check_rows(open_space(url), 62)

    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # its tag stays, and what follows there is no change
        add(open_space(url), "Never", encoder=Meanwhile(stopped))
    for at in (0, 1):  # when the new space is in its place, and when the one beside is emptied
        commits: list[object] = []

        def dies(*given: Any, commits: list[object] = commits, at: int = at) -> Any:
            commits.append(writes(*given))
            if len(commits) > at:
                raise KeyboardInterrupt
            return commits[-1]

        with monkeypatch.context() as patch:
            patch.setattr(replacing, "overwrite_remote", dies)
            with pytest.raises(KeyboardInterrupt):
                over(url, Encoded())
        with pytest.raises(SpaceError, match="there is no change to undo"):
            undo(open_space(url), dry_run=True)
    here = over(str(tmp_path / "here.space"), FakeEncoder())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    for there in (open_space(url), over(url, FakeEncoder())):
        check_rows(there, 12)
        assert there.table().equals(here.table())
        for view in here.views:
            assert (there.vectors(view) == here.vectors(view)).all()
    assert not holds_versions(new_path(there.path))
    assert not there._store.dataset.tags.list()
    assert there.nearest("King", 3).names == here.nearest("King", 3).names

    assert len(reader.vectors()) == 61
    with pytest.raises(ReplacedError, match="replaced since it was opened"):
        add(reader, "Lost")
