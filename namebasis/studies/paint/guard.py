"""Does a blend of names mean one stored person instead of a mix?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.namespace.corpus.folding import fold
from namebasis.studies.paint.moves import Scorer, State
from namebasis.studies.paint.results import Collapse

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

_NEAR = 10  # stored full names that are encoded again


def find_collapse(
    space: StoredSpace,
    encoder: Encoder,
    scorer: Scorer,
    state: State,
    margin: float,
    row: FloatArray | None = None,
) -> Collapse | None:
    """Compare a blend with the full names near it and with its own names.

    All are encoded in the blend's template with the blend's phrases, and compared without the
    space's mean: raw cosines of prompts that share a template are all close to 1.

    Parameters
    ----------
    margin : float
        How much nearer a full name must be than the blend's nearest name.
    row : ndarray of shape (dim,), optional
        Of the blend by `encoder`; by default the scorer's.

    Returns
    -------
    Collapse or None
        None where the space holds no full name other than the blend's own, or it has no name.
    """
    row = scorer.row(state) if row is None else row
    mean = space.mean("text")
    parts = [scorer.pool.names[i] for i in state.names]
    own = {fold(name) for name in parts}
    if not parts or not len(space.ids_of_part("full")):
        return None
    _, ids = space.search(row[None], _NEAR + len(own), where="part = 'full'")
    near = space.table(["name"], ids=ids[0])["name"].to_pylist()
    others = [name for name in near if fold(name) not in own][:_NEAR]
    if not others:
        return None
    slots, sentences = list(scorer.slots(state).values()), scorer.sentences(state)
    prompts = [scorer.layout.prompt([name], slots, sentences) for name in (*others, *parts)]
    similarities = _cosines(encoder.encode_text(prompts) - mean, row - mean)
    full = int(similarities[: len(others)].argmax())
    part = int(similarities[len(others) :].argmax())
    best, best_part = float(similarities[full]), float(similarities[len(others) + part])
    return Collapse(others[full], best, parts[part], best_part, margin, best > best_part + margin)


def _cosines(rows: FloatArray, row: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(row)
    return np.asarray(rows @ row / np.maximum(lengths, np.finfo(np.float32).tiny))
