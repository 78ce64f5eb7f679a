"""Studies on Ray find what they find in one process, and survive their actors."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import NamebasisError, NamebasisHint, SpaceError
from namebasis.namespace.actors import pool
from namebasis.namespace.actors.crew import Advance, Crew, _Member, crew_of
from namebasis.namespace.corpus.names import make_names
from namebasis.results import Result
from namebasis.space import Space, build_space, open_space
from namebasis.studies.attributes import in_blocks
from namebasis.studies.attributes import study as attributes
from namebasis.studies.basis import anchors
from namebasis.studies.identity import in_contexts, rigidity, study
from namebasis.studies.identity.single import pull
from tests.namespace.conftest import FakeEncoder


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    patch = pytest.MonkeyPatch()
    # Several blocks of few names.
    patch.setattr(in_contexts, "BLOCK", 5)
    patch.setattr(study, "_BLOCK", 4)
    patch.setattr(pull, "_BLOCK", 3)
    patch.setattr(pull, "N_EACH", 20)
    patch.setattr(study, "N_MADE_UP", 20)
    patch.setattr("namebasis.studies.basis.anchors.usual_chunk", lambda _n, _dim: 4)
    given = ["Vicki", "Ada", "Zoë", "Roger", "Ines", "Paul"]
    full = [f"{one} {other}" for one in given[1:] for other in ("Okafor", "Lind")]
    records = [{"name": name, "part": "full"} for name in full]
    singles = [{"name": name, "part": "given", "count": at} for at, name in enumerate(given)]
    path = tmp_path_factory.mktemp("people") / "a.space"
    yield build_space(make_names([*records, *singles]), path, encoder=FakeEncoder())
    patch.undo()


def assert_equal(here: Result, there: Result) -> None:
    assert there.to_json() == here.to_json()
    assert there.to_arrow().equals(here.to_arrow())


@pytest.fixture(scope="module")
def crew(people: Space, two_cores: None) -> Iterator[Crew]:
    """Two actors for all tests of this file, since each costs a second or two to start."""
    with crew_of(people, "ray", 2) as crew:
        yield crew


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch, crew: Crew) -> list[tuple[object, ...]]:
    """Studies that ask for a crew get that one; what they asked for."""
    asked: list[tuple[object, ...]] = []

    def lend(_space: Space, *wanted: object, view: str = "text") -> nullcontext[Crew]:
        asked.append((*wanted, view))
        return nullcontext(crew if wanted[0] == "ray" else Crew(crew.space))

    for module in (study, rigidity, anchors, attributes):
        monkeypatch.setattr(module, "crew_of", lend)
    return asked


ASKED = {"engine": "ray", "n_actors": 2, "address": "10.0.0.5:6379"}
LENT = [("local", None, None, "text"), ("ray", 2, "10.0.0.5:6379", "text")]


@pytest.mark.long
def test_identity_is_that_of_one_process_and_counts_the_same_prompts(
    people: Space, lent: list[tuple[object, ...]]
) -> None:
    asked = {"n_swaps": 6, "n_made_up": 20}
    here_seen: list[tuple[int, int]] = []
    there_seen: list[tuple[int, int]] = []
    names = list(people)
    here = people.identity(names, **asked, progress=lambda *one: here_seen.append(one))
    for kept in (people.path / "indices").glob("*.npz"):
        kept.unlink()  # or what made-up names measure would not be measured again
    there = people.identity(names, **asked, **ASKED, progress=lambda *one: there_seen.append(one))
    assert lent == LENT
    assert_equal(here, there)
    np.testing.assert_array_equal(here.own_directions, there.own_directions)
    assert there_seen[-1] == here_seen[-1]
    assert [done for done, _ in there_seen] == sorted(done for done, _ in there_seen)


@pytest.mark.long
def test_rigidity_is_that_of_one_process(people: Space, lent: list[tuple[object, ...]]) -> None:
    names = list(people)
    here = people.rigidity(names, n_made_up=20)
    assert_equal(here, people.rigidity(names, n_made_up=20, **ASKED))
    assert lent == LENT


@pytest.mark.long
def test_anchors_are_those_of_one_process(people: Space, lent: list[tuple[object, ...]]) -> None:
    seen: list[tuple[int, int]] = []
    asked = {"n_names": 3, "where": "name <> 'Vicki'"}
    here = people.anchors(**asked)
    there = people.anchors(**asked, **ASKED, progress=lambda *one: seen.append(one))
    assert lent == LENT
    assert_equal(here, there)
    np.testing.assert_array_equal(here.code.indices, there.code.indices)
    np.testing.assert_array_equal(here.code.weights, there.code.weights)
    assert len(seen) == 4, "blocks of 4 of the 15 names"
    assert seen[-1] == (15, 15)


@pytest.mark.long
def test_scores_are_those_of_one_process(
    people: Space, lent: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_blocks, "BLOCK", 3)
    seen: list[tuple[int, int]] = []
    asked = {"where": "name <> 'Vicki'", "n_made_up": 20}
    along = ["age", "gender"]
    here = people.score(along, **asked)
    there = people.score(along, **asked, **ASKED, progress=lambda *one: seen.append(one))
    assert lent == LENT[1:]
    assert (here.names, here.parts) == (there.names, there.parts)
    for mine, theirs in zip(here.scores, there.scores, strict=True):
        assert (mine.axis, mine.value) == (theirs.axis, theirs.value)
        for column in ("readings", "spreads", "z"):
            for reading, values in getattr(mine, column).items():
                np.testing.assert_allclose(getattr(theirs, column)[reading], values, atol=1e-9)
    for belief, other in zip(here.beliefs, there.beliefs, strict=True):
        np.testing.assert_array_equal(other.p, belief.p)
        np.testing.assert_array_equal(other.towards, belief.towards)
    assert seen == [
        (min(3 * at, 15) + 15 * (one - 1), 45) for one in (1, 2, 3) for at in range(1, 6)
    ]
    with pytest.raises(ValueError, match=r"engine='ray' reads names in the text view; got"):
        people.score(view="image", engine="ray")


class Killing:
    """Ends its process at one block, once or always."""

    def __init__(self, mark: Path, always: bool = False) -> None:
        self.mark, self.always = mark, always

    def __call__(self, space: Space, block: int, advance: Advance) -> tuple[int, int]:
        if block == 2 and (self.always or not self.mark.exists()):
            with self.mark.open("a") as mark:
                mark.write("x")
            os._exit(1)
        if block == -1:
            raise NamebasisError("this block is refused")
        if block == -2:
            raise KeyError("a mistake in the study")
        advance(10)
        return block, len(space)


@pytest.mark.long
def test_an_actor_that_dies_is_started_again_with_its_block(
    people: Space, crew: Crew, tmp_path: Path
) -> None:
    seen: list[int] = []
    found = crew.map(Killing(tmp_path / "mark"), [0, 1, 2, 3, 4], seen.append)
    assert found == [(at, len(people)) for at in range(5)]
    assert seen == [10] * 5
    assert (tmp_path / "mark").read_text() == "x"
    with pytest.raises(NamebasisError, match=r"^this block is refused$"):
        crew.map(Killing(tmp_path / "mark"), [0, -1])
    with pytest.raises(KeyError, match="a mistake in the study") as told:
        crew.map(Killing(tmp_path / "mark"), [-2])
    assert "in __call__" in str(told.value.__cause__), "the actor's traceback is lost"


@pytest.mark.long
def test_a_block_that_kills_every_actor_ends_the_study(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "TRIES", 2)
    killing = Killing(tmp_path / "mark", always=True)
    with pytest.raises(NamebasisError) as told:
        crew.map(killing, [0, 2])
    assert str(told.value).startswith("the names of block 2 of 2 killed their actor 2 times (")
    assert "\n" not in str(told.value)
    assert (tmp_path / "mark").read_text() == "xx"


class _Holder:
    """An actor that holds cores."""


@pytest.mark.long
def test_a_ray_without_free_cores_is_said_and_waited_for(
    people: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setattr(pool, "_PATIENCE", 0.2)
    held = ray.remote(num_cpus=2)(_Holder).remote()
    ray.get(held.__ray_ready__.remote())
    free = threading.Timer(1.0, ray.kill, [held])
    free.start()
    with (
        pytest.warns(NamebasisHint, match="no actor has started in 0 s: other work may hold all"),
        crew_of(people, "ray", 1) as crew,
    ):
        assert crew.map(_names_in, [slice(0, 3)]) == [3]
    free.join()


def _names_in(space: Space, block: slice, advance: Advance) -> int:
    return block.stop - block.start


def test_an_actor_tells_what_it_lacks(people: Space) -> None:
    elsewhere = partial(open_space, "/nowhere/a.space")
    with pytest.raises(SpaceError, match=r"cannot be opened on machine .* a folder that all its"):
        _Member("/nowhere/a.space", 3, elsewhere, "text")
    with pytest.raises(NamebasisError, match="names were added while the study began"):
        _Member("a", 3, lambda: people, "text")


def test_what_cannot_work_is_refused(people: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"one of local, ray; got 'milvus:a.db' \(a search engine"):
        people.anchors(2, engine="milvus:a.db")
    with pytest.raises(ValueError, match="n_actors works only with engine='ray'"):
        people.rigidity(["Vicki"], n_actors=2)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(NamebasisError, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        people.identity(["Vicki"], engine="ray", address="127.0.0.1:1")
    with pytest.raises(NamebasisError, match="at host:port: its port must be a number, got 'port'"):
        people.identity(["Vicki"], engine="ray", address="host:port")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NamebasisError, match=r"namebasis\[ray\]"):
        people.rigidity(["Vicki"], engine="ray")
