"""SIGKILL at every disk event of a command; then check, search, the same command again, compare."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.commands import EACH_HEAVY, HEAVY, LIGHT, OPERATIONS, Operation
from tests.campaign.warm import Warm
from tests.campaign.world import World

WRITES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate")
LANCE = (
    "add_columns", "alter_columns", "drop_columns", "merge_insert", "delete", "insert",
    "update_schema_metadata", "replace_schema_metadata", "cleanup_old_versions", "commit",
)  # fmt: skip
TIMED = (".json", ".toml", ".jsonl")
UNEQUAL = (".db", ".wal", ".idx", ".log", "")
GROWS = ("painter.json",)  # says how far a training is, at each state that it saves
HOLDS_SECONDS = ("painter-state.safetensors",)
"""Files of other libraries that no two runs write alike."""
WHOLE = ("html", "json", "csv", "parquet", "png", "safetensors", "toml")
_DIGITS = re.compile(rb"[0-9]+")
CHUNK = 25
"""Names per commit in a case, so that a build of sixty has several."""


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
        signal.setitimer(signal.ITIMER_REAL, delay)

    # Here, as an event may come from any thread, and only the main one may say what a signal does.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)

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
        place, operation = self._world.case(OPERATIONS[name].base), OPERATIONS[name]
        self._world.base("other.space")
        ended = start(self._world.warm, place, operation)
        if ended.code != 0:
            raise RuntimeError(f"{name}: {ended}")
        found = left(self._world.warm, place, operation, ended.out)
        self._world.done(place)
        return int(ended.value), found


def start(
    warm: Warm, place: Path, operation: Operation, at: int = 0, delay: float = 0.0,
    again: bool = False,
) -> Any:  # fmt: skip
    """Run an operation in a child, killed at an event or not at all."""
    words = [*operation.words, *(operation.again if again else ())]
    return warm.call("tests.campaign.kills:killed", words, at, delay, cwd=place, seconds=300)


def left(warm: Warm, place: Path, operation: Operation, out: str) -> dict[str, str]:
    """Digests of what an operation left."""
    if operation.makes == "page":
        return {"page": out}
    if operation.makes == "files":
        found = digests(place)
        if operation.name == "serve":
            words = ("nearest", "s", "Bal", "--engine", operation.words[3], "--json")
            ended = warm.command(*words, cwd=place)
            found["answer"] = ended.out if ended.code == 0 else ended.err.strip()[-300:]
        if any(place.glob("out*/**/*.space")):
            ended = warm.call("tests.campaign.kills:space_digests", "outs", cwd=place)
            found |= ended.value if ended.code == 0 else {"spaces": ended.err.strip()[-300:]}
        return found
    function = "world:content" if operation.makes == "space" else "kills:weights"
    ended = warm.call(f"tests.campaign.{function}", operation.at, cwd=place)
    return ended.value if ended.code == 0 else {"cannot be read": ended.err.strip()[-300:]}


def weights(path: str) -> dict[str, str]:
    """Digests of a training's files but its times."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        for file in sorted(Path(path).rglob("*.safetensors"))
    }


def digests(place: Path) -> dict[str, str]:
    """Digests of all files that an operation gave to the user, as far as two runs agree.

    Files that say when they were made, or how long it took, are compared without their
    digits, and pages by their end: their maps are drawn afresh. Of a space and of an engine's
    collection the files are named by chance; a space is compared by `space_digests`.
    """
    found = {}
    for file in sorted(place.glob("out*")):
        for inner in [file] if file.is_file() else sorted(file.rglob("*")):
            inside = inner.relative_to(place).parts[:-1]
            if inner.is_file() and not inner.name.startswith(".") and not any(
                part.endswith((".space", ".db")) for part in inside
            ):  # fmt: skip
                found[str(inner.relative_to(place))] = _digest(inner)
    return found


def _digest(file: Path) -> str:
    content = file.read_bytes()
    if file.suffix in UNEQUAL or file.name in HOLDS_SECONDS:
        return "there"
    if file.suffix == ".html":
        return f"whole: {content.rstrip().endswith(b'</html>')}"
    if file.suffix in TIMED:
        content = bytes(_DIGITS.sub(b"", content))
    return hashlib.sha256(content).hexdigest()[:12]


def space_digests(folder: str) -> dict[str, str]:
    """What the spaces below a folder hold."""
    from tests.campaign.world import content

    return {
        f"{path} {key}": digest
        for path in sorted(Path(folder).rglob("*.space"))
        for key, digest in content(str(path)).items()
    }


def case(world: World, undisturbed: Undisturbed, name: str, at: int, delay: float) -> str | None:
    """Kill an operation once; what was wrong afterwards, or None."""
    _, wanted = undisturbed.of(name)
    operation = OPERATIONS[name]
    place = world.case(operation.base)
    ended = start(world.warm, place, operation, at, delay)
    if ended.signal is None and ended.code != 0:
        return f"not killed, but: {ended.crash or ended.err.strip()[-200:]}"
    problem = after(world.warm, place, operation, wanted)
    if problem is None:
        world.done(place)
    return problem


def after(warm: Warm, place: Path, operation: Operation, wanted: dict[str, str]) -> str | None:
    """What is wrong after an operation ended early, and with the same operation run again."""
    if problem := _judge(warm, place, operation, wanted):
        return problem
    is_done = operation.is_once and left(warm, place, operation, "") == wanted
    if not is_done:
        again = start(warm, place, operation, again=True)
        if again.code != 0:
            return f"the run again: {again.crash or again.err.strip()[-200:]}"
        found = left(warm, place, operation, again.out)
        if found != wanted:
            differs = [key for key in {*found, *wanted} if found.get(key) != wanted.get(key)]
            return f"differs from an undisturbed run in {', '.join(sorted(differs))[:200]}"
    if operation.makes == "space" or _has_space(operation):
        at = operation.at if operation.makes == "space" else "s"
        check = warm.call("tests.campaign.world:judged", at, [], cwd=place)
        if check.code != 0 or check.value:
            return f"after the run again: {check.crash or check.value or check.err[-200:]}"
    return None


def _has_space(operation: Operation) -> bool:
    return (operation.base or "").endswith(".space")


def _judge(warm: Warm, place: Path, operation: Operation, wanted: dict[str, str]) -> str | None:
    """What is wrong with what a kill left, before anything is run again."""
    if operation.makes == "files":
        for file, digest in digests(place).items():
            # A file appears whole or not at all; a folder of many grows file by file.
            is_whole = file.split(".")[-1] in WHOLE and Path(file).name not in GROWS
            if file in wanted and digest != wanted[file] and is_whole:
                return f"{file} is not what an undisturbed run leaves"
    if not _has_space(operation):
        return None  # an unfinished build may refuse; the same build again has to finish it
    questions = [["nearest", "s", "Bal"]] if operation.base != "full.space" else []
    has_images = operation.base in ("images.space", "unspelled.space", "pictured.space")
    if has_images and "--overwrite" not in operation.words:
        questions.append(["nearest", "s", "Bal", "--view", "image"])
    if "remove" in operation.words or "--overwrite" in operation.words:
        questions = questions[1:]
    asked = warm.call("tests.campaign.world:judged", "s", questions, cwd=place)
    if asked.code != 0:
        return f"asked: {asked.crash or asked.err.strip()[-200:]}"
    return None if asked.value is None else str(asked.value)


def draw(rng: Random, index: int, undisturbed: Undisturbed) -> tuple[str, int, float]:
    """An operation in turn, one of its events, and when to die after it."""
    turn, is_light = index // EACH_HEAVY, index % EACH_HEAVY != EACH_HEAVY - 1
    many, at = (list(LIGHT), index - turn) if is_light else (list(HEAVY), turn)
    name = many[at % len(many)]
    n_events, _ = undisturbed.of(name)
    delay = 0.0 if rng.random() < 0.6 else 10 ** rng.uniform(-4.5, -1.5)
    return name, rng.randint(1, max(1, n_events)), round(delay, 6)
