"""What `weights` returns: identity in the weights, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from namebasis.formation.checkpoints import Gap
from namebasis.formation.weight_identity.evidence import WeightEvidence
from namebasis.formation.weight_identity.key_changes import KeyChanges
from namebasis.formation.weight_identity.knock_out import KnockOut
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
    evidence : WeightEvidence or None
        Over all checkpoints.
    knock_out : KnockOut or None
        Where it was asked for.
    gaps : tuple of Gap
    remarks : tuple of str
        What could not be said, and why.
    key_changes : KeyChanges or None
        From the first checkpoint to the last; None of a single model.
    """

    _section = "Formation: over checkpoints"
    _page = "namebasis.formation.weight_identity.page:html_of"

    writers: tuple[Writers, ...]
    evidence: WeightEvidence | None = None
    knock_out: KnockOut | None = None
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[str, ...] = ()
    key_changes: KeyChanges | None = None

    @property
    def parts(self) -> Sequence[Result]:
        """Its results, each with its own tables."""
        others = (self.evidence, self.key_changes, self.knock_out)
        return (*self.writers, *(one for one in others if one is not None))

    def headline(self) -> str | None:
        """What its parts say, a line each; of writers, the last checkpoint's."""
        parts = self.parts[max(0, len(self.writers) - 1) :]
        return "\n".join(line for one in parts if (line := one.headline())) or None

    def tables(self) -> tuple[Table, ...]:
        """Those of its parts."""
        return tuple(table for one in self.parts for table in one.tables())

    def notes(self) -> tuple[str, ...]:
        """What its parts say, and what is missing."""
        told = [note for one in self.parts for note in one.notes()]
        return (*told, *self.remarks, *(f"gap: {gap.label}: {gap.reason}" for gap in self.gaps))

    def to_arrow(self) -> pa.Table:
        """One row per checkpoint, name, writer and source; those of evidence without writers."""
        import pyarrow as pa

        if not self.writers:
            return self.evidence.to_arrow() if self.evidence else pa.table({})
        return pa.concat_tables([one.to_arrow() for one in self.writers])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "writers": [one.to_dict() for one in self.writers],
            "evidence": self.evidence.to_dict() if self.evidence else None,
            "knock_out": self.knock_out.to_dict() if self.knock_out else None,
            "key_changes": self.key_changes.to_dict() if self.key_changes else None,
            "gaps": [asdict(gap) for gap in self.gaps],
            "remarks": list(self.remarks),
        }
