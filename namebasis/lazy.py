"""Public names of a package, loaded when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping


def attach(
    package: str, homes: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make the modules of a package and the public names in them reachable from the package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str, optional
        Public names and the modules that define them, from the package on: ``".study"``.

    Returns
    -------
    getattr, dir : callables
        For the package to bind as ``__getattr__`` and ``__dir__``. The first raises
        AttributeError with the nearest names that exist.
    """
    homes = dict(homes or {})

    is_top = "." not in package

    def modules(only_rooms: bool = False) -> set[str]:
        import pkgutil

        found = pkgutil.iter_modules(sys.modules[package].__path__)
        return {m.name for m in found if m.name[0] != "_" and (m.ispkg or not only_rooms)}

    def load(name: str) -> object:
        from importlib import import_module

        if name in homes:
            value: object = getattr(import_module(homes[name], package), name)
            setattr(sys.modules[package], name, value)
            return value
        if name.startswith("_"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name in modules():
            return import_module(f"{package}.{name}")
        import difflib

        names = listed()
        near = difflib.get_close_matches(name, names, 3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(names)}."
        raise AttributeError(f"module {package!r} has no attribute {name!r}. {hint}")

    def listed() -> list[str]:
        # Of the whole package its rooms, not the modules that they all stand on.
        return sorted({*homes, *modules(only_rooms=is_top)})

    return load, listed
