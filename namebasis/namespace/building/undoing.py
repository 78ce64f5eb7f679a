"""Go back to the space as it was before a change, or forward again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from namebasis.errors import SpaceError
from namebasis.namespace.building.build import renew_indices
from namebasis.namespace.building.change import ChangeReport
from namebasis.namespace.building.rewriting import index_all, put_back
from namebasis.namespace.objects.picture_versions import picture_note
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.migration import brought_over
from namebasis.namespace.pictures.there import take_up, tidy_pictures
from namebasis.namespace.pictures.writing import carry_measures
from namebasis.namespace.search import caches
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.history import (
    Begun,
    Change,
    History,
    forget_changes,
    notes_of,
    open_images,
    read_history,
    restore_images,
    tag_after,
    untag,
    write_history,
)
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.opening import IMAGES, images_version
from namebasis.namespace.store.upkeep import drop_versions

if TYPE_CHECKING:
    from namebasis.namespace.space import Kind

_NEVER = "a build, a merge into a new space and changes by earlier versions cannot be undone"


def undo(
    space: Kind, *, redo: bool = False, forget: bool = False, dry_run: bool = False
) -> ChangeReport[Kind]:
    """Undo the last change of a space; called again, the one before it.

    Changes are those of `remove`, `drop`, `rename`, `add`, `unspell`, a merge into the space, and
    of all that writes metrics. The last ten are kept, of those that wrote all vectors again three.
    The kind of index that was chosen last stays.

    Parameters
    ----------
    space : Space
    redo : bool
        Bring back what was undone last.
    forget : bool
        Keep the space as it is, and free the room that the older versions take.
    dry_run : bool
        Say what would be undone, and write nothing.

    Returns
    -------
    ChangeReport
        Its `space` is the space opened again.

    Raises
    ------
    SpaceError
        If there is nothing to undo, or another process writes to the space.
    """
    if redo and forget:
        raise ValueError("redo and forget exclude each other; give one.")
    if dry_run:
        history = read_history(Store(space.path))
        if forget:
            told = f"would forget {len(history.changes):,} changes"
            return ChangeReport(space, told, (), {}, True)
        change = _next(space, history, redo)
        verb = "redo" if redo else "undo"
        return ChangeReport(space, f"would {verb} {_named(change)}", (), _facts(change), True)
    with writing(space._store) as store:
        if forget:
            return _forget(space, store)
        history = read_history(store)
        change = _next(space, history, redo)
        _go(brought_over(store), history, change, redo)
    verb = "brought back" if redo else "undid"
    again = space.reopened(space._encoder)
    sentence = f"{verb} {_named(change)}; the space holds {len(again):,} names"
    return ChangeReport(again, sentence, tuple(_ways(history)), _facts(change))


def _next(space: Kind, history: History, redo: bool) -> Change:
    if redo:
        if not history.undone:
            raise SpaceError(f"{space.path}: nothing was undone that could be brought back.")
        return history.undone[0]
    if not history.done:
        more = " What was undone, --redo brings back." if history.undone else ""
        raise SpaceError(f"{space.path}: there is no change to undo; {_NEVER}.{more}")
    return history.done[-1]


def _named(change: Change) -> str:
    stopped = " (it was stopped before its end)" if change.was_stopped else ""
    day, _, time = change.when.partition("T")
    return f"the {change.what}{stopped}, of {day} {time[:5]} UTC"


def _facts(change: Change) -> dict[str, object]:
    return {"change": change.what, "when": change.when, "stopped": change.was_stopped}


def _ways(history: History) -> list[str]:
    told = []
    if history.done:
        told.append(f"undo again takes back the {history.done[-1].what}")
    if history.undone:
        told.append(f"undo --redo brings back the {history.undone[0].what}")
    return told


def _go(store: Store, history: History, change: Change, redo: bool) -> None:
    """Make another version the newest: images first, then the names, in one commit each."""
    folder = store.folder
    images = change.images_after if redo else change.images_before
    version = change.after if redo else change.before
    if version is None:
        raise SpaceError(f"{folder}: the version to go back to was not kept.")
    now = images_version(folder) if change.images_before is not None else None
    if not redo:
        change = replace(change, after=store.version, images_after=now)
        history.put(change)
    history.begun = Begun("redo" if redo else "undo", change.number, store.version, now)
    history.grow(store)
    write_history(store, history)
    untag(store, history.n_changes + 1)  # of a change that was stopped before its first commit
    if not redo:
        tag_after(store, change.number, now)
    with reading(store.uri):
        target = Store(folder, store.dataset.checkout_version(version))
    may_come_back = history.may_come_back(target)
    kind = caches.index_kind(store)  # no change of the rows: it stays as it was chosen last
    if images is not None:
        restore_images(folder, images)
        carry_measures(folder / IMAGES, now or 0, left=change.images_before if redo else None)
    history.put(replace(change, is_undone=not redo))
    history.begun = None
    notes = {caches.KIND_KEY: kind, **notes_of(store, history), **picture_note(folder)}
    put_back(store, target, notes, renewed=not may_come_back)
    if may_come_back:
        renew_indices(store)
        store.keep_up()
    else:
        index_all(store)
    history.grow(store)
    if remote_of(folder) is None:  # there it is noted already, by the same commit
        write_history(store, history)


def _forget(space: Kind, store: Store) -> ChangeReport[Kind]:
    take_up(store)
    number = forget_changes(store)
    store.forget()
    tidy_pictures(store)
    if images_version(store.folder):
        drop_versions(open_images(store.folder), store.folder / IMAGES, 1)
    told = f"forgot {number:,} change{'s' * (number != 1)}: they can no longer be undone"
    return ChangeReport(space.reopened(space._encoder), told, (), {"forgotten": number})
