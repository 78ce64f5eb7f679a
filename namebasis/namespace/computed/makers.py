"""What computes a view: the contract of a model that is asked, and where each is found."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from namebasis.checks import FloatArray, as_embeddings
from namebasis.errors import EncoderError
from namebasis.namespace.computed.facts import ComputedFacts
from namebasis.namespace.store.dataset import COMPUTED


class ViewMaker(Protocol):
    """A model that computes one view, or several at once.

    Attributes
    ----------
    model : str
        Spec that loads it again.
    fingerprint : str
        Of its weights.
    settings : mapping of str
        JSON values: what changes the vectors and is no weight.
    dims : mapping of str to int
        Width of each view that it computes.
    """

    @property
    def model(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def dims(self) -> Mapping[str, int]: ...

    def of_names(self, names: Sequence[str], template: str) -> Mapping[str, FloatArray]:
        """Vectors of names in a template, by view, (n_names, dim); of any length.

        A name without a vector has 0.
        """
        ...

    def of_texts(self, texts: Sequence[str]) -> Mapping[str, FloatArray]:
        """Vectors of texts as they stand, by view, (n_texts, dim)."""
        ...


Open = Callable[[ComputedFacts, str | None], ViewMaker]
"""Loads what computed a view, on a device."""

_CONDITIONER = "namebasis.encoders.conditioner:open_conditioner"
OPENED_BY: dict[str, str] = {
    "conditioning": _CONDITIONER,
    "conditioning_last": _CONDITIONER,
    "denoiser": "namebasis.validation.denoiser.maker:open_denoiser",
}
"""By view ``module:function``, an `Open`; as text, since a maker may lie on a higher floor."""


def open_maker(view: str, facts: ComputedFacts, where: str, device: str | None = None) -> ViewMaker:
    """Load the model that computed a view.

    Parameters
    ----------
    view : str
    facts : ComputedFacts
    where : str
        The space, for messages.
    device : str, optional

    Raises
    ------
    EncoderError
        If it cannot be loaded, or its weights are others now.
    """
    module, _, function = OPENED_BY[view].partition(":")
    load: Open = getattr(importlib.import_module(module), function)
    maker = load(facts, device)
    if maker.fingerprint != facts.fingerprint:
        raise EncoderError(
            f"{where}: the view {view} was computed by {facts.model} ({facts.fingerprint[:19]}…), "
            f"which has other weights now ({maker.fingerprint[:19]}…). Use the former, or compute "
            f"the view again: `namebasis {COMPUTED[view]} {where} --rebuild`."
        )
    return maker


def mean_of_names(
    maker: ViewMaker, names: Sequence[str], templates: Sequence[str]
) -> dict[str, FloatArray]:
    """Means of names' vectors over templates, by view, (n_names, dim); of any length.

    Raises
    ------
    EncoderError
        If the maker gives vectors of a wrong shape, or values that are not finite.
    """
    totals = {view: np.zeros((len(names), dim)) for view, dim in maker.dims.items()}
    for template in templates:
        rows = maker.of_names(names, template)
        for view, total in totals.items():
            total += _checked(rows[view], maker, view, len(names))
    return {view: np.asarray(total / len(templates), np.float32) for view, total in totals.items()}


def vector_of_text(maker: ViewMaker, text: str, view: str) -> FloatArray:
    """The vector of a text as it stands, (dim,)."""
    row: FloatArray = _checked(maker.of_texts([text])[view], maker, view, 1)[0]
    return row


def _checked(rows: FloatArray, maker: ViewMaker, view: str, n_rows: int) -> FloatArray:
    try:
        matrix = as_embeddings(rows, f"vectors of {view}", maker.dims[view])
    except ValueError as error:
        raise EncoderError(f"{maker.model}: {error}") from None
    if len(matrix) != n_rows:
        raise EncoderError(f"{maker.model} gave {len(matrix)} vectors for {n_rows} texts.")
    return matrix
