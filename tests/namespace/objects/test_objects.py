"""Spaces in object storage: what can be done there, and what is refused."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import NamebasisError, ReplacedError, SpaceError
from namebasis.namespace.actors import crew
from namebasis.namespace.actors.crew import crew_of
from namebasis.namespace.building import ray_engine, rewriting
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.removing import drop, remove, rename
from namebasis.namespace.computed import makers
from namebasis.namespace.computed.making import compute_views
from namebasis.namespace.objects.refusals import refusal
from namebasis.namespace.objects.urls import folder_of, remote_of, url_of
from namebasis.space import Space, open_space
from tests.namespace.computed.test_computed_views import DIMS, FakeMaker, open_fake
from tests.namespace.conftest import FakeEncoder, corpus
from tests.namespace.objects.conftest import SECRET, Line, Meanwhile, add, check_rows, put_space


@pytest.mark.long
def test_a_space_lies_there_and_its_caches_here(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/people/whole.space"
    there = build_space(corpus(), url, encoder=FakeEncoder())  # type: ignore[arg-type]
    here = build_space(corpus(), tmp_path / "whole.space", encoder=FakeEncoder())  # type: ignore[arg-type]
    assert repr(there).startswith(f"Space('{url}': 60 names")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))  # another machine
    assert add(open_space(url), "Late", "Later").find("Later") == 61
    grown = add(here, "Late", "Later")
    table = grown.table(["id"])
    metric = table.append_column("x", pa.array(np.arange(62.0)))
    for space in (open_space(url), grown):
        space.add_metrics(metric, study="s", parameters={})

    again = open_space(Path(url))
    # A machine that only adds makes no index, and leaves the counts as it does elsewhere.
    assert not list((tmp_path / "elsewhere").rglob("*.faiss"))
    assert not again._store.shared.are_stored
    check_rows(again, 62)
    for target in ("Late", "Vicki"):
        one, other = (s.nearest(target, 5, where="x > 3") for s in (again, open_space(here.path)))
        assert one.names == other.names
        np.testing.assert_allclose(one.similarities, other.similarities, atol=1e-6)
    np.testing.assert_array_equal(again.vectors("token"), grown.vectors("token"))

    cached = [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]
    assert again.path in {path.parent.parent for path in cached if path.suffix == ".faiss"}
    assert not any(path.suffix == ".lance" for path in cached)
    assert not any(SECRET.encode() in path.read_bytes() for path in cached)


@pytest.mark.long
def test_the_second_of_two_writers_is_refused(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/two.space"
    build_space(corpus(), url, encoder=FakeEncoder())  # type: ignore[arg-type]

    def other_machine() -> None:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            check_rows(add(open_space(url), "First"), 61)

    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        add(open_space(url), "Second", "Third", encoder=Meanwhile(other_machine))
    check_rows(open_space(url), 61)
    check_rows(add(open_space(url), "Second", "Third"), 63)


@pytest.mark.long
def test_views_are_computed_and_columns_dropped_there(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for view in DIMS:
        monkeypatch.setitem(makers.OPENED_BY, view, f"{open_fake.__module__}:open_fake")
    url = "s3://bucket/views.space"
    both = []
    for path in (url, str(tmp_path / "views.space")):
        build_space(corpus(20), path, encoder=FakeEncoder())  # type: ignore[arg-type]
        compute_views(open_space(path), FakeMaker())
        add(open_space(path), "Late")
        grown = compute_views(open_space(path), FakeMaker())  # of the one that lacked it
        names = grown.table(["id"]).append_column("x", grown.table(["id"])["id"])
        grown.add_metrics(names, study="s", parameters={})
        rename(open_space(path), "x", "y")
        drop(open_space(path), ["conditioning_last"])
        both.append(open_space(path))
    there, here = both
    check_rows(there, 21)
    assert there.views == here.views == ("text", "token", "conditioning")
    assert "y" in there.columns
    np.testing.assert_array_equal(there.vectors("conditioning"), here.vectors("conditioning"))

    class Slow(FakeMaker):
        def of_texts(self, texts: object) -> object:  # type: ignore[override]
            if open_space(url).find("Between") is None:
                with monkeypatch.context() as patch:
                    patch.setenv("XDG_CACHE_HOME", str(tmp_path))  # another machine
                    add(open_space(url), "Between")
            return super().of_texts(texts)  # type: ignore[arg-type]

    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        compute_views(there, Slow("other"), rebuild=True)
    assert there.vectors("conditioning").shape[0] == 21  # a reader keeps its version
    after = open_space(url)
    check_rows(after, 22)
    assert after.vectors("text").shape[0] == 22


@pytest.mark.long
def test_names_are_removed_there(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/removed.space"
    both = []
    for path in (url, str(tmp_path / "removed.space")):
        space = build_space(corpus(20), path, encoder=FakeEncoder())  # type: ignore[arg-type]
        table = space.table(["id", "name"])
        space.add_metrics(
            table.select(["id"]).append_column("x", table["id"]), study="s", parameters={}
        )
        told = remove(open_space(path), table["name"].to_pylist()[3:6])
        stays = "there until" if path == url else "on disk until"
        then = ", and until the first write a day after that" if path == url else ""
        assert told.remarks[-1].endswith(f"{stays} namebasis undo {path} --forget{then}")
        assert told.to_dict()["space"] == path
        both.append(add(open_space(path), "Late"))
    there, here = both
    check_rows(there, 18)
    for column in ("name", "x", "n_tokens", "text"):
        assert there.table([column]).equals(here.table([column])), column
    one, other = (space.nearest("Late", 5, where="x > 3") for space in both)
    assert one.names == other.names

    def other_machine(*_: object) -> None:
        with monkeypatch.context() as patch:
            patch.undo()
            patch.setenv("XDG_CACHE_HOME", str(tmp_path))
            add(open_space(url), "Between")

    written = rewriting.overwrite_remote

    def late_write(*given: object) -> object:
        other_machine()
        return written(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(rewriting, "overwrite_remote", late_write)
        with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
            remove(open_space(url), ["Late"])
    check_rows(open_space(url), 19)  # the name that was added in between is not lost
    assert len(there) == 18
    np.testing.assert_array_equal(there.vectors("text"), here.vectors("text"))


def test_a_build_that_was_stopped_goes_on_elsewhere(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from namebasis.namespace.building import build

    url = "s3://bucket/stopped.space"
    monkeypatch.setattr(build, "CHUNK", 20)

    class Stops(FakeEncoder):
        def encode_names(self, names: object, *args: object, **options: object) -> object:  # type: ignore[override]
            self.n_done = getattr(self, "n_done", 0) + 1
            if self.n_done > 8:
                raise KeyboardInterrupt
            return super().encode_names(names, *args, **options)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        build_space(corpus(), url, encoder=Stops())  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match=f"^{url}: its build stopped after 40 of 60 names"):
        open_space(url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    check_rows(build_space(corpus(), url, encoder=FakeEncoder()), 60)  # type: ignore[arg-type]


@pytest.mark.long
def test_a_line_that_is_cut(line: Line) -> None:
    url = "s3://bucket/cut.space"
    build_space(corpus(), url, encoder=FakeEncoder())  # type: ignore[arg-type]
    space = open_space(url)
    expected = space.nearest("Vicki", 5).names
    line.n_cut, line.to_cut = 0, 1  # one answer ends in its middle
    assert open_space(url).nearest("Vicki", 5).names == expected
    assert line.n_cut == 1

    def cut() -> None:
        line.is_down = True

    with pytest.raises(SpaceError, match=f"^{url}: cannot be reached"):
        add(space, "Late", encoder=Meanwhile(cut))
    with pytest.raises(SpaceError, match=f"^{url}: cannot be reached"):
        open_space(url)
    line.is_down = False
    check_rows(open_space(url), 60)

    def fail() -> None:
        raise RuntimeError("CUDA out of memory")

    with pytest.raises(RuntimeError, match=r"^CUDA out of memory$"):  # no fault of the storage
        add(open_space(url), "Late", encoder=Meanwhile(fail))
    check_rows(add(open_space(url), "Late"), 61)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket/a/my.space/", "s3://bucket/a/my.space"),
        ("gs:/b/x", "gs://b/x"),
        ("az://c/ü x", "az://c/ü x"),
        ("s3a://b/x", None),
        ("a/s3://b/x", None),
    ],
)
def test_addresses(text: str, url: str | None) -> None:
    assert url_of(text) == url
    if url is not None:
        folder = folder_of(url)
        assert remote_of(folder) == url
        assert f"{folder}" == url != str(folder)
        assert remote_of(folder / "names.lance") is None
        assert f"{folder / 'names.lance'}" == f"{url}/names.lance"
        index = folder / "indices" / "text.faiss"  # which lies on this machine
        assert f"{index}" == str(index)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://bucket", "give a bucket and a name"),
        ("s3:///x", "give a bucket and a name"),
        ("s3://b/../x", "empty or dotted parts"),
        ("s3://b/a//x", "empty or dotted parts"),
        ("s3://key:hush@b/x", "takes no user, password"),
        ("az://c/x?sig=hush", "takes no user, password"),
        ("s3://b/" + "x" * 240, "longer than 240 bytes"),
    ],
)
def test_addresses_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message) as refused:
        url_of(text)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("Generic S3 error: … 404 Not Found: <Code>NoSuchBucket</Code>", "there is no such bucket"),
        ("Failed to get AWS credentials: ProviderError", "no credentials are found"),
        ("no storage account configured", "no credentials are found.*AZURE_STORAGE"),
        ("status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code>", "access is denied"),
        ("HTTP error: error sending request", "cannot be reached"),
        ("Incompatible transaction: This UpdateConfig", "another process wrote to it.*was first"),
        ("GET https://a.net/x?sig=hush odd", "refuses (GET … odd)"),
    ],
)
def test_what_storage_refuses(engine: str, message: str) -> None:
    url = "az://c/x" if "storage account" in engine else "s3://b/x"
    told = refusal(ValueError(engine), url)
    assert isinstance(told, NamebasisError)
    assert str(told).startswith(f"{url}: ")
    assert "hush" not in str(told)
    parts = message.split(".*")
    assert all(part in str(told) for part in parts)


def count_names(space: Space, block: int, advance: Callable[[int], None]) -> tuple[int, list[str]]:
    return len(space), space.nearest("King", block).names


@pytest.mark.long
def test_actors_open_the_address_by_their_own_credentials(
    line: Line, built: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/crew.space"
    put_space(line, built[0], url)
    sent: list[bytes] = []

    class Actors:
        """In Ray's place: each block is done by a copy of what is pickled, as elsewhere."""

        def __init__(self, _ray: object, make: Any, *_: object) -> None:
            sent.append(pickle.dumps(make))
            self.make = make

        def map(self, parcels: list[Any], _said: object) -> Iterator[tuple[int, Any]]:
            with monkeypatch.context() as patch:
                patch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
                member = copy.deepcopy(self.make)()
                for at, parcel in enumerate(parcels):
                    yield at, member(parcel)

        def close(self) -> None:
            """Nothing runs."""

    ray = SimpleNamespace(put=lambda job: job, get=lambda job: job)
    monkeypatch.setattr(crew, "connected", lambda _: nullcontext(ray))
    monkeypatch.setattr(crew, "share", lambda *_: (1, {}))
    monkeypatch.setattr(crew, "Pool", Actors)
    monkeypatch.setitem(sys.modules, "ray", ray)
    here = open_space(built[0])
    with crew_of(open_space(url), "ray") as members:
        found = members.map(count_names, [2, 3])
        assert found == [(60, here.nearest("King", k).names) for k in (2, 3)]
        assert SECRET.encode() not in sent[0]
        assert str(members.space.path).encode() not in sent[0]  # a folder of this machine
        line.is_down = True
        with pytest.raises(
            SpaceError, match=f"^{url}: the space cannot be opened on .*Credentials"
        ):
            members.map(count_names, [2])
        line.is_down = False


@pytest.mark.long
def test_a_build_by_actors_is_that_of_one_process(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/by actors.space"
    beside = "s3://bucket/beside actors.space"

    def written(_ray: object, task: Any, names: pa.Table, first: int, *_: Any) -> Iterator[Any]:
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
            assert SECRET.encode() not in pickle.dumps(task)
            work = ray_engine._Writer(copy.deepcopy(task))
            parts = [(at, names.slice(at, 7)) for at in range(0, len(names), 7)]
            for at, chunk in reversed(parts):
                yield first + at, len(chunk), work((first + at, chunk))
            if "beside" in task.uri:  # another machine goes on with the same build
                build_space(corpus(20), beside, encoder=FakeEncoder())  # type: ignore[arg-type]

    monkeypatch.setattr(ray_engine, "connected", lambda _: nullcontext(None))
    monkeypatch.setattr(ray_engine, "_written", written)

    def by_actors(path: object) -> Any:
        return build_space(
            corpus(20), path, encoder=FakeEncoder(), engine="ray", encoder_factory=FakeEncoder  # type: ignore[arg-type]
        )  # fmt: skip

    there = by_actors(url)
    here = build_space(corpus(20), tmp_path / "here.space", encoder=FakeEncoder())  # type: ignore[arg-type]
    check_rows(there, 20)
    assert there.table().equals(here.table())
    np.testing.assert_array_equal(there.vectors("text"), here.vectors("text"))
    with pytest.raises(ReplacedError, match="another process wrote to it at the same time"):
        by_actors(beside)
    check_rows(open_space(beside), 20)
