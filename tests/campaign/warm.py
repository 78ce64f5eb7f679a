"""A warm process that forks one child a case: libraries are imported once, cases stay apart.

The warm process itself never opens a space, so that its children may (Lance survives no fork).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LEARNED = (
    "namebasis", "torch", "transformers", "sklearn", "scipy", "numpy", "PIL", "lance", "pyarrow",
    "faiss", "gudhi", "diffusers", "safetensors", "tokenizers", "open_clip", "onnxruntime", "rich",
    "jinja2", "matplotlib", "sqlglot", "faker", "yaml", "fastapi", "starlette", "pydantic", "umap",
    "numba", "httpx", "anyio", "tests.campaign",
)  # fmt: skip
"""Libraries that a forked child may find loaded."""
MEMORY = 8 << 30
"""Bytes of address space for a case; torch alone maps five or six."""


@dataclass(frozen=True)
class Ended:
    """How a case's process ended.

    Attributes
    ----------
    code : int or None
        Exit code; None where a signal ended it.
    signal : int or None
    timed_out : bool
    out, err : str
        What it wrote.
    value : object
        What its function returned.
    """

    code: int | None
    signal: int | None
    timed_out: bool
    out: str
    err: str
    value: Any

    @property
    def crash(self) -> str | None:
        """A signal, a hang or a traceback in one line; None where there was none."""
        if self.timed_out:
            return "hang"
        if self.signal is not None:
            return f"signal {signal.Signals(self.signal).name}"
        if "Traceback (most recent call last)" in self.err or self.code == 70:
            return f"traceback: {self.err.strip().splitlines()[-1][:200] if self.err else '?'}"
        return None


class Warm:
    """Starts cases in a warm process and gathers how they ended."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="campaign-"))
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "100",
        }
        environment.pop("NAMEBASIS_DEBUG", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.warm", str(self._folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
        )  # fmt: skip
        self._n = 0

    def close(self) -> None:
        """End the warm process and remove what the cases wrote."""
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:  # on a busy machine; nothing that counts is left in it
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(
        self, function: str, *arguments: Any, seconds: float = 300, cwd: Path | None = None,
        stdin: bytes | str | None = None, environment: dict[str, str] | None = None,
        closed: tuple[int, ...] = (),
    ) -> int:  # fmt: skip
        """Fork a child that calls `module:function`; its number, for `wait`.

        Parameters
        ----------
        stdin : bytes or str, optional
            Content, or the path of a file or device; nothing by default.
        closed : tuple of int
            Descriptors of standard streams that are closed.
        """
        self._n += 1
        place = self._folder / str(self._n)
        place.mkdir()
        source = "/dev/null" if stdin is None else stdin
        if isinstance(source, bytes):
            (place / "stdin").write_bytes(source)
            source = str(place / "stdin")
        self._send(
            {
                "start": self._n, "function": function, "arguments": arguments,
                "seconds": seconds, "cwd": None if cwd is None else str(cwd), "stdin": source,
                "environment": environment or {}, "closed": closed,
            }
        )  # fmt: skip
        return self._n

    def wait(self, number: int) -> Ended:
        """How the child of that number ended."""
        told = self._send({"wait": number})
        place = self._folder / str(number)

        def written(name: str) -> str:
            file = place / name
            return file.read_bytes()[:2_000_000].decode(errors="replace") if file.exists() else ""

        value = json.loads(written("value") or "null")
        ended = Ended(
            told["code"], told["signal"], told["timed_out"], written("out"), written("err"), value
        )
        shutil.rmtree(place)
        return ended

    def call(self, function: str, *arguments: Any, **options: Any) -> Ended:
        """Start a child and wait for it."""
        return self.wait(self.start(function, *arguments, **options))

    def command(self, *words: str, **options: Any) -> Ended:
        """Run the command line in a child."""
        return self.call("tests.campaign.warm:command", list(words), **options)

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        return answer


@contextlib.contextmanager
def warm() -> Iterator[Warm]:
    """A warm process for a block."""
    made = Warm()
    try:
        yield made
    finally:
        made.close()


def command(words: list[str]) -> None:
    """The command line, in a child."""
    from namebasis.cli import main

    sys.argv = [
        "namebasis",
        *(os.fsdecode(word.encode("utf-8", "surrogateescape")) for word in words),
    ]
    main()


@dataclass(frozen=True)
class Said:
    """What a command of this very process left.

    Attributes
    ----------
    code : int
    out, err : str
    problem : str or None
        A traceback's last line.
    """

    code: int
    out: str
    err: str
    problem: str | None


def said(words: list[str], stdin: str = "") -> Said:
    """Run the command line in this process; streams and arguments are those of a new one."""
    import io

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), out, err
    code, problem = 0, None
    try:
        command(words)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:  # whatever gets past the command line is a fault
        code, problem = 70, f"traceback: {type(error).__name__}: {error}"[:300]
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    texts = [stream.buffer.getvalue().decode(errors="replace") for stream in (out, err)]  # type: ignore[attr-defined]
    if problem is None and "Traceback (most recent call last)" in texts[1]:
        problem = f"traceback: {texts[1].strip().splitlines()[-1][:200]}"
    return Said(code, texts[0], texts[1], problem)


# --------------------------------------------------------------------- in the warm process


def _child(request: dict[str, Any], place: Path) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    os.environ.update(request["environment"])
    if request["cwd"]:
        os.chdir(request["cwd"])
    files = [
        os.open(request["stdin"], os.O_RDONLY | os.O_NONBLOCK),
        os.open(place / "out", os.O_WRONLY | os.O_CREAT, 0o600),
        os.open(place / "err", os.O_WRONLY | os.O_CREAT, 0o600),
    ]
    # Opened now: what is asked may take away this child's right to write here.
    answer = os.open(place / "value", os.O_WRONLY | os.O_CREAT, 0o600)
    os.set_blocking(files[0], True)
    for number, file in enumerate(files):
        os.dup2(file, number)
    encoding = request["environment"].get("PYTHONIOENCODING", "utf-8")
    streams: list[Any] = [
        os.fdopen(0, encoding=encoding, closefd=False),
        os.fdopen(1, "w", encoding=encoding, closefd=False),
        os.fdopen(2, "w", encoding=encoding, errors="backslashreplace", closefd=False),
    ]
    for number in request["closed"]:
        streams[number] = None  # as the interpreter has it where a stream was closed
        os.close(number)
    sys.stdin, sys.stdout, sys.stderr = streams
    code, before = 0, set(sys.modules)
    try:
        module, _, name = request["function"].partition(":")
        value = getattr(importlib.import_module(module), name)(*request["arguments"])
        os.write(answer, json.dumps(value).encode())
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        code = 70
        os.lseek(files[2], 0, os.SEEK_END)
        os.write(files[2], traceback.format_exc().encode(errors="replace"))
    for stream in streams[1:]:
        with contextlib.suppress(Exception):
            stream.flush()
    news = [module for module in sys.modules if module not in before]
    if news:
        with contextlib.suppress(OSError), (place / "modules").open("x") as file:
            file.write("\n".join(news))
    os._exit(code)


def _learn(place: Path) -> None:
    """Load what a child had to load, so that no other has to: it costs more than most cases."""
    file = place / "modules"
    if not file.exists():
        return
    for module in file.read_text().split():
        if module not in sys.modules and module.startswith(LEARNED):
            with contextlib.suppress(Exception):
                importlib.import_module(module)


def _wait(pid: int, deadline: float) -> dict[str, Any]:
    timed_out = False
    while True:
        done, status = os.waitpid(pid, 0 if timed_out else os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            timed_out = True
            os.killpg(pid, signal.SIGKILL)
        else:
            time.sleep(0.003)
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = None if killed is not None else os.WEXITSTATUS(status)
    return {"code": code, "signal": None if timed_out else killed, "timed_out": timed_out}


def serve(folder: Path) -> None:
    """Answer requests until the other side goes away."""
    import faiss
    import lance
    import sklearn.neighbors  # noqa: F401
    from transformers import AutoConfig, AutoModel, AutoTokenizer  # noqa: F401

    import namebasis.cli.application
    import namebasis.namespace.building.build
    import namebasis.namespace.building.images
    import namebasis.namespace.building.unspelled
    import namebasis.validation.study  # noqa: F401
    from namebasis.namespace.corpus.pseudo import pseudo_names
    from tests.campaign import tiny

    del faiss, lance
    sys.modules["tests.campaign.warm"] = sys.modules["__main__"]
    tiny.register()
    pseudo_names(1)  # whose words of Faker a child would read for seconds, and keep for itself
    gc.set_threshold(10_000, 10, 50)
    running: dict[int, tuple[int, float]] = {}
    answers, requests = os.dup(1), os.dup(0)
    for line in os.fdopen(requests, encoding="utf-8"):
        request = json.loads(line)
        if "start" in request:
            number = request["start"]
            gc.freeze()  # a child that looked for garbage among the libraries would copy them all
            pid = os.fork()
            if pid == 0:
                _child(request, folder / str(number))
            running[number] = (pid, time.monotonic() + request["seconds"])
            answer: dict[str, Any] = {}
        else:
            answer = _wait(*running.pop(request["wait"]))
            _learn(folder / str(request["wait"]))
        os.write(answers, (json.dumps(answer) + "\n").encode())
    for pid, _ in running.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
