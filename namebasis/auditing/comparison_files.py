"""The folder of a comparison of audits: a page, JSON and Parquet, and the JSON read again."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from namebasis._version import __version__
from namebasis.atomic import replacing_file, write_text
from namebasis.auditing.compared import SCHEMA, AuditComparison, Difference
from namebasis.auditing.files import folder_for, refuse_foreign
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, read_json

STATE = ".namebasis-comparison.json"
DOCUMENT, PAGE, DIFFERENCES = "comparison.json", "comparison.html", "comparison.parquet"
_WRITER = "comparison"


def refuse_place(path: Path) -> None:
    """Refuse a folder of other files than a comparison's, or one that cannot be written to.

    Raises
    ------
    SpaceError
    """
    refuse_foreign(path, STATE, _WRITER)


def write_comparison(found: AuditComparison, path: Path) -> Path:
    """Write a comparison into a folder, or beside it where that holds one of other audits.

    Parameters
    ----------
    found : AuditComparison
    path : Path

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SpaceError
        If the folder holds files that no comparison wrote, or cannot be written to.
    """
    state = {
        "namebasis": __version__,
        "audits": [[one["fingerprint"], one["namebasis"], one["seed"]] for one in found.encoders],
        "plan": found.plan["fingerprint"],
        "corpora": {key: one["fingerprint"] for key, one in found.corpora.items()},
        "seed": found.seed,
        "n_resamples": found.n_resamples,
    }
    place = folder_for(path, state, STATE, _WRITER).path
    with replacing_file(place / DIFFERENCES, overwrite=True) as stream:
        pq.write_table(found.to_arrow(), stream)
    found.write_html(place / PAGE, overwrite=True)
    write_text(place / DOCUMENT, found.to_json() + "\n")
    return place


def read_comparison(path: str | Path) -> AuditComparison:
    """Read a comparison again from its folder or its `comparison.json`.

    Raises
    ------
    NamebasisError
        If there is none, or another version's schema wrote it.
    """
    place = Path(path)
    file = place / DOCUMENT if place.is_dir() else place
    try:
        data = read_json(file)
    except UnreadableError as error:
        raise NamebasisError(f"{file}: cannot be read as a comparison ({error.reason}).") from None
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise NamebasisError(f"{file}: is not a comparison; it has no number `schema`.")
    if data["schema"] != SCHEMA:
        raise NamebasisError(
            f"{file}: is a comparison of schema {data['schema']}; this version reads {SCHEMA}."
        )
    try:
        return AuditComparison(
            encoders=tuple(data["encoders"]),
            plan=data["plan"],
            corpora=data["corpora"],
            parts=data["parts"],
            seed=data["seed"],
            n_resamples=data["n_resamples"],
            differences=tuple(map(_difference, data["differences"])),
            remarks=tuple(data["remarks"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{file}: is not a comparison as it is written ({error!r}).") from None


def _difference(data: dict[str, Any]) -> Difference:
    return Difference(**{one.name: data[one.name] for one in fields(Difference)})
