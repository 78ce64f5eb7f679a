"""The trajectories that come with the packaged organism, as a result without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.analysis.training.change_points import Crossing
from namebasis.checks import Float64Array
from namebasis.errors import NamebasisError
from namebasis.formation.crossings import NameCrossing
from namebasis.formation.phases import CAPTURE, EVIDENCE, RECOGNISED, find_phases
from namebasis.formation.pictures.measures import PICTURE_MEASURES
from namebasis.formation.results import Formation
from namebasis.formation.trajectories import MEASURES
from namebasis.formation.truth import UNSEEN
from namebasis.formation.weight_identity.evidence import WEIGHTS, WeightEvidence
from namebasis.reading import UnreadableError, check_regular, read_json

SPEC = "organism"
_TABLE, _CROSSINGS = "trajectories.parquet", "crossings.parquet"
_EVIDENCE = "weight_evidence.parquet"
_RUN, _WEIGHTS = "run.json", "model.safetensors"
_PLACES = {
    unit: (unit, f"{unit}_low", f"{unit}_high", f"{unit}_share") for unit in ("step", "exposures")
}
_NEEDED = ("name", "kind", "step", "exposures", *EVIDENCE, CAPTURE)
_REMEDY = "`namebasis organism train RUN`, then `namebasis formation RUN` measure them"


def find_shipped(sources: str | Path | Sequence[str | Path]) -> Path | None:
    """The folder of shipped trajectories that is meant: the packaged one, or one made like it."""
    given = [sources] if isinstance(sources, (str, Path)) else list(sources)
    if len(given) != 1:
        return None
    if str(given[0]) == SPEC and not Path(SPEC).is_dir():
        return Path(str(files("namebasis") / "data" / "organism"))
    folder = Path(given[0]).expanduser()
    is_packed = (folder / _TABLE).is_file() and (folder / _WEIGHTS).is_file()
    return folder if is_packed else None


_ONLY_VALUES = (
    "of the organism's checkpoints only the values are shipped; leave it out, or train: "
    "`namebasis organism train RUN`."
)


def refuse_settings(given: Mapping[str, bool], why: str = _ONLY_VALUES) -> None:
    """Refuse what can only be asked of checkpoints.

    Parameters
    ----------
    given : mapping of str to bool
        Options, and whether each was given.
    why : str
        What there is instead, and what to do.

    Raises
    ------
    ValueError
        Naming the first of the options that is given.
    """
    for option, is_given in given.items():
        if is_given:
            raise ValueError(f"{option} counts only where checkpoints are measured: {why}")


def read_shipped(folder: Path, names: Sequence[str] | None = None) -> Formation:
    """The trajectories of a folder, judged by today's rules.

    Parameters
    ----------
    folder : Path
        With ``trajectories.parquet`` and ``run.json``; where they are there, with pictures in the
        first and with ``crossings.parquet``, as `organism.packing.write_trajectories` writes them.
    names : sequence of str, optional
        By default all that are no controls.

    Raises
    ------
    NamebasisError
        If a file cannot be read, or a name is not in it.
    """
    table, run = _read(folder)
    told = dict(zip(table["name"], table["kind"], strict=True))
    steps = np.unique(table["step"])
    controls = [name for name, kind in told.items() if kind == UNSEEN]
    asked = _asked(names, told, folder)
    asked = [name for name in asked if told[name] != UNSEEN]
    everyone = (*asked, *controls)
    at = {name: row for row, name in enumerate(everyone)}
    rows = np.array([at.get(name, -1) for name in table["name"]])
    columns = np.searchsorted(steps, table["step"])

    def square(key: str) -> Float64Array:
        out = np.full((len(everyone), len(steps)), np.nan)
        known = rows >= 0
        out[rows[known], columns[known]] = np.asarray(table[key], dtype=np.float64)[known]
        return out

    shape = (len(everyone), len(steps))
    values = {key: square(key) if key in table else np.full(shape, np.nan) for key in MEASURES}
    values |= {key: square(key) for key in PICTURE_MEASURES if key in table}
    exposures = square("exposures")[: len(asked)]
    phases = find_phases(everyone, len(asked), steps.tolist(), values, None, exposures)
    crossings = _crossings(folder, frozenset(asked))
    return Formation(
        names=everyone,
        n_asked=len(asked),
        kinds=tuple(told[name] for name in everyone),
        control_kind="unseen",
        steps=tuple(steps.tolist()),
        labels=tuple(f"step {step}" for step in steps.tolist()),
        gaps=(),
        lost={},
        values=values,
        exposures=None if np.isnan(exposures).all() else exposures,
        phases=replace(phases, crossings=crossings),
        sets=(),
        cka=np.empty((0, 0)),
        weights=(),
        remarks=(_lacks(table, crossings),),
        weight_evidence=_weight_evidence(folder, frozenset(asked), crossings),
        parameters={"trajectories": _TABLE, "n_made_up": len(controls), **run["settings"]},
    )


def _lacks(table: Mapping[str, Any], crossings: Sequence[NameCrossing]) -> str:
    """What a training would tell beyond the files."""
    things = ["change points", "likeness of checkpoints", "whole set", "weight space"]
    if not crossings:
        things.insert(0, "crossings")
    measures = [key for key in MEASURES if key not in table]
    if RECOGNISED not in table:
        things.append("what pictures say")
    return (
        f"the packaged table holds no {', '.join(things)}, and of the measures no "
        f"{', '.join(measures)}. {_REMEDY}."
    )


def _crossings(folder: Path, asked: frozenset[str]) -> tuple[NameCrossing, ...]:
    """The crossings of names, where the folder holds some; what is open ends nowhere."""
    file = folder / _CROSSINGS
    if not file.is_file():
        return ()
    needed = ("name", "measure", "state", "rise", *_PLACES["step"], *_PLACES["exposures"])
    table = _columns(file, needed)
    rows = (
        dict(zip(needed, row, strict=True)) for row in zip(*map(table.get, needed), strict=True)
    )
    return tuple(
        NameCrossing(
            row["name"], row["measure"], _place(row, "step"),
            None if row["exposures_share"] is None else _place(row, "exposures"), row["rise"],
        )
        for row in rows
        if row["name"] in asked
    )  # fmt: skip


def _weight_evidence(
    folder: Path, asked: frozenset[str], crossings: Sequence[NameCrossing]
) -> WeightEvidence | None:
    """Evidence in weights of names and of the null, where the folder holds some."""
    file = folder / _EVIDENCE
    if not file.is_file():
        return None
    table = _columns(file, ("row", "name", "kind", "step", "evidence"))
    steps, columns = np.unique(table["step"], return_inverse=True)
    _, first, rows = np.unique(table["row"], return_index=True, return_inverse=True)
    values = np.full((len(first), len(steps)), np.nan)
    values[rows, columns] = np.asarray(table["evidence"], dtype=np.float64)
    names = [table["name"][at] for at in first]
    kept = [row for row, name in enumerate(names) if name in asked]
    unknown = np.full((len(kept), len(steps)), np.nan)
    return WeightEvidence(
        tuple(names[row] for row in kept),
        tuple(table["kind"][first[row]] for row in kept),
        tuple(steps.tolist()),
        tuple(f"step {step}" for step in steps.tolist()),
        values[kept],
        unknown,
        unknown,
        values[[row for row, name in enumerate(names) if name is None]],
        None,
        tuple(one for one in crossings if one.measure == WEIGHTS),
    )


def _place(row: Mapping[str, Any], unit: str) -> Crossing:
    position, low, high, share = (row[key] for key in _PLACES[unit])
    return Crossing(
        np.nan if position is None else position, np.inf if low is None else low,
        np.inf if high is None else high, share, row["state"],
    )  # fmt: skip


def _asked(names: Sequence[str] | None, told: Mapping[str, str], folder: Path) -> list[str]:
    if names is None:
        return list(told)
    asked = list(dict.fromkeys(" ".join(name.split()) for name in names))
    unknown = [name for name in asked if told.get(name, UNSEEN) == UNSEEN]
    if unknown:
        example = next(name for name, kind in told.items() if kind != UNSEEN)
        raise NamebasisError(
            f"{folder.name}: its trajectories tell of {len(told):,} made-up names, such as "
            f"{example!r}, and not of {unknown[0]!r}."
        )
    return asked


def _read(folder: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    columns = _columns(folder / _TABLE, _NEEDED)
    file = folder / _RUN
    try:
        run = read_json(file)
        if not isinstance(run, dict) or not isinstance(run.get("settings"), dict):
            raise UnreadableError(file, "it has no settings")
    except UnreadableError as error:
        raise _refused(folder / _TABLE, error) from None
    return columns, run


def _columns(file: Path, needed: Sequence[str]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        check_regular(file)
        columns: dict[str, Any] = pq.read_table(file).to_pydict()
        if lacking := [key for key in needed if key not in columns]:
            raise UnreadableError(file, f"it lacks the columns {', '.join(lacking)}")
    except (UnreadableError, OSError, pa.ArrowException) as error:
        raise _refused(file, error) from None
    return columns


def _refused(file: Path, error: Exception) -> NamebasisError:
    why = getattr(error, "reason", error)
    return NamebasisError(f"{file}: cannot be read as trajectories ({why}).")
