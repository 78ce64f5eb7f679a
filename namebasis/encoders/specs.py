"""Specs of encoders that lack the word in front: tried as what they are, or the right one named."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from namebasis.encoders.foreign_folders import (
    HUB_CONFIG,
    folder_kind,
    foreign_folder,
    model_below,
)
from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError

KINDS = ("minilm", "organism", "hf", "open_clip", "diffusers", "sd", "vectors")
PACKAGED = ("minilm", "organism")
"""Specs of encoders that come with the package."""
CHANGEABLE = ("hf", "diffusers", "sd")
"""Specs that a LoRA or a textual inversion can be added to."""
FORMS = (
    "minilm, organism, hf:REPO-or-folder, open_clip:MODEL/TAG, "
    "open_clip:MODEL@checkpoint-file, diffusers:REPO-or-folder, "
    "sd:MODEL.safetensors"
)
OPEN_CLIP_FORMS = (
    "Write open_clip:MODEL/TAG, such as open_clip:ViT-L-14/openai, "
    "open_clip:MODEL@checkpoint-file, open_clip:MODEL/TAG@checkpoint-file, "
    "open_clip:CONFIG.json@checkpoint-file, open_clip:hf-hub:ORG/NAME or "
    "open_clip:local-dir:FOLDER."
)
"""How a model of open_clip is named."""
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu|hpu|ipu|mtia|xla|meta)(:\d+)?")
ADDED = re.compile(r"(?=\+(?:lora|embedding):)")
"""Before each change that a spec names behind a file of Stable Diffusion."""
_FOLDERS = re.compile(r"(\A|[:@])[/~].*/", re.DOTALL)
_HUB_NAME = re.compile(r"[\w][\w.-]*/[\w.-]+\Z")
_WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
_EPOCH = re.compile(r"epoch_(\d+)\.pt\Z")


def full_spec(spec: str) -> str:
    """A spec with the word in front that says what reads it.

    A folder is what its files say, a safetensors file what its header says, a name such as
    ``openai/clip-vit-base-patch32`` is a repository of the hub, or a model and a tag of open_clip
    where it knows such a model. No weights are read.

    Parameters
    ----------
    spec : str

    Raises
    ------
    EncoderError
        If it cannot be told what it is; the nearest right spec is named.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise EncoderError(f"an encoder is named by a spec; there are: {FORMS}.")
    base, *added = ADDED.split(spec)
    if added and not os.path.exists(os.path.expanduser(spec)):
        return _with_additions(base, added, spec)
    kind, colon, rest = spec.partition(":")
    if kind in KINDS and bool(colon) == (kind not in PACKAGED) and (rest or not colon):
        if kind == "open_clip" and _is_listed(rest):
            split_listed(rest, _open_clip_models())
        return spec
    place = os.path.expanduser(spec)
    if kind not in KINDS or not colon:
        if os.path.isdir(place):
            return folder_spec(Path(place), spec)
        if os.path.isfile(place):
            return _of_file(Path(place), spec)
        whole, sign, part = place.rpartition("#")
        if sign and os.path.exists(whole):
            return f"{full_spec(whole)}#{part}"
    if spec.startswith((".", "/", "~")):
        raise EncoderError(f"encoder {spec!r}: there is no such folder or file.")
    if _HUB_NAME.match(spec) and not spec.lower().endswith(_WEIGHTS):
        model = spec.partition("/")[0]
        return f"open_clip:{spec}" if model in _open_clip_models() else f"hf:{spec}"
    close = difflib.get_close_matches(kind, KINDS, n=1)
    hint = f" Did you mean {close[0]}?" if close and close[0] != kind else ""
    if not hint and spec in _open_clip_models():
        hint = f" Did you mean open_clip:{spec}/TAG, such as open_clip:{spec}/openai?"
    raise EncoderError(f"unknown encoder {spec!r}.{hint} There are: {FORMS}.")


def _with_additions(base: str, added: list[str], spec: str) -> str:
    """The spec of what is added to, with the additions behind it."""
    base = full_spec(base)
    if base.partition(":")[0] not in CHANGEABLE:
        raise EncoderError(
            f"{spec[:200]}: nothing can be added to {base}; +lora:FILE:WEIGHT and +embedding:FILE "
            "are for sd:FILE, diffusers:FOLDER and hf:FOLDER."
        )
    return base + "".join(added)


def with_additions(spec: str, loras: Sequence[str] = (), embeddings: Sequence[str] = ()) -> str:
    """A spec with LoRAs (``FILE:WEIGHT``) and textual inversions (``FILE=WORD``) behind it."""
    added = [*(f"+lora:{one}" for one in loras), *(f"+embedding:{one}" for one in embeddings)]
    return spec + "".join(added)


def without_folders(spec: str) -> str:
    """A spec or a path with names instead of folders: ``hf:clip`` for ``hf:/folder/clip``.

    A folder's place on this machine is nobody else's business.
    """
    return "".join(_FOLDERS.sub(r"\1", part) for part in ADDED.split(spec))


def check_device(device: str | None) -> None:
    """Refuse what names no device, before anything is loaded.

    Raises
    ------
    EncoderError
        Whether the machine has it is only known once a library is loaded.
    """
    if device is not None and not _DEVICE.fullmatch(device):
        raise EncoderError(f"device {device!r} is unknown; use cpu, cuda or cuda:1.")


def split_listed(rest: str, models: Iterable[str]) -> tuple[str, str, str | None]:
    """Model, tag (or "") and file of an open_clip spec ``MODEL/TAG``, ``MODEL@FILE`` or both.

    Parameters
    ----------
    rest : str
        The spec behind ``open_clip:``.
    models : iterable of str
        That open_clip lists.

    Raises
    ------
    EncoderError
        If it lists no such model.
    """
    named, at, file = rest.partition("@")
    known = {key.lower(): key for key in models}
    name, tag = named, ""
    if "/" in named and named.replace("/", "-").lower() not in known:
        name, _, tag = named.rpartition("/")
    plain = name.replace("/", "-").lower()
    if plain in known:
        return known[plain], tag, file if at else None
    close = difflib.get_close_matches(plain, known, n=1)
    hint = f" Did you mean {known[close[0]]}?" if close else ""
    own = (
        f" A model of your own: open_clip:CONFIG.json@{file}, or --model CONFIG.json for a "
        "training's folder."
        if at
        else ""
    )
    raise EncoderError(
        f"open_clip:{rest}: open_clip has no model {name!r}.{hint}{own} {OPEN_CLIP_FORMS}"
    )


def _is_listed(rest: str) -> bool:
    """Whether a spec names one of the models that open_clip's files list, and no folder or file."""
    loaded = "open_clip" in sys.modules  # a model may have been registered, which it alone knows
    own = rest.startswith(("hf-hub:", "local-dir:")) or ".json@" in rest.lower()
    return bool(_open_clip_models()) and not loaded and not own


def folder_spec(folder: Path, spec: str) -> str:
    """The spec of the model in a folder, by its files.

    Parameters
    ----------
    folder : Path
    spec : str
        What the user named, for the message.

    Raises
    ------
    EncoderError
        If it holds none; what it is, is said.
    """
    kind = folder_kind(folder)
    if kind is not None:
        return f"{kind}{folder}"
    if folder_kind(folder / "text_encoder") == "hf:":
        return f"hf:{folder / 'text_encoder'}"
    reason = foreign_folder(folder)
    if reason is not None:
        raise EncoderError(f"encoder {spec!r}: {reason}.")
    hint = _open_clip_run(folder) or model_below(folder)
    raise EncoderError(
        f"encoder {spec!r} is a folder without a model of its own (config.json, {HUB_CONFIG} or "
        f"model_index.json).{hint}"
    )


def _open_clip_run(folder: Path) -> str:
    """A hint at the last checkpoint that open_clip's trainer wrote into a folder."""
    from namebasis.encoders.open_clip.params import PARAMS, find_settings

    places = (folder, folder / "checkpoints")
    epochs = [
        (int(found[1]), file)
        for place in places
        for file in (place.iterdir() if place.is_dir() else ())
        if (found := _EPOCH.match(file.name))
    ]
    if not epochs:
        return ""
    _, last = max(epochs)
    settings = find_settings(last)
    model = settings.model if settings is not None else "MODEL"
    told = "" if settings is not None else f", with its model's name: {PARAMS} is missing"
    return f" Did you mean open_clip:{model}@{last} (the last of {len(epochs)} epochs{told})?"


def _of_file(file: Path, spec: str) -> str:
    """The spec that reads a single file of Stable Diffusion; others are named for what they are."""
    from namebasis.encoders.open_clip.params import find_settings

    if not file.name.lower().endswith(_WEIGHTS):
        raise EncoderError(f"encoder {spec!r} is a file of no weights. There are: {FORMS}.")
    kind = folder_kind(file.parent)
    # A pipeline's folder on the hub holds the whole model in one file beside its parts.
    if kind not in ("hf:", "open_clip:local-dir:") and holds_text_encoder(file):
        return f"sd:{file}"
    settings = find_settings(file)
    if kind is not None:
        said = f"is one file of a model. Write {kind}{file.parent}"
    elif settings is not None:
        said = f"is a checkpoint of open_clip. Write open_clip:{settings.model}@{file}"
    elif (reason := _kind_of(file)) is not None:
        said = reason
    else:
        said = (
            f"is a file of weights; its model must be named: open_clip:MODEL@{file}, or sd:{file} "
            "where it is of Stable Diffusion"
        )
    raise EncoderError(f"encoder {spec!r} {said}.")


def holds_text_encoder(file: Path) -> bool:
    """Whether a safetensors file holds a text encoder that ``sd:`` reads, by its header alone."""
    from namebasis.encoders.single_file.towers import find_towers
    from namebasis.encoders.single_file.weights import is_safetensors, open_weights

    try:
        return is_safetensors(file) and bool(find_towers(open_weights(file, str(file)).shapes))
    except (EncoderError, UnreadableError):
        return False


def _kind_of(file: Path) -> str | None:
    """What a safetensors file is, where its header tells that it is no text encoder."""
    from namebasis.encoders.single_file.kinds import known_kind
    from namebasis.encoders.single_file.weights import is_safetensors, open_weights

    try:
        return known_kind(open_weights(file, str(file))) if is_safetensors(file) else None
    except (EncoderError, UnreadableError):
        return None


@cache
def _open_clip_models() -> frozenset[str]:
    """Names of open_clip's models, read from its files without loading it; none without it."""
    found = importlib.util.find_spec("open_clip")
    places = list(found.submodule_search_locations or []) if found else []
    return frozenset(
        file.stem for place in places for file in (Path(place) / "model_configs").glob("*.json")
    )
