"""A deep card is measured once; what is kept of it is that, or nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import namebasis.studies.card.kept as kept_module
from namebasis.namespace.search import kept_answers
from namebasis.namespace.search.kept_answers import find_answer, keep_answer
from namebasis.reading import UnreadableError
from namebasis.space import Space, open_space
from namebasis.studies.card import deep as card_deep
from namebasis.studies.card.kept import unpacked
from namebasis.studies.card.results import Card
from namebasis.typed_json import to_json
from tests.studies.card.conftest import PERSON
from tests.test_typed_json import same

TODAY = re.compile(r"measured on \d{4}-\d{2}-\d{2}, and kept")


@pytest.fixture(scope="session")
def measured(space: Space, deep: Card, tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A copy of the space that has the deep card of a full name, and of a name with records."""
    assert deep.deep is not None
    path = tmp_path_factory.mktemp("kept") / "a.space"
    copy = Space(shutil.copytree(space.path, path))
    found = replace(deep.deep, beliefs=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(card_deep, "measure_deep", lambda *_, **__: found)
        for name in (PERSON, "Vicki"):
            assert copy.card(name, k=3, deep=True).measured_on is None
    return copy


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("the model was asked")

    monkeypatch.setattr("namebasis.namespace.space.StoredSpace.encoder", refuse)
    monkeypatch.setattr(card_deep, "measure_deep", refuse)


def classes(value: object) -> set[str]:
    """Names of the dataclasses that a value holds."""
    found: set[str] = set()
    if is_dataclass(value):
        found |= {type(value).__name__}
        for one in fields(value):
            found |= classes(getattr(value, one.name))
    elif isinstance(value, (tuple, list)):
        found |= set().union(*map(classes, value))
    elif isinstance(value, dict):
        found |= set().union(*map(classes, value.values()))
    return found


def test_every_class_of_a_deep_card_comes_back(deep: Card) -> None:
    assert deep.deep is not None
    assert classes(deep.deep) >= {
        "DeepCard", "Readings", "Reading", "AxisBelief", "Basis", "Null", "NameRigidity", "Spread",
        "Interval", "Place", "NameIdentity", "Identity", "Origin", "Threshold", "PartsOnly",
        "Description", "Words",
    }  # fmt: skip
    for one in (deep.deep, replace(deep.deep, basis=None, parts_only=None, remarks=())):
        assert same(one, unpacked(to_json(one)))


@pytest.mark.usefixtures("forbidden")
def test_a_second_card_is_the_first_and_asks_no_model(
    space: Space, measured: Space, deep: Card, tmp_path: Path
) -> None:
    for asked in (True, None):
        again = open_space(space.path).card(PERSON, k=4, deep=asked)
        assert same(again.deep, deep.deep)
        assert TODAY.fullmatch(again.notes()[-1])
        assert again.to_dict()["measured_on"]
    assert (deep.measured_on, len(deep.notes())) == (None, 2)
    assert deep.notes()[0].startswith("In words: ")
    assert again.notes()[:2] == deep.notes()
    again.write_html(tmp_path / "card.html")
    html = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "What it reads as" in html
    assert "<h2>In words</h2>" in html
    assert str(again.measured_on) in html
    vicki = measured.card("Vicki", k=3)
    assert vicki.deep is not None
    assert {"age", "gender"} <= {one.what for one in vicki.deep.beliefs}  # with records, afresh
    without = measured.card("Vicki", k=3, deep=False)
    assert (without.deep, without.measured_on) == (None, None)
    assert "--deep" in without.notes()[0]


@pytest.mark.usefixtures("forbidden")
def test_another_question_is_not_answered_by_what_is_kept(measured: Space) -> None:
    opened = open_space(measured.path)
    for other in ({"k": 4}, {"seed": 1}):
        asked: dict[str, Any] = {"k": 3, **other}
        assert opened.card("Vicki", **asked).deep is None
        with pytest.raises(AssertionError, match="the model was asked"):
            opened.card("Vicki", deep=True, **asked)
    assert opened.card("Zoë", k=3).deep is None


@pytest.fixture
def copy(measured: Space, tmp_path: Path) -> Space:
    return open_space(shutil.copytree(measured.path, tmp_path / "copy.space"))


@pytest.mark.usefixtures("forbidden")
@pytest.mark.parametrize("change", ["metric", "version", "format", "weights"])
def test_what_was_measured_of_other_rows_or_by_others_is_not_shown(
    copy: Space, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copy.card("Vicki", k=3).deep is not None
    if change == "metric":
        column = pa.table({"id": [0], "anchor_rank": pa.array([1.0])})
        copy.add_metrics(column, study="anchors", parameters={})
    elif change == "version":
        monkeypatch.setattr(kept_answers, "__version__", "0.0.0")
    elif change == "format":
        monkeypatch.setattr(kept_module, "_FORMAT", 0)
    else:
        monkeypatch.setattr(copy, "provenance", replace(copy.provenance, fingerprint="sha256:0"))
    assert copy.card("Vicki", k=3).deep is None


def file_of(space: Space) -> Path:
    return Path(space.path) / "indices" / "cards.npz"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def other_arrays(path: Path) -> None:
    saved = dict(np.load(path))
    np.savez(path, **{name: np.arange(4.0) for name in saved})


def other_text(path: Path) -> None:
    saved = dict(np.load(path))
    junk = np.frombuffer(b'{"key": 3}\n{}', np.uint8)
    np.savez(path, **dict.fromkeys(saved, junk))


def other_card(path: Path) -> None:
    """The right key before a card whose fields are of other types."""
    saved = dict(np.load(path))
    heads = {name: entry.tobytes().partition(b"\n")[0] for name, entry in saved.items()}
    bad = b'\n{"fields":[1,2,3,4,5,6,7,8]}'
    np.savez(path, **{n: np.frombuffer(head + bad, np.uint8) for n, head in heads.items()})


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.long
@pytest.mark.usefixtures("forbidden")
@pytest.mark.parametrize("harm", [cut, flip, other_arrays, other_text, other_card, folder])
def test_damage_costs_time_alone(copy: Space, harm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = copy.card("Vicki", k=3).deep
    assert deep is not None
    harm(file_of(copy))
    assert copy.card("Vicki", k=3).deep is None
    monkeypatch.setattr(card_deep, "measure_deep", lambda *_, **__: replace(deep, beliefs=()))
    assert copy.card("Vicki", k=3, deep=True).measured_on is None
    again = copy.card("Vicki", k=3)
    assert again.measured_on is not None
    assert same(again.deep, deep)
    if harm is not folder:  # there, memory alone keeps it
        assert same(open_space(copy.path).card("Vicki", k=3).deep, deep)
        assert copy.check()["indices/cards.npz"] == "whole"


@pytest.mark.parametrize("harm", [cut, flip])
def test_check_finds_damage(copy: Space, harm: Any) -> None:
    from namebasis.errors import SpaceError

    assert copy.check()["indices/cards.npz"] == "whole"
    harm(file_of(copy))
    with pytest.raises(SpaceError, match=r"cards\.npz.*Delete it; it will be rebuilt"):
        copy.check()


def test_the_oldest_go_and_what_killed_writers_left_too(
    copy: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "MOST", 3)
    leftover = file_of(copy).with_name("cards.npz.1-2.partial")
    leftover.write_bytes(b"half")
    for number in (1, 2, 3, 1, 4):
        keep_answer(copy, "cards", ["q", number], b"%d" % number)
    assert not leftover.exists()
    found = [find_answer(copy, "cards", ["q", number]) for number in (1, 2, 3, 4)]
    assert [one and one.data for one in found] == [b"1", None, b"3", b"4"]
    monkeypatch.setattr(kept_answers, "MAX_BYTES", 10_000)
    for number in (5, 6):
        keep_answer(copy, "cards", ["q", number], b"x" * 8_000)
    assert find_answer(copy, "cards", ["q", 5]) is None
    assert find_answer(copy, "cards", ["q", 6]) is not None
    assert copy.card("Vicki", k=3).deep is None


def test_a_space_that_cannot_be_written_to_keeps_it_in_memory(
    copy: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(30, os.strerror(30))

    before = file_of(copy).read_bytes()
    monkeypatch.setattr("namebasis.atomic.os.replace", full)
    keep_answer(copy, "cards", ["q"], b"said")
    assert file_of(copy).read_bytes() == before
    answer = find_answer(copy, "cards", ["q"])
    assert answer is not None
    assert answer.data == b"said"
    assert copy.card("Vicki", k=3).deep is not None  # of the file
    assert find_answer(open_space(copy.path), "cards", ["q"]) is None


@pytest.mark.usefixtures("forbidden")
def test_rows_that_change_take_their_cards_along(copy: Space) -> None:
    """Removing, adding and undoing go on beside the cache, and its cards are of other rows."""
    version = copy._store.version
    assert copy.card("Vicki", k=3).deep is not None
    copy.remove(["Zoë"])
    dropped = open_space(copy.path)
    assert dropped._store.version != version
    assert dropped.card("Vicki", k=3).deep is None
    dropped.undo()
    undone = open_space(copy.path)
    assert undone.card("Vicki", k=3).deep is None
    undone.check()


def test_no_foreign_class_is_loaded(deep: Card) -> None:
    values = json.loads(to_json(deep.deep))
    values["fields"][4] = {"fields": ["x"]}
    with pytest.raises(UnreadableError, match=r"DeepCard\.identity is to be NameIdentity"):
        unpacked(json.dumps(values).encode())
