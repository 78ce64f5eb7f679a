"""Unit rows in, nearest row numbers out: a FAISS inner-product index with its facts beside it."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count
from namebasis.errors import SpaceError
from namebasis.index import files, tuning
from namebasis.index.files import faiss_module
from namebasis.index.inverted_lists import assign_lists, write_lists
from namebasis.index.rows import Rows, as_rows
from namebasis.index.scan import search_flat, search_lists

FLAT_ROWS = 200_000
"""Up to so many rows the index is flat (exact); above, inverted lists (IVF)."""

EXACT_ROWS = 50_000
"""A filter that leaves at most so many rows of an IVF index is searched exhaustively."""


class DamagedIndexError(SpaceError):
    """An index file is missing, damaged or not the one its facts describe."""


class VectorIndex:
    """Nearest rows by inner product; ids are the row numbers 0 to n_rows - 1.

    Attributes
    ----------
    n_rows, dim : int
        What is indexed.
    factory : str
        FAISS factory string, `Flat` or `IVF<n>,Flat`.
    parameters : dict
        Search and training parameters (`nprobe`, `nlist`, `train_rows`, `seed`).
    recall : float or None
        Recall@10 against exact search on a sample of rows; None for a flat index, which is exact.
    extra : dict
        What the owner of the index wrote beside it with `save`.
    """

    def __init__(
        self,
        index: Any,
        factory: str,
        parameters: Mapping[str, object] | None = None,
        recall: float | None = None,
        extra: Mapping[str, object] | None = None,
        mapped: Path | None = None,
    ) -> None:
        self._index = index
        self._mapped = None if mapped is None else mapped.absolute()
        self.factory = factory
        self.parameters: dict[str, Any] = dict(parameters or {})
        self.recall = recall
        self.extra: dict[str, Any] = dict(extra or {})

    @property
    def n_rows(self) -> int:
        """Rows indexed."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Width of a row."""
        return int(self._index.d)

    @property
    def is_exact(self) -> bool:
        """Whether every search looks at every row."""
        return self.factory == "Flat"

    @classmethod
    def build(
        cls,
        vectors: FloatArray | Iterable[FloatArray] | Rows,
        *,
        factory: str = "auto",
        seed: int = 0,
        path: str | Path | None = None,
    ) -> VectorIndex:
        """Index rows, choosing the kind by their number.

        Parameters
        ----------
        vectors : ndarray of shape (n, dim), or an iterable of such blocks
            Unit rows. An iterable that can be walked again is streamed twice; one that cannot
            (a generator) is first spooled to a temporary file.
        factory : str
            `auto`, `Flat`, or `IVF<n>,Flat`.
        seed : int
            Chooses the training rows and the centroids' start.
        path : str or Path, optional
            Where an IVF index writes its lists while it is built, so that memory stays flat;
            the index returned is mapped from there. `save` to the same path adds the facts.

        Raises
        ------
        ValueError
            If there is no row, a value is not finite, or the factory is unknown.
        """
        rows = as_rows(vectors)
        chosen = tuning.choose_factory(rows.n_rows, FLAT_ROWS) if factory == "auto" else factory
        if chosen == "Flat":
            return cls(_flat(rows), chosen)
        trained, parameters = tuning.train_ivf(rows, chosen, seed=seed)
        lists = assign_lists(trained, rows)
        nprobe, recall = tuning.tune_nprobe(trained, rows, lists, seed=seed)
        parameters |= {"nprobe": nprobe}
        if path is not None:
            write_lists(trained, rows, lists, Path(path))
            mapped = files.read_index(Path(path), False)
            return cls(mapped, chosen, parameters, recall, mapped=Path(path))
        with tempfile.TemporaryDirectory() as folder:
            write_lists(trained, rows, lists, Path(folder) / "index")
            index = faiss_module().read_index(str(Path(folder) / "index"))
        return cls(index, chosen, parameters, recall)

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        allowed: IntArray | None = None,
        exact: bool = False,
    ) -> tuple[FloatArray, IntArray]:
        """Find the rows with the largest inner product.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, dim)
            Need not be unit rows; the similarities are cosines if they are.
        k : int
            How many rows, at least 1.
        allowed : ndarray of int, optional
            The only row numbers that may be returned. The filter acts inside the search, so it
            never costs a hit; where it leaves few rows they are all looked at.
        exact : bool
            Look at every row even where the index is approximate.

        Returns
        -------
        similarities : ndarray of shape (n_queries, min(k, n_allowed)), float32
            Best first; equal ones by row number.
        ids : ndarray of the same shape, int64

        Raises
        ------
        ValueError
            If the queries do not fit the index, or an allowed id is outside of it.
        """
        queries = as_embeddings(queries, "queries", self.dim, min_rows=0)
        k = check_count(k, "k")
        mask = None if allowed is None else self._mask(allowed)
        n_allowed = self.n_rows if mask is None else int(np.count_nonzero(mask))
        n_columns = min(k, n_allowed)
        if n_columns == 0 or len(queries) == 0:
            shape = (len(queries), n_columns)
            return np.empty(shape, np.float32), np.empty(shape, np.int64)
        if self.is_exact:
            return search_flat(self._index, queries, n_columns, mask)
        n_lists = int(self._index.nlist)
        if not exact and (mask is None or n_allowed > EXACT_ROWS):
            # As many allowed rows are looked at as without a filter, so the recall holds.
            nprobe = math.ceil(self.parameters["nprobe"] * self.n_rows / n_allowed)
            found = search_lists(self._index, queries, n_columns, mask, min(n_lists, nprobe))
            if not (found[1] < 0).any():
                return found
        return search_lists(self._index, queries, n_columns, mask, n_lists)

    def _mask(self, allowed: IntArray) -> npt.NDArray[np.bool_]:
        ids = np.asarray(allowed, dtype=np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= self.n_rows):
            raise ValueError(
                f"allowed must hold row numbers from 0 to {self.n_rows - 1}; "
                f"got {ids.min()} to {ids.max()}."
            )
        mask = np.zeros(self.n_rows, dtype=bool)
        mask[ids] = True
        return mask

    def save(self, path: str | Path, extra: Mapping[str, object] | None = None) -> None:
        """Write the index to `path` and its facts to the `.json` beside it, each in one step.

        Parameters
        ----------
        path : str or Path
            Such as `indices/text.faiss`.
        extra : mapping, optional
            More facts for the JSON file; `load` gives them back as `extra`.
        """
        path = Path(path)
        self.extra = dict(self.extra if extra is None else extra)
        if self._mapped is None:
            files.write_index(self._index, path)
        elif self._mapped != path.absolute():
            files.copy_file(self._mapped, path)
        facts = {
            "rows": self.n_rows,
            "dim": self.dim,
            "factory": self.factory,
            "parameters": self.parameters,
            "recall_at_10": self.recall,
            "extra": self.extra,
            "stamp": files.stamp(path),
        }
        files.write_text(path.with_suffix(".json"), json.dumps(facts, indent=1))

    @classmethod
    def load(cls, path: str | Path) -> VectorIndex:
        """Map a saved index into memory; its rows are read when a search touches them.

        The file is compared with the size, time and checksum written beside it: unchanged since
        it was written, samples of it are compared; else all of it.

        Raises
        ------
        DamagedIndexError
            If either file is missing, damaged, or does not fit the other.
        """
        path = Path(path)
        facts = cls.read_facts(path)
        problem = files.find_damage(path, facts["stamp"])
        if problem:
            raise DamagedIndexError(f"{path}: {problem}.")
        try:
            index = files.read_index(path, facts["factory"] == "Flat")
        except RuntimeError as error:
            raise DamagedIndexError(f"{path}: not a readable index ({error}).") from None
        if (index.ntotal, index.d) != (facts["rows"], facts["dim"]):
            raise DamagedIndexError(f"{path}: holds {index.ntotal} x {index.d}, not what it says.")
        return cls(
            index,
            facts["factory"],
            facts["parameters"],
            facts["recall_at_10"],
            facts["extra"],
            path,
        )

    @staticmethod
    def read_facts(path: str | Path) -> dict[str, Any]:
        """Read the facts beside an index without touching the index.

        Raises
        ------
        DamagedIndexError
            If the JSON file is missing or damaged.
        """
        beside = Path(path).with_suffix(".json")
        wanted = {"rows", "dim", "factory", "parameters", "recall_at_10", "extra", "stamp"}
        try:
            facts = json.loads(beside.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DamagedIndexError(f"{beside}: missing.") from None
        except (OSError, ValueError) as error:
            raise DamagedIndexError(f"{beside}: not readable ({error}).") from None
        if not isinstance(facts, dict) or not wanted <= facts.keys():
            raise DamagedIndexError(f"{beside}: not the facts of an index.")
        return facts


def _flat(rows: Rows) -> Any:
    faiss = faiss_module()

    index = faiss.IndexFlatIP(rows.dim)
    for block in rows.blocks():
        index.add(block)
    return index
