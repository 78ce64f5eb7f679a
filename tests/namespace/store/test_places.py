"""Paths of spaces: absolute once, files to Lance whatever they hold, never a URI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from namebasis.errors import SpaceError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.store.places import for_lance, place_of
from namebasis.space import open_space
from tests.namespace.conftest import FakeEncoder, corpus
from tests.test_cli import run

HARD = [
    "a:b", "run:1.space", "file:y", "memory:x", "s3:z", "http:", "12:30", "x~", "~nobody-here",
    "100%", "a%20b", "a%2Fb", "q?x", "c#1", "a\nb", "a\tb", "\x7f", "back\\slash", " lead",
    "trail ",
    "br[1]", "st*r", "'q'", '"d"', "ü", "u\u0308", "\u202ex", "...", "\udcff\udcfe", "a\udcffb",
]  # fmt: skip


def use(path: str | Path, there: Path, encoder: FakeEncoder) -> None:
    """Build, add, measure and ask at `path`, which must be the folder `there`."""
    space = build_space(corpus(), path, encoder=encoder)  # type: ignore[arg-type]
    assert space.path == there
    assert (there / "names.lance" / "_versions").is_dir()
    grown = add_names(open_space(path), make_names([{"name": "Late", "part": "given"}]),
                      encoder=encoder)  # type: ignore[arg-type]  # fmt: skip
    assert len(unspell(grown)) == 61
    again = open_space(path)
    assert again.nearest(again.vectors(ids=[60])[0], 1).names == ("Late",)
    assert again.views == ("text", "token", "unspelled")


@pytest.mark.long
@pytest.mark.parametrize("name", HARD, ids=ascii)
def test_any_name_of_a_folder_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: FakeEncoder, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    use(name, tmp_path / name, encoder)
    assert os.listdir(tmp_path) == [name]
    replaced = build_space(corpus(30), name, encoder=encoder, overwrite=True)  # type: ignore[arg-type]
    assert len(replaced) == 30
    assert os.listdir(tmp_path) == [name]


def test_home_is_where_the_tilde_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: FakeEncoder
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(home))
    use("~/my.space", home / "my.space", encoder)
    use(Path("~/other.space"), home / "other.space", encoder)
    assert not any((tmp_path / "here").iterdir())


def test_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: FakeEncoder
) -> None:
    (tmp_path / "b.space").mkdir()
    monkeypatch.chdir(tmp_path / "b.space")
    use(".", tmp_path / "b.space", encoder)
    assert len(open_space(Path())) == 61
    (tmp_path / "b.space" / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "b.space" / "deeper")
    assert open_space("..").path == tmp_path / "b.space"
    with pytest.raises(SpaceError, match=r"^/: not a name space, it holds no names\.lance"):
        open_space("/")


def test_a_path_stays_where_it_was_when_one_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: FakeEncoder
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        build_space(corpus(), "my.space", encoder=FakeEncoder(salt=name))  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path / "one")
    space = open_space("my.space")
    (tmp_path / "three").mkdir()
    for elsewhere in ("two", "three"):
        monkeypatch.chdir(tmp_path / elsewhere)
        table = space.table(["id"])
        space.add_metrics(table.append_column("x", table["id"]), study="s", parameters={})
        assert space.nearest("Vicki", 3).names
    assert "x" in open_space(tmp_path / "one" / "my.space").columns
    assert "x" not in open_space(tmp_path / "two" / "my.space").columns
    assert not any((tmp_path / "three").iterdir())


@pytest.mark.parametrize(
    "uri",
    ["s3a://bucket/x.space", "file:///tmp/x", "memory://x", "http://h/x"],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_uri_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: FakeEncoder, uri: str, kind: type
) -> None:
    monkeypatch.chdir(tmp_path)
    given = kind(uri)
    for use_it in (
        lambda: build_space(corpus(), given, encoder=encoder),  # type: ignore[arg-type]
        lambda: open_space(given),
    ):
        with pytest.raises(
            SpaceError, match=r"a disk of this machine, or lies in object storage at s3://"
        ):
            use_it()
    assert not any(tmp_path.iterdir())
    assert encoder.calls == 0


@pytest.mark.parametrize("given", ["s3:", "gs:/", "az://"])
def test_an_address_without_a_bucket_is_refused(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpaceError, match=rf"{given[:3]}// names no bucket\. Give one, such as"):
        place_of(given)
    (tmp_path / given[:3]).mkdir()  # a folder may be called so
    assert place_of(given[:3]) == tmp_path / given[:3]


def test_the_command_line_refuses_a_uri_in_one_line(tmp_path: Path) -> None:
    done = run("build", "http://h/x.space", "nowhere.txt", "--encoder", "no:such", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: http://h/x.space: a name space is a folder on a disk")
    assert len(done.stderr.splitlines()) <= 2
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("path", "message"), [("", "is empty"), ("a\0b", "holds a NUL byte")])
def test_what_can_be_no_path(path: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        place_of(path)


def test_a_link_for_lance_goes_with_the_process(tmp_path: Path) -> None:
    plain = tmp_path / "a:b" / "names.lance"
    assert for_lance(plain) == str(plain)
    odd = tmp_path / "a\nb" / "names.lance"
    odd.mkdir(parents=True)
    spelled = for_lance(odd)
    assert "\n" not in spelled
    assert os.path.samefile(spelled, odd)
    assert for_lance(odd) == spelled
