"""The explorer's questions over HTTP: the studies' own results, as JSON."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Body, FastAPI, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from namebasis import __version__
from namebasis.checks import Progress
from namebasis.errors import NamebasisError
from namebasis.explore.facets import facets_of
from namebasis.explore.jobs import Jobs
from namebasis.explore.targets import read_query
from namebasis.explore.warm import Warm
from namebasis.results import Result, plain
from namebasis.space import Space
from namebasis.terms import sentence

MOST_NEAREST = 1_000
MOST_ROWS = 5_000
"""Rows of one page of the list; a file of all of them is an export."""
MOST_IDS = 100_000
"""Names of a basket that can be exported by id."""
_SECTIONS = {
    "basis": "Basis", "paint": "Basis", "attributes": "Readings", "identity": "Full names",
    "topology": "Topology",
}  # fmt: skip
"""Headings of docs/measures.md whose paragraphs a study's words mean first."""
ARROW = "application/vnd.apache.arrow.stream"

Text = Annotated[str, Query(min_length=1, max_length=2_000)]
Where = Annotated[str | None, Query(max_length=20_000)]
View = Annotated[str, Query(max_length=40)]
As = Annotated[Literal["name", "text"] | None, Query(alias="as")]
Count = Annotated[int, Query(ge=1, le=MOST_NEAREST)]
Shape = Literal["txt", "csv", "tsv", "json", "jsonl", "parquet", "a1111", "dynamicprompts"]


class BasisQuestion(BaseModel):
    """A sparse basis of a target."""

    q: str = Field(min_length=1, max_length=2_000)
    n_names: int = Field(5, ge=1, le=40)
    where: str | None = None
    deny: list[str] = Field(default_factory=list, max_length=1_000)
    view: str = "text"
    as_: Literal["name", "text"] | None = Field(None, alias="as")
    n_null: int = Field(200, ge=0, le=1_000)
    n_resamples: int = Field(50, ge=0, le=500)
    seed: int = Field(0, ge=0)


class PaintQuestion(BaseModel):
    """A prompt of names near a target."""

    q: str = Field(min_length=1, max_length=2_000)
    n_names: int = Field(4, ge=1, le=12)
    template: str = Field("a photo of {names}", max_length=500)
    where: str | None = None
    deny: list[str] = Field(default_factory=list, max_length=1_000)
    as_: Literal["name", "text"] | None = Field(None, alias="as")
    syntax: str = "plain"
    beam: int = Field(8, ge=1, le=64)
    candidates: int = Field(512, ge=8, le=4_096)
    seed: int = Field(0, ge=0)


class CardQuestion(BaseModel):
    """Everything about one name, measured."""

    name: str = Field(min_length=1, max_length=500)
    k: int = Field(8, ge=1, le=100)
    view: str = "text"
    seed: int = Field(0, ge=0)


class ArrangementQuestion(BaseModel):
    """Clusters, and what they go with."""

    where: str | None = None
    view: str = "text"
    shape: bool = False
    seed: int = Field(0, ge=0)


class Selection(BaseModel):
    """Names by id, in the order in which they are to be written."""

    ids: list[int] = Field(min_length=1, max_length=MOST_IDS)
    columns: list[str] | None = None
    format: Shape = "txt"


def add_questions(app: FastAPI, warm: Warm, jobs: Jobs) -> None:
    """Add the questions about `warm`'s spaces to an application, and how refusals are told."""
    router = APIRouter(prefix="/api")
    _add_lists(router, warm)
    _add_targets(router, warm)
    _add_jobs(router, warm, jobs)
    _add_exports(router, warm)
    app.include_router(router)

    @app.exception_handler(NamebasisError)
    @app.exception_handler(ValueError)
    def _(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(HTTPException)
    def _(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code)


def answer(value: object, status: int = 200) -> Response:
    """A value as JSON, in which NaN and infinity are null."""
    return JSONResponse(plain(value), status)


def space_of(warm: Warm, name: str) -> Space:
    """An open space by its short name; 404 where there is none."""
    try:
        return warm.space(name)
    except KeyError:
        known = ", ".join(warm.names)
        raise HTTPException(404, f"no space {name!r} is open here; there are {known}.") from None


def _add_lists(router: APIRouter, warm: Warm) -> None:
    @router.get("/spaces")
    def spaces() -> Response:
        """The open spaces."""
        return answer([_facts(warm, name) for name in warm.names])

    @router.get("/{space}/info")
    def info(space: str) -> Response:
        """What a space holds."""
        facts = space_of(warm, space).info().facts
        return answer({**facts, "path": Path(facts["path"]).name})

    @router.get("/{space}/facets")
    def facets(space: str, where: Where = None) -> Response:
        """Values and histograms of the columns, among the names that a filter leaves."""
        return answer(facets_of(space_of(warm, space), where))

    @router.get("/{space}/names")
    def names(
        space: str,
        where: Where = None,
        sort: Annotated[str | None, Query(max_length=80)] = None,
        descending: bool = False,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 100,
        columns: Annotated[str, Query(max_length=2_000)] = "name,part,gender,locales",
    ) -> Response:
        """A page of the names that a filter leaves."""
        asked = space_of(warm, space)
        ids = asked.ids(where) if where else None
        total = len(asked) if ids is None else len(ids)
        wanted = ["id", *(one for one in columns.split(",") if one and one != "id")]
        if sort is None:
            rows = list(range(offset, min(offset + limit, total)))
            chosen = rows if ids is None else [int(row) for row in ids[rows]]
            table = asked.table(wanted, ids=chosen)
        else:
            order = asked.table(["id", sort], where=where)
            if pa.types.is_nested(order.schema.field(sort).type):
                raise ValueError(f"{sort} holds a list for each name, and cannot be sorted by.")
            side = "descending" if descending else "ascending"
            order = order.sort_by([(sort, side), ("id", "ascending")])
            table = asked.table(wanted, ids=order["id"].to_pylist()[offset : offset + limit])
        return answer({"total": total, "rows": table.to_pylist()})

    @router.get("/{space}/ids")
    def ids(space: str, where: Where = None) -> Response:
        """Ids of the names that a filter leaves, as little-endian int32."""
        import numpy as np

        found = space_of(warm, space).ids(where).astype("<i4")
        return Response(
            np.ascontiguousarray(found).tobytes(), media_type="application/octet-stream"
        )

    @router.get("/{space}/table.arrow")
    def table(space: str, columns: Annotated[str, Query(max_length=2_000)]) -> Response:
        """Columns of all names as an Arrow stream; texts of few values are dictionaries."""
        asked = space_of(warm, space)
        wanted = list(dict.fromkeys(one for one in columns.split(",") if one))
        return Response(_stream(_packed(asked.table(wanted))), media_type=ARROW)

    @router.get("/{space}/map.arrow")
    def places(space: str, view: View = "text") -> Response:
        """Places of all names on the map, as an Arrow stream of x and y; 409 until it is made."""
        space_of(warm, space)
        if not warm.has_places(space, view):
            return answer({"error": "the map is not made yet; start its job.", "job": "map"}, 409)
        found = warm.places(space, view)
        made = pa.table({"x": found[:, 0], "y": found[:, 1]})
        return Response(_stream(made), media_type=ARROW)


def _facts(warm: Warm, name: str) -> dict[str, Any]:
    space = warm.space(name)
    return {
        "space": name,
        "n_names": len(space),
        "encoder": space.provenance.encoder,
        "templates": list(space.provenance.templates),
        "views": list(space.views),
        "columns": list(space.columns),
        "has_map": warm.has_places(name),
        "version": __version__,
        "build": space.provenance.build_id,
    }


def _packed(table: pa.Table) -> pa.Table:
    """Texts whose values repeat as dictionaries: a tenth of the bytes."""
    for at, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and field.name != "name":
            table = table.set_column(at, field.name, table[field.name].dictionary_encode())
    return table.combine_chunks()


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _add_targets(router: APIRouter, warm: Warm) -> None:
    @router.get("/{space}/nearest")
    def nearest(
        space: str,
        q: Text,
        k: Count = 50,
        where: Where = None,
        view: View = "text",
        farthest: bool = False,
        as_: As = None,
    ) -> Response:
        """The names nearest to a name, a text, or arithmetic of both."""
        asked = read_query(q)
        found = _asked(
            warm, space_of(warm, space), [asked.target, *asked.plus, *asked.minus],
            lambda opened: opened.nearest(
                asked.target, k, where=where, view=view, plus=asked.plus, minus=asked.minus,
                farthest=farthest, as_=as_,
            ),
        )  # fmt: skip
        return answer(told(found))

    @router.post("/{space}/nearest")
    def nearest_of_image(
        space: str,
        image: Annotated[UploadFile, File()],
        k: Annotated[int, Form(ge=1, le=MOST_NEAREST)] = 50,
        where: Annotated[str | None, Form()] = None,
        view: Annotated[str, Form()] = "text",
    ) -> Response:
        """The names nearest to an image."""
        from namebasis.encoders.images import open_image

        opened = space_of(warm, space)
        with tempfile.TemporaryDirectory() as folder:
            # Through a file: its limits on bytes, pixels and formats are those of all images.
            file = Path(folder) / "image"
            file.write_bytes(image.file.read())
            picture = open_image(file)
        with warm.encoding:
            found = opened.nearest(picture, k, where=where, view=view)
        return answer(told(found))

    @router.get("/{space}/card")
    def card(space: str, name: Text, k: Count = 8, view: View = "text") -> Response:
        """What the space holds of a name; what must be measured is a job."""
        return answer(told(space_of(warm, space).card(name, k=k, view=view)))

    @router.post("/{space}/basis")
    def basis(space: str, question: BasisQuestion) -> Response:
        """A few names that add up to a target, without controls: those are a job."""
        found = _asked(
            warm, space_of(warm, space), [question.q],
            lambda opened: opened.basis(
                question.q, question.n_names, where=question.where, deny=question.deny,
                as_=question.as_, view=question.view, n_null=0, n_resamples=0, seed=question.seed,
            ),
        )  # fmt: skip
        return answer(told(found))

    @router.get("/{space}/walk")
    def walk(
        space: str,
        along: Text = "1",
        to: Annotated[str | None, Query(max_length=2_000)] = None,
        k: Annotated[int, Query(ge=1, le=50)] = 5,
        steps: Annotated[int, Query(ge=2, le=101)] = 7,
        where: Where = None,
        view: View = "text",
        as_: As = None,
    ) -> Response:
        """Names along a component, a packaged axis, or from one target to another."""
        way = _direction(along) if to is None else (along, to)
        with warm.encoding:
            found = space_of(warm, space).walk(
                way, where=where, view=view, as_=as_, n_steps=steps, names_per_step=k
            )
        return answer(told(found))


def _direction(along: str) -> int | str:
    """A component's number or a packaged axis; never a file's path."""
    from namebasis.studies.attributes.axis_files import axis_names
    from namebasis.wording import did_you_mean

    if along.isdecimal():
        return int(along)
    if along not in axis_names():
        raise ValueError(
            f"{along!r} is no component's number and no axis ({', '.join(axis_names())})."
            f"{did_you_mean(along, axis_names())}"
        )
    return along


def _asked(warm: Warm, space: Space, targets: list[str], ask: Callable[[Space], Result]) -> Result:
    """Ask, in turn with others where a text must be encoded."""
    if all(row is not None for row in space.find_all(targets)):
        return ask(space)
    with warm.encoding:
        return ask(space)


def told(result: Result) -> dict[str, Any]:
    """A result with the sentences that a reader needs beside it."""
    section = next((_SECTIONS[part] for part in type(result).__module__.split(".")
                    if part in _SECTIONS), "")  # fmt: skip
    return {
        "headline": result.headline(),
        "tables": [
            {
                "title": table.title,
                "columns": list(table.columns),
                "meanings": [sentence(column, section) for column in table.columns],
                "rows": [list(row) for row in table.rows],
                "muted": list(table.muted),
                "key": table.key,
                "is_detail": table.detail,
            }
            for table in result.tables()
        ],
        "notes": list(result.notes()),
        "result": result.to_dict(),
    }


def _add_jobs(router: APIRouter, warm: Warm, jobs: Jobs) -> None:
    def start(kind: str, space: str, ask: Callable[[Space, Progress], Result]) -> Response:
        space_of(warm, space)

        def work(progress: Progress) -> Any:
            with warm.encoding:
                return plain(told(ask(warm.space(space), progress)))

        return answer(jobs.start(kind, work).to_dict(), 202)

    @router.post("/{space}/jobs/map")
    def make_map(space: str, view: Annotated[str, Body(embed=True)] = "text") -> Response:
        """Place all names of a view on a plane."""
        space_of(warm, space)

        def work(progress: Progress) -> Any:
            return {"n_names": len(warm.places(space, view, progress))}

        return answer(jobs.start("map", work).to_dict(), 202)

    @router.post("/{space}/jobs/card")
    def measure_card(space: str, question: CardQuestion) -> Response:
        """Axes against chance, decomposition, rigidity and identity of a name."""
        return start(
            "card", space,
            lambda opened, progress: opened.card(
                question.name, k=question.k, view=question.view, deep=True, seed=question.seed,
                progress=progress,
            ),
        )  # fmt: skip

    @router.post("/{space}/jobs/basis")
    def measure_basis(space: str, question: BasisQuestion) -> Response:
        """A basis with its controls and resamples."""
        return start(
            "basis", space,
            lambda opened, progress: opened.basis(
                question.q, question.n_names, where=question.where, deny=question.deny,
                as_=question.as_, view=question.view, n_null=question.n_null,
                n_resamples=question.n_resamples, seed=question.seed, progress=progress,
            ),
        )  # fmt: skip

    @router.post("/{space}/jobs/paint")
    def paint(space: str, question: PaintQuestion) -> Response:
        """Search for a prompt of names."""
        return start(
            "paint", space,
            lambda opened, progress: opened.paint(
                question.q, question.n_names, template=question.template, where=question.where,
                deny=question.deny, as_=question.as_, syntax=question.syntax, beam=question.beam,
                candidates=question.candidates, seed=question.seed, progress=progress,
            ),
        )  # fmt: skip

    @router.post("/{space}/jobs/topology")
    def topology(space: str, question: ArrangementQuestion) -> Response:
        """Clusters and what they go with."""
        from namebasis.studies.topology.study import report

        return start(
            "topology", space,
            lambda opened, progress: report(
                opened, where=question.where, view=question.view, shape=question.shape,
                n_resamples=0, seed=question.seed, progress=progress,
            ),
        )  # fmt: skip

    @router.get("/jobs/{id}")
    def job(id: str) -> Response:
        """A job's progress and, once it is done, its result; ask every second or it is stopped."""
        found = jobs.get(id)
        if found is None:
            raise HTTPException(404, "no such job; it may have been forgotten.")
        return answer(found.to_dict())

    @router.delete("/jobs/{id}")
    def cancel(id: str) -> Response:
        """Stop a job."""
        found = jobs.cancel(id)
        if found is None:
            raise HTTPException(404, "no such job; it may have been forgotten.")
        return answer(found.to_dict())


def _add_exports(router: APIRouter, warm: Warm) -> None:
    @router.post("/{space}/export")
    def export(space: str, selection: Selection) -> Response:
        """Names by id as a file, in their order."""
        content = _exported(space_of(warm, space), selection)
        name = f"names.{'txt' if selection.format == 'a1111' else selection.format}"
        return Response(
            content,
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )


def _exported(space: Space, selection: Selection) -> bytes:
    if max(selection.ids) >= len(space) or min(selection.ids) < 0:
        raise ValueError(f"ids go from 0 to {len(space) - 1:,}.")
    sink = io.BytesIO()
    columns = selection.columns
    if columns is None and selection.format not in ("txt", "a1111", "dynamicprompts"):
        columns = ["name", "part", "gender", "locales"]
    space.export(sink, columns=columns, ids=selection.ids, format=selection.format)
    return sink.getvalue()
