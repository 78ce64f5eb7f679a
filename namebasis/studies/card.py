"""Everything a space knows about one name, on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from namebasis.errors import TargetError
from namebasis.namespace.filters import quote

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

_RECORD_COLUMNS = (
    "part", "gender", "locales", "sources", "count", "weight", "share_female",
    "pct_white", "pct_black", "pct_asian", "pct_native", "pct_multiracial", "pct_hispanic",
)  # fmt: skip
_TOKEN_COLUMNS = ("pieces", "n_tokens", "piece_names", "same_pieces")


@dataclass(frozen=True)
class Card:
    """What `card` found.

    Attributes
    ----------
    name : str
        As the space writes it.
    record : dict
        Columns of the corpus that are known for the name.
    tokens : dict
        Its pieces, how many, how many names share the rarest of them (itself counted), and how
        many other names the tokenizer writes the same way.
    written_alike : tuple of str
        Up to 10 of those other names.
    nearest : tuple of (str, float)
        Nearest names with their similarity.
    metrics : dict
        Whatever the studies stored about the name.
    other_rows : tuple of dict
        What `record` is, for the other rows that hold the same letters in another part: a given
        name that is a family name too.
    """

    name: str
    record: dict[str, Any]
    tokens: dict[str, Any]
    written_alike: tuple[str, ...]
    nearest: tuple[tuple[str, float], ...]
    metrics: dict[str, Any]
    other_rows: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "record": self.record,
            "tokens": self.tokens,
            "written_alike": list(self.written_alike),
            "nearest": [{"name": name, "similarity": value} for name, value in self.nearest],
            "metrics": self.metrics,
            "other_rows": list(self.other_rows),
        }


def card(space: Space, name: str, *, k: int = 8, view: str = "text") -> Card:
    """Collect what the space holds about one stored name; no encoder is loaded.

    Parameters
    ----------
    space : Space
    name : str
        A stored name; case and accents may differ.
    k : int
        How many nearest names.
    view : str
        The view whose neighbours are shown.

    Returns
    -------
    Card

    Raises
    ------
    TargetError
        If the space does not hold the name.
    """
    row = space.find(name)
    if row is None:
        raise TargetError(f"{name!r} is not in {space.path}; add it with `namebasis add`.")
    skipped = {"id", "name", "name_folded", "births", *space.views}
    columns = [column for column in space.columns if column not in skipped]
    values = space.table(["name", *columns], ids=[row]).to_pylist()[0]
    known = {key: value for key, value in values.items() if value is not None}
    tokens = {key: known.pop(key) for key in _TOKEN_COLUMNS if key in known}
    record = {key: known.pop(key) for key in _RECORD_COLUMNS if key in known}
    found = space.nearest(values["name"], k=k, view=view).to_arrow()
    near = zip(found["name"].to_pylist(), found["similarity"].to_pylist(), strict=True)
    own_name = known.pop("name")
    alike, others = _written_alike(space, row, tokens), _other_rows(space, row, own_name)
    return Card(own_name, record, tokens, alike, tuple(near), known, others)


def _other_rows(space: Space, row: int, name: str) -> tuple[dict[str, Any], ...]:
    columns = [column for column in _RECORD_COLUMNS if column in space.columns]
    rows = space.table(columns, where=f"name = {quote(name)} AND id != {row}").to_pylist()
    return tuple({key: value for key, value in r.items() if value is not None} for r in rows)


def _written_alike(space: Space, row: int, tokens: dict[str, Any]) -> tuple[str, ...]:
    if not tokens.get("same_pieces"):
        return ()
    quoted = ", ".join(quote(piece) for piece in tokens["pieces"])
    where = f"pieces = [{quoted}] AND id != {row}"
    return tuple(space.table(["name"], where=where, limit=10)["name"].to_pylist())
