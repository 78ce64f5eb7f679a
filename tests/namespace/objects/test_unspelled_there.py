"""The view `unspelled` of spaces in object storage: its fit goes along with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namebasis.errors import ReplacedError
from namebasis.namespace.building import unspelled
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.store.unspelled import read_fit
from namebasis.space import open_space
from tests.namespace.objects.conftest import Line, add, check_rows, put_space

pytestmark = pytest.mark.long


def test_unspelled_is_made_there_and_names_added_by_its_fit_elsewhere(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, here = "s3://bucket/unspelled.space", tmp_path / "unspelled.space"
    put_space(line, built[0], url)
    shutil.copytree(built[0], here)
    for path in (url, here):
        unspell(open_space(path), max_pieces=40)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))  # another machine
        add(open_space(path), "Late")
    there, local = open_space(url), open_space(here)
    check_rows(there, 61)
    np.testing.assert_array_equal(there.vectors("unspelled"), local.vectors("unspelled"))
    assert there.nearest("King", 5, view="unspelled").names == (
        local.nearest("King", 5, view="unspelled").names
    )
    (fit,) = there.path.glob("fits/*")
    fit.write_bytes(b"cut short")
    assert read_fit(there._store).weights.tolist() == read_fit(local._store).weights.tolist()

    written = unspelled.put_view

    def late(*given: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path / "third"))
            add(open_space(url), "Between")
        written(*given)

    monkeypatch.setattr(unspelled, "put_view", late)
    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        unspell(there, rebuild=True)
    check_rows(open_space(url), 62)
