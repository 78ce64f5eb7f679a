"""What `weights` returns: identity in the weights, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from namebasis.formation.checkpoints import Gap
from namebasis.formation.weight_identity.writer_results import Writers
from namebasis.results import Result, Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, repr=False, eq=False)
class WeightIdentity(Result):
    """Identity in the weights of one model, or of a training's checkpoints.

    Attributes
    ----------
    writers : tuple of Writers
        One for each checkpoint that was asked for; empty where the pooled row is no sum.
    gaps : tuple of Gap
    remarks : tuple of str
        What could not be said, and why.
    """

    _section = "Formation: over checkpoints"

    writers: tuple[Writers, ...]
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def parts(self) -> Sequence[Result]:
        """Its results, each with its own tables."""
        return self.writers

    def headline(self) -> str | None:
        """What the last part says."""
        told = [line for one in self.parts if (line := one.headline())]
        return told[-1] if told else None

    def tables(self) -> tuple[Table, ...]:
        """Those of its parts."""
        return tuple(table for one in self.parts for table in one.tables())

    def notes(self) -> tuple[str, ...]:
        """What its parts say, and what is missing."""
        told = [note for one in self.parts for note in one.notes()]
        return (*told, *self.remarks, *(f"gap: {gap.label}: {gap.reason}" for gap in self.gaps))

    def to_arrow(self) -> pa.Table:
        """One row per checkpoint, name, writer and source."""
        import pyarrow as pa

        return pa.concat_tables([one.to_arrow() for one in self.writers])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "writers": [one.to_dict() for one in self.writers],
            "gaps": [asdict(gap) for gap in self.gaps],
            "remarks": list(self.remarks),
        }
