"""Pictures of the names' people: files of the user's, or drawn for a world whose truth is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import EncoderError, NamebasisError
from namebasis.formation.plan import Plan
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.image_labels import find_labels, label_images
from namebasis.organism.captions import Scribe
from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import SIZE, render
from namebasis.organism.run_folder import read_run
from namebasis.organism.world import NameTruth, World
from namebasis.reading import UnreadableError, digest_of
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

SEEN, ELSEWHERE, PARTS, MORE = range(4)
"""What a picture shows: the person in contexts that the name was seen in, the person in others,
people as the name's parts suggest, or more of the first for what is held against these."""
OTHER_FOLDER = "elsewhere"
"""Inside a name's folder: pictures in contexts that the name was not seen in."""
N_PICTURES, N_OF_PARTS = 8, 12
N_MORE, N_MORE_OF_PARTS = 8, 4
"""That are held against each other alone, beside those."""
_CHUNK = 256
_FORMAT = 2


@dataclass(frozen=True)
class Album:
    """Pictures and what each shows.

    Attributes
    ----------
    rows : ndarray of shape (n,), int64
        Which name of the plan.
    roles : ndarray of shape (n,), int64
        `SEEN`, `ELSEWHERE` or `PARTS`.
    digest : str
        Sixteen hexadecimal digits over the pictures and their names.
    source : sequence of Path, or ndarray of shape (n, side, side, 3), uint8
    remarks : tuple of str
        What was left out, and why.
    """

    rows: IntArray
    roles: IntArray
    digest: str
    source: Sequence[Path] | npt.NDArray[np.uint8]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fewest(self) -> int:
        """Pictures in contexts that the name was seen in, of the name that has the fewest."""
        return self._fewest(self.roles == SEEN)

    @property
    def fewest_apart(self) -> int:
        """The same of pictures that are held against those of people as the parts suggest."""
        apart = np.isin(self.rows, self.rows[self.roles == PARTS])
        own = np.isin(self.roles, (SEEN, MORE))
        return min(self._fewest(apart & own), self._fewest(self.roles == PARTS))

    def _fewest(self, which: npt.NDArray[np.bool_]) -> int:
        return int(min(np.unique(self.rows[which], return_counts=True)[1], default=1))

    def encode(self, encoder: Encoder) -> FloatArray:
        """Unit rows of all pictures, (n, dim); NaN for files that cannot be read."""
        from PIL import Image

        from namebasis.encoders.image_files import encode_image_files

        if isinstance(self.source, np.ndarray):
            return encoder.encode_images([Image.fromarray(one) for one in self.source])
        made = encode_image_files(encoder, self.source)
        place = {path: at for at, path in enumerate(made.paths)}
        out = np.full((len(self), encoder.dim), np.nan, dtype=np.float32)
        for row, path in enumerate(map(str, self.source)):
            if path in place:
                out[row] = made.vectors[place[path]]
        return out


def album_of(
    run: Path | None, images: str | Path | bool | None, plan: Plan, seed: int
) -> Album | None:
    """The pictures that are asked for: files, or by default those of an organism's own world.

    Parameters
    ----------
    run : Path or None
        The folder of a training.
    images : str, Path, bool or None
        A folder or a table of pictures; False for none; by default what can be drawn.
    plan : Plan
    seed : int
        Of what is drawn.

    Raises
    ------
    EncoderError
        If there is no such source, or none of its pictures is of a name of the plan.
    """
    if images is False:
        return None
    if images is None or images is True:
        return _drawn(run, plan, seed) if run is not None else None
    return _of_files(Path(images), plan)


def _of_files(source: Path, plan: Plan) -> Album:
    at = {fold(name): row for row, name in enumerate(plan.names[: plan.n_asked])}

    def find(names: Sequence[str]) -> list[int | None]:
        return [at.get(fold(name)) for name in names]

    found = label_images(source, find)
    rows = find_labels(found.labels, find)
    kept = [
        (file, row)
        for file, label in zip(found.files, found.labels, strict=True)
        if (row := rows[label]) is not None
    ]
    if not kept:
        shown = ", ".join(repr(label) for label in dict.fromkeys(found.labels[:3]))
        raise EncoderError(
            f"{source}: none of its {len(found.files):,} pictures has one of these names; the "
            f"labels read are {shown}. Say whose they are: NAME/1.jpg or NAME_1.jpg."
        )
    remarks = list(found.notes)
    if lost := len(found.files) - len(kept):
        remarks.append(
            f"left out {counted(lost, 'picture')} that none of these names belongs to: a picture "
            "without a name is never given one"
        )
    told = [f"{_digest(file)} {plan.names[row]}" for file, row in kept]
    return Album(
        np.array([row for _, row in kept], dtype=np.int64),
        np.array([ELSEWHERE if file.parent.name.lower() == OTHER_FOLDER else SEEN
                  for file, _ in kept], dtype=np.int64),
        _digest_of_text("\n".join(told)),
        [file for file, _ in kept],
        tuple(remarks),
    )  # fmt: skip


def _digest(file: Path) -> str:
    try:
        return digest_of(file)
    except UnreadableError:
        return "unread"


def _render(people: Sequence[People], size: int, seed: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Draw them all, some hundred at a time."""
    codes, fine, contexts = (
        np.concatenate([getattr(some, key) for some in people])
        for key in ("attributes", "fine", "contexts")
    )
    return np.concatenate([
        render(People(codes[at : at + _CHUNK], fine[at : at + _CHUNK], contexts[at : at + _CHUNK]),
               size=size, seed=[*seed, at])
        for at in range(0, len(codes), _CHUNK)
    ])  # fmt: skip


def _digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _drawn(run: Path, plan: Plan, seed: int) -> Album | None:
    """Pictures of a world, by what its truth says of each name; None where there is no world."""
    try:
        world = World.load(run / "world.json")
        size = int(read_run(run)["settings"].get("size", SIZE))
    except (NamebasisError, TypeError, ValueError):
        return None  # a truth file of another training, which says nothing of pictures
    known = {truth.name: at for at, truth in enumerate(world.names)}
    rows: list[int] = []
    roles: list[int] = []
    pixels = []
    for stream, people_of in ((3, _people_of), (7, _more_of)):
        people: list[People] = []
        for row, name in enumerate(plan.names):
            if name not in known:
                continue
            rng = np.random.default_rng([seed, stream, known[name]])
            for role, some in people_of(world, known[name], rng):
                rows += [row] * len(some)
                roles += [role] * len(some)
                people.append(some)
        if people:
            pixels.append(_render(people, size, [seed, stream + 1]))
    if not rows:
        return None
    text = f"{_FORMAT} {seed} {size} {world.to_json()} {' '.join(plan.names)}"
    return Album(np.array(rows), np.array(roles), _digest_of_text(text), np.concatenate(pixels))


def _people_of(world: World, at: int, rng: np.random.Generator) -> list[tuple[int, People]]:
    """Who is drawn for a name, and as what.

    Nobody bears a name of kind N; people as its parts suggest, each always the same, are the ones
    that are most easily taken for known.
    """
    truth = world.names[at]
    if truth.kind == "N":
        return [(SEEN, _same(world, truth, truth.prior, N_PICTURES, rng))]
    made = [(SEEN, Scribe(world).pictures(at, N_PICTURES, rng))]
    if truth.own is None:
        return made
    if truth.context is not None:
        made.append((ELSEWHERE, _same(world, truth, truth.own, N_PICTURES, rng)))
    if truth.own != truth.prior:
        made.append((PARTS, _as_parts_suggest(world, truth, N_OF_PARTS, rng)))
    return made


def _more_of(world: World, at: int, rng: np.random.Generator) -> list[tuple[int, People]]:
    """More of a name whose person is held against people as its parts suggest."""
    truth = world.names[at]
    if truth.kind == "N" or truth.own is None or truth.own == truth.prior:
        return []
    return [
        (MORE, Scribe(world).pictures(at, N_MORE, rng)),
        (PARTS, _as_parts_suggest(world, truth, N_MORE_OF_PARTS, rng)),
    ]


def _as_parts_suggest(world: World, truth: NameTruth, n: int, rng: np.random.Generator) -> People:
    others = random_people(n, rng)
    codes = np.repeat(world.codes(truth.prior)[None], n, 0)
    return People(codes, others.fine, others.contexts)


def _same(
    world: World, truth: NameTruth, values: Mapping[str, str], n: int, rng: np.random.Generator
) -> People:
    """One person in n contexts."""
    codes = np.repeat(world.codes(values)[None], n, 0)
    fine = np.repeat(world.fine(truth.name)[None], n, 0)
    return People(codes, fine, random_people(n, rng).contexts)
