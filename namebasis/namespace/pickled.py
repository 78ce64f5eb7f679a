"""A space in another process: sent as its path and opened there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from namebasis.encoders.loaded import Loading
from namebasis.errors import ReplacedError

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import Space

Saved = tuple[str, str, "Encoder | Loading | None"]


def saved(space: Space, encoder: Encoder | Loading | None) -> Saved:
    """What is pickled of a space: its path, its build, and how its encoder was loaded, if it was.

    An encoder that no spec loads is pickled itself.
    """
    loading = getattr(encoder, "loading", None) or encoder
    return str(space.path), space.provenance.build_id, loading


def reopen(path: str, build_id: str, encoder: Encoder | Loading | None) -> Space:
    """Open a space where it was unpickled; its encoder is loaded when it is needed.

    Raises
    ------
    SpaceError, ReplacedError
        If there is no such space here, or it was rebuilt since.
    """
    from namebasis.namespace.space import Space

    space = Space(Path(path), None if isinstance(encoder, Loading) else encoder)
    if space.provenance.build_id != build_id:
        raise ReplacedError(f"{path}: the space was rebuilt after it was pickled; open it again.")
    if isinstance(encoder, Loading):
        space.loading = encoder
    return space
