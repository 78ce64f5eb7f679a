"""Compute views by a model, of all names or of those that lack them, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray, Progress
from namebasis.errors import SpaceError
from namebasis.namespace.building.templates import load_templates
from namebasis.namespace.computed.facts import FACTS_KEY, ComputedFacts, facts_of
from namebasis.namespace.computed.makers import ViewMaker, mean_of_names
from namebasis.namespace.phrases.encoding import phrase_templates
from namebasis.namespace.phrases.sentences import guessed_sentence
from namebasis.namespace.store.columns import drop_leftovers, put_views
from namebasis.namespace.store.dataset import COMPUTED, Store, as_column, as_matrix, norm_column
from namebasis.namespace.store.history import changing
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.metrics import COMPUTED_STUDY, field_metadata

if TYPE_CHECKING:
    from namebasis.namespace.space import Kind, StoredSpace

_AT_ONCE = 512
"""Names that a model is given at a time."""
Mask = npt.NDArray[np.bool_]


def compute_views(
    space: Kind,
    maker: ViewMaker,
    *,
    where: str | None = None,
    templates: Sequence[str] | str | None = None,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> Kind:
    """Store the views that a model computes, of names that do not have them yet.

    A name's vector is the mean over the templates, scaled to length 1; its length before is the
    column ``VIEW_norm``. A phrase is read as its sentence, in the templates of phrases.

    Parameters
    ----------
    space : Space
    maker : ViewMaker
    where : str, optional
        Only these names; by default those that were chosen when the views were first computed, or
        all. Names that were computed before and are not among them keep their vectors.
    templates : str or sequence of str, optional
        By default those that the views were first computed in, or those of the space.
    rebuild : bool
        Compute all names again, by this model and these settings.
    progress : callable, optional
        Called with (names done, names in all).

    Returns
    -------
    Space
        Opened again, where something was computed.

    Raises
    ------
    SpaceError
        If the views were computed by other weights or settings and `rebuild` is not said, no name
        is chosen, or another process writes to the space.
    EncoderError
        If the model gives vectors that cannot be stored.
    """
    views = tuple(maker.dims)
    known = _known(space, views) if not rebuild else None
    made = _facts(space, maker, known, where, templates)
    if known is not None:
        _check_same(space, views[0], known, made)
    with writing(space._store) as store:
        plan = _plan(space, store, views, made, whole=known is None)
        if not plan.wanted.any() and not plan.unseen.any():
            return space
        drop_leftovers(store)
        with changing(store, f"views {', '.join(views)}"):
            _write(store, maker, made, plan, progress)
    return space.reopened(space._encoder)


def _known(space: StoredSpace, views: Sequence[str]) -> ComputedFacts | None:
    """What the views were computed by; None where one of them is not there."""
    if not all(view in space.views for view in views):
        return None
    return facts_of(space._store, views[0])


def _facts(
    space: StoredSpace,
    maker: ViewMaker,
    known: ComputedFacts | None,
    where: str | None,
    templates: Sequence[str] | str | None,
) -> ComputedFacts:
    if templates is None:
        read = space.provenance.templates if known is None else known.templates
    else:
        read = load_templates(templates).templates
    if where is None and known is not None:
        where = known.where
    return ComputedFacts(maker.model, maker.fingerprint, dict(maker.settings), tuple(read), where)


def _check_same(space: StoredSpace, view: str, known: ComputedFacts, made: ComputedFacts) -> None:
    differs = known.differences(made)
    if differs:
        raise SpaceError(
            f"{space.path}: the view {view} was computed by {known.model} "
            f"({known.fingerprint[:19]}…), and {made.model} differs in {' and '.join(differs)}. "
            "Vectors of both cannot stand in one view: use the former, or compute all names again: "
            f"`namebasis {COMPUTED[view]} {space.path} --rebuild`."
        )


@dataclass(frozen=True)
class _Plan:
    """Which rows are computed, and which of those that nobody looked at are left out."""

    wanted: Mask
    unseen: Mask
    kept: tuple[str, ...]
    """Views whose vectors of the other rows stay."""


def _plan(
    space: StoredSpace, store: Store, views: Sequence[str], made: ComputedFacts, *, whole: bool
) -> _Plan:
    chosen = np.zeros(store.n_rows, bool)
    if store.version == space._store.version:
        chosen[space.ids(made.where)] = True
    else:  # another process wrote since it was opened
        chosen[space.reopened().ids(made.where)] = True
    if not chosen.any():
        raise SpaceError(f"{space.path}: no name is chosen by {made.where!r}; loosen where.")
    if whole:
        return _Plan(chosen, ~chosen, ())
    lacking, unseen = np.zeros(store.n_rows, bool), np.zeros(store.n_rows, bool)
    for view in views:
        norms = store.scan([norm_column(view)])[norm_column(view)].to_numpy()
        unseen |= np.isnan(norms)
        # A length of 0 where a name was left out before; one without a token gives 0 again.
        lacking |= ~(norms > 0)
    return _Plan(chosen & lacking, unseen, tuple(views))


def _write(
    store: Store, maker: ViewMaker, made: ComputedFacts, plan: _Plan, progress: Progress | None
) -> None:
    views = tuple(maker.dims)
    noted = {"model": made.model, **({"where": made.where} if made.where else {})}
    beside = [
        pa.field(norm_column(view), pa.float32(), metadata=field_metadata(COMPUTED_STUDY, noted))
        for view in views
    ]
    metadata = {view: {FACTS_KEY: made.to_json()} for view in views}
    # Rows are read through a handle of their own: the one that writes is taken.
    columns = _columns(Store(store.folder), maker, made, plan, progress)
    put_views(store, maker.dims, metadata, columns, beside)


def _columns(
    store: Store, maker: ViewMaker, made: ComputedFacts, plan: _Plan, progress: Progress | None
) -> Iterator[list[pa.Array]]:
    """Vectors of each view and then their lengths, of all rows, block by block."""
    said = [name for name in ("name", "part", "sentence") if name in store.schema.names]
    kept = [name for view in plan.kept for name in (view, norm_column(view))]
    n_wanted, done, start = int(plan.wanted.sum()), 0, 0

    def tell(computed: int) -> None:
        nonlocal done
        done += computed
        if progress is not None:
            progress(done, n_wanted)

    for batch in store.batches([*said, *kept]):
        wanted = plan.wanted[start : start + len(batch)]
        fresh = _computed(batch.filter(pa.array(wanted)), maker, made, tell)
        vectors, norms = [], []
        for view, dim in maker.dims.items():
            block = np.zeros((len(batch), dim), np.float32)
            length = np.zeros(len(batch), np.float32)
            if plan.kept:
                block = as_matrix(batch[view], dim).copy()
                length = np.nan_to_num(batch[norm_column(view)].to_numpy(zero_copy_only=False))
            block[wanted], length[wanted] = fresh[view]
            vectors.append(as_column(block))
            norms.append(pa.array(length.astype(np.float32)))
        yield [*vectors, *norms]
        start += len(batch)


def _computed(
    rows: pa.RecordBatch, maker: ViewMaker, made: ComputedFacts, tell: Callable[[int], None]
) -> Mapping[str, tuple[FloatArray, FloatArray]]:
    """Unit vectors of some names, and their lengths before, by view."""
    found = {view: np.zeros((len(rows), dim)) for view, dim in maker.dims.items()}
    names = rows["name"].to_pylist()
    has_sentences = "sentence" in rows.schema.names
    sentences = rows["sentence"].to_pylist() if has_sentences else [None] * len(names)
    is_phrase = np.array([part == "phrase" for part in rows["part"].to_pylist()], bool)
    for which, templates in ((~is_phrase, made.templates), (is_phrase, phrase_templates())):
        mine = np.flatnonzero(which)
        for first in range(0, len(mine), _AT_ONCE):
            some = mine[first : first + _AT_ONCE]
            asked = [
                (sentences[at] or guessed_sentence(names[at])) if is_phrase[at] else names[at]
                for at in some
            ]
            for view, block in mean_of_names(maker, asked, templates).items():
                found[view][some] = block
            tell(len(some))
    return {view: _units(block) for view, block in found.items()}


def _units(block: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
    length = np.linalg.norm(block, axis=1)
    units = block / np.where(length > 0, length, 1)[:, None]
    return units.astype(np.float32), length.astype(np.float32)
