"""The object that a user holds: every question on it, with the defaults of its command."""

from __future__ import annotations

import inspect
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import namebasis as nb
from namebasis.checks import is_watched
from namebasis.cli.commands import (
    ask,
    card,
    compose,
    corpus,
    diversity,
    housekeeping,
    identity,
    recognise,
    score,
    select,
    topology,
)
from namebasis.namespace.space import StoredSpace

COMMANDS = {
    "nearest": ask.nearest, "basis": compose.basis, "describe": compose.describe,
    "paint": compose.paint, "walk": compose.walk,
    "anchors": compose.anchors, "card": card.card, "score": score.score,
    "topology": topology.topology, "entropy": topology.entropy, "identity": identity.identity,
    "rigidity": identity.rigidity, "select": select.select, "export": corpus.export,
    "remove": housekeeping.remove, "recognise": recognise.recognise,
    "diversity": diversity.diversity,
}  # fmt: skip
OTHER_NAMES = {"nonnegative": "signed", "n_steps": "steps", "n_swaps": "swaps"}
"""Parameters whose option is said the other way round, or shorter."""


def defaults(function: Any) -> dict[str, Any]:
    return {
        name: one.default
        for name, one in inspect.signature(function).parameters.items()
        if one.default is not inspect.Parameter.empty
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_method_has_the_defaults_of_the_command_of_its_name(name: str) -> None:
    method, command = defaults(getattr(nb.Space, name)), defaults(COMMANDS[name])
    compared = 0
    for parameter, value in method.items():
        option = OTHER_NAMES.get(parameter, parameter)
        # An argument of the command line is text, also where it is a number of a component.
        if option not in command or isinstance(value, (tuple, bool)) or parameter == "along":
            continue
        assert command[option] == value, f"{name}: {parameter}"
        compared += 1
    assert compared, name


@pytest.mark.parametrize(
    "name",
    sorted(
        {*COMMANDS, "compare", "records", "groups", "validate", "drop", "rename", "merge", "undo"}
    ),
)
def test_a_method_is_typed_and_says_what_it_does(name: str) -> None:
    method = getattr(nb.Space, name)
    assert inspect.getdoc(method)
    signature = inspect.signature(method)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in list(signature.parameters.values())[1:]:
        assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter})"


def test_names_in_and_questions_out(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Anna\nVicki\nWinona\nBjörk\nGiulia\n", encoding="utf-8")
    space = nb.build_space(tmp_path / "names.txt", tmp_path / "my.space", encoder="minilm")
    assert isinstance(space, nb.Space)
    assert len(space) == 5
    grown = space.add(["Keisha", "Anna"])
    assert type(grown) is nb.Space
    assert len(grown) == 6
    assert grown.nearest("Keisha", 1).names
    again = pickle.loads(pickle.dumps(grown))  # noqa: S301
    assert type(again) is nb.Space
    assert type(nb.open_space(tmp_path / "my.space")) is nb.Space
    with pytest.raises(nb_errors().EncoderError, match="Did you mean minilm"):
        nb.build_space(["Anna"], tmp_path / "other.space", encoder="minilmm")
    listed = nb.build_space(["Anna", "Zoë"], tmp_path / "list.space")
    assert listed.provenance.encoder == "minilm"


def nb_errors() -> Any:
    from namebasis import errors

    return errors


def test_a_space_says_what_it_holds_and_what_to_call() -> None:
    assert "nearest" in inspect.getsource(StoredSpace.__repr__)


CODE = """
import namebasis as nb
for room in ("analysis", "encoders", "formation", "index", "namespace", "organism", "report",
             "studies", "validation"):
    assert room in dir(nb), room
    assert dir(getattr(nb, room)), room
for path in PATHS:
    place = nb
    for part in path.split("."):
        assert part in dir(place), f"{part} not in dir of {place}"
        place = getattr(place, part)
"""


@pytest.mark.long
def test_rooms_and_their_functions_are_reached_in_a_fresh_process() -> None:
    paths = [
        "studies.basis.fit", "studies.topology.report", "studies.topology.compare",
        "studies.paint.paint", "studies.card.card", "studies.attributes.score",
        "studies.identity.identity", "studies.basis.walk", "studies.entropy.report",
        "analysis.shape.entropy", "encoders.registry", "index.vector_index", "organism.world",
        "report.page", "namespace.corpus.pseudo", "analysis.sparse_code",
        "analysis.diffusion_spectral_entropy", "analysis.cluster", "analysis.knn_graph",
    ]  # fmt: skip
    code = f"PATHS = {paths!r}\n{CODE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("place", "name", "message"),
    [
        (nb, "opn_space", "has no attribute 'opn_space'. Did you mean open_space"),
        (nb, "zzz", "It has Names, "),
        (nb.studies, "topologie", "Did you mean topology"),
    ],
)
def test_a_name_that_does_not_exist_is_an_attribute_error_with_the_nearest(
    place: Any, name: str, message: str
) -> None:
    with pytest.raises(AttributeError, match="has no attribute") as caught:
        getattr(place, name)
    assert message in str(caught.value)
    assert not hasattr(place, "__wrapped__")


def test_a_space_is_a_collection_of_names(tmp_path: Path) -> None:
    names = [{"name": "Vicki", "part": "given", "gender": "F"}, "Zoë", "Winona"]
    space = nb.build_space(names, tmp_path / "my.space", templates="plain")
    assert list(space) == ["Vicki", "Zoë", "Winona"]
    assert [name in space for name in ("Vicki", "zoe", "Bo", 3, None)] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert {key: space["vicki"][key] for key in ("id", "name", "gender")} == {
        "id": 0, "name": "Vicki", "gender": "F",
    }  # fmt: skip
    assert space[-1]["name"] == space["Winona"]["name"] == space[2]["name"]
    assert not set(space.views) & set(space["Vicki"])
    with pytest.raises(KeyError, match=r"'Viki' is not in my.space\. Did you mean 'Vicki'"):
        space["Viki"]
    with pytest.raises(IndexError, match="row 3 of 3 names"):
        space[3]
    with pytest.raises(TypeError, match="takes a name or a row; got slice"):
        space[0:2]  # type: ignore[index]
    assert nb.read_names(space).strings == list(space)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_is_drawn_where_somebody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    space = nb.build_space(["Vicki", "Anna"], tmp_path / "a.space", templates="plain")
    assert ("2/2" in stream.getvalue()) == is_terminal
    space.add(["Bo"])
    assert ("1/1" in stream.getvalue()) == is_terminal
    before = stream.getvalue()
    space.add(["Cy"], progress=None)
    assert stream.getvalue() == before
    with pytest.raises(ValueError, match="progress must be a function, 'auto' or None; got 'yes'"):
        space.add(["Di"], progress="yes")  # type: ignore[arg-type]


def test_a_notebook_is_watched_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(sys, "stderr", stream)
    assert is_watched()
