"""The ray engine builds what the local engine builds, and survives its actors."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import EncoderError, MissingExtraError, NamebasisError, SpaceError
from namebasis.namespace.actors.cluster import without_greeting
from namebasis.namespace.building import build, ray_engine
from namebasis.namespace.building.build import build_space
from namebasis.namespace.store.dataset import Store
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus

ray = pytest.importorskip("ray", reason="the ray extra is not installed")

CHUNK, N_NAMES = 20, 130


class DyingEncoder(FakeEncoder):
    """Kills its process in the middle of a chunk, once for the whole pool of actors."""

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self.mark = mark

    def encode_names(self, names, template, *, batch_size=None):
        self.calls += 1
        if self.calls > 3:
            try:
                self.mark.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os._exit(1)
        return super().encode_names(names, template)


class RefusingEncoder(FakeEncoder):
    """Gives a vector that cannot be stored for one name."""

    def encode_names(self, names, template, *, batch_size=None):
        rows = super().encode_names(names, template)
        rows[[name == "Namdh" for name in names]] = np.nan
        return rows


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch) -> None:
    monkeypatch.setattr(build, "CHUNK", CHUNK)


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> Space:
    patch = pytest.MonkeyPatch()
    patch.setattr(build, "CHUNK", CHUNK)
    path = tmp_path_factory.mktemp("calm") / "a.space"
    yield build_space(corpus(N_NAMES), path, encoder=FakeEncoder())
    patch.undo()


def with_ray(path: Path, factory=FakeEncoder, encoder=None, **options) -> Space:
    return build_space(
        corpus(N_NAMES),
        path,
        encoder=encoder or FakeEncoder(),
        engine="ray",
        n_actors=options.pop("n_actors", 1),
        encoder_factory=factory,
        **options,
    )


def assert_same(space: Space, calm: Space) -> None:
    assert space.table().equals(calm.table())
    assert space.table(["id"])["id"].to_pylist() == list(range(N_NAMES))
    for view in ("text", "token"):
        np.testing.assert_allclose(space.vectors(view), calm.vectors(view), atol=1e-6)
        np.testing.assert_allclose(space.mean(view), calm.mean(view), atol=1e-6)
    assert space.nearest("a text", 20).ids.tolist() == calm.nearest("a text", 20).ids.tolist()
    files = [sorted(p.stat().st_size for p in data_files(s.path)) for s in (space, calm)]
    assert files[0] == files[1], "files of no commit were left, or rows were cut otherwise"


def data_files(path: Path) -> list[Path]:
    return list((path / "names.lance" / "data").iterdir())


@pytest.mark.long
def test_an_actor_killed_halfway_loses_nothing(tmp_path: Path, calm: Space) -> None:
    mark = tmp_path / "killed"
    space = with_ray(tmp_path / "a", partial(DyingEncoder, mark))
    assert mark.exists()
    assert_same(space, calm)


@pytest.mark.long
def test_a_refused_vector_ends_the_build_and_keeps_the_rows_before(
    tmp_path: Path, calm: Space
) -> None:
    with pytest.raises(EncoderError, match="cannot be stored"):
        with_ray(tmp_path / "a", RefusingEncoder)
    kept = Store(tmp_path / "a").n_rows
    assert kept < N_NAMES and kept % CHUNK == 0  # noqa: PT018
    again = build_space(corpus(N_NAMES), tmp_path / "a", encoder=FakeEncoder())
    assert_same(again, calm)


@pytest.mark.long
def test_it_goes_on_after_a_local_build_and_clears_what_killed_writers_left(
    tmp_path: Path, calm: Space
) -> None:
    path = tmp_path / "a"

    assert build_part(path, 2 * CHUNK).n_rows == 2 * CHUNK
    orphan = path / "names.lance" / "data" / "orphan.lance"
    orphan.write_bytes(data_files(path)[0].read_bytes())
    seen: list[tuple[int, int]] = []

    def look(done: int, total: int) -> None:
        seen.append((done, total))
        assert not orphan.exists()

    assert_same(with_ray(path, progress=look), calm)
    assert seen == [(min(k * CHUNK, N_NAMES), N_NAMES) for k in range(3, 8)]


def task_of(store: Store, **changes: object) -> ray_engine._Task:
    values = {
        "uri": str(store.uri),
        "build_id": ray_engine.Provenance.from_metadata(store.metadata, "").build_id,
        "fingerprint": FakeEncoder().fingerprint,
        "templates": ("{}",),
        "factory": FakeEncoder,
    }
    return ray_engine._Task(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uri": "/nowhere/names.lance"}, "is not there on machine .* a folder that all its"),
        ({"build_id": "another"}, "is not there on machine .* a folder that all its"),
        ({"factory": partial(FakeEncoder, salt="x")}, "other weights on an actor .* the driver"),
    ],
)
def test_an_actor_tells_what_it_lacks(calm: Space, changes, message: str) -> None:
    with pytest.raises(NamebasisError, match=message):
        ray_engine._Writer(task_of(Store(calm.path), **changes))


def test_fragments_are_committed_in_row_order_without_gaps(tmp_path: Path, monkeypatch) -> None:
    part = build_part(tmp_path / "a", 2 * CHUNK)
    writer = ray_engine._Writer(task_of(part))
    names = corpus(N_NAMES).table

    def write(first: int) -> tuple[int, int, list[str]]:
        return first, CHUNK, writer((first, names.slice(first, CHUNK)))

    committer = ray_engine._Committer(part)
    committer.add(*write(4 * CHUNK))
    committer.add(*write(3 * CHUNK))
    committer.commit()
    assert Store(part.folder).n_rows == 2 * CHUNK, "rows were committed behind a gap"
    monkeypatch.setattr(ray_engine, "COMMIT_SECONDS", 0)
    committer.add(*write(2 * CHUNK))
    stored = Store(part.folder)
    assert stored.scan(["id"])["id"].to_pylist() == list(range(5 * CHUNK))
    monkeypatch.setattr(ray_engine, "COMMIT_SECONDS", 60)
    committer.add(*write(5 * CHUNK))
    for file in set(data_files(part.folder)) - files_of(stored):
        file.unlink()
    with pytest.raises(SpaceError, match=r"not here\. A Ray cluster needs a folder"):
        committer.commit()
    assert Store(part.folder).n_rows == 5 * CHUNK


def files_of(store: Store) -> set[Path]:
    fragments = store.dataset.get_fragments()
    return {store.uri / "data" / file.path for f in fragments for file in f.data_files()}


def build_part(path: Path, n_rows: int) -> Store:
    """Leave a build that was stopped after some rows."""

    def stop(done: int, total: int) -> None:
        if done > n_rows:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_space(corpus(N_NAMES), path, encoder=FakeEncoder(), progress=stop)
    return Store(path)


def test_wrong_settings_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="engine must be one of local, ray; got 'dask'"):
        build_space(corpus(), tmp_path / "a", encoder=FakeEncoder(), engine="dask")
    with pytest.raises(ValueError, match="n_actors works only with engine='ray'"):
        build_space(corpus(), tmp_path / "a", encoder=FakeEncoder(), n_actors=2)
    with pytest.raises(ValueError, match="n_actors"):
        with_ray(tmp_path / "a", n_actors=0)
    assert not (tmp_path / "a").exists()


def test_a_missing_ray_names_its_extra(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"the ray engine .*namebasis\[ray\]"):
        with_ray(tmp_path / "a")


ALONE = """
import os, sys, warnings
from pathlib import Path
warnings.filterwarnings("ignore", "no actor has started")  # beside other work, by namebasis
from namebasis.errors import NamebasisError
from namebasis.namespace.building import build
from tests.namespace.conftest import FakeEncoder, corpus
assert "ray" not in sys.modules, "importing the package must not load ray"
build.CHUNK, path, n_names = 20, Path(sys.argv[1]), int(sys.argv[2])
options = {"encoder": FakeEncoder(), "engine": "ray", "encoder_factory": FakeEncoder}
try:
    build.build_space(corpus(), path / "b", address="127.0.0.1:1", **options)
except NamebasisError as error:
    print(error)
seen = []
build.build_space(
    corpus(n_names), path / "a", progress=lambda *done: seen.append(done), **options
)
print(seen[-1])
import ray
from ray._common.usage import usage_lib
assert not usage_lib.usage_stats_enabled()
assert not ray.is_initialized(), "the Ray that was started is still there"
print(os.listdir(os.environ["HOME"]))
"""


def test_only_the_greeting_is_kept_away(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with without_greeting():
            os.write(2, b"I log.cc: Set ray log level from environment variable X to 3\nE bad\n")
            raise OSError("no cluster")

    with pytest.raises(OSError, match="no cluster"):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "E bad\nafter\n"


@pytest.mark.long
def test_alone_it_starts_a_quiet_ray_and_stops_it_and_the_rows_are_the_local_engines(
    tmp_path: Path, calm: Space
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    free = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path), str(N_NAMES)],
        env={**free, "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    refused, last_progress, in_home = done.stdout.splitlines()
    assert refused.startswith("no Ray cluster answers at 127.0.0.1:1")
    assert last_progress == f"({N_NAMES}, {N_NAMES})"
    assert in_home == "[]", "Ray wrote into the home folder"
    assert done.stderr == "", "Ray talks on stderr"
    space = open_space(tmp_path / "a", encoder=FakeEncoder())
    assert_same(space, calm)
    assert space.provenance.differences(calm.provenance) == []
