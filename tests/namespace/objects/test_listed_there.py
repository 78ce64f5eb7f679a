"""Spaces in object storage that are listed: as those of a folder on this machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from namebasis.errors import SpaceError
from namebasis.namespace.listing import list_spaces
from tests.namespace.objects.conftest import Line, put_space

pytestmark = pytest.mark.long


def test_spaces_are_listed_there_as_here(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    url, here = "s3://bucket/listed", tmp_path / "listed"
    for name in ("a.space", "ü x/b.space", "ü x/more/c.space", ".hidden/d.space"):
        shutil.copytree(built[0], here / name)
        put_space(line, here / name, f"{url}/{name}")
    foreign = pa.table({"a": [1]})
    for folder in (str(here), url):
        lance.write_dataset(foreign, f"{folder}/odd/names.lance")
    for depth, n_spaces in ((3, 4), (2, 3), (0, 0)):
        there, local = (list_spaces(place, depth=depth) for place in (url, here))
        assert len(there.spaces) == n_spaces
        for one, other in zip(there.spaces, local.spaces, strict=True):
            assert replace(one, n_bytes=0, changed="") == replace(other, n_bytes=0, changed="")
            if one.state == "done":
                # Without what is no data: manifests, and caches of this machine.
                files = (here / one.space / "names.lance" / "data").iterdir()
                assert one.n_bytes == sum(file.stat().st_size for file in files)
                assert one.changed == other.changed
    assert there.headline() == (
        f"there is no name space in or below {url}; "
        f"`namebasis build {url}/my.space NAMES` makes one"
    )
    assert there.to_dict() == {"folder": url, "spaces": []}
    one = list_spaces(Path(f"{url}/a.space"))
    megabytes = one.tables()[0].rows[0][4]  # of a few kilobytes, which are not 0
    assert 0 < megabytes == pytest.approx(one.spaces[0].n_bytes / 1e6, abs=0.0005)
    assert [space.space for space in one.spaces] == ["."]
    assert "listed/a.space" in [space.space for space in list_spaces("s3://bucket", depth=2).spaces]
    assert not os.path.exists(cache)  # a look leaves nothing here


def test_an_address_that_cannot_be_listed(line: Line) -> None:
    with pytest.raises(SpaceError, match=r"^s3://nobucket: there is no such bucket"):
        list_spaces("s3://nobucket")
    with pytest.raises(SpaceError, match=r"^s3://_: give a bucket, such as s3://bucket"):
        list_spaces("s3://_")
