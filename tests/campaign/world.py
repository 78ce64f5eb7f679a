"""The spaces, names and images that cases begin from: made once, copied for each case."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaign.warm import Warm

N_NAMES = 60
GRAPH_VIEWS = ("text", "image")
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


class World:
    """A folder with files of names, folders of images, and base, images and unspelled spaces."""

    def __init__(self, warm: Warm, folder: Path) -> None:
        self.warm, self.folder = warm, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._n = 0
        for file, (first, number) in {
            "names.txt": (0, N_NAMES), "more.txt": (N_NAMES - 5, 30), "other.txt": (200, N_NAMES),
        }.items():  # fmt: skip
            (folder / file).write_text("\n".join(names(first, number)), encoding="utf-8")
        paint(folder / "images1", 1)
        paint(folder / "images2", 2)
        self.must("build", "base.space", "names.txt", *TEMPLATES)
        shutil.copytree(folder / "base.space", folder / "images.space")
        self.must("add", "images.space", "--images", "images1", "-q")
        shutil.copytree(folder / "images.space", folder / "unspelled.space")
        self.must("unspell", "unspelled.space", "-q")

    def must(self, *words: str) -> None:
        """Run a command that has to work."""
        ended = self.warm.command(*words, cwd=self.folder)
        if ended.code != 0:
            raise RuntimeError(f"{' '.join(words)}: {ended}")

    def case(self, base: str | None = None) -> Path:
        """A new folder with a copy of a space, `s`, and links to the inputs."""
        self._n += 1
        place = self.folder / f"case{self._n}"
        place.mkdir()
        for entry in ("names.txt", "more.txt", "other.txt", "images1", "images2"):
            (place / entry).symlink_to(self.folder / entry)
        if base is not None:
            shutil.copytree(self.folder / base, place / "s")
        return place


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
