"""What the adapters share: devices, folders and hub repositories, and errors of one line."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from namebasis.encoders.foreign_folders import OF_A_RUN
from namebasis.encoders.open_clip.checkpoint_files import foreign_layout
from namebasis.errors import EncoderError, NamebasisError
from namebasis.reading import UnreadableError
from namebasis.wording import without_advice

if TYPE_CHECKING:
    import torch
    from torch import nn

SMALL_FILES = ("*.json", "*.txt", "*.model")
"""Configuration and tokenizer files of a model's folder."""
WEIGHTS = ("model.safetensors", "model-0*-of-0*.safetensors", "model.safetensors.index.json")
"""Weights as `save_pretrained` names them, whole or in shards."""
VARIANTS = ("model.fp16*.safetensors", "model.*.safetensors")
"""Weights of one variant, and those of any; fetched in this order where there are no others."""

_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?\Z")
_LONGEST_REPOSITORY = 96  # the hub's own limit
_PICKLED = (
    "it is no checkpoint, or one that holds code, which is never run. Save its state_dict as "
    "safetensors."
)


@dataclass(frozen=True)
class Source:
    """A folder to read a model from.

    Attributes
    ----------
    folder : Path
    spec : str
        What the user named, canonical: an absolute folder or a repository.
    revision : str or None
        The hub's commit, where the folder is its snapshot.
    """

    folder: Path
    spec: str
    revision: str | None = None


VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
"""Files of which a tokenizer's folder holds one."""


def holds_vocabulary(folder: Path) -> bool:
    """Whether a tokenizer lies in a folder."""
    return any(any(folder.glob(pattern)) for pattern in VOCABULARIES)


def vocabulary_near(folder: Path) -> Path | None:
    """The folder that a checkpoint's tokenizer was saved to, where that is not its own.

    Trainers save the tokenizer once, into the run's folder, and pipelines beside the text encoder.
    Looked for only around folders that are named as a step or a text encoder.
    """
    if not OF_A_RUN.match(folder.name):
        return None
    tokenizer = folder.name.replace("text_encoder", "tokenizer")
    places = [folder.parent / tokenizer, folder.parent / "tokenizer", folder.parent]
    if OF_A_RUN.match(folder.parent.name):
        above = folder.parent.parent
        places += [above / tokenizer, above / "tokenizer", above]
    return next((place for place in places if place.is_dir() and holds_vocabulary(place)), None)


def packaged_source(
    spec: str, folder: str, needed: str, revision: str | None, *, what: str, remedy: str
) -> Source:
    """Find a model that comes with the package, in ``data/FOLDER``.

    Parameters
    ----------
    spec : str
        What the user named.
    folder : str
    needed : str
        A file of it without which there is none.
    revision : str or None
        Refused: it is packaged in one version.
    what : str
        Words for what is missing, such as "its weights are".
    remedy : str
        The command that makes it again.

    Raises
    ------
    EncoderError
    """
    if revision is not None:
        raise EncoderError(f"{spec} is packaged in one version; leave the revision out.")
    place = Path(str(files("namebasis") / "data" / folder))
    if not (place / needed).is_file():
        raise EncoderError(
            f"{spec}: {what} missing from {place}. Reinstall namebasis, or make it: {remedy}"
        )
    return Source(place, spec)


def choose_device(device: str | None) -> torch.device:
    """Return the device asked for, or cuda where there is one, or the CPU.

    Raises
    ------
    EncoderError
        If there is no such device.
    """
    import torch

    try:
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise EncoderError(
            f"device {device!r} cannot be used ({first_line(error)}); use cpu, cuda or cuda:1."
        ) from None
    return chosen


def find_source(
    kind: str, place: str, patterns: Sequence[Sequence[str]], revision: str | None
) -> Source:
    """Find a local folder, or fetch the files of a hub repository that are needed.

    Parameters
    ----------
    kind : str
        The spec's prefix, for messages.
    place : str
        Folder or repository.
    patterns : sequence of sequences of str
        File patterns to fetch from the hub, group by group; the first group that finds
        safetensors ends the search.
    revision : str, optional
        Branch, tag or commit; of a repository only.

    Raises
    ------
    EncoderError
        If there is no such folder, or the hub cannot be reached or does not have it.
    """
    local = local_source(kind, place, revision)
    if local is not None:
        return local
    for group in patterns:
        folder = _snapshot(kind, place, group, revision)
        found = (path for pattern in group for path in folder.glob(pattern))
        if any(path.suffix == ".safetensors" for path in found):
            break
    return Source(folder, f"{kind}:{place}", folder.name)


def local_source(kind: str, place: str, revision: str | None) -> Source | None:
    """A local folder, or None for the name of a hub repository; see `find_source`.

    Raises
    ------
    EncoderError
        If it is neither.
    """
    local = os.path.expanduser(place)  # unlike Path's, raises for no name, however odd
    if os.path.isdir(local):
        folder = Path(local)
        if revision is not None:
            raise EncoderError(f"{kind}:{place} is a folder; a revision is for hub repositories.")
        return Source(folder.resolve(), f"{kind}:{folder.resolve()}")
    if os.path.isfile(local):
        said = _said_of_file(Path(local)) or (
            "is a file; give the folder that holds the model, or write sd:FILE for a file of "
            "Stable Diffusion"
        )
        raise EncoderError(f"{kind}:{place} {said}.")
    is_name = len(place) <= _LONGEST_REPOSITORY and _REPOSITORY.match(place)
    if place.startswith((".", "/", "~", "\\")) or not is_name:
        raise EncoderError(
            f"{kind}:{place[:200]}: there is no such folder, and a hub's repository is named "
            "ORG/NAME."
        )
    return None


def _said_of_file(path: Path) -> str | None:
    """What a single file of weights is and the step to take, by the names of its tensors."""
    if path.suffix.lower() != ".safetensors":
        return None
    try:
        with safe_open(path, "pt") as file:
            return foreign_layout(list(file.keys()))
    except (SafetensorError, OSError):
        return None


def _snapshot(kind: str, repository: str, patterns: Sequence[str], revision: str | None) -> Path:
    from huggingface_hub import constants, errors, snapshot_download

    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(patterns)))
    except errors.RevisionNotFoundError:
        raise EncoderError(f"{kind}:{repository} has no revision {revision!r}.") from None
    except errors.GatedRepoError:
        reason = "asks for its terms to be accepted on its page and for a login (hf auth login)"
        raise EncoderError(f"{kind}:{repository} {reason}; a local folder works too.") from None
    except errors.RepositoryNotFoundError:
        raise EncoderError(
            f"{kind}:{repository}: the hub has no such public repository, and there is no such "
            "folder."
        ) from None
    except Exception as error:  # what the network throws differs by release and transport
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else first_line(error)
        raise EncoderError(
            f"{kind}:{repository} is not on this machine and {constants.ENDPOINT} cannot be "
            f"reached ({why}). Give a local folder instead: "
            f"{kind.replace('hf-hub', 'local-dir')}:FOLDER"
        ) from None


@contextmanager
def refusing(spec: str, remedy: str = "") -> Iterator[None]:
    """Turn what a library raises while it reads a model into an `EncoderError` of one line."""
    end = f". {remedy}" if remedy else ""
    try:
        yield
    except UnreadableError as error:
        raise EncoderError(f"{spec} cannot be read: {error}") from None
    except NamebasisError:
        raise
    except ImportError as error:
        first = first_line(error).partition(". ")[0]  # whole sentences: the rest is advice
        raise EncoderError(f"{spec} needs a library more: {first}") from None
    except pickle.UnpicklingError:
        raise EncoderError(f"{spec} cannot be read: {_PICKLED}") from None
    except RuntimeError as error:
        if without_advice(str(error)) != str(error):  # a TorchScript archive
            raise EncoderError(f"{spec} cannot be read: {_PICKLED}") from None
        raise EncoderError(f"{spec} cannot be read: {first_line(error)}{end}") from None
    except Exception as error:  # libraries and file formats raise every type
        raise EncoderError(f"{spec} cannot be read: {first_line(error)}{end}") from None


def first_line(error: BaseException) -> str:
    """Return what an error's message says first, in one line of at most 300 letters.

    A line that ends in a colon says nothing without the next. Advice to run what a file holds is
    not passed on.
    """
    said_whole = without_advice(str(error))
    lines = list(filter(None, (line.strip() for line in said_whole.splitlines())))
    said = lines[:1] or [type(error).__name__]
    while said[-1].endswith(":") and len(said) < len(lines):
        said.append(lines[len(said)])
    return " ".join(said)[:300].rstrip(".:")


def cast_weights(model: nn.Module, dtype: torch.dtype) -> None:
    """Cast parameters and stored buffers; what a model computes by itself stays as it is."""
    for tensor in model.state_dict(keep_vars=True).values():
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)


def fingerprint_of(state: Mapping[str, Any], settings: str = "") -> str:
    """SHA-256 over named torch tensors: names, types, shapes and bytes, in sorted order.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        A module's state dict.
    settings : str
        What changes the rows and is no tensor.

    Returns
    -------
    str
        "sha256:" and 64 hexadecimal digits.
    """
    import torch

    digest = hashlib.sha256(settings.encode())
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))
    return f"sha256:{digest.hexdigest()}"
