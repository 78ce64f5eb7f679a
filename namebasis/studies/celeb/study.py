"""The celeb basis of a space, with the questions that one may ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from namebasis.checks import Progress
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.studies.celeb import answers, inversion, mining
from namebasis.studies.celeb.basis import PieceBasis
from namebasis.studies.celeb.inversion import Inversion
from namebasis.studies.celeb.mined_words import MinedWords
from namebasis.studies.celeb.points import Address
from namebasis.studies.celeb.results import Coefficients, Composition, Morph

if TYPE_CHECKING:
    from namebasis.encoders.images import ImageLike


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

    def invert(
        self,
        photos: Sequence[ImageLike],
        *,
        n_steps: int = 300,
        n_views: int = 4,
        n_names: int = 4,
        k: int = 8,
        where: str | None = None,
        deny: Sequence[str] = (),
        reach: float = inversion.REACH,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Inversion:
        """Fit a point to photos of one person; see `studies.celeb.inversion.invert`."""
        return inversion.invert(
            self, photos, n_steps=n_steps, n_views=n_views, n_names=n_names, k=k, where=where,
            deny=deny, reach=reach, seed=seed, progress=progress,
        )  # fmt: skip

    def mine(
        self,
        components: Sequence[Address | str] = (),
        *,
        n_components: int = 4,
        phrases: bool | str | Path | Phrases = True,
        n_starts: int = 8,
        deviations: float = 2.0,
        k: int = 3,
        where: str | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> MinedWords:
        """Find the words for components; see `studies.celeb.mining.mine`."""
        return mining.mine(
            self, components, n_components=n_components, phrases=phrases, n_starts=n_starts,
            deviations=deviations, k=k, where=where, seed=seed, progress=progress,
        )  # fmt: skip
