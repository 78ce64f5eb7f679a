"""Results of questions about names in every form: as the command prints them, notebook, frames."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from namebasis.results import Result
from namebasis.space import Space, build_space
from namebasis.studies.topology import compare
from tests.test_cli import NAMES, run

ASKED: dict[str, tuple[list[str], Callable[[Space], Result]]] = {
    "nearest": (["nearest", "my.space", "Vicki", "-k", "4"], lambda s: s.nearest("Vicki", 4)),
    "nearest of a text": (
        ["nearest", "my.space", "an old lady", "-k", "3", "--farthest"],
        lambda s: s.nearest("an old lady", 3, farthest=True),
    ),
    "nearest of several": (
        ["nearest", "my.space", "Vicki", "an old lady", "-k", "2"],
        lambda s: s.nearest(["Vicki", "an old lady"], 2),
    ),
    "basis": (["basis", "my.space", "Vicki", "-n", "3"], lambda s: s.basis("Vicki", 3)),
    "basis without controls": (
        ["basis", "my.space", "Vicki", "-n", "2", "--n-null", "0", "--n-resamples", "0"],
        lambda s: s.basis("Vicki", 2, n_null=0, n_resamples=0),
    ),
    "walk": (["walk", "my.space", "1", "--steps", "5"], lambda s: s.walk(1, n_steps=5)),
    "walk between": (
        ["walk", "my.space", "a young man", "--to", "an old lady", "-k", "2"],
        lambda s: s.walk(("a young man", "an old lady"), names_per_step=2),
    ),
    "anchors": (["anchors", "my.space", "-n", "3"], lambda s: s.anchors(3)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("shown")
    build_space(NAMES, where / "my.space", encoder="minilm", templates="person")
    return where


@pytest.fixture(scope="module")
def space(folder: Path) -> Space:
    return Space(folder / "my.space")


def on_a_terminal(words: list[str], where: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a reader sees of a command, the answer before the notes."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    done = run(*words, cwd=where)
    assert done.returncode == 0, done.stderr
    plain = [re.sub(r"\x1b\[[\d;]*m", "", text) for text in (done.stdout, done.stderr)]
    return "".join(line.rstrip() + "\n" for text in plain for line in text.splitlines())


def lines_of(text: str) -> list[str]:
    return sorted(line.rstrip() for line in text.splitlines() if line.strip())


@pytest.mark.long
@pytest.mark.parametrize("question", ASKED)
def test_the_text_of_a_result_is_what_its_command_prints(
    question: str, folder: Path, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, ask = ASKED[question]
    seen = on_a_terminal(words, folder, monkeypatch)
    result = ask(space)
    # On two streams; within each in this order.
    assert lines_of(seen) == lines_of(str(result))
    told = [*([result.headline()] if result.headline() else []), *result.notes()]
    assert seen.endswith("".join(f"{line}\n" for line in told))
    assert repr(result) == str(result)


@pytest.mark.long
@pytest.mark.parametrize("question", ASKED)
def test_a_result_leaves_as_notebook_frame_and_json(question: str, space: Space) -> None:
    result = ASKED[question][1](space)
    names = result.to_arrow()["name"].to_pylist()
    html = result._repr_html_()
    shown = names if question != "anchors" else result.tables()[0].rows[0][1:2]
    assert names
    assert all(str(name) in html for name in shown)
    frame = result.to_pandas()
    assert frame["name"].tolist() == names
    assert json.loads(result.to_json()) == json.loads(json.dumps(result.to_dict()))


@pytest.mark.long
@pytest.mark.parametrize("question", ASKED)
def test_a_pipe_begins_with_a_header_that_can_be_left_out(
    question: str, folder: Path, space: Space
) -> None:
    words, ask = ASKED[question]
    with_header = run(*words, cwd=folder).stdout.splitlines()
    (table,) = ask(space).tables()
    assert with_header[0].split("\t") == list(table.columns)
    assert len(with_header) == 1 + len(table.rows)
    assert run(*words, "--no-header", cwd=folder).stdout.splitlines() == with_header[1:]


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "ask"),
    [
        (["topology", "--n-resamples", "0"], lambda s: s.topology(n_resamples=0)),
        (["entropy", "--n-null", "2"], lambda s: s.entropy(n_null=2)),
        (
            ["topology", "--compare", "my.space", "--compare-view", "token", "--no-shape",
             "--n-resamples", "0"],
            lambda s: compare(s, s, right_view="token", shape=False, n_resamples=0),
        ),
    ],
)  # fmt: skip
def test_an_arrangement_prints_as_its_command_and_leaves_as_frames(
    words: list[str], ask: Callable[[Space], Result], folder: Path, space: Space,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    question = [words[0], "my.space", *words[1:]]
    result = ask(space)
    piped = run(*question, "-q", cwd=folder)
    lines = piped.stdout.splitlines()
    for table in result.tables():
        assert "\t".join(table.columns) in lines
    n_rows = sum(len(table.rows) for table in result.tables())
    assert len(lines) == n_rows + len(result.tables())
    bare = run(*question, "-q", "--no-header", cwd=folder).stdout.splitlines()
    assert len(bare) == n_rows
    seen = on_a_terminal([*question, "-q"], folder, monkeypatch)
    assert lines_of(seen) == lines_of(str(result))
    assert result.headline() in seen
    assert json.loads(result.to_json()) == json.loads(json.dumps(result.to_dict()))
    assert len(result.to_pandas()) == result.to_arrow().num_rows > 0
    assert result.tables()[0].columns[0] in result._repr_html_()
    figure = result.plot()
    assert figure is not None
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    assert len(drawn.getvalue()) > 5000
    if words[0] == "topology":
        with pytest.raises(ValueError, match=r"figure must be one of map, .*; got 'sky'"):
            result.plot(figure="sky")
        assert len(result.plot(figure="agreement" if "--compare" not in words else "overlap").axes)
    else:
        # The curve over t that the table shows.
        line = figure.axes[0].lines[0].get_xydata()
        np.testing.assert_allclose(line, [list(row) for row in result.tables()[1].rows])


def test_json_of_nearest_is_a_list_with_an_object_per_target(folder: Path, space: Space) -> None:
    done = run("nearest", "my.space", "Vicki", "an old lady", "-k", "2", "--json", cwd=folder)
    both = json.loads(done.stdout)
    assert [one["query"] for one in both] == ["Vicki", "an old lady"]
    assert [one["kind"] for one in both] == ["stored", "text"]
    for one in both:
        expected = space.nearest(one["query"], 2)
        assert [hit["name"] for hit in one["names"]] == list(expected.names)
    assert done.stderr == ("'an old lady' is not stored; read as text, as it stands.\n")
    alone = json.loads(run("nearest", "my.space", "Vicki", "-k", "2", "--json", cwd=folder).stdout)
    assert alone == both[:1]


def test_several_bases_are_told_apart_in_a_pipe(folder: Path) -> None:
    quick = ("--n-null", "0", "--n-resamples", "0")
    done = run("basis", "my.space", "Vicki", "Anna", "-n", "2", *quick, cwd=folder)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == ["query", "name", "weight"]
    assert [line[0] for line in lines[1:]] == ["Vicki", "Vicki", "Anna", "Anna"]


@pytest.mark.long
def test_a_painting_is_its_prompt_alone_on_stdout(
    folder: Path, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["paint", "my.space", "an old lady", "-n", "2", "--syntax", "a1111"]
    found = space.paint("an old lady", 2, syntax="a1111")
    done = run(*words, "--quiet", cwd=folder)
    assert done.stdout == f"{found.headline()}\n"
    assert found.ready is not None
    assert found.headline() == found.ready.prompt
    timeless = re.compile(r" \d+\.\d+ +(?=a photo)")  # seconds
    seen = on_a_terminal([*words, "--quiet"], folder, monkeypatch)
    assert lines_of(timeless.sub("", seen)) == lines_of(timeless.sub("", str(found)))
    assert found.notes()[1].startswith(f"weights: {found.names[0]} ")
    read = json.loads(run(*words, "--quiet", "--json", cwd=folder).stdout)
    assert read["syntax"] == "a1111"
    assert read["ready"] == found.ready.prompt
    assert read["ready_weights"] == list(found.ready.weights)
    assert read["ready_similarity"] == found.ready.similarity
    assert read["ready_meaning"] == found.ready.meaning
    assert "goal" not in read
    assert all(name in found._repr_html_() for name in found.names)
    assert found.to_pandas()["prompt"].tolist() == [blend.prompt for blend in found.curve]


def test_anchors_show_as_many_as_are_asked_for(folder: Path, space: Space) -> None:
    done = run("anchors", "my.space", "-n", "3", "-k", "2", cwd=folder)
    assert len(done.stdout.splitlines()) == 3
    found = space.anchors(3)
    assert len(found.tables()[0].rows) == 20
    ranked = found.to_dict()["anchors"]
    assert [row["anchor_rank"] for row in ranked] == list(range(1, len(space) + 1))
    listed = json.loads(
        run("anchors", "my.space", "-n", "3", "-k", "2", "--json", cwd=folder).stdout
    )
    assert listed == ranked[:2]
