"""Refusals in one shape, `{"error": "…"}`: plain words, one line, and no path of this machine."""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.errors import NamebasisError
from namebasis.explore.jobs import BusyError
from namebasis.wording import did_you_mean, visible

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from namebasis.explore.warm import Warm

_log = logging.getLogger(__name__)
_PLACES = frozenset(["query", "body", "path", "header", "cookie"])
_LONGEST = 80  # letters of a refused value that are said again
_WRONG = {
    "missing": "{name} is missing",
    "extra_forbidden": "there is no parameter {name}",
    "greater_than_equal": "{name} must be at least {ge}; got {got}",
    "less_than_equal": "{name} must be at most {le}; got {got}",
    "int_parsing": "{name} must be a whole number; got {got}",
    "int_type": "{name} must be a whole number; got {got}",
    "int_from_float": "{name} must be a whole number; got {got}",
    "int_parsing_size": "{name} is too large; got {got}",
    "float_parsing": "{name} must be a number; got {got}",
    "float_type": "{name} must be a number; got {got}",
    "finite_number": "{name} must be finite; got {got}",
    "bool_parsing": "{name} must be true or false; got {got}",
    "bool_type": "{name} must be true or false; got {got}",
    "literal_error": "{name} must be {expected}; got {got}",
    "string_type": "{name} must be text; got {got}",
    "string_unicode": "{name} is not UTF-8",
    "string_too_short": "{name} is empty",
    "string_too_long": "{name} may have at most {max_length:,} letters",
    "list_type": "{name} must be a list; got {got}",
    "too_short": "{name} is empty",
    "too_long": "{name} may hold at most {max_length:,} values",
    "json_invalid": "the body is no JSON",
    "dict_type": "the body must be an object of parameters",
    "model_type": "the body must be an object of parameters",
    "model_attributes_type": "the body must be an object of parameters",
}
"""What pydantic found, by its type, in the words of this house."""


_OPTIONS = (
    (re.compile(r"\(--as (name|text) reads it as [^)]*\)"), r"(or ask for it as \1)"),
    (re.compile(r", or add it with `namebasis add`"), ""),
    (re.compile(r"(?<![\w`-])(?<!SPACE )--where\b"), "where"),
    (re.compile(r"more (rows?): --all, --csv or --json; in Python [^\n]*"), r"more \1: see values"),
    (re.compile(r"( [A-Z][^.:\n]*): --all(?=[;.])"), r"\1: see values"),
    (re.compile(r"; terms: docs/measures\.md"), ""),
    (re.compile(r"--deep \(in Python, deep=True\)"), "deep=true"),
)
"""What the command line's users are told, and what is said to others in its place."""


def in_words(errors: Iterable[Mapping[str, Any]], known: Sequence[str] = ()) -> str:
    """What is wrong with parameters, as one line.

    Parameters
    ----------
    errors : iterable of mappings
        As `pydantic.ValidationError.errors` gives them.
    known : sequence of str
        Parameters that there are, for a misspelled one.
    """
    return " ".join(dict.fromkeys(_in_words(error, known) for error in errors))


def _in_words(error: Mapping[str, Any], known: Sequence[str]) -> str:
    at = [str(part) for part in error["loc"] if part not in _PLACES]
    name = visible(".".join(at)[:_LONGEST]) or "the body"
    got = visible(repr(error.get("input")))
    values = {
        "name": name,
        "got": got if len(got) <= _LONGEST else f"{got[:_LONGEST]} …",
        **(error.get("ctx") or {}),
    }
    said = _WRONG.get(error["type"])
    try:
        text = said.format(**values) if said else f"{name}: {visible(str(error['msg']))}"
    except (KeyError, ValueError):  # another version of pydantic, which gives less
        text = f"{name}: {visible(str(error['msg']))}"
    hint = ""
    if error["type"] == "extra_forbidden":
        if name == "token":
            hint = " A token is sent as a header: Authorization: Bearer …"
        else:
            hint = did_you_mean(name, known) or f" There are {', '.join(known)}."
    return f"{text}.{hint}"


def without_options(text: str) -> str:
    """A sentence without options of the command line, for who has none: parameters have names."""
    for said, instead in _OPTIONS:
        text = said.sub(instead, text)
    return text


def without_paths(text: str, warm: Warm) -> str:
    """A message without the folders of this machine: spaces by their short names."""
    folders = {
        str(form): name
        for name in warm.names
        for path in [warm.path(name)]
        for form in (path, path.absolute(), path.resolve())
        if form.is_absolute()
    }
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, folders[folder])
    return _own_folders().sub(lambda found: f"…/{Path(found[0]).name}", text)


def _own_folders() -> re.Pattern[str]:
    package = Path(__file__).parents[2]
    roots = {Path(tempfile.gettempdir()), Path.home(), Path.cwd(), Path(sys.prefix), package}
    known = sorted({str(root) for root in roots if len(root.parts) > 1}, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, known))})(?:/[^\s'\",;:)]*)?")


def one_line(error: BaseException, warm: Warm) -> str:
    """An error as a client sees it; of a fault of ours its kind alone."""
    if isinstance(error, (NamebasisError, ValueError)):
        return without_options(without_paths(" ".join(str(error).split()), warm))
    return f"{type(error).__name__}: a fault of namebasis, not of the question; its log says more."


def add_refusals(app: FastAPI, warm: Warm) -> None:
    """Tell all refusals of an application in the one shape."""
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    def refused(said: str, status: int) -> Response:
        return JSONResponse({"error": said}, status)

    @app.exception_handler(NamebasisError)
    @app.exception_handler(ValueError)
    def _(_request: Request, error: Exception) -> Response:
        return refused(one_line(error, warm), 429 if isinstance(error, BusyError) else 400)

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> Response:
        said = str(error.detail)
        if error.status_code in (404, 405) and said in ("Not Found", "Method Not Allowed"):
            said = f"there is no {request.method} {visible(request.url.path)[:200]}; see /docs."
        return refused(without_paths(said, warm), error.status_code)

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> Response:
        return refused(in_words(error.errors(), _parameters(request)), 422)

    @app.exception_handler(Exception)
    def _(_request: Request, error: Exception) -> Response:
        _log.error("%s: %s", type(error).__name__, error)
        return refused(one_line(error, warm), 500)


def _parameters(request: Request) -> list[str]:
    """Names of the parameters of the route that refused a request."""
    from pydantic import BaseModel

    dependant = getattr(request.scope.get("route"), "dependant", None)
    names: list[str] = []
    for field in (*dependant.query_params, *dependant.body_params) if dependant else ():
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += [one.alias or name for name, one in kind.model_fields.items()]
        else:
            names.append(field.alias)
    return names
