"""Own directions of names that have nothing of their own: what the view `own` is held against."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import SpaceError
from namebasis.namespace.actors.crew import counting
from namebasis.namespace.corpus.full_names import Pair
from namebasis.namespace.store.metrics import metric_columns
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import parse_json
from namebasis.studies.identity.kept import Arrays, kept
from namebasis.studies.identity.reference import borne_in, space_partners
from namebasis.studies.identity.swaps import count_prompts, measure, recombined_pairs

if TYPE_CHECKING:
    from namebasis.checks import Progress
    from namebasis.namespace.space import StoredSpace

VIEW = "own"
MOST_NULL = 2_000
"""Recombined names that are kept."""
_FILE = "own-null.npz"
_SCORE = "identity_own_score"
_PARTS = ("identity_given", "identity_family")
_FEWEST = 8


@dataclass(frozen=True)
class NullDirections:
    """Recombined names and what was left of them.

    Attributes
    ----------
    pairs : sequence of (given, family)
    directions : ndarray of shape (n, dim), float32
        Unit rows.
    """

    pairs: Sequence[Pair]
    directions: FloatArray


def keep_null(space: StoredSpace, null: NullDirections, *, n_names: int) -> None:
    """Keep the null of `n_names` names beside the view that a space has now.

    Where the view holds others too, it is measured of all of them when it is asked for. What is no
    stored space keeps none.
    """
    if getattr(space, "_store", None) is None or len(space.ids(view=VIEW)) != n_names:
        return
    some = NullDirections(null.pairs[:MOST_NULL], null.directions[:MOST_NULL])
    _kept(space, lambda: some)


def null_directions(space: StoredSpace, *, progress: Progress | None = None) -> NullDirections:
    """The null of the space's view `own`: as it was kept, or measured again.

    Raises
    ------
    SpaceError
        If it must be measured again and the names do not suffice to recombine.
    """
    return _kept(space, lambda: _measured(space, progress))


def _kept(space: StoredSpace, make: Callable[[], NullDirections]) -> NullDirections:
    store = space._store
    made_of = view_id(store.schema, VIEW, space.provenance.build_id)
    found, _ = kept(space, _FILE, [made_of], make, _packed, _unpacked)
    return found


def _packed(null: NullDirections) -> Arrays:
    return {"pairs": np.array(json.dumps(list(null.pairs))), "directions": null.directions}


def _unpacked(saved: Arrays) -> NullDirections | None:
    pairs = [(str(one), str(two)) for one, two in parse_json(str(saved["pairs"]), "what is kept")]
    rows = np.asarray(saved["directions"], np.float32)
    fits = rows.ndim == 2 and len(rows) == len(pairs) and bool(np.isfinite(rows).all())
    return NullDirections(pairs, rows) if fits else None


def _measured(space: StoredSpace, progress: Progress | None) -> NullDirections:
    """Recombine the parts of the view's names and measure them as the names were."""
    written = metric_columns(space._store.schema).get(_SCORE, {}).get("parameters", {})
    ids = space.ids(view=VIEW)
    if not written or not set(_PARTS) <= set(space.columns):
        raise SpaceError(
            f"{space.path}: what the view own was made with is gone; run `namebasis identity "
            f"{space.path} --where … --write` again."
        )
    rng = np.random.default_rng(written["seed"])
    some = np.sort(rng.permutation(ids)[:MOST_NULL])
    table = space.table(list(_PARTS), ids=some)
    real = list(zip(*(table[one].to_pylist() for one in _PARTS), strict=True))
    partners, _ = space_partners(space, written["n_swaps"], written["seed"])
    pairs = recombined_pairs(real, partners, written["seed"], real)
    if len(pairs) < _FEWEST:
        raise SpaceError(
            f"{space.path}: {len(pairs)} names can be recombined to compare own directions with; "
            f"{_FEWEST} are needed. Write the view own of more names."
        )
    templates = tuple(written["templates"])
    advance = counting(progress, count_prompts(pairs, partners, templates))
    found = measure(
        space.encoder(), pairs, partners, templates, real=borne_in(space), advance=advance
    )
    return NullDirections(pairs, as_units(found.own.remainder))


def as_units(rows: FloatArray) -> FloatArray:
    """Rows scaled to length 1; those of length 0 stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)
