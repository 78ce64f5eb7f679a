"""One question asked of a name space each; modules load on first use."""

from __future__ import annotations

import importlib

_STUDIES = (
    "anchors", "attributes", "basis", "card", "entropy", "identity", "name_components", "paint",
    "rigidity", "topology", "topology_compare", "walk",
)  # fmt: skip
__all__ = list(_STUDIES)


def __getattr__(name: str) -> object:
    if name in _STUDIES:
        return importlib.import_module(f"namebasis.studies.{name}")
    raise AttributeError(f"module 'namebasis.studies' has no attribute {name!r}")
