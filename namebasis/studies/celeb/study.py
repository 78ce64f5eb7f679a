"""The celeb basis of a space, with the questions that one may ask it."""

from __future__ import annotations

from collections.abc import Mapping

from namebasis.studies.celeb import answers
from namebasis.studies.celeb.basis import PieceBasis
from namebasis.studies.celeb.points import Address
from namebasis.studies.celeb.results import Coefficients, Composition, Morph


class CelebBasis(PieceBasis):
    __doc__ = PieceBasis.__doc__

    def coefficients(self, name: str, *, k: int = 8) -> Coefficients:
        """Where a name lies along each component; see `studies.celeb.answers.coefficients`."""
        return answers.coefficients(self, name, k=k)

    def morph(
        self,
        start: str,
        end: str,
        *,
        n_steps: int = 9,
        k: int = 3,
        where: str | None = None,
    ) -> Morph:
        """Walk from one name's pieces to another's; see `studies.celeb.answers.morph`."""
        return answers.morph(self, start, end, n_steps=n_steps, k=k, where=where)

    def compose(
        self,
        settings: Mapping[Address, float] | Mapping[str, float] | None = None,
        *,
        start: str | None = None,
        k: int = 8,
        where: str | None = None,
    ) -> Composition:
        """Make a point by its coefficients; see `studies.celeb.answers.compose`."""
        return answers.compose(self, settings, start=start, k=k, where=where)
