"""The folder of an audit: what is finished is kept, and what another audit wrote is left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from namebasis.atomic import check_folder_place, replacing_file, write_text
from namebasis.auditing.claims import Claim, Sample
from namebasis.auditing.results import SCHEMA, Audit, Listing, Part
from namebasis.errors import NamebasisError, SpaceError
from namebasis.namespace.store.engine_errors import writing_files
from namebasis.reading import LARGE, UnreadableError, is_regular, read_bytes, read_json
from namebasis.typed_json import from_json, to_json

STATE, ASKED = ".namebasis-audit.json", ".namebasis-asked.json"
DOCUMENT, PAGE, CLAIMS, SAMPLES = "audit.json", "audit.html", "claims.parquet", "samples.parquet"
SPACE = "names.space"
_PARTS = "parts"
_MOST_BESIDE = 1_000


@dataclass(frozen=True)
class AuditFolder:
    """Where one audit is written.

    Attributes
    ----------
    path : Path
    is_beside : bool
        Whether the folder that was asked for holds another audit, and this one is beside it.
    """

    path: Path
    is_beside: bool = False

    @property
    def space(self) -> Path:
        """Of the space of the audit's names."""
        return self.path / SPACE

    def kept(self, key: str) -> tuple[Part, dict[str, Sample]] | None:
        """A part that is finished; None where it is not, or what is there cannot be read."""
        try:
            written = read_bytes(self.path / _PARTS / f"{key}.json", LARGE)
            part = from_json(Part, written)
            samples = read_samples(self.path / _PARTS / f"{key}.parquet").get(key, {})
        except (OSError, UnreadableError, NamebasisError):
            return None
        return (part, samples) if {one.key for one in part.claims} <= set(samples) else None

    def keep(self, part: Part, samples: Mapping[str, Sample]) -> None:
        """Write a finished part; its JSON comes last, so that what is there is whole.

        Raises
        ------
        SpaceError
            If the system refuses, as where the disk is full.
        """
        with writing_files(self.path):
            (self.path / _PARTS).mkdir(exist_ok=True)
            write_samples(self.path / _PARTS / f"{part.key}.parquet", {part.key: samples})
            with replacing_file(self.path / _PARTS / f"{part.key}.json", overwrite=True) as stream:
                stream.write(to_json(part))

    def finish(
        self, audit: Audit, samples: Mapping[str, Mapping[str, Sample]],
        asked: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        """Write the document, the tables and the page, and last what they answer.

        Raises
        ------
        SpaceError
            If the system refuses, as where the disk is full.
        """
        with writing_files(self.path):
            with replacing_file(self.path / CLAIMS, overwrite=True) as stream:
                pq.write_table(audit.to_arrow(), stream)
            write_samples(self.path / SAMPLES, samples)
            write_text(self.path / DOCUMENT, audit.to_json() + "\n")
            audit.write_html(self.path / PAGE, overwrite=True)
            if asked is not None:
                write_text(self.path / ASKED, json.dumps(dict(asked), indent=1) + "\n")


def finished(path: Path, asked: Mapping[str, Any]) -> Audit | None:
    """The audit that answers what is asked, in a folder or one beside it; None where there is none.

    Parameters
    ----------
    path : Path
    asked : mapping
        See `namebasis.auditing.request`.
    """
    for candidate in _candidates(path):
        if not candidate.is_dir():
            return None
        try:
            if read_json(candidate / ASKED) == dict(asked) and all(
                is_regular(candidate / name) for name in (PAGE, CLAIMS, SAMPLES)
            ):
                return read_audit(candidate)
        except (UnreadableError, NamebasisError):  # not finished, or damaged: it is made again
            continue
    return None


def folder_for(
    path: Path, state: Mapping[str, Any], file: str = STATE, writer: str = "audit"
) -> AuditFolder:
    """The folder for an audit: the one asked for, or one beside it where that holds another.

    Parameters
    ----------
    path : Path
    state : mapping
        What makes two audits the same: encoder, plan, names, version.
    file : str
        In which the state is kept.
    writer : str
        What writes such folders, in words: an audit, or a comparison of audits.

    Raises
    ------
    SpaceError
        If the folder holds files that no audit wrote, or cannot be written to.
    """
    for candidate in _candidates(path):
        check_folder_place(candidate)
        held = _state_of(candidate, file, writer)
        if held is None or held == dict(state):
            with writing_files(candidate):
                candidate.mkdir(parents=True, exist_ok=True)
                if held is None:
                    write_text(candidate / file, json.dumps(dict(state), indent=1) + "\n")
            return AuditFolder(candidate, candidate != path)
    raise SpaceError(f"{path} and {_MOST_BESIDE} folders beside it hold {writer}s. Remove some.")


def refuse_foreign(path: Path, file: str = STATE, writer: str = "audit") -> None:
    """Refuse a folder of other files, or one that cannot be written to.

    Raises
    ------
    SpaceError
    """
    check_folder_place(path)
    _state_of(path, file, writer)


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, _MOST_BESIDE + 2):
        yield path.with_name(f"{path.name}-{number}")


def _state_of(path: Path, file: str, writer: str) -> dict[str, Any] | None:
    """What a folder says of its audit; None of one that is empty or not there."""
    if not path.exists() or not any(path.iterdir()):
        return None
    try:
        found = read_json(path / file)
    except UnreadableError:
        found = None
    if not isinstance(found, dict):
        raise SpaceError(
            f"{path} holds files that no {writer} wrote. Give another folder with --output."
        )
    return found


def write_samples(path: Path, samples: Mapping[str, Mapping[str, Sample]]) -> None:
    """Write the samples of claims as one table: part, claim, name, value, truth."""
    columns: dict[str, list[Any]] = {key: [] for key in ("part", "claim", "name")}
    values, truths = [], []
    for part, held in samples.items():
        for claim, sample in held.items():
            n = len(sample.names)
            columns["part"] += [part] * n
            columns["claim"] += [claim] * n
            columns["name"] += list(sample.names)
            values.append(sample.values)
            truths.append(np.full(n, np.nan) if sample.truth is None else sample.truth)
    table = pa.table(
        {
            **{key: pa.array(column, pa.string()) for key, column in columns.items()},
            "value": np.concatenate([np.empty(0), *values]),
            "truth": np.concatenate([np.empty(0), *truths]),
        }
    )
    with replacing_file(path, overwrite=True) as stream:
        pq.write_table(table, stream)


def read_samples(path: Path) -> dict[str, dict[str, Sample]]:
    """The samples of a table that `write_samples` wrote, by part and claim.

    Raises
    ------
    NamebasisError
        If it cannot be read as one.
    """
    if not is_regular(path):
        raise NamebasisError(f"{path}: there is no file of an audit's samples.")
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise NamebasisError(f"{path}: cannot be read as samples ({error}).") from None
    if table.column_names != ["part", "claim", "name", "value", "truth"]:
        raise NamebasisError(f"{path}: is not a table of an audit's samples.")
    keys = list(zip(table["part"].to_pylist(), table["claim"].to_pylist(), strict=True))
    names = table["name"].to_pylist()
    values, truth = table["value"].to_numpy(), table["truth"].to_numpy()
    rows: dict[tuple[str, str], list[int]] = {}
    for at, key in enumerate(keys):
        rows.setdefault(key, []).append(at)
    found: dict[str, dict[str, Sample]] = {}
    for (part, claim), held in rows.items():
        known = truth[held]
        found.setdefault(part, {})[claim] = Sample(
            tuple(names[at] for at in held), values[held],
            None if np.isnan(known).all() else known,
        )  # fmt: skip
    return found


def read_audit(path: str | Path) -> Audit:
    """Read an audit again from its folder or its `audit.json`.

    Raises
    ------
    NamebasisError
        If there is none, it is not finished, or a newer version of namebasis wrote it.
    """
    place = Path(path)
    file = place / DOCUMENT if place.is_dir() else place
    if place.is_dir() and not file.exists():
        what = (
            "is an audit that has not finished; run it again to go on"
            if (place / STATE).exists()
            else "holds no audit.json"
        )
        raise NamebasisError(f"{place} {what}.")
    try:
        data = read_json(file)
    except UnreadableError as error:
        raise NamebasisError(f"{file}: cannot be read as an audit ({error.reason}).") from None
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise NamebasisError(f"{file}: is not an audit; it has no number `schema`.")
    if data["schema"] != SCHEMA:
        raise NamebasisError(
            f"{file}: is an audit of schema {data['schema']}; this version reads {SCHEMA}."
        )
    try:
        return Audit(
            encoder=data["encoder"],
            plan=data["plan"],
            corpora=data["corpora"],
            parts=tuple(_part(one) for one in data["parts"]),
            package_version=data["namebasis"],
            folder=str(place) if place.is_dir() else "",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{file}: is not an audit as it is written ({error!r}).") from None


def _part(data: Mapping[str, Any]) -> Part:
    known = [one.name for one in fields(Claim)]
    return Part(
        data["key"],
        data["title"],
        tuple(
            Claim(**{key: one[key] for key in known} | {"value": _finite(one["value"])})
            for one in data["claims"]
        ),
        tuple(
            Listing(
                one["title"],
                tuple(one["columns"]),
                tuple(map(tuple, one["rows"])),
                tuple(one["muted"]),
            )
            for one in data["lists"]
        ),
        tuple(data["remarks"]),
        data["n_tried"],
        data["seconds"],
        data["skipped"],
    )


def _finite(value: float | None) -> float:
    return float("nan") if value is None else value
