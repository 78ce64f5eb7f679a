"""What a store knows of its `unspelled` view: how it was made, and where the fit is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from namebasis.namespace.store.dataset import Store

VIEW = "unspelled"
FITS = "fits"
"""The folder of the fits in a space."""
FACTS_KEY = "namebasis.facts"
"""In the view's field metadata: `UnspelledFacts` as JSON."""


@dataclass(frozen=True)
class UnspelledFacts:
    """What the view was made with, and how much pieces explain.

    Attributes
    ----------
    n_fitted : int
        Names that the regression was fitted to; later ones are predicted by it.
    n_folds, max_pieces : int
        Folds left out in turn; indicators of each kind at most.
    penalty : float
        Of the ridge.
    explained : tuple of float
        Per fold, the share of the variance of `text` vectors that pieces predict, out of fold.
    """

    n_fitted: int
    n_folds: int
    max_pieces: int
    penalty: float
    explained: tuple[float, ...]

    @property
    def mean_explained(self) -> float:
        """Mean of `explained` over folds."""
        return float(np.mean(self.explained))


def facts_of(store: Store) -> UnspelledFacts:
    """What the view was made with.

    Raises
    ------
    ValueError
        If the store has no such view.
    """
    store.dim(VIEW)  # refuses where there is none, with the remedy
    values = json.loads(view_metadata(store)[FACTS_KEY.encode()])
    return UnspelledFacts(**values | {"explained": tuple(values["explained"])})


def view_metadata(store: Store) -> dict[bytes, bytes]:
    """Field metadata of the view; empty where there is no such view."""
    if VIEW not in store.views:
        return {}
    return dict(store.schema.field(VIEW).metadata or {})


def describe(store: Store) -> dict[str, Any]:
    """Facts for `info`: empty where there is no such view."""
    if VIEW not in store.views:
        return {}
    known = facts_of(store)
    return {VIEW: asdict(known) | {"explained": known.mean_explained}}
