"""Text-to-image pipelines of diffusers: one image per prompt and seed."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.checks import check_count
from namebasis.encoders.huggingface.checked import quiet
from namebasis.encoders.loading import (
    Source,
    choose_device,
    find_source,
    packaged_source,
    refusing,
)
from namebasis.encoders.weight_variants import variant_of, weights_by_variant
from namebasis.errors import EncoderError, MissingExtraError
from namebasis.pretrained import read_pretrained
from namebasis.reading import digest_of, read_json
from namebasis.validation.pictures.checkpoint import (
    KIND,
    check_checkpoint,
    load_checkpoint,
    refuse_additions,
)
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from PIL.Image import Image

ORGANISM = "organism"
"""The packaged painter, which needs no network."""
_DTYPES = ("float16", "bfloat16", "float32")
_SMALL = ("model_index.json", "*/*.json", "*/*.txt", "*/*.model")
_PLAIN = tuple(
    f"*/{stem}{shard}.safetensors"
    for stem in ("model", "diffusion_pytorch_model")
    for shard in ("", "-0????-of-0????")
)


@dataclass(frozen=True)
class PaintOptions:
    """How an image is made; part of what identifies it.

    Attributes
    ----------
    steps : int or None
        Denoising steps; None leaves the pipeline's own default.
    guidance : float or None
        Guidance scale; None leaves the default.
    size : int or None
        Height and width in pixels; None leaves the default.
    negative : str or None
        A negative prompt.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    steps: int | None = None
    guidance: float | None = None
    size: int | None = None
    negative: str | None = None

    def __post_init__(self) -> None:
        for what in ("steps", "size"):
            if getattr(self, what) is not None:
                check_count(getattr(self, what), what)
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise ValueError(f"guidance must be a finite number; got {self.guidance}.")

    def arguments(self) -> dict[str, Any]:
        """As a pipeline's call names them; what is None is left out."""
        named = {
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "height": self.size,
            "width": self.size,
            "negative_prompt": self.negative,
        }
        return {key: value for key, value in named.items() if value is not None}


class ImagePipeline:
    """A loaded pipeline. Made by `load_pipeline`.

    Parameters
    ----------
    pipeline : diffusers.DiffusionPipeline
    spec : str
        Loads the same pipeline again.
    fingerprint : str
        "sha256:…" over its weights.

    Attributes
    ----------
    has_safety_checker : bool
        Whether it blacks out what it takes for unsafe.
    """

    def __init__(self, pipeline: Any, spec: str, fingerprint: str) -> None:
        self._pipeline, self.spec, self.fingerprint = pipeline, spec, fingerprint
        self.has_safety_checker = getattr(pipeline, "safety_checker", None) is not None
        pipeline.set_progress_bar_config(disable=True)
        self._takes = inspect.signature(pipeline.__call__).parameters

    def parts(self) -> dict[str, Any]:
        """The pipeline's models, tokenizers and scheduler by their names in its folder."""
        found: dict[str, Any] = self._pipeline.components
        return found

    @property
    def loaded(self) -> Any:
        """The pipeline of diffusers."""
        return self._pipeline

    def resolved(self, options: PaintOptions) -> PaintOptions:
        """Options with the pipeline's own defaults in place of None, where it has any."""
        defaults = {key: parameter.default for key, parameter in self._takes.items()}

        def own(given: Any, key: str, kind: type) -> Any:
            default = defaults.get(key)
            return default if given is None and isinstance(default, kind) else given

        return replace(
            options,
            steps=own(options.steps, "num_inference_steps", int),
            guidance=own(options.guidance, "guidance_scale", float),
        )

    def paint(
        self, prompts: Sequence[str], seeds: Sequence[int], options: PaintOptions
    ) -> list[tuple[Image, bool]]:
        """Make one image per prompt and seed.

        Every image has a generator of its own, so it does not depend on its neighbours in the
        batch (up to rounding).

        Returns
        -------
        list of (PIL image, bool)
            The image, and whether the safety checker blacked it out.

        Raises
        ------
        EncoderError
            If the pipeline does not take an option, or fails.
        """
        import torch

        arguments = options.arguments()
        refused = sorted(set(arguments) - set(self._takes))
        if refused:
            raise EncoderError(f"{self.spec} takes no {refused[0]}; leave that option out.")
        if options.negative is not None:
            arguments["negative_prompt"] = [options.negative] * len(prompts)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        with refusing(self.spec):
            made = self._pipeline(
                prompt=list(prompts), generator=generators, output_type="pil", **arguments
            )
        flags = getattr(made, "nsfw_content_detected", None) or [False] * len(prompts)
        return list(zip(made.images, map(bool, flags), strict=True))


def check_pipeline(spec: str, dtype: str | None = None) -> None:
    """Refuse what is neither `organism`, nor a folder, a file, nor the name of a hub repository.

    Raises
    ------
    EncoderError
    ValueError
        If there is no such dtype.
    """
    if dtype not in (None, *_DTYPES):
        raise ValueError(f"dtype must be {', '.join(_DTYPES)}; got {dtype!r}.")
    place = spec.removeprefix("diffusers:")
    if spec == ORGANISM:
        return
    if spec.startswith(KIND) or (place.endswith(".safetensors") and Path(place).is_file()):
        check_checkpoint(f"{KIND}{place.removeprefix(KIND)}")
        return
    if Path(place).is_dir():
        read_index(Path(place).resolve())
        return
    refuse_additions(spec)
    is_prefixed = place != spec
    # A repository of the hub is OWNER/NAME; the few without an owner need the prefix.
    if place and (is_prefixed or re.fullmatch(r"[\w.-]+/[\w.-]+", place)):
        return
    raise EncoderError(
        f"--pipeline {spec!r} is neither organism, nor a folder, nor sd:MODEL.safetensors, nor "
        "diffusers:OWNER/NAME."
        f"{did_you_mean(spec, [ORGANISM])}"
    )


def read_index(folder: Path) -> dict[str, Any]:
    """What a pipeline's folder says of its parts.

    Raises
    ------
    EncoderError
        If it says nothing, or what is no table.
    """
    index = folder / "model_index.json"
    if not index.is_file():
        raise EncoderError(
            f"diffusers:{folder} holds no model_index.json, as a pipeline's save_pretrained "
            "writes it."
        )
    known = read_json(index)
    if not isinstance(known, dict):
        raise EncoderError(f"{index} is no table of a pipeline's parts.")
    return known


def load_pipeline(
    spec: str, *, revision: str | None = None, device: str | None = None, dtype: str | None = None
) -> ImagePipeline:
    """Load a text-to-image pipeline of diffusers from a folder or a hub repository.

    Parameters
    ----------
    spec : str
        ``organism`` (packaged, small, paints only the organism's own world), or
        ``diffusers:folder-or-REPO``, as for encoders; a folder that `train_painter` wrote too; or
        ``sd:MODEL.safetensors``, a file of Stable Diffusion 1, 2 or XL.
    revision : str, optional
    device : str, optional
        By default cuda where there is one.
    dtype : str, optional
        float16, bfloat16 or float32; by default float16 on a GPU, float32 on a CPU.

    Returns
    -------
    ImagePipeline

    Raises
    ------
    EncoderError
        If it cannot be found or read, or makes no images from text.
    MissingExtraError
        If diffusers is not installed.
    ValueError
        If there is no such dtype.
    """
    check_pipeline(spec, dtype)
    place = spec.removeprefix("diffusers:")
    if spec.startswith(KIND) or place.endswith(".safetensors"):
        if revision is not None:
            raise EncoderError(f"{spec} is a file; a revision is for hub repositories.")
        return _of_file(f"{KIND}{place.removeprefix(KIND)}", device, dtype)
    if spec == ORGANISM:
        source = packaged_source(
            ORGANISM, "painter", "model_index.json", revision,
            what="its painter is", remedy="make painter",
        )  # fmt: skip
    else:
        source = _find(spec.removeprefix("diffusers:"), revision)
    known = read_index(source.folder)
    diffusers, chosen, weights = _at_hand(device, dtype)
    _check_index(source.folder, known)
    if known.get("_class_name") == "OrganismPipeline":
        from namebasis.organism.painter.model import load_painter

        found = load_painter(source.folder)
        return ImagePipeline(found, source.spec, fingerprint_of_files(source.folder))
    with refusing(source.spec), warnings.catch_warnings(), _without_bars(), quiet():
        # Newer releases call torch_dtype dtype, which older ones do not know.
        warnings.simplefilter("ignore", FutureWarning)
        pipeline = read_pretrained(
            diffusers.AutoPipelineForText2Image, source.folder, torch_dtype=weights,
            use_safetensors=True, variant=_variant(source.folder),
        ).to(chosen)  # fmt: skip
    return ImagePipeline(pipeline, source.spec, fingerprint_of_files(source.folder))


def _at_hand(device: str | None, dtype: str | None) -> tuple[Any, Any, Any]:
    """Diffusers, the device, and the precision of the weights."""
    try:
        import diffusers
    except ImportError:
        raise MissingExtraError("a text-to-image pipeline", "diffusers") from None
    import torch

    chosen = choose_device(device)
    return diffusers, chosen, getattr(
        torch, dtype or ("float16" if chosen.type == "cuda" else "float32")
    )  # fmt: skip


def _of_file(spec: str, device: str | None, dtype: str | None) -> ImagePipeline:
    """A pipeline of Stable Diffusion in one file."""
    _, chosen, weights = _at_hand(device, dtype)
    with warnings.catch_warnings(), _without_bars(), quiet():
        warnings.simplefilter("ignore", FutureWarning)
        pipeline, spec, fingerprint = load_checkpoint(spec, weights)
    return ImagePipeline(pipeline.to(chosen), spec, fingerprint)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep diffusers' own bar, and what it says to its developers, away while it loads."""
    from diffusers.utils import logging

    had_bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bar:
            logging.enable_progress_bar()


def _find(place: str, revision: str | None) -> Source:
    """A pipeline's folder; of the hub's weights one precision, fp16 where there is no other."""
    source = find_source("diffusers", place, [(*_SMALL, *_PLAIN)], revision)
    bare = [part.name for part in _models(source.folder) if not weights_by_variant(part)]
    if source.revision is None or not bare:
        return source
    half = [f"{part}/*.fp16*.safetensors" for part in bare]
    return find_source("diffusers", place, [(*_SMALL, *half)], source.revision)


def _models(folder: Path) -> list[Path]:
    """Folders of the parts that have weights."""
    return sorted(path.parent for path in folder.glob("*/config.json"))


def _variant(folder: Path) -> str | None:
    """The variant that a part has no plain weights beside; the others are read as they are."""
    found = {variant_of(part) for part in _models(folder)} - {None}
    if len(found) > 1:
        raise EncoderError(
            f"{folder}: its parts lie there as {', '.join(sorted(map(str, found)))}; get them all "
            "in one."
        )
    return found.pop() if found else None


def _read_files(folder: Path) -> list[Path]:
    """The weight files that are read, by name."""
    variant, found = _variant(folder) or "", []
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        known = weights_by_variant(part)
        chosen = known.get(variant) or known.get("")
        found += chosen or sorted(part.glob("*.safetensors"))
    return found


def _check_index(folder: Path, index: Mapping[str, Any]) -> None:
    """Refuse a pipeline that is code, or has a part that is: its index names modules to import."""
    import diffusers

    kinds = {"_class_name": ["diffusers", index.get("_class_name")]} | {
        key: value for key, value in index.items() if isinstance(value, list) and key[:1] != "_"
    }
    for part, value in kinds.items():
        library, kind = ([*value, None, None])[:2]
        if library is None:
            continue
        known = library in {"diffusers", "transformers"} or (
            isinstance(library, str) and hasattr(diffusers.pipelines, library)
        )
        if not known or not isinstance(kind, str) or (folder / part / f"{library}.py").exists():
            raise EncoderError(
                f"{folder}: {part} of model_index.json is {value!r}, code of its own, which is "
                "never run; the parts must be classes of diffusers and transformers."
            )


def fingerprint_of_files(folder: Path) -> str:
    """SHA-256 over a pipeline's index and the weight files that are read, in sorted order.

    Raises
    ------
    EncoderError
        If there are no weights in it.
    """
    weights = _read_files(folder)
    if not weights:
        raise EncoderError(f"{folder} holds no safetensors; a pickle is never loaded.")
    digest = hashlib.sha256()
    index = read_json(folder / "model_index.json")
    digest.update(json.dumps(index, sort_keys=True).encode())
    for path in weights:
        digest.update(f"{path.parent.name}/{path.name};".encode())
        digest.update(bytes.fromhex(digest_of(path)))
    return f"sha256:{digest.hexdigest()}"
