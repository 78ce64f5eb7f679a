"""Bases on disk: safetensors with a JSON header, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from namebasis.analysis.sparse.components import Components
from namebasis.atomic import replacing_file
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, check_mapped, parse_json

_FORMAT = "namebasis.components/1"
_ARRAYS = ("mean", "directions", "standard_deviations")


def save_components(components: Sequence[Components], path: str | Path) -> None:
    """Write bases to one safetensors file; an existing file is replaced whole or not at all.

    Raises
    ------
    ValueError
        If there is none to write.
    """
    from safetensors.numpy import save

    if not components:
        raise ValueError("no components to save.")
    tensors, heads = {}, []
    for i, basis in enumerate(components):
        heads.append(
            {
                "label": basis.label,
                "total_variance": basis.total_variance,
                "n_rows": basis.n_rows,
                "n_distinct": basis.n_distinct,
                "metadata": dict(basis.metadata),
            }
        )
        for key in _ARRAYS:
            tensors[f"{i}.{key}"] = np.ascontiguousarray(getattr(basis, key))
    data = save(tensors, metadata={"format": _FORMAT, "bases": json.dumps(heads)})
    with replacing_file(Path(path), overwrite=True) as stream:
        stream.write(data)


def load_components(path: str | Path, n_bases: int | None = None) -> tuple[Components, ...]:
    """Read the bases that `save_components` wrote.

    Raises
    ------
    NamebasisError
        If the file is missing, no safetensors file, not written by `save_components`, or
        `n_bases` is given and it holds another number of bases.
    """
    from safetensors import SafetensorError, safe_open

    try:
        check_mapped(path)
        with safe_open(str(path), framework="numpy") as file:
            head = file.metadata() or {}
            if head.get("format") != _FORMAT:
                raise NamebasisError(
                    f"{path}: no components of this version (format {head.get('format')!r}, "
                    f"expected {_FORMAT!r}); save them again."
                )
            entries = parse_json(head["bases"], path)
            found = tuple(
                Components(**entry, **{key: file.get_tensor(f"{i}.{key}") for key in _ARRAYS})
                for i, entry in enumerate(entries)
            )
    except UnreadableError as error:
        why = "no such file" if error.is_missing else f"damaged components file ({error.reason})"
        raise NamebasisError(f"{path}: {why}.") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{path}: damaged components file ({error}).") from None
    if n_bases is not None and len(found) != n_bases:
        labels = ", ".join(basis.label for basis in found)
        raise NamebasisError(
            f"{path}: holds {len(found)} bases ({labels}), expected {n_bases}; "
            "read it with load_components."
        )
    return found
