"""Names and vectors that cost nothing to make, for measuring what holds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from namebasis.namespace.corpus.names import NAME_SCHEMA, Names


class SyntheticEncoder:
    """Clustered unit vectors: 2,000 centres in 24 dimensions, spread over `dim`, with noise."""

    spec, revision, fingerprint = "synthetic", None, "sha256:synthetic"
    has_text, has_images, token_dim = True, False, 0

    def __init__(self, dim: int) -> None:
        rng = np.random.default_rng(0)
        self.dim = dim
        self.centres = rng.standard_normal((2000, 24), dtype=np.float32)
        self.spread = rng.standard_normal((24, dim), dtype=np.float32) / 5

    def encode_names(self, names: Sequence[str], template: str) -> np.ndarray:
        rng = np.random.default_rng(int(names[0][4:]))
        inner = self.centres[rng.integers(0, 2000, len(names))]
        inner = inner + 0.7 * rng.standard_normal(inner.shape, dtype=np.float32)
        rows = inner @ self.spread
        rows += 0.3 * rng.standard_normal(rows.shape, dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [list(text[-(int(text[4:]) % 5) - 1 :]) for text in texts]


def synthetic_names(n: int) -> Names:
    """Numbered names with the columns that filters ask about."""
    rng = np.random.default_rng(1)
    columns = {
        "name": pa.array([f"Name{i:07d}" for i in range(n)]),
        "part": pa.array(["given" if i % 2 else "family" for i in range(n)]),
        "gender": pa.array(np.array(["F", "M"])[rng.integers(0, 2, n)]),
        "locales": pa.array([["is_IS"] if i % 100 == 0 else ["en_US", "de_DE"] for i in range(n)]),
        "sources": pa.array([["made"]] * n),
        "count": pa.array(rng.integers(0, 10**6, n)),
        "weight": pa.array(rng.random(n)),
    }
    arrays = [columns.get(field.name, pa.nulls(n, field.type)) for field in NAME_SCHEMA]
    return Names(table=pa.table(arrays, schema=NAME_SCHEMA), dropped=())


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
