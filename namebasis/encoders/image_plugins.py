"""Kinds of pictures that Pillow reads with a plug-in: HEIC as phones write it, and JPEG XL."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec

from namebasis.errors import EncoderError


@dataclass(frozen=True)
class Plugin:
    """What reads a kind of picture.

    Attributes
    ----------
    kind : str
        As a message calls it.
    suffixes : tuple of str
    module, package : str
        What is imported, and what pip installs.
    """

    kind: str
    suffixes: tuple[str, ...]
    module: str
    package: str

    @property
    def is_there(self) -> bool:
        """Whether it is installed."""
        return find_spec(self.module) is not None

    @property
    def remedy(self) -> str:
        return f"pip install {self.package}"

    def register(self) -> None:
        """Let Pillow read this kind from now on.

        Raises
        ------
        EncoderError
            If it is not installed, or cannot be loaded.
        """
        try:
            module = importlib.import_module(self.module)
            if self.module == "pillow_heif":
                module.register_heif_opener()  # the other registers itself when it is imported
        except ImportError as error:
            why = "" if find_spec(self.module) is None else f" ({error})"
            raise EncoderError(
                f"{self.kind}, which Pillow reads with its plug-in {self.package} only{why}: "
                f"{self.remedy}"
            ) from None


HEIF = Plugin("a HEIC image", (".heic", ".heif", ".hif"), "pillow_heif", "pillow-heif")
JXL = Plugin("a JPEG XL image", (".jxl",), "pillow_jxl", "pillow-jxl-plugin")
PLUGINS = (HEIF, JXL)

_JXL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n")
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def suffixes() -> frozenset[str]:
    """Endings of the kinds whose plug-ins are installed."""
    return frozenset(suffix for one in PLUGINS if one.is_there for suffix in one.suffixes)


def missing() -> dict[str, Plugin]:
    """Plug-ins that are not installed, by the endings of what they read."""
    return {suffix: one for one in PLUGINS if not one.is_there for suffix in one.suffixes}


def plugin_for(head: bytes) -> Plugin | None:
    """The plug-in that reads a file with this beginning, whatever its name says."""
    if head.startswith(_JXL):
        return JXL
    # The first brand may be AVIF's, which Pillow reads itself.
    is_heif = head[4:8] == b"ftyp" and head[8:12] in _HEIF
    return HEIF if is_heif else None
