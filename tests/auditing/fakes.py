"""An encoder and a space that are known in full, for parts of an audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.auditing.corpora import Corpora
from namebasis.auditing.inquiry import Inquiry
from namebasis.auditing.plan import load_plan


class FakeSpace:
    """Rows of (name, part) with their vectors, and what an encoder makes of names."""

    def __init__(
        self,
        rows: Sequence[tuple[str, str]],
        vectors: np.ndarray,
        pieces: Callable[[str], Sequence[str]],
        columns: Mapping[str, Sequence[Any]] | None = None,
        **encoder: Any,
    ) -> None:
        self.rows, self._vectors = list(rows), np.asarray(vectors, np.float32)
        self.columns: dict[str, Sequence[Any]] = {
            "name": [name for name, _ in rows], "part": [part for _, part in rows],
            "gender": [None] * len(rows), "locales": [[] for _ in rows],
            "pieces": [list(pieces(name)) for name, _ in rows],
            **{f"pct_{group}": [None] * len(rows)
               for group in ("white", "black", "asian", "native", "multiracial", "hispanic")},
            **(columns or {}),
        }  # fmt: skip
        self.provenance = SimpleNamespace(templates=("a photo of {}",))
        self._encoder = SimpleNamespace(
            spec="fake", pieces=lambda names: [list(pieces(name)) for name in names],
            **{"max_tokens": None, "unknown_piece": None, "has_tokenizer": True, **encoder},
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.rows)

    def encoder(self) -> Any:
        return self._encoder

    def find_all(self, names: Sequence[str], part: str) -> list[int | None]:
        at = {row: number for number, row in enumerate(self.rows)}
        return [at.get((name, part)) for name in names]

    def table(self, columns: Sequence[str], ids: np.ndarray) -> pa.Table:
        return pa.table(
            {column: pa.array([self.columns[column][row] for row in ids]) for column in columns}
        )

    def vectors(self, view: str = "text", ids: np.ndarray | None = None) -> np.ndarray:
        return self._vectors if ids is None else self._vectors[ids]


def inquiry(
    space: FakeSpace,
    rows: Mapping[str, Sequence[tuple[str, str]]],
    locales: Mapping[str, tuple[str, ...]] | None = None,
) -> Inquiry:
    """An inquiry over a fake space; rows may hold names that are not in the space."""
    corpora = Corpora({corpus: tuple(held) for corpus, held in rows.items()}, locales or {})
    return Inquiry(space, corpora, load_plan(quick=True))  # type: ignore[arg-type]
