"""namebasis: what CLIP-like models believe about names.

The public names are reachable from here and loaded on first use, so that `import namebasis` costs
no torch, no faiss and no lance.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from namebasis import forks as _forks  # noqa: F401  registers what a forked child is told
from namebasis._version import __version__
from namebasis.lazy import attach as _attach

# Two OpenMP runtimes (torch's and faiss's) that spin while they wait cost 2 to 5 times on few
# cores; both read this when they load. What libraries send home is switched off likewise.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

_HOMES = {
    "add_images": ".namespace.building.images",
    "add_names": ".namespace.building.build",
    "audit": ".auditing.study",
    "build_space": ".space",
    "compare_audits": ".auditing.comparison",
    "explain": ".terms",
    "export": ".namespace.export.subset",
    "list_spaces": ".namespace.listing",
    "load_encoder": ".encoders.registry",
    "Names": ".namespace.corpus.names",
    "open_space": ".space",
    "read_audit": ".auditing.files",
    "read_names": ".namespace.corpus.sources",
    "Result": ".results",
    "Space": ".space",
    "Table": ".results",
    "unspell": ".namespace.building.unspelled",
}

__all__ = [
    "Names",
    "Result",
    "Space",
    "Table",
    "__version__",
    "add_images",
    "add_names",
    "audit",
    "build_space",
    "compare_audits",
    "explain",
    "export",
    "list_spaces",
    "load_encoder",
    "open_space",
    "read_audit",
    "read_names",
    "unspell",
]

if TYPE_CHECKING:
    from namebasis.auditing.comparison import compare_audits
    from namebasis.auditing.files import read_audit
    from namebasis.auditing.study import audit
    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.building.build import add_names
    from namebasis.namespace.building.images import add_images
    from namebasis.namespace.building.unspelled import unspell
    from namebasis.namespace.corpus.names import Names
    from namebasis.namespace.corpus.sources import read_names
    from namebasis.namespace.export.subset import export
    from namebasis.namespace.listing import list_spaces
    from namebasis.results import Result, Table
    from namebasis.space import Space, build_space, open_space
    from namebasis.terms import explain

__getattr__, __dir__ = _attach(__name__, _HOMES)
