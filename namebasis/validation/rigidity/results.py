"""What a name's pictures hold rigid and what they leave free."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.analysis.intervals import Interval
from namebasis.errors import NamebasisError
from namebasis.results import Result, Table, plain
from namebasis.wording import between, counted, listed, percentile

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "picture rigidity"
MADE_UP, WEAK, STRANGER = "made up", "weak", "not in the space"
CHANCE = 0.025
_FEW = 3  # names that the headline tells of one by one
KINDS: Mapping[str, str] = {
    "flexible": "the same person, and the contexts are there",
    "rigid": "the same picture, and the contexts are not there",
    "unknown": "nobody in particular",
}
"""What a name is in the plane of both."""


@dataclass(frozen=True)
class AttributeRigidity:
    """How much one attribute varies over the pictures of one name.

    Attributes
    ----------
    attribute : str
    n : int
        Pictures on which it was measured.
    mean : float or None
        None of an attribute without order.
    variance : float or None
        Of shares the sum over labels.
    log_ratio, low, high : float or None
        Natural logarithm of the variance over the prior's, drawn towards 0 where the pictures are
        few, and its 95 % interval.
    percentile : float or None
        Share of names that nobody bears that vary less.
    entropy : Interval or None
        Of an attribute without order: of the mean shares, in bits.
    entropy_percentile : float or None
    reason : str or None
        Why something is None.
    """

    attribute: str
    n: int
    mean: float | None = None
    variance: float | None = None
    log_ratio: float | None = None
    low: float | None = None
    high: float | None = None
    percentile: float | None = None
    entropy: Interval | None = None
    entropy_percentile: float | None = None
    reason: str | None = None

    @property
    def kind(self) -> str | None:
        """ "rigid" or "free"; None where it varies as it does for names that nobody bears."""
        if self.percentile is None or self.low is None or self.high is None:
            return None
        if self.percentile < CHANCE and self.high < 0:
            return "rigid"
        return "free" if self.percentile > 1 - CHANCE and self.low > 0 else None

    def flat(self) -> dict[str, float | None]:
        """Columns of a space, without their beginning."""
        row = {"variance": self.variance, "log_ratio": self.log_ratio, "log_ratio_low": self.low,
               "log_ratio_high": self.high, "log_ratio_percentile": self.percentile}  # fmt: skip
        if self.entropy is not None:
            row |= {"entropy": self.entropy.value, "entropy_low": self.entropy.low,
                    "entropy_high": self.entropy.high,
                    "entropy_percentile": self.entropy_percentile}  # fmt: skip
        return row


@dataclass(frozen=True)
class PicturesInContexts:
    """What becomes of one name in contexts.

    Attributes
    ----------
    same_person, context_there, flexibility : Interval
        See `analysis.identity.two_way`.
    kind : str or None
        Of `KINDS`; None where the prior is too small to tell.
    cells : mapping of str to (float or None, float or None)
        Per context: same person, context there.
    """

    same_person: Interval
    context_there: Interval
    flexibility: Interval
    kind: str | None
    cells: Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True)
class NamePictures:
    """The profile of one name.

    Attributes
    ----------
    name : str
    n_images : int
    role : str or None
        "made up" or "weak": counts in the prior; "not in the space"; None of other names.
    attributes : tuple of AttributeRigidity
    rigidity : Interval
        Minus the mean over attributes of the logarithm of variance over the prior's: above 0 more
        rigid than names that nobody bears, below 0 less.
    percentile : float or None
        Share of the prior's names that are less rigid.
    contexts : PicturesInContexts or None
    """

    name: str
    n_images: int
    role: str | None
    attributes: tuple[AttributeRigidity, ...]
    rigidity: Interval
    percentile: float | None
    contexts: PicturesInContexts | None = None

    def of_kind(self, kind: str) -> list[str]:
        """Attributes that are rigid, or free."""
        return [one.attribute for one in self.attributes if one.kind == kind]


@dataclass(frozen=True, repr=False, eq=False)
class PictureRigidity(Result):
    """Profiles of names by their pictures.

    Attributes
    ----------
    names : tuple of NamePictures
    attributes : tuple of str
    n_made_up, n_weak : int
        Names of the prior.
    weak_by : str or None
        What weak identities were chosen by.
    contexts : tuple of str
        With {} for the name; empty where there are fewer than 3.
    untold : tuple of str
        Contexts whose text does not tell their pictures from others.
    remarks : tuple of str
    parameters : mapping
    files : mapping of str to tuple of (str, str or None)
        Of each name the files of its pictures, each with its context.
    """

    _page = "namebasis.validation.rigidity.page:html_of"
    _figure = "namebasis.validation.rigidity.figures:draw"

    names: tuple[NamePictures, ...]
    attributes: tuple[str, ...]
    n_made_up: int
    n_weak: int
    weak_by: str | None
    contexts: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, tuple[tuple[str, str | None], ...]] = field(default_factory=dict)

    @property
    def asked(self) -> tuple[NamePictures, ...]:
        """Names but those that nobody bears."""
        return tuple(row for row in self.names if row.role != MADE_UP)

    @property
    def has_plane(self) -> bool:
        """Whether a name has both sides of the plane of person and context."""
        sides = [row.contexts for row in self.names if row.contexts is not None]
        return any(
            math.isfinite(one.same_person.value) and math.isfinite(one.context_there.value)
            for one in sides
        )

    @property
    def prior(self) -> str:
        """Which names the prior is made of, in words."""
        made = counted(self.n_made_up, "made-up name") if self.n_made_up else ""
        weak = counted(self.n_weak, "weak identity", "weak identities") if self.n_weak else ""
        return " and ".join(filter(None, (made, weak))) or "no name"

    def headline(self) -> str:
        """What is rigid and what is free, of few names one by one."""
        rows = self.asked
        if not any(row.percentile is not None for row in rows):
            return "There is no prior to compare the variance of pictures with."
        if len(rows) <= _FEW:
            return "\n".join(map(self._said, rows))
        told = []
        for kind in ("rigid", "free"):
            having = [row for row in rows if row.of_kind(kind)]
            counts = {one: sum(one in row.of_kind(kind) for row in having)
                      for one in self.attributes}  # fmt: skip
            most = max(counts, key=lambda one: counts[one], default="")
            more = f" (most often {label(most)}: {counts[most]:,})" if having else ""
            told.append(f"{len(having):,} hold an attribute {kind}{more}" if kind == "rigid"
                        else f"{len(having):,} leave one {kind}{more}")  # fmt: skip
        return f"Of {len(rows):,} names, {told[0]}; {told[1]}, beside {self.prior}."

    def _said(self, row: NamePictures) -> str:
        parts = [
            f"{kind} in {listed([label(one) for one in found])}"
            for kind in ("rigid", "free")
            if (found := row.of_kind(kind))
        ]
        said = " and ".join(parts) or "no attribute beyond chance"
        kind = row.contexts.kind if row.contexts is not None else None
        more = f"; in contexts {KINDS[kind]}" if kind is not None else ""
        return f"{row.name}: {said}{more}."

    def tables(self) -> tuple[Table, ...]:
        """A row per name; then names in contexts, and every attribute."""
        rows = [
            (row.name, row.n_images, row.rigidity.value if row.percentile is not None else None,
             between(row.rigidity.low, row.rigidity.high, 2), percentile(row.percentile),
             ", ".join(map(label, row.of_kind("rigid"))),
             ", ".join(map(label, row.of_kind("free"))), row.role or "")
            for row in self.asked
        ]  # fmt: skip
        head = ("name", "images", "rigidity of pictures", "95 % interval", "of the prior",
                "rigid", "free", "in the prior")  # fmt: skip
        quiet = [at for at, row in enumerate(self.asked) if not row.of_kind("rigid")
                 and not row.of_kind("free")]  # fmt: skip
        tables = [Table(head, rows, title="what pictures hold rigid", muted=quiet)]
        if self.contexts:
            tables.append(self._contexts())
        return (*tables, self._attributes())

    def _contexts(self) -> Table:
        rows = [
            (row.name, or_none(one.same_person.value),
             between(one.same_person.low, one.same_person.high, 2),
             or_none(one.context_there.value),
             between(one.context_there.low, one.context_there.high, 2),
             or_none(one.flexibility.value), one.kind or "")
            for row in self.asked
            if (one := row.contexts) is not None
        ]  # fmt: skip
        head = ("name", "same person", "95 % interval", "context there", "95 % interval",
                "flexibility", "identity in pictures")  # fmt: skip
        return Table(head, rows, title=f"in {len(self.contexts)} contexts", bars=("flexibility",))

    def _attributes(self) -> Table:
        rows = [
            (row.name, label(one.attribute), one.n, one.variance, one.log_ratio,
             between(one.low, one.high, 2), percentile(one.percentile),
             None if one.entropy is None else one.entropy.value, one.kind or one.reason or "")
            for row in self.asked
            for one in row.attributes
        ]  # fmt: skip
        head = ("name", "attribute", "images", "variance", "log ratio", "95 % interval",
                "of the prior", "entropy", "rigid or free")  # fmt: skip
        return Table(head, rows, title="attribute by attribute", detail=True)

    def notes(self) -> tuple[str, ...]:
        """What the prior is, and what could not be measured."""
        by = f", chosen by {self.weak_by}" if self.n_weak and self.weak_by else ""
        prior = (f"The prior is {self.prior}{by}.",) if self.n_made_up or self.n_weak else ()
        return (*prior, *self.remarks)

    def to_arrow(self) -> pa.Table:
        """One row per name: the profile, its number, and both sides of contexts."""
        columns: dict[str, pa.Array] = {"name": pa.array([row.name for row in self.names])}
        for end, values in {
            "": [row.rigidity.value if row.percentile is not None else None for row in self.names],
            "_low": [row.rigidity.low for row in self.names],
            "_high": [row.rigidity.high for row in self.names],
            "_percentile": [row.percentile for row in self.names],
        }.items():
            columns[f"image_rigidity{end}"] = pa.array(values, pa.float64(), from_pandas=True)
        for kind in ("rigid", "free"):
            found = [row.of_kind(kind) for row in self.names]
            columns[f"image_{kind}"] = pa.array(found, pa.list_(pa.string()))
        columns["image_prior"] = pa.array([row.role for row in self.names], pa.string())
        for at, attribute in enumerate(self.attributes):
            flat = [row.attributes[at].flat() for row in self.names]
            keys = dict.fromkeys(key for one in flat for key in one)
            for key in keys:
                column = [one.get(key) for one in flat]
                columns[f"image_{attribute}_{key}"] = pa.array(column, pa.float64())
        return pa.table(columns | self._context_columns())

    def _context_columns(self) -> dict[str, pa.Array]:
        if not self.contexts:
            return {}
        found: dict[str, pa.Array] = {}
        for key in ("same_person", "context_there", "flexibility"):
            for end in ("value", "low", "high"):
                values = [
                    None if row.contexts is None else getattr(getattr(row.contexts, key), end)
                    for row in self.names
                ]
                name = f"image_{key}" + (f"_{end}" if end != "value" else "")
                found[name] = pa.array(values, pa.float64(), from_pandas=True)
        kinds = [row.contexts.kind if row.contexts else None for row in self.names]
        return found | {"image_identity": pa.array(kinds, pa.string())}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is None."""
        whole: Any = plain(
            {
                "names": [
                    asdict(row) | {"rigid": row.of_kind("rigid"), "free": row.of_kind("free")}
                    for row in self.names
                ],
                "attributes": self.attributes,
                "n_made_up": self.n_made_up,
                "n_weak": self.n_weak,
                "weak_by": self.weak_by,
                "contexts": self.contexts,
                "untold": self.untold,
                "notes": self.notes(),
                "parameters": self.parameters,
            }
        )
        return dict(whole)

    def write(self, space: StoredSpace) -> int:
        """Store profiles of stored names as columns; return how many names.

        Raises
        ------
        NamebasisError
            If the space holds none of the names.
        """
        return write_rows(space, self.to_arrow(), STUDY, self.parameters)


def write_rows(
    space: StoredSpace, table: pa.Table, study: str, parameters: Mapping[str, Any]
) -> int:
    """Store a table's rows of names that the space holds; return how many those are.

    Raises
    ------
    NamebasisError
        If it holds none.
    """
    ids = space.find_all(table["name"].to_pylist())
    kept = [at for at, row in enumerate(ids) if row is not None]
    if not kept:
        raise NamebasisError("the space holds none of the names; nothing can be written.")
    own = pa.array([ids[at] for at in kept], pa.int64())
    rows = table.take(pa.array(kept)).drop_columns(["name"]).add_column(0, "id", own)
    space.add_metrics(rows, study=study, parameters=parameters)
    return len(kept)


def label(attribute: str) -> str:
    """An attribute as people write it."""
    return attribute.replace("_", " ")


def found_of(names: Sequence[NamePictures]) -> dict[str, NamePictures]:
    """Profiles by their names."""
    return {row.name: row for row in names}


def or_none(value: float) -> float | None:
    """A number, or None where it is not finite."""
    return float(value) if math.isfinite(value) else None
