"""What every part of an audit is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from namebasis.auditing.claims import Claim, Sample
from namebasis.auditing.corpora import Corpora
from namebasis.auditing.plan import Plan
from namebasis.checks import FloatArray, IntArray, Progress
from namebasis.results import Table

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.organism.world import World
    from namebasis.space import Space
    from namebasis.studies.attributes.record_facts import Records


@dataclass(frozen=True, eq=False)
class Inquiry:
    """A space of the audit's names, and how it is to be asked.

    Attributes
    ----------
    space : Space
        Of all names that the encoder can read.
    corpora : Corpora
        With the names that it cannot.
    plan : Plan
    counts : mapping of full name to int, or None
        How often people are mentioned, where a list of them was given.
    seed : int
    progress : callable, optional
        Called with (done, total) of the part that runs.
    world : World, optional
        Of an organism, whose truth stands for records.
    """

    space: Space
    corpora: Corpora
    plan: Plan
    counts: Mapping[str, int] | None = None
    seed: int = 0
    progress: Progress | None = None
    world: World | None = None

    @cached_property
    def _records(self) -> dict[str, Records]:
        return {}

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that is audited."""
        return self.space.encoder()

    def ids(self, corpus: str, part: str | None = None) -> IntArray:
        """Rows of the space that hold the names of a corpus, in the corpus' order."""
        held: list[int] = []
        rows = self.corpora.rows.get(corpus, ())
        for kind in dict.fromkeys(own for _, own in rows if part in (None, own)):
            names = [name for name, own in rows if own == kind]
            held += [row for row in self.space.find_all(names, kind) if row is not None]
        return np.array(list(dict.fromkeys(held)), dtype=np.int64)

    def names(self, ids: IntArray) -> list[str]:
        """The names of rows."""
        found: list[str] = self.space.table(["name"], ids=ids)["name"].to_pylist()
        return found

    def vectors(self, ids: IntArray) -> FloatArray:
        """Unit vectors of rows, of shape (n, dim)."""
        return np.asarray(self.space.vectors(ids=ids))

    def records(self, kind: str) -> Records:
        """Records of the space's names, as `read_records` takes them; of a world its truth."""
        from namebasis.auditing.organism import records_of
        from namebasis.studies.attributes.record_facts import read_records

        if kind not in self._records:  # several parts ask for them, and matching folds every name
            self._records[kind] = (
                read_records(self.space, kind)
                if self.world is None
                else records_of(self.world, self.space, kind)
            )
        return self._records[kind]

    def step(self, done: int, total: int) -> None:
        """Tell how far the part has come."""
        if self.progress is not None:
            self.progress(done, total)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a part found, before claims of all parts are corrected for their number.

    Attributes
    ----------
    claims : list of Claim
    samples : dict of a claim's key to Sample
        Of every claim.
    tables : list of Table
        Beside the table of the claims, which every part has.
    remarks : list of str
    n_tried : int or None
        Readings that were tried, those that no table shows included; by default the claims that
        chance could have made.
    """

    claims: list[Claim]
    samples: dict[str, Sample]
    tables: list[Table] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    n_tried: int | None = None

    def add(self, claim: Claim, sample: Sample) -> None:
        """Put a claim with its sample beside the others."""
        self.claims.append(claim)
        self.samples[claim.key] = sample


class Skipped(Exception):  # noqa: N818  no error: a part says why it has nothing to say
    """What a part raises that this encoder or corpus cannot give, with the reason in words."""
