"""Regressions on pieces on disk: safetensors with a JSON header, never a pickle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from namebasis.analysis.readings.spelling import PieceRidge
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, check_mapped, parse_json

_FORMAT = "namebasis.piece_ridge/1"


def to_bytes(fit: PieceRidge) -> bytes:
    """The fit as one safetensors file."""
    from safetensors.numpy import save

    head = {
        "pieces": fit.pieces,
        "first_pieces": fit.first_pieces,
        "token_scale": fit.token_scale,
        "penalty": fit.penalty,
        "explained": fit.explained,
    }
    tensors = {
        "weights": np.ascontiguousarray(fit.weights),
        "intercepts": np.ascontiguousarray(fit.intercepts),
    }
    content: bytes = save(tensors, metadata={"format": _FORMAT, "fit": json.dumps(head)})
    return content


def read(path: Path) -> PieceRidge:
    """Read what `to_bytes` gave.

    Raises
    ------
    NamebasisError
        If the file is missing, cut short, or no such fit.
    """
    from safetensors import SafetensorError, safe_open

    try:
        check_mapped(path)
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise NamebasisError(f"{path}: no fit of pieces that namebasis wrote.")
            head = parse_json(metadata["fit"], path)
            weights, intercepts = (file.get_tensor(key) for key in ("weights", "intercepts"))
    except UnreadableError as error:
        raise NamebasisError(f"{path}: missing or damaged ({error.reason}).") from None
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise NamebasisError(f"{path}: missing or damaged ({error}).") from None
    return PieceRidge(
        pieces=tuple(head["pieces"]),
        first_pieces=tuple(head["first_pieces"]),
        weights=weights,
        intercepts=intercepts,
        token_scale=float(head["token_scale"]),
        penalty=float(head["penalty"]),
        explained=tuple(head["explained"]),
    )
