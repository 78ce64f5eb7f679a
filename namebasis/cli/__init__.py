"""The command line: parse, call, print; no arithmetic."""

from __future__ import annotations

import logging
import os
import sys

from namebasis.cli.application import app
from namebasis.errors import NamebasisError, NamebasisWarning
from namebasis.wording import visible, without_advice

__all__ = ["app", "main"]


def shown(message: object) -> str:
    """A message in one or more lines, with nothing in it that acts on a terminal."""
    return visible(str(message), keep="\n\t")


class _Visible(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


def main() -> None:
    """Run the command line; refused input ends with exit code 1 and no traceback."""
    import warnings

    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    for handler in logging.root.handlers:
        handler.setFormatter(_Visible("%(message)s"))
    # A library's deprecations are its own affair; ours tell the user something was repaired.
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", NamebasisWarning)
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"warning: {shown(message)}\n"
    try:
        app()
    except (NamebasisError, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader (head, less) went away; silence the flush at interpreter exit too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        if os.environ.get("NAMEBASIS_DEBUG"):
            raise
        said = str(error) if isinstance(error, NamebasisError) else without_advice(str(error))
        print(f"error: {shown(said)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; what was committed is kept", file=sys.stderr)
        sys.exit(130)
