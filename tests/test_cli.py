"""The command line as its user meets it: examples, exit codes, one-line errors."""

from __future__ import annotations

import functools
import inspect
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from namebasis.cli import main, make_app
from namebasis.cli.wording import with_option
from tests.auditing.tiny import make_tiny
from tests.encoders.conftest import write_clip, write_whole_pipeline

NAMES = """Vicki Winona Roger Sigríður Guðrún Björk Aaliyah Keisha Priya Anaïs José Giulia
Hiroshi Yuki Chen Mei Olga Ivan Fatima Mohammed Ingrid Lars Siobhán Patrick Mildred Ethel
Kayla Madison Brandon Walter Gertrude Bertha Harold Dorothy Tiffany Ashley Jessica Jennifer
Linda Susan Barbara Nancy Karen Betty Helen Sandra Donna Carol Ruth Sharon Michelle Laura
Sarah Kimberly Deborah Emily Amy Anna""".split()


@dataclass
class Done:
    """What a command left: its exit code and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, cwd: Path, stdin: str | None = None) -> Done:
    """Run a command in this process, where torch is loaded already."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["namebasis", *words])
        patch.setattr(sys, "stdin", io.StringIO(stdin or ""))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out.flush()
        err.flush()
    return Done(code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the examples in the help assume it: texts, a space, images, models, trainings."""
    return examples_once(tmp_path_factory.getbasetemp())


@functools.cache  # pytest makes a fixture again for each file that imports it
def asked_once(base: Path) -> Path:
    """A folder of texts and a space, for which no model has to be written."""
    where = made_folder(base / "asked")
    (where / "names.txt").write_text("\n".join(NAMES), encoding="utf-8")
    (where / "more.txt").write_text("Zbigniew\nKonstancja\nVicki\n", encoding="utf-8")
    done = run("build", "my.space", "names.txt", "--templates", "person", cwd=where)
    assert done.returncode == 0, done.stderr
    return where


@functools.cache
def examples_once(base: Path) -> Path:
    where = Path(shutil.copytree(asked_once(base), base / "examples"))
    (where / "people.txt").write_text("Vicki Lawrence\nAnna Smith\n", encoding="utf-8")
    (where / "captions.jsonl").write_text('{"caption": "Anna Smith at sea"}\n', encoding="utf-8")
    for step in (10, 20):
        (where / "my.run" / f"step-{step:06d}").mkdir(parents=True)
        write_clip(where / "my.run" / f"step-{step:06d}")
    write_clip(made_folder(where / "my-clip"))
    write_whole_pipeline(made_folder(where / "my-pipeline"))
    Image.new("RGB", (32, 32), (224, 172, 138)).save(made_folder(where / "images/Vicki") / "1.png")
    tiny = ("organism", "train", "tiny.run", "--tiny", "--steps", "1", "--batch-size", "8")
    done = run(*tiny, "--pixels", "24", cwd=where)
    assert done.returncode == 0, done.stderr
    return where


def made_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


_done: dict[tuple[str, ...], Done] = {}


def run_once(*words: str, cwd: Path) -> Done:
    """Run a command in a copy of the folder as it was made, or tell how it ended in another."""
    if words not in _done:
        _done[words] = run(*words, cwd=cwd)
    return _done[words]


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A copy of the texts and the space alone."""
    asked = asked_once(tmp_path_factory.getbasetemp())
    return Path(shutil.copytree(asked, tmp_path / "user"))


@pytest.fixture
def examples(folder: Path, tmp_path: Path) -> Path:
    """A copy of all that the examples assume."""
    return Path(shutil.copytree(folder, tmp_path / "user"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The space of the folder, of the smallest encoder."""
    path = tmp_path_factory.mktemp("small") / "my.space"
    names = str(asked_once(tmp_path_factory.getbasetemp()) / "names.txt")
    words = ("build", str(path), names, "--encoder", "organism", "--templates", "person", "-q")
    done = run(*words, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    return path


def encode_small(place: Path, small: Path) -> None:
    """Put the space of the smallest encoder into a folder."""
    shutil.rmtree(place / "my.space")
    shutil.copytree(small, place / "my.space")


def commands() -> list[str]:
    app = make_app()
    flat = [str(command.name) for command in app.registered_commands]
    grouped = [
        f"{group.name} {command.name}"
        for group in app.registered_groups
        for command in group.typer_instance.registered_commands
    ]
    return flat + grouped


PICTURED = [
    ("build", "my.space", "names.txt", "--encoder", "organism", "--templates", "person",
     "--overwrite", "-q"),
    ("add", "my.space", "--images", "images", "-q"),
]  # fmt: skip
"""A space with a picture of Vicki."""
FULL = (
    "build", "my.space", "full:24", "--encoder", "organism", "--templates", "plain", "--overwrite",
    "-q",
)  # fmt: skip
IDENTIFIED = (
    "identity", "my.space", "--where", "part = 'full'", "--no-contexts", "--n-swaps", "6",
    "--n-made-up", "20", "--write", "-q",
)  # fmt: skip
BEFORE = {
    "celeb invert": [PICTURED[0]],
    "diversity": PICTURED,
    "own": [FULL, IDENTIFIED],
    "points-to": [FULL],
    "drop": [("anchors", "my.space", "-n", "2", "--write")],
    "rename": [("anchors", "my.space", "-n", "2", "--write")],
    "merge": [("build", "other.space", "more.txt", "--templates", "person")],
    "undo": [("remove", "my.space", "Vicki")],
    "validate rigidity": PICTURED,
    "organism pack-painter": [
        ("organism", "painter", "tiny.run", "my-painter", "--steps", "1", "--batch-size", "4")
    ],
}
"""What must have been done before the example of a command."""
MANY_PROMPTS = ("celeb mine", "describe", "identity", "recognise", "rigidity")
"""Commands whose examples encode thousands of prompts: their space is of the smallest encoder."""

SHORTER = {"validate train-probe": ("--steps", "4")}
"""Options that an example gets here, since it paints many images, each in 50 steps."""

CHANGED = ("audit", "build", "explore")
"""Commands whose examples run in another folder, or a changed process."""


@pytest.mark.long
@pytest.mark.parametrize("command", commands())
def test_help_ends_with_an_example_that_runs(
    command: str, examples: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "explore":  # which would serve until somebody stops it
        uvicorn = pytest.importorskip("uvicorn", reason="needs the extra explore")
        monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
        monkeypatch.setattr("webbrowser.open", lambda _: True)
    if command == "audit":
        make_tiny(monkeypatch, "reading")
    helped = run(*command.split(), "--help", cwd=examples)
    assert helped.returncode == 0
    example = re.search(r"Example: namebasis (.+)\Z", helped.stdout.strip(), re.DOTALL)
    assert example, helped.stdout
    if command == "build":
        shutil.rmtree(examples / "my.space")
    if command in MANY_PROMPTS:
        encode_small(examples, small)
    for made in BEFORE.get(command, ()):
        done = run(*made, cwd=examples)
        assert done.returncode == 0, done.stderr
    words = [*shlex.split(" ".join(example[1].split())), *SHORTER.get(command, ())]
    is_as_made = command not in (*BEFORE, *MANY_PROMPTS, *CHANGED)
    done = run_once(*words, cwd=examples) if is_as_made else run(*words, cwd=examples)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@functools.cache
def every_command() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in vars(typer.main.get_command(make_app()))["commands"].items():
        inner = vars(command).get("commands", {"": command})
        found |= {f"{name} {word}".strip(): one for word, one in inner.items()}
    return found


@pytest.mark.parametrize("name", commands())
def test_options_are_told_apart_and_the_same_everywhere(name: str) -> None:
    options = [word for one in every_command()[name].params for word in one.opts]
    assert len(set(options)) == len(options), "one option would hide the other"
    if name in {"build", "add", "formation", "identity", "rigidity"}:
        column = next(one for one in every_command()[name].params if "--column" in one.opts)
        assert column.help == "Column of names in a table: its title, or its number from 1."


@pytest.mark.parametrize("name", commands())
def test_what_draws_a_bar_can_be_quiet(name: str) -> None:
    command = every_command()[name]
    assert command.callback is not None
    source = inspect.getsource(inspect.unwrap(command.callback))
    options = [word for one in command.params for word in one.opts]
    assert ("--quiet" in options) == bool(re.search(r"_bar\(|quiet", source))


_HUB_BARS = "HF_HUB_DISABLE_PROGRESS_BARS"
_BARS = """
import tqdm
from huggingface_hub.utils import tqdm as hub
for _ in hub([1]): pass
for _ in tqdm.tqdm([1]): pass
"""


@pytest.mark.long
def test_quiet_reaches_the_bars_of_other_libraries(place: Path) -> None:
    program = (
        """
import sys
from namebasis.cli import main
sys.argv[1:] = sys.argv[1].split()
try:
    main()
except SystemExit:
    pass
"""
        + _BARS
    )
    own = {k: v for k, v in os.environ.items() if k not in ("TQDM_DISABLE", _HUB_BARS)}
    for words, n_bars in (("info my.space", 2), ("info my.space --check -q", 0)):
        done = subprocess.run(
            [sys.executable, "-c", program, words],
            cwd=place, env=own, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr.count("1/1") == n_bars, done.stderr
        # What `info` begins with is no bar.
        assert n_bars or done.stderr.startswith("my.space holds ")
        assert n_bars or len(done.stderr.splitlines()) == 1


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [
        "formation my.run --no-weights --n-resamples 20 --n-made-up 20",
        "identity my.space --no-contexts --n-made-up 20",
        "rigidity my.space --n-made-up 20",
    ],
)
def test_a_table_of_names_is_read_by_the_column_that_is_asked_for(
    command: str, examples: Path, small: Path
) -> None:
    encode_small(examples, small)
    (examples / "roles.csv").write_text("actor,part\nVicki Lawrence,Anna Smith\nOx Y,Ann Z\n")
    words = (*command.split(), "--names", "roles.csv", "--json", "-q")
    refused = run(*words, "--column", "nobody", cwd=examples)
    assert refused.returncode == 1
    assert "actor" in refused.stderr
    read = run(*words, "--column", "part", cwd=examples)
    assert "'part'" in read.stderr
    assert "Anna Smith" in read.stdout, read.stderr
    assert "Vicki Lawrence" not in read.stdout
    alone = run(*command.split(), "--column", "part", cwd=examples)
    assert alone.returncode == 1
    assert "--column must be one of a file" in alone.stderr


def test_a_stored_name_is_answered_in_json_without_itself(place: Path) -> None:
    done = run("nearest", "my.space", "Vicki", "-k", "3", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert (answer["query"], answer["kind"]) == ("Vicki", "stored")
    rows = answer["names"]
    assert len(rows) == 3
    assert "Vicki" not in {row["name"] for row in rows}
    similarities = [row["similarity"] for row in rows]
    assert similarities == sorted(similarities, reverse=True)


@pytest.mark.long
@pytest.mark.parametrize("command", [["nearest"], ["basis", "--n-null", "0"], ["paint", "-n", "1"]])
def test_words_that_look_like_one_text_are_asked_apart_and_that_is_said(
    command: list[str], place: Path
) -> None:
    note = '3 targets; quote the text to ask it as one: "a senior lady"'
    verb, *rest = command
    apart = run(verb, "my.space", "a", "senior", "lady", *rest, cwd=place)
    assert apart.returncode == 0, apart.stderr
    assert note in apart.stderr.splitlines()
    for targets in (["a senior lady"], ["Vicki", "Anna"]):
        assert "quote the text" not in run(verb, "my.space", *targets, *rest, cwd=place).stderr


def test_a_painting_is_written_as_a_workflow_and_no_clipboard_is_no_error(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(place / "empty"))
    monkeypatch.delenv("SSH_TTY", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    words = ["paint", "my.space", "a senior lady", "-n", "1", "--syntax", "comfyui", "-q"]
    for file, holds in (("w.json", "nodes"), ("w.api.json", "1")):
        done = run(*words, "--workflow", file, "--copy", cwd=place)
        assert done.returncode == 0, done.stderr
        assert holds in json.loads((place / file).read_text())
        assert f"workflow written to {file}; choose your checkpoint in its loader" in done.stderr
        assert "not copied: no clipboard here" in done.stderr
        assert len(done.stdout.splitlines()) == 1
    again = run(*words, "--workflow", "w.json", cwd=place)
    assert (again.returncode, "w.json already exists" in again.stderr) == (1, True)


def test_stdin_gives_one_answer_a_line(place: Path) -> None:
    done = run("nearest", "my.space", "-", "-k", "1", "--json", cwd=place, stdin="Vicki\nLars\n")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 2


def test_added_names_are_found_at_once_and_doubles_are_counted(place: Path) -> None:
    done = run("add", "my.space", "more.txt", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "2 added, 1 were in the space already" in done.stderr
    new = "name IN ('Konstancja', 'Vicki')"
    done = run("nearest", "my.space", "Zbigniew", "--where", new, "--json", cwd=place)
    assert {row["name"] for row in json.loads(done.stdout)[0]["names"]} == {"Konstancja", "Vicki"}


def test_columns_of_added_names_come_along_and_what_does_not_is_said(place: Path) -> None:
    (place / "a.csv").write_text("name,age\nZbigniew,30\n")
    (place / "b.csv").write_text("name,age,colour\nKonstancja,old,red\nRadomir,41,blue\n")
    assert run("add", "my.space", "a.csv", cwd=place).returncode == 0
    done = run("add", "my.space", "b.csv", "-q", cwd=place)
    assert done.returncode == 0, done.stderr
    lost = "left out 1 of 2 values of age: the space's column holds whole numbers (such as 'old')"
    assert lost in done.stderr
    assert "new columns, empty for the names that were there: colour" in done.stderr
    asked = ("--where", "colour = 'blue' AND age > 40", "--columns", "name")
    done = run("export", "my.space", "-", "--format", "txt", *asked, cwd=place)
    assert (done.returncode, done.stdout) == (0, "Radomir\n"), done.stderr


REFUSED = {
    "no space": (["nearest", "not-there.space", "x"], "not-there.space"),
    "unknown column": (["nearest", "my.space", "Vicki", "--where", "colour = 1"], "gender"),
    "two statements": (["nearest", "my.space", "Vicki", "--where", "true; drop"], ";"),
    "not boolean": (["export", "my.space", "-", "--where", "n_tokens"], "boolean"),
    "empty corpus": (["build", "new.space", "empty.txt"], "empty.txt"),
    "wrong encoding": (["build", "new.space", "latin.txt"], "UTF-8"),
    "unknown encoder": (["build", "new.space", "names.txt", "--encoder", "nope"], "minilm"),
    "vector width": (["nearest", "my.space", "--vector", "short.json"], "384"),
    "no vector file": (["basis", "my.space", "--vector", "no.npy"], "Check the path"),
    "a pickle": (["nearest", "my.space", "--vector", "pickle.npy"], "which is never loaded"),
    "no target": (["nearest", "my.space"], "no target"),
    "zero k": (["nearest", "my.space", "Vicki", "-k", "0"], "k must be"),
    "too many atoms": (["basis", "my.space", "Vicki", "-n", "999"], "999"),
    "one control": (["basis", "my.space", "Vicki", "--n-null", "1"], "--n-null must be 0 or"),
    "no atom": (["basis", "my.space", "Vicki", "-n", "0"], "--n-names must be an integer"),
    "few strangers": (
        ["rigidity", "my.space", "Vicki", "--n-made-up", "3"],
        "--n-made-up must be an",
    ),
    "no batch": (["organism", "train", "new", "--steps", "0"], "--steps must be an integer"),
    "already there": (["build", "my.space", "more.txt"], "overwrite"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused_input_says_why_in_a_line_or_two(case: str, place: Path) -> None:
    words, expected = REFUSED[case]
    (place / "empty.txt").write_text("\n \n")
    (place / "pickle.npy").write_bytes(b"\x80\x04K\x01.")
    (place / "latin.txt").write_bytes("Zzyüx\n".encode("latin-1"))  # José is read
    (place / "short.json").write_text("[1, 2, 3]")
    before = {p: p.read_bytes() for p in (place / "my.space").rglob("*") if p.is_file()}
    done = run(*words, cwd=place)
    assert done.returncode == 1, done.stderr
    assert expected in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    assert {p: p.read_bytes() for p in before} == before


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("n_draws must be 2", "--draws must be 2"),
        ("max_family must be 2", "--max-family must be 2"),
        ("n_names is 3, of n_draws", "--n-names is 3, of n_draws"),
        ("n_null must be 2", "--n-null must be 2"),
        ("size must be a multiple of 12", "--pixels must be a multiple of 12"),
        ("steps must be 2", "--steps must be 2"),
        ("dtype must be 2", "dtype must be 2"),
        ("batch_size must be 2", "--batch-size must be 2"),
        ("n_else must be 2", "n_else must be 2"),
        ("draws must be n_draws", "--draws must be n_draws"),
        ("draws of n_draws are few", "draws of n_draws are few"),
        ("n_draws", "--draws"),
        ("needs more than n_draws = 3 names", "needs more than --draws = 3 names"),
        ("no name passes where='a = 1' now", "no name passes --where='a = 1' now"),
        ("'n_draws = 3' is refused", "'n_draws = 3' is refused"),
        ("Choose one with format.", "Choose one with --format."),
        ("way must be a number; got 'x'.", "WAY must be a number; got 'x'."),
        ("quotas: no axis has it", "--quota: no axis has it"),
        (
            "quotas ask for 9 names together, but n_names is 5.",
            "quotas ask for 9 names together, but --n-names is 5.",
        ),
        ("without them, give n_names.", "without them, give --n-names."),
        ("Take fewer, or loosen budget 4.", "Take fewer, or loosen --budget 4."),
        ("max_family costs most", "--max-family costs most"),
        ("", ""),
    ],
)
def test_a_refusal_names_the_option_where_there_is_one(message: str, expected: str) -> None:
    options = {"-n", "--draws", "--max-family", "--n-names", "--n-null", "--pixels", "--steps",
               "--batch-size", "--where", "--format", "--quota", "--budget"}  # fmt: skip
    assert with_option(message, options, {"way": "WAY"}) == expected


@pytest.mark.long
def test_a_refusal_is_exit_code_1_of_the_real_process_too(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "from namebasis.cli import main; main()", "info", "no.space"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'no.space'}: there is no name space.")
    assert done.stdout == ""


ENDING = """
import atexit, sys, threading, time
from namebasis import cli

def stop():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    atexit.register(print, "tidied", file=sys.stderr)
    raise {error}

cli._command = lambda words: lambda **_: app()
import typer
app = typer.Typer(add_completion=False)
app.command()(stop)
cli.run()
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        ("KeyboardInterrupt", 130, "stopped; what was committed is kept\n"),
        ("typer.Exit(130) from None", 130, ""),  # of a command that has told it already
        ("ValueError('odd')", 1, "error: odd\n"),
    ],
)
def test_a_process_ends_although_a_thread_is_at_work(error: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", ENDING.format(error=error)],
        capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (code, f"{said}tidied\n", "")


def test_wrong_usage_exits_with_2(place: Path) -> None:
    assert run("nearest", "my.space", "Vicki", "--no-such-option", cwd=place).returncode == 2
    assert run("no-such-command", cwd=place).returncode == 2
