"""The Examples of public docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import namebasis as nb

pytestmark = pytest.mark.long

NAMES = """Vicki Winona Roger Sigríður Guðrún Björk Aaliyah Keisha Priya Anaïs José Giulia Hiroshi
Yuki Chen Mei Olga Ivan Fatima Mohammed Ingrid Lars Siobhán Patrick""".split()
MODULES = [
    "namebasis.analysis.select.rows",
    "namebasis.namespace.building.build",
    "namebasis.namespace.corpus.sources",
    "namebasis.namespace.export.subset",
    "namebasis.namespace.search.results",
    "namebasis.namespace.space",
    "namebasis.space",
    "namebasis.studies.attributes.groups",
    "namebasis.studies.attributes.study",
    "namebasis.studies.basis.anchors",
    "namebasis.studies.basis.study",
    "namebasis.studies.basis.walk",
    "namebasis.studies.card.study",
    "namebasis.studies.describe.study",
    "namebasis.studies.identity.rigidity",
    "namebasis.studies.identity.study",
    "namebasis.studies.paint.study",
    "namebasis.studies.select.study",
]
"""Modules whose docstrings hold examples; they run in a folder with `names.txt` and `my.space`."""
MANY_PROMPTS = ("namebasis.studies.card.study", "namebasis.studies.identity.rigidity")
"""Modules whose examples encode thousands of prompts: their space is of the smallest encoder."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("examples")
    (where / "names.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    nb.build_space(where / "names.txt", where / "my.space", encoder="minilm", templates="plain")
    return where


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if name in MANY_PROMPTS:
        (folder / "small").mkdir(exist_ok=True)
        monkeypatch.chdir(folder / "small")
        nb.build_space(NAMES, "my.space", encoder="organism", templates="plain", overwrite=True)
    module = importlib.import_module(name)
    given = {"nb": nb, "space": nb.open_space("my.space")}
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=given):
        runner.run(test, out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries, f"{name} has no examples; take it off the list"
