"""Make one space of two that the same encoder and templates built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.errors import SpaceError
from namebasis.namespace.building.build import refuse_foreign
from namebasis.namespace.building.change import ChangeReport
from namebasis.namespace.building.replacing import put_in_place
from namebasis.namespace.building.rewriting import (
    Rows,
    drawn_from,
    numbered,
    since,
    write_rows,
)
from namebasis.namespace.corpus.files.own_columns import fit_to
from namebasis.namespace.corpus.folding import FOLDING, FOLDING_KEY, fold
from namebasis.namespace.corpus.merging import fold_rows
from namebasis.namespace.corpus.names import NAME_SCHEMA
from namebasis.namespace.facts import own_columns
from namebasis.namespace.objects.picture_versions import PICTURES_KEY
from namebasis.namespace.objects.urls import remote_of, short_name
from namebasis.namespace.pictures.incoming import incoming_from
from namebasis.namespace.pictures.migration import (
    MEASUREMENTS,
    brought_over,
    old_measurements,
)
from namebasis.namespace.pictures.there import take_up
from namebasis.namespace.pictures.views import ImageView, view_of_images
from namebasis.namespace.pictures.writing import absorb
from namebasis.namespace.search.name_lookup import find_in
from namebasis.namespace.store import swap
from namebasis.namespace.store.columns import drop_leftovers
from namebasis.namespace.store.dataset import COMPUTED, Store, norm_column
from namebasis.namespace.store.history import HISTORY_KEY, changing, open_images
from namebasis.namespace.store.locks import locked, writing
from namebasis.namespace.store.metrics import COMPUTED_STUDY, OWN, metric_columns
from namebasis.namespace.store.opening import (
    IMAGES,
    NAMES,
    holds_commit,
    holds_versions,
    images_version,
    open_dataset,
)
from namebasis.namespace.store.places import for_lance, place_of
from namebasis.namespace.store.provenance import Provenance, corpus_digest

if TYPE_CHECKING:
    from namebasis.namespace.space import Kind, StoredSpace


@dataclass(frozen=True)
class _Plan:
    """What the merged space holds."""

    rows: Rows
    corpus: pa.Table
    n_both: int
    notes: tuple[str, ...]


def merge(
    space: Kind,
    other: StoredSpace,
    path: str | Path,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
) -> ChangeReport[Kind]:
    """Put the names of two spaces into one, without encoding any again.

    A name that both hold becomes one row, as where two sources are built together: counts of
    different sources are added, of the same the larger stands. Columns that one of them lacks are
    null for its names. Columns of studies are left out, as they are of one space's names; where
    `path` is the first space itself, its own stay, marked as computed before.

    Parameters
    ----------
    space, other : Space
        Of the same encoder and the same templates.
    path : str or Path
        A new folder, or that of `space`, which can be undone.
    overwrite : bool
        Replace another space at `path`.
    dry_run : bool
        Say what would be done, and write nothing.

    Returns
    -------
    ChangeReport
        Its `space` is the merged one.

    Raises
    ------
    SpaceError
        If the spaces do not fit each other, something is at `path`, or another process writes
        there.
    """
    place = place_of(path)
    is_into = os.path.realpath(place) == os.path.realpath(space.path)
    _check_fit(space, other)
    if os.path.realpath(place) == os.path.realpath(other.path):
        raise SpaceError(f"{place} is the second space; to merge into it, name it first.")
    if not is_into:
        refuse_foreign(place)
        if holds_versions(place) and not overwrite:
            raise SpaceError(f"{place} already exists; give another path, or overwrite it.")
    replaced = None if is_into else _version_there(place)
    theirs = Store(other.path)
    plan = _plan(space._store, theirs, keep_metrics=is_into)
    n_new = len(plan.corpus) - len(space)
    told = (
        f"{len(plan.corpus):,} names: {len(space):,} of {short_name(space.path)}, "
        f"{n_new:,} more of {short_name(other.path)}; {plan.n_both:,} are in both"
    )
    facts = {
        "names": len(plan.corpus), "of_first": len(space), "added": n_new, "in_both": plan.n_both,
    }  # fmt: skip
    if dry_run:
        return ChangeReport(space, f"would make {told}", plan.notes, facts, True)
    back: tuple[str, ...] = ()
    if is_into:
        with writing(space._store) as store:
            drop_leftovers(store)
            plan = _plan(Store(space.path), theirs, keep_metrics=True)
            with changing(
                brought_over(store),
                f"merge of {short_name(other.path)}",
                images=True,
                is_rewrite=True,
            ):
                _write(store, plan, [space.path, other.path])
        back = (f"to take it back: namebasis undo {space.path}",)
    else:
        _write_new(place, replaced, plan, [space.path, other.path])
    made = type(space)(place, space._encoder)
    return ChangeReport(made, f"{short_name(place)}: {told}", (*plan.notes, *back), facts)


def _version_there(place: Path) -> Any:
    """What a merge in object storage replaces; None where that is nothing, and on a disk."""
    is_there = remote_of(place) is not None and holds_versions(place)
    return open_dataset(place / NAMES) if is_there else None


def _check_fit(space: StoredSpace, other: StoredSpace) -> None:
    if os.path.realpath(space.path) == os.path.realpath(other.path):
        raise SpaceError(f"{space.path} is given twice; a merge takes two spaces.")
    one, two = space.provenance, other.provenance
    if one.fingerprint != two.fingerprint:
        raise SpaceError(
            f"{space.path} was built with {one.encoder} ({one.fingerprint[:19]}…) and "
            f"{other.path} with {two.encoder} ({two.fingerprint[:19]}…): vectors of two encoders "
            "cannot be merged. Build the names of one with the encoder of the other."
        )
    if one.templates != two.templates:
        raise SpaceError(
            f"{space.path} was built with the templates {one.template_set} "
            f"({len(one.templates)}) and {other.path} with {two.template_set} "
            f"({len(two.templates)}): their vectors cannot be merged. Build one of them with the "
            "templates of the other."
        )
    if (one.dim, one.token_dim) != (two.dim, two.token_dim):
        raise SpaceError(
            f"{space.path} has vectors of {one.dim} and {one.token_dim} columns, {other.path} of "
            f"{two.dim} and {two.token_dim}: they cannot be merged."
        )


def _plan(mine: Store, theirs: Store, *, keep_metrics: bool) -> _Plan:
    notes: list[str] = []
    corpora = [
        store.scan([*NAME_SCHEMA.names, *own_columns(store)]).replace_schema_metadata(None)
        for store in (mine, theirs)
    ]
    first, second = (_as_corpus(table) for table in corpora)
    fitted = fit_to(second, mine.schema, len(NAME_SCHEMA))
    notes += fitted.notes
    for one in fitted.added:
        first = first.append_column(one, pa.nulls(len(first), one.type))
    both = pa.concat_tables([first, _completed(fitted.names, first.schema)]).combine_chunks()
    corpus = fold_rows(both, one_source=False)
    fresh = _not_in(second, first)
    schema, left_out = _schema(mine, fitted.added, keep_metrics)
    gone = [*left_out, *(c for c in _studies(theirs) if c not in left_out)]
    if gone:
        notes.append(f"left out columns of studies: {', '.join(gone)}; run the studies again")
    remedies = {"unspelled": "unspell", **COMPUTED}
    for view in dict.fromkeys((*mine.views, *theirs.views)):
        if view in remedies:
            again = f"`namebasis {remedies[view]} SPACE` makes it again"
            notes.append(f"left out the view {view}; {again}")
    made = {name: drawn_from(corpus[name]) for name in corpus.column_names}
    folded = pa.array([fold(name) for name in corpus["name"].to_pylist()], pa.string())
    made["name_folded"] = drawn_from(folded)
    sources = [(mine, np.ones(mine.n_rows, bool)), (theirs, fresh)]
    n_both = len(first) + len(second) - len(corpus)
    return _Plan(Rows(sources, schema, made), corpus, n_both, tuple(notes))


def _as_corpus(table: pa.Table) -> pa.Table:
    """Columns in the corpus's order and with its fields; one that an older space lacks is null."""
    own = [field for field in table.schema if field.name not in NAME_SCHEMA.names]
    return table.cast(pa.schema([*NAME_SCHEMA, *(field.remove_metadata() for field in own)]))


def _completed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _not_in(second: pa.Table, first: pa.Table) -> np.ndarray:
    keys = [
        pc.binary_join_element_wise(table["name"], table["part"], "\x1f")
        for table in (second, first)
    ]
    return ~np.asarray(pc.is_in(keys[0], value_set=keys[1].combine_chunks()))


def _studies(store: Store) -> list[str]:
    metrics = metric_columns(store.schema)
    return [
        name
        for name, made in metrics.items()
        if made["study"] not in (OWN, "tokens", "images", COMPUTED_STUDY)
    ]


def _schema(
    store: Store, added: Sequence[pa.Field], keep_metrics: bool
) -> tuple[pa.Schema, list[str]]:
    left_out = [] if keep_metrics else _studies(store)
    made = {"unspelled", *COMPUTED, *map(norm_column, COMPUTED)}
    fields = [one for one in store.schema if one.name not in {*left_out, *made}]
    at = next(place for place, one in enumerate(fields) if one.name == "name_folded")
    metadata = {**(store.schema.metadata or {}), FOLDING_KEY.encode(): FOLDING.encode()}
    if not keep_metrics:  # a new space has its own history
        metadata.pop(HISTORY_KEY.encode(), None)
        metadata.pop(PICTURES_KEY.encode(), None)
    schema = pa.schema([*fields[:at], *added, *fields[at:]], metadata=metadata)
    if keep_metrics:
        schema, _ = since(schema, "names of another space were merged in")
    return schema, left_out


def _write(store: Store, plan: _Plan, folders: Sequence[Path]) -> None:
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    _merge_images(store.folder, folders, source.fingerprint)
    image = _images_of(store.folder, plan)
    rows = numbered(plan.rows, image)
    changes = {"corpus": corpus_digest(plan.corpus), "n_names": len(plan.corpus), "state": "done"}
    write_rows(store, rows, None if image is None else image.mean, changes)


def _images_of(folder: Path, plan: _Plan) -> ImageView | None:
    dim = plan.rows.schema.field("text").type.list_size
    names = plan.corpus["name"].to_pylist()
    known = pa.table(
        {
            "id": np.arange(len(names)),
            "name": plan.corpus["name"],
            "part": plan.corpus["part"],
            "name_folded": pa.array([fold(name) for name in names], pa.string()),
        }
    )
    return view_of_images(folder / IMAGES, lambda asked: find_in(known, asked), dim)


def _merge_images(folder: Path, folders: Sequence[Path], fingerprint: str) -> None:
    """Put the pictures of all folders into the store of one, each once a name."""
    for one in folders:
        if one != folder and images_version(one):
            absorb(folder / IMAGES, incoming_from(open_images(one), one / IMAGES))
        if one != folder and holds_commit(one / MEASUREMENTS):
            absorb(folder / IMAGES, old_measurements(one / MEASUREMENTS, fingerprint))


def _write_new(place: Path, replaced: Any, plan: _Plan, folders: Sequence[Path]) -> None:
    """Build it beside its place, and give it its name when it is whole."""
    import lance

    new = swap.new_path(place)
    is_remote = remote_of(place) is not None
    with locked(new):
        for entry in new.iterdir():
            if entry.name != ".lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        schema = plan.rows.schema
        if is_remote:  # pictures that a merge left which was killed do not count
            metadata = {**(schema.metadata or {}), PICTURES_KEY.encode(): b"0"}
            schema = schema.with_metadata(metadata)
        # What a merge that was killed left in object storage goes; a folder was cleared above.
        mode = "overwrite" if is_remote and holds_versions(new) else "create"
        uri = for_lance(new / NAMES)
        dataset = lance.write_dataset(schema.empty_table(), uri, schema=schema, mode=mode)
        store = Store(new, dataset)
        take_up(store)
        _write(store, plan, folders)
        if is_remote:
            with locked(place):
                put_in_place(store, replaced, place)
            return
        store.tidy()
    if holds_versions(place):
        with locked(place):
            swap.swap(place)
        return
    try:
        if place.exists():
            place.rmdir()
        os.rename(new, place)
    except OSError as error:
        raise SpaceError(
            f"{place}: cannot be given to the merged space ({error.strerror}). Try again."
        ) from None
