"""Writers killed at every step to the disk: nothing is lost, half a write is never seen.

Each writer is run again and again, killed at its first, second, ... step; after each kill the space
answers as before the write or as after it, and the same writer run again gives what an undisturbed
run gives.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from lance.dataset import DatasetOptimizer, LanceDataset
from lance.fragment import LanceFragment

from namebasis.errors import NamebasisWarning
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.store import upkeep
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import corpus

pytestmark = pytest.mark.long


class Killed(BaseException):
    """As the end of a process, nothing that library code may catch."""


STEPS: list[tuple[object, str]] = [
    (lance, "write_dataset"), (lance.fragment, "write_fragments"),
    *((LanceDataset, name) for name in (
        "add_columns", "alter_columns", "drop_columns", "update_schema_metadata", "commit",
        "cleanup_old_versions",
    )),
    (DatasetOptimizer, "compact_files"), (LanceFragment, "update_columns"),
    (os, "replace"), (os, "rename"), (os, "unlink"), (Path, "write_bytes"),
]  # fmt: skip
"""What writes; a kill between two of them leaves what the first wrote and nothing of the second."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Raise at the step of that number, from 0; gives the names of the steps that were begun."""
    begun: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            begun.append(name)
            if len(begun) > step:
                raise Killed(f"at step {step}, {name}")
            return real(*arguments, **keywords)

        return call

    with monkeypatch.context() as patch:
        for place, name in STEPS:
            real = getattr(place, name)
            patch.setattr(place, name, counted(name, real))
            if place is LanceDataset and name == "commit":
                patch.setattr(place, name, staticmethod(counted(name, real)))
        yield begun


def content(space: Space) -> dict[str, Any]:
    """All that a space answers, in plain values."""
    with warnings.catch_warnings():
        # An index that was not made in time is made at the first question.
        warnings.simplefilter("ignore", NamebasisWarning)
        return _content(space)


def _content(space: Space) -> dict[str, Any]:
    found: dict[str, Any] = {row["id"]: row for row in space.table().to_pylist()}
    for view in space.views:
        found[view] = np.round(space.vectors(view), 5).tolist()
        found[f"mean {view}"] = np.round(space.mean(view), 5).tolist()
        found[f"ids {view}"] = space.ids(view=view).tolist()
        some = space.ids(view=view)[0]
        near = space.nearest(space.vectors(view, ids=[some])[0], 3, view=view)
        found[f"near {view}"] = sorted(np.round(near.similarities, 5).tolist())
    images = space.image_mean()
    found["images"] = None if images is None else np.round(images, 5).tolist()
    return found


MORE = make_names(
    [
        {"name": name, "part": part}
        for name, part in [("Vicki", "given"), ("Vicki", "family"), ("Namaa", "pseudo"),
                           ("Vicolo", "given"), ("Kin", "full")]
    ]
)  # fmt: skip
OWN = Names(MORE.table.append_column("shoe", pa.array([40, 41, None, 42, 43])))
METRIC = pa.table({"id": np.arange(60), "score": np.arange(60.0)})


def add(space: Space, _: Path) -> object:
    return add_names(space, MORE, encoder=space.encoder())


def add_own(space: Space, _: Path) -> object:
    return add_names(space, OWN, encoder=space.encoder())


def add_pictures(space: Space, folder: Path) -> object:
    return add_images(space, folder)


def add_metric(space: Space, _: Path) -> object:
    return space.add_metrics(METRIC, study="s", parameters={"v": 1})


def unspell_anew(space: Space, _: Path) -> object:
    return unspell(space, rebuild=True)


def nothing(_: Space, __: Path) -> object:
    return None


def all_views(space: Space, folder: Path) -> object:
    return unspell_anew(space, folder), add_pictures(
        open_space(space.path, encoder=space.encoder()), folder
    )


def other_pictures(space: Space, folder: Path) -> object:
    others = folder.with_name("others")
    shutil.copytree(folder / "Vicki", others / "Vicki")
    return add_images(space, others)


def other_metric(space: Space, _: Path) -> object:
    return space.add_metrics(METRIC.slice(0, 5), study="s", parameters={"v": 0})


WRITES: dict[str, list[Callable[[Space, Path], object]]] = {
    # name: [what was done before, the write]
    "add": [nothing, add],
    "add to all views": [all_views, add],
    "add with a new column": [nothing, add_own],
    "first images": [nothing, add_pictures],
    "more images": [other_pictures, add_pictures],
    "first metric": [nothing, add_metric],
    "a metric again": [other_metric, add_metric],
    "first unspell": [nothing, unspell_anew],
    "unspell again": [unspell_anew, unspell_anew],
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
def test_a_write_killed_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setattr(upkeep, "RUN", 2)  # so that pieces are merged too
    before_it, it = WRITES[write]
    folder = tmp_path / "pictures"
    for name, colour in [("Vicki/a", (255, 0, 0)), ("Vicki/b", (0, 255, 0)), ("King", (9, 9, 200)),
                         ("Nobody", (90, 0, 90))]:  # fmt: skip
        paint(folder / f"{name}.png", colour)
    encoder = Seeing()
    start = build_space(corpus(), tmp_path / "start", encoder=encoder)  # type: ignore[arg-type]
    before_it(start, folder)

    def copy(name: str) -> Space:
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        shutil.copytree(tmp_path / "start", tmp_path / name)
        return open_space(tmp_path / name, encoder=encoder)  # type: ignore[arg-type]

    old = content(copy("undisturbed"))
    it(open_space(tmp_path / "undisturbed", encoder=encoder), folder)  # type: ignore[arg-type]
    new = content(open_space(tmp_path / "undisturbed"))
    assert new != old or "again" in write
    step, seen = 0, set()
    while True:
        space = copy("killed")
        with killed_at(step, monkeypatch) as begun, suppress(Killed):
            it(space, folder)
        opened = open_space(tmp_path / "killed", encoder=encoder)  # type: ignore[arg-type]
        found = content(opened)
        # A new column may be there before its values; then it is empty.
        wider = {
            at: row | {"shoe": None} if isinstance(at, int) else row for at, row in old.items()
        }
        between = [wider] if it is add_own else []
        assert found in (old, new, *between), f"after {begun}"
        seen.add(found == new)
        it(opened, folder)
        again = open_space(tmp_path / "killed")
        assert content(again) == new, f"run again after {begun}"
        checked = again.check()
        vectors = {checked[view] for view in again.views}
        assert vectors == {f"{len(again)} vectors as they were written"}
        assert not [name for name in again._store.schema.names if name.startswith("__")]
        if len(begun) <= step:
            break
        step += 1
    assert step >= 1
    assert True in seen
    assert sorted(os.listdir(tmp_path / "killed")) == sorted(os.listdir(tmp_path / "undisturbed"))
