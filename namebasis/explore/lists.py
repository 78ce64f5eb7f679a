"""What spaces hold, over HTTP: facts, facets, pages of names, columns and the map as Arrow."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Query
from fastapi.responses import Response

from namebasis.errors import SpaceError
from namebasis.explore.jobs import Lanes
from namebasis.explore.questions import why_none
from namebasis.explore.refusals import one_line
from namebasis.explore.replies import (
    EncoderReply,
    FacetReply,
    InfoReply,
    NamesReply,
    NotMade,
    RefusedReply,
    SpaceReply,
    spaces_of,
    without_folders,
)
from namebasis.explore.routes import Short, View, Where, answer, space_of
from namebasis.explore.warm import Warm
from namebasis.namespace.where.words import split_list

MOST_ROWS = 5_000
"""Rows of one page of the list; a file of all of them is an export."""
Columns = Annotated[str, Query(max_length=2_000, description="Columns, separated by commas.")]
ARROW = "application/vnd.apache.arrow.stream"


def add_lists(router: APIRouter, warm: Warm, lanes: Lanes) -> None:
    """Add the routes that say what spaces hold."""

    @router.get("/spaces", response_model=list[SpaceReply | RefusedReply], tags=["spaces"])
    def spaces() -> Response:
        """The spaces, and why one cannot be served."""
        return answer(spaces_of(warm))

    @router.get("/{space}/encoder", response_model=EncoderReply, tags=["spaces"])
    async def encoder(space: Short) -> Response:
        """What the space's encoder reads, loaded so that later questions need not wait."""

        def work() -> Response:
            space_of(warm, space)
            reads = warm.reads(space)
            refusal = one_line(SpaceError(reads.refusal), warm)
            return answer(without_folders({**asdict(reads), "refusal": refusal}))

        return await lanes.run(work, encodes=True)

    @router.get("/{space}/info", response_model=InfoReply, tags=["spaces"])
    def info(space: Short) -> Response:
        """What a space holds."""
        facts = space_of(warm, space).info().facts
        return answer(without_folders(facts))

    @router.get("/{space}/facets", response_model=list[FacetReply], tags=["spaces"])
    def facets(space: Short, where: Where = None) -> Response:
        """Values and histograms of the columns, among the names that a filter leaves."""
        space_of(warm, space)
        return answer(warm.facets(space, where))

    @router.get("/{space}/names", response_model=NamesReply, tags=["spaces"])
    def names(
        space: Short,
        where: Where = None,
        sort: Annotated[str | None, Query(max_length=500, description="Column to sort by.")] = None,
        descending: Annotated[bool, Query(description="Largest first.")] = False,
        offset: Annotated[int, Query(ge=0, le=2**31, description="Names to leave out.")] = 0,
        limit: Annotated[int, Query(ge=0, le=MOST_ROWS, description="The most names.")] = 100,
        columns: Columns = "name,part,gender,locales",
    ) -> Response:
        """A page of the names that a filter leaves."""
        asked = space_of(warm, space)
        ids = asked.ids(where) if where else None
        total = len(asked) if ids is None else len(ids)
        wanted = ["id", *(one for one in split_list(columns) if one != "id")]
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
        why = "" if total else why_none(asked, where)
        return answer({"total": total, "rows": table.to_pylist(), **({"why": why} if why else {})})

    @router.get("/{space}/ids", **_bytes("application/octet-stream"))
    def ids(space: Short, where: Where = None) -> Response:
        """Ids of the names that a filter leaves, as little-endian int32."""
        import numpy as np

        found = space_of(warm, space).ids(where).astype("<i4")
        return Response(
            np.ascontiguousarray(found).tobytes(), media_type="application/octet-stream"
        )

    @router.get("/{space}/table.arrow", **_bytes(ARROW))
    def table(space: Short, columns: Columns) -> Response:
        """Columns of all names as an Arrow stream; texts of few values are dictionaries."""
        asked = space_of(warm, space)
        wanted = list(dict.fromkeys(split_list(columns)))
        return Response(_stream(_packed(asked.table(wanted))), media_type=ARROW)

    @router.get("/{space}/map.arrow", **_bytes(ARROW, {202: {"model": NotMade}}))
    def places(space: Short, view: View = "text") -> Response:
        """Places of all names on the map, as an Arrow stream of x and y; 202 until it is made."""
        space_of(warm, space)
        if not warm.has_places(space, view):
            return answer({"job": "map", "told": "the map is not made yet; start its job."}, 202)
        found = warm.places(space, view)
        made = pa.table({"x": found[:, 0], "y": found[:, 1]})
        return Response(_stream(made), media_type=ARROW)


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


def _bytes(kind: str, responses: dict[int | str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """What OpenAPI is told of a route that replies bytes."""
    return {
        "response_class": Response,
        "tags": ["spaces"],
        "responses": {200: {"content": {kind: {}}, "description": "Bytes."}, **(responses or {})},
    }
