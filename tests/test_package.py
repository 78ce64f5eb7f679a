"""What an installed package says of itself: types, addresses, and a readable description."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def long_description() -> str:
    """The README as a package index shows it: the build's own substitutions, applied."""
    hook = SETTINGS["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = (ROOT / hook["fragments"][0]["path"]).read_text(encoding="utf-8")
    for substitution in hook["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    return text


def test_links_and_pictures_of_the_long_description_are_absolute() -> None:
    text = long_description()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert [t for t in targets if not t.startswith(("https://", "#"))] == []
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert pictures
    for picture in pictures:
        path = picture.partition("/main/")[2]
        assert picture.startswith("https://raw.githubusercontent.com/")
        assert (ROOT / path).is_file(), f"{picture} shows nothing"


def test_type_checkers_find_the_types() -> None:
    assert (ROOT / "namebasis" / "py.typed").is_file()
    assert "Typing :: Typed" in SETTINGS["project"]["classifiers"]


def test_the_package_has_addresses_and_names_its_pythons() -> None:
    project = SETTINGS["project"]
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(project["urls"])
    lowest = project["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {lowest}" in project["classifiers"]
