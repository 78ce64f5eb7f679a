"""Arrays and repeated texts in the small forms that a page's script reads back."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np


def packed(values: object, dtype: str) -> str:
    """Little-endian bytes of an array as base64; the script names the type when it reads them.

    Raises
    ------
    ValueError
        If a value does not fit the type.
    """
    array = np.asarray(values)
    kind = np.dtype(dtype)
    if kind.kind in "iu" and array.size:
        limits = np.iinfo(kind)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(
                f"values must lie in [{limits.min}, {limits.max}] to be packed as {kind.name}; "
                f"got [{array.min()}, {array.max()}]."
            )
    data = np.ascontiguousarray(array, kind.newbyteorder("<")).tobytes()
    return base64.b64encode(data).decode("ascii")


def dictionary(texts: Sequence[str]) -> dict[str, object]:
    """Each different text once, and which of them every row has, in the narrowest type."""
    known: dict[str, int] = {}
    codes = [known.setdefault(text, len(known)) for text in texts]
    kind = "u1" if len(known) <= 256 else "u2" if len(known) <= 65_536 else "u4"
    return {
        "values": list(known),
        "codes": packed(np.array(codes, np.int64), kind),
        "kind": kind,
    }
