"""Series of checkpoints: found, put in order, and what is missing or broken said."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from namebasis.encoders.registry import PACKAGED
from namebasis.errors import NamebasisError
from namebasis.reading import (
    LARGE,
    UnreadableError,
    is_regular,
    open_regular,
    parse_json,
    read_json,
    read_text,
)

_STEP_FOLDER = re.compile(r"(?:global_)?(?:step|checkpoint|epoch|iter|iteration)[-_]?(\d+)\Z", re.I)
_EPOCH_FILE = re.compile(r"epoch_(\d+)\.(?:pt|safetensors)\Z", re.I)
_NUMBER = re.compile(r"\d+")
_MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.bin")
_HUB_CONFIG = "open_clip_config.json"


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
    """

    checkpoints: tuple[Checkpoint, ...]
    gaps: tuple[Gap, ...]
    folder: Path | None = None


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
        them; an open_clip training folder (``epoch_1.pt`` …, in it or in ``checkpoints/``); or
        encoder specs, one for each checkpoint.
    revisions : sequence of str
        With a single spec of a hub's repository: its revisions, one for each checkpoint.
    model : str, optional
        open_clip's name of the model of ``epoch_*.pt`` files, where ``params.txt`` beside them
        does not say it.

    Returns
    -------
    Series
        Specs and revisions are ordered by the last number in each where all have a different one,
        else as given.

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


def nothing_left(what: str, gaps: Sequence[Gap]) -> str:
    """Say why none of a series' checkpoints can be used."""
    first = "; ".join(f"{gap.label}: {gap.reason}" for gap in gaps[:2])
    more = f"; and {len(gaps) - 2} more" if len(gaps) > 2 else ""
    return f"{what}: none of {len(gaps)} checkpoint(s) can be used ({first}{more})."


def _numbered(specs: list[str], revisions: list[str] | None) -> tuple[Checkpoint, ...]:
    labels = revisions or specs
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise CheckpointError(f"{twice} is given twice; a checkpoint has one place in a series.")
    numbers = [found[-1] if (found := _NUMBER.findall(label)) else None for label in labels]
    told = [int(number) for number in numbers if number is not None]
    steps = told if len(set(told)) == len(labels) else list(range(len(labels)))
    made = [
        Checkpoint(step, label, spec, label if revisions else None, _spec_files(spec))
        for step, label, spec in zip(steps, labels, specs, strict=True)
    ]
    if revisions:  # a revision's files are known once the hub has given them
        made = [Checkpoint(one.step, one.label, one.spec, one.revision) for one in made]
    return tuple(sorted(made, key=lambda one: one.step))


def _spec_files(spec: str) -> tuple[Path, ...]:
    """Local files behind a spec; empty where it names weights elsewhere."""
    kind, _, place = spec.partition(":")
    place = place.removeprefix("local-dir:").rpartition("@")[2]
    path = Path(place).expanduser() if place else Path("")
    if kind in ("hf", "open_clip") and place and path.is_dir():
        return _model_files(path)
    return (path,) if kind == "open_clip" and place and path.is_file() else ()


def _model_files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern)}))


def _in_folder(folder: Path, model: str | None) -> Series:
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: there is no such folder; give one of step folders or of epoch_*.pt files, "
            "or encoder specs such as hf:FOLDER."
        )
    steps, twice = _by_number(folder, _STEP_FOLDER, Path.is_dir)
    if steps:
        return _step_folders(folder, steps, twice)
    for place in (folder, folder / "checkpoints"):
        epochs, twice = _by_number(place, _EPOCH_FILE, Path.is_file)
        if epochs:
            return _epoch_files(folder, epochs, twice, model)
    if (folder / "config.json").is_file() or (folder / _HUB_CONFIG).is_file():
        raise CheckpointError(
            f"{folder} is one model, not a series; give the folder that holds its steps."
        )
    raise CheckpointError(
        f"{folder} holds no checkpoints: neither folders such as step-000120 or checkpoint-500 "
        "nor files such as epoch_1.pt."
    )


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


def _step_folders(folder: Path, steps: dict[int, Path], twice: list[Gap]) -> Series:
    found, gaps = [], list(twice)
    for step, path in sorted(steps.items()):
        reason = _incomplete(path)
        if reason is not None:
            gaps.append(Gap(path.name, step, reason))
            continue
        is_hub = (path / _HUB_CONFIG).is_file()
        spec = f"open_clip:local-dir:{path}" if is_hub else f"hf:{path}"
        found.append(Checkpoint(step, path.name, spec, None, _model_files(path)))
    width = len(_NUMBER.findall(next(iter(steps.values())).name)[-1])
    for step in _planned(folder):
        if step not in steps:
            gaps.append(Gap(f"step-{step:0{width}d}", step, "missing: run.json lists it"))
    return Series(tuple(found), tuple(sorted(gaps, key=lambda gap: gap.step or 0)), folder)


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


def _epoch_files(
    folder: Path, epochs: dict[int, Path], twice: list[Gap], model: str | None
) -> Series:
    name = model or _trained_model(next(iter(epochs.values())))
    if name is None:
        raise CheckpointError(
            f"{folder}: which model these epoch files are of is not said (no params.txt beside "
            "them); give open_clip's name of it, such as --model ViT-B-32."
        )
    found, gaps = [], list(twice)
    for epoch, path in sorted(epochs.items()):
        is_safe = path.suffix.lower() == ".safetensors"
        reason = _broken_safetensors(path) if is_safe else _broken_archive(path)
        if reason is not None:
            gaps.append(Gap(path.name, epoch, reason))
        else:
            spec = f"open_clip:{name}@{path}"
            found.append(Checkpoint(epoch, path.name, spec, None, (path,)))
    return Series(tuple(found), tuple(sorted(gaps, key=lambda gap: gap.step or 0)), folder)


def _trained_model(file: Path) -> str | None:
    """The model that open_clip's params.txt names, beside the checkpoints or one folder up."""
    for place in (file.parent, file.parent.parent):
        try:
            lines = read_text(place / "params.txt").splitlines()
        except UnreadableError:
            continue
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == "model" and value.strip():
                return value.strip()
    return None


def _incomplete(folder: Path) -> str | None:
    """Why a step's folder is not a whole model, or None."""
    if not any((folder / name).is_file() for name in ("config.json", _HUB_CONFIG)):
        return "half-written: it holds no config.json"
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        return "half-written: it holds no model.safetensors"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(map(str, read_json(index)["weight_map"].values()))
        except (UnreadableError, KeyError, TypeError, AttributeError):
            return f"half-written: {index.name} cannot be read"
        missing = sorted(names - {path.name for path in weights})
        if missing:
            return f"half-written: {missing[0]} is missing"
    return next((reason for path in weights if (reason := _broken_safetensors(path))), None)


def _broken_safetensors(path: Path) -> str | None:
    """Whether a safetensors file is as long as its own header says."""
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            (length,) = struct.unpack("<Q", stream.read(8))
            header = parse_json(stream.read(min(length, size, LARGE)), path)
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        whole = 8 + length + max(ends, default=0)
    except (struct.error, UnreadableError, KeyError, IndexError, TypeError, AttributeError):
        return f"half-written: {path.name} has no readable header"
    if size != whole:
        return f"half-written: {path.name} has {size:,} of {whole:,} bytes"
    return None


def _broken_archive(path: Path) -> str | None:
    # torch writes a zip whose directory comes last, so a cut file has none.
    is_whole = is_regular(path) and zipfile.is_zipfile(path)
    return None if is_whole else f"half-written: {path.name} is no whole archive"
