"""The ray engine builds what the local engine builds, and survives its actors."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from namebasis.namespace import build
from namebasis.namespace.build import build_space
from namebasis.namespace.space import Space
from tests.namespace.conftest import FakeEncoder, corpus

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
ray = pytest.importorskip("ray", reason="the ray extra is not installed")
pytest.importorskip("ray.data", reason="the ray extra is not installed")

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


@pytest.fixture(scope="module", autouse=True)
def two_cores():
    """One Ray for all tests but those that watch it start and stop."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


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
        n_actors=options.pop("n_actors", 2),
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


def test_the_rows_are_the_local_engines(tmp_path: Path, calm: Space) -> None:
    seen: list[tuple[int, int]] = []
    space = with_ray(tmp_path / "a", progress=lambda done, total: seen.append((done, total)))
    assert_same(space, calm)
    assert {total for _, total in seen} == {N_NAMES}
    done = [done for done, _ in seen]
    assert done == sorted(done)
    assert done[-1] == N_NAMES
    assert len(done) == 7
    assert space.provenance.differences(calm.provenance) == []


def test_an_actor_killed_halfway_loses_nothing(tmp_path: Path, calm: Space) -> None:
    mark = tmp_path / "killed"
    space = with_ray(tmp_path / "a", partial(DyingEncoder, mark))
    assert mark.exists()
    assert_same(space, calm)
