"""From a spec to an extractor."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from namebasis.encoders.loading import local_source
from namebasis.encoders.registry import TEXT_ONLY, load_encoder
from namebasis.errors import EncoderError
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.validation.extractors.base import Extractor
from namebasis.validation.extractors.zero_shot import AXES, one_sided
from namebasis.validation.faces.contract import PARTS, Faces

KINDS = {
    "zero-shot": "zero-shot:ENCODER, the prompts of axes by an encoder of images and text",
    "classify": "classify:REPO-or-folder, an image classifier of transformers",
    "ask": "ask:REPO-or-folder, a model that answers questions about images",
    "caption": "caption:REPO-or-folder, a model that captions images",
    "tagger": "tagger:REPO-or-folder, a tagger in timm's format with a table of tags",
    "onnx": "onnx:CARD.toml or onnx:NAME=FILE.onnx, any ONNX model with a card",
    "mivolo": "mivolo[:REPO-or-folder], MiVOLO v2; needs --allow-remote-code",
    "probe": "probe:FILE, a probe that train-probe saved",
    "skin": "skin[:REPO-or-folder], apparent skin colour, with a face-parsing model",
}
_ALONE = {"mivolo", "skin"}
_IN_FOLDERS = {"classify", "ask", "caption", "tagger", "mivolo", "skin"}


def check_extractor(spec: str, axes: Sequence[str | Path] | None = None) -> tuple[str, str]:
    """Refuse a spec or axes before a model is loaded; the spec's kind and what follows its colon.

    Raises
    ------
    EncoderError
        If the spec is unknown.
    NamebasisError
        If an axis is refused.
    ValueError
        If an axis is asked for twice.
    """
    kind, colon, rest = spec.partition(":")
    if kind in PARTS and rest.partition(":")[0] not in PARTS:
        check_extractor(rest, axes)
        return kind, rest
    if kind not in KINDS or (not rest and (colon or kind not in _ALONE)):
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f" Did you mean {close[0]}?" if close and close[0] != kind else ""
        raise EncoderError(
            f"unknown extractor {spec!r}.{hint} There are: {'; '.join(KINDS.values())}; and "
            "face:, person: or whole: before one of these, which shows it that part."
        )
    if kind == "zero-shot" and rest in TEXT_ONLY:
        raise one_sided(rest)
    if rest and kind in _IN_FOLDERS:
        local_source(kind, rest, None)
    wanted = [str(one) for one in axes or ()]
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"each axis may be asked for once; got {', '.join(wanted)}.")
    for axis in axes or ():
        load_axis(axis)
    return kind, rest


def load_extractor(
    spec: str,
    *,
    axes: Sequence[str | Path] | None = None,
    attribute: str | None = None,
    tags: Sequence[str] = (),
    allow_remote_code: bool = False,
    faces: Faces | None = None,
    device: str | None = None,
) -> Extractor:
    """Load an extractor.

    Parameters
    ----------
    spec : str
        One of `KINDS`.
    axes : sequence of str or Path, optional
        For the kinds that measure axes: their names or files; by default `zero_shot.AXES`.
    attribute : str, optional
        What a classifier's labels are values of.
    tags : sequence of str
        Tags of a tagger to measure by themselves.
    allow_remote_code : bool
        Run code that a repository brings; only MiVOLO's needs it.
    faces : Faces, optional
        Cuts out what the extractor takes, see `namebasis.validation.faces.detectors.load_faces`.
    device : str, optional

    Raises
    ------
    EncoderError
        If the spec is unknown or what it names cannot be loaded.
    MissingExtraError
        If the library that it needs is not installed.
    NamebasisError
        If an axis is refused.
    ValueError
        If an axis is asked for twice.
    """
    kind, rest = check_extractor(spec, axes)
    if kind in PARTS:
        made = load_extractor(
            rest, axes=axes, attribute=attribute, tags=tags, allow_remote_code=allow_remote_code,
            device=device,
        )  # fmt: skip
        if len(made.regions) > 1:
            raise EncoderError(f"{rest} takes the face and the person; {kind}: cannot choose one.")
        region = made.regions[0]
        align = region.align if kind == "face" else None
        made.spec, made.regions = spec, (replace(region, part=kind, align=align),)
    else:
        made = _loaded(kind, rest, axes, attribute, tags, allow_remote_code, device)
    made.faces = faces
    return made


def _loaded(
    kind: str,
    rest: str,
    axes: Sequence[str | Path] | None,
    attribute: str | None,
    tags: Sequence[str],
    allow_remote_code: bool,
    device: str | None,
) -> Extractor:
    spec = f"{kind}:{rest}" if rest else kind
    wanted = AXES if axes is None else axes
    if kind == "zero-shot":
        from namebasis.validation.extractors.zero_shot import ZeroShot

        return ZeroShot(load_encoder(rest, device=device), wanted)
    if kind == "classify":
        from namebasis.validation.extractors.classification import load_classifier

        return load_classifier(rest, attribute=attribute, device=device)
    if kind in {"ask", "caption"}:
        from namebasis.validation.extractors.questions import load_writer

        return load_writer(rest, asks=kind == "ask", axes=wanted, device=device)
    if kind == "tagger":
        from namebasis.validation.extractors.tagger import load_tagger

        return load_tagger(rest, axes=wanted, wanted=tags, device=device)
    if kind == "onnx":
        from namebasis.validation.extractors.onnx_model import load_onnx

        return load_onnx(rest, device=device)
    if kind == "mivolo":
        from namebasis.validation.extractors.mivolo import REPOSITORY, load_mivolo

        return load_mivolo(rest or REPOSITORY, allow_remote_code=allow_remote_code, device=device)
    if kind == "probe":
        from namebasis.validation.extractors.image_probe import ProbeExtractor, load_probe

        probe = load_probe(rest)
        try:
            encoder = load_encoder(probe.encoder, device=device)
        except EncoderError as error:
            raise EncoderError(f"{rest} reads vectors of another encoder: {error}") from None
        return ProbeExtractor(probe, encoder, spec)
    from namebasis.validation.extractors.skin_extractor import SkinExtractor, load_segmenter

    if not rest:
        return SkinExtractor(spec=spec)
    segment, fingerprint = load_segmenter(rest, device=device)
    return SkinExtractor(segment, spec, fingerprint)
