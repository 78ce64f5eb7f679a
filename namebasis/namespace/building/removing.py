"""Take names, images or columns out of a space again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import IntArray
from namebasis.errors import SpaceError
from namebasis.namespace.building.change import ChangeReport
from namebasis.namespace.building.rewriting import Rows, numbered, since, write_rows
from namebasis.namespace.corpus.image_labels import find_labels
from namebasis.namespace.facts import NEEDED, own_columns
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.migration import brought_over
from namebasis.namespace.pictures.views import view_of_images
from namebasis.namespace.pictures.writing import rewrite
from namebasis.namespace.search.name_lookup import find_rows
from namebasis.namespace.store.columns import drop_columns, drop_leftovers, rename_columns
from namebasis.namespace.store.dataset import (
    COMPUTED,
    VIEWS,
    Store,
    norm_column,
)
from namebasis.namespace.store.filters import quote
from namebasis.namespace.store.history import changing, open_images
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.metrics import COMPUTED_STUDY, OWN, metric_columns
from namebasis.namespace.store.opening import IMAGES, images_version
from namebasis.wording import counted, did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import Kind, StoredSpace

_LISTED = 5
"""Names that a sentence lists."""
Mask = npt.NDArray[np.bool_]
Find = Any


def remove(
    space: Kind,
    names: Sequence[str] = (),
    *,
    where: str | None = None,
    part: str | None = None,
    images: bool = False,
    unmatched: bool = False,
    dry_run: bool = False,
) -> ChangeReport[Kind]:
    """Take names out of a space, or images.

    All other rows keep their vectors; token counts, images and sums are those of a space that
    never held the names. Images of a removed name go with it. What studies wrote stays, marked as
    computed before, and so does the fit of the `unspelled` view.

    Parameters
    ----------
    space : Space
    names : sequence of str
        Each takes out every row that bears it, whatever its part. With `images`, whose images.
    where : str, optional
        One boolean SQL expression: the names that it accepts. With `images`, whose images.
    part : str, optional
        Only rows of this part: given, family, full, pseudo or phrase.
    images : bool
        Take out images and keep the names; without `names` and `where` all images.
    unmatched : bool
        With `images`: those that belong to no stored name.
    dry_run : bool
        Say what would be done, and write nothing.

    Returns
    -------
    ChangeReport
        Its `space` is the space opened again.

    Raises
    ------
    ValueError
        If nothing is named, a name is not stored, or no name would be left.
    FilterError
        If `where` is refused.
    SpaceError
        If the space was replaced since it was opened, or another process writes to it.
    """
    if isinstance(names, str):
        raise ValueError("names must be a list of names; got one text. Write [name].")
    if not names and where is None and not images:
        raise ValueError("nothing to remove: give names, --where SQL, or --images.")
    if unmatched and not images:
        raise ValueError("--unmatched is of images: give --images too.")
    if images:
        if part is not None:
            raise ValueError("--part is of names; images have none.")
        return _remove_images(space, names, where, unmatched, dry_run)
    rows = _chosen(space, names, where, part)
    keep = np.ones(len(space), bool)
    keep[rows] = False
    if not keep.any():
        raise ValueError(
            f"{space.path}: all {len(space):,} names would go, and a space needs one. "
            "Delete its folder instead."
        )
    told = _listed(space.table(["name"], ids=rows[:_LISTED])["name"].to_pylist(), len(rows))
    if not len(rows):
        return ChangeReport(space, "no name is chosen; nothing was removed", (), {"removed": 0})
    if dry_run:
        gone = _images_of(space, keep)
        facts = {"removed": len(rows), "left": int(keep.sum()), "images_removed": len(gone)}
        beside, left = _beside(len(gone), len(rows)), counted(int(keep.sum()), "name")
        return ChangeReport(
            space, f"would remove {told}{beside}; {left} would be left", (), facts, True
        )
    with writing(space._store) as store:
        drop_leftovers(store)
        # Rows that were added since it was opened stay.
        keep = np.concatenate([keep, np.ones(store.n_rows - len(keep), bool)])
        with changing(brought_over(store), f"remove of {told}", images=True, is_rewrite=True):
            labels = _orphans(store, keep)
            n_images = _drop_labels(store.folder, labels)
            stale = _rewrite(store, keep, f"{len(rows):,} names were removed")
    facts = {"removed": len(rows), "left": int(keep.sum()), "images_removed": n_images}
    beside = _beside(n_images, len(rows))
    sentence = f"removed {told}{beside}; {_left(int(keep.sum()), 'name')}"
    return ChangeReport(space.reopened(space._encoder), sentence, (*stale, _way_back(space)), facts)


def _beside(n_images: int, n_names: int) -> str:
    whose = "it" if n_names == 1 else "them"
    return f", and {counted(n_images, 'image')} of {whose}" if n_images else ""


def _way_back(space: StoredSpace) -> str:
    """How to take a change back, and what is left of what went."""
    stays, then = "on disk", ""
    if remote_of(space.path) is not None:
        stays, then = "there", ", and until the first write a day after that"
    return (
        f"to take it back: namebasis undo {space.path}; what was removed stays {stays} until "
        f"namebasis undo {space.path} --forget{then}"
    )


def _listed(names: Sequence[str], number: int) -> str:
    """Names with their number: ``2 names (Anna, Zoë)``."""
    more = ", …" if number > len(names) else ""
    return f"{number:,} name{'s' * (number != 1)} ({', '.join(names)}{more})"


def _chosen(
    space: StoredSpace, names: Sequence[str], where: str | None, part: str | None
) -> IntArray:
    """Rows that bear the names, or that the filter accepts, or both."""
    rows = [np.empty(0, np.int64)]
    if names:
        firsts = space.find_all(list(names), part)
        lost = [name for name, row in zip(names, firsts, strict=True) if row is None]
        if lost:
            what = f"as a {part} name" if part else "in the space"
            raise ValueError(
                f"{_quoted(lost)} {'is' if len(lost) == 1 else 'are'} not {what}; nothing was "
                f"removed. Look names up with `namebasis nearest {space.path} NAME`."
            )
        spellings = space.table(["name"], ids=[r for r in firsts if r is not None])["name"]
        listed = ", ".join(quote(name) for name in dict.fromkeys(spellings.to_pylist()))
        rows.append(space.ids(_and(f"name IN ({listed})", part)))
    if where is not None:
        rows.append(space.ids(_and(f"({where})" if part else where, part)))
    return np.unique(np.concatenate(rows))


def _and(where: str, part: str | None) -> str:
    return where if part is None else f"{where} AND part = {quote(part)}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_LISTED])) + ", …" * (len(names) > _LISTED)


def _rewrite(store: Store, keep: Mask, what: str) -> list[str]:
    """Write the rows that are kept; what is to be said of columns that were not renewed."""
    source = Store(store.folder)
    image = view_of_images(store.folder / IMAGES, _find_among(source, keep), _width(source))
    schema, stale = since(source.schema, what) if not keep.all() else (source.schema, [])
    write_rows(
        store, numbered(Rows([(source, keep)], schema), image), image.mean if image else None, {}
    )
    told = []
    if stale:
        told.append(
            f"computed before and kept as they were: {', '.join(stale)}; run the studies again, or "
            f"`namebasis drop {store.folder} COLUMN`"
        )
    if "unspelled" in schema.names and not keep.all():
        told.append(
            "the view unspelled keeps the fit to the names before; "
            f"`namebasis unspell {store.folder} --rebuild` fits it again"
        )
    return told


def _width(store: Store) -> int:
    return store.dim("image") if "image" in store.views else store.dim("text")


def _find_among(store: Store, keep: Mask) -> Find:
    """Find names among the rows that are kept, by the numbers that these will have."""
    number = np.cumsum(keep) - 1

    def find(names: Sequence[str]) -> list[int | None]:
        found = find_rows(store, names, None, keep)
        return [None if row is None else int(number[row]) for row in found]

    return find


# ------------------------------------------------------------------------------ images


def _labels(folder: Path) -> pa.Table:
    if not images_version(folder):
        return pa.table({"label": pa.array([], pa.string())})
    return open_images(folder).to_table(columns=["label"])


def _orphans(store: Store, keep: Mask) -> set[str]:
    """Labels of images whose name goes and that belong to no name that stays."""
    labels = list(dict.fromkeys(_labels(store.folder)["label"].to_pylist()))
    if not labels:
        return set()
    now = find_labels(labels, lambda names: find_rows(store, names))
    then = find_labels(labels, _find_among(store, keep))
    return {label for label in labels if now[label] is not None and then[label] is None}


def _images_of(space: StoredSpace, keep: Mask) -> list[str]:
    gone = _orphans(space._store, keep)
    return [label for label in _labels(space.path)["label"].to_pylist() if label in gone]


def _drop_labels(folder: Path, labels: set[str]) -> int:
    """Write the archive without the images of some labels; how many went."""
    if not labels:
        return 0
    return rewrite(
        folder / IMAGES,
        lambda rows: pa.array([label not in labels for label in rows["label"].to_pylist()]),
        ["label"],
    )


def _left(n: int, noun: str) -> str:
    """ "1 name is left", "2 names are left"."""
    return f"{counted(n, noun)} {'is' if n == 1 else 'are'} left"


def _remove_images(
    space: Kind, names: Sequence[str], where: str | None, unmatched: bool, dry_run: bool
) -> ChangeReport[Kind]:
    """Take images out of the archive, and make the view and the mean again without them."""
    all_labels = _labels(space.path)["label"].to_pylist()
    labels = _labels_of(space, list(dict.fromkeys(all_labels)), names, where, unmatched)
    gone = sum(label in labels for label in all_labels)
    facts = {"images_removed": gone, "images_left": len(all_labels) - gone}
    if not gone:
        why = "the space holds no images" if not all_labels else "no image is of these names"
        return ChangeReport(space, f"{why}; nothing was removed", (), facts)
    told = f"{gone:,} image{'s' * (gone != 1)} of {_quoted_few(sorted(labels))}"
    left = counted(len(all_labels) - gone, "image")
    if dry_run:
        return ChangeReport(space, f"would remove {told}; {left} would be left", (), facts, True)
    with writing(space._store) as store:
        drop_leftovers(store)
        with changing(brought_over(store), f"remove of {told}", images=True, is_rewrite=True):
            _drop_labels(store.folder, labels)
            _rewrite(store, np.ones(store.n_rows, bool), "")
    sentence = f"removed {told}; {_left(len(all_labels) - gone, 'image')}"
    if len(all_labels) == gone:
        sentence = f"removed all {told}; the view image is gone with them"
    return ChangeReport(space.reopened(space._encoder), sentence, (_way_back(space),), facts)


def _quoted_few(labels: Sequence[str]) -> str:
    return ", ".join(map(str, labels[:_LISTED])) + ", …" * (len(labels) > _LISTED)


def _labels_of(
    space: StoredSpace,
    labels: Sequence[str],
    names: Sequence[str],
    where: str | None,
    unmatched: bool,
) -> set[str]:
    """Labels of the images that are meant."""
    if not names and where is None and not unmatched:
        return set(labels)
    found = find_labels(labels, space.find_all)
    chosen = {label for label in labels if unmatched and found[label] is None}
    if where is not None:
        rows = set(space.ids(where).tolist())
        chosen |= {label for label in labels if found[label] in rows}
    rows_of = dict(zip(names, space.find_all(list(names)), strict=True))
    lost = []
    for name, row in rows_of.items():
        mine = {
            label for label in labels
            if label == name or (row is not None and found[label] == row)
        }  # fmt: skip
        if not mine and row is None:
            lost.append(name)
        chosen |= mine
    if lost:
        raise ValueError(
            f"{_quoted(lost)}: no stored name, and no image is called so; nothing was removed."
            f"{did_you_mean(lost[0], labels)}"
        )
    return chosen


# ------------------------------------------------------------------------------ columns


def droppable(store: Store) -> list[str]:
    """Columns that may be dropped: of studies, of the user's own, and views that were computed."""
    metrics = metric_columns(store.schema)
    studies = [
        name for name, made in metrics.items()
        if made["study"] not in (OWN, COMPUTED_STUDY) and name not in NEEDED and name != "n_images"
    ]  # fmt: skip
    views = [view for view in store.views if view == "unspelled" or view in COMPUTED]
    return [*studies, *own_columns(store), *views]


def check_droppable(store: Store, columns: Sequence[str], verb: str) -> None:
    """Refuse columns that are not there, or that a space needs.

    Raises
    ------
    ValueError
    """
    may = droppable(store)
    for column in columns:
        if column in may:
            continue
        offered = f" It may {verb} {', '.join(may)}." if may else ""
        if column == "image" or column == "n_images":
            raise ValueError(
                f"{column} is made of the images; `namebasis remove {store.folder} --images` "
                "takes them out."
            )
        if column in store.columns or column in store.views:
            raise ValueError(f"the space needs its column {column}.{offered}")
        near = did_you_mean(column, [*may, *store.columns])
        raise ValueError(f"there is no column {column!r}.{near or offered}")


def drop(space: Kind, columns: Sequence[str], *, dry_run: bool = False) -> ChangeReport[Kind]:
    """Take columns out of a space: of studies, of one's own, or a view that was computed.

    Parameters
    ----------
    space : Space
    columns : sequence of str
    dry_run : bool
        Say what would be done, and write nothing.

    Returns
    -------
    ChangeReport
        Its `space` is the space opened again.

    Raises
    ------
    ValueError
        If a column is not there, or the space needs it.
    """
    wanted = list(dict.fromkeys([columns] if isinstance(columns, str) else columns))
    if not wanted:
        raise ValueError("nothing to drop: give columns.")
    check_droppable(space._store, wanted, "drop")
    told = f"{len(wanted)} column{'s' * (len(wanted) != 1)} ({', '.join(wanted)})"
    facts = {"dropped": wanted}
    if dry_run:
        return ChangeReport(space, f"would drop {told}", (), facts, True)
    with writing(space._store) as store:
        drop_leftovers(store)
        gone = [name for name in wanted if name not in store.schema.names]
        if gone:
            raise SpaceError(f"{space.path}: another process dropped {', '.join(gone)} just now.")
        with changing(store, f"drop of {told}"):
            beside = [norm_column(view) for view in wanted if view in COMPUTED]
            drop_columns(store, [*wanted, *beside])
    return ChangeReport(
        space.reopened(space._encoder), f"dropped {told}", (_way_back(space),), facts
    )


def rename(space: Kind, column: str, name: str) -> ChangeReport[Kind]:
    """Give a column of one's own, or of a study, another name.

    Raises
    ------
    ValueError
        If the column is not there or the space needs it, or the new name is taken or no word.
    """
    store = space._store
    check_droppable(store, [column], "rename")
    if column in VIEWS:
        raise ValueError(f"{column} is a view, and views keep their names.")
    if not name.isidentifier() or name.startswith("_"):
        raise ValueError(f"a column's name must be a plain word; got {name!r}.")
    if name in (*store.schema.names, *NEEDED, *VIEWS, "n_images"):
        raise ValueError(f"a column {name} already exists, or its name is reserved.")
    with writing(store) as newest:
        drop_leftovers(newest)
        with changing(newest, f"rename of {column} to {name}"):
            rename_columns(newest, {column: name})
    return ChangeReport(
        space.reopened(space._encoder), f"renamed {column} to {name}", (_way_back(space),),
        {"column": column, "name": name},
    )  # fmt: skip
