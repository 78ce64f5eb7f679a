"""Name, text prediction, images, measurement, agreement: the whole loop over a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Progress, check_seed
from namebasis.errors import EncoderError, NamebasisError
from namebasis.results import Result, Table
from namebasis.studies.attributes.axis_files import axis_names, load_axis
from namebasis.studies.attributes.study import score
from namebasis.studies.identity.rigidity import rigidity
from namebasis.validation.agreement import agree
from namebasis.validation.agreement_results import Agreement
from namebasis.validation.extractors.base import Extractor, notes_on_faces
from namebasis.validation.pictures.image_files import ImageFile, empty_folders, read_images
from namebasis.validation.pictures.image_store import (
    ImageTable,
    image_store,
    measure_images,
)
from namebasis.validation.rigidity.results import MADE_UP, STRANGER, PictureRigidity, write_rows
from namebasis.validation.rigidity.roles import roles_of
from namebasis.validation.rigidity.study import MeasuredPictures, picture_rigidity
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

STUDY = "validation"
RIGIDITY_READINGS = ("div", "displacement_ratio", "interaction", "leakage")
"""Text measures that the spread of images is compared with."""
_SAME_AS: Mapping[str, str] = {
    "skin_lightness": "skin_tone",
    "gender_female": "gender",
    "gender_woman": "gender",
    "gender_feminine": "gender",
}
"""Columns of images that measure an axis of text under another name."""


@dataclass(frozen=True, repr=False, eq=False)
class Validation(Result):
    """What a validation found.

    Attributes
    ----------
    agreement : Agreement
    images : ImageTable
    text : mapping of (str, str) to mapping of str to float
        Per attribute and reading, each name's value in text.
    licences : mapping of str to (str or None)
        Of each extractor.
    provenance : mapping
        The space, its encoder, and where images came from.
    rigidity : PictureRigidity
        Which attributes of each name its images hold rigid, and which they leave free.
    """

    _page = "namebasis.validation.page:html_of"
    _figure = "namebasis.validation.figures:draw"

    agreement: Agreement
    images: ImageTable
    text: Mapping[tuple[str, str], Mapping[str, float]]
    licences: Mapping[str, str | None]
    provenance: Mapping[str, Any]
    rigidity: PictureRigidity

    def headline(self) -> str:
        """What text and images agree on, and what images hold rigid."""
        return f"{self.agreement.headline()}\n{self.rigidity.headline()}"

    def tables(self) -> tuple[Table, ...]:
        """Those of `Agreement`, then those of `PictureRigidity`."""
        return (*self.agreement.tables(), *self.rigidity.tables())

    def notes(self) -> tuple[str, ...]:
        """Those of `Agreement`, then those of `PictureRigidity`."""
        return (*self.agreement.notes(), *self.rigidity.notes())

    def to_arrow(self) -> pa.Table:
        """One row per name: the columns of `Agreement`, then those of `PictureRigidity`."""
        table, more = self.agreement.to_arrow(), self.rigidity.to_arrow()
        for column in more.column_names:
            if column not in table.column_names:
                table = table.append_column(column, more[column])
        return table

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self.agreement.to_dict() | {
            "rigidity": self.rigidity.to_dict(),
            "licences": dict(self.licences),
            "provenance": dict(self.provenance),
        }

    def write(self, space: StoredSpace) -> int:
        """Store what the images of stored names showed as metric columns; return how many names.

        Raises
        ------
        NamebasisError
            If the space holds none of the names.
        """
        table = self.to_arrow()
        # The number of images is called as the others are.
        names = ["image_count" if name == "n_images" else name for name in table.column_names]
        return write_rows(
            space, table.rename_columns(names), STUDY, dict(self.agreement.parameters)
        )


def validate(
    space: StoredSpace,
    images: str | Path | Sequence[ImageFile],
    extractors: Sequence[Extractor],
    *,
    encoder: Encoder | None = None,
    axes: Sequence[str | Path] | None = None,
    with_rigidity: bool = True,
    keep: bool = True,
    n_resamples: int = 500,
    seed: int = 0,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> Validation:
    """Measure images of names, and compare them with what the space says of the names.

    The prior are names that the space holds as made up, or that `generate` painted as such; for
    variances also weak identities, see `rigidity.roles.roles_of`. Other names that the space does
    not hold are measured, but neither compared with text nor prior.

    Parameters
    ----------
    space : Space
    images : str, Path or sequence of ImageFile
        A folder (see `find_images`), or what `generate` returned.
    extractors : sequence of Extractor
        At least one.
    encoder : Encoder, optional
        Of images, for similarity@n and div@n; by default the space's, where it reads images.
    axes : sequence of str or Path, optional
        Axis files that text is read on besides the packaged axes that extractors measure.
    with_rigidity : bool
        Compare the spread of images with the text's rigidity, which embeds names in contexts.
    keep : bool
        Keep vectors and measurements in the space's store of pictures.
    n_resamples, seed : int
    batch_size : int
        Images at a time.
    progress : callable, optional
        Called with (images done, images in all) over all extractors.

    Raises
    ------
    NamebasisError
        If there are no images or extractors.
    EncoderError
        If the encoder reads no images.
    """
    seed = check_seed(seed)
    if not extractors:
        raise NamebasisError(
            "a validation needs at least one extractor, such as zero-shot:ENCODER."
        )
    notes: list[str] = []
    if isinstance(images, (str, Path)):
        files, told = read_images(images, space.find_all)
        notes += told
    else:
        files = list(images)
    if encoder is not None and not encoder.has_images:
        raise EncoderError(f"{encoder.spec} reads no images; give an encoder that does.")
    if encoder is None and space.encoder().has_images:
        encoder = space.encoder()
    table = measure_images(
        files, extractors, encoder, store=image_store(space) if keep else None,
        batch_size=batch_size, progress=progress,
    )  # fmt: skip
    names = list(dict.fromkeys(image.name for image in files))
    made_up = {image.name for image in files if image.is_made_up}
    roles, weak_by = roles_of(space, names, sorted(made_up))
    known = [name for name in names if roles.get(name) not in (MADE_UP, STRANGER)]
    text: dict[tuple[str, str], dict[str, float]] = {}
    if isinstance(images, (str, Path)) and (empty := empty_folders(images)):
        few = "1 folder holds" if len(empty) == 1 else f"{len(empty)} folders hold"
        notes.append(f"{few} no image, such as {empty[0]}.")
    if known:
        text |= _axis_readings(space, known, table, axes or (), notes)
        if with_rigidity and table.vectors is not None:
            text |= _rigidity_readings(space, known, seed)
    notes += notes_on_faces(extractors)
    notes += _stranger_note([name for name in names if roles.get(name) == STRANGER])
    prior = [name for name in names if roles.get(name) == MADE_UP]
    found = agree(table, text, prior=prior, n_resamples=n_resamples, seed=seed)
    found = replace(found, remarks=(*notes, *found.remarks))
    profiles = picture_rigidity(
        pictures_of(table), roles, weak_by=weak_by, encoder=encoder,
        n_resamples=max(n_resamples, 200), seed=seed,
    )  # fmt: skip
    source = space.provenance
    return Validation(
        found,
        table,
        text,
        {extractor.spec: extractor.licence for extractor in extractors},
        {
            "space": Path(space.path).name,
            "encoder": source.encoder,
            "fingerprint": source.fingerprint,
            "templates": list(source.templates),
            "package_version": source.package_version,
            "faces": sorted({one.faces.spec for one in extractors if one.faces is not None}),
            "images": sorted({image.source for image in files}),
            "n_images": len(files),
        },
        profiles,
    )


def pictures_of(table: ImageTable) -> MeasuredPictures:
    """Images that could be read, with the columns of each attribute side by side."""
    shown = [at for at, image in enumerate(table.images) if not image.is_blank]
    attributes = {
        name: np.stack([table.columns[one][shown] for one in columns], axis=1)
        if len(columns) > 1
        else table.columns[columns[0]][shown]
        for name, columns in table.parts.items()
    }
    images = [table.images[at] for at in shown]
    vectors = None if table.vectors is None else table.vectors[shown]
    return MeasuredPictures(
        [image.name for image in images], attributes, vectors,
        [image.context for image in images], [str(image.path) for image in images],
    )  # fmt: skip


def _stranger_note(strangers: Sequence[str]) -> list[str]:
    """That names which the space does not hold are not taken for made-up ones."""
    if not strangers:
        return []
    are = "is" if len(strangers) == 1 else "are"
    return [
        f"{counted(len(strangers), 'name')} with images {are} not in the space, such as "
        f"{strangers[0]}: measured, but neither compared with text nor counted as made up. Names "
        "that are made up say so where `validate generate` painted them, or where the space holds "
        "them as part pseudo."
    ]


def _axis_readings(
    space: StoredSpace,
    names: Sequence[str],
    table: ImageTable,
    more: Sequence[str | Path],
    notes: list[str],
) -> dict[tuple[str, str], dict[str, float]]:
    """Text readings of every axis that a column of the images measures.

    An axis that the encoder cannot read in text is left out, with a note.
    """
    sources = {axis: axis for axis in axis_names()}
    sources |= {load_axis(source).name: str(source) for source in more}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for axis, source in sources.items():
        if not any(_measures(_measured(table, column), axis) for column in table.columns):
            continue
        try:
            scores = score(space, [source]).pick(space, names).scores
        except ValueError as error:
            notes.append(f"{axis} is not compared: text cannot be read on it ({error})")
            continue
        for read in scores:
            for column in table.columns:
                what = _measured(table, column)
                if what == read.label or _SAME_AS.get(what) == read.label:
                    for reading, values in read.readings.items():
                        found[column, reading] = dict(zip(names, values.tolist(), strict=True))
    return found


def _measured(table: ImageTable, column: str) -> str:
    return table.measures.get(column, column)


def _measures(column: str, axis: str) -> bool:
    return column == axis or column.startswith(f"{axis}_") or _SAME_AS.get(column) == axis


def _rigidity_readings(
    space: StoredSpace, names: Sequence[str], seed: int
) -> dict[tuple[str, str], dict[str, float]]:
    rows = rigidity(space, names, seed=seed).rows
    return {
        ("div", reading): {row.name: row.values[reading] for row in rows}
        for reading in RIGIDITY_READINGS
    }
