"""Nothing that a source says acts on a terminal or a page: escapes, directions, markup."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from markupsafe import Markup
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from namebasis import cli
from namebasis.cli import output
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.report import page
from namebasis.results import Result, Table
from namebasis.wording import visible

HOSTILE = [
    "\x1b]52;c;cm0gLXJm\x07", "\x1b[31mred\x1b[0m", "\x9b31mred", "\x9d0;title\x9c", "a\x08\x08b",
    "a\rb", "a\x7fb", "\u202eevil\u202c", "\u2066a\u2069", "\u200fa", "a\u061cb", "\u2028line",
    "\ud800half", "\U000e0041tag", "a\u00adb", "a\ufeffb",
]  # fmt: skip
MARKUP = ["[red]name[/red]", "[link=http://x]a[/link]", "[/]", ":smile:", "<b>a</b>", "&amp;",
          "<script>alert(1)</script>", "[bold", "a[0]"]  # fmt: skip
# What may act: C0 but tab and line feed, C1, directions, separators, invisible ones, surrogates.
ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)


@dataclass(frozen=True, repr=False)
class Said(Result):
    """One text in every place of a result."""

    label: str

    def headline(self) -> str:
        return self.label

    def tables(self) -> list[Table]:
        return [Table((self.label,), [(self.label,)], self.label, key=self.label)]

    def notes(self) -> list[str]:
        return [self.label]

    def to_arrow(self) -> pa.Table:
        raise NotImplementedError

    def to_dict(self) -> dict[str, object]:
        raise NotImplementedError


@pytest.mark.parametrize("text", HOSTILE)
def test_what_acts_is_written_out(text: str) -> None:
    assert ACTS.search(text)
    shown = visible(text)
    assert not ACTS.search(shown)
    assert "<U+" in shown
    assert visible(shown) == shown


@pytest.mark.parametrize("text", ["Zoë", "می\u200cخواهم", "क्\u200dष", "Jean Luc", *MARKUP])
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP])
def test_no_way_of_printing_lets_it_through(
    text: str, is_terminal: bool, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(output, "is_terminal", lambda: is_terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    output.print_table(text, (text, "b"), [(text, 1.0), ([text, text], None)])
    output.show(Said(text))
    output.show(Said(text), Said(text))
    output.note(text)
    output.say(text)
    with output.progress_bar(text) as update:
        update(1, 1, text)
    said = capsys.readouterr()
    for written in (said.out, said.err):
        assert not ACTS.search(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", written))
        assert visible(text) in written


def test_a_bar_refused_before_any_work_leaves_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="refused"), output.progress_bar("score"):
        raise ValueError("refused")
    assert capsys.readouterr().err == ""
    with output.progress_bar("score") as update:
        update(1, 1)
    assert capsys.readouterr().err.endswith("0:00:00\n")


def test_a_tab_or_line_feed_in_a_cell_is_no_cell_or_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_table("", ("a", "b"), [("x\ty\nz", "w")])
    assert capsys.readouterr().out == "a\tb\nx<U+0009>y<U+000A>z\tw\n"


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP])
def test_json_says_the_same_in_escapes(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({text: [text]})
    raw = capsys.readouterr().out
    assert not ACTS.search(raw)
    assert json.loads(raw) == {text: [text]}


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP])
def test_no_page_holds_it(text: str) -> None:
    template = page._templates().from_string(
        "{% extends 'page.html.j2' %}{% import 'kit.html.j2' as kit %}"
        "{% block body %}{{ kit.definitions([(text, text)]) }}{{ data }}{% endblock %}"
    )
    whole = template.render(
        title=text, text=text, data=Markup(page.embedded_json("d", {text: [text]}))
    )
    assert not ACTS.search(whole.replace(page.asset("page.css"), ""))
    (data,) = re.findall(r'<script type="application/json" id="d">(.*?)</script>', whole)
    found = visible(text, keep="\u2028\u2029")  # as a search in the page must find it
    assert json.loads(data) == {found: [found]}
    assert "<script>alert" not in whole
    assert "<b>a</b>" not in whole


@pytest.mark.parametrize("kind", [EncoderError, ValueError, OSError])
def test_errors_and_logs_say_it_plainly(
    kind: type[Exception], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise kind("first \x1b]52;c;eA==\x07\n\u202esecond")

    monkeypatch.setattr(cli, "_command", lambda words: fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == ("error: first <U+001B>]52;c;eA==<U+0007>\n<U+202E>second\n")
    record = logging.LogRecord("x", logging.ERROR, "", 1, "a\x1b[31m %s", ("\x9b",), None)
    assert cli._Visible("%(message)s").format(record) == "a<U+001B>[31m <U+009B>"


# ------------------------------------------------------------------------------ commands


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "my.space"
    names = ["Vicki", "Anna", "Winona", "Keisha", "Björk", "Giulia", "Bo", "Cyd", "Dee", "Eve"]
    rows = [{"name": name, "part": "given", "gender": "F"} for name in names]
    build_space(make_names(rows), folder, encoder=load_encoder("organism"), templates="plain")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command line in this process: what it writes on both streams."""

    def call(*words: object, given: str = "") -> str:
        monkeypatch.setattr(sys, "argv", ["namebasis", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit):
            cli.main()
        said = capsys.readouterr()
        return said.out + said.err

    return call


@pytest.mark.long
def test_commands_pass_nothing_on(space: Path, tmp_path: Path, run: Callable[..., str]) -> None:
    """Targets, file names, PNG metadata, licences, labels and names of a world."""
    bad = "\x1b]52;c;eA==\x07\u202e\x9b31m"
    images = tmp_path / "images"
    (images / "Vicki").mkdir(parents=True)
    text = PngInfo()
    about = {"name": f"Vicki{bad}", "prompt": bad, "source": bad, "seed": 1, "is_blank": False}
    text.add_itxt("namebasis", json.dumps(about))
    Image.new("RGB", (8, 8)).save(images / "Vicki" / "1.png", pnginfo=text)
    (images / "Vicki" / f"2{bad}.png").write_bytes(b"no image")
    (images / "Vicki" / f"3{bad}.png").symlink_to(images / "Vicki" / "1.png")
    weights = tmp_path / "axis.toml"
    weights.write_text(f'name = "a{bad}"'.replace("\x1b", "\\u001b"))
    asked = [
        run("nearest", space, "-", given=f"Vicki{bad}\nred {bad}\n[red]x[/red]\n"),
        run("nearest", space, f"x{bad}", "--json"),
        run("nearest", space, "Vicki", "--where", f"gender = '{bad}'"),
        run("nearest", space, "Vicki", "--where", f"{bad} = 1"),
        run("add", space, "--images", images, "-q"),
        run("validate", "report", space, images, "--extractor", "skin", "-q"),
        run("validate", "report", space, images, "--extractor", f"classify:{tmp_path}/{bad}"),
        run("info", f"{tmp_path}/{bad}.space"),
        run("score", space, "Vicki", "--axis", weights),
        run("build", f"{tmp_path}/other.space", f"{tmp_path}/{bad}.txt"),
        run("card", space, f"Vicki{bad}"),
    ]
    for written in asked:
        assert "Traceback" not in written
        assert not ACTS.search(written), written
    assert any("<U+001B>]52" in written for written in asked)


def test_an_export_is_data_in_a_pipe_and_text_on_a_terminal(
    tmp_path: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of a user's file hold what it held; a terminal is not told to act on it."""
    row = {
        "name": "Anna",
        "part": "given",
        "locales": ["\x1b]52;c;eA==\x07"],
        "sources": ["\u202ex"],
    }
    folder = tmp_path / "my.space"
    build_space(make_names([row]), folder, encoder=load_encoder("organism"), templates="plain")
    asked = ("export", folder, "-", "--columns", "name,locales,sources", "--format", "csv")
    assert "\x1b]52;c;eA==\x07" in run(*asked)
    monkeypatch.setattr(output, "reaches_a_terminal", lambda: True)
    written = run(*asked)
    assert "Anna,<U+001B>]52;c;eA==<U+0007>,<U+202E>x\n" in written
    assert not ACTS.search(written)


def test_only_output_writes_to_the_terminal() -> None:
    """So that nothing has to be remembered elsewhere."""
    rooms = Path(cli.__file__).parent
    for path in rooms.rglob("*.py"):
        if path.name not in {"output.py", "__init__.py"}:
            text = re.sub(r'print\(f"namebasis \{__version__\}"\)', "", path.read_text())
            assert not re.search(r"(?<![\w.])print\(|\.write\(f?\"|typer\.echo|Console\(", text), (
                path
            )


def test_a_bar_of_nothing_to_do_is_not_left_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress_bar("condition"):
        pass
    assert capsys.readouterr().err == ""
