"""Commands on a full disk, in read-only folders, out of memory, and on a wrong clock."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign import kills
from tests.campaign.commands import LIGHT, OPERATIONS, Operation
from tests.campaign.warm import said
from tests.campaign.world import World

KINDS = ("small files", "full disk", "read-only", "clock", "memory")
MIB = 1 << 20
READERS = (("nearest", "s", "Bal"), ("info", "s", "--check"), ("export", "s", "-"))


def draw(rng: Random, index: int) -> tuple[str, str, int]:
    """A kind in turn, an operation, and how tight it is."""
    kind = KINDS[index % len(KINDS)]
    within = [name for name, one in LIGHT.items() if one.base is not None and one.at == "s"]
    amount = {
        "small files": int(10 ** rng.uniform(2.5, 5.5)),
        "full disk": int(10 ** rng.uniform(3, 6)),
        "read-only": rng.randrange(2),
        "clock": rng.choice((-40, -10, -1, 1, 10, 60)) * 365 * 86_400,
        "memory": int(10 ** rng.uniform(0.3, 2.7)) * MIB,
    }[kind]
    return kind, rng.choice(within), amount


def limited(kind: str, words: list[str], amount: int) -> dict[str, Any]:
    """Run a command under a limit, in this child."""
    import resource

    limits = {one: resource.getrlimit(one) for one in (resource.RLIMIT_FSIZE, resource.RLIMIT_AS)}
    if kind == "small files":
        resource.setrlimit(resource.RLIMIT_FSIZE, (amount, limits[resource.RLIMIT_FSIZE][1]))
        signal_ignored()
    elif kind == "memory":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + amount
        resource.setrlimit(resource.RLIMIT_AS, (limit, limits[resource.RLIMIT_AS][1]))
    elif kind == "clock":
        real = time.time
        time.time = lambda: real() + amount
    elif kind == "read-only" and os.getuid() == 0:
        bound_by_modes()
    told = said(words)
    for one, before in limits.items():
        resource.setrlimit(one, before)  # for the answer
    return {"code": told.code, "err": told.err[-400:], "problem": told.problem}


def bound_by_modes() -> None:
    """Take from root the right to write everywhere; files stay its own, libraries readable.

    CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER, see capabilities(7).
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of two words each
    for call in (libc.capget, libc.capset):
        if call(head, sets):
            raise OSError(ctypes.get_errno(), "capabilities cannot be changed")
        for at in range(3):
            sets[at] &= ~0b1110


def signal_ignored() -> None:
    """A file over the limit is an error, as a full disk is, and no signal."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@cache
def can_mount() -> bool:
    """Whether this process may make a small file system of its own."""
    place = Path("/tmp") / f"campaign-mount-{os.getpid()}"
    place.mkdir()
    try:
        if _mount(place, MIB):
            subprocess.run(["umount", str(place)], check=False)
            return True
        return False
    finally:
        place.rmdir()


def _mount(place: Path, size: int) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    with suppress(OSError):
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
    return False


def case(
    world: World, undisturbed: kills.Undisturbed, kind: str, name: str, amount: int
) -> str | None:
    """Run an operation under a limit, then judge what is left and run it again without."""
    operation = OPERATIONS[name]
    if kind == "full disk" and not can_mount():
        kind = "small files"
    place = world.case(operation.base)
    if kind == "full disk":
        return _on_full_disk(world, undisturbed, operation, name, amount, place)
    if kind == "read-only":
        for folder, inner, files in os.walk(place / "s"):
            for one in (*inner, *files):
                os.chmod(Path(folder) / one, 0o555 if one in inner else 0o444)
            os.chmod(folder, 0o555)
        os.chmod(place, 0o777 if amount else 0o555)
    words = list(operation.words)
    if kind == "clock":
        for file in (place / "s").rglob("*"):
            os.utime(file, (max(1, time.time() + amount),) * 2)
    problem = _told(world, kind, words, amount, place)
    if problem and kind == "memory":  # however a library ended it, what is left must be whole
        left = kills.after(world.warm, place, operation, undisturbed.of(name)[1])
        return f"{problem}, and afterwards: {left}" if left else problem
    if problem:
        return problem
    if kind == "read-only":
        for words in READERS:
            told = world.warm.call(
                "tests.campaign.limits:limited", kind, list(words), amount, cwd=place
            )
            if told.code != 0 or told.value["code"] != 0:
                return f"{words[0]} of a read-only space: {told.crash or told.value}"
        for folder, inner, _ in os.walk(place):
            for one in inner:
                if not (Path(folder) / one).is_symlink():
                    os.chmod(Path(folder) / one, 0o755)
        subprocess.run(["chmod", "-R", "u+w", str(place / "s")], check=False)
    problem = kills.after(world.warm, place, operation, undisturbed.of(name)[1])
    if problem is None:
        world.done(place)
    return problem


def _told(world: World, kind: str, words: list[str], amount: int, place: Path) -> str | None:
    """How the command ended under its limit; what is wrong with that, or None."""
    ended = world.warm.call("tests.campaign.limits:limited", kind, words, amount, cwd=place)
    if ended.code != 0:
        return f"{ended.crash or ended.err.strip()[-200:]}"
    told = ended.value
    if told is None:
        return None
    refusals = [line for line in told["err"].splitlines() if line.startswith("error: ")]
    if told["problem"] or told["code"] not in (0, 1) or (told["code"] and len(refusals) != 1):
        return f"{told['problem'] or told['err'].strip()[-200:]!r} (exit {told['code']})"
    return None


def _on_full_disk(
    world: World, undisturbed: kills.Undisturbed, operation: Operation, name: str, amount: int,
    place: Path,
) -> str | None:  # fmt: skip
    """As `case`, on a file system of its own with some bytes left, that grows before the rerun."""
    disk = place / "disk"
    disk.mkdir()
    used = sum(f.stat().st_blocks * 512 for f in (place / "s").rglob("*") if f.is_file())
    files = sum(1 for _ in (place / "s").rglob("*"))
    if not _mount(disk, used + 4096 * files // 8 + amount):
        return "the small file system could not be made"
    try:
        subprocess.run(["cp", "-a", *map(str, _entries(place)), str(disk)], check=False)
        problem = _told(world, "full disk", list(operation.words), amount, disk)
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=False)
        problem = problem or kills.after(world.warm, disk, operation, undisturbed.of(name)[1])
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
    if problem is None:
        world.done(place)
    return problem


def _entries(place: Path) -> list[Path]:
    return [one for one in place.iterdir() if one.name != "disk"]
