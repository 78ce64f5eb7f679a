"""What the model says of a name: measured once, then kept beside the indices of the space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namebasis.namespace.search.kept_answers import find_answer, keep_answer
from namebasis.reading import UnreadableError
from namebasis.studies.card.results import DeepCard
from namebasis.typed_json import from_json, to_json

if TYPE_CHECKING:
    from namebasis.checks import Progress
    from namebasis.namespace.space import StoredSpace

_KIND = "cards"
_FORMAT = 3  # of what is kept: another one for every change of the classes or of their meaning


def deep_card(
    space: StoredSpace,
    name: str,
    row: int,
    *,
    k: int,
    seed: int,
    may_measure: bool = True,
    progress: Progress | None = None,
) -> tuple[DeepCard | None, str | None]:
    """What is kept of a name, else what is measured now; records are compared afterwards.

    Parameters
    ----------
    space, name, row, k, seed, progress
        As `deep.measure_deep` takes them.
    may_measure : bool
        Without it, a name of which nothing is kept has no deep card.

    Returns
    -------
    measured : DeepCard or None
    when : str or None
        The day on which it was measured, where that was before.
    """
    question = [_FORMAT, row, name, k, seed]
    answer = find_answer(space, _KIND, question)
    if answer is not None:
        try:
            return unpacked(answer.data), answer.when
        except (UnreadableError, TypeError):
            pass  # a cache that is damaged costs time alone
    if not may_measure:
        return None, None
    from namebasis.studies.card.deep import measure_deep

    measured = measure_deep(space, name, row, k=k, seed=seed, progress=progress)
    keep_answer(space, _KIND, question, to_json(measured))
    return measured, None


def unpacked(data: bytes) -> DeepCard:
    """The card that `typed_json.to_json` wrote.

    Raises
    ------
    UnreadableError
        If it is none.
    """
    from namebasis.studies.basis.results import Basis
    from namebasis.studies.describe.results import Description
    from namebasis.studies.identity.rigidity import NameRigidity

    known = {"Basis": Basis, "Description": Description, "NameRigidity": NameRigidity}
    return from_json(DeepCard, data, names=known)
