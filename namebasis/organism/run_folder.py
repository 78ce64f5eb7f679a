"""The folder of a training: checkpoints, truth, exposures, and what it takes to go on."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from namebasis.atomic import remove_leftovers, write_text
from namebasis.errors import NamebasisError
from namebasis.organism.world import World
from namebasis.reading import LARGE, UnreadableError, read_json, read_table

WORLD, RUN, EXPOSURES, STATE = "world.json", "run.json", "exposures.csv", "resume.safetensors"
_STEP = re.compile(r"step-(\d{6,})\Z")
_FILES = "|".join(map(re.escape, (WORLD, RUN, EXPOSURES, STATE)))
_BEGUN = r"(part|[0-9a-f]{12}\.tmp)"
_OURS = re.compile(rf"(step-\d{{6,}}|\.step-\d{{6,}}\.part|{_FILES}|\.({_FILES})\.{_BEGUN})\Z")
_TOLD = {"settings": dict, "losses": dict, "checkpoints": list, "seconds": float,
         "cpu_seconds": float}  # fmt: skip
_FORMAT = 1


def step_folder(run: Path, step: int) -> Path:
    """Where the model after `step` steps lies."""
    return run / f"step-{step:06d}"


def step_folders(run: str | Path) -> dict[int, Path]:
    """Complete checkpoints by step, in order; one that was cut off has another name."""
    found = (
        (int(match[1]), path)
        for path in Path(run).glob("step-*")
        if (match := _STEP.match(path.name)) and path.is_dir()
    )
    return dict(sorted(found))


def write_step(run: Path, step: int, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a folder that gets its name only when it is whole."""
    beside, final = run / f".step-{step:06d}.part", step_folder(run, step)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    write(beside)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(beside, final)
    return final


def write_run(run: Path, values: Mapping[str, Any]) -> None:
    """Write `run.json`."""
    write_text(run / RUN, json.dumps({"format": _FORMAT, **values}, indent=1) + "\n")


def read_run(run: str | Path) -> dict[str, Any]:
    """Read `run.json`.

    Raises
    ------
    NamebasisError
        If it is missing or damaged: the folder is no training.
    """
    path = Path(run) / RUN
    try:
        values: dict[str, Any] = read_json(path, LARGE)
        if values["format"] != _FORMAT:
            raise NamebasisError(
                f"{path} has format {values['format']}; this version reads {_FORMAT}."
            )
        wrong = [key for key, kind in _TOLD.items() if not isinstance(values[key], kind)]
        if wrong:
            raise TypeError(f"{wrong[0]} is no {_TOLD[wrong[0]].__name__}")
    except UnreadableError as error:
        if error.is_missing:
            raise NamebasisError(f"{run} holds no training: there is no {RUN}.") from None
        raise NamebasisError(f"{path} cannot be read: {error.reason}.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{path} cannot be read ({type(error).__name__}: {error}).") from None
    return values


def write_exposures(
    run: Path, world: World, steps: Sequence[int], counts: Sequence[Sequence[int]]
) -> None:
    """Write how often each name was in a caption before each checkpoint."""
    lines = ["step,name,count"]
    for step, row in zip(steps, counts, strict=True):
        lines += [
            f"{step},{name.name},{int(count)}"
            for name, count in zip(world.names, row, strict=True)
        ]  # fmt: skip
    write_text(run / EXPOSURES, "\n".join(lines) + "\n")


def read_exposures(run: str | Path) -> dict[int, dict[str, int]]:
    """Exposures by step and name.

    Raises
    ------
    NamebasisError
        If the file is missing or damaged.
    """
    path = Path(run) / EXPOSURES
    found: dict[int, dict[str, int]] = {}
    try:
        for _, row in read_table(path).rows:
            step, count = int(row["step"] or ""), int(row["count"] or "")
            found.setdefault(step, {})[row["name"] or ""] = count
    except UnreadableError as error:
        if error.is_missing:
            raise NamebasisError(f"{path}: there is no table of exposures.") from None
        raise NamebasisError(f"{path} cannot be read: {error.reason}.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{path} cannot be read ({type(error).__name__}: {error}).") from None
    return found


def prepare(run: Path, settings: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Make the folder ready; return whether a training of the same settings goes on in it.

    Raises
    ------
    NamebasisError
        If the folder holds another training or other files.
    """
    if not run.exists():
        if not run.parent.is_dir():
            raise NamebasisError(f"{run}: there is no folder {run.parent}. Make it.")
        run.mkdir()
        return False
    if not run.is_dir():
        raise NamebasisError(f"{run} is a file where a folder is to be. Give another path.")
    inside = sorted(path.name for path in run.iterdir())
    strange = [name for name in inside if not _OURS.match(name)]
    if strange:
        raise NamebasisError(
            f"{run} holds other files than a training writes, such as {strange[0]}. Give another "
            "path."
        )
    remove_leftovers(run)
    if overwrite:
        for path in run.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return False
    if not (run / RUN).exists():
        return False
    before = read_run(run)["settings"]
    changed = [key for key, value in settings.items() if before.get(key) != value]
    if changed:
        told = ", ".join(f"{key} {before.get(key)}" for key in changed)
        raise NamebasisError(
            f"{run} holds a training with {told}; it resumes only with the same settings. "
            "Give another path, or overwrite it."
        )
    return True
