"""The explorer's questions over HTTP: the studies' own results, as JSON."""

from __future__ import annotations

import asyncio
import inspect
import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Body, FastAPI, File, Form, HTTPException, Query, Request, UploadFile
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from namebasis.checks import Progress
from namebasis.errors import EncoderError
from namebasis.explore.jobs import Job, Jobs
from namebasis.explore.lists import add_lists
from namebasis.explore.questions import (
    MOST_NEAREST,
    ArrangementQuestion,
    BasisQuestion,
    CardQuestion,
    PaintQuestion,
    Question,
    ScoreQuestion,
    SelectQuestion,
    asked,
    is_stored,
    notes_of,
    with_space,
)
from namebasis.explore.refusals import add_refusals, one_line
from namebasis.explore.replies import (
    QUESTIONS,
    BasisReply,
    JobReply,
    NearestReply,
    told_of,
)
from namebasis.explore.replies import told as told
from namebasis.explore.routes import REFUSALS, Short
from namebasis.explore.routes import Text as Text
from namebasis.explore.routes import View as View
from namebasis.explore.routes import Where as Where
from namebasis.explore.routes import answer as answer
from namebasis.explore.routes import space_of as space_of
from namebasis.explore.warm import Warm
from namebasis.namespace.search.results import NearestResult
from namebasis.namespace.where.words import split_list
from namebasis.results import plain
from namebasis.space import Space

MOST_IDS = 100_000
"""Names of a basket that can be exported by id."""
_STEP = 0.02  # seconds between two looks at a job that a reply waits for

Id = Annotated[str, InPath(description="Of the job, as its start replied.")]
Shape = Literal["txt", "csv", "tsv", "json", "jsonl", "parquet", "a1111", "dynamicprompts"]


class Selection(BaseModel):
    """Names by id, in the order in which they are to be written."""

    model_config = ConfigDict(extra="forbid")

    ids: list[int] = Field(min_length=1, max_length=MOST_IDS, description="Rows of the space.")
    columns: list[str] | None = Field(None, description="Columns to write; the usual by default.")
    format: Shape = Field("txt", description="Form of the file.")


class Subset(BaseModel):
    """The names that a filter leaves."""

    model_config = ConfigDict(extra="forbid")

    where: str | None = Field(
        None, max_length=20_000, description="Only names for which this SQL is true."
    )
    columns: str | None = Field(
        None, max_length=2_000, description="Columns to write, separated by commas."
    )
    order_by: str | None = Field(
        None, max_length=100, description='A column, or "column desc"; of building by default.'
    )
    limit: int | None = Field(None, ge=1, description="The most names.")
    format: Shape = Field("txt", description="Form of the file.")
    space: str | None = Field(
        None, max_length=500, description="Short name of the space; by default the first."
    )


def add_questions(app: FastAPI, warm: Warm, jobs: Jobs) -> None:
    """Add the questions about `warm`'s spaces to an application, and how refusals are told."""
    router = APIRouter(prefix="/api", responses=REFUSALS)
    add_lists(router, warm, jobs.lanes)
    _add_targets(router, warm, jobs)
    _add_jobs(router, warm, jobs)
    _add_exports(router, warm)
    app.include_router(router)
    add_refusals(app, warm)


def _add_targets(router: APIRouter, warm: Warm, jobs: Jobs) -> None:
    for name, kind, reply in QUESTIONS:
        words: dict[str, Any] = {
            "response_model": told_of(reply),
            "summary": name,
            "description": inspect.getdoc(kind),
        }
        router.get(f"/{{space}}/{name}", **words, tags=["a space"])(_of_path(kind, warm, jobs))
        router.get(f"/{name}", **words, tags=["questions"])(_of_query(kind, warm, jobs))

    @router.post("/{space}/nearest", response_model=told_of(NearestReply), tags=["a space"])
    async def nearest_of_image(
        space: Short,
        image: Annotated[UploadFile, File(description="A picture in a usual format.")],
        k: Annotated[int, Form(ge=1, le=MOST_NEAREST, description="How many names.")] = 10,
        where: Annotated[
            str | None, Form(description="Only names for which this SQL is true.")
        ] = None,
        view: Annotated[str, Form(description="Which vectors are searched.")] = "text",
    ) -> Response:
        """The names nearest to an image."""

        def work() -> Response:
            return answer(told(_nearest_of(warm, space, image.file, k, where, view)))

        return await jobs.lanes.run(work, encodes=True)

    @router.post("/{space}/basis", response_model=told_of(BasisReply), tags=["a space"])
    async def basis(space: Short, question: BasisQuestion) -> Response:
        """A few names that add up to a target, without controls: those are a job."""

        def work() -> Response:
            space_of(warm, space)
            quick = question.model_copy(update={"n_null": 0, "n_resamples": 0})
            return answer(told(asked(warm, space, quick)))

        return await jobs.lanes.run(work, encodes=True)


def _nearest_of(
    warm: Warm, space: str, image: BinaryIO, k: int, where: str | None, view: str
) -> NearestResult:
    """The names nearest to an image in a usual format."""
    from namebasis.encoders.images import open_image

    opened = space_of(warm, space)
    with tempfile.TemporaryDirectory() as folder, warm.encoding:
        # Through a file: its limits on bytes, pixels and formats are those of all images.
        file = Path(folder) / "image"
        file.write_bytes(image.read())
        try:
            picture = open_image(file)
        except EncoderError as error:
            raise EncoderError(str(error).replace(str(file), "the image")) from None
        return opened.nearest(picture, k, where=where, view=view)


def _of_path(kind: type[Question], warm: Warm, jobs: Jobs) -> Callable[..., Any]:
    async def of_path(request: Request, space: str, question: Question) -> Response:
        return await _replied(request, space, question, warm, jobs)

    return _annotated(of_path, space=Short, question=Annotated[kind, Query()])


def _of_query(kind: type[Question], warm: Warm, jobs: Jobs) -> Callable[..., Any]:
    async def of_query(request: Request, question: Any) -> Response:
        space = question.space or warm.names[0]
        return await _replied(request, space, question, warm, jobs)

    return _annotated(of_query, question=Annotated[with_space(kind), Query()])


def _annotated(route: Callable[..., Any], **hints: Any) -> Callable[..., Any]:
    """A route whose parameters are known only now."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    hints = {"request": Request, **hints}
    route.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind, annotation=hint) for name, hint in hints.items()]
    )
    return route


async def _replied(
    request: Request, space: str, question: Question, warm: Warm, jobs: Jobs
) -> Response:
    """The answer to a question; a long one waits its turn, and stops when nobody waits for it."""
    if not question.is_long:
        return await _at_once(space, question, warm, jobs)
    await jobs.lanes.run(lambda: question.check(space_of(warm, space)))
    failed: list[Exception] = []

    def work(progress: Progress) -> Any:
        try:
            return plain(told(asked(warm, space, question, progress)))
        except Exception as error:
            failed.append(error)
            raise

    job = jobs.start(type(question).__name__, work)
    while job.state in ("queued", "running"):
        if await request.is_disconnected():
            jobs.cancel(job.id)
            break
        await asyncio.sleep(_STEP)
        jobs.get(job.id)  # somebody still waits for it
    if failed:
        raise failed[0]
    if job.state != "done":
        raise HTTPException(503, "the question was stopped before it was answered.")
    return JSONResponse(job.result)


async def _at_once(space: str, question: Question, warm: Warm, jobs: Jobs) -> Response:
    """The answer to a quick question; what must be encoded is, in turn, before its search."""

    def reply(*, in_turn: bool = False) -> Response:
        opened = space_of(warm, space)
        found = asked(warm, space, question, in_turn=in_turn)
        return answer({**told(found), "notes": notes_of(opened, question, found)})

    def reply_if_stored() -> Response | None:
        return reply() if is_stored(space_of(warm, space), question) else None

    def prepare() -> bool:
        with warm.encoding:
            return question.prepare(space_of(warm, space))

    lanes = jobs.lanes
    if (replied := await lanes.run(reply_if_stored)) is not None:
        return replied
    if await lanes.run(prepare, encodes=True):
        return await lanes.run(reply)
    return await lanes.run(partial(reply, in_turn=True), encodes=True)


def _add_jobs(router: APIRouter, warm: Warm, jobs: Jobs) -> None:
    def shown(job: Job) -> dict[str, Any]:
        found = job.to_dict()
        if found.get("error"):
            found["error"] = one_line(ValueError(found["error"]), warm)
        return found

    def start(space: str, question: Question) -> Response:
        question.check(space_of(warm, space))

        def work(progress: Progress) -> Any:
            return plain(told(asked(warm, space, question, progress)))

        kind = type(question).__name__.removesuffix("Question").lower()
        return answer(shown(jobs.start(kind, work, question.stages)), 202)

    words: dict[str, Any] = {"response_model": JobReply, "status_code": 202, "tags": ["jobs"]}

    @router.post("/{space}/jobs/map", **words)
    def make_map(
        space: Short,
        view: Annotated[str, Body(embed=True, description="Whose names are placed.")] = "text",
    ) -> Response:
        """Place all names of a view on a plane."""
        space_of(warm, space).ids(view=view)  # refuses an unknown view

        def work(progress: Progress) -> Any:
            return {"n_names": len(warm.places(space, view, progress))}

        return answer(shown(jobs.start("map", work)), 202)

    @router.post("/{space}/jobs/card", **words)
    def measure_card(space: Short, question: CardQuestion) -> Response:
        """Axes against chance, decomposition, rigidity and identity of a name."""
        return start(space, question.model_copy(update={"deep": True}))

    @router.post("/{space}/jobs/basis", **words)
    def measure_basis(space: Short, question: BasisQuestion) -> Response:
        """A basis with its controls and resamples."""
        return start(space, question)

    @router.post("/{space}/jobs/paint", **words)
    def paint(space: Short, question: PaintQuestion) -> Response:
        """Search for a prompt of names."""
        return start(space, question)

    @router.post("/{space}/jobs/score", **words)
    def score(space: Short, question: ScoreQuestion) -> Response:
        """Read names on axes, against made-up names."""
        return start(space, question)

    @router.post("/{space}/jobs/select", **words)
    def select(space: Short, question: SelectQuestion) -> Response:
        """Choose names that are good for something."""
        return start(space, question)

    @router.post("/{space}/jobs/topology", **words)
    def topology(space: Short, question: ArrangementQuestion) -> Response:
        """Clusters and what they go with."""
        return start(space, question)

    @router.get("/jobs/{id}", response_model=JobReply, tags=["jobs"])
    def job(id: Id) -> Response:
        """A job's progress and, once it is done, its result; ask every second or it is stopped."""
        found = jobs.get(id)
        if found is None:
            raise HTTPException(404, "no such job; it may have been forgotten.")
        return answer(shown(found))

    @router.delete("/jobs/{id}", response_model=JobReply, tags=["jobs"])
    def cancel(id: Id) -> Response:
        """Stop a job."""
        found = jobs.cancel(id)
        if found is None:
            raise HTTPException(404, "no such job; it may have been forgotten.")
        return answer(shown(found))


_FILE: dict[str, Any] = {
    "response_class": Response,
    "tags": ["questions"],
    "responses": {200: {"content": {"application/octet-stream": {}}, "description": "The file."}},
}


def _add_exports(router: APIRouter, warm: Warm) -> None:
    @router.post("/{space}/export", **_FILE)
    def export(space: Short, selection: Selection) -> Response:
        """Names by id as a file, in their order."""
        opened = space_of(warm, space)
        if max(selection.ids) >= len(opened) or min(selection.ids) < 0:
            raise ValueError(f"ids go from 0 to {len(opened) - 1:,}.")
        return _file(opened, selection.format, columns=selection.columns, ids=selection.ids)

    @router.get("/export", **_FILE)
    def export_subset(subset: Annotated[Subset, Query()]) -> Response:
        """The names that a filter leaves, as a file."""
        opened = space_of(warm, subset.space or warm.names[0])
        columns = split_list(subset.columns) if subset.columns else None
        return _file(
            opened, subset.format, columns=columns, where=subset.where, order_by=subset.order_by,
            limit=subset.limit,
        )  # fmt: skip


def _file(space: Space, form: Shape, *, columns: list[str] | None, **words: Any) -> Response:
    sink = io.BytesIO()
    if columns is None and form not in ("txt", "a1111", "dynamicprompts"):
        columns = ["name", "part", "gender", "locales"]
    space.export(sink, columns=columns, format=form, **words)
    name = f"names.{'txt' if form == 'a1111' else form}"
    return Response(
        sink.getvalue(),
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
