"""What routes begin and end with: which space, common parameters, and a value as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import HTTPException, Path, Query
from fastapi.responses import JSONResponse, Response

from namebasis.explore.replies import ErrorReply
from namebasis.explore.warm import Warm
from namebasis.results import plain
from namebasis.space import Space

Text = Annotated[
    str, Query(min_length=1, max_length=2_000, description="A name, a text, or words.")
]
Where = Annotated[
    str | None,
    Query(max_length=20_000, description="Only names for which this SQL is true."),
]
View = Annotated[
    str, Query(max_length=40, description="Which vectors: text, token, unspelled or image.")
]
Short = Annotated[str, Path(description="Short name of an open space.")]
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorReply, "description": "The question cannot be answered."},
    404: {"model": ErrorReply, "description": "There is no such space or job."},
    422: {"model": ErrorReply, "description": "A parameter is missing or out of its range."},
}
"""What every route may answer instead."""


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
