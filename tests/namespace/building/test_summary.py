"""What a build says of its sources: counts, what was left out, columns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import namebasis as nb
from namebasis.namespace.building.summary import SourceNames
from tests.test_cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("summary")
    (where / "own.csv").write_text("name,count,staat\nAnna,9,DE\nBo,5,AT\nCy,2,DE\nঋষিতা,8,IN\n")
    (where / "people.txt").write_text("Anna\nMary Ann Lee\n")
    return where


def test_a_build_says_what_each_source_gave_and_what_was_left_out(folder: Path) -> None:
    words = ("own.csv,top=3", "people.txt", "--templates", "person", "--json")
    done = run("build", "a.space", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n_names"] == 3
    assert [tuple(one.values()) for one in found["sources"]] == [
        ("own.csv", "given", 2),
        ("people.txt", "full", 1),
        ("people.txt", "given", 1),
    ]
    assert [(one["source"], one["count"], one["reason"]) for one in found["dropped"]] == [
        ("own.csv", 1, "not among the 3 most frequent"),
        ("", 1, "minilm knows none of its letters"),
    ]
    own = found["readings"][0]
    assert (own["kept"], own["unused"]) == (["count", "staat"], [])
    assert "3 names, one template (person)" in done.stderr
    shown = run("build", "a.space", *words[:-1], cwd=folder)
    assert "a.space: 3 names by minilm, views text, token; 2 left out" in shown.stderr
    assert "taken\town.csv\tgiven\t2\tcount, staat" in shown.stdout


def test_an_addition_says_so_too_and_python_has_both(folder: Path) -> None:
    space = nb.build_space(folder / "own.csv", folder / "b.space", top=2, templates="plain")
    assert space.summary is not None
    assert space.summary.sources == (SourceNames("own.csv", "given", 1),)
    assert len(str(space.summary).splitlines()) <= 10
    grown = space.add(folder / "own.csv", keep=["staat"], min_count=3)
    assert grown.summary is not None
    assert (grown.summary.n_names, grown.summary.n_known, grown.summary.n_all) == (1, 1, 2)
    assert "1 added, 1 were in the space already; 2 left out" in str(grown.summary)
    assert nb.open_space(folder / "b.space").summary is None


def test_prompts_are_counted_before_they_are_encoded(folder: Path) -> None:
    done = run("build", "c.space", "people.txt", cwd=folder)
    assert "2 names × 4 templates (portrait) = 8 prompts" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--top", "3"), "--top must have counts to go by, and people.txt has none"),
        (("--map", "gender"), "--map must be NAME=COLUMN, such as gender=Geschlecht; got 'gender'"),
        (("--map", "a=b", "--map", "a=c"), "--map gives a twice"),
        (("--keep", "x"), "keep and map name columns of a table; people.txt is none"),
        (("--unreadable", "no"), "--unreadable must be drop or keep; got 'no'"),
        (("--templates", "persons"), "Did you mean 'person'"),
        (("--engine", "rays"), "--engine must be one of local, ray; got 'rays'"),
    ],
)
def test_what_cannot_work_is_refused_before_a_model_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("namebasis.encoders.registry.load_encoder", load)
    done = run("build", "d.space", "people.txt", *words, cwd=folder)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
