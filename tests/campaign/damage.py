"""Damage to every kind of file of a space: a right answer, a refusal, or found by the check."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.world import World, copy_tree

KINDS = ("flip", "cut", "zero", "delete", "append", "garbage", "folder")

MEASURED = ("_matrices", "_values")
"""What a report remembers; where the folder lies and when it was written differs in a copy."""


def harm(path: Path, kind: str, rng: Random) -> None:
    """Damage one file."""
    size = path.stat().st_size
    if kind in ("delete", "folder"):
        path.unlink()
        if kind == "folder":
            path.mkdir()
        return
    content = bytearray(path.read_bytes())
    if kind == "flip" and size:
        content[rng.randrange(size)] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del content[rng.randrange(max(1, size)) :]
    elif kind == "zero" and size:
        start = rng.randrange(size)
        stop = min(size, start + 64)
        content[start:stop] = bytes(stop - start)
    elif kind == "append":
        content += rng.randbytes(rng.randint(1, 40))
    elif kind == "garbage":
        content = bytearray(rng.randbytes(max(1, size)))
    path.write_bytes(content)


def ask() -> dict[str, Any]:
    """Answers of a space to all kinds of questions; a refusal is `refused: …`."""
    import numpy as np

    from namebasis.errors import NamebasisError
    from namebasis.namespace.building.images import add_images  # noqa: F401  loaded as the user has it
    from namebasis.space import open_space
    from namebasis.validation.pictures.measurements import Memory

    def rounded(values: Any) -> Any:
        return np.round(np.asarray(values, np.float64), 4).tolist()

    questions = {
        "nearest": lambda s: [s.nearest("Bal", 9, view=v).names for v in s.views],
        "where": lambda s: s.nearest("Bal", 9, where="id % 2 = 0").names,
        "graph": lambda s: rounded([s.graph(v, 5).similarities for v in ("text", "token")]),
        "mean": lambda s: [rounded(s.mean(v)) for v in s.views],
        "table": lambda s: repr(s.table().to_pydict()),
        "find": lambda s: [s.find(n) for n in ("Bal", "bala", "nobody")],
        "vectors": lambda s: [rounded(s.vectors(v)) for v in s.views],
        "measured": lambda s: repr([getattr(Memory(s.path), name) for name in MEASURED]),
    }
    answers: dict[str, Any] = {}
    for name, question in questions.items():
        try:
            answers[name] = question(open_space("s"))
        except NamebasisError as error:
            text = str(error)
            answers[name] = f"refused: {text}" if "\n" not in text else f"two lines: {text!r}"
    return answers


def files(space: Path) -> list[str]:
    """All files of a space, a temporary lock left out."""
    found = (Path(folder) / name for folder, _, names in os.walk(space) for name in names)
    return sorted(str(p.relative_to(space)) for p in found if p.name != ".lock")


class Whole:
    """A space with every kind of file, and its answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.place = world.case("unspelled.space")
        ended = world.warm.command(
            "validate", "report", "s", "images1", "--extractor", "skin", "-q", cwd=self.place
        )
        if ended.code != 0:
            raise RuntimeError(f"report: {ended}")
        self.answers = self._ask(self.place).value
        self.files = files(self.place / "s")

    def _ask(self, place: Path) -> Any:
        return self.world.warm.call("tests.campaign.damage:ask", cwd=place)

    def case(self, file: str, kind: str, seed: int) -> str | None:
        """Damage one file; what was wrong, or None."""
        place = self.world.case()
        copy_tree(self.place / "s", place / "s")
        harm(place / "s" / file, kind, Random(seed))
        asked = self._ask(place)
        if asked.crash:
            return asked.crash
        changed = [key for key, answer in self.answers.items() if asked.value[key] != answer]
        two = [key for key in changed if str(asked.value[key]).startswith("two lines")]
        if two:
            return f"not one line: {asked.value[two[0]]}"
        silent = [key for key in changed if not str(asked.value[key]).startswith("refused: ")]
        if not silent:
            return None
        check = self.world.warm.command("info", "s", "--check", cwd=place)
        if check.crash:
            return f"check: {check.crash}"
        return None if check.code else f"changed {', '.join(silent)}, and the check finds nothing"

    def draw(self, rng: Random, index: int) -> tuple[str, str, int]:
        """A file of a kind in turn, and what happens to it."""
        groups: dict[str, list[str]] = {}
        for file in self.files:
            groups.setdefault(f"{Path(file).parent}{Path(file).suffix}", []).append(file)
        group = sorted(groups)[index % len(groups)]
        return rng.choice(groups[group]), rng.choice(KINDS), rng.randrange(1 << 30)
