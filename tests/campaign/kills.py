"""SIGKILL at every disk event of a command; then check, search, the same command again, compare."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.warm import Warm
from tests.campaign.world import TEMPLATES, World

WRITES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate")
LANCE = (
    "add_columns", "alter_columns", "drop_columns", "merge_insert", "delete", "insert",
    "update_schema_metadata", "replace_schema_metadata", "cleanup_old_versions", "commit",
)  # fmt: skip
CHUNK = 25
"""Names per commit in a case, so that a build of sixty has several."""


@dataclass(frozen=True)
class Operation:
    """A command to be killed.

    Attributes
    ----------
    words : tuple of str
    base : str or None
        The space it begins from.
    makes : str
        What it leaves: `space`, `run` (a training) or `page` (a study's JSON on stdout).
    """

    words: tuple[str, ...]
    base: str | None
    makes: str = "space"


OPERATIONS = {
    "build": Operation(("build", "s", "names.txt", *TEMPLATES), None),
    "add": Operation(("add", "s", "more.txt", "-q"), "images.space"),
    "add to unspelled": Operation(("add", "s", "more.txt", "-q"), "unspelled.space"),
    "first images": Operation(("add", "s", "--images", "images1", "-q"), "base.space"),
    "second images": Operation(("add", "s", "--images", "images2", "-q"), "images.space"),
    "anchors": Operation(("anchors", "s", "-n", "3", "--write", "-q"), "base.space"),
    "score": Operation(("score", "s", "--axis", "gender", "--write", "-q"), "base.space"),
    "unspell": Operation(("unspell", "s", "-q"), "base.space"),
    "unspell again": Operation(("unspell", "s", "--rebuild", "-q"), "unspelled.space"),
    "overwrite": Operation(("build", "s", "other.txt", "--overwrite", *TEMPLATES), "images.space"),
    "remove": Operation(("remove", "s", "--where", "name LIKE '%en'"), "images.space"),
    "report": Operation(
        ("validate", "report", "s", "images1", "--extractor", "skin", "--write", "-q"), "base.space"
    ),
}  # fmt: skip
TRAININGS = {
    "train": Operation(
        ("organism", "train", "s", "--tiny", "--steps", "2", "--batch-size", "8", "--checkpoints",
         "2", "--threads", "1", "-q"), None, "run"),
    "formation": Operation(
        ("formation", "s", "--no-weights", "--n-resamples", "20", "--n-swaps", "12", "--json",
         "-q"),
        "run", "page"),
}  # fmt: skip
ALL = {**OPERATIONS, **TRAININGS}


def killed(words: list[str], at: int, delay: float) -> int:
    """Run a command in this child and die at its `at`-th disk event; the number of events.

    Parameters
    ----------
    at : int
        0 for an undisturbed run.
    delay : float
        Seconds after the event, for deaths inside a library's call; 0 dies at once.
    """
    home, count = os.getcwd(), 0

    def event() -> None:
        nonlocal count
        count += 1
        if count != at:
            return
        if delay == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, delay)

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                _is_inside(path, home) and event()
        elif name in WRITES and _is_inside(arguments[0], home):
            event()

    _around_libraries(event)
    sys.addaudithook(hook)
    _run(words)
    return count


def _is_inside(path: object, home: str) -> bool:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(home + os.sep)


def _around_libraries(event: Any) -> None:
    """Count before and after each call that writes past Python's own files."""
    import faiss
    import lance

    from namebasis.namespace.building import build

    def counted(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            event()
            result = function(*arguments, **options)
            event()
            return result

        return call

    for place, names in ((lance, ("write_dataset",)), (lance.LanceDataset, LANCE),
                         (faiss, ("write_index",))):  # fmt: skip
        for name in names:
            if hasattr(place, name):
                raw = place.__dict__.get(name)
                if isinstance(raw, staticmethod):
                    setattr(place, name, staticmethod(counted(raw.__func__)))
                elif not isinstance(raw, classmethod):
                    setattr(place, name, counted(getattr(place, name)))
    build.CHUNK = build.FIRST_CHUNK = CHUNK


def _run(words: list[str]) -> None:
    from namebasis.cli import main

    sys.argv = ["namebasis", *words]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise


class Undisturbed:
    """What operations leave when nobody kills them, each run once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.of = cache(self._of)

    def _of(self, name: str) -> tuple[int, dict[str, str]]:
        place = self.place(name)
        ended = _start(self._world.warm, place, ALL[name], 0, 0.0)
        if ended.code != 0:
            raise RuntimeError(f"{name}: {ended}")
        return int(ended.value), left(self._world.warm, place, ALL[name], ended.out)

    def place(self, name: str) -> Path:
        """A new folder from which the operation begins."""
        base = ALL[name].base
        if base == "run" and not (self._world.folder / "run").exists():
            self._world.must(*(w if w != "s" else "run" for w in TRAININGS["train"].words))
        return self._world.case(base)


def _start(warm: Warm, place: Path, operation: Operation, at: int, delay: float) -> Any:
    seconds = 60 if operation.makes == "space" else 300
    words = list(operation.words)
    return warm.call("tests.campaign.kills:killed", words, at, delay, cwd=place, seconds=seconds)


def left(warm: Warm, place: Path, operation: Operation, out: str) -> dict[str, str]:
    """Digests of what an operation left."""
    if operation.makes == "page":
        return {"page": out}
    function = "content" if operation.makes == "space" else "weights"
    module = "world" if operation.makes == "space" else "kills"
    ended = warm.call(f"tests.campaign.{module}:{function}", "s", cwd=place)
    return ended.value if ended.code == 0 else {"cannot be read": ended.err.strip()[-300:]}


def weights(path: str) -> dict[str, str]:
    """Digests of a training's files but its times."""
    import hashlib

    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        for file in sorted(Path(path).rglob("*.safetensors"))
    }


def case(world: World, undisturbed: Undisturbed, name: str, at: int, delay: float) -> str | None:
    """Kill an operation once; what was wrong afterwards, or None."""
    warm, operation = world.warm, ALL[name]
    _, wanted = undisturbed.of(name)
    place = undisturbed.place(name)
    ended = _start(warm, place, operation, at, delay)
    if ended.signal is None and ended.code != 0:
        return f"not killed, but: {ended.crash or ended.err.strip()[-200:]}"
    if operation.makes == "space":
        problem = _judge(warm, place, operation)
        if problem:
            return problem
    again = _start(warm, place, operation, 0, 0.0)
    if again.code != 0:
        return f"the run again: {again.crash or again.err.strip()[-200:]}"
    found = left(warm, place, operation, again.out)
    if found != wanted:
        differs = [key for key in {*found, *wanted} if found.get(key) != wanted.get(key)]
        return f"differs from an undisturbed run in {', '.join(sorted(differs))[:200]}"
    if operation.makes == "space":
        check = warm.command("info", "s", "--check", cwd=place)
        if check.code != 0:
            return f"check after the run again: {check.crash or check.err.strip()[-200:]}"
    return None


def _judge(warm: Warm, place: Path, operation: Operation) -> str | None:
    """What is wrong with the space that a kill left, before anything is run again."""
    check = warm.command("info", "s", "--check", cwd=place)
    if check.crash:
        return f"check: {check.crash}"
    if operation.base is None:
        return None  # an unfinished build may refuse; the same build again has to finish it
    if check.code != 0:
        return f"check refuses: {check.err.strip()[-200:]}"
    asked = warm.call("tests.campaign.world:wrong_answers", "s", cwd=place)
    if asked.code != 0:
        return f"search: {asked.crash or asked.err.strip()[-200:]}"
    if asked.value:
        return f"silently wrong: {', '.join(asked.value)}"
    for words in (("nearest", "s", "Bal"), ("nearest", "s", "Bal", "--view", "image")):
        if operation.base == "base.space" and "image" in words:
            continue  # there may be no such view yet
        if "--overwrite" in operation.words and "image" in words:
            continue  # nor any more
        told = warm.command(*words, cwd=place)
        if told.code != 0:
            return f"{' '.join(words)}: {told.crash or told.err.strip()[-200:]}"
    return None


def draw(rng: Random, index: int, undisturbed: Undisturbed) -> tuple[str, int, float]:
    """An operation in turn, one of its events, and when to die after it."""
    name = list(OPERATIONS)[index % len(OPERATIONS)]
    n_events, _ = undisturbed.of(name)
    delay = 0.0 if rng.random() < 0.6 else 10 ** rng.uniform(-4.5, -1.5)
    return name, rng.randint(1, max(1, n_events)), round(delay, 6)


def every(undisturbed: Undisturbed) -> list[tuple[str, int, float]]:
    """All operations at all of their events."""
    return [(n, at, 0.0) for n in ALL for at in range(1, undisturbed.of(n)[0] + 1)]
