"""Work and its peer timed in turn, so that whatever else the machine does falls on both."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPEATS = 5
"""The fewest turns that a ratio of docs/benchmarks.md rests on; smoke runs take one."""


@dataclass(frozen=True)
class Spread:
    """The median of repeated measurements, their least and their most."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def told(self, form: str = ".2f", unit: str = "", scale: float = 1.0) -> str:
        """`8.1× (7.9 to 8.4)`."""
        middle, least, most = (format(one * scale, form) for one in self.values)
        return f"{middle}{unit} ({least} to {most})"

    @property
    def values(self) -> tuple[float, float, float]:
        return self.middle, self.least, self.most


@dataclass
class Times:
    """Seconds of each turn: of the wall, and of the processor with those of child processes."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def spread(self, clock: str = "wall") -> Spread:
        return Spread.of(getattr(self, clock))


@dataclass(frozen=True)
class Race:
    """What work and its peer took, turn by turn.

    `per_peer` scales the peer's seconds where it did only a part of the work: work over part.
    """

    ours: Times
    peer: Times
    per_peer: float = 1.0

    def ratio(self, clock: str = "wall") -> Spread:
        """Peer over ours, of each turn by itself."""
        pairs = zip(getattr(self.peer, clock), getattr(self.ours, clock), strict=True)
        return Spread.of([self.per_peer * theirs / mine for theirs, mine in pairs])


def cpu_seconds() -> float:
    """Processor seconds of this process and of the children that it has waited for."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def in_turn(
    works: Mapping[str, Callable[[], object]], repeats: int = REPEATS, *, warm: bool = True
) -> dict[str, Times]:
    """Time each work `repeats` times in turn, the order reversed every second turn.

    With `warm` each runs once before, which is not counted.
    """
    times = {name: Times() for name in works}
    if warm:
        for work in works.values():
            work()
    for turn in range(repeats):
        for name in list(works) if turn % 2 == 0 else list(works)[::-1]:
            wall, cpu = time.perf_counter(), cpu_seconds()
            works[name]()
            times[name].cpu.append(cpu_seconds() - cpu)
            times[name].wall.append(time.perf_counter() - wall)
    return times


def interleaved(
    ours: Callable[[], object],
    peer: Callable[[], object],
    repeats: int = REPEATS,
    *,
    per_peer: float = 1.0,
    warm: bool = True,
) -> Race:
    """Time both in turn; see `Race`."""
    times = in_turn({"ours": ours, "peer": peer}, repeats, warm=warm)
    return Race(times["ours"], times["peer"], per_peer)


def processor() -> str:
    """The name of the processor, as the system gives it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def load() -> float:
    """Processes that wanted to run, averaged over the last minute."""
    return os.getloadavg()[0]


def busy_seconds() -> float:
    """Processor seconds that all processes of the machine have used since it started."""
    told = Path("/proc/stat")
    if not told.exists():
        return cpu_seconds()
    user, nice, system, _idle, _wait, irq, soft = map(int, told.read_text().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def cores_in_use(seconds: float = 5) -> float:
    """Cores that other processes keep busy, over the next seconds."""
    if not Path("/proc/stat").exists():
        return load()
    busy, started = busy_seconds(), time.monotonic()
    time.sleep(seconds)
    return (busy_seconds() - busy) / (time.monotonic() - started)


def commit() -> str:
    """The last commit that changed the code, with `+` where the code differs from it."""
    root = Path(__file__).parents[1]

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    code = ("--", "namebasis", "benchmarks", "pyproject.toml")
    changed = git("status", "--porcelain", *code)
    return git("log", "-1", "--format=%h", "--abbrev=7", *code) + "+" * bool(changed)
