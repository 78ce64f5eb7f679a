"""What commands that answer share: the forms of an answer, under the same options everywhere."""

from __future__ import annotations

import functools
import inspect
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_csv, print_json, show

if TYPE_CHECKING:
    from namebasis.results import Result

All = Annotated[bool, typer.Option("--all", help="Show every row and remark; by default 25 lines.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, one row for each thing measured.")]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]

_BY_NAME = inspect.Parameter.KEYWORD_ONLY
_FORMS: dict[str, Any] = {
    "as_json": options.Json,
    "as_csv": Csv,
    "everything": All,
    "no_header": options.NoHeader,
}


@dataclass(frozen=True)
class Answer:
    """What a command found, where it is more than one result.

    Attributes
    ----------
    results : sequence of Result
    document : callable, optional
        Gives what `--json` prints; by default `to_dict` of the only result, or a list of several.
    told : sequence of str
        Said last, such as where a page was written.
    page : Path, optional
        Where the command wrote one by itself.
    """

    results: Sequence[Result]
    document: Callable[[], Any] | None = None
    told: Sequence[str] = ()
    page: Path | None = None


def answers(
    command: Callable[..., Result | Sequence[Result] | Answer], *, always_page: bool = False
) -> Callable[..., None]:
    """A command that prints what its function returns, in the form that is asked for.

    It takes `--json`, `--csv`, `--all` and `--no-header` beside the function's options, and
    `--open` where the function takes `html`, the path of a page to write, or always writes a page
    (`always_page`) and names it in its `Answer`.
    """
    own = inspect.signature(command)
    has_html = "html" in own.parameters
    added = {**_FORMS, **({"open_page": Open} if has_html or always_page else {})}

    @functools.wraps(command)
    def printed(*arguments: Any, **values: Any) -> None:
        asked = {name: values.pop(name, False) for name in added}
        if asked.get("as_json") and asked["as_csv"]:
            raise ValueError("--json and --csv are two forms of one answer; ask for one.")
        page: Path | None = values.get("html")
        if has_html and asked.get("open_page") and page is None:
            folder = Path(tempfile.mkdtemp(prefix="namebasis-"))
            values["html"] = page = folder / f"{command.__name__}.html"
        found = command(*arguments, **values)
        answer = found if isinstance(found, Answer) else Answer(_listed(found))
        _print(answer, isinstance(found, Sequence), asked)
        for told in answer.told:
            note(told)
        page = page or answer.page
        if asked.get("open_page") and page is not None:
            import webbrowser

            webbrowser.open(page.resolve().as_uri())
        elif asked.get("open_page"):
            answer.results[0].open()

    hints = _hints(command)
    kinds = {**hints, **added}
    parameters = [
        one.replace(kind=_BY_NAME, annotation=hints[one.name]) for one in own.parameters.values()
    ]
    at = len(parameters) - (parameters[-1].name == "quiet")  # which stays last in help
    parameters[at:at] = [
        inspect.Parameter(name, _BY_NAME, default=False, annotation=kind)
        for name, kind in added.items()
    ]
    signature = inspect.Signature(parameters, return_annotation=None)
    printed.__signature__ = signature  # type: ignore[attr-defined]
    printed.__annotations__ = {**kinds, "return": None}
    return printed


def _hints(command: Callable[..., Any]) -> dict[str, Any]:
    """The types of a command's parameters; what it returns may be known to type checkers only."""
    texts = {name: kind for name, kind in command.__annotations__.items() if name != "return"}
    where: Any = command
    return get_type_hints(
        SimpleNamespace(__annotations__=texts), where.__globals__, include_extras=True
    )


def _listed(found: Result | Sequence[Result]) -> Sequence[Result]:
    return found if isinstance(found, Sequence) else [found]


def _print(answer: Answer, is_list: bool, asked: dict[str, bool]) -> None:
    if asked["as_json"] or asked["as_csv"]:
        for result in answer.results:
            for told in result.notes():
                note(told)
    if asked["as_csv"]:
        print_csv(*answer.results, header=not asked["no_header"])
    elif not asked["as_json"]:
        show(
            *answer.results, header=not asked["no_header"], everything=asked["everything"],
            more=answer.told,
        )  # fmt: skip
    elif answer.document is not None:
        print_json(answer.document())
    elif is_list:
        print_json([result.to_dict() for result in answer.results])
    else:
        print_json(answer.results[0].to_dict())
