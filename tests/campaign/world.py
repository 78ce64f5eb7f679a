"""The spaces, names and images that cases begin from: made once, copied for each case."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaign.warm import Warm

N_NAMES = 60
GRAPH_VIEWS = ("text", "image")
ORGANISM = ("--encoder", "organism", "--templates", "plain", "-q")
INPUTS = (
    "names.txt", "more.txt", "other.txt", "located.csv", "people.txt", "captions.jsonl",
    "images1", "images2", "other.space",
)  # fmt: skip
TEMPLATES = ("--encoder", "tiny", "--templates", "plain", "-q")


def names(first: int, number: int) -> list[str]:
    """Made-up names, a few of them with accents and spaces."""
    parts = itertools.product("BDFGHKLMNPRSTVZ", "aeiou", "lmnrst", ("", "a", "o", "ía", "en"))
    made = ["".join(part) for part in itertools.islice(parts, first + number)]
    return made[first:]


def paint(folder: Path, seed: int, number: int = 20) -> None:
    """Two small pictures for each of some names."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    for name in names(0, number):
        (folder / name).mkdir(parents=True)
        for at in range(2):
            pixels = np.broadcast_to(rng.integers(0, 256, 3), (12, 12, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{seed}-{at}.png")


BASES: dict[str, tuple[str | None, tuple[tuple[str, ...], ...]]] = {
    "base.space": (None, (("build", "{}", "names.txt", *TEMPLATES),)),
    "other.space": (None, (("build", "{}", "other.txt", *TEMPLATES),)),
    "located.space": (None, (("build", "{}", "located.csv", *TEMPLATES),)),
    "images.space": ("base.space", (("add", "{}", "--images", "images1", "-q"),)),
    "unspelled.space": ("images.space", (("unspell", "{}", "-q"),)),
    "anchored.space": ("base.space", (("anchors", "{}", "-n", "3", "--write", "-q"),)),
    "removed.space": ("images.space", (("remove", "{}", "Bal"),)),
    "organism.space": (None, (("build", "{}", "names.txt", *ORGANISM),)),
    "parts.space": (None, (("build", "{}", "full:12", *TEMPLATES),)),
    "families.space": (None, (("build", "{}", "names.txt", "--part", "family", *TEMPLATES),)),
    "parted.space": (None, (("build", "{}", "parted.csv", *ORGANISM),)),
    "full.space": (None, (("build", "{}", "full:12", *ORGANISM),)),
    "pictured.space": ("organism.space", (("add", "{}", "--images", "images1", "-q"),)),
    "run": (None, (("organism", "train", "{}", "--tiny", "--steps", "2", "--batch-size", "8",
                    "--checkpoints", "2", "--threads", "1", "-q"),)),
    "painter": ("run", (("organism", "painter", "{}", "{}.made", "--steps", "1", "--batch-size",
                         "4", "-q"),)),
}  # fmt: skip
"""What cases begin from: a copy of another base or nothing, and the commands that make it."""


class World:
    """A folder with files of names, folders of images, and spaces and trainings made when needed.

    Parameters
    ----------
    warm : Warm
    folder : Path
        Kept bases are used again, so that two processes of a campaign may share one folder.
    """

    def __init__(self, warm: Warm, folder: Path) -> None:
        self.warm, self.folder = warm, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._cases = Path(tempfile.mkdtemp(prefix="cases-", dir=folder))
        self._n = 0
        for file, (first, number) in {
            "names.txt": (0, N_NAMES), "more.txt": (N_NAMES - 5, 30), "other.txt": (200, N_NAMES),
        }.items():  # fmt: skip
            (folder / file).write_text("\n".join(names(first, number)), encoding="utf-8")
        rows = [f"{name},{('is_IS', 'en_US', 'de_DE')[at % 3]}" for at, name in
                enumerate(names(0, N_NAMES))]  # fmt: skip
        (folder / "located.csv").write_text("\n".join(["name,locales", *rows]), encoding="utf-8")
        given, family = names(0, 8), names(100, 3)
        full = [f"{first} {last}" for first in given for last in family]
        parts = {"given": given, "family": family, "full": full}
        rows = [f"{name},{part}" for part, held in parts.items() for name in held]
        (folder / "parted.csv").write_text("\n".join(["name,part", *rows]), encoding="utf-8")
        (folder / "people.txt").write_text("Vicki Lawrence\nAnna Smith\n", encoding="utf-8")
        (folder / "captions.jsonl").write_text('{"caption": "Anna Smith at sea"}\n' * 300)
        for at in (1, 2):
            if not (folder / f"images{at}").exists():
                paint(folder / f"images{at}", at)

    def base(self, name: str) -> Path:
        """A base by its name, made when first asked for."""
        place = self.folder / name
        if not place.exists():
            before, commands = BASES[name]
            if before is not None:
                shutil.copytree(self.base(before), place)
            for words in commands:
                self.must(*(word.replace("{}", name) for word in words))
            made = self.folder / f"{name}.made"
            if made.exists():
                shutil.rmtree(place)
                made.rename(place)
        return place

    def must(self, *words: str) -> None:
        """Run a command that has to work."""
        ended = self.warm.command(*words, cwd=self.folder, seconds=300)
        if ended.code != 0:
            raise RuntimeError(f"{' '.join(words)}: {ended}")

    def case(self, base: str | None = None) -> Path:
        """A new folder with a copy of a base, `s`, and links to the inputs."""
        self._n += 1
        place = self._cases / f"case{self._n}"
        place.mkdir()
        for entry in INPUTS:
            (place / entry).symlink_to(self.folder / entry)
        if base is not None:
            copy_tree(self.base(base), place / "s")
        return place

    def done(self, place: Path) -> None:
        """Remove the folder of a case."""
        shutil.rmtree(place, ignore_errors=True)


def copy_tree(source: Path, place: Path) -> None:
    """A copy in which a file keeps its time, as a user's copy does."""
    shutil.copytree(source, place)


# ------------------------------------------------------------------------------ in children


def right_answers(path: str) -> dict[str, Any]:
    """What every question of a space should answer, from its stored vectors alone."""
    from namebasis.space import open_space

    space = open_space(path)
    found: dict[str, Any] = {"names": space.table(["name"])["name"].to_pylist()}
    for view in space.views:
        vectors = space.vectors(view)
        has = np.linalg.norm(vectors, axis=1) > 0
        cosines = vectors @ vectors.T
        cosines[:, ~has] = -9
        np.fill_diagonal(cosines, -9)
        found[view] = np.sort(cosines, axis=1)[:, ::-1][has, :5].tolist()
    return found


def wrong_answers(path: str, graphs: bool = True) -> list[str]:
    """Where a space's nearest names and graphs differ from brute force over its own vectors."""
    from namebasis.space import open_space

    return wrong_in(open_space(path), graphs)


def wrong_in(space: Any, graphs: bool = True) -> list[str]:
    """As `wrong_answers`, of an open space."""
    wrong = []
    for view in space.views:
        vectors = space.vectors(view)
        rows = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
        if not len(rows):
            continue
        asked = vectors[rows[:: max(1, len(rows) // 6)]]
        best = -np.sort(-(asked @ vectors[rows].T), axis=1)[:, :5]
        for query, wanted in zip(asked, best, strict=True):
            found = space.nearest(query, 5, view=view)
            own = vectors[found.ids] @ query
            if not (
                np.allclose(found.similarities, wanted[: len(found)], atol=1e-5)
                and np.allclose(own, found.similarities, atol=1e-5)
            ):
                wrong.append(f"nearest in {view}")
                break
        asks_graph = graphs and view in GRAPH_VIEWS and len(rows) > 5
        if asks_graph and not _is_graph_of(space.graph(view, 5), vectors, rows):
            wrong.append(f"graph of {view}")
    return wrong


def _is_graph_of(graph: Any, vectors: Any, rows: Any) -> bool:
    """Whether a graph holds the five best others of every row that has a direction."""
    known = vectors if len(graph.indices) == len(vectors) else vectors[rows]
    kept = np.linalg.norm(known, axis=1) > 0
    cosines = known @ known.T
    np.fill_diagonal(cosines, -9)
    cosines[:, ~kept] = -9
    best = -np.sort(-cosines, axis=1)[kept, :5]
    own = np.take_along_axis(cosines, np.maximum(graph.indices, 0), axis=1)[kept]
    return bool(
        np.allclose(own, graph.similarities[kept], atol=1e-5) and np.allclose(own, best, atol=1e-5)
    )


def content(path: str) -> dict[str, str]:
    """Digests of all that a space holds, whatever the order it came to hold it in."""
    import hashlib

    from namebasis.space import open_space

    space = open_space(path)
    space.check()
    table = space.table()
    found = {
        name: hashlib.sha256(repr(_rounded(table[name].to_pylist())).encode()).hexdigest()[:12]
        for name in sorted(table.column_names)
    }
    for view in space.views:
        rounded = np.round(space.vectors(view).astype(np.float64), 4) + 0.0
        found[f"view {view}"] = hashlib.sha256(rounded.tobytes()).hexdigest()[:12]
        mean = np.round(np.asarray(space.mean(view), np.float64), 3) + 0.0
        found[f"mean {view}"] = hashlib.sha256(mean.tobytes()).hexdigest()[:12]
    return found


def _rounded(values: list[Any]) -> list[Any]:
    return [round(v, 3) if isinstance(v, float) else v for v in values]


def judged(path: str, questions: list[list[str]]) -> str | None:
    """What is wrong with a space: its check, its answers, or commands that must answer; or None."""
    from tests.campaign.warm import said

    checked = said(["info", path, "--check", "-q"])
    if checked.problem or checked.code:
        return f"check: {checked.problem or checked.err.strip()[-200:]}"
    wrong = wrong_answers(path)
    if wrong:
        return f"silently wrong: {', '.join(wrong)}"
    for words in questions:
        told = said(words)
        if told.problem or told.code:
            return f"{' '.join(words)}: {told.problem or told.err.strip()[-200:]}"
    return None
