"""Everything about one name: what its space holds, and what a model must be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.checks import check_seed
from namebasis.errors import TargetError
from namebasis.namespace.store.filters import quote
from namebasis.studies.card.records import Record, read_records

if TYPE_CHECKING:
    from namebasis.checks import Progress
    from namebasis.namespace.space import StoredSpace
    from namebasis.studies.card.deep import DeepCard

_TOKEN_COLUMNS = ("pieces", "n_tokens", "piece_names", "same_pieces")
LEFT_OUT = "axes, beliefs beside records, sparse decomposition, rigidity, identity"


@dataclass(frozen=True)
class Card:
    """What `card` found.

    Attributes
    ----------
    name : str
        As the space writes it.
    records : tuple of Record
        What the corpus knows of the name, once for each part that it is stored as.
    tokens : mapping
        Its pieces, how many, how many names share the rarest of them (itself counted), and how
        many other names the tokenizer writes the same way.
    written_alike : tuple of str
        Up to 10 of those other names.
    nearest : tuple of (str, float)
        Nearest names with their similarity.
    metrics : mapping
        Whatever the studies stored about the name.
    deep : DeepCard or None
        What takes the encoder, if it was asked for.
    source : mapping
        The space, its encoder and templates.
    """

    name: str
    records: tuple[Record, ...]
    tokens: Mapping[str, Any]
    written_alike: tuple[str, ...]
    nearest: tuple[tuple[str, float], ...]
    metrics: Mapping[str, Any]
    deep: DeepCard | None
    source: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "records": [record.to_dict() for record in self.records],
            "tokens": dict(self.tokens),
            "written_alike": list(self.written_alike),
            "nearest": [{"name": name, "similarity": value} for name, value in self.nearest],
            "metrics": dict(self.metrics),
            "deep": None if self.deep is None else self.deep.to_dict(),
            "source": dict(self.source),
        }

    def write_html(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the card as one page that opens from disk and asks no host for anything.

        Raises
        ------
        SpaceError
            If something is at `path` and may not be overwritten, or there is no folder.
        """
        from namebasis.atomic import replacing_file
        from namebasis.studies.card.page import render
        from namebasis.studies.card.view import page_of

        with replacing_file(Path(path), overwrite) as stream:
            stream.write(render(page_of(self)).encode())


def card(
    space: StoredSpace,
    name: str,
    *,
    k: int = 8,
    view: str = "text",
    deep: bool = False,
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
    deep : bool
        Measure what is not stored: axes, sparse decomposition, rigidity, identity and what the
        name would be like if only its parts were known. This loads the encoder and takes
        thousands of prompts; without it, no encoder is loaded.
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
    """
    seed = check_seed(seed)
    row = space.find(name)
    if row is None:
        raise TargetError(f"{name!r} is not in {space.path}; add it with `namebasis add`.")
    records = read_records(space, row)
    skipped = {"id", "name", "name_folded", "births", *space.views, *records[0].columns}
    columns = [column for column in space.columns if column not in skipped]
    values = space.table(["name", *columns], ids=[row]).to_pylist()[0]
    known = {key: value for key, value in values.items() if value is not None}
    tokens = {key: known.pop(key) for key in _TOKEN_COLUMNS if key in known}
    own_name = str(known.pop("name"))
    found = space.nearest(own_name, k=k, view=view).to_arrow()
    near = zip(found["name"].to_pylist(), found["similarity"].to_pylist(), strict=True)
    measured = None
    if deep:
        from namebasis.studies.card.deep import measure_deep

        measured = measure_deep(space, own_name, row, records, k=k, seed=seed, progress=progress)
    return Card(
        own_name,
        records,
        tokens,
        _written_alike(space, row, tokens),
        tuple(near),
        known,
        measured,
        _source(space, view),
    )


def _source(space: StoredSpace, view: str) -> dict[str, Any]:
    provenance = space.provenance
    return {
        "space": str(space.path),
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
