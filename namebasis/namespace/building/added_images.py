"""What became of pictures that were added to a space."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from namebasis.encoders.image_files import ImageFailure, by_reason
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import counted

FEW = 100
"""Images whose mean is no good centre of image targets."""


@dataclass(frozen=True, repr=False)
class AddedImages(Result):
    """What became of a folder of images.

    Attributes
    ----------
    n_added, n_known : int
        Images encoded now, and found to be in the space already.
    n_names : int
        Stored names that have an image now, from this folder or before.
    n_images : int
        Images in the space, those of no stored name counted too.
    strangers : tuple of str
        Names of images of this folder that the space does not hold; these images count in the
        mean of images only.
    failures : tuple of ImageFailure
        Files that could not be read, with the reason.
    remarks : tuple of str
        How names were read, and what was passed over.
    n_skipped : int
        Images that belong to no stored name and were left out.
    skipped : tuple of str
        The names that were read of these.
    beside : str
        Spec of the encoder whose vectors were kept beside the space's own; then `n_names` and
        `n_images` are of those. Empty where they are of the space's encoder.
    """

    n_added: int
    n_known: int
    n_names: int
    n_images: int
    strangers: tuple[str, ...]
    failures: tuple[ImageFailure, ...]
    remarks: tuple[str, ...] = ()
    n_skipped: int = 0
    skipped: tuple[str, ...] = ()
    beside: str = ""

    def headline(self) -> str:
        if self.beside:
            return (
                f"{counted(self.n_added, 'image')} got vectors by {self.beside}, beside the "
                f"space's own; {self.n_known:,} had them already; {self.n_images:,} in all, of "
                f"{counted(self.n_names, 'stored name')}"
            )
        return (
            f"{counted(self.n_added, 'image')} added, {self.n_known:,} "
            f"{'was' if self.n_known == 1 else 'were'} in the space already; {self.n_images:,} in "
            f"all, of {counted(self.n_names, 'stored name')}"
        )

    def tables(self) -> tuple[Table, ...]:
        return ()

    def notes(self) -> list[str]:
        told = list(self.remarks)
        for reason, paths in by_reason(self.failures).items():
            told.append(f"left out {len(paths):,}: {reason} (such as {paths[0]})")
        if self.n_skipped:
            examples = ", ".join(map(repr, self.skipped[:3])) + ", …" * (len(self.skipped) > 3)
            told.append(
                f"left out {counted(self.n_skipped, 'image')} of names that the space does not "
                f"hold ({examples}); --unmatched keep takes them for the centre of image targets"
            )
        if self.beside:
            told.append(
                f"they count in no view; nearest --pictures --encoder {self.beside} asks them"
            )
        elif self.strangers:
            examples = ", ".join(map(repr, self.strangers[:3]))
            told.append(
                f"{len(self.strangers):,} names of images are not in the space (such as "
                f"{examples}); their images count in the mean of images only"
            )
        if self.n_images < FEW and not self.beside:
            told.append(
                f"image targets are centred by {'this' if self.n_images == 1 else 'these'} "
                f"{counted(self.n_images, 'image')}: a few hundred are better"
            )
        return told

    def to_arrow(self) -> pa.Table:
        """One row per file that could not be read: path, reason."""
        fields = [("path", pa.string()), ("reason", pa.string())]
        rows = [{"path": one.path, "reason": one.reason} for one in self.failures]
        return pa.Table.from_pylist(rows, pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """Numbers, names that the space does not hold, files that failed, and remarks."""
        return plain_dict(asdict(self))
