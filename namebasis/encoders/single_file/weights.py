"""A file of weights: what it holds by name and shape, and single tensors of it on demand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from namebasis.encoders.open_clip.checkpoint_files import (
    is_pickle,
    plain_key,
    read_pickle,
    read_state,
)
from namebasis.errors import EncoderError
from namebasis.reading import check_mapped

if TYPE_CHECKING:
    from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]

_WORDS = "string_to_param"
_LARGEST_HEADER = 100_000_000  # the format's own limit
_CONVERT = (
    "Save it as safetensors where you trust it (AUTOMATIC1111's checkpoint merger does so, or "
    "safetensors.torch.save_file of its tensors) and give that file"
)


class _Open(Protocol):
    """An open safetensors file, as far as it is used here."""

    def get_tensor(self, name: str) -> Tensor:
        """One tensor, a view of the mapped file."""


@dataclass(frozen=True)
class WeightFile:
    """A file of weights whose tensors are read one by one.

    Attributes
    ----------
    path : Path
    shapes : mapping of str to tuple of int
        By the names of the tensors, without what wrappers put into them.
    notes : mapping of str to str
        What the file's header says beside them.
    """

    path: Path
    shapes: Shapes
    _names: Mapping[str, str]
    _state: Mapping[str, Tensor] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def tensors(self) -> AbstractContextManager[_Open]:
        """Open the file; `get_tensor` takes the names of `shapes`."""
        if self._state is not None:
            return _Held(self._state)
        return _Mapped(self.path, self._names)


class _Held(AbstractContextManager[_Open]):
    """Tensors that are in memory already."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get_tensor(self, name: str) -> Tensor:
        return self._state[name]


class _Mapped(AbstractContextManager[_Open]):
    """Tensors of a safetensors file, read from its memory map."""

    def __init__(self, path: Path, names: Mapping[str, str]) -> None:
        self._path, self._names = path, names
        self._opened: Any = None
        self._file: Any = None

    def __enter__(self) -> _Mapped:
        from safetensors import safe_open

        self._opened = safe_open(str(self._path), framework="pt")
        self._file = self._opened.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)

    def get_tensor(self, name: str) -> Tensor:
        found: Tensor = self._file.get_tensor(self._names[name])
        return found


@contextmanager
def reading_pickle(path: Path, spec: str) -> Iterator[None]:
    """Say of a pickle that cannot be read what to do about it.

    Raises
    ------
    EncoderError
        If it holds more than tensors, or is cut short.
    """
    try:
        yield
    except EncoderError as error:
        said = str(error).partition(" Save its state_dict")[0].rstrip(".")
        raise EncoderError(f"{said}. {_CONVERT}.") from None
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        # PyTorch's own advice runs on in the same line.
        first = str(error).splitlines()[0].partition(". ")[0][:100] if str(error) else ""
        raise EncoderError(
            f"{spec}: {path.name} is a file of PyTorch that cannot be read "
            f"({first or type(error).__name__}); download it again."
        ) from None


def open_weights(path: Path, spec: str) -> WeightFile:
    """Read what a file of weights holds; of a safetensors file only its header.

    What the file is, is told by its first bytes and not by its name.

    Parameters
    ----------
    path : Path
    spec : str
        What the user named, for messages.

    Raises
    ------
    EncoderError
        If it is no file of weights, one that is cut short, or a pickle that holds more than
        tensors.
    """
    check_mapped(path)
    with path.open("rb") as stream:
        start = stream.read(64)
    if _starts_a_header(start):
        return _safetensors(path, spec)
    if is_pickle(path):
        return _pickle(path, spec)
    raise EncoderError(f"{spec}: {path.name} {_other(start)}.")


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do, whatever its name."""
    try:
        with path.open("rb") as stream:
            return _starts_a_header(stream.read(9))
    except OSError:
        return False


def _starts_a_header(start: bytes) -> bool:
    length = int.from_bytes(start[:8], "little")
    return 2 <= length <= _LARGEST_HEADER and start[8:9] == b"{"


def _other(start: bytes) -> str:
    begun = start.lstrip().lower()
    if begun.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page that was saved in the place of the file; download the file again"
    if begun.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the file itself; fetch it with git lfs pull"
    if start.startswith(b"GGUF"):
        return (
            "is a GGUF file, whose weights are quantised; give the safetensors file that it was "
            "made of"
        )
    return "is neither safetensors nor a checkpoint of PyTorch"


def _safetensors(path: Path, spec: str) -> WeightFile:
    from safetensors import SafetensorError, safe_open

    try:
        # NumPy's side of the library needs no torch for names and shapes.
        with safe_open(str(path), framework="numpy") as file:
            names = {plain_key(name): name for name in file.keys()}  # noqa: SIM118  no mapping
            shapes = {
                plain: tuple(map(int, file.get_slice(name).get_shape()))
                for plain, name in names.items()
            }
            notes = dict(file.metadata() or {})
    except SafetensorError as error:
        raise EncoderError(f"{spec}: {path.name} {_damage(path, error)}.") from None
    return WeightFile(path, shapes, names, notes=notes)


def _damage(path: Path, error: Exception) -> str:
    """What is wrong with a file that begins as safetensors do."""
    said, size = str(error), os.path.getsize(path)
    if "not fully covered" in said or "header too large" in said.lower() or "buffer" in said:
        return (
            f"is cut short: it holds {size:,} bytes, fewer than its header says; download it again"
        )
    return f"is no sound safetensors file ({said.splitlines()[0]}); download it again"


def _pickle(path: Path, spec: str) -> WeightFile:
    with reading_pickle(path, spec):
        content = read_pickle(path, spec)
        if isinstance(content, Mapping) and _WORDS in content:
            # A1111's textual inversion, whose vectors lie one level down.
            return WeightFile(path, {_WORDS: (1, 1)}, {}, {})
        state = read_state(path, spec, content)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    return WeightFile(path, shapes, {name: name for name in shapes}, state)
