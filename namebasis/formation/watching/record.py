"""The folder that a watched training leaves: what was asked, and what the model said by steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from namebasis.atomic import replacing_file
from namebasis.errors import NamebasisError
from namebasis.formation.checkpoints import WATCHED, Checkpoint, Gap
from namebasis.formation.encoding import Encodings, read_encodings, write_encodings
from namebasis.formation.plan import Plan
from namebasis.formation.truth import Known, Truth
from namebasis.formation.work import Encoded
from namebasis.namespace.corpus.folding import fold
from namebasis.reading import LARGE, UnreadableError, read_bytes
from namebasis.typed_json import from_json, to_json
from namebasis.wording import percent

_FORMAT = "namebasis.watch/1"


@dataclass(frozen=True)
class Taken:
    """One measurement: the step after which it was taken, and the seconds that it took."""

    step: int
    seconds: float


@dataclass(frozen=True)
class Record:
    """What the folder's JSON file holds.

    Attributes
    ----------
    plan : Plan
    known : mapping of str to Known
        The truth's, of names in the plan.
    taken : tuple of Taken
        In order of step.
    gaps : tuple of Gap
        Steps that could not be measured, with the reason.
    seconds : float
        Of the training, measurements included, as far as it was watched.
    """

    plan: Plan
    known: Mapping[str, Known] = field(default_factory=dict)
    taken: tuple[Taken, ...] = ()
    gaps: tuple[Gap, ...] = ()
    seconds: float = 0.0
    format: str = _FORMAT

    def before(self, step: int) -> Record:
        """Without what was measured at a step or later, as where a training goes on from there."""
        taken = tuple(one for one in self.taken if one.step < step)
        gaps = tuple(gap for gap in self.gaps if gap.step is not None and gap.step < step)
        return replace(self, taken=taken, gaps=gaps)

    @property
    def share(self) -> float:
        """Of the training's time that measuring took; NaN before it began."""
        spent = sum(one.seconds for one in self.taken)
        return spent / self.seconds if self.seconds else float("nan")


def file_of(folder: Path, step: int) -> Path:
    """Where the encodings of a step lie."""
    return folder / f"encodings-{step:07d}.npz"


def write_step(folder: Path, record: Record, made: Encodings) -> None:
    """Write the encodings of the record's last step, then the record."""
    write_encodings(file_of(folder, record.taken[-1].step), made)
    write_record(folder, record)


def write_record(folder: Path, record: Record) -> None:
    """Write the record alone."""
    with replacing_file(folder / WATCHED, overwrite=True) as stream:
        stream.write(to_json(record))


def find_record(folder: str | Path) -> Path | None:
    """The folder of a watched training that is meant, or None."""
    place = Path(folder).expanduser()
    return place if (place / WATCHED).is_file() else None


def read_record(folder: Path) -> Record:
    """Read what was measured.

    Raises
    ------
    NamebasisError
        If it cannot be read, or another version wrote it.
    """
    path = folder / WATCHED
    try:
        record = from_json(Record, read_bytes(path, LARGE))
    except UnreadableError as error:
        raise NamebasisError(
            f"{path}: cannot be read as the record of a watched training ({error.reason})."
        ) from None
    if record.format != _FORMAT:
        raise NamebasisError(
            f"{path} has format {record.format!r}; this version reads {_FORMAT!r}."
        )
    return record


@dataclass(frozen=True)
class Watched:
    """A watched training as `formation` judges it.

    Attributes
    ----------
    plan : Plan
    truth : Truth or None
    found : tuple of Encoded
        In order of step.
    gaps : tuple of Gap
    notes : tuple of str
    """

    plan: Plan
    truth: Truth | None
    found: tuple[Encoded, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]

    def of_names(self, names: Sequence[str]) -> Watched:
        """The same of some names, beside all controls.

        Raises
        ------
        NamebasisError
            If a name was not watched.
        """
        places = {fold(name): row for row, name in enumerate(self.plan.names[: self.plan.n_asked])}
        unknown = [name for name in names if fold(name) not in places]
        if unknown:
            raise NamebasisError(
                f"{unknown[0]!r} was not watched in this training, which watched "
                f"{self.plan.n_asked:,} names, such as {self.plan.names[0]!r}."
            )
        rows = list(dict.fromkeys(places[fold(name)] for name in names))
        plan = _plan_of(self.plan, rows)
        found = [replace(one, made=_rows_of(one.made, self.plan, plan, rows)) for one in self.found]
        return replace(self, plan=plan, found=tuple(found))


def read_watched(folder: Path) -> Watched:
    """Read a watched training; a step whose encodings are missing or damaged becomes a gap.

    Raises
    ------
    NamebasisError
        If its record cannot be read.
    """
    record = read_record(folder)
    found, gaps = [], list(record.gaps)
    for one in record.taken:
        label = f"step {one.step}"
        try:
            made = read_encodings(file_of(folder, one.step))
            _check(made, record.plan)
        except (UnreadableError, ValueError, KeyError, TypeError) as error:
            gaps.append(Gap(label, one.step, f"cannot be read: {error}"))
            continue
        checkpoint = Checkpoint(one.step, label, f"watch:{folder}")
        found.append(Encoded(checkpoint, made, None, ()))
    truth = Truth(record.known) if record.known else None
    cost = "" if np.isnan(record.share) else f", which took {percent(record.share, 1)} of its time"
    note = f"measured while it trained{cost}; weights and pictures were not measured"
    return Watched(record.plan, truth, tuple(found), tuple(gaps), (note,))


def _check(made: Encodings, plan: Plan) -> None:
    shapes = (made.whole.shape[:-1], made.bare.shape[:-1], made.placed.shape[:-1])
    n = len(plan.names)
    if shapes != ((n,), (n,), (n, len(plan.contexts))):
        raise ValueError("it is of other names or contexts")


def _plan_of(plan: Plan, rows: Sequence[int]) -> Plan:
    kept = [*rows, *range(plan.n_asked, len(plan.names))]
    return replace(
        plan,
        names=tuple(plan.names[row] for row in kept),
        n_asked=len(rows),
        pairs=tuple(plan.pairs[row] for row in kept),
    )


def _rows_of(made: Encodings, whole: Plan, part: Plan, rows: Sequence[int]) -> Encodings:
    kept = [*rows, *range(whole.n_asked, len(whole.names))]
    givens = [whole.givens.index(given) for given in part.givens]
    families = [whole.families.index(family) for family in part.families]
    return replace(
        made,
        whole=made.whole[kept],
        given_swaps=made.given_swaps[givens],
        family_swaps=made.family_swaps[families],
        givens=made.givens[givens],
        families=made.families[families],
        bare=made.bare[kept],
        placed=made.placed[kept],
    )
