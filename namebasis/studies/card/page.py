"""The card of one name as one page: what is recorded, what the model reads, and on what grounds."""

from __future__ import annotations

from urllib.parse import quote

from namebasis.analysis.readings.axes import READINGS
from namebasis.encoders.thumbnails import thumbnail
from namebasis.report.page import render
from namebasis.studies.card.axes import by_axis
from namebasis.studies.card.results import LEFT_OUT, MEANINGS, Card, in_words, shown
from namebasis.wording import percent


def html_of(card: Card, *, map_page: str | None = None) -> str:
    """The page as a whole HTML document; it opens from disk and asks no host for anything.

    Parameters
    ----------
    card : Card
    map_page : str, optional
        A topology page, as a path relative to the card's; names then link to their place on it.

    Raises
    ------
    ValueError
        If `map_page` is no relative path.
    """
    if map_page is not None and (":" in map_page or map_page.startswith(("/", "\\"))):
        raise ValueError(
            f"map_page must be a path relative to the card's; got {map_page!r}. Give such a path, "
            "like topology.html."
        )
    return render(
        "card", title=card.name, card=card, deep=card.deep, tiles=_tiles(card), readings=READINGS,
        by_axis=by_axis, words=in_words, shown=shown, meanings=MEANINGS, left_out=LEFT_OUT,
        map_page=map_page and quote(map_page), medoid=_medoid(card),
    )  # fmt: skip


def _medoid(card: Card) -> dict[str, str | None] | None:
    """The picture most like the name's others, where `diversity` stored one."""
    path = card.metrics.get("medoid")
    if not isinstance(path, str):
        return None
    return {"path": path, "uri": thumbnail(path)}


def _tiles(card: Card) -> list[tuple[str, ...]]:
    """Figure, caption, and the term that docs/measures.md explains."""
    n_pieces = card.tokens.get("n_tokens", "–")
    found: list[tuple[str, ...]] = [
        (shown(n_pieces), "piece" if n_pieces == 1 else "pieces", "pieces")
    ]
    if card.nearest:
        found.append((card.nearest[0][0], "nearest name", "similarity"))
    if card.deep is not None:
        row, rigid = card.deep.identity, card.deep.rigidity
        if row.kind is not None and row.own_percentile is not None:
            found.append((row.kind, "kind of identity", "kinds"))
            said = "of made-up names have less of their own"
            found.append((percent(row.own_percentile), said, "own_score"))
        elif row.pull_percentile is not None:
            said = "of names of nobody pull family names less"
            found.append((percent(row.pull_percentile), said, "pull"))
        place = rigid.places["similarity"].percentile
        found.append((percent(place), "of made-up names hold their own less", "rigidity"))
        if rigid.leaked:
            context = str(rigid.nearest_context)
            found.append((context, "what it leans to by itself", "leakage", "Full names"))
    return found
