"""The Lance data set of a space: opened with clear refusals, read in order, written atomically."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import NamebasisError, ReplacedError, SpaceError
from namebasis.forks import enter_lance
from namebasis.namespace.engine_errors import is_of_engine, reading
from namebasis.namespace.filters import check_where, explain
from namebasis.namespace.pins import Pin, pin
from namebasis.namespace.places import for_lance
from namebasis.namespace.provenance import Provenance
from namebasis.namespace.upkeep import keep_up

NAMES = "names.lance"
IMAGES = "images.lance"
INDICES = "indices"
VIEWS = ("text", "token", "image", "unspelled")
IMAGE_COUNT = "n_images"
"""The column that says how many images a name has; the `image` view is 0 where it has none."""
HIDDEN = "__"
"""Columns whose name begins so are half-done replacements; nobody sees them."""

BLOCK_ROWS = 16_384

PATIENCE = 30.0
"""Seconds to try again while writers beside this process change what is opened."""

MANIFEST_TAIL = 16
"""Bytes of a manifest's footer: position, two version numbers, and the letters LANC."""


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
            self._pin, self.dataset = _open_pinned(self.uri)
        else:
            self.dataset = open_dataset(self.uri) if dataset is None else dataset
        self.schema: pa.Schema = self.dataset.schema
        self.n_rows: int = self.dataset.count_rows()
        self.version: int = self.dataset.version
        self.lacking: dict[str, bool] = {}

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
        if view not in self.views:
            remedy = f" Make it with `namebasis unspell {self.folder}`." * (view == "unspelled")
            raise ValueError(f"view must be one of {', '.join(self.views)}; got {view!r}.{remedy}")
        return int(self.schema.field(view).type.list_size)

    def scan(self, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Rows that `where` accepts, in their order.

        Raises
        ------
        FilterError
            If `where` is not one boolean expression over the columns.
        SpaceError
            If the data set cannot be read.
        """
        filters = {} if where is None else {"filter": check_where(where, self.columns)}
        with self._reading():
            try:
                scanner = self.dataset.scanner(columns=list(columns), scan_in_order=True, **filters)
                return scanner.to_table()
            except BaseException as error:
                if where is None or not is_of_engine(error) or not self._reads(columns):
                    raise
                raise explain(where, error, self.columns, self._lists()) from None

    def _reads(self, columns: Sequence[str]) -> bool:
        """Whether columns can be read at all: if so, a filter was at fault, even by a panic."""
        try:
            self.dataset.scanner(columns=list(columns)).to_table()
        except BaseException as error:
            if not is_of_engine(error):
                raise
            return False
        return True

    def _lists(self) -> list[str]:
        schema = self.dataset.schema
        return [name for name in self.columns if pa.types.is_list(schema.field(name).type)]

    def take(self, ids: IntArray, columns: Sequence[str]) -> pa.Table:
        """Rows by number, in the order asked for, repeated where asked twice."""
        unique, inverse = np.unique(ids, return_inverse=True)
        with self._reading():
            rows = self.dataset.take(pa.array(unique), columns=list(columns))
        return rows.take(pa.array(inverse.reshape(-1)))

    def vectors(self, view: str, ids: IntArray | None = None, start: int = 0) -> FloatArray:
        """Vectors of a view: of `ids` in their order, or of all rows from `start` on.

        Returns
        -------
        ndarray of shape (n, dim), float32
        """
        dim = self.dim(view)
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
            with _named(self._pin), reading(self.uri):
                yield
        except SpaceError:
            if not self.folder.exists():
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
            _check_files((self._pin.path if self._pin else self.folder) / NAMES, self.dataset)
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

    def tidy(self) -> None:
        """Drop all versions but the newest, and what killed writers left; while it is locked."""
        self.dataset.cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)

    def refresh(self) -> None:
        """Move to the newest version."""
        self.__init__(self.folder, pinned=self._pin is not None)  # type: ignore[misc]


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


def holds_commit(uri: Path) -> bool:
    """Whether a first commit of a data set was made; a writer that was killed may leave less."""
    return any((uri / "_versions").glob("*.manifest"))


def holds_versions(folder: Path) -> bool:
    """Whether a first commit of the data set was made in `folder`."""
    return newest_version(folder) is not None


def open_dataset(uri: Path) -> Any:
    """Open a data set and look that its files are there with the sizes written down.

    Raises
    ------
    SpaceError
        Naming the file that is missing, cut short or damaged.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        before = newest_version(uri.parent)
        try:
            return _open(uri)
        except SpaceError:
            # A writer beside this process may just have put another version in its place.
            if newest_version(uri.parent) == before or time.monotonic() > deadline:
                raise


def _open_pinned(uri: Path) -> tuple[Pin | None, Any]:
    """Open a data set, and hold its folder and its version where the system can."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with reading(uri):
            held = pin(uri.parent)
        if held is None:
            return None, open_dataset(uri)
        at = held.path / NAMES
        with _named(held), reading(at):
            dataset = open_dataset(at)
            # The version may have been dropped before it was held.
            if held.hold(at, dataset.version):
                _check_files(at, dataset)
                return held, dataset
        if time.monotonic() > deadline:
            raise SpaceError(f"{uri}: its versions are dropped all the time. Try again.")


@contextmanager
def _named(held: Pin | None) -> Iterator[None]:
    """Name a folder in refusals as it was asked for, and not by its descriptor."""
    try:
        yield
    except NamebasisError as error:
        if held is not None:
            # Lance leaves the first slash out.
            short, folder = (str(path).lstrip("/") for path in (held.path, held.folder))
            error.args = (str(error).replace(short, folder),)
        raise


def newest_version(folder: Path) -> tuple[int, str] | None:
    """Which data set lies in a folder, and its newest version; None where there is none."""
    uri = folder / NAMES
    try:
        # Named by the largest number minus the version, so that the newest comes first.
        name = min(entry for entry in os.listdir(uri / "_versions") if entry.endswith(".manifest"))
        return uri.stat().st_ino, name
    except (OSError, ValueError):
        return None


def _open(uri: Path) -> Any:
    if not uri.parent.exists():
        raise SpaceError(f"{uri.parent}: there is no name space. Make one with `namebasis build`.")
    newest = newest_version(uri.parent)
    if newest is None:
        _check_rights(uri)
        lacks = f"its {NAMES} holds no version" if uri.exists() else f"it holds no {NAMES}"
        raise SpaceError(
            f"{uri.parent}: not a name space, {lacks}. Make one with `namebasis build`."
        )
    enter_lance(uri.parent)
    import lance

    with reading(uri):
        _check_manifest(uri / "_versions" / newest[1])
        dataset = lance.dataset(for_lance(uri))
        _check_files(uri, dataset)
    return dataset


def _check_rights(uri: Path) -> None:
    for folder in (uri.parent, uri, uri / "_versions"):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise SpaceError(f"{folder}: permission denied. Check the rights of the folder.")


def _check_files(uri: Path, dataset: Any) -> None:
    """Look that the files of a version are there with the sizes written down."""
    for fragment in dataset.get_fragments():
        for file in fragment.data_files():
            _check_file(uri / "data" / file.path, file.file_size_bytes)


def _check_manifest(path: Path) -> None:
    """Look at a manifest's last bytes, over which the engine would panic."""
    content = path.read_bytes()
    if len(content) < MANIFEST_TAIL or not content.endswith(b"LANC"):
        raise SpaceError(f"{path}: cut short or overwritten; the data set is damaged.")


def _check_file(path: Path, expected: int | None) -> None:
    try:
        size = path.stat().st_size
    except PermissionError:
        raise SpaceError(f"{path}: permission denied. Check the rights of the folder.") from None
    except OSError:
        raise SpaceError(f"{path}: missing; the data set is damaged.") from None
    if expected and size != expected:
        raise SpaceError(f"{path}: holds {size:,} bytes, not {expected:,}; it is damaged.")
