"""Everything about one name: what its space holds, and what a model must be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from namebasis.checks import check_seed
from namebasis.errors import TargetError
from namebasis.namespace.store.filters import quote
from namebasis.studies.card.comparison import compare, usual
from namebasis.studies.card.records import read_records
from namebasis.studies.card.results import Card

if TYPE_CHECKING:
    from namebasis.checks import Progress
    from namebasis.namespace.space import StoredSpace

_TOKEN_COLUMNS = ("pieces", "n_tokens", "piece_names", "same_pieces")


def card(
    space: StoredSpace,
    name: str,
    *,
    k: int = 8,
    view: str = "text",
    deep: bool | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Card:
    """Collect what is known about one stored name.

    Parameters
    ----------
    space : Space
    name : str
        A stored name; case and accents may differ.
    k : int
        How many nearest names.
    view : str
        The view whose neighbours are shown.
    deep : bool, optional
        Whether to show what the model must be asked for: axes, sparse decomposition, rigidity,
        identity and what the name would be like if only its parts were known. True measures it,
        which loads the encoder and takes thousands of prompts, unless it was measured before:
        then it lies beside the indices of the space, and no encoder is loaded. None, the default,
        shows what was measured before and measures nothing; False leaves it out. The page
        (`write_html`, `open`) holds what the card holds; the command's ``--html`` asks for True.
    seed : int
        Of the made-up names and resamples of `deep`.
    progress : callable, optional
        Is told (done, total) steps of `deep`.

    Returns
    -------
    Card

    Raises
    ------
    TargetError
        If the space does not hold the name.

    See Also
    --------
    namebasis.studies.attributes.study.score : Readings of many names.
    namebasis.studies.identity.study.identity : The kind of identity of many names.

    Examples
    --------
    >>> card = space.card("winona", k=3)
    >>> card.name, len(card.nearest)
    ('Winona', 3)
    >>> card.write_html("winona.html")
    >>> space.card("winona", deep=True).write_html("winona-deep.html")
    """
    seed = check_seed(seed)
    asked: object = name
    if not isinstance(asked, str):
        got = type(asked).__name__
        raise TargetError(f"card takes one name; got {got}. Ask for each by itself.")
    (row,) = space.rows_of([name])
    records = read_records(space, row)
    skipped = {"id", "name", "name_folded", "births", *space.views, *records[0].columns}
    columns = [column for column in space.columns if column not in skipped]
    values = space.table(["name", *columns], ids=[row]).to_pylist()[0]
    known = {key: value for key, value in values.items() if value is not None}
    tokens = {key: known.pop(key) for key in _TOKEN_COLUMNS if key in known}
    own_name = str(known.pop("name"))
    found = space.nearest(own_name, k=k, view=view).to_arrow()
    near = zip(found["name"].to_pylist(), found["similarity"].to_pylist(), strict=True)
    measured, when = None, None
    if deep is not False:
        from namebasis.studies.card.axes import company_of
        from namebasis.studies.card.kept import deep_card

        measured, when = deep_card(
            space, own_name, row, k=k, seed=seed, may_measure=bool(deep), progress=progress
        )
        if measured is not None:
            among = usual(space, company_of(space, row, seed))
            beside = compare(records, measured.readings.beliefs, among)
            measured = replace(measured, beliefs=beside)
    return Card(
        own_name,
        records,
        tokens,
        _written_alike(space, row, tokens),
        tuple(near),
        known,
        measured,
        _source(space, view),
        when,
        tuple(found["part"].to_pylist()),
    )


def _source(space: StoredSpace, view: str) -> dict[str, Any]:
    provenance = space.provenance
    return {
        "space": f"{space.path}",
        "names": len(space),
        "encoder": provenance.encoder,
        "templates": list(provenance.templates),
        "view": view,
    }


def _written_alike(space: StoredSpace, row: int, tokens: Mapping[str, Any]) -> tuple[str, ...]:
    if not tokens.get("same_pieces"):
        return ()
    quoted = ", ".join(quote(piece) for piece in tokens["pieces"])
    where = f"pieces = [{quoted}] AND id != {row}"
    return tuple(space.table(["name"], where=where, limit=10)["name"].to_pylist())
