"""Shared fixtures: one small space of real names, encoded once with the packaged encoder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

# Before torch or faiss load: spinning threads cost more than the tests themselves.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# What the person who runs the tests has set for themselves is no part of them.
os.environ.pop("NAMEBASIS_SPACE", None)
os.environ.pop("NAMEBASIS_ENCODER", None)

import pytest
from hypothesis import settings

# A build server repeats the same examples each time; new ones are looked for where one can look.
# No test is timed: a busy machine is no fault of the code.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("untimed", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "untimed")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command line that ran in a test, or in a fixture of many, leaves the next one its log."""
    _reset(logging.getLogger("namebasis"))
    yield
    _reset(logging.getLogger("namebasis"))


def _reset(logger: logging.Logger) -> None:
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    logger.handlers.clear()
