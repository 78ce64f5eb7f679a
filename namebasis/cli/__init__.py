"""The command line: parse, call, print; no arithmetic."""

from __future__ import annotations

import os
import sys

from namebasis.cli.application import app
from namebasis.errors import NamebasisError, NamebasisWarning

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; refused input ends with exit code 1 and no traceback."""
    import logging
    import warnings

    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    # A library's deprecations are its own affair; ours tell the user something was repaired.
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", NamebasisWarning)
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"warning: {message}\n"
    try:
        app()
    except (NamebasisError, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader (head, less) went away; silence the flush at interpreter exit too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        if os.environ.get("NAMEBASIS_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; what was committed is kept", file=sys.stderr)
        sys.exit(130)
