"""Spaces in Google's and in Azure's storage, of which stand-ins run here: as on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import lance
import pyarrow as pa
import pytest

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.removing import remove
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.listing import list_spaces
from namebasis.namespace.objects.data_sets import append_remote
from namebasis.namespace.objects.refusals import is_conflict
from namebasis.namespace.store.opening import open_newest
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint, unit
from tests.namespace.conftest import FakeEncoder, corpus
from tests.namespace.objects.azure import AzureStorage
from tests.namespace.objects.conftest import Meanwhile, add
from tests.namespace.objects.google import GoogleStorage
from tests.namespace.objects.stand_in import Storage
from tests.namespace.objects.test_pictures_there import content, put
from tests.namespace.pictures.test_changes import measure, measured

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(scope="module", params=[GoogleStorage, AzureStorage])
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    server: Storage = request.param()
    with pytest.MonkeyPatch.context() as patch:
        for key, value in server.environment().items():
            patch.setenv(key, value)
        patch.setenv("OBJECT_STORE_CLIENT_MAX_RETRIES", "1")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield server
    server.shutdown()
    server.server_close()


@pytest.mark.long
def test_a_space_and_its_pictures_lie_there_as_here(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{storage.scheme}://bucket/pictured ö.space"
    encoder: Any = Seeing()
    spaces: list[Space] = [
        build_space(corpus(12), place, encoder=encoder) for place in (url, tmp_path / "here.space")
    ]
    photos = tmp_path / "photos"
    for name, colour in (("Vicki/1", RED), ("Vicki/2", GREEN), ("Zoë_03", BLUE)):
        paint(photos / f"{name}.png", colour)
    green = paint(tmp_path / "more" / "King" / "1.png", GREEN)
    steps: list[Callable[[Space], Space]] = [
        lambda space: add(space, "Late", encoder=Seeing()),
        lambda space: put(space, photos),
        lambda space: (measure(space, green, "King", 40.0), open_space(space.path))[1],
        lambda space: put(space, tmp_path / "more"),
        lambda space: remove(space, ["Vicki"]).space,
        # A report is no change, and no undo takes back what it measured.
        lambda space: undo(space).space,
        lambda space: undo(space).space,
        lambda space: undo(space, forget=True).space,
    ]
    states = []
    for at, step in enumerate(steps):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"machine {at}"))
        spaces = [step(space) for space in spaces]
        there, local = map(content, spaces)
        assert there == local
        states.append(there)
        if at != 3:
            continue
        asked: list[dict[str, Any]] = [
            {"view": "image"}, {"view": "image:photos"}, {"pictures": True, "where": "id < 9"},
        ]  # fmt: skip
        for how in asked:
            one, other = (space.nearest(unit(*RED), 3, **how).to_dict() for space in spaces)
            assert one == other
        assert "images.lance" in spaces[0].check()
    assert states[5] == states[3]
    assert [measured(space, green) for space in spaces] == [40.0, 40.0]
    assert not open_newest(spaces[0].path / "images.lance").tags.list()
    (listed,) = list_spaces(f"{storage.scheme}://bucket").spaces
    assert (listed.space, listed.names, listed.state) == ("pictured ö.space", 13, "done")


def test_the_second_of_two_writers_is_refused(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{storage.scheme}://bucket/two.space"
    encoder: Any = FakeEncoder()
    build_space(corpus(12), url, encoder=encoder)

    def other_machine() -> None:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            add(open_space(url), "First")

    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        add(open_space(url), "Second", encoder=Meanwhile(other_machine))
    assert open_space(url).find("First") == 12
    nowhere = f"{storage.scheme}://nobucket/x"
    with pytest.raises(SpaceError, match=f"^{nowhere}: there is no such bucket"):
        open_space(nowhere)


def test_of_many_writers_at_the_same_moment_one_commits(storage: Storage) -> None:
    uri, n = f"{storage.scheme}://bucket/race.lance", 6
    lance.write_dataset(pa.table({"a": [0]}), uri)
    opened = [lance.dataset(uri) for _ in range(n)]
    together, told = Barrier(n), list[str]()

    def append(at: int) -> None:
        together.wait()
        try:
            append_remote(opened[at], pa.table({"a": [at + 1]}))
            told.append("")
        except OSError as error:
            told.append(str(error))

    with ThreadPoolExecutor(n) as pool:
        list(pool.map(append, range(n)))
    assert told.count("") == 1
    assert all(is_conflict(Exception(one)) for one in told if one)
    assert lance.dataset(uri).count_rows() == 2
