"""A space that version 0.1.0 wrote is read, checked and written on by today's code.

`written/by-0.1.0.tar.xz` was made by the commands of that version: `build` by the packaged
organism, `validate generate` and `report --write`, `add --images`, `unspell`, `identity --write`,
`anchors --write` and `add`. `written/by-0.1.0.json` is what that version then answered.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import namebasis as nb
from namebasis.analysis.readings.shared_pieces import token_facts
from namebasis.namespace.pictures.migration import MEASUREMENTS

WRITTEN = Path(__file__).parent / "written"
ANSWERS: dict[str, Any] = json.loads((WRITTEN / "by-0.1.0.json").read_text(encoding="utf-8"))
VIEWS = ("text", "token", "unspelled", "image")
NAME = "Luran Kadolt"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(WRITTEN / "by-0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "v1.space"


def answers(space: nb.Space) -> dict[str, dict[str, float]]:
    found = {view: space.nearest(NAME, k=4, view=view) for view in VIEWS}
    return {
        view: dict(zip(one.names, np.asarray(one.similarities).tolist(), strict=True))
        for view, one in found.items()
    }


def columns(space: nb.Space) -> dict[str, dict[str, Any]]:
    asked = ANSWERS["columns"]
    kept = next(iter(asked.values()))
    return {name: {column: space[name][column] for column in kept} for name in asked}


def check_answers(space: nb.Space) -> None:
    found = answers(space)
    for view in VIEWS:
        assert list(found[view]) == list(ANSWERS[view])
        assert found[view] == pytest.approx(ANSWERS[view], abs=2e-6)
    for name, values in columns(space).items():
        assert values == pytest.approx(ANSWERS["columns"][name], abs=2e-6, nan_ok=True)


def test_a_space_of_the_first_version_answers_as_it_did(old: Path) -> None:
    before = sorted(str(path) for path in old.rglob("*"))
    space = nb.open_space(old)
    check_answers(space)
    assert len(space.pictures()) == 8
    assert set(VIEWS) <= set(space.check())
    # To ask is not to write: whoever goes back to the first version finds what it left.
    assert [str(path) for path in sorted(old.rglob("*.lance"))] == [
        path for path in before if path.endswith(".lance")
    ]


@pytest.mark.long
def test_a_space_of_the_first_version_is_written_on(old: Path, tmp_path: Path) -> None:
    assert (old / MEASUREMENTS).is_dir()
    (tmp_path / "photos" / "Vicki").mkdir(parents=True)
    Image.new("RGB", (48, 48), "teal").save(tmp_path / "photos" / "Vicki" / "1.png")
    space = nb.open_space(old).add(["Zora"], progress=None)
    space, added = space.add_images(tmp_path / "photos")
    assert added.n_added == 1
    assert not (old / MEASUREMENTS).exists()
    assert len(space) == 47
    assert "Zora" in space
    counted = token_facts(space.table(["pieces"])["pieces"])
    assert space.table(counted.column_names).equals(counted)
    assert len(space.pictures()) == 9
    assert set(VIEWS) <= set(space.check())
    asked = ("text", "token")
    found = {view: answers(space)[view] for view in asked}
    assert found == {view: pytest.approx(ANSWERS[view], abs=2e-6) for view in asked}
    assert columns(space)[NAME]["identity_kind"] == ANSWERS["columns"][NAME]["identity_kind"]
