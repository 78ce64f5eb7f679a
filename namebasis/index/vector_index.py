"""Unit rows in, nearest row numbers out: a FAISS inner-product index with its facts beside it."""

from __future__ import annotations

import math
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.atomic import replacing_cache, work_path
from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count
from namebasis.index import compressed, files, tuning
from namebasis.index.facts import (
    DamagedIndexError,
    facts_path,
    is_compressed,
    read_facts,
    write_facts,
)
from namebasis.index.files import faiss_module
from namebasis.index.inverted_lists import assign_lists, write_lists
from namebasis.index.opening import open_index
from namebasis.index.row_set import RowSet
from namebasis.index.rows import Rows, as_rows
from namebasis.index.scan import search_flat, search_lists

FLAT_ROWS = 200_000
"""Up to this number of rows the index is flat (exact); above, inverted lists (IVF)."""

EXACT_ROWS = 50_000
"""A filter that leaves at most this number of rows of an IVF index is searched exhaustively."""


_TUNED = 10
"""Rows asked for, by which lists and candidates are tuned."""
_SEEN = 256
"""Allowed rows that the lists hold for each row asked for, beyond which no more are opened.

Of 1,000,000 rows 32 found 0.85 of the nearest thousand, 64 0.92, 128 0.97 and these all but 0.005.
"""
_SPARED = 32
"""Rows for each candidate, below which comparing codes spares little beside comparing rows."""


class VectorIndex:
    """Nearest rows by inner product; ids are the row numbers 0 to n_rows - 1.

    Attributes
    ----------
    n_rows, dim : int
        What is indexed.
    factory : str
        FAISS factory string, `Flat`, `IVF<n>,Flat`, or compressed: `IVF<n>,SQ8`, `IVF<n>,PQ<m>`.
    parameters : dict
        Search and training parameters (`nprobe`, `nlist`, `train_rows`, `seed`; `refine` of a
        compressed index: candidates for each row asked for, compared by their rows).
    recall : float or None
        Recall@10 against exact search on a sample of rows; None for a flat index, which is exact.
    extra : dict
        What the owner of the index wrote beside it with `save`.
    source : Rows or None
        The rows themselves, by which a compressed index compares its candidates; whoever loads
        one sets it.
    """

    def __init__(
        self,
        index: Any,
        factory: str,
        parameters: Mapping[str, object] | None = None,
        recall: float | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self._index = index
        self._mapped: files.OpenFile | None = None
        self._stamp: dict[str, int] = {}
        self._work: weakref.finalize[Any, Any] | None = None
        self.factory = factory
        self.parameters: dict[str, Any] = dict(parameters or {})
        self.recall = recall
        self.extra: dict[str, Any] = dict(extra or {})
        self.source: Rows | None = None

    @property
    def n_rows(self) -> int:
        """Rows indexed."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Width of a row."""
        return int(self._index.d)

    @property
    def rows(self) -> FloatArray | None:
        """The rows of a flat index that is in memory, (n_rows, dim), not copied; else None."""
        if not self.is_exact or self._mapped is not None or not self.n_rows:
            return None
        flat = faiss_module().rev_swig_ptr(self._index.get_xb(), self.n_rows * self.dim)
        return np.asarray(flat.reshape(self.n_rows, self.dim))

    @property
    def is_exact(self) -> bool:
        """Whether every search looks at every row."""
        return self.factory == "Flat"

    @property
    def is_compressed(self) -> bool:
        """Whether it holds codes of rows, and needs `source`."""
        return is_compressed(self.factory)

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
            `auto`, `Flat`, `IVF<n>,Flat`, `IVF<n>,SQ8` or `IVF<n>,PQ<m>`; or `pq` or `sq8`, which
            choose lists and codes by the number of rows and their width.
        seed : int
            Chooses the training rows and the centroids' start.
        path : str or Path, optional
            Beside which an IVF index writes its lists while it is built, so that memory stays
            flat; the index returned is mapped from there. `save` gives the file its name; without
            that it goes with the index.

        Raises
        ------
        ValueError
            If there is no row, a value is not finite, or the factory is unknown.
        """
        rows = as_rows(vectors)
        chosen = factory
        if factory in tuning.KINDS:
            chosen = tuning.factory_of(factory, rows.n_rows, rows.dim, FLAT_ROWS)
        if chosen == "Flat":
            return cls(_flat(rows), chosen)
        trained, parameters = tuning.train_ivf(rows, chosen, seed=seed)
        lists = assign_lists(trained, rows)
        target = tuning.LISTS_RECALL if is_compressed(chosen) else tuning.TARGET_RECALL
        nprobe, recall = tuning.tune_nprobe(trained, rows, lists, target=target, seed=seed)
        parameters |= {"nprobe": nprobe}
        if path is not None:
            work = work_path(Path(path))
            try:
                write_lists(trained, rows, lists, work)
                file = files.OpenFile(work)
                made = cls(files.read_index(file, False), chosen, parameters, recall)
            except BaseException:
                work.unlink(missing_ok=True)
                raise
            made._mapped, made._stamp = file, file.stamp(0)
            made._work = weakref.finalize(made, _unlink, work)
            return made._refined(rows, seed)
        with tempfile.TemporaryDirectory() as folder:
            write_lists(trained, rows, lists, Path(folder) / "index")
            index = faiss_module().read_index(str(Path(folder) / "index"))
        return cls(index, chosen, parameters, recall)._refined(rows, seed)

    def _refined(self, rows: Rows, seed: int) -> VectorIndex:
        """With the number of candidates that its codes need, where it is compressed."""
        if self.is_compressed:
            self.source, nprobe = rows, self.parameters["nprobe"]
            refine, self.recall = tuning.tune_refine(self._index, rows, nprobe, seed=seed)
            self.parameters["refine"] = refine
        return self

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        allowed: IntArray | RowSet | None = None,
        exact: bool = False,
    ) -> tuple[FloatArray, IntArray]:
        """Find the rows with the largest inner product.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, dim)
            Need not be unit rows; the similarities are cosines if they are.
        k : int
            How many rows, at least 1.
        allowed : ndarray of int or RowSet, optional
            The only row numbers that may be returned. The filter acts inside the search, so it
            never costs a hit; where it leaves few rows they are all looked at (of a compressed
            index, all codes, or up to `compressed.FEW` rows themselves).
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
        DamagedIndexError
            If the file that it is mapped from was written to since.
        """
        self._check_file()
        queries = as_embeddings(queries, "queries", self.dim, min_rows=0)
        k = check_count(k, "k")
        if allowed is not None and not isinstance(allowed, RowSet):
            allowed = RowSet.of_ids(allowed, self.n_rows)
        n_allowed = self.n_rows if allowed is None else allowed.count
        n_columns = min(k, n_allowed)
        if n_columns == 0 or len(queries) == 0:
            shape = (len(queries), n_columns)
            return np.empty(shape, np.float32), np.empty(shape, np.int64)
        if self.is_compressed:
            return self._search_codes(queries, n_columns, allowed, exact)
        if self.is_exact:
            return search_flat(self._index, queries, n_columns, allowed)
        n_lists = int(self._index.nlist)
        if not exact and (allowed is None or n_allowed > EXACT_ROWS):
            # As many allowed rows are looked at as without a filter, so the recall holds.
            nprobe = self._n_probed(n_columns, n_allowed)
            found = search_lists(self._index, queries, n_columns, allowed, nprobe)
            if not (found[1] < 0).any():
                return found
        return search_lists(self._index, queries, n_columns, allowed, n_lists)

    def _search_codes(
        self, queries: FloatArray, k: int, allowed: RowSet | None, exact: bool
    ) -> tuple[FloatArray, IntArray]:
        """Find candidates by their codes, and the best of them by their rows."""
        if self.source is None:
            raise ValueError("a compressed index needs the rows: set source.")
        n_allowed = self.n_rows if allowed is None else allowed.count
        if exact or n_allowed <= compressed.FEW:
            return compressed.search_rows(self.source, queries, k, allowed)
        depth = k * self.parameters["refine"]
        if k > _TUNED and depth * _SPARED >= n_allowed:
            return compressed.search_rows(self.source, queries, k, allowed)
        nprobe = self._n_probed(k, n_allowed)
        _, ids = search_lists(self._index, queries, depth, allowed, nprobe)
        if ((ids >= 0).sum(axis=1) < k).any():
            _, ids = search_lists(self._index, queries, depth, allowed, int(self._index.nlist))
        return compressed.refine(self.source, queries, ids, k)

    def _n_probed(self, k: int, n_allowed: int) -> int:
        """Lists to look into: as tuned for ten rows, and more where more are asked for.

        In proportion, until they hold `_SEEN` allowed rows for each that is asked for.
        """
        n_lists, tuned = int(self._index.nlist), self.parameters["nprobe"]
        enough = _SEEN * k * n_lists / self.n_rows
        least = max(tuned, min(tuned * k / _TUNED, enough))
        return int(min(n_lists, math.ceil(least * self.n_rows / n_allowed)))

    def _check_file(self) -> None:
        """Look that a mapped file is as it was: reading beyond its end would kill the process."""
        problem = None if self._mapped is None else self._mapped.find_change(self._stamp)
        if self._mapped is not None and problem:
            raise DamagedIndexError(f"{self._mapped.path}: {problem}.")

    def save(self, path: str | Path, extra: Mapping[str, object] | None = None) -> None:
        """Write the index to `path` and its facts to the `.json` beside it, each in one step.

        The facts are those of the file that was written here, whoever else writes to `path`.

        Parameters
        ----------
        path : str or Path
            Such as `indices/text.faiss`.
        extra : mapping, optional
            More facts for the JSON file; `load` gives them back as `extra`.

        Raises
        ------
        OSError
            If a file cannot be written.
        """
        path = Path(path)
        self.extra = dict(self.extra if extra is None else extra)
        stamp = self._write(path)
        facts = {
            "rows": self.n_rows,
            "dim": self.dim,
            "factory": self.factory,
            "parameters": self.parameters,
            "recall_at_10": self.recall,
            "extra": self.extra,
            "stamp": stamp,
        }
        write_facts(path, facts)

    def _write(self, path: Path) -> dict[str, int]:
        """Write the index's file under a name of its own, stamp it, and give it its name."""
        with replacing_cache(path) as partial:
            if self._work is not None and self._mapped is not None:
                self._work.detach()
                self._work = None
                os.replace(self._mapped.path, partial)
            else:
                files.write_index(self._index, partial)
            file = files.OpenFile(partial)
            width = 4 * self.dim if self.is_exact else int(self._index.code_size) + 8
            stamp = file.stamp(max(0, file.size - width * self.n_rows))
            # A writer that dies from here on leaves no facts, and so no index: never another's.
            facts_path(path).unlink(missing_ok=True)
        if self._mapped is not None:
            self._mapped, self._stamp = file, stamp
            file.path = path
        return stamp

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        whole: bool = False,
        said: Callable[[float], None] = files.tell_nobody,
    ) -> VectorIndex:
        """Open a saved index.

        The file is compared with the checksums written beside it before FAISS reads it. Up to
        `files.MAPPED_BYTES` it is compared whole and kept in memory. A larger one is mapped, its
        rows read when a search touches them; with the time that was noted, its head and samples
        of its rows are compared, else all of it.

        Parameters
        ----------
        path : str or Path
        whole : bool
            Compare all of a large file too.
        said : callable, optional
            Told how much of a large file is compared, in [0, 1].

        Raises
        ------
        DamagedIndexError
            If either file is missing, damaged, or does not fit the other.
        """
        index, facts, file = open_index(Path(path), whole, said)
        made = cls(
            index, facts["factory"], facts["parameters"], facts["recall_at_10"], facts["extra"]
        )
        made._mapped, made._stamp = file, facts["stamp"]
        return made

    @staticmethod
    def read_facts(path: str | Path) -> dict[str, Any]:
        """Read the facts beside an index without touching the index.

        Raises
        ------
        DamagedIndexError
            If the JSON file is missing or damaged.
        """
        return read_facts(Path(path))


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _flat(rows: Rows) -> Any:
    faiss = faiss_module()

    index = faiss.IndexFlatIP(rows.dim)
    for block in rows.blocks():
        index.add(block)
    return index
