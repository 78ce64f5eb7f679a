"""What can go wrong while weights are fetched and read, said in one line with its remedy."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from namebasis.errors import EncoderError, NamebasisError

_UNREACHED = {
    "LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "ConnectTimeout",
    "ConnectionError", "ReadTimeout", "ProxyError", "MaxRetryError", "NameResolutionError",
    "RemoteProtocolError",
}  # fmt: skip
_DAMAGED = {"SafetensorError", "UnpicklingError", "JSONDecodeError", "BadZipFile"}


@contextmanager
def loading(spec: str) -> Iterator[None]:
    """Turn whatever a library raises while it loads `spec` into an EncoderError.

    Where the hub's host cannot even be looked up, only its cache is asked: the libraries would
    try for most of a minute. What they log of their attempts is held back, for the error says it.
    """
    quiet = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with _cache_alone() if _host_is_unknown() else nullcontext():
            yield
    except NamebasisError:
        raise
    except Exception as error:  # each library has its own kinds; all end in one line
        raise EncoderError(f"{spec}: {_explain(error)}") from error
    finally:
        logging.disable(quiet)


def _host_is_unknown() -> bool:
    if any(name.lower() in ("https_proxy", "all_proxy") for name in os.environ):
        return False  # the proxy looks names up
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        socket.getaddrinfo(urlsplit(endpoint).hostname, 443)
    except OSError:
        return True
    return False


@contextmanager
def _cache_alone() -> Iterator[None]:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _explain(error: BaseException) -> str:
    kinds = {type(link).__name__ for link in _chain(error)}
    if "GatedRepoError" in kinds:
        return "the hub asks for a login first. Accept its terms there, or give a local folder."
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError"}:
        return "the hub has no such repository or revision. Check the name, or give a local folder."
    if kinds & _UNREACHED:
        return (
            "the model hub cannot be reached and the weights are not in its cache. Connect, or "
            "fetch them on another machine and give the local folder or file."
        )
    if kinds & _DAMAGED:
        return f"a file is damaged ({_first_line(error)}). Fetch it again."
    text = _first_line(error)
    if "safetensors" in text or "model.safetensors" in text:
        return f"there are no safetensors weights ({text}). Pickled weights are not loaded."
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(".")


def local_or_hub(spec: str, place: str) -> str:
    """Return a folder's path, or `place` as a hub's name.

    Raises
    ------
    EncoderError
        If it is written like a path and there is no such folder.
    """
    folder = Path(place).expanduser()
    if folder.is_dir():
        return str(folder)
    if folder.is_file():
        raise EncoderError(f"{spec}: {folder} is a file; give the folder that holds the model.")
    if place[0] in "./~" or place.count("/") > 1 or "\\" in place:
        raise EncoderError(f"{spec}: there is no folder {folder}.")
    return place
