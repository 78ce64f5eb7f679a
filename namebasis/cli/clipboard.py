"""Text on the clipboard, by what the platform has; where there is none, that is said."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from namebasis.cli.output import command_terminal

_PATIENCE = 5.0
"""Seconds that a clipboard's command gets: one without a display may wait for ever."""
_MOST_OSC52 = 74_994
"""Bytes that terminals take at most by OSC 52."""


def to_clipboard(text: str) -> str:
    """Copy a text, and say in a line where it went or why it did not; never an error.

    Over ssh the clipboard is that of the terminal, which takes the text by the escape sequence
    OSC 52; else one of the platform's commands is asked, and the terminal where there is none.
    """
    if _is_remote() and _by_terminal(text):
        return "copied by the terminal (OSC 52), if it lets programs copy"
    tried = []
    for command, encoding in _commands():
        if shutil.which(command[0]) is None:
            continue
        if _by_command(command, text.encode(encoding)):
            return f"copied to the clipboard ({command[0]})"
        tried.append(command[0])
    if _by_terminal(text):
        return "copied by the terminal (OSC 52), if it lets programs copy"
    if tried:
        return f"not copied: {', '.join(tried)} cannot reach a clipboard here"
    return "not copied: no clipboard here; install wl-clipboard, xclip or xsel, or use a terminal"


def _is_remote() -> bool:
    return bool(os.environ.get("SSH_TTY") or os.environ.get("SSH_CONNECTION"))


def _commands() -> Iterator[tuple[list[str], str]]:
    """Commands that read a text from stdin, and the encoding that they take."""
    if sys.platform == "darwin":
        yield ["pbcopy"], "utf-8"
        return
    if sys.platform == "win32":
        yield ["clip"], "utf-16"
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        yield ["wl-copy"], "utf-8"
    if os.environ.get("DISPLAY"):
        yield ["xclip", "-selection", "clipboard"], "utf-8"
        yield ["xsel", "--clipboard", "--input"], "utf-8"
    if os.environ.get("WSL_DISTRO_NAME"):
        yield ["clip.exe"], "utf-16"
    if os.environ.get("TERMUX_VERSION"):
        yield ["termux-clipboard-set"], "utf-8"


def _by_command(command: list[str], data: bytes) -> bool:
    """Whether a command took the text."""
    try:
        # xclip and wl-copy stay behind to serve the text: a pipe would be waited for.
        done = subprocess.run(
            command, input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _by_terminal(text: str) -> bool:
    """Whether the text was sent to a terminal as OSC 52; what it does with it is not told."""
    data = base64.b64encode(text.encode())
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb", "linux"):
        return False
    if len(data) > _MOST_OSC52:
        return False
    command_terminal(f"52;c;{data.decode()}")
    return True
