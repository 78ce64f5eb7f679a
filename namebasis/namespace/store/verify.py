"""Whether a space is as it was written: every file of it, read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray, Progress
from namebasis.errors import SpaceError
from namebasis.index.facts import DamagedIndexError, facts_path
from namebasis.index.files import Said
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.search import caches, graph_cache, spelling_index
from namebasis.namespace.store import checksums
from namebasis.namespace.store.checksums import Noted
from namebasis.namespace.store.dataset import INDICES, VIEWS
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.opening import IMAGES, holds_commit, open_newest
from namebasis.namespace.store.sums import ViewSum, noted_sums, sum_blocks, whole_digest
from namebasis.namespace.store.unspelled import FITS
from namebasis.reading import UnreadableError, digest_of, read_arrays

if TYPE_CHECKING:
    from namebasis.namespace.store.dataset import Store

Found = dict[str, str]

PARTS = 1000
"""Of each step, as progress counts them."""

# float64 sums of some million float32 values in another order agree to much better than that;
# one flipped exponent bit moves them by more.
_SAME_SUM = 1e-4

_REMEDIES = {
    "names.lance": "the data set is damaged. Build the space again.",
    "images.lance": "delete that folder and add the images again.",
    "measurements.lance": "delete that folder; the next report measures again.",
}


def check_space(store: Store, progress: Progress | None = None) -> Found:
    """Read everything in a space and compare it with what was noted when it was written.

    Vectors, the other columns, every file of the data sets and the newest version of each, fits,
    indices, graphs and what else is kept beside them. Caches of older vectors and caches that are
    missing are no damage: they are rebuilt.

    Parameters
    ----------
    store : Store
    progress : callable, optional
        Called with thousandths of steps done and in all.

    Returns
    -------
    dict of str to str
        What was found of each view and each kind of file.

    Raises
    ------
    SpaceError
        Naming all that is not as it was written.
    """
    steps = list(_steps(store))
    found: Found = {}
    problems: list[str] = []
    for done, (what, step) in enumerate(steps):
        said = partial(_say, progress, done, len(steps))
        said(0.0)
        try:
            found[what] = step(said)
        except SpaceError as error:
            problems.append(str(error))
    _say(progress, len(steps), len(steps), 0.0)
    if problems:
        raise SpaceError(" ".join(dict.fromkeys(problems)))
    return found


def _say(progress: Progress | None, done: int, total: int, share: float) -> None:
    if progress is not None:
        progress(PARTS * done + int(PARTS * min(share, 1.0)), PARTS * total)


def _told(blocks: Iterable[FloatArray], n_rows: int, said: Said) -> Iterator[FloatArray]:
    """The blocks of n rows, and how much of them is read."""
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        said(done / max(1, n_rows))


def _steps(store: Store) -> Iterator[tuple[str, Callable[[Said], str]]]:
    folder = store.place
    yield from ((view, partial(_check_view, store, view)) for view in store.views)
    yield "other columns", partial(_check_columns, store)
    for name in checksums.DATA_SETS:
        if checksums.newest_manifest(folder / name):
            yield name, partial(_check_files, store, name)
        elif name in _noted_names(folder):
            yield name, partial(_check_gone, store, name)
    if remote_of(folder) is not None and holds_commit(folder / IMAGES):
        yield IMAGES, partial(_check_files, store, IMAGES)
    for path in sorted((folder / FITS).glob("*-*.safetensors")):
        yield f"{FITS}/{path.name}", partial(_check_fit, path)
    yield from ((f"index of {view}", partial(_check_index, store, view)) for view in store.views)
    if spelling_index.is_large(store):
        yield "index of names", partial(_check_spellings, store)
    for path in sorted((folder / INDICES).glob("*.graph.npz")):
        yield f"{INDICES}/{path.name}", partial(_check_graph, store, path)
    for path in sorted((folder / INDICES).glob("*.npz")):
        if not path.name.endswith(".graph.npz"):
            yield f"{INDICES}/{path.name}", partial(_check_arrays, path)


def _check_view(store: Store, view: str, said: Said) -> str:
    noted = noted_sums(store).get(view)
    if noted is None:
        blocks = _told(store.blocks(view), store.n_rows, said)
        sum_blocks(blocks, store.dim(view), store.n_rows)  # reads it all the same
        return "nothing was noted to compare with"
    if not _is_same(store, view, noted, said):
        raise SpaceError(
            f"{store.uri}: the vectors of the view {view} are not those that were written; the "
            "data set is damaged. Build the space again."
        )
    how = "as they were written" if noted.digest else "of the sum that was noted (no checksum then)"
    newer = store.n_rows - noted.n_rows
    return f"{noted.n_rows:,} vectors {how}" + (f"; {newer:,} newer ones unchecked" * (newer > 0))


def _is_same(store: Store, view: str, noted: ViewSum, said: Said) -> bool:
    blocks = _told(store.blocks(view), min(noted.n_rows, store.n_rows), said)
    found = sum_blocks(blocks, store.dim(view), noted.n_rows)
    if not noted.digest:
        return bool(np.abs(found.total - noted.total).max(initial=0) < _SAME_SUM)
    digest = found.digest if noted.can_grow else whole_digest(store, view, noted.n_rows)
    # The sum is noted apart from the digest, and means are made of it.
    is_sum = bool(np.abs(found.total - noted.total).max(initial=0) < _SAME_SUM)
    return found.n_rows == noted.n_rows and digest == noted.digest and is_sum


def _check_columns(store: Store, said: Said) -> str:
    """Read all but the vectors, and look that ids are the row numbers and texts are texts."""
    start = 0
    with reading(store.uri):
        for batch in store.batches([name for name in store.columns if name not in VIEWS]):
            batch.validate(full=True)
            ids = batch["id"].to_numpy(zero_copy_only=False)
            if not np.array_equal(ids, np.arange(start, start + len(batch))):
                raise ValueError(f"the ids from row {start} on are not the row numbers")
            start += len(batch)
            said(start / max(1, store.n_rows))
    return f"{start:,} rows of {len(store.columns)} columns are readable"


def _noted_names(folder: Path) -> set[str]:
    try:
        return set(checksums.read_noted(folder))
    except SpaceError:
        return set()  # said by the step of names.lance


def _check_gone(store: Store, name: str, _said: Said) -> str:
    if (store.place / name).exists():
        raise SpaceError(f"{store.place / name}: its versions are missing; {_REMEDIES[name]}")
    return "deleted since"


def _check_files(store: Store, name: str, said: Said) -> str:
    """Compare the files of the newest version of a data set with their checksums."""
    uri = store.place / name
    noted = checksums.read_noted(store.place).get(name)
    if noted is None:
        _read_all(store, name)
        return "nothing was noted to compare with"
    newest = checksums.newest_manifest(uri)
    if newest > noted.newest and noted.newest == _noted_newest(store, name):
        raise SpaceError(
            f"{uri}/{checksums.manifest(noted.newest)}: missing, and with it what was written "
            f"last; {_REMEDIES[name]}"
        )
    files = [checksums.manifest(newest), *_used(store, name)]
    n_bytes, n_read, n_same = sum(map(_size, (uri / file for file in files))), 0, 0

    def seen(more: int) -> None:
        nonlocal n_read
        n_read += more
        said(n_read / max(1, n_bytes))

    for file in files:
        n_same += _is_file_same(uri, file, noted, _REMEDIES[name], seen)
    newer = len(files) - n_same
    return f"{n_same:,} files as they were written" + f"; {newer:,} newer ones unchecked" * (
        newer > 0
    )


def _noted_newest(store: Store, name: str) -> str:
    """Read again what is noted: a writer may have gone on meanwhile."""
    again = checksums.read_noted(store.place).get(name, Noted())
    return "" if (store.place / name / checksums.manifest(again.newest)).exists() else again.newest


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # whoever reads it says so


def _is_file_same(
    uri: Path, file: str, noted: Noted, remedy: str, seen: Callable[[int], None]
) -> bool:
    known = noted.files.get(file)
    try:
        now = checksums.crc_of(uri / file, seen)
    except UnreadableError as error:
        raise SpaceError(f"{error} It is damaged: {remedy}") from None
    if known is None:
        return False
    if now != known[:2]:
        raise SpaceError(f"{uri / file}: not as it was written; {remedy}")
    return True


def _used(store: Store, name: str) -> list[str]:
    """The files that the newest version of a data set is made of, in its folder."""
    dataset: Any = store.dataset if name == store.uri.name else _open(store, name)
    files = []
    with reading(store.place / name):
        for fragment in dataset.get_fragments():
            files += [f"data/{file.path}" for file in fragment.data_files()]
            deleted = fragment.deletion_file()
            files += [deleted] if deleted else []
    return files


def _open(store: Store, name: str) -> Any:
    return open_newest(store.place / name)


def _read_all(store: Store, name: str) -> None:
    if name != store.uri.name:
        with reading(store.place / name):
            for batch in _open(store, name).to_batches():
                batch.validate(full=True)


def _check_fit(path: Path, _said: Said) -> str:
    """A fit is named after the digest of its content."""
    told = path.stem.rpartition("-")[2]
    try:
        is_same = digest_of(path).startswith(told)
    except UnreadableError:
        is_same = False
    if not is_same:
        space = path.parent.parent
        raise SpaceError(
            f"{path}: not as it was written. Run `namebasis unspell {space} --rebuild`."
        )
    return "as it was written"


def _check_index(store: Store, view: str, said: Said) -> str:
    path = caches.index_path(store.place, view)
    if not path.exists():
        return "none; it is built at the first query"
    if not facts_path(path).exists():
        return "not finished; it is rebuilt at the next query"
    try:
        index = caches.open_saved(store, view, whole=True, said=said)
    except caches.OtherVectorsError:
        return "of other vectors; it is rebuilt at the next query"
    except DamagedIndexError as error:
        raise SpaceError(f"{error} Delete it; it will be rebuilt.") from None
    start = 0
    if index.rows is not None:
        for block in store.blocks(view):
            rows = index.rows[start : start + len(block)]
            if not np.array_equal(rows, block[: len(rows)]):
                raise SpaceError(
                    f"{path}: not of the stored vectors. Delete it; it will be rebuilt."
                )
            start += len(rows)
            said(start / max(1, index.n_rows))
    return f"{index.n_rows:,} rows as they were written"


def _check_spellings(store: Store, _said: Said) -> str:
    try:
        return spelling_index.check_file(store)
    except DamagedIndexError as error:
        raise SpaceError(f"{error} Delete it; it will be made again.") from None


def _check_graph(store: Store, path: Path, _said: Said) -> str:
    view, _, k = path.name.removesuffix(".graph.npz").rpartition(".k")
    if view not in store.views or not k.isdecimal():
        return "of no view"
    key = graph_cache.graph_key(store, view, store.build_id, int(k))
    graph, problem = graph_cache.read_graph(path, store.n_rows, int(k), key)
    if problem:
        raise SpaceError(f"{path}: damaged ({problem}). Delete it; it will be rebuilt.")
    return "of other vectors; it is rebuilt when needed" if graph is None else "whole"


def _check_arrays(path: Path, _said: Said) -> str:
    try:
        read_arrays(path, 2**31)
    except UnreadableError as error:
        raise SpaceError(f"{error} Delete it; it will be rebuilt.") from None
    return "whole"
