"""Where a search engine is, as a user writes it: ``milvus:http://host:19530``."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from namebasis.namespace.objects.urls import said
from namebasis.wording import did_you_mean

KINDS = ("milvus",)
_FORM = "milvus:http://HOST:19530, milvus:https://HOST/DATABASE or milvus:FILE.db"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Address:
    """A Milvus, and what the collections of a space are called there.

    Attributes
    ----------
    uri : str
        Of a server, without credentials; or the absolute path of a file of Milvus Lite.
    name : str or None
        Begins the names of the space's collections; by default what its folder is called.
    """

    uri: str
    name: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a file that Milvus Lite keeps, in this process."""
        return self.uri.endswith(".db")

    def __str__(self) -> str:
        return f"milvus:{self.uri}" + (f"#{self.name}" if self.name else "")

    def collection(self, folder: Path, view: str) -> str:
        """What the collection of one view of a space is called."""
        stem = folder.name.removesuffix(".space")
        name = self.name or re.sub(r"[^A-Za-z0-9_]", "_", stem)[:64] or "space"
        return f"{name if _NAME.fullmatch(name) else f'space_{name}'}__{view}"

    def command(self, folder: Path, view: str, *options: str) -> str:
        """The command that publishes a view of a space here, as a shell takes it."""
        of_view = [] if view == "text" else ["--view", view]
        words = [said(folder), *of_view, "--engine", str(self), *options]
        return f"`namebasis serve {shlex.join(words)}`"


def parse_address(text: str | Address) -> Address:
    """Read the address of an engine.

    Parameters
    ----------
    text : str
        ``milvus:`` and the URI of a server, which may name a database, or the path of a file that
        ends in ``.db``; after a ``#``, how the space's collections are called.

    Raises
    ------
    ValueError
        If it is none, or holds a user or a password: those come from ``MILVUS_TOKEN``.
    """
    if isinstance(text, Address):
        return text
    kind, colon, rest = str(text).partition(":")
    if kind not in KINDS or not colon:
        said = "" if kind in KINDS else did_you_mean(kind, KINDS)
        raise ValueError(f"engine must be {_FORM}; got {_hidden(str(text))!r}.{said}")
    uri, hash_sign, name = rest.partition("#")
    if hash_sign and not _NAME.fullmatch(name):
        raise ValueError(
            "the name after # must begin with a letter and hold at most 64 letters a to z, digits "
            f"and _; got {name!r}."
        )
    if uri.partition("://")[0] in ("http", "https"):
        uri = _checked_uri(uri)
    elif uri.endswith(".db") and "://" not in uri and uri != ".db":
        uri = str(Path(uri).expanduser().absolute())
    else:
        raise ValueError(f"engine must be {_FORM}; got {_hidden(str(text))!r}.")
    return Address(uri, name or None)


def _checked_uri(uri: str) -> str:
    parts = urlsplit(uri)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise ValueError(f"engine must be {_FORM}; got {_hidden('milvus:' + uri)!r}.")
    if parts.username or parts.password or parts.query:
        raise ValueError(
            "the address of an engine holds no user, password or parameters, which others could "
            "read; set MILVUS_TOKEN to user:password, or to the server's token."
        )
    return uri.rstrip("/")


def _hidden(text: str) -> str:
    """An address without what stands before its host."""
    return re.sub(r"//[^/@]*@", "//…@", text)
