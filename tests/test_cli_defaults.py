"""Defaults of SPACE and --encoder, and a shell's completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from namebasis.cli.defaults import default_of, is_space, spaces_for
from namebasis.errors import NamebasisError
from namebasis.namespace.store.opening import NAMES
from namebasis.space import build_space
from tests.test_cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("defaults")
    for name, given in (("my", ["Anna", "Bert", "Vicki"]), ("other", ["Zoë", "Yuki", "Vicki"])):
        build_space(given, where / f"{name}.space", encoder="minilm", templates="plain")
    (where / "Bert").mkdir()
    return where


def names_of(done: object) -> set[str]:
    return {row["name"] for row in json.loads(done.stdout)[0]["names"]}  # type: ignore[attr-defined]


def test_a_space_may_be_left_out_where_the_environment_names_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMEBASIS_SPACE", "my.space")
    assert names_of(run("nearest", "Vicki", "--json", cwd=folder)) == {"Anna", "Bert"}
    assert names_of(run("nearest", "--json", "-k", "2", "Vicki", cwd=folder)) == {"Anna", "Bert"}
    assert "my.space holds 3 names" in run("info", cwd=folder).stderr
    # A space that is given wins.
    given = run("nearest", "other.space", "Vicki", "--json", cwd=folder)
    assert names_of(given) == {"Zoë", "Yuki"}
    written = run("export", "out.txt", cwd=folder)
    assert written.returncode == 0, written.stderr
    assert (folder / "out.txt").read_text(encoding="utf-8").split() == ["Anna", "Bert", "Vicki"]
    assert "Usage: namebasis nearest" in run("nearest", "--help", cwd=folder).stdout


def test_the_environment_wins_over_the_nearest_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    (folder / "namebasis.toml").write_text('space = "other.space"\n', encoding="utf-8")
    try:
        assert names_of(run("nearest", "Vicki", "--json", cwd=below)) == {"Zoë", "Yuki"}
        monkeypatch.setenv("NAMEBASIS_SPACE", str(folder / "my.space"))
        assert names_of(run("nearest", "Vicki", "--json", cwd=below)) == {"Anna", "Bert"}
        monkeypatch.delenv("NAMEBASIS_SPACE")
        (folder / "a" / "namebasis.toml").write_text('encoder = "hf:model"\n', encoding="utf-8")
        (folder / "a" / "model").mkdir()
        monkeypatch.chdir(below)
        encoder = default_of("encoder")
        assert encoder is not None
        assert encoder.value == f"hf:{folder / 'a' / 'model'}"  # counted from the file
        assert encoder.origin == str(folder / "a" / "namebasis.toml")
        assert default_of("space") is None  # the nearest file alone is read
    finally:
        (folder / "namebasis.toml").unlink()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nearest", "my.spce/x", "Vicki"), "my.spce/x is not there, but looks like a space"),
        (("nearest", "no.space", "Vicki"), "Give a space first: namebasis nearest my.space no"),
        (("nearest", "Bert"), "Bert is a folder, but no name space, so the default space my.space "
                              "(NAMEBASIS_SPACE) is not taken"),
    ],
)  # fmt: skip
def test_what_may_be_another_space_is_refused_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.setenv("NAMEBASIS_SPACE", "my.space")
    done = run(*words, cwd=folder)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    spelled = run("nearest", "my.space", "Bert", "--json", cwd=folder)  # as the message says
    assert names_of(spelled) == {"Anna", "Vicki"}


def test_commands_of_several_spaces_take_it_and_changes_say_where(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMEBASIS_SPACE", "my.space")
    done = run("merge", "other.space", "-o", "both.space", "--dry-run", cwd=folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "space my.space (NAMEBASIS_SPACE)")
    given = run("merge", "my.space", "other.space", "-o", "both.space", "--dry-run", cwd=folder)
    assert done.stderr.splitlines()[1:] == given.stderr.splitlines()
    done = run("remove", "Anna", "--dry-run", cwd=folder)
    assert done.stderr.splitlines()[0] == "space my.space (NAMEBASIS_SPACE)"
    assert "NAMEBASIS_SPACE" not in run("nearest", "Vicki", cwd=folder).stderr
    monkeypatch.setenv("NAMEBASIS_SPACE", "gone.space")
    done = run("explore", "--no-open", cwd=folder)
    assert (done.returncode, "gone.space" in done.stderr) == (1, True)


def test_without_a_default_a_space_is_asked_for(folder: Path) -> None:
    done = run("info", cwd=folder)
    assert done.returncode == 2
    assert "Missing argument 'SPACE'" in done.stderr


def test_the_encoder_of_build_follows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMEBASIS_ENCODER", "minlm")
    done = run("build", "new.space", "faker", cwd=folder)
    assert "unknown encoder 'minlm'. Did you mean minilm?" in done.stderr
    assert "encoder minlm (NAMEBASIS_ENCODER)" in done.stderr
    (folder / "n.txt").write_text("Anna\nBert\n", encoding="utf-8")
    done = run("build", "new.space", "n.txt", "--encoder", "minilm", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr


def test_doctor_says_what_is_in_force(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(run("doctor", "--json", cwd=folder).stdout)
    assert told["default space"].startswith("none")
    assert told["default encoder"].startswith("minilm")
    monkeypatch.setenv("NAMEBASIS_SPACE", "my.space")
    monkeypatch.setenv("NAMEBASIS_ENCODER", "organism")
    told = json.loads(run("doctor", "--json", cwd=folder).stdout)
    assert told["default space"] == "my.space (NAMEBASIS_SPACE)"
    assert told["default encoder"] == "organism (NAMEBASIS_ENCODER)"
    monkeypatch.setenv("NAMEBASIS_SPACE", "gone.space")
    told = json.loads(run("doctor", "--json", cwd=folder).stdout)
    assert told["default space"] == "gone.space (NAMEBASIS_SPACE); there is no such space"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spaec = 'a'", "unknown key 'spaec'; there are space and encoder. Did you mean 'space'?"),
        ("space = 3", "space must be a text in quotes, not empty; got 3"),
        ("space = ", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_file_that_says_nothing_sensible_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    (tmp_path / "namebasis.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NamebasisError, match=r"namebasis\.toml") as refused:
        default_of("space")
    assert message in str(refused.value)


def test_a_space_is_known_by_its_data_set(folder: Path) -> None:
    assert (folder / "my.space" / NAMES).is_dir()
    assert is_space(folder / "my.space")
    assert not is_space(folder / "Bert")
    assert not is_space("a\0b")
    assert spaces_for(f"{folder}/m") == [f"{folder}/my.space"]
    assert spaces_for("/nowhere/at/all") == []


def complete(folder: Path, line: str, shell: str = "bash") -> str:
    words = line.split(" ")
    own = dict(os.environ, _NAMEBASIS_COMPLETE=f"complete_{shell}", COMP_WORDS=line,
               COMP_CWORD=str(len(words) - 1), _TYPER_COMPLETE_ARGS=line,
               _TYPER_COMPLETE_FISH_ACTION="get-args")  # fmt: skip
    program = "import sys; sys.argv = ['namebasis']; from namebasis.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=own, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_shell_completes_commands_options_and_spaces(folder: Path) -> None:
    assert complete(folder, "namebasis near").split() == ["nearest"]
    assert complete(folder, "namebasis nearest my.space Vicki --far").split() == ["--farthest"]
    assert complete(folder, "namebasis info m").split() == ["my.space"]
    assert complete(folder, "namebasis validate gen", "fish").startswith("generate")
    assert "nearest" in complete(folder, "namebasis near", "zsh")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_and_shown(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: shell)
    monkeypatch.setenv("HOME", str(tmp_path))
    shown = run("--show-completion", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "_NAMEBASIS_COMPLETE" in shown.stdout
    done = run("--install-completion", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{shell} completion installed" in done.stdout
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("_NAMEBASIS_COMPLETE" in path.read_text(encoding="utf-8") for path in written)
