"""Which of the weights in a folder are read, where they lie in several precisions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_SHARD = r"(?:-\d{5}-of-\d{5})?"
_NAME = re.compile(
    rf"(?:model|diffusion_pytorch_model){_SHARD}(?:\.(?P<variant>\w+))?{_SHARD}\.safetensors\Z"
)
_FIRST = "fp16"


def weights_by_variant(folder: Path) -> Mapping[str, list[Path]]:
    """Weight files as `save_pretrained` names them, by their variant; "" is the plain one."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        match = _NAME.match(path.name)
        if match is not None:
            found.setdefault(match["variant"] or "", []).append(path)
    return found


def variant_of(folder: Path) -> str | None:
    """The variant to read: None where there are plain weights or none, else fp16 before others."""
    known = weights_by_variant(folder)
    if "" in known or not known:
        return None
    return _FIRST if _FIRST in known else min(known)
