"""Libraries of a test file that are loaded when a test first uses them.

A worker collects every file and runs a third of them: what a file loads as it is collected costs
each worker its seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytest


class _Library:
    def __init__(self, name: str) -> None:
        vars(self)["_name"] = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") or attribute == "_mock_name":
            raise AttributeError(attribute)  # pytest asks whether it is a test
        return getattr(importlib.import_module(self._name), attribute)

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"a test that changes {self._name} gives its name to monkeypatch")


def library(name: str, reason: str | None = None) -> Any:
    """A module, loaded at its first use; where it is not installed, the test file is skipped."""
    if importlib.util.find_spec(name.partition(".")[0]) is None:  # a part would load the whole
        pytest.skip(reason or f"{name} is not installed", allow_module_level=True)
    return _Library(name)
