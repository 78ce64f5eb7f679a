"""The Lance data set of a space: opened with clear refusals, read in order, written atomically."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import ReplacedError, SpaceError
from namebasis.index.row_set import RowSet
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.store.engine_errors import is_of_engine, reading
from namebasis.namespace.store.filter_words import Held, explain
from namebasis.namespace.store.filters import check_where
from namebasis.namespace.store.opening import (
    NAMES,
    check_files,
    named,
    open_dataset,
    open_pinned,
)
from namebasis.namespace.store.pins import Pin
from namebasis.namespace.store.provenance import Provenance
from namebasis.namespace.store.upkeep import drop_versions, keep_up
from namebasis.namespace.where.counts import SHARED, SharedCounts
from namebasis.recent import Recent
from namebasis.wording import did_you_mean

INDICES = "indices"
MEASURED = {"own": "identity --where \"part = 'full'\" --write"}
"""Views that a study writes of the names it measured, and no others have; and how it is run."""
COMPUTED = {
    "conditioning": "condition", "conditioning_last": "condition", "denoiser": "denoise", **MEASURED
}  # fmt: skip
"""Views that another model than the encoder computes, and the command that computes each."""
VIEWS = ("text", "token", "image", "unspelled", *COMPUTED)
IMAGE_COUNT = "n_images"
"""The column that says how many images a name has; the `image` view is 0 where it has none."""
OF_PICTURES = "image:"
"""Begins the views that are made when they are asked for: of the pictures of one source."""
HIDDEN = "__"
"""Columns whose name begins so are half-done replacements; nobody sees them."""

BLOCK_ROWS = 16_384
_FILTERS = 32
"""Filters whose rows stay in memory."""
_FILTER_BYTES = 2**26
"""Of all of them together, at one bit for each row of the space."""
_MOST_VALUES = 5_000
"""Values of a column among which the near ones are looked for."""


def norm_column(view: str) -> str:
    """The column beside a computed view: lengths before scaling, null where nobody looked."""
    return f"{view}_norm"


class MadeView(Protocol):
    """A view that no column holds."""

    @property
    def names(self) -> IntArray:
        """Rows that have a vector, ascending."""
        ...

    @property
    def dim(self) -> int:
        """Width of its vectors."""
        ...

    @property
    def centre(self) -> FloatArray:
        """Mean of all that it is made of, (dim,); not of length 1."""
        ...

    @property
    def made_of(self) -> str:
        """Tells its vectors from any others."""
        ...

    def rows(self, start: int, stop: int) -> FloatArray:
        """Vectors from one row up to another, 0 for those without one."""
        ...

    def of(self, ids: IntArray) -> FloatArray:
        """Vectors of rows in the order asked for."""
        ...


class Store:
    """Rows of one space at one version of its data set.

    Parameters
    ----------
    folder : Path
        The space's folder, which holds `names.lance`.
    dataset : LanceDataset, optional
        Already open.
    pinned : bool
        Keep the files of this version for as long as the store is there, also where the space is
        replaced or written to meanwhile.

    Raises
    ------
    SpaceError
        If there is no readable data set of names in it.
    """

    def __init__(self, folder: Path, dataset: Any = None, *, pinned: bool = False) -> None:
        self.folder = folder
        self.uri = folder / NAMES
        self._pin: Pin | None = None
        if pinned:
            self._pin, self.dataset = open_pinned(self.uri)
        else:
            self.dataset = open_dataset(self.uri) if dataset is None else dataset
        self.schema: pa.Schema = self.dataset.schema
        self.n_rows: int = self.dataset.count_rows()
        self.version: int = self.dataset.version
        self.lacking: dict[str, bool] = {}
        self.uncomputed: dict[str, int] = {}
        self.shared = SharedCounts(self.dataset, self.n_rows)
        self.make_view: Callable[[str], MadeView] | None = None
        self._made: dict[str, MadeView] = {}
        self.passed: Recent[RowSet] = Recent(_FILTERS, _FILTER_BYTES, lambda rows: rows.bits.nbytes)

    @property
    def place(self) -> Path:
        """Where its folder lies now; elsewhere than it was opened where it was replaced since."""
        return self.folder if self._pin is None else self._pin.place

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """The schema's metadata."""
        return self.schema.metadata or {}

    @property
    def views(self) -> tuple[str, ...]:
        """The vector columns."""
        return tuple(view for view in VIEWS if view in self.schema.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are no vectors."""
        return tuple(
            name for name in self.schema.names if name not in VIEWS and not name.startswith(HIDDEN)
        )

    def dim(self, view: str) -> int:
        """Width of a view.

        Raises
        ------
        ValueError
            If the space has no such view.
        """
        made = self.made(view)
        if made is not None:
            return made.dim
        if view not in self.views:
            remedy = {
                **{
                    one: f" Make it with `namebasis {command} {self.folder}`."
                    for one, command in COMPUTED.items()
                },
                "unspelled": f" Make it with `namebasis unspell {self.folder}`.",
                "image": f" It comes with pictures: `namebasis add {self.folder} --images FOLDER`.",
            }.get(view)
            raise ValueError(
                f"view must be one of {', '.join(self.views)}; got {view!r}."
                f"{remedy or did_you_mean(view, self.views)}"
            )
        return int(self.schema.field(view).type.list_size)

    def made(self, view: str) -> MadeView | None:
        """A view of the pictures of one source, such as ``image:photos``; None for any other.

        Raises
        ------
        ValueError
            If no picture of the source was added.
        """
        if not isinstance(view, str) or not view.startswith(OF_PICTURES) or not self.make_view:
            return None
        if view not in self._made:
            self._made[view] = self.make_view(view.removeprefix(OF_PICTURES))
        return self._made[view]

    def not_computed(self, view: str) -> int:
        """Names that were added since a view was computed; 0 of views that come with a name.

        Nor of those that a study measured for some names: the others have none.
        """
        if view not in COMPUTED or view in MEASURED or view not in self.views:
            return 0
        if view not in self.uncomputed:
            column = self.scan([norm_column(view)])[norm_column(view)]
            self.uncomputed[view] = int(column.null_count)
        return self.uncomputed[view]

    def scan(self, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Rows that `where` accepts, in their order.

        Raises
        ------
        FilterError
            If `where` is not one boolean expression over the columns.
        SpaceError
            If the data set cannot be read.
        """
        if where is None:
            with self._reading():
                return self._scanned(self.dataset, columns)
        checked = check_where(where, self.columns)
        with self._reading():
            counted = self.shared.data_set_for(checked)
            try:
                if counted is not None:
                    ids = np.asarray(self._scanned(counted, ["id"], checked)["id"])
                    return self._rows(ids, columns)
                return self._scanned(self.dataset, columns, checked)
            except BaseException as error:
                if not is_of_engine(error) or not self._reads(columns):
                    raise
                raise explain(where, error, self.held()) from None

    def evaluate(self, expression: str) -> pa.ChunkedArray:
        """Values of an SQL expression over the columns, one for each row, in their order.

        Raises
        ------
        FilterError
            If the engine refuses the expression.
        SpaceError
            If the data set cannot be read.
        """
        checked = check_where(expression, self.columns)
        with self._reading():
            counted = self.shared.data_set_for(checked)
            try:
                asked = {"id": "id", "value": checked}
                dataset = self.dataset if counted is None else counted
                return dataset.scanner(columns=asked, scan_in_order=True).to_table()["value"]
            except BaseException as error:
                if not is_of_engine(error) or not self._reads(["id"]):
                    raise
                raise explain(expression, error, self.held()) from None

    def _reads(self, columns: Sequence[str]) -> bool:
        """Whether columns can be read at all: if so, a filter was at fault, even by a panic."""
        try:
            self.dataset.scanner(columns=list(columns)).to_table()
        except BaseException as error:
            if not is_of_engine(error):
                raise
            return False
        return True

    def held(self) -> Held:
        """What its columns hold, for answers to filters."""
        schema = self.dataset.schema
        kinds = {name: _kind(schema.field(name).type) for name in self.columns}
        return Held(self.columns, kinds, self._values, self._span, self._refusal)

    def _values(self, column: str) -> list[str] | None:
        """Values of a column of texts, or in its lists, sorted; None of others or of very many."""
        kind = self.dataset.schema.field(column).type if column in self.columns else None
        is_list = kind is not None and pa.types.is_list(kind)
        if kind is None or not pa.types.is_string(kind.value_type if is_list else kind):
            return None
        rows = self.scan([column])[column]
        found = pc.unique(pc.list_flatten(rows) if is_list else rows).drop_null()
        return sorted(found.to_pylist()) if len(found) <= _MOST_VALUES else None

    def _span(self, column: str) -> tuple[float, float] | None:
        ends = pc.min_max(self.scan([column])[column]).as_py()
        return None if ends["min"] is None else (float(ends["min"]), float(ends["max"]))

    def _refusal(self, where: str) -> str | None:
        try:
            self.dataset.scanner(columns=["id"], filter=f"({where})", limit=1).to_table()
        except BaseException as error:
            if not is_of_engine(error):
                raise
            return str(error)
        return None

    def take(self, ids: IntArray, columns: Sequence[str]) -> pa.Table:
        """Rows by number, in the order asked for, repeated where asked twice."""
        unique, inverse = np.unique(ids, return_inverse=True)
        with self._reading():
            rows = self.dataset.take(pa.array(unique), columns=list(columns))
            rows = self.shared.put_right(rows, unique)
        return rows.take(pa.array(inverse.reshape(-1)))

    def _rows(self, ids: IntArray, columns: Sequence[str]) -> pa.Table:
        """Some rows in their order; of many, a walk over all is quicker."""
        if len(ids) < self.n_rows // 4:
            return self.take(ids, columns)
        return self._scanned(self.dataset, columns).take(pa.array(ids))

    def _scanned(self, dataset: Any, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Rows of a data set in their order."""
        asked = {} if where is None else {"filter": where}
        read = list(columns)
        if where is None or set(SHARED).isdisjoint(read):
            rows = dataset.scanner(columns=read, scan_in_order=True, **asked).to_table()
            return self.shared.put_right(rows, None)
        read = list(dict.fromkeys([*read, "id"]))
        rows = dataset.scanner(columns=read, scan_in_order=True, **asked).to_table()
        return self.shared.put_right(rows, np.asarray(rows["id"])).select(list(columns))

    def vectors(self, view: str, ids: IntArray | None = None, start: int = 0) -> FloatArray:
        """Vectors of a view: of `ids` in their order, or of all rows from `start` on.

        Returns
        -------
        ndarray of shape (n, dim), float32
        """
        dim = self.dim(view)
        made = self.made(view)
        if made is not None:
            return made.rows(start, self.n_rows) if ids is None else made.of(ids)
        if ids is not None and len(ids) < self.n_rows // 2:
            return check_units(as_matrix(self.take(ids, [view])[view], dim), self.uri)
        out = np.empty((self.n_rows - start, dim), dtype=np.float32)
        done = 0
        for block in self.blocks(view, start):
            out[done : done + len(block)] = block
            done += len(block)
        return out if ids is None else out[ids]

    def blocks(self, view: str, start: int = 0) -> Iterator[FloatArray]:
        """Walk the vectors of a view from row `start` on, some thousand rows at a time."""
        dim = self.dim(view)
        made = self.made(view)
        if made is not None:
            for at in range(start, self.n_rows, BLOCK_ROWS):
                yield made.rows(at, min(at + BLOCK_ROWS, self.n_rows))
            return
        for batch in self.batches([view], start):
            yield check_units(as_matrix(batch.column(0), dim), self.uri)

    def batches(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Walk columns from row `start` on, some thousand rows at a time."""
        if start >= self.n_rows:
            return
        with self._reading():
            scanner = self.dataset.scanner(
                columns=list(columns),
                offset=start,
                batch_size=BLOCK_ROWS,
                batch_readahead=2,
                scan_in_order=True,
            )
            yield from scanner.to_batches()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell damage from files that went because the space was replaced or written to."""
        try:
            with named(self._pin), reading(self.uri):
                yield
        except SpaceError:
            if not self.folder.exists() and remote_of(self.folder) is None:
                raise ReplacedError(
                    f"{self.folder}: the space is gone since it was opened."
                ) from None
            if self._is_gone():
                raise ReplacedError(
                    f"{self.folder}: the space was replaced or written to since it was opened, "
                    "and what was opened is gone. Open it again."
                ) from None
            raise

    def _is_gone(self) -> bool:
        """Whether files of this version are gone while a newer one can be opened."""
        try:
            check_files((self._pin.path if self._pin else self.folder) / NAMES, self.dataset)
        except SpaceError:
            try:
                open_dataset(self.uri)
            except SpaceError:
                return not self.uri.exists()
            return True
        return False

    @property
    def build_id(self) -> str:
        """The random id of the build that made the rows."""
        return Provenance.from_metadata(self.metadata, str(self.folder)).build_id

    def keep_up(self) -> None:
        """Merge small pieces and drop old versions; only while the space is locked."""
        keep_up(self.dataset, self.uri)
        self.refresh()

    def forget(self) -> None:
        """Drop every version but the newest that no open space reads; while it is locked."""
        drop_versions(self.dataset, self.uri, 1)
        self.refresh()

    def tidy(self) -> None:
        """Drop all versions but the newest, and what killed writers left; while it is locked."""
        if remote_of(self.folder) is not None:
            self.forget()  # another machine may be writing
        else:
            self.dataset.cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)

    def refresh(self) -> None:
        """Move to the newest version."""
        self.__init__(self.folder, pinned=self._pin is not None)  # type: ignore[misc]


def _kind(kind: pa.DataType) -> str:
    """What a column holds, as answers to filters call it."""
    if pa.types.is_list(kind):
        return "lists of births by year" if pa.types.is_struct(kind.value_type) else "lists"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "numbers"
    return "texts" if pa.types.is_string(kind) else "truths" if pa.types.is_boolean(kind) else ""


def as_matrix(column: pa.ChunkedArray | pa.Array, dim: int) -> FloatArray:
    """Fixed-size lists as a matrix."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [np.asarray(chunk.flatten(), dtype=np.float32).reshape(-1, dim) for chunk in chunks]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, dim), dtype=np.float32)


def check_units(rows: FloatArray, uri: Path) -> FloatArray:
    """Return stored rows that are unit vectors, or 0 where a name has no token.

    Raises
    ------
    SpaceError
        If they are not: nothing but damage to the file makes them so.
    """
    squares = np.einsum("ij,ij->i", rows, rows)
    if not np.all((np.abs(squares - 1) < 1e-2) | (squares == 0)):
        raise SpaceError(f"{uri}: the data set is damaged (vectors that are not of length 1).")
    return rows


def as_column(matrix: npt.NDArray[Any]) -> pa.FixedSizeListArray:
    """A matrix as fixed-size lists."""
    values = pa.array(np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(values, matrix.shape[1])
