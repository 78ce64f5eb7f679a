"""The service as tools of the Model Context Protocol, over the standard streams of a process."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
import anyio.from_thread
import anyio.to_thread
import mcp_types as types
from mcp.server import Server
from mcp.server.stdio import stdio_server
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from namebasis import __version__
from namebasis.errors import NamebasisError
from namebasis.explore.jobs import Cancelled, step_of
from namebasis.explore.questions import Where, asked, notes_of, parameters, with_space
from namebasis.explore.refusals import in_words, one_line, without_options, without_paths
from namebasis.explore.replies import (
    QUESTIONS,
    ExplainReply,
    InfoReply,
    SpacesReply,
    SubsetReply,
    answered_of,
    spaces_of,
    values_of,
    without_folders,
)
from namebasis.explore.warm import Warm
from namebasis.results import plain
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext

    from namebasis.checks import Progress
    from namebasis.space import Space

_log = logging.getLogger(__name__)
_EVERY = 0.25  # seconds between two notices of progress
_INSTRUCTIONS = (
    "What CLIP-like models believe about names: spaces of embedded names, and questions about "
    "them. Ask `spaces` for what is open and `info` for the columns that `where` may use; "
    "`explain` says what a word of an answer means. An answer begins with a sentence and says "
    "whether it is within chance. Nothing is written."
)
_MEANT = Annotated[
    str | None, Field(max_length=500, description="Short name of the space; by default the first.")
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SpacesQuestion(_Asked):
    """List the open spaces: how many names each holds, its encoder, views and columns."""


class InfoQuestion(_Asked):
    """What a space holds: names, columns, measures that studies wrote, indices."""

    space: _MEANT = None


class ExplainQuestion(_Asked):
    """What a word of a table or a column means, such as own_score; all words without one."""

    word: Annotated[
        str | None, Field(max_length=200, description="A word, in any case, or a column.")
    ] = None


class SubsetQuestion(_Asked):
    """The names that a filter leaves, as the text of a list or table; no file is written."""

    where: Where = None
    columns: Annotated[
        list[str] | None, Field(max_length=50, description="Columns; the usual by default.")
    ] = None
    order_by: Annotated[
        str | None, Field(max_length=100, description='A column, or "column desc".')
    ] = None
    limit: Annotated[int, Field(ge=1, le=5_000, description="The most names.")] = 100
    format: Annotated[
        Literal["txt", "csv", "tsv", "json", "jsonl", "a1111", "dynamicprompts"],
        Field(description="Form of the list."),
    ] = "txt"
    space: _MEANT = None


@dataclass(frozen=True)
class _Told:
    """An answer in words and in values."""

    text: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class _Tool:
    """A tool: what it may be asked with, what it answers with, and how."""

    kind: type[BaseModel]
    reply: type[BaseModel]
    run: Callable[[Warm, Any, Progress], _Told]

    def described(self, name: str) -> types.Tool:
        """The tool as a client sees it."""
        return types.Tool(
            name=name,
            description=(self.kind.__doc__ or "").strip(),
            input_schema=self.kind.model_json_schema(by_alias=True),
            output_schema=self.reply.model_json_schema(mode="serialization"),
            annotations=types.ToolAnnotations(
                read_only_hint=True, destructive_hint=False, idempotent_hint=True,
                open_world_hint=False,
            ),
        )  # fmt: skip


def _space(warm: Warm, name: str | None) -> str:
    """The space that is meant.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name is not None and name not in warm.names:
        raise ValueError(
            f"no space {name!r} is open here; there are {', '.join(warm.names)}."
            f"{did_you_mean(name, warm.names)}"
        )
    return name or warm.names[0]


def _study(warm: Warm, question: Any, progress: Progress) -> _Told:
    name = _space(warm, question.space)
    question.check(warm.space(name))
    found = asked(warm, name, question, progress)
    notes = notes_of(warm.space(name), question, found)
    values = {"headline": found.headline(), "notes": notes, "result": values_of(found)}
    text = without_options(str(found))
    return _Told("\n".join([text, *(one for one in notes if one not in text)]), values)


def _spaces(warm: Warm, _question: Any, _progress: Progress) -> _Told:
    found = spaces_of(warm)
    lines = [
        f"{one['space']}: "
        + (one.get("error") or f"{one.get('n_names'):,} names, {one.get('encoder')}")
        for one in found
    ]
    return _Told("\n".join(lines), {"spaces": found})


def _info(warm: Warm, question: Any, _progress: Progress) -> _Told:
    found = warm.space(_space(warm, question.space)).info()
    return _Told(without_options(str(found)), without_folders(found.facts))


def _explain(_warm: Warm, question: Any, _progress: Progress) -> _Told:
    from namebasis.terms import explain

    found = explain(question.word)
    return _Told(str(found), found.to_dict())


def _subset(warm: Warm, question: Any, _progress: Progress) -> _Told:
    space: Space = warm.space(_space(warm, question.space))
    columns = question.columns
    if columns is None and question.format not in ("txt", "a1111", "dynamicprompts"):
        columns = ["name", "part", "gender", "locales"]
    sink = io.BytesIO()
    done = space.export(
        sink, columns=columns, where=question.where, order_by=question.order_by,
        limit=question.limit, format=question.format,
    )  # fmt: skip
    text = sink.getvalue().decode("utf-8")
    return _Told(text, {"n_names": done.n_rows, "format": question.format, "text": text})


TOOLS: dict[str, _Tool] = {
    "spaces": _Tool(SpacesQuestion, SpacesReply, _spaces),
    "info": _Tool(InfoQuestion, InfoReply, _info),
    **{
        name: _Tool(with_space(kind), answered_of(reply), _study) for name, kind, reply in QUESTIONS
    },
    "explain": _Tool(ExplainQuestion, ExplainReply, _explain),
    "export": _Tool(SubsetQuestion, SubsetReply, _subset),
}
"""What a client may call; none of them writes."""


def create_server(warm: Warm) -> Server[Any]:
    """A server whose tools ask some spaces."""

    async def listed(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool.described(name) for name, tool in TOOLS.items()])

    async def called(
        context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            hint = did_you_mean(params.name, TOOLS)
            return _refused(
                f"there is no tool {params.name!r}; there are {', '.join(TOOLS)}.{hint}"
            )
        try:
            question = tool.kind.model_validate(params.arguments or {})
        except ValidationError as error:
            return _refused(in_words(error.errors(), parameters(tool.kind)))
        return await _answered(warm, tool, question, context)

    return Server(
        "namebasis", version=__version__, title="namebasis", instructions=_INSTRUCTIONS,
        on_list_tools=listed, on_call_tool=called,
    )  # fmt: skip


async def _answered(
    warm: Warm, tool: _Tool, question: BaseModel, context: ServerRequestContext[Any, Any]
) -> types.CallToolResult:
    stop = threading.Event()
    try:
        told = await anyio.to_thread.run_sync(
            tool.run,
            warm,
            question,
            _watched(context, stop, getattr(question, "stages", ())),
            abandon_on_cancel=True,
        )
    except (NamebasisError, ValueError) as error:
        return _refused(one_line(error, warm))
    except Exception as error:
        _log.error("%s: %s", type(error).__name__, error)
        return _refused(one_line(error, warm))
    finally:
        stop.set()  # what was abandoned ends at its next step
    values = plain(told.values)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=without_paths(told.text, warm))],
        structured_content=values,
    )


def _watched(
    context: ServerRequestContext[Any, Any], stop: threading.Event, steps: Sequence[str]
) -> Progress:
    """Tell the client how far the work is; end the work where nobody waits for it."""
    last = 0.0

    def progress(done: int, total: int, *_: object) -> None:
        nonlocal last
        if stop.is_set():
            raise Cancelled
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            now = step_of(steps, done, total) if steps else None
            report = partial(context.session.report_progress, done, total or None, now)
            with suppress(RuntimeError):  # the loop ends while the work does not know it yet
                anyio.from_thread.run(report)

    return progress


def _refused(said: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)], is_error=True)


def serve_mcp(paths: Sequence[str | Path]) -> None:
    """Serve spaces over stdin and stdout until the client closes them.

    Raises
    ------
    SpaceError
        If a space is missing, damaged or being built.
    ValueError
        If a stream is closed: a client of the protocol starts this and talks through both.
    """
    if sys.stdin is None or sys.stdout is None or sys.stdin.closed or sys.stdout.closed:
        raise ValueError("stdin or stdout is closed; a client of the protocol talks through both.")
    anyio.run(_serve, create_server(Warm(paths)))


async def _serve(server: Server[Any]) -> None:
    # Streams in memory have no descriptor that could be guarded against stray prints.
    has_bytes = hasattr(sys.stdin, "buffer")
    streams = {} if has_bytes else {
        "stdin": anyio.wrap_file(sys.stdin), "stdout": anyio.wrap_file(sys.stdout)
    }  # fmt: skip
    async with stdio_server(**streams) as (read, write):
        await server.run(read, write, server.create_initialization_options())
