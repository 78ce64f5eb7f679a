"""A result that has no place is refused before the work, in every command that writes one."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import namebasis
from namebasis.cli import make_app
from tests.test_cli import run

FILES: dict[tuple[str, str], tuple[str, ...]] = {
    ("identity", "figure"): ("identity", "s.space", "Vicki Winona", "--figure", "OUT.png"),
    ("paint", "workflow"): ("paint", "s.space", "Vicki", "--workflow", "OUT.json"),
    ("nearest", "html"): ("nearest", "s.space", "Vicki", "--pictures", "--html", "OUT.html"),
    ("diversity", "html"): ("diversity", "s.space", "--html", "OUT.html"),
    ("diversity", "figure"): ("diversity", "s.space", "--figure", "OUT.png"),
    ("condition", "html"): ("condition", "s.space", "--html", "OUT.html"),
    ("card", "html"): ("card", "s.space", "Vicki", "--html", "OUT.html"),
    ("describe", "html"): ("describe", "s.space", "Vicki", "--html", "OUT.html"),
    ("walk", "save"): ("walk", "s.space", "--save", "OUT.safetensors"),
    ("walk", "save_pieces"): ("walk", "s.space", "--save-pieces", "OUT.safetensors"),
    ("celeb fit", "file"): ("celeb", "fit", "s.space", "OUT.safetensors"),
    ("celeb compose", "export"): (
        "celeb", "compose", "s.space", "--from", "Vicki", "--export", "OUT.safetensors",
    ),
    ("celeb compose", "strip"): (
        "celeb", "compose", "s.space", "--from", "Vicki", "--pipeline", "organism", "--strip",
        "OUT.png",
    ),
    ("celeb morph", "strip"): (
        "celeb", "morph", "s.space", "Vicki", "Winona", "--pipeline", "organism", "--strip",
        "OUT.png",
    ),
    ("celeb invert", "export"): (
        "celeb", "invert", "s.space", "n.csv", "--export", "OUT.safetensors",
    ),
    ("score", "html"): ("score", "s.space", "--records", "locales", "--html", "OUT.html"),
    ("score", "figure"): ("score", "s.space", "--records", "locales", "--figure", "OUT.png"),
    ("recognise", "html"): ("recognise", "s.space", "images", "--html", "OUT.html"),
    ("recognise", "figure"): ("recognise", "s.space", "images", "--figure", "OUT.png"),
    ("select", "html"): ("select", "s.space", "-n", "1", "--html", "OUT.html"),
    ("topology", "html"): ("topology", "s.space", "--html", "OUT.html"),
    ("formation", "html"): ("formation", "run", "--html", "OUT.html"),
    ("count", "output"): ("count", "c.txt", "n.csv", "-o", "OUT.csv"),
    ("trace", "html"): ("trace", "run", "Vicki", "--html", "OUT.html"),
    ("weights", "html"): ("weights", "run", "Vicki Stone", "--html", "OUT.html"),
    ("export", "path"): ("export", "s.space", "OUT.csv"),
    ("organism sheet", "path"): ("organism", "sheet", "OUT.png"),
    ("validate report", "html"): ("validate", "report", "s.space", "images", "--html", "OUT.html"),
    ("validate rigidity", "html"): ("validate", "rigidity", "s.space", "--html", "OUT.html"),
    ("validate train-probe", "file"): (
        "validate", "train-probe", "OUT.safetensors", "--axis", "age", "--encoder", "minilm",
        "--folder", "probe", "--pipeline", "organism",
    ),
}  # fmt: skip
FOLDERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("topology", "figures"): ("topology", "s.space", "--figures", "OUT"),
    ("export", "datasets"): ("export", "s.space", "OUT", "--format", "datasets"),
    ("formation", "cache"): ("formation", "run", "--cache", "OUT"),
    ("weights", "save"): ("weights", "run", "A B", "--knock-out", "--save", "OUT"),
    ("celeb morph", "export"): (
        "celeb", "morph", "s.space", "Vicki", "Winona", "--export", "OUT",
    ),
    ("build", "space"): ("build", "OUT", "n.csv"),
    ("audit", "output"): ("audit", "minilm", "-o", "OUT"),
    ("demo", "space"): ("demo", "--space", "OUT"),
    ("organism train", "run"): ("organism", "train", "OUT", "--tiny"),
    ("organism painter", "folder"): ("organism", "painter", "run", "OUT"),
    ("organism pack", "folder"): ("organism", "pack", "run", "OUT"),
    ("organism pack-painter", "folder"): ("organism", "pack-painter", "run", "OUT"),
    ("validate generate", "folder"): (
        "validate", "generate", "s.space", "OUT", "Vicki", "--pipeline", "organism",
    ),
    ("validate train-probe", "folder"): (
        "validate", "train-probe", "p.safetensors", "--axis", "age", "--encoder", "minilm",
        "--folder", "OUT", "--pipeline", "organism",
    ),
}  # fmt: skip
WRITES = [
    ("add", "s.space", "n.csv"),
    ("add", "s.space", "--images", "images"),
    ("anchors", "s.space", "--write"),
    ("score", "s.space", "--write"),
    ("select", "s.space", "-n", "1", "--write"),
    ("topology", "s.space", "--write"),
    ("unspell", "s.space"),
    ("condition", "s.space"),
    ("denoise", "s.space", "--pipeline", "organism"),
    ("validate", "report", "s.space", "images", "--write"),
    ("validate", "rigidity", "s.space", "--write"),
]
READ = {
    ("card", "map_page"), ("list", "folder"), ("audit", "names"), ("count", "names"),
    ("merge", "path"),  # after it has read both spaces; test_housekeeping holds its refusals
    "space", "spaces", "basis_file", "image", "images", "vector", "components", "files", "truth",
    "counts", "contexts", "thresholds", "other", "painter", "phrases",
    ("validate report", "folder"),
    ("organism painter", "run"), ("organism pack", "run"), ("identity", "file"),
    ("identity", "parts"), ("rigidity", "file"), ("select", "deny_file"), "photos", "unknown",
}  # fmt: skip
"""Paths of what is read: a parameter of this name, or one of a command."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("outputs")
    (where / "n.csv").write_text("name,gender,locales\nVicki,F,is_IS\nWinona,F,en_US\n")
    done = run("build", "s.space", "n.csv", "--templates", "plain", "-q", cwd=where)
    assert done.returncode == 0, done.stderr
    return where


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the space, in a process in which no model can be loaded."""
    copy = Path(shutil.copytree(made, tmp_path / "user"))

    # What is loaded while a function is replaced would keep the other one for all later tests.
    for package in (namebasis.studies, namebasis.formation, namebasis.validation):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    for what in (
        "encoders.registry.load_encoder", "namespace.space.StoredSpace.encoder",
        "validation.pictures.pipelines.load_pipeline", "formation.study.formation",
        "formation.tracing.trace", "formation.weight_identity.study.identity_in_weights",
        "organism.training.train", "namespace.building.build.build_space",
    ):  # fmt: skip
        monkeypatch.setattr(f"namebasis.{what}", refuse)
    return copy


def refused(words: tuple[str, ...], path: str, place: Path) -> str:
    """The one line in which a command refuses the place of its result."""
    before = sorted(os.listdir(place))
    if "pack-painter" in words:
        pytest.importorskip("diffusers", reason="the painter needs diffusers")
    asked = tuple(word.replace("OUT", path) for word in words)
    done = run(*asked, cwd=place)
    assert done.returncode == 1, done.stderr + done.stdout
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert sorted(os.listdir(place)) == before
    return done.stderr


def name_of(one: object) -> str | None:
    return " ".join(one) if isinstance(one, tuple) else None


@pytest.mark.parametrize("words", FILES.values(), ids=name_of)
def test_a_file_without_a_place_is_refused_before_the_work(
    words: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next(word for word in words if "OUT" in word)
    assert "there is no folder none. Make it." in refused(words, "none/x", place)
    (place / file).mkdir()
    assert f"{file}: there is a folder of that name" in refused(words, "OUT", place)
    (place / file).rmdir()
    (place / file).write_text("mine")
    said = refused(words, "OUT", place)
    assert f"{file} already exists; choose another path, or overwrite it (--overwrite)." in said
    assert (place / file).read_text() == "mine"
    (place / file).unlink()
    (place / file).symlink_to("none/x")
    assert "there is no folder" in refused((*words, "--overwrite"), "OUT", place)
    (place / file).unlink()
    (place / file).symlink_to(file)
    assert "a link that leads to itself" in refused(words, "OUT", place)
    (place / file).unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(place / file)
        assert "is not a plain file" in refused((*words, "--overwrite"), "OUT", place)
    (place / "locked").mkdir()
    lock(monkeypatch, "locked")
    assert "the folder locked may not be written to" in refused(words, "locked/x", place)


@pytest.mark.parametrize("words", FOLDERS.values(), ids=name_of)
def test_a_folder_without_a_place_is_refused_before_the_work(
    words: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "taken").write_text("mine")
    said = refused(words, "taken", place)
    taken = ("file where a folder is to be", "is a file; a space needs a folder")
    assert any(words in said for words in taken), said
    said = refused(words, "taken/x", place)
    assert "file where a folder is to be" in said or "no folder taken" in said, said
    (place / "locked").mkdir()
    lock(monkeypatch, "locked")
    assert "locked may not be written to" in refused(words, "locked/x", place)


@pytest.mark.parametrize("words", WRITES, ids=name_of)
def test_a_space_that_may_not_be_written_to_is_refused_before_the_work(
    words: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(monkeypatch, "s.space")
    assert "s.space may not be written to" in refused(words, "", place)


def lock(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Take the right to write to a folder away, from root too."""
    allowed = os.access

    def access(path: Any, mode: int, **options: Any) -> bool:
        return not (mode & os.W_OK and Path(path).name == name) and allowed(path, mode, **options)

    monkeypatch.setattr(os, "access", access)


def test_one_file_is_not_taken_for_two_results(place: Path) -> None:
    words = ("walk", "s.space", "--save", "a", "--save-pieces", "./a")
    assert "a is given for two results" in refused(words, "", place)


def test_the_demo_replaces_no_folder(place: Path) -> None:
    (place / "d-report" / "topology.html").mkdir(parents=True)
    (place / "d-report" / ".namebasis-demo").touch()
    assert "topology.html is not as the demo wrote it. Move it" in refused(
        ("demo", "--space", "d.space"), "", place
    )


def test_every_path_of_every_command_is_known_as_read_or_written() -> None:
    app = make_app()
    commands = {str(one.name): one.callback for one in app.registered_commands}
    for group in app.registered_groups:
        inside = group.typer_instance.registered_commands if group.typer_instance else []
        commands |= {f"{group.name} {one.name}": one.callback for one in inside}
    paths = {
        (command, name)
        for command, callback in commands.items()
        for name, kind in get_type_hints(callback).items()
        if "Path" in str(kind) or name == "path"
    }
    assert len(paths) > 30
    written = {*FILES, *FOLDERS}
    assert {one for one in paths - written if not READ & {one, one[1]}} == set()
    assert written - paths == {("export", "datasets")}
