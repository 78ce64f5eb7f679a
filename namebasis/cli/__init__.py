"""The command line: parse, call, print; no arithmetic."""

from __future__ import annotations

import atexit
import errno
import functools
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from namebasis.cli import streams
from namebasis.cli.application import NAMES, make_app
from namebasis.errors import NamebasisError, NamebasisHint, NamebasisWarning
from namebasis.wording import visible, without_advice

__all__ = ["main", "make_app", "run"]

_LONGEST = 2_000
"""Letters of an error; what a file or an argument holds may be quoted in it."""
_STOPPED = "stopped; what was committed is kept"


def shown(message: object) -> str:
    """A message in one or more lines, with nothing in it that acts on a terminal."""
    return visible(str(message), keep="\n\t")


class _Visible(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


class _ArrowAlone(MetaPathFinder):
    """Lets pyarrow, when it is loaded, find no pandas in its one look for it.

    It looks at its first array, so that every command would load pandas, which none uses: half of
    the time of a command that answers from a space.
    """

    looks = False

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name == "pandas" and self.looks:
            raise ModuleNotFoundError(name)
        if name != "pyarrow" or self.looks:
            return None
        self.looks = True
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_look(module: ModuleType) -> None:
            load(module)
            module.array([])
            sys.meta_path.remove(self)

        spec.loader.exec_module = load_and_look  # type: ignore[method-assign]
        return spec


@functools.cache
def _command(words: frozenset[str] | None) -> Callable[..., object]:
    """The application with the commands named among ``words``, or with all of them."""
    from typer.main import get_command

    return get_command(make_app(words))


def main() -> None:
    """Run the command line; refused input ends with exit code 1 and no traceback."""
    if sys.modules.keys().isdisjoint(("pandas", "pyarrow")):
        sys.meta_path.insert(0, _ArrowAlone())
    streams.prepare()
    _tell_warnings()
    try:
        try:
            # A shell that completes a line asks with words of its own.
            completes = "_NAMEBASIS_COMPLETE" in os.environ
            command = _command(None if completes else NAMES.intersection(sys.argv[1:]))
            command(prog_name="namebasis")  # also under python -m
        finally:
            streams.finish()
    except BaseException as error:
        if _is_interrupt(error):
            print(_STOPPED, file=sys.stderr)
            sys.exit(130)
        if isinstance(error, SystemExit):
            raise
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            # The reader (head, less) went away; silence the flush at interpreter exit too.
            streams.abandon()
            sys.exit(141)
        # A panic of the storage engine is no Exception.
        if os.environ.get("NAMEBASIS_DEBUG"):
            raise
        print(f"error: {shown(said_of(error))}", file=sys.stderr)
        streams.abandon()
        sys.exit(1)


def _is_interrupt(error: BaseException) -> bool:
    """Whether it is Ctrl-C, or the exit that typer makes of it; not one of a command's own."""
    made_of = getattr(error.__context__, "__cause__", None)
    return isinstance(error, KeyboardInterrupt) or (
        isinstance(error, SystemExit) and isinstance(made_of, KeyboardInterrupt)
    )


def run() -> None:
    """As `main`, in a process of its own, which ends here even where threads are still at work.

    Such a thread that comes back from compiled code while Python is being taken down is ended by
    unwinding its stack, which aborts the process where C++ forbids that. So Python is left up.
    """
    try:
        main()
    except SystemExit as ending:
        if ending.code in (None, 0) or not any(one.daemon for one in threading.enumerate()):
            raise
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed, or nobody reads it
                stream.flush()
        os._exit(ending.code if isinstance(ending.code, int) else 1)


def said_of(error: BaseException) -> str:
    """One line, or two, about anything that a command may end with."""
    message = str(error).strip()
    if isinstance(error, MemoryError):
        what = "; ".join(filter(None, ["out of memory", message]))
        return f"{_clipped(what).rstrip('.')}. Ask for less at a time, or for smaller numbers."
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        return f"{_clipped(message)}: a stream or a file cannot be read or written."
    if isinstance(error, NamebasisError) and message:
        return _clipped(message)
    if isinstance(error, (ValueError, OSError)) and message:
        return _clipped(without_advice(message))
    # Whatever else a library raised: nobody foresaw it, so its name is said too.
    told = _clipped(" ".join(message.split()))
    return (
        f"{type(error).__name__}{': ' + told.rstrip('.') if told else ''}. "
        "NAMEBASIS_DEBUG=1 shows where."
    )


def _clipped(message: str) -> str:
    """At most two lines of bounded length."""
    lines = [line for line in message.splitlines() if line.strip()]
    short = "\n".join([*lines[:1], *(["  ".join(lines[1:])] if lines[1:] else [])])
    return short if len(short) <= _LONGEST else f"{short[: _LONGEST - 1]}…"


def _tell_warnings() -> None:
    """Our own warnings go to stderr, a line each; those of libraries are their own affair."""
    import warnings

    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    for handler in logging.root.handlers:
        handler.setFormatter(_Visible("%(message)s"))
    ours = logging.StreamHandler(sys.stderr)
    ours.setFormatter(_Visible("%(levelname)s: %(message)s"))
    logger = logging.getLogger("namebasis")
    logger.handlers[:] = [ours]
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logging.addLevelName(logging.WARNING, "warning")
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", NamebasisWarning)
    warnings.simplefilter("always", NamebasisHint)
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"warning: {shown(message)}\n"
