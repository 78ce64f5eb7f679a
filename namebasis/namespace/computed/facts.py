"""What a space knows of a computed view: what made it, of which names, and whether any lack it.

A computed view is a vector column of unit rows, as every view, beside a column ``VIEW_norm``: the
length of a name's vector before it was scaled to 1; 0 where the name was looked at and has none (it
was not chosen, or has no token); null where nobody looked, which is so for names that were added
since. A view with such names is refused until they are computed too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.errors import SpaceError
from namebasis.namespace.store.dataset import COMPUTED, Store, as_column, norm_column
from namebasis.wording import counted

FACTS_KEY = "namebasis.computed"
"""In a view's field metadata: `ComputedFacts` as JSON."""


@dataclass(frozen=True)
class ComputedFacts:
    """What a view was computed by.

    Attributes
    ----------
    model : str
        Spec that loads the model again.
    fingerprint : str
        Of its weights.
    settings : mapping of str
        JSON values: what changes the vectors and is no weight, such as a layer or noise levels.
    templates : tuple of str
        Sentences over which a name's vector is the mean.
    where : str or None
        The names that were chosen; None for all.
    """

    model: str
    fingerprint: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    where: str | None = None

    def to_json(self) -> str:
        """As text, of sorted keys."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    def differences(self, other: ComputedFacts) -> list[str]:
        """What would make other vectors: of `fingerprint`, `settings` and `templates`."""
        held, given = json.loads(self.to_json()), json.loads(other.to_json())
        return [key for key in ("fingerprint", "settings", "templates") if held[key] != given[key]]


def facts_of(store: Store, view: str) -> ComputedFacts:
    """What a view was computed by.

    Raises
    ------
    ValueError
        If the store has no such view.
    SpaceError
        If it does not say.
    """
    store.dim(view)  # refuses where there is none, with the remedy
    metadata = store.schema.field(view).metadata or {}
    try:
        values = json.loads(metadata[FACTS_KEY.encode()])
        return ComputedFacts(**values | {"templates": tuple(values["templates"])})
    except (KeyError, TypeError, ValueError):
        raise SpaceError(
            f"{store.folder}: the view {view} does not say what computed it. "
            f"`namebasis drop {store.folder} {view}` takes it out."
        ) from None


def describe(store: Store) -> dict[str, Any]:
    """Facts for `info`, by view: empty where no view is computed."""
    found = {}
    for view in computed_views(store):
        known = asdict(facts_of(store, view))
        norms = store.scan([norm_column(view)])[norm_column(view)]
        values = norms.to_numpy()
        found[view] = known | {
            "names": int(np.count_nonzero(np.nan_to_num(values) > 0)),
            "not_computed": norms.null_count,
        }
    return {"computed": found} if found else {}


def computed_views(store: Store) -> tuple[str, ...]:
    """The computed views of a store."""
    return tuple(view for view in store.views if view in COMPUTED)


def complete(rows: pa.Table, store: Store) -> pa.Table:
    """Fill the views of rows that are about to be added: 0 until somebody computes them."""
    for view in computed_views(store):
        at = rows.schema.get_field_index(view)
        nothing = as_column(np.zeros((len(rows), store.dim(view)), np.float32))
        rows = rows.set_column(at, rows.schema.field(at), nothing)
    return rows


def said_lacking(store: Store) -> str:
    """A sentence on computed views that names lack which were added since; empty without any."""
    lacking = {view: n for view in computed_views(store) if (n := store.not_computed(view))}
    if not lacking:
        return ""
    n_most = max(lacking.values())
    remedies = dict.fromkeys(f"`namebasis {COMPUTED[view]} {store.folder}`" for view in lacking)
    verb = "lacks" if n_most == 1 else "lack"
    return (
        f"{counted(n_most, 'name')} {verb} a vector in {', '.join(lacking)} yet; "
        f"{' and '.join(remedies)} computes what is missing"
    )
