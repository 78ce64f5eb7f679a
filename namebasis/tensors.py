"""Arrays in one file that says what they are: safetensors with JSON in its header, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.reading import UnreadableError, check_mapped, parse_json

if TYPE_CHECKING:
    import numpy as np


class OtherFormatError(UnreadableError):
    """The file is safetensors, but not of the format that was asked for."""


def tensor_bytes(
    form: str, key: str, description: object, tensors: Mapping[str, np.ndarray]
) -> bytes:
    """Return arrays and their description as the content of one safetensors file.

    Parameters
    ----------
    form : str
        Name and version of the format; a file of another one is refused by `read_tensors`.
    key : str
        Of the header's entry that holds the description.
    description : JSON value
    tensors : mapping of str to ndarray
    """
    import numpy as np
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    content: bytes = save(whole, metadata={"format": form, key: json.dumps(description)})
    return content


def read_tensors(path: str | Path, form: str, key: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Read the description and the arrays that `tensor_bytes` put into a file.

    Raises
    ------
    OtherFormatError
        If its format is another.
    UnreadableError
        If it is missing, damaged, or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    check_mapped(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = file.metadata() or {}
            if header.get("format") != form:
                found = header.get("format")
                raise OtherFormatError(path, f"its format is {found!r}, not {form!r}")
            if key not in header:
                raise UnreadableError(path, f"its header has no {key!r}")
            return parse_json(header[key], path), {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118  no mapping
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise UnreadableError(path, str(error)) from None
