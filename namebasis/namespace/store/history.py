"""What was done to a space, and the versions that lie before each change, so that it can be undone.

Every change tags the version of the data set that it begins from, which keeps that version's
files, and is noted in `history.json` before and after. So whenever a process dies, the next writer
knows whether the change was committed. Names and images are two data sets: where a change that
commits to both died between the two, the images are brought back.

In object storage, where no lock keeps other machines out, the history is metadata of the data set
itself, so that each version holds the changes that led to it. A change is described by its tag
until it is noted there: where versions follow on the tagged one, it was stopped. No tag counts
of a version from before the history was last noted: what followed there was another writer's.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.atomic import replacing_file
from namebasis.errors import SpaceError
from namebasis.namespace.objects.data_sets import bring_pictures_back
from namebasis.namespace.objects.picture_versions import hold
from namebasis.namespace.objects.refusals import is_conflict
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.store.opening import IMAGES, images_version, open_newest
from namebasis.namespace.store.upkeep import tag_version
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, parse_json, read_text
from namebasis.wording import visible

if TYPE_CHECKING:
    from namebasis.namespace.store.dataset import Store

HISTORY = "history.json"
MOST = 10
"""Changes that can be undone."""
MOST_REWRITES = 3
"""Of these, changes that wrote all vectors again, each of which keeps as many bytes."""
HISTORY_KEY = "namebasis.history"
"""In the metadata of a data set in object storage: its history."""
_TAG = "namebasis-undo-"
_WORDS = "namebasis.change"
"""In a tag's metadata: the change that begins there."""
_DAMAGES = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_TRIES = 5
"""Times that a change is noted where other machines write."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """One change of a space.

    Attributes
    ----------
    number : int
        Counts the changes of a space, from 1.
    what : str
        In a few words, such as ``remove of 3 names``.
    when : str
        ISO date and time, UTC.
    before : int
        Version of the names that it began from.
    images_before : int or None
        Version of the images that it began from, 0 where there were none; None where it leaves
        images as they are.
    after, images_after : int or None
        Versions that were there when it was undone, to which a redo goes.
    is_rewrite : bool
        Whether it wrote all vectors again.
    is_undone : bool
    was_stopped : bool
        Whether its process died, or was refused, before its end.
    """

    number: int
    what: str
    when: str
    before: int
    images_before: int | None = None
    after: int | None = None
    images_after: int | None = None
    is_rewrite: bool = False
    is_undone: bool = False
    was_stopped: bool = False


@dataclass(frozen=True)
class Begun:
    """What a process began and has not ended: a ``change``, ``undo`` or ``redo`` of a number."""

    kind: str
    number: int
    names: int
    images: int | None


@dataclass
class History:
    """The changes of a space, oldest first.

    Attributes
    ----------
    changes : list of Change
        Those that can be undone, then those that were undone and can be redone.
    n_changes : int
        How many there ever were.
    extents : dict of str to int
        By the id of a view's writing or of a build: the most rows that it ever had.
    begun : Begun or None
    noted_from : int
        In object storage: the version that the noting followed on.
    """

    changes: list[Change] = field(default_factory=list)
    n_changes: int = 0
    extents: dict[str, int] = field(default_factory=dict)
    begun: Begun | None = None
    noted_from: int = 0

    @property
    def done(self) -> list[Change]:
        """Changes that can be undone, oldest first."""
        return [change for change in self.changes if not change.is_undone]

    @property
    def undone(self) -> list[Change]:
        """Changes that can be redone, the one that was undone last first."""
        return [change for change in self.changes if change.is_undone]

    def put(self, change: Change) -> None:
        """Replace the change of the same number."""
        self.changes = [change if one.number == change.number else one for one in self.changes]

    def grow(self, store: Store) -> None:
        """Note how many rows the views and the build of a store have."""
        for key in _ids(store):
            self.extents[key] = max(self.extents.get(key, 0), store.n_rows)

    def may_come_back(self, store: Store) -> bool:
        """Whether an older version may become the newest with its own ids.

        It may not where rows were once appended to it: ids tell vectors apart by the number of
        rows alone, and what will be appended now are others.
        """
        return all(self.extents.get(key, 0) <= store.n_rows for key in _ids(store))


def _ids(store: Store) -> list[str]:
    build = store.build_id
    return [build, *(f"{view} {view_id(store.schema, view, build)}" for view in store.views)]


def read_history(store: Store) -> History:
    """What is noted of the changes of a space; nothing where it is damaged, which the log says.

    Parameters
    ----------
    store : Store
        At the newest version.
    """
    if remote_of(store.folder) is not None:
        return _read_there(store)
    if HISTORY_KEY.encode() in store.metadata:  # copied from object storage and unchanged since
        return History()
    path = store.folder / HISTORY
    try:
        return _parsed(read_text(path), path)
    except UnreadableError as error:
        if not error.is_missing:
            log.warning("%s: damaged (%s); what was done before cannot be undone", path, error)
    except _DAMAGES as error:
        log.warning("%s: damaged (%r); what was done before cannot be undone", path, error)
    return History()


def _parsed(text: str, path: Path) -> History:
    values = parse_json(text, path)
    check = values.pop("check")
    if check != _crc(values):
        raise UnreadableError(path, "its own checksum is not the one written with it")
    begun = values["begun"]
    return History(
        [Change(**one) for one in values["changes"]],
        int(values["n_changes"]),
        {str(key): int(rows) for key, rows in values["extents"].items()},
        None if begun is None else Begun(**begun),
        int(values.get("noted_from", 0)),
    )


def _read_there(store: Store) -> History:
    """The history of a space in object storage, with the changes that nobody noted."""
    text, history = store.metadata.get(HISTORY_KEY.encode()), History()
    try:
        if text is not None:
            history = _parsed(text.decode(), store.uri)
        tags = store.dataset.tags.list()
        while True:
            tag = tags.get(f"{_TAG}{history.n_changes + 1}-before")
            if tag is None or _WORDS not in tag["metadata"]:
                break
            if not history.noted_from < tag["version"] < store.version:
                break
            change = Change(**parse_json(tag["metadata"][_WORDS], store.uri))
            history.changes.append(replace(change, was_stopped=True))
            history.n_changes += 1
    except (UnreadableError, *_DAMAGES) as error:
        log.warning("%s: damaged history (%r); undo begins here", store.uri, error)
    return history


def write_history(store: Store, history: History) -> None:
    """Write the history in one step; without a change there is nothing to keep.

    In object storage that is a commit, refused where another process wrote since the store's
    version, and what a process begins is not noted.
    """
    if remote_of(store.folder) is not None:
        if history.begun is None:
            store.dataset.update_schema_metadata(notes_of(store, history))
            store.refresh()
        return
    if not history.changes:
        (store.folder / HISTORY).unlink(missing_ok=True)
        return
    with replacing_file(store.folder / HISTORY, overwrite=True) as stream:
        stream.write(_to_text(history).encode())


def notes_of(store: Store, history: History) -> dict[str, str]:
    """What the data set's own metadata is to hold of the history: nothing on this machine."""
    if remote_of(store.folder) is None:
        return {}
    history.noted_from = store.version
    return {HISTORY_KEY: _to_text(history)}


def _to_text(history: History) -> str:
    values: dict[str, Any] = {
        "n_changes": history.n_changes,
        "changes": [asdict(change) for change in history.changes],
        "extents": history.extents,
        "begun": None if history.begun is None else asdict(history.begun),
        "noted_from": history.noted_from,
    }
    values["check"] = _crc(values)
    return json.dumps(values, indent=0)


def _crc(values: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())


class Note:
    """The words for a change, which are known in full only when it is done."""

    def __init__(self, what: str) -> None:
        self.what = what


@contextmanager
def changing(
    store: Store, what: str, *, images: bool = False, is_rewrite: bool = False
) -> Iterator[Note]:
    """Note a change of a space that this process has locked; what it commits can be undone.

    Parameters
    ----------
    store : Store
        At the newest version.
    what : str
        Such as ``add of names``; the words may be changed until the end.
    images : bool
        Whether it may write to the archive of images.
    is_rewrite : bool
        Whether it writes all vectors again.
    """
    folder = store.folder
    note = Note(what)
    _leave_behind(store)
    history = read_history(store)
    number = history.n_changes + 1
    at = images_version(folder) if images else None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    # A folder's name may hold what no file in UTF-8 and no terminal takes.
    change = Change(number, visible(what), now, store.version, at, is_rewrite=is_rewrite)
    history.changes.append(change)
    history.n_changes = number
    history.begun = Begun("change", number, store.version, at)
    history.grow(store)
    write_history(store, history)
    _tag(store, number, "before", store.version, change)
    if at:
        _tag_images(folder, number, "before", at)
    try:
        yield note
    except BaseException as error:
        if remote_of(folder) is None:
            store.refresh()
            settle(store)
        elif isinstance(error, Exception):
            _give_up_there(store, change)
        raise
    store.refresh()
    done = replace(change, what=visible(note.what))
    if remote_of(folder) is not None:
        _end_there(store, history, done)
        return
    history.put(done)
    _end(store, history)


def settle(store: Store) -> None:
    """Put right what a process left that died within a change; only while the space is locked.

    Parameters
    ----------
    store : Store
        At the newest version.
    """
    if not (store.folder / HISTORY).exists():
        return
    history = read_history(store)
    begun = history.begun
    if begun is None:
        return
    change = next((one for one in history.changes if one.number == begun.number), None)
    is_committed = store.version != begun.names
    if begun.images is not None and not is_committed and change is not None:
        # Images that are added are committed some at a time, and a killed run goes on there.
        if begun.kind != "change" or change.is_rewrite:
            restore_images(store.folder, begun.images)
        elif images_version(store.folder) != begun.images:
            is_committed = True
    if begun.kind == "change":
        _end(store, history, was_stopped=True, is_committed=is_committed)
        return
    if change is not None and is_committed:
        history.put(replace(change, is_undone=begun.kind == "undo"))
    history.begun = None
    history.grow(store)
    write_history(store, history)


def _end_there(store: Store, history: History, change: Change) -> None:
    """Note a change in object storage as ended; another writer may have noted it as stopped."""
    for _ in range(_TRIES):
        found = next((one for one in history.changes if one.number == change.number), None)
        if found is None or store.version == change.before:  # forgotten, or it committed nothing
            return
        history.put(replace(found, what=change.what, was_stopped=False))
        history.begun = None
        history.grow(store)
        gone = _trim(history) if history.n_changes == change.number else set()
        try:
            write_history(store, history)
        except OSError as error:
            if not is_conflict(error):
                raise
            store.refresh()
            history = read_history(store)
            continue
        for number in sorted(gone):
            untag(store, number)
        return
    log.info("%s: other processes write to it; the %s is noted as stopped", store.uri, change.what)


def _give_up_there(store: Store, change: Change) -> None:
    """Remove the tag of a change in object storage that failed, if nothing was committed since."""
    name = f"{_TAG}{change.number}-before"
    try:
        store.refresh()
        tag = store.dataset.tags.list().get(name)
        # Another writer may have begun from the same version, under the same number.
        if tag and store.version == change.before and tag["metadata"] == _words(change):
            store.dataset.tags.delete(name)
    except (SpaceError, OSError, ValueError, KeyError) as error:
        log.info("%s: the tag %s stays (%s)", store.uri, name, error)


def _leave_behind(store: Store) -> None:
    """Forget what object storage knew of the changes of a space that was copied from there.

    A copy of this machine notes its changes elsewhere, and one that goes up again would undo them
    too.
    """
    if remote_of(store.folder) is not None or HISTORY_KEY.encode() not in store.metadata:
        return
    (store.folder / HISTORY).unlink(missing_ok=True)
    untag_all(store)
    store.dataset.update_schema_metadata({HISTORY_KEY: None})
    store.refresh()


def _trim(history: History) -> set[int]:
    """Forget the changes that are no longer kept; their numbers."""
    gone = history.undone  # another way was taken
    done = history.done
    gone += done[:-MOST]
    rewrites = [one for one in done if one.is_rewrite]
    if len(rewrites) > MOST_REWRITES:
        last = rewrites[-MOST_REWRITES - 1].number
        gone += [one for one in done if one.number <= last]
    numbers = {one.number for one in gone}
    history.changes = [one for one in history.changes if one.number not in numbers]
    return numbers


def _end(
    store: Store, history: History, *, was_stopped: bool = False, is_committed: bool | None = None
) -> None:
    """Note that a change ended; it is forgotten where it committed nothing."""
    begun = history.begun
    number = history.n_changes if begun is None else begun.number
    change = next(one for one in history.changes if one.number == number)
    moved = change.images_before is not None and (
        images_version(store.folder) != change.images_before
    )
    if is_committed is None:
        is_committed = store.version != change.before or moved
    if is_committed:
        history.put(replace(change, was_stopped=was_stopped))
        numbers = _trim(history)
    else:
        numbers = {number}
        history.changes.remove(change)
    history.begun = None
    history.grow(store)
    write_history(store, history)
    for number in sorted(numbers):
        untag(store, number)


def forget_changes(store: Store) -> int:
    """Forget all changes, and with them the versions that are kept for them; how many."""
    _leave_behind(store)
    history = read_history(store)
    n_changes = len(history.changes)
    history.changes, history.begun = [], None
    write_history(store, history)
    untag_all(store)
    return n_changes


def _tag(store: Store, number: int, end: str, version: int, change: Change | None = None) -> None:
    """Keep a version for a change; in object storage the tag also holds what it begins."""
    name = _retag(store.dataset, number, end, version)
    if change is not None and remote_of(store.folder) is not None:
        store.dataset.tags.replace_metadata(name, _words(change))


def _words(change: Change) -> dict[str, str]:
    return {_WORDS: json.dumps(asdict(change))}


def _tag_images(folder: Path, number: int, end: str, version: int) -> None:
    _retag(open_images(folder), number, end, version)


def _retag(dataset: Any, number: int, end: str, version: int) -> str:
    name = f"{_TAG}{number}-{end}"
    with suppress(KeyError, ValueError, OSError):
        dataset.tags.delete(name)
    tag_version(dataset, name, version)
    return name


def tag_after(store: Store, number: int, images: int | None) -> None:
    """Keep the version that a change left, for a redo."""
    _tag(store, number, "after", store.version)
    if images:
        _tag_images(store.folder, number, "after", images)


def untag(store: Store, number: int) -> None:
    """Let go of the versions that are kept for a change."""
    _untag(store, f"{_TAG}{number}-")


def untag_all(store: Store) -> None:
    """Let go of all versions that are kept for changes, also for those that nobody knows of."""
    _untag(store, _TAG)


def _untag(store: Store, beginning: str) -> None:
    sets = [store.dataset]
    if images_version(store.folder):
        sets.append(open_images(store.folder))
    for dataset in sets:
        for name in dataset.tags.list():
            if name.startswith(beginning):
                dataset.tags.delete(name)


def open_images(folder: Path) -> Any:
    """The archive of images of a space, at its newest version."""
    return open_newest(folder / IMAGES)


def restore_images(folder: Path, version: int) -> None:
    """Make an older version of the archive of images the newest; of version 0 it holds none.

    Raises
    ------
    SpaceError
        If that version is gone.
    """
    now = images_version(folder)
    if now == version:
        return
    dataset = open_images(folder)
    if remote_of(folder) is not None:
        hold(folder, bring_pictures_back(dataset, version).version)
        return
    if version == 0:
        import lance

        lance.write_dataset(dataset.schema.empty_table(), dataset, mode="overwrite")
        return
    try:
        dataset.checkout_version(version).restore()
    except (ValueError, OSError) as error:
        raise SpaceError(f"{folder / IMAGES}: its version {version} is gone ({error}).") from None
