"""The Lance data set of a space: opened with clear refusals, read in order, written atomically."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import NamebasisError, SpaceError
from namebasis.namespace.filters import check_where, explain

NAMES = "names.lance"
IMAGES = "images.lance"
INDICES = "indices"
VIEWS = ("text", "token", "image", "unspelled")
IMAGE_COUNT = "n_images"
"""The column that says how many images a name has; the `image` view is 0 where it has none."""
HIDDEN = "__"
"""Columns whose name begins so are half-done replacements; nobody sees them."""

BLOCK_ROWS = 16_384

MANIFEST_TAIL = 16
"""Bytes of a manifest's footer: position, two version numbers, and the letters LANC."""


class Store:
    """Rows of one space at one version of its data set.

    Parameters
    ----------
    folder : Path
        The space's folder, which holds `names.lance`.

    Raises
    ------
    SpaceError
        If there is no readable data set of names in it.
    """

    def __init__(self, folder: Path, dataset: Any = None) -> None:
        self.folder = folder
        self.uri = folder / NAMES
        self.dataset: Any = open_dataset(self.uri) if dataset is None else dataset
        self.schema: pa.Schema = self.dataset.schema
        self.n_rows: int = self.dataset.count_rows()
        self.version: int = self.dataset.version

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
        with reading(self.uri):
            try:
                scanner = self.dataset.scanner(columns=list(columns), scan_in_order=True, **filters)
                return scanner.to_table()
            except ValueError as error:
                if where is None:
                    raise
                raise explain(where, error, self.columns) from None

    def take(self, ids: IntArray, columns: Sequence[str]) -> pa.Table:
        """Rows by number, in the order asked for, repeated where asked twice."""
        unique, inverse = np.unique(ids, return_inverse=True)
        with reading(self.uri):
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
        with reading(self.uri):
            scanner = self.dataset.scanner(
                columns=list(columns),
                offset=start,
                batch_size=BLOCK_ROWS,
                batch_readahead=2,
                scan_in_order=True,
            )
            yield from scanner.to_batches()

    def tidy(
        self, older_than: timedelta = timedelta(hours=1), *, delete_unverified: bool = False
    ) -> None:
        """Drop versions that nobody reads any more; the newest stays as it is.

        Parameters
        ----------
        older_than : timedelta
            Younger versions stay, for readers that opened the space before the last write.
        delete_unverified : bool
            Delete files of no version too; only while the space is locked.
        """
        self.dataset.cleanup_old_versions(
            older_than=older_than, delete_unverified=delete_unverified
        )

    def refresh(self) -> None:
        """Move to the newest version."""
        self.__init__(self.folder)  # type: ignore[misc]


def one_line(error: BaseException) -> str:
    """An engine's message without its source position and line breaks."""
    text = str(error).partition(", /home/")[0].partition(", /root/")[0]
    return " ".join(text.split())


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


def holds_versions(folder: Path) -> bool:
    """Whether a first commit of the data set was made in `folder`."""
    versions = folder / NAMES / "_versions"
    return versions.is_dir() and any(versions.glob("*.manifest"))


def open_dataset(uri: Path) -> Any:
    """Open a data set and look that its files are there with the sizes written down.

    Raises
    ------
    SpaceError
        Naming the file that is missing, cut short or damaged.
    """
    if not uri.parent.exists():
        raise SpaceError(f"{uri.parent}: there is no name space. Make one with `namebasis build`.")
    if not holds_versions(uri.parent):
        lacks = f"its {NAMES} holds no version" if uri.exists() else f"it holds no {NAMES}"
        raise SpaceError(
            f"{uri.parent}: not a name space, {lacks}. Make one with `namebasis build`."
        )
    import lance

    _check_manifest(min((uri / "_versions").glob("*.manifest")))
    with reading(uri):
        dataset = lance.dataset(str(uri))
        for fragment in dataset.get_fragments():
            for file in fragment.data_files():
                _check_file(uri / "data" / file.path, file.file_size_bytes)
    return dataset


@contextmanager
def reading(uri: Path) -> Iterator[None]:
    """Turn what the engine raises over a damaged data set into one line.

    Raises
    ------
    SpaceError
        For its errors and its panics, which are no `Exception`.
    """
    try:
        yield
    except NamebasisError:
        raise
    except BaseException as error:
        known = isinstance(error, (ValueError, OSError, RuntimeError, pa.ArrowException))
        if not known and type(error).__name__ != "PanicException":
            raise
        raise SpaceError(f"{uri}: the data set is damaged ({one_line(error)}).") from None


def _check_manifest(path: Path) -> None:
    """Look at a manifest's last bytes, over which the engine would panic."""
    content = path.read_bytes()
    if len(content) < MANIFEST_TAIL or not content.endswith(b"LANC"):
        raise SpaceError(f"{path}: cut short or overwritten; the data set is damaged.")


def _check_file(path: Path, expected: int | None) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        raise SpaceError(f"{path}: missing; the data set is damaged.") from None
    if expected and size != expected:
        raise SpaceError(f"{path}: holds {size:,} bytes, not {expected:,}; it is damaged.")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other writers out of a space; the lock ends with the process that holds it.

    Raises
    ------
    SpaceError
        If another process writes to the space.
    """
    try:
        import fcntl
    except ImportError:
        # Windows: two writers at once are then the user's to avoid.
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SpaceError(f"{folder}: another process is writing to it; wait for it.") from None
        yield
    finally:
        os.close(descriptor)
