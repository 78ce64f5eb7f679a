"""Threads, forks, pickles and spawned processes: the answers of one thread, or one line."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.campaign.world import World

KINDS = ("threads", "caches in threads", "pickles", "fork", "open and close")


def _space() -> Any:
    from namebasis.space import open_space

    return open_space("s")


def threads(seed: int, caches: bool) -> list[str]:
    """Queries of many threads, with the caches missing or there; what differed."""
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    rng = Random(seed)
    space = _space()
    asked = [
        (rng.randrange(len(space)), rng.choice(space.views), rng.choice((None, "id % 2 = 0")))
        for _ in range(60)
    ]

    def ask(of: Any, row: int, view: str, where: str | None) -> Any:
        text = f"free text {row}" if view == "text" and row % 3 == 0 else None
        target = text or of.table(["name"], ids=[row])["name"][0].as_py()
        try:
            return of.nearest(target, 5, view=view, where=where).to_arrow().to_pydict()
        except Exception as error:  # a name without an image, say: the same to every thread
            return f"{type(error).__name__}: {error}"

    serial = [ask(space, *question) for question in asked]
    if caches:
        for file in (Path("s") / "indices").glob("*"):
            file.unlink()
    fresh = _space()
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda question: ask(fresh, *question), asked))
    return [str(q) for q, a, b in zip(asked, serial, found, strict=True) if a != b]


def pickles() -> list[str]:
    """Pickles and copies of a space and its answers; what differed."""
    import copy
    import pickle

    space = _space()
    space.nearest("a free text")
    wrong = []
    for made in (pickle.loads(pickle.dumps(space)), copy.deepcopy(space), copy.copy(space)):  # noqa: S301
        same = made.nearest("a free text").names == space.nearest("a free text").names
        if not same or made.path != space.path:
            wrong.append(repr(made))
    result = space.nearest("Bal", 5)
    if not pickle.loads(pickle.dumps(result)).to_arrow().equals(result.to_arrow()):  # noqa: S301
        wrong.append("a result")
    return wrong


def fork(n_children: int) -> list[str]:
    """Children forked from a process that used a space: refused in one line, no signal."""
    import multiprocessing
    import os

    space = _space()
    space.nearest("a free text")
    encoder = space.encoder()
    rows = encoder.encode_text(["x y"])

    def child() -> None:
        import signal

        from namebasis.errors import ForkError

        signal.alarm(20)
        for ask in (space.vectors, lambda: _space().nearest("Bal"), space.check, space.table):
            try:
                ask()
            except ForkError as error:
                if "\n" in str(error):
                    os._exit(3)
            else:
                os._exit(4)
        if (encoder.encode_text(["x y"]) != rows).any():
            os._exit(5)

    wrong = []
    for at in range(n_children):
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        if process.exitcode:
            wrong.append(f"child {at} ended with {process.exitcode}")
    return wrong


def open_and_close(times: int) -> list[str]:
    """Open a space many times; descriptors and memory that are not given back."""
    import os
    import resource

    def used() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(20):
        _space().nearest("Bal")
    before = used()
    for _ in range(times):
        _space().nearest("Bal")
    after = used()
    wrong = [f"descriptors {before[0]} -> {after[0]}"] if after[0] > before[0] + 3 else []
    return wrong + ([f"KiB {before[1]} -> {after[1]}"] if after[1] > before[1] + 60_000 else [])


def case(world: World, kind: str, seed: int) -> str | None:
    """One case of a kind; what was wrong, or None."""
    place = world.case("unspelled.space")
    calls = {
        "threads": ("threads", seed, False), "caches in threads": ("threads", seed, True),
        "pickles": ("pickles",), "fork": ("fork", 5), "open and close": ("open_and_close", 100),
    }  # fmt: skip
    function, *arguments = calls[kind]
    ended = world.warm.call(
        f"tests.campaign.processes:{function}", *arguments, cwd=place, seconds=120
    )
    if ended.code != 0:
        return ended.crash or ended.err.strip()[-300:]
    return "; ".join(ended.value)[:400] or None


def draw(rng: Random, index: int) -> tuple[str, int]:
    """A kind in turn and a seed."""
    return KINDS[index % len(KINDS)], rng.randrange(1 << 30)
