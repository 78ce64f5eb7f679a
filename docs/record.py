"""Run the shell and Python of documents and write their real output beneath: `make docs`.

A block of text that follows a block of code directly is the code's output; it is replaced by what
the code prints now. All blocks of a document run in order, in one empty folder.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENTS = [HERE.parent / "README.md", *sorted(HERE.glob("tutorial-*.md"))]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BAR = re.compile(r"[━╸╺]{5}.*\d:\d\d")
_WIDTH = 100


def recorded(document: Path) -> str:
    """The text of a document with the outputs of now."""
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):

        def run(found: re.Match[str]) -> str:
            language, code, before = found.groups()
            is_ours = language == "python" or code.startswith("namebasis ")
            if not is_ours or (before is None and document.name == "README.md"):
                return found[0]
            out = _python(code, names) if language == "python" else _shell(code)
            shown = f"\n```text\n{out}```\n" if before is not None else ""
            return f"```{language}\n{code}```\n{shown}"

        return BLOCK.sub(run, document.read_text(encoding="utf-8"))


def _python(code: str, names: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "document", "exec"), names)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _shell(code: str) -> str:
    return "".join(_terminal(shlex.split(line)) for line in code.splitlines())


def _terminal(words: list[str]) -> str:
    """What a command shows on a terminal of 100 columns, without its progress."""
    seen, end = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-c", "from namebasis.cli import main; main()", *words[1:]]
    with subprocess.Popen(command, stdout=end, stderr=end, env=environment) as done:
        os.close(end)
        read = b""
        with contextlib.suppress(OSError):  # how a pseudo-terminal ends
            while piece := os.read(seen, 65536):
                read += piece
        os.close(seen)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(words)} failed:\n{read.decode()}")
    lines = [line.split("\r")[-1] for line in read.decode().replace("\r\n", "\n").split("\n")]
    plain = [_SEQUENCE.sub("", line).rstrip() for line in lines]
    kept = [line for line in plain if not _BAR.search(line)]
    return "\n".join(kept).strip("\n") + "\n"


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else DOCUMENTS:
        path.write_text(recorded(path.resolve()), encoding="utf-8")
