"""The folder of a painter's training: what it says of itself, and the state to go on from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.atomic import remove_leftovers, replacing_path, write_text
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, check_regular, parse_json, read_json

if TYPE_CHECKING:
    from torch import Tensor

ABOUT = "painter.json"
"""What a painter's folder says of its training: settings, steps, seconds, loss, versions."""
_OURS = re.compile(rf"\.{re.escape(ABOUT)}\.(part|[0-9a-f]{{12}}\.tmp)")
"""The beginning of a description, which a full disk may have left: it is nobody's."""
_STATE = "painter-state.safetensors"


def prepare(folder: Path, settings: dict[str, Any]) -> bool:
    """Make the folder; say whether a training of these settings is in it."""
    path = folder / ABOUT
    if folder.is_dir():
        remove_leftovers(folder)
    if path.is_file():
        before = read_painter(folder)["settings"]
        if before != settings:
            raise NamebasisError(
                f"{folder} holds a training with other settings ({before}). Take another folder."
            )
        return (folder / _STATE).is_file()
    if folder.exists() and any(not _OURS.fullmatch(path.name) for path in folder.iterdir()):
        raise NamebasisError(f"{folder} holds other files; take an empty or a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_about(folder, {"settings": settings, "step": 0})
    return False


def read_painter(folder: str | Path) -> dict[str, Any]:
    """Read what a painter's folder says of its training.

    Returns
    -------
    dict
        `settings` and `step`; after the first save also `seconds`, `cpu_seconds`, `loss` and
        `versions`.

    Raises
    ------
    NamebasisError
        If the folder holds no painter, or its description is damaged.
    """
    path = Path(folder) / ABOUT
    try:
        about: dict[str, Any] = read_json(path)
        if not isinstance(about["settings"]["n_steps"], int) or not isinstance(about["step"], int):
            raise TypeError("steps are no numbers")
    except UnreadableError as error:
        if error.is_missing:
            raise NamebasisError(
                f"{folder} holds no painter; train one with `namebasis organism painter`."
            ) from None
        raise NamebasisError(f"{path} cannot be read: {error.reason}.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{path} cannot be read ({type(error).__name__}: {error}).") from None
    return about


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Write what `read_painter` reads."""
    write_text(folder / ABOUT, json.dumps(about, indent=1) + "\n")


def write_state(folder: Path, tensors: dict[str, Tensor], about: Mapping[str, Any]) -> None:
    """Replace the state of a training as a whole."""
    from safetensors.torch import save_file

    with replacing_path(folder / _STATE, overwrite=True) as beside:
        save_file(tensors, beside, metadata={"about": json.dumps(about)})


def read_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_state` wrote.

    Raises
    ------
    NamebasisError
        If it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / _STATE
    try:
        check_regular(path)
        with safe_open(path, framework="pt") as stored:
            about: dict[str, Any] = parse_json(stored.metadata()["about"], path)
            return {key: stored.get_tensor(key) for key in stored.keys()}, about  # noqa: SIM118
    except (SafetensorError, UnreadableError, KeyError, TypeError, ValueError) as error:
        raise NamebasisError(
            f"{path} cannot be read ({type(error).__name__}: {error}). Take another folder."
        ) from None
