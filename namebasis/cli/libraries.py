"""The libraries that namebasis is built on: who needs which, and under which licence it comes."""

from __future__ import annotations

import importlib.metadata as metadata
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_BY_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(?P<licence>(?!OSI Approved$).+)")
_LONGEST = 120
"""Characters of a licence field; some packages put the whole text there."""
_TITLES = (
    (r"\bMIT License\b", "MIT"),
    (r"Permission is hereby granted, free of charge", "MIT"),
    (r"\bApache License\b", "Apache-2.0"),
    (r"Redistribution and use in source and binary forms", "BSD"),
    (r"\bMozilla Public License\b", "MPL-2.0"),
    (r"\bGNU LESSER GENERAL PUBLIC LICENSE\b", "LGPL"),
    (r"\bGNU AFFERO GENERAL PUBLIC LICENSE\b", "AGPL"),
    (r"\bGNU GENERAL PUBLIC LICENSE\b", "GPL"),
)
"""What the text of a licence begins with or always holds, the narrower first."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Library:
    """One installed library.

    Attributes
    ----------
    name, version, licence : str
        The licence as the package declares it, or as its licence file reads; `unknown` if neither.
    needed_by : tuple of str
        `namebasis`, the extras of namebasis that ask for it (`namebasis[ray]`), or the libraries.
    """

    name: str
    version: str
    licence: str
    needed_by: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def libraries(
    root: str = "namebasis", leave_out: tuple[str, ...] = ("all", "test")
) -> list[Library]:
    """The installed libraries that a package needs, directly and through others, by name.

    Parameters
    ----------
    root : str
        An installed package; with all of its extras.
    leave_out : tuple of str
        Extras of `root` that do not count.
    """
    needed: dict[str, list[str]] = {}
    waiting = deque(_asked(root, leave_out))
    known = set()
    while waiting:
        by, requirement = waiting.popleft()
        name = canonicalize_name(requirement.name)
        if name == canonicalize_name(root) or not _is_installed(name):
            continue
        if by not in needed.setdefault(name, []):
            needed[name].append(by)
        wanted = (name, frozenset(requirement.extras))
        if wanted not in known:
            known.add(wanted)
            waiting.extend(_of(name, wanted[1]))
    return [
        Library(
            metadata.metadata(name)["Name"], metadata.version(name), licence_of(name), tuple(by)
        )
        for name, by in sorted(needed.items())
    ]


def licence_of(name: str) -> str:
    """The licence of an installed package, as it declares it or as its licence file reads."""
    distribution = metadata.distribution(name)
    told = distribution.metadata
    if "License-Expression" in told:
        return str(told["License-Expression"])
    classified = [
        match["licence"]
        for line in told.get_all("Classifier") or ()
        if (match := _BY_CLASSIFIER.fullmatch(line))
    ]
    if classified:
        return " AND ".join(dict.fromkeys(classified))
    field = "".join(told.get_all("License") or ()).strip()
    if field and "\n" not in field and len(field) <= _LONGEST and field.upper() != "UNKNOWN":
        return str(field)
    texts = [field, *_licence_files(distribution)]
    for pattern, licence in _TITLES:
        if any(re.search(pattern, text, re.IGNORECASE) for text in texts):
            return licence
    return UNKNOWN


def _licence_files(distribution: metadata.Distribution) -> Iterator[str]:
    for file in distribution.files or ():
        if re.match(r"(LICEN[CS]E|COPYING)", file.name, re.IGNORECASE) and file.suffix != ".py":
            yield distribution.read_text(str(distribution.locate_file(file))) or ""


def _asked(root: str, leave_out: tuple[str, ...]) -> Iterator[tuple[str, Requirement]]:
    """What a package asks for, and as what: itself, or one of its extras."""
    extras = metadata.metadata(root).get_all("Provides-Extra") or ()
    for requirement in _requirements(root):
        if _applies(requirement, ""):
            yield root, requirement
            continue
        for extra in extras:
            if extra not in leave_out and _applies(requirement, extra):
                yield f"{root}[{extra}]", requirement


def _of(name: str, extras: frozenset[str]) -> Iterator[tuple[str, Requirement]]:
    for requirement in _requirements(name):
        if any(_applies(requirement, extra) for extra in ("", *extras)):
            yield name, requirement


def _requirements(name: str) -> Iterator[Requirement]:
    for line in metadata.requires(name) or ():
        try:
            yield Requirement(line)
        except InvalidRequirement:  # of another package; pip would not have installed by it
            continue


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
