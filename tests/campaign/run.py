"""Cases by seed, told in a table: how many, how many failed, and the smallest that did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from tests.campaign import crowds, damage, hostile, inputs, kills, limits, processes, readers
from tests.campaign.world import World

SECONDS_OF_READERS = 4.0


@dataclass
class Tally:
    """What became of the cases of a kind."""

    cases: int = 0
    seconds: float = 0.0
    reads: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


class Campaign:
    """Cases that a seed, a kind and a number decide.

    Parameters
    ----------
    world : World
    seed : int
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self.tallies: dict[str, Tally] = {}
        self.kinds: dict[str, Callable[[int, Random], tuple[str, str | None]]] = {
            "kills": self._kill, "readers": self._read, "damage": self._damage,
            "hostile": self._hostile, "threads": self._process, "crowds": self._crowd,
            "limits": self._limit, "inputs": self._input,
        }  # fmt: skip

    def run(self, kind: str, index: int) -> tuple[str, str | None]:
        """Run a case; what it was, and what was wrong with it or None."""
        tally = self.tallies.setdefault(kind, Tally())
        begun = time.monotonic()
        try:
            what, problem = self.kinds[kind](index, Random(f"{self.seed}:{kind}:{index}"))
        except (RuntimeError, OSError, ValueError) as error:
            what, problem = "the case itself", f"{type(error).__name__}: {error}"[:300]
        tally.cases += 1
        tally.seconds += time.monotonic() - begun
        if problem:
            tally.failures.append((f"{kind}:{self.seed}:{index} {what}", problem))
        return what, problem

    def sample(self, kind: str, n: int, *, of: int = 700) -> list[int]:
        """Numbers of a few cases of a kind, others with each seed: a number decides the sort."""
        return Random(f"{self.seed}:{kind}").sample(range(of), n)

    def failures(self, kind: str, numbers: Sequence[int]) -> list[str]:
        """Run cases; those that failed, each in one line."""
        told = ((number, *self.run(kind, number)) for number in numbers)
        return [f"{kind}:{self.seed}:{n} {what}: {problem}" for n, what, problem in told if problem]

    def run_for(self, seconds: float, kinds: Sequence[str], tell: Callable[[str], None]) -> None:
        """Run the kinds by turns, each for its share of the time."""
        numbers = dict.fromkeys(kinds, 0)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            kind = min(kinds, key=lambda k: self.tallies.get(k, Tally()).seconds)
            what, problem = self.run(kind, numbers[kind])
            numbers[kind] += 1
            if problem:
                tell(f"{kind}:{self.seed}:{numbers[kind] - 1} {what}: {problem}")

    @cached_property
    def undisturbed(self) -> kills.Undisturbed:
        """What commands leave when nobody kills them."""
        return kills.Undisturbed(self.world)

    @cached_property
    def whole(self) -> damage.Whole:
        """The space that is damaged, and its answers."""
        return damage.Whole(self.world)

    @cached_property
    def enemy(self) -> hostile.Hostile:
        """The hostile files."""
        return hostile.Hostile(self.world, self.seed)

    @cached_property
    def given(self) -> inputs.Inputs:
        """Where changed inputs are tried."""
        return inputs.Inputs(self.world)

    def _crowd(self, index: int, rng: Random) -> tuple[str, str | None]:
        crowd = crowds.draw(rng)
        what = ", ".join(f"{kind} at {wait:g} s" for kind, wait in crowd)
        return what, crowds.case(self.world, crowd)

    def _limit(self, index: int, rng: Random) -> tuple[str, str | None]:
        kind, name, amount = limits.draw(rng, index)
        return f"{name}, {kind} {amount:,}", limits.case(
            self.world, self.undisturbed, kind, name, amount
        )

    def _input(self, index: int, rng: Random) -> tuple[str, str | None]:
        ((_, use, problem),) = self.given.run(self.seed, [index])
        return use, problem

    def batch(self, kind: str, numbers: list[int]) -> list[tuple[int, str, str | None, float]]:
        """Run several cases; number, what, problem and seconds of each."""
        begun = time.monotonic()
        if kind == "inputs":
            found = self.given.run(self.seed, numbers)
            each = (time.monotonic() - begun) / max(1, len(found))
            return [(*one, each) for one in found]
        told = []
        for number in numbers:
            begun = time.monotonic()
            what, problem = self.run(kind, number)
            told.append((number, what, problem, time.monotonic() - begun))
        return told

    def _kill(self, index: int, rng: Random) -> tuple[str, str | None]:
        name, at, delay = kills.draw(rng, index, self.undisturbed)
        what = f"{name}, event {at} of {self.undisturbed.of(name)[0]}, {delay:g} s later"
        return what, kills.case(self.world, self.undisturbed, name, at, delay)

    def _read(self, index: int, rng: Random) -> tuple[str, str | None]:
        what, seed = readers.draw(rng, index)
        if what in ("index", "graph"):
            return f"25 processes ask for one {what}", readers.barrier(self.world, what)
        reads, rounds, problem = readers.case(self.world, what, SECONDS_OF_READERS, seed)
        self.tallies["readers"].reads += reads
        return f"{reads} reads beside {rounds} rounds of {what}", problem

    def _damage(self, index: int, rng: Random) -> tuple[str, str | None]:
        file, kind, seed = self.whole.draw(rng, index)
        return f"{kind} {file}", self.whole.case(file, kind, seed)

    def _hostile(self, index: int, rng: Random) -> tuple[str, str | None]:
        use, name = rng.choice(list(self.enemy.every()))
        return f"{use}: {name}", self.enemy.case(use, name)

    def _process(self, index: int, rng: Random) -> tuple[str, str | None]:
        kind, seed = processes.draw(rng, index)
        return kind, processes.case(self.world, kind, seed)


def smallest(failures: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """One failure for each message, the one with the shortest description."""
    found: dict[str, tuple[str, str]] = {}
    for what, problem in sorted(failures, key=lambda pair: len(pair[0])):
        key = "".join(c for c in problem if not c.isdigit())[:60]
        found.setdefault(key, (what, problem))
    return list(found.values())
