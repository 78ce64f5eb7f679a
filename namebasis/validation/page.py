"""A validation as one page: what agrees, how far, and the images behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.encoders.thumbnails import thumbnail
from namebasis.report import charts
from namebasis.report.page import render
from namebasis.validation.agreement_results import NameImages, label_of
from namebasis.validation.figures import calibration
from namebasis.validation.pictures.image_files import ImageFile
from namebasis.validation.rigidity.page import section
from namebasis.wording import between

if TYPE_CHECKING:
    from markupsafe import Markup

    from namebasis.validation.agreement_results import AttributeAgreement
    from namebasis.validation.study import Validation

_MOST_IMAGES, _MOST_NAMES = 9, 60
CAUTION = (
    "Images made by a model, to test what it believes. They show nobody, even where a prompt held "
    "the name of a person who exists; do not show them as pictures of that person."
)
CAUTION_FOUND = (
    "Images from a folder, which say nothing of what made them. Those that a model made show "
    "nobody, even where a prompt held the name of a person who exists. Of photos of people the "
    "figures say how they look to the measuring model, and nothing else about the people."
)


def html_of(found: Validation) -> str:
    """The page of a validation; it opens from disk and asks no host for anything."""
    agreement, source = found.agreement, found.provenance
    first = agreement.first_readings
    drawn = [row for row in first if row.calibration]
    shown = sorted(
        agreement.names, key=lambda row: row.spread.div.value if row.spread else float("inf")
    )[:_MOST_NAMES]
    return render(
        "validation",
        found=found,
        agreement=agreement,
        first=first,
        more=[row for row in agreement.attributes if not any(row is one for one in first)],
        drawn=drawn,
        charts=[
            _chart(row, agreement.units, f"calibration-{at}") for at, row in enumerate(drawn)
        ],
        shown=shown,
        caution=CAUTION_FOUND if "folder" in source["images"] else CAUTION,
        facts=[
            (f"{len(agreement.names):,}", "names with images"),
            (f"{source['n_images']:,}", "images", "images of a name"),
            (f"{agreement.n_made_up:,}", "made-up names: the prior", "made-up names"),
            (f"{len(found.licences):,}", f"way{'s' * (len(found.licences) != 1)} of measuring"),
        ],
        provenance=[
            ("space", source["space"]),
            ("encoder", f"{source['encoder']}, weights {source['fingerprint']}"),
            ("templates", " · ".join(source["templates"])),
            ("images of", ", ".join(source["images"])),
            ("vectors of images", found.images.encoder or "none"),
            *((f"measured by {spec}", why or "licence not stated") for spec, why in
              found.licences.items()),
            ("made by", f"namebasis {source['package_version']}"),
        ],
        thumbnails=_Thumbnails(found.images.images),
        caption=caption,
        profiles=section(found.rigidity),
        label=label_of,
        number=_number,
        ends=lambda low, high: between(low, high, 2),
    )  # fmt: skip


def caption(row: NameImages) -> str:
    """What stands below a name: how alike its images are, or why that is not known."""
    if row.reason is not None:
        return row.reason
    made_up = "made up · " if row.is_prior else ""
    if row.spread is None:
        return f"{made_up}{row.n_images} image{'' if row.n_images == 1 else 's'}"
    div = row.spread.div
    ends = "" if div.low is None else f" ({between(div.low, div.high)})"
    return f"{made_up}div@{row.n_images} {div.value:.3f}{ends}"


def _chart(row: AttributeAgreement, units: Mapping[str, str], name: str) -> Markup:
    from markupsafe import Markup

    return Markup(charts.to_svg(calibration(row, units), name))


def _number(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.2f}"


class _Thumbnails:
    """Small pictures as data URIs, each made once."""

    def __init__(self, images: tuple[ImageFile, ...]) -> None:
        self._images: dict[str, list[ImageFile]] = {}
        for image in images:
            self._images.setdefault(image.name, []).append(image)
        self._made: dict[Path, str | None] = {}

    def of(self, name: str) -> list[str]:
        shown = [image for image in self._images[name] if not image.is_blank][:_MOST_IMAGES]
        made = [self._thumbnail(image.path) for image in shown]
        return [uri for uri in made if uri is not None]

    def _thumbnail(self, path: Path) -> str | None:
        if path not in self._made:
            self._made[path] = thumbnail(path)
        return self._made[path]
