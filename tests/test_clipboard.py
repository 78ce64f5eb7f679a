"""Text on the clipboard, by commands that stand in for the platform's, and by the terminal."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import pytest

from namebasis.cli.clipboard import to_clipboard

TEXT = "a photo of (Zoë:1.2), (Łucja:0.8)"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in by shell scripts")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "SSH_TTY", "SSH_CONNECTION", "WAYLAND_DISPLAY", "DISPLAY", "WSL_DISTRO_NAME",
        "TERMUX_VERSION",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.stderr", io.StringIO())
    return tmp_path


def stand_in(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("platform", "variable", "command", "encoding"),
    [
        ("darwin", "", "pbcopy", "utf-8"),
        ("win32", "", "clip", "utf-16"),
        ("linux", "WAYLAND_DISPLAY", "wl-copy", "utf-8"),
        ("linux", "DISPLAY", "xclip", "utf-8"),
        ("linux", "DISPLAY", "xsel", "utf-8"),
        ("linux", "WSL_DISTRO_NAME", "clip.exe", "utf-16"),
    ],
)
def test_the_platforms_command_gets_the_text(
    platform: str, variable: str, command: str, encoding: str, bin_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    stand_in(bin_folder, command, f"/bin/cat > {bin_folder}/got; /bin/sleep 30 &")
    monkeypatch.setattr("sys.platform", platform)
    # What is looked up by its name alone would else get the endings of Windows.
    monkeypatch.setattr("shutil.which", lambda name: name if (bin_folder / name).exists() else None)
    if variable:
        monkeypatch.setenv(variable, ":0")
    assert to_clipboard(TEXT) == f"copied to the clipboard ({command})"
    assert (bin_folder / "got").read_bytes().decode(encoding) == TEXT


def test_over_ssh_the_terminal_copies(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(bin_folder, "xclip", "exit 0")
    monkeypatch.setenv("DISPLAY", "localhost:10.0")
    monkeypatch.setenv("SSH_TTY", "/dev/pts/0")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert to_clipboard(TEXT) == "copied by the terminal (OSC 52), if it lets programs copy"
    head, _, data = terminal.getvalue().rpartition(";")
    assert (head, data[-1]) == ("\x1b]52;c", "\x07")
    assert base64.b64decode(data[:-1]).decode() == TEXT


def test_a_command_that_fails_is_not_believed(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(bin_folder, "xclip", "exit 1")
    monkeypatch.setenv("DISPLAY", ":9")
    assert to_clipboard(TEXT) == "not copied: xclip cannot reach a clipboard here"
    stand_in(bin_folder, "xsel", f"/bin/cat > {bin_folder}/got")
    assert to_clipboard(TEXT) == "copied to the clipboard (xsel)"


def test_without_any_the_reason_is_said_in_a_line(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert to_clipboard(TEXT).startswith("not copied: no clipboard here; install wl-clipboard")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert to_clipboard(TEXT).startswith("not copied")
    monkeypatch.setenv("TERM", "xterm")
    assert to_clipboard("x" * 80_000).startswith("not copied")
    assert terminal.getvalue() == ""
