"""Series of checkpoints: found, put in order, and what is missing or broken said."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from namebasis.encoders.foreign_folders import HUB_CONFIG
from namebasis.encoders.specs import PACKAGED
from namebasis.errors import NamebasisError
from namebasis.formation.layouts.step_files import (
    PATTERNS,
    StepFile,
    UnnamedModelError,
    find_step_files,
)
from namebasis.formation.layouts.step_folders import model_files, read_step
from namebasis.reading import (
    UnreadableError,
    open_regular,
    read_json,
)
from namebasis.wording import counted

_WORDS = r"(?:step|checkpoint|ckpt|epoch|iter|iteration)"
_STEP_FOLDER = re.compile(rf"(?:global_)?{_WORDS}[-_]?(\d+)(?:[-_][a-z]+)?\Z", re.I)
_NUMBER = re.compile(r"\d+")
_NAMED_NUMBER = re.compile(rf"{_WORDS}s?[-_=]?(\d+)(?![a-z])", re.I)
_LAST_NUMBER = re.compile(r"(?:\A|[-_/.:])(\d+)\Z")
_MOST_ENTRIES = 2000
_N_TOLD = 20
WATCHED = "watch.json"
"""The file by which the folder of a watched training is known."""


class CheckpointError(NamebasisError):
    """A series of checkpoints holds none that can be used."""


@dataclass(frozen=True)
class Checkpoint:
    """One state of a model in training.

    Attributes
    ----------
    step : int
        Training steps, or whatever number orders the series.
    label : str
        As the user knows it: the folder, file, spec or revision.
    spec : str
        What `load_encoder` takes.
    revision : str or None
    files : tuple of Path
        What it is read from; empty where only loading tells.
    """

    step: int
    label: str
    spec: str
    revision: str | None = None
    files: tuple[Path, ...] = ()

    @cached_property
    def fingerprint(self) -> str | None:
        """SHA-256 over names and bytes of its files; None where they are not known.

        A file of weights alone says nothing of the model they are read into, so its name counts.
        """
        if not self.files:
            return None
        digest = hashlib.sha256()
        if self.spec.startswith("open_clip:") and self.spec.endswith(f"@{self.files[0]}"):
            digest.update(f"{self.spec.removesuffix(str(self.files[0]))};".encode())
        for path in self.files:
            digest.update(f"{path.name} {path.stat().st_size};".encode())
            with open_regular(path) as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        return f"files:{digest.hexdigest()}"


@dataclass(frozen=True)
class Gap:
    """A checkpoint that could not be used; `step` is None where it has no number."""

    label: str
    step: int | None
    reason: str


@dataclass(frozen=True)
class Series:
    """Checkpoints in order, and the gaps between them.

    Attributes
    ----------
    checkpoints : tuple of Checkpoint
        Different steps, rising.
    gaps : tuple of Gap
    folder : Path or None
        The run's folder, where there is one.
    notes : tuple of str
        What a reader should know of how they are read.
    """

    checkpoints: tuple[Checkpoint, ...]
    gaps: tuple[Gap, ...]
    folder: Path | None = None
    notes: tuple[str, ...] = ()


def find_checkpoints(
    sources: str | Path | Sequence[str | Path],
    *,
    revisions: Sequence[str] = (),
    model: str | None = None,
) -> Series:
    """Find the checkpoints that a run folder, specs or revisions name.

    Parameters
    ----------
    sources : str, Path or sequence of them
        A folder of step folders (``step-000120``, ``checkpoint-500`` …) as `save_pretrained` writes
        them, whole pipelines of diffusers among them; an open_clip training folder
        (``epoch_1.pt`` …, in it or in ``checkpoints/``), one of PyTorch Lightning of an open_clip
        model (``epoch=0-step=500.ckpt``) or of kohya's trainer (``model-000001.safetensors``); or
        encoder specs, one for each checkpoint.
    revisions : sequence of str
        With a single spec of a hub's repository: its revisions, one for each checkpoint.
    model : str, optional
        open_clip's name of the model of ``epoch_*.pt`` files and other bare weights, or its
        configuration file, where ``params.txt`` beside them does not say it; of LoRAs the spec that
        they change, where their adapter_config.json does not say it.

    Returns
    -------
    Series
        Specs and revisions are ordered by the number behind "step" or "epoch" in each, or else at
        its end, where all have a different one; else as given.

    Raises
    ------
    CheckpointError
        If nothing usable is found; the reasons are in the message.
    """
    given = [sources] if isinstance(sources, (str, Path)) else list(sources)
    if not given:
        raise CheckpointError("no checkpoints: give a folder, encoder specs or revisions.")
    if revisions:
        if len(given) != 1:
            raise CheckpointError("revisions go with one repository; give a single hf: spec.")
        return Series(_numbered([str(given[0])] * len(revisions), list(revisions)), ())
    folder = Path(given[0]).expanduser() if len(given) == 1 else None
    if folder is not None and (folder.is_dir() or not _is_spec(str(given[0]))):
        series = _in_folder(folder, model)
    else:
        series = Series(_numbered([str(spec) for spec in given], None), ())
    if not series.checkpoints:
        raise CheckpointError(nothing_left(str(given[0]), series.gaps))
    return series


def _is_spec(text: str) -> bool:
    return ":" in text or text in PACKAGED


def no_such_step(step: int, there: Sequence[int]) -> str:
    """Say that no checkpoint is of a step, and which steps there are."""
    known = ", ".join(map(str, there[:_N_TOLD]))
    more = f" and {len(there) - _N_TOLD:,} more" if len(there) > _N_TOLD else ""
    return f"there is no checkpoint of step {step}; there are {known}{more}."


def nothing_left(what: str, gaps: Sequence[Gap]) -> str:
    """Say why none of a series' checkpoints can be used, each counted once."""
    gaps = list({gap.label: gap for gap in reversed(gaps)}.values())[::-1]
    first = "; ".join(f"{gap.label}: {gap.reason.removesuffix('.')}" for gap in gaps[:2])
    more = f"; and {len(gaps) - 2} more" if len(gaps) > 2 else ""
    return f"{what}: none of {counted(len(gaps), 'checkpoint')} can be used ({first}{more})."


def _numbered(specs: list[str], revisions: list[str] | None) -> tuple[Checkpoint, ...]:
    labels = revisions or specs
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise CheckpointError(f"{twice} is given twice; a checkpoint has one place in a series.")
    steps = _order(labels)
    made = [
        Checkpoint(step, label, spec, label if revisions else None, _spec_files(spec))
        for step, label, spec in zip(steps, labels, specs, strict=True)
    ]
    if revisions:  # a revision's files are known once the hub has given them
        made = [Checkpoint(one.step, one.label, one.spec, one.revision) for one in made]
    return tuple(sorted(made, key=lambda one: one.step))


def _order(labels: Sequence[str]) -> list[int]:
    """Steps of labels: the number behind "step" or "epoch", or at the end; else as given.

    Numbers inside a word, such as the 16 of patch16 or the 4 of tokens4B, order nothing.
    """
    for pattern in (_NAMED_NUMBER, _LAST_NUMBER):
        numbers = [int(found[-1]) for label in labels if (found := pattern.findall(label))]
        if len(set(numbers)) == len(labels):
            return numbers
    return list(range(len(labels)))


def _spec_files(spec: str) -> tuple[Path, ...]:
    """Local files behind a spec; empty where it names weights elsewhere."""
    kind, _, place = spec.partition(":")
    place = place.removeprefix("local-dir:").rpartition("@")[2]
    path = Path(place).expanduser() if place else Path("")
    if kind in ("hf", "open_clip") and place and path.is_dir():
        return model_files(path)
    return (path,) if kind == "open_clip" and place and path.is_file() else ()


def _in_folder(folder: Path, model: str | None) -> Series:
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: there is no such folder; give one of step folders or of epoch_*.pt files, "
            "or encoder specs such as hf:FOLDER."
        )
    if (folder / WATCHED).is_file():
        raise CheckpointError(
            f"{folder} holds what was measured while a model trained, and no model: `namebasis "
            "formation` reads it; give the training's own folder for anything else."
        )
    steps, twice = _by_number(folder, _STEP_FOLDER, Path.is_dir)
    series = _step_folders(folder, steps, twice, model) if steps else None
    if series is not None and series.checkpoints:
        return series
    for place in (folder, folder / "checkpoints"):
        if place != folder:
            inner, again = _by_number(place, _STEP_FOLDER, Path.is_dir)
            if inner and (found := _step_folders(place, inner, again, model)).checkpoints:
                return Series(found.checkpoints, found.gaps, folder, found.notes)
            series = series or (found if inner else None)
        try:
            files = find_step_files(place, model)
        except UnnamedModelError as error:
            raise CheckpointError(str(error)) from None
        if files:  # folders that hold no model do not hide files that do
            return _step_files(folder, files, series.gaps if series else ())
    if series is not None:
        return series
    if (folder / "config.json").is_file() or (folder / HUB_CONFIG).is_file():
        raise CheckpointError(
            f"{folder} is one model, not a series; give the folder that holds its steps."
        )
    raise CheckpointError(
        f"{folder} holds no checkpoints: neither folders such as step-000120 or checkpoint-500 "
        f"nor files such as epoch_1.pt.{_hint(folder)}"
    )


def _hint(folder: Path) -> str:
    """What may have been meant by a folder without a series in it."""
    watched = next(iter(sorted(path.parent for path in folder.glob(f"*/{WATCHED}"))), None)
    if watched is not None:
        return f" Did you mean {watched}, which was measured while a model trained?"
    near = sorted(_runs_below(folder, 3))
    if near:
        more = f" (or one of {len(near) - 1} others)" if len(near) > 1 else ""
        return f" Did you mean {near[0]}{more}?"
    for place in (folder, folder / "checkpoints"):
        latest = place / "epoch_latest.pt"
        if latest.is_file():
            return (
                f" {latest} is one model: use it as --encoder open_clip:MODEL@{latest} of build, "
                "or train with --save-frequency 1."
            )
    return ""


def _runs_below(folder: Path, depth: int) -> set[Path]:
    """Folders below that hold step folders or epoch files."""
    found: set[Path] = set()
    try:
        entries = sorted(folder.iterdir())[:_MOST_ENTRIES]
    except OSError:
        return found
    for path in entries:
        if not path.is_dir() or path.is_symlink():
            continue
        if any(
            (_STEP_FOLDER.match(entry.name) and entry.is_dir())
            or any(pattern.match(entry.name) for pattern in PATTERNS)
            for place in (path, path / "checkpoints")
            if place.is_dir()
            for entry in place.iterdir()
        ):
            found.add(path)
        elif depth > 1:
            found |= _runs_below(path, depth - 1)
    return found


def _by_number(
    place: Path, pattern: re.Pattern[str], fits: Callable[[Path], bool]
) -> tuple[dict[int, Path], list[Gap]]:
    """What is named by a pattern with a number, by that number, and what comes second with it."""
    found: dict[int, Path] = {}
    twice = []
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        match = pattern.match(path.name)
        if match is None or not fits(path):
            continue
        number = int(match[1])
        if number in found:
            reason = f"has the number of {found[number].name}, which is taken"
            twice.append(Gap(path.name, number, reason))
        else:
            found[number] = path
    return found, twice


def _step_folders(
    folder: Path, steps: dict[int, Path], twice: list[Gap], model: str | None
) -> Series:
    found, gaps, borrowed = [], list(twice), []
    for step, path in sorted(steps.items()):
        made = read_step(path, model)
        if isinstance(made, str):
            gaps.append(Gap(path.name, step, made))
            continue
        found.append(Checkpoint(step, path.name, made.spec, None, made.files))
        if made.tokenizer is not None:
            borrowed.append(made.tokenizer)
    width = len(_NUMBER.findall(next(iter(steps.values())).name)[-1])
    for step in _planned(folder):
        if step not in steps:
            gaps.append(Gap(f"step-{step:0{width}d}", step, "missing: run.json lists it"))
    notes: tuple[str, ...] = ()
    if borrowed:
        notes = (
            f"{len(borrowed)} of {len(found)} checkpoints have no tokenizer of their own; that of "
            f"{borrowed[0]} is used",
        )
    return Series(tuple(found), tuple(sorted(gaps, key=lambda gap: gap.step or 0)), folder, notes)


def _planned(folder: Path) -> list[int]:
    """Steps that the run itself says it saves."""
    try:
        document = read_json(folder / "run.json")
    except UnreadableError:
        return []
    listed = document.get("checkpoints") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return []
    return [step for step in listed if isinstance(step, int) and not isinstance(step, bool)]


def _step_files(folder: Path, files: Sequence[StepFile], before: Sequence[Gap]) -> Series:
    read = (one for one in files if not one.reason)
    found = [Checkpoint(one.step, one.label, one.spec, None, one.files) for one in read]
    gaps = [*before, *(Gap(one.label, one.step, one.reason) for one in files if one.reason)]
    return Series(tuple(found), tuple(sorted(gaps, key=lambda gap: gap.step or 0)), folder)
