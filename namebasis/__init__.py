"""namebasis: what CLIP-like models believe about names.

The public surface is reachable from here and loaded on first use, so that
`import namebasis` costs no torch, no faiss and no lance.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from namebasis import forks as _forks  # noqa: F401  registers what a forked child is told

# Two OpenMP runtimes (torch's and faiss's) that spin while they wait cost 2 to 5 times on few
# cores; both read this when they load. What libraries send home is switched off likewise.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

__version__ = "0.1.0"

_HOMES = {
    "read_names": "namebasis.namespace.corpus.sources",
    "load_encoder": "namebasis.encoders.registry",
    "build_space": "namebasis.namespace.building.build",
    "add_names": "namebasis.namespace.building.build",
    "add_images": "namebasis.namespace.building.images",
    "open_space": "namebasis.namespace.space",
    "Names": "namebasis.namespace.corpus.names",
    "Space": "namebasis.namespace.space",
    "unspell": "namebasis.namespace.building.unspelled",
    "export": "namebasis.namespace.export.subset",
}
_ROOMS = (
    "analysis", "encoders", "formation", "index", "namespace", "organism", "report", "studies",
    "validation",
)  # fmt: skip

__all__ = [
    "Names",
    "Space",
    "__version__",
    "add_images",
    "add_names",
    "build_space",
    "export",
    "load_encoder",
    "open_space",
    "read_names",
    "unspell",
]

if TYPE_CHECKING:
    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.building.build import add_names, build_space
    from namebasis.namespace.building.images import add_images
    from namebasis.namespace.building.unspelled import unspell
    from namebasis.namespace.corpus.names import Names
    from namebasis.namespace.corpus.sources import read_names
    from namebasis.namespace.export.subset import export
    from namebasis.namespace.space import Space, open_space


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"namebasis.{name}")
    raise AttributeError(f"module 'namebasis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
