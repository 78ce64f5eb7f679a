"""From a validation to what its page shows."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError
from namebasis.validation.agreement_results import AttributeAgreement, NameImages
from namebasis.validation.pictures.image_files import ImageFile
from namebasis.validation.report_page import (
    AgreementLine,
    CalibrationMark,
    Shots,
    ValidationPage,
    label_of,
)
from namebasis.wording import between

if TYPE_CHECKING:
    from namebasis.validation.study import Validation

_SIDE, _MOST_IMAGES, _MOST_NAMES = 96, 9, 60
CAUTION = (
    "Images made by a model, to test what it believes. They show nobody, even where a prompt held "
    "the name of a person who exists; do not show them as pictures of that person."
)


def page_of(found: Validation) -> ValidationPage:
    """Lay a validation out as plain values for `namebasis.validation.report_page.render`."""
    images: dict[str, list[ImageFile]] = {}
    for image in found.images.images:
        images.setdefault(image.name, []).append(image)
    thumbnails = _Thumbnails(images)
    agreement, source = found.agreement, found.provenance
    rows = agreement.attributes
    first = {row.attribute: row for row in agreement.first_readings}
    shown = _by_spread(agreement.names)[:_MOST_NAMES]
    return ValidationPage(
        title="What images say",
        lead=f"{source['space']} · {source['encoder']} · images: {', '.join(source['images'])}",
        finding=_finding(first),
        facts=[
            (f"{len(agreement.names):,}", "names with images"),
            (f"{source['n_images']:,}", "images"),
            (f"{agreement.n_made_up:,}", "made-up names: the prior"),
            (f"{len(found.licences):,}", "ways of measuring"),
        ],
        lines=[_line(row, agreement.units) for row in first.values()],
        more=[_line(row, agreement.units) for row in rows if row is not first[row.attribute]],
        disagreements={
            label: [
                Shots(
                    d.name,
                    f"text {d.text_rank:.2f}, images {d.image_rank:.2f}",
                    thumbnails.of(d.name),
                )
                for d in row.disagreements
            ]
            for label, row in first.items()
        },
        names=[
            Shots(row.name, _caption(row), thumbnails.of(row.name))
            for row in shown
        ],
        n_names=len(agreement.names),
        notes=[CAUTION, *agreement.notes],
        footer=[
            ("space", source["space"]),
            ("encoder", f"{source['encoder']}, weights {source['fingerprint']}"),
            ("templates", " · ".join(source["templates"])),
            ("images of", ", ".join(source["images"])),
            ("vectors of images", found.images.encoder or "none"),
            *((f"measured by {spec}", why or "licence not stated") for spec, why in
              found.licences.items()),
            ("made by", f"namebasis {source['package_version']}"),
        ],
    )  # fmt: skip


def _finding(first: Mapping[str, AttributeAgreement]) -> str:
    agreeing = [label for label, row in first.items() if (row.spearman.low or 0.0) > 0]
    if not first:
        return "Nothing was both measured on images and read in text."
    if not agreeing:
        return "Text and images are not shown to agree on any attribute."
    named = ", ".join(label_of(label) for label in agreeing)
    return f"Text and images agree on {named} ({len(agreeing)} of {len(first)})."


def _line(row: AttributeAgreement, units: Mapping[str, str]) -> AgreementLine:
    return AgreementLine(
        row.attribute,
        row.reading,
        units.get(row.attribute, "cosine distance"),
        row.n_names,
        row.spearman.value,
        row.spearman.low,
        row.spearman.high,
        row.null.low,
        row.null.high,
        None if row.reliability is None else row.reliability.of_means,
        row.verdict,
        [
            CalibrationMark(
                part.text, part.images.value, part.images.low, part.images.high, part.n_names
            )
            for part in row.calibration
        ],
    )


def _by_spread(names: Sequence[NameImages]) -> list[NameImages]:
    return sorted(names, key=lambda row: row.spread.div.value if row.spread else float("inf"))


def _caption(row: NameImages) -> str:
    if row.reason is not None:
        return row.reason
    made_up = "made up · " if row.is_prior else ""
    if row.spread is None:
        return f"{made_up}{row.n_images} image{'' if row.n_images == 1 else 's'}"
    div = row.spread.div
    ends = "" if div.low is None else f" ({between(div.low, div.high)})"
    return f"{made_up}div@{row.n_images} {div.value:.3f}{ends}"


class _Thumbnails:
    """Small pictures as data URIs, each made once."""

    def __init__(self, images: dict[str, list[ImageFile]]) -> None:
        self._images = images
        self._made: dict[Path, str | None] = {}

    def of(self, name: str) -> list[str]:
        shown = [image for image in self._images[name] if not image.is_blank][:_MOST_IMAGES]
        made = [self._thumbnail(image.path) for image in shown]
        return [uri for uri in made if uri is not None]

    def _thumbnail(self, path: Path) -> str | None:
        if path not in self._made:
            try:
                image = open_image(path)
            except EncoderError:
                self._made[path] = None
                return None
            image.thumbnail((_SIDE, _SIDE))
            content = BytesIO()
            image.save(content, "JPEG", quality=82)
            encoded = base64.b64encode(content.getvalue()).decode()
            self._made[path] = f"data:image/jpeg;base64,{encoded}"
        return self._made[path]
