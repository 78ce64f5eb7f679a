"""The trajectories that come with the packaged organism, as a result without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.errors import NamebasisError
from namebasis.formation.phases import CAPTURE, EVIDENCE, find_phases
from namebasis.formation.results import Formation
from namebasis.formation.trajectories import MEASURES
from namebasis.formation.truth import UNSEEN
from namebasis.reading import UnreadableError, check_regular, read_json

SPEC = "organism"
_TABLE, _RUN, _WEIGHTS = "trajectories.parquet", "run.json", "model.safetensors"
_NEEDED = ("name", "kind", "step", "exposures", *EVIDENCE, CAPTURE)
_MISSING = (
    "the packaged table holds values alone: crossings, change points and the likeness of "
    "checkpoints, the whole set, weight space and what pictures say are missing. `namebasis "
    "organism train RUN`, then `namebasis formation RUN` measure them"
)


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
        With ``trajectories.parquet``, as `organism.packing.write_trajectories` writes it, and
        ``run.json``.
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
    exposures = square("exposures")[: len(asked)]
    lacking = [key for key in MEASURES if key not in table]
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
        phases=find_phases(everyone, len(asked), steps.tolist(), values, None, exposures),
        sets=(),
        cka=np.empty((0, 0)),
        weights=(),
        remarks=(f"{_MISSING}. Of the measures, {', '.join(lacking)} are missing too.",),
        parameters={"trajectories": _TABLE, "n_made_up": len(controls), **run["settings"]},
    )


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / _TABLE
    try:
        check_regular(file)
        columns = pq.read_table(file).to_pydict()
        run = read_json(folder / _RUN)
        if lacking := [key for key in _NEEDED if key not in columns]:
            raise UnreadableError(file, f"it lacks the columns {', '.join(lacking)}")
        if not isinstance(run, dict) or not isinstance(run.get("settings"), dict):
            raise UnreadableError(file, f"{_RUN} beside it has no settings")
    except (UnreadableError, OSError, pa.ArrowException) as error:
        raise NamebasisError(
            f"{file}: cannot be read as trajectories ({getattr(error, 'reason', error)})."
        ) from None
    return columns, run
