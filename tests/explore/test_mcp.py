"""The tools of the Model Context Protocol, through its official client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from namebasis.results import plain
from namebasis.space import Space
from namebasis.terms import explain
from tests.lazily import library

mcp = library("mcp", "needs the extra mcp")
stdio = library("mcp.client.stdio", "needs the extra mcp")
anyio = pytest.importorskip("anyio")
jsonschema = pytest.importorskip("jsonschema")

REPOSITORY = Path(__file__).parents[2]
COMMAND = ["-c", "from namebasis.cli import main; main()", "mcp"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
READING = {"spaces", "info", "nearest", "basis", "paint", "card", "walk", "score", "select",
           "topology", "explain", "export"}  # fmt: skip


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "nearest": ("nearest", {"q": "Vicki + Anna", "k": 3, "space": "my"}),
    "basis": ("basis", {"q": "Vicki", "n_names": 2, "n_null": 5, "n_resamples": 3}),
    "card": ("card", {"name": "Vicki", "k": 3}),
    "walk": ("walk", {"along": "2", "k": 2, "steps": 3}),
    "long": ("nearest", {"q": "Vicki", "k": 30}),
    "info": ("info", {}),
    "spaces": ("spaces", {}),
    "explain": ("explain", {"word": "own score"}),
    "export": ("export", {"where": "gender = 'F'", "limit": 3, "format": "json"}),
    "hostile": ("nearest", {"q": "<img src=x onerror=alert(1)>", "k": 2}),
    "encoded": ("nearest", {"q": "an old lady\u202e", "k": 1, "as": "text"}),
    "painted": ("paint", {"q": "Vicki", "n_names": 1, "beam": 1, "candidates": 12}),
    "unknown name": ("card", {"name": "Vickii"}),
    "bad where": ("nearest", {"q": "Vicki", "where": "gendr = 'F'"}),
    "injected": ("export", {"where": "1=1; DROP TABLE names"}),
    "reads a file": ("export", {"where": "NOT in_file('names.txt')"}),
    "orders by a file": ("export", {"order_by": "name, similar('photo.png')"}),
    "huge k": ("nearest", {"q": "Vicki", "k": 10**30}),
    "no number": ("nearest", {"q": "Vicki", "k": "ten"}),
    "nothing": ("nearest", {}),
    "unknown argument": ("nearest", {"q": "Vicki", "wher": "1"}),
    "unknown space": ("info", {"space": "../../etc"}),
    "unknown tool": ("neares", {}),
    "unknown word": ("explain", {"word": "qqqqqq"}),
    "a path": ("score", {"names": ["Vicki"], "axes": ["/etc/passwd"]}),
    "no file": ("export", {"format": "parquet"}),
}
"""What a session asks: one server answers all calls of this file."""


def told_by(server: Any) -> dict[str, Any]:
    """What a session with a server told, in this process or in one of its own."""

    async def session() -> dict[str, Any]:
        async with mcp.Client(server) as client:
            told: dict[str, Any] = {"tools": (await client.list_tools()).tools}
            steps: list[tuple[float, float | None]] = []

            async def report(done: float, total: float | None, _message: str | None) -> None:
                steps.append((done, total))

            for key, (name, arguments) in CALLS.items():
                told[key] = await client.call_tool(name, arguments, progress_callback=report)
            told["steps"] = steps
            return told

    return anyio.run(session)


@pytest.fixture(scope="module")
def called(folder: Path) -> dict[str, Any]:
    from namebasis.explore.mcp_server import create_server
    from namebasis.explore.warm import Warm

    return told_by(create_server(Warm([folder / "my.space"])))


def value(result: Any) -> Any:
    assert not result.is_error, result.content
    return result.structured_content


def text(result: Any) -> str:
    (block,) = result.content
    return str(block.text)


def test_the_tools_are_described_and_only_read(called: dict[str, Any]) -> None:
    tools = {tool.name: tool for tool in called["tools"]}
    assert set(tools) >= READING
    for tool in tools.values():
        assert tool.annotations.read_only_hint
        assert len(tool.description) > 30
        for name, field in tool.input_schema["properties"].items():
            assert field.get("description"), f"{tool.name}: {name}"
        assert tool.input_schema["additionalProperties"] is False
    for name in READING - {"score", "select", "topology"}:
        key = {"paint": "painted"}.get(name, name)
        jsonschema.validate(value(called[key]), tools[name].output_schema)


def test_the_values_are_those_of_python(called: dict[str, Any], space: Space) -> None:
    from namebasis.explore.replies import values_of

    wanted = {
        "nearest": space.nearest("Vicki", 3, plus=["Anna"]),
        "basis": space.basis("Vicki", 2, n_null=5, n_resamples=3),
        "card": space.card("Vicki", k=3),
        "walk": space.walk(2, names_per_step=2, n_steps=3),
        "hostile": space.nearest("<img src=x onerror=alert(1)>", 2),
        "encoded": space.nearest("an old lady\u202e", 1, as_="text"),
    }
    for name, found in wanted.items():
        told = value(called[name])
        assert told["result"] == plain(values_of(found)), name
        assert told["headline"] == found.headline()
        shown = str(found).replace("--deep (in Python, deep=True)", "deep=true")
        assert text(called[name]) == shown, name
    painted = value(called["painted"])["result"]
    best = space.paint("Vicki", 1, beam=1, candidates=12)
    assert painted["prompt"] == best.prompt
    # A text is embedded with others or alone, as what is kept of earlier questions decides.
    assert painted["best"]["similarity"] == pytest.approx(best.best.similarity, abs=1e-6)


def test_facts_words_and_lists(called: dict[str, Any], space: Space) -> None:
    assert value(called["spaces"])["spaces"][0]["n_names"] == len(space)
    info = value(called["info"])
    assert info == {**plain(space.info().facts), "path": "my.space"}  # type: ignore[dict-item]
    assert value(called["explain"]) == plain(explain("own score").to_dict())
    listed = value(called["export"])
    table = space.table(["name", "part", "gender", "locales"], where="gender = 'F'")
    assert json.loads(listed["text"]) == table.to_pylist()[:3]
    assert listed["n_names"] == 3


def test_no_option_of_the_command_line_is_told(called: dict[str, Any]) -> None:
    assert "more rows: see values" in text(called["long"])
    for key, result in called.items():
        if key not in ("tools", "steps"):
            assert not re.search(r"(?<!\w)--[a-z]", text(result)), key


def test_long_work_says_what_it_does_and_ends_where_nobody_waits() -> None:
    import threading
    from types import SimpleNamespace

    from namebasis.explore.jobs import Cancelled
    from namebasis.explore.mcp_server import _watched

    told: list[tuple[int, int | None, str | None]] = []

    async def report(done: int, total: int | None, message: str | None) -> None:
        told.append((done, total, message))

    context: Any = SimpleNamespace(session=SimpleNamespace(report_progress=report))
    stop = threading.Event()

    def work(done: int, steps: tuple[str, ...]) -> None:
        _watched(context, stop, steps)(done, 4)

    async def session() -> None:
        for done in (0, 3, 4):
            await anyio.to_thread.run_sync(work, done, ("reads", "weighs"))
        await anyio.to_thread.run_sync(work, 1, ())
        stop.set()
        with pytest.raises(Cancelled):
            await anyio.to_thread.run_sync(work, 2, ())

    anyio.run(session)
    assert told == [(0, 4, "reads"), (3, 4, "weighs"), (4, 4, "weighs"), (1, 4, None)]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("unknown name", "'Vickii' is not in my. Near spellings stored: Vicki"),
        ("bad where", "gendr"),
        ("injected", ";"),
        ("reads a file", "only for the command line and Python"),
        ("orders by a file", "only for the command line and Python"),
        ("huge k", "k must be at most 1000; got 1000"),
        ("no number", "k must be a whole number; got 'ten'."),
        ("nothing", "q is missing."),
        ("unknown argument", "there is no parameter wher. Did you mean 'where'?"),
        ("unknown space", "no space '../../etc' is open here; there are my."),
        ("unknown tool", "Did you mean 'nearest'?"),
        ("unknown word", "'qqqqqq' is not explained."),
        ("a path", "no axis"),
        ("no file", "format must be 'txt',"),
    ],
)
def test_what_cannot_be_answered_is_one_plain_line(
    called: dict[str, Any], space: Space, call: str, said: str
) -> None:
    result = called[call]
    assert result.is_error
    assert said in text(result)
    assert "\n" not in text(result)
    assert "Error executing" not in text(result)


def test_long_work_tells_how_far_it_is_and_no_folder_is_told(
    called: dict[str, Any], space: Space
) -> None:
    assert called["steps"]
    assert all(total is None or done <= total for done, total in called["steps"])
    for key, result in called.items():
        if key not in ("tools", "steps"):
            assert str(space.path.parent) not in result.model_dump_json(), key


@pytest.mark.long
def test_a_process_of_its_own_answers_alike_over_its_streams(
    called: dict[str, Any], folder: Path
) -> None:
    server = mcp.StdioServerParameters(
        command=sys.executable, args=[*COMMAND, str(folder / "my.space")], env=ENVIRONMENT
    )
    # The stderr by default is that of the moment when mcp was loaded, perhaps within a test's run.
    told = told_by(stdio.stdio_client(server, errlog=sys.__stderr__))
    assert told["tools"] == called["tools"]
    assert told["steps"]
    for key in set(CALLS) - {"painted"}:  # which says its seconds
        there, here = told[key], called[key]
        assert (there.is_error, text(there)) == (here.is_error, text(here)), key
        assert there.structured_content == here.structured_content, key
    prompts = [value(one["painted"])["result"]["prompt"] for one in (told, called)]
    assert prompts[0] == prompts[1]


@pytest.mark.long
def test_the_end_of_stdin_ends_it_and_only_the_protocol_is_printed(folder: Path) -> None:
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                   "clientInfo": {"name": "test", "version": "1"}},
    }  # fmt: skip
    code = """
import sys
from namebasis.cli import main
try:
    main()
finally:
    print({"torch", "transformers", "fastapi"} & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "mcp", str(folder / "my.space")], env=ENVIRONMENT, text=True,
        input=json.dumps(hello) + "\nno protocol\n", capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0]["id"] == 1
    assert told[0]["result"]["serverInfo"]["name"] == "namebasis"
    assert all(one["jsonrpc"] == "2.0" for one in told)
    assert done.stderr.strip() == "set()", "a model was loaded, or something was printed"


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    from namebasis.cli.commands.explore import mcp as command
    from namebasis.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "namebasis.explore.mcp_server", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'namebasis\[mcp\]'"):
        command([folder / "my.space"])
