"""What namebasis is built on: every licence is known, and every extra is in the check-up."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from namebasis.cli.commands.guide import _NEEDS
from namebasis.cli.libraries import UNKNOWN, libraries, licence_of
from tests.test_cli import run

SETTINGS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
EXTRAS: dict[str, list[str]] = SETTINGS["project"]["optional-dependencies"]


def wheel(folder: Path, name: str, fields: str, licence: str | None = None) -> None:
    """An installed package, as pip leaves it."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{fields}\n")
    if licence is not None:
        (info / "licenses" / "LICENSE.txt").write_text(licence)
        (info / "RECORD").write_text(f"{info.name}/licenses/LICENSE.txt,,\n")


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        ("License-Expression: BSD-3-Clause\nLicense: something else", None, "BSD-3-Clause"),
        ("Classifier: License :: OSI Approved :: MIT License", None, "MIT License"),
        ("Classifier: License :: OSI Approved\nLicense: BSD", None, "BSD"),
        ("License: UNKNOWN", "MIT License\n\nCopyright (c) 2020", "MIT"),
        ("", "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3; see the GNU GENERAL PUBLIC", "LGPL"),
        ("", "All rights are ours.", UNKNOWN),
        ("", None, UNKNOWN),
    ],
)
def test_a_licence_is_what_the_package_declares_or_its_file_says(
    fields: str, text: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path, "madeup", fields, text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert licence_of("madeup") == expected


def test_libraries_are_followed_through_extras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(
        tmp_path,
        "top",
        "Provides-Extra: more\nProvides-Extra: test\nRequires-Dist: middle[deep]\n"
        'Requires-Dist: never; python_version < "3"\nRequires-Dist: extra-one; extra == "more"\n'
        'Requires-Dist: tests-only; extra == "test"',
    )
    wheel(
        tmp_path,
        "middle",
        'Provides-Extra: deep\nRequires-Dist: bottom; extra == "deep"\nRequires-Dist: top',
    )
    for name in ("bottom", "never", "extra-one", "tests-only"):
        wheel(tmp_path, name, "License: MIT")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    found = {one.name: one.needed_by for one in libraries("top")}
    assert found == {"middle": ("top",), "bottom": ("middle",), "extra-one": ("top[more]",)}


@pytest.mark.long
def test_every_licence_is_known_and_none_asks_for_our_source() -> None:
    found = {one.name: one for one in libraries()}
    asked = {re.split(r"[\[<>=]", line)[0].lower() for line in SETTINGS["project"]["dependencies"]}
    assert asked <= {name.lower().replace("_", "-") for name in found}
    # A package of no files, which names those of the driver's makers that it brings.
    assert {one.name for one in found.values() if one.licence == UNKNOWN} <= {"cuda-toolkit"}
    strong = re.compile(r"(?<!L)\bA?GPL|(?<!LESSER )(?<!Lesser )General Public", re.IGNORECASE)
    copyleft = [one for one in found.values() if strong.search(one.licence)]
    assert {one.name: one.needed_by for one in copyleft} == {
        "pillow-jxl-plugin": ("namebasis[jpeg-xl]",)
    }


def test_the_check_up_has_every_extra_and_says_how_it_is_installed() -> None:
    installs = " ".join(need.install for need in _NEEDS)
    told = set(re.findall(r"namebasis\[([a-z-]+)\]", installs))
    assert told == set(EXTRAS) - {"all", "test"}


def test_licences_and_the_hub_are_two_questions(tmp_path: Path) -> None:
    done = run("doctor", "--licences", "--hub", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--licences and --hub ask for two things; give one." in done.stderr
