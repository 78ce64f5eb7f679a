"""Photos of people whose names are known, held against all names of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.own_parts import attribute_basis
from namebasis.analysis.identity.recognition import Person, Place, Ranking, ahead_of, pointing, unit
from namebasis.checks import Float64Array, IntArray, Progress, check_count, check_seed
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.studies.attributes.study import axis_prompts, encode_over
from namebasis.studies.identity.parts import cut_names
from namebasis.studies.identity.reference import borne_in, space_partners
from namebasis.studies.identity.swaps import crossed_pairs, measure, recombined_pairs
from namebasis.studies.identity.thresholds import packaged_estimator
from namebasis.studies.recognition.photos import Photos, read_photos
from namebasis.studies.recognition.results import (
    DEVIATIONS,
    Recognised,
    Recognition,
    Unknown,
    deviations,
)
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

AXES = ("age", "gender", "skin_tone", "hair_colour", "hair_length", "eye_colour")
"""Packaged axes that say what is coarse about a face."""
N_ALIKE = 50
"""Names of the same attributes that a person is told from, at most."""
_FEW_IMAGES, _FEW_PEOPLE = 100, 20
_BLOCK = 4096  # names scored at a time


def recognise(
    space: StoredSpace,
    photos: str | Path,
    *,
    unknown: str | Path | None = None,
    where: str | None = None,
    axes: Sequence[str | Axis] = AXES,
    k: int = 5,
    n_made_up: int = 200,
    n_resamples: int = 500,
    seed: int = 0,
    progress: Progress | None = None,
) -> Recognition:
    """Ask which names an encoder gives people, of whom one has photos and names.

    A name's score is the mean cosine of the photos with it, both centred. What the name has beyond
    its parts (its own direction) is held against the photos too, and that against made-up names,
    and against people whom the model cannot know where photos of such are given. Nobody is
    identified: every photo needs the name of its person, and one without is left out.

    Parameters
    ----------
    space : Space
        Of an encoder that reads images.
    photos : str or Path
        A folder or a table of photos; see `add_images` for how names are read.
    unknown : str or Path, optional
        The same of people whom the model cannot know, under their names, stored or not: how often
        it is said to know them is how often that is a false alarm.
    where : str, optional
        The only names that the true ones compete with.
    axes : sequence of str or Axis
        Attributes along which impostors are like the person.
    k : int
        Names that are listed for each person; ranks up to it count as among the first.
    n_made_up : int
        Made-up full names, at least 20.
    n_resamples : int
        Bootstrap draws of a person's photos.
    seed : int
    progress : callable, optional
        Is told (done, total) photos.

    Raises
    ------
    EncoderError
        If the encoder reads no images, or no photo has the name of a person of the space.
    ValueError
        If an option is out of range, fewer than 3 names compete, or a person is given both as known
        and as unknown.

    See Also
    --------
    namebasis.studies.identity.study.identity : The same question from text alone.
    """
    seed = check_seed(seed)
    check_count(k, "k", 1)
    check_count(n_made_up, "n_made_up", 20)
    check_count(n_resamples, "n_resamples", 20)
    loaded = [one if isinstance(one, Axis) else load_axis(one) for one in axes]
    ids = space.ids(where)
    if ids.size < 3:
        raise ValueError(f"names must compete with at least 2 others; {ids.size} pass {where!r}.")
    given = read_photos(space, photos, progress=progress)
    strange = None if unknown is None else read_photos(space, unknown, stored=False)
    if strange and (twice := sorted(set(given.vectors) & set(strange.vectors))):
        raise ValueError(
            f"{counted(len(twice), 'person is', 'people are')} given both as known and as unknown, "
            f"such as {twice[0]!r}; unknown takes people whom the model cannot know."
        )
    people = _People.of(space, given, strange, ids, n_resamples, seed)
    basis = _basis(space, loaded)
    n_alike = min(N_ALIKE, max((len(ids) - 1) // 2, 1))
    ranking = Ranking(people.persons, basis, k=k, n_alike=n_alike)
    for start in range(0, len(ids), _BLOCK):
        some = ids[start : start + _BLOCK]
        ranking.take(some, unit(space.vectors(ids=some) - people.names_mean))
    places = ranking.places()
    own = _own(space, people, n_made_up, seed)
    rows = [
        _row(space, people, at, place, own, n_names=len(ids)) for at, place in enumerate(places)
    ]
    n_known = len(given.vectors)
    remarks = [*given.remarks, *(strange.remarks if strange else ()), *people.remarks]
    return Recognition(
        people=tuple(rows[:n_known]),
        unknown=Unknown(tuple(rows[n_known:]), own.n_alarms, len(own.unborne)),
        n_names=len(ids),
        k=k,
        axes=tuple(axis.name for axis in loaded),
        remarks=tuple(dict.fromkeys(remarks)),
        parameters={
            "where": where, "n_made_up": n_made_up, "n_resamples": n_resamples, "seed": seed,
            "encoder": space.provenance.encoder,
        },
    )  # fmt: skip


@dataclass(frozen=True)
class _People:
    """People with their photos and names as vectors, the unknown ones last."""

    names: tuple[str, ...]
    persons: tuple[Person, ...]
    names_mean: Float64Array
    remarks: tuple[str, ...]

    @classmethod
    def of(
        cls, space: StoredSpace, given: Photos, strange: Photos | None, ids: IntArray,
        n_resamples: int, seed: int,
    ) -> _People:  # fmt: skip
        photos = [*given.vectors.values(), *(strange.vectors.values() if strange else ())]
        names = [*given.vectors, *(strange.vectors if strange else ())]
        centre, remarks = _centre(space, photos)
        mean = _mean(space, ids)
        stored = space.find_all(names)
        new = [name for name, row in zip(names, stored, strict=True) if row is None]
        placed = dict(
            zip(new, encode_over(space.encoder(), new, space.provenance.templates), strict=True)
            if new else ()
        )  # fmt: skip
        rng = np.random.default_rng(seed)
        persons = []
        for name, row, rows in zip(names, stored, photos, strict=True):
            vector = placed[name] if row is None else space.vectors(ids=[row])[0]
            others = [] if row is None else space.rows_named(name)
            persons.append(
                Person.of(unit(rows - centre), unit(vector - mean), others, n_resamples, rng)
            )
        return cls(tuple(names), tuple(persons), mean, tuple(remarks))


def _centre(space: StoredSpace, photos: Sequence[Float64Array]) -> tuple[Float64Array, list[str]]:
    """What photos of anybody have in common."""
    held = space.image_mean()
    count = _n_images(space)
    if held is not None and count >= _FEW_IMAGES:
        return held.astype(np.float64), []
    if len(photos) < 2:
        return np.zeros(space.provenance.dim), [
            "photos are not centred, as there is one person only: names that lie near all photos "
            "are ahead. More people, --unknown, or images in the space mend that"
        ]
    told = [] if len(photos) >= _FEW_PEOPLE else [
        f"photos are centred by the mean of {len(photos)} people: {_FEW_PEOPLE} are better"
    ]  # fmt: skip
    return np.mean([rows.mean(axis=0) for rows in photos], axis=0), told


def _n_images(space: StoredSpace) -> int:
    if "n_images" not in space.columns:
        return 0
    return int(np.nansum(space.table(["n_images"])["n_images"].to_numpy().astype(np.float64)))


def _mean(space: StoredSpace, ids: IntArray) -> Float64Array:
    total = np.zeros(space.provenance.dim)
    for start in range(0, len(ids), _BLOCK):
        total += space.vectors(ids=ids[start : start + _BLOCK]).sum(axis=0, dtype=np.float64)
    return total / len(ids)


def _basis(space: StoredSpace, axes: Sequence[Axis]) -> Float64Array:
    """Directions in which the encoder tells values of the axes apart."""
    if not axes:
        return np.zeros((0, space.provenance.dim))
    means = [axis_prompts(space.encoder(), axis).mean(axis=0) for axis in axes]
    groups = np.repeat(np.arange(len(axes)), [len(rows) for rows in means])
    return attribute_basis(np.concatenate(means), groups)


@dataclass(frozen=True)
class _Own:
    """Own directions of the true names, and those of names that nobody bears.

    `directions` has NaN rows for names that are not cut in two, of which `reasons` says why.
    """

    directions: Float64Array
    unborne: Float64Array
    reasons: Mapping[int, str]
    n_alarms: int


def _own(space: StoredSpace, people: _People, n_made_up: int, seed: int) -> _Own:
    """Own directions by swapped partners, and how often one of nobody's name points at a person.

    Nobody's names are made up, or join the given name of one of the people with the family name of
    another, which the model may know as well as theirs.
    """
    cuts = cut_names(space, people.names)
    pairs = [cuts[name].pair for name in people.names]
    reasons = {at: cuts[people.names[at]].reason or "" for at, one in enumerate(pairs) if not one}
    whole = [pair for pair in pairs if pair is not None]
    directions = np.full((len(pairs), space.provenance.dim), np.nan)
    if not whole:
        return _Own(directions, np.empty((0, space.provenance.dim)), reasons, 0)
    usual, borne = packaged_estimator(), borne_in(space)
    partners, _ = space_partners(space, usual.n_swaps, seed)
    mixed = recombined_pairs(whole, partners, seed)
    mixed = [pair for pair, real in zip(mixed, borne(mixed), strict=True) if not real]
    made = [pair for pair in crossed_pairs(n_made_up, seed + 1) if pair not in set(whole)]
    asked = list(dict.fromkeys([*whole, *made, *mixed]))
    found = measure(space.encoder(), asked, partners, usual.templates, real=borne)
    own = dict(zip(asked, found.own.remainder.astype(np.float64), strict=True))
    directions[[at for at, pair in enumerate(pairs) if pair]] = [own[pair] for pair in whole]
    bearer = {pair[0]: at for at, pair in enumerate(pairs) if pair}
    shown = [at % len(pairs) for at in range(len(made))] + [bearer[given] for given, _ in mixed]
    unborne = np.stack([own[pair] for pair in (*made, *mixed)])
    photos = np.stack([people.persons[at].mean for at in shown])
    return _Own(directions, unborne, reasons, _alarms(unborne, photos, seed))


def _alarms(unborne: Float64Array, photos: Float64Array, seed: int) -> int:
    """Names nobody bears that are called known to their person, judged by the other half."""
    halves = np.random.default_rng([seed, 1]).permutation(len(unborne)) % 2
    alarms = 0
    for at, half in enumerate(halves.tolist()):
        others = pointing(unborne[halves != half], photos[at])
        alarms += deviations(float(pointing(unborne[at], photos[at])), others) > DEVIATIONS
    return alarms


def _row(
    space: StoredSpace, people: _People, at: int, place: Place, own: _Own, *, n_names: int
) -> Recognised:
    person = people.persons[at]
    alike = unit(space.vectors(ids=place.alike) - people.names_mean) if len(place.alike) else None
    direction = own.directions[at]
    known = bool(np.isfinite(direction).all())
    pointed = float(pointing(direction, person.mean)) if known else None
    others = pointing(own.unborne, person.mean) if known else None
    best = space.table(["name"], ids=[row for row, _ in place.best])["name"].to_pylist()
    return Recognised.of(
        people.names[at],
        place,
        n_names=n_names,
        best=tuple(zip(best, (score for _, score in place.best), strict=True)),
        auc_alike=None if alike is None else ahead_of(person.photos, person.name, alike),
        own=pointed,
        own_draws=pointing(direction, person.draws) if known else None,
        unborne=others,
        reason=own.reasons.get(at),
    )
