"""Two to four processes that change one space at once: nothing lost, wrong or stuck."""

from __future__ import annotations

import time
from random import Random
from typing import Any

from tests.campaign.warm import said
from tests.campaign.world import World, names

SECONDS = 120.0


def draw(rng: Random) -> list[tuple[str, float]]:
    """What each process does, and how many seconds after the first it begins."""
    kinds = [rng.choice(KINDS) for _ in range(rng.randint(2, 4))]
    return [(kind, round(rng.choice((0.0, rng.uniform(0, 0.4))), 3)) for kind in kinds]


KINDS = (
    "add", "add", "remove", "remove", "anchors", "first images", "unspell", "drop", "export",
    "nearest", "select", "graph",
)  # fmt: skip


def words_of(kind: str, at: int) -> list[str]:
    """The command of a process."""
    return {
        "add": ["add", "s", f"new{at}.txt", "-q"],
        "remove": ["remove", "s", names(at, 1)[0]],
        "anchors": ["anchors", "s", "-n", "3", "--write", "-q"],
        "first images": ["add", "s", "--images", "images1", "-q"],
        "unspell": ["unspell", "s", "-q"],
        "drop": ["drop", "s", "mine"],
        "export": ["export", "s", f"out{at}.csv"],
        "nearest": ["nearest", "s", names(40, 1)[0]],
        "select": ["select", "s", "-n", "3", "--write", "-q"],
        "graph": ["describe", "s", names(41, 1)[0], "-n", "2", "-q"],
    }[kind]


def act(moment: float, words: list[str]) -> dict[str, Any]:
    """Wait for a moment, then run a command."""
    time.sleep(max(0.0, moment - time.time()))
    told = said(words)
    return {"code": told.code, "err": told.err, "problem": told.problem}


def held(added: list[str], removed: list[str]) -> list[str]:
    """Names that should be there and are not, or the reverse."""
    from namebasis.space import open_space

    now = set(open_space("s").table(["name"])["name"].to_pylist())
    wanted = {*names(0, 60), *added} - set(removed)
    lost = [f"lost {name}" for name in sorted(wanted - now)[:5]]
    return lost + [f"kept {name}" for name in sorted(now - wanted)[:5]]


def case(world: World, crowd: list[tuple[str, float]]) -> str | None:
    """Run a crowd on one space; what was wrong, or None."""
    place = world.case("base.space")
    added: dict[int, list[str]] = {}
    for at, (kind, _) in enumerate(crowd):
        if kind == "add":
            added[at] = names(400 + 20 * at, 9)
            (place / f"new{at}.txt").write_text("\n".join(added[at]), encoding="utf-8")
    begun = time.time() + 0.15
    numbers = [
        world.warm.start("tests.campaign.crowds:act", begun + wait, words_of(kind, at),
                         cwd=place, seconds=SECONDS)
        for at, (kind, wait) in enumerate(crowd)
    ]  # fmt: skip
    rows: tuple[list[str], list[str]] = ([], [])
    for at, number in enumerate(numbers):
        ended, kind = world.warm.wait(number), crowd[at][0]
        if ended.code != 0:
            return f"{kind}: {ended.crash or ended.err.strip()[-200:]}"
        told = ended.value
        refusals = [line for line in told["err"].splitlines() if line.startswith("error: ")]
        if told["problem"] or told["code"] not in (0, 1) or (told["code"] and len(refusals) != 1):
            return f"{kind}: {told['problem'] or told['err'].strip()[-200:]}"
        if told["code"] == 0:
            rows[0].extend(added.get(at, ()))
            rows[1].extend(names(at, 1) if kind == "remove" else ())
    asked = world.warm.call("tests.campaign.crowds:held", *rows, cwd=place)
    if asked.code != 0 or asked.value:
        return f"rows: {asked.crash or asked.value or asked.err.strip()[-200:]}"
    judged = world.warm.call("tests.campaign.world:judged", "s", [], cwd=place)
    if judged.code != 0 or judged.value:
        return f"{judged.crash or judged.value or judged.err.strip()[-200:]}"
    world.done(place)
    return None
