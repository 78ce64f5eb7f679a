"""Pictures of spaces in object storage: as on this machine, and beside other writers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pytest

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.building import images as module
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.merging import merge
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.objects.picture_versions import held_version, noted_version
from namebasis.namespace.store.dataset import Store
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint, unit
from tests.namespace.conftest import corpus
from tests.namespace.objects.conftest import Line, add, put_space, take_space
from tests.namespace.pictures.test_changes import measure, measured

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seen") / "a.space"
    build_space(corpus(12), path, encoder=Seeing())  # type: ignore[arg-type]
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    paint(tmp_path / "photos" / "Vicki" / "1.png", RED)
    paint(tmp_path / "photos" / "Vicki" / "2.png", GREEN)
    paint(tmp_path / "photos" / "Zoë_03.png", BLUE)
    return tmp_path / "photos"


def put(space: Space | str, folder: Path, encoder: Seeing | None = None) -> Space:
    opened = open_space(space) if isinstance(space, str) else space
    return add_images(opened, folder, encoder=encoder or Seeing())[0]  # type: ignore[arg-type]


def content(space: Space) -> dict[str, Any]:
    """All that a space holds: names, vectors, means, and its pictures with theirs."""
    held = space.pictures()
    rows, ids = held.vectors()
    mean = space.image_mean()
    return {
        "names": space.table().to_pydict(),
        "views": {view: space.vectors(view).tolist() for view in space.views},
        "mean": None if mean is None else mean.tolist(),
        "pictures": held.table().to_pydict(),
        "vectors": (rows.tolist(), ids.tolist()),
        "measures": held.measured().to_pydict(),
        "of one source": held.views,
    }


class Between(Seeing):
    """Does something else in the middle of its n-th call."""

    def __init__(self, what: Callable[[], object], call: int = 1) -> None:
        super().__init__()
        self.what, self.call = what, call

    def encode_images(self, images: Sequence[object], **options: Any) -> np.ndarray:  # type: ignore[override]
        self.call -= 1
        if self.call == 0:
            self.what()
        return super().encode_images(images, **options)


def test_the_second_of_two_writers_of_pictures_is_refused(
    line: Line, empty: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    url = "s3://bucket/two pictured.space"
    put_space(line, empty, url)
    paint(tmp_path / "others" / "King" / "1.png", GREY)

    def other_machine(what: Callable[[], object]) -> Callable[[], None]:
        def act() -> None:
            with monkeypatch.context() as patch:
                patch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
                what()

        return act

    pictures = other_machine(lambda: put(url, tmp_path / "others"))
    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        put(url, photos, Between(pictures))
    assert open_space(url).pictures().table(["label"])["label"].to_pylist() == ["King"]

    name = other_machine(lambda: add(open_space(url), "Late", encoder=Seeing()))
    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        put(url, photos, Between(name, call=2))  # in its second chunk
    between = open_space(url)
    assert len(between.pictures()) == 3
    assert between.vectors("image").any(axis=1).sum() == 1  # of the view nothing is half done
    encoder = Seeing()
    after = put(url, photos, encoder)
    assert encoder.n_images == 1  # the two of the first chunk are there
    assert sorted(after.pictures().table(["label"])["label"].to_pylist()) == [
        "King", "Vicki", "Vicki", "Zoë_03",
    ]  # fmt: skip
    assert set(after.nearest(unit(1, 2, 3), 9, view="image").names) == {"Vicki", "Zoë", "King"}


@pytest.mark.long
def test_a_run_that_breaks_off_goes_on(
    line: Line, empty: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    url, here = "s3://bucket/cut pictured.space", shutil.copytree(empty, tmp_path / "here.space")
    put_space(line, empty, url)

    def cut() -> None:
        line.is_down = True

    with pytest.raises(SpaceError, match=f"^{url}: cannot be reached"):
        put(url, photos, Between(cut, call=2))
    line.is_down = False
    first = open_space(url)
    assert (len(first.pictures()), "image" in first.views) == (1, False)
    told = undo(first, dry_run=True).sentence
    assert told.startswith("would undo the add of images in photos (it was stopped before its end)")

    def dies(store: Store) -> None:
        if noted_version(store.metadata) != held_version(store.folder):
            raise KeyboardInterrupt

    paint(tmp_path / "lost" / "King" / "1.png", GREY)
    with monkeypatch.context() as patch:
        patch.setattr(module, "note_pictures", dies)  # nobody learns of what it wrote
        with pytest.raises(KeyboardInterrupt):
            put(url, tmp_path / "lost")
    assert lance.dataset(f"{url}/images.lance").count_rows() == 2
    assert len(open_space(url).pictures()) == 1
    there, local = put(url, photos), put(str(here), photos)
    assert content(there) == content(local)
    assert len(undo(there).space.pictures()) == 1


@pytest.mark.long
def test_spaces_with_pictures_are_merged_and_replaced_there(
    line: Line, empty: Path, photos: Path, tmp_path: Path
) -> None:
    here, other = (shutil.copytree(empty, tmp_path / f"{one}.space") for one in "ab")
    put(str(here), photos)
    paint(tmp_path / "more" / "King" / "1.png", GREY)
    red = paint(tmp_path / "more" / "Vicki" / "1.png", RED)
    put(str(other), tmp_path / "more")
    measure(open_space(other), red, "Vicki", 31.0)
    one, two, new = (f"s3://bucket/{name} seen.space" for name in ("one", "two", "new"))
    put_space(line, here, one)
    put_space(line, other, two)
    assert content(open_space(one)) == content(open_space(here))  # copied with its pictures

    both = merge(open_space(one), open_space(two), new).space
    local = merge(open_space(here), open_space(other), tmp_path / "c.space").space
    assert content(both) == content(local)
    assert measured(both, red) == 31.0
    into = [merge(open_space(place), open_space(other), place).space for place in (one, here)]
    assert content(into[0]) == content(into[1])

    copy = tmp_path / "copy.space"
    take_space(line, one, copy)
    paint(tmp_path / "others" / "King" / "2.png", BLUE)
    changed = [put(str(place), tmp_path / "others") for place in (copy, here)]
    assert content(changed[0]) == content(changed[1])
    # Its newest pictures count again, wherever it is copied to.
    assert [noted_version(space._store.metadata) for space in (*into, *changed)][1:] == [None] * 3

    encoder: Any = Seeing()
    bare = build_space(corpus(12), new, encoder=encoder, overwrite=True)
    assert len(bare.pictures()) == 0
    assert bare.views == ("text", "token")
