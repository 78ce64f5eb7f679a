"""The one place where the parts of other libraries' models are read from a folder.

A folder may bring code: a class that ``auto_map`` names in one of its JSON files, a module beside
a part of a pipeline, a kernel of the hub. Left to themselves the libraries run it, or ask on the
terminal whether they may. Here they are told not to, each time; what they would run or ask in spite
of that (for a part that they load by themselves, or because a configuration says so) is refused.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError, read_json

CODE = "it brings code of its own, which is never run"
_LOADERS = ("transformers.dynamic_module_utils", "diffusers.utils.dynamic_modules_utils")
"""Modules that run a folder's code, each in its `get_class_in_module`."""
_KERNELS = ("attn_implementation", "experts_implementation")
_forbidden: ContextVar[bool] = ContextVar("namebasis_forbids_code", default=False)


def read_pretrained(kind: Any, folder: Path, *, run_code: bool = False, **options: Any) -> Any:
    """Call ``kind.from_pretrained(folder)``, which is done nowhere else.

    Parameters
    ----------
    kind : class
        Of transformers or diffusers.
    folder : Path
        On this machine; nothing is fetched.
    run_code : bool
        Run code that the folder brings, with the user's rights. Only where the user asked for it.
    **options
        For `from_pretrained`.

    Raises
    ------
    EncoderError
        If code would run or be asked for without `run_code`.
    """
    # Written on the call itself: no option that a caller passes can turn it round.
    if run_code:
        return kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=True, **options
        )
    check_kernels(folder)
    with without_code():
        return kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **options
        )


def read_single_file(kind: Any, path: Path, config: Path, **options: Any) -> Any:
    """Call ``kind.from_single_file(path)`` with configurations of this machine alone.

    Parameters
    ----------
    kind : class
        A pipeline of diffusers.
    path : Path
        A checkpoint.
    config : Path
        A folder with the configurations of the parts that are read from it.
    **options
        For `from_single_file`; parts that are already loaded.

    Raises
    ------
    EncoderError
        If code would run.
    """
    with without_code():
        return kind.from_single_file(
            str(path), config=str(config), local_files_only=True, **options
        )


@contextmanager
def without_code() -> Iterator[None]:
    """Refuse to run a folder's code in here, and to ask for it, whatever a library does.

    Raises
    ------
    EncoderError
        Where it is tried.
    """
    # Both libraries import this module themselves; which one is asked is not known here.
    importlib.import_module(_LOADERS[0])
    for name in _LOADERS:
        if name in sys.modules:
            _guard(sys.modules[name])
    before = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(before)


def _guard(module: ModuleType) -> None:
    """Make a loader refuse where `without_code` holds; elsewhere it does what it did."""
    run = getattr(module, "get_class_in_module", None)
    if run is None:
        raise EncoderError(
            f"{module.__name__} of this release cannot be kept from running a model's code; "
            "install the release in constraints.txt."
        )
    if getattr(run, "is_guard", False):
        return

    def get_class_in_module(*given: Any, **named: Any) -> Any:
        _refuse()
        return run(*given, **named)

    def ask(prompt: object = "") -> str:
        _refuse()
        return input(prompt)

    get_class_in_module.is_guard = True  # type: ignore[attr-defined]
    vars(module).update(get_class_in_module=get_class_in_module, input=ask)


def _refuse() -> None:
    if _forbidden.get():
        raise EncoderError(f"{CODE}.")


def check_kernels(folder: Path) -> None:
    """Refuse a folder whose configuration names a kernel: code of a repository of the hub.

    Raises
    ------
    EncoderError
    """
    for path in (*folder.glob("*.json"), *folder.glob("*/*.json")):
        if path.name not in {"config.json", "open_clip_config.json"} or not path.is_file():
            continue
        try:
            left: list[Any] = [read_json(path)]
        except UnreadableError as error:
            raise EncoderError(f"{folder} cannot be read: {error}") from None
        while left:
            value = left.pop()
            if isinstance(value, dict):
                for key, held in value.items():
                    if str(key).lstrip("_").startswith(_KERNELS) and "/" in json.dumps(held):
                        raise EncoderError(
                            f"{path} names the kernel {held!r}, code of another repository, which "
                            f"is never run; take {key} out."
                        )
            children = value.values() if isinstance(value, dict) else value
            left.extend(children if isinstance(value, (dict, list)) else ())
